//! What a terminal's font can draw.

use ratatui::{buffer::Buffer, layout::Rect};

/// What a terminal's font can draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Glyphs {
    /// Blocks, braille, lines and marks.
    Unicode,
    /// ASCII for traces, lines and marks. Letters of names stay as they are.
    Ascii,
}

/// Views draw in Unicode; where only ASCII can be drawn, each of these takes the place of the other, cell by cell, so
/// that nothing moves. A hidden name is never `***`: that is the mark of a high alert.
const ASCII: [(char, &str); 49] = [
    ('▁', "_"),
    ('▂', "."),
    ('▃', "."),
    ('▄', "-"),
    ('▅', "-"),
    ('▆', "'"),
    ('▇', "'"),
    ('█', "^"),
    ('●', "o"),
    ('✖', "X"),
    ('✓', "v"),
    ('·', "."),
    ('•', "o"),
    ('…', "~"),
    ('–', "-"),
    ('—', "-"),
    ('°', " "),
    ('▌', ">"),
    ('▸', ">"),
    ('▲', "^"),
    ('▼', "v"),
    ('↑', "^"),
    ('↥', "^"),
    ('↓', "v"),
    ('←', "<"),
    ('→', ">"),
    ('×', "x"),
    ('─', "-"),
    ('━', "="),
    ('│', "|"),
    ('┃', "|"),
    ('┄', "-"),
    ('┌', "+"),
    ('┐', "+"),
    ('└', "+"),
    ('┘', "+"),
    ('├', "+"),
    ('┤', "+"),
    ('┬', "+"),
    ('┴', "+"),
    ('┼', "+"),
    ('╭', "+"),
    ('╮', "+"),
    ('╰', "+"),
    ('╯', "+"),
    ('╵', "'"),
    ('╷', "."),
    ('≥', ">"),
    ('≤', "<"),
];

impl Glyphs {
    /// Writes what is in `area` of the buffer with these glyphs.
    pub(in crate::tui) fn fold(self, area: Rect, buffer: &mut Buffer) {
        if self == Self::Unicode {
            return;
        }
        for position in area.intersection(buffer.area).positions() {
            let Some(cell) = buffer.cell_mut(position) else { continue };
            let mut chars = cell.symbol().chars();
            if let (Some(c), None) = (chars.next(), chars.next())
                && let Some((_, ascii)) = ASCII.iter().find(|(from, _)| *from == c)
            {
                cell.set_symbol(ascii);
            }
        }
    }
}
