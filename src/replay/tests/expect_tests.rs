//! Runs compared with what was expected.

use super::*;

#[rstest]
#[case("")]
#[case("[[forbid]]\n")]
#[case("[[expect]]\npatient = 'p'\n")]
#[case("[[expect]]\npatient = 'p'\nraised_between = [1]\n")]
#[case("[[expect]]\npatient = 'p'\nraised_between = ['noon', 5]\n")]
#[case("[[expect]]\npatient = 'p'\nraised_between = [1, 5]\npriority = 'urgent'\n")]
#[case("[[expect]]\npatient = 'p'\nraised_between = [1, 5]\nraised = 3\n")]
#[case::technical("[[forbid]]\nclass = 'technical'\ncondition = 'spo2.low'\n")]
#[case::physiological("[[forbid]]\nclass = 'physiological'\ncondition = 'device.lost'\n")]
#[case::of_another_vital("[[forbid]]\nvital = 'hr'\ncondition = 'spo2.low'\n")]
#[case::of_no_vital("[[expect]]\npatient = 'p'\nraised_between = [1, 5]\nvital = 'hr'\ncondition = 'device.lost'\n")]
fn wrong_expectations_are_refused(#[case] text: &str) {
    let folder = folder(&[("e.toml", text)]);
    assert!(Expectations::read(&folder.path().join("e.toml")).is_err(), "{text}");
}

#[rstest]
#[case("[[forbid]]\nvital = 'spo2'\n", None)]
#[case("[[forbid]]\nclass = 'technical'\ncondition = 'device.alert.apnea'\n", None)]
#[case("[[forbid]]\nvital = 'sp02'\n", Some("forbid 1: there is no vital sp02"))]
#[case("[[forbid]]\nvital = 'hr'\n[[forbid]]\ncondition = 'sp02.low'\n", Some("forbid 2: there is no vital sp02"))]
fn a_vital_that_there_is_not_is_refused(#[case] text: &str, #[case] said: Option<&str>) {
    let folder = folder(&[("e.toml", text)]);
    let path = folder.path().join("e.toml");
    let expectations = Expectations::read(&path).unwrap();
    let refused = expectations.check_vitals(&path, &crate::domain::VitalTable::builtin()).err();
    match said {
        Some(said) => assert!(refused.unwrap().to_string().contains(said)),
        None => assert!(refused.is_none()),
    }
}

/// An expectation is met only if all of it holds.
#[rstest]
#[case("raised_between = [60, 70]", true)]
#[case("raised_between = [61, 70]", true)]
#[case("raised_between = [71, 80]", false)]
#[case("raised_between = [60, 80]\nclass = 'physiological'\nvital = 'spo2'\ncondition = 'spo2.low'", true)]
#[case("raised_between = [60, 80]\nclass = 'technical'", false)]
#[case("raised_between = [60, 80]\nvital = 'hr'", false)]
#[case("raised_between = [60, 80]\ncondition = 'spo2.high'", false)]
#[case("raised_between = [60, 80]\npriority = 'medium'", true)]
#[case("raised_between = [60, 80]\npriority = 'high'", false)]
#[case("raised_between = [60, 80]\ncleared_between = [125, 125]", true)]
#[case("raised_between = [60, 80]\ncleared_between = [0, 124.9]", false)]
fn an_expectation_holds_only_as_a_whole(#[case] rest: &str, #[case] holds: bool) {
    let recording = load_csv("0,SPO2,97\n60,SPO2,85\n120,SPO2,97\n180,SPO2,97\n", &Options::default());
    let (_, outcome) = play(&recording);
    let folder = folder(&[("e.toml", &format!("[[expect]]\npatient = 'a'\n{rest}\n"))]);
    let expectations = Expectations::read(&folder.path().join("e.toml")).unwrap();
    let verdict = expect::check(&recording.plan, &outcome.episodes, &expectations);
    assert_eq!(verdict.is_good(), holds, "{verdict}");
}

#[test]
fn an_alert_that_only_the_end_closes_is_not_cleared() {
    let recording = load_csv("0,SPO2,85\n60,SPO2,85\n", &Options::default());
    let (_, outcome) = play(&recording);
    let rule = "[[expect]]\npatient = 'a'\nraised_between = [0, 60]\ncleared_between = [0, 600]\n";
    let folder = folder(&[("e.toml", rule)]);
    let expectations = Expectations::read(&folder.path().join("e.toml")).unwrap();
    let verdict = expect::check(&recording.plan, &outcome.episodes, &expectations);
    assert!(verdict.to_string().contains("it was not cleared before the recording ended"), "{verdict}");
}

#[test]
fn a_latched_alert_that_comes_back_has_two_onsets() {
    let low = "85\n60,SPO2,70\n120,SPO2,97\n180,SPO2,97\n240,SPO2,85\n300,SPO2,97\n";
    let (_, outcome) = play(&load_csv(&format!("0,SPO2,{low}360,SPO2,97\n"), &Options::default()));
    let episodes: Vec<&Episode> = outcome.episodes.iter().collect();
    let [episode] = episodes.as_slice() else { panic!("{episodes:?}") };
    assert_eq!((episode.class, episode.onsets.len()), (AlertClass::Physiological, 2));
    assert!(episode.onsets.iter().all(|o| o.cleared_at.is_some()));
}
