//! One patient: a chart for each vital over the chosen time, and what was alerted in it.

use super::{
    axis,
    chart::{self, AXIS_COLUMNS, Plot},
    footer::key_of,
    pane::{self, Pane, Window},
    pen::{Pen, Piece, pieces, take_bottom, take_left, take_top, width},
    scene::{Scene, role_of, trace_of},
    summary,
};
use crate::{
    domain::{Alert, Response, Timestamp, series::Trend},
    protocol::PatientView,
    tui::{
        core::{Action, PatientPage, Range, Shown},
        theme::Role,
        words,
    },
};
use ratatui::{buffer::Buffer, layout::Rect};

/// Rows that a chart has at least: its head, and a plot in which something can be seen.
const CHART_ROWS_MIN: u16 = 6;
/// Rows that a chart has at most.
const CHART_ROWS_MAX: u16 = 14;
/// Columns of the list of alerts beside the charts, where it fits.
const LIST_COLUMNS: u16 = 56;
/// From this width on the list of alerts stands beside the charts.
const LIST_BESIDE_FROM: u16 = 150;

pub(super) fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let Some(page) = &scene.app.patient else { return };
    let Some(patient) = scene.ward.patients.get(&page.patient) else {
        let said = format!("the patient has left the ward; {} goes back", key_of(Action::Back));
        Pen::new(buffer, area, 0).gap(1).put(&said, scene.style(Role::Text));
        return;
    };
    let (top, rest) = take_top(area, 1);
    let shown = scene.app.shown_on_page();
    let alerts = in_span(scene, page);
    let (list, charts) = if area.width >= LIST_BESIDE_FROM {
        let (charts, list) = take_left(rest, area.width - LIST_COLUMNS);
        (list, charts)
    } else {
        let rows = u16::try_from(alerts.len()).unwrap_or(u16::MAX).clamp(1, (rest.height / 6).max(2)) + 1;
        take_bottom(rest, rows)
    };
    draw_list(scene, page, &alerts, list, buffer);
    let charts = summary::draw_scores(scene, patient, charts, buffer);
    let charts = draw_charted(scene, patient, charts, buffer);
    let (time, charts) = take_bottom(charts, 1);
    let count = usize::from((charts.height / CHART_ROWS_MIN).max(1)).min(shown.len().max(1));
    let first = page.at.min(shown.len().saturating_sub(count));
    let window = Window { first, rows: count, total: shown.len() };
    draw_title(scene, page, patient, window, top, buffer);
    if let Some(said) = standing(scene, page) {
        Pen::new(buffer, charts, 0).gap(1).put(&said.0, scene.style(said.1));
        return;
    }
    let Some(span) = page.span else { return };
    let each = (charts.height / u16::try_from(count).unwrap_or(1)).min(CHART_ROWS_MAX);
    let mut left = charts;
    for (place, one) in shown.iter().enumerate().skip(first).take(count) {
        let (this, next) = take_top(left, each);
        draw_chart(scene, page, patient, (*one, span), &alerts, this, buffer);
        if place == page.at && count < shown.len() {
            Pen::new(buffer, this, 0).put("▸", scene.style(Role::Selection));
        }
        left = next;
    }
    let time = Rect { y: left.y.min(time.y), ..time };
    let (_, labels) = take_left(time, AXIS_COLUMNS);
    axis::draw(span, scene.zone, scene.style(Role::Axis), labels, buffer);
}

/// What people charted, in a row of its own; gives what is left below.
fn draw_charted(scene: &Scene<'_>, patient: &PatientView, area: Rect, buffer: &mut Buffer) -> Rect {
    let said = words::chart::all(&patient.chart, scene.now, scene.zone, area.width >= LIST_BESIDE_FROM);
    if said.is_empty() {
        return area;
    }
    let (row, rest) = take_top(area, 1);
    Pen::new(buffer, row, 0).gap(1).put("charted ", scene.style(Role::Label)).put(&said, scene.style(Role::Text));
    rest
}

/// What is said in the place of charts.
fn standing(scene: &Scene<'_>, page: &PatientPage) -> Option<(String, Role)> {
    match (&page.failed, page.span) {
        (Some(why), _) => Some((format!("trends could not be had: {why}"), Role::NoticeFailed)),
        (None, None) if scene.app.is_locked() => Some(("trends are not shown while locked".to_owned(), Role::Dim)),
        (None, None) if !scene.app.health().is_live() => {
            Some(("trends come when the link is back".to_owned(), Role::Dim))
        }
        (None, None) => Some(("asking for trends …".to_owned(), Role::Dim)),
        (None, Some(_)) => None,
    }
}

fn draw_title(
    scene: &Scene<'_>,
    page: &PatientPage,
    patient: &PatientView,
    window: Window,
    area: Rect,
    buffer: &mut Buffer,
) {
    let pane = Pane { title: summary::who(scene, patient), focus: true, window, hint: None };
    let mut right = vec![];
    for range in Range::ALL {
        let here = range == page.range;
        let style = scene.style(if here { Role::Selection } else { Role::Dim });
        let text = if here { format!("[{}]", range.words()) } else { format!(" {} ", range.words()) };
        right.push(Piece::new(text, style, 9));
    }
    let ranges: u16 = Range::ALL.iter().map(|r| width(r.words()) + 2).sum();
    let (title, tabs) = take_left(area, area.width.saturating_sub(ranges + 1));
    pane::draw(scene, &pane, title, buffer);
    pieces(buffer, tabs, 0, vec![Piece::new(" ", scene.style(Role::Text), 9)], right);
}

/// The alerts that were open at some time of the span, the newest first.
fn in_span<'a>(scene: &Scene<'a>, page: &'a PatientPage) -> Vec<&'a Alert> {
    let from = page.span.map_or_else(|| scene.now - page.range.length(), |(from, _)| from);
    let mut alerts: Vec<&Alert> =
        page.alerts.values().filter(|a| a.ended_at.is_none_or(|e| e >= from) || a.raised_at >= from).collect();
    // What the ward holds is open, though the page may not have been told of it yet.
    let held = |a: &&Alert| page.alerts.contains_key(&a.id);
    alerts.extend(scene.alerts_of(&page.patient).filter(|a| !held(a)));
    alerts.sort_by_key(|a| (std::cmp::Reverse(a.raised_at), a.id));
    alerts
}

fn draw_list(scene: &Scene<'_>, page: &PatientPage, alerts: &[&Alert], area: Rect, buffer: &mut Buffer) {
    let (top, rows) = take_top(area, 1);
    let title = format!("ALERTS · {} in {}", alerts.len(), page.range.words());
    let window = Window::new(alerts.len(), None, rows.height);
    pane::draw(scene, &Pane { title, focus: false, window, hint: None }, top, buffer);
    if alerts.is_empty() {
        Pen::new(buffer, rows, 0).gap(1).put("none", scene.style(Role::Dim));
    }
    for (row, alert) in (0..rows.height).zip(alerts) {
        let style = scene.style(role_of(alert));
        let text = if alert.is_unacknowledged() { scene.style(Role::Text) } else { style };
        let mut pen = Pen::new(buffer, rows, row);
        let mark = words::mark(alert);
        pen.gap(1).put(mark, style).gap(4_u16.saturating_sub(width(mark)));
        pen.left(&words::condition(alert, scene.ward), 18, text).gap(1);
        pen.put(&when(scene, alert), text);
    }
}

/// From when to when, and who dealt with it when: `02:41–02:55 ✓ a.meyer 02:43`.
fn when(scene: &Scene<'_>, alert: &Alert) -> String {
    let minute = |at: Timestamp| words::clock_minutes(at, scene.zone);
    let end = alert.ended_at.map_or_else(|| "now  ".to_owned(), minute);
    let who = match &alert.response {
        Response::Accepted { by, at } => format!("✓ {} {}", by.label(), minute(*at)),
        Response::Closed { by: Some(by), .. } => format!("✓ {}", by.label()),
        Response::Closed { by: None, .. } => "over, not acknowledged".to_owned(),
        Response::Notified { .. } | Response::Escalated { .. } | Response::Declined { .. } => scene.state(alert, 40),
    };
    format!("{}–{end} {who}", minute(alert.since))
}

fn draw_chart(
    scene: &Scene<'_>,
    page: &PatientPage,
    patient: &PatientView,
    what: (Shown, (Timestamp, Timestamp)),
    alerts: &[&Alert],
    area: Rect,
    buffer: &mut Buffer,
) {
    let (shown, span) = what;
    let (head, rest) = take_top(area, 1);
    let trend = |vital| page.trends.iter().find(|t| t.vital == vital).map(|t| &t.trend);
    let trends: Vec<&Trend> = match shown {
        Shown::One(vital) => trend(vital).into_iter().collect(),
        Shown::Pressure(p) => [p.sys, p.dia, p.mean].into_iter().filter_map(trend).collect(),
    };
    draw_head(scene, patient, shown, &trends, head, buffer);
    let own: Vec<&Alert> =
        alerts.iter().copied().filter(|a| a.key.code.vital().is_some_and(|v| shown.has(v))).collect();
    let (lane, rest) = take_bottom(rest, u16::from(!own.is_empty()));
    let plot = Plot {
        trends,
        span,
        limits: scene.limits(patient, shown),
        decimals: scene.ward.info(shown.main()).map_or(0, |i| i.decimals),
        role: trace_of(shown),
        episodic: scene.is_episodic(shown.main()),
    };
    if plot.trends.is_empty() {
        let said = format!("no values in the last {}", page.range.words());
        Pen::new(buffer, rest, 0).gap(AXIS_COLUMNS).put(&said, scene.style(Role::Gap));
    } else {
        chart::draw(scene, &plot, rest, buffer);
    }
    draw_lane(scene, &own, span, take_left(lane, AXIS_COLUMNS).1, buffer);
}

/// The newest value with its age, the limits, and how far it went.
fn draw_head(
    scene: &Scene<'_>,
    patient: &PatientView,
    shown: Shown,
    trends: &[&Trend],
    area: Rect,
    buffer: &mut Buffer,
) {
    let value = scene.value(patient, shown, true);
    let mut pen = Pen::new(buffer, area, 0);
    pen.gap(1).left(scene.label_of(shown), 5, scene.style(trace_of(shown))).gap(1).put(&value.text, value.style);
    pen.put(value.mark, value.mark_style).gap(1).put(scene.unit_of(shown), scene.style(Role::Label));
    if !value.note.is_empty() {
        pen.gap(1).put(&value.note, value.note_style);
    }
    let doubts = words::doubts(scene.marks(patient, shown));
    if !doubts.is_empty() {
        pen.put(&format!("  doubtful: {doubts}"), scene.style(Role::Technical));
    }
    let points = || trends.iter().flat_map(|t| &t.points);
    let info = scene.ward.info(shown.main());
    if let (Some(info), true) = (info, points().next().is_some()) {
        let least = points().map(|p| p.min).fold(f64::MAX, f64::min);
        let most = points().map(|p| p.max).fold(f64::MIN, f64::max);
        let text = format!("   was {} to {}", info.format(least), info.format(most));
        pen.put(&text, scene.style(Role::Label));
    }
    let limits = summary::limits(scene, patient, shown);
    if !limits.is_empty() {
        let mark = scene.limits_mark(patient, shown);
        pen.put("   limits ", scene.style(Role::Label)).put(mark, scene.style(Role::Limit));
        pen.put(&limits, scene.style(Role::Limit));
    }
    if let Some(said) = patient.device_limits.get(&shown.main()) {
        pen.put(&format!("   {} says {}", said.device, said.limits), scene.style(Role::Label));
    }
}

/// The alerts of a vital below its plot: a mark where each was raised, and who acknowledged where that was.
fn draw_lane(scene: &Scene<'_>, alerts: &[&Alert], span: (Timestamp, Timestamp), area: Rect, buffer: &mut Buffer) {
    let mut free = 0;
    for alert in alerts.iter().rev() {
        let style = scene.style(role_of(alert));
        let at = axis::column_of(alert.raised_at.max(span.0), span, area.width);
        let Some(at) = at.filter(|at| *at >= free) else { continue };
        let mark = words::mark(alert);
        // At the right edge the mark still has to be seen whole.
        let at = at.min(area.width.saturating_sub(width(mark)));
        Pen::new(buffer, area, 0).gap(at).put(mark, style);
        free = at + width(mark);
        if alert.owner().is_none() {
            continue;
        }
        let Response::Accepted { by, at } = &alert.response else {
            // When it was is not known any more, but that somebody did is.
            Pen::new(buffer, area, 0).gap(free).put("✓", scene.style(Role::Acknowledged));
            free += 1;
            continue;
        };
        let text = format!("✓ {} {}", by.label(), words::clock_minutes(*at, scene.zone));
        let column = axis::column_of(*at, span, area.width).map(|c| c.max(free));
        if let Some(column) = column.filter(|c| c + width(&text) <= area.width) {
            Pen::new(buffer, area, 0).gap(column).put(&text, scene.style(Role::Acknowledged));
            free = column + width(&text) + 1;
        } else {
            let column = free.min(area.width.saturating_sub(1));
            Pen::new(buffer, area, 0).gap(column).put("✓", scene.style(Role::Acknowledged));
            free = column + 1;
        }
    }
}
