//! Links in messages: made for one person, and opened again.

use crate::{
    domain::{Alert, ChannelName, LoginName, Millis, Timestamp, WardId},
    notify::{AckLink, LinkError, LinkKey},
};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// Most links of which is remembered that they were opened, until they end; beyond it no further opening is recorded.
const OPENED_MAX: usize = 10_000;

/// Makes and opens links. Without an address of the server there are none.
#[derive(Debug)]
pub struct Links {
    key: LinkKey,
    base: String,
    span: Millis,
    /// Links that were opened, and when each ends.
    opened: Mutex<HashMap<String, Timestamp>>,
}

impl Links {
    /// Links under an address, each good for `span`.
    #[must_use]
    pub fn new(key: LinkKey, public_url: &str, span: Millis) -> Self {
        Self { key, base: public_url.trim_end_matches('/').to_owned(), span, opened: Mutex::default() }
    }

    /// A link by which `to` may acknowledge `alert` as it is, and until when.
    #[must_use]
    pub fn make(
        &self,
        (ward, alert): (&WardId, &Alert),
        to: &LoginName,
        channel: &ChannelName,
        now: Timestamp,
    ) -> Option<(String, Timestamp)> {
        let until = now + self.span;
        let link = AckLink {
            ward: ward.clone(),
            alert: alert.id,
            transition: alert.transition,
            to: to.clone(),
            channel: channel.clone(),
            until,
        };
        Some((format!("{}/v1/ack/{}", self.base, self.key.sign(&link)?), until))
    }

    /// What a link stands for.
    ///
    /// # Errors
    /// If it was not made here, or is past its end.
    pub fn open(&self, token: &str, now: Timestamp) -> Result<AckLink, LinkError> {
        self.key.open(token, now)
    }

    /// Whether a link is opened for the first time, as far as is remembered.
    #[must_use]
    pub fn is_first_look(&self, token: &str, until: Timestamp, now: Timestamp) -> bool {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if opened.len() >= OPENED_MAX {
            opened.retain(|_, end| *end > now);
        }
        opened.len() < OPENED_MAX && opened.insert(token.to_owned(), until).is_none()
    }
}
