//! The last line: news, the filter that is being typed, or what keys do now.

use super::pen::{Pen, fit, width, wrap};
use crate::tui::{
    core::{Act, Action, App, Deed, Dialog, NoticeKind, Offer, Page},
    keymap,
    theme::{Look, Role},
    words,
};
use ratatui::{buffer::Buffer, layout::Rect, style::Style};

/// Lines that news take at most.
const NOTICE_ROWS_MAX: u16 = 4;

/// What the footer names first: what is done most, and what one may not find.
const ORDER: [Action; 50] = [
    Action::Unlock,
    Action::Acknowledge,
    Action::EndPause,
    Action::ConfirmPause,
    Action::Hand(Deed::Take),
    Action::Hand(Deed::Refuse),
    Action::Hand(Deed::Withdraw),
    Action::Hand(Deed::Give),
    Action::Hand(Deed::GiveAll),
    Action::Worst,
    Action::Do(Act::Accept),
    Action::Do(Act::Snooze),
    Action::Open,
    Action::Do(Act::SetLimits),
    Action::Do(Act::TakeSuggestion),
    Action::Do(Act::ResetLimits),
    Action::FieldLeft,
    Action::FieldRight,
    Action::Do(Act::AddShift),
    Action::Do(Act::RemoveShift),
    Action::Do(Act::AssignDevice),
    Action::Do(Act::EndAssignment),
    Action::Do(Act::RetryLetter),
    Action::Do(Act::RetryLetters),
    Action::Do(Act::DropLetter),
    Action::Back,
    Action::ShowLimits,
    Action::Do(Act::Chart),
    Action::SwitchPane,
    Action::RenewReport,
    Action::RangeShorter,
    Action::RangeLonger,
    Action::ClearFilter,
    Action::Filter,
    Action::Sort,
    Action::Do(Act::Sound),
    Action::Do(Act::Procedure),
    Action::Do(Act::Decline),
    Action::Do(Act::HandOver),
    Action::Do(Act::Comment),
    Action::ShowPauses,
    Action::ShowRota,
    Action::ShowReport,
    Action::ShowOps,
    Action::ShowAudit,
    Action::ShowHandover,
    Action::ShowDevices,
    Action::Do(Act::Standby),
    Action::Do(Act::AlarmOff),
    Action::Quit,
];

pub(super) fn draw(app: &App, look: &Look, area: Rect, buffer: &mut Buffer) {
    if let Some(Dialog::Filter { .. }) = &app.dialog {
        filter(app, look, area, buffer);
    } else if let Some(notice) = &app.notice {
        let (role, mark) = match notice.kind {
            NoticeKind::Done => (Role::NoticeDone, "✓"),
            NoticeKind::Failed => (Role::NoticeFailed, "✖"),
        };
        notice_lines(&format!("{mark} {}", notice.text), look.style(role), area, buffer);
    } else if app.dialog.is_some() {
        Pen::new(buffer, area, 0).gap(1).put("keys: see the box above", look.style(Role::Dim));
    } else {
        keys(app, look, area, buffer);
    }
}

/// News, whole: what does not go into the last line takes lines above it.
fn notice_lines(text: &str, style: Style, area: Rect, buffer: &mut Buffer) {
    let lines = wrap(text, area.width.saturating_sub(2));
    let lines: Vec<String> = lines.into_iter().take(usize::from(NOTICE_ROWS_MAX)).collect();
    let rows = u16::try_from(lines.len()).unwrap_or(NOTICE_ROWS_MAX).min(area.bottom());
    let place = Rect { y: area.bottom().saturating_sub(rows), height: rows, ..area };
    let whole = if rows > 1 { area.width } else { 0 };
    for (row, line) in (0..rows).zip(&lines) {
        let line = format!(" {line} ");
        let spaces = " ".repeat(usize::from(whole.saturating_sub(width(&line))));
        Pen::new(buffer, place, row).put(&line, style).put(&spaces, style);
    }
}

fn filter(app: &App, look: &Look, area: Rect, buffer: &mut Buffer) {
    let (key, words) = (look.style(Role::Key), look.style(Role::KeyWords));
    let mut pen = Pen::new(buffer, area, 0);
    pen.put(" filter ", look.style(Role::Title));
    let text = app.page_filter().text();
    let room = (area.width / 2).max(20);
    // The end is where one types: it is what has to be seen.
    let skip = width(text).saturating_sub(room.saturating_sub(2));
    let end: String = text.chars().skip(usize::from(skip)).collect();
    pen.put(&format!("{:<26}", format!("{end}▌")), look.style(Role::Input));
    for (name, what) in [("enter", "keep"), ("esc", "as before")] {
        pen.put(&format!("  {name}"), key).put(&format!(" {what}"), words);
    }
    if pen.room() > 50 && app.page == Page::Devices {
        pen.put("   device, bed, name, gateway, lost, battery, nobody", words);
    } else if pen.room() > 50 && app.page == Page::Audit {
        pen.put("   patient:ID, user:NAME, reads, break-glass, failures, since:7d", words);
    } else if pen.room() > 50 {
        pen.put("   bed, name, bed:4, alert, high, medium, low, technical, stale", words);
    }
}

fn keys(app: &App, look: &Look, area: Rect, buffer: &mut Buffer) {
    let offers = app.offers();
    let able = |action: Action| offers.iter().find(|o| o.action == action && o.not_now.is_none());
    let mut pen = Pen::new(buffer, area, 0);
    let help = able(Action::Help).map(short);
    let kept = help.as_ref().map_or(0, |(k, w)| width(k) + width(w) + 3);
    for offer in ORDER.into_iter().filter_map(able) {
        let (key, mut words) = short(offer);
        // On the patient's page nothing is selected: the key says which of the alerts it means.
        if let (Action::Acknowledge, Page::Patient, Some(alert), Some(ward)) =
            (offer.action, app.page, app.target_alert(), &app.ward)
        {
            let named = format!("{words} {}", words::condition(alert, ward));
            if width(&key) + width(&named) + 3 + kept <= pen.room() {
                words = named;
            }
        }
        if width(&key) + width(&words) + 3 + kept <= pen.room() {
            pen.put(&format!(" {key}"), look.style(Role::Key));
            pen.put(&format!(" {words} "), look.style(Role::KeyWords));
        }
    }
    if let Some((key, words)) = help {
        pen.put(&format!(" {key}"), look.style(Role::Key)).put(&format!(" {words}"), look.style(Role::KeyWords));
    }
}

fn short(offer: &Offer) -> (String, String) {
    (fit(&key_of(offer.action), 10), offer.words.to_owned())
}

/// The usual key of an action, as people write it.
pub(super) fn key_of(action: Action) -> String {
    keymap::keys_of(action).next().map(keymap::name).unwrap_or_default()
}
