//! What the box of questions says of limits, charting and shifts: what it is about, what is asked, and old beside new.

use super::{
    dialog::{Line, plain},
    pen::wrapped,
    scene::Scene,
};
use crate::{
    domain::{Expiry, PatientId},
    protocol::LetterView,
    tui::{
        core::{
            Act, Answer, ChartQuestion, DeviceSubject, LimitsQuestion, LimitsSubject, OxygenWay, Question,
            RotaQuestion, Sheet, Subject, entry_words, field_reach, span_words,
        },
        theme::Role,
        words::{self, limits as said},
    },
};

/// Changes that the box names, at most; further ones are counted.
const CHANGES_MAX: usize = 6;
/// Columns and rows of the reason of a dead letter.
const LETTER_COLUMNS: u16 = 60;
const LETTER_ROWS: usize = 4;

/// The question, if it is one of those that are told here.
pub(super) fn question(sheet: &Sheet) -> Option<&'static str> {
    Some(match sheet.question()? {
        Question::Limits(LimitsQuestion::Value) => "new value?",
        Question::Limits(LimitsQuestion::Until) => "for how long?",
        Question::Limits(LimitsQuestion::Which) => "which limits?",
        Question::Chart(asked) => match asked {
            ChartQuestion::What => "what do you chart?",
            ChartQuestion::Level => "how awake is the patient?",
            ChartQuestion::Holds => "for how long does that hold?",
            ChartQuestion::Way => "is oxygen given, and how?",
            ChartQuestion::Amount(OxygenWay::Flow) => "flow in L/min, such as 2?",
            ChartQuestion::Amount(OxygenWay::Fraction) => "inspired oxygen in %, such as 28?",
            ChartQuestion::Amount(OxygenWay::HighFlow) => "flow in L/min and oxygen in %, such as 40 50?",
            ChartQuestion::Scale => "by which scale is the saturation judged?",
            ChartQuestion::Pregnant => "is the patient pregnant?",
        },
        Question::Person if sheet.act == Act::AddShift => "who?",
        Question::Bed => "to the patient in which bed?",
        Question::Rota(asked) => match asked {
            RotaQuestion::Duty => "as what?",
            RotaQuestion::From => "from when on? (19:00, or 2026-03-01 19:00)",
            RotaQuestion::To => "until when? (07:00, or 2026-03-02 07:00)",
            RotaQuestion::Beds => "which beds? (01 02 03)",
        },
        Question::Sure => match sheet.act {
            Act::AddShift => "enter it?",
            Act::RemoveShift => "take it out?",
            Act::AssignDevice => "assign it?",
            Act::EndAssignment => "take it away?",
            Act::RetryLetter => "try it again?",
            Act::RetryLetters => "try them again, the oldest first?",
            Act::Chart => "chart it?",
            Act::ResetLimits => "take back?",
            _ => "change it?",
        },
        _ => return None,
    })
}

/// Whose limits, which one, and how it is now.
pub(super) fn about_limits(scene: &Scene<'_>, subject: &LimitsSubject) -> Vec<Line> {
    let Some(patient) = scene.ward.patients.get(&subject.patient) else {
        return vec![plain(scene.look, "The patient is not here any more.")];
    };
    let bed = words::bed_label(scene.ward, &patient.bed);
    let title = format!("bed {bed}  {}", scene.name(Some(&subject.patient)));
    let mut lines = vec![vec![(title, scene.style(Role::DialogTitle))]];
    if scene.ward.limits_of(patient, subject.vital) != Some(&subject.before) {
        let text = " IT CHANGED while this was open: go back, look again ".to_owned();
        lines.push(vec![(text, scene.style(Role::NoticeFailed))]);
    }
    lines
}

/// Which device, what it is, and whom it measures.
pub(super) fn about_device(scene: &Scene<'_>, subject: &DeviceSubject) -> Vec<Line> {
    let mut lines = vec![vec![(format!("device {}", subject.device), scene.style(Role::DialogTitle))]];
    match scene.app.devices.device(&subject.device) {
        Some(view) if view.patient == subject.measures => {
            let whom = subject.measures.as_ref().map_or_else(|| "nobody".to_owned(), |p| whom(scene, p));
            lines.push(plain(scene.look, format!(" measures {whom}")));
        }
        _ => {
            let text = " IT CHANGED while this was open: go back, look again ".to_owned();
            lines.push(vec![(text, scene.style(Role::NoticeFailed))]);
        }
    }
    lines
}

/// A patient by bed and name; one who is not here any more by the identifier.
fn whom(scene: &Scene<'_>, patient: &PatientId) -> String {
    match scene.ward.patients.get(patient) {
        Some(here) => {
            format!("bed {}  {}", words::bed_label(scene.ward, &here.bed), scene.name(Some(patient)))
        }
        None => format!("patient {patient}"),
    }
}

/// Whose the values are before and after.
fn from_now_on(scene: &Scene<'_>, subject: &DeviceSubject, sheet: &Sheet) -> Vec<String> {
    let stays = subject.measures.as_ref().map(|before| format!("  until now   {}", whom(scene, before)));
    let after =
        sheet.patient().map_or_else(|| "nobody: its values are kept as dead letters".to_owned(), |p| whom(scene, p));
    stays.into_iter().chain([format!("  from now on {after}")]).collect()
}

/// Which dead letter, of whom, and why it is one.
pub(super) fn about_letter(scene: &Scene<'_>, sheet: &Sheet, letter: &LetterView) -> Vec<Line> {
    let title = match sheet.act {
        Act::RetryLetters => {
            let count = scene.app.letters_of_a_kind(letter).len();
            format!("{count} message{} of {}: {}", if count == 1 { "" } else { "s" }, letter.source, letter.code)
        }
        _ => format!("dead letter {} of {}: {}", letter.no, letter.source, letter.code),
    };
    let mut lines = vec![vec![(title, scene.style(Role::DialogTitle))]];
    lines.extend(wrapped(&letter.detail, LETTER_COLUMNS, LETTER_ROWS).into_iter().map(|line| plain(scene.look, line)));
    lines
}

/// What stands below the question: how far one may go, or old beside new.
pub(super) fn details(scene: &Scene<'_>, sheet: &Sheet) -> Vec<String> {
    match (&sheet.subject, sheet.question()) {
        (Subject::Limits(subject), Some(Question::Limits(LimitsQuestion::Value))) => value(scene, subject),
        (Subject::Limits(_), Some(Question::Limits(LimitsQuestion::Until))) => old_and_new(scene, sheet),
        (Subject::Limits(_), Some(Question::Sure)) => {
            old_and_new(scene, sheet).into_iter().chain(given(scene, sheet)).collect()
        }
        (Subject::Device(device), Some(Question::Sure)) => from_now_on(scene, device, sheet),
        (Subject::Letter(_), Some(Question::Sure)) => vec![
            "What is known already is stored once. A correction in it".to_owned(),
            "takes the place of a newer one.".to_owned(),
        ],
        (_, Some(Question::Sure)) if matches!(sheet.act, Act::AddShift | Act::RemoveShift) => shift(scene, sheet),
        (_, Some(Question::Sure)) => charted(scene, sheet).into_iter().chain(given(scene, sheet)).collect(),
        _ => Vec::new(),
    }
}

/// A shift, line by line.
fn shift(scene: &Scene<'_>, sheet: &Sheet) -> Vec<String> {
    let Some(shift) = sheet.shift() else { return Vec::new() };
    let at = |at| format!("{} {}", words::day(at, scene.zone), words::clock_minutes(at, scene.zone));
    let beds = words::rota::beds(&shift, scene.ward);
    let mut lines = vec![
        format!("  {}: {}", words::rota::duty(shift.duty), shift.user),
        format!("  {} to {}", at(shift.from), at(shift.to)),
    ];
    if !beds.is_empty() {
        lines.push(format!("  {beds}"));
    }
    lines
}

/// What is charted now, and what would be.
fn charted(scene: &Scene<'_>, sheet: &Sheet) -> Option<String> {
    let (item, entry) = (sheet.charted_item()?, sheet.chart_entry()?);
    let old = scene.app.charted_now(item, sheet).unwrap_or_else(|| "not known".to_owned());
    let span = sheet.span().map_or_else(String::new, |span| format!(", for {}", span_words(span)));
    Some(format!("  {old} → {}{span}", entry_words(&entry)))
}

/// The value as it is, as the profile has it, and how far one may go.
fn value(scene: &Scene<'_>, subject: &LimitsSubject) -> Vec<String> {
    let (Some(info), Some(patient)) = (scene.ward.info(subject.vital), scene.ward.patients.get(&subject.patient))
    else {
        return Vec::new();
    };
    let (category, field) = (patient.patient.category, subject.field);
    let profile = scene.ward.profile_limits(category, subject.vital).and_then(|profile| field.of(&profile.limits()));
    let now = said::value(info, field, field.of(&subject.before.limits()));
    let reach = said::reach(info, field, field_reach(scene.ward, category, subject.vital, field));
    vec![
        format!("{} {} in {}", info.name, field.words(), said::unit(info, field)),
        format!("now {now}, profile {}", said::value(info, field, profile)),
        format!("guard band: {reach}"),
    ]
}

fn old_and_new(scene: &Scene<'_>, sheet: &Sheet) -> Vec<String> {
    let changes = sheet.limit_changes(scene.ward);
    let mut lines: Vec<String> =
        changes.iter().take(CHANGES_MAX).map(|change| format!("  {}", said::change(scene.ward, change))).collect();
    if changes.len() > CHANGES_MAX {
        lines.push(format!("  and {} more", changes.len() - CHANGES_MAX));
    }
    lines
}

/// Until when, and why.
fn given(scene: &Scene<'_>, sheet: &Sheet) -> Vec<String> {
    let one = |answer: &Answer| match answer {
        Answer::Until(Expiry::At { until }) => {
            Some(format!("until {} {}", words::day(*until, scene.zone), words::clock_minutes(*until, scene.zone)))
        }
        Answer::Until(Expiry::NextHandover) => Some("until the next handover".to_owned()),
        Answer::Words(words) => Some(format!("why: {words}")),
        _ => None,
    };
    sheet.answers.iter().filter_map(one).collect()
}
