//! Loading, simulating and playing, on small recordings.

mod expect_tests;

use super::{
    write::{write_csv, write_folder},
    *,
};
use crate::{
    domain::{
        AlertClass, EventBody, Millis, PatientId, SequencedEvent, Timestamp, VitalCode,
        vital::{HR, NBP_SYS, SPO2, TEMP},
    },
    engine::EngineConfig,
};
use proptest::prelude::*;
use rstest::rstest;
use std::{error::Error, fs, path::Path};
use tempfile::TempDir;

const HEAD: &str = "name = 'x'\nduration_s = 600\nward = { id = 'w', name = 'W', time_zone = 'UTC' }\n";

fn s(seconds: i64) -> Millis {
    Millis::from_secs(seconds)
}

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn csv(lines: &str) -> String {
    format!("time_s,channel,value\n{lines}")
}

fn load_csv(lines: &str, options: &Options) -> Recording {
    let folder = folder(&[("a.csv", &csv(lines))]);
    load(&folder.path().join("a.csv"), options).unwrap()
}

/// The recording of a scenario, or what is wrong with it.
fn load_toml(text: &str) -> Result<Recording, String> {
    let folder = folder(&[("x.toml", text), ("v.csv", &csv("-60,HR,70\n0,HR,71\n60,HR,72\n"))]);
    load(&folder.path().join("x.toml"), &Options::default()).map_err(|error| reason(&error, folder.path()))
}

fn scenario(patients: &str) -> Recording {
    load_toml(&format!("{HEAD}{patients}")).unwrap()
}

/// An error with all that lies behind it, without the folder of the test.
fn reason(error: &ReplayError, folder: &Path) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text += &format!(": {cause}");
        source = cause.source();
    }
    text.replace(&format!("{}/", folder.display()), "").trim_end().to_owned()
}

fn play(recording: &Recording) -> (Vec<SequencedEvent>, Outcome) {
    let mut out = Vec::new();
    let outcome = run(recording, EngineConfig::default(), &mut out, |_| {}).unwrap();
    let text = String::from_utf8(out).unwrap();
    (text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(), outcome)
}

/// `(seconds, value)` of one vital of the first patient.
fn values(recording: &Recording, vital: VitalCode, from: i64, to: i64) -> Vec<(f64, f64)> {
    let second = |at: Timestamp| at.since(recording.plan.zero).as_secs_f64();
    let window = recording.window(s(from), s(to));
    window.filter(|x| x.vital == vital && x.place == 0).map(|x| (second(x.at), x.value)).collect()
}

#[test]
fn a_folder_becomes_a_ward() {
    let one = csv("0,HR,70\n1,HR,71\n");
    let folder = folder(&[
        ("b.csv", &one),
        ("sub/a.csv", &one),
        ("sub/deep/b.CSV", &one),
        ("labels.csv", "id,label\n1,2\n"),
        ("empty.csv", &csv("0,XYZ,1\n")),
        ("notes.txt", "hello"),
    ]);
    std::os::unix::fs::symlink(folder.path(), folder.path().join("loop")).unwrap();
    let recording = load(folder.path(), &Options::default()).unwrap();
    let placed: Vec<(&str, &str, &str, &str)> = recording
        .plan
        .placements
        .iter()
        .map(|p| (p.bed.id.as_str(), p.patient.id.as_str(), p.patient.name.as_str(), p.device.id.as_str()))
        .collect();
    let expected = [("01", "a", "a", "mon-a"), ("02", "b", "b", "mon-b"), ("03", "sub/deep/b", "b", "mon-sub/deep/b")];
    assert_eq!(placed, expected);
    let skipped: Vec<String> = recording
        .intake
        .skipped
        .iter()
        .map(|x| format!("{}: {}", x.path.strip_prefix(folder.path()).unwrap().display(), x.why))
        .collect();
    insta::assert_snapshot!(skipped.join("\n"), @r#"
    empty.csv: no value of a known channel
    labels.csv: the first line is "id,label"; a recording begins with "time_s,channel,value"
    loop: a symbolic link: not followed
    "#);
    assert_eq!(recording.plan.zero.to_string(), "2000-01-01T00:00:00.000Z");
    assert_eq!(play(&recording).1.summary.samples, 6);
}

#[test]
fn from_one_hundred_beds_on_all_have_three_digits() {
    let one = csv("0,HR,70\n");
    let names: Vec<String> = (0..100).map(|i| format!("p{i:03}.csv")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), one.as_str())).collect();
    let folder = folder(&files);
    let recording = load(folder.path(), &Options::default()).unwrap();
    let beds: Vec<&str> = recording.plan.placements.iter().map(|p| p.bed.id.as_str()).collect();
    assert_eq!((beds[0], beds[99]), ("001", "100"));
    assert!(beds.is_sorted());
}

#[test]
fn times_count_from_the_given_start() {
    let start: Timestamp = "2024-02-29T23:00:00Z".parse().unwrap();
    let options = Options { start: Some(start), ..Options::default() };
    let recording = load_csv("-90,HR,70\n0.25,HR,71\n", &options);
    let at: Vec<Timestamp> = recording.samples().map(|x| x.at).collect();
    assert_eq!(at, [start - s(90), start + Millis(250)]);
    assert_eq!(recording.start(), start - s(90));
}

#[rstest]
#[case("0,HR,70\n1,HR,70\n2,HR,70\n60,HR,70\n", &[("hr", 1_000)])]
#[case("0,HR,70\n10,HR,70\n10,HR,71\n40,HR,70\n", &[("hr", 10_000)])]
#[case("0,HR,70\n0,SPO2,97\n60,HR,70\n", &[("hr", 60_000), ("spo2", 60_000)])]
#[case("0,TEMP_C,37\n0,HR,70\n", &[])]
#[case("0,TEMP_C,37\n0,HR,70\n5,HR,70\n", &[("hr", 5_000)])]
fn the_interval_is_the_median_spacing(#[case] lines: &str, #[case] expected: &[(&str, i64)]) {
    let recording = load_csv(lines, &Options::default());
    let found = &recording.plan.placements[0].device.intervals_ms;
    let found: Vec<(&str, i64)> = found.iter().map(|(vital, interval)| (vital.as_str(), interval.0)).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_given_interval_holds_for_every_vital() {
    let options = Options { interval: Some(s(2)), ..Options::default() };
    let recording = load_csv("0,TEMP_C,37\n0,HR,70\n5,HR,70\n", &options);
    let intervals = &recording.plan.placements[0].device.intervals_ms;
    assert_eq!((intervals[&HR], intervals[&TEMP]), (s(2), s(2)));
}

#[test]
fn a_value_sent_twice_is_dropped_another_value_is_a_conflict() {
    let recording = load_csv("5,HR,70\n0,HR,70\n5,HR,70\n5,HR,99\n5,SPO2,97\n6,HR,70\n", &Options::default());
    let (events, outcome) = play(&recording);
    let summary = &outcome.summary;
    assert_eq!((summary.samples, summary.duplicates, summary.conflicts), (4, 1, 1));
    let details: Vec<String> = events
        .iter()
        .filter_map(|e| match &e.event.body {
            EventBody::Alert { alert, .. } if alert.transition == 1 => alert.detail.clone(),
            _ => None,
        })
        .collect();
    assert_eq!(details, ["hr at 2000-01-01T00:00:05.000Z: 70 is stored, 99 was refused"]);
}

#[test]
fn a_run_begins_with_the_ward_and_ends_with_everybody_discharged() {
    let recording = load_csv("0,SPO2,80\n60,SPO2,80\n120,SPO2,80\n", &Options::default());
    let (events, outcome) = play(&recording);
    let types: Vec<String> =
        events.iter().map(|e| serde_json::to_value(&e.event).unwrap()["type"].as_str().unwrap().to_owned()).collect();
    let expected = [
        "engine_started",
        "ward_set",
        "bed_set",
        "admitted",
        "device_set",
        "assigned",
        "alert",
        "scored",
        "alert",
        "unassigned",
        "discharged",
    ];
    assert_eq!(types, expected);
    assert_eq!(events.last().unwrap().event.at, recording.plan.zero + s(120));
    let episode = outcome.episodes.iter().next().unwrap();
    assert!(episode.closed);
    assert_eq!(episode.onsets[0].cleared_at, None, "the end of the recording clears nothing");
    insta::assert_snapshot!(outcome.summary, @"
    patients: 1, samples: 3, events: 11
    alerts, physiological, medium: 1
    ");
}

/// Fails after some bytes.
struct Broken(usize);

impl std::io::Write for Broken {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(std::io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_broken_pipe_is_told_to_the_caller() {
    let recording = load_csv("0,SPO2,80\n60,SPO2,80\n", &Options::default());
    let error = run(&recording, EngineConfig::default(), &mut Broken(300), |_| {}).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
}

#[test]
fn a_script_may_be_a_number_a_curve_or_a_table() {
    let recording = scenario(
        "[vitals]\nspo2 = { noise = 0, interval_s = 10 }\n[[patient]]\nid = 'p'\nbed = 'b'\n[patient.vitals]\nhr = 72\n\
         spo2 = [[10, 90], [30, 94]]\n\
         temp = { curve = 37, interval_s = 300, offset_s = 60 }\n\
         nbp_sys = { curve = 120, interval_s = 300, zero = [[0, 1]], silent = [[300, 301]] }\n",
    );
    assert_eq!(values(&recording, HR, 0, 3), [(0.0, 72.0), (1.0, 72.0), (2.0, 72.0)]);
    assert_eq!(values(&recording, SPO2, 0, 41), [(0.0, 90.0), (10.0, 90.0), (20.0, 92.0), (30.0, 94.0), (40.0, 94.0)]);
    assert_eq!(values(&recording, TEMP, 0, 600), [(60.0, 37.0), (360.0, 37.0)]);
    assert_eq!(values(&recording, NBP_SYS, 0, 600), [(0.0, 0.0)]);
    let device = &recording.plan.placements[0].device;
    assert_eq!((device.id.as_str(), device.intervals_ms[&TEMP]), ("mon-p", s(300)));
}

#[test]
fn a_silent_device_sends_nothing_and_artefacts_go_one_way() {
    let recording = scenario(
        "[[patient]]\nid = 'p'\nbed = 'b'\nsilent = [[100, 200], [150, 220]]\n[patient.vitals]\nhr = 72\n\
         spo2 = { curve = 97, artefact = [[300, 400, -20]] }\n",
    );
    for vital in [HR, SPO2] {
        let times: Vec<f64> = values(&recording, vital, 90, 230).iter().map(|(at, _)| *at).collect();
        assert_eq!((times.len(), times[9], times[10]), (20, 99.0, 220.0));
    }
    let noisy: Vec<f64> = values(&recording, SPO2, 300, 400).iter().map(|(_, v)| *v).collect();
    assert!(noisy.iter().all(|v| (77.0..=97.0).contains(v)), "{noisy:?}");
    assert!(noisy.iter().any(|v| *v < 80.0) && noisy.iter().any(|v| *v > 94.0), "{noisy:?}");
    assert!(values(&recording, SPO2, 0, 100).iter().all(|(_, v)| *v == 97.0));
    assert_eq!(recording.count(), recording.samples().count() as u64);
}

const NOISY: &str = "[[patient]]\nid = 'p'\nbed = 'b'\n[patient.vitals]\n\
    hr = { curve = 80, noise = 2, wander = { sd = 4, tau_s = 60 } }\nspo2 = { curve = 95, noise = 1 }\n";

#[test]
fn noise_and_drift_have_the_stated_spread() {
    let recording = load_toml(&format!("{}{NOISY}", HEAD.replace("600", "100000"))).unwrap();
    let mean_sd = |values: &[f64]| {
        let n = f64::from(u32::try_from(values.len()).unwrap());
        let mean = values.iter().sum::<f64>() / n;
        (mean, (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt())
    };
    let hr: Vec<f64> = values(&recording, HR, 0, 100_000).iter().map(|(_, v)| *v).collect();
    let (mean, sd) = mean_sd(&hr);
    assert!((mean - 80.0).abs() < 0.5 && (3.5..5.0).contains(&sd), "{mean} {sd}");
    let steps: Vec<f64> = hr.windows(2).map(|w| w[1] - w[0]).collect();
    let (_, sd) = mean_sd(&steps);
    assert!((2.5..3.3).contains(&sd), "single values are independent, the drift is slow: {sd}");
}

#[test]
fn the_same_seed_gives_the_same_numbers_for_ever() {
    let recording = scenario(NOISY);
    let first: Vec<f64> = values(&recording, HR, 0, 12).iter().map(|(_, v)| *v).collect();
    insta::assert_debug_snapshot!(first, @"
    [
        85.0,
        79.0,
        82.0,
        81.0,
        80.0,
        82.0,
        82.0,
        81.0,
        82.0,
        83.0,
        85.0,
        80.0,
    ]
    ");
}

#[test]
fn another_patient_vital_or_seed_changes_nobody_else() {
    let alone = values(&scenario(NOISY), HR, 0, 600);
    let more = NOISY.replace("spo2 =", "rr = { curve = 15, noise = 1 }\nspo2 =")
        + "[[patient]]\nid = 'q'\nbed = 'c'\n[patient.vitals]\nhr = { curve = 80, noise = 2 }\n";
    let together = scenario(&more);
    assert_eq!(values(&together, HR, 0, 600), alone);
    let other: Vec<f64> = together.samples().filter(|x| x.place == 1).map(|x| x.value).collect();
    assert_ne!(other, alone.iter().map(|(_, v)| *v).collect::<Vec<f64>>());
    let folder = folder(&[("x.toml", &format!("{HEAD}{NOISY}"))]);
    let options = Options { seed: Some(8), ..Options::default() };
    assert_ne!(values(&load(&folder.path().join("x.toml"), &options).unwrap(), HR, 0, 600), alone);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// A window shows what the whole shows there, also beyond the end.
    #[test]
    fn windows_join(cuts in prop::collection::btree_set(0_i64..4_000, 0..6), csv in any::<bool>()) {
        let patient = if csv { "[[patient]]\nid = 'p'\nbed = 'b'\ncsv = 'v.csv'\n" } else { NOISY };
        let recording = load_toml(&format!("live_from_s = 60\n{HEAD}{patient}")).unwrap();
        let (first, end) = (s(-60), s(4_000));
        let whole: Vec<Sample> = recording.window(first, end).collect();
        let mut bounds = vec![first];
        bounds.extend(cuts.iter().map(|c| s(*c)));
        bounds.push(end);
        let joined: Vec<Sample> = bounds.windows(2).flat_map(|w| recording.window(w[0], w[1]).collect::<Vec<_>>()).collect();
        prop_assert_eq!(joined, whole);
    }
}

#[test]
fn beyond_its_end_a_recording_goes_on_from_where_laps_begin() {
    let text = "live_from_s = 300\n".to_owned()
        + HEAD
        + "[[patient]]\nid = 'p'\nbed = 'b'\n[patient.vitals]\nhr = { curve = [[0, 60], [600, 120]], interval_s = 100 }\n";
    let recording = load_toml(&text).unwrap();
    let expected = [(500.0, 110.0), (600.0, 90.0), (700.0, 100.0), (800.0, 110.0), (900.0, 90.0)];
    assert_eq!(values(&recording, HR, 500, 1000), expected);
    let recording = load_csv("0,HR,70\n10,HR,71\n20,HR,72\n", &Options::default());
    let expected = [(20.0, 72.0), (30.0, 70.0), (40.0, 71.0), (50.0, 72.0), (60.0, 70.0)];
    assert_eq!(values(&recording, HR, 20, 65), expected);
    assert_eq!(values(&recording, HR, 3_000_040, 3_000_055), [(3_000_040.0, 71.0), (3_000_050.0, 72.0)]);
}

#[test]
fn a_simulated_recording_survives_the_way_through_csv() {
    let text = NOISY.to_owned()
        + "temp = { curve = 37.2, noise = 0.1, interval_s = 60 }\n[[patient]]\nid = 'w/q'\nbed = 'c'\n[patient.vitals]\nhr = 60\n";
    let recording = scenario(&text);
    let target = tempfile::tempdir().unwrap();
    let files = write_folder(&recording, &target.path().join("new")).unwrap();
    let names: Vec<String> = files.iter().map(|f| f.file_name().unwrap().to_string_lossy().into_owned()).collect();
    assert_eq!(names, ["p.csv", "w_q.csv"]);
    let options = Options { start: Some(recording.plan.zero), ..Options::default() };
    let back = load(&target.path().join("new"), &options).unwrap();
    let strip = |r: &Recording| r.samples().map(|x| (x.at, x.place, x.vital, x.value, x.text)).collect::<Vec<_>>();
    assert_eq!(strip(&back), strip(&recording));
    let mut out = Vec::new();
    let nobody: PatientId = "nobody".parse().unwrap();
    assert_eq!(write_csv(&recording, &nobody, &mut out).unwrap(), 0);
    assert_eq!(out, b"time_s,channel,value\n");
}

#[test]
fn a_scenario_may_take_a_patient_from_csv() {
    let recording = load_toml(&format!(
        "{}[[patient]]\nid = 'p'\nbed = 'b'\ncsv = 'v.csv'\n",
        HEAD.replace("duration_s = 600\n", "start = '2026-01-01T00:00:00Z'\n")
    ))
    .unwrap();
    assert_eq!(values(&recording, HR, -100, 100), [(-60.0, 70.0), (0.0, 71.0), (60.0, 72.0)]);
    assert_eq!(recording.start().to_string(), "2025-12-31T23:59:00.000Z");
}

const PATIENT: &str = "[[patient]]\nid = 'p'\nbed = 'b'\n";

#[test]
fn a_wrong_scenario_is_refused_and_says_why() {
    let vitals = |vitals: &str| format!("{PATIENT}vitals = {{ {vitals} }}\n");
    let cases = [
        String::new(),
        PATIENT.to_owned(),
        format!("{PATIENT}csv = 'v.csv'\nvitals = {{ hr = 70 }}\n"),
        format!("{PATIENT}csv = 'none.csv'\n"),
        "[[patient]]\nid = 'p q'\nbed = 'b'\n".to_owned(),
        vitals("hr = 70") + &vitals("hr = 70").replace("'p'", "'q'"),
        vitals("hrr = 70"),
        vitals("temp = 37"),
        vitals("hr = { noise = 1 }"),
        vitals("hr = [[10, 70], [10, 80]]"),
        vitals("hr = [[0, 70], [10, 0]]"),
        vitals("hr = { curve = 70, zero = [[20, 10]] }"),
        vitals("hr = { curve = 70, artefact = [[10, 20, inf]] }"),
        vitals("hr = { curve = 70, interval_s = 0 }"),
        vitals("hr = { curve = 70, noise = nan }"),
        vitals("hr = { curve = 70, wander = { sd = 1, tau_s = 0 } }"),
        vitals("hr = { curve = 70, nois = 1 }"),
        vitals("hr = 'high'"),
    ];
    let reasons: Vec<String> = cases.iter().map(|c| load_toml(&format!("{HEAD}{c}")).unwrap_err()).collect();
    insta::assert_snapshot!(reasons.join("\n"), @r#"
    x.toml: patient: there is none: write at least one [[patient]]
    x.toml: patient p: nothing to play: give `csv` or [patient.vitals]
    x.toml: patient p: values come from `csv` or from the simulator: leave one of them out
    cannot read none.csv: No such file or directory (os error 2)
    x.toml cannot be understood: TOML parse error at line 5, column 6
      |
    5 | id = 'p q'
      |      ^^^^^
    an identifier holds ' '; allowed are letters, digits and . _ : / @ + -
    x.toml: patient q: bed "b" is another patient's already: give each their own
    x.toml: patient p, vital hrr: there is no such vital: docs/replay.md lists them
    x.toml: patient p, vital temp, interval_s: a vital that is measured now and then needs one
    x.toml: patient p, vital hr, curve: at least one point [second, value] is wanted
    x.toml: patient p, vital hr, curve: each point must be later than the one before
    x.toml: patient p, vital hr, curve: a value is outside the plausible range of the vital; for a 0 use `zero`
    x.toml: patient p, vital hr, zero: spans are [from, to] in seconds from second 0, with from before to
    x.toml: patient p, vital hr, artefact: an amplitude is a number in the unit of the vital
    x.toml: patient p, vital hr, interval_s: seconds from 0.1 to 86400 are wanted
    x.toml: patient p, vital hr, noise: a standard deviation from 0 to 1000 is wanted, in the unit of the vital
    x.toml: patient p, vital hr, wander.tau_s: seconds from 1 to 86400 are wanted
    x.toml cannot be understood: TOML parse error at line 7, column 31
      |
    7 | vitals = { hr = { curve = 70, nois = 1 } }
      |                               ^^^^
    unknown field `nois`, expected one of `interval_s`, `history_interval_s`, `offset_s`, `noise`, `wander`, `curve`, `zero`, `silent`, `artefact`
    x.toml cannot be understood: TOML parse error at line 7, column 17
      |
    7 | vitals = { hr = 'high' }
      |                 ^^^^^^
    invalid type: string "high", expected a number, or a curve such as [[0, 97], [600, 88]], or a table with curve, interval_s, noise …
    "#);
}

#[rstest]
#[case("duration_s = 600\n", "live_from_s = 600\nduration_s = 600\n")]
#[case("duration_s = 600\n", "")]
#[case("duration_s = 600\n", "duration_s = -1\n")]
#[case("duration_s = 600\n", "duration_s = 600\nseconds = 3\n")]
#[case("time_zone = 'UTC'", "time_zone = 'Mars'")]
fn a_wrong_head_is_refused(#[case] from: &str, #[case] to: &str) {
    assert!(load_toml(&format!("{HEAD}{PATIENT}vitals = {{ hr = 70 }}\n")).is_ok());
    let head = HEAD.replace(from, to);
    assert!(load_toml(&format!("{head}{PATIENT}vitals = {{ hr = 70 }}\n")).is_err());
}

#[test]
fn a_path_without_a_recording_is_an_error() {
    let folder = folder(&[("labels.csv", "a,b\n"), ("sub/empty.csv", &csv(""))]);
    let paths = ["none", "labels.csv", "sub/empty.csv", "sub"];
    let why = |path| reason(&load(&folder.path().join(path), &Options::default()).unwrap_err(), folder.path());
    insta::assert_snapshot!(paths.map(why).join("\n"), @r#"
    cannot read none: No such file or directory (os error 2)
    labels.csv is no recording: the first line is "a,b"; a recording begins with "time_s,channel,value"
    sub/empty.csv has no value of a known channel: docs/replay.md lists the channels
    sub has no value of a known channel: docs/replay.md lists the channels
    "#);
}

#[test]
fn the_examples_of_the_document_can_be_read() {
    let document = include_str!("../../docs/replay.md");
    let blocks = |kind: &str| -> Vec<&str> {
        document.split(&format!("```{kind}\n")).skip(1).filter_map(|rest| rest.split("```").next()).collect()
    };
    let [text, expectations] = blocks("toml")[..] else { panic!("two examples are wanted") };
    let recording = load_toml(text).unwrap();
    let vitals: std::collections::BTreeSet<String> = recording.samples().map(|x| x.vital.to_string()).collect();
    assert_eq!(vitals.into_iter().collect::<Vec<_>>(), ["hr", "nbp_sys", "rr", "spo2"]);
    let folder = folder(&[("e.toml", expectations), ("a.csv", blocks("csv")[0])]);
    assert!(Expectations::read(&folder.path().join("e.toml")).is_ok());
    assert_eq!(load(&folder.path().join("a.csv"), &Options::default()).unwrap().count(), 3);
}
