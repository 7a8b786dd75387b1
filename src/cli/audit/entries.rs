//! Which entries are shown, and how.

use crate::{
    audit::{Act, leaf::Outcome},
    domain::{Millis, PatientId, Timestamp, UserId, text::clean},
    store::{LeafRow, StoreReader, sqlite::SqliteReader},
};
use anyhow::{anyhow, bail};
use serde_json::Value;

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

/// A filter that is ready: names have become accounts, spans times.
pub(super) struct Wanted {
    filter: Filter,
    user: Option<UserId>,
    since: Option<Timestamp>,
}

impl Filter {
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
        Ok(Wanted { filter: self, user, since })
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

impl Wanted {
    /// Whether an entry is wanted. One that cannot be read is always shown: somebody may have changed it.
    pub(super) fn wants(&self, row: &LeafRow) -> bool {
        let Ok(leaf) = serde_json::from_str::<Value>(&row.leaf) else { return true };
        let text = |key: &str| leaf.get(key).and_then(Value::as_str);
        let actor = |key: &str| leaf.get("actor").and_then(|actor| actor.get(key)).and_then(Value::as_str);
        let act = text("act").unwrap_or_default();
        let read = || serde_json::from_value::<Act>(Value::String(act.to_owned())).is_ok_and(Act::shows_patient);
        let outcome = || leaf.get("outcome").cloned().and_then(|o| serde_json::from_value::<Outcome>(o).ok());
        let at = || leaf.get("utc").cloned().and_then(|at| serde_json::from_value::<Timestamp>(at).ok());
        let filter = &self.filter;
        filter.patient.as_ref().is_none_or(|patient| text("patient") == Some(patient.as_str()))
            && (!filter.reads || read())
            && self
                .user
                .as_ref()
                .map(UserId::as_str)
                .is_none_or(|u| actor("user") == Some(u) || text("user") == Some(u))
            && (!filter.break_glass || is_break_glass(act, &leaf))
            && (!filter.failures || outcome() == Some(Outcome::Refused))
            && self.since.is_none_or(|since| at().is_none_or(|at| at >= since))
            && (filter.act.is_empty() || filter.act.iter().any(|wanted| begins(act, wanted)))
    }
}

/// Whether an act is the wanted one, or one of the wanted kind.
fn begins(act: &str, wanted: &str) -> bool {
    act.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The begin and the end of emergency access, and what names it as its purpose.
fn is_break_glass(act: &str, leaf: &Value) -> bool {
    let names = |text: &str| text.starts_with("break_glass");
    let field = |key: &str| leaf.get(key).and_then(Value::as_str).is_some_and(names);
    names(act) || field("code") || field("purpose") || leaf.get("break_glass").is_some()
}

/// An entry as a line for people. What is in an entry was written by us; a changed one is shown cleaned.
pub(super) fn line(row: &LeafRow) -> String {
    let LeafRow { index, leaf, text } = row;
    let Ok(value) = serde_json::from_str::<Value>(leaf) else {
        return format!("{index:>8}  unreadable: {}", clean(leaf));
    };
    let get = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or("");
    let actor = value.get("actor").cloned().unwrap_or_default();
    let part = |key: &str| actor.get(key).map(|v| v.to_string().trim_matches('"').to_owned());
    let who = ["user", "device", "uid", "kind"].iter().find_map(|key| part(key)).unwrap_or_default();
    let about = ["ward", "bed", "patient", "device", "user", "session", "alert", "handover", "code"]
        .iter()
        .filter_map(|key| value.get(*key).map(|v| format!("{key}={}", v.to_string().trim_matches('"'))))
        .chain(text.as_ref().map(|t| format!("text={t:?}")));
    let about: Vec<String> = about.collect();
    let (at, act, outcome) = (clean(get("utc")), clean(get("act")), clean(get("outcome")));
    format!("{index:>8}  {at}  {act:<18} {outcome:<8} {:<20} {}", clean(&who), clean(&about.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn row(leaf: &str) -> LeafRow {
        LeafRow { index: 3, leaf: leaf.to_owned(), text: None }
    }

    const VIEW: &str = r#"{"i":3,"utc":"2026-11-23T08:00:00.000Z","actor":{"kind":"user","user":"u1"},"act":"patient.view","outcome":"success","patient":"p1"}"#;
    const LOGIN: &str = r#"{"i":3,"utc":"2026-11-23T09:00:00.000Z","actor":{"kind":"unknown"},"act":"user.login","outcome":"refused","code":"wrong"}"#;
    const ADMIT: &str = r#"{"i":3,"utc":"2026-11-23T09:00:00.000Z","actor":{"kind":"console","uid":0},"act":"patient.admit","outcome":"success","patient":"p1"}"#;
    const GLASS: &str = r#"{"i":3,"utc":"2026-11-23T09:00:00.000Z","actor":{"kind":"user","user":"u2"},"act":"break_glass.start","outcome":"success","patient":"p2"}"#;

    #[rstest]
    #[case::patient(Filter { patient: Some("p1".parse().unwrap()), ..Filter::default() }, [true, false, true, false])]
    #[case::reads(
        Filter { patient: Some("p1".parse().unwrap()), reads: true, ..Filter::default() },
        [true, false, false, false]
    )]
    #[case::failures(Filter { failures: true, ..Filter::default() }, [false, true, false, false])]
    #[case::break_glass(Filter { break_glass: true, ..Filter::default() }, [false, false, false, true])]
    #[case::kind(Filter { act: vec!["patient".into()], ..Filter::default() }, [true, false, true, false])]
    #[case::acts(
        Filter { act: vec!["patient.view".into(), "user.login".into()], ..Filter::default() },
        [true, true, false, false]
    )]
    fn a_filter_wants(#[case] filter: Filter, #[case] wants: [bool; 4]) {
        let wanted = Wanted { filter, user: None, since: None };
        assert_eq!([VIEW, LOGIN, ADMIT, GLASS].map(|leaf| wanted.wants(&row(leaf))), wants);
        assert!(wanted.wants(&row("no entry at all")), "what was made unreadable is shown");
    }

    #[test]
    fn people_and_times_are_wanted() {
        let user = Wanted { filter: Filter::default(), user: Some("u1".parse().unwrap()), since: None };
        assert_eq!([VIEW, LOGIN].map(|leaf| user.wants(&row(leaf))), [true, false]);
        let Since::At(at) = since("2026-11-23T08:30:00Z").unwrap() else { panic!("a time") };
        let late = Wanted { filter: Filter::default(), user: None, since: Some(at) };
        assert_eq!([VIEW, LOGIN].map(|leaf| late.wants(&row(leaf))), [false, true]);
        assert!(matches!(since("12h"), Ok(Since::Ago(_))));
        assert!(since("soon").is_err());
    }
}
