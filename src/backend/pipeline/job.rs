//! What the pipeline is asked to do, and what it answers.

use super::fhir::{ResourceRefusal, ResourceReport, ResourceWrites};
use crate::{
    audit::LeafDraft,
    domain::{
        Actor, Command, DeviceId, Lapse, Notice, Observation, Refusal, Reported, Timestamp, Ward, WardId,
        system::FaultReport,
    },
    ingest::{
        Decoded,
        hl7::{AdtAct, Group},
        medtech::Mapped,
    },
    protocol::IntakeReport,
    store::{AccessChange, Batch, DeadLetter, DeadLetterEnd},
};
use tokio::sync::oneshot;

/// Why a job was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// What it caused could not be made durable.
    #[error("the server cannot record at present: nothing was stored; try again later")]
    Unrecorded,
    /// Too many jobs wait.
    #[error("the server is busy: try again in a moment")]
    Busy,
    /// The server stops.
    #[error("the server is stopping")]
    Stopping,
    /// No such ward.
    #[error("there is no such ward")]
    UnknownWard,
    /// The patient or device is of another ward. Which one is not said: whoever asks may have nothing to do with it.
    #[error("this patient or device is of another ward already: discharge or remove it there first")]
    OtherWard,
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq)]
pub struct CommandOutcome {
    /// The number of the event that came of it.
    pub seq: u64,
    /// Why it was not done, if it was not.
    pub refusal: Option<Refusal>,
}

/// The sender of an answer that is given when everything it says is durable.
pub type Reply<T> = oneshot::Sender<Result<T, JobError>>;

/// One job.
#[derive(Debug)]
pub enum Job {
    /// Observations of a device or of devices behind a gateway.
    Observations {
        /// Whose token it was.
        sender: DeviceId,
        /// What was decoded, in order.
        decoded: Decoded,
        /// What Observations of FHIR are made of, if it came by mappings that make some.
        mapped: Option<Box<Mapped>>,
        /// Told what became of them.
        reply: Reply<IntakeReport>,
    },
    /// What a gateway published: observations of devices behind it.
    Published {
        /// The gateway that the source stands for.
        sender: DeviceId,
        /// The device that the topic names: what could not be used has to be held to it when it is driven again.
        topic: Option<DeviceId>,
        /// When it was said at the latest, if that is not now: a retained message, or values that were held back.
        before: Option<Timestamp>,
        /// What was decoded, in order.
        decoded: Decoded,
        /// What Observations of FHIR are made of, if it came by mappings that make some.
        mapped: Option<Box<Mapped>>,
        /// Told what became of them.
        reply: Reply<IntakeReport>,
    },
    /// What a gateway or its protocol says of devices that do not speak themselves.
    Lapsed {
        /// The gateway.
        sender: DeviceId,
        /// The devices; those that are not behind it are passed over.
        devices: Vec<DeviceId>,
        /// What is said.
        lapse: Lapse,
        /// Told when it is durable.
        reply: Reply<()>,
    },
    /// A dead letter is driven again: what comes of it, and that it has ended, are durable together.
    Again {
        /// Whose input it was.
        sender: DeviceId,
        /// The device that its topic named.
        topic: Option<DeviceId>,
        /// What was decoded, in order.
        decoded: Decoded,
        /// What Observations of FHIR are made of, if it came by mappings that make some.
        mapped: Option<Box<Mapped>>,
        /// When it came: it is no word of the sender now.
        received_at: Timestamp,
        /// The end of the letter, and the entry of the audit trail.
        record: Record,
        /// Told what became of it.
        reply: Reply<IntakeReport>,
    },
    /// Values of HL7 v2: whose they are is looked up by patient, bed and device.
    Values {
        /// The gateway that the source stands for.
        sender: DeviceId,
        /// What was decoded, in order.
        groups: Vec<Group>,
        /// Told what became of them.
        reply: Reply<IntakeReport>,
    },
    /// Alerts of devices by HL7 v2: whose they are is looked up as for values. Without any, the gateway was heard.
    Alerts {
        /// The gateway that the source stands for.
        sender: DeviceId,
        /// What was decoded, in order.
        groups: Vec<Group>,
        /// Told what became of them.
        reply: Reply<IntakeReport>,
    },
    /// A device says how it is.
    Report {
        /// The device.
        device: DeviceId,
        /// What it says.
        reported: Box<Reported>,
        /// Told when it is durable.
        reply: Reply<()>,
    },
    /// An act of the hospital's own system, by HL7 v2.
    Adt {
        /// The gateway that the source stands for.
        sender: DeviceId,
        /// The act.
        act: Box<AdtAct>,
        /// The message, kept as a dead letter if the act cannot be.
        payload: String,
        /// Told why it was not done, if it was not.
        reply: Reply<Option<String>>,
    },
    /// Resources of FHIR, kept all or none with everything that their values cause.
    Resources {
        /// The resources.
        wanted: ResourceWrites,
        /// Told what became of them.
        reply: Reply<Result<ResourceReport, ResourceRefusal>>,
    },
    /// A command of a person.
    Command {
        /// The ward.
        ward: WardId,
        /// What to do.
        command: Command,
        /// Who asks.
        by: Actor,
        /// Told what became of it.
        reply: Reply<CommandOutcome>,
    },
    /// Make a ward, or rename it.
    SetWard {
        /// The ward.
        ward: Ward,
        /// Who asks.
        by: Actor,
        /// Told when it is so.
        reply: Reply<()>,
    },
    /// What is no ward's.
    Record {
        /// What.
        record: Record,
        /// Told when it is durable.
        reply: Reply<()>,
    },
    /// Observations of a demonstration's past, each judged at its own time. They must be in order of time and not after
    /// the present.
    Backfill {
        /// The ward.
        ward: WardId,
        /// The observations.
        observations: Vec<Observation>,
        /// Told when they are durable.
        reply: Reply<()>,
    },
    /// Something became of a message about an alert.
    Notified {
        /// The ward.
        ward: WardId,
        /// What.
        notice: Notice,
        /// Told when it is durable.
        reply: Reply<()>,
    },
    /// A fault of the system began or ended.
    Fault(FaultReport),
    /// A fault that concerns one ward began, changed or ended.
    WardFault {
        /// The ward.
        ward: WardId,
        /// What.
        report: FaultReport,
    },
    /// A first terminal watches a ward, or the last one is gone.
    Watched {
        /// The ward.
        ward: WardId,
        /// Whether any terminal watches it.
        watched: bool,
    },
    /// Finish what was asked before, then stop.
    Stop {
        /// Told when everything is durable.
        reply: Reply<()>,
    },
}

/// Entries of the audit trail, changes of users, sessions and tokens, and dead letters.
#[derive(Debug, Default)]
pub struct Record {
    /// Entries of the audit trail.
    pub leaves: Vec<LeafDraft>,
    /// Changes.
    pub access: Vec<AccessChange>,
    /// Inputs that could not be used.
    pub dead_letters: Vec<DeadLetter>,
    /// Dead letters that come to their end.
    pub dead_letter_ends: Vec<DeadLetterEnd>,
    /// All entries of the audit trail before this one are to be removed; the only one of `leaves` says so.
    pub retain_audit: Option<u64>,
}

impl Record {
    /// Goes into a batch.
    pub(super) fn join(self, batch: &mut Batch) {
        batch.leaves.extend(self.leaves);
        batch.access.extend(self.access);
        batch.dead_letters.extend(self.dead_letters);
        batch.dead_letter_ends.extend(self.dead_letter_ends);
        batch.retain_audit = batch.retain_audit.max(self.retain_audit);
    }
}

impl Job {
    /// Refuses what would change the ward while nothing can be recorded: an acknowledgement that nobody can find again
    /// must not quieten an alert. Observations are still judged.
    pub(super) fn unless_it_changes_the_ward(self) -> Option<Self> {
        match self {
            Self::Command { reply, .. } => drop(reply.send(Err(JobError::Unrecorded))),
            Self::Adt { reply, .. } => drop(reply.send(Err(JobError::Unrecorded))),
            Self::SetWard { reply, .. } => drop(reply.send(Err(JobError::Unrecorded))),
            other => return Some(other),
        }
        None
    }
}
