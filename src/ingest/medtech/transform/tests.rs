//! From measurements to Observations, all the way.

use super::{
    group::{boundary, group_batch, observation_groups},
    naming::observation_identifier,
    save::{Conflict, ObservationShelf, SaveFault, Saved, save},
    *,
};
use crate::{
    domain::Timestamp,
    fhir::{Identifier, Instant, Observation, ObservationValue, Period, Status},
    ingest::medtech::{Compat, Json, LoadErrors, Measurement, Property},
};
use chrono::{DateTime, Utc};
use proptest::prelude::*;

fn template(text: &str) -> FhirTemplate {
    let whole = format!(r#"{{"templateType": "CodeValueFhir", "template": {text}}}"#);
    let mut errors = LoadErrors::default();
    FhirTemplate::load(&Json::read(whole.as_bytes()).unwrap(), &mut errors).unwrap_or_else(|| panic!("{errors}"))
}

fn time(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

fn reading(device: &str, patient: &str, at: &str, values: &[(&str, &str)]) -> Measurement {
    Measurement {
        type_name: "vitals".into(),
        occurred_at: time(at),
        ingested_at: None,
        device_id: device.into(),
        patient_id: Some(patient.into()),
        encounter_id: None,
        correlation_id: None,
        properties: values.iter().map(|(n, v)| Property { name: (*n).into(), value: (*v).into() }).collect(),
    }
}

fn groups(template: &FhirTemplate, batch: &[Measurement], compat: Compat) -> Vec<ObservationGroup> {
    let batches = group_batch(batch, compat);
    batches.iter().flat_map(|b| observation_groups(template, b, compat).unwrap()).collect()
}

const TWO_STREAMS: &str = r#"{"typeName": "vitals", "periodInterval": -1, "codes": [], "components": [
    {"codes": [], "value": {"valueType": "SampledData", "defaultPeriod": 1000, "valueName": "a"}},
    {"codes": [], "value": {"valueType": "SampledData", "defaultPeriod": 1000, "valueName": "b"}}]}"#;

fn streams(observation: &Observation) -> Vec<&str> {
    let data = |value: &Option<ObservationValue>| match value {
        Some(ObservationValue::SampledData(stream)) => stream.data.clone().leak() as &str,
        other => panic!("{other:?}"),
    };
    observation.component.iter().map(|c| data(&c.value)).collect()
}

#[test]
fn keys_that_a_dash_would_join_stay_apart_when_safe() {
    let batch =
        [reading("a-b", "c", "2026-01-01T00:00:00Z", &[]), reading("a", "b-vitals-c", "2026-01-01T00:00:00Z", &[])];
    let mut other = batch.clone();
    other[1].type_name = "b-vitals".into();
    other[1].patient_id = Some("c".into());
    other[1].device_id = "a".into();
    assert_eq!(group_batch(&other, Compat::Medtech).len(), 1, "upstream puts two devices together");
    assert_eq!(group_batch(&other, Compat::Safe).len(), 2);
}

#[test]
fn what_was_ingested_last_wins_and_loses_no_other_value() {
    let at = "2026-01-01T00:00:00Z";
    let mut batch = [
        reading("d", "p", at, &[("a", "second")]),
        reading("d", "p", at, &[("a", "first"), ("b", "kept")]),
        reading("d", "p", at, &[("c", "third")]),
    ];
    let ingested = ["2026-01-01T00:00:02Z", "2026-01-01T00:00:01Z", "2026-01-01T00:00:03Z"];
    batch.iter_mut().zip(ingested).for_each(|(m, at)| m.ingested_at = Some(time(at)));
    let template = template(r#"{"typeName": "vitals", "codes": []}"#);
    let groups = groups(&template, &batch, Compat::Safe);
    let [group] = groups.as_slice() else { panic!("{groups:?}") };
    let value = |name: &str| group.values[name].iter().map(|(_, v)| v.as_str()).collect::<Vec<_>>();
    assert_eq!((value("a"), value("b"), value("c")), (vec!["second"], vec!["kept"], vec!["third"]));
}

#[test]
fn two_readings_within_a_second_are_two_observations_when_safe() {
    let batch = [
        reading("d", "p", "2026-01-01T00:00:00.100Z", &[]),
        reading("d", "p", "2026-01-01T00:00:00.900Z", &[]),
        reading("d", "p", "2026-01-01T00:00:01Z", &[]),
    ];
    let template = template(r#"{"typeName": "vitals", "codes": []}"#);
    let names = |compat| groups(&template, &batch, compat).into_iter().map(|g| g.segment).collect::<Vec<_>>();
    let upstream = names(Compat::Medtech);
    assert_eq!(upstream[0], upstream[1]);
    let safe = names(Compat::Safe);
    assert_eq!(safe[0], "202601010000001000000Z.202601010000001000000Z");
    assert_eq!(safe[2], upstream[2], "a whole second has the same name as upstream");
    assert_ne!(safe[0], safe[1]);
}

#[test]
fn an_earlier_reading_moves_no_stream_when_safe() {
    let template = template(TWO_STREAMS);
    let group = |at: &str, values: &[(&str, &str)]| {
        let mut measured = reading("d", "p", at, values);
        measured.correlation_id = Some("session".into());
        groups(&template, &[measured], Compat::Safe).remove(0)
    };
    let first = group("2026-01-01T00:00:10Z", &[("a", "1"), ("b", "2")]);
    let there = observe::create(&template, &first, Timestamp::from_ms(0)).unwrap();
    let earlier = group("2026-01-01T00:00:08Z", &[("a", "0")]);
    let safe = observe::merge(&template, &earlier, &there, Compat::Safe).unwrap();
    assert_eq!(streams(&safe), ["0 E 1", "E E 2"]);
    let upstream = observe::merge(&template, &earlier, &there, Compat::Medtech).unwrap();
    assert_eq!(streams(&upstream), ["0 E 1", "2"], "upstream moves b two seconds back");
}

#[test]
fn without_a_correlation_id_there_is_no_group() {
    let measured = [reading("d", "p", "2026-01-01T00:00:00Z", &[])];
    let fault = |text: &str| {
        let batches = group_batch(&measured, Compat::Safe);
        observation_groups(&template(text), &batches[0], Compat::Safe).unwrap_err().name()
    };
    assert_eq!(fault(TWO_STREAMS), "CorrelationIdNotDefinedException");
    assert_eq!(fault(r#"{"typeName": "vitals", "codes": [], "periodInterval": 61}"#), "NotSupportedException");
}

/// Keeps one Observation; refuses as often as it is told to.
struct Shelf {
    there: Option<Observation>,
    conflicts: u32,
}

impl ObservationShelf for Shelf {
    fn find(&self, _: &Identifier) -> Option<Observation> {
        self.there.clone()
    }

    fn put(&mut self, observation: Observation) -> Result<(), Conflict> {
        if self.conflicts > 0 {
            self.conflicts -= 1;
            return Err(Conflict);
        }
        self.there = Some(observation);
        Ok(())
    }
}

#[test]
fn what_says_nothing_new_changes_nothing_and_conflicts_end() {
    let template = template(
        r#"{"typeName": "vitals", "codes": [], "periodInterval": 60,
        "value": {"valueType": "SampledData", "defaultPeriod": 60000, "valueName": "a"}}"#,
    );
    let mut shelf = Shelf { there: None, conflicts: 0 };
    let keep = |shelf: &mut Shelf, at: &str| {
        let group = groups(&template, &[reading("d", "p", at, &[("a", "1")])], Compat::Safe).remove(0);
        let identifier = observation_identifier("p", "d", &group.name, &group.segment);
        let make = || observe::create(&template, &group, Timestamp::from_ms(0));
        save(shelf, &identifier, make, |there| observe::merge(&template, &group, there, Compat::Safe))
    };
    let saved = |result: Result<(Saved, Observation), SaveFault>| result.map(|(saved, o)| (saved, o.status));
    assert_eq!(saved(keep(&mut shelf, "2026-01-01T00:05:00Z")), Ok((Saved::Created, Status::Final)));
    assert_eq!(saved(keep(&mut shelf, "2026-01-01T00:05:00Z")), Ok((Saved::Unchanged, Status::Final)));
    assert_eq!(saved(keep(&mut shelf, "2026-01-01T00:06:00Z")), Ok((Saved::Updated, Status::Amended)));
    shelf.conflicts = save::CONFLICT_RETRIES_MAX;
    assert_eq!(saved(keep(&mut shelf, "2026-01-01T00:07:00Z")), Ok((Saved::Updated, Status::Amended)));
    shelf.conflicts = save::CONFLICT_RETRIES_MAX + 1;
    assert_eq!(saved(keep(&mut shelf, "2026-01-01T00:08:00Z")), Err(SaveFault::Conflict(Conflict)));
}

proptest! {
    #[test]
    fn a_period_holds_its_moment_and_the_next_follows_at_once(ticks in -1_000_000_000_000_000_i64..30_000_000_000_000_000) {
        for period in [PeriodInterval::Hourly, PeriodInterval::Daily] {
            let at = Instant::from_ticks(ticks);
            let over = boundary(period, at);
            prop_assert!(over.start <= at && at <= over.end);
            let next = Instant::from_ticks(over.end.ticks() + 1);
            prop_assert_eq!(boundary(period, next).start, next);
        }
        prop_assert_eq!(boundary(PeriodInterval::Single, Instant::from_ticks(ticks)), Period::at(Instant::from_ticks(ticks)));
    }
}
