//! A trend over time: values from least to greatest in each column, limits as lines, gaps as gaps.

use super::{
    pen::{Pen, take_left},
    scene::Scene,
};
use crate::{
    domain::{
        Millis, Timestamp,
        series::{Trend, TrendPoint},
    },
    protocol::VitalLimitsView,
    tui::theme::{Glyphs, Role},
};
use ratatui::{buffer::Buffer, layout::Rect};

/// Columns of the value axis, its line included.
pub(super) const AXIS_COLUMNS: u16 = 6;
/// A gap at least this wide says that it is one.
const GAP_WORDS_COLUMNS: u16 = 11;

/// What a chart shows.
pub(super) struct Plot<'a> {
    pub(super) trends: Vec<&'a Trend>,
    pub(super) span: (Timestamp, Timestamp),
    pub(super) limits: Option<&'a VitalLimitsView>,
    pub(super) decimals: u8,
    pub(super) role: Role,
    /// Whether values come now and then, so that each stands for itself.
    pub(super) episodic: bool,
}

/// A finite number as an index; what is below 0 is 0.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the conversion saturates")]
pub(super) const fn index(value: f64) -> usize {
    value as usize
}

/// The values that a chart reaches over, and the dots that stand for them.
#[derive(Clone, Copy)]
struct Scale {
    low: f64,
    high: f64,
    dots: usize,
}

impl Scale {
    fn new(plot: &Plot<'_>, rows: u16, per_row: usize) -> Self {
        let points = || plot.trends.iter().flat_map(|t| &t.points);
        let limits = plot.limits.into_iter().flat_map(|l| [l.low, l.high]).flatten().map(|s| s.limit);
        let low = points().map(|p| p.min).chain(limits.clone()).fold(f64::MAX, f64::min);
        let high = points().map(|p| p.max).chain(limits).fold(f64::MIN, f64::max);
        let (low, high) = if low <= high { (low, high) } else { (0.0, 1.0) };
        let unit = 0.1_f64.powi(i32::from(plot.decimals));
        let slack = ((high - low) * 0.08).max(unit);
        let floor = |v: f64| (v / unit).floor() * unit;
        // What is never below 0 has no axis below 0.
        let below = if low >= 0.0 { floor(low - slack).max(0.0) } else { floor(low - slack) };
        let (low, high) = (below, -floor(-(high + slack)));
        Self { low, high, dots: usize::from(rows) * per_row }
    }

    /// The dot of a value, from the top.
    fn dot(self, value: f64) -> usize {
        let last = self.dots.saturating_sub(1);
        #[expect(clippy::cast_precision_loss, reason = "dots are a few hundred")]
        let part = (self.high - value) / (self.high - self.low) * last as f64;
        index(part.round()).min(last)
    }
}

/// What one column of dots stands for.
#[derive(Clone, Copy)]
struct Slice {
    min: f64,
    max: f64,
    mean: f64,
}

/// Draws a chart; returns the area of the plot without its value axis.
pub(super) fn draw(scene: &Scene<'_>, plot: &Plot<'_>, area: Rect, buffer: &mut Buffer) -> Rect {
    let (axis, area) = take_left(area, AXIS_COLUMNS);
    if area.is_empty() {
        return area;
    }
    let per_row = if scene.look.glyphs == Glyphs::Unicode && !plot.episodic { 4 } else { 1 };
    let scale = Scale::new(plot, area.height, per_row);
    draw_axis(scene, plot, scale, axis, buffer);
    draw_limits(scene, plot, scale, area, buffer);
    if plot.episodic {
        draw_marks(scene, plot, scale, area, buffer);
    } else if let Some(trend) = plot.trends.first() {
        draw_trace(scene, plot, trend, scale, area, buffer);
    }
    area
}

fn row_of(scale: Scale, value: f64, rows: u16) -> u16 {
    let per_row = (scale.dots / usize::from(rows.max(1))).max(1);
    u16::try_from(scale.dot(value) / per_row).unwrap_or(0).min(rows.saturating_sub(1))
}

fn draw_axis(scene: &Scene<'_>, plot: &Plot<'_>, scale: Scale, area: Rect, buffer: &mut Buffer) {
    let (style, last) = (scene.style(Role::Axis), area.height.saturating_sub(1));
    for row in 0..area.height {
        Pen::new(buffer, area, row).gap(AXIS_COLUMNS - 1).put("│", style);
    }
    let mut label = |row: u16, value: f64, style| {
        let text = format!("{value:.*}", usize::from(plot.decimals));
        Pen::new(buffer, area, row).right(&text, AXIS_COLUMNS - 1, style).put("┤", style);
    };
    label(0, scale.high, style);
    if last > 0 {
        label(last, scale.low, style);
    }
    for limit in lines(plot, scale) {
        label(row_of(scale, limit, area.height), limit, scene.style(Role::Limit));
    }
}

/// The limits that have a line: the first step always, the second where the values come near it.
fn lines(plot: &Plot<'_>, scale: Scale) -> impl Iterator<Item = f64> {
    let all = plot.limits.into_iter().flat_map(|l| [l.low_extreme, l.high_extreme, l.low, l.high]).flatten();
    all.map(|step| step.limit).filter(move |limit| (scale.low..=scale.high).contains(limit))
}

fn draw_limits(scene: &Scene<'_>, plot: &Plot<'_>, scale: Scale, area: Rect, buffer: &mut Buffer) {
    for limit in lines(plot, scale) {
        let row = row_of(scale, limit, area.height);
        Pen::new(buffer, area, row).fill("┄", area.width, scene.style(Role::Limit));
    }
}

/// Each value by itself: from the least to the greatest of the trends, with a mark at each.
fn draw_marks(scene: &Scene<'_>, plot: &Plot<'_>, scale: Scale, area: Rect, buffer: &mut Buffer) {
    let style = scene.style(plot.role);
    let point_at = |trend: &Trend, at: Timestamp| trend.points.iter().find(|p| p.at == at).copied();
    for point in plot.trends.first().into_iter().flat_map(|t| &t.points) {
        let Some(column) = super::axis::column_of(point.at, plot.span, area.width) else { continue };
        let all: Vec<TrendPoint> = plot.trends.iter().filter_map(|t| point_at(t, point.at)).collect();
        let rows = || all.iter().flat_map(|p| [p.min, p.max]).map(|v| row_of(scale, v, area.height));
        let (Some(top), Some(bottom)) = (rows().min(), rows().max()) else { continue };
        for row in top..=bottom {
            let glyph = match (row == top, row == bottom) {
                (true, true) => "•",
                (true, _) => "┬",
                (_, true) => "┴",
                _ => "│",
            };
            Pen::new(buffer, area, row).gap(column).put(glyph, style);
        }
        if let (Some(mean), true) = (all.get(2), all.len() == 3) {
            Pen::new(buffer, area, row_of(scale, mean.mean, area.height)).gap(column).put("•", style);
        }
    }
}

fn draw_trace(scene: &Scene<'_>, plot: &Plot<'_>, trend: &Trend, scale: Scale, area: Rect, buffer: &mut Buffer) {
    let per_cell = if scene.look.glyphs == Glyphs::Unicode { 2 } else { 1 };
    let slices = slices(trend, plot.span, area.width * per_cell);
    let mut gap = 0;
    let mut before: Option<Slice> = None;
    let mut cells: Vec<Vec<u8>> = vec![vec![0; usize::from(area.height)]; usize::from(area.width)];
    for (at, slice) in slices.iter().enumerate() {
        let Some(slice) = slice else {
            before = None;
            continue;
        };
        // The line goes on from where it was; the spread of the slice lies over it.
        let from = before.map_or(slice.mean, |b| b.mean);
        let top = scale.dot(slice.max.max(from).max(slice.mean));
        let bottom = scale.dot(slice.min.min(from).min(slice.mean));
        let Some(column) = cells.get_mut(at / usize::from(per_cell)) else { continue };
        for dot in top..=bottom {
            let (row, bit) = if per_cell == 2 { (dot / 4, braille_dot(at % 2, dot % 4)) } else { (dot, 1) };
            if let Some(cell) = column.get_mut(row) {
                *cell |= bit;
            }
        }
        before = Some(*slice);
    }
    let beyond = beyond_rows(plot, scale, area.height);
    for (x, column) in (0..area.width).zip(&cells) {
        if column.iter().all(|bits| *bits == 0) {
            gap += 1;
        } else {
            say_gap(scene, x, gap, area, buffer);
            gap = 0;
        }
        for ((row, bits), beyond) in (0..area.height).zip(column).zip(&beyond) {
            if *bits > 0 {
                let style = scene.style(if *beyond { Role::Beyond } else { plot.role });
                let glyph = if per_cell == 2 { braille(*bits) } else { ascii(column, row) };
                Pen::new(buffer, area, row).gap(x).put(&glyph.to_string(), style);
            }
        }
    }
    say_gap(scene, area.width, gap, area, buffer);
}

/// The dot of a braille cell at a column and a row (Unicode, block U+2800).
const fn braille_dot(column: usize, row: usize) -> u8 {
    match (column, row) {
        (0, 3) => 0x40,
        (0, _) => 0x01 << row,
        (_, 3) => 0x80,
        _ => 0x08 << row,
    }
}

fn braille(bits: u8) -> char {
    char::from_u32(0x2800 + u32::from(bits)).unwrap_or(' ')
}

/// One character for a column's cell: a level piece, or a part of a steep one.
fn ascii(column: &[u8], row: u16) -> char {
    let set = |row: Option<usize>| row.and_then(|r| column.get(r)).is_some_and(|bits| *bits > 0);
    let row = usize::from(row);
    match (set(row.checked_sub(1)), set(row.checked_add(1))) {
        (false, false) => '-',
        (false, true) => '.',
        (true, false) => '\'',
        (true, true) => '|',
    }
}

/// Which rows lie beyond a limit with all that they stand for.
fn beyond_rows(plot: &Plot<'_>, scale: Scale, rows: u16) -> Vec<bool> {
    let limit_row = |limit: Option<crate::protocol::StepView>| limit.map(|l| row_of(scale, l.limit, rows));
    let (low, high) = (limit_row(plot.limits.and_then(|l| l.low)), limit_row(plot.limits.and_then(|l| l.high)));
    (0..rows).map(|row| low.is_some_and(|low| row > low) || high.is_some_and(|high| row < high)).collect()
}

fn say_gap(scene: &Scene<'_>, end: u16, columns: u16, area: Rect, buffer: &mut Buffer) {
    if columns < GAP_WORDS_COLUMNS {
        return;
    }
    let start = end.saturating_sub(columns) + (columns - 7) / 2;
    Pen::new(buffer, area, area.height / 2).gap(start).put("no data", scene.style(Role::Gap));
}

/// The trend in `columns` equal parts of the span; a part without a value is a gap.
fn slices(trend: &Trend, span: (Timestamp, Timestamp), columns: u16) -> Vec<Option<Slice>> {
    let (from, to) = span;
    let length = to.since(from).0.max(1);
    let start_of = |column: u16| from + Millis(length.saturating_mul(i64::from(column)) / i64::from(columns.max(1)));
    let mut points = trend.points.as_slice();
    let mut out = Vec::new();
    for column in 0..columns {
        let (start, end) = (start_of(column), start_of(column + 1));
        // A point stands for its whole slice of time, so it may fill more than one column.
        while let Some((first, rest)) = points.split_first()
            && first.at + trend.step <= start
        {
            points = rest;
        }
        let inside: Vec<&TrendPoint> = points.iter().take_while(|p| p.at < end).collect();
        out.push(merged(&inside));
    }
    out
}

fn merged(points: &[&TrendPoint]) -> Option<Slice> {
    let (first, rest) = points.split_first()?;
    let one = |p: &TrendPoint| (Slice { min: p.min, max: p.max, mean: p.mean }, f64::from(p.count.max(1)));
    let (slice, _) = rest.iter().fold(one(first), |(so_far, weight), point| {
        let (next, more) = one(point);
        let mean = so_far.mean + (next.mean - so_far.mean) * more / (weight + more);
        (Slice { min: so_far.min.min(next.min), max: so_far.max.max(next.max), mean }, weight + more)
    });
    Some(slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_stays_a_gap_at_any_width() {
        let at = Timestamp::from_ms;
        let mut trend = Trend::new(at(0), at(10_000), 10);
        for (ms, value) in [(0, 1.0), (1_000, 2.0), (5_000, 5.0), (9_000, 9.0)] {
            trend.add(at(ms), value);
        }
        let shape = |columns| {
            let slices = slices(&trend, (at(0), at(10_000)), columns);
            slices.iter().map(|s| if s.is_some() { '#' } else { ' ' }).collect::<String>()
        };
        assert_eq!(shape(10), "##   #   #");
        assert_eq!(shape(20), "####      ##      ##");
        assert_eq!(shape(5), "# # #");
    }
}
