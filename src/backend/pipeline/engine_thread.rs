//! The thread that runs the engines.

use super::{
    BROKEN, FULL, Health, Outlet, REFUSED, WORKS,
    core::{CLOCK_STEP_MIN, Core},
    group::Group,
    job::{Job, JobError},
    until,
    writer_thread::ToWriter,
};
use crate::{
    domain::{Millis, SystemFault, system::FaultReport},
    protocol::StoreState,
    seam::{Clock, EngineClock},
};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
    mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
};

/// Longest wait for a job, in milliseconds: so often the wall clock is looked at.
const WAIT_MAX_MS: u64 = 500;
/// Time between two tries to record again after the disk was full.
const RECOVERY_INTERVAL: Millis = Millis::from_secs(5);

pub(super) struct EngineThread {
    pub(super) core: Core,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) engine_clock: Arc<EngineClock>,
    pub(super) outlet: Arc<dyn Outlet>,
    pub(super) health: Arc<Health>,
    pub(super) groups: SyncSender<ToWriter>,
    /// Jobs that were given and not yet taken.
    pub(super) waiting: Arc<AtomicUsize>,
}

impl EngineThread {
    /// Takes jobs until it is stopped.
    pub(super) fn run(mut self, jobs: &Receiver<Job>) {
        let mut alarmed = WORKS;
        let mut next_try = Millis::ZERO;
        loop {
            let wait = until(self.core.next_deadline(), self.engine_clock.now(), WAIT_MAX_MS);
            let first = match jobs.recv_timeout(wait) {
                Ok(job) => Some(job),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if self.health.state() == REFUSED {
                self.alarm();
                self.try_again();
            }
            let (mut group, stop) = self.gather(first, jobs);
            if self.health.state() == WORKS {
                alarmed = WORKS;
                self.core.close(self.engine_clock.now(), &mut group);
                if !group.is_empty() && self.groups.send(ToWriter::Group(Box::new(group))).is_err() {
                    return;
                }
            } else {
                let state = self.health.state();
                if alarmed != state {
                    alarmed = state;
                    next_try = self.clock.boot() + RECOVERY_INTERVAL;
                    self.alarm();
                }
                self.core.close_unrecorded(&mut group);
                let news = group.take_unrecorded();
                group.fail(JobError::Unrecorded);
                self.outlet.unrecorded(news);
                if self.health.state() == FULL && self.clock.boot() >= next_try {
                    next_try = self.clock.boot() + RECOVERY_INTERVAL;
                    self.try_again();
                }
            }
            if stop {
                return;
            }
        }
    }

    /// Lets time pass and does as many waiting jobs as fit into a group; says whether to stop after it.
    fn gather(&mut self, first: Option<Job>, jobs: &Receiver<Job>) -> (Group, bool) {
        let mut group = Group { began_us: self.clock.boot_micros(), ..Group::default() };
        let now = self.engine_clock.now();
        self.look_at_wall_clock();
        self.core.tick(now);
        let mut next = first;
        while let Some(job) = next {
            self.waiting.fetch_sub(1, SeqCst);
            let stop = matches!(job, Job::Stop { .. });
            if self.health.state() == WORKS {
                self.core.take(job, now, &mut group);
            } else if let Some(job) = job.unless_it_changes_the_ward() {
                self.core.take(job, now, &mut group);
            }
            if stop {
                return (group, true);
            }
            if group.is_full() {
                break;
            }
            next = jobs.try_recv().ok();
        }
        (group, false)
    }

    fn look_at_wall_clock(&mut self) {
        let offset = self.engine_clock.wall_offset();
        let step = offset - self.core.skew();
        if step.0.abs() > CLOCK_STEP_MIN.0 {
            tracing::warn!(by_ms = step.0, "the wall clock stepped");
            self.core.clock_stepped(offset, self.engine_clock.now());
        }
    }

    /// The store cannot record: a standing technical alert on every screen.
    fn alarm(&mut self) {
        let why = self.health.why();
        let what = if self.health.state() == BROKEN { "restart the server" } else { "it is tried again by itself" };
        let detail = format!("nothing is recorded: {why}; {what}");
        tracing::error!(detail, "the store failed");
        self.outlet.store_state(StoreState::Unrecorded, &detail);
        let report = FaultReport { fault: SystemFault::StoreFailed, present: true, detail };
        self.core.fault(&report, self.engine_clock.now());
    }

    /// The disk was full, or a row was refused: if the store takes a write again, the engines are built anew from what it holds.
    fn try_again(&mut self) {
        let (reply, answer) = sync_channel(1);
        if self.groups.send(ToWriter::Probe(reply)).is_err() || !answer.recv().unwrap_or(false) {
            return;
        }
        match self.core.reload(self.engine_clock.now()) {
            Ok(()) => {
                self.outlet.rebuilt(&mut self.core.engines());
                self.health.recovered();
                self.outlet.store_state(StoreState::Recording, "");
                tracing::warn!("the store records again");
            }
            Err(e) => {
                tracing::error!(error = %e, "the store records again but cannot be read");
                self.health.failed(&e, self.clock.boot());
            }
        }
    }
}
