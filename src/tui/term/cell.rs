//! What stands in one cell of a terminal, in a form that every terminal takes alike.

use super::sgr::Pen;
use ratatui::buffer::Buffer;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Longest character with its marks that is sent, in bytes; further marks are left out.
pub(super) const GLYPH_MAX_BYTES: usize = 22;
/// Shown for what must not reach a terminal.
const REPLACEMENT: u8 = b'?';

/// A character with its marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Glyph {
    bytes: [u8; GLYPH_MAX_BYTES],
    len: u8,
    /// Columns: 1 or 2; 0 for the second half of a wide character.
    width: u8,
    marked: bool,
}

impl Glyph {
    const BLANK: Self = Self::ascii(b' ');
    /// The second half of a wide character.
    const CONTINUATION: Self = Self { bytes: [0; GLYPH_MAX_BYTES], len: 0, width: 0, marked: false };
    /// What no frame holds: nobody knows what the terminal shows.
    const UNKNOWN: Self = Self { marked: true, ..Self::CONTINUATION };

    const fn ascii(byte: u8) -> Self {
        let mut bytes = [0; GLYPH_MAX_BYTES];
        let [first, ..] = &mut bytes;
        *first = byte;
        Self { bytes, len: 1, width: 1, marked: false }
    }

    fn base(c: char) -> Self {
        let mut bytes = [0; GLYPH_MAX_BYTES];
        let len = c.encode_utf8(&mut bytes).len();
        Self { bytes, len: u8::try_from(len).unwrap_or(0), width: columns(c), marked: false }
    }

    /// Adds a mark; left out if there is no room.
    fn mark(&mut self, c: char) {
        let at = usize::from(self.len);
        if let Some(room) = self.bytes.get_mut(at..at + c.len_utf8()) {
            c.encode_utf8(room);
            self.len = u8::try_from(at + c.len_utf8()).unwrap_or(self.len);
            self.marked = true;
        }
    }

    /// What is sent.
    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }

    /// Columns: 1 or 2; 0 for the second half of a wide character.
    pub(super) const fn width(&self) -> u8 {
        self.width
    }

    /// Whether terminals may disagree where the cursor is after it.
    pub(super) const fn is_marked(&self) -> bool {
        self.marked
    }

    pub(super) fn is_blank(&self) -> bool {
        *self == Self::BLANK
    }
}

/// A cell as it is or shall be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) glyph: Glyph,
    pub(super) pen: Pen,
}

impl Cell {
    /// Nothing, in the terminal's own colours.
    pub(super) const BLANK: Self = Self { glyph: Glyph::BLANK, pen: Pen::PLAIN };
    /// Nobody knows what the terminal shows; equal to no cell of a frame.
    pub(super) const UNKNOWN: Self = Self { glyph: Glyph::UNKNOWN, pen: Pen::PLAIN };

    /// A cell, with what cannot be seen on a blank left out.
    fn new(glyph: Glyph, pen: Pen) -> Self {
        let pen = if glyph.is_blank() { pen.of_blank() } else { pen };
        Self { glyph, pen }
    }
}

/// Columns of a character. The halfwidth voiced sound marks stand in a cell of their own in every terminal.
fn columns(c: char) -> u8 {
    match c {
        '\u{ff9e}' | '\u{ff9f}' => 1,
        _ => u8::try_from(UnicodeWidthChar::width(c).unwrap_or(0)).unwrap_or(2),
    }
}

/// Characters without a width that change the order of others, join them or change their width: left out, for terminals
/// do not agree on them, and a name could make another one look different.
const fn is_dropped(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{fe0e}' | '\u{fe0f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

fn is_harmful(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// The columns that a symbol takes in a frame, as those who wrote the frame reckoned.
fn columns_in_frame(symbol: &str) -> usize {
    let voiced = symbol.chars().filter(|c| matches!(c, '\u{ff9e}' | '\u{ff9f}')).count();
    (symbol.width() + voiced).clamp(1, 2)
}

/// A symbol as characters with their marks that fit into `room` columns, and the columns that stay free.
fn glyphs(symbol: &str, room: usize, mut put: impl FnMut(Glyph)) {
    let mut free = room;
    let mut open: Option<Glyph> = None;
    for c in symbol.chars().filter(|c| !is_dropped(*c)) {
        match (columns(c), &mut open) {
            (0, Some(glyph)) => glyph.mark(c),
            (0, None) => {}
            (width, _) => {
                if usize::from(width) > free {
                    break;
                }
                free -= usize::from(width);
                if let Some(done) = open.replace(Glyph::base(c)) {
                    put(done);
                }
            }
        }
    }
    if let Some(done) = open {
        put(done);
    }
    (0..free).for_each(|_| put(Glyph::BLANK));
}

/// Reads a frame into cells, row by row.
pub(super) fn read(frame: &Buffer, cells: &mut Vec<Cell>) {
    cells.clear();
    let width = usize::from(frame.area.width).max(1);
    for row in frame.content.chunks(width) {
        let end = cells.len() + row.len();
        let mut hidden = 0;
        for cell in row {
            if hidden > 0 {
                hidden -= 1;
                continue;
            }
            let symbol = cell.symbol();
            let pen = Pen::of(cell);
            let room = end - cells.len();
            match symbol.as_bytes() {
                [byte @ b' '..=b'~'] => cells.push(Cell::new(Glyph::ascii(*byte), pen)),
                _ if symbol.chars().any(is_harmful) => cells.push(Cell::new(Glyph::ascii(REPLACEMENT), pen)),
                _ => {
                    let columns = columns_in_frame(symbol).min(room);
                    hidden = columns.saturating_sub(1);
                    glyphs(symbol, columns, |glyph| {
                        cells.push(Cell::new(glyph, pen));
                        if glyph.width > 1 {
                            cells.push(Cell { glyph: Glyph::CONTINUATION, pen });
                        }
                    });
                }
            }
        }
        cells.resize(end, Cell::BLANK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;
    use rstest::rstest;

    fn row(symbols: &[&str]) -> String {
        let mut frame = Buffer::empty(Rect::new(0, 0, u16::try_from(symbols.len()).unwrap(), 1));
        for (cell, symbol) in frame.content.iter_mut().zip(symbols) {
            cell.set_symbol(symbol);
        }
        let mut cells = Vec::new();
        read(&frame, &mut cells);
        assert_eq!(cells.len(), symbols.len());
        let columns: usize = cells.iter().map(|c| usize::from(c.glyph.width())).sum();
        assert_eq!(columns, symbols.len(), "every column is accounted for");
        cells.iter().map(|c| std::str::from_utf8(c.glyph.bytes()).unwrap()).collect()
    }

    #[rstest]
    #[case::plain(&["a", "b"], "ab")]
    #[case::wide(&["愛", " ", "b"], "愛b")]
    #[case::wide_without_room(&["a", "愛"], "a ")]
    #[case::hidden_by_wide(&["愛", "x", "b"], "愛b")]
    #[case::mark(&["e\u{301}", "b"], "e\u{301}b")]
    #[case::voiced(&["ｶﾞ", " ", "b"], "ｶﾞb")]
    #[case::joined_emoji(&["👨\u{200d}👩", " ", "b"], "👨b")]
    #[case::emoji_selector(&["❤\u{fe0f}", " ", "b"], "❤ b")]
    #[case::control(&["\x1b", "\u{9b}", "\r\n", "\x07", "\u{2028}"], "?????")]
    #[case::sequence(&["\x1b]52;c;QQ==\x07", "b"], "?b")]
    #[case::order(&["\u{202e}a", "b"], "ab")]
    #[case::nothing(&["", "b"], " b")]
    #[case::lone_mark(&["\u{301}", "b"], " b")]
    fn every_cell_has_a_form_that_all_terminals_take(#[case] symbols: &[&str], #[case] shown: &str) {
        assert_eq!(row(symbols), shown);
    }

    #[test]
    fn marks_have_an_end() {
        let heap = format!("e{}", "\u{301}".repeat(100));
        assert_eq!(row(&[&heap]).len(), 1 + 2 * ((GLYPH_MAX_BYTES - 1) / 2));
    }
}
