//! The box with the questions that come before an act, and the one that confirms a pause. Each names bed, patient,
//! condition and value.

use super::{
    asked,
    dialog::{Line, draw_box, facts, keys, plain},
    scene::{Scene, role_of},
};
use crate::{
    domain::{Pause, PauseId},
    tui::{
        core::{Act, App, Question, Sheet, Subject},
        theme::{Look, Role},
        words,
    },
};
use ratatui::{buffer::Buffer, layout::Rect};

/// Columns of the box.
const COLUMNS: u16 = 66;
/// Alerts of a patient that the box names, at most.
const ALERTS_MAX: usize = 3;

pub(super) fn draw(app: &App, look: &Look, sheet: &Sheet, area: Rect, buffer: &mut Buffer) {
    let Some(ward) = &app.ward else { return };
    let scene = Scene::new(app, look, ward);
    let mut lines = vec![plain(look, "")];
    lines.extend(about(&scene, sheet));
    lines.push(plain(look, ""));
    if let Some(span) = sheet.span().filter(|_| sheet.act != Act::Chart) {
        lines.push(plain(look, format!("for {}", crate::tui::core::span_words(span))));
    }
    lines.push(vec![(question(sheet).to_owned(), look.style(Role::DialogTitle))]);
    lines.extend(asked::details(&scene, sheet).into_iter().map(|text| plain(look, text)));
    for (figure, choice) in (1..).zip(&sheet.choices) {
        let (key, text) = if choice.not_now.is_some() || sheet.typed.is_some() {
            (look.style(Role::Dim), look.style(Role::Dim))
        } else {
            (look.style(Role::Key), look.style(Role::Dialog))
        };
        let why = choice.not_now.map_or_else(String::new, |why| format!(" (not now: {why})"));
        lines.push(vec![(format!(" {figure}"), key), (format!("  {}{why}", choice.words), text)]);
    }
    if let Some(line) = &sheet.typed {
        lines.push(vec![(typed(line.text()), look.style(Role::Input))]);
    }
    if let Some(wrong) = &sheet.wrong {
        lines.push(vec![(format!(" {wrong} "), look.style(Role::NoticeFailed))]);
    }
    lines.push(plain(look, ""));
    let back = if sheet.answers.is_empty() || sheet.typed.is_some() { "go back" } else { "one question back" };
    lines.push(match (sheet.question(), &sheet.typed) {
        (Some(Question::Sure), _) => keys(look, &[("y", "do it"), ("esc", back)]),
        (_, Some(_)) => {
            keys(look, &[("enter", if sheet.is_last_question() { "send" } else { "go on" }), ("esc", back)])
        }
        (_, None) => keys(look, &[("1…9", "choose"), ("esc", back)]),
    });
    draw_box(look, sheet.act.title(), &lines, COLUMNS, area, buffer);
}

/// The end of what is typed: it is what has to be seen.
pub(super) fn typed(text: &str) -> String {
    let room = usize::from(COLUMNS) - 6;
    let mut shown: Vec<char> = text.chars().collect();
    while super::pen::width(&shown.iter().collect::<String>()) > u16::try_from(room).unwrap_or(u16::MAX) {
        shown.remove(0);
    }
    let shown: String = shown.into_iter().collect();
    format!("{:<1$}", format!("{shown}▌"), room + 2)
}

fn question(sheet: &Sheet) -> &'static str {
    if let Some(asked) = asked::question(sheet) {
        return asked;
    }
    match (sheet.act, sheet.answers.len()) {
        (Act::Reset, _) => "what did you find?",
        (Act::HandOver, _) => "who takes it on? (on duty by the rota)",
        (Act::Comment, _) => "what should the others know?",
        (Act::Sound, _) => "whose sound? what is new or becomes worse sounds",
        (Act::AlarmOff, 1) => "which priorities?",
        (Act::Snooze | Act::Procedure | Act::Standby | Act::AlarmOff, 0) => "for how long?",
        _ => "why?",
    }
}

fn about(scene: &Scene<'_>, sheet: &Sheet) -> Vec<Line> {
    match &sheet.subject {
        Subject::Ward if sheet.act == Act::AddShift => {
            vec![plain(scene.look, format!("rota of {}", scene.ward.ward.name))]
        }
        Subject::Ward => vec![plain(scene.look, format!("the whole ward {}", scene.ward.ward.name))],
        Subject::Patient(patient) => about_patient(scene, patient),
        Subject::Shift(_) => vec![plain(scene.look, format!("rota of {}", scene.ward.ward.name))],
        Subject::Limits(limits) => asked::about_limits(scene, limits),
        Subject::Device(device) => asked::about_device(scene, device),
        Subject::Letter(letter) => asked::about_letter(scene, sheet, letter),
        Subject::Alert { alert, transition } => {
            let Some(alert) = scene.ward.alerts.get(alert) else {
                return vec![plain(scene.look, "This alert is over.")];
            };
            let mut lines = facts(scene, alert);
            lines.push(plain(scene.look, format!("     {}", scene.state(alert, COLUMNS - 6))));
            if !alert.is_as_seen(*transition) {
                let text = " IT CHANGED while this was open: go back, look again ".to_owned();
                lines.push(vec![(text, scene.style(Role::NoticeFailed))]);
            }
            lines
        }
    }
}

fn about_patient(scene: &Scene<'_>, patient: &crate::domain::PatientId) -> Vec<Line> {
    let Some(view) = scene.ward.patients.get(patient) else {
        return vec![plain(scene.look, "The patient is not here any more.")];
    };
    let bed = words::bed_label(scene.ward, &view.bed);
    let mut lines = vec![vec![(format!("bed {bed}  {}", scene.name(Some(patient))), scene.style(Role::DialogTitle))]];
    let mut own = scene.alerts_of(patient);
    for alert in own.by_ref().take(ALERTS_MAX) {
        lines.push(vec![
            (format!(" {} ", words::mark(alert)), scene.style(role_of(alert))),
            (format!(" {}", words::condition_now(alert, scene.ward)), scene.style(Role::Dialog)),
        ]);
    }
    match (lines.len(), own.count()) {
        (1, _) => lines.push(plain(scene.look, " no alert is open")),
        (_, 0) => {}
        (_, more) => lines.push(plain(scene.look, format!(" and {more} more"))),
    }
    lines
}

/// The box of the second person.
pub(super) fn confirm(app: &App, look: &Look, id: PauseId, area: Rect, buffer: &mut Buffer) {
    let Some(ward) = &app.ward else { return };
    let scene = Scene::new(app, look, ward);
    let mut lines = vec![plain(look, "")];
    let found: Option<&Pause> = ward.pauses.iter().find(|p| p.id == id);
    match found.and_then(|p| Some((p, p.waits_to_last?))) {
        None => lines.push(plain(look, "It waits for nobody any more.")),
        Some((pause, lasts)) => {
            let patient = pause.scope.patient();
            if let Some(patient) = patient {
                lines.extend(about_patient(&scene, patient));
            }
            lines.push(plain(look, ""));
            let what = format!("{} {}", words::pause_what(pause, ward), words::pause_kind(pause));
            lines.push(vec![(what, look.style(Role::DialogTitle))]);
            lines.push(plain(look, format!("for {}, from now", crate::tui::core::span_words(lasts))));
            let reason = pause.reason.as_ref().map_or_else(String::new, |r| format!(": {r}"));
            lines.push(plain(look, format!("asked for by {}{reason}", pause.by.label())));
        }
    }
    lines.push(plain(look, ""));
    lines.push(keys(look, &[("y", "confirm as the second person"), ("n", "go back")]));
    draw_box(look, "CONFIRM?", &lines, COLUMNS, area, buffer);
}

/// The question in one line, for a screen without room for a box.
pub(super) fn in_a_line(app: &App, sheet: &Sheet) -> String {
    if let Some(line) = &sheet.typed {
        return format!("{} {}", question(sheet), line.text());
    }
    let about = match (&sheet.subject, &app.ward) {
        (Subject::Alert { alert, .. }, Some(ward)) => ward.alerts.get(alert).map_or_else(
            || "over".to_owned(),
            |a| format!("{} {}", words::bed_of(a, ward), words::condition_now(a, ward)),
        ),
        _ => String::new(),
    };
    let choices: Vec<String> = (1..).zip(&sheet.choices).map(|(n, c): (u8, _)| format!("{n} {}", c.words)).collect();
    let sure = if sheet.question() == Some(Question::Sure) { "y/esc" } else { "" };
    format!("{about} {} {}{sure}", question(sheet), choices.join(" "))
}
