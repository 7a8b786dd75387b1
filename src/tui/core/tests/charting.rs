//! Charting at the bed.

use super::*;
use crate::domain::{Actor, ChartEntry, Consciousness};

fn charted(role: Role, keys: &str) -> Bench {
    let mut bench = Bench::with(night());
    bench.app.session = Some(testing::session(role));
    bench.type_text("w");
    bench.key(Key::plain(KeyCode::Enter));
    bench.type_text("i");
    for c in keys.chars() {
        bench.key(if c == '\n' { Key::plain(KeyCode::Enter) } else { Key::char(c) });
    }
    bench
}

#[rstest::rstest]
#[case("124y", r#"{"entry":"consciousness","level":"confusion","for_ms":43200000}"#)]
#[case("111y", r#"{"entry":"consciousness","level":"alert","for_ms":3600000}"#)]
#[case("21y", r#"{"entry":"oxygen","given":false}"#)]
#[case("222,5\ny", r#"{"entry":"oxygen","given":true,"flow":2.5}"#)]
#[case("2328\ny", r#"{"entry":"oxygen","given":true,"fio2":28.0}"#)]
#[case("2440 50\ny", r#"{"entry":"oxygen","given":true,"flow":40.0,"fio2":50.0,"high_flow":true}"#)]
#[case("321y", r#"{"entry":"scale","scale":"two","reason":"hypercapnia by blood gas"}"#)]
#[case("42y", r#"{"entry":"pregnancy","pregnant":false}"#)]
fn keys_make_an_entry(#[case] keys: &str, #[case] json: &str) {
    let bench = charted(Role::Doctor, keys);
    let mut expected: serde_json::Value = serde_json::from_str(json).unwrap();
    let fields = expected.as_object_mut().unwrap();
    fields.insert("command".into(), "chart".into());
    fields.insert("patient".into(), "p04".into());
    let made: Vec<_> = commands(&bench).iter().map(|c| serde_json::to_value(c).unwrap()).collect();
    assert_eq!(made, [expected]);
    assert_eq!(bench.app.dialog, None);
}

#[rstest::rstest]
#[case("22x\n", "a number is wanted")]
#[case("22200\n", "oxygen flow in L/min is between 0 and 80")]
#[case("2320\n", "inspired oxygen in % is between 21 and 100")]
#[case("2440\n", "two numbers are wanted, such as 40 50")]
fn a_number_that_cannot_be_is_told_at_once(#[case] keys: &str, #[case] why: &str) {
    let bench = charted(Role::Nurse, keys);
    let Some(Dialog::Sheet(sheet)) = &bench.app.dialog else { panic!() };
    assert_eq!((sheet.wrong.as_deref(), commands(&bench)), (Some(why), vec![]));
}

#[test]
fn a_nurse_does_not_decide_on_the_scale_and_a_viewer_charts_nothing() {
    let bench = charted(Role::Nurse, "3");
    let Some(Dialog::Sheet(sheet)) = &bench.app.dialog else { panic!() };
    assert_eq!((sheet.answers.len(), sheet.choices[2].not_now), (0, Some("a doctor decides")));
    let bench = charted(Role::Viewer, "");
    assert_eq!(bench.app.dialog, None);
    assert_eq!(bench.app.notice.unwrap().text, "not now: your role may not chart");
}

#[test]
fn escape_goes_back_from_a_typed_number_to_how() {
    let mut bench = charted(Role::Nurse, "224");
    let answers = |bench: &Bench| match &bench.app.dialog {
        Some(Dialog::Sheet(sheet)) => Some(sheet.answers.len()),
        _ => None,
    };
    for left in [Some(1), Some(0), None] {
        bench.key(Key::plain(KeyCode::Esc));
        assert_eq!(answers(&bench), left);
    }
}

#[test]
fn what_is_charted_is_named_beside_what_is_asked() {
    let mut view = night();
    let entry = ChartEntry::Consciousness { level: Consciousness::Alert, span: None };
    view.patients.get_mut(&testing::patient_id(4)).unwrap().chart.enter(&entry, &Actor::System, testing::t0());
    let mut bench = Bench::with(view);
    bench.type_text("wi");
    let Some(Dialog::Sheet(sheet)) = &bench.app.dialog else { panic!() };
    assert_eq!(sheet.choices[0].words, "consciousness: A alert");
    assert_eq!(sheet.choices[1].words, "oxygen or air");
    bench.type_text("152");
    bench.key(Key::char('y'));
    assert_eq!(said(bench, true, None), "04 Okafor Chidi: chart says: U does not react");
}
