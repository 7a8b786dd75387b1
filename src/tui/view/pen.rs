//! Writing text into a row, cut to its room. Nothing here writes outside the buffer.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns that a text takes.
pub(super) fn width(text: &str) -> u16 {
    u16::try_from(text.width()).unwrap_or(u16::MAX)
}

/// A text cut to a number of columns; what was cut ends with `…`.
pub(super) fn fit(text: &str, room: u16) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let mut cut = String::new();
    let mut used = 0;
    for c in text.chars() {
        used += u16::try_from(c.width().unwrap_or(0)).unwrap_or(0);
        if used >= room {
            break;
        }
        cut.push(c);
    }
    if room > 0 {
        cut.push('…');
    }
    cut
}

/// A text in lines of at most so many columns, broken between words; a word that is longer is cut.
pub(super) fn wrap(text: &str, room: u16) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(line).saturating_add(1 + width(word)) <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(fit(word, room)),
        }
    }
    lines
}

/// A hand that writes along one row, from left to right.
pub(super) struct Pen<'b> {
    buffer: &'b mut Buffer,
    start: u16,
    x: u16,
    y: u16,
    end: u16,
}

impl<'b> Pen<'b> {
    /// At the start of a row of `area`, counted from its top.
    pub(super) fn new(buffer: &'b mut Buffer, area: Rect, row: u16) -> Self {
        let area = area.intersection(buffer.area);
        let end = if row < area.height { area.right() } else { area.x };
        Self { buffer, start: area.x, x: area.x, y: area.y.saturating_add(row), end }
    }

    /// Columns left.
    pub(super) const fn room(&self) -> u16 {
        self.end.saturating_sub(self.x)
    }

    /// Writes a text, cut to the room.
    pub(super) fn put(&mut self, text: &str, style: Style) -> &mut Self {
        self.put_in(text, self.room(), style)
    }

    /// Writes a text, cut to a number of columns.
    pub(super) fn put_in(&mut self, text: &str, room: u16, style: Style) -> &mut Self {
        let room = room.min(self.room());
        if room > 0 {
            let (x, _) = self.buffer.set_stringn(self.x, self.y, fit(text, room), usize::from(room), style);
            self.x = x.min(self.end);
        }
        self
    }

    /// Writes a text at the left of a column of fixed width.
    pub(super) fn left(&mut self, text: &str, columns: u16, style: Style) -> &mut Self {
        let next = self.x.saturating_add(columns).min(self.end);
        self.put_in(text, columns, style);
        self.x = next;
        self
    }

    /// Writes a text at the right of a column of fixed width.
    pub(super) fn right(&mut self, text: &str, columns: u16, style: Style) -> &mut Self {
        let next = self.x.saturating_add(columns).min(self.end);
        self.gap(columns.saturating_sub(width(text)));
        self.put_in(text, columns, style);
        self.x = next;
        self
    }

    /// Leaves columns free.
    pub(super) const fn gap(&mut self, columns: u16) -> &mut Self {
        let next = self.x.saturating_add(columns);
        self.x = if next < self.end { next } else { self.end };
        self
    }

    /// Goes to a column, counted from the start of the row.
    pub(super) const fn to(&mut self, column: u16) -> &mut Self {
        self.x = self.start;
        self.gap(column)
    }

    /// Writes one glyph over and over, as far as it goes.
    pub(super) fn fill(&mut self, glyph: &str, columns: u16, style: Style) -> &mut Self {
        let columns = columns.min(self.room());
        self.put_in(&glyph.repeat(usize::from(columns)), columns, style)
    }
}

/// A piece of a line that may be left out when there is no room for it.
pub(super) struct Piece {
    parts: Vec<(String, Style)>,
    /// Greater stays longer.
    weight: u8,
}

impl Piece {
    pub(super) fn new(text: impl Into<String>, style: Style, weight: u8) -> Self {
        Self::of(vec![(text.into(), style)], weight)
    }

    pub(super) const fn of(parts: Vec<(String, Style)>, weight: u8) -> Self {
        Self { parts, weight }
    }

    fn width(&self) -> u32 {
        self.parts.iter().map(|(text, _)| u32::from(width(text))).sum()
    }
}

/// Columns that pieces take.
pub(super) fn total(pieces: &[Piece]) -> u32 {
    pieces.iter().map(Piece::width).sum()
}

/// Writes pieces from the left and from the right of a row; the lightest are left out until the rest has room.
pub(super) fn pieces(buffer: &mut Buffer, area: Rect, row: u16, mut left: Vec<Piece>, mut right: Vec<Piece>) {
    while total(&left) + total(&right) > u32::from(area.width) && left.len() + right.len() > 1 {
        let Some(lightest) = left.iter().chain(&right).map(|p| p.weight).min() else { return };
        // Of equal weights the last goes first.
        if let Some(at) = right.iter().rposition(|p| p.weight == lightest) {
            right.remove(at);
        } else if let Some(at) = left.iter().rposition(|p| p.weight == lightest) {
            left.remove(at);
        }
    }
    let of_right = u16::try_from(total(&right)).unwrap_or(u16::MAX);
    let mut pen = Pen::new(buffer, area, row);
    for (text, style) in left.iter().flat_map(|p| &p.parts) {
        pen.put(text, *style);
    }
    if right.is_empty() {
        return;
    }
    let mut pen = Pen::new(buffer, area, row);
    pen.to(area.width.saturating_sub(of_right));
    for (text, style) in right.iter().flat_map(|p| &p.parts) {
        pen.put(text, *style);
    }
}

/// Takes `rows` from the top of an area: what was taken, and the rest.
pub(super) fn take_top(area: Rect, rows: u16) -> (Rect, Rect) {
    let rows = rows.min(area.height);
    let rest = Rect { y: area.y.saturating_add(rows), height: area.height - rows, ..area };
    (Rect { height: rows, ..area }, rest)
}

/// Takes `rows` from the bottom of an area: what was taken, and the rest.
pub(super) fn take_bottom(area: Rect, rows: u16) -> (Rect, Rect) {
    let rows = rows.min(area.height);
    let (rest, taken) = take_top(area, area.height - rows);
    (taken, rest)
}

/// Takes `columns` from the left of an area: what was taken, and the rest.
pub(super) fn take_left(area: Rect, columns: u16) -> (Rect, Rect) {
    let columns = columns.min(area.width);
    let rest = Rect { x: area.x.saturating_add(columns), width: area.width - columns, ..area };
    (Rect { width: columns, ..area }, rest)
}

/// A text in at most `rows` lines, broken between words; the last line tells what was cut with `…`.
pub(super) fn wrapped(text: &str, columns: u16, rows: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(line) + 1 + width(word) <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    let rest = lines.split_off(rows.min(lines.len()));
    if let (Some(last), false) = (lines.last_mut(), rest.is_empty()) {
        last.push(' ');
        last.push_str(&rest.join(" "));
    }
    lines.into_iter().map(|line| fit(&line, columns)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("Okafor", 6, "Okafor")]
    #[case("Okafor", 5, "Okaf…")]
    #[case("Okafor", 1, "…")]
    #[case("Okafor", 0, "")]
    #[case("田中由衣", 8, "田中由衣")]
    #[case("田中由衣", 7, "田中由…")]
    #[case("田中由衣", 6, "田中…")]
    fn text_is_cut_by_its_columns(#[case] text: &str, #[case] room: u16, #[case] cut: &str) {
        assert_eq!(fit(text, room), cut);
        assert!(width(&fit(text, room)) <= room);
    }

    #[rstest]
    #[case("one two three", 7, &["one two", "three"])]
    #[case("one two three", 80, &["one two three"])]
    #[case("incomprehensible", 6, &["incom…"])]
    #[case("  ", 6, &[])]
    fn text_is_broken_between_words(#[case] text: &str, #[case] room: u16, #[case] lines: &[&str]) {
        assert_eq!(wrap(text, room), lines);
    }

    #[test]
    fn the_lightest_pieces_are_left_out() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 12, 1));
        let piece = |text: &str, weight| Piece::new(text, Style::new(), weight);
        let area = buffer.area;
        pieces(&mut buffer, area, 0, vec![piece("heavy", 9), piece("light", 1)], vec![piece("right", 5)]);
        assert_eq!(buffer, Buffer::with_lines(["heavy  right"]));
    }
}
