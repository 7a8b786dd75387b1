//! The page of the audit trail, for those who read it and watch no ward.

use super::{
    app::{App, Page},
    event::Effect,
    filter::Filter,
    link::Phase,
    select::moved,
};
use crate::{
    client::{ClientRequest, Hello},
    domain::{Millis, Mode, Timestamp, VitalTable, Ward, text::clean},
    protocol::{AuditEntryView, AuditPage, AuditQuery, WardView},
    rights::Verb,
};
use std::sync::Arc;

/// Most entries that the page holds; for older ones there is the command line.
pub const AUDIT_HELD_MAX: usize = 1_000;

/// The page of the audit trail.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditLogPage {
    /// Which entries, in words: `patient:ID`, `user:NAME`, `reads`, `break-glass`, `failures`, `since:7d`.
    pub filter: Filter,
    /// Entries, the newest first.
    pub entries: Vec<AuditEntryView>,
    /// Where older ones begin; absent if there are none.
    pub before: Option<u64>,
    /// Entries of the trail when it was read; absent before the first answer.
    pub size: Option<u64>,
    /// The server's time when it was read.
    pub read_at: Option<Timestamp>,
    /// The number of the selected entry.
    pub selected: Option<u64>,
    /// Why something could not be had, for people.
    pub failed: Option<String>,
    /// The filter that the entries were asked for with; absent if they are to be asked for.
    asked_with: Option<Filter>,
    /// The request that is open, and whether it asks for older entries.
    asked: Option<(u64, bool)>,
}

impl AuditLogPage {
    /// The selected entry.
    #[must_use]
    pub fn entry(&self) -> Option<&AuditEntryView> {
        self.entries.iter().find(|entry| Some(entry.index) == self.selected)
    }

    /// Whether an answer is awaited.
    #[must_use]
    pub const fn is_asking(&self) -> bool {
        self.asked.is_some()
    }
}

/// What a filter asks for: `patient:ID`, `user:NAME`, `reads`, `break-glass`, `failures`, `since:7d` (or `h`, `m`).
///
/// # Errors
/// The word that is none, in a sentence.
pub(super) fn query_of(filter: &Filter, now: Timestamp) -> Result<AuditQuery, String> {
    let mut query = AuditQuery::default();
    for word in filter.text().split_whitespace() {
        match word.split_once(':') {
            None if word == "reads" => query.reads = true,
            None if word == "failures" => query.failures = true,
            None if word == "break-glass" => query.break_glass = true,
            Some(("patient", id)) => {
                query.patient = Some(id.parse().map_err(|_| format!("{} is no patient", clean(word)))?);
            }
            Some(("user", name)) if !name.is_empty() => query.user = Some(name.to_owned()),
            Some(("since", span)) => {
                let span = span_of(span).ok_or_else(|| format!("{}: since:7d, since:12h, since:90m", clean(word)))?;
                query.since = Some(now - span);
            }
            _ => return Err(format!("{} is no filter of entries", clean(word))),
        }
    }
    Ok(query)
}

/// A span such as `90m`, `12h`, `7d`.
fn span_of(text: &str) -> Option<Millis> {
    let unit = text.chars().last()?;
    let minutes = match unit {
        'm' => 1,
        'h' => 60,
        'd' => 60 * 24,
        _ => return None,
    };
    let count: i64 = text.strip_suffix(unit)?.parse::<u32>().ok()?.into();
    Some(Millis::from_mins(count * minutes))
}

impl App {
    /// Whether the person reads the audit trail and watches no ward: then the screen is for that alone.
    #[must_use]
    pub fn audits_only(&self) -> bool {
        self.may(Verb::ReadAudit) && !self.may(Verb::WatchWard)
    }

    /// Somebody who watches no ward is signed in: the trail stands in its place. Its times are in UTC.
    pub(super) fn begin_audit(&mut self, hello: &Hello) {
        if !self.audits_only() {
            return;
        }
        if let Ok(id) = "audit".parse() {
            let ward = Ward { id, name: "Audit trail".into(), time_zone: chrono_tz::Tz::UTC };
            self.ward = Some(empty_ward(ward, hello.mode));
        }
        self.link.stands(self.now);
        self.page = Page::Audit;
        self.came_from = Page::Audit;
    }

    /// Lets the trail be read anew.
    pub(super) fn show_audit(&mut self) {
        self.audit_log.asked_with = None;
        self.audit_log.failed = None;
    }

    /// Asks for entries when others are wanted than are there. Each question leaves an entry, so none comes by itself.
    pub(super) fn refresh_audit(&mut self, effects: &mut Vec<Effect>) {
        let up = matches!(self.link.phase, Phase::Up) && !self.is_locked() && self.dialog.is_none();
        let page = &self.audit_log;
        let due = page.asked_with.as_ref() != Some(&page.filter) && page.asked.is_none();
        if self.page != Page::Audit || !up || !due || !self.may(Verb::ReadAudit) {
            return;
        }
        self.audit_log.asked_with = Some(self.audit_log.filter.clone());
        self.ask_for_entries(None, effects);
    }

    fn ask_for_entries(&mut self, before: Option<u64>, effects: &mut Vec<Effect>) {
        let Some(now) = self.server_now() else { return };
        match query_of(&self.audit_log.filter, now) {
            Ok(query) => {
                let id = self.commands.number();
                self.audit_log.failed = None;
                self.audit_log.asked = Some((id, before.is_some()));
                effects.push(Effect::Send(ClientRequest::AuditLog { id, query: AuditQuery { before, ..query } }));
            }
            Err(why) => {
                self.audit_log.entries.clear();
                self.audit_log.before = None;
                self.audit_log.failed = Some(why);
            }
        }
    }

    pub(super) fn move_entry(&mut self, by: isize) {
        let at = self.audit_log.entries.iter().position(|entry| Some(entry.index) == self.audit_log.selected);
        let to = moved(at, by, self.audit_log.entries.len());
        self.audit_log.selected = self.audit_log.entries.get(to).map(|entry| entry.index);
    }

    /// Asks for older entries once the last one that is held is reached.
    pub(super) fn read_older_entries(&mut self, effects: &mut Vec<Effect>) {
        let page = &self.audit_log;
        let last = page.entries.last().map(|entry| entry.index);
        let room = page.entries.len() < AUDIT_HELD_MAX;
        if page.before.is_some() && room && last == page.selected && page.asked.is_none() {
            self.ask_for_entries(page.before, effects);
        }
    }

    /// Who saw the patient of the selected entry.
    pub(super) fn show_who_saw(&mut self) {
        let patient = self.audit_log.entry().and_then(|entry| entry.patient.clone());
        if let Some(patient) = patient {
            self.audit_log.filter = Filter::of(&format!("patient:{patient} reads"));
        }
    }

    pub(super) fn audit_told(&mut self, id: u64, told: AuditPage) {
        let Some((_, older)) = self.audit_log.asked.take_if(|(asked, _)| *asked == id) else { return };
        let now = self.server_now();
        let page = &mut self.audit_log;
        let AuditPage { entries, before, size } = told;
        page.size = Some(size);
        page.before = before;
        page.read_at = now;
        if older {
            page.entries.extend(entries);
            page.entries.truncate(AUDIT_HELD_MAX);
        } else {
            page.entries = entries;
        }
        if page.entry().is_none() {
            page.selected = page.entries.first().map(|entry| entry.index);
        }
    }

    /// Notes that entries could not be had; says whether it was that.
    pub(super) fn audit_failed(&mut self, id: u64, why: &str) -> bool {
        let ours = self.audit_log.asked.take_if(|(asked, _)| *asked == id).is_some();
        if ours {
            self.audit_log.failed = Some(why.to_owned());
        }
        ours
    }

    /// The link is cut: what was asked for does not come any more, and is asked for again.
    pub(super) fn audit_lost(&mut self) {
        if self.audit_log.asked.take().is_some() {
            self.audit_log.asked_with = None;
        }
    }
}

fn empty_ward(ward: Ward, mode: Mode) -> WardView {
    WardView::new(ward, mode, &VitalTable::builtin(), |_| Arc::default())
}
