//! The alert queue, the most urgent first.

use super::{
    pane::{self, Pane, Window},
    pen::{Pen, take_top, width},
    scene::{Scene, role_of},
};
use crate::{
    domain::Alert,
    tui::{core::Page, theme::Role, words},
};
use ratatui::{buffer::Buffer, layout::Rect};

pub(super) fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let alerts = scene.app.queue.rows(scene.ward);
    let focus = scene.app.page == Page::Queue;
    let at = scene.app.queue.order.iter().position(|id| Some(*id) == scene.app.queue.selected).filter(|_| focus);
    let (top, rows) = take_top(area, 1);
    let window = Window::new(alerts.len(), at, rows.height);
    let hidden = alerts.iter().skip(window.first + window.rows).chain(alerts.iter().take(window.first));
    let worst = hidden.flatten().filter(|a| a.is_unacknowledged()).min_by_key(|a| a.urgency());
    let hint = worst.map(|a| (words::mark(a).to_owned(), role_of(a)));
    pane::draw(scene, &Pane { title: title(scene, &alerts), focus, window, hint }, top, buffer);
    if alerts.is_empty() {
        let said =
            if scene.app.health().is_live() { "no alerts" } else { "no alerts were known when the data stopped" };
        Pen::new(buffer, rows, 0).gap(1).put(said, scene.style(Role::Dim));
    }
    let columns = Columns::new(scene, area.width);
    for (row, (place, alert)) in (0_u16..rows.height).zip(alerts.iter().enumerate().skip(window.first)) {
        // What ended while a hand is on the keys leaves its row empty: nothing moves up under the cursor.
        let Some(alert) = alert else {
            Pen::new(buffer, rows, row).gap(5).put("over", scene.style(Role::Dim));
            continue;
        };
        let linked = alert.key.patient.is_some()
            && alert.key.patient.as_ref() == scene.app.selected_patient().map(|p| &p.patient.id);
        let mark = if focus { at == Some(place) } else { linked };
        draw_row(scene, &columns, alert, (mark, focus), &mut Pen::new(buffer, rows, row));
    }
}

fn title(scene: &Scene<'_>, rows: &[Option<&Alert>]) -> String {
    let alerts = || rows.iter().flatten();
    let open = alerts().filter(|a| a.is_unacknowledged()).count();
    let quiet = alerts().filter(|a| a.inactivation.is_silent()).count();
    let waiting = match scene.app.queue.waiting {
        0 => String::new(),
        new => format!(" · +{new} new"),
    };
    let silent = if quiet > 0 { format!(", {quiet} quiet") } else { String::new() };
    match alerts().count() {
        0 => format!("ALERTS{waiting}"),
        all => format!("ALERTS · {open} open, {} acknowledged{silent}{waiting}", all.saturating_sub(open + quiet)),
    }
}

/// Columns of the queue: a function of the room and the ward's beds, never of the alerts, so that nothing moves sideways.
struct Columns {
    bed: u16,
    name: u16,
    condition: u16,
}

/// `▌*** `, a space and the age, and a space on both sides of the condition.
const FIXED: u16 = 1 + 4 + 1 + 8 + 1;

impl Columns {
    fn new(scene: &Scene<'_>, room: u16) -> Self {
        let beds = scene.ward.beds.values().map(|b| width(&b.label));
        let bed = beds.max().unwrap_or(2).clamp(2, 8);
        let (condition, state) = match room {
            0..64 => (16, 14),
            64..76 => (18, 15),
            76..110 => (23, 20),
            _ => (28, 32),
        };
        let name = room.saturating_sub(FIXED + bed + 1 + condition + state).min(30);
        Self { bed, name, condition }
    }
}

fn draw_row(scene: &Scene<'_>, columns: &Columns, alert: &Alert, mark: (bool, bool), pen: &mut Pen<'_>) {
    let (selected, focus) = mark;
    let style = scene.style(role_of(alert));
    let row = if alert.is_unacknowledged() { scene.style(Role::Text) } else { style };
    let who = if selected && focus { scene.style(Role::Selection) } else { row };
    pen.left(if selected { "▌" } else { "" }, 1, scene.style(if focus { Role::TitleFocus } else { Role::Dim }));
    let priority = words::mark(alert);
    pen.put(priority, scene.mark_style(alert)).gap(4_u16.saturating_sub(width(priority)));
    let bed = words::bed_of(alert, scene.ward);
    let name = scene.name(alert.key.patient.as_ref());
    let text = format!("{:<bed$} {name}", bed, bed = usize::from(columns.bed));
    let room = columns.bed + 1 + columns.name;
    let text = super::pen::fit(&text, room);
    let spaces = " ".repeat(usize::from(room.saturating_sub(width(&text))));
    pen.put(&text, who).put(&spaces, who).gap(1);
    pen.left(&words::condition_now(alert, scene.ward), columns.condition, row);
    let age = scene.now.since(alert.raised_at);
    pen.gap(1).right(&words::lasting(age), 7, row).gap(1);
    let state = scene.state(alert, pen.room());
    pen.put(&state, if alert.is_unacknowledged() { scene.style(Role::Dim) } else { style });
}
