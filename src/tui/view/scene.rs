//! What all parts of the screen ask of the state.

use crate::{
    domain::{Alert, Condition, Liveness, Marks, Millis, PatientId, Priority, Quality, Timestamp, VitalCode, vital},
    predict::TrendDirection,
    protocol::{PatientView, VitalLimitsView, VitalView, WardView},
    tui::{
        core::{App, Shown},
        theme::{Depth, Look, Role},
        words,
    },
};
use chrono_tz::Tz;
use ratatui::style::{Modifier, Style};

/// What a locked screen shows in the place of a name.
const HIDDEN: &str = "•••";
/// An episodic value older than this is shown with its age and not with its time of day, which could be of another day.
const TIME_OF_DAY_MAX: Millis = Millis::from_mins(12 * 60);

/// The state, the look, and the ward that is on the screen.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) app: &'a App,
    pub(super) look: &'a Look,
    pub(super) ward: &'a WardView,
    pub(super) now: Timestamp,
    pub(super) zone: Tz,
}

/// A value as a cell shows it.
pub(super) struct Value {
    pub(super) text: String,
    pub(super) style: Style,
    /// Its age or time, or a mark; empty if it is live.
    pub(super) note: String,
    pub(super) note_style: Style,
    /// `~` if it is doubtful, else an arrow where its trend is certain and matters; empty for most.
    pub(super) mark: &'static str,
    pub(super) mark_style: Style,
}

impl<'a> Scene<'a> {
    pub(super) fn new(app: &'a App, look: &'a Look, ward: &'a WardView) -> Self {
        let now = app.server_now().unwrap_or(Timestamp::MIN);
        Self { app, look, ward, now, zone: ward.ward.time_zone }
    }

    pub(super) fn style(&self, role: Role) -> Style {
        self.look.style(role)
    }

    /// The name of a patient as far as it may be seen now.
    pub(super) fn name(&self, patient: Option<&PatientId>) -> &'a str {
        let name = words::name_of(self.ward, patient);
        if self.app.is_locked() && !name.is_empty() { HIDDEN } else { name }
    }

    pub(super) fn label(&self, vital: VitalCode) -> &'a str {
        self.ward.info(vital).map_or("?", |info| &info.label)
    }

    pub(super) fn label_of(&self, shown: Shown) -> &'a str {
        match shown {
            Shown::One(vital) => self.label(vital),
            Shown::Pressure(pressure) => pressure.label,
        }
    }

    pub(super) fn unit_of(&self, shown: Shown) -> &'a str {
        self.ward.info(shown.main()).map_or("", |info| &info.unit)
    }

    fn limits_of<'p>(&self, patient: &'p PatientView, vital: VitalCode) -> Option<&'p VitalLimitsView>
    where
        'a: 'p,
    {
        self.ward.limits_of(patient, vital)
    }

    /// The limits of what is shown; of three pressures those of the systolic one, else those of the mean.
    pub(super) fn limits<'p>(&self, patient: &'p PatientView, shown: Shown) -> Option<&'p VitalLimitsView>
    where
        'a: 'p,
    {
        let main = self.limits_of(patient, shown.main());
        main.or_else(|| match shown {
            Shown::One(_) => None,
            Shown::Pressure(p) => self.limits_of(patient, p.mean),
        })
    }

    /// A mark where somebody changed the limits of what is shown: `!` if they are wider than the profile, else `≠`.
    pub(super) fn limits_mark(&self, patient: &PatientView, shown: Shown) -> &'static str {
        let changed = match shown {
            Shown::Pressure(p) if self.limits_of(patient, p.sys).is_none() => patient.limits.get(&p.mean),
            _ => patient.limits.get(&shown.main()),
        };
        changed.map_or("", |changed| if changed.wider { "!" } else { "≠" })
    }

    /// The most urgent alert about a vital of a patient.
    pub(super) fn alert_about(&self, patient: &PatientView, shown: Shown) -> Option<&'a Alert> {
        self.alerts_of(&patient.patient.id).find(|a| a.key.code.vital().is_some_and(|v| shown.has(v)))
    }

    /// The alerts of a patient, the most urgent first.
    pub(super) fn alerts_of(&self, patient: &PatientId) -> impl Iterator<Item = &'a Alert> + use<'a> {
        let mut own: Vec<&Alert> =
            self.ward.alerts.values().filter(|a| a.key.patient.as_ref() == Some(patient)).collect();
        own.sort_by_key(|a| a.urgency());
        own.into_iter()
    }

    /// Where an alert stands, with what this screen knows besides, as far as whole pieces go into `room` columns.
    pub(super) fn state(&self, alert: &Alert, room: u16) -> String {
        if self.app.is_asked(alert.id) {
            return "asking the server".to_owned();
        }
        let mut pieces = words::standing(alert, self.now).into_iter();
        let mut state = pieces.next().unwrap_or_default();
        if self.app.unrecorded.contains(&alert.id) {
            state = format!("NOT RECORDED, {state}");
        }
        for piece in pieces {
            let longer = format!("{state}, {piece}");
            if super::pen::width(&longer) > room {
                break;
            }
            state = longer;
        }
        state
    }

    /// The look of an alert's mark: it flashes until somebody acknowledges it.
    pub(super) fn mark_style(&self, alert: &Alert) -> Style {
        let lit = self.style(role_of(alert));
        if !self.app.is_lit(alert) {
            return self.style(Role::Text);
        }
        // Who wants no flashing is given what cannot be overlooked either.
        let inverse = !self.app.flash && alert.is_unacknowledged() && self.look.depth == Depth::Mono;
        if inverse { lit.add_modifier(Modifier::REVERSED) } else { lit }
    }

    /// A value with its age; what is not the present never looks like it.
    pub(super) fn value(&self, patient: &PatientView, shown: Shown, with_mean: bool) -> Value {
        let Some(newest) = newest(patient, shown) else {
            return self.plain("–", Role::Dim);
        };
        // An alert that is over says nothing of the present value.
        let alert = self.alert_about(patient, shown).filter(|a| a.condition != Condition::Absent);
        if newest.quality == Quality::NotMeasured {
            let style = self.style(alert.map_or(Role::Technical, role_of));
            let (mark, mark_style) = ("", style);
            return Value { text: "–".to_owned(), style, note: "?".to_owned(), note_style: style, mark, mark_style };
        }
        let liveness = self.app.liveness(newest);
        let role = match (liveness, alert) {
            (Liveness::Lost | Liveness::Never, _) => Role::Stale,
            _ if newest.quality == Quality::OutOfRange => Role::Technical,
            // Somebody deals with it: it is still beyond its limit.
            (_, Some(alert)) if !alert.is_unacknowledged() && self.is_beyond(patient, newest) => Role::Beyond,
            (_, Some(alert)) => role_of(alert),
            (Liveness::Late, None) => Role::Late,
            (Liveness::Live, None) if self.is_beyond(patient, newest) => Role::Beyond,
            (Liveness::Live, None) => Role::Text,
        };
        let note_role = match liveness {
            Liveness::Live => Role::Dim,
            Liveness::Late => Role::Late,
            Liveness::Lost | Liveness::Never => Role::Stale,
        };
        let mut note = self.note(newest, liveness);
        if newest.quality == Quality::OutOfRange && note.is_empty() {
            "?".clone_into(&mut note);
        }
        let (mark, mark_role) = self.mark(patient, shown, newest);
        Value {
            text: self.text(patient, shown, with_mean),
            style: self.style(role),
            note,
            // The age itself is true: only the value is struck out.
            note_style: self.style(note_role).remove_modifier(Modifier::CROSSED_OUT),
            mark,
            mark_style: self.style(mark_role),
        }
    }

    /// What is doubtful about what is shown; of three pressures, about any of them.
    pub(super) fn marks(&self, patient: &PatientView, shown: Shown) -> Marks {
        let of = |vital: VitalCode| patient.vitals.get(&vital).map_or(Marks::NONE, |v| v.marks);
        match shown {
            Shown::One(vital) => of(vital),
            Shown::Pressure(p) => of(p.sys).and(of(p.dia)).and(of(p.mean)),
        }
    }

    fn mark(&self, patient: &PatientView, shown: Shown, newest: &VitalView) -> (&'static str, Role) {
        if !self.marks(patient, shown).is_empty() {
            return ("~", Role::Technical);
        }
        match self.app.arrow(&patient.patient.id, newest) {
            Some(TrendDirection::Up) => ("↑", Role::Text),
            Some(TrendDirection::Down) => ("↓", Role::Text),
            None => ("", Role::Text),
        }
    }

    fn plain(&self, text: &str, role: Role) -> Value {
        let style = self.style(role);
        Value { text: text.to_owned(), style, note: String::new(), note_style: style, mark: "", mark_style: style }
    }

    fn text(&self, patient: &PatientView, shown: Shown, with_mean: bool) -> String {
        let format = |vital: VitalCode| {
            let value = patient.vitals.get(&vital).filter(|v| v.quality != Quality::NotMeasured);
            let info = self.ward.info(vital);
            value.zip(info).map_or_else(|| "–".to_owned(), |(value, info)| info.format(value.value))
        };
        match shown {
            Shown::One(vital) => format(vital),
            // Some devices tell the mean alone.
            Shown::Pressure(p) if !patient.vitals.contains_key(&p.sys) => format!("({})", format(p.mean)),
            Shown::Pressure(p) if with_mean => format!("{}/{} ({})", format(p.sys), format(p.dia), format(p.mean)),
            Shown::Pressure(p) => format!("{}/{}", format(p.sys), format(p.dia)),
        }
    }

    /// The age of a value that is late, or the time of one that is only taken now and then.
    fn note(&self, value: &VitalView, liveness: Liveness) -> String {
        let age = self.now.since(value.observed_at).max(Millis::ZERO);
        let present = liveness < Liveness::Lost;
        if present && self.is_episodic(value.vital) && age < TIME_OF_DAY_MAX {
            return words::clock_minutes(value.observed_at, self.zone);
        }
        if liveness == Liveness::Live { String::new() } else { words::age(age) }
    }

    pub(super) fn is_episodic(&self, vital: VitalCode) -> bool {
        self.ward.info(vital).is_some_and(|info| info.sampling == crate::domain::Sampling::Episodic)
    }

    fn is_beyond(&self, patient: &PatientView, value: &VitalView) -> bool {
        self.limits_of(patient, value.vital).is_some_and(|limits| is_beyond(limits, value.value))
    }

    /// Whether a bed has a value that should be live and is not.
    pub(super) fn is_stale(&self, patient: &PatientView) -> bool {
        patient.vitals.values().any(|v| !self.is_episodic(v.vital) && self.app.liveness(v) > Liveness::Late)
    }
}

/// The newest value of what is shown; of three pressures the systolic one, else the mean.
fn newest(patient: &PatientView, shown: Shown) -> Option<&VitalView> {
    let main = patient.vitals.get(&shown.main());
    main.or_else(|| match shown {
        Shown::One(_) => None,
        Shown::Pressure(p) => patient.vitals.get(&p.mean),
    })
}

/// Whether a value is beyond the first step of its limits.
pub(super) fn is_beyond(limits: &VitalLimitsView, value: f64) -> bool {
    limits.low.is_some_and(|low| value < low.limit) || limits.high.is_some_and(|high| value > high.limit)
}

/// The look of an alert: by its urgency until somebody deals with it.
pub(super) fn role_of(alert: &Alert) -> Role {
    if !alert.is_unacknowledged() {
        return Role::Acknowledged;
    }
    if words::is_technical_only(alert) {
        return Role::Technical;
    }
    match alert.priority {
        Priority::High => Role::AlarmHigh,
        Priority::Medium => Role::AlarmMedium,
        Priority::Low => Role::AlarmLow,
    }
}

/// The look of a vital's trace.
pub(super) fn trace_of(shown: Shown) -> Role {
    match shown {
        Shown::Pressure(_) => Role::VitalBp,
        Shown::One(vital::HR | vital::PULSE) => Role::VitalHr,
        Shown::One(vital::SPO2) => Role::VitalSpo2,
        Shown::One(vital::RR) => Role::VitalRr,
        Shown::One(vital::TEMP) => Role::VitalTemp,
        Shown::One(_) => Role::VitalOther,
    }
}

/// Unacknowledged alerts: high, medium, low, technical.
pub(super) fn counts(ward: &WardView) -> [(&'static str, Role, usize); 4] {
    let open = |role: Role| ward.alerts.values().filter(|a| role_of(a) == role).count();
    [("***", Role::AlarmHigh), ("**", Role::AlarmMedium), ("*", Role::AlarmLow), ("?", Role::Technical)]
        .map(|(mark, role)| (mark, role, open(role)))
}
