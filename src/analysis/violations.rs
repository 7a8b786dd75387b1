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
