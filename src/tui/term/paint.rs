//! Turns a frame into the fewest bytes that make a terminal show it.

use super::{
    cell::{self, Cell},
    sgr::{self, Pen},
};
use ratatui::buffer::Buffer;

/// A frame that touches more cells than this is bracketed, so that a terminal that can do so shows it at once.
pub const SYNC_CELLS: usize = 40;
const SYNC_BEGIN: &[u8] = b"\x1b[?2026h";
pub(super) const SYNC_END: &[u8] = b"\x1b[?2026l";
const ERASE_TO_END_OF_LINE: &[u8] = b"\x1b[K";

/// Remembers what the terminal shows, and writes only what differs from it.
///
/// It remembers cursor, colours and attributes from frame to frame. What stands in a frame cannot drive the terminal:
/// control characters become question marks.
#[derive(Debug, Default)]
pub struct Painter {
    width: u16,
    height: u16,
    shown: Vec<Cell>,
    wanted: Vec<Cell>,
    /// `None` if nobody knows it.
    pen: Option<Pen>,
    /// Column and row; `None` if nobody knows it, as after the last column.
    cursor: Option<(u16, u16)>,
}

impl Painter {
    /// A painter that knows nothing of the terminal yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Something else may have written to the terminal, or its size has changed: the next frame writes every cell.
    pub fn invalidate(&mut self) {
        self.shown.fill(Cell::UNKNOWN);
        self.pen = None;
        self.cursor = None;
    }

    /// Appends to `out` what makes the terminal show `frame`: nothing if it does already. A frame of another size than
    /// the one before is written in full. Gives the number of cells that differed.
    pub fn paint(&mut self, frame: &Buffer, out: &mut Vec<u8>) -> usize {
        let mut wanted = std::mem::take(&mut self.wanted);
        cell::read(frame, &mut wanted);
        if (self.width, self.height) != (frame.area.width, frame.area.height) {
            (self.width, self.height) = (frame.area.width, frame.area.height);
            self.shown.resize(wanted.len(), Cell::UNKNOWN);
            self.invalidate();
        }
        let mut shown = std::mem::take(&mut self.shown);
        let touched = shown.iter().zip(&wanted).filter(|(was, is)| was != is).count();
        if touched > 0 {
            let sync = touched > SYNC_CELLS;
            out.extend(if sync { SYNC_BEGIN } else { b"" });
            let width = usize::from(self.width).max(1);
            for (y, (was, is)) in (0..self.height).zip(shown.chunks(width).zip(wanted.chunks(width))) {
                if was != is {
                    self.row(y, was, is, out);
                }
            }
            out.extend(if sync { SYNC_END } else { b"" });
        }
        std::mem::swap(&mut shown, &mut wanted);
        (self.shown, self.wanted) = (shown, wanted);
        touched
    }

    fn row(&mut self, y: u16, was: &[Cell], is: &[Cell], out: &mut Vec<u8>) {
        let erase_from = erase_from(was, is);
        let end = erase_from.unwrap_or(is.len());
        let mut x = 0;
        while x < end {
            let Some((cell, before)) = is.get(x).zip(was.get(x)) else { break };
            let width = usize::from(cell.glyph.width()).max(1);
            // The halves of a wide character go together.
            if cell != before || (width == 2 && is.get(x + 1) != was.get(x + 1)) {
                self.close_gap(column(x), y, is, out);
                self.put(column(x), y, cell, out);
            }
            x += width;
        }
        if let Some(x) = erase_from {
            self.move_to(column(x), y, out);
            if !self.pen.is_some_and(Pen::erases_plainly) {
                self.set_pen(Pen::PLAIN, out);
            }
            out.extend(ERASE_TO_END_OF_LINE);
        }
    }

    /// Writes the unchanged cells between the cursor and `x` anew if that is shorter than a move.
    fn close_gap(&mut self, x: u16, y: u16, is: &[Cell], out: &mut Vec<u8>) {
        let Some((from, row)) = self.cursor else { return };
        if row != y || from >= x {
            return;
        }
        let Some(gap) = is.get(usize::from(from)..usize::from(x)) else { return };
        let starts_whole = gap.first().is_some_and(|cell| cell.glyph.width() > 0);
        let same_pen = gap.iter().all(|cell| self.serves(cell) && !cell.glyph.is_marked());
        let bytes: usize = gap.iter().map(|cell| cell.glyph.bytes().len()).sum();
        if starts_whole && same_pen && bytes <= shortest_move(self.cursor, (x, y)).len() {
            gap.iter().for_each(|cell| out.extend(cell.glyph.bytes()));
            self.cursor = Some((x, y));
        }
    }

    fn put(&mut self, x: u16, y: u16, cell: &Cell, out: &mut Vec<u8>) {
        self.move_to(x, y, out);
        if !self.serves(cell) {
            self.set_pen(cell.pen, out);
        }
        out.extend(cell.glyph.bytes());
        let next = x + u16::from(cell.glyph.width());
        // After the last column, terminals differ in where the cursor is; after marks, some reckon otherwise.
        self.cursor = (next < self.width && !cell.glyph.is_marked()).then_some((next, y));
    }

    /// Whether a cell comes out right with the pen as it is.
    fn serves(&self, cell: &Cell) -> bool {
        let serves = |pen: Pen| pen == cell.pen || (cell.glyph.is_blank() && pen.serves_blank(cell.pen));
        self.pen.is_some_and(serves)
    }

    fn set_pen(&mut self, pen: Pen, out: &mut Vec<u8>) {
        sgr::change(out, self.pen, pen);
        self.pen = Some(pen);
    }

    fn move_to(&mut self, x: u16, y: u16, out: &mut Vec<u8>) {
        if self.cursor != Some((x, y)) {
            out.extend(shortest_move(self.cursor, (x, y)));
            self.cursor = Some((x, y));
        }
    }
}

/// The column from which erasing the rest of the line is shorter than writing blanks. Both need the same pen.
fn erase_from(was: &[Cell], is: &[Cell]) -> Option<usize> {
    let filled = is.len() - is.iter().rev().take_while(|cell| **cell == Cell::BLANK).count();
    let mut blanks = was.iter().zip(is).enumerate().skip(filled).filter(|(_, (was, is))| was != is).map(|(x, _)| x);
    let first = blanks.next()?;
    let last = blanks.next_back()?;
    (last - first >= ERASE_TO_END_OF_LINE.len()).then_some(first)
}

fn column(x: usize) -> u16 {
    u16::try_from(x).unwrap_or(u16::MAX)
}

/// `CSI n` and a letter; a count of 1 is left out.
fn control(out: &mut Vec<u8>, count: u16, letter: u8) {
    out.extend(b"\x1b[");
    if count != 1 {
        sgr::number(out, count);
    }
    out.push(letter);
}

fn absolute((x, y): (u16, u16)) -> Vec<u8> {
    let mut out = b"\x1b[".to_vec();
    if y > 0 {
        sgr::number(&mut out, y + 1);
    }
    if x > 0 {
        out.push(b';');
        sgr::number(&mut out, x + 1);
    }
    out.push(b'H');
    out
}

/// The shortest sequence that moves the cursor; `from` is `None` if nobody knows where it is.
fn shortest_move(from: Option<(u16, u16)>, to: (u16, u16)) -> Vec<u8> {
    let mut best = absolute(to);
    let Some(from) = from else { return best };
    let mut offer = |bytes: Vec<u8>| {
        if bytes.len() < best.len() {
            best = bytes;
        }
    };
    let horizontal = |from: u16, out: &mut Vec<u8>| match to.0 {
        x if x > from => control(out, x - from, b'C'),
        0 if from > 0 => out.push(b'\r'),
        x if from - x < 4 => out.extend(std::iter::repeat_n(b'\x08', usize::from(from - x))),
        x => control(out, from - x, b'D'),
    };
    let mut relative = Vec::new();
    match (from.1, to.1) {
        (a, b) if b > a => control(&mut relative, b - a, b'B'),
        (a, b) if a > b => control(&mut relative, a - b, b'A'),
        _ => {}
    }
    horizontal(from.0, &mut relative);
    offer(relative);
    if let Some(down @ 1..) = to.1.checked_sub(from.1) {
        let mut lines = vec![b'\r'];
        lines.extend(std::iter::repeat_n(b'\n', usize::from(down)));
        horizontal(0, &mut lines);
        offer(lines);
    }
    best
}

#[cfg(test)]
mod tests;
