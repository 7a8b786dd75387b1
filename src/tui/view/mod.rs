//! The screen as a function of its state.
//!
//! One file per part. Nothing here keeps state, reads a clock or knows a colour: [`draw`] reads the [`App`], asks the
//! [`Look`] what each role looks like, and writes cells within the area it is given. What has not changed is drawn the
//! same, so that nothing goes over the wire for it: ages of live values are not shown, and only the header's clock
//! counts seconds. Called by who owns a terminal, and by reports of a single frame.

mod alert_report;
mod asked;
mod audit;
mod axis;
mod chart;
mod columns;
mod desk;
mod devices;
mod dialog;
mod footer;
mod handover;
mod header;
mod limits;
mod login;
mod ops;
mod pane;
mod patient;
mod pauses;
mod pen;
mod queue;
mod rota;
mod scene;
mod sheet;
mod spark;
mod strip;
mod summary;
mod too_small;
mod ward;

pub use desk::draw_desk;

use super::{
    core::{App, FOOTER_ROWS, HEADER_ROWS, Page, is_too_small},
    theme::{Look, Role},
};
use pen::{Pen, take_bottom, take_left, take_top};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::Span,
    widgets::{Block, Widget},
};
use scene::Scene;

/// From this size on queue, ward and patient stand side by side.
const WIDE: (u16, u16) = (160, 30);
/// From this size on queue, ward and patient stand below each other.
const TALL: (u16, u16) = (100, 32);
/// Rows of the selected patient below the ward: least, and where there is room for a chart.
const SUMMARY_ROWS: (u16, u16) = (5, 12);

/// Draws the whole screen into `area` of `buffer`, and nothing outside it.
pub fn draw(app: &App, look: &Look, area: Rect, buffer: &mut Buffer) {
    let area = area.intersection(buffer.area);
    for position in area.positions() {
        if let Some(cell) = buffer.cell_mut(position) {
            cell.reset();
            cell.set_style(look.style(Role::Text));
        }
    }
    let area = edge(app, look, area, buffer);
    if app.page == Page::Login && login::fits(app, area) {
        login::draw(app, look, area, buffer);
        header::draw_forked(app, look, area, buffer);
    } else if is_too_small((area.width, area.height)) {
        too_small::draw(app, look, area, buffer);
        header::draw_forked(app, look, area, buffer);
    } else {
        let (top, rest) = take_top(area, HEADER_ROWS);
        let (bottom, body) = take_bottom(rest, FOOTER_ROWS);
        header::draw(app, look, top, buffer);
        draw_body(app, look, body, buffer);
        footer::draw(app, look, bottom, buffer);
        dialog::draw(app, look, body, buffer);
    }
    look.glyphs.fold(area, buffer);
}

/// Draws the red edge of an emergency; says what is left within.
fn edge(app: &App, look: &Look, area: Rect, buffer: &mut Buffer) -> Rect {
    let Some(who) = &app.options.emergency else { return area };
    let title = format!(" EMERGENCY: {who} · all that you read is recorded and judged · ends after 60 min ");
    let block = Block::bordered()
        .border_style(look.style(Role::AlarmHigh))
        .title(Span::styled(title, look.style(Role::AlarmHigh)));
    let within = block.inner(area);
    block.render(area, buffer);
    within
}

fn draw_body(app: &App, look: &Look, area: Rect, buffer: &mut Buffer) {
    let Some(ward) = &app.ward else {
        let mut pen = Pen::new(buffer, area, area.height / 3);
        pen.gap(2).put(&format!("waiting for the ward from {} …", app.options.server), look.style(Role::Text));
        return;
    };
    let scene = Scene::new(app, look, ward);
    let at_least = |size: (u16, u16)| area.width >= size.0 && area.height + HEADER_ROWS + FOOTER_ROWS >= size.1;
    match app.page {
        Page::Login => {}
        Page::Patient => {
            let (top, rest) = take_top(area, 1);
            strip::draw(&scene, top, buffer);
            patient::draw(&scene, rest, buffer);
        }
        Page::Limits | Page::Rota | Page::AlertReport | Page::Devices => {
            let (top, rest) = take_top(area, 1);
            strip::draw(&scene, top, buffer);
            match app.page {
                Page::Limits => limits::draw(&scene, rest, buffer),
                Page::Rota => rota::draw(&scene, rest, buffer),
                Page::Devices => devices::draw(&scene, rest, buffer),
                _ => alert_report::draw(&scene, rest, buffer),
            }
        }
        Page::Pauses => {
            let (top, rest) = take_top(area, 1);
            strip::draw(&scene, top, buffer);
            let (below, list) = take_bottom(rest, (rest.height / 2).clamp(SUMMARY_ROWS.0, 20));
            pauses::draw(&scene, list, buffer);
            summary::draw(&scene, below, buffer);
        }
        Page::Ops => {
            let (top, rest) = take_top(area, 1);
            strip::draw(&scene, top, buffer);
            ops::draw(&scene, rest, buffer);
        }
        Page::Audit => audit::draw(&scene, area, buffer),
        Page::Handover => {
            let (top, rest) = take_top(area, 1);
            strip::draw(&scene, top, buffer);
            handover::draw(&scene, rest, buffer);
        }
        _ if at_least(WIDE) => wide(&scene, area, buffer),
        _ if at_least(TALL) => tall(&scene, area, buffer),
        Page::Ward => ward_and_patient(&scene, area, SUMMARY_ROWS.0, buffer),
        Page::Queue => {
            let (top, rest) = take_top(area, 1);
            strip::draw(&scene, top, buffer);
            let (below, queue) = take_bottom(rest, (rest.height / 2).clamp(SUMMARY_ROWS.0, 9));
            queue::draw(&scene, queue, buffer);
            summary::draw(&scene, below, buffer);
        }
    }
}

fn wide(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let (left, rest) = take_left(area, (area.width / 3).clamp(58, 90));
    let (line, right) = take_left(rest, 1);
    for row in 0..line.height {
        Pen::new(buffer, line, row).put("│", scene.style(Role::Rule));
    }
    queue::draw(scene, left, buffer);
    ward_and_patient(scene, right, SUMMARY_ROWS.1, buffer);
}

fn tall(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    // As many rows for alerts as the height allows and not as there are alerts: beds keep their place.
    let (queue, rest) = take_top(area, (area.height / 5).clamp(6, 14));
    queue::draw(scene, queue, buffer);
    ward_and_patient(scene, rest, SUMMARY_ROWS.1, buffer);
}

/// The ward with as many rows as it has patients, and the selected patient in the rest.
fn ward_and_patient(scene: &Scene<'_>, area: Rect, summary_min: u16, buffer: &mut Buffer) {
    let beds = u16::try_from(scene.ward.patients.len()).unwrap_or(u16::MAX).max(1);
    let wanted = beds.saturating_add(ward::WARD_HEAD_ROWS);
    let (ward, summary) = take_top(area, wanted.min(area.height.saturating_sub(summary_min)));
    ward::draw(scene, ward, buffer);
    if !summary.is_empty() {
        summary::draw(scene, summary, buffer);
    }
}

#[cfg(test)]
mod tests;
