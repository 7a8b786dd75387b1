//! Messages a second on one core through a device mapping, from bytes to measurements.
//!
//! A monitor's message carries six values. It goes through one template that takes all six, through six templates that take
//! one each, and through a calculated template in JMESPath. Prints the figures; asserts nothing about time.

#![expect(clippy::unwrap_used, clippy::missing_docs_in_private_items, reason = "a benchmark fails by panicking")]

mod allocator;

use criterion::{BenchmarkId, Criterion, Throughput};
use std::hint::black_box;
use wardwatch::ingest::medtech::{Arithmetic, Compat, DeviceMapping, Json};

const VALUES: [&str; 6] = ["hr", "spo2", "rr", "sys", "dia", "temp"];

const MESSAGE: &[u8] = br#"{"Body":{"deviceId":"monitor-0017","patientId":"p-204","time":"2026-01-15T10:20:30.123Z",
"hr":72,"spo2":97,"rr":15,"sys":121,"dia":78,"temp":36.6},"Properties":{},"SystemProperties":{}}"#;

fn collection(templates: &[String]) -> DeviceMapping {
    let text = format!("{{'templateType': 'CollectionContent', 'template': [{}]}}", templates.join(","));
    DeviceMapping::load(text.as_bytes(), Arithmetic::Medtech).sound().unwrap()
}

fn json_path(type_name: &str, values: &[&str]) -> String {
    let listed = values.iter().map(|v| format!("{{'valueName': '{v}', 'valueExpression': '$.{v}', 'required': true}}"));
    let listed: Vec<_> = listed.collect();
    format!(
        "{{'templateType': 'JsonPathContent', 'template': {{'typeName': '{type_name}', 'typeMatchExpression':
        '$..[?(@{})]', 'deviceIdExpression': '$.deviceId', 'timestampExpression': '$.time',
        'patientIdExpression': '$.patientId', 'values': [{}]}}}}",
        values.join(" && @"),
        listed.join(",")
    )
}

fn jmes_path() -> String {
    let listed = VALUES.iter().map(|v| format!("{{'valueName': '{v}', 'valueExpression': 'matchedToken.{v}'}}"));
    let listed: Vec<_> = listed.collect();
    format!(
        "{{'templateType': 'CalculatedContent', 'template': {{'typeName': 'vitals', 'defaultExpressionLanguage':
        'JmesPath', 'typeMatchExpression': 'to_array(Body)[?hr && spo2]', 'deviceIdExpression': 'matchedToken.deviceId',
        'timestampExpression': 'matchedToken.time', 'patientIdExpression': 'matchedToken.patientId',
        'values': [{}]}}}}",
        listed.join(",")
    )
}

fn main() {
    let singles: Vec<_> = VALUES.iter().map(|value| json_path(value, &[value])).collect();
    let mappings = [
        ("one template of six values", collection(&[json_path("vitals", &VALUES)])),
        ("six templates of one value", collection(&singles)),
        ("one in JMESPath", collection(&[jmes_path()])),
    ];
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("messages");
    group.throughput(Throughput::Elements(1));
    for (name, mapping) in &mappings {
        let values: usize = {
            let made = mapping.normalise(&Json::read(MESSAGE).unwrap(), Compat::Safe);
            made.measurements.iter().map(|m| m.properties.len()).sum()
        };
        assert_eq!(values, VALUES.len(), "{name}");
        group.bench_with_input(BenchmarkId::from_parameter(name), mapping, |bencher, mapping| {
            bencher.iter(|| mapping.normalise(&Json::read(black_box(MESSAGE)).unwrap(), Compat::Safe));
        });
    }
    group.finish();
    criterion.final_summary();
}
