//! The ward in lines that are only ever appended, for dumb terminals and screen readers. No cursor moves, no boxes, no
//! colour. Commands are typed as lines.

mod acts;
mod changes;
mod reads;

use super::{
    core::{App, Effect, Event, Health, Phase, Sheet},
    report::Report,
    words,
};
use crate::{
    access::Secret,
    client::{ClientEvent, ClientRequest, TrailStanding},
    domain::{
        Alert, AlertClass, AlertId, Cause, ConditionCode, Event as JournalEvent, EventBody, Liveness, Millis, Mode,
        Timestamp,
    },
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
limits BED    the limits in force, and who changed which
limit BED VITAL low VALUE HOURS WORDS   change one after a yes: low, high, extreme-low, extreme-high, delay or extreme-delay;
              handover in place of HOURS; limit BED VITAL back WORDS takes it back, limit BED all back WORDS all of the patient
chart BED consciousness A|C|V|P|U HOURS   after a yes; chart BED air, oxygen FLOW, fio2 PERCENT, highflow FLOW PERCENT,
              scale 1|2 WORDS, pregnant yes|no
rota          who is on duty now, and who comes
shift DUTY LOGIN FROM TO BEDS   into the rota, after a yes: nurse, charge or doctor, such as shift nurse ben now 19:00 04 05;
              shift out N takes one out, by its number in rota
report        which alerts came in the last 24 h, and how soon they were answered
handover BED  what there is to say of the patient at a handover
devices       devices, the worst first, and those whose values are nobody's
assign DEVICE BED   give a device to a patient, after a yes; unassign DEVICE takes it away
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

/// What waits for a `yes`.
#[derive(Debug, Clone)]
enum Waiting {
    /// An alert, in the state that was said.
    Acknowledge(AlertId, u32),
    /// A change, as it was said back.
    Change(Box<Sheet>),
}

/// The ward in lines.
#[derive(Debug, Clone)]
pub struct Plain {
    app: App,
    health: Health,
    /// What waits for a `yes`.
    asked: Option<Waiting>,
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
            ClientEvent::Trail(standing) => self.say_trail(standing, &mut said),
            ClientEvent::Refused { why } => said.lines.push(format!("SIGNED OUT: {why}")),
            ClientEvent::Disconnected { why, .. } if !self.greeted && self.no_link.as_ref() != Some(why) => {
                said.lines.push(format!("no link yet: {why}; trying again"));
                self.no_link = Some(why.clone());
            }
            _ => {}
        }
        let devices = matches!(event, ClientEvent::Devices { .. });
        let (awaits_report, awaits_handover) = (self.app.report.is_awaited(), self.app.handover.is_awaited());
        let told = match &event {
            ClientEvent::HandoverReport { report, .. } => Some(report.clone()),
            _ => None,
        };
        said.effects = self.app.handle(now, Event::Client(Box::new(event)));
        if let (true, Some(list), Some(ward)) = (devices, &self.app.devices.list, &self.app.ward) {
            said.lines.push(format!("{} DEVICES", self.clock()));
            said.lines.extend(words::devices::lines(list, ward, self.app.is_locked()));
        }
        if awaits_report && !self.app.report.is_awaited() {
            self.say_report(&mut said);
        }
        if awaits_handover && !self.app.handover.is_awaited() {
            match (&told, &self.app.handover.failed) {
                (Some(_), _) if self.app.is_locked() => said.lines.push("the screen is locked".to_owned()),
                (Some(report), _) => Self::say_handover(report, &mut said),
                (None, Some(why)) => said.lines.push(format!("what is told at a handover could not be had: {why}")),
                (None, None) => {}
            }
        }
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
        if let Some(notice) = self.app.take_notice() {
            said.lines.push(format!("{} {}", self.clock(), notice.text));
        }
    }

    /// A fork is said again each minute: it does not go away by itself.
    fn say_trail(&self, standing: &TrailStanding, said: &mut Said) {
        match standing {
            TrailStanding::NotWitnessed { why } if self.app.trail.failed.as_ref() != Some(why) => {
                said.lines.push(format!("audit not witnessed: {why}"));
            }
            TrailStanding::Witnessed { .. } | TrailStanding::NotWitnessed { .. } => {}
            TrailStanding::Forked { what } => said.lines.push(format!("AUDIT FORKED: {what}")),
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

    fn say_all_of_link(&self) -> Said {
        let mut said = Said::line(self.link_words());
        if let Some(what) = &self.app.trail.forked {
            said.lines.push(format!("AUDIT FORKED: {what}"));
        }
        said
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
            ("link", None) => self.say_all_of_link(),
            ("alerts", None) => self.section("ALERTS"),
            ("beds", None) => self.section("BEDS"),
            ("show", Some(bed)) => self.show(bed),
            ("ack", Some(object)) => self.acknowledge(object),
            ("pauses", None) => self.pauses(),
            ("limits", Some(bed)) => self.limits(bed),
            ("rota", None) => self.rota(),
            ("report", None) => self.report(),
            ("handover", Some(bed)) => self.handover(bed),
            ("devices", None) => self.devices(),
            ("unlock", None) => self.unlock(),
            ("", _) => Said::default(),
            (verb, Some(object)) => {
                let done = self.act(verb, object);
                done.or_else(|| self.change(verb, object)).unwrap_or_else(not_understood)
            }
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

    fn devices(&mut self) -> Said {
        if !self.is_up() {
            return Said::line(format!("the server cannot be asked: {}", self.link_words()));
        }
        Said { lines: Vec::new(), effects: vec![self.app.ask_devices()] }
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
            let Some(vital) = super::report::vital_report(&self.app, ward, (&patient.patient.id, vital)) else {
                continue;
            };
            let live = match vital.liveness {
                Liveness::Live => String::new(),
                Liveness::Late => ", late".to_owned(),
                Liveness::Lost | Liveness::Never => ", LOST".to_owned(),
            };
            let age = words::age(Millis::from_secs(vital.age_seconds()));
            let notes: String = vital.notes().map(|note| format!(", {note}")).collect();
            said.lines.push(format!("{} {} {}, {age} old{live}{notes}", info.name, vital.shown, vital.unit));
        }
        let charted =
            self.app.server_now().map(|now| words::chart::all(&patient.chart, now, ward.ward.time_zone, true));
        said.lines.extend(charted.filter(|said| !said.is_empty()).map(|said| format!("charted: {said}")));
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
        Cause::Told if matches!(alert.key.code, ConditionCode::Score(_)) => "the score has changed".to_owned(),
        Cause::Told => "the device says more".to_owned(),
    }
}

/// An alert in a sentence that begins with its number and has no other marks: a screen reader says it.
fn sentence(alert: &Alert, ward: &WardView) -> String {
    let kind = if alert.class == AlertClass::Physiological { "" } else { "technical, " };
    let bed = words::bed_of(alert, ward);
    let name = words::name_of(ward, alert.key.patient.as_ref());
    let who = [if bed == "–" { String::new() } else { format!("bed {bed} ") }, name.to_owned()].concat();
    let who = who.trim();
    let colon = if who.is_empty() { "" } else { ": " };
    format!(
        "#{} {} {kind}{who}{colon}{}",
        alert.id,
        alert.priority.as_str().to_uppercase(),
        words::condition_told(alert, ward)
    )
}

#[cfg(test)]
mod tests;
