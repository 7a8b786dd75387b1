//! The ward in lines that are only ever appended, for dumb terminals and screen readers. No cursor moves, no boxes, no
//! colour. Commands are typed as lines.

mod acts;

use super::{
    core::{App, Effect, Event, Health, Phase},
    report::Report,
    words,
};
use crate::{
    access::Secret,
    client::{ClientEvent, ClientRequest},
    domain::{Alert, AlertId, Cause, Event as JournalEvent, EventBody, Liveness, Millis, Mode, Timestamp},
    protocol::{PatientView, WardView},
};

/// What can be typed.
pub const PLAIN_HELP: &str = "\
alerts        the open alerts, the most urgent first
beds          every bed with its newest values
show BED      one bed
ack BED       acknowledge the most urgent alert of a bed, such as ack 04; ack #12 acknowledges the alert of that number
reset BED WORDS            an alert that is over: say what you found
accept BED                 take the alert on; accept #12 that of the number, and so below
decline BED WORDS          you cannot come, and why: the next level is asked
give BED LOGIN             hand it to another person
comment BED WORDS          for the others to see
snooze BED MINUTES         make this condition quiet; never a high alert
pause BED MINUTES WORDS    the patient's alarms, for a procedure, 1 to 3 minutes
mute BED                   no sound for 2 minutes; mute ward the whole ward
standby BED MINUTES WORDS  the patient is away from the monitor
off BED HOURS WORDS        switch the alarm off; off BED HOURS high WORDS high too, a second person confirms
pauses        what is paused or switched off, by number
end N         end a pause; confirm N confirms one as the second person
unlock        unlock the session; the passphrase is asked for and not shown
link          whether what was said is live
help          this
quit          leave";

/// The server is told at most this often that somebody types.
const ACTIVITY_INTERVAL: Millis = Millis::from_secs(20);

/// What is said, and what is to be done.
#[derive(Debug, Default)]
pub struct Said {
    /// Lines to append.
    pub lines: Vec<String>,
    /// What is to be done.
    pub effects: Vec<Effect>,
}

impl Said {
    fn line(text: impl Into<String>) -> Self {
        Self { lines: vec![text.into()], effects: Vec::new() }
    }
}

/// The ward in lines.
#[derive(Debug, Clone)]
pub struct Plain {
    app: App,
    health: Health,
    /// The alert that waits for a `yes`.
    asked: Option<(AlertId, u32)>,
    greeted: bool,
    /// Whether the session was locked when that was last said.
    locked: bool,
    /// Whether the next line that is typed is the passphrase.
    awaits_passphrase: bool,
    /// When the server was last told that somebody types.
    activity_told: Option<Millis>,
    /// Why there is no link yet, as last said.
    no_link: Option<String>,
}

impl Plain {
    /// Before the first event.
    #[must_use]
    pub const fn new(app: App) -> Self {
        Self {
            app,
            health: Health::Never,
            asked: None,
            greeted: false,
            locked: false,
            awaits_passphrase: false,
            activity_told: None,
            no_link: None,
        }
    }

    /// Whether the next line that is typed is the passphrase: it must not be seen.
    #[must_use]
    pub const fn awaits_passphrase(&self) -> bool {
        self.awaits_passphrase
    }

    /// What the screen would know.
    #[must_use]
    pub const fn app(&self) -> &App {
        &self.app
    }

    /// Takes in an event of the link.
    pub fn client(&mut self, now: Millis, event: ClientEvent) -> Said {
        let mut said = Said::default();
        match &event {
            ClientEvent::Event(entry) if entry.seq > self.app.seq => self.journal(&entry.event, &mut said),
            ClientEvent::Unrecorded(event) => {
                self.journal(event, &mut said);
                said.lines.iter_mut().for_each(|line| line.push_str(" (UNRECORDED)"));
            }
            ClientEvent::Refused { why } => said.lines.push(format!("SIGNED OUT: {why}")),
            ClientEvent::Disconnected { why, .. } if !self.greeted && self.no_link.as_ref() != Some(why) => {
                said.lines.push(format!("no link yet: {why}; trying again"));
                self.no_link = Some(why.clone());
            }
            _ => {}
        }
        said.effects = self.app.handle(now, Event::Client(Box::new(event)));
        self.follow_up(&mut said);
        said
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Millis) -> Said {
        let mut said = Said { lines: Vec::new(), effects: self.app.handle(now, Event::Tick) };
        self.follow_up(&mut said);
        said
    }

    /// What has to be said whatever came: the first view, the link, what became of a command.
    fn follow_up(&mut self, said: &mut Said) {
        if !self.greeted && self.app.ward.is_some() {
            self.greeted = true;
            self.health = self.app.health();
            if let Some(report) = Report::of(&self.app) {
                said.lines.extend(report.text().lines().map(str::to_owned));
                said.lines.push("type help for what can be typed".to_owned());
            }
        }
        self.say_link(said);
        self.say_lock(said);
        if let Some(notice) = self.app.notice.take() {
            said.lines.push(format!("{} {}", self.clock(), notice.text));
        }
    }

    fn say_link(&mut self, said: &mut Said) {
        let health = self.app.health();
        if std::mem::discriminant(&health) == std::mem::discriminant(&self.health) {
            return;
        }
        self.health = health;
        said.lines.push(format!("{} {}", self.clock(), self.link_words()));
    }

    fn say_lock(&mut self, said: &mut Said) {
        let locked = self.app.is_locked();
        if !self.greeted || locked == self.locked {
            return;
        }
        self.locked = locked;
        if locked {
            self.asked = None;
        } else {
            self.awaits_passphrase = false;
        }
        let what = if locked { "LOCKED: names are hidden; type unlock" } else { "unlocked" };
        said.lines.push(format!("{} {what}", self.clock()));
    }

    fn link_words(&self) -> String {
        let last = self.app.link.last_heard().and_then(|at| self.at(at));
        let last = last.map_or_else(String::new, |at| format!(", last data {at}"));
        match self.app.health() {
            Health::Never => "no data yet".to_owned(),
            Health::Live { .. } => "LINK LIVE".to_owned(),
            Health::Silent { age } => {
                format!("THE SERVER IS SILENT for {}{last}: alerts may not be arriving", words::age(age))
            }
            Health::Lost { age } => {
                format!("NO LINK for {}{last}: ALERTS ARE NOT ARRIVING, bedside monitors still sound", words::age(age))
            }
        }
    }

    /// A time of day where the ward is; `None` while that is not known.
    fn at(&self, at: Timestamp) -> Option<String> {
        self.app.ward.as_ref().map(|ward| words::clock(at, ward.ward.time_zone))
    }

    fn clock(&self) -> String {
        let demo = if self.app.mode() == Some(Mode::Demo) { "DEMO " } else { "" };
        format!("{demo}{}", self.app.server_now().and_then(|now| self.at(now)).unwrap_or_else(|| "--:--:--".to_owned()))
    }

    fn journal(&self, event: &JournalEvent, said: &mut Said) {
        let Some(ward) = &self.app.ward else { return };
        let what = match &event.body {
            EventBody::Alert { cause, alert, by } => {
                let by = by.as_ref().map_or_else(String::new, |by| format!(" by {}", by.label()));
                format!("{}: {}{by}", sentence(alert, ward), moved(*cause, alert))
            }
            EventBody::Commented { alert, text, by, .. } => {
                let about = ward.alerts.get(alert).map_or_else(|| format!("#{alert}"), |a| sentence(a, ward));
                format!("{about}: {} says: {text}", by.label())
            }
            EventBody::Paused { pause } => {
                format!("pause {}, {}", pause.id, words::pause_sentence(pause, ward, event.at))
            }
            EventBody::PauseEnded { pause, end, .. } => {
                let about = ward.pauses.iter().find(|p| p.id == *pause);
                let about = about.map_or_else(String::new, |p| format!(", {}", words::pause_about(p, ward)));
                format!("pause {pause}{about}: {}", words::pause_end(end))
            }
            EventBody::HandoverOffered { handover } => words::handover_offered(handover),
            EventBody::HandoverAccepted { handover, by } => {
                format!("handover {}: taken by {}, given by {}", handover.id, by.label(), handover.from.label())
            }
            EventBody::HandoverEnded { handover, end } => {
                format!("handover {handover}: {}", words::handover_end(end))
            }
            _ => return,
        };
        let demo = if ward.mode == Mode::Demo { "DEMO " } else { "" };
        let at = words::clock(event.at, ward.ward.time_zone);
        said.lines.push(format!("{demo}{at} {what}"));
    }

    /// Takes in a line that was typed.
    pub fn typed(&mut self, now: Millis, line: &str) -> Said {
        let mut said = self.tick(now);
        self.tell_activity(now, &mut said.effects);
        if std::mem::take(&mut self.awaits_passphrase) {
            let more = self.passphrase(line);
            said.lines.extend(more.lines);
            said.effects.extend(more.effects);
            return said;
        }
        let line = line.trim();
        let (verb, object) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let object = Some(object.trim_start()).filter(|object| !object.is_empty());
        let asked = self.asked.take();
        let not_understood = || Said::line(format!("{}: not understood; type help", crate::domain::text::clean(line)));
        let more = match (verb, object) {
            ("yes", None) => self.confirm(asked),
            ("help" | "?", None) => Said { lines: PLAIN_HELP.lines().map(str::to_owned).collect(), effects: vec![] },
            ("quit" | "q" | "exit", None) => Said { lines: vec![], effects: vec![Effect::Quit] },
            ("link", None) => Said::line(self.link_words()),
            ("alerts", None) => self.section("ALERTS"),
            ("beds", None) => self.section("BEDS"),
            ("show", Some(bed)) => self.show(bed),
            ("ack", Some(object)) => self.acknowledge(object),
            ("pauses", None) => self.pauses(),
            ("unlock", None) => self.unlock(),
            ("", _) => Said::default(),
            (verb, Some(object)) => self.act(verb, object).unwrap_or_else(not_understood),
            _ => not_understood(),
        };
        said.lines.extend(more.lines);
        said.effects.extend(more.effects);
        said
    }

    fn tell_activity(&mut self, now: Millis, effects: &mut Vec<Effect>) {
        let due = self.activity_told.is_none_or(|told| now - told >= ACTIVITY_INTERVAL);
        if due && self.is_up() && !self.app.is_locked() {
            self.activity_told = Some(now);
            effects.push(Effect::Send(ClientRequest::Activity));
        }
    }

    const fn is_up(&self) -> bool {
        matches!(self.app.link.phase, Phase::Up)
    }

    fn unlock(&mut self) -> Said {
        if !self.app.is_locked() {
            return Said::line("the session is not locked");
        }
        self.awaits_passphrase = true;
        Said::line("type your passphrase; it is not shown. An empty line leaves the session locked")
    }

    fn passphrase(&self, line: &str) -> Said {
        let passphrase = line.trim_end_matches(['\n', '\r']);
        if passphrase.is_empty() {
            return Said::line("still locked");
        }
        if !self.is_up() {
            return Said::line(format!("still locked, for the server cannot be asked: {}", self.link_words()));
        }
        let passphrase = Secret::new(passphrase.to_owned());
        Said { lines: Vec::new(), effects: vec![Effect::Send(ClientRequest::Unlock { passphrase })] }
    }

    fn section(&self, title: &str) -> Said {
        let Some(report) = Report::of(&self.app) else { return Said::line("no data yet") };
        let text = report.text();
        let lines = text.lines().skip_while(|line| *line != title).take_while(|line| !line.is_empty());
        let mut said = Said { lines: lines.map(str::to_owned).collect(), effects: Vec::new() };
        if !report.live {
            said.lines.push(format!("NOT LIVE: {}", self.link_words()));
        }
        said
    }

    fn bed<'a>(&self, ward: &'a WardView, bed: &str) -> Option<&'a PatientView> {
        ward.patients.values().find(|p| words::bed_label(ward, &p.bed) == bed || p.bed.as_str() == bed)
    }

    fn show(&self, bed: &str) -> Said {
        let Some(ward) = &self.app.ward else { return Said::line("no data yet") };
        let Some(patient) = self.bed(ward, bed) else {
            return Said::line(crate::domain::text::clean(&format!("there is nobody in bed {bed}")));
        };
        let label = words::bed_label(ward, &patient.bed);
        let mut said = Said::line(format!("bed {label} {}", patient.patient.name.as_str()));
        for info in &ward.vitals {
            let Some(vital) = patient.vitals.get(&info.vital) else { continue };
            let Some(vital) = super::report::vital_report(&self.app, ward, vital) else { continue };
            let live = match vital.liveness {
                Liveness::Live => String::new(),
                Liveness::Late => ", late".to_owned(),
                Liveness::Lost | Liveness::Never => ", LOST".to_owned(),
            };
            let age = words::age(Millis::from_secs(vital.age_seconds()));
            said.lines.push(format!("{} {} {}, {age} old{live}", info.name, vital.shown, vital.unit));
        }
        let own = ward.by_urgency().into_iter().filter(|a| a.key.patient.as_ref() == Some(&patient.patient.id));
        said.lines.extend(own.map(|alert| format!("{}: {}", sentence(alert, ward), words::state(alert))));
        said
    }
}

/// What moved an alert, in words.
fn moved(cause: Cause, alert: &Alert) -> String {
    match cause {
        Cause::Raised => "new".to_owned(),
        Cause::Worsened => "WORSE".to_owned(),
        Cause::Held | Cause::Resumed | Cause::Paused => words::state(alert),
        Cause::Cleared => "over".to_owned(),
        Cause::Returned => "back again".to_owned(),
        Cause::Acknowledged => "acknowledged".to_owned(),
        Cause::Reset => "seen and reset".to_owned(),
        Cause::Closed => "closed".to_owned(),
        Cause::Escalated => format!("NOBODY ANSWERED, {}", words::asked(alert)),
        Cause::Accepted => "taken on".to_owned(),
        Cause::Declined => "declined".to_owned(),
        Cause::HandedOver => words::asked(alert),
        Cause::Reminded => "still so: acknowledge again".to_owned(),
        Cause::Unpaused => "signals again".to_owned(),
        Cause::Moved => "patient moved".to_owned(),
    }
}

/// An alert in a sentence that begins with its number and has no other marks: a screen reader says it.
fn sentence(alert: &Alert, ward: &WardView) -> String {
    let kind = if alert.key.code.is_physiological() { "" } else { "technical, " };
    let bed = words::bed_of(alert, ward);
    let name = words::name_of(ward, alert.key.patient.as_ref());
    let who = [if bed == "–" { String::new() } else { format!("bed {bed} ") }, name.to_owned()].concat();
    let who = who.trim();
    let colon = if who.is_empty() { "" } else { ": " };
    format!(
        "#{} {} {kind}{who}{colon}{}",
        alert.id,
        alert.priority.as_str().to_uppercase(),
        words::condition(alert, ward)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{Command, ConditionCode, Priority, Role, SequencedEvent, Side, vital::SPO2},
        protocol::{SessionInfo, SessionState},
        tui::{
            core::AppOptions,
            testing::{self, Bench, alert, night},
        },
    };

    fn plain() -> Plain {
        let mut bench = Bench::with(night());
        bench.heartbeat();
        let mut plain = Plain::new(bench.app);
        let first = plain.tick(Millis(1_000));
        assert!(first.lines[0].starts_with("DEMO · 3 East · LIVE"), "{:?}", first.lines);
        plain
    }

    #[test]
    fn alerts_come_as_sentences() {
        let mut plain = plain();
        let alert = alert(9, 5, ConditionCode::Limit(SPO2, Side::Low), Priority::Medium, 0);
        let body = EventBody::Alert { cause: Cause::Raised, alert: alert.clone(), by: None };
        let event = JournalEvent::new(testing::t0(), body);
        let entry = SequencedEvent { ward: testing::ward().id, seq: 11, event };
        let said = plain.client(Millis(1_100), ClientEvent::Event(entry.clone()));
        assert_eq!(said.lines, ["DEMO 03:12:45 #9 MEDIUM bed 05 Lund Ingrid: SpO2 81 < 85: new"]);
        assert!(plain.client(Millis(1_200), ClientEvent::Event(entry)).lines.is_empty(), "said once");
    }

    #[test]
    fn a_lost_link_is_said_and_so_is_its_return() {
        let mut plain = plain();
        let silent = plain.tick(Millis(4_200));
        assert!(silent.lines[0].contains("THE SERVER IS SILENT"), "{:?}", silent.lines);
        assert!(plain.tick(Millis(5_000)).lines.is_empty(), "said once");
        let lost = ClientEvent::Disconnected { why: "gone".into(), retry_in_ms: 100, attempt: 1 };
        let lost = plain.client(Millis(6_000), lost);
        assert!(lost.lines[0].contains("ALERTS ARE NOT ARRIVING"), "{:?}", lost.lines);
        let view = ClientEvent::Snapshot { seq: 12, now: testing::t0() + Millis(8_000), view: Box::new(night()) };
        assert!(plain.client(Millis(9_000), view).lines[0].ends_with("LINK LIVE"));
    }

    #[test]
    fn a_high_alert_is_acknowledged_by_a_yes() {
        let mut plain = plain();
        let asked = plain.typed(Millis(1_100), "ack 04");
        assert_eq!(asked.lines, ["#1 HIGH bed 04 Okafor Chidi: SpO2 81 < 85. Type yes to acknowledge it"]);
        let done = plain.typed(Millis(1_200), "yes");
        let sent = done.effects.iter().find_map(|e| match e {
            Effect::Send(ClientRequest::Command { command, .. }) => Some(command.clone()),
            _ => None,
        });
        assert_eq!(sent, Some(Command::Acknowledge { alert: AlertId(1), transition: 1 }));
        assert_eq!(plain.typed(Millis(1_300), "yes").lines, ["nothing waits for a yes"]);
        assert_eq!(plain.typed(Millis(1_400), "ack 01").lines, ["bed 01 has no alert"]);
    }

    #[test]
    fn each_alert_can_be_acknowledged() {
        let mut view = night();
        let mut of_the_ward = alert(12, 4, ConditionCode::NotMeasured(SPO2), Priority::Low, 5);
        (of_the_ward.key.patient, of_the_ward.bed) = (None, None);
        view.alerts.insert(of_the_ward.id, of_the_ward);
        for bed in view.beds.values_mut() {
            bed.label = format!("Bed {}", bed.label);
        }
        let mut bench = Bench::with(view);
        bench.heartbeat();
        let mut plain = Plain::new(bench.app);
        let first = plain.tick(Millis(1_000)).lines.join("\n");
        assert!(["#1 ", "#2 ", "#3 ", "#12 "].iter().all(|id| first.contains(id)), "{first}");
        let asked = plain.typed(Millis(1_100), "ack  Bed 04 ");
        assert!(asked.lines[0].starts_with("#1 HIGH bed Bed 04"), "{:?}", asked.lines);
        let answer = |plain: &mut Plain, line: &str| plain.typed(Millis(1_200), line).lines.join("\n");
        assert!(answer(&mut plain, "ack 04 and 05").contains("nobody in bed 04 and 05: name one bed"));
        assert_eq!(answer(&mut plain, "ack #99"), "there is no alert #99");
        assert!(answer(&mut plain, "show Bed 04").contains("#1 HIGH"));
        let done = plain.typed(Millis(1_300), "ack #12");
        let named = |e: &Effect| {
            let Effect::Send(ClientRequest::Command { command, .. }) = e else { return false };
            *command == Command::Acknowledge { alert: AlertId(12), transition: 1 }
        };
        assert!(done.effects.iter().any(named), "{:?}", done.effects);
    }

    fn sends_activity(said: &Said) -> bool {
        said.effects.iter().any(|e| matches!(e, Effect::Send(ClientRequest::Activity)))
    }

    #[test]
    fn whoever_types_is_there() {
        let mut plain = plain();
        assert!(sends_activity(&plain.typed(Millis(1_100), "link")));
        assert!(!sends_activity(&plain.typed(Millis(21_000), "")), "at most every 20 s");
        assert!(sends_activity(&plain.typed(Millis(21_100), "")));
        let lost = ClientEvent::Disconnected { why: "gone".into(), retry_in_ms: 100, attempt: 1 };
        plain.client(Millis(30_000), lost);
        assert!(!sends_activity(&plain.typed(Millis(60_000), "")), "nobody would hear it");
    }

    #[test]
    fn a_locked_session_is_said_and_can_be_unlocked() {
        let mut plain = plain();
        let session = |state| ClientEvent::Session(SessionInfo { state, ..testing::session(Role::Nurse) });
        assert_eq!(plain.typed(Millis(1_100), "unlock").lines, ["the session is not locked"]);
        let locked = plain.client(Millis(1_200), session(SessionState::Locked));
        assert_eq!(locked.lines, ["DEMO 03:12:45 LOCKED: names are hidden; type unlock"]);
        assert!(plain.tick(Millis(1_300)).lines.is_empty(), "said once");
        assert!(!sends_activity(&plain.typed(Millis(30_000), "")));

        plain.client(Millis(31_000), ClientEvent::Vitals(Vec::new()));
        assert!(plain.typed(Millis(31_100), "unlock").lines[0].starts_with("type your passphrase"));
        assert!(plain.awaits_passphrase());
        assert_eq!(plain.typed(Millis(31_200), "").lines, ["still locked"]);
        assert!(!plain.awaits_passphrase());

        plain.typed(Millis(31_300), "unlock");
        let sent = plain.typed(Millis(31_400), " quit \n");
        let unlocks = |e: &Effect| matches!(e, Effect::Send(ClientRequest::Unlock { passphrase }) if passphrase.expose() == " quit ");
        assert!(sent.effects.iter().any(unlocks) && sent.lines.is_empty(), "{sent:?}");
        let unlocked = plain.client(Millis(31_500), session(SessionState::Active));
        assert!(unlocked.lines[0].ends_with("unlocked"), "{:?}", unlocked.lines);
    }

    #[test]
    fn a_beginning_is_no_false_alarm() {
        let mut bench = Bench::with(night());
        bench.app = App::new(AppOptions { server: "s".into(), signed_in: true, user: String::new() });
        let mut plain = Plain::new(bench.app);
        let lost = ClientEvent::Disconnected { why: "no server is there".into(), retry_in_ms: 100, attempt: 1 };
        assert_eq!(plain.client(Millis(0), lost.clone()).lines, ["no link yet: no server is there; trying again"]);
        assert!(plain.client(Millis(200), lost).lines.is_empty(), "said once");
        let beat = ClientEvent::Heartbeat {
            now: testing::t0(),
            head: 0,
            store: crate::protocol::StoreState::Recording,
            audit: 1,
        };
        assert!(plain.client(Millis(300), ClientEvent::Connecting { attempt: 2 }).lines.is_empty());
        assert!(plain.client(Millis(400), beat).lines.is_empty());
        assert!(plain.tick(Millis(20_000)).lines.is_empty());
        assert_eq!(plain.typed(Millis(20_100), "link").lines, ["no data yet"]);
        let view = ClientEvent::Snapshot { seq: 12, now: testing::t0(), view: Box::new(night()) };
        assert!(plain.client(Millis(20_200), view).lines[0].starts_with("DEMO · 3 East · LIVE"));
    }

    /// The command that a typed line makes.
    fn made(plain: &mut Plain, line: &str) -> Option<Command> {
        plain.typed(Millis(1_100), line).effects.into_iter().find_map(|effect| match effect {
            Effect::Send(ClientRequest::Command { command, .. }) => Some(command),
            _ => None,
        })
    }

    #[rstest::rstest]
    #[case("accept 04", r#"{"command":"accept","alert":1,"transition":1}"#)]
    #[case("decline #1 busy  here", r#"{"command":"decline","alert":1,"transition":1,"reason":"busy here"}"#)]
    #[case("give 04 k.brandt", r#"{"command":"hand_over_alert","alert":1,"transition":1,"to":"k.brandt"}"#)]
    #[case("comment 07 ECG ordered", r#"{"command":"comment","alert":2,"text":"ECG ordered"}"#)]
    #[case("snooze 07 15", r#"{"command":"pause","kind":"alarm_paused","scope":"condition","patient":"p07","code":"hr.high","for_ms":900000}"#)]
    #[case("pause 07 2 suction", r#"{"command":"pause","kind":"alarm_paused","scope":"patient","patient":"p07","for_ms":120000,"reason":"suction"}"#)]
    #[case("mute ward", r#"{"command":"pause","kind":"audio_paused","scope":"ward","for_ms":120000}"#)]
    #[case("mute 07", r#"{"command":"pause","kind":"audio_paused","scope":"patient","patient":"p07","for_ms":120000}"#)]
    #[case(
        "standby 01 20 theatre",
        r#"{"command":"pause","kind":"standby","scope":"patient","patient":"p01","for_ms":1200000,"reason":"theatre"}"#
    )]
    #[case("off 04 4 high known", r#"{"command":"pause","kind":"alarm_off","scope":"condition","patient":"p04","code":"spo2.low","for_ms":14400000,"reason":"known","include_high":true}"#)]
    fn acts_are_typed(#[case] line: &str, #[case] json: &str) {
        let mut plain = plain();
        plain.app.session = Some(testing::session(Role::Charge));
        let made = made(&mut plain, line).map(|command| serde_json::to_value(command).unwrap());
        assert_eq!(made, Some(serde_json::from_str::<serde_json::Value>(json).unwrap()));
    }

    #[rstest::rstest]
    #[case(
        "snooze 04 15",
        "#1 HIGH bed 04 Okafor Chidi: SpO2 81 < 85: not done: a high alert is never snoozed: acknowledge it, or mute it"
    )]
    #[case("snooze 07", "say for how many minutes, such as snooze 04 15")]
    #[case("reset 07 seen", "#2 MEDIUM bed 07 Lindt Max: HR 138 > 130: not done: it is not over: acknowledge it")]
    #[case("decline 07", "say why, such as decline 04 with another patient")]
    #[case("comment 077 x", "name a bed, or one alert by its number, such as #12")]
    #[case(
        "off 07 4 known",
        "#2 MEDIUM bed 07 Lindt Max: HR 138 > 130: not done: your role may not switch alarms off: ask charge or a doctor"
    )]
    #[case("end x", "name a pause by its number; type pauses")]
    #[case("end 7", "pause 7: it is over")]
    #[case("pauses", "nothing is paused or switched off")]
    fn what_cannot_be_done_says_why(#[case] line: &str, #[case] why: &str) {
        let mut plain = plain();
        let said = plain.typed(Millis(1_100), line);
        assert_eq!(said.lines, [why]);
        assert!(!said.effects.iter().any(|e| matches!(e, Effect::Send(ClientRequest::Command { .. }))));
    }

    #[test]
    fn what_is_typed_is_answered() {
        let mut plain = plain();
        let answer = |plain: &mut Plain, line: &str| plain.typed(Millis(1_100), line).lines.join("\n");
        assert!(answer(&mut plain, "alerts").contains("SpO2 81 < 85"));
        assert!(answer(&mut plain, "beds").contains("Ferreira-Albuquerque Maria"));
        let shown = answer(&mut plain, "show 04");
        assert!(shown.contains("121 /min") && shown.contains("#1 HIGH"), "{shown}");
        assert_eq!(answer(&mut plain, "show 77"), "there is nobody in bed 77");
        assert!(answer(&mut plain, "dance\u{1b}[2J").starts_with("dance[2J: not understood"));
        assert_eq!(answer(&mut plain, "link"), "LINK LIVE");
        assert!(matches!(plain.typed(Millis(1_100), "quit").effects[..], [Effect::Quit]));
    }
}
