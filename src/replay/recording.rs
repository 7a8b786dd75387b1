//! A recording: patients, and their values in order of time.

use super::{
    plan::{Placement, Plan},
    simulate::VitalSim,
    summary::IntakeReport,
};
use crate::{
    domain::{DeviceId, Millis, Observation, PatientId, Timestamp, VitalCode},
    ingest::CsvReading,
};
use std::{cmp::Reverse, collections::BinaryHeap, sync::Arc};

/// One value of a recording.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// When it was measured.
    pub at: Timestamp,
    /// Position of the patient in [`Plan::placements`].
    pub place: usize,
    /// The patient.
    pub patient: PatientId,
    /// The device.
    pub device: DeviceId,
    /// What was measured.
    pub vital: VitalCode,
    /// The value in the vital's unit.
    pub value: f64,
    /// The value as the source wrote it, where that says more than the number.
    pub text: Option<Arc<str>>,
    /// The sampling interval, where it is not the one of the device throughout.
    pub interval: Option<Millis>,
}

impl Sample {
    /// The observation that an intake makes of it.
    #[must_use]
    pub fn observation(&self, received_at: Timestamp) -> Observation {
        Observation {
            patient: self.patient.clone(),
            device: self.device.clone(),
            vital: self.vital,
            value: self.value,
            text: self.text.clone(),
            observed_at: self.at,
            received_at,
            correction: false,
            interval: self.interval,
        }
    }
}

/// Where a recording begins and ends, and what is played when it goes on beyond its end; all from second 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Time of the first value.
    pub first: Millis,
    /// Where a further lap begins.
    pub again_from: Millis,
    /// Where the recording ends, exclusive; always after `again_from`.
    pub end: Millis,
}

impl Span {
    const fn lap(&self) -> i64 {
        let lap = self.end.0 - self.again_from.0;
        if lap > 0 { lap } else { 1 }
    }

    /// The position within the recording at a time that may be beyond its end.
    #[must_use]
    pub const fn position(&self, at: Millis) -> Millis {
        if at.0 < self.end.0 { at } else { Millis(self.again_from.0 + (at.0 - self.end.0) % self.lap()) }
    }

    /// By how much the lap of `at` is later than the first pass.
    const fn shift(&self, at: Millis) -> Millis {
        Millis(at.0 - self.position(at).0)
    }
}

/// Where the values of a patient come from.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// A CSV file, in order of time.
    Readings(Vec<CsvReading>),
    /// The simulator.
    Simulated(Vec<VitalSim>),
}

/// Patients and their values. The same file, seed and start give the same samples, on every machine.
#[derive(Debug, Clone)]
pub struct Recording {
    /// Who lies where.
    pub plan: Plan,
    /// What was skipped or refused when it was read.
    pub intake: IntakeReport,
    /// Where a demonstration stands when it opens; what is before is history.
    pub live_from: Option<Millis>,
    span: Span,
    /// One for each placement.
    sources: Vec<Source>,
}

impl Recording {
    pub(super) const fn new(
        plan: Plan,
        intake: IntakeReport,
        live_from: Option<Millis>,
        span: Span,
        sources: Vec<Source>,
    ) -> Self {
        Self { plan, intake, live_from, span, sources }
    }

    /// The same recording with its first value at `at`.
    #[must_use]
    pub fn begun_at(mut self, at: Timestamp) -> Self {
        self.plan.zero = at - self.span.first;
        self
    }

    /// Time of the first value.
    #[must_use]
    pub fn start(&self) -> Timestamp {
        self.plan.zero + self.span.first
    }

    /// Where it begins and ends, from second 0.
    #[must_use]
    pub const fn span(&self) -> Span {
        self.span
    }

    /// All samples once, in the order (time, place of the patient, order of the source).
    #[must_use]
    pub fn samples(&self) -> Samples<'_> {
        self.window(self.span.first, self.span.end)
    }

    /// All samples of one patient once; none if the recording has no such patient.
    pub fn samples_of(&self, patient: &PatientId) -> impl Iterator<Item = Sample> {
        let place = self.plan.placements.iter().position(|p| p.patient.id == *patient);
        place.into_iter().flat_map(|place| self.draw(self.span.first, self.span.end, Some(place)))
    }

    /// The samples of `[from, to)`, counted from second 0. Beyond its end the recording goes on again from where its
    /// laps begin, with times that go on.
    #[must_use]
    pub fn window(&self, from: Millis, to: Millis) -> Samples<'_> {
        self.draw(from, to, None)
    }

    fn draw(&self, from: Millis, to: Millis, only: Option<usize>) -> Samples<'_> {
        let mut samples = Samples { recording: self, cursors: Vec::new(), heads: Vec::new(), order: BinaryHeap::new() };
        for (place, source) in self.sources.iter().enumerate() {
            let to = if only.is_none_or(|only| only == place) { to } else { from };
            let mut cursor = Cursor::new(source, self.span, from, to);
            let head = cursor.next();
            if let Some(head) = &head {
                samples.order.push(Reverse((head.at, place)));
            }
            samples.cursors.push(cursor);
            samples.heads.push(head);
        }
        samples
    }

    /// The number of samples in one pass.
    #[must_use]
    pub fn count(&self) -> u64 {
        let Span { first, end, .. } = self.span;
        let count = |source: &Source| match source {
            Source::Readings(readings) => readings.iter().filter(|r| r.at >= first && r.at < end).count(),
            Source::Simulated(vitals) => vitals.iter().map(|v| v.times(first, end).count()).sum(),
        };
        self.sources.iter().map(|source| count(source) as u64).sum()
    }
}

/// One value of a source.
#[derive(Debug, Clone)]
struct Drawn {
    at: Millis,
    vital: VitalCode,
    value: f64,
    text: Option<Arc<str>>,
    interval: Option<Millis>,
}

/// Samples in order of time; see [`Recording::window`].
#[derive(Debug)]
pub struct Samples<'a> {
    recording: &'a Recording,
    cursors: Vec<Cursor<'a>>,
    heads: Vec<Option<Drawn>>,
    order: BinaryHeap<Reverse<(Millis, usize)>>,
}

impl Iterator for Samples<'_> {
    type Item = Sample;

    fn next(&mut self) -> Option<Sample> {
        let Reverse((_, place)) = self.order.pop()?;
        let following = self.cursors.get_mut(place)?.next();
        if let Some(head) = &following {
            self.order.push(Reverse((head.at, place)));
        }
        let drawn = std::mem::replace(self.heads.get_mut(place)?, following)?;
        let Placement { patient, device, .. } = self.recording.plan.placements.get(place)?;
        Some(Sample {
            at: self.recording.plan.zero + drawn.at,
            place,
            patient: patient.id.clone(),
            device: device.id.clone(),
            vital: drawn.vital,
            value: drawn.value,
            text: drawn.text,
            interval: drawn.interval,
        })
    }
}

/// A place in a source.
#[derive(Debug)]
enum Cursor<'a> {
    Readings(ReadingsCursor<'a>),
    /// Each vital with the time of its next value.
    Simulated {
        vitals: Vec<(&'a VitalSim, Option<Millis>)>,
        to: Millis,
    },
}

impl<'a> Cursor<'a> {
    fn new(source: &'a Source, span: Span, from: Millis, to: Millis) -> Self {
        match source {
            Source::Readings(readings) => Self::Readings(ReadingsCursor::new(readings, span, from, to)),
            Source::Simulated(vitals) => {
                Self::Simulated { vitals: vitals.iter().map(|v| (v, v.next(from, to))).collect(), to }
            }
        }
    }

    fn next(&mut self) -> Option<Drawn> {
        match self {
            Self::Readings(cursor) => cursor.next(),
            Self::Simulated { vitals, to } => {
                // The first of those that are due first, in the order of the vitals.
                let (vital, due) = vitals.iter_mut().filter(|(_, due)| due.is_some()).min_by_key(|(_, due)| *due)?;
                let at = (*due)?;
                *due = vital.next(at + Millis(1), *to);
                let value = vital.value(at);
                Some(Drawn { at, vital: vital.code(), value, text: None, interval: vital.interval_at(at) })
            }
        }
    }
}

#[derive(Debug)]
struct ReadingsCursor<'a> {
    readings: &'a [CsvReading],
    span: Span,
    shift: Millis,
    next: usize,
    to: Millis,
}

impl<'a> ReadingsCursor<'a> {
    fn new(readings: &'a [CsvReading], span: Span, from: Millis, to: Millis) -> Self {
        let shift = span.shift(from);
        let next = readings.partition_point(|r| r.at < from - shift);
        Self { readings, span, shift, next, to }
    }

    fn next(&mut self) -> Option<Drawn> {
        loop {
            if let Some(reading) = self.readings.get(self.next).filter(|r| r.at < self.span.end) {
                let at = reading.at + self.shift;
                if at >= self.to {
                    return None;
                }
                self.next += 1;
                let CsvReading { vital, value, text, .. } = reading;
                return Some(Drawn { at, vital: *vital, value: *value, text: text.clone(), interval: None });
            }
            self.next_lap()?;
        }
    }

    /// Goes to the first reading of the next lap; `None` if the window is over or a lap has no reading.
    fn next_lap(&mut self) -> Option<()> {
        self.shift = self.shift + Millis(self.span.lap());
        self.next = self.readings.partition_point(|r| r.at < self.span.again_from);
        let over = self.span.again_from + self.shift >= self.to;
        let found = self.readings.get(self.next).is_some_and(|r| r.at < self.span.end);
        (!over && found).then_some(())
    }
}
