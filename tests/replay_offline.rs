//! Real recordings through the engine alone.
//!
//! The recordings lie outside of the repository: `WARDWATCH_SHARED` names the folder (default `../shared`). Where it is
//! absent, these tests say so and pass.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};
use wardwatch::{
    domain::{
        Cause, CloseReason, ConditionCode, EventBody, PatientId, Response, SequencedEvent, Side, Timestamp, vital::SPO2,
    },
    engine::EngineConfig,
    replay::{Options, Outcome, load, run},
};

/// A folder or file of the shared data; `None`, with a word about it, where it is absent.
fn shared(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("WARDWATCH_SHARED").map_or_else(|| PathBuf::from("../shared"), PathBuf::from);
    let path = root.join("data").join(path);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: {} is absent", path.display());
    None
}

fn play(path: &Path) -> (Vec<u8>, Outcome) {
    let recording = load(path, &Options::default()).unwrap();
    let mut out = Vec::new();
    let mut told = 0;
    let outcome = run(&recording, EngineConfig::default(), &mut out, |progress| {
        assert!(progress.done <= progress.total);
        told += 1;
    })
    .unwrap();
    assert_eq!(outcome.summary.samples + outcome.summary.duplicates + outcome.summary.conflicts, recording.count());
    assert!(told >= 2);
    (out, outcome)
}

fn events(out: &[u8]) -> Vec<SequencedEvent> {
    std::str::from_utf8(out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

const S00001: &str = "mimic3_numerics/s00001-2896-10-10-00-31n.csv";

/// The runs of consecutive values of 0: first time of each, and how many values.
fn zero_runs(path: &Path) -> Vec<(Timestamp, usize)> {
    let recording = load(path, &Options::default()).unwrap();
    let mut runs: Vec<(Timestamp, usize)> = Vec::new();
    let mut was_zero = false;
    for sample in recording.samples().filter(|s| s.vital == SPO2) {
        let zero = sample.value == 0.0;
        match runs.last_mut() {
            Some((_, count)) if zero && was_zero => *count += 1,
            _ if zero => runs.push((sample.at, 1)),
            _ => {}
        }
        was_zero = zero;
    }
    runs
}

#[test]
fn the_same_recording_gives_the_same_bytes() {
    let Some(path) = shared(S00001) else { return };
    let (first, outcome) = play(&path);
    let (second, again) = play(&path);
    assert!(first == second, "two runs differ");
    assert_eq!(outcome, again);
    let events = events(&first);
    assert!(events.len() > 100);
    assert_eq!(outcome.summary.events, events.len() as u64);
    assert!((1..).zip(&events).all(|(seq, event)| event.seq == seq), "sequence numbers are dense from 1");
    assert!(events.is_sorted_by_key(|e| e.event.at));
}

#[test]
fn twelve_stretches_without_a_probe_are_twelve_technical_episodes() {
    let Some(path) = shared(S00001) else { return };
    let runs = zero_runs(&path);
    assert_eq!(runs.iter().map(|(_, count)| count).sum::<usize>(), 363);
    assert_eq!(runs.len(), 12);
    let (out, _) = play(&path);
    let mut raised = Vec::new();
    let mut ended = BTreeMap::new();
    for entry in events(&out) {
        let EventBody::Alert { cause, alert, .. } = entry.event.body else { continue };
        if alert.key.code != ConditionCode::NotMeasured(SPO2) {
            continue;
        }
        if cause == Cause::Raised {
            raised.push((alert.id, alert.since));
        }
        if alert.is_closed() {
            assert_eq!(ended.insert(alert.id, alert.response), None, "an episode ends once");
        }
    }
    let since: Vec<Timestamp> = raised.iter().map(|(_, since)| *since).collect();
    let begun: Vec<Timestamp> = runs.iter().map(|(at, _)| *at).collect();
    assert_eq!(since, begun, "each episode begins at the first 0 of its stretch");
    for (id, _) in raised {
        let response = ended.remove(&id).unwrap_or_else(|| panic!("alert {id} has no end"));
        let Response::Closed { reason, .. } = response else { panic!("{response:?}") };
        assert!(matches!(reason, CloseReason::Cleared | CloseReason::RecordingEnded), "{reason:?}");
    }
    assert!(ended.is_empty());
}

#[test]
fn a_zero_never_begins_a_physiological_alert() {
    let Some(path) = shared(S00001) else { return };
    let recording = load(&path, &Options::default()).unwrap();
    let zeros: Vec<Timestamp> =
        recording.samples().filter(|s| s.vital == SPO2 && s.value == 0.0).map(|s| s.at).collect();
    let (out, _) = play(&path);
    for entry in events(&out) {
        let EventBody::Alert { alert, .. } = &entry.event.body else { continue };
        if matches!(alert.key.code, ConditionCode::Limit(SPO2, Side::Low)) {
            assert!(!zeros.contains(&alert.since), "{alert:?}");
            assert!(alert.value.is_some_and(|v| v > 0.0), "{alert:?}");
        }
    }
}

#[test]
fn every_episode_of_every_recording_has_an_end() {
    for folder in ["bidmc_numerics", "mimic3_numerics", "mimic3_demo", "cinc2009_ahe", "cinc2019_setB"] {
        let Some(path) = shared(folder) else { continue };
        let (out, outcome) = play(&path);
        assert!(outcome.episodes.iter().all(|e| e.closed), "{folder}");
        let refused = events(&out).into_iter().find(|e| matches!(e.event.body, EventBody::Refused { .. }));
        assert_eq!(refused, None, "{folder}");
        println!("{folder}\n{}", outcome.summary);
    }
}

#[test]
fn files_of_another_kind_are_named_and_impossible_values_counted() {
    let Some(path) = shared("mimic3_demo") else { return };
    let recording = load(&path, &Options::default()).unwrap();
    let skipped: Vec<String> = recording
        .intake
        .skipped
        .iter()
        .filter_map(|s| Some(s.path.file_name()?.to_string_lossy().into_owned()))
        .collect();
    assert_eq!(skipped, ["alarm_limits_charted.csv", "stays.csv"]);
    assert_eq!(recording.plan.placements.len(), 93);
    let rejected: BTreeMap<String, u64> = recording
        .intake
        .rejected()
        .into_iter()
        .map(|((vital, why), n)| (format!("{vital} {}", why.as_str()), n))
        .collect();
    assert!(rejected.contains_key("nbp_sys outside what is possible"), "{rejected:?}");
    let faults = recording.intake.files.iter().flat_map(|f| &f.report.faults);
    assert!(faults.map(|f| f.why.to_string()).any(|why| why.contains("11647")), "the value is named");
    let stay: PatientId = "205589".parse().unwrap();
    assert!(recording.plan.placements.iter().any(|p| p.patient.id == stay));
    assert!(recording.start() < recording.plan.zero, "times before second 0 are played");
}
