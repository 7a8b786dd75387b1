//! From a metric to a reading: which vital it is, in which unit, of what time.

use super::payload::{Metric, datatype, metric::Value};
use crate::{
    domain::{DeviceId, Timestamp, VitalCode, VitalDef, VitalTable, text::clean},
    ingest::{DecodeRules, Reading, hl7::CodeTable, native::Fault, value_text},
    protocol::RejectionCode,
    quality,
};
use std::{collections::BTreeMap, sync::Arc};

/// The property of a metric that names its unit (Sparkplug 3.0.0, 6.4.15).
pub const UNIT_PROPERTY: &str = "engUnit";

/// What is known of an edge node's manner beforehand.
#[derive(Debug, Clone, Default)]
pub struct Source {
    codes: CodeTable,
    units: BTreeMap<String, String>,
    by_edge: bool,
}

impl Source {
    /// A source whose metrics are known by `metrics` beside their usual names. `units` are units of metrics that name none,
    /// by metric. With `by_edge` a device is called `EDGE/DEVICE`, else `DEVICE`.
    ///
    /// # Errors
    /// If a vital or a unit is named that does not exist.
    pub fn new(
        vitals: &VitalTable,
        metrics: &BTreeMap<String, VitalCode>,
        units: &BTreeMap<String, String>,
        by_edge: bool,
    ) -> Result<Self, String> {
        let codes = CodeTable::new(vitals, metrics, &BTreeMap::new())?;
        if let Some((metric, unit)) = units.iter().find(|(_, unit)| !codes.has_unit(unit)) {
            return Err(format!("metric {metric:?} has unit {unit:?}, which is no unit"));
        }
        Ok(Self { codes, units: units.clone(), by_edge })
    }

    /// The device as we call it.
    pub(super) fn device(&self, edge: &str, device: Option<&str>) -> Result<DeviceId, String> {
        let name = match device {
            None => edge.to_owned(),
            Some(device) if self.by_edge => format!("{edge}/{device}"),
            Some(device) => device.to_owned(),
        };
        name.parse().map_err(|e| format!("device {:?}: {e}", clean(&name)))
    }

    /// The vital of a metric: by its whole name as configured, else by the last level of its name.
    pub(super) fn vital(&self, name: &str, vitals: &VitalTable) -> Option<VitalCode> {
        let last = name.rsplit('/').next().unwrap_or_default();
        let own = self.codes.own(name).map(|def| def.code);
        let code = || vitals.get(last.parse().ok()?).map(|def| def.code);
        own.or_else(code).or_else(|| self.codes.plain(last).map(|def| def.code))
    }
}

/// A metric as its birth describes it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Def {
    pub(super) name: String,
    pub(super) datatype: Option<u32>,
    pub(super) unit: Option<String>,
    pub(super) vital: Option<VitalCode>,
}

impl Def {
    /// As a metric with a name describes itself.
    pub(super) fn of(metric: &Metric, name: &str, source: &Source, vitals: &VitalTable) -> Self {
        let unit = metric.properties.as_ref().and_then(|p| p.text(UNIT_PROPERTY)).map(str::to_owned);
        Self {
            name: name.to_owned(),
            datatype: metric.datatype,
            unit: unit.or_else(|| source.units.get(name).cloned()),
            vital: source.vital(name, vitals),
        }
    }
}

/// What a metric holds.
pub(super) enum Held {
    /// A value.
    Reading(Reading),
    /// It says that there is none.
    NoValue,
}

/// Reads the value of a vital.
pub(super) fn read(
    metric: &Metric,
    (def, vital): (&Def, VitalCode),
    sent_at: Option<u64>,
    (device, source, rules): (&DeviceId, &Source, DecodeRules<'_>),
    ahead: &mut Option<(DeviceId, Timestamp)>,
) -> Result<Held, Fault> {
    if metric.is_null == Some(true) {
        return Ok(Held::NoValue);
    }
    let known = rules.vitals.get(vital).ok_or_else(|| (RejectionCode::UnknownVital, "not defined".to_owned()))?;
    let observed_at = time(metric, sent_at)?;
    rules.check_time(observed_at).inspect_err(|(code, _)| {
        if *code == RejectionCode::InTheFuture {
            *ahead = Some((device.clone(), observed_at));
        }
    })?;
    let (raw, raw_text) = number(metric, def, known)?;
    let own_unit = metric.properties.as_ref().and_then(|p| p.text(UNIT_PROPERTY));
    let conversion = source.codes.conversion_by_name(own_unit.or(def.unit.as_deref()), known);
    let conversion = conversion.map_err(|e| (RejectionCode::WrongUnit, e.to_string()))?;
    // Adding 0 makes -0 a plain 0.
    let value = conversion.apply(raw) + 0.0;
    quality::check_possible(known, value).map_err(|e| (RejectionCode::Impossible, e.to_string()))?;
    let text: Option<Arc<str>> = raw_text.filter(|_| conversion.is_same()).and_then(|text| value_text(&text, value));
    Ok(Held::Reading(Reading {
        device: device.clone(),
        named_patient: None,
        vital,
        value,
        text,
        observed_at,
        correction: false,
        interval: None,
    }))
}

/// The metric's own time, else that of the message. What was held back needs its own: the message is of now.
fn time(metric: &Metric, sent_at: Option<u64>) -> Result<Timestamp, Fault> {
    let historical = metric.is_historical == Some(true);
    let ms = metric.timestamp.or(sent_at.filter(|_| !historical));
    let at = ms.and_then(|ms| i64::try_from(ms).ok()).map(Timestamp::from_ms);
    at.ok_or_else(|| {
        let what = if historical { "it was held back and has no time of its own" } else { "it has no time" };
        (RejectionCode::BadTime, format!("{what}: send a timestamp in ms with the metric"))
    })
}

/// The number, and its text if that was sent.
fn number(metric: &Metric, def: &Def, vital: &VitalDef) -> Result<(f64, Option<String>), Fault> {
    let kind = metric.datatype.or(def.datatype).unwrap_or_default();
    let none = |what: &str| Err((RejectionCode::NotANumber, format!("{what} is not a number of {}", vital.code)));
    match &metric.value {
        Some(Value::Int(n)) => Ok((signed_32(*n, kind), None)),
        Some(Value::Long(n)) => Ok((signed_64(*n, kind), None)),
        // By its shortest text: 37.2 of 32 bits is 37.2, and not 37.20000076.
        Some(Value::Float(n)) => Ok((n.to_string().parse().unwrap_or(f64::NAN), None)),
        Some(Value::Double(n)) => Ok((*n, None)),
        Some(Value::Text(text)) => match vital.coded_value(text.trim()) {
            Some(value) => Ok((value, None)),
            None => none(&format!("text {:?}", clean(text))),
        },
        Some(Value::Boolean(_)) => none("a boolean"),
        None => none("a value of another type, or none,"),
    }
}

/// An integer of up to 32 bits: negative ones are two's complement of their own width or of 32 bits.
#[expect(clippy::cast_possible_truncation, reason = "the low bits of a two's complement are the number")]
fn signed_32(n: u32, kind: u32) -> f64 {
    match kind {
        datatype::INT8 => (n as u8).cast_signed().into(),
        datatype::INT16 => (n as u16).cast_signed().into(),
        datatype::INT32 => n.cast_signed().into(),
        _ => n.into(),
    }
}

#[expect(clippy::cast_precision_loss, reason = "no vital comes near 2^52")]
fn signed_64(n: u64, kind: u32) -> f64 {
    if kind == datatype::INT64 { n.cast_signed() as f64 } else { n as f64 }
}
