//! The report of a ward's alerts: over which time, whether it is there, and how far it is scrolled.

use super::{
    app::{App, Page},
    event::Effect,
    link::Phase,
    size::{FOOTER_ROWS, HEADER_ROWS},
};
use crate::{
    client::ClientRequest,
    domain::{Millis, Timestamp},
    protocol::AlertReport,
    rights::Verb,
    tui::words,
};

/// Rows above the report: the strip of beds and the title.
const TITLE_ROWS: u16 = 2;

/// A report that is open is made anew when it is older.
const RENEW_AFTER: Millis = Millis::from_mins(10);

/// How far back a report goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReportSpan {
    /// 24 hours.
    Hours24,
    /// 7 days.
    Days7,
}

impl ReportSpan {
    /// From short to long.
    pub const ALL: [Self; 2] = [Self::Hours24, Self::Days7];

    /// Its length.
    #[must_use]
    pub const fn length(self) -> Millis {
        match self {
            Self::Hours24 => Millis::from_mins(24 * 60),
            Self::Days7 => Millis::from_mins(7 * 24 * 60),
        }
    }

    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Hours24 => "24 h",
            Self::Days7 => "7 d",
        }
    }

    /// The next longer one, or the next shorter one.
    #[must_use]
    pub fn next(self, longer: bool) -> Option<Self> {
        Self::ALL.into_iter().find(|span| if longer { *span > self } else { *span < self })
    }
}

/// The page of the report.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportPage {
    /// How far back.
    pub span: ReportSpan,
    /// The report, once it is there.
    pub report: Option<Box<AlertReport>>,
    /// Why it could not be had, for people.
    pub failed: Option<String>,
    /// The first row shown.
    pub scroll: usize,
    /// Since when it is asked for and not there.
    pub waiting_since: Option<Millis>,
    asked: Option<u64>,
    wanted: bool,
    /// When it was last asked for.
    asked_at: Option<Millis>,
}

impl Default for ReportPage {
    fn default() -> Self {
        Self {
            span: ReportSpan::Hours24,
            report: None,
            failed: None,
            scroll: 0,
            waiting_since: None,
            asked: None,
            wanted: false,
            asked_at: None,
        }
    }
}

impl ReportPage {
    fn want(&mut self, span: ReportSpan) {
        *self = Self { span, wanted: true, ..Self::default() };
    }

    /// Has it made anew; until then the one that is there stays.
    pub(super) fn renew(&mut self) {
        self.wanted = true;
    }

    /// Whether it is asked for and not there.
    #[must_use]
    pub const fn is_awaited(&self) -> bool {
        self.asked.is_some()
    }

    fn end(&mut self, id: u64) -> bool {
        let own = self.asked == Some(id);
        if own {
            (self.asked, self.waiting_since) = (None, None);
        }
        own
    }
}

impl App {
    /// Opens the report, and asks for it anew.
    pub(super) fn show_report(&mut self) {
        if self.shows_alerts() && self.page != Page::Patient {
            self.came_from = self.page;
        }
        self.page = Page::AlertReport;
        // What is asked for already is waited for: the server makes one report at a time.
        if self.report.waiting_since.is_none() {
            self.report.want(self.report.span);
        }
    }

    /// Takes another span; that it is asked for already goes by the last one.
    pub(super) fn set_report_span(&mut self, longer: bool) {
        if let Some(span) = self.report.span.next(longer) {
            self.report.want(span);
        }
    }

    pub(super) fn scroll_report(&mut self, by: isize) {
        let (Some(ward), Some(report)) = (&self.ward, &self.report.report) else { return };
        let shown = self.size.1.saturating_sub(HEADER_ROWS + FOOTER_ROWS + TITLE_ROWS);
        let end = words::report::rows(ward, report).len().saturating_sub(usize::from(shown));
        self.report.scroll = self.report.scroll.min(end).saturating_add_signed(by).min(end);
    }

    /// Asks for the report where no page shows it.
    ///
    /// # Errors
    /// Why it cannot be asked for now, for people.
    pub fn ask_report(&mut self) -> Result<Effect, &'static str> {
        if let Some(why) = self.why_not_ask(Verb::ReadHistory) {
            return Err(why);
        }
        if self.report.waiting_since.is_some() {
            return Err("the report is asked for already");
        }
        let to = self.server_now().ok_or("there is no link to the server")?;
        let (id, from) = (self.commands.number(), to - self.report.span.length());
        self.report = ReportPage { asked: Some(id), waiting_since: Some(self.now), ..ReportPage::default() };
        Ok(Effect::Send(ClientRequest::AlertReport { id, from, to }))
    }

    /// Asks for the report if it is wanted and can be asked for.
    pub(super) fn refresh_report(&mut self, effects: &mut Vec<Effect>) {
        let (Page::AlertReport, Phase::Up, Some(to)) = (self.page, &self.link.phase, self.server_now()) else { return };
        let is_short = self.report.span == ReportSpan::Hours24;
        let is_old = is_short && self.report.asked_at.is_some_and(|at| self.now - at >= RENEW_AFTER);
        let is_due = self.report.wanted || (is_old && self.report.report.is_some());
        if !is_due || self.report.waiting_since.is_some() || self.is_locked() {
            return;
        }
        let id = self.commands.number();
        let from: Timestamp = to - self.report.span.length();
        let page = &mut self.report;
        (page.wanted, page.asked, page.waiting_since) = (false, Some(id), Some(self.now));
        page.asked_at = Some(self.now);
        effects.push(Effect::Send(ClientRequest::AlertReport { id, from, to }));
    }

    pub(super) fn report_answered(&mut self, id: u64, report: Box<AlertReport>) {
        if self.report.end(id) {
            (self.report.report, self.report.failed) = (Some(report), None);
        }
    }

    /// Notes that the report could not be had; says whether it was it that was asked for.
    pub(super) fn report_failed(&mut self, id: u64, why: &str) -> bool {
        let own = self.report.end(id);
        if own {
            self.report.failed = Some(why.to_owned());
        }
        own
    }

    /// The link is cut: no answer comes any more.
    pub(super) fn report_lost(&mut self) {
        if let Some(id) = self.report.asked {
            self.report_failed(id, "the link was cut");
        }
    }
}
