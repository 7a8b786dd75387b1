//! One OBX with a value: from its fields to numbers with times.

use super::{
    oru::Found,
    source::Source,
    time::{self, Zone},
    tokens::{Segment, Separators, pieces},
};
use crate::{
    domain::{DeviceId, Timestamp, VitalDef, text::clean},
    ingest::{
        native::{DecodeRules, FUTURE_TOLERANCE},
        text::value_text,
    },
    protocol::RejectionCode,
    quality,
};
use std::sync::Arc;

/// Most values of one OBX.
const VALUES_MAX: usize = 1_000;

/// Why a value cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    /// The field.
    pub(super) field: u8,
    pub(super) code: RejectionCode,
    pub(super) detail: String,
    /// The time, if that is why: it lies too far ahead.
    pub(super) ahead: Option<Timestamp>,
}

impl Fault {
    pub(super) const fn new(field: u8, code: RejectionCode, detail: String) -> Self {
        Self { field, code, detail, ahead: None }
    }
}

/// The time of a group: OBR-7 and OBR-8.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Span<'m> {
    pub(super) from: &'m str,
    pub(super) to: &'m str,
}

/// What all values of a message share.
pub(super) struct Reader<'a> {
    pub(super) separators: Separators,
    pub(super) source: &'a Source,
    pub(super) rules: DecodeRules<'a>,
    pub(super) zone: Zone,
}

/// One number, its text, and when.
pub(super) struct Number {
    pub(super) value: f64,
    pub(super) text: Option<Arc<str>>,
    pub(super) at: Timestamp,
}

/// One text of OBX-5.
enum Token {
    None,
    Number(f64, Option<Arc<str>>),
}

impl<'m> Reader<'_> {
    /// The numbers of an OBX, oldest first; none if it says that there is no value. `last` is the time that was read last:
    /// rows mostly share one.
    pub(super) fn numbers(
        &self,
        obx: &Segment<'m>,
        def: &VitalDef,
        span: Span<'m>,
        last: &mut Found<'m>,
    ) -> Result<Vec<Result<Number, Fault>>, Fault> {
        let raw = obx.field(5);
        if raw.is_empty() || (obx.field(11) == "X" && self.source.x_is_no_value) {
            return Ok(Vec::new());
        }
        if matches!(obx.field(11), "D" | "W") {
            let detail = "a stored value is not deleted by a message: send a correction (OBX-11 = C)".to_owned();
            return Err(Fault::new(11, RejectionCode::Malformed, detail));
        }
        let parts = || pieces(raw, self.separators.repetition).flat_map(|rep| self.parts(obx.field(2), rep));
        // Nearly always there is one.
        let several = raw.contains(self.separators.repetition) || matches!(obx.field(2), "NA" | "MA");
        let count = if several { parts().take(VALUES_MAX + 1).count() } else { 1 };
        if count > VALUES_MAX {
            let detail = format!("more than {VALUES_MAX} values in one OBX");
            return Err(Fault::new(5, RejectionCode::Malformed, detail));
        }
        let mut times = None;
        let mut numbers = Vec::with_capacity(count);
        for (index, part) in parts().enumerate() {
            let (value, text) = match self.number(part, obx, def) {
                Ok(Token::None) => continue,
                Ok(Token::Number(value, text)) => (value, text),
                Err(fault) => {
                    numbers.push(Err(fault));
                    continue;
                }
            };
            let (from, to) = match times {
                Some(times) => times,
                None => *times.insert(self.times(obx.field(14), span, count, last)?),
            };
            let step = to.since(from).0 / i64::try_from(count.max(1)).unwrap_or(i64::MAX);
            let at = from + crate::domain::Millis(step) * i64::try_from(index).unwrap_or(i64::MAX);
            numbers.push(self.in_time(at, def.code.as_str()).map(|()| Number { value, text, at }));
        }
        Ok(numbers)
    }

    /// The values within one repetition: the components of a numeric array, the number of a structured one.
    fn parts(&self, kind: &str, rep: &'m str) -> impl Iterator<Item = &'m str> {
        let (all, structured) = (kind == "NA" || kind == "MA", kind == "SN");
        // A structured number is a comparison and a number: `<^98` is none, and neither is a range or a ratio.
        let skip = usize::from(structured && rep.starts_with(self.separators.component));
        let is_more = || pieces(rep, self.separators.component).skip(skip + 1).any(|part| !part.is_empty());
        let number = structured && !is_more();
        let whole = (!all && !number).then_some(rep);
        let components = (all || number).then(|| pieces(rep, self.separators.component)).into_iter().flatten();
        let take = if number { 1 } else { usize::MAX };
        whole.into_iter().chain(components.skip(skip).take(take))
    }

    fn number(&self, raw: &str, obx: &Segment<'_>, def: &VitalDef) -> Result<Token, Fault> {
        let raw = raw.trim();
        if raw.is_empty() || raw == "\"\"" {
            return Ok(Token::None);
        }
        let label = self.separators.component(raw, 1);
        if let Some(value) = def.coded_value(label) {
            return Ok(Token::Number(value, None));
        }
        let plain = raw.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+'));
        let parsed = if plain { raw.parse::<f64>().ok() } else { None };
        let number = parsed.ok_or_else(|| {
            let detail = format!("{:?} is not a number of {}: send a plain decimal number", clean(raw), def.code);
            Fault::new(5, RejectionCode::NotANumber, detail)
        })?;
        // A monitor writes its sentinels as whole numbers or not: the number counts.
        if self.source.sentinels.contains(&number) {
            return Ok(Token::None);
        }
        let conversion = self.source.codes.conversion(obx.field(6), def, self.separators);
        let conversion = conversion.map_err(|e| Fault::new(6, RejectionCode::WrongUnit, e.to_string()))?;
        // Adding 0 makes -0 a plain 0.
        let value = conversion.apply(number) + 0.0;
        quality::check_possible(def, value).map_err(|e| Fault::new(5, RejectionCode::Impossible, e.to_string()))?;
        let text = if conversion == super::units::Conversion::SAME { value_text(raw, value) } else { None };
        Ok(Token::Number(value, text))
    }

    /// When: OBX-14; else OBR-7, and up to OBR-8 if there are several values.
    fn times(
        &self,
        own: &'m str,
        span: Span<'m>,
        count: usize,
        last: &mut Found<'m>,
    ) -> Result<(Timestamp, Timestamp), Fault> {
        let bad = |text: &str| {
            let detail = if text.is_empty() {
                "there is no time: send OBX-14, or OBR-7 for the group".to_owned()
            } else {
                format!("{:?} is no time to the minute: send YYYYMMDDHHMMSS with an offset such as +0100", clean(text))
            };
            Fault::new(14, RejectionCode::BadTime, detail)
        };
        let mut read = |text: &'m str| {
            if let Some(at) = last.time.filter(|_| last.time_text == text && !text.is_empty()) {
                return Ok(at);
            }
            let at = time::parse(text, self.zone).ok_or_else(|| bad(text))?;
            (last.time, last.time_text) = (Some(at), text);
            Ok(at)
        };
        if count <= 1 {
            let at = read(if own.is_empty() { span.from } else { own })?;
            return Ok((at, at));
        }
        if !own.is_empty() || span.to.is_empty() {
            let detail = format!("{count} values and one time: send OBR-7 and OBR-8, between which they lie");
            return Err(Fault::new(5, RejectionCode::BadTime, detail));
        }
        let (from, to) = (read(span.from)?, read(span.to)?);
        if to <= from {
            let detail = "OBR-8 is not after OBR-7".to_owned();
            return Err(Fault::new(5, RejectionCode::BadTime, detail));
        }
        Ok((from, to))
    }

    pub(super) fn in_time(&self, at: Timestamp, what: &str) -> Result<(), Fault> {
        let ahead = at.since(self.rules.now);
        if ahead > FUTURE_TOLERANCE {
            let detail = format!(
                "{at} is {:.0} s ahead of the server's clock ({}); at most {} s are allowed: check clock and time zone of the source",
                ahead.as_secs_f64(),
                self.rules.now,
                FUTURE_TOLERANCE.as_secs()
            );
            return Err(Fault { ahead: Some(at), ..Fault::new(14, RejectionCode::InTheFuture, detail) });
        }
        if at < self.rules.oldest {
            let detail = format!("{what} at {at} is older than what is kept (since {})", self.rules.oldest);
            return Err(Fault::new(14, RejectionCode::TooOld, detail));
        }
        Ok(())
    }
}

/// The device that OBX-18 names, if any.
pub(super) fn device(field: &str, separators: Separators) -> Option<Result<DeviceId, Fault>> {
    let name = separators.component(separators.first(field), 1).trim();
    let wrong = |e| Fault::new(18, RejectionCode::UnknownDevice, format!("device: {e}"));
    (!name.is_empty()).then(|| name.parse().map_err(wrong))
}
