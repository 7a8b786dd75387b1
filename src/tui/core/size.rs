//! What fits: the sizes that both the keys and the views go by.

use super::app::App;

/// Columns and rows that the screen needs; below, only the worst alert is shown.
pub const SIZE_MIN: (u16, u16) = (60, 15);
/// Rows of the header, always.
pub const HEADER_ROWS: u16 = 2;
/// Rows of the footer, always.
pub const FOOTER_ROWS: u16 = 1;
/// Rows of the edge of a box.
const EDGE_ROWS: u16 = 2;

/// Columns, and rows, that the edge of a screen takes: an emergency has one.
pub(super) const fn edge_of(emergency: bool) -> u16 {
    if emergency { EDGE_ROWS } else { 0 }
}

/// Whether a screen of this size shows the worst alert alone.
#[must_use]
pub const fn is_too_small((columns, rows): (u16, u16)) -> bool {
    columns < SIZE_MIN.0 || rows < SIZE_MIN.1
}

/// Lines of the help that a screen of so many rows shows at once.
#[must_use]
pub fn help_rows(rows: u16) -> usize {
    usize::from(rows.saturating_sub(HEADER_ROWS + FOOTER_ROWS + EDGE_ROWS)).max(1)
}

impl App {
    /// Whether the screen shows the worst alert alone.
    #[must_use]
    pub const fn is_too_small(&self) -> bool {
        is_too_small(self.size)
    }

    /// The furthest that the help scrolls.
    pub(super) fn help_end(&self) -> usize {
        let lines = self.offers().len() + crate::tui::words::LEGEND.len();
        lines.saturating_sub(help_rows(self.size.1))
    }
}
