//! The ward in lines that are only ever appended, for dumb terminals and screen readers. No cursor moves, no boxes, no
//! colour. Commands are typed as lines.

use super::{
    core::{App, Effect, Event, Health},
    report::Report,
    words,
};
use crate::{
    client::ClientEvent,
    domain::{Alert, AlertId, Cause, Event as JournalEvent, EventBody, Liveness, Millis, Mode, Priority, Timestamp},
    protocol::{PatientView, WardView},
};

/// What can be typed.
pub const PLAIN_HELP: &str = "\
alerts        the open alerts, the most urgent first
beds          every bed with its newest values
show BED      one bed
ack BED       acknowledge the most urgent alert of a bed; ack ID acknowledges by number, such as ack #12
link          whether what was said is live
help          this
quit          leave";

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
}

impl Plain {
    /// Before the first event.
    #[must_use]
    pub const fn new(app: App) -> Self {
        Self { app, health: Health::Never, asked: None, greeted: false }
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

    fn link_words(&self) -> String {
        let last = self.app.link.last_heard().map_or_else(String::new, |at| format!(", last data {}", self.at(at)));
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

    fn at(&self, at: Timestamp) -> String {
        let zone = self.app.ward.as_ref().map_or(chrono_tz::Tz::UTC, |w| w.ward.time_zone);
        words::clock(at, zone)
    }

    fn clock(&self) -> String {
        let demo = if self.app.mode() == Some(Mode::Demo) { "DEMO " } else { "" };
        format!("{demo}{}", self.app.server_now().map_or_else(|| "--:--:--".to_owned(), |now| self.at(now)))
    }

    fn journal(&self, event: &JournalEvent, said: &mut Said) {
        let EventBody::Alert { cause, alert, by } = &event.body else { return };
        let Some(ward) = &self.app.ward else { return };
        let what = match cause {
            Cause::Raised => "new".to_owned(),
            Cause::Worsened => "WORSE".to_owned(),
            Cause::Held | Cause::Resumed => words::state(alert),
            Cause::Cleared => "over".to_owned(),
            Cause::Returned => "back again".to_owned(),
            Cause::Acknowledged => "acknowledged".to_owned(),
            Cause::Reset => "seen and reset".to_owned(),
            Cause::Closed => "closed".to_owned(),
        };
        let by = by.as_ref().map_or_else(String::new, |by| format!(" by {}", by.label()));
        let demo = if ward.mode == Mode::Demo { "DEMO " } else { "" };
        said.lines.push(format!("{demo}{} {}: {what}{by}", self.at(event.at), sentence(alert, ward)));
    }

    /// Takes in a line that was typed.
    pub fn typed(&mut self, now: Millis, line: &str) -> Said {
        let mut said = self.tick(now);
        let mut words = line.split_whitespace();
        let (verb, object) = (words.next().unwrap_or_default(), words.next());
        let asked = self.asked.take();
        let more = match (verb, object) {
            ("yes", None) => self.confirm(asked),
            ("help" | "?", None) => Said { lines: PLAIN_HELP.lines().map(str::to_owned).collect(), effects: vec![] },
            ("quit" | "q" | "exit", None) => Said { lines: vec![], effects: vec![Effect::Quit] },
            ("link", None) => Said::line(self.link_words()),
            ("alerts", None) => self.section("ALERTS"),
            ("beds", None) => self.section("BEDS"),
            ("show", Some(bed)) => self.show(bed),
            ("ack", Some(object)) => self.acknowledge(object),
            ("", _) => Said::default(),
            _ => Said::line(format!("{}: not understood; type help", crate::domain::text::clean(line))),
        };
        said.lines.extend(more.lines);
        said.effects.extend(more.effects);
        said
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
        let Some(patient) = self.bed(ward, bed) else { return Said::line(format!("there is nobody in bed {bed}")) };
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
        said.lines.extend(own.map(|alert| format!("#{} {}: {}", alert.id, sentence(alert, ward), words::state(alert))));
        said
    }

    fn acknowledge(&mut self, object: &str) -> Said {
        let Some(ward) = &self.app.ward else { return Said::line("no data yet") };
        let alert = match object.strip_prefix('#') {
            Some(number) => number.parse().ok().and_then(|id| ward.alerts.get(&AlertId(id))),
            None => self.bed(ward, object).and_then(|p| self.app.worst_of(ward, &p.patient.id)),
        };
        let Some(alert) = alert else { return Said::line(format!("{object} has no alert")) };
        if alert.priority == Priority::High {
            let text = format!("{}. Type yes to acknowledge it", sentence(alert, ward));
            self.asked = Some((alert.id, alert.transition));
            return Said::line(text);
        }
        self.confirm(Some((alert.id, alert.transition)))
    }

    fn confirm(&mut self, asked: Option<(AlertId, u32)>) -> Said {
        let Some((alert, transition)) = asked else { return Said::line("nothing waits for a yes") };
        match self.app.acknowledge_named(alert, transition) {
            Ok(effects) => Said { lines: Vec::new(), effects },
            Err(why) => Said::line(format!("not acknowledged: {why}")),
        }
    }
}

/// An alert in a sentence without marks: a screen reader says it.
fn sentence(alert: &Alert, ward: &WardView) -> String {
    let kind = if alert.key.code.is_physiological() { "" } else { "technical, " };
    let bed = words::bed_of(alert, ward);
    let name = words::name_of(ward, alert.key.patient.as_ref());
    let who = [if bed == "–" { String::new() } else { format!("bed {bed} ") }, name.to_owned()].concat();
    let who = who.trim();
    let colon = if who.is_empty() { "" } else { ": " };
    format!("{} {kind}{who}{colon}{}", alert.priority.as_str().to_uppercase(), words::condition(alert, ward))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        client::ClientRequest,
        domain::{Command, ConditionCode, SequencedEvent, Side, vital::SPO2},
        tui::testing::{self, Bench, alert, night},
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
        assert_eq!(said.lines, ["DEMO 03:12:45 MEDIUM bed 05 Lund Ingrid: SpO2 81 < 85: new"]);
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
        assert_eq!(asked.lines, ["HIGH bed 04 Okafor Chidi: SpO2 81 < 85. Type yes to acknowledge it"]);
        let done = plain.typed(Millis(1_200), "yes");
        let sent = done.effects.iter().find_map(|e| match e {
            Effect::Send(ClientRequest::Command { command, .. }) => Some(command.clone()),
            _ => None,
        });
        assert_eq!(sent, Some(Command::Acknowledge { alert: AlertId(1), transition: 1 }));
        assert_eq!(plain.typed(Millis(1_300), "yes").lines, ["nothing waits for a yes"]);
        assert_eq!(plain.typed(Millis(1_400), "ack 01").lines, ["01 has no alert"]);
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
