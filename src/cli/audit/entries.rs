//! Which entries are shown, and how.

use crate::{
    audit::{export::Entry, wanted::Wanted},
    domain::{Millis, PatientId, Timestamp, UserId, text::clean},
    store::{LeafRow, StoreReader, sqlite::SqliteReader},
};
use anyhow::{anyhow, bail};
use serde_json::Value;
use std::collections::BTreeMap;

/// Which entries.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Filter {
    /// About this patient
    #[arg(long, value_name = "ID")]
    patient: Option<PatientId>,
    /// With --patient: only those who looked at the patient
    #[arg(long, requires = "patient")]
    reads: bool,
    /// By this person or about this account: a login name, or the account's identifier
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Emergency access: its begin, its end, and what was read by it
    #[arg(long)]
    break_glass: bool,
    /// What was refused
    #[arg(long)]
    failures: bool,
    /// Not before: a time, or how far back (90m, 12h, 7d)
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<Since>,
    /// This act, such as user.login, or all that begin so, such as user; may be given more than once
    #[arg(long, value_name = "ACT")]
    act: Vec<String>,
}

/// A time, or a span back from now.
#[derive(Debug, Clone, Copy)]
enum Since {
    At(Timestamp),
    Ago(Millis),
}

fn since(text: &str) -> anyhow::Result<Since> {
    let span = || super::super::alerts::span(text).ok().map(Since::Ago);
    let at = text.parse().ok().map(Since::At);
    at.or_else(span)
        .ok_or_else(|| anyhow!("a time such as 2026-11-23T08:00:00Z or a span such as 90m, 12h or 7d is wanted"))
}

impl Filter {
    /// Which entries, in words: the same for the same filter.
    pub(super) fn words(&self, until: Option<Timestamp>) -> String {
        let Self { patient, reads, user, break_glass, failures, since, act } = self;
        let since = since.map(|since| match since {
            Since::At(at) => format!("not before {at}"),
            Since::Ago(span) => format!("of the last {} s", span.0 / 1_000),
        });
        let flag = |on: bool, words: &str| on.then(|| words.to_owned());
        let acts = (!act.is_empty()).then(|| format!("acts {}", act.join(" ")));
        let parts = [
            patient.as_ref().map(|id| format!("about patient {id}")),
            flag(*reads, "looks alone"),
            user.as_ref().map(|name| format!("by or about {}", clean(name))),
            flag(*break_glass, "emergencies"),
            flag(*failures, "what was refused"),
            since,
            until.map(|until| format!("before {until}")),
            acts,
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        if parts.is_empty() { "all entries".to_owned() } else { parts.join(", ") }
    }

    /// Whether it finds the same entries now and later: what another administrator approves is just what is written.
    pub(super) fn check_fixed(&self, until: Option<Timestamp>, now: Timestamp) -> anyhow::Result<()> {
        let begins = !matches!(self.since, Some(Since::Ago(_)));
        if begins && until.is_some_and(|until| until <= now) {
            return Ok(());
        }
        bail!(
            "another administrator approves certain entries: end them with --until TIME, now ({now}) or before, and begin \
             them, if at all, with a time in --since, not a span"
        )
    }

    /// Looks names up; `now` is what spans are counted from.
    pub(super) fn resolve(self, reader: &SqliteReader, now: Timestamp) -> anyhow::Result<Wanted> {
        let user = self.user.as_deref().map(|name| user_of(reader, name)).transpose()?;
        for act in &self.act {
            if act.is_empty() || act.ends_with('.') {
                bail!("{act:?} is no act: user.login, or user for all that begin so");
            }
        }
        let since = self.since.map(|since| match since {
            Since::At(at) => at,
            Since::Ago(span) => now - span,
        });
        let Self { patient, reads, break_glass, failures, act, .. } = self;
        Ok(Wanted { patient, reads, user, break_glass, failures, since, acts: act })
    }
}

fn user_of(reader: &SqliteReader, name: &str) -> anyhow::Result<UserId> {
    let users = reader.access()?.users;
    let known = users.iter().find(|u| u.name == name).or_else(|| users.iter().find(|u| u.id.as_str() == name));
    match known {
        Some(user) => Ok(user.id.clone()),
        // An account that is gone still stands in the trail.
        None => name.parse().map_err(|_| anyhow!("there is no user {}", clean(name))),
    }
}

/// Login names by the identifiers of their accounts.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<UserId, String>);

impl Names {
    /// The names of today.
    pub(super) fn read(reader: &SqliteReader) -> anyhow::Result<Self> {
        Ok(Self(reader.access()?.users.into_iter().map(|user| (user.id, user.name)).collect()))
    }

    /// An identifier with the name beside it, if it is known.
    fn beside(&self, id: &str) -> String {
        match id.parse().ok().and_then(|id: UserId| self.0.get(&id)) {
            Some(name) => format!("{id} ({name})"),
            None => id.to_owned(),
        }
    }
}

/// An entry as a line for people. What is in an entry was written by us; a changed one is shown cleaned.
pub(super) fn line(row: &LeafRow, names: &Names) -> String {
    let LeafRow { index, leaf, text, text_fits } = row;
    let Ok(value) = serde_json::from_str::<Value>(leaf) else {
        return format!("{index:>8}  unreadable: {}", clean(leaf));
    };
    let get = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or("");
    let entry = Entry::read(*index, leaf);
    let who = if entry.actor_kind == "user" { names.beside(&entry.actor) } else { entry.who() };
    let about = [
        "ward", "bed", "patient", "device", "user", "session", "alert", "handover", "approval", "second", "alone",
        "code",
    ]
    .iter()
    .filter_map(|key| {
        let text = value.get(*key)?.to_string();
        let text = text.trim_matches('"');
        Some(if matches!(*key, "user" | "second") {
            format!("{key}={}", names.beside(text))
        } else {
            format!("{key}={text}")
        })
    })
    .chain(text.as_ref().map(|t| match text_fits {
        true => format!("text={t:?}"),
        // What was put in its place is not shown: nobody of the trail has said it.
        false => "BAD: the text does not fit its entry, it was changed".to_owned(),
    }));
    let about: Vec<String> = about.collect();
    let (at, act, outcome) = (clean(get("utc")), clean(get("act")), clean(get("outcome")));
    format!("{index:>8}  {at}  {act:<18} {outcome:<8} {:<20} {}", clean(&who), clean(&about.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        assert!(matches!(since("2026-11-23T08:30:00Z"), Ok(Since::At(_))));
        assert!(matches!(since("12h"), Ok(Since::Ago(_))));
        assert!(since("soon").is_err());
    }

    #[test]
    fn what_is_approved_has_a_beginning_and_an_end() {
        let (now, later) = (Timestamp::from_ms(1_000), Timestamp::from_ms(1_001));
        let filter = |text: Option<&str>| Filter { since: text.map(|t| since(t).unwrap()), ..Filter::default() };
        assert!(filter(None).check_fixed(Some(now), now).is_ok());
        assert!(filter(Some("2026-11-23T08:30:00Z")).check_fixed(Some(now), now).is_ok());
        for (text, until) in [(None, None), (None, Some(later)), (Some("2h"), Some(now))] {
            assert!(filter(text).check_fixed(until, now).is_err(), "{text:?} {until:?}");
        }
    }

    #[test]
    fn an_entry_says_who_it_was_and_of_the_console_that_it_is_a_number_of_an_account() {
        let row = |actor: &str| LeafRow {
            index: 7,
            leaf: format!(
                r#"{{"i":7,"utc":"2026-11-23T08:00:00.000Z","actor":{actor},"act":"user.add","outcome":"success"}}"#
            ),
            text: None,
            text_fits: true,
        };
        let names = Names([("u-1".parse().unwrap(), "nina".to_owned())].into());
        let line = |actor: &str| line(&row(actor), &names);
        assert!(line(r#"{"kind":"console","uid":0}"#).contains("success  uid 0"));
        assert!(line(r#"{"kind":"user","user":"u-1","role":"nurse"}"#).contains("success  u-1 (nina)"));
        assert!(
            line(r#"{"kind":"user","user":"u-2","role":"nurse"}"#).contains("success  u-2 "),
            "an account that is gone"
        );
        assert!(line(r#"{"kind":"system"},"user":"u-1""#).contains("user=u-1 (nina)"));
        assert!(line(r#"{"kind":"system"}"#).contains("success  system"));
    }

    #[test]
    fn a_text_that_was_changed_is_not_shown() {
        let row = |text_fits| LeafRow { index: 7, leaf: "{}".to_owned(), text: Some("as asked".to_owned()), text_fits };
        let names = Names::default();
        assert!(line(&row(true), &names).contains("text=\"as asked\""));
        let said = line(&row(false), &names);
        assert!(said.contains("the text does not fit its entry") && !said.contains("as asked"), "{said}");
    }
}
