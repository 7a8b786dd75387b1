//! The thread that commits.

use super::{Health, Outlet, WORKS, group::Group, job::JobError};
use crate::{
    audit::{Act, LeafActor, LeafDraft, Outcome},
    domain::Millis,
    seam::{Clock, EngineClock},
    store::{Batch, Retention, Store},
};
use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, SyncSender},
    },
    time::Duration,
};

/// A checkpoint of the audit trail is signed at most this often when there are new leaves.
const CHECKPOINT_AT_WORK: Millis = Millis::from_secs(1);
/// A checkpoint of the audit trail is signed this often even when there are none: silence is provable.
const CHECKPOINT_AT_REST: Millis = Millis::from_secs(60);
/// Longest removal at the end, if entries were to be removed just before. The next start goes on.
const RETAIN_AT_END: Millis = Millis::from_secs(10);
/// So often what is past its time is deleted.
const EXPIRE_INTERVAL: Millis = Millis::from_secs(60);
/// Pause between two turns of deleting while more is left, so that commits go first.
const EXPIRE_PAUSE: Millis = Millis(200);
/// Longest wait for a group, in milliseconds.
const WAIT_MAX_MS: u64 = 200;

/// What the writer is given.
pub(super) enum ToWriter {
    /// Commit and tell.
    Group(Box<Group>),
    /// Try whether the store takes a write again; say so.
    Probe(SyncSender<bool>),
}

pub(super) struct Writer {
    pub(super) store: Box<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) engine_clock: Arc<EngineClock>,
    pub(super) retention: Retention,
    /// Entries of the audit trail are being removed.
    pub(super) retaining: bool,
    /// That has just been asked for.
    pub(super) begins_removal: bool,
    pub(super) outlet: Arc<dyn Outlet>,
    pub(super) health: Arc<Health>,
}

impl Writer {
    /// Commits groups until the engine thread has ended; then signs a last checkpoint.
    pub(super) fn run(mut self, groups: &Receiver<ToWriter>) {
        let mut checkpoint_at = Millis::ZERO;
        let mut rest_until = self.clock.boot() + CHECKPOINT_AT_REST;
        let mut expire_at = self.clock.boot() + EXPIRE_INTERVAL;
        loop {
            match groups.recv_timeout(Duration::from_millis(WAIT_MAX_MS)) {
                Ok(ToWriter::Group(group)) => self.commit(*group),
                Ok(ToWriter::Probe(reply)) => drop(reply.send(self.probe())),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            let now = self.clock.boot();
            if now >= checkpoint_at && self.health.state() == WORKS {
                let always = now >= rest_until;
                if self.checkpoint(always) {
                    checkpoint_at = now + CHECKPOINT_AT_WORK;
                    rest_until = now + CHECKPOINT_AT_REST;
                }
            }
            let begins = std::mem::take(&mut self.begins_removal);
            if (now >= expire_at || begins) && self.health.state() == WORKS {
                expire_at = now + if self.expire() { EXPIRE_PAUSE } else { EXPIRE_INTERVAL };
            }
        }
        self.checkpoint(true);
        let until = self.clock.boot() + RETAIN_AT_END;
        while self.retaining && self.clock.boot() < until && self.expire() {}
    }

    fn commit(&mut self, mut group: Group) {
        if self.health.state() != WORKS {
            self.unrecorded(group);
            return;
        }
        match self.store.commit(&group.batch) {
            Ok(committed) => {
                self.begins_removal |= group.batch.retain_audit.is_some();
                self.retaining |= self.begins_removal;
                let news = std::mem::take(&mut group.news);
                self.outlet.recorded(news, group.access(), &committed);
                let took_us = self.clock.boot_micros().saturating_sub(group.began_us);
                self.outlet.committed(self.engine_clock.now(), &group.tallies, group.samples, took_us);
                group.answer(&committed);
            }
            Err(e) => {
                self.health.failed(&e, self.clock.boot());
                tracing::error!(error = %e, source = ?std::error::Error::source(&e), "a group could not be committed");
                self.unrecorded(group);
            }
        }
    }

    fn unrecorded(&self, mut group: Group) {
        let news = group.take_unrecorded();
        group.fail(JobError::Unrecorded);
        self.outlet.unrecorded(news);
    }

    /// Whether the store takes a write: an audit entry that says so.
    fn probe(&mut self) -> bool {
        let leaf = LeafDraft {
            code: Some("recovered"),
            ..LeafDraft::new(LeafActor::System, Act::ServerStart, Outcome::Success)
        };
        let tried = self.store.commit(&Batch { leaves: vec![leaf], ..Batch::default() });
        tried.inspect_err(|e| self.health.failed(e, self.clock.boot())).is_ok()
    }

    /// Signs a checkpoint; says whether one was signed.
    fn checkpoint(&mut self, always: bool) -> bool {
        match self.store.checkpoint(always) {
            Ok(note) => note.is_some(),
            Err(e) => {
                tracing::error!(error = %e, "no checkpoint of the audit trail could be signed");
                false
            }
        }
    }

    fn expire(&mut self) -> bool {
        match self.store.expire(self.engine_clock.now(), &self.retention) {
            Ok(more) => {
                self.retaining &= more;
                more
            }
            Err(e) => {
                self.retaining = false;
                self.health.failed(&e, self.clock.boot());
                tracing::error!(error = %e, "what is past its time could not be deleted");
                false
            }
        }
    }
}
