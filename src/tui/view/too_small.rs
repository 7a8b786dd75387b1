//! A terminal too small for the screen: still whether it is live, how much is open, and the worst of it.

use super::{
    header::{NOT_ARRIVING, link, signed_out},
    pen::Pen,
    scene::{Scene, counts},
    sheet,
};
use crate::{
    domain::Mode,
    tui::{
        core::{App, Dialog, NoticeKind, Page, SIZE_MIN},
        theme::{Look, Role},
        words,
    },
};
use ratatui::{buffer::Buffer, layout::Rect, style::Style};

pub(super) fn draw(app: &App, look: &Look, area: Rect, buffer: &mut Buffer) {
    let mut rows = lines(app, look);
    rows.push(vec![(format!("screen too small: {}x{} needed", SIZE_MIN.0, SIZE_MIN.1), look.style(Role::Dim))]);
    for (row, line) in (0..area.height).zip(rows) {
        let mut pen = Pen::new(buffer, area, row);
        for (text, style) in line {
            pen.put(&text, style);
        }
    }
}

/// The most important first: what does not fit is cut from below.
fn lines(app: &App, look: &Look) -> Vec<Vec<(String, Style)>> {
    let mut rows = Vec::new();
    let demo = (app.mode() == Some(Mode::Demo)).then(|| ("DEMO ".to_owned(), look.style(Role::Demo)));
    if app.page == Page::Login {
        if let Some(out) = &app.signed_out {
            rows.push(vec![(signed_out(out), look.style(Role::HeaderAlarm))]);
            rows.push(vec![(NOT_ARRIVING.to_owned(), look.style(Role::HeaderAlarm))]);
        }
        rows.push(vec![("wardwatch: sign in".to_owned(), look.style(Role::Title))]);
        if let Some(why) = &app.login.failed {
            rows.push(vec![(why.clone(), look.style(Role::NoticeFailed))]);
        }
        return rows;
    }
    let live = app.health().is_live();
    let mut first: Vec<_> = demo.into_iter().collect();
    first.push((link(app), look.style(if live { Role::Live } else { Role::HeaderAlarm })));
    if let Some(waiting) = asked(app, look) {
        rows.push(waiting);
    }
    rows.push(first);
    // Who watches no ward has no alerts to count.
    let Some(ward) = app.ward.as_ref().filter(|_| !app.audits_only()) else { return rows };
    let scene = Scene::new(app, look, ward);
    let mut open = Vec::new();
    for (mark, role, count) in counts(ward) {
        open.push((format!("{mark} {count}"), look.style(if count > 0 { role } else { Role::Dim })));
        open.push((" ".to_owned(), look.style(Role::Text)));
    }
    rows.push(open);
    match app.worst_unacknowledged() {
        None => rows.push(vec![("nothing unacknowledged".to_owned(), look.style(Role::Dim))]),
        Some(alert) => {
            rows.push(vec![
                (words::mark(alert).to_owned(), scene.mark_style(alert)),
                (format!(" {} ", words::bed_of(alert, ward)), look.style(Role::Title)),
                (words::condition_now(alert, ward), look.style(Role::Text)),
            ]);
            let name = scene.name(alert.key.patient.as_ref());
            let lasting = words::lasting(scene.now.since(alert.raised_at));
            rows.push(vec![(format!("{name} {lasting}").trim().to_owned(), look.style(Role::Text))]);
        }
    }
    if let Some(notice) = &app.notice {
        let role = if notice.kind == NoticeKind::Done { Role::NoticeDone } else { Role::NoticeFailed };
        rows.push(vec![(notice.text.clone(), look.style(role))]);
    }
    rows
}

/// A question takes the keys although its box does not fit: it is asked in a line.
fn asked(app: &App, look: &Look) -> Option<Vec<(String, Style)>> {
    let text = match app.dialog.as_ref()? {
        Dialog::ConfirmAcknowledge { alert, transition } => {
            let ward = app.ward.as_ref()?;
            if ward.alerts.get(alert).is_some_and(|a| !a.is_as_seen(*transition)) {
                return Some(vec![("IT CHANGED: n, look again".to_owned(), look.style(Role::NoticeFailed))]);
            }
            let about = ward.alerts.get(alert).map_or_else(
                || "an alert that is over".to_owned(),
                |a| format!("{} {}", words::bed_of(a, ward), words::condition_now(a, ward)),
            );
            format!("y/n acknowledge {about}?")
        }
        Dialog::Sheet(of) => sheet::in_a_line(app, of),
        Dialog::ConfirmPause { .. } => "y/n confirm the pause as the second person?".to_owned(),
        Dialog::Handover(_) => "handover: too small to sign, esc goes back".to_owned(),
        Dialog::ConfirmQuit => "y/n leave?".to_owned(),
        Dialog::Help { .. } => "help: esc closes".to_owned(),
        Dialog::Filter { .. } => format!("filter {}", app.page_filter().text()),
        Dialog::Unlock(form) => form.failed.clone().unwrap_or_else(|| "passphrase unlocks".to_owned()),
    };
    Some(vec![(text, look.style(Role::Input))])
}
