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

pub(super) fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let beds: Vec<(String, Style, bool)> = scene.ward.by_bed().into_iter().map(|p| bed(scene, p)).collect();
    let all: u32 = beds.iter().map(|(text, ..)| u32::from(width(text)) + 1).sum();
    let mut pen = Pen::new(buffer, area, 0);
    pen.gap(1);
    let fits = all < u32::from(area.width);
    let calm = beds.iter().filter(|(.., calm)| *calm).count();
    for (text, style, calm) in &beds {
        if (fits || !calm) && pen.room() > width(text) + 12 * u16::from(!fits) {
            pen.put(text, *style).gap(1);
        }
    }
    if !fits {
        pen.put(&format!("· {calm} calm"), scene.style(Role::Dim));
    }
}

fn bed(scene: &Scene<'_>, patient: &PatientView) -> (String, Style, bool) {
    let label = words::bed_label(scene.ward, &patient.bed);
    match scene.app.worst_of(scene.ward, &patient.patient.id) {
        Some(alert) => {
            let done = if alert.is_unacknowledged() { "" } else { "✓" };
            (format!("{label}{}{done}", words::mark(alert)), scene.style(role_of(alert)), false)
        }
        None if scene.is_stale(patient) => (format!("{label}~"), scene.style(Role::Late), false),
        None => (format!("{label}·"), scene.style(Role::Dim), true),
    }
}
