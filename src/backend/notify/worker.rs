//! The thread of one channel: sends what is due, tries again, and says what became of it.

use crate::{
    domain::{ChannelName, Millis, NoticeOutcome, notice::Why},
    notify::{Channel, Letter, Outbox, Parcel},
    seam::Clock,
};
use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, Sender},
    },
    time::Duration,
};

/// Longest wait for a letter while none is due.
const WAIT_MAX: Millis = Millis::from_secs(60);

/// What became of a letter.
pub(super) struct Report {
    pub(super) channel: ChannelName,
    pub(super) letter: Letter,
    pub(super) outcome: NoticeOutcome,
}

/// Whether a letter still asks for somebody.
pub(super) type Wanted = Arc<dyn Fn(&Letter) -> bool + Send + Sync>;

pub(super) struct Worker {
    pub(super) name: ChannelName,
    pub(super) channel: Box<dyn Channel>,
    pub(super) outbox: Outbox,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) reports: Sender<Report>,
    pub(super) wanted: Wanted,
}

impl Worker {
    /// Sends until nobody can bring letters any more. What then waits is left: the journal has it.
    pub(super) fn run(mut self, letters: &Receiver<Letter>) {
        loop {
            match letters.recv_timeout(self.wait()) {
                Ok(letter) => self.take(letter),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            while let Ok(letter) = letters.try_recv() {
                self.take(letter);
            }
            if let Some(parcel) = self.outbox.pop_due(self.clock.boot()) {
                self.send(parcel);
            }
        }
    }

    fn wait(&self) -> Duration {
        let wait = self.outbox.next_due().map_or(WAIT_MAX, |due| (due - self.clock.boot()).min(WAIT_MAX));
        Duration::from_millis(u64::try_from(wait.0).unwrap_or_default())
    }

    fn take(&mut self, letter: Letter) {
        if let Some(least) = self.outbox.put(letter, self.clock.boot()) {
            self.report(least, NoticeOutcome::Failed { why: Why::new("too many messages wait for this channel") });
        }
    }

    fn send(&mut self, parcel: Parcel) {
        if !(self.wanted)(&parcel.letter) {
            self.report(parcel.letter, NoticeOutcome::NotNeeded);
            return;
        }
        match self.channel.send(&parcel.letter) {
            Ok(()) => self.report(parcel.letter, NoticeOutcome::Delivered),
            Err(error) => {
                let tried = parcel.tried + 1;
                tracing::warn!(channel = %self.name, letter = %parcel.letter.id, tried, %error, "a message did not get out");
                if let Some((letter, why)) = self.outbox.not_delivered(parcel, error, self.clock.boot()) {
                    self.report(letter, NoticeOutcome::Failed { why: Why::new(&why) });
                }
            }
        }
    }

    fn report(&self, letter: Letter, outcome: NoticeOutcome) {
        // Nobody listens any more when the server stops.
        drop(self.reports.send(Report { channel: self.name.clone(), letter, outcome }));
    }
}
