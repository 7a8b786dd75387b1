//! A letter as text for people and as JSON for programs.

use super::letter::{Letter, Purpose};
use crate::domain::{AlertClass, Cause, Mode};
use serde_json::{Map, Value, json};

/// The type of our cloud events.
pub const CLOUD_EVENT_TYPE: &str = "org.wardwatch.alert.v1";

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
    parts.push(letter.priority.mark().to_owned());
    parts.push(letter.priority.as_str().to_uppercase());
    parts.push(letter.bed.as_ref().map_or_else(|| letter.ward.clone(), |bed| bed_words(bed)));
    match &letter.told {
        Some(told) => parts.push(told.words.clone()),
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
    lines.push(format!("Ward: {}. Why now: {}. Level {}.", letter.ward, cause_words(letter.cause), letter.level));
    lines.push(format!("Raised {}, sent of {}.", letter.raised_at, letter.at));
    if letter.id.unrecorded {
        lines.push("The server cannot record at present: this alert is not in its journal.".to_owned());
    }
    match &letter.to {
        Some(to) => lines.push(format!("You are asked: {}.", to.login)),
        None => lines.push("No rota says who is asked.".to_owned()),
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

/// The letter as a structured cloud event (CloudEvents 1.0, JSON format).
#[must_use]
pub fn cloud_event(letter: &Letter) -> Value {
    let mut data = Map::new();
    let mut put = |key: &str, value: Value| data.insert(key.to_owned(), value);
    put("purpose", json!(letter.purpose));
    put("mode", json!(letter.mode));
    put("ward", json!(letter.id.ward));
    put("alert", json!(letter.id.alert));
    put("transition", json!(letter.id.transition));
    put("priority", json!(letter.priority));
    put("class", json!(letter.class));
    put("cause", json!(letter.cause));
    put("level", json!(letter.level));
    put("raised_at", json!(letter.raised_at));
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
    json!({
        "specversion": "1.0",
        "id": letter.id.to_string(),
        "source": format!("urn:wardwatch:{}:{}", letter.site, letter.id.ward),
        "type": CLOUD_EVENT_TYPE,
        "subject": format!("alert/{}", letter.id.alert),
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
