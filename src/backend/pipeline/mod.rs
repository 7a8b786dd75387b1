//! The one way of a reading: engine, one durable transaction, and only then the answer and the news.
//!
//! Two threads. The engine thread takes jobs, runs the engines and gathers what they caused into groups; the writer
//! thread commits one group at a time and then tells whoever waits. The hand-over has no buffer, so the engines run ahead
//! of the disk by at most one group. If a commit fails, every waiter gets an error, nothing is acknowledged any more, and
//! alerts go out marked unrecorded until the store works again.

mod adt;
mod alerts;
mod core;
mod engine_thread;
mod fhir;
mod group;
mod job;
mod leaves;
mod mapped;
mod place;
mod rebuild;
mod staff;
mod tail;
mod unplaced;
mod ward;
mod writer_thread;

pub use self::core::CLOCK_STEP_MIN;
pub(super) use fhir::device_of;
pub use fhir::{Observed, RefusalKind, ResourceKept, ResourceRefusal, ResourceReport, ResourceWrite, ResourceWrites};
pub use group::WardNews;
pub use job::{CommandOutcome, Job, JobError, Record, Reply};
pub use rebuild::rebuild;

use self::core::Core;
use crate::{
    backend::intake::Tally,
    domain::{Millis, Timestamp, WardId},
    engine::{Engine, EngineConfig},
    protocol::StoreState,
    seam::{Clock, EngineClock},
    store::{AccessChange, Committed, Retention, Store, StoreError, StoreReader},
};
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU8, AtomicUsize, Ordering::SeqCst},
        mpsc::{self, SyncSender, TrySendError},
    },
    thread::JoinHandle,
};
use tokio::sync::oneshot;

/// Most jobs that wait for the engine thread; further ones are told that the server is busy.
pub const JOB_QUEUE_CAPACITY: usize = 1_024;

/// Who is told what happened.
pub trait Outlet: Send + Sync {
    /// It happened and is durable.
    fn recorded(&self, news: Vec<WardNews>, access: &[AccessChange], committed: &Committed);
    /// It happened and could not be recorded.
    fn unrecorded(&self, news: Vec<WardNews>);
    /// The engines were built anew from the store: earlier views no longer hold.
    fn rebuilt(&self, engines: &mut dyn Iterator<Item = (&WardId, &Engine)>);
    /// Whether the server can record has changed.
    fn store_state(&self, state: StoreState, why: &str);
    /// A group was committed at `at`: what became of its messages, how many samples it has, and how long it took from its
    /// first job to its news, in microseconds.
    fn committed(&self, at: Timestamp, tallies: &[Tally], samples: usize, took_us: u64);
}

/// What the pipeline runs with.
pub struct PipelineParts {
    /// The engines' configuration.
    pub config: EngineConfig,
    /// The store, for writing.
    pub store: Box<dyn Store>,
    /// The store, for reading.
    pub reader: Arc<dyn StoreReader>,
    /// The clocks.
    pub clock: Arc<dyn Clock>,
    /// How long what is kept.
    pub retention: Retention,
    /// Who is told.
    pub outlet: Arc<dyn Outlet>,
}

/// Whether the store works, for both threads.
#[derive(Debug, Default)]
struct Health {
    state: AtomicU8,
    /// Why it failed, and when the database refused rows of late, since boot.
    told: Mutex<(String, Vec<Millis>)>,
}

const WORKS: u8 = 0;
/// The disk is full: no write to it is in doubt, and it is tried again now and then.
const FULL: u8 = 1;
/// It takes no write before a restart.
const BROKEN: u8 = 2;
/// The database refused a row: nothing of its group was kept, and all goes on from what is stored, at once.
const REFUSED: u8 = 3;
/// After so many groups with a refused row within [`REFUSED_WITHIN`] the next would be refused too.
const REFUSED_GROUPS_MAX: usize = 3;
/// See [`REFUSED_GROUPS_MAX`].
const REFUSED_WITHIN: Millis = Millis::from_secs(60);

impl Health {
    fn state(&self) -> u8 {
        self.state.load(SeqCst)
    }

    /// The store failed at `now`, since boot.
    fn failed(&self, error: &StoreError, now: Millis) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let (why, refused) = &mut *told;
        *why = error.to_string();
        let state = match error {
            StoreError::Full(_) => FULL,
            StoreError::Constraint(_) => {
                refused.retain(|at| now - *at < REFUSED_WITHIN);
                refused.push(now);
                if refused.len() < REFUSED_GROUPS_MAX { REFUSED } else { BROKEN }
            }
            _ => BROKEN,
        };
        drop(told);
        self.state.store(state, SeqCst);
    }

    fn recovered(&self) {
        self.state.store(WORKS, SeqCst);
    }

    fn why(&self) -> String {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).0.clone()
    }
}

/// The running pipeline, for those who have jobs.
#[derive(Clone)]
pub struct PipelineHandle {
    jobs: SyncSender<Job>,
    /// Jobs that were given and not yet taken.
    waiting: Arc<AtomicUsize>,
}

/// The threads, for the one who stops them.
pub struct PipelineThreads {
    engine: JoinHandle<()>,
    writer: JoinHandle<()>,
}

/// Starts the pipeline: builds the engines from the store and starts both threads.
///
/// # Errors
/// If the store cannot be read, or a thread cannot be started.
pub fn start(parts: PipelineParts) -> Result<(PipelineHandle, PipelineThreads, Arc<EngineClock>), StoreError> {
    let PipelineParts { config, store, reader, clock, retention, outlet } = parts;
    let reached = reader.wards()?.iter().map(|w| w.engine_now).max();
    let engine_clock = Arc::new(EngineClock::start(clock.clone(), reached));
    let mut core = Core::load(config, reader, engine_clock.now())?;
    core.set_skew(engine_clock.wall_offset());
    outlet.rebuilt(&mut core.engines());
    let health = Arc::new(Health::default());
    let (jobs, job_queue) = mpsc::sync_channel(JOB_QUEUE_CAPACITY);
    // No buffer: the engine thread hands a group over when the writer is free, and makes the next one meanwhile.
    let waiting = Arc::new(AtomicUsize::new(0));
    let (groups, group_queue) = mpsc::sync_channel(0);
    let writer = writer_thread::Writer {
        store,
        clock: clock.clone(),
        engine_clock: engine_clock.clone(),
        retention,
        outlet: outlet.clone(),
        health: health.clone(),
        retaining: false,
        begins_removal: false,
    };
    let engine = engine_thread::EngineThread {
        core,
        clock,
        engine_clock: engine_clock.clone(),
        outlet,
        health,
        groups,
        waiting: waiting.clone(),
    };
    let thread_error = |source| StoreError::File { path: "a thread".to_owned(), source };
    let spawn = |name: &str| std::thread::Builder::new().name(name.to_owned());
    let writer = spawn("writer").spawn(move || writer.run(&group_queue)).map_err(thread_error)?;
    let engine = spawn("engine").spawn(move || engine.run(&job_queue)).map_err(thread_error)?;
    Ok((PipelineHandle { jobs, waiting }, PipelineThreads { engine, writer }, engine_clock))
}

impl PipelineHandle {
    /// Gives a job to the engines without waiting.
    ///
    /// # Errors
    /// If too many wait already, or the server stops.
    pub fn send(&self, job: Job) -> Result<(), JobError> {
        self.waiting.fetch_add(1, SeqCst);
        self.jobs.try_send(job).map_err(|e| {
            self.waiting.fetch_sub(1, SeqCst);
            match e {
                TrySendError::Full(_) => JobError::Busy,
                TrySendError::Disconnected(_) => JobError::Stopping,
            }
        })
    }

    /// Jobs that wait for the engines now, at most about [`JOB_QUEUE_CAPACITY`].
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.load(SeqCst).min(JOB_QUEUE_CAPACITY)
    }

    /// Gives a job to the engines and waits until what it caused is durable.
    ///
    /// # Errors
    /// If it was not done.
    pub async fn ask<T>(&self, job: impl FnOnce(Reply<T>) -> Job) -> Result<T, JobError> {
        let (reply, answer) = oneshot::channel();
        self.send(job(reply))?;
        answer.await.map_err(|_| JobError::Stopping)?
    }

    /// As [`PipelineHandle::ask`], for threads that may block.
    ///
    /// # Errors
    /// If it was not done.
    pub fn ask_blocking<T>(&self, job: impl FnOnce(Reply<T>) -> Job) -> Result<T, JobError> {
        let (reply, answer) = oneshot::channel();
        self.waiting.fetch_add(1, SeqCst);
        if self.jobs.send(job(reply)).is_err() {
            self.waiting.fetch_sub(1, SeqCst);
            return Err(JobError::Stopping);
        }
        answer.blocking_recv().map_err(|_| JobError::Stopping)?
    }
}

impl PipelineThreads {
    /// Whether a thread has ended.
    #[must_use]
    pub fn any_ended(&self) -> bool {
        self.engine.is_finished() || self.writer.is_finished()
    }

    /// Waits until both threads have ended. Ask the handle for [`Job::Stop`] first.
    pub fn join(self) {
        for thread in [self.engine, self.writer] {
            if thread.join().is_err() {
                tracing::error!("a thread of the pipeline failed");
            }
        }
    }
}

/// Later of two optional times, for those who wait.
fn until(deadline: Option<Timestamp>, now: Timestamp, most_ms: u64) -> std::time::Duration {
    let wait = deadline.map_or(i64::MAX, |d| d.since(now).0);
    std::time::Duration::from_millis(u64::try_from(wait).unwrap_or_default().min(most_ms))
}

#[cfg(test)]
mod tests;
