//! Whether what is on the screen is live, by the screen's own clock.

use crate::{
    client::{ClientEvent, Hello},
    domain::{Millis, Timestamp},
};

/// Silence after which nothing on the screen passes for live.
pub const LINK_STALE_AFTER: Millis = Millis::from_secs(3);
/// Silence after which the screen raises a technical alarm by itself.
pub const LINK_ALARM_AFTER: Millis = Millis::from_secs(10);

/// What the link is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// Nobody has signed in.
    SignedOut,
    /// It connects.
    Connecting {
        /// From 1.
        attempt: u32,
    },
    /// It waits before it tries again.
    Waiting {
        /// Why it was cut, for people.
        why: String,
        /// When it tries again.
        until: Millis,
        /// The attempt that it will be.
        attempt: u32,
    },
    /// It is up.
    Up,
    /// The server will not have this session any more.
    Refused {
        /// Why, for people.
        why: String,
    },
}

/// What the link means for what is on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Nothing has come yet.
    Never,
    /// What is shown is live.
    Live {
        /// Time since the server was last heard.
        age: Millis,
    },
    /// Connected, but silent for [`LINK_STALE_AFTER`] or longer.
    Silent {
        /// Time since the server was last heard.
        age: Millis,
    },
    /// Not connected.
    Lost {
        /// Time since the server was last heard.
        age: Millis,
    },
}

impl Health {
    /// Whether what is shown is live.
    #[must_use]
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Live { .. })
    }

    /// Time since the server was last heard; `None` if never.
    #[must_use]
    pub const fn age(self) -> Option<Millis> {
        match self {
            Self::Never => None,
            Self::Live { age } | Self::Silent { age } | Self::Lost { age } => Some(age),
        }
    }
}

/// The link as the screen knows it. Times are of the screen's monotonic clock.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    /// What it is doing.
    pub phase: Phase,
    /// The server's last hello.
    pub hello: Option<Hello>,
    /// When the server was last heard; `None` before the first snapshot, for until then nothing is shown that could be old.
    heard_at: Option<Millis>,
    /// The server's time, and when it was told.
    server_time: Option<(Timestamp, Millis)>,
}

impl Default for Link {
    fn default() -> Self {
        Self { phase: Phase::SignedOut, hello: None, heard_at: None, server_time: None }
    }
}

impl Link {
    /// Takes in what an event says of the link.
    pub(super) fn note(&mut self, now: Millis, event: &ClientEvent) {
        match event {
            ClientEvent::Connecting { attempt } => self.phase = Phase::Connecting { attempt: *attempt },
            ClientEvent::Disconnected { why, retry_in_ms, attempt } => {
                let wait = Millis(i64::try_from(*retry_in_ms).unwrap_or(i64::MAX));
                self.phase = Phase::Waiting { why: why.clone(), until: now + wait, attempt: *attempt };
            }
            ClientEvent::Refused { why } => self.phase = Phase::Refused { why: why.clone() },
            ClientEvent::Connected(hello) => {
                self.hello = Some(hello.clone());
                self.server_time = Some((hello.now, now));
            }
            ClientEvent::Snapshot { now: server, .. } => {
                self.phase = Phase::Up;
                self.heard_at = Some(now);
                self.server_time = Some((*server, now));
            }
            ClientEvent::Heartbeat { now: server, .. } => {
                self.hear(now);
                self.server_time = Some((*server, now));
            }
            // What is remembered of the trail is told without the server: it is no sign of life.
            ClientEvent::Trail(_) => {}
            _ => self.hear(now),
        }
    }

    /// It is up although no ward is watched: there is no snapshot to wait for.
    pub(super) fn stands(&mut self, now: Millis) {
        self.phase = Phase::Up;
        self.heard_at = Some(now);
    }

    fn hear(&mut self, now: Millis) {
        if let Some(heard) = &mut self.heard_at {
            *heard = now;
        }
    }

    /// What it means for what is on the screen.
    #[must_use]
    pub fn health(&self, now: Millis) -> Health {
        let Some(heard) = self.heard_at else { return Health::Never };
        let age = now - heard;
        match self.phase {
            Phase::Up if age < LINK_STALE_AFTER => Health::Live { age },
            Phase::Up => Health::Silent { age },
            _ => Health::Lost { age },
        }
    }

    /// The server's time now: what it last told plus what has passed since. `None` before it was heard.
    #[must_use]
    pub fn server_now(&self, now: Millis) -> Option<Timestamp> {
        self.server_time.map(|(told, at)| told + (now - at))
    }

    /// The server's time when it was last heard.
    #[must_use]
    pub fn last_heard(&self) -> Option<Timestamp> {
        let (told, at) = self.server_time?;
        self.heard_at.map(|heard| told + (heard - at))
    }
}
