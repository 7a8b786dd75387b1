//! The ward: a row for each bed.

use super::{
    columns::{Column, Columns},
    pane::{self, Pane, Window},
    pen::{Pen, take_top},
    scene::{Scene, role_of},
    spark,
};
use crate::{
    domain::{Alert, Condition},
    protocol::PatientView,
    tui::{core::Page, theme::Role, words},
};
use ratatui::{buffer::Buffer, layout::Rect};

/// Rows of the ward that are not beds: the title and the heads of the columns.
pub(super) const WARD_HEAD_ROWS: u16 = 2;

pub(super) fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let shown = scene.app.shown_patients(scene.ward);
    let selected = scene.app.selected_patient().map(|p| &p.patient.id);
    let at = shown.iter().position(|p| Some(&p.patient.id) == selected);
    let focus = scene.app.page == Page::Ward;
    let window = Window::new(shown.len(), at, area.height.saturating_sub(WARD_HEAD_ROWS));
    let (top, rest) = take_top(area, 1);
    let pane = Pane { title: title(scene, shown.len()), focus, window, hint: hidden(scene, &shown, window) };
    pane::draw(scene, &pane, top, buffer);
    let (head, rows) = take_top(rest, 1);
    let columns = Columns::new(scene, area.width);
    draw_head(scene, &columns, head, buffer);
    if shown.is_empty() {
        let why = if scene.ward.patients.is_empty() { "no patient is admitted" } else { "no bed fits the filter" };
        Pen::new(buffer, rows, 0).gap(1).put(why, scene.style(Role::Dim));
    }
    for (row, patient) in (0_u16..rows.height).zip(shown.iter().skip(window.first)) {
        let mark = Some(&patient.patient.id) == selected;
        draw_row(scene, &columns, patient, (mark, focus), &mut Pen::new(buffer, rows, row));
    }
}

fn title(scene: &Scene<'_>, shown: usize) -> String {
    let (patients, beds) = (scene.ward.patients.len(), scene.ward.beds.len());
    let mut title = match beds.saturating_sub(patients) {
        0 => format!("WARD · {patients} beds"),
        free => format!("WARD · {patients} patients, {free} beds free"),
    };
    if scene.app.by_urgency {
        title.push_str(" · most urgent first");
    }
    if !scene.app.filter.is_empty() {
        title.push_str(&format!(" · FILTER {:?}: {shown} of {patients}", scene.app.filter.text().trim()));
    }
    title
}

/// The worst mark among the beds that are not on the screen, by filter or by scrolling.
fn hidden(scene: &Scene<'_>, shown: &[&PatientView], window: Window) -> Option<(String, Role)> {
    let seen: Vec<_> = shown.iter().skip(window.first).take(window.rows).map(|p| &p.patient.id).collect();
    let out = scene.ward.alerts.values().filter(|a| a.is_unacknowledged());
    let out = out.filter(|a| a.key.patient.as_ref().is_some_and(|p| !seen.contains(&p)));
    let worst = out.min_by_key(|a| a.urgency())?;
    Some((format!("{} in bed {}", words::mark(worst), words::bed_of(worst, scene.ward)), role_of(worst)))
}

fn draw_head(scene: &Scene<'_>, columns: &Columns, area: Rect, buffer: &mut Buffer) {
    let label = scene.style(Role::Label);
    let mut pen = Pen::new(buffer, area, 0);
    pen.gap(1).left("bed", columns.bed, label).gap(1).left("name", columns.name, label).gap(1);
    for column in &columns.vitals {
        let (name, unit) = (scene.label_of(column.shown), scene.unit_of(column.shown));
        let text = if unit.is_empty() { name.to_owned() } else { format!("{name} {unit}") };
        // Above the value where it fits; what is longer reaches over the age.
        let head = column.value.max(super::pen::width(&text));
        pen.right(&text, head, label).gap((column.value + 1 + column.note).saturating_sub(head));
        if column.spark > 0 {
            pen.gap(1).left(if column.spark >= 6 { "1 h" } else { "" }, column.spark, scene.style(Role::Dim));
        }
        pen.gap(1);
    }
    pen.put("worst alert", label);
}

fn draw_row(scene: &Scene<'_>, columns: &Columns, patient: &PatientView, mark: (bool, bool), pen: &mut Pen<'_>) {
    let (selected, focus) = mark;
    let name_style = scene.style(if selected && focus { Role::Selection } else { Role::Text });
    pen.left(if selected { "▌" } else { "" }, 1, scene.style(if focus { Role::TitleFocus } else { Role::Dim }));
    let label = words::bed_label(scene.ward, &patient.bed);
    let name = scene.name(Some(&patient.patient.id));
    // In the space before the name: a limit of the bed is wider than its profile.
    let wider = if patient.limits.values().any(|changed| changed.wider) { "!" } else { "" };
    let bed = format!("{}{wider}", super::pen::fit(label, columns.bed));
    pen.left(&pad(&bed, columns.bed + 1), columns.bed + 1, name_style);
    pen.left(&pad(name, columns.name), columns.name, name_style).gap(1);
    for column in &columns.vitals {
        draw_cell(scene, column, patient, pen);
    }
    let mut own = scene.alerts_of(&patient.patient.id);
    if let Some(worst) = own.next() {
        draw_alert(scene, worst, own.count(), pen);
    }
}

/// A text with spaces behind it, so that its style reaches as far as its column.
fn pad(text: &str, columns: u16) -> String {
    let text = super::pen::fit(text, columns);
    let spaces = usize::from(columns.saturating_sub(super::pen::width(&text)));
    text + &" ".repeat(spaces)
}

fn draw_cell(scene: &Scene<'_>, column: &Column, patient: &PatientView, pen: &mut Pen<'_>) {
    let value = scene.value(patient, column.shown, column.mean);
    // The mean keeps its place when it is left out.
    pen.right(&value.text, column.value, value.style).left(value.mark, 1, value.mark_style);
    pen.left(&value.note, column.note, value.note_style);
    if column.spark > 0 {
        pen.gap(1);
        spark::draw(scene, patient, column.shown, column.spark, pen);
    }
    pen.gap(1);
}

fn draw_alert(scene: &Scene<'_>, alert: &Alert, more: usize, pen: &mut Pen<'_>) {
    let style = scene.style(role_of(alert));
    let mark = words::mark(alert);
    pen.put(mark, scene.mark_style(alert)).gap(4_u16.saturating_sub(super::pen::width(mark)));
    let mut condition = words::condition_now(alert, scene.ward);
    if alert.condition == Condition::Absent {
        condition = format!("was {condition}");
    }
    let more = if more > 0 { format!(" +{more}") } else { String::new() };
    let room = pen.room().saturating_sub(super::pen::width(&more));
    let state = scene.state(alert, room.saturating_sub(super::pen::width(&condition) + 1));
    // Below this there is no room for the state; that it is acknowledged always shows.
    let both = format!("{condition} {state}");
    let text = match alert.is_unacknowledged() {
        _ if super::pen::width(&both) <= room => both,
        true => condition,
        false => format!("{} {condition}", words::calm_mark(alert)),
    };
    let style = if alert.is_unacknowledged() { scene.style(Role::Text) } else { style };
    pen.put_in(&text, room, style).put(&more, scene.style(Role::Dim));
}
