use super::*;
use crate::ingest::medtech::Arithmetic;

const DEVICE: &str = r#"{"templateType": "CollectionContent", "template": [
  {"templateType": "JsonPathContent", "template": {
    "typeName": "heartrate", "typeMatchExpression": "$..[?(@heartrate)]", "deviceIdExpression": "$.d",
    "timestampExpression": "$.t",
    "values": [{"valueName": "NAME", "valueExpression": "$.heartrate"}]}}]}"#;

const FHIR: &str = r#"{"templateType": "CollectionFhir", "template": [
  {"templateType": "CodeValueFhir", "template": {
    "typeName": "HeartRate", "periodInterval": 60, "codes": [{"system": "http://loinc.org", "code": "8867-4"}],
    "value": {"valueName": "hr", "valueType": "SampledData", "defaultPeriod": 5000, "unit": "count/min"}}}]}"#;

fn found(device: &str, fhir: &str, identity: Option<IdentityMode>) -> Vec<(FindingCode, Severity, u32)> {
    let vitals = VitalTable::builtin();
    let device = DeviceMapping::load(device.as_bytes(), Arithmetic::default());
    let fhir = FhirMapping::load(fhir.as_bytes());
    let findings = lint(Some(&device), Some(&fhir), LintRules { identity, vitals: &vitals });
    findings.iter().map(|f| (f.code, f.severity, f.at.map_or(0, |at| at.line))).collect()
}

#[test]
fn names_that_do_not_meet_are_told_on_both_sides() {
    let device = DEVICE.replace("NAME", "Heart rate");
    let lookup = Some(IdentityMode::Lookup);
    let told = found(&device, FHIR, lookup);
    let expected =
        [(FindingCode::ValueNotMapped, Severity::Warning, 5), (FindingCode::ValueNotSent, Severity::Warning, 4)];
    assert_eq!(told, expected);
    assert_eq!(found(&device.replace("Heart rate", "hr"), FHIR, lookup), [], "case of the type does not matter");
    let other = FHIR.replace("HeartRate", "pulse");
    let expected = [(FindingCode::TypeNotMapped, Severity::Warning, 3), (FindingCode::TypeNotSent, Severity::Note, 2)];
    assert_eq!(found(&device, &other, lookup), expected);
}

#[test]
fn identity_is_judged_by_its_mode() {
    let device = DEVICE.replace("NAME", "hr");
    let of = |device: &str, mode| found(device, FHIR, mode);
    assert_eq!(of(&device, None), [(FindingCode::PatientIdMissing, Severity::Note, 3)]);
    assert_eq!(of(&device, Some(IdentityMode::Create)), [(FindingCode::PatientIdMissing, Severity::Error, 3)]);
    let encounter = [(FindingCode::EncounterIdMissing, Severity::Error, 3)];
    assert_eq!(of(&device, Some(IdentityMode::LookupWithEncounter)), encounter);
    let named = device.replace("\"values\"", "\"patientIdExpression\": \"$.p\", \"values\"");
    assert_eq!(of(&named, Some(IdentityMode::Create)), []);
    // One of two names the patient: the other works once the device is known.
    let start = named.find("{\"templateType\": \"JsonPath").unwrap();
    let (head, first) = named.split_at(start);
    let second = &device[start..];
    let both = format!("{head}{},\n  {second}", first.trim_end_matches("]}"));
    assert_eq!(of(&both, Some(IdentityMode::Create)), [(FindingCode::PatientIdMissing, Severity::Warning, 7)]);
}

#[test]
fn a_template_that_cannot_work_is_told() {
    let device = DEVICE.replace("NAME", "hr");
    let blank = device.replace("$..[?(@heartrate)]", " ");
    let told = found(&blank, FHIR, Some(IdentityMode::Lookup));
    assert_eq!(told, [(Code::TypeMatchBlank, Error, 3)]);
    let of = |from: &str, to: &str| {
        let told = found(&device, &FHIR.replace(from, to), Some(IdentityMode::Lookup));
        told.into_iter().map(|(code, severity, _)| (code, severity)).collect::<Vec<_>>()
    };
    use FindingCode as Code;
    use Severity::{Error, Warning};
    assert_eq!(of("\"periodInterval\": 60", "\"periodInterval\": 61"), [(Code::PeriodUnknown, Error)]);
    assert_eq!(of("\"periodInterval\": 60", "\"periodInterval\": -1"), [(Code::CorrelationIdMissing, Error)]);
    assert_eq!(of("\"defaultPeriod\": 5000, ", ""), [(Code::SamplePeriodMissing, Error)]);
    assert_eq!(of("\"defaultPeriod\": 5000", "\"defaultPeriod\": 0"), [(Code::SamplePeriodMissing, Error)]);
    assert_eq!(of("\"defaultPeriod\": 5000", "\"defaultPeriod\": 0.1"), [(Code::StreamTooLong, Error)]);
    assert_eq!(of("SampledData", "Quantity"), [(Code::SeveralReadings, Warning)]);
    assert_eq!(of("8867-4", "8462-4"), [(Code::CodeAgainstName, Warning)]);
    let nameless = of("\"valueName\": \"hr\", ", "");
    assert_eq!(nameless, [(Code::ValueNotMapped, Warning), (Code::NoValueName, Warning)]);
    let twice = of(
        "}}]}",
        ", \"components\": [{\"codes\": [], \"value\": {\"valueName\": \"hr\", \"valueType\": \"String\"}}]}}]}",
    );
    assert!(twice.contains(&(Code::ValueNameTwice, Warning)), "{twice:?}");
}

#[test]
fn what_cannot_be_read_is_told_and_nothing_else() {
    let told = found("{}", "[1", Some(IdentityMode::Create));
    let codes: Vec<FindingCode> = told.iter().map(|(code, ..)| *code).collect();
    assert_eq!(codes, [FindingCode::DeviceMapping, FindingCode::FhirMapping]);
}

#[test]
fn a_vital_is_told_by_code_and_name_and_its_unit_is_not_converted() {
    let vitals = VitalTable::builtin();
    let verdict = |code: &str, name: &str, unit: &str| {
        let text = FHIR.replace("8867-4", code).replace("\"hr\"", &format!("\"{name}\"")).replace("count/min", unit);
        let (mapping, errors) = FhirMapping::load(text.replace("HeartRate", "x").as_bytes());
        assert!(errors.is_empty(), "{errors}");
        vitals::coverage(mapping.iter().next().unwrap(), &vitals).next().unwrap().verdict.to_string()
    };
    assert_eq!(verdict("8867-4", "anything", "bpm"), "shown as hr");
    assert_eq!(verdict("unknown", "Heart Rate", "beats/minute"), "shown as hr");
    assert_eq!(verdict("8867-4", "pulse", "bpm"), "shown as hr", "the code says which of the two");
    assert_eq!(verdict("76215-3", "systolic", "mm Hg"), "shown as art_sys");
    assert_eq!(verdict("8867-4", "diastolic", "bpm"), "not shown: its code means hr, its name nbp_dia");
    assert_eq!(verdict("8310-5", "t", "degF"), "not shown: temp is wanted in Cel, not in degF; nothing is converted");
    assert_eq!(verdict("8310-5", "t", ""), "not shown: temp needs its unit Cel in the FHIR template");
    assert_eq!(verdict("67775-7", "avpu", ""), "shown as consciousness");
    assert_eq!(verdict("x", "y", "z"), "not shown: neither its code nor its name is a vital of ours");
}
