use super::*;
use crate::{
    domain::{Millis, VitalTable},
    protocol::RejectionCode,
};
use proptest::prelude::*;
use rstest::rstest;

fn decoded(text: &str) -> Result<Resource, FhirError> {
    decoded_of(text, &[])
}

fn decoded_of(text: &str, patient_systems: &[String]) -> Result<Resource, FhirError> {
    let codes = VitalCodes::new(&VitalTable::builtin());
    let oldest = "2020-01-01T00:00:00Z".parse().unwrap();
    decode(
        text.as_bytes(),
        FhirRules { codes: &codes, oldest, patient_systems, came: Some("2026-03-02T00:00:00Z".parse().unwrap()) },
    )
}

fn observation(code: &str, members: &str) -> String {
    format!(
        r#"{{"resourceType":"Observation","status":"final","code":{{"coding":[{{"system":"http://loinc.org","code":"{code}"}}]}},
        "subject":{{"reference":"Patient/p1"}},"effectiveDateTime":"2026-03-01T10:00:00.25+01:00"{members}}}"#
    )
}

fn quantity(value: &str, unit: &str) -> String {
    format!(r#""valueQuantity":{{"value":{value},"unit":"x","system":"{UCUM}","code":"{unit}"}}"#)
}

fn said(text: &str) -> Said {
    decoded(text).unwrap().said.unwrap()
}

#[test]
fn a_vital_is_read_with_its_digits_and_its_time() {
    let said = said(&observation("8310-5", &format!(",{}", quantity("37.00", "Cel"))));
    assert_eq!(said.subject, Subject::Patient { id: Some("p1".into()), identifier: None });
    assert_eq!(said.at.unwrap(), "2026-03-01T09:00:00Z".parse::<Timestamp>().unwrap() + Millis(250));
    let [value] = said.values.as_slice() else { panic!("{said:?}") };
    assert_eq!((value.vital.as_str(), value.value, value.text.as_deref()), ("temp", 37.0, Some("37.00")));
    assert_eq!(value.expression, "Observation.value.ofType(Quantity)");
    assert_eq!((said.group.as_str(), said.notes.len()), ("vital|temp", 0));
}

#[test]
fn a_panel_gives_each_of_its_values() {
    let component = |code: &str, value: &str| {
        format!(
            r#"{{"code":{{"coding":[{{"system":"http://loinc.org","code":"{code}"}}]}},{}}}"#,
            quantity(value, "mm[Hg]")
        )
    };
    let list = format!(r#","component":[{},{}]"#, component("8480-6", "121"), component("8462-4", "78"));
    let panel = said(&observation("85354-9", &list));
    let values: Vec<String> =
        panel.values.iter().map(|v| format!("{}={} {}", v.vital, v.value, v.expression)).collect();
    insta::assert_snapshot!(values.join("\n"), @r"
    nbp_sys=121 Observation.component[0].value.ofType(Quantity)
    nbp_dia=78 Observation.component[1].value.ofType(Quantity)
    ");
    assert_eq!(panel.group, "http://loinc.org|85354-9");
    let twice = format!(r#","component":[{},{}]"#, component("8480-6", "121"), component("8480-6", "122"));
    let Err(FhirError::Unusable(twice)) = decoded(&observation("85354-9", &twice)) else { panic!() };
    assert_eq!(twice.code, RejectionCode::Conflict);
}

#[test]
fn a_code_of_mdc_says_more_than_one_of_loinc() {
    let text = observation("8867-4", &format!(",{}", quantity("48", "/min")))
        .replace(r#""code":"8867-4"}"#, &format!(r#""code":"8867-4"}},{{"system":"{MDC}","code":"149530"}}"#));
    assert_eq!(said(&text).values[0].vital.as_str(), "pulse");
}

#[rstest]
#[case(&observation("777-3", r#","valueQuantity":{"value":189,"unit":"10*3/uL"}"#), "Observation.code", "no code in it")]
#[case(&observation("8867-4", r#","dataAbsentReason":{"text":"off"}"#), "Observation", "reason for having no value")]
#[case(&observation("8867-4", r#","valueString":"fast""#), "Observation", "only a valueQuantity")]
#[case(&observation("8867-4", r#","valueQuantity":{"value":40,"comparator":"<"}"#), "Observation.value.ofType(Quantity).comparator", "comparison")]
#[case(&observation("8867-4", r#","valueQuantity":{"value":72}"#).replace("T10:00:00.25+01:00", ""), "Observation.effective", "no time to the second")]
#[case(&observation("8867-4", r#","valueQuantity":{"value":72}"#).replace("2026-", "1999-"), "Observation.effective", "older")]
#[case(&observation("8867-4", r#","valueQuantity":{"value":72}"#).replace("final", "cancelled"), "Observation.status", "no measurement")]
#[case(&observation("8867-4", r#","valueQuantity":{"value":72}"#).replace("Patient/p1", "Device/d1"), "Observation.subject", "of a device")]
fn what_is_not_judged_is_kept_and_told(#[case] text: &str, #[case] expression: &str, #[case] says: &str) {
    let said = said(text);
    assert!(said.values.is_empty(), "{said:?}");
    let [note] = said.notes.as_slice() else { panic!("{said:?}") };
    assert_eq!(note.expression[0], expression);
    assert!(note.diagnostics.contains(says), "{note:?}");
}

#[rstest]
#[case(&observation("8867-4", &format!(",{}", quantity("72", "mm[Hg]"))), RejectionCode::WrongUnit, "Observation.value.ofType(Quantity)")]
#[case(&observation("8867-4", &format!(",{}", quantity("7200", "/min"))), RejectionCode::Impossible, "Observation.value.ofType(Quantity).value")]
#[case(&observation("8867-4", "").replace("Patient/p1", "Group/1"), RejectionCode::Malformed, "Observation.subject")]
#[case(&observation("8867-4", "").replace("Patient/p1", "http://elsewhere/Patient/p1"), RejectionCode::WrongPatient, "Observation.subject.reference")]
#[case(&observation("8867-4", "").replace(r#""reference":"Patient/p1""#, r#""display":"Ana""#), RejectionCode::WrongPatient, "Observation.subject")]
#[case(&observation("8867-4", r#","device":{"reference":"http://x/Device/1"}"#), RejectionCode::UnknownDevice, "Observation.device.reference")]
fn what_cannot_be_used_is_refused(#[case] text: &str, #[case] code: RejectionCode, #[case] expression: &str) {
    let Err(FhirError::Unusable(unusable)) = decoded(text) else { panic!("{text}") };
    assert_eq!((unusable.code, unusable.issue.expression[0].as_str()), (code, expression));
}

#[test]
fn mass_and_moles_are_never_mixed_up_in_silence() {
    let glucose = said(&observation("2339-0", &format!(",{}", quantity("5.5", "mmol/L"))));
    assert!((glucose.values[0].value - 99.0858).abs() < 1e-6);
    assert_eq!(glucose.values[0].text, None, "the text is of another unit");
    assert!(glucose.notes[0].diagnostics.contains("molar mass"), "{glucose:?}");
}

#[rstest]
#[case(r#"[{"value":"a"}]"#, Some("a"))]
#[case(r#"[{"value":"a"},{"type":{"coding":[{"code":"MR"}]},"value":"b"}]"#, Some("b"))]
#[case(
    r#"[{"type":{"coding":[{"code":"PI"}]},"value":"a"},{"type":{"coding":[{"code":"MR"}]},"value":"b"}]"#,
    Some("b")
)]
#[case(r#"[{"value":"a"},{"value":"b"}]"#, None)]
fn a_patient_is_one_of_ours_by_one_identifier(#[case] identifiers: &str, #[case] expected: Option<&str>) {
    let text = format!(r#"{{"resourceType":"Patient","identifier":{identifiers}}}"#);
    assert_eq!(decoded(&text).unwrap().link.as_deref(), expected);
}

#[test]
fn a_bundle_is_no_resource_that_is_kept() {
    let Err(FhirError::NotFhir(issues)) = decoded(r#"{"resourceType":"Bundle","type":"batch"}"#) else { panic!() };
    assert!(issues[0].diagnostics.contains("base address"), "{issues:?}");
}

#[rstest]
#[case::plain(r#""value":"p2""#, &[], true)]
#[case::any_system(r#""system":"urn:h","value":"p2""#, &[], true)]
#[case::of_a_patient(r#""type":{"coding":[{"code":"PI"}]},"value":"p2""#, &[], true)]
#[case::of_a_visit(r#""type":{"coding":[{"code":"VN"}]},"value":"p2""#, &[], false)]
#[case::of_some_type(r#""type":{"text":"visit"},"value":"p2""#, &[], false)]
#[case::of_here(r#""system":"urn:h","value":"p2""#, &["urn:h"], true)]
#[case::ours(r#""system":"urn:wardwatch:patient","value":"p2""#, &["urn:h"], true)]
#[case::of_elsewhere(r#""system":"urn:other","type":{"coding":[{"code":"MR"}]},"value":"p2""#, &["urn:h"], false)]
fn type_and_system_say_whether_an_identifier_is_of_a_patient(
    #[case] identifier: &str,
    #[case] systems: &[&str],
    #[case] good: bool,
) {
    let systems: Vec<String> = systems.iter().map(|s| (*s).to_owned()).collect();
    let patient = format!(r#"{{"resourceType":"Patient","identifier":[{{{identifier}}}]}}"#);
    assert_eq!(decoded_of(&patient, &systems).unwrap().link.as_deref(), good.then_some("p2"));
    let whose = format!(r#""identifier":{{{identifier}}}"#);
    let text = observation("8867-4", "").replace(r#""reference":"Patient/p1""#, &whose);
    match decoded_of(&text, &systems) {
        Ok(resource) => {
            let subject = Subject::Patient { id: None, identifier: Some("p2".into()) };
            assert!(good && resource.said.unwrap().subject == subject);
        }
        Err(FhirError::Unusable(why)) => {
            assert!(!good && why.issue.expression[0] == "Observation.subject.identifier", "{why:?}");
        }
        Err(other) => panic!("{other:?}"),
    }
}

#[rstest]
#[case::of_all(r#","modifierExtension":[{"url":"urn:target","valueBoolean":true}]"#, "Observation.modifierExtension")]
#[case::rules(r#","implicitRules":"urn:x""#, "Observation.implicitRules")]
#[case::contained(
    r#","contained":[{"resourceType":"Device","implicitRules":"urn:x"}]"#,
    "Observation.contained[0].implicitRules"
)]
fn a_modifier_that_is_not_known_is_refused(#[case] member: &str, #[case] expression: &str) {
    let text = observation("8867-4", &format!(r#",{}{member}"#, quantity("44", "/min")));
    let Err(FhirError::Unusable(why)) = decoded(&text) else { panic!("{text}") };
    assert_eq!((why.code, why.issue.expression[0].as_str()), (RejectionCode::Malformed, expression));
    let codes = VitalCodes::new(&VitalTable::builtin());
    let kept = FhirRules { codes: &codes, oldest: Timestamp::MIN, patient_systems: &[], came: None };
    assert!(decode(text.as_bytes(), kept).is_ok(), "what is kept already can still be marked as an error");
}

/// An identifier of type MR.
fn mr(value: &str, more: &str) -> String {
    format!(r#"{{"type":{{"coding":[{{"code":"MR"}}]}},"value":"{value}"{more}}}"#)
}

const OLD: &str = r#","use":"old""#;
const ENDED: &str = r#","period":{"end":"2020-01-01"}"#;

#[rstest]
#[case::old(OLD, r#","use":"official""#)]
#[case::ended(ENDED, r#","period":{"start":"2020-01-01"}"#)]
fn what_was_an_identifier_once_counts_no_longer(#[case] once: &str, #[case] now: &str) {
    let text = format!(r#"{{"resourceType":"Patient","identifier":[{},{}]}}"#, mr("p1", once), mr("p2", now));
    assert_eq!(decoded(&text).unwrap().link.as_deref(), Some("p2"));
    let whose = |more: &str| {
        observation("8867-4", "").replace(r#""reference":"Patient/p1""#, &format!(r#""identifier":{}"#, mr("p1", more)))
    };
    assert!(decoded(&whose(now)).is_ok());
    let Err(FhirError::Unusable(why)) = decoded(&whose(once)) else { panic!("{once}") };
    assert_eq!(why.issue.expression[0], "Observation.subject.identifier");
}

#[test]
fn two_identifiers_that_may_both_be_the_patients_are_refused() {
    let two =
        |a: &str, b: &str| format!(r#"{{"resourceType":"Patient","identifier":[{},{}]}}"#, mr("p1", a), mr(b, ""));
    let other = r#","system":"urn:other""#;
    let Err(FhirError::Unusable(why)) = decoded(&two(other, "p2")) else { panic!() };
    assert_eq!((why.code, why.issue.expression[0].as_str()), (RejectionCode::WrongPatient, "Patient.identifier"));
    assert_eq!(decoded(&two(other, "p1")).unwrap().link.as_deref(), Some("p1"), "the same one twice is one");
    let ours = ["urn:h".to_owned()];
    assert_eq!(decoded_of(&two(other, "p2"), &ours).unwrap().link.as_deref(), Some("p2"));
}

#[rstest]
#[case(r#""type":"Device""#)]
#[case(r#""type":"Group""#)]
fn the_type_beside_a_reference_is_that_of_the_reference(#[case] stated: &str) {
    let of = |stated: &str| {
        let whose = format!(r#"{{{stated},"identifier":{{"value":"p2"}},"reference""#);
        observation("8867-4", "").replace(r#"{"reference""#, &whose)
    };
    let Err(FhirError::Unusable(why)) = decoded(&of(stated)) else { panic!("{stated}") };
    assert_eq!((why.code, why.issue.expression[0].as_str()), (RejectionCode::WrongPatient, "Observation.subject"));
    for good in ["Patient", "http://hl7.org/fhir/StructureDefinition/Patient"] {
        let subject = said(&of(&format!(r#""type":"{good}""#))).subject;
        assert_eq!(subject, Subject::Patient { id: Some("p1".into()), identifier: Some("p2".into()) });
    }
}

/// An Observation that contains a Device `d` with these identifiers.
fn containing(identifiers: &str, device: &str) -> String {
    let contained = format!(r#","contained":[{{"resourceType":"Device","id":"d"{identifiers}}}]"#);
    observation("8867-4", &format!(r#",{}{contained},"device":{device}"#, quantity("72", "/min")))
}

const ONE: &str = r#","identifier":[{"value":"mon-2"}]"#;
const TWO: &str = r#","identifier":[{"value":"mon-1"},{"value":"mon-2"}]"#;

#[rstest]
#[case::contained(ONE, r##"{"reference":"#d"}"##, Some("mon-2"), None, 0)]
#[case::contained_and_named(ONE, r##"{"reference":"#d","identifier":{"value":"x"}}"##, Some("mon-2"), Some("x"), 0)]
#[case::contained_without("", r##"{"reference":"#d"}"##, None, None, 1)]
#[case::both("", r#"{"reference":"Device/mon-1","identifier":{"value":"mon-2"}}"#, Some("mon-1"), Some("mon-2"), 0)]
#[case::metric("", r#"{"reference":"DeviceMetric/mon-2"}"#, None, None, 1)]
#[case::words("", r#"{"display":"a monitor"}"#, None, None, 1)]
fn a_device_is_named_or_it_is_told_that_none_is(
    #[case] identifiers: &str,
    #[case] device: &str,
    #[case] name: Option<&str>,
    #[case] beside: Option<&str>,
    #[case] warnings: usize,
) {
    let said = said(&containing(identifiers, device));
    assert_eq!((said.device.as_deref(), said.device_beside.as_deref()), (name, beside));
    let told = said.notes.iter().filter(|n| n.severity == crate::fhir::Severity::Warning).count();
    assert_eq!((told, said.values.len()), (warnings, 1), "{said:?}");
}

#[rstest]
#[case::several(TWO, r##"{"reference":"#d"}"##, "Observation.device.reference")]
#[case::nowhere(ONE, r##"{"reference":"#e"}"##, "Observation.device.reference")]
#[case::a_patient("", r#"{"reference":"Patient/p2"}"#, "Observation.device.reference")]
#[case::no_value("", r#"{"identifier":{"system":"urn:x"}}"#, "Observation.device.identifier.value")]
fn a_device_that_nobody_can_say_is_refused(#[case] identifiers: &str, #[case] device: &str, #[case] expression: &str) {
    let Err(FhirError::Unusable(why)) = decoded(&containing(identifiers, device)) else { panic!("{device}") };
    assert_eq!((why.code, why.issue.expression[0].as_str()), (RejectionCode::UnknownDevice, expression));
}

proptest! {
    /// A byte that is changed, cut or put in anywhere makes no panic.
    #[test]
    fn no_change_makes_it_panic(at in 0_usize..700, byte in any::<u8>(), cut in any::<bool>()) {
        let mut bytes = observation("8867-4", &format!(",{}", quantity("72", "/min"))).into_bytes();
        let at = at.min(bytes.len() - 1);
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        let codes = VitalCodes::new(&VitalTable::builtin());
        let _ = decode(&bytes, FhirRules { codes: &codes, oldest: Timestamp::MIN, patient_systems: &[], came: None });
    }
}
