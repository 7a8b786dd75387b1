//! What the engine keeps of each series: one vital of one patient from one device.

use super::{
    scores::{ScoreUse, Window},
    timers::{Armed, TimerKind},
};
use crate::{
    alarm::{LimitMachine, TechnicalMachine, technical::TechnicalDelays},
    domain::{
        DeviceId, Freshness, InopReason, Marks, Millis, Quality, Side, Timestamp, VitalCode, VitalDef, VitalLimits,
        limits, liveness::CONTINUOUS_INTERVAL,
    },
    quality::{self, Flatline, Jump, Part},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How long "not measured" must last before it is raised, and be over before it is cleared.
pub(super) const NOT_MEASURED_DELAYS: TechnicalDelays =
    TechnicalDelays { raise: Millis::from_secs(5), clear: Millis::from_secs(5) };
/// Staleness is a deadline of its own: it is raised at once, and cleared when data have come for a while.
pub(super) const STALE_DELAYS: TechnicalDelays = TechnicalDelays { raise: Millis::ZERO, clear: Millis::from_secs(5) };
/// A stretch of violations in late data is closed when no late value came for this long.
pub(super) const OFFLINE_RUN_ENDS_AFTER: Millis = Millis::from_secs(10);

/// A clock that was set back is followed when its values have come for this long.
const CLOCK_RUN_TAKES: Millis = Millis::from_secs(5);
/// A clock that was set back is followed after this many values at the least.
const CLOCK_RUN_VALUES: u32 = 3;
/// How much faster than time itself values may come that show a clock set back: a backlog comes faster.
const CLOCK_RUN_TOLERANCE: Millis = Millis::from_secs(1);

/// The last value of a series.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Last {
    pub(super) value: f64,
    pub(super) observed_at: Timestamp,
    pub(super) quality: Quality,
    /// Engine time when it came.
    #[serde(default)]
    pub(super) arrived_at: Option<Timestamp>,
    /// What is doubtful about it.
    #[serde(default, skip_serializing_if = "Marks::is_empty")]
    pub(super) marks: Marks,
}

impl Last {
    /// From when on silence counts: a device whose clock is ahead is not heard from longer for it.
    pub(super) fn heard_at(&self) -> Timestamp {
        self.arrived_at.map_or(self.observed_at, |arrived| arrived.min(self.observed_at))
    }
}

/// Values that may show that the device's clock was ahead and has been set back: each later than the one before, all
/// before the last present one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ClockRun {
    first_observed: Timestamp,
    first_at: Timestamp,
    last_observed: Timestamp,
    values: u32,
}

/// A stretch of violations in data that came late.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct OfflineRun {
    pub(super) side: Side,
    pub(super) since: Timestamp,
    pub(super) until: Timestamp,
    pub(super) worst: f64,
    pub(super) ends_at: Timestamp,
}

impl OfflineRun {
    pub(super) fn extend(&mut self, value: f64, observed: Timestamp, at: Timestamp) {
        self.since = self.since.min(observed);
        self.until = self.until.max(observed);
        self.worst = limits::worse(self.side, self.worst, value);
        self.ends_at = at + OFFLINE_RUN_ENDS_AFTER;
    }
}

/// The state of a series that a snapshot keeps.
///
/// It is laid out as it is written: what each value reads comes first, what few series have stands in boxes. So a value
/// reads few lines of memory, and those of a large ward fit the caches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[repr(C)]
pub(super) struct SeriesState {
    pub(super) device: DeviceId,
    pub(super) last: Option<Last>,
    /// From when on staleness counts if it is later than the last value: a restart, the return of the device,
    /// a first value that came late.
    pub(super) stale_from: Option<Timestamp>,
    pub(super) interval: Option<Millis>,
    pub(super) low: LimitMachine,
    pub(super) high: LimitMachine,
    pub(super) not_measured: TechnicalMachine,
    pub(super) stale: TechnicalMachine,
    pub(super) offline: Option<Box<OfflineRun>>,
    /// Values that may show that the device's clock was set back.
    #[serde(default)]
    pub(super) clock_run: Option<Box<ClockRun>>,
    /// Whether the value varies as it does in a living patient.
    #[serde(default)]
    pub(super) flatline: Flatline,
    /// Whether the value has jumped.
    #[serde(default)]
    pub(super) jump: Jump,
    /// Why the vital cannot be judged at present.
    pub(super) inop: Option<InopReason>,
    /// Whether the vital has been measured in this stay.
    pub(super) measured_once: bool,
    /// Values of the last minutes, if scores look at the vital.
    #[serde(default)]
    pub(super) window: Window,
    /// Last value of data that came late: it tells what stood beside other late values.
    pub(super) last_late: Option<Box<Last>>,
    pub(super) vital: VitalCode,
}

/// Which gates a series has, by its vital.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gates {
    pub(super) flatline: bool,
    pub(super) jump_step: Option<f64>,
    pub(super) part: Option<Part>,
    pub(super) score: ScoreUse,
}

/// What a series is judged by.
#[derive(Debug, Clone)]
pub(super) struct SeriesRules {
    pub(super) def: Arc<VitalDef>,
    pub(super) limits: Option<VitalLimits>,
    pub(super) gates: Gates,
}

impl SeriesRules {
    pub(super) fn new(def: Arc<VitalDef>, limits: Option<VitalLimits>) -> Self {
        let vital = def.code;
        let gates = Gates {
            flatline: quality::has_flatline(vital),
            jump_step: quality::jump_step(vital),
            part: Part::of(vital),
            score: ScoreUse::of(vital),
        };
        Self { def, limits, gates }
    }
}

/// Which timers of a series stand in the queue.
#[derive(Debug, Clone, Default)]
pub(super) struct SeriesTimers {
    pub(super) stale: Armed,
    seldom: Option<Box<SeldomTimers>>,
}

/// Timers of what is wrong.
#[derive(Debug, Clone, Default)]
struct SeldomTimers {
    stale_clear: Armed,
    not_measured: Armed,
    low: Armed,
    high: Armed,
    offline: Armed,
}

impl SeriesTimers {
    /// To be called when a timer has come up.
    pub(super) fn came_up(&mut self, kind: TimerKind) {
        if let Some(armed) = self.seldom.as_mut().and_then(|seldom| seldom.of(kind)) {
            armed.came_up();
        }
    }

    /// When the timer of a kind stands in the queue; `None` if a series has no such timer.
    pub(super) fn seldom(&mut self, kind: TimerKind) -> Option<&mut Armed> {
        self.seldom.get_or_insert_default().of(kind)
    }
}

impl SeldomTimers {
    const fn of(&mut self, kind: TimerKind) -> Option<&mut Armed> {
        Some(match kind {
            TimerKind::StaleClear => &mut self.stale_clear,
            TimerKind::NotMeasured => &mut self.not_measured,
            TimerKind::Low => &mut self.low,
            TimerKind::High => &mut self.high,
            TimerKind::OfflineEnd => &mut self.offline,
            _ => return None,
        })
    }
}

/// A series with the rules that it is judged by, laid out as it is written: what each value reads comes first.
#[derive(Debug, Clone)]
#[repr(C)]
pub(super) struct Series {
    pub(super) rules: Arc<SeriesRules>,
    pub(super) timers: SeriesTimers,
    pub(super) state: SeriesState,
}

impl Series {
    pub(super) fn new(rules: Arc<SeriesRules>, device: DeviceId, interval: Option<Millis>) -> Self {
        let state = SeriesState {
            device,
            last: None,
            stale_from: None,
            interval,
            low: LimitMachine::default(),
            high: LimitMachine::default(),
            not_measured: TechnicalMachine::default(),
            stale: TechnicalMachine::default(),
            offline: None,
            clock_run: None,
            flatline: Flatline::default(),
            jump: Jump::default(),
            inop: None,
            measured_once: false,
            window: Window::default(),
            last_late: None,
            vital: rules.def.code,
        };
        Self { rules, timers: SeriesTimers::default(), state }
    }

    /// Whether it is the series of a vital from a device. Reads nothing that a value does not read anyhow.
    pub(super) fn is_of(&self, vital: VitalCode, device: &DeviceId) -> bool {
        self.rules.def.code == vital && self.state.device == *device
    }

    pub(super) fn freshness(&self) -> Freshness {
        self.state.interval.map_or_else(|| Freshness::of_sampling(self.rules.def.sampling), Freshness::of_interval)
    }

    /// Whether silence of this series is a fault: it is sampled without pause, or its device states an interval.
    pub(super) fn is_watched(&self) -> bool {
        self.state.interval.is_some() || self.rules.def.sampling == crate::domain::Sampling::Continuous
    }

    /// The interval by which the silence of the device is measured.
    pub(super) fn pace(&self) -> Option<Millis> {
        self.is_watched().then(|| self.state.interval.unwrap_or(CONTINUOUS_INTERVAL))
    }

    /// When the series goes stale if nothing comes; `None` if it is stale already, is not watched or never began.
    pub(super) fn stale_due(&self) -> Option<Timestamp> {
        let gone = matches!(self.state.inop, Some(InopReason::Stale | InopReason::DeviceLost));
        if gone || !self.is_watched() {
            return None;
        }
        Some(self.silent_from()? + self.freshness().lost_after)
    }

    /// From when on its silence counts.
    pub(super) fn silent_from(&self) -> Option<Timestamp> {
        self.state.last.map(|last| last.heard_at()).max(self.state.stale_from)
    }

    /// Whether a value stands for the present: it is not too old, and newer than the last one, by a clock that may have
    /// been set back meanwhile.
    pub(super) fn takes_for_present(&mut self, observed: Timestamp, now: Timestamp) -> bool {
        if now.since(observed) >= self.freshness().lost_after {
            return false;
        }
        let Some(last) = self.state.last else { return true };
        if observed <= last.observed_at && !self.clock_was_set_back(last, observed, now) {
            return false;
        }
        self.state.clock_run = None;
        true
    }

    /// Whether the clock of the device was ahead, has been set back, and has gone on from there for a while. Then all
    /// that counts in its time is moved along.
    ///
    /// Late data look different: they were measured before the last present value came, or come faster than time.
    fn clock_was_set_back(&mut self, last: Last, observed: Timestamp, now: Timestamp) -> bool {
        let Some(arrived) = last.arrived_at else { return false };
        if last.observed_at <= arrived || observed < arrived {
            return false;
        }
        let goes_on = |run: &ClockRun| {
            let in_pace = observed.since(run.first_observed) <= now.since(run.first_at) + CLOCK_RUN_TOLERANCE;
            observed > run.last_observed && in_pace
        };
        let run = match self.state.clock_run.as_deref().filter(|run| goes_on(run)) {
            Some(run) => ClockRun { last_observed: observed, values: run.values.saturating_add(1), ..*run },
            None => ClockRun { first_observed: observed, first_at: now, last_observed: observed, values: 1 },
        };
        self.state.clock_run = Some(Box::new(run));
        if now.since(run.first_at) < CLOCK_RUN_TAKES || run.values < CLOCK_RUN_VALUES {
            return false;
        }
        let by = observed.since(now) - last.observed_at.since(arrived);
        self.state.low.shift(by);
        self.state.high.shift(by);
        self.state.not_measured.shift(by);
        self.state.stale.shift(by);
        true
    }

    /// The machine of a side and the limits that it judges by.
    pub(super) fn machine_mut(&mut self, side: Side) -> (&mut LimitMachine, Option<&VitalLimits>) {
        let Self { rules, state, .. } = self;
        let machine = match side {
            Side::Low => &mut state.low,
            Side::High => &mut state.high,
        };
        (machine, rules.limits.as_ref())
    }

    /// The side on which a value is beyond the first limit.
    pub(super) fn violated_side(&self, value: f64) -> Option<Side> {
        let limits = self.rules.limits.as_ref()?;
        [Side::Low, Side::High].into_iter().find(|side| limits.side(*side).violated(*side, value))
    }
}

/// Rules that series share: a thousand patients with the limits of their category read the same few bytes.
#[derive(Debug, Clone, Default)]
pub(super) struct RulesPool(Vec<Arc<SeriesRules>>);

impl RulesPool {
    /// The shared rules of a vital with these limits.
    pub(super) fn share(&mut self, def: &Arc<VitalDef>, limits: Option<VitalLimits>) -> Arc<SeriesRules> {
        let same = |held: &&Arc<SeriesRules>| Arc::ptr_eq(&held.def, def) && held.limits == limits;
        if let Some(found) = self.0.iter().find(same) {
            return found.clone();
        }
        // What no series has any more goes.
        self.0.retain(|held| Arc::strong_count(held) > 1);
        let new = Arc::new(SeriesRules::new(def.clone(), limits));
        self.0.push(new.clone());
        new
    }
}
