//! Every scenario in `fixtures/` raises what stands beside it, and the ward of twelve is what a demonstration needs.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};
use wardwatch::{
    domain::{Actor, AlertClass, AlertId, Cause, EventBody, Millis, Timestamp, VitalCode},
    engine::{Engine, EngineConfig, Input},
    replay::{Expectations, Options, Recording, expect, load, run},
};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn ward12() -> Recording {
    load(&fixtures().join("ward12.toml"), &Options::default()).unwrap()
}

fn scenarios() -> BTreeSet<PathBuf> {
    let is_scenario = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.ends_with(".toml") && !name.ends_with(".expected.toml")
    };
    std::fs::read_dir(fixtures()).unwrap().map(|entry| entry.unwrap().path()).filter(is_scenario).collect()
}

#[test]
fn every_scenario_raises_what_is_expected() {
    let scenarios = scenarios();
    assert!(scenarios.len() >= 4, "{scenarios:?}");
    for path in scenarios {
        let recording = load(&path, &Options::default()).unwrap();
        let expectations = Expectations::read(&path.with_extension("expected.toml")).unwrap();
        let mut out = Vec::new();
        let outcome = run(&recording, EngineConfig::default(), &mut out, |_| {}).unwrap();
        let verdict = expect::check(&recording.plan, &outcome.episodes, &expectations);
        assert!(verdict.is_good(), "{}\n{verdict}", path.display());
        assert!(outcome.episodes.iter().all(|e| e.closed), "{}", path.display());
        assert_eq!(outcome.summary.conflicts + outcome.summary.duplicates, 0, "{}", path.display());
        let refused = std::str::from_utf8(&out).unwrap().lines().find(|line| line.contains("\"refused\""));
        assert_eq!(refused, None, "{}", path.display());
    }
}

/// The kinds of cases that the ward must show: words of the note, and the condition that tells.
#[test]
fn the_ward_of_twelve_shows_every_kind_of_case() {
    let recording = ward12();
    let outcome = run(&recording, EngineConfig::default(), &mut std::io::sink(), |_| {}).unwrap();
    let kinds = [
        ("p01", "stable", ""),
        ("p02", "slow desaturation", "spo2.low"),
        ("p03", "sepsis", "nbp_sys.low"),
        ("p04", "sick sinus", "hr.low"),
        ("p05", "fibrillation", "hr.high"),
        ("p06", "apnoea", "rr.low"),
        ("p07", "hypertensive crisis", "nbp_sys.high"),
        ("p08", "probe comes off", "spo2.not_measured"),
        ("p09", "motion artefact", ""),
        ("p10", "COPD on oxygen", "spo2.low"),
        ("p11", "post-op", "temp.low"),
        ("p12", "falls silent", "device.lost"),
    ];
    assert_eq!(recording.plan.placements.len(), kinds.len());
    for (placement, (id, note, condition)) in recording.plan.placements.iter().zip(kinds) {
        assert_eq!(placement.patient.id.as_str(), id);
        assert!(placement.patient.note.as_str().contains(note), "{id}: {:?}", placement.patient.note);
        let came = outcome.episodes.iter().filter(|e| e.patient.as_ref() == Some(&placement.patient.id));
        let codes: BTreeSet<String> = came.map(|e| e.code.to_string()).collect();
        assert!(if condition.is_empty() { codes.is_empty() } else { codes.contains(condition) }, "{id}: {codes:?}");
    }
    let names: BTreeSet<&str> = recording.plan.placements.iter().map(|p| p.patient.name.as_str()).collect();
    assert_eq!(names.len(), kinds.len());
}

#[test]
fn the_ward_of_twelve_is_rich_but_not_heavy() {
    let recording = ward12();
    let mut vitals: BTreeMap<usize, BTreeMap<VitalCode, u64>> = BTreeMap::new();
    let mut samples = 0;
    let mut last = Timestamp::MIN;
    for sample in recording.samples() {
        assert!(last <= sample.at, "samples come in order of time");
        last = sample.at;
        samples += 1;
        *vitals.entry(sample.place).or_default().entry(sample.vital).or_default() += 1;
    }
    assert_eq!(samples, recording.count());
    assert!(samples <= 320_000, "{samples}");
    assert_eq!(vitals.len(), 12);
    assert!(vitals.values().all(|v| v.len() >= 4), "{vitals:?}");
    assert!(vitals.values().filter(|v| v.len() >= 5).count() >= 9, "{vitals:?}");
    let oxygen = vitals[&9][&VitalCode::of("o2_flow")];
    assert!(oxygen > 30, "COPD on oxygen without oxygen: {oxygen}");
}

#[test]
fn history_comes_once_a_minute_and_states_so() {
    let recording = ward12();
    let hr = |from: i64, to: i64| {
        let window = recording.window(Millis::from_secs(from), Millis::from_secs(to));
        window.filter(|s| s.place == 0 && s.vital == VitalCode::of("hr")).collect::<Vec<_>>()
    };
    let minute = hr(25_080, 25_200);
    assert_eq!(minute.iter().map(|s| s.interval).collect::<Vec<_>>(), [Some(Millis::from_mins(1)); 2]);
    let second = hr(25_200, 25_320);
    assert_eq!(second.len(), 120);
    assert!(second.iter().all(|s| s.interval == Some(Millis::from_secs(1))));
}

/// The moments at which alerts move in `[from, to)`, and how many are open after each.
fn moves(recording: &Recording, from: i64, to: i64) -> Vec<(f64, usize)> {
    let zero = recording.plan.zero;
    let mut engine = Engine::new(EngineConfig::default());
    let mut events = engine.handle(Input::Start { ward: recording.plan.ward.clone() }, zero);
    for command in recording.plan.setup(zero) {
        events.extend(engine.handle(Input::Command { command, by: Actor::System }, zero));
    }
    for sample in recording.window(Millis::ZERO, Millis::from_secs(to)) {
        engine.observe(&sample.observation(sample.at), sample.at, &mut events);
    }
    let mut open: BTreeSet<AlertId> = BTreeSet::new();
    let mut moves = Vec::new();
    for event in events {
        let EventBody::Alert { alert, cause, .. } = event.body else { continue };
        let known = if alert.is_closed() { open.remove(&alert.id) } else { open.insert(alert.id) };
        assert!(known || cause != Cause::Raised);
        let s = event.at.since(zero).as_secs_f64();
        if event.at.since(zero) >= Millis::from_secs(from) {
            moves.push((s, open.len()));
        }
    }
    moves
}

#[test]
fn in_the_live_part_something_happens_every_minute_lap_after_lap() {
    let recording = ward12();
    let live = recording.live_from.unwrap().as_secs();
    assert_eq!(live, 28_800);
    let moves = moves(&recording, live, live + 4 * 1_800);
    let mut before = 28_800.0;
    for (at, open) in moves {
        assert!(at - before <= 60.0, "nothing happens from second {before} to {at}");
        assert!((1..=9).contains(&open), "{open} alerts are open at second {at}");
        before = at;
    }
    assert!(28_800.0 + 7_200.0 - before <= 60.0, "nothing happens after second {before}");
}

#[test]
fn at_the_opening_of_the_demonstration_an_alert_is_open() {
    let moves = moves(&ward12(), 0, 28_801);
    let (_, open) = moves.last().unwrap();
    assert_eq!(*open, 3, "the fever, and two scores");
    assert!(moves.len() >= 15, "the history has alerts: {moves:?}");
}

#[test]
fn a_wrong_expectation_fails_with_a_text_for_people() {
    let recording = load(&fixtures().join("probe_off.toml"), &Options::default()).unwrap();
    let outcome = run(&recording, EngineConfig::default(), &mut std::io::sink(), |_| {}).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wrong.toml");
    let wrong = r#"
        [[expect]]
        patient = "p1"
        vital = "spo2"
        class = "physiological"
        priority = "high"
        raised_between = [100, 120]
        cleared_between = [200, 210.5]

        [[expect]]
        patient = "p1"
        condition = "hr.high"
        raised_between = ["2000-01-01T00:00:00Z", "2000-01-01T00:05:00Z"]

        [[expect]]
        patient = "p9"
        raised_between = [0, 600]

        [[expect]]
        patient = "p1"
        class = "technical"
        raised_between = [200, 210]

        [[forbid]]
        class = "technical"
        between = [0, 300]

        [[forbid]]
        patient = "p8"
    "#;
    std::fs::write(&file, wrong).unwrap();
    let expectations = Expectations::read(&file).unwrap();
    let verdict = expect::check(&recording.plan, &outcome.episodes, &expectations);
    assert!(!verdict.is_good());
    insta::assert_snapshot!(verdict, @"
    expected: p1 spo2.* physiological high
      raised:   100 to 120 s (2000-01-01T00:01:40Z to 2000-01-01T00:02:00Z)
      cleared:  200 to 210.5 s (2000-01-01T00:03:20Z to 2000-01-01T00:03:30.500Z)
      nearest:  p1 spo2.low medium at 87, raised 130 s (2000-01-01T00:02:10Z), cleared 425 s (2000-01-01T00:07:05Z)
      but:      raised 10 s too late; its priority is medium, not high; cleared 214.5 s too late
    expected: p1 hr.high
      raised:   0 to 300 s (2000-01-01T00:00:00Z to 2000-01-01T00:05:00Z)
      but:      no such alert came; others of the patient:
        p1 spo2.low medium at 87, raised 130 s (2000-01-01T00:02:10Z), cleared 425 s (2000-01-01T00:07:05Z)
        p1 spo2.not_measured medium at 0, raised 205 s (2000-01-01T00:03:25Z), cleared 325 s (2000-01-01T00:05:25Z)
    expected: p9
      raised:   0 to 600 s (2000-01-01T00:00:00Z to 2000-01-01T00:10:00Z)
      but:      there is no patient p9 in this recording
    forbidden: any patient technical
      raised:   0 to 300 s (2000-01-01T00:00:00Z to 2000-01-01T00:05:00Z)
      but:      it came
        p1 spo2.not_measured medium at 0, raised 205 s (2000-01-01T00:03:25Z), cleared 325 s (2000-01-01T00:05:25Z)
    forbidden: p8
      but:      there is no patient p8 in this recording
    1 of 6 expectations hold
    ");
    assert!(outcome.episodes.iter().any(|e| e.class == AlertClass::Technical));
}
