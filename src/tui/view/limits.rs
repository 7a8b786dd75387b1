//! The limits of one patient: what is in force, who set it, what is suggested.

use super::{
    footer::key_of,
    pane::{self, Pane, Window},
    pen::{Pen, take_bottom, take_top, width, wrap},
    scene::Scene,
    summary,
};
use crate::{
    domain::{LimitOverride, PauseKind, PauseScope, VitalCode},
    protocol::{PatientLimitsView, PatientView, VitalInfo, VitalLimitsView},
    tui::{
        core::{Act, Action, LimitField, Suggested, field_reach},
        theme::Role,
        words::{self, limits as said},
    },
};
use ratatui::{buffer::Buffer, layout::Rect};

/// Columns of a vital's label.
const LABEL: u16 = 6;
/// Columns of one value.
const VALUE: u16 = 8;
/// Rows of what is said of the selected vital, where there is room for them.
const DETAIL_ROWS: u16 = 8;

pub(super) fn draw(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let Some(page) = &scene.app.limits else { return };
    let Some(patient) = scene.ward.patients.get(&page.patient) else {
        let said = format!("the patient has left the ward; {} goes back", key_of(Action::Back));
        Pen::new(buffer, area, 0).gap(1).put(&said, scene.style(Role::Text));
        return;
    };
    let vitals = scene.app.limited_vitals();
    let selected = scene.app.selected_vital();
    let at = vitals.iter().position(|info| Some(info.vital) == selected);
    let rows = u16::try_from(vitals.len()).unwrap_or(u16::MAX);
    let (top, rest) = take_top(area, 1);
    let (head, rest) = take_top(rest, 1);
    let detail = DETAIL_ROWS.min(rest.height / 2).max(rest.height.saturating_sub(rows));
    let (detail, list) = take_bottom(rest, detail);
    let window = Window::new(vitals.len(), at, list.height);
    let category = said::category(patient.patient.category);
    let title = format!("LIMITS ({category}) · {}", summary::who(scene, patient));
    pane::draw(scene, &Pane { title, focus: true, window, hint: None }, top, buffer);
    draw_head(scene, head, buffer);
    for (row, info) in (0..list.height).zip(vitals.iter().skip(window.first)) {
        let field = (Some(info.vital) == selected).then_some(page.field);
        draw_row(scene, patient, info, field, &mut Pen::new(buffer, list, row));
    }
    if let Some(info) = at.and_then(|at| vitals.get(at)) {
        draw_detail(scene, patient, info, page.field, detail, buffer);
    }
}

fn draw_head(scene: &Scene<'_>, area: Rect, buffer: &mut Buffer) {
    let label = scene.style(Role::Label);
    let mut pen = Pen::new(buffer, area, 0);
    pen.gap(1).left("vital", LABEL, label);
    for head in ["extreme", "low", "high", "extreme", "delay", "extreme"] {
        pen.right(head, VALUE, label);
    }
    pen.gap(3).put("changed", label);
}

fn draw_row(
    scene: &Scene<'_>,
    patient: &PatientView,
    info: &VitalInfo,
    selected: Option<LimitField>,
    pen: &mut Pen<'_>,
) {
    let Some(limits) = scene.ward.limits_of(patient, info.vital).map(VitalLimitsView::limits) else { return };
    let profile = scene.ward.profile_limits(patient.patient.category, info.vital).map(VitalLimitsView::limits);
    pen.left(if selected.is_some() { "▌" } else { "" }, 1, scene.style(Role::TitleFocus));
    pen.left(&info.label, LABEL, scene.style(Role::Text));
    for field in LimitField::ALL {
        let value = field.of(&limits);
        let same = profile.as_ref().is_none_or(|profile| field.of(profile) == value);
        let role = match (selected == Some(field), same) {
            (true, _) => Role::Selection,
            (false, true) => Role::Text,
            (false, false) => Role::Beyond,
        };
        let text = said::value(info, field, value);
        pen.gap(VALUE.saturating_sub(width(&text) + 1));
        // What is selected has a blank on both sides, so that the mark is seen on a dash too.
        pen.put(if selected == Some(field) { " " } else { "" }, scene.style(role));
        pen.gap(u16::from(selected != Some(field))).put(&text, scene.style(role));
    }
    let changed = patient.limits.get(&info.vital);
    let mark = changed.map_or("", |changed| if changed.wider { "!" } else { "≠" });
    pen.gap(1).left(mark, 2, scene.style(Role::Beyond));
    if let Some(off) = quiet(scene, patient, info.vital) {
        pen.put(&format!("{off} "), scene.style(Role::Quiet));
    }
    if let Some(set) = changed.and_then(PatientLimitsView::said) {
        let role = if set.review_due { Role::AlarmLow } else { Role::Text };
        pen.put(&format!("{} {}", set.by.label(), said::end(set, scene.zone)), scene.style(role));
    }
}

/// That alarms of a vital do not signal: `off until 06:12`.
fn quiet(scene: &Scene<'_>, patient: &PatientView, vital: VitalCode) -> Option<String> {
    let about = |scope: &PauseScope| match scope {
        PauseScope::Condition { patient: of, code } => *of == patient.patient.id && code.vital() == Some(vital),
        PauseScope::Patient { patient: of } => *of == patient.patient.id,
        PauseScope::Ward => false,
    };
    let silent = |kind: PauseKind| !kind.is_audio();
    let found = scene.ward.pauses.iter().filter(|p| p.waits_to_last.is_none() && silent(p.kind) && about(&p.scope));
    let last = found.max_by_key(|p| p.until)?;
    Some(format!("{} until {}", words::pause_mark(last.kind), words::clock_minutes(last.until, scene.zone)))
}

fn draw_detail(
    scene: &Scene<'_>,
    patient: &PatientView,
    info: &VitalInfo,
    field: LimitField,
    area: Rect,
    buffer: &mut Buffer,
) {
    let (top, rest) = take_top(area, 1);
    let title = format!("{} {}", info.label, field.words());
    pane::draw(scene, &Pane { title, focus: false, window: Window::new(0, None, 1), hint: None }, top, buffer);
    let mut lines = vec![(standing(scene, patient, info), Role::Text)];
    for set in changes(scene, patient, info.vital) {
        lines.push((set, Role::Text));
    }
    let reach = field_reach(scene.ward, patient.patient.category, info.vital, field);
    let unit = said::unit(info, field);
    lines.push((
        format!("{} in {unit}: {}; the site may have its own rule", field.words(), said::reach(info, field, reach)),
        Role::Dim,
    ));
    lines.push(suggestion(scene, info));
    let mut row = 0;
    for (text, role) in lines {
        for line in wrap(&text, rest.width.saturating_sub(2)) {
            Pen::new(buffer, rest, row).gap(1).put(&line, scene.style(role));
            row += 1;
        }
    }
}

/// How the limits in force stand to those of the profile.
fn standing(scene: &Scene<'_>, patient: &PatientView, info: &VitalInfo) -> String {
    let category = patient.patient.category;
    let (Some(now), Some(profile)) =
        (scene.ward.limits_of(patient, info.vital), scene.ward.profile_limits(category, info.vital))
    else {
        return "the profile has no limits for it".to_owned();
    };
    let (now, profile) = (now.limits(), profile.limits());
    let other = LimitField::ALL.into_iter().filter(|field| field.of(&now) != field.of(&profile));
    let other: Vec<String> =
        other.map(|field| format!("{} {}", field.words(), said::value(info, field, field.of(&profile)))).collect();
    match (other.is_empty(), now.is_wider_than(&profile)) {
        (true, _) => "as the profile has it".to_owned(),
        (false, true) => format!("! WIDER than the profile, which has {}", other.join(", ")),
        (false, false) => format!("≠ the profile has {}", other.join(", ")),
    }
}

/// Who changed the limits of a vital, when, why and until when.
fn changes(scene: &Scene<'_>, patient: &PatientView, vital: VitalCode) -> Vec<String> {
    let Some(changed) = patient.limits.get(&vital) else { return Vec::new() };
    let all = format!("all of category {}", said::category(patient.patient.category));
    let whose = [("this patient", &changed.own), (all.as_str(), &changed.ward)];
    let one = |(whose, set): (&str, &Option<LimitOverride>)| {
        let set = set.as_ref()?;
        // What was written may name a patient.
        let why = if scene.app.is_locked() { String::new() } else { format!(": {}", set.reason) };
        let (by, at, end) = (set.by.label(), words::clock_minutes(set.at, scene.zone), said::end(set, scene.zone));
        Some(format!("for {whose} by {by} at {at}, {end}{why}"))
    };
    whose.into_iter().filter_map(one).collect()
}

/// What the present values suggest for the vital.
fn suggestion(scene: &Scene<'_>, info: &VitalInfo) -> (String, Role) {
    let Some(page) = &scene.app.limits else { return (String::new(), Role::Dim) };
    match &page.suggested {
        Suggested::Asking => ("asking for the last 15 min, to suggest limits …".to_owned(), Role::Dim),
        Suggested::Failed(why) => (format!("no suggestion: {why}"), Role::NoticeFailed),
        Suggested::Known(known) => match known.get(&info.vital) {
            None => ("nothing is suggested: too few values, or the limits fit them".to_owned(), Role::Dim),
            Some(found) => {
                let steps = LimitField::ALL.into_iter().filter_map(|field| match field {
                    LimitField::Step(step) => {
                        found.change.step(step).map(|to| format!("{} {}", field.words(), info.format(to.get())))
                    }
                    _ => None,
                });
                let steps: Vec<String> = steps.collect();
                let (median, key) = (info.format(found.median), key_of(Action::Do(Act::TakeSuggestion)));
                let steps = steps.join(", ");
                (format!("suggested by the median {median} of the last 15 min: {steps}; {key} takes it"), Role::Text)
            }
        },
    }
}
