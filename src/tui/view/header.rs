//! The header: whether what is shown is live, what is unacknowledged, where and who one is.

use super::{
    footer::key_of,
    handover, pauses,
    pen::{Pen, Piece, pieces, total, width},
    scene::counts,
};
use crate::{
    domain::{ConditionCode, Millis, Mode, SystemFault},
    protocol::StoreState,
    tui::{
        core::{Action, App, Health, LINK_STALE_AFTER, Phase, SignedOut},
        theme::{Look, Role},
        words,
    },
};
use ratatui::{buffer::Buffer, layout::Rect, style::Style};

pub(super) fn draw(app: &App, look: &Look, area: Rect, buffer: &mut Buffer) {
    let live = app.health().is_live();
    let base = look.style(if live { Role::Header } else { Role::HeaderAlarm });
    buffer.set_style(area, base);
    let mut left = Vec::new();
    if live {
        let name = app.ward.as_ref().map_or("", |w| w.ward.name.as_str());
        left.push(Piece::new(format!(" {name} "), base.patch(bold()), 6));
        left.push(Piece::new(format!(" {} ", link(app)), base.patch(look.style(Role::Live)), 9));
    } else {
        left.push(Piece::new(format!(" {} ", link(app)), base, 9));
    }
    let mut urgent = urgent(app, look, base);
    let lost = (!live && !app.audits_only()).then(|| Piece::new(format!("· {NOT_ARRIVING} "), base, 9));
    // Where the first row has no room for it, it begins the second.
    let fits = total(&left) + total(&urgent) + u32::from(width(NOT_ARRIVING)) + 3 <= u32::from(area.width);
    let said = lost.filter(|_| fits).map(|piece| left.push(piece)).is_some();
    left.append(&mut urgent);
    pieces(buffer, area, 0, left, clock(app, base));
    second_row(app, look, (base, !live && !said && !app.audits_only()), area, buffer);
}

/// What a dead link means.
pub(super) const NOT_ARRIVING: &str = "ALERTS ARE NOT ARRIVING";

/// What is still there without it.
const STILL_SOUND: &str = "bedside monitors still sound";

/// When the session ended: `SIGNED OUT at 06:00`.
pub(super) fn signed_out(out: &SignedOut) -> String {
    out.at.map_or_else(|| "SIGNED OUT".to_owned(), |at| format!("SIGNED OUT at {}", words::clock_minutes(at, out.zone)))
}

/// The header above the login of somebody whose session ended while they watched.
pub(super) fn draw_signed_out(app: &App, out: &SignedOut, look: &Look, area: Rect, buffer: &mut Buffer) {
    let base = look.style(Role::HeaderAlarm);
    buffer.set_style(area, base);
    Pen::new(buffer, area, 0).put(&format!(" {} · {NOT_ARRIVING} ", signed_out(out)), base.patch(bold()));
    let mut pen = Pen::new(buffer, area, 1);
    pen.put(&format!(" {STILL_SOUND} · for {}", words::lasting(app.now - out.since)), base);
}

fn bold() -> Style {
    Style::new().add_modifier(ratatui::style::Modifier::BOLD)
}

/// The counts and what must not be missed.
fn urgent(app: &App, look: &Look, base: Style) -> Vec<Piece> {
    let mut all = Vec::new();
    // All counts or none: a count that is left out would pass for none.
    let mut counted = Vec::new();
    // Who watches no ward has no alerts to count.
    let watched = app.ward.as_ref().filter(|_| !app.audits_only());
    for (mark, role, count) in watched.map(counts).into_iter().flatten() {
        let style = if count > 0 { base.patch(look.style(role)) } else { base };
        counted.extend([(" ".to_owned(), base), (format!("{mark} {count}"), style), (" ".to_owned(), base)]);
    }
    all.push(Piece::of(counted, 9));
    if app.mode() == Some(Mode::Demo) {
        all.push(Piece::of(vec![(" ".to_owned(), base), (" DEMO ".to_owned(), look.style(Role::Demo))], 9));
    }
    if app.is_locked() {
        all.push(Piece::of(vec![(" ".to_owned(), base), (" LOCKED ".to_owned(), look.style(Role::Locked))], 8));
    }
    all
}

fn clock(app: &App, base: Style) -> Vec<Piece> {
    let (Some(now), Some(ward)) = (app.server_now(), &app.ward) else { return Vec::new() };
    let zone = ward.ward.time_zone;
    vec![
        Piece::new(format!(" {}", words::clock(now, zone)), base, 6),
        Piece::new(format!(" {}", words::zone(now, zone)), base, 5),
        Piece::new(" ", base, 6),
    ]
}

fn second_row(app: &App, look: &Look, (base, begin): (Style, bool), area: Rect, buffer: &mut Buffer) {
    let mut left = Vec::new();
    let mut add = |text: &str, style: Style, weight: u8| {
        let dot = if left.is_empty() { " " } else { " · " };
        left.push(Piece::of(vec![(dot.to_owned(), base), (text.to_owned(), style)], weight));
    };
    if begin {
        add(NOT_ARRIVING, base, 9);
    }
    if let Some(what) = &app.trail.forked {
        add(FORKED, base.patch(look.style(Role::AlarmHigh)), 9);
        add(what, base, 7);
    }
    if is_unrecorded(app) {
        add(" NOTHING IS RECORDED ", base.patch(look.style(Role::AlarmHigh)), 9);
    } else if !app.unrecorded.is_empty() {
        let text = format!(" alerts not recorded: {} ", app.unrecorded.len());
        add(&text, base.patch(look.style(Role::AlarmMedium)), 8);
    }
    if !app.health().is_live() {
        for (text, weight) in sentence(app, area.width) {
            add(&text, base, weight);
        }
    }
    if let Some(quiet) = pauses::mark(app) {
        add(&format!(" {quiet} "), base.patch(look.style(Role::Quiet)), 8);
    }
    if let Some(offered) = handover::mark(app) {
        add(&format!(" {offered} "), base.patch(look.style(Role::Quiet)), 7);
    }
    if let Some(fault) = system_fault(app) {
        add(fault, base.patch(look.style(Role::Technical)), 7);
    }
    if app.is_locked() {
        add(&format!("names are hidden, {} unlocks", key_of(Action::Unlock)), base, 6);
    }
    if !app.audits_only() {
        add("AUDIO NOT ASSURED", base, 5);
    }
    if let Some(session) = &app.session {
        add(&format!("{} ({})", session.user, session.role), base, 5);
    }
    if app.trail.forked.is_none() && app.trail.failed.is_some() {
        add("audit not witnessed", base, 4);
    }
    let mut right = Vec::new();
    if app.audit > 0 {
        right.push(Piece::new(format!("audit {} ", words::thousands(app.audit)), base, 2));
        if let (Some(at), None) = (app.trail.witnessed, &app.trail.forked) {
            right.push(Piece::new(format!("· witnessed {} ", witnessed(app.now - at)), base, 1));
        }
    }
    pieces(buffer, area, 1, left, right);
}

/// The past was changed, or is not the same for everybody.
pub(super) const FORKED: &str = " AUDIT FORKED ";

/// How long ago the trail was witnessed. It changes seldom: what changes costs bytes on the way to the terminal.
pub(super) fn witnessed(age: Millis) -> String {
    match age.as_secs() / 10 {
        0 => "<10s ago".to_owned(),
        tens => format!("{}s ago", tens * 10),
    }
}

/// The line that says so where there is no header: the last row.
pub(super) fn draw_forked(app: &App, look: &Look, area: Rect, buffer: &mut Buffer) {
    let Some(what) = &app.trail.forked else { return };
    let row = area.height.saturating_sub(1);
    Pen::new(buffer, area, row).put(&format!("{FORKED}{what} "), look.style(Role::AlarmHigh));
}

/// The link in a few words: `● LIVE <1s`, `✖ SILENT for 0:04`, `✖ NO LINK for 0:14`.
pub(super) fn link(app: &App) -> String {
    match (app.health(), &app.link.phase) {
        (Health::Live { age }, _) if age.as_secs() < 1 => "● LIVE <1s".to_owned(),
        (Health::Live { age }, _) => format!("● LIVE  {}s", age.as_secs().min(LINK_STALE_AFTER.as_secs())),
        (Health::Silent { age }, _) => format!("✖ SILENT for {}", words::lasting(age)),
        (Health::Lost { age }, _) => format!("✖ NO LINK for {}", words::lasting(age)),
        (Health::Never, Phase::Up) => "✖ NO DATA YET".to_owned(),
        (Health::Never, _) => "✖ NO LINK YET".to_owned(),
    }
}

/// What is true while the link is not live, the most important first, each with its weight.
fn sentence(app: &App, room: u16) -> Vec<(String, u8)> {
    let mut all = Vec::new();
    if let (Some(at), Some(ward)) = (app.link.last_heard(), &app.ward) {
        all.push((format!("last data {}", words::clock(at, ward.ward.time_zone)), 8));
    }
    match &app.link.phase {
        Phase::Waiting { until, attempt, why } => {
            let left = (*until - app.now).as_secs().max(0) + 1;
            let retry = format!("retry in {left} s (attempt {attempt})");
            all.push((retry, 7));
            if room >= 100 + width(why) {
                all.push((why.clone(), 3));
            }
        }
        Phase::Connecting { attempt } => all.push((format!("connecting (attempt {attempt})"), 7)),
        Phase::SignedOut => all.push(("connecting".to_owned(), 7)),
        Phase::Up => all.push(("connected, but nothing comes".to_owned(), 7)),
        Phase::Refused { why } => all.push((why.clone(), 7)),
    }
    if !app.audits_only() {
        all.push((STILL_SOUND.to_owned(), 6));
    }
    all
}

fn is_unrecorded(app: &App) -> bool {
    let standing = |code: ConditionCode| code == ConditionCode::System(SystemFault::StoreFailed);
    let alert = app.ward.as_ref().is_some_and(|w| w.alerts.values().any(|a| standing(a.key.code)));
    app.store == StoreState::Unrecorded || alert
}

/// A standing fault of the system that nobody has acknowledged, apart from the one that has its own mark.
fn system_fault(app: &App) -> Option<&'static str> {
    let ward = app.ward.as_ref()?;
    let mut open = ward.alerts.values().filter(|a| a.is_unacknowledged());
    open.find_map(|alert| match alert.key.code {
        ConditionCode::System(SystemFault::DiskNearlyFull) => Some("? server's disk nearly full"),
        ConditionCode::System(SystemFault::ClockStepped) => Some("? server's clock stepped"),
        _ => None,
    })
}
