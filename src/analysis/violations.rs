//! Every violation is accounted for: shown, or suppressed by a cause that has a name.
//!
//! A violation is a run of consecutive valid present values beyond the first limit of a side. This ledger finds the runs in the
//! values itself and then matches them with what the engine said, one by one and in number; what does not match is counted
//! as unaccounted.

use crate::{
    domain::{
        Alert, AlertId, Cause, ConditionCode, DeviceId, Event, EventBody, PatientId, Profile, Quality, Side, VitalCode,
        event::SuppressedBy,
    },
    engine::Observed,
};
use serde::Serialize;
use std::collections::BTreeMap;

/// What became of the violations of one vital and side.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Account {
    /// Runs beyond the first limit.
    pub violations: u64,
    /// Runs that raised an alert, or brought one back.
    pub shown: u64,
    /// Runs that came while their alert was open or their delay ran: the value had not been clearly within.
    pub hysteresis: u64,
    /// Runs of which the engine said that no alert came of them, by its cause.
    pub suppressed: BTreeMap<SuppressedBy, u64>,
    /// Runs of which nothing was said, and words of the engine that no run explains. There must be none.
    pub unaccounted: u64,
    /// Runs of values that say "not measured" or that nobody can have: no violations, but alarms of a monitor that takes
    /// them for values.
    pub not_values: u64,
}

impl Account {
    /// Shown and suppressed together.
    #[must_use]
    pub fn accounted(&self) -> u64 {
        self.shown + self.hysteresis + self.suppressed.values().sum::<u64>()
    }

    /// Whether shown and suppressed are all violations.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.unaccounted == 0 && self.accounted() == self.violations
    }

    /// Adds another account.
    pub fn add(&mut self, other: &Self) {
        self.violations += other.violations;
        self.shown += other.shown;
        self.hysteresis += other.hysteresis;
        self.unaccounted += other.unaccounted;
        self.not_values += other.not_values;
        for (cause, count) in &other.suppressed {
            *self.suppressed.entry(*cause).or_default() += count;
        }
    }
}

/// What is open for one side of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Open {
    #[default]
    Nothing,
    /// A run waits for the engine's word.
    Waits,
    /// Its alert is open.
    Alert,
}

#[derive(Debug, Clone, Default)]
struct SideState {
    open: Open,
    /// Whether the last valid value was beyond.
    beyond: bool,
    /// Whether the last value was none, and beyond as a number.
    not_value: bool,
    /// The last alert, and how many of its further violations the engine has told of.
    alert: Option<(AlertId, u32)>,
    /// Violations that the engine did not tell of one by one, as it counts them.
    again: u64,
    account: Account,
}

/// A series of one vital of one patient from one device.
pub type Series = (PatientId, DeviceId, VitalCode);

/// Follows values and events of a ward and keeps the accounts.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    sides: BTreeMap<(Series, Side), SideState>,
}

impl Ledger {
    /// Takes in a value with what the engine made of it, before the events that it caused. All that was due before it must
    /// have happened and been taken in. A value that came late is none of the present, and passed over.
    pub fn value(&mut self, series: &Series, profile: &Profile, value: f64, observed: Observed) {
        if observed.late {
            return;
        }
        let Some(limits) = profile.vitals.get(&series.2) else { return };
        for side in [Side::Low, Side::High] {
            let steps = limits.side(side);
            if steps.is_off() {
                continue;
            }
            let beyond = steps.violated(side, value);
            let state = self.sides.entry((series.clone(), side)).or_default();
            if observed.quality == Quality::Valid {
                // What cannot be judged ends a run: what comes after it is another one.
                if beyond && (!state.beyond || observed.regained) {
                    state.begin();
                }
                state.beyond = beyond;
                state.not_value = false;
            } else {
                state.beyond = false;
                state.account.not_values += u64::from(beyond && !state.not_value);
                state.not_value = beyond;
            }
        }
    }

    /// Takes in an event of the engine.
    pub fn event(&mut self, event: &Event) {
        match &event.body {
            EventBody::Alert { cause, alert, .. } => {
                let (Some(patient), Some(device)) = (&alert.key.patient, &alert.key.device) else { return };
                if let ConditionCode::Limit(vital, side) = alert.key.code {
                    let state = self.side((patient.clone(), device.clone(), vital), side);
                    state.moved(*cause);
                    state.again(alert);
                }
            }
            EventBody::Suppressed { patient, device, code: ConditionCode::Limit(vital, side), by, again, .. } => {
                self.side((patient.clone(), device.clone(), *vital), *side).suppressed(*by, *again);
            }
            _ => {}
        }
    }

    fn side(&mut self, series: Series, side: Side) -> &mut SideState {
        self.sides.entry((series, side)).or_default()
    }

    /// The accounts by series and side, when all is over. A run that still waits is unaccounted, and so is what the engine
    /// counted otherwise.
    #[must_use]
    pub fn finish(self) -> BTreeMap<(Series, Side), Account> {
        let close = |(key, mut state): ((Series, Side), SideState)| {
            state.account.unaccounted += u64::from(state.open == Open::Waits);
            state.account.unaccounted += state.again.abs_diff(state.account.hysteresis);
            (key, state.account)
        };
        self.sides.into_iter().map(close).collect()
    }
}

impl SideState {
    fn begin(&mut self) {
        self.account.violations += 1;
        match self.open {
            Open::Nothing => self.open = Open::Waits,
            Open::Waits | Open::Alert => self.account.hysteresis += 1,
        }
    }

    fn moved(&mut self, cause: Cause) {
        match cause {
            Cause::Raised | Cause::Returned => {
                // An alert that no run of ours explains is as bad as a run without a word.
                if self.open == Open::Waits {
                    self.account.shown += 1;
                } else {
                    self.account.unaccounted += 1;
                }
                self.open = Open::Alert;
            }
            Cause::Cleared | Cause::Closed if self.open == Open::Alert => self.open = Open::Nothing,
            _ => {}
        }
    }

    /// An alert carries how many violations of its episode raised none of their own.
    fn again(&mut self, alert: &Alert) {
        let known = self.alert.filter(|(id, _)| *id == alert.id).map_or(0, |(_, again)| again);
        self.again += u64::from(alert.again.saturating_sub(known));
        self.alert = Some((alert.id, alert.again));
    }

    fn suppressed(&mut self, by: SuppressedBy, again: u32) {
        self.again += u64::from(again);
        if self.open == Open::Waits {
            *self.account.suppressed.entry(by).or_default() += 1;
        } else {
            self.account.unaccounted += 1;
        }
        self.open = Open::Nothing;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        alarm::episode::{self, Raise},
        domain::{
            AlertKey, Freshness, LimitSide, LimitStep, Marks, Millis, Priority, Sampling, Timestamp, VitalLimits,
            vital::SPO2,
        },
    };

    /// A ledger that is told of saturations below 90 and of what an engine says of them.
    struct Bench {
        ledger: Ledger,
        series: Series,
        profile: Profile,
        alert: Alert,
    }

    fn bench() -> Bench {
        let step =
            LimitStep { limit: 90.0, priority: Priority::Medium, delay: Millis::from_secs(10), depth_budget: None };
        let limits = VitalLimits {
            low: LimitSide { warning: Some(step), extreme: None },
            high: LimitSide::default(),
            hysteresis: 2.0,
            clear_delay: Millis::from_secs(5),
        };
        let series: Series = ("p".parse().unwrap(), "d".parse().unwrap(), SPO2);
        let (patient, device) = (Some(series.0.clone()), Some(series.1.clone()));
        let raise = Raise {
            key: AlertKey { patient, code: ConditionCode::Limit(SPO2, Side::Low), device },
            encounter: None,
            bed: None,
            priority: Priority::Medium,
            since: Timestamp::from_ms(0),
            value: None,
            limit: None,
            delay: Millis::ZERO,
            detail: None,
            again: 0,
            reported: None,
        };
        let alert = episode::raise(AlertId(1), raise, Timestamp::from_ms(0));
        let profile = Profile { vitals: [(SPO2, limits)].into() };
        Bench { ledger: Ledger::default(), series, profile, alert }
    }

    impl Bench {
        fn values(&mut self, values: &[f64]) -> &mut Self {
            for value in values {
                let quality = if *value == 0.0 { Quality::NotMeasured } else { Quality::Valid };
                self.observed(*value, quality, false);
            }
            self
        }

        fn observed(&mut self, value: f64, quality: Quality, late: bool) -> &mut Self {
            let freshness = Freshness::of_sampling(Sampling::Continuous);
            let observed = Observed { quality, marks: Marks::NONE, late, freshness, regained: false };
            self.ledger.value(&self.series, &self.profile, value, observed);
            self
        }

        /// The engine moves the alert, which has come to so many further violations.
        fn says(&mut self, cause: Cause, again: u32) -> &mut Self {
            self.alert.again = again;
            let body = EventBody::Alert { cause, alert: self.alert.clone(), by: None };
            self.ledger.event(&Event::new(Timestamp::from_ms(0), body));
            self
        }

        fn suppresses(&mut self, by: SuppressedBy, again: u32) -> &mut Self {
            let (patient, device, _) = self.series.clone();
            let code = ConditionCode::Limit(SPO2, Side::Low);
            let body =
                EventBody::Suppressed { patient, device, code, since: Timestamp::from_ms(0), worst: 80.0, by, again };
            self.ledger.event(&Event::new(Timestamp::from_ms(0), body));
            self
        }

        fn account(&mut self) -> Account {
            let mut all = std::mem::take(&mut self.ledger).finish();
            all.remove(&(self.series.clone(), Side::Low)).unwrap()
        }
    }

    fn counts(account: &Account) -> (u64, u64, u64, u64) {
        (account.violations, account.shown, account.hysteresis, account.unaccounted)
    }

    #[test]
    fn what_matches_is_accounted_for() {
        let mut bench = bench();
        bench.values(&[95.0, 89.0, 90.0, 85.0]).says(Cause::Raised, 1).values(&[91.0, 80.0, 95.0]);
        bench.says(Cause::Cleared, 2).values(&[89.0, 95.0]).suppresses(SuppressedBy::Delay, 0);
        let account = bench.account();
        assert_eq!(counts(&account), (4, 1, 2, 0));
        assert_eq!(account.suppressed, [(SuppressedBy::Delay, 1)].into());
        assert!(account.is_whole());
    }

    #[test]
    fn a_run_without_a_word_is_unaccounted() {
        let account = bench().values(&[89.0, 95.0]).account();
        assert_eq!((counts(&account), account.is_whole()), ((1, 0, 0, 1), false));
    }

    #[test]
    fn a_word_without_a_run_is_unaccounted() {
        assert_eq!(counts(&bench().values(&[95.0]).says(Cause::Raised, 0).account()), (0, 0, 0, 1));
        assert_eq!(counts(&bench().values(&[95.0]).suppresses(SuppressedBy::Delay, 0).account()), (0, 0, 0, 1));
    }

    #[rstest::rstest]
    #[case(0, 1)]
    #[case(1, 0)]
    #[case(3, 2)]
    fn an_engine_that_counts_otherwise_is_unaccounted(#[case] again: u32, #[case] unaccounted: u64) {
        let mut bench = bench();
        bench.values(&[89.0]).says(Cause::Raised, 0).values(&[91.0, 89.0, 95.0]).says(Cause::Cleared, again);
        assert_eq!(counts(&bench.account()), (2, 1, 1, unaccounted));
    }

    #[test]
    fn a_latched_alert_that_comes_back_is_counted_on() {
        let mut bench = bench();
        bench.values(&[89.0, 90.0, 89.0]).says(Cause::Raised, 1).says(Cause::Cleared, 1);
        bench.values(&[95.0, 89.0]).says(Cause::Returned, 1).values(&[90.0, 89.0]).says(Cause::Closed, 2);
        assert_eq!(counts(&bench.account()), (4, 2, 2, 0));
    }

    #[test]
    fn zeros_are_no_violations_and_end_one() {
        let mut bench = bench();
        bench.values(&[89.0, 0.0]).suppresses(SuppressedBy::Quality, 0).values(&[0.0, 0.0, 95.0, 0.0]);
        let account = bench.account();
        assert_eq!(counts(&account), (1, 0, 0, 0));
        assert_eq!((account.suppressed, account.not_values), ([(SuppressedBy::Quality, 1)].into(), 2));
    }

    #[test]
    fn late_values_are_none_of_the_present() {
        let account = bench().values(&[95.0]).observed(80.0, Quality::Valid, true).values(&[95.0]).account();
        assert_eq!(counts(&account), (0, 0, 0, 0));
    }
}
