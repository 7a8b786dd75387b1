//! One ward while it runs: its engine, and what the group that is being made has caused in it so far.

use super::{
    group::WardNews,
    tail::{Standing, Tail},
};
use crate::{
    domain::{
        DeviceId, Event, Freshness, Marks, Millis, Observation, Quality, Reported, Sampling, Timestamp, Ward, WardId,
    },
    engine::{BlockSeries, Correction, Engine, Input, InputBlock, IntakeFault, Observed, SeriesKey},
    protocol::RejectionCode,
    quality::{Companion, assess},
    store::{CorrectedSample, WardBatch},
};
use std::collections::BTreeMap;

/// Inputs after which an engine's snapshot is due.
const SNAPSHOT_AFTER_INPUTS: usize = 200_000;
/// Engine time after which an engine's snapshot is due if it had any input.
const SNAPSHOT_AFTER: Millis = Millis::from_mins(10);

/// What a group has caused in a ward so far.
struct Open {
    block: InputBlock,
    corrections: Vec<CorrectedSample>,
    news: WardNews,
}

/// What became of one observation.
pub(super) enum Taken {
    /// Stored now; whether it came late.
    Accepted { late: bool },
    /// Stored before.
    Duplicate,
    /// Not taken.
    Refused(RejectionCode, String),
}

/// When an observation is taken: engine time, how far device time is ahead of it, and in which group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    pub(super) now: Timestamp,
    pub(super) skew: Millis,
    pub(super) group: u64,
}

/// One ward while it runs.
pub(super) struct WardRun {
    id: WardId,
    pub(super) engine: Engine,
    /// Set until the ward's first batch is made.
    unwritten: Option<Ward>,
    inputs_since_snapshot: usize,
    snapshot_at: Timestamp,
    open: Option<Open>,
}

impl WardRun {
    pub(super) const fn new(id: WardId, engine: Engine, unwritten: Option<Ward>, now: Timestamp) -> Self {
        Self { id, engine, unwritten, inputs_since_snapshot: 0, snapshot_at: now, open: None }
    }

    fn open(&mut self, skew: Millis) -> &mut Open {
        let made = self.unwritten.take();
        let open = self.open.get_or_insert_with(|| Open {
            block: InputBlock::with_skew(skew),
            corrections: Vec::new(),
            news: WardNews {
                ward: self.id.clone(),
                made: None,
                events: Vec::new(),
                heard: BTreeMap::new(),
                reported: Vec::new(),
                vitals: Vec::new(),
            },
        });
        // A step of the wall clock opens a group; what comes in it is read against the new time.
        open.block.set_skew(skew);
        if made.is_some() {
            open.news.made = made;
        }
        open
    }

    /// The engine begins anew after a stop. How far it had come goes first: a later start from the same snapshot has to
    /// let happen what had happened.
    pub(super) fn restart(&mut self, ward: Ward, at: Moment) {
        let reached = self.engine.now();
        if let Err(e) = self.open(at.skew).block.push_reached(reached) {
            tracing::error!(error = %e, "an input could not be kept; the next start will not know of it");
        }
        self.input(Input::Start { ward }, at);
    }

    /// The events that the group has caused so far.
    pub(super) fn events(&self) -> &[Event] {
        self.open.as_ref().map(|open| open.news.events.as_slice()).unwrap_or_default()
    }

    /// A device was heard: whoever watches devices is told.
    pub(super) fn heard(&mut self, device: &DeviceId, at: Moment) {
        let heard = &mut self.open(at.skew).news.heard;
        match heard.get_mut(device) {
            Some(last) => *last = at.now,
            None => drop(heard.insert(device.clone(), at.now)),
        }
    }

    /// A device said how it is.
    pub(super) fn reported(&mut self, device: &DeviceId, reported: Reported, at: Moment) {
        let percent = reported.report.battery_percent;
        let battery = IntakeFault::Battery { device: device.clone(), percent };
        self.input(Input::IntakeFault(battery), at);
        self.open(at.skew).news.reported.push((device.clone(), reported));
    }

    /// Gives an input to the engine; returns the place of its first event among the group's.
    pub(super) fn input(&mut self, input: Input, at: Moment) -> usize {
        let kept = !matches!(input, Input::Tick);
        let copy = kept.then(|| input.clone());
        let events = self.engine.handle(input, at.now);
        if events.is_empty() && !kept {
            return 0;
        }
        self.inputs_since_snapshot += usize::from(kept);
        let open = self.open(at.skew);
        if let Some(Err(e)) = copy.map(|copy| open.block.push(&copy, at.now)) {
            tracing::error!(error = %e, "an input could not be kept; the next start will not know of it");
        }
        let index = open.news.events.len();
        open.news.events.extend(events);
        index
    }

    /// Takes one observation that has a standing.
    pub(super) fn take(&mut self, o: &Observation, standing: Standing, tail: &mut Tail, at: Moment) -> Taken {
        let sent_at = o.observed_at + at.skew;
        match standing {
            Standing::New => Taken::Accepted { late: self.accept(o, tail, at) },
            Standing::Struck { stored } if o.correction && self.is_measured(o) => {
                self.correct(o, stored, at);
                Taken::Accepted { late: false }
            }
            Standing::Duplicate | Standing::Struck { .. } => Taken::Duplicate,
            Standing::Correction { stored } => {
                self.correct(o, stored, at);
                Taken::Accepted { late: false }
            }
            Standing::Conflict { stored } => {
                let fault = IntakeFault::Conflict {
                    device: o.device.clone(),
                    vital: o.vital,
                    observed_at: sent_at,
                    stored,
                    refused: o.value,
                };
                self.input(Input::IntakeFault(fault), at);
                let detail = format!(
                    "{} at {sent_at} is stored as {stored}, {} was refused: mark it as a correction if it replaces it",
                    o.vital, o.value
                );
                Taken::Refused(RejectionCode::Conflict, detail)
            }
            Standing::NothingToCorrect => {
                let detail = format!("no {} of {} at {sent_at} is stored", o.vital, o.device);
                Taken::Refused(RejectionCode::NothingToCorrect, detail)
            }
        }
    }

    /// Judges and keeps a new value; says whether it came late.
    pub(super) fn accept(&mut self, o: &Observation, tail: &mut Tail, at: Moment) -> bool {
        self.inputs_since_snapshot += 1;
        self.open(at.skew);
        let Some(open) = &mut self.open else { return false };
        let Observed { quality, marks, late, freshness, .. } = self.engine.observe(o, at.now, &mut open.news.events);
        let series = block_series(open, o, tail, at.group);
        open.block.push_observation(series, o, at.now, (quality, marks, late));
        if !late {
            let value = (o.clone(), (quality, marks), freshness);
            match tail.news.filter(|(group, _)| *group == at.group).and_then(|(_, i)| open.news.vitals.get_mut(i)) {
                // Only the newest value of a series is news.
                Some(held) => *held = value,
                None => {
                    tail.news = Some((at.group, open.news.vitals.len()));
                    open.news.vitals.push(value);
                }
            }
        }
        late
    }

    /// Whether the value by itself is one: a saturation of 0 % is none, and no correction makes one of it.
    fn is_measured(&self, o: &Observation) -> bool {
        let def = self.engine.config().vitals.get(o.vital);
        def.is_none_or(|def| assess(def, o.value, Companion::Absent) != Quality::NotMeasured)
    }

    fn correct(&mut self, o: &Observation, old: f64, at: Moment) {
        let correction = Correction {
            patient: o.patient.clone(),
            device: o.device.clone(),
            vital: o.vital,
            observed_at: o.observed_at,
            old,
            new: o.value,
        };
        self.input(Input::Corrected(correction), at);
        let def = self.engine.config().vitals.get(o.vital);
        let quality = def.map_or(Quality::Valid, |def| assess(def, o.value, Companion::Absent));
        let freshness = Freshness::of_sampling(def.map_or(Sampling::Continuous, |def| def.sampling));
        let sent_at = o.observed_at + at.skew;
        let open = self.open(at.skew);
        open.corrections.push(CorrectedSample {
            device: o.device.clone(),
            vital: o.vital,
            observed_at: sent_at,
            value: o.value,
            text: o.text.clone(),
            quality,
        });
        open.news.vitals.push((o.clone(), (quality, Marks::NONE), freshness));
    }

    /// A stored value was none: it is kept without being believed, and shown so. What it raised stays until the next value.
    pub(super) fn strike(&mut self, o: &Observation, at: Moment) {
        let sampling = self.engine.config().vitals.get(o.vital).map_or(Sampling::Continuous, |def| def.sampling);
        let open = self.open(at.skew);
        open.corrections.push(CorrectedSample {
            device: o.device.clone(),
            vital: o.vital,
            observed_at: o.observed_at + at.skew,
            value: o.value,
            text: o.text.clone(),
            quality: Quality::NotMeasured,
        });
        open.news.vitals.push((o.clone(), (Quality::NotMeasured, Marks::NONE), Freshness::of_sampling(sampling)));
    }

    /// Asks for a snapshot with this group, so that the next start is quick.
    pub(super) fn want_snapshot(&mut self, skew: Millis) {
        self.inputs_since_snapshot = SNAPSHOT_AFTER_INPUTS;
        self.open(skew);
    }

    /// What the group has caused, with a snapshot if one is due.
    pub(super) fn close(&mut self, now: Timestamp) -> Option<(WardBatch, WardNews)> {
        let Open { block, corrections, news } = self.open.take()?;
        // As far as the engine has come, and no further: what falls due later has not happened yet.
        let mut batch = WardBatch::new(self.id.clone(), self.engine.now());
        batch.made.clone_from(&news.made);
        batch.events.clone_from(&news.events);
        batch.inputs = block;
        let due = self.inputs_since_snapshot >= SNAPSHOT_AFTER_INPUTS
            || (self.inputs_since_snapshot > 0 && now.since(self.snapshot_at) >= SNAPSHOT_AFTER);
        // Corrections change samples in blocks: the samples have to get there first.
        if due || !corrections.is_empty() {
            self.inputs_since_snapshot = 0;
            self.snapshot_at = now;
            match self.engine.snapshot() {
                Ok(bytes) => batch.snapshot = Some(bytes),
                Err(e) => tracing::error!(error = %e, "no snapshot of the engine could be made"),
            }
        }
        batch.corrections = corrections;
        Some((batch, news))
    }

    /// What the group has caused, with nothing to keep: the store cannot record.
    pub(super) fn close_unrecorded(&mut self) -> Option<WardNews> {
        Some(self.open.take()?.news)
    }
}

/// The place of an observation's series among the inputs of the group.
fn block_series(open: &mut Open, o: &Observation, tail: &mut Tail, group: u64) -> BlockSeries {
    if let Some((_, series)) = tail.block.filter(|(of, _)| *of == group) {
        return series;
    }
    let key = SeriesKey { patient: o.patient.clone(), device: o.device.clone(), vital: o.vital };
    let series = open.block.add_series(key);
    tail.block = Some((group, series));
    series
}
