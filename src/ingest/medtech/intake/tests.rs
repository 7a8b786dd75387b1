use super::*;
use crate::domain::{
    Millis,
    vital::{HR, NBP_DIA, NBP_SYS, SPO2},
};
use proptest::prelude::*;

const DEVICE: &[u8] = include_bytes!("../../../../fixtures/mapping/monitor.device.json");
const FHIR: &[u8] = include_bytes!("../../../../fixtures/mapping/monitor.fhir.json");

fn intake() -> MedtechIntake {
    MedtechIntake::load(
        (DEVICE, FHIR),
        &VitalTable::builtin(),
        Arithmetic::default(),
        Compat::default(),
        Observations::Kept,
    )
    .unwrap()
}

fn now() -> Timestamp {
    "2026-03-01T08:15:10Z".parse().unwrap()
}

fn decode(body: &[u8], form: BodyForm) -> Result<MedtechDecoded, BodyError> {
    let (vitals, sender) = (VitalTable::builtin(), "gw".parse().unwrap());
    let oldest = now() - Millis::from_mins(60);
    intake().decode(body, form, DecodeRules { vitals: &vitals, sender: &sender, now: now(), oldest, max_items: 8 })
}

fn one(body: &str) -> MedtechDecoded {
    decode(body.as_bytes(), BodyForm::Json).unwrap()
}

fn refused(decoded: &MedtechDecoded) -> Vec<(RejectionCode, &str)> {
    let refused = decoded.decoded.iter().filter_map(|item| item.as_ref().err());
    refused.map(|r| (r.rejection.code, r.rejection.detail.as_str())).collect()
}

#[test]
fn a_message_becomes_readings_of_our_vitals() {
    let made = one(include_str!("../../../../fixtures/mapping/monitor.first.json"));
    let readings: Vec<(VitalCode, f64)> =
        made.decoded.iter().map(|item| item.as_ref().unwrap()).map(|r| (r.vital, r.value)).collect();
    assert_eq!(readings, [(HR, 72.0), (SPO2, 97.5), (NBP_SYS, 128.0), (NBP_DIA, 76.0)]);
    let first = made.decoded[0].as_ref().unwrap();
    assert_eq!((first.device.as_str(), first.named_patient.as_ref().unwrap().as_str()), ("mon-07", "p04"));
    assert_eq!(first.observed_at, now() - Millis::from_secs(10));
    assert_eq!((made.messages, made.unmatched, made.measurements, made.not_shown), (1, 0, 3, 0));
}

#[test]
fn the_vitals_of_a_mapping_are_known_before_any_message() {
    let mut wanted = vec![HR, SPO2, NBP_SYS, NBP_DIA];
    wanted.sort_unstable();
    assert_eq!(intake().vitals(), wanted);
}

#[test]
fn what_no_template_matches_is_refused_and_kept() {
    let made = one(r#"{ "steps": 12 }"#);
    assert_eq!((made.messages, made.unmatched), (1, 1));
    let [(code, detail)] = refused(&made)[..] else { panic!("{made:?}") };
    assert!(code == RejectionCode::Unmatched && detail.contains("mapping try"), "{detail}");
    assert_eq!(made.decoded[0].as_ref().unwrap_err().payload, r#"{ "steps": 12 }"#);
}

#[test]
fn a_template_that_fails_names_itself_and_costs_the_others_nothing() {
    let made =
        one(r#"{ "monitor": "m1", "taken": "2026-03-01T08:15:00Z", "ecg": {}, "cuff": { "sys": 120, "dia": 70 } }"#);
    let [(code, detail)] = refused(&made)[..] else { panic!("{made:?}") };
    assert!(code == RejectionCode::Mapping && detail.starts_with("template 1, \"heartrate\" at "), "{detail}");
    assert_eq!(made.decoded.iter().filter(|item| item.is_ok()).count(), 2);
}

#[test]
fn each_value_is_checked_as_any_other() {
    let made = |ecg: &str, taken: &str, monitor: &str| {
        let made = one(&format!(r#"{{ "monitor": "{monitor}", "taken": "{taken}", "ecg": {{ "rate": {ecg} }} }}"#));
        let refused = refused(&made);
        assert_eq!(refused.len(), 1, "{made:?}");
        (refused[0].0, refused[0].1.to_owned())
    };
    let good = "2026-03-01T08:15:00Z";
    assert_eq!(made("\"fast\"", good, "m1").0, RejectionCode::NotANumber);
    assert_eq!(made("1000", good, "m1").0, RejectionCode::Impossible);
    assert_eq!(made("72", "2026-03-01T09:15:00Z", "m1").0, RejectionCode::InTheFuture);
    assert_eq!(made("72", "2026-03-01T01:15:00Z", "m1").0, RejectionCode::TooOld);
    let (code, detail) = made("72", good, "no such");
    assert!(
        code == RejectionCode::UnknownDevice && detail.contains("hr of type \"heartrate\": device \"no such\""),
        "{detail}"
    );
}

#[test]
fn a_clock_that_is_ahead_is_told_with_its_device() {
    let made = one(r#"{ "monitor": "m1", "taken": "2026-03-01T09:15:00Z", "ecg": { "rate": 72 } }"#);
    let ahead = made.decoded[0].as_ref().unwrap_err().ahead.clone();
    assert_eq!(ahead, Some(("m1".parse().unwrap(), "2026-03-01T09:15:00Z".parse().unwrap())));
}

#[test]
fn one_message_a_line_and_a_bad_one_harms_no_other() {
    let good = r#"{ "monitor": "m1", "taken": "2026-03-01T08:15:00Z", "ecg": { "rate": 72 } }"#;
    let made = decode(format!("{good}\n\n{{\n{good}\n").as_bytes(), BodyForm::Ndjson).unwrap();
    assert_eq!((made.messages, made.measurements, made.decoded.len()), (3, 2, 3));
    assert!(matches!(refused(&made)[..], [(RejectionCode::Malformed, _)]));
    assert_eq!(decode(b" \n ", BodyForm::Ndjson).unwrap_err(), BodyError::Empty);
    let many = [good; 9].join("\n");
    assert_eq!(decode(many.as_bytes(), BodyForm::Ndjson).unwrap_err(), BodyError::TooMany { max: 8 });
}

#[test]
fn values_that_are_no_vital_are_counted_and_mappings_without_any_are_refused() {
    let vitals = VitalTable::builtin();
    let load = |device: &str, fhir: &str| {
        MedtechIntake::load(
            (device.as_bytes(), fhir.as_bytes()),
            &vitals,
            Arithmetic::default(),
            Compat::default(),
            Observations::NotKept,
        )
    };
    let device = |values: &str| {
        format!(
            r#"{{"templateType":"CollectionContent","template":[{{"templateType":"JsonPathContent","template":{{
               "typeName":"watch","typeMatchExpression":"$..[?(@watch)]","deviceIdExpression":"$.watch",
               "timestampExpression":"$.at","values":[{values}]}}}}]}}"#
        )
    };
    let value = |name: &str| format!(r#"{{"valueName":"{name}","valueExpression":"$.{name}"}}"#);
    let fhir = |name: &str, unit: &str| {
        format!(
            r#"{{"templateType":"CollectionFhir","template":[{{"templateType":"CodeValueFhir","template":{{"typeName":"Watch",
               "codes":[{{"code":"x","system":"y","display":"z"}}],"components":[{{"codes":[{{"code":"c","system":"y"}}],"value":
               {{"valueName":"{name}","valueType":"Quantity","unit":"{unit}"}}}}]}}}}]}}"#
        )
    };
    let both = device(&[value("hr"), value("steps")].join(","));
    let intake = load(&both, &fhir("hr", "bpm")).unwrap();
    let sender = "gw".parse().unwrap();
    let rules = DecodeRules {
        vitals: &vitals,
        sender: &sender,
        now: now(),
        oldest: now() - Millis::from_mins(60),
        max_items: 8,
    };
    let made = intake.decode(br#"{"watch":"w1","at":"2026-03-01T08:15:00Z","hr":61,"steps":9}"#, BodyForm::Json, rules);
    let made = made.unwrap();
    assert_eq!((made.decoded.len(), made.not_shown), (1, 1));
    assert_eq!(load(&device(&value("steps")), &fhir("steps", "1")).unwrap_err(), MappingError::NothingShown);
    assert_eq!(load(&both, &fhir("hr", "Hz")).unwrap_err(), MappingError::NothingShown, "nothing is converted");
    let wrong = load("{", &fhir("hr", "bpm")).unwrap_err();
    assert!(
        matches!(wrong, MappingError::Load { file: MappingFile::Device, .. }) && wrong.to_string().contains("line 1")
    );
    let wrong = load(&both, "[]").unwrap_err();
    assert!(wrong.to_string().starts_with("the FHIR mapping is wrong: "), "{wrong}");
}

proptest! {
    /// Whatever comes, it is decoded or refused, and nothing is both or neither.
    #[test]
    fn no_body_harms(body in prop::collection::vec(any::<u8>(), 0..300), lines in any::<bool>()) {
        let form = if lines { BodyForm::Ndjson } else { BodyForm::Json };
        if let Ok(made) = decode(&body, form) {
            prop_assert!(made.messages > 0);
            prop_assert!(made.decoded.iter().all(|item| item.is_ok() || item.as_ref().is_err_and(|r| !r.rejection.detail.is_empty())));
        }
    }
}
