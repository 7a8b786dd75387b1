//! The line above a pane: its title, whether it takes the keys, and what does not fit into it.

use super::{
    pen::{Pen, Piece, fit, pieces},
    scene::Scene,
};
use crate::tui::theme::Role;
use ratatui::{buffer::Buffer, layout::Rect};

/// Which rows of a list are on the screen: whole pages, so that nothing moves while the selection stays on a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) first: usize,
    pub(super) rows: usize,
    pub(super) total: usize,
}

impl Window {
    pub(super) fn new(total: usize, selected: Option<usize>, rows: u16) -> Self {
        let rows = usize::from(rows).max(1);
        let page = selected.unwrap_or(0) / rows * rows;
        Self { first: page.min(total.saturating_sub(rows)), rows, total }
    }

    pub(super) const fn above(&self) -> usize {
        self.first
    }

    pub(super) const fn below(&self) -> usize {
        self.total.saturating_sub(self.first + self.rows)
    }
}

/// What stands in the line above a pane.
pub(super) struct Pane {
    pub(super) title: String,
    /// Whether it takes the keys.
    pub(super) focus: bool,
    pub(super) window: Window,
    /// The worst of what is not on the screen.
    pub(super) hint: Option<(String, Role)>,
}

pub(super) fn draw(scene: &Scene<'_>, pane: &Pane, area: Rect, buffer: &mut Buffer) {
    let (rule, title, line) =
        if pane.focus { (Role::RuleFocus, Role::TitleFocus, "━") } else { (Role::Rule, Role::Title, "─") };
    let (rule, title) = (scene.style(rule), scene.style(title));
    let width = area.width;
    Pen::new(buffer, area, 0).fill(line, width, rule);
    let more: Vec<String> = [(pane.window.above(), "▲"), (pane.window.below(), "▼")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, arrow)| format!(" {arrow} {count} more "))
        .collect();
    let kept = more.iter().map(|text| super::pen::width(text)).fold(4, u16::saturating_add);
    let mut left = vec![Piece::new(line, rule, 9), Piece::new(if pane.focus { "▸" } else { " " }, rule, 9)];
    // The rule's ends, the mark and a blank take four columns. Who it is about is cut, never left out; that there is more
    // stands even then.
    left.push(Piece::new(fit(&pane.title, width.saturating_sub(kept)), title, 9));
    left.push(Piece::new(" ", rule, 9));
    let mut right = Vec::new();
    if let Some((hint, role)) = &pane.hint {
        right.push(Piece::new(" not shown: ", scene.style(Role::Dim), 7));
        right.push(Piece::new(hint.clone(), scene.style(*role), 8));
        right.push(Piece::new(" ", rule, 8));
    }
    right.extend(more.into_iter().map(|text| Piece::new(text, scene.style(Role::Text), 9)));
    pieces(buffer, area, 0, left, right);
}
