//! The report of a ward's alerts: how many, of which kind, from which beds, how soon answered, and what raised none.

use super::{
    footer::key_of,
    pane::{self, Pane, Window},
    pen::{Pen, Piece, pieces, take_left, take_top, width, wrap},
    scene::Scene,
};
use crate::tui::{
    core::{Action, ReportSpan},
    theme::Role,
    words::{
        self,
        report::{RowKind, rows},
    },
};
use ratatui::{buffer::Buffer, layout::Rect};

const fn role_of(kind: RowKind) -> Role {
    match kind {
        RowKind::Title => Role::Title,
        RowKind::Text => Role::Text,
        RowKind::Total => Role::Label,
        RowKind::Dim => Role::Dim,
        RowKind::Axis => Role::Axis,
    }
}

pub(super) fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let page = &scene.app.report;
    let (top, rest) = take_top(area, 1);
    let rows: Vec<(String, Role)> = match &page.report {
        Some(report) => rows(scene.ward, report).into_iter().map(|(text, kind)| (text, role_of(kind))).collect(),
        None => {
            let (text, role) = standing(scene);
            wrap(&text, rest.width.saturating_sub(2)).into_iter().map(|line| (line, role)).collect()
        }
    };
    let shown = usize::from(rest.height).max(1);
    let first = page.scroll.min(rows.len().saturating_sub(shown));
    draw_title(scene, Window { first, rows: shown, total: rows.len() }, top, buffer);
    for (row, (text, role)) in (0..rest.height).zip(rows.iter().skip(first)) {
        Pen::new(buffer, rest, row).gap(1).put(text, scene.style(*role));
    }
}

fn draw_title(scene: &Scene<'_>, window: Window, area: Rect, buffer: &mut Buffer) {
    let mut right = Vec::new();
    for span in ReportSpan::ALL {
        let here = span == scene.app.report.span;
        let text = if here { format!("[{}]", span.words()) } else { format!(" {} ", span.words()) };
        right.push(Piece::new(text, scene.style(if here { Role::Selection } else { Role::Dim }), 9));
    }
    let spans: u16 = ReportSpan::ALL.iter().map(|span| width(span.words()) + 2).sum();
    let (title, tabs) = take_left(area, area.width.saturating_sub(spans + 1));
    let title_text = format!("REPORT OF ALERTS · {}{}", scene.ward.ward.name, made(scene));
    let pane = Pane { title: title_text, focus: true, window, hint: None };
    pane::draw(scene, &pane, title, buffer);
    pieces(buffer, tabs, 0, vec![Piece::new(" ", scene.style(Role::Text), 9)], right);
}

/// When the report was made, and why it could not be made anew.
fn made(scene: &Scene<'_>) -> String {
    let page = &scene.app.report;
    let Some(report) = &page.report else { return String::new() };
    let at = words::clock(report.to, scene.ward.ward.time_zone);
    let failed = page.failed.as_ref().map_or("", |_| ", NOT RENEWED");
    format!(" · made {at}{failed}")
}

/// What is said in the place of the report.
fn standing(scene: &Scene<'_>) -> (String, Role) {
    let page = &scene.app.report;
    match (&page.failed, page.waiting_since) {
        (Some(why), _) => {
            let again = key_of(Action::ShowReport);
            (format!("the report could not be had: {why}; {again} asks again"), Role::NoticeFailed)
        }
        (None, Some(since)) => {
            let waited = words::lasting(scene.app.now - since);
            (format!("asking the server for the report of the last {} … {waited}", page.span.words()), Role::Dim)
        }
        (None, None) if scene.app.is_locked() => ("the report is not asked for while locked".to_owned(), Role::Dim),
        (None, None) => ("the report is asked for when the link is back".to_owned(), Role::Dim),
    }
}
