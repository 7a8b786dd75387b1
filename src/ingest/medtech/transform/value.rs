//! From measured values to the value of an Observation.

use super::{
    fault::TransformFault,
    sampled::{self, TimedValue},
    template::{Concept, ValueKind, ValueTemplate, period_ticks},
};
use crate::fhir::{CodeableConcept, Decimal, ObservationValue, Period, Quantity, SampledData};

/// Makes a value of what was measured, sorted by time, during a period.
///
/// # Errors
/// If the values are not what the template takes.
pub fn create(
    template: &ValueTemplate,
    values: &[TimedValue],
    over: Period,
) -> Result<ObservationValue, TransformFault> {
    Ok(match &template.kind {
        ValueKind::SampledData { period, unit } => {
            let (period, ticks) = sample_period(period.as_ref())?;
            ObservationValue::SampledData(SampledData {
                origin: Quantity { value: Decimal::zero(), unit: unit.clone(), system: None, code: None },
                period: period.clone(),
                dimensions: 1,
                data: sampled::build(values, over, ticks)?,
            })
        }
        ValueKind::Quantity { unit, code, system } => ObservationValue::Quantity(Quantity {
            value: one_number(values)?,
            unit: unit.clone(),
            system: system.clone(),
            code: code.clone(),
        }),
        ValueKind::CodeableConcept(fixed) => ObservationValue::CodeableConcept(concept(fixed)),
        ValueKind::String => match values {
            [(_, text)] => ObservationValue::String(text.clone()),
            several => return Err(TransformFault::NotOneText { count: several.len() }),
        },
    })
}

/// Brings new values into a value that is there. A stream is rebuilt over both periods; all others are replaced.
///
/// # Errors
/// If the value that is there is of another type, or the new values are not what the template takes.
pub fn merge(
    template: &ValueTemplate,
    values: &[TimedValue],
    over: Period,
    existing: Option<&ObservationValue>,
    existing_over: Period,
) -> Result<ObservationValue, TransformFault> {
    let changed = || TransformFault::ValueTypeChanged {
        wanted: template.kind.as_str(),
        found: existing.map_or("no value", ObservationValue::member),
    };
    match (&template.kind, existing) {
        (ValueKind::SampledData { period, .. }, Some(ObservationValue::SampledData(stream))) => {
            merge_stream(stream, period.as_ref(), values, over, existing_over)
        }
        (ValueKind::Quantity { .. }, Some(ObservationValue::Quantity(_)))
        | (ValueKind::CodeableConcept(_), Some(ObservationValue::CodeableConcept(_)))
        | (ValueKind::String, Some(ObservationValue::String(_))) => create(template, values, over),
        _ => Err(changed()),
    }
}

/// The stream that is there is read by its own sample period and written by that of the template.
fn merge_stream(
    stream: &SampledData,
    period: Option<&Decimal>,
    values: &[TimedValue],
    over: Period,
    existing_over: Period,
) -> Result<ObservationValue, TransformFault> {
    if stream.dimensions > 1 {
        return Err(TransformFault::Dimensions(stream.dimensions));
    }
    let (period, ticks) = sample_period(period)?;
    let old_ticks = period_ticks(&stream.period).unwrap_or(ticks);
    let existing = sampled::parse(&stream.data, existing_over.start, old_ticks)?;
    let over = over.union(existing_over);
    let data = sampled::build(&sampled::merge(existing, values.to_vec()), over, ticks)?;
    Ok(ObservationValue::SampledData(SampledData {
        origin: stream.origin.clone(),
        period: period.clone(),
        dimensions: 1,
        data,
    }))
}

/// The concept as a FHIR type.
#[must_use]
pub fn concept(of: &Concept) -> CodeableConcept {
    CodeableConcept { coding: of.codes.clone(), text: of.text.clone() }
}

fn sample_period(period: Option<&Decimal>) -> Result<(&Decimal, i64), TransformFault> {
    let period = period.ok_or(TransformFault::SamplePeriod)?;
    Ok((period, period_ticks(period).ok_or(TransformFault::SamplePeriod)?))
}

fn one_number(values: &[TimedValue]) -> Result<Decimal, TransformFault> {
    let found = match values {
        [(_, text)] => match text.parse() {
            Ok(number) => return Ok(number),
            Err(fault) => format!("{fault}"),
        },
        [] => "no value came".to_owned(),
        several => format!("{} came; use periodInterval 0, or SampledData for several", several.len()),
    };
    Err(TransformFault::InvalidQuantity { found })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fhir::{Instant, TICKS_PER_MS};

    fn template(period: &str) -> ValueTemplate {
        let kind = ValueKind::SampledData { period: Some(period.parse().unwrap()), unit: None };
        ValueTemplate { at: Default::default(), name: Some("hr".into()), kind }
    }

    fn at(ms: i64) -> Instant {
        Instant::from_ticks(ms * TICKS_PER_MS)
    }

    #[test]
    fn another_sample_period_in_the_template_moves_no_value_that_is_there() {
        let first = Period { start: at(0), end: at(39) };
        let stream = create(&template("10"), &[(at(0), "1".into()), (at(30), "4".into())], first).unwrap();
        let merged = merge(&template("20"), &[(at(45), "5".into())], Period::at(at(45)), Some(&stream), first).unwrap();
        let ObservationValue::SampledData(merged) = merged else { panic!("{merged:?}") };
        assert_eq!((merged.data.as_str(), merged.period.to_string().as_str()), ("1 4 5", "20"));
    }
}
