//! What each event changes.

use super::{
    app::{App, Notice, NoticeKind, Page},
    event::{Effect, Event},
    input::Input,
    link::{Health, LINK_ALARM_AFTER, Phase},
    queue::QUEUE_HOLD,
};
use crate::{
    client::ClientRequest,
    domain::Millis,
    protocol::{ErrorCode, SessionState},
};

/// How long a notice stays.
const NOTICE_TIME: Millis = Millis::from_secs(6);
/// How long a failure stays: it asks for something to be done.
const FAILURE_TIME: Millis = Millis::from_secs(12);
/// How long a failure stays that takes longer to read.
const FAILURE_LONG_TIME: Millis = Millis::from_secs(20);
/// From this many characters on it takes longer to read.
const NOTICE_LONG_FROM_CHARS: usize = 75;

impl App {
    /// Takes in an event at `now` of the screen's monotonic clock, and says what is to be done.
    pub fn handle(&mut self, now: Millis, event: Event) -> Vec<Effect> {
        self.now = self.now.max(now);
        let mut effects = Vec::new();
        let by_key = matches!(event, Event::Input(Input::Key(_)));
        match event {
            Event::Input(input) => self.input(input, &mut effects),
            Event::Client(event) => self.client(*event, &mut effects),
            Event::SignedIn { user } => self.signed_in(user),
            Event::SignInFailed { why } => self.sign_in_failed(why),
            Event::NotSent { id } => self.error(ErrorCode::Busy, "not sent: the link takes nothing now".to_owned(), id),
            Event::Resumed { after_ms } => {
                self.fail(format!("suspended for {} s: alerts could not sound", after_ms / 1000));
                effects.push(Effect::Repaint);
            }
            Event::Tick => {}
        }
        self.time_passes(&mut effects);
        self.watch_target(by_key);
        effects
    }

    /// When something changes although nothing comes: the next second on the clock while a clock is shown.
    #[must_use]
    pub fn next_wake(&self) -> Millis {
        let to_second = self.server_now().map_or(1000, |t| 1000 - t.as_ms().rem_euclid(1000));
        let mut next = self.now + Millis(to_second);
        if let Some((_, at)) = self.last_key
            && at + QUEUE_HOLD > self.now
        {
            next = next.min(at + QUEUE_HOLD);
        }
        if let Some(change) = self.until_flash() {
            next = next.min(self.now + change);
        }
        next
    }

    fn time_passes(&mut self, effects: &mut Vec<Effect>) {
        let now = self.now;
        if self.notice.as_ref().is_some_and(|notice| notice.until <= now) {
            self.take_notice();
        }
        if let Some(asked) = self.commands.overdue(now) {
            self.fail(format!("{}: the server has not answered, look whether it was done", self.about(&asked)));
            if let Some(no) = asked.of_letter() {
                self.letter_failed(no);
            }
        }
        if let Some(ward) = &self.ward {
            let held = self.last_key.is_some_and(|(_, at)| now - at < QUEUE_HOLD);
            self.queue.refresh(ward, held);
        }
        self.tell_emergency();
        self.settle_selection();
        self.settle_pause();
        self.settle_shift();
        self.refresh_page(effects);
        self.refresh_suggestions(effects);
        self.refresh_report(effects);
        self.refresh_ops(effects);
        self.refresh_audit(effects);
        if self.page == Page::Handover {
            self.settle_handover();
            self.refresh_handover(effects);
        }
        if self.page == Page::Devices {
            self.settle_device();
            self.refresh_devices(effects);
        }
        let away = !matches!(self.health(), Health::Never) && !self.health().is_live();
        let lost = away && self.health().age().is_some_and(|age| age >= LINK_ALARM_AFTER);
        let signed_out = self.signed_out.as_ref().is_some_and(|out| !out.heard);
        // Who watches no ward misses no alert by it.
        let due = if self.page == Page::Login { signed_out } else { !self.audits_only() };
        if due && self.bell.is_due(self.ward.as_ref(), lost || signed_out, now) {
            effects.push(Effect::Bell);
        }
    }

    /// Asks for the trends of the patient's page when they are due.
    fn refresh_page(&mut self, effects: &mut Vec<Effect>) {
        let (Page::Patient, Phase::Up, Some(now)) = (self.page, &self.link.phase, self.server_now()) else { return };
        let (Some(page), Some(ward)) = (&mut self.patient, &self.ward) else { return };
        if !page.is_due(self.now) || self.session.as_ref().is_none_or(|s| s.state == SessionState::Locked) {
            return;
        }
        let id = self.commands.number();
        page.asked = Some(id);
        page.asked_at = Some(self.now);
        effects.push(Effect::Send(ClientRequest::Query { id, query: page.query(ward, now) }));
    }

    pub(super) fn say(&mut self, text: String) {
        self.notice = Some(Notice { text, kind: NoticeKind::Done, until: self.now + NOTICE_TIME, emergency: false });
    }

    pub(super) fn fail(&mut self, text: String) {
        let time = if text.chars().count() > NOTICE_LONG_FROM_CHARS { FAILURE_LONG_TIME } else { FAILURE_TIME };
        self.notice = Some(Notice { text, kind: NoticeKind::Failed, until: self.now + time, emergency: false });
    }
}
