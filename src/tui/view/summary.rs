//! The selected patient below the ward: newest values, the last hour, and the alerts.

use super::{
    axis, chart,
    chart::{AXIS_COLUMNS, Plot},
    pane::{self, Pane, Window},
    pen::{Pen, take_bottom, take_left, take_top, wrapped},
    scene::{Scene, role_of, trace_of},
    spark,
};
use crate::{
    domain::{Alert, Category, series::Trend, vital},
    protocol::PatientView,
    tui::{core::Shown, theme::Role, words},
};
use ratatui::{buffer::Buffer, layout::Rect};

/// Columns of one vital.
const ENTRY_COLUMNS: u16 = 39;
/// Columns of one vital with its limits.
const ENTRY_LIMITS_COLUMNS: u16 = 58;
/// Columns of the mark of an alert, with the space before and after it.
const MARK_COLUMNS: u16 = 5;
/// A chart is drawn from this many rows on.
const CHART_ROWS_MIN: u16 = 8;
/// Rows of one of several charts, at least.
const HOUR_ROWS_MIN: u16 = 8;

pub(super) fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let Some(patient) = scene.app.selected_patient() else {
        if let Some(alert) = scene.app.selected_alert() {
            draw_of_no_patient(scene, alert, area, buffer);
            return;
        }
        let window = Window::new(0, None, 1);
        let pane = Pane { title: "no patient selected".to_owned(), focus: false, window, hint: None };
        pane::draw(scene, &pane, area, buffer);
        return;
    };
    let (top, rest) = take_top(area, 1);
    let pane = Pane { title: who(scene, patient), focus: false, window: Window::new(0, None, 1), hint: None };
    pane::draw(scene, &pane, top, buffer);
    let shown = Shown::of(scene.ward, |v| patient.vitals.contains_key(&v));
    if rest.height >= CHART_ROWS_MIN && rest.width >= ENTRY_LIMITS_COLUMNS + 40 {
        let (left, right) = take_left(rest, ENTRY_LIMITS_COLUMNS);
        let (vitals, below) = take_top(left, u16::try_from(shown.len()).unwrap_or(u16::MAX));
        draw_vitals(scene, patient, &shown, vitals, buffer);
        let alerts = draw_scores(scene, patient, below, buffer);
        draw_alerts(scene, patient, alerts, buffer);
        draw_hours(scene, patient, &shown, right, buffer);
        return;
    }
    let per_row = usize::from((rest.width / ENTRY_COLUMNS).clamp(1, 2));
    let rows = u16::try_from(shown.len().div_ceil(per_row)).unwrap_or(u16::MAX);
    let alerts = u16::try_from(scene.alerts_of(&patient.patient.id).count().min(3)).unwrap_or(0);
    let (vitals, below) = take_top(rest, rows.min(rest.height.saturating_sub(alerts)));
    draw_vitals(scene, patient, &shown, vitals, buffer);
    // Alerts come first where rows are few.
    let below = if below.height > alerts { draw_scores(scene, patient, below, buffer) } else { below };
    draw_alerts(scene, patient, below, buffer);
}

/// An alert that is about no patient, in all its words.
fn draw_of_no_patient(scene: &Scene<'_>, alert: &Alert, area: Rect, buffer: &mut Buffer) {
    let (top, rest) = take_top(area, 1);
    let title = "about no single patient".to_owned();
    pane::draw(scene, &Pane { title, focus: false, window: Window::new(0, None, 1), hint: None }, top, buffer);
    let since = words::clock_minutes(alert.since, scene.zone);
    let text =
        format!("{} · since {since} · {}", words::condition_told(alert, scene.ward), scene.state(alert, u16::MAX));
    let (mark, room) = (words::mark(alert), rest.width.saturating_sub(MARK_COLUMNS + 1));
    Pen::new(buffer, rest, 0).gap(1).put(mark, scene.style(role_of(alert)));
    for (row, line) in (0..rest.height).zip(wrapped(&text, room, usize::from(rest.height))) {
        Pen::new(buffer, rest, row).gap(MARK_COLUMNS).put(&line, scene.style(Role::Text));
    }
}

/// The scores in a row of their own; gives what is left below.
pub(super) fn draw_scores(scene: &Scene<'_>, patient: &PatientView, area: Rect, buffer: &mut Buffer) -> Rect {
    let text = words::scores(patient);
    if text.is_empty() || area.height == 0 {
        return area;
    }
    let (row, rest) = take_top(area, 1);
    Pen::new(buffer, row, 0).gap(1).put(&text, scene.style(Role::Text));
    rest
}

/// Bed, name, age and note.
pub(super) fn who(scene: &Scene<'_>, patient: &PatientView) -> String {
    let p = &patient.patient;
    let mut who = format!("{} {}", words::bed_label(scene.ward, &patient.bed), scene.name(Some(&p.id)));
    match p.category {
        Category::Adult => {}
        Category::Paediatric => who.push_str(" · child"),
        Category::Neonate => who.push_str(" · neonate"),
    }
    if scene.app.is_locked() {
        return who;
    }
    if let Some(born) = p.birth_year {
        who.push_str(&format!(" · born {born}"));
    }
    if !p.note.as_str().is_empty() {
        who.push_str(&format!(" · {}", p.note.as_str()));
    }
    who
}

fn draw_vitals(scene: &Scene<'_>, patient: &PatientView, shown: &[Shown], area: Rect, buffer: &mut Buffer) {
    let with_limits = area.width >= ENTRY_LIMITS_COLUMNS && area.width < 2 * ENTRY_COLUMNS;
    let columns = if with_limits { ENTRY_LIMITS_COLUMNS } else { ENTRY_COLUMNS };
    let per_row = usize::from((area.width / columns).clamp(1, 2));
    let each = area.width / u16::try_from(per_row).unwrap_or(1);
    for (row, some) in (0..area.height).zip(shown.chunks(per_row)) {
        let mut rest = Rect { y: area.y + row, height: 1, ..area };
        for one in some {
            let (cell, next) = take_left(rest, each);
            entry(scene, patient, *one, with_limits, &mut Pen::new(buffer, cell, 0));
            rest = next;
        }
    }
}

fn entry(scene: &Scene<'_>, patient: &PatientView, shown: Shown, with_limits: bool, pen: &mut Pen<'_>) {
    let value = scene.value(patient, shown, true);
    pen.gap(1).left(scene.label_of(shown), 5, scene.style(trace_of(shown)));
    let wide = matches!(shown, Shown::Pressure(_));
    let room = if wide || with_limits { 13 } else { 6 };
    // A number that is cut reads as another: the mean goes first.
    let text = if super::pen::width(&value.text) > room { scene.value(patient, shown, false).text } else { value.text };
    pen.right(&text, room, value.style).left(value.mark, 1, value.mark_style);
    pen.left(scene.unit_of(shown), 5, scene.style(Role::Label)).left(&value.note, 6, value.note_style);
    if !wide {
        spark::draw(scene, patient, shown, 12, pen);
    }
    if with_limits {
        let mark = scene.limits_mark(patient, shown);
        pen.to(ENTRY_LIMITS_COLUMNS - 14).put(mark, scene.style(Role::Limit)).gap(u16::from(mark.is_empty()));
        pen.left(&limits(scene, patient, shown), 12, scene.style(Role::Limit));
    }
}

/// The limits of a vital: `50 to 120`, `≥ 90`, `≤ 38.5`; empty without limits.
pub(super) fn limits(scene: &Scene<'_>, patient: &PatientView, shown: Shown) -> String {
    let Some(limits) = scene.limits(patient, shown) else { return String::new() };
    let show = |value: f64| scene.ward.info(shown.main()).map_or(String::new(), |i| i.format(value));
    match (limits.low, limits.high) {
        (Some(low), Some(high)) => format!("{} to {}", show(low.limit), show(high.limit)),
        (Some(low), None) => format!("≥ {}", show(low.limit)),
        (None, Some(high)) => format!("≤ {}", show(high.limit)),
        (None, None) => String::new(),
    }
}

fn draw_alerts(scene: &Scene<'_>, patient: &PatientView, area: Rect, buffer: &mut Buffer) {
    let alerts: Vec<_> = scene.alerts_of(&patient.patient.id).collect();
    // Where there is room for two lines each, who is asked and what was said need not be left out.
    let two = usize::from(area.height) >= alerts.len() * 2;
    let mut row = 0;
    for alert in alerts {
        if row >= area.height {
            return;
        }
        let style = scene.style(role_of(alert));
        let text = if alert.is_unacknowledged() { scene.style(Role::Text) } else { style };
        let mark = words::mark(alert);
        let mut pen = Pen::new(buffer, area, row);
        pen.gap(1).put(mark, style).gap(4_u16.saturating_sub(super::pen::width(mark)));
        let since = words::clock_minutes(alert.since, scene.zone);
        pen.put(&format!("{} since {since}", words::condition_now(alert, scene.ward)), text);
        let room = pen.room().saturating_sub(3);
        let mut all = scene.state(alert, u16::MAX);
        if let Some(detail) = &alert.detail {
            all = format!("{all} · {detail}");
        }
        row += 1;
        if super::pen::width(&all) <= room || !two {
            let state = if super::pen::width(&all) <= room { all } else { scene.state(alert, room) };
            pen.put(" · ", text).put(&state, text);
        } else {
            Pen::new(buffer, area, row).gap(MARK_COLUMNS).put(&all, text);
            row += 1;
        }
    }
}

/// The last hour of the vitals that alerts are about, then of those that are looked at first, as many as fit.
fn draw_hours(scene: &Scene<'_>, patient: &PatientView, shown: &[Shown], area: Rect, buffer: &mut Buffer) {
    let continuous = |s: &Shown| !scene.is_episodic(s.main());
    let alerted = scene.alerts_of(&patient.patient.id).filter_map(|a| a.key.code.vital());
    let mut wanted: Vec<Shown> = Vec::new();
    for vital in alerted.chain([vital::HR, vital::SPO2, vital::RR]) {
        let one = shown.iter().copied().find(|s| s.has(vital)).filter(continuous);
        wanted.extend(one.filter(|s| !wanted.contains(s)));
    }
    let hours: Vec<(Shown, Trend)> = wanted.into_iter().filter_map(|s| Some((s, hour(scene, patient, s)?))).collect();
    let (bottom, charts) = take_bottom(area, 1);
    let count = (charts.height / HOUR_ROWS_MIN).max(1).min(u16::try_from(hours.len()).unwrap_or(1));
    let Some(each) = charts.height.checked_div(count) else { return };
    let mut rest = charts;
    for (one, trend) in hours.iter().take(usize::from(count)) {
        let (this, next) = take_top(rest, each);
        draw_hour(scene, patient, (*one, trend), this, buffer);
        rest = next;
    }
    if let Some((_, trend)) = hours.first() {
        let (_, below) = take_left(Rect { y: rest.y.min(bottom.y), ..bottom }, AXIS_COLUMNS);
        axis::draw((trend.from, trend.to()), scene.zone, scene.style(Role::Axis), below, buffer);
    }
}

fn draw_hour(scene: &Scene<'_>, patient: &PatientView, hour: (Shown, &Trend), area: Rect, buffer: &mut Buffer) {
    let (about, trend) = hour;
    let (head, plot_area) = take_top(area, 1);
    let mut pen = Pen::new(buffer, head, 0);
    pen.gap(1).put(scene.label_of(about), scene.style(trace_of(about)));
    pen.put(" last hour, mean of each minute", scene.style(Role::Label));
    let plot = Plot {
        span: (trend.from, trend.to()),
        trends: vec![trend],
        limits: scene.limits(patient, about),
        decimals: scene.ward.info(about.main()).map_or(0, |i| i.decimals),
        role: trace_of(about),
        episodic: false,
    };
    chart::draw(scene, &plot, plot_area, buffer);
}

/// The sparkline of an hour as a trend.
fn hour(scene: &Scene<'_>, patient: &PatientView, shown: Shown) -> Option<Trend> {
    scene.app.sparks.get(&patient.patient.id, shown.main()).map(|spark| spark.trend(scene.now))
}
