//! A recording through an engine alone: no server, no clock, as fast as it goes.
//!
//! Engine time is the time of the samples. Two runs of the same recording write the same bytes.

use super::{
    episodes::Episodes,
    recording::{Recording, Sample},
    summary::Summary,
};
use crate::{
    domain::{Actor, CloseReason, Command, Event, SequencedEvent, Timestamp, VitalCode, WardId},
    engine::{Engine, EngineConfig, Input, IntakeFault, Observed},
};
use std::io::{self, Write};

/// Progress is told each time that this many samples are done.
pub const PROGRESS_EVERY_SAMPLES: u64 = 5_000;

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Samples done.
    pub done: u64,
    /// Samples in all.
    pub total: u64,
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Figures for people.
    pub summary: Summary,
    /// The alerts, to be compared with what was expected.
    pub episodes: Episodes,
}

/// Who follows a run: values with what the engine made of them, and events. All that was due before a value has been told
/// before it; what it caused follows it.
pub trait Follower {
    /// A value was taken.
    ///
    /// # Errors
    /// If the run is to end.
    fn value(&mut self, sample: &Sample, observed: Observed) -> io::Result<()>;
    /// Something happened.
    ///
    /// # Errors
    /// If the run is to end.
    fn event(&mut self, event: Event) -> io::Result<()>;
}

/// Writes each event as a line of JSON.
struct Journal<'a, W> {
    ward: WardId,
    seq: u64,
    out: &'a mut W,
    line: Vec<u8>,
}

impl<W: Write> Follower for Journal<'_, W> {
    fn value(&mut self, _sample: &Sample, _observed: Observed) -> io::Result<()> {
        Ok(())
    }

    fn event(&mut self, event: Event) -> io::Result<()> {
        self.seq += 1;
        let entry = SequencedEvent { ward: self.ward.clone(), seq: self.seq, event };
        self.line.clear();
        serde_json::to_writer(&mut self.line, &entry)?;
        self.line.push(b'\n');
        self.out.write_all(&self.line)
    }
}

/// Plays a recording through an engine and writes each event as a line of JSON to `out`.
///
/// Beds, patients, devices and assignments come first, at the time of the first sample. After the last sample timers
/// fire up to its time, and all patients are discharged because the recording ended, so that every alert has an end.
/// `progress` is called every [`PROGRESS_EVERY_SAMPLES`] and at the end; how often it tells anybody is its own affair.
///
/// # Errors
/// If `out` cannot be written to.
pub fn run(
    recording: &Recording,
    config: EngineConfig,
    out: &mut impl Write,
    progress: impl FnMut(Progress),
) -> io::Result<Outcome> {
    let ward = recording.plan.ward.id.clone();
    let mut journal = Journal { ward, seq: 0, out, line: Vec::new() };
    let outcome = follow(recording, config, &mut journal, progress)?;
    journal.out.flush()?;
    Ok(outcome)
}

/// As [`run`], for somebody who follows values and events.
///
/// # Errors
/// If the follower ends the run.
pub fn follow(
    recording: &Recording,
    config: EngineConfig,
    follower: &mut impl Follower,
    mut progress: impl FnMut(Progress),
) -> io::Result<Outcome> {
    let total = recording.count();
    let mut run = Run::new(recording, config, follower);
    let start = recording.start();
    run.input(Input::Start { ward: recording.plan.ward.clone() }, start)?;
    for command in recording.plan.setup(start) {
        run.command(command, start)?;
    }
    let mut last = start;
    for (done, sample) in (0_u64..).zip(recording.samples()) {
        if done % PROGRESS_EVERY_SAMPLES == 0 {
            progress(Progress { done, total });
        }
        last = sample.at;
        run.sample(&sample)?;
    }
    progress(Progress { done: total, total });
    run.input(Input::Tick, last)?;
    for placement in &recording.plan.placements {
        let patient = placement.patient.id.clone();
        run.command(Command::Discharge { patient, reason: CloseReason::RecordingEnded }, last)?;
    }
    let mut summary = run.summary;
    summary.patients = recording.plan.placements.len();
    summary.alerts = run.episodes.counts();
    summary.intake = recording.intake.clone();
    Ok(Outcome { summary, episodes: run.episodes })
}

/// The values of one moment that a device has sent.
#[derive(Debug, Clone, Default)]
struct Moment {
    at: Timestamp,
    values: Vec<(VitalCode, f64)>,
}

struct Run<'a, F> {
    engine: Engine,
    follower: &'a mut F,
    events: Vec<Event>,
    moments: Vec<Moment>,
    episodes: Episodes,
    summary: Summary,
}

impl<'a, F: Follower> Run<'a, F> {
    fn new(recording: &Recording, config: EngineConfig, follower: &'a mut F) -> Self {
        Self {
            engine: Engine::new(config),
            follower,
            events: Vec::new(),
            moments: vec![Moment::default(); recording.plan.placements.len()],
            episodes: Episodes::default(),
            summary: Summary::default(),
        }
    }

    fn input(&mut self, input: Input, at: Timestamp) -> io::Result<()> {
        self.events = self.engine.handle(input, at);
        self.tell()
    }

    fn command(&mut self, command: Command, at: Timestamp) -> io::Result<()> {
        self.input(Input::Command { command, by: Actor::System }, at)
    }

    fn sample(&mut self, sample: &Sample) -> io::Result<()> {
        match self.sent_before(sample) {
            None => {
                self.summary.samples += 1;
                self.input(Input::Tick, sample.at)?;
                let observed = self.engine.observe(&sample.observation(sample.at), sample.at, &mut self.events);
                self.follower.value(sample, observed)?;
                self.tell()
            }
            Some(stored) if stored.to_bits() == sample.value.to_bits() => {
                self.summary.duplicates += 1;
                Ok(())
            }
            Some(stored) => {
                self.summary.conflicts += 1;
                let conflict = IntakeFault::Conflict {
                    device: sample.device.clone(),
                    vital: sample.vital,
                    observed_at: sample.at,
                    stored,
                    refused: sample.value,
                };
                self.input(Input::IntakeFault(conflict), sample.at)
            }
        }
    }

    /// The value that the device has sent for this vital and time, if it has; else the sample is noted.
    fn sent_before(&mut self, sample: &Sample) -> Option<f64> {
        let moment = self.moments.get_mut(sample.place)?;
        if moment.at != sample.at {
            moment.at = sample.at;
            moment.values.clear();
        }
        let found = moment.values.iter().find(|(vital, _)| *vital == sample.vital).map(|(_, value)| *value);
        if found.is_none() {
            moment.values.push((sample.vital, sample.value));
        }
        found
    }

    fn tell(&mut self) -> io::Result<()> {
        for event in self.events.drain(..) {
            self.episodes.note(&event);
            self.summary.events += 1;
            self.follower.event(event)?;
        }
        Ok(())
    }
}
