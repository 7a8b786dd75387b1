//! Our own JSON: one observation, an array of them, or one a line (NDJSON).

use super::{
    reading::{Reading, Refused, Way},
    text::value_text,
};
use crate::{
    domain::{DeviceId, Millis, PatientId, Timestamp, VitalCode, VitalDef, VitalTable, text::clean, vital::Scale},
    protocol::{Rejection, RejectionCode, WireObservation},
    quality,
};
use serde_json::value::RawValue;

/// How far ahead of ours a device's clock may be.
pub const FUTURE_TOLERANCE: Millis = Millis::from_secs(30);
/// The shortest sampling interval that a device may state.
pub const INTERVAL_MIN: Millis = Millis(10);
/// The longest sampling interval that a device may state.
pub const INTERVAL_MAX: Millis = Millis::from_mins(24 * 60);

/// How a body is divided into observations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyForm {
    /// One JSON value: an object or an array of objects. Several objects one a line are taken too.
    Json,
    /// One JSON object a line.
    Ndjson,
}

/// Why a whole body cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Nothing in it.
    #[error("the body is empty: send a JSON object, an array of objects, or one object a line")]
    Empty,
    /// Not JSON.
    #[error("the body is not JSON at line {line}, column {column}: {what}")]
    NotJson {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What the parser says.
        what: String,
    },
    /// More observations than one request may hold.
    #[error("the body holds more than {max} observations: send them in several requests")]
    TooMany {
        /// The most that are taken.
        max: usize,
    },
}

/// What a decoder must know.
#[derive(Debug, Clone, Copy)]
pub struct DecodeRules<'a> {
    /// All vitals of the site.
    pub vitals: &'a VitalTable,
    /// The device whose token it is; the measuring device unless the observation names another.
    pub sender: &'a DeviceId,
    /// Engine time.
    pub now: Timestamp,
    /// The oldest time that is kept.
    pub oldest: Timestamp,
    /// Most observations in one body.
    pub max_items: usize,
}

impl DecodeRules<'_> {
    /// Whether a time of measurement can be taken.
    ///
    /// # Errors
    /// If it lies ahead of the server's clock by more than [`FUTURE_TOLERANCE`], or before all that is kept.
    pub(super) fn check_time(&self, at: Timestamp) -> Result<(), Fault> {
        let ahead = at.since(self.now);
        if ahead > FUTURE_TOLERANCE {
            let detail = format!(
                "observed_at {at} is {:.0} s ahead of the server's clock ({}); at most {} s are allowed: check the device's clock",
                ahead.as_secs_f64(),
                self.now,
                FUTURE_TOLERANCE.as_secs()
            );
            return Err((RejectionCode::InTheFuture, detail));
        }
        if at < self.oldest {
            let detail = format!("observed_at {at} is older than what is kept (since {})", self.oldest);
            return Err((RejectionCode::TooOld, detail));
        }
        Ok(())
    }
}

/// The observations of a body, in their order.
pub type Decoded = Vec<Result<Reading, Refused>>;

/// Decodes a body.
///
/// # Errors
/// If the body as a whole cannot be used. An observation that cannot be used harms no other.
pub fn decode_body(body: &[u8], form: BodyForm, rules: DecodeRules<'_>) -> Result<Decoded, BodyError> {
    let first = body.iter().find(|b| !b.is_ascii_whitespace()).ok_or(BodyError::Empty)?;
    match (form, first) {
        (BodyForm::Ndjson, _) => decode_lines(body, rules),
        (BodyForm::Json, b'[') => {
            let items: Vec<&RawValue> = serde_json::from_slice(body).map_err(|e| not_json(&e))?;
            if items.len() > rules.max_items {
                return Err(BodyError::TooMany { max: rules.max_items });
            }
            let mut decoder = Decoder::new(rules);
            Ok(items.iter().enumerate().map(|(i, item)| decoder.item(i, item.get())).collect())
        }
        (BodyForm::Json, _) => match serde_json::from_slice::<&RawValue>(body) {
            Ok(item) => Ok(vec![Decoder::new(rules).item(0, item.get())]),
            Err(_) if is_lines(body) => decode_lines(body, rules),
            Err(e) => Err(not_json(&e)),
        },
    }
}

/// Decodes one observation; `index` is its place in its message.
///
/// # Errors
/// If it cannot be used.
pub fn decode_item(index: usize, item: &str, rules: DecodeRules<'_>) -> Result<Reading, Refused> {
    Decoder::new(rules).item(index, item)
}

fn not_json(e: &serde_json::Error) -> BodyError {
    BodyError::NotJson { line: e.line(), column: e.column(), what: clean(&e.to_string()) }
}

/// Whether a body that is not one JSON value is several, one a line: its first line is one by itself.
fn is_lines(body: &[u8]) -> bool {
    let first = body.split(|b| *b == b'\n').find(|line| !line.trim_ascii().is_empty());
    first.is_some_and(|line| serde_json::from_slice::<&RawValue>(line).is_ok())
}

fn decode_lines(body: &[u8], rules: DecodeRules<'_>) -> Result<Decoded, BodyError> {
    let lines = body.split(|b| *b == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    let mut decoder = Decoder::new(rules);
    let mut decoded = Vec::new();
    for (index, line) in lines.enumerate() {
        if index >= rules.max_items {
            return Err(BodyError::TooMany { max: rules.max_items });
        }
        decoded.push(match std::str::from_utf8(line) {
            Ok(text) => decoder.item(index, text),
            Err(_) => Err(refuse(index, RejectionCode::Malformed, "the line is not UTF-8", line)),
        });
    }
    Ok(decoded)
}

fn refuse(index: usize, code: RejectionCode, detail: impl Into<String>, raw: &[u8]) -> Refused {
    let rejection = Rejection { index, code, detail: detail.into() };
    Refused { rejection, payload: Refused::payload(raw), way: Way::Own, ahead: None }
}

/// Why a value is not taken: for programs, and for people.
pub(super) type Fault = (RejectionCode, String);

/// Decodes items one after the other; items of one body mostly speak of the same device, whose name is then not made anew.
struct Decoder<'a> {
    rules: DecodeRules<'a>,
    last_device: DeviceId,
    /// What the last item was refused for, if its time lies too far ahead.
    ahead: Option<(DeviceId, Timestamp)>,
}

impl<'a> Decoder<'a> {
    fn new(rules: DecodeRules<'a>) -> Self {
        Self { rules, last_device: rules.sender.clone(), ahead: None }
    }

    fn item(&mut self, index: usize, raw: &str) -> Result<Reading, Refused> {
        let read = self.reading(raw);
        read.map_err(|(code, detail)| Refused {
            ahead: self.ahead.take(),
            ..refuse(index, code, detail, raw.as_bytes())
        })
    }

    fn reading(&mut self, raw: &str) -> Result<Reading, Fault> {
        let wire: WireObservation<'_> =
            serde_json::from_str(raw).map_err(|e| (RejectionCode::Malformed, clean(&e.to_string())))?;
        let def = self.vital(&wire.vital)?;
        check_unit(def, wire.unit.as_deref())?;
        let (value, text) = value_of(def, wire.value.get())?;
        quality::check_possible(def, value).map_err(|e| (RejectionCode::Impossible, e.to_string()))?;
        let device = self.device(wire.device.as_deref())?;
        Ok(Reading {
            named_patient: named_patient(wire.patient.as_deref())?,
            vital: def.code,
            value,
            text,
            observed_at: self.time(&wire.observed_at, &device)?,
            correction: wire.correction,
            interval: wire.interval_ms.map(interval).transpose()?,
            device,
        })
    }

    fn vital(&self, code: &str) -> Result<&'a VitalDef, Fault> {
        let parsed: Option<VitalCode> = code.parse().ok();
        let found = parsed.and_then(|code| self.rules.vitals.get(code));
        let unknown = || {
            let known: Vec<&str> = self.rules.vitals.iter().map(|def| def.code.as_str()).collect();
            let detail = format!("vital {:?} is not known; known are {}", clean(code), known.join(", "));
            (RejectionCode::UnknownVital, detail)
        };
        found.map(AsRef::as_ref).ok_or_else(unknown)
    }

    fn device(&mut self, named: Option<&str>) -> Result<DeviceId, Fault> {
        let Some(named) = named else { return Ok(self.rules.sender.clone()) };
        if self.last_device.as_str() != named {
            self.last_device = named.parse().map_err(|e| (RejectionCode::UnknownDevice, format!("device: {e}")))?;
        }
        Ok(self.last_device.clone())
    }

    fn time(&mut self, text: &str, device: &DeviceId) -> Result<Timestamp, Fault> {
        let at: Timestamp = text.parse().map_err(|_| {
            let detail = format!(
                "observed_at {:?} is not a time: RFC 3339 with an offset is wanted, such as 2026-03-01T08:15:00Z",
                clean(text)
            );
            (RejectionCode::BadTime, detail)
        })?;
        self.rules.check_time(at).inspect_err(|(code, _)| {
            if *code == RejectionCode::InTheFuture {
                self.ahead = Some((device.clone(), at));
            }
        })?;
        Ok(at)
    }
}

fn check_unit(def: &VitalDef, unit: Option<&str>) -> Result<(), Fault> {
    match unit {
        Some(unit) if unit != &*def.ucum && unit != &*def.unit => {
            let detail =
                format!("unit {:?} is not the unit of {}: send {} ({})", clean(unit), def.code, def.ucum, def.unit);
            Err((RejectionCode::WrongUnit, detail))
        }
        _ => Ok(()),
    }
}

fn value_of(def: &VitalDef, raw: &str) -> Result<(f64, Option<std::sync::Arc<str>>), Fault> {
    if let Scale::Coded(labels) = &def.scale
        && let Ok(label) = serde_json::from_str::<String>(raw)
    {
        let value = def.coded_value(&label).ok_or_else(|| {
            let detail = format!("value {:?} is not a code of {}: {} are", clean(&label), def.code, labels.join(", "));
            (RejectionCode::NotANumber, detail)
        })?;
        return Ok((value, None));
    }
    let value: f64 = serde_json::from_str(raw).map_err(|_| {
        let shown = clean(raw);
        let detail = if raw.starts_with('"') {
            format!("value {shown} of {} is text: send a JSON number without quotes", def.code)
        } else {
            format!("value {shown} of {} is not a number", def.code)
        };
        (RejectionCode::NotANumber, detail)
    })?;
    Ok((value, value_text(raw, value)))
}

/// A value that stands alone as text: a number, or a label of a coded vital.
///
/// # Errors
/// If it is neither, or cannot physically be.
pub(super) fn value_as_text(def: &VitalDef, text: &str) -> Result<(f64, Option<std::sync::Arc<str>>), Fault> {
    let text = text.trim();
    let (value, text) = match def.coded_value(text) {
        Some(value) => (value, None),
        None => value_of(def, text)?,
    };
    quality::check_possible(def, value).map_err(|e| (RejectionCode::Impossible, e.to_string()))?;
    Ok((value, text))
}

fn named_patient(named: Option<&str>) -> Result<Option<PatientId>, Fault> {
    named.map(str::parse).transpose().map_err(|e| (RejectionCode::WrongPatient, format!("patient: {e}")))
}

fn interval(ms: u32) -> Result<Millis, Fault> {
    let interval = Millis(i64::from(ms));
    if (INTERVAL_MIN..=INTERVAL_MAX).contains(&interval) {
        return Ok(interval);
    }
    let detail = format!("interval_ms {ms} is not between {} and {}", INTERVAL_MIN.0, INTERVAL_MAX.0);
    Err((RejectionCode::BadInterval, detail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    fn now() -> Timestamp {
        "2026-03-01T12:00:00Z".parse().unwrap()
    }

    fn decode(body: &str, form: BodyForm) -> Result<Decoded, BodyError> {
        decode_bytes(body.as_bytes(), form)
    }

    fn decode_bytes(body: &[u8], form: BodyForm) -> Result<Decoded, BodyError> {
        let (vitals, sender) = (VitalTable::builtin(), "gw".parse().unwrap());
        let oldest = now() - Millis::from_mins(60);
        decode_body(body, form, DecodeRules { vitals: &vitals, sender: &sender, now: now(), oldest, max_items: 5 })
    }

    fn one(item: &str) -> Result<Reading, Refused> {
        decode(item, BodyForm::Json).unwrap().remove(0)
    }

    const GOOD: &str =
        r#"{"device":"d1","vital":"temp","value":37.00,"unit":"Cel","observed_at":"2026-03-01T11:59:59+00:00"}"#;

    #[test]
    fn a_good_observation_keeps_its_text() {
        let reading = one(GOOD).unwrap();
        assert_eq!(reading.device.as_str(), "d1");
        assert_eq!((reading.value, reading.text.as_deref()), (37.0, Some("37.00")));
        assert_eq!(reading.observed_at, now() - Millis(1000));
    }

    #[rstest]
    #[case::one_object(GOOD.to_owned(), BodyForm::Json, 1)]
    #[case::pretty_printed(GOOD.replace(',', ",\n  "), BodyForm::Json, 1)]
    #[case::array(format!("[{GOOD},{GOOD}]"), BodyForm::Json, 2)]
    #[case::lines_as_json(format!("{GOOD}\n{GOOD}\n\n{GOOD}\n"), BodyForm::Json, 3)]
    #[case::lines(format!("{GOOD}\r\n{GOOD}"), BodyForm::Ndjson, 2)]
    fn bodies_of_all_forms(#[case] body: String, #[case] form: BodyForm, #[case] n: usize) {
        let decoded = decode(&body, form).unwrap();
        assert_eq!(decoded.len(), n);
        assert!(decoded.iter().all(Result::is_ok), "{decoded:?}");
    }

    #[rstest]
    #[case::number_as_text(r#""value":"97""#, RejectionCode::NotANumber, "without quotes")]
    #[case::null(r#""value":null"#, RejectionCode::NotANumber, "not a number")]
    #[case::huge(r#""value":1e999"#, RejectionCode::NotANumber, "not a number")]
    #[case::impossible(r#""value":101"#, RejectionCode::Impossible, "0 to 100 %")]
    #[case::negative(r#""value":-1"#, RejectionCode::Impossible, "-1 %")]
    #[case::wrong_unit(r#""value":0.97,"unit":"1""#, RejectionCode::WrongUnit, "send %")]
    #[case::unknown_field(r#""value":1,"colour":"red""#, RejectionCode::Malformed, "colour")]
    #[case::field_twice(r#""value":97,"vital":"hr""#, RejectionCode::Malformed, "duplicate field")]
    #[case::bad_patient(r#""value":97,"patient":"a b""#, RejectionCode::WrongPatient, "' '")]
    #[case::bad_interval(r#""value":97,"interval_ms":1"#, RejectionCode::BadInterval, "between")]
    fn bad_items_say_what_is_wrong(#[case] fields: &str, #[case] code: RejectionCode, #[case] says: &str) {
        let item = format!(r#"{{"vital":"spo2","observed_at":"2026-03-01T11:59:59Z",{fields}}}"#);
        let refused = one(&item).unwrap_err();
        assert_eq!(refused.rejection.code, code, "{}", refused.rejection.detail);
        assert!(refused.rejection.detail.contains(says), "{}", refused.rejection.detail);
        assert_eq!(refused.payload, item);
    }

    #[rstest]
    #[case("2026-03-01T12:00:30Z", None)]
    #[case("2026-03-01T12:00:30.001Z", Some(RejectionCode::InTheFuture))]
    #[case("2199-01-01T00:00:00Z", Some(RejectionCode::InTheFuture))]
    #[case("2026-03-01T11:00:00Z", None)]
    #[case("2026-03-01T10:59:59Z", Some(RejectionCode::TooOld))]
    #[case("2026-03-01T12:00:00", Some(RejectionCode::BadTime))]
    #[case("yesterday\u{1b}[31m", Some(RejectionCode::BadTime))]
    fn times_are_bounded(#[case] time: &str, #[case] expected: Option<RejectionCode>) {
        let time = serde_json::to_string(time).unwrap();
        let decoded = one(&format!(r#"{{"vital":"hr","value":70,"observed_at":{time}}}"#));
        assert_eq!(decoded.as_ref().err().map(|r| r.rejection.code), expected);
        let detail = decoded.err().map(|r| r.rejection.detail).unwrap_or_default();
        assert!(!detail.contains('\u{1b}'), "no control character reaches an answer");
    }

    #[test]
    fn an_unknown_vital_names_the_known_ones() {
        let refused = one(r#"{"vital":"mood","value":1,"observed_at":"2026-03-01T11:59:59Z"}"#).unwrap_err();
        assert_eq!(refused.rejection.code, RejectionCode::UnknownVital);
        assert!(refused.rejection.detail.contains("\"mood\" is not known; known are hr, pulse, spo2"));
    }

    #[test]
    fn one_bad_item_harms_no_other() {
        let body = format!("{GOOD}\n{{\"vital\":\n{GOOD}\n");
        let decoded = decode(&body, BodyForm::Ndjson).unwrap();
        assert_eq!(decoded.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true]);
        assert_eq!(decoded[1].as_ref().unwrap_err().rejection.index, 1);
    }

    #[test]
    fn a_body_that_is_no_json_is_refused_with_its_place() {
        assert_eq!(decode("  \n ", BodyForm::Json), Err(BodyError::Empty));
        assert_eq!(decode("", BodyForm::Ndjson), Err(BodyError::Empty));
        let error = decode("[{\"vital\":\"hr\",\n\"value\":NaN}]", BodyForm::Json).unwrap_err();
        assert!(error.to_string().starts_with("the body is not JSON at line 2, column 9"), "{error}");
        assert_eq!(decode(&[GOOD; 6].join("\n"), BodyForm::Ndjson), Err(BodyError::TooMany { max: 5 }));
        assert_eq!(decode(&format!("[{}]", [GOOD; 6].join(",")), BodyForm::Json), Err(BodyError::TooMany { max: 5 }));
    }

    #[test]
    fn coded_vitals_take_labels() {
        let item = |value: &str| {
            format!(r#"{{"vital":"consciousness","value":{value},"observed_at":"2026-03-01T11:59:59Z"}}"#)
        };
        assert_eq!(one(&item("\"V\"")).unwrap().value, 2.0);
        assert_eq!(one(&item("3")).unwrap().value, 3.0);
        assert_eq!(one(&item("\"Z\"")).unwrap_err().rejection.code, RejectionCode::NotANumber);
        assert_eq!(one(&item("9")).unwrap_err().rejection.code, RejectionCode::Impossible);
    }

    proptest! {
        #[test]
        fn junk_never_panics(body in prop::collection::vec(any::<u8>(), 0..400), lines in any::<bool>()) {
            let _ = decode_bytes(&body, if lines { BodyForm::Ndjson } else { BodyForm::Json });
        }

        #[test]
        fn mutated_bodies_never_panic(at in 0_usize..120, byte in any::<u8>()) {
            let mut body = format!("[{GOOD},{GOOD}]").into_bytes();
            body[at] = byte;
            if let Ok(decoded) = decode_bytes(&body, BodyForm::Json) {
                for reading in decoded.into_iter().flatten() {
                    prop_assert!(reading.value.is_finite() && reading.observed_at <= now() + FUTURE_TOLERANCE);
                }
            }
        }
    }
}
