//! What came from whom and what became of it, since the start and within the last minute. Pure: time is an argument.

use crate::{
    domain::{DeviceId, Millis, Timestamp},
    protocol::{IntakeReport, MinuteView, SourceView},
};
use std::{cmp::Reverse, collections::BTreeMap};

/// Most senders that are counted apart; beyond it the one that was longest unheard is forgotten.
const SOURCES_MAX: usize = 10_000;
/// Length of a slot of the last minute, in milliseconds.
const SLOT_MS: i64 = 5_000;
/// Slots of the last minute.
const SLOTS: usize = 12;

/// What became of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// Who sent it.
    pub source: DeviceId,
    /// When it came.
    pub at: Timestamp,
    /// Values that were stored.
    pub accepted: usize,
    /// Values that were stored before.
    pub duplicate: usize,
    /// Values, or a message of which nothing could be read, that were not taken.
    pub rejected: usize,
    /// Of the stored ones, how many came too late to change the present.
    pub late: usize,
    /// How far its newest stored value lay behind its arrival.
    pub lag: Option<Millis>,
}

impl Tally {
    /// A message of which nothing came.
    #[must_use]
    pub fn of(source: &DeviceId, at: Timestamp) -> Self {
        Self { source: source.clone(), at, accepted: 0, duplicate: 0, rejected: 0, late: 0, lag: None }
    }

    /// With what its sender is told, and the time of its newest stored value.
    #[must_use]
    pub fn with(self, report: &IntakeReport, newest: Option<Timestamp>) -> Self {
        let IntakeReport { accepted, duplicate, rejected, late, .. } = *report;
        Self { accepted, duplicate, rejected, late, lag: newest.map(|newest| self.at.since(newest)), ..self }
    }
}

/// The last minute, in slots that are used again.
#[derive(Debug, Clone, Copy, Default)]
struct LastMinute<T>([(i64, T); SLOTS]);

impl<T: Default> LastMinute<T> {
    /// What is counted at a time; `None` never.
    fn at(&mut self, at: Timestamp) -> Option<&mut T> {
        let no = at.as_ms().div_euclid(SLOT_MS);
        let slots = i64::try_from(SLOTS).ok()?;
        let slot = usize::try_from(no.rem_euclid(slots)).ok().and_then(|place| self.0.get_mut(place))?;
        if slot.0 != no {
            *slot = (no, T::default());
        }
        Some(&mut slot.1)
    }

    fn slots(&self, now: Timestamp) -> impl Iterator<Item = &T> {
        let no = now.as_ms().div_euclid(SLOT_MS);
        self.0.iter().filter(move |(of, _)| usize::try_from(no - of).is_ok_and(|ago| ago < SLOTS)).map(|(_, slot)| slot)
    }
}

#[derive(Debug, Clone, Default)]
struct Source {
    last_at: Timestamp,
    messages: u64,
    accepted: u64,
    duplicate: u64,
    rejected: u64,
    late: u64,
    minute: LastMinute<MinuteView>,
}

impl Source {
    fn add(&mut self, tally: &Tally) {
        self.last_at = tally.at;
        self.messages += 1;
        self.accepted += count(tally.accepted);
        self.duplicate += count(tally.duplicate);
        self.rejected += count(tally.rejected);
        self.late += count(tally.late);
        if let Some(minute) = self.minute.at(tally.at) {
            join(
                minute,
                &MinuteView {
                    values: count(tally.accepted + tally.duplicate + tally.rejected),
                    rejected: count(tally.rejected),
                    lag_ms: tally.lag.map(|lag| (lag, lag)),
                },
            );
        }
    }

    fn view(&self, id: &DeviceId, now: Timestamp) -> SourceView {
        let mut minute = MinuteView::default();
        self.minute.slots(now).for_each(|slot| join(&mut minute, slot));
        SourceView {
            source: id.clone(),
            last_at: self.last_at,
            messages: self.messages,
            accepted: self.accepted,
            duplicate: self.duplicate,
            rejected: self.rejected,
            late: self.late,
            minute,
        }
    }
}

fn join(all: &mut MinuteView, one: &MinuteView) {
    all.values += one.values;
    all.rejected += one.rejected;
    all.lag_ms = match (all.lag_ms, one.lag_ms) {
        (Some((least, most)), Some((l, m))) => Some((least.min(l), most.max(m))),
        (held, other) => held.or(other),
    };
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

/// Everything that came, by sender, and the commits that made it durable.
#[derive(Debug, Default)]
pub struct IntakeCounts {
    sources: BTreeMap<DeviceId, Source>,
    /// How many, and the slowest.
    commits: LastMinute<(u64, Millis)>,
}

impl IntakeCounts {
    /// Counts a message.
    pub fn add(&mut self, tally: &Tally) {
        if !self.sources.contains_key(&tally.source) && self.sources.len() >= SOURCES_MAX {
            let longest = self.sources.iter().min_by_key(|(_, source)| source.last_at).map(|(id, _)| id.clone());
            longest.and_then(|id| self.sources.remove(&id));
        }
        self.sources.entry(tally.source.clone()).or_default().add(tally);
    }

    /// Counts a commit that took so long.
    pub fn committed(&mut self, at: Timestamp, took: Millis) {
        if let Some((commits, slowest)) = self.commits.at(at) {
            *commits += 1;
            *slowest = took.max(*slowest);
        }
    }

    /// The senders, those that sent last first, at most so many; and how many more there are.
    #[must_use]
    pub fn sources(&self, now: Timestamp, most: usize) -> (Vec<SourceView>, usize) {
        let mut all: Vec<(&DeviceId, &Source)> = self.sources.iter().collect();
        all.sort_by_key(|(id, source)| (Reverse(source.last_at), *id));
        let shown = all.iter().take(most).map(|(id, source)| source.view(id, now)).collect();
        (shown, all.len().saturating_sub(most))
    }

    /// Commits within the last minute, and the slowest of them.
    #[must_use]
    pub fn commits(&self, now: Timestamp) -> (u64, Millis) {
        self.commits.slots(now).fold((0, Millis::ZERO), |(n, slowest), (more, took)| (n + more, slowest.max(*took)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(s: i64) -> Timestamp {
        Timestamp::from_ms(1_700_000_000_000 + s * 1_000)
    }

    fn tally(source: &str, s: i64, accepted: usize, rejected: usize, lag_ms: i64) -> Tally {
        let source = source.parse().unwrap();
        Tally { source, at: t(s), accepted, duplicate: 0, rejected, late: 0, lag: Some(Millis(lag_ms)) }
    }

    #[test]
    fn the_last_minute_forgets_and_the_sums_do_not() {
        let mut counts = IntakeCounts::default();
        counts.add(&tally("gw-1", 0, 4, 0, 900));
        counts.add(&tally("gw-1", 30, 4, 1, -2_500));
        counts.add(&tally("gw-2", 31, 1, 0, 10));
        let (sources, more) = counts.sources(t(40), 10);
        assert_eq!(sources.iter().map(|s| s.source.as_str()).collect::<Vec<_>>(), ["gw-2", "gw-1"], "the last first");
        assert_eq!(more, 0);
        let minute = MinuteView { values: 9, rejected: 1, lag_ms: Some((Millis(-2_500), Millis(900))) };
        assert_eq!(sources[1].minute, minute);
        let (later, more) = counts.sources(t(80), 1);
        assert_eq!((later.len(), more), (1, 1));
        let (later, _) = counts.sources(t(80), 2);
        assert_eq!(later[1].minute.values, 5, "what came 80 s ago is out, what came 50 s ago is in");
        assert_eq!((later[1].messages, later[1].accepted, later[1].rejected), (2, 8, 1));
        let (later, _) = counts.sources(t(1_000), 2);
        assert_eq!(later[1].minute, MinuteView::default());
    }

    #[test]
    fn a_slot_that_is_used_again_holds_nothing_old() {
        let mut counts = IntakeCounts::default();
        counts.committed(t(0), Millis(40));
        counts.committed(t(60), Millis(3));
        counts.committed(t(61), Millis(2));
        assert_eq!(counts.commits(t(62)), (2, Millis(3)));
    }

    #[test]
    fn who_was_longest_unheard_is_forgotten_first() {
        let mut counts = IntakeCounts::default();
        for n in 0..=SOURCES_MAX {
            counts.add(&tally(&format!("d{n}"), i64::try_from(n).unwrap(), 1, 0, 0));
        }
        let (sources, _) = counts.sources(t(0), SOURCES_MAX + 1);
        assert_eq!(sources.len(), SOURCES_MAX);
        assert!(sources.iter().all(|s| s.source.as_str() != "d0"));
    }
}
