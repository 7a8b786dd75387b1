//! The desk: a list, and the details of the selected entry.

use super::pen::{Pen, Piece, pieces, take_bottom, take_left, take_top, width};
use crate::tui::{
    core::{Desk, DeskLine, Entry, Mark},
    theme::{Look, Role},
};
use ratatui::{buffer::Buffer, layout::Rect, style::Style};

/// From this width on list and details stand side by side.
const SIDE_BY_SIDE: u16 = 120;
/// What the keys do.
const KEYS: [(&str, &str); 5] =
    [("j k", "select"), ("n", "next fault"), ("pgup pgdn", "scroll"), ("r", "read again"), ("q", "leave")];

/// Draws the desk into `area` of `buffer`, and nothing outside it.
pub fn draw_desk(desk: &Desk, look: &Look, area: Rect, buffer: &mut Buffer) {
    let area = area.intersection(buffer.area);
    for position in area.positions() {
        if let Some(cell) = buffer.cell_mut(position) {
            cell.reset();
            cell.set_style(look.style(Role::Text));
        }
    }
    let (top, rest) = take_top(area, 2);
    let (bottom, body) = take_bottom(rest, 1);
    draw_head(desk, look, top, buffer);
    let rows = u16::try_from(desk.contents.entries.len()).unwrap_or(u16::MAX).max(1);
    let (list, detail) = if area.width >= SIDE_BY_SIDE {
        let (list, rest) = take_left(body, area.width * 2 / 5);
        let (line, detail) = take_left(rest, 2);
        for row in 0..line.height {
            Pen::new(buffer, line, row).put("│", look.style(Role::Rule));
        }
        (list, detail)
    } else {
        let (list, rest) = take_top(body, rows.min(body.height * 2 / 5));
        let (line, detail) = take_top(rest, 1);
        Pen::new(buffer, line, 0).fill("─", line.width, look.style(Role::Rule));
        (list, detail)
    };
    draw_list(desk, look, list, buffer);
    draw_details(desk, look, detail, buffer);
    draw_keys(look, bottom, buffer);
    look.glyphs.fold(area, buffer);
}

fn draw_head(desk: &Desk, look: &Look, area: Rect, buffer: &mut Buffer) {
    let header = look.style(Role::Header);
    Pen::new(buffer, area, 0).fill(" ", area.width, header);
    let read = match desk.changes {
        0 => format!("read {} ", desk.contents.read_at),
        1 => format!("read again {} ", desk.contents.read_at),
        more => format!("read again {} ({more} changes) ", desk.contents.read_at),
    };
    let left = vec![Piece::new(format!(" {}", desk.contents.title), header, 9)];
    pieces(buffer, area, 0, left, vec![Piece::new(read, header, 5)]);
    Pen::new(buffer, area, 1).gap(1).put(&desk.contents.summary, look.style(Role::Label));
}

const fn mark(entry: &Entry) -> (&'static str, Role) {
    match entry.mark {
        Mark::Good => ("✓", Role::Acknowledged),
        Mark::Note => ("·", Role::Dim),
        Mark::Warning => ("!", Role::AlarmMedium),
        Mark::Wrong => ("✖", Role::AlarmHigh),
    }
}

fn draw_list(desk: &Desk, look: &Look, area: Rect, buffer: &mut Buffer) {
    if desk.contents.entries.is_empty() {
        Pen::new(buffer, area, 0).gap(1).put("nothing is wrong, and there is no message", look.style(Role::Dim));
    }
    let rows = usize::from(area.height).max(1);
    let first = desk.selected / rows * rows;
    for (row, (at, entry)) in (0..area.height).zip(desk.contents.entries.iter().enumerate().skip(first)) {
        let selected = at == desk.selected;
        let (mark, role) = mark(entry);
        let text = look.style(if selected { Role::Selection } else { Role::Text });
        let mut pen = Pen::new(buffer, area, row);
        pen.left(if selected { "▌" } else { "" }, 1, look.style(Role::TitleFocus));
        pen.put(&format!(" {mark} "), look.style(role)).gap(1).put(&entry.title, text);
    }
}

fn draw_details(desk: &Desk, look: &Look, area: Rect, buffer: &mut Buffer) {
    let Some(entry) = desk.entry() else { return };
    let room = area.width.saturating_sub(2);
    let lines: Vec<(String, Style)> = entry.lines.iter().flat_map(|line| broken(line, look, room)).collect();
    let rows = usize::from(area.height);
    let first = desk.scroll.min(lines.len().saturating_sub(rows));
    for (row, (text, style)) in (0..area.height).zip(lines.iter().skip(first)) {
        Pen::new(buffer, area, row).gap(1).put(text, *style);
    }
    let below = lines.len().saturating_sub(first + rows);
    if below > 0 && area.height > 0 {
        let more = format!(" ▼ {below} more ");
        let at = area.width.saturating_sub(width(&more));
        Pen::new(buffer, area, area.height - 1).to(at).put(&more, look.style(Role::Title));
    }
}

/// A line, broken at the edge; what follows stands below its text.
fn broken(line: &DeskLine, look: &Look, room: u16) -> Vec<(String, Style)> {
    let (text, role) = match line {
        DeskLine::Plain(text) => (text, Role::Text),
        DeskLine::Strong(text) => (text, Role::TitleFocus),
        DeskLine::Dim(text) => (text, Role::Dim),
        DeskLine::Wrong(text) => (text, Role::Beyond),
    };
    let style = look.style(role);
    let indent = text.chars().take_while(|c| *c == ' ').count().min(usize::from(room) / 2);
    let (mut parts, mut part) = (Vec::new(), String::new());
    for c in text.chars() {
        part.push(c);
        if width(&part) > room {
            part.pop();
            let next = format!("{}{c}", " ".repeat(indent + 2));
            parts.push((std::mem::replace(&mut part, next), style));
        }
    }
    parts.push((part, style));
    parts
}

fn draw_keys(look: &Look, area: Rect, buffer: &mut Buffer) {
    let mut pen = Pen::new(buffer, area, 0);
    for (key, what) in KEYS {
        pen.gap(1).put(key, look.style(Role::Key)).put(&format!(" {what} "), look.style(Role::KeyWords));
    }
}
