//! Signing in.

use super::{
    dialog::dots,
    header::draw_signed_out,
    pen::{Pen, take_top, wrapped},
};
use crate::tui::{
    core::{App, HEADER_ROWS, LoginField},
    theme::{Look, Role},
};
use ratatui::{buffer::Buffer, layout::Rect};

/// What the program is for, as every first screen and manual says it.
const INTENDED_USE: [&str; 2] =
    ["Not a medical device and not a primary alarm source:", "bedside monitors and people at the bed come first."];
const FIELD_COLUMNS: usize = 32;
/// Columns and rows that the form needs.
const SIZE_MIN: (u16, u16) = (48, 9);
const COLUMNS: u16 = 56;
const ROWS: u16 = 13;
/// Rows that a long reason takes besides.
const SAID_ROWS_MORE: u16 = 3;

/// Whether there is room for the form, and for the header that it may have.
pub(super) fn fits(app: &App, area: Rect) -> bool {
    let header = if app.signed_out.is_some() { HEADER_ROWS } else { 0 };
    area.width >= SIZE_MIN.0 && area.height >= SIZE_MIN.1 + header
}

pub(super) fn draw(app: &App, look: &Look, area: Rect, buffer: &mut Buffer) {
    let Some(out) = &app.signed_out else { return form(app, look, area, buffer) };
    let (top, rest) = take_top(area, HEADER_ROWS);
    draw_signed_out(app, out, look, top, buffer);
    form(app, look, rest, buffer);
}

fn form(app: &App, look: &Look, area: Rect, buffer: &mut Buffer) {
    let columns = COLUMNS.min(area.width);
    let place = Rect {
        x: area.x + (area.width - columns) / 2,
        y: area.y + area.height.saturating_sub(ROWS) / 3,
        width: columns,
        height: area.height.min(ROWS + SAID_ROWS_MORE),
    };
    let (text, dim) = (look.style(Role::Text), look.style(Role::Dim));
    Pen::new(buffer, place, 0).put("wardwatch", look.style(Role::Title));
    Pen::new(buffer, place, 1).put(&format!("server {}", app.options.server), dim);
    let form = &app.login;
    let shown = dots(&form.passphrase, FIELD_COLUMNS - 2);
    for (row, field, name, value) in
        [(3, LoginField::User, "login name", form.user.as_str()), (4, LoginField::Passphrase, "passphrase", &shown)]
    {
        let here = form.field == field && !form.waiting;
        let mut pen = Pen::new(buffer, place, row);
        pen.put(if here { "▸ " } else { "  " }, look.style(Role::TitleFocus)).put(&format!("{name}  "), text);
        // The end is where one types.
        let skip = value.chars().count().saturating_sub(FIELD_COLUMNS - 2);
        let end: String = value.chars().skip(skip).collect();
        let cursor = if here { "▌" } else { "" };
        let style = look.style(if here { Role::Input } else { Role::Text });
        pen.put(&format!("{:<FIELD_COLUMNS$}", format!("{end}{cursor}")), style);
    }
    let said = match (&form.failed, form.waiting) {
        (_, true) => (vec!["signing in …".to_owned()], Role::Text),
        (Some(why), _) => {
            // The keys below must be seen.
            let rows = usize::from(place.height.saturating_sub(8)).max(1);
            (wrapped(&format!("✖ {why}"), columns.saturating_sub(2), rows), Role::NoticeFailed)
        }
        (None, false) => (Vec::new(), Role::Text),
    };
    let (said, role) = said;
    let padded = |line: &str| if role == Role::NoticeFailed { format!(" {line} ") } else { line.to_owned() };
    let mut row = 6;
    for line in &said {
        Pen::new(buffer, place, row).put(&padded(line), look.style(role));
        row += 1;
    }
    let row = row.max(7) + 1;
    let mut pen = Pen::new(buffer, place, row);
    for (key, words) in [("enter", "sign in"), ("tab", "other field"), ("esc", "leave")] {
        pen.put(key, look.style(Role::Key)).put(&format!(" {words}   "), look.style(Role::KeyWords));
    }
    for (row, line) in (row + 2..).zip(INTENDED_USE) {
        Pen::new(buffer, place, row).put(line, dim);
    }
}
