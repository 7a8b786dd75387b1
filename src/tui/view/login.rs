//! Signing in.

use super::{dialog::dots, pen::Pen};
use crate::tui::{
    core::{App, LoginField},
    theme::{Look, Role},
};
use ratatui::{buffer::Buffer, layout::Rect};

/// What the program is for, as every first screen and manual says it.
const INTENDED_USE: [&str; 2] =
    ["Not a medical device and not a primary alarm source:", "bedside monitors and people at the bed come first."];
const FIELD_COLUMNS: usize = 32;
/// Columns and rows that the form needs.
pub(super) const SIZE_MIN: (u16, u16) = (48, 9);
const COLUMNS: u16 = 56;
const ROWS: u16 = 13;

pub(super) fn draw(app: &App, look: &Look, area: Rect, buffer: &mut Buffer) {
    let columns = COLUMNS.min(area.width);
    let place = Rect {
        x: area.x + (area.width - columns) / 2,
        y: area.y + area.height.saturating_sub(ROWS) / 3,
        width: columns,
        height: area.height.min(ROWS),
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
        (_, true) => Some(("signing in …".to_owned(), Role::Text)),
        (Some(why), _) => Some((format!(" ✖ {why} "), Role::NoticeFailed)),
        (None, false) => None,
    };
    if let Some((said, role)) = said {
        Pen::new(buffer, place, 6).put(&said, look.style(role));
    }
    let mut pen = Pen::new(buffer, place, 8);
    for (key, words) in [("enter", "sign in"), ("tab", "other field"), ("esc", "leave")] {
        pen.put(key, look.style(Role::Key)).put(&format!(" {words}   "), look.style(Role::KeyWords));
    }
    for (row, line) in (10..).zip(INTENDED_USE) {
        Pen::new(buffer, place, row).put(line, dim);
    }
}
