//! What the pipeline is asked to do, and what it answers.

use crate::{
    audit::LeafDraft,
    domain::{Actor, Command, DeviceId, Notice, Observation, Refusal, Ward, WardId, system::FaultReport},
    ingest::{
        Decoded,
        hl7::{AdtAct, Group},
    },
    protocol::IntakeReport,
    store::{AccessChange, DeadLetter},
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
        /// Told what became of them.
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
    /// Entries of the audit trail and changes of users, sessions and tokens.
    Record {
        /// Entries of the audit trail.
        leaves: Vec<LeafDraft>,
        /// Changes.
        access: Vec<AccessChange>,
        /// Inputs that could not be used.
        dead_letters: Vec<DeadLetter>,
        /// Told when they are durable.
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
