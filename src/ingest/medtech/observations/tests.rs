use super::*;
use crate::{
    domain::VitalTable,
    ingest::{
        BodyForm, DecodeRules,
        medtech::{Arithmetic, MedtechIntake, Observations, Property},
    },
};

const FHIR: &str = r#"{"templateType":"CollectionFhir","template":[
    {"templateType":"CodeValueFhir","template":{"typeName":"rate","periodInterval":60,
      "codes":[{"code":"8867-4","system":"http://loinc.org"}],
      "value":{"valueName":"hr","valueType":"SampledData","defaultPeriod":60000}}},
    {"templateType":"CodeValueFhir","template":{"typeName":"walk","codes":[{"code":"w"}],
      "value":{"valueName":"steps","valueType":"Quantity"}}},
    {"templateType":"CodeValueFhir","template":{"typeName":"wave","periodInterval":1440,"codes":[{"code":"v"}],
      "value":{"valueName":"ecg","valueType":"SampledData","defaultPeriod":4}}},
    {"templateType":"CodeValueFhir","template":{"typeName":"bare","codes":[{"display":""}],
      "value":{"valueName":"x","valueType":"String"}}}]}"#;

fn observer() -> Observer {
    let (fhir, errors) = FhirMapping::load(FHIR.as_bytes());
    assert!(errors.is_empty());
    Observer { fhir, compat: Compat::Safe, codes: VitalCodes::new(&VitalTable::builtin()) }
}

fn measured(type_name: &str, at_s: i64, (name, value): (&str, &str)) -> Measurement {
    Measurement {
        type_name: type_name.into(),
        occurred_at: chrono::DateTime::from_timestamp(at_s, 0).unwrap(),
        ingested_at: None,
        device_id: "as sent".to_owned(),
        patient_id: Some("as sent".to_owned()),
        encounter_id: None,
        correlation_id: None,
        properties: vec![Property { name: name.into(), value: value.to_owned() }],
    }
}

fn owner(patient: &str, device: &str, message: usize) -> Owner {
    (patient.parse().unwrap(), device.parse().unwrap(), message)
}

fn made(observer: &Observer, draft: &Draft<'_>, there: Option<Observation>) -> Result<Made, MakeFault> {
    observer.make(draft, there, Timestamp::from_ms(0))
}

#[test]
fn one_hour_of_a_device_that_was_handed_on_is_two_observations() {
    let observer = observer();
    let whose = vec![
        (measured("rate", 0, ("hr", "70")), owner("p1", "d", 0)),
        (measured("rate", 60, ("hr", "71")), owner("p1", "d", 1)),
        (measured("rate", 120, ("hr", "90")), owner("p2", "d", 2)),
    ];
    let drafts: Vec<Draft<'_>> = observer.drafts(whose).into_iter().map(Result::unwrap).collect();
    let names: Vec<String> = drafts.iter().map(|draft| draft.identifier().value).collect();
    let hour = "19700101000000Z.19700101005959Z";
    assert_eq!(names, [format!("p1.d.rate.{hour}"), format!("p2.d.rate.{hour}")]);
    assert_eq!(drafts[0].messages, [0, 1].into());
    let first = made(&observer, &drafts[0], None).unwrap();
    let Some(crate::fhir::ObservationValue::SampledData(stream)) = &first.observation.value else {
        panic!("{first:?}")
    };
    assert!(stream.data.starts_with("70 71 E E"), "{}", stream.data);
    assert_eq!((first.saved, first.group.as_str()), (Saved::Created, "vital|hr"));
    let again = made(&observer, &drafts[0], Some(first.observation.clone())).unwrap();
    assert_eq!(again.saved, Saved::Unchanged);
    // Whatever is there under the name: what is another patient's takes nothing.
    let fault = made(&observer, &drafts[1], Some(first.observation)).unwrap_err();
    assert!(fault.to_string().contains("belongs to Patient/p1"), "{fault}");
}

#[test]
fn names_that_are_the_same_when_they_are_joined_are_not_merged() {
    let observer = observer();
    let draft = |patient, device| {
        let whose = vec![(measured("walk", 0, ("steps", "1")), owner(patient, device, 0))];
        observer.drafts(whose).remove(0).unwrap()
    };
    let (one, other) = (draft("p.d", "e"), draft("p", "d.e"));
    assert_eq!(one.identifier(), other.identifier());
    let there = made(&observer, &one, None).unwrap().observation;
    assert!(matches!(
        made(&observer, &other, Some(there)),
        Err(MakeFault::Save(SaveFault::Transform(TransformFault::OtherSubject { .. })))
    ));
}

#[test]
fn a_device_whose_name_is_no_id_is_referred_to_by_one_that_is_made_of_it() {
    let observer = observer();
    let whose = vec![(measured("walk", 0, ("steps", "1")), owner("p", "gw/p", 0))];
    let made = made(&observer, observer.drafts(whose)[0].as_ref().unwrap(), None).unwrap();
    assert_eq!(made.observation.device, Some(Reference::to("Device", &id_of("gw/p"))));
    let token = made.index.tokens.iter().find(|token| token.param == "device").unwrap();
    assert_eq!(token.code, id_of("gw/p"), "it is found by it");
}

#[test]
fn what_cannot_be_made_or_is_too_long_says_why() {
    let observer = observer();
    let why = |type_name: &str, value: (&str, &str)| {
        let whose = vec![(measured(type_name, 0, value), owner("p", "d", 3))];
        match &observer.drafts(whose)[0] {
            Ok(draft) => made(&observer, draft, None).unwrap_err().to_string(),
            Err(none) => {
                assert_eq!((none.type_name.as_str(), &none.messages), (type_name, &[3].into()));
                none.fault.to_string()
            }
        }
    };
    assert!(why("unknown", ("x", "1")).contains("no template of the type"));
    assert!(why("walk", ("steps", "many")).contains("exactly one decimal number"));
    assert!(why("wave", ("ecg", "1")).contains("longer than 262144 bytes"));
    assert!(why("bare", ("x", "1")).starts_with("the mapping makes no valid Observation: Observation.code"));
    let text = "x".repeat(RESOURCE_MAX_BYTES);
    assert!(why("bare", ("x", &text)).contains("longer than 262144 bytes"));
}

#[test]
fn a_value_that_was_refused_as_a_reading_is_left_out() {
    let one = |readings: Vec<Option<usize>>| {
        let mut measurement = measured("cuff", 0, ("systolic", "120"));
        measurement.properties.push(Property { name: "note".into(), value: "left".into() });
        let (_, device, message) = owner("p", "d", 0);
        Measured { measurement, device, named_patient: None, at: Timestamp::from_ms(0), readings, message }
    };
    let left = |measured: Measured| {
        let rest = measured.without(&[4].into());
        rest.map(|m| m.properties.iter().map(|p| p.name.to_string()).collect::<Vec<_>>())
    };
    assert_eq!(left(one(vec![Some(3), None])).unwrap(), ["systolic", "note"]);
    assert_eq!(left(one(vec![Some(4), None])).unwrap(), ["note"]);
    assert_eq!(left(one(vec![Some(4), Some(4)])), None);
}

#[test]
fn what_the_topic_does_not_name_makes_no_observation() {
    let device = br#"{"templateType":"CollectionContent","template":[{"templateType":"JsonPathContent","template":{
        "typeName":"walk","typeMatchExpression":"$..[?(@steps)]","deviceIdExpression":"$.d",
        "timestampExpression":"$.at","values":[{"valueName":"steps","valueExpression":"$.steps"}]}}]}"#;
    let vitals = VitalTable::builtin();
    let files = (&device[..], FHIR.as_bytes());
    let intake = MedtechIntake::load(files, &vitals, Arithmetic::default(), Compat::Safe, Observations::Kept).unwrap();
    let (sender, now) = ("gw".parse().unwrap(), Timestamp::from_ms(1_000));
    let rules = DecodeRules { vitals: &vitals, sender: &sender, now, oldest: Timestamp::from_ms(0), max_items: 8 };
    let body = br#"{"d":"d1","at":"1970-01-01T00:00:01Z","steps":7}"#;
    let mut made = intake.decode(body, BodyForm::Json, rules).unwrap();
    let mut mapped = made.mapped.take().unwrap();
    mapped.hold_to_topic(&"d1".parse().unwrap(), &mut made.decoded);
    assert_eq!((mapped.measured.len(), made.decoded.len()), (1, 0));
    mapped.hold_to_topic(&"d2".parse().unwrap(), &mut made.decoded);
    let refused = made.decoded[0].as_ref().unwrap_err();
    assert_eq!((mapped.measured.len(), refused.rejection.code), (0, RejectionCode::OtherDevice));
    assert_eq!(refused.payload.as_bytes(), body);
}
