//! What other limits would have told: the same inputs of one patient through two engines, as they are and as tried.
//!
//! Nobody answers in either: only conditions are compared, not who came. Both begin with the first input, so an alert that
//! was open before it is not known.

use super::danger::{DangerEvent, DangerWatch};
use crate::{
    alarm::{Authority, Profiles, ResponsePolicy, limits::changed},
    domain::{
        Actor, Assignment, Bed, BedId, Cause, Command, ConditionCode, Desired, Device, DeviceId, DeviceKind,
        EncounterId, Event, EventBody, LimitsChange, LimitsError, Millis, Observation, Patient, Priority, Profile,
        Quality, Sampling, Timestamp, VitalCode, VitalLimits, Ward, event::SuppressedBy, liveness::CONTINUOUS_INTERVAL,
    },
    engine::{Engine, EngineConfig, Input},
};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

/// The interval of an episodic series whose device states none, for danger events.
const INTERVAL_UNKNOWN: Millis = Millis::from_mins(1);

/// What is tried, and on whom.
#[derive(Debug, Clone)]
pub struct Trial {
    /// The site: its vitals and profiles.
    pub config: EngineConfig,
    /// The ward.
    pub ward: Ward,
    /// The patient.
    pub patient: Patient,
    /// The patient's limits as they are, by vital.
    pub limits: BTreeMap<VitalCode, VitalLimits>,
    /// What would be different.
    pub changes: BTreeMap<VitalCode, LimitsChange>,
    /// Devices with the intervals that they state.
    pub devices: BTreeMap<DeviceId, Device>,
}

/// Why nothing can be tried.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TrialError {
    /// The site does not define the vital.
    #[error("there is no vital {0}")]
    UnknownVital(VitalCode),
    /// The limits cannot be.
    #[error(transparent)]
    Limits(#[from] LimitsError),
}

/// One coming of an alert.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Told {
    /// The condition.
    pub code: ConditionCode,
    /// Measured by.
    pub device: Option<DeviceId>,
    /// When the condition began.
    pub since: Timestamp,
    /// When the alert was raised, or came back.
    pub raised_at: Timestamp,
    /// When the condition went away, if it did.
    pub ended_at: Option<Timestamp>,
    /// The highest priority that it reached.
    pub priority: Priority,
    /// The value that raised it.
    pub value: Option<f64>,
}

impl Told {
    fn meets(&self, other: &Self) -> bool {
        let reaches = |a: &Self, b: &Self| b.ended_at.is_none_or(|ended| a.since <= ended);
        self.code == other.code && self.device == other.device && reaches(self, other) && reaches(other, self)
    }
}

/// An alert that would have come in both ways, but not alike.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Moved {
    /// As it is.
    pub now: Told,
    /// As tried.
    pub tried: Told,
}

/// An event beyond a danger limit, in both ways.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DangerTold {
    /// The event; `alerted_at` is the alert as it is.
    #[serde(flatten)]
    pub event: DangerEvent,
    /// The alert as tried.
    pub tried_alerted_at: Option<Timestamp>,
}

impl DangerTold {
    /// Whether it has an alert as it is, and would have none.
    #[must_use]
    pub const fn would_lose(&self) -> bool {
        self.event.alerted_at.is_some() && self.tried_alerted_at.is_none()
    }
}

/// What came of a trial.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// Time of the first value.
    pub from: Option<Timestamp>,
    /// Time of the last value.
    pub to: Option<Timestamp>,
    /// Values that were judged.
    pub values: u64,
    /// Alerts of the vitals that are tried, as they are.
    pub alerts_now: usize,
    /// The same as tried.
    pub alerts_tried: usize,
    /// Violations without an alert by cause, as they are.
    pub suppressed_now: BTreeMap<SuppressedBy, u64>,
    /// The same as tried.
    pub suppressed_tried: BTreeMap<SuppressedBy, u64>,
    /// Alerts that would not come.
    pub gone: Vec<Told>,
    /// Alerts that would come besides.
    pub added: Vec<Told>,
    /// Alerts that would come at another time or with another priority.
    pub moved: Vec<Moved>,
    /// All events of at least a minute beyond a danger limit.
    pub danger: Vec<DangerTold>,
    /// Why a nurse may not set these limits, if so.
    pub beyond_guard: Option<String>,
}

impl Comparison {
    /// Danger events that would lose their alert.
    #[must_use]
    pub fn would_lose(&self) -> usize {
        self.danger.iter().filter(|danger| danger.would_lose()).count()
    }
}

/// One of the two ways.
struct Way {
    engine: Engine,
    told: Vec<Told>,
    suppressed: BTreeMap<SuppressedBy, u64>,
    danger: DangerWatch,
    events: Vec<Event>,
}

impl Trial {
    /// The limits that are tried, by vital.
    ///
    /// # Errors
    /// If they cannot be: unknown vital, no limits in the profile, out of order, not to be believed.
    pub fn tried(&self) -> Result<BTreeMap<VitalCode, VitalLimits>, TrialError> {
        let mut tried = self.limits.clone();
        for (vital, change) in &self.changes {
            let def = self.config.vitals.get(*vital).ok_or(TrialError::UnknownVital(*vital))?;
            let before = self.limits.get(vital).ok_or(LimitsError::NoLimits { vital: *vital })?;
            let new = change.apply(before);
            for step in crate::domain::StepName::ALL {
                if let Some(wanted) = change.step(step).filter(|wanted| !def.plausible.contains(&wanted.get())) {
                    return Err(LimitsError::Implausible { vital: *vital, step, wanted }.into());
                }
            }
            if change.is_empty() {
                return Err(LimitsError::Nothing.into());
            }
            if !new.is_ordered() {
                return Err(LimitsError::Order { vital: *vital }.into());
            }
            tried.insert(*vital, new);
        }
        Ok(tried)
    }

    /// Why a nurse may not set these limits, if so.
    fn beyond_guard(&self) -> Option<String> {
        self.changes.iter().find_map(|(vital, change)| {
            let (def, before) = (self.config.vitals.get(*vital)?, self.limits.get(vital)?);
            let category = self.patient.category;
            changed(&self.config.profiles, def, category, before, change, Authority::Guard).err().map(|e| e.to_string())
        })
    }

    /// Runs the inputs through both ways. They come in order of their engine time; only observations of the patient,
    /// starts and steps of the clock count.
    ///
    /// # Errors
    /// If the limits cannot be tried.
    pub fn run(&self, inputs: impl Iterator<Item = (Timestamp, Input)>) -> Result<Comparison, TrialError> {
        let mut ways = [self.way(&self.limits), self.way(&self.tried()?)];
        let mut seen = Seen::default();
        for (at, input) in inputs {
            match input {
                Input::Observation(o) if o.patient == self.patient.id => {
                    seen.begin(self, at, &mut ways);
                    seen.device(self, &o, at, &mut ways);
                    seen.note(&o);
                    ways.iter_mut().for_each(|way| way.observe(self, &o, at));
                }
                Input::Start { .. } | Input::ClockStepped { .. } if seen.begun => {
                    let input = match input {
                        Input::Start { .. } => Input::Start { ward: self.ward.clone() },
                        other => other,
                    };
                    ways.iter_mut().for_each(|way| way.input(input.clone(), at));
                }
                _ => {}
            }
            seen.last = seen.last.max(Some(at));
        }
        if let Some(last) = seen.last {
            ways.iter_mut().for_each(|way| way.input(Input::Tick, last));
        }
        Ok(self.compare(ways, &seen))
    }

    /// An engine for this patient alone, by these limits.
    fn way(&self, limits: &BTreeMap<VitalCode, VitalLimits>) -> Way {
        let profile = Profile { vitals: limits.clone() };
        let profiles: Profiles = self.config.profiles.map(|_| profile.clone());
        // Nobody answers.
        let response = Arc::new(ResponsePolicy::silent());
        let config = EngineConfig { profiles: Arc::new(profiles), response, ..self.config.clone() };
        Way {
            engine: Engine::new(config),
            told: Vec::new(),
            suppressed: BTreeMap::new(),
            danger: DangerWatch::default(),
            events: Vec::new(),
        }
    }

    fn compare(&self, ways: [Way; 2], seen: &Seen) -> Comparison {
        let of_tried = |code: ConditionCode| code.vital().is_some_and(|vital| self.changes.contains_key(&vital));
        let [now, tried] = ways.map(|way| {
            let told: Vec<Told> = way.told.into_iter().filter(|told| of_tried(told.code)).collect();
            (told, way.suppressed, way.danger.finish())
        });
        let without = |some: &[Told], other: &[Told]| -> Vec<Told> {
            some.iter().filter(|told| !other.iter().any(|o| told.meets(o))).cloned().collect()
        };
        let moved = now.0.iter().filter_map(|told| {
            let tried = tried.0.iter().find(|other| told.meets(other))?;
            let same = (tried.raised_at, tried.priority) == (told.raised_at, told.priority);
            (!same).then(|| Moved { now: told.clone(), tried: tried.clone() })
        });
        let danger = now
            .2
            .into_iter()
            .zip(tried.2)
            .map(|(event, tried)| DangerTold { event, tried_alerted_at: tried.alerted_at });
        Comparison {
            from: seen.first_value,
            to: seen.last_value,
            values: seen.values,
            alerts_now: now.0.len(),
            alerts_tried: tried.0.len(),
            gone: without(&now.0, &tried.0),
            added: without(&tried.0, &now.0),
            moved: moved.collect(),
            suppressed_now: now.1,
            suppressed_tried: tried.1,
            danger: danger.collect(),
            beyond_guard: self.beyond_guard(),
        }
    }

    fn interval(&self, o: &Observation) -> Millis {
        let stated = self.devices.get(&o.device).and_then(|d| d.intervals_ms.get(&o.vital)).copied();
        let continuous = self.config.vitals.get(o.vital).is_some_and(|def| def.sampling == Sampling::Continuous);
        let usual = if continuous { CONTINUOUS_INTERVAL } else { INTERVAL_UNKNOWN };
        o.interval.or(stated).unwrap_or(usual)
    }
}

/// What was seen of the inputs.
#[derive(Debug, Default)]
struct Seen {
    begun: bool,
    devices: BTreeSet<DeviceId>,
    last: Option<Timestamp>,
    first_value: Option<Timestamp>,
    last_value: Option<Timestamp>,
    values: u64,
}

impl Seen {
    /// The patient comes with the first value.
    fn begin(&mut self, trial: &Trial, at: Timestamp, ways: &mut [Way; 2]) {
        if self.begun {
            return;
        }
        self.begun = true;
        let bed = Bed { id: BedId::from_name("1"), label: "1".to_owned() };
        let admit = Command::Admit {
            patient: trial.patient.clone(),
            bed: bed.id.clone(),
            encounter: EncounterId::from_name("trial"),
        };
        for way in ways {
            way.input(Input::Start { ward: trial.ward.clone() }, at);
            way.command(Command::SetBed { bed: bed.clone() }, at);
            way.command(admit.clone(), at);
        }
    }

    /// A device comes with its first value.
    fn device(&mut self, trial: &Trial, o: &Observation, at: Timestamp, ways: &mut [Way; 2]) {
        if !self.devices.insert(o.device.clone()) {
            return;
        }
        let known = trial.devices.get(&o.device);
        let device = Device {
            id: o.device.clone(),
            name: o.device.to_string(),
            kind: DeviceKind::Monitor,
            gateway: None,
            intervals_ms: known.map(|d| d.intervals_ms.clone()).unwrap_or_default(),
            desired: Desired::default(),
        };
        let start = o.observed_at.min(at);
        let assignment = Assignment { device: device.id.clone(), patient: o.patient.clone(), start, end: None };
        for way in ways {
            way.command(Command::SetDevice { device: device.clone() }, at);
            way.command(Command::Assign { assignment: assignment.clone() }, at);
        }
    }

    fn note(&mut self, o: &Observation) {
        self.values += 1;
        self.first_value = Some(self.first_value.map_or(o.observed_at, |first| first.min(o.observed_at)));
        self.last_value = self.last_value.max(Some(o.observed_at));
    }
}

impl Way {
    fn input(&mut self, input: Input, at: Timestamp) {
        self.events = self.engine.handle(input, at);
        self.take();
    }

    fn command(&mut self, command: Command, at: Timestamp) {
        self.input(Input::Command { command, by: Actor::System }, at);
    }

    fn observe(&mut self, trial: &Trial, o: &Observation, at: Timestamp) {
        let observed = self.engine.observe(o, at, &mut self.events);
        self.take();
        if observed.quality == Quality::Valid && !observed.late {
            let interval = trial.interval(o);
            self.danger.sample((&o.patient, &o.device, o.vital), o.observed_at, o.value, interval);
        }
    }

    fn take(&mut self) {
        for event in std::mem::take(&mut self.events) {
            match &event.body {
                EventBody::Suppressed { by, .. } => *self.suppressed.entry(*by).or_default() += 1,
                EventBody::Alert { cause, alert, .. } => {
                    self.danger.alert(*cause, alert, event.at);
                    let key = (alert.key.code, alert.key.device.clone());
                    let open = self.told.iter_mut().rev().find(|t| (t.code, t.device.clone()) == key);
                    match (cause, open) {
                        (Cause::Raised | Cause::Returned, _) => self.told.push(Told {
                            code: alert.key.code,
                            device: alert.key.device.clone(),
                            since: alert.since,
                            raised_at: event.at,
                            ended_at: None,
                            priority: alert.priority,
                            value: alert.value,
                        }),
                        (Cause::Cleared, Some(open)) => open.ended_at = open.ended_at.or(Some(event.at)),
                        (_, Some(open)) if open.ended_at.is_none() => open.priority = alert.priority,
                        _ => {}
                    }
                }
                _ => {}
            }
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.from, self.to) {
            (Some(from), Some(to)) => writeln!(f, "{} values, {from} to {to}", self.values)?,
            _ => writeln!(f, "no values")?,
        }
        let suppressed = |of: &BTreeMap<SuppressedBy, u64>| of.values().sum::<u64>();
        writeln!(f, "\n{:<22}{:>8}{:>8}", "", "now", "tried")?;
        writeln!(f, "{:<22}{:>8}{:>8}", "alerts", self.alerts_now, self.alerts_tried)?;
        let (now, tried) = (suppressed(&self.suppressed_now), suppressed(&self.suppressed_tried));
        writeln!(f, "{:<22}{now:>8}{tried:>8}", "suppressed, all vitals")?;
        write_told(f, "WOULD NOT COME", &self.gone)?;
        write_told(f, "WOULD COME BESIDES", &self.added)?;
        if !self.moved.is_empty() {
            writeln!(f, "\nWOULD COME OTHERWISE: {}", self.moved.len())?;
        }
        for Moved { now, tried } in &self.moved {
            let (code, from, to) = (now.code, now.raised_at, tried.raised_at);
            writeln!(f, "  {code}  {from} {} → {to} {}", now.priority, tried.priority)?;
        }
        writeln!(
            f,
            "\nDANGER EVENTS of at least 60 s (SpO2 < 85, HR < 40 or > 150, mean pressure < 55): {}, would lose their alert: {}",
            self.danger.len(),
            self.would_lose()
        )?;
        for danger in &self.danger {
            let DangerEvent { vital, side, from, to, worst, .. } = &danger.event;
            let alert = match (danger.event.alerted_at, danger.tried_alerted_at) {
                (Some(_), None) => "WOULD LOSE ITS ALERT".to_owned(),
                (None, None) => "HAS NO ALERT EITHER WAY".to_owned(),
                (_, Some(at)) => format!("alert at {at}"),
            };
            writeln!(f, "  {}  {from} to {to}, worst {worst}: {alert}", ConditionCode::Limit(*vital, *side))?;
        }
        match &self.beyond_guard {
            Some(why) => writeln!(f, "\nA nurse may not set this: {why}"),
            None => Ok(()),
        }
    }
}

fn write_told(f: &mut fmt::Formatter<'_>, title: &str, some: &[Told]) -> fmt::Result {
    if some.is_empty() {
        return Ok(());
    }
    writeln!(f, "\n{title}: {}", some.len())?;
    for Told { code, raised_at, ended_at, priority, value, .. } in some {
        let end = ended_at.map_or_else(|| "still there at the end".to_owned(), |at| format!("to {at}"));
        let value = value.map_or_else(String::new, |value| format!(" at {value}"));
        writeln!(f, "  {code}  {raised_at} {end}, {priority}{value}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        Category, LimitValue, PersonName, StepName,
        vital::{HR, SPO2},
    };

    fn t(s: i64) -> Timestamp {
        Timestamp::from_ms(1_000_000_000_000 + s * 1000)
    }

    fn trial(vital: VitalCode, change: LimitsChange) -> Trial {
        let config = EngineConfig::default();
        Trial {
            ward: Ward { id: "w".parse().unwrap(), name: "Ward".into(), time_zone: chrono_tz::Tz::UTC },
            patient: Patient {
                id: "p1".parse().unwrap(),
                name: PersonName::default(),
                category: Category::Adult,
                birth_year: None,
                note: PersonName::default(),
            },
            limits: config.profiles.of(Category::Adult).vitals.clone(),
            changes: BTreeMap::from([(vital, change)]),
            devices: BTreeMap::new(),
            config,
        }
    }

    fn step(name: StepName, to: f64) -> LimitsChange {
        let mut change = LimitsChange::default();
        change.set_step(name, LimitValue::new(to).unwrap());
        change
    }

    /// One value a second: `(value, seconds)` after each other.
    fn values(vital: VitalCode, parts: &[(f64, usize)]) -> Vec<(Timestamp, Input)> {
        let all = parts.iter().flat_map(|(value, n)| std::iter::repeat_n(*value, *n));
        let of = |(s, value): (i64, f64)| {
            let o = Observation {
                patient: "p1".parse().unwrap(),
                device: "d1".parse().unwrap(),
                vital,
                value,
                text: None,
                observed_at: t(s),
                received_at: t(s),
                correction: false,
                interval: None,
            };
            (t(s), Input::Observation(o))
        };
        (0_i64..).zip(all).map(of).collect()
    }

    fn run(vital: VitalCode, change: LimitsChange, parts: &[(f64, usize)]) -> Comparison {
        trial(vital, change).run(values(vital, parts).into_iter()).unwrap()
    }

    #[test]
    fn a_lower_limit_tells_what_would_not_come() {
        let dips = [(96.0, 30), (89.0, 30), (96.0, 30), (84.0, 30), (96.0, 30)];
        let found = run(SPO2, step(StepName::Low, 88.0), &dips);
        assert_eq!((found.alerts_now, found.alerts_tried, found.values), (2, 1, 150));
        let gone = &found.gone[0];
        assert_eq!((found.gone.len(), gone.since, gone.raised_at, gone.value), (1, t(30), t(40), Some(89.0)));
        assert_eq!((found.added.len(), found.danger.len(), found.would_lose()), (0, 0, 0));
        // The deep dip is a little less deep beyond 88: 50 %·s are used up later than beyond 90, as the delay is over.
        assert_eq!(
            found.moved.iter().map(|m| (m.now.raised_at, m.tried.raised_at)).collect::<Vec<_>>(),
            [(Timestamp::from_ms(t(98).as_ms() + 334), t(100))]
        );
        assert_eq!(found.beyond_guard, None);
    }

    #[test]
    fn a_narrower_limit_tells_what_would_come_besides() {
        let found = run(SPO2, step(StepName::Low, 93.0), &[(96.0, 30), (92.0, 30), (96.0, 30)]);
        assert_eq!((found.alerts_now, found.alerts_tried, found.gone.len(), found.added.len()), (0, 1, 0, 1));
    }

    #[test]
    fn a_longer_delay_moves_and_suppresses() {
        let delay = LimitsChange { delay: Some(Millis::from_secs(15)), ..LimitsChange::default() };
        let found = run(SPO2, delay, &[(96.0, 30), (89.0, 12), (96.0, 30), (89.0, 30), (96.0, 30)]);
        assert_eq!((found.gone.len(), found.moved.len()), (1, 1));
        assert_eq!((found.moved[0].now.raised_at, found.moved[0].tried.raised_at), (t(82), t(87)));
        assert_eq!(found.suppressed_tried.get(&SuppressedBy::Delay), Some(&1));
        assert_eq!(found.suppressed_now.get(&SuppressedBy::Delay), None);
    }

    #[test]
    fn a_danger_event_that_would_lose_its_alert_is_told() {
        let wide = LimitsChange { low_extreme: LimitValue::new(70.0).ok(), ..step(StepName::Low, 75.0) };
        let found = run(SPO2, wide, &[(96.0, 30), (84.0, 61), (96.0, 30)]);
        assert_eq!((found.danger.len(), found.would_lose()), (1, 1));
        assert!(found.beyond_guard.is_some());
        let text = found.to_string();
        assert!(text.contains("WOULD LOSE ITS ALERT") && text.contains("A nurse may not set this"), "{text}");
        // 60 s are needed, and 85 is not beyond.
        for short in [[(96.0, 30), (84.0, 60), (96.0, 30)], [(96.0, 30), (85.0, 90), (96.0, 30)]] {
            assert_eq!(run(SPO2, wide, &short).would_lose(), 0);
        }
        let kept = run(HR, step(StepName::High, 140.0), &[(100.0, 30), (151.0, 90), (100.0, 30)]);
        assert_eq!((kept.danger.len(), kept.would_lose()), (1, 0));
    }

    #[test]
    fn what_is_tried_is_told_apart_from_what_cannot_be() {
        let refused = |vital, change| trial(vital, change).run(std::iter::empty()).unwrap_err().to_string();
        assert!(refused(SPO2, step(StepName::Low, 79.0)).contains("out of order"));
        assert!(refused(SPO2, step(StepName::Low, 101.0)).contains("believed"));
        assert!(refused(SPO2, LimitsChange::default()).contains("different"));
        assert!(refused(VitalCode::of("icp"), step(StepName::Low, 1.0)).contains("icp"));
        assert!(refused(VitalCode::of("weight"), step(StepName::Low, 1.0)).contains("no limits"));
        let nothing = trial(SPO2, step(StepName::Low, 88.0)).run(std::iter::empty()).unwrap();
        assert_eq!((nothing.values, nothing.to_string().starts_with("no values")), (0, true));
    }

    #[test]
    fn values_of_others_count_for_nothing() {
        let mut inputs = values(SPO2, &[(80.0, 60)]);
        for (_, input) in &mut inputs {
            if let Input::Observation(o) = input {
                o.patient = "p2".parse().unwrap();
            }
        }
        let found = trial(SPO2, step(StepName::Low, 88.0)).run(inputs.into_iter()).unwrap();
        assert_eq!((found.values, found.alerts_now), (0, 0));
    }
}
