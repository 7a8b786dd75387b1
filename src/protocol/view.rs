//! A ward as screens need it: a fold of events and newest values, the same on both sides of the wire.

use super::{
    limits::{PatientLimitsView, VitalLimitsView},
    message::VitalsUpdate,
};
use crate::domain::{
    Alert, AlertId, Bed, BedId, Category, Cause, Census, Chart, Command, ConditionCode, DeviceId, EmergencyOpened,
    EncounterId, Event, EventBody, Freshness, Handovers, LimitOverride, LimitsSaid, Liveness, Marks, Millis, Mode,
    Observation, Ownership, Patient, PatientId, Pause, PersonName, Profile, Quality, Rota, Sampling, ScoreKind,
    ScoreResult, Timestamp, VitalCode, VitalDef, VitalTable, Ward,
    alert::Comment,
    census::{forget_limits_of, note_limits},
    vital::Scale,
};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, MapAccess, Visitor},
};
use std::{collections::BTreeMap, fmt, sync::Arc};

/// What a screen needs to know of a vital.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VitalInfo {
    /// Code.
    pub vital: VitalCode,
    /// Name in words.
    pub name: Arc<str>,
    /// Label, at most 5 characters.
    pub label: Arc<str>,
    /// Unit as shown.
    pub unit: Arc<str>,
    /// Decimals as shown.
    pub decimals: u8,
    /// How it is sampled.
    pub sampling: Sampling,
    /// The labels of a coded vital.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
}

impl VitalInfo {
    fn of(def: &VitalDef) -> Self {
        let labels = match &def.scale {
            Scale::Quantity => Vec::new(),
            Scale::Coded(labels) => labels.iter().map(|l| (*l).to_owned()).collect(),
        };
        Self {
            vital: def.code,
            name: def.name.clone(),
            label: def.label.clone(),
            unit: def.unit.clone(),
            decimals: def.decimals,
            sampling: def.sampling,
            labels,
        }
    }

    /// A value as screens show it.
    #[must_use]
    pub fn format(&self, value: f64) -> String {
        if self.labels.is_empty() {
            return format!("{value:.*}", usize::from(self.decimals));
        }
        let found = self.labels.iter().zip(0_u32..).find(|(_, at)| f64::from(*at) == value);
        found.map_or_else(|| "?".to_owned(), |(label, _)| label.clone())
    }
}

/// What is late only after this is measured now and then, such as a cuff pressure: it is judged by its age alone, for
/// a restart of the server says nothing of it.
const SINGLE_FROM: Millis = Millis::from_mins(5);

/// The newest value of a vital.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VitalView {
    /// The vital.
    pub vital: VitalCode,
    /// The value.
    pub value: f64,
    /// The value as the source wrote it, where that says more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Arc<str>>,
    /// How far it is to be believed.
    pub quality: Quality,
    /// What is doubtful about it; it is judged all the same.
    #[serde(default, skip_serializing_if = "Marks::is_empty")]
    pub marks: Marks,
    /// When it was measured.
    pub observed_at: Timestamp,
    /// The device that measured it.
    pub device: DeviceId,
    /// When it becomes late and lost.
    #[serde(flatten)]
    pub freshness: Freshness,
    /// Whether the server has heard of it since it was started.
    pub confirmed: bool,
}

impl VitalView {
    /// Whether it may be taken for the present at `now`.
    #[must_use]
    pub fn liveness(&self, now: Timestamp) -> Liveness {
        let single = self.freshness.late_after >= SINGLE_FROM;
        if self.confirmed || single { self.freshness.liveness(self.observed_at, now) } else { Liveness::Lost }
    }
}

/// A patient as screens need it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PatientView {
    /// The patient; without name and note where the watcher may not see them.
    pub patient: Patient,
    /// The bed.
    pub bed: BedId,
    /// The stay.
    pub encounter: EncounterId,
    /// When the patient came; absent from servers that do not say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admitted_at: Option<Timestamp>,
    /// Newest values, by vital.
    pub vitals: BTreeMap<VitalCode, VitalView>,
    /// Newest scores.
    #[serde(default)]
    pub scores: BTreeMap<ScoreKind, ScoreResult>,
    /// What people charted.
    #[serde(default)]
    pub chart: Chart,
    /// Limits in force, where somebody changed them; else those of the category hold.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<VitalCode, PatientLimitsView>,
    /// The limits that devices say they have, by vital; nothing here is judged by them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub device_limits: BTreeMap<VitalCode, LimitsSaid>,
    /// What other devices said before of the same vitals: it stands there again when the device that said the newest has gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_limits: Vec<(VitalCode, LimitsSaid)>,
}

impl PatientView {
    /// A patient who has just come, of whom nothing is measured yet.
    fn new(patient: &Patient, bed: &BedId, encounter: &EncounterId, admitted_at: Timestamp) -> Self {
        Self {
            patient: patient.clone(),
            bed: bed.clone(),
            encounter: encounter.clone(),
            admitted_at: Some(admitted_at),
            vitals: BTreeMap::new(),
            scores: BTreeMap::new(),
            chart: Chart::default(),
            limits: BTreeMap::new(),
            device_limits: BTreeMap::new(),
            other_limits: Vec::new(),
        }
    }

    /// A device measures the patient no more.
    fn forget_device(&mut self, device: &DeviceId) {
        self.vitals.retain(|_, v| v.device != *device);
        forget_limits_of((&mut self.device_limits, &mut self.other_limits), device);
    }
}

/// A ward as screens need it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WardView {
    /// The ward.
    pub ward: Ward,
    /// Live or demo.
    pub mode: Mode,
    /// All vitals of the site in display order.
    pub vitals: Vec<VitalInfo>,
    /// Limits by category, as the site has set them.
    pub limits: BTreeMap<Category, Vec<VitalLimitsView>>,
    /// What is changed of them for all patients of a category.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ward_limits: BTreeMap<Category, BTreeMap<VitalCode, LimitOverride>>,
    /// Beds in order.
    pub beds: BTreeMap<BedId, Bed>,
    /// Patients present.
    pub patients: BTreeMap<PatientId, PatientView>,
    /// Alerts that are not closed.
    #[serde(deserialize_with = "alerts_by_number")]
    pub alerts: BTreeMap<AlertId, Alert>,
    /// What is quiet, in the order in which it was set.
    #[serde(default)]
    pub pauses: Vec<Pause>,
    /// Who is on duty.
    #[serde(default)]
    pub rota: Rota,
    /// Handovers that are open, and who has taken whom.
    #[serde(default)]
    pub handovers: Handovers,
    /// Emergencies of the last day that nobody has judged, with the patient, the oldest first. A snapshot tells those of them
    /// who judge: whoever was not there when it was told is told now. What is opened later is an event.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub emergencies: Vec<(PatientId, EmergencyOpened)>,
}

/// The key of an alert: a number, which JSON can only write as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum AlertNumber {
    Number(u64),
    Text(String),
}

fn alerts_by_number<'de, D: Deserializer<'de>>(d: D) -> Result<BTreeMap<AlertId, Alert>, D::Error> {
    struct Entries;
    impl<'de> Visitor<'de> for Entries {
        type Value = BTreeMap<AlertId, Alert>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("alerts by number")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut alerts = BTreeMap::new();
            while let Some(number) = map.next_key::<AlertNumber>()? {
                let number = match number {
                    AlertNumber::Number(number) => number,
                    AlertNumber::Text(text) => text.parse().map_err(de::Error::custom)?,
                };
                alerts.insert(AlertId(number), map.next_value()?);
            }
            Ok(alerts)
        }
    }
    d.deserialize_map(Entries)
}

impl WardView {
    /// An empty ward; `profile` gives the limits of a category.
    #[must_use]
    pub fn new(ward: Ward, mode: Mode, vitals: &VitalTable, profile: impl Fn(Category) -> Arc<Profile>) -> Self {
        let limits = |category| {
            let profile = profile(category);
            let rows = profile.vitals.iter().map(|(vital, limits)| VitalLimitsView::of(*vital, limits)).collect();
            (category, rows)
        };
        Self {
            ward,
            mode,
            vitals: vitals.iter().map(|def| VitalInfo::of(def)).collect(),
            limits: [Category::Adult, Category::Paediatric, Category::Neonate].map(limits).into(),
            ward_limits: BTreeMap::new(),
            beds: BTreeMap::new(),
            patients: BTreeMap::new(),
            alerts: BTreeMap::new(),
            pauses: Vec::new(),
            rota: Rota::default(),
            handovers: Handovers::default(),
            emergencies: Vec::new(),
        }
    }

    /// Takes in who is where and which alerts are open, as an engine has them.
    pub fn fill<'a>(&mut self, census: &Census, alerts: impl Iterator<Item = &'a Alert>) {
        self.beds = census.beds.clone();
        for stay in census.stays.values() {
            let new = PatientView::new(&stay.patient, &stay.bed, &stay.encounter, stay.admitted_at);
            let (device_limits, other_limits) = (stay.device_limits.clone(), stay.other_limits.clone());
            let view = PatientView { device_limits, other_limits, ..new };
            self.patients.insert(stay.patient.id.clone(), view);
        }
        self.alerts = alerts.map(|alert| (alert.id, alert.clone())).collect();
    }

    /// Takes in the chart and the scores of a patient, as an engine has them.
    pub fn fill_scores(&mut self, patient: &PatientId, chart: &Chart, scores: &BTreeMap<ScoreKind, ScoreResult>) {
        if let Some(patient) = self.patients.get_mut(patient) {
            patient.chart = chart.clone();
            patient.scores = scores.clone();
        }
    }

    /// Takes in the handovers, as an engine has them.
    pub fn fill_handovers(&mut self, handovers: &Handovers) {
        self.handovers = handovers.clone();
    }

    /// Who owns whom at `now`.
    #[must_use]
    pub const fn ownership(&self, now: Timestamp) -> Ownership<'_> {
        Ownership { handovers: &self.handovers, rota: &self.rota, at: now }
    }

    /// Takes in what is quiet and who is on duty, as an engine has it.
    pub fn fill_responses<'a>(&mut self, pauses: impl Iterator<Item = &'a Pause>, rota: &Rota) {
        self.pauses = pauses.cloned().collect();
        self.rota = rota.clone();
    }

    /// Takes in what an event changes.
    pub fn apply(&mut self, event: &Event) {
        self.handovers.apply(event);
        match &event.body {
            EventBody::WardSet { ward } => self.ward = ward.clone(),
            EventBody::BedSet { bed, .. } => {
                self.beds.insert(bed.id.clone(), bed.clone());
            }
            EventBody::Admitted { patient, bed, encounter, .. } => {
                let view = PatientView::new(patient, bed, encounter, event.at);
                self.patients.insert(patient.id.clone(), view);
                self.apply_ward_limits(&patient.id);
            }
            EventBody::Discharged { patient, .. } => {
                self.patients.remove(patient);
            }
            EventBody::Unassigned { assignment, .. } => {
                if let Some(patient) = self.patients.get_mut(&assignment.patient) {
                    patient.forget_device(&assignment.device);
                }
            }
            EventBody::DeviceLimits { patient, vital, said } => {
                if let Some(patient) = self.patients.get_mut(patient) {
                    note_limits((&mut patient.device_limits, &mut patient.other_limits), *vital, said);
                }
            }
            EventBody::EngineStarted { down_since: Some(_), .. } => {
                for vital in self.patients.values_mut().flat_map(|p| p.vitals.values_mut()) {
                    vital.confirmed = false;
                }
            }
            EventBody::Alert { alert, cause, .. } => {
                if let (ConditionCode::DeviceLost, Cause::Raised | Cause::Returned, Some(device)) =
                    (alert.key.code, cause, &alert.key.device)
                {
                    self.silenced(device);
                }
                if alert.is_closed() {
                    self.alerts.remove(&alert.id);
                } else {
                    self.alerts.insert(alert.id, alert.clone());
                }
            }
            EventBody::Commented { alert, text, by, .. } => {
                if let Some(alert) = self.alerts.get_mut(alert) {
                    alert.comment = Some(Comment { by: by.clone(), at: event.at, text: text.clone() });
                }
            }
            EventBody::Paused { pause } => {
                self.pauses.retain(|p| p.id != pause.id);
                self.pauses.push(pause.clone());
                self.pauses.sort_by_key(|p| p.id);
            }
            EventBody::PauseEnded { pause, .. } => self.pauses.retain(|p| p.id != *pause),
            EventBody::Transferred { patient, bed, .. } => {
                if let Some(patient) = self.patients.get_mut(patient) {
                    patient.bed = bed.clone();
                }
            }
            EventBody::LimitsChanged { scope, vital, set, .. } => self.apply_limits(scope, *vital, set.as_deref()),
            EventBody::CategorySet { patient, category, .. } => {
                if let Some(found) = self.patients.get_mut(patient) {
                    found.patient.category = *category;
                }
                self.apply_ward_limits(patient);
            }
            EventBody::Described { patient, name, birth_year, .. } => {
                if let Some(found) = self.patients.get_mut(patient) {
                    (found.patient.name, found.patient.birth_year) = (name.clone(), *birth_year);
                }
            }
            EventBody::RotaSet { rota, .. } => self.rota = rota.clone(),
            EventBody::Scored { patient, scores } => {
                if let Some(patient) = self.patients.get_mut(patient) {
                    patient.scores.extend(scores.iter().map(|score| (score.kind, score.clone())));
                }
            }
            EventBody::Charted { patient, entry, by } => {
                if let Some(patient) = self.patients.get_mut(patient) {
                    patient.chart.enter(entry, by, event.at);
                }
            }
            _ => {}
        }
    }

    /// Takes in newest values.
    pub fn apply_vitals(&mut self, update: &VitalsUpdate) {
        let Some(patient) = self.patients.get_mut(&update.patient) else { return };
        for vital in &update.vitals {
            match patient.vitals.get_mut(&vital.vital) {
                Some(held) => held.clone_from(vital),
                None => {
                    patient.vitals.insert(vital.vital, vital.clone());
                }
            }
        }
    }

    /// A device is lost: its vitals are no longer the present, however young they are.
    fn silenced(&mut self, device: &DeviceId) {
        let vitals = self.patients.values_mut().flat_map(|p| p.vitals.values_mut());
        vitals.filter(|vital| vital.device == *device).for_each(|vital| vital.confirmed = false);
    }

    /// Takes in one present value; says whether it became the newest. A value of another device takes the place of a
    /// newer one only when that one is no longer live.
    pub fn observe(
        &mut self,
        observation: &Observation,
        (quality, marks): (Quality, Marks),
        freshness: Freshness,
    ) -> bool {
        let Some(patient) = self.patients.get_mut(&observation.patient) else { return false };
        let new = VitalView {
            vital: observation.vital,
            value: observation.value,
            text: observation.text.clone(),
            quality,
            marks,
            observed_at: observation.observed_at,
            device: observation.device.clone(),
            freshness,
            confirmed: true,
        };
        match patient.vitals.get_mut(&observation.vital) {
            Some(held) => {
                let newer = new.observed_at >= held.observed_at;
                let gone = held.liveness(observation.received_at) == Liveness::Lost;
                if newer || gone {
                    *held = new;
                }
                newer || gone
            }
            None => {
                patient.vitals.insert(new.vital, new);
                true
            }
        }
    }

    /// The same ward without names, notes and years of birth, notes of handovers included.
    #[must_use]
    pub fn without_names(&self) -> Self {
        self.named(|_| PersonName::default())
    }

    /// The same ward with the initials of patients in the place of their names, without notes and years of birth.
    #[must_use]
    pub fn with_initials(&self) -> Self {
        self.named(PersonName::initials)
    }

    fn named(&self, name: impl Fn(&PersonName) -> PersonName) -> Self {
        let mut view = self.clone();
        for patient in view.patients.values_mut() {
            patient.patient.name = name(&patient.patient.name);
            patient.patient.note = PersonName::default();
            patient.patient.birth_year = None;
        }
        view.handovers.open.iter_mut().for_each(|open| open.note = None);
        view.pauses.iter_mut().for_each(|pause| pause.reason = None);
        view
    }

    /// What a screen needs to know of a vital.
    #[must_use]
    pub fn info(&self, vital: VitalCode) -> Option<&VitalInfo> {
        self.vitals.iter().find(|info| info.vital == vital)
    }

    /// Patients in the order of their beds.
    #[must_use]
    pub fn by_bed(&self) -> Vec<&PatientView> {
        let mut patients: Vec<&PatientView> = self.patients.values().collect();
        patients.sort_by(|a, b| a.bed.cmp(&b.bed));
        patients
    }

    /// Alerts in the order of their urgency.
    #[must_use]
    pub fn by_urgency(&self) -> Vec<&Alert> {
        let mut alerts: Vec<&Alert> = self.alerts.values().collect();
        alerts.sort_by_key(|alert| alert.urgency());
        alerts
    }
}

/// An event without names and notes, be it that somebody came, that somebody was not let in, or a handover.
#[must_use]
pub fn without_names(event: &Event) -> Event {
    named(event, |_| PersonName::default())
}

/// An event with the initials of patients in the place of their names, without notes and years of birth.
#[must_use]
pub fn with_initials(event: &Event) -> Event {
    named(event, PersonName::initials)
}

fn named(event: &Event, renamed: impl Fn(&PersonName) -> PersonName) -> Event {
    let mut event = event.clone();
    if let EventBody::HandoverOffered { handover } | EventBody::HandoverAccepted { handover, .. } = &mut event.body {
        handover.note = None;
    }
    if let EventBody::Refused { command: Command::OfferHandover { note, .. }, .. } = &mut event.body {
        *note = None;
    }
    if let EventBody::Paused { pause } = &mut event.body {
        pause.reason = None;
    }
    if let EventBody::Refused { command: Command::Pause { reason, .. }, .. } = &mut event.body {
        *reason = None;
    }
    if let EventBody::Admitted { patient, .. } | EventBody::Refused { command: Command::Admit { patient, .. }, .. } =
        &mut event.body
    {
        patient.name = renamed(&patient.name);
        patient.note = PersonName::default();
        patient.birth_year = None;
    }
    if let EventBody::Described { name, birth_year, .. }
    | EventBody::Refused { command: Command::Describe { name, birth_year, .. }, .. } = &mut event.body
    {
        *name = renamed(name);
        *birth_year = None;
    }
    event
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        Actor, Assignment, CensusError, PauseId, PauseKind, PauseScope, Priority, Refusal, Remark, ReportedLimits,
        vital::HR,
    };

    fn told(what: &impl Serialize) -> String {
        serde_json::to_string(what).unwrap()
    }

    #[test]
    fn why_something_is_quiet_is_told_to_nobody_who_sees_no_names() {
        let scope = PauseScope::Patient { patient: "p1".parse().unwrap() };
        let reason: Remark = "transport of Ms Hidden".parse().unwrap();
        let pause = Pause {
            id: PauseId(1),
            kind: PauseKind::AlarmPaused,
            scope: scope.clone(),
            since: Timestamp::from_ms(0),
            until: Timestamp::from_ms(60_000),
            by: Actor::System,
            reason: Some(reason.clone()),
            covers: Priority::Medium,
            announced: 0,
            confirmed_by: None,
            waits_to_last: None,
        };
        let command = Command::Pause {
            kind: PauseKind::AlarmPaused,
            scope,
            span: Millis(60_000),
            reason: Some(reason),
            include_high: false,
        };
        let refusal = Refusal::Census(CensusError::UnknownPatient { patient: "p1".parse().unwrap() });
        let refused = EventBody::Refused { command, refusal, by: Actor::System };
        for body in [EventBody::Paused { pause: pause.clone() }, refused] {
            let event = Event::new(Timestamp::from_ms(0), body);
            assert!(told(&event).contains("Hidden"));
            let shown = [without_names(&event), with_initials(&event)].map(|event| told(&event));
            assert!(shown.iter().all(|shown| !shown.contains("Hidden") && shown.contains("p1")), "{shown:?}");
        }
        let ward = Ward { id: "w".parse().unwrap(), name: "W".into(), time_zone: chrono_tz::Tz::UTC };
        let mut view = WardView::new(ward, Mode::Live, &VitalTable::builtin(), |_| Arc::default());
        view.fill_responses([&pause].into_iter(), &Rota::default());
        assert!(told(&view).contains("Hidden"));
        let shown = [view.without_names(), view.with_initials()].map(|view| told(&view));
        assert!(shown.iter().all(|shown| !shown.contains("Hidden") && shown.contains("alarm_paused")), "{shown:?}");
    }

    #[test]
    fn the_limits_of_a_device_stand_where_those_of_one_that_went_stood_as_in_the_census() {
        let ward = Ward { id: "w".parse().unwrap(), name: "W".into(), time_zone: chrono_tz::Tz::UTC };
        let mut view = WardView::new(ward, Mode::Live, &VitalTable::builtin(), |_| Arc::default());
        let mut census = Census::default();
        let patient = Patient {
            id: "p1".parse().unwrap(),
            name: PersonName::default(),
            note: PersonName::default(),
            category: Category::Adult,
            birth_year: None,
        };
        let (bed, encounter): (BedId, EncounterId) = ("b1".parse().unwrap(), "e1".parse().unwrap());
        let limits = |device: &str, low: &str| EventBody::DeviceLimits {
            patient: "p1".parse().unwrap(),
            vital: HR,
            said: LimitsSaid {
                device: device.parse().unwrap(),
                limits: ReportedLimits::between(low, "120").unwrap(),
                since: Timestamp::from_ms(1),
            },
        };
        let unassigned = |device: &str| EventBody::Unassigned {
            assignment: Assignment {
                device: device.parse().unwrap(),
                patient: "p1".parse().unwrap(),
                start: Timestamp::from_ms(0),
                end: Some(Timestamp::from_ms(2)),
            },
            by: Actor::System,
        };
        let admitted = EventBody::Admitted { patient, bed, encounter, by: Actor::System };
        let said = [limits("d1", "50"), limits("d2", "60"), limits("d3", "70")];
        let mut shown = Vec::new();
        let bodies = [admitted].into_iter().chain(said).chain(["d3", "d1", "d2"].map(unassigned));
        for body in bodies {
            let event = Event::new(Timestamp::from_ms(2), body);
            census.apply(&event);
            view.apply(&event);
            let stay = &census.stays.values().next().unwrap().device_limits;
            let seen = &view.patients.values().next().unwrap().device_limits;
            assert_eq!(seen, stay);
            shown.push(seen.get(&HR).map_or_else(|| "none".to_owned(), |said| said.device.to_string()));
            let mut filled = view.clone();
            filled.fill(&census, std::iter::empty());
            assert_eq!(filled.patients, view.patients, "a snapshot says the same");
        }
        assert_eq!(shown, ["none", "d1", "d2", "d3", "d2", "d2", "none"]);
    }

    #[test]
    fn names_and_notes_are_taken_from_admissions_and_from_refused_ones() {
        let (name, note) = (PersonName::new("Okafor, Chidi"), PersonName::new("has a pacemaker"));
        let patient =
            Patient { id: "p1".parse().unwrap(), name, note, category: Category::Adult, birth_year: Some(1971) };
        let (bed, encounter): (BedId, EncounterId) = ("b1".parse().unwrap(), "e1".parse().unwrap());
        let command = Command::Admit { patient: patient.clone(), bed: bed.clone(), encounter: encounter.clone() };
        let refusal = Refusal::Census(CensusError::UnknownBed { bed: bed.clone() });
        let by = Actor::System;
        for body in [
            EventBody::Admitted { patient, bed, encounter, by: by.clone() },
            EventBody::Refused { command, refusal, by },
        ] {
            let event = Event::new(Timestamp::from_ms(0), body);
            let told = |event: &Event| serde_json::to_string(event).unwrap();
            let secrets = ["Chidi", "pacemaker", "1971"];
            assert!(secrets.iter().all(|secret| told(&event).contains(secret)));
            let shown = told(&without_names(&event));
            assert!(!secrets.iter().any(|secret| shown.contains(secret)), "{shown}");
            assert!(shown.contains("p1"), "{shown}");
        }
        let (patient, name): (PatientId, _) = ("p1".parse().unwrap(), PersonName::new("Okafor, Chidi"));
        let described = EventBody::Described {
            patient: patient.clone(),
            name: name.clone(),
            birth_year: Some(1971),
            by: Actor::System,
        };
        let command = Command::Describe { patient: patient.clone(), name, birth_year: Some(1971) };
        let refusal = Refusal::Census(CensusError::UnknownPatient { patient });
        for body in [described, EventBody::Refused { command, refusal, by: Actor::System }] {
            let shown = without_names(&Event::new(Timestamp::from_ms(0), body));
            let told = serde_json::to_string(&shown).unwrap();
            assert!(!told.contains("Chidi") && !told.contains("1971"), "{told}");
        }
    }
}
