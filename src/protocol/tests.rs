//! Both encodings carry every message; what was written is read back equal.

use super::{
    alert_report::{Durations, KindCount, LongestWait, Talker},
    *,
};
use crate::domain::{
    Actor, AlertId, Command, Event, EventBody, Millis, Mode, Priority, Refusal, Reported, Role, SequencedEvent,
    Timestamp, VitalTable, Ward,
    event::SuppressedBy,
    series::Trend,
    vital::{HR, SPO2},
};

fn t() -> Timestamp {
    "2026-03-01T03:12:45.120Z".parse().unwrap()
}

fn ward() -> Ward {
    Ward { id: "3-east".parse().unwrap(), name: "3 East".into(), time_zone: chrono_tz::Tz::Europe__Berlin }
}

fn nurse() -> Actor {
    Actor::User {
        user: "u1".parse().unwrap(),
        name: "a.meyer".into(),
        role: Role::Nurse,
        session: "s1".parse().unwrap(),
    }
}

fn devices() -> DeviceList {
    let said = r#"{"firmware":"2.1","battery_percent":12,"applied":1,"time":"2026-03-01T03:10:00Z"}"#;
    let device = r#"{"id":"d1","name":"Monitor","gateway":"gw","intervals_ms":{"spo2":1000},
        "desired":{"version":2,"changed_at":"2026-03-01T03:00:00Z","limits":{"spo2":{"low":85.0}}}}"#;
    let span = r#"[{"device":"d1","patient":"p1","start":"2026-03-01T01:00:00Z"}]"#;
    let unplaced = r#"[{"device":"d9","sender":"gw","first_at":"2026-03-01T03:00:00Z","last_at":"2026-03-01T03:01:00Z",
        "count":3,"code":"unknown_device","detail":"","bed":"b1"}]"#;
    DeviceList {
        ward: ward().id,
        at: t(),
        devices: vec![DeviceView {
            device: serde_json::from_str(device).unwrap(),
            seen_at: Some(t()),
            reported: Some(Reported::new(serde_json::from_str(said).unwrap(), t(), t())),
            patient: Some("p1".parse().unwrap()),
            bed: Some("b1".parse().unwrap()),
            assignments: serde_json::from_str(span).unwrap(),
            faults: vec![DeviceFault::BatteryLow, DeviceFault::Drift],
            tokens: Some(1),
            code_until: Some(t()),
        }],
        unplaced: serde_json::from_str(unplaced).unwrap(),
    }
}

fn report() -> AlertReport {
    let kind = KindCount {
        raised: 3,
        by_priority: [(Priority::High, 1), (Priority::Low, 2)].into(),
        hysteresis: 4,
        suppressed: [(SuppressedBy::Delay, 7), (SuppressedBy::LimitsChanged, 1)].into(),
        ..KindCount::default()
    };
    let longest = LongestWait {
        bed: None,
        code: "system.store_failed".into(),
        priority: Priority::High,
        raised_at: t(),
        waited: Millis(9),
    };
    AlertReport {
        ward: "3 East".into(),
        from: t(),
        to: t() + Millis(5),
        bed_days: 1.25,
        kinds: [("spo2.low".into(), kind)].into(),
        acknowledge: Durations { count: 2, median: Millis(5), never: 1, ..Durations::default() },
        longest_wait: Some(longest),
        talkers: vec![Talker { bed: "3E-01".into(), alerts: 3 }],
        ..AlertReport::default()
    }
}

fn round_trip<T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(message: &T) {
    for encoding in Encoding::ALL {
        let bytes = encoding.write(message).unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert_eq!(&encoding.read::<T>(&bytes).unwrap(), message, "{encoding:?}: {text}");
    }
}

#[test]
fn client_messages_round_trip() {
    let query = HistoryQuery {
        ward: ward().id,
        patients: vec!["p1".parse().unwrap()],
        vitals: vec![HR],
        from: t(),
        to: t() + Millis(5),
        points: 60,
        alerts: true,
    };
    for message in [
        ClientMessage::Hello { protocol: 1, client: "test 1".into() },
        ClientMessage::Subscribe { ward: ward().id, patients: None, after: Some(7) },
        ClientMessage::Command {
            id: 3,
            ward: ward().id,
            command: Command::Acknowledge { alert: AlertId(9), transition: 2 },
        },
        ClientMessage::Query { id: 4, query },
        ClientMessage::AlertReport { id: 5, ward: ward().id, from: t(), to: t() + Millis(5) },
        ClientMessage::Devices { id: 7, ward: ward().id },
        ClientMessage::AuditCheckpoint { id: 8, old: 1_203_442 },
        ClientMessage::AuditLog {
            id: 9,
            query: AuditQuery {
                before: Some(70),
                patient: Some("p1".parse().unwrap()),
                user: Some("anna".into()),
                failures: true,
                since: Some(t()),
                ..AuditQuery::default()
            },
        },
        ClientMessage::AuditLog { id: 9, query: AuditQuery::default() },
        ClientMessage::Activity,
        ClientMessage::Unlock { passphrase: "correct horse battery".into() },
    ] {
        round_trip(&message);
    }
}

fn audit_page() -> AuditPage {
    let entry = AuditEntryView {
        index: 69,
        at: Some(t()),
        act: "patient.view".into(),
        refused: false,
        who: "anna".into(),
        role: Some("nurse".into()),
        patient: Some("p1".parse().unwrap()),
        about: "ward=w".into(),
    };
    let unreadable = AuditEntryView {
        index: 68,
        at: None,
        act: "unreadable".into(),
        who: "unknown".into(),
        role: None,
        patient: None,
        about: String::new(),
        ..entry.clone()
    };
    AuditPage { entries: vec![entry, unreadable], before: Some(68), size: 71 }
}

#[test]
fn server_messages_round_trip() {
    let mut trend = Trend::new(t(), t() + Millis(60_000), 6);
    trend.add(t(), 97.0);
    let patients = vec![PatientHistory {
        patient: "p1".parse().unwrap(),
        trends: vec![VitalTrend { vital: SPO2, trend }],
        alerts: Vec::new(),
    }];
    let refused = EventBody::Refused {
        command: Command::Acknowledge { alert: AlertId(9), transition: 2 },
        refusal: Refusal::AlreadyAcknowledged { alert: AlertId(9), owner: nurse() },
        by: nurse(),
    };
    let event = Event::new(t(), refused);
    let view = WardView::new(ward(), Mode::Demo, &VitalTable::builtin(), |_| std::sync::Arc::default());
    for message in [
        ServerMessage::Snapshot { seq: 12, now: t(), view },
        ServerMessage::Event { event: SequencedEvent { ward: ward().id, seq: 13, event: event.clone() } },
        ServerMessage::Unrecorded { ward: ward().id, event },
        ServerMessage::History { id: 4, history: History { ward: ward().id, from: t(), to: t(), patients } },
        ServerMessage::AlertReport { id: 5, report: Box::new(report()) },
        ServerMessage::AuditCheckpoint {
            id: 8,
            key: "wardwatch/site-1+ab630977+Ae1J".into(),
            old: 1_203_442,
            proof: vec!["CQkJ".into()],
            checkpoint: "wardwatch/site-1\n7\nCQkJ\n\n\u{2014} wardwatch/site-1 q2MJ\n".into(),
        },
        ServerMessage::Devices { id: 7, list: Box::new(devices()) },
        ServerMessage::AuditLog { id: 9, page: Box::new(audit_page()) },
        ServerMessage::Heartbeat {
            now: t(),
            heads: vec![WardHead { ward: ward().id, seq: 13 }],
            store: StoreState::Unrecorded,
            audit: 99,
        },
        ServerMessage::Result {
            id: 3,
            done: false,
            seq: Some(13),
            refusal: Some(Refusal::NotOpen { alert: AlertId(9) }),
        },
        ServerMessage::Accepted {
            id: 1,
            report: IntakeReport {
                accepted: 1,
                rejected: 1,
                rejections: vec![Rejection { index: 1, code: RejectionCode::NotANumber, detail: "x".into() }],
                ..IntakeReport::default()
            },
        },
        ServerMessage::Error { code: ErrorCode::Denied, detail: "no".into(), id: None },
    ] {
        round_trip(&message);
    }
}

#[test]
fn device_messages_keep_the_text_of_numbers() {
    let json = r#"{"type":"observations","id":1,"items":[{"vital":"temp","value":37.00,"observed_at":"2026-03-01T03:12:45Z"}]}"#;
    let message: DeviceMessage<'_> = serde_json::from_str(json).unwrap();
    let item: WireObservation<'_> = serde_json::from_str(message.items[0].get()).unwrap();
    assert_eq!(item.value.get(), "37.00");
}

#[test]
fn subprotocols_are_named_by_version() {
    assert_eq!(Encoding::of_subprotocol("wardwatch.v1.json"), Some(Encoding::Json));
    assert_eq!(Encoding::of_subprotocol("wardwatch.v2.json"), None);
}
