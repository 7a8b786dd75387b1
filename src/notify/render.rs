//! A letter as text for people and as JSON for programs.

use super::letter::{Letter, Purpose};
use crate::domain::{AlertClass, Cause, Mode};
use serde_json::{Map, Value, json};

/// The type of our cloud events.
pub const CLOUD_EVENT_TYPE: &str = "org.wardwatch.alert.v1";
/// The type of those that tell of an emergency.
pub const EMERGENCY_EVENT_TYPE: &str = "org.wardwatch.emergency.v1";

const fn cause_words(cause: Cause) -> &'static str {
    match cause {
        Cause::Worsened => "worse",
        Cause::Returned => "back again",
        Cause::Escalated => "nobody has answered",
        Cause::HandedOver => "given to you",
        Cause::Reminded => "acknowledged, and still so",
        _ => "new",
    }
}

const fn class_words(class: AlertClass) -> &'static str {
    match class {
        AlertClass::Physiological => "patient",
        AlertClass::Technical => "equipment",
    }
}

/// A bed in words: its label, with the word `bed` unless it has it.
#[must_use]
pub fn bed_words(label: &str) -> String {
    let has_it = label.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("bed"));
    if has_it { label.to_owned() } else { format!("bed {label}") }
}

/// One line: priority, bed, and what the channel may tell.
#[must_use]
pub fn subject(letter: &Letter) -> String {
    let mut parts = Vec::new();
    if letter.mode == Mode::Demo {
        parts.push("DEMO".to_owned());
    }
    if letter.purpose == Purpose::Test {
        parts.push("TEST".to_owned());
    }
    if letter.purpose == Purpose::Emergency {
        parts.push("EMERGENCY ACCESS".to_owned());
    } else {
        parts.push(letter.priority.mark().to_owned());
        parts.push(letter.priority.as_str().to_uppercase());
    }
    parts.push(letter.bed.as_ref().map_or_else(|| letter.ward.clone(), |bed| bed_words(bed)));
    match &letter.told {
        Some(told) => parts.push(told.words.clone()),
        None if letter.purpose == Purpose::Emergency => parts.push("a patient was opened".to_owned()),
        None => parts.push(class_words(letter.class).to_owned()),
    }
    parts.join(" ")
}

/// The whole message for people, in a few lines.
#[must_use]
pub fn text(letter: &Letter) -> String {
    let mut lines = vec![subject(letter)];
    if letter.purpose == Purpose::Test {
        lines.push("Somebody tries whether this way out works. There is no such alert.".to_owned());
    }
    if let Some(name) = &letter.name {
        lines.push(format!("Patient: {name}"));
    }
    if letter.purpose == Purpose::Emergency {
        lines.extend(emergency_lines(letter));
    } else {
        lines.extend(alert_lines(letter));
    }
    if let Some((url, until)) = &letter.link {
        lines.push(format!("Acknowledge (until {until}): {url}"));
    }
    if letter.mode == Mode::Demo {
        lines.push("DEMO: simulated data, no patient.".to_owned());
    }
    lines.push("wardwatch is not a primary alarm source: look at the bedside monitor.".to_owned());
    lines.join("\n")
}

/// What is said of an emergency, besides its subject.
fn emergency_lines(letter: &Letter) -> Vec<String> {
    let mut lines = vec![
        format!("Ward: {}. Somebody whose account is not for this ward opened a patient of it.", letter.ward),
        format!("Opened {}. Nothing has to be done at once.", letter.at),
    ];
    if let Some(until) = letter.judge_until {
        lines.push(format!("Somebody has to judge it until {until}: `wardwatch breakglass list` on the server."));
    }
    lines.extend(letter.to.as_ref().map(|to| format!("You are told: {}.", to.login)));
    lines
}

/// What is said of an alert, besides its subject.
fn alert_lines(letter: &Letter) -> Vec<String> {
    let mut lines = vec![
        format!("Ward: {}. Why now: {}. Level {}.", letter.ward, cause_words(letter.cause), letter.level),
        format!("Raised {}, sent of {}.", letter.raised_at, letter.at),
    ];
    if letter.id.unrecorded {
        lines.push("The server cannot record at present: this alert is not in its journal.".to_owned());
    }
    match &letter.to {
        Some(to) => lines.push(format!("You are asked: {}.", to.login)),
        None => lines.push("No rota says who is asked.".to_owned()),
    }
    lines
}

/// The letter as a structured cloud event (CloudEvents 1.0, JSON format).
#[must_use]
pub fn cloud_event(letter: &Letter) -> Value {
    let mut data = Map::new();
    let mut put = |key: &str, value: Value| data.insert(key.to_owned(), value);
    put("purpose", json!(letter.purpose));
    put("mode", json!(letter.mode));
    put("ward", json!(letter.id.ward));
    match &letter.id.emergency {
        Some(emergency) => {
            put("emergency", json!(emergency));
            put("judge_until", json!(letter.judge_until));
        }
        None => {
            put("alert", json!(letter.id.alert));
            put("transition", json!(letter.id.transition));
            put("priority", json!(letter.priority));
            put("class", json!(letter.class));
            put("cause", json!(letter.cause));
            put("level", json!(letter.level));
            put("raised_at", json!(letter.raised_at));
        }
    }
    put("text", json!(subject(letter)));
    if let Some(bed) = &letter.bed {
        put("bed", json!(bed));
    }
    if letter.id.unrecorded {
        put("unrecorded", json!(true));
    }
    if let Some(to) = &letter.to {
        put("to", json!(to.login));
    }
    if let Some(told) = &letter.told {
        put("code", json!(told.code));
        put("condition", json!(told.words));
    }
    if let Some(name) = &letter.name {
        put("patient_name", json!(name));
    }
    if let Some((url, until)) = &letter.link {
        put("acknowledge_url", json!(url));
        put("acknowledge_until", json!(until));
    }
    let (kind, subject) = match &letter.id.emergency {
        Some(emergency) => (EMERGENCY_EVENT_TYPE, format!("emergency/{emergency}")),
        None => (CLOUD_EVENT_TYPE, format!("alert/{}", letter.id.alert)),
    };
    json!({
        "specversion": "1.0",
        "id": letter.id.to_string(),
        "source": format!("urn:wardwatch:{}:{}", letter.site, letter.id.ward),
        "type": kind,
        "subject": subject,
        "time": letter.at,
        "datacontenttype": "application/json",
        "data": data,
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::{
        domain::{AlertId, LoginName, Priority, Timestamp},
        notify::{LetterId, Recipient, Told},
    };

    /// A letter with everything in it.
    pub(in crate::notify) fn full() -> Letter {
        let login = LoginName::new("okafor");
        let id = LetterId {
            ward: "w3".parse().unwrap(),
            alert: AlertId(7),
            transition: 2,
            emergency: None,
            to: Some(login.clone()),
            unrecorded: false,
        };
        Letter {
            id,
            site: "s1".to_owned(),
            mode: Mode::Live,
            purpose: Purpose::Alert,
            at: Timestamp::from_ms(1_780_000_000_000),
            to: Some(Recipient { login, email: Some("okafor@hospital.example".to_owned()) }),
            ward: "3 East".to_owned(),
            bed: Some("04".to_owned()),
            priority: Priority::High,
            class: AlertClass::Physiological,
            cause: Cause::Escalated,
            level: 2,
            raised_at: Timestamp::from_ms(1_779_999_940_000),
            told: Some(Told { code: "spo2.low".to_owned(), words: "SpO2 low 84 % (limit 85)".to_owned() }),
            name: Some("Okafor, Chidi".to_owned()),
            link: Some(("https://ward.example/v1/ack/t".to_owned(), Timestamp::from_ms(1_780_000_900_000))),
            judge_until: None,
            patient: Some("p1".parse().unwrap()),
        }
    }

    #[test]
    fn a_channel_that_may_tell_only_the_bed_tells_only_the_bed() {
        let letter = Letter { told: None, name: None, ..full() };
        let said = format!("{}\n{}\n{}", subject(&letter), text(&letter), cloud_event(&letter));
        assert_eq!(subject(&letter), "*** HIGH bed 04 patient");
        for hidden in ["spo2", "SpO2", "84 %", "Chidi", "p1"] {
            assert!(!said.contains(hidden), "{hidden}: {said}");
        }
        assert!(said.contains("nobody has answered") && said.contains("https://ward.example/v1/ack/t"));
    }

    #[test]
    fn h03_an_emergency_is_told_without_the_name_and_with_the_time_until_which_it_is_judged() {
        let mut letter = Letter { purpose: Purpose::Emergency, told: None, name: None, link: None, ..full() };
        letter.id.emergency = Some("g-7".parse().unwrap());
        letter.judge_until = Some(Timestamp::from_ms(1_780_000_000_000));
        let said = format!("{}\n{}", text(&letter), cloud_event(&letter));
        assert_eq!(subject(&letter), "EMERGENCY ACCESS bed 04 a patient was opened");
        for hidden in ["Chidi", "p1", "HIGH", "transition"] {
            assert!(!said.contains(hidden), "{hidden}: {said}");
        }
        assert!(said.contains("has to judge it until 2026-05-28T20:26:40"), "{said}");
        let event = cloud_event(&letter);
        assert_eq!((&event["type"], &event["id"]), (&EMERGENCY_EVENT_TYPE.into(), &"g-7.okafor".into()));
        assert_eq!((&event["subject"], &event["data"]["emergency"]), (&"emergency/g-7".into(), &"g-7".into()));
    }

    #[test]
    fn an_event_has_what_cloud_events_wants() {
        let event = cloud_event(&full());
        assert_eq!(event["specversion"], "1.0");
        assert_eq!(event["id"], "7.2.okafor");
        assert_eq!(event["source"], "urn:wardwatch:s1:w3");
        assert_eq!(event["type"], CLOUD_EVENT_TYPE);
        assert_eq!(event["data"]["priority"], "high");
        assert_eq!(event["data"]["patient_name"], "Okafor, Chidi");
        assert!(event["data"].get("patient").is_none(), "the identifier stays here");
        assert!(event["time"].as_str().unwrap().ends_with('Z'));
    }

    #[test]
    fn tests_and_demonstrations_say_so_in_every_form() {
        let letter = Letter { mode: Mode::Demo, purpose: Purpose::Test, ..full() };
        assert!(subject(&letter).starts_with("DEMO TEST ***"));
        assert!(text(&letter).contains("There is no such alert") && text(&letter).contains("DEMO: simulated"));
        let data = &cloud_event(&letter)["data"];
        assert_eq!((data["mode"].as_str(), data["purpose"].as_str()), (Some("demo"), Some("test")));
    }
}
