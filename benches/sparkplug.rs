//! What it costs to read Sparkplug B: a DDATA with six values by alias, as an edge node sends it each second. Figures are
//! printed, never asserted.

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

mod allocator;
mod core_time;

use core_time::core_time;
use prost::Message;
use std::{collections::BTreeMap, hint::black_box, time::Duration};
use wardwatch::{
    domain::{Timestamp, VitalTable},
    ingest::{
        DecodeRules,
        sparkplug::{Metric, Payload, PropertySet, PropertyValue, Session, Source, Topic, metric, property_value},
    },
};

/// So much of a core's time is measured.
const MEASURED: Duration = Duration::from_secs(3);
/// Messages between two looks at the clock: their numbers go round once.
const ROUND: u32 = 256;
const NOW_MS: u64 = 1_772_359_200_000;

const VITALS: [(&str, f32, &str); 6] = [
    ("hr", 77.0, "/min"),
    ("pulse", 78.0, "/min"),
    ("spo2", 97.0, "%"),
    ("rr", 16.0, "/min"),
    ("temp", 36.9, "Cel"),
    ("art_sys", 121.0, "mmHg"),
];

fn payload(seq: u64, named: bool) -> Vec<u8> {
    let metrics = (1..).zip(VITALS).map(|(alias, (name, value, unit))| {
        let unit = PropertyValue { value: Some(property_value::Value::Text(unit.to_owned())) };
        Metric {
            name: named.then(|| format!("vitals/{name}")),
            alias: Some(alias),
            timestamp: Some(NOW_MS),
            properties: named.then(|| PropertySet { keys: vec!["engUnit".to_owned()], values: vec![unit] }),
            value: Some(metric::Value::Float(value)),
            ..Metric::default()
        }
    });
    Payload { timestamp: Some(NOW_MS), metrics: metrics.collect(), seq: Some(seq) }.encode_to_vec()
}

fn main() {
    let (vitals, sender) = (VitalTable::builtin(), "gateway".parse().unwrap());
    let source = Source::new(&vitals, &BTreeMap::new(), &BTreeMap::new(), false).unwrap();
    let now = Timestamp::from_ms(NOW_MS.cast_signed());
    let rules = DecodeRules { vitals: &vitals, sender: &sender, now, oldest: Timestamp::MIN, max_items: 10_000 };
    let mut session = Session::default();
    let mut take = |kind: &str, device: &str, payload: &[u8]| {
        let topic = format!("spBv1.0/hospital/{kind}/ward-a{device}");
        session.take(Topic::parse(&topic).unwrap(), payload, false, &source, rules).unwrap()
    };
    take("NBIRTH", "", &Payload { timestamp: Some(NOW_MS), metrics: vec![], seq: Some(0) }.encode_to_vec());
    take("DBIRTH", "/mon-12", &payload(1, true));
    let data: Vec<Vec<u8>> = (0..256).map(|n| payload((n + 2) % 256, false)).collect();
    let (bytes, mut values) = (data.iter().map(Vec::len).max().unwrap_or_default(), 0);
    let began = core_time();
    let mut done = 0_u32;
    while core_time() - began < MEASURED {
        for payload in &data {
            let taken = black_box(take("DDATA", "/mon-12", black_box(payload)));
            values = taken.decoded.iter().filter(|read| read.is_ok()).count();
            assert!(!taken.gap && values == VITALS.len(), "every value is read");
        }
        done += ROUND;
    }
    let each = (core_time() - began).as_secs_f64() * 1e9 / f64::from(done);
    println!("{bytes} bytes, {values} values: {each:.0} ns a message, {:.0} messages/s on one core", 1e9 / each);
}
