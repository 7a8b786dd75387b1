//! Who deals with an alert, over real sockets and kills: escalation, pauses, and who may move anything at all.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::path::Path;
use support::{Server, before, deadline, now, observation, pause, stream::Stream, wait_for};
use wardwatch::{
    domain::{
        AlertId, Basis, Category, Cause, Command, Duty, EventBody, Expiry, HandoverExtent, HandoverId, LimitScope,
        LimitValue, LimitsChange, LoginName, Millis, PauseEnd, PauseId, PauseKind, PauseScope, SequencedEvent, Shift,
    },
    protocol::{ClientMessage, ErrorCode, ServerMessage},
    store::StoreReader,
};

/// Levels 2, 3 and 4 of a high alert, in seconds: short, so that a test need not wait for minutes.
const STEPS: [(&str, &str); 1] = [("WARDWATCH_RESPONSE__HIGH_S", "[3, 4, 5]")];

fn start(data: &Path) -> Server {
    Server::start_set(data, &STEPS)
}

fn journal(server: &Server) -> Vec<SequencedEvent> {
    server.reader().events_after(&"w".parse().unwrap(), 0, 10_000).unwrap()
}

/// The moves of the alert `nbp_mean.low` by this cause, each with the level reached.
fn moves(server: &Server, wanted: Cause) -> Vec<u8> {
    let level = |e: SequencedEvent| match e.event.body {
        EventBody::Alert { cause, alert, .. } if cause == wanted && alert.key.code.to_string() == "nbp_mean.low" => {
            Some(alert.level)
        }
        _ => None,
    };
    journal(server).into_iter().filter_map(level).collect()
}

/// A mean pressure that is a high alert at once.
fn collapse(server: &Server, token: &str) {
    let body = observation("nbp_mean", 40, now());
    let answer = server.request("POST", "/v1/observations", token, body.as_bytes());
    assert_eq!(answer.json()["accepted"], 1, "{answer:?}");
    assert_eq!(moves(server, Cause::Raised), [1]);
}

fn ask(terminal: &mut Stream, id: u64, command: Command) -> ServerMessage {
    terminal.say(&ClientMessage::Command { id, ward: "w".parse().unwrap(), command });
    terminal.answer()
}

#[test]
fn a_kill_during_an_escalation_loses_no_step_and_doubles_none() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = start(&data);
    let token = server.small_ward();
    collapse(&server, &token);
    let killed_at = now();
    assert_eq!(moves(&server, Cause::Escalated), Vec::<u8>::new());
    server.kill();
    // Level 2 falls due while nothing runs.
    let until = deadline();
    while now().since(killed_at) < Millis(3_300) && before(until) {
        pause(50);
    }
    let server = start(&data);
    wait_for("level 4", || moves(&server, Cause::Escalated).last().copied().filter(|level| *level == 4));
    assert_eq!(moves(&server, Cause::Escalated), [2, 3, 4], "each level once");
    server.kill();
    let server = start(&data);
    assert_eq!(moves(&server, Cause::Escalated), [2, 3, 4], "a further restart asks nobody again");
}

#[test]
fn a_pause_ends_by_itself_though_the_server_was_killed_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let server = start(&data);
    server.small_ward();
    let (mut anna, _, _) = Stream::watch(&server, &server.token("anna", "nurse"));
    let command = Command::Pause {
        kind: PauseKind::AudioPaused,
        scope: PauseScope::Patient { patient: "p1".parse().unwrap() },
        span: Millis::from_secs(1),
        reason: None,
        include_high: false,
    };
    let done = ask(&mut anna, 1, command);
    assert!(matches!(done, ServerMessage::Result { done: true, .. }), "{done:?}");
    server.kill();
    let server = start(&data);
    let ends = || {
        let end = |e: SequencedEvent| match e.event.body {
            EventBody::PauseEnded { end, .. } => Some(end),
            _ => None,
        };
        journal(&server).into_iter().filter_map(end).collect::<Vec<_>>()
    };
    wait_for("the end of the pause", || (!ends().is_empty()).then_some(()));
    assert_eq!(ends(), [PauseEnd::Expired]);
    let token = std::fs::read_to_string(server.login("anna")).unwrap();
    let (_, _, view) = Stream::watch(&server, token.trim());
    assert!(view.pauses.is_empty());
}

/// Every command there is, as somebody could send it.
fn every_command(alert: AlertId, transition: u32) -> Vec<Command> {
    let words = || "because".parse().unwrap();
    let (p1, b1) = ("p1".parse().unwrap(), "b1".parse().unwrap());
    let pause = PauseId(1);
    let shift = || Shift {
        from: now(),
        to: now() + Millis::from_secs(60),
        duty: Duty::Nurse,
        user: LoginName::new("anna"),
        beds: Vec::new(),
    };
    let mut commands = vec![
        Command::Acknowledge { alert, transition },
        Command::Reset { alert, transition, reason: words() },
        Command::Accept { alert, transition },
        Command::Decline { alert, transition, reason: words() },
        Command::HandOverAlert { alert, transition, to: LoginName::new("anna") },
        Command::Comment { alert, text: words() },
        Command::ConfirmPause { pause },
        Command::EndPause { pause },
        Command::SetRota { shifts: vec![shift()] },
        Command::AddShift { shift: shift() },
        Command::RemoveShift { shift: shift() },
        Command::Transfer { patient: p1, bed: b1 },
        Command::OfferHandover {
            to: LoginName::new("anna"),
            patients: vec!["p1".parse().unwrap()],
            extent: HandoverExtent::Part,
            note: None,
        },
        Command::AcceptHandover { handover: HandoverId(1) },
        Command::DeclineHandover { handover: HandoverId(1), reason: words() },
        Command::WithdrawHandover { handover: HandoverId(1) },
        Command::SetCategory { patient: "p1".parse().unwrap(), category: Category::Neonate },
    ];
    for scope in
        [LimitScope::Patient { patient: "p1".parse().unwrap() }, LimitScope::Ward { category: Category::Adult }]
    {
        commands.push(Command::SetLimits {
            scope: scope.clone(),
            vital: "spo2".parse().unwrap(),
            change: LimitsChange { low: LimitValue::new(91.0).ok(), ..LimitsChange::default() },
            reason: words(),
            expires: Expiry::At { until: now() + Millis::from_secs(60) },
            basis: Basis::Chosen,
        });
        commands.push(Command::SetSeveralLimits {
            scope: scope.clone(),
            changes: [(
                "spo2".parse().unwrap(),
                LimitsChange { low: LimitValue::new(91.0).ok(), ..LimitsChange::default() },
            )]
            .into(),
            reason: words(),
            expires: Expiry::At { until: now() + Millis::from_secs(60) },
            basis: Basis::Chosen,
        });
        commands.push(Command::ResetLimits { scope, vital: None, reason: words() });
    }
    let scopes = [
        PauseScope::Ward,
        PauseScope::Patient { patient: "p1".parse().unwrap() },
        PauseScope::Condition { patient: "p1".parse().unwrap(), code: "spo2.low".parse().unwrap() },
    ];
    for kind in PauseKind::ALL {
        for scope in scopes.clone() {
            let (span, reason) = (Millis::from_secs(60), Some(words()));
            commands.push(Command::Pause { kind, scope, span, reason, include_high: false });
        }
    }
    commands
}

#[test]
fn a_viewer_moves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    let token = server.small_ward();
    collapse(&server, &token);
    for role in ["viewer", "ops"] {
        let (mut watcher, head, view) = Stream::watch(&server, &server.token(role, role));
        let alert = view.alerts.values().next().unwrap();
        for (id, command) in (1..).zip(every_command(alert.id, alert.transition)) {
            let answer = ask(&mut watcher, id, command.clone());
            let denied = matches!(answer, ServerMessage::Error { code: ErrorCode::Denied, .. });
            assert!(denied, "{role}: {command:?} was answered with {answer:?}");
        }
        assert_eq!(journal(&server).last().unwrap().seq, head, "nothing has happened");
    }
}

#[test]
fn a_nurse_pauses_and_only_charge_or_doctor_switch_off() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&dir.path().join("data"));
    server.small_ward();
    let off = || Command::Pause {
        kind: PauseKind::AlarmOff,
        scope: PauseScope::Condition { patient: "p1".parse().unwrap(), code: "spo2.low".parse().unwrap() },
        span: Millis::from_secs(3_600),
        reason: Some("palliative".parse().unwrap()),
        include_high: true,
    };
    let ward = || Command::Pause {
        kind: PauseKind::AudioPaused,
        scope: PauseScope::Ward,
        span: Millis::from_secs(60),
        reason: None,
        include_high: false,
    };
    let (mut nurse, _, _) = Stream::watch(&server, &server.token("anna", "nurse"));
    for command in [off(), ward()] {
        let answer = ask(&mut nurse, 1, command);
        assert!(matches!(answer, ServerMessage::Error { code: ErrorCode::Denied, .. }), "{answer:?}");
    }
    let (mut charge, _, _) = Stream::watch(&server, &server.token("carla", "charge"));
    let (mut doctor, _, _) = Stream::watch(&server, &server.token("brandt", "doctor"));
    assert!(matches!(ask(&mut charge, 1, ward()), ServerMessage::Result { done: true, .. }));
    assert!(matches!(ask(&mut charge, 2, off()), ServerMessage::Result { done: true, .. }));
    let confirm = Command::ConfirmPause { pause: PauseId(2) };
    let own = ask(&mut charge, 3, confirm.clone());
    assert!(matches!(own, ServerMessage::Result { done: false, refusal: Some(_), .. }), "{own:?}");
    assert!(matches!(ask(&mut doctor, 1, confirm), ServerMessage::Result { done: true, .. }));
}
