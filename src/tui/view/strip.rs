//! The strip of beds: each bed with the mark of its worst alert, where the ward itself is not on the screen.

use super::{
    pen::{Pen, width},
    scene::{Scene, role_of},
};
use crate::{
    protocol::PatientView,
    tui::{theme::Role, words},
};
use ratatui::{buffer::Buffer, layout::Rect, style::Style};

/// How much a bed asks for a look.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Ask {
    Alert,
    Stale,
    Calm,
}

/// Columns kept for what is said of the beds that do not fit.
const REST_COLUMNS: u16 = 32;

pub(super) fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let mut beds: Vec<(Ask, String, Style)> = scene.ward.by_bed().into_iter().map(|p| bed(scene, p)).collect();
    let all: u32 = beds.iter().map(|(_, text, _)| u32::from(width(text)) + 1).sum();
    let mut pen = Pen::new(buffer, area, 0);
    pen.gap(1);
    if all < u32::from(area.width) {
        for (_, text, style) in &beds {
            pen.put(text, *style).gap(1);
        }
        return;
    }
    // Those with alerts come first: none of them is left out for one that is only stale.
    beds.sort_by_key(|(ask, ..)| *ask);
    let mut left_out = [(Ask::Alert, 0_usize, "alerts"), (Ask::Stale, 0, "stale"), (Ask::Calm, 0, "calm")];
    for (ask, text, style) in &beds {
        let room = pen.room() > width(text) + REST_COLUMNS;
        if *ask != Ask::Calm && room {
            pen.put(text, *style).gap(1);
        } else if let Some((_, count, _)) = left_out.iter_mut().find(|(of, ..)| of == ask) {
            *count += 1;
        }
    }
    let rest = left_out.iter().filter(|(ask, count, _)| *count > 0 || *ask == Ask::Calm);
    let sign = |ask: &Ask| if *ask == Ask::Calm { "" } else { "+" };
    let rest: Vec<String> = rest.map(|(ask, count, what)| format!("{}{count} {what}", sign(ask))).collect();
    pen.put(&rest.join(" · "), scene.style(Role::Dim));
}

fn bed(scene: &Scene<'_>, patient: &PatientView) -> (Ask, String, Style) {
    let label = words::bed_label(scene.ward, &patient.bed);
    match scene.app.worst_of(scene.ward, &patient.patient.id) {
        Some(alert) => {
            let done = words::calm_mark(alert);
            (Ask::Alert, format!("{label}{}{done}", words::mark(alert)), scene.style(role_of(alert)))
        }
        None if scene.is_stale(patient) => (Ask::Stale, format!("{label}~"), scene.style(Role::Late)),
        None => (Ask::Calm, format!("{label}·"), scene.style(Role::Dim)),
    }
}
