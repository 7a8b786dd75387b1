//! Everything that a few jobs caused, on its way to the disk and then to the world.

use super::{
    fhir::{ResourceRefusal, ResourceReport},
    job::{CommandOutcome, JobError, Reply},
};
use crate::{
    backend::intake::Tally,
    domain::{
        DeviceId, Event, EventBody, Freshness, Marks, Observation, Quality, Refusal, Reported, Timestamp, Ward, WardId,
    },
    protocol::IntakeReport,
    store::{AccessChange, Batch, Committed},
};
use std::collections::BTreeMap;

/// Most jobs of one group.
pub(super) const GROUP_JOBS_MAX: usize = 512;
/// Most samples of one group; a job that goes beyond is still done whole.
pub(super) const GROUP_SAMPLES_MAX: usize = 16_384;

/// The newest values and events of a ward, for those who watch.
#[derive(Debug)]
pub struct WardNews {
    /// The ward.
    pub ward: WardId,
    /// Set if the ward was made with this group.
    pub made: Option<Ward>,
    /// Events in order.
    pub events: Vec<Event>,
    /// When devices were last heard.
    pub heard: BTreeMap<DeviceId, Timestamp>,
    /// What devices said of themselves, in order.
    pub reported: Vec<(DeviceId, Reported)>,
    /// Present values in order.
    pub vitals: Vec<(Observation, (Quality, Marks), Freshness)>,
}

/// An answer that waits for the disk.
#[derive(Debug)]
pub(super) enum Waiting {
    Intake(Reply<IntakeReport>, IntakeReport),
    Command { reply: Reply<CommandOutcome>, ward: WardId, index: usize, refusal: Option<Refusal> },
    Adt(Reply<Option<String>>, Option<String>),
    Resources(Reply<Result<ResourceReport, ResourceRefusal>>, Result<ResourceReport, ResourceRefusal>),
    Done(Reply<()>),
}

/// Everything that a few jobs caused.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) batch: Batch,
    pub(super) news: Vec<WardNews>,
    pub(super) waiting: Vec<Waiting>,
    /// What became of each message.
    pub(super) tallies: Vec<Tally>,
    pub(super) jobs: usize,
    pub(super) samples: usize,
    /// When the first job was taken, in microseconds since boot.
    pub(super) began_us: u64,
}

impl Group {
    pub(super) const fn is_full(&self) -> bool {
        self.jobs >= GROUP_JOBS_MAX || self.samples >= GROUP_SAMPLES_MAX
    }

    pub(super) fn is_empty(&self) -> bool {
        self.batch.is_empty() && self.news.is_empty() && self.waiting.is_empty()
    }

    /// Tells everybody that it is durable.
    pub(super) fn answer(self, committed: &Committed) {
        let first = |ward: &WardId| committed.wards.iter().find(|w| w.ward == *ward).map_or(0, |w| w.first_seq);
        for waiting in self.waiting {
            // Somebody who has gone away meanwhile needs no answer.
            match waiting {
                Waiting::Intake(reply, report) => drop(reply.send(Ok(report))),
                Waiting::Command { reply, ward, index, refusal } => {
                    let seq = first(&ward) + u64::try_from(index).unwrap_or_default();
                    drop(reply.send(Ok(CommandOutcome { seq, refusal })));
                }
                Waiting::Adt(reply, refused) => drop(reply.send(Ok(refused))),
                Waiting::Resources(reply, result) => drop(reply.send(Ok(result))),
                Waiting::Done(reply) => drop(reply.send(Ok(()))),
            }
        }
    }

    /// What those who watch are told although it was not kept. Nobody was let in: of that nothing is told.
    pub(super) fn take_unrecorded(&mut self) -> Vec<WardNews> {
        let mut news = std::mem::take(&mut self.news);
        for ward in &mut news {
            ward.events.retain(|event| !matches!(event.body, EventBody::EmergencyOpened { .. }));
        }
        news
    }

    /// Tells everybody that nothing of it was kept.
    pub(super) fn fail(self, error: JobError) {
        for waiting in self.waiting {
            match waiting {
                Waiting::Intake(reply, _) => drop(reply.send(Err(error))),
                Waiting::Command { reply, .. } => drop(reply.send(Err(error))),
                Waiting::Adt(reply, _) => drop(reply.send(Err(error))),
                Waiting::Resources(reply, _) => drop(reply.send(Err(error))),
                Waiting::Done(reply) => drop(reply.send(Err(error))),
            }
        }
    }

    /// The changes of users, sessions and tokens in it.
    pub(super) fn access(&self) -> &[AccessChange] {
        &self.batch.access
    }
}
