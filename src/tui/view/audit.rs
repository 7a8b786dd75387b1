//! The audit trail: what this screen has seen of it as its witness, its entries, and the selected one in full.

use super::{
    footer::key_of,
    header,
    pane::{self, Pane, Window},
    pen::{Pen, take_bottom, take_top, wrap},
    scene::Scene,
};
use crate::{
    domain::Timestamp,
    protocol::AuditEntryView,
    tui::{
        core::{Action, App, AuditLogPage},
        theme::Role,
        words,
    },
};
use ratatui::{buffer::Buffer, layout::Rect};

/// Rows of the selected entry, its title included.
const DETAIL_ROWS: u16 = 4;

pub(super) fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let (standing, rest) = take_top(area, 1);
    let (detail, list) = take_bottom(rest, DETAIL_ROWS.min(rest.height / 3));
    let (text, role) = witness(scene.app);
    Pen::new(buffer, standing, 0).gap(1).put(&text, scene.style(role));
    draw_entries(scene, list, buffer);
    draw_detail(scene, detail, buffer);
}

/// What this screen, a witness of the trail, has seen of it.
fn witness(app: &App) -> (String, Role) {
    if let Some(what) = &app.trail.forked {
        return (format!("AUDIT FORKED · {what} · trust nothing below before somebody knows why"), Role::AlarmHigh);
    }
    let size = app.trail.size.map(|size| format!("checkpoint of {} entries", words::thousands(size)));
    match (size, app.trail.witnessed, &app.trail.failed) {
        (_, _, Some(why)) => (format!("not witnessed: {why}"), Role::NoticeFailed),
        (Some(size), Some(at), None) => {
            let ago = header::witnessed(app.now - at);
            (format!("✓ verified {ago} · {size}, grown from what this screen saw"), Role::NoticeDone)
        }
        _ => ("the trail has not been witnessed by this screen yet".to_owned(), Role::Dim),
    }
}

fn time(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "unreadable".to_owned(), |at| at.to_string().get(..19).unwrap_or_default().replace('T', " "))
}

fn draw_entries(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let page = &scene.app.audit_log;
    let (top, rest) = take_top(area, 1);
    let (head, rows) = take_top(rest, 1);
    let at = page.entries.iter().position(|entry| Some(entry.index) == page.selected);
    let window = Window::new(page.entries.len(), at, rows.height);
    let filter = if page.filter.is_empty() { "all entries" } else { page.filter.text().trim() };
    let older = looked_at(page).map_or_else(String::new, |looked_at| format!(" · {looked_at}"));
    let read = page.read_at.map(|at| format!(" · read at {} UTC", words::clock(at, scene.zone))).unwrap_or_default();
    let title = format!("ENTRIES · {filter}{older}{read}");
    pane::draw(scene, &Pane { title, focus: true, window, hint: None }, top, buffer);
    if let Some((line, role)) = standing(scene) {
        Pen::new(buffer, head, 0).gap(1).put(&line, scene.style(role));
        return;
    }
    let label = scene.style(Role::Label);
    columns(
        &mut Pen::new(buffer, head, 0),
        ["entry", "UTC", "act", "who", "patient", "about"].map(str::to_owned),
        label,
    );
    for (row, (place, entry)) in (0..rows.height).zip(page.entries.iter().enumerate().skip(window.first)) {
        let selected = at == Some(place);
        let role = match (selected, entry.refused) {
            (true, _) => Role::Selection,
            (false, true) => Role::NoticeFailed,
            (false, false) => Role::Text,
        };
        let mut pen = Pen::new(buffer, rows, row);
        columns(&mut pen, cells(entry), scene.style(role));
        if selected {
            Pen::new(buffer, rows, row).left("▌", 1, scene.style(Role::TitleFocus));
        }
    }
}

/// How far it was looked, unless that was to the first entry: what is older may be wanted too.
fn looked_at(page: &AuditLogPage) -> Option<String> {
    let newest = page.size?.saturating_sub(page.before?);
    Some(format!("newest {} looked at", words::thousands(newest)))
}

fn cells(entry: &AuditEntryView) -> [String; 6] {
    let patient = entry.patient.as_ref().map(ToString::to_string).unwrap_or_default();
    let about = if entry.refused { format!("REFUSED {}", entry.about) } else { entry.about.clone() };
    [entry.index.to_string(), time(entry.at), entry.act.clone(), entry.who.clone(), patient, about]
}

fn columns(pen: &mut Pen<'_>, [index, at, act, who, patient, about]: [String; 6], style: ratatui::style::Style) {
    pen.gap(1).right(&index, 8, style).gap(1).left(&at, 20, style).left(&act, 19, style);
    pen.left(&who, 12, style).left(&patient, 10, style).put(&about, style);
}

fn draw_detail(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let Some(entry) = scene.app.audit_log.entry() else { return };
    let (top, rest) = take_top(area, 1);
    let window = Window { first: 0, rows: usize::from(rest.height), total: 0 };
    let title = format!("ENTRY {} · {} UTC", entry.index, time(entry.at));
    pane::draw(scene, &Pane { title, focus: false, window, hint: None }, top, buffer);
    if scene.app.is_locked() {
        Pen::new(buffer, rest, 0).gap(1).put("hidden while locked", scene.style(Role::Dim));
        return;
    }
    let role = entry.role.as_ref().map(|role| format!(" ({role})")).unwrap_or_default();
    let outcome = if entry.refused { "REFUSED" } else { "done" };
    let patient = entry.patient.as_ref().map(|id| format!(" · patient {id}")).unwrap_or_default();
    let text = format!("{}{role} · {} · {outcome}{patient} · {}", entry.who, entry.act, entry.about);
    for (row, line) in (0..rest.height).zip(wrap(text.trim_end_matches(" · "), rest.width.saturating_sub(2))) {
        Pen::new(buffer, rest, row).gap(1).put(&line, scene.style(Role::Text));
    }
}

/// What is said in the place of entries.
fn standing(scene: &Scene<'_>) -> Option<(String, Role)> {
    let page = &scene.app.audit_log;
    if let Some(why) = &page.failed {
        return Some((format!("{why}; {} changes the filter", key_of(Action::Filter)), Role::NoticeFailed));
    }
    if scene.app.is_locked() {
        return Some(("the trail is not read while locked".to_owned(), Role::Dim));
    }
    match (page.size, page.is_asking()) {
        (None, true) => Some(("asking the server …".to_owned(), Role::Dim)),
        (None, false) => Some(("it is asked for when the link is there".to_owned(), Role::Dim)),
        (Some(_), _) if page.entries.is_empty() && page.before.is_some() => {
            let (looked_at, size) =
                (looked_at(page).unwrap_or_default(), page.size.map(words::thousands).unwrap_or_default());
            let down = key_of(Action::Down);
            Some((format!("none is so: {looked_at}, of {size}; {down} looks further"), Role::Dim))
        }
        (Some(_), _) if page.entries.is_empty() => Some(("no entry is so".to_owned(), Role::Dim)),
        _ => None,
    }
}
