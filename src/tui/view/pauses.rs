//! What is quiet on the ward: what, by whom, why, and when it ends.

use super::{
    pane::{self, Pane, Window},
    pen::{Pen, take_top, width},
    scene::Scene,
};
use crate::{
    domain::Pause,
    tui::{core::App, theme::Role, words},
};
use ratatui::{buffer::Buffer, layout::Rect};

pub(super) fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let pauses = scene.app.pauses();
    let at = pauses.iter().position(|p| Some(p.id) == scene.app.selected_pause);
    let (top, rows) = take_top(area, 1);
    let window = Window::new(pauses.len(), at, rows.height);
    let title = format!("QUIET · {} paused or switched off", pauses.len());
    pane::draw(scene, &Pane { title, focus: true, window, hint: None }, top, buffer);
    if pauses.is_empty() {
        let text = "nothing is paused or switched off: every alert signals";
        Pen::new(buffer, rows, 0).gap(1).put(text, scene.style(Role::Dim));
    }
    for (row, (place, pause)) in (0_u16..rows.height).zip(pauses.iter().enumerate().skip(window.first)) {
        draw_row(scene, pause, at == Some(place), &mut Pen::new(buffer, rows, row));
    }
}

/// `▌z 02:41  04 Okafor      SpO2 low  snoozed  until 03:28  a.meyer  (reason)`.
fn draw_row(scene: &Scene<'_>, pause: &Pause, selected: bool, pen: &mut Pen<'_>) {
    let text = scene.style(Role::Text);
    pen.left(if selected { "▌" } else { "" }, 1, scene.style(Role::TitleFocus));
    let waits = pause.waits_to_last.is_some();
    let mark = if waits { "asks" } else { words::pause_mark(pause.kind) };
    pen.left(mark, 8, scene.style(Role::Quiet));
    pen.right(&words::countdown(pause.until.since(scene.now)), 8, text).gap(1);
    let patient = pause.scope.patient();
    let bed = patient.and_then(|p| scene.ward.patients.get(p)).map_or("–", |p| words::bed_label(scene.ward, &p.bed));
    let who = format!("{bed} {}", scene.name(patient));
    let wide = pen.room() > 100;
    let room = if wide { 26 } else { 14 };
    let style = if selected { scene.style(Role::Selection) } else { text };
    pen.left(&format!("{who:<0$}", usize::from(room)), room, style).gap(1);
    let what = words::pause_what(pause, scene.ward);
    let kind = words::pause_kind(pause);
    // The mark says how already, where there is no room to say it twice.
    let what =
        if !wide || (pause.kind.is_audio() && what.contains("sound")) { what } else { format!("{what}, {kind}") };
    pen.left(&what, width(&what).max(22), text).gap(1);
    let until = words::clock_minutes(pause.until, scene.zone);
    let by = if waits && wide {
        format!("asked by {}, WAITS for a second person", pause.by.label())
    } else if waits {
        format!("WAITS, {}", pause.by.label())
    } else {
        format!("until {until} {}", pause.by.label())
    };
    pen.put(&by, text);
    if let Some(second) = &pause.confirmed_by {
        pen.put(&format!(" and {}", second.label()), text);
    }
    if let Some(reason) = &pause.reason {
        pen.put(&format!(" · {reason}"), scene.style(Role::Dim));
    }
}

/// The mark while anything on the ward is quiet or switched off, and when the first of it ends: `QUIET 2, next ends 01:42`.
pub(super) fn mark(app: &App) -> Option<String> {
    let now = app.server_now()?;
    let pauses = app.pauses();
    let (asked, set): (Vec<_>, Vec<_>) = pauses.into_iter().partition(|p| p.waits_to_last.is_some());
    let mut said = Vec::new();
    if let Some(next) = set.iter().map(|p| p.until).min() {
        said.push(format!("QUIET {}, next ends {}", set.len(), words::countdown(next.since(now))));
    }
    if !asked.is_empty() {
        said.push(format!("{} WAITS FOR A SECOND PERSON", asked.len()));
    }
    (!said.is_empty()).then(|| said.join(", "))
}
