//! Frames of each screen, with text and looks, and what must hold for all of them.

use super::draw;
use crate::{
    client::ClientEvent,
    domain::{
        Actor, Alert, AlertId, CloseReason, Condition, ConditionCode, InopReason, Millis, Mode, PersonName, Priority,
        Quality, Response, Role as UserRole, Side, Signal, SystemFault, Timestamp,
        vital::{HR, NBP_DIA, NBP_MEAN, NBP_SYS, RR, SPO2, TEMP},
    },
    protocol::{SessionState, StoreState, WardView},
    tui::{
        core::{App, AppOptions, Event, Input, Key, KeyCode, Range},
        testing::{Bench, alert, night, patient_id, session, t0, ward12},
        theme::{Depth, Glyphs, Look, Role, Theme},
    },
};
use ratatui::{buffer::Buffer, layout::Rect, style::Style};
use std::fmt::Write;

/// A snapshot of a screen at the two sizes that every screen must do, under a name.
macro_rules! both {
    ($name:literal, $app:expr) => {
        shot(concat!($name, "_80x24"), &frame(&$app, &look(), 80, 24));
        shot(concat!($name, "_200x50"), &frame(&$app, &look(), 200, 50));
    };
}

mod desk;
mod devices;
mod handover;
mod pages;
mod properties;
mod screens;
mod trail;

fn look() -> Look {
    Theme::builtin("default-dark").unwrap().at(Depth::Rgb, Glyphs::Unicode)
}

fn mono(glyphs: Glyphs) -> Look {
    Theme::builtin("default-dark").unwrap().at(Depth::Mono, glyphs)
}

fn drawn(app: &App, look: &Look, width: u16, height: u16) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    let area = buffer.area;
    draw(app, look, area, &mut buffer);
    buffer
}

/// The text of a frame.
fn text(app: &App, look: &Look, width: u16, height: u16) -> String {
    text_of(&drawn(app, look, width, height))
}

fn text_of(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut row = String::new();
        let mut skip = 0;
        for x in 0..buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            if skip == 0 {
                row.push_str(symbol);
            }
            skip = super::pen::width(symbol).max(skip).saturating_sub(1);
        }
        writeln!(out, "{}", row.trim_end()).unwrap();
    }
    out
}

/// The text of a frame, the look of each cell as a letter below it, and what the letters mean.
fn frame(app: &App, look: &Look, width: u16, height: u16) -> String {
    framed(&drawn(app, look, width, height), look)
}

fn framed(buffer: &Buffer, look: &Look) -> String {
    let (width, height) = (buffer.area.width, buffer.area.height);
    let plain = shown(look.style(Role::Text));
    let mut looks: Vec<String> = Vec::new();
    let mut out = text_of(buffer);
    writeln!(out, "{}", "=".repeat(usize::from(width))).unwrap();
    for y in 0..height {
        let mut row = String::new();
        for x in 0..width {
            let cell = &buffer[(x, y)];
            let style = shown(cell.style());
            if style == plain {
                row.push(if cell.symbol() == " " { ' ' } else { '.' });
                continue;
            }
            let named = Role::ALL.into_iter().find(|role| shown(look.style(*role)) == style);
            let name = named.map_or(style, |role| role.name().to_owned());
            let at = looks.iter().position(|l| *l == name).unwrap_or_else(|| {
                looks.push(name);
                looks.len() - 1
            });
            row.push(char::from(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"[at]));
        }
        writeln!(out, "{}", row.trim_end()).unwrap();
    }
    for (letter, name) in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".chars().zip(&looks) {
        writeln!(out, "{letter} = {name}").unwrap();
    }
    out
}

/// Compares a frame with the one that is kept under a name.
fn shot(name: &str, frame: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, frame));
}

/// A style as a cell has it: the same whether a colour is left out or is the terminal's own.
fn shown(style: Style) -> String {
    let colour = |c: Option<ratatui::style::Color>| c.unwrap_or_default().to_string();
    format!("{} on {} {:?}", colour(style.fg), colour(style.bg), style.add_modifier)
}

fn calm() -> Bench {
    started(ward12())
}

/// A bench whose sparklines are there and whose server was heard a moment ago.
fn started(view: WardView) -> Bench {
    let mut bench = Bench::with(view);
    bench.answer_history();
    bench.heartbeat();
    bench.wait(400);
    bench
}

fn actor(name: &str) -> Actor {
    Actor::User {
        user: "u1".parse().unwrap(),
        name: name.to_owned(),
        role: UserRole::Doctor,
        session: "s1".parse().unwrap(),
    }
}

/// A night with all that an alert can be.
fn full_night() -> WardView {
    let mut view = night();
    let mut more = vec![
        alert(4, 11, ConditionCode::Limit(RR, Side::High), Priority::Medium, 362),
        alert(5, 9, ConditionCode::DeviceLost, Priority::Medium, 240),
        alert(6, 4, ConditionCode::Limit(HR, Side::High), Priority::Low, 30),
        alert(7, 12, ConditionCode::Limit(SPO2, Side::Low), Priority::Medium, 1_500),
    ];
    more[0].value = Some(29.0);
    more[0].limit = Some(28.0);
    more[0].signal = Signal::Ack;
    more[0].response = Response::Accepted { by: actor("k.brandt"), at: t0() - Millis::from_secs(200) };
    more[2].value = Some(121.0);
    more[2].limit = Some(120.0);
    more[3].signal = Signal::Latch;
    more[3].condition = Condition::Absent;
    view.alerts.extend(more.into_iter().map(|a| (a.id, a)));
    let first = view.patients.get_mut(&patient_id(2)).unwrap();
    let spo2 = first.vitals.get_mut(&SPO2).unwrap();
    spo2.quality = Quality::NotMeasured;
    spo2.value = 0.0;
    view.patients.get_mut(&patient_id(5)).unwrap().vitals.remove(&TEMP);
    view
}

/// A night with all that can be quiet, escalate, be asked and be said.
fn quiet_night() -> WardView {
    use crate::domain::{
        Duty, Inactivation, LoginName, Pause, PauseId, PauseKind, PauseScope, Rota, Shift, alert::Comment,
    };
    let mut view = full_night();
    let shift = |duty, user: &str| Shift {
        from: t0() - Millis::from_mins(60),
        to: t0() + Millis::from_mins(60),
        duty,
        user: LoginName::new(user),
        beds: Vec::new(),
    };
    view.rota = Rota::new(vec![
        shift(Duty::Nurse, "a.meyer"),
        shift(Duty::Nurse, "b.yilmaz"),
        shift(Duty::Charge, "c.lang"),
        shift(Duty::Doctor, "k.brandt"),
    ]);
    let mut set = |id, kind, scope, mins: i64, by: &str| {
        view.pauses.push(Pause {
            id: PauseId(id),
            kind,
            scope,
            since: t0(),
            until: t0() + Millis::from_mins(mins),
            by: actor(by),
            reason: (kind != PauseKind::AudioPaused).then(|| "known and treated".parse().unwrap()),
            covers: Priority::Medium,
            announced: 9,
            confirmed_by: None,
            waits_to_last: (id == 4).then(|| Millis::from_mins(240)),
        });
        Inactivation::Paused { kind, pause: PauseId(id), until: t0() + Millis::from_mins(mins) }
    };
    let of = |patient: usize, code| PauseScope::Condition { patient: patient_id(patient), code };
    let all = |patient: usize| PauseScope::Patient { patient: patient_id(patient) };
    let snoozed = set(1, PauseKind::AlarmPaused, of(4, ConditionCode::Limit(HR, Side::High)), 15, "a.meyer");
    let off = set(2, PauseKind::AlarmOff, of(9, ConditionCode::DeviceLost), 240, "c.lang");
    let mute = set(3, PauseKind::AudioPaused, all(7), 2, "a.meyer");
    set(4, PauseKind::AlarmOff, of(11, ConditionCode::Limit(RR, Side::High)), 5, "k.brandt");
    for (id, inactivation) in [(6, snoozed), (5, off), (2, mute)] {
        view.alerts.get_mut(&AlertId(id)).unwrap().inactivation = inactivation;
    }
    let high = view.alerts.get_mut(&AlertId(1)).unwrap();
    high.response = Response::Escalated { level: 2, to: vec![LoginName::new("b.yilmaz"), LoginName::new("c.lang")] };
    (high.level, high.escalates_at) = (2, Some(t0() + Millis::from_secs(78)));
    let medium = view.alerts.get_mut(&AlertId(2)).unwrap();
    medium.response = Response::Notified { to: vec![LoginName::new("a.meyer")] };
    medium.escalates_at = Some(t0() + Millis::from_secs(410));
    medium.comment = Some(Comment { by: actor("k.brandt"), at: t0(), text: "ECG ordered".parse().unwrap() });
    view
}

fn login(user: &str) -> App {
    App::new(AppOptions {
        server: "https://ward.example:8470".into(),
        signed_in: false,
        user: user.into(),
        emergency: None,
    })
}
