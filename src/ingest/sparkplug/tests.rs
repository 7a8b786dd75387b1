use super::{
    payload::{Metric, Payload, PropertySet, PropertyValue, datatype, metric::Value, property_value},
    session::{Missed, Rebirth, Session, Taken},
    topic::Topic,
    value::{Source, UNIT_PROPERTY},
};
use crate::{
    domain::{DeviceId, Lapse, Millis, Timestamp, VitalCode, VitalTable},
    ingest::DecodeRules,
    protocol::RejectionCode,
};
use proptest::prelude::*;
use prost::Message;
use rstest::rstest;
use std::collections::BTreeMap;

const NOW_MS: u64 = 1_772_366_400_000;
const HR: u64 = 1;
const SPO2: u64 = 2;

/// A source with its edge nodes, and the time of the server.
struct Bench {
    session: Session,
    source: Source,
    vitals: VitalTable,
    sender: DeviceId,
    now: Timestamp,
}

fn named(name: &str, alias: Option<u64>, value: Value) -> Metric {
    Metric { name: Some(name.to_owned()), alias, timestamp: Some(NOW_MS), value: Some(value), ..Metric::default() }
}

fn by_alias(alias: u64, value: Value) -> Metric {
    Metric { alias: Some(alias), timestamp: Some(NOW_MS), value: Some(value), ..Metric::default() }
}

fn unit(name: &str) -> Option<PropertySet> {
    let value = PropertyValue { value: Some(property_value::Value::Text(name.to_owned())) };
    Some(PropertySet { keys: vec![UNIT_PROPERTY.to_owned()], values: vec![value] })
}

fn payload(seq: u64, metrics: Vec<Metric>) -> Vec<u8> {
    Payload { timestamp: Some(NOW_MS), metrics, seq: Some(seq) }.encode_to_vec()
}

fn bd_seq(n: u64) -> Metric {
    named("bdSeq", None, Value::Long(n))
}

fn vitals() -> Vec<Metric> {
    vec![named("vitals/hr", Some(HR), Value::Float(72.0)), named("vitals/spo2", Some(SPO2), Value::Float(97.0))]
}

impl Bench {
    fn new() -> Self {
        Self::of(&BTreeMap::new(), &BTreeMap::new(), false)
    }

    fn of(metrics: &BTreeMap<String, VitalCode>, units: &BTreeMap<String, String>, by_edge: bool) -> Self {
        let vitals = VitalTable::builtin();
        let source = Source::new(&vitals, metrics, units, by_edge).unwrap();
        let now = Timestamp::from_ms(NOW_MS.cast_signed());
        Self { session: Session::default(), source, vitals, sender: "gw".parse().unwrap(), now }
    }

    fn raw(&mut self, topic: &str, payload: &[u8], dup: bool) -> Result<Taken, String> {
        let oldest = self.now - Millis::from_mins(60);
        let rules = DecodeRules { vitals: &self.vitals, sender: &self.sender, now: self.now, oldest, max_items: 100 };
        self.session.take(Topic::parse(topic)?, payload, dup, &self.source, rules)
    }

    fn take(&mut self, kind: &str, seq: u64, metrics: Vec<Metric>) -> Taken {
        let device = if kind.starts_with('N') { "" } else { "/mon-12" };
        self.raw(&format!("spBv1.0/hospital/{kind}/ward-a{device}"), &payload(seq, metrics), false).unwrap()
    }

    /// An edge node that was born with one device.
    fn born() -> Self {
        let mut bench = Self::new();
        bench.take("NBIRTH", 0, vec![bd_seq(3)]);
        bench.take("DBIRTH", 1, vitals());
        bench
    }
}

/// Vital and value of each reading, or why there is none.
fn told(taken: &Taken) -> Vec<Result<(String, f64), RejectionCode>> {
    let one = |read: &Result<crate::ingest::Reading, crate::ingest::Refused>| match read {
        Ok(reading) => Ok((format!("{} {}", reading.device, reading.vital), reading.value)),
        Err(refused) => Err(refused.rejection.code),
    };
    taken.decoded.iter().map(one).collect()
}

fn of(vital: &str, value: f64) -> Result<(String, f64), RejectionCode> {
    Ok((format!("mon-12 {vital}"), value))
}

fn ids(names: &[&str]) -> Vec<DeviceId> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

#[test]
fn data_are_known_by_the_alias_of_their_birth() {
    let mut bench = Bench::new();
    let node = bench.take("NBIRTH", 0, vec![bd_seq(3), named("Node Control/Rebirth", None, Value::Boolean(false))]);
    assert!(node.decoded.is_empty() && node.ignored == 2 && node.rebirth.is_none() && !node.gap);
    let birth = bench.take("DBIRTH", 1, vitals());
    assert_eq!(told(&birth), [of("hr", 72.0), of("spo2", 97.0)], "a birth tells the values of now");
    let data = bench.take("DDATA", 2, vec![by_alias(HR, Value::Float(37.2))]);
    assert_eq!(told(&data), [of("hr", 37.2)], "32 bits make no digits of their own");
    assert!(data.rebirth.is_none() && !data.gap && data.lapse.is_none());
}

#[test]
fn after_a_gap_an_alias_means_nothing_until_the_node_is_born_again() {
    let mut bench = Bench::born();
    let taken = bench.take("DDATA", 3, vec![by_alias(HR, Value::Float(74.0))]);
    assert_eq!(told(&taken), [Err(RejectionCode::Unmatched)]);
    assert!(taken.gap);
    assert_eq!(taken.lapse, Some((Lapse::Missed, ids(&["mon-12", "ward-a"]))), "the node's own metrics too");
    assert_eq!(taken.rebirth.unwrap().edge, "ward-a");
    let next = bench.take("DDATA", 4, vec![by_alias(HR, Value::Float(75.0))]);
    assert_eq!(told(&next), [Err(RejectionCode::Unmatched)], "the number fits again, what is missing is still missing");
    assert!(!next.gap && next.lapse.is_none() && next.rebirth.is_none(), "it is asked at most every 10 s");
    bench.now = bench.now + Millis::from_secs(10);
    assert!(bench.take("DDATA", 5, vec![]).rebirth.is_some());
    let by_name = bench.take("DDATA", 6, vec![named("vitals/hr", Some(HR), Value::Float(76.0))]);
    assert_eq!(told(&by_name), [of("hr", 76.0)], "a name means the same");
    bench.take("NBIRTH", 0, vec![bd_seq(3)]);
    bench.take("DBIRTH", 1, vitals());
    let again = bench.take("DDATA", 2, vec![by_alias(SPO2, Value::Float(96.0))]);
    assert_eq!(told(&again), [of("spo2", 96.0)]);
}

#[test]
fn after_a_lost_session_nothing_is_known_until_the_node_is_born_again() {
    let mut bench = Bench::new();
    assert_eq!(bench.session.missed(&bench.source, bench.now), Missed::default(), "nothing was known");
    let mut bench = Bench::born();
    let missed = bench.session.missed(&bench.source, bench.now);
    assert_eq!(missed.devices, ids(&["mon-12", "ward-a"]));
    assert_eq!(missed.rebirths, [Rebirth { group: "hospital".to_owned(), edge: "ward-a".to_owned() }]);
    // The number fits, and still nobody knows what was said meanwhile.
    let data = bench.take("DDATA", 2, vec![by_alias(HR, Value::Float(74.0))]);
    assert_eq!(told(&data), [Err(RejectionCode::Unmatched)]);
    assert!(data.rebirth.is_none(), "it was asked a moment ago");
    bench.take("NBIRTH", 0, vec![bd_seq(3)]);
    bench.take("DBIRTH", 1, vitals());
    assert_eq!(told(&bench.take("DDATA", 2, vec![by_alias(HR, Value::Float(75.0))])), [of("hr", 75.0)]);
}

#[test]
fn numbers_go_round_and_a_redelivery_is_no_gap() {
    let mut bench = Bench::born();
    for seq in (2..256).chain(0..3) {
        assert!(!bench.take("DDATA", seq, vec![]).gap, "{seq}");
    }
    let topic = "spBv1.0/hospital/DDATA/ward-a/mon-12";
    for seq in [2, 1, 0, 255] {
        let again = bench.raw(topic, &payload(seq, vec![by_alias(HR, Value::Float(70.0))]), true).unwrap();
        assert!(!again.gap && told(&again) == [of("hr", 70.0)], "{seq}");
    }
    assert!(!bench.take("DDATA", 3, vec![]).gap);
    let without = Payload { timestamp: Some(NOW_MS), metrics: vec![], seq: None }.encode_to_vec();
    assert!(bench.raw(topic, &without, false).unwrap().gap, "without a number nobody knows what is missing");
}

#[test]
fn a_death_says_who_is_gone_at_once() {
    let gone = |taken: Taken| taken.lapse.map(|(lapse, devices)| (lapse, devices.len()));
    let mut bench = Bench::born();
    let other_session = bench.take("NDEATH", 0, vec![bd_seq(2)]);
    assert!(other_session.lapse.is_none(), "the will of an earlier connection is no death of this one");
    assert_eq!(gone(bench.take("DDEATH", 2, vec![])), Some((Lapse::Gone, 1)));
    let data = bench.take("DDATA", 3, vec![by_alias(HR, Value::Float(74.0))]);
    assert_eq!(told(&data), [Err(RejectionCode::Unmatched)]);
    assert!(data.rebirth.is_some());
    let mut bench = Bench::born();
    bench.raw("spBv1.0/hospital/DBIRTH/ward-a/mon-13", &payload(2, vitals()), false).unwrap();
    let death = Payload { timestamp: Some(NOW_MS), metrics: vec![bd_seq(3)], seq: None }.encode_to_vec();
    let death = bench.raw("spBv1.0/hospital/NDEATH/ward-a", &death, false).unwrap();
    assert!(death.rebirth.is_none(), "who is dead is not asked");
    assert_eq!(death.lapse, Some((Lapse::Gone, ids(&["mon-12", "mon-13", "ward-a"]))), "the node's own metrics too");
}

#[test]
fn a_death_counts_whether_a_birth_is_known_or_not() {
    let named = || vec![named("hr", None, Value::Int(70))];
    let mut bench = Bench::new();
    assert_eq!(told(&bench.take("DDATA", 7, named())), [of("hr", 70.0)]);
    let death = bench.take("DDEATH", 8, vec![]);
    assert_eq!(death.lapse, Some((Lapse::Gone, ids(&["mon-12"]))));
    bench.take("DDATA", 9, named());
    let death = bench.take("NDEATH", 0, vec![bd_seq(3)]);
    assert_eq!(death.lapse, Some((Lapse::Gone, ids(&["mon-12", "ward-a"]))));
    let again = bench.take("NDEATH", 0, vec![bd_seq(3)]);
    assert_eq!(again.lapse, Some((Lapse::Gone, ids(&["ward-a"]))), "its devices were gone already");
    // A device that was never born speaks by names too.
    bench.take("NBIRTH", 0, vec![bd_seq(4)]);
    bench.take("DDATA", 1, named());
    let death = bench.take("NDEATH", 0, vec![bd_seq(4)]);
    assert_eq!(death.lapse, Some((Lapse::Gone, ids(&["mon-12", "ward-a"]))));
}

#[test]
fn a_node_that_comes_anew_without_a_death_was_away() {
    let mut bench = Bench::born();
    assert!(bench.take("NBIRTH", 0, vec![bd_seq(3)]).lapse.is_none(), "it was asked to");
    bench.take("DBIRTH", 1, vitals());
    let anew = bench.take("NBIRTH", 0, vec![bd_seq(4)]);
    assert_eq!(anew.lapse, Some((Lapse::Missed, ids(&["mon-12", "ward-a"]))));
}

#[test]
fn what_has_no_value_is_no_value_and_what_is_no_vital_is_counted() {
    let mut bench = Bench::born();
    let null = Metric { is_null: Some(true), value: None, ..by_alias(HR, Value::Float(0.0)) };
    let taken = bench.take("DDATA", 2, vec![null, named("battery", None, Value::Int(80))]);
    assert!(taken.decoded.is_empty());
    assert_eq!((taken.no_value, taken.ignored), (1, 1));
}

#[test]
fn what_was_held_back_has_its_own_time_or_none() {
    let mut bench = Bench::born();
    let old =
        Metric { is_historical: Some(true), timestamp: Some(NOW_MS - 60_000), ..by_alias(HR, Value::Float(70.0)) };
    let timeless = Metric { timestamp: None, ..old.clone() };
    let taken = bench.take("DDATA", 2, vec![old, timeless]);
    assert!(taken.historical);
    assert_eq!(taken.decoded[0].as_ref().unwrap().observed_at, bench.now - Millis::from_secs(60));
    assert_eq!(told(&taken)[1], Err(RejectionCode::BadTime));
    let payloads_time = Metric { timestamp: None, ..by_alias(HR, Value::Float(70.0)) };
    let taken = bench.take("DDATA", 3, vec![payloads_time]);
    assert!(!taken.historical && taken.decoded[0].as_ref().unwrap().observed_at == bench.now);
    let ahead = Metric { timestamp: Some(NOW_MS + 60_000), ..by_alias(HR, Value::Float(70.0)) };
    let taken = bench.take("DDATA", 4, vec![ahead]);
    assert!(taken.decoded[0].as_ref().is_err_and(|r| r.ahead.is_some()), "the clock of the device is told of");
}

#[rstest]
#[case(datatype::INT8, Value::Int(0xffff_fffb), -5.0)]
#[case(datatype::INT8, Value::Int(0xfb), -5.0)]
#[case(datatype::INT16, Value::Int(0xfffb), -5.0)]
#[case(datatype::INT32, Value::Int(0xffff_fffb), -5.0)]
#[case(datatype::INT64, Value::Long(u64::MAX), -1.0)]
#[case(datatype::UINT64, Value::Long(95), 95.0)]
#[case(datatype::FLOAT, Value::Float(36.6), 36.6)]
#[case(0, Value::Double(36.65), 36.65)]
fn numbers_of_all_types_are_read(#[case] kind: u32, #[case] value: Value, #[case] expected: f64) {
    let mut bench = Bench::new();
    let metric = Metric { datatype: Some(kind), properties: unit("mmHg"), ..named("art_mean", None, value) };
    assert_eq!(told(&bench.take("DDATA", 0, vec![metric])), [of("art_mean", expected)]);
}

#[rstest]
#[case("hr", Value::Boolean(true), RejectionCode::NotANumber)]
#[case("hr", Value::Text("seventy".to_owned()), RejectionCode::NotANumber)]
#[case("hr", Value::Float(f32::NAN), RejectionCode::Impossible)]
#[case("hr", Value::Float(9_000.0), RejectionCode::Impossible)]
#[case::without_a_unit("temp", Value::Float(37.0), RejectionCode::WrongUnit)]
fn what_cannot_be_is_refused(#[case] name: &str, #[case] value: Value, #[case] code: RejectionCode) {
    let taken = Bench::new().take("DDATA", 0, vec![named(name, None, value), named("rr", None, Value::Int(14))]);
    assert_eq!(told(&taken), [Err(code), of("rr", 14.0)], "one bad metric harms no other");
    assert!(!taken.decoded[0].as_ref().unwrap_err().payload.is_empty());
}

#[test]
fn units_and_names_are_those_of_the_source() {
    let metrics = [("bed/4711".to_owned(), VitalCode::of("temp"))].into();
    let mut bench = Bench::of(&metrics, &[("bed/4711".to_owned(), "[degF]".to_owned())].into(), true);
    let taken = bench.take(
        "DDATA",
        0,
        vec![
            named("bed/4711", None, Value::Float(98.6)),
            Metric { properties: unit("kPa"), ..named("x/NIBP-S", None, Value::Double(16.0)) },
            named("x/consciousness", None, Value::Text("V".to_owned())),
        ],
    );
    let named = |vital: &str, value| Ok((format!("ward-a/mon-12 {vital}"), value));
    assert_eq!(told(&taken), [named("temp", 37.0), named("nbp_sys", 120.009_869), named("consciousness", 2.0)]);
    let vitals = VitalTable::builtin();
    let none = BTreeMap::new();
    assert!(Source::new(&vitals, &none, &[("x".to_owned(), "furlong".to_owned())].into(), false).is_err());
    assert!(Source::new(&vitals, &[("x".to_owned(), VitalCode::of("mood"))].into(), &BTreeMap::new(), false).is_err());
}

#[test]
fn one_alias_of_two_metrics_is_neither() {
    let mut bench = Bench::new();
    bench.take("NBIRTH", 0, vec![bd_seq(0)]);
    bench.take("DBIRTH", 1, vec![named("hr", Some(7), Value::Int(70)), named("rr", Some(7), Value::Int(14))]);
    let taken = bench.take("DDATA", 2, vec![by_alias(7, Value::Int(15)), by_alias(8, Value::Int(15))]);
    assert_eq!(told(&taken), [Err(RejectionCode::Unmatched), Err(RejectionCode::Unmatched)]);
}

#[test]
fn what_is_no_payload_or_too_much_is_refused_whole() {
    let mut bench = Bench::new();
    let topic = "spBv1.0/hospital/DDATA/ward-a/mon-12";
    assert!(bench.raw(topic, b"{\"hr\":70}", false).unwrap_err().contains("no Sparkplug B"));
    let many = payload(0, vec![Metric::default(); 101]);
    assert!(bench.raw(topic, &many, false).unwrap_err().contains("more than 100 metrics"));
    assert!(bench.raw("spBv1.0/hospital/DDATA/ward-a/a b", &payload(0, vec![]), false).is_err());
    let empty = bench.raw(topic, b"", false).unwrap();
    assert!(empty.decoded.is_empty() && empty.rebirth.is_some());
}

proptest! {
    /// Whatever comes, and however it is cut, nothing panics and each metric has an outcome.
    #[test]
    fn junk_never_panics(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        kinds in prop::collection::vec((0_usize..6, 0_u64..300, any::<bool>()), 1..12),
    ) {
        let mut bench = Bench::born();
        for (kind, seq, dup) in kinds {
            let kind = ["NBIRTH", "NDEATH", "NDATA", "DBIRTH", "DDEATH", "DDATA"][kind];
            let device = if kind.starts_with('N') { "" } else { "/mon-12" };
            let topic = format!("spBv1.0/hospital/{kind}/ward-a{device}");
            drop(bench.raw(&topic, &bytes, dup));
            let metrics = vec![by_alias(seq % 3, Value::Long(seq)), named("hr", Some(HR), Value::Int(70))];
            let taken = bench.raw(&topic, &payload(seq, metrics), dup).unwrap();
            let outcomes = taken.decoded.len() + taken.ignored + taken.no_value;
            prop_assert_eq!(outcomes, if kind.ends_with("DEATH") { 0 } else { 2 });
        }
    }
}
