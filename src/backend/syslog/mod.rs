//! The audit trail as live syslog (RFC 5424 over RFC 6587 or RFC 5425), sent to `[audit.syslog]` as it grows.
//!
//! The trail itself is the spool: a file beside the database has the number of the next entry to be delivered, and an outage
//! or a restart goes on from there. TCP tells nobody what the receiver has read, so an entry counts as delivered when the
//! receiver, after everything was written and our side was closed, has closed its own. Until then it is sent again, with its
//! number, by which repeats are known. Nothing is left out silently: what is not there any more is said in its place.

mod cursor;
mod link;
mod state;

pub(super) use cursor::confirmed;
pub use state::{SyslogState, SyslogStatus};

use self::{cursor::Cursor, link::Link};
use super::{
    app::App,
    config::SyslogConfig,
    pipeline::Job,
    tls::{self, TlsError},
};
use crate::{
    audit::{
        Hash,
        export::{self, Entry},
    },
    domain::{Millis, SystemFault, Timestamp, system::FaultReport},
    store::{DataFolder, LeafRow},
};
use std::{sync::Arc, time::Duration};
use tokio::{task::JoinHandle, time::Instant};

/// So often it is looked at whether the trail has grown.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Entries that are read and written at once.
const BATCH: u32 = 256;
/// So many entries at most are sent before the receiver has to confirm that it has read them.
const CONFIRM_ENTRIES: u64 = 10_000;
/// So long at most entries are sent before it has to confirm.
const CONFIRM_AFTER: Duration = Duration::from_secs(5);
/// The wait after the first failure.
const RETRY_MIN: Duration = Duration::from_secs(1);
/// The longest wait: each is twice the one before.
const RETRY_MAX: Duration = Duration::from_secs(60);

/// Begins to send, if the configuration names a receiver.
///
/// # Errors
/// If TLS cannot be spoken with the files of the configuration.
pub(super) fn start(app: &Arc<App>, folder: &DataFolder) -> Result<Vec<JoinHandle<()>>, TlsError> {
    let Some(config) = app.config.audit.syslog.clone() else {
        // An alert may stand from when there was a receiver.
        let over = FaultReport { fault: SystemFault::SyslogBehind, present: false, detail: String::new() };
        if let Err(e) = app.pipeline.send(Job::Fault(over)) {
            tracing::warn!(error = %e, "it could not be reported that no receiver of syslog is configured");
        }
        return Ok(Vec::new());
    };
    if !config.tls {
        tracing::warn!(
            address = config.address,
            "the audit trail is sent by syslog in PLAIN TEXT: set audit.syslog.tls"
        );
    }
    let tls = if config.tls { Some(tls_of(&config)?) } else { None };
    let cursor = Cursor::open(folder, &config.address, |index| hash_of(app, index));
    app.syslog.begin(&config.address, cursor.next(), !config.tls);
    app.hub.metrics().audit_delivered(cursor.next());
    let sender = Sender { app: Arc::clone(app), link: Link::new(&config, tls), facility: config.facility, cursor };
    let watch = tokio::spawn(watch(Arc::clone(app), config));
    Ok(vec![tokio::spawn(sender.run()), watch])
}

fn tls_of(config: &SyslogConfig) -> Result<Arc<tokio_rustls::rustls::ClientConfig>, TlsError> {
    let identity = config.cert_file.as_deref().zip(config.key_file.as_deref());
    match config.fingerprint().ok().flatten() {
        Some(pin) => tls::client_of(pin, identity),
        None => tls::client(config.ca_file.as_deref(), identity),
    }
}

/// The hash of an entry; a look at the database of less than a millisecond.
fn hash_of(app: &App, index: u64) -> Option<Hash> {
    app.reader.audit_hashes(index, 1).ok()?.pop()
}

/// Sends the trail.
struct Sender {
    app: Arc<App>,
    link: Link,
    facility: u8,
    cursor: Cursor,
}

impl Sender {
    async fn run(mut self) {
        let mut wait = RETRY_MIN;
        loop {
            if self.app.hub.audit_size() <= self.cursor.next() {
                tokio::time::sleep(LOOK_EVERY).await;
                continue;
            }
            match self.turn().await {
                Ok(()) => {
                    wait = RETRY_MIN;
                    self.app.syslog.delivered(self.cursor.next(), self.app.clock.wall());
                    self.app.hub.metrics().audit_delivered(self.cursor.next());
                }
                Err(why) => {
                    tracing::warn!(why, next = self.cursor.next(), "the audit trail is not delivered by syslog");
                    self.app.syslog.failed(why, self.app.clock.wall());
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(RETRY_MAX);
                }
            }
        }
    }

    /// One connection: sends what there is, and has the receiver confirm it.
    async fn turn(&mut self) -> Result<(), String> {
        let mut wire = self.link.connect().await?;
        let (began, mut next) = (Instant::now(), self.cursor.next());
        while next - self.cursor.next() < CONFIRM_ENTRIES {
            let rows = self.read(next).await?;
            if let Some(last) = rows.last().map(|row| row.index) {
                wire.write(&self.frames(next, &rows)).await?;
                next = last + 1;
            } else if began.elapsed() < CONFIRM_AFTER {
                tokio::time::sleep(LOOK_EVERY).await;
            }
            if began.elapsed() >= CONFIRM_AFTER {
                break;
            }
        }
        if next == self.cursor.next() {
            return Err(format!("entry {next} cannot be read"));
        }
        wire.confirm().await?;
        let last = hash_of(&self.app, next - 1).ok_or_else(|| format!("entry {} has no hash", next - 1))?;
        self.cursor.advance(next, &last).map_err(|e| format!("the number of the next entry cannot be kept: {e}"))
    }

    async fn read(&self, from: u64) -> Result<Vec<LeafRow>, String> {
        let reader = Arc::clone(&self.app.reader);
        let read = tokio::task::spawn_blocking(move || reader.leaves(from, BATCH));
        read.await.map_err(|e| e.to_string())?.map_err(|e| e.to_string())
    }

    /// Entries as they are sent. Numbers that are not there any more are said in their place.
    fn frames(&self, mut next: u64, rows: &[LeafRow]) -> Vec<u8> {
        let origin = format!("wardwatch/{}", self.app.site);
        let mut frames = Vec::new();
        let gone = |next: u64, to: u64, frames: &mut Vec<u8>| {
            if next < to {
                tracing::error!(from = next, to, "entries were gone before they were sent by syslog");
                let gap = export::syslog_gap(next, to, self.app.clock.wall(), &origin, self.facility);
                frames.extend(frame(&gap));
            }
        };
        // What retention removed has no text.
        let end = rows.last().map_or(next, |row| row.index + 1);
        for row in rows.iter().filter(|row| !row.leaf.is_empty()) {
            gone(next, row.index, &mut frames);
            let text = export::syslog_as(&Entry::read(row.index, &row.leaf), &origin, self.facility);
            frames.extend(frame(&text));
            next = row.index + 1;
        }
        gone(next, end, &mut frames);
        frames
    }
}

/// A message with its length before it (RFC 6587, section 3.4.1; RFC 5425, section 4.3).
fn frame(message: &str) -> Vec<u8> {
    format!("{} {message}", message.len()).into_bytes()
}

/// Tells when entries have waited for too long.
async fn watch(app: Arc<App>, config: SyslogConfig) {
    let mut interval = tokio::time::interval(LOOK_EVERY);
    let patience = Millis::from_secs(config.behind_s.into());
    // What stood before the start is not known: the first look is always told.
    let mut told: Option<bool> = None;
    let mut waiting = Waiting::default();
    loop {
        interval.tick().await;
        let status = app.syslog.status(app.hub.audit_size());
        let Some(status) = status else { continue };
        // An entry may say any time, or none that can be read; the clock since boot goes on whatever it says.
        let still = waiting.look(&status, app.clock.boot()) >= patience;
        let waits = if status.waiting() > 0 { oldest(&app, status.next).await } else { None };
        let behind = still || waits.is_some_and(|since| app.clock.wall().since(since) >= patience);
        if told == Some(behind) {
            continue;
        }
        let detail = if behind { status.words() } else { String::new() };
        let report = FaultReport { fault: SystemFault::SyslogBehind, present: behind, detail };
        match app.pipeline.send(Job::Fault(report)) {
            Ok(()) => told = Some(behind),
            Err(e) => tracing::warn!(error = %e, "the state of syslog could not be reported; it is tried again"),
        }
    }
}

/// Since when the delivery stands still.
#[derive(Default)]
struct Waiting {
    /// The next entry, and the time since boot when it was seen first to wait.
    seen: Option<(u64, Millis)>,
}

impl Waiting {
    /// How long the entry has been seen to wait that is next.
    fn look(&mut self, status: &SyslogStatus, now: Millis) -> Millis {
        if status.waiting() == 0 {
            self.seen = None;
            return Millis::ZERO;
        }
        let (next, since) = *self.seen.get_or_insert((status.next, now));
        if next != status.next {
            self.seen = Some((status.next, now));
            return Millis::ZERO;
        }
        now - since
    }
}

/// When the entry was written that waits for the longest time.
async fn oldest(app: &Arc<App>, next: u64) -> Option<Timestamp> {
    let reader = Arc::clone(&app.reader);
    let read = tokio::task::spawn_blocking(move || reader.leaves(next, 1));
    let row = read.await.ok()?.ok()?.pop()?;
    Entry::read(row.index, &row.leaf).utc.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_still_is_told_whatever_the_entries_say() {
        let state = SyslogState::default();
        state.begin("siem:6514", 3, true);
        let mut waiting = Waiting::default();
        let mut look = |size, now| waiting.look(&state.status(size).unwrap(), Millis(now)).0;
        assert_eq!((look(3, 5), look(4, 10), look(9, 900)), (0, 0, 890));
        state.delivered(6, Timestamp::MIN);
        assert_eq!((look(9, 1_000), look(9, 1_500)), (0, 500), "it moved");
        assert_eq!((look(6, 2_000), look(7, 9_000)), (0, 0), "nothing waited");
        let words = state.status(6).unwrap().words();
        assert!(words.starts_with("audit by syslog in PLAIN TEXT to siem:6514: 6 of 6"), "{words}");
    }
}
