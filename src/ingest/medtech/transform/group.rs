//! Which measurements share an Observation.

use super::{
    fault::TransformFault,
    naming::{segment_second, segment_tick},
    sampled::TimedValue,
    template::{FhirTemplate, PeriodInterval},
};
use crate::{
    fhir::{Instant, Period, TICKS_PER_MS},
    ingest::medtech::{Compat, Measurement},
};
use std::collections::BTreeMap;

/// Measurements of one batch that have type, device, patient, encounter and correlation id in common.
#[derive(Debug, Clone)]
pub struct MeasurementGroup<'a> {
    /// What they have in common, as the first has it.
    pub first: &'a Measurement,
    /// All of them. Of those at one time the one that was ingested last comes first.
    pub measurements: Vec<&'a Measurement>,
}

/// Values that go into one Observation.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservationGroup {
    /// The type of measurement.
    pub name: String,
    /// The time that the Observation covers.
    pub period: Period,
    /// What tells this Observation from others of the same type and device.
    pub segment: String,
    /// The values by name, each list sorted by time.
    pub values: BTreeMap<String, Vec<TimedValue>>,
}

impl ObservationGroup {
    /// An empty one.
    #[must_use]
    pub fn new(name: &str, period: Period, segment: String) -> Self {
        Self { name: name.to_owned(), period, segment, values: BTreeMap::new() }
    }

    /// Takes the values of a measurement. Of values at one time the first stays.
    pub fn add(&mut self, measurement: &Measurement) {
        let at = occurred(measurement);
        for property in &measurement.properties {
            let values = self.values.entry(property.name.to_string()).or_default();
            if let Err(place) = values.binary_search_by_key(&at, |(at, _)| *at) {
                values.insert(place, (at, property.value.clone()));
            }
        }
    }
}

/// Groups the measurements of a batch, in the order in which the groups appear.
///
/// `Medtech` joins the parts of the key with dashes, as upstream does, so that `a-b` + `c` and `a` + `b-c` meet; `Safe` keeps
/// them apart.
#[must_use]
pub fn group_batch(measurements: &[Measurement], compat: Compat) -> Vec<MeasurementGroup<'_>> {
    let mut places: BTreeMap<Vec<String>, usize> = BTreeMap::new();
    let mut groups: Vec<MeasurementGroup<'_>> = Vec::new();
    for measurement in measurements {
        let place = *places.entry(batch_key(measurement, compat)).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.measurements.push(measurement),
            None => groups.push(MeasurementGroup { first: measurement, measurements: vec![measurement] }),
        }
    }
    for group in &mut groups {
        // The first value at one time stays: so the latest has to come first.
        group.measurements.reverse();
        group.measurements.sort_by_key(|m| std::cmp::Reverse(m.ingested_at));
        group.measurements.sort_by_key(|m| m.occurred_at);
    }
    groups
}

fn batch_key(measurement: &Measurement, compat: Compat) -> Vec<String> {
    let some = |part: &Option<String>| part.clone().unwrap_or_default();
    let parts = [
        measurement.device_id.clone(),
        measurement.type_name.to_string(),
        some(&measurement.patient_id),
        some(&measurement.encounter_id),
        some(&measurement.correlation_id),
    ];
    match compat {
        Compat::Medtech => vec![parts.join("-")],
        Compat::Safe => parts.to_vec(),
    }
}

/// Splits measurements into what goes into one Observation each, by the period of the template.
///
/// # Errors
/// If the template groups by correlation id and there is none, or its period means nothing.
pub fn observation_groups(
    template: &FhirTemplate,
    group: &MeasurementGroup<'_>,
    compat: Compat,
) -> Result<Vec<ObservationGroup>, TransformFault> {
    match template.period {
        PeriodInterval::Correlation => by_correlation(group).map(|g| vec![g]),
        PeriodInterval::Single | PeriodInterval::Hourly | PeriodInterval::Daily => {
            Ok(by_period(template.period, group, compat))
        }
        PeriodInterval::Other(number) => Err(TransformFault::PeriodNotSupported(number)),
    }
}

fn by_correlation(group: &MeasurementGroup<'_>) -> Result<ObservationGroup, TransformFault> {
    let id = group.first.correlation_id.as_deref().filter(|id| !id.trim().is_empty());
    let id = id.ok_or(TransformFault::CorrelationIdNotDefined)?;
    let whole = group.measurements.iter().map(|m| Period::at(occurred(m))).reduce(Period::union);
    let period = whole.unwrap_or(Period::at(occurred(group.first)));
    let mut observed = ObservationGroup::new(&group.first.type_name, period, id.to_owned());
    for measurement in &group.measurements {
        observed.add(measurement);
    }
    Ok(observed)
}

fn by_period(period: PeriodInterval, group: &MeasurementGroup<'_>, compat: Compat) -> Vec<ObservationGroup> {
    let mut places: BTreeMap<Instant, usize> = BTreeMap::new();
    let mut groups: Vec<ObservationGroup> = Vec::new();
    for measurement in &group.measurements {
        let over = boundary(period, occurred(measurement));
        let place = *places.entry(over.start).or_insert(groups.len());
        if groups.len() == place {
            groups.push(ObservationGroup::new(&group.first.type_name, over, segment(period, over, compat)));
        }
        if let Some(observed) = groups.get_mut(place) {
            observed.add(measurement);
        }
    }
    groups
}

/// The period of this kind that a moment is in: it ends 100 ns before the next begins.
#[must_use]
pub fn boundary(period: PeriodInterval, at: Instant) -> Period {
    let Some(span) = period.span_ms().map(|ms| ms * TICKS_PER_MS) else { return Period::at(at) };
    let start = at.ticks() - at.ticks().rem_euclid(span);
    Period { start: Instant::from_ticks(start), end: Instant::from_ticks(start + span - 1) }
}

/// What tells an Observation over this time from others. Upstream shows whole seconds: two single readings within one second
/// get the same, and the second overwrites the first. `Safe` shows the parts of a second that are not 0.
#[must_use]
pub fn segment(period: PeriodInterval, over: Period, compat: Compat) -> String {
    let show = match (period, compat) {
        (PeriodInterval::Single, Compat::Safe) => segment_tick,
        _ => segment_second,
    };
    format!("{}.{}", show(over.start), show(over.end))
}

/// When a measurement was taken.
#[must_use]
pub fn occurred(measurement: &Measurement) -> Instant {
    Instant::of_utc(measurement.occurred_at)
}
