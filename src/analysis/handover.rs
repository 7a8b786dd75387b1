//! What there is to say of a patient at a handover (SBAR), from the ward as it is and what the journal tells.
//!
//! Lines for people, in the ward's time zone; the same input gives the same lines.

mod assessment;
mod background;
mod recommendation;
mod situation;
#[cfg(test)]
mod tests;

use crate::{
    domain::{Event, EventBody, Millis, Patient, Timestamp},
    protocol::{
        HandoverReport, PatientView, Sbar, VitalTrend, WardView,
        handover::HANDOVER_JOURNAL_FROM_MAX,
        words::{bed_label, clock_minutes, day},
    },
};
use chrono::Datelike;

/// Slices of a trend: a minute each.
pub const TREND_SLICES: u32 = 720;

/// What is known of one patient.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The ward as it is.
    pub ward: &'a WardView,
    /// The patient.
    pub patient: &'a PatientView,
    /// When.
    pub now: Timestamp,
    /// From when on the events tell.
    pub since: Timestamp,
    /// What the journal tells of the patient since then, in order; see [`tells`].
    pub events: &'a [Event],
    /// Trends of the last 12 h.
    pub trends: &'a [VitalTrend],
}

/// From when on the journal is told of a patient: since the last handover, else since the admission, but at most for a
/// day.
#[must_use]
pub fn told_since(ward: &WardView, patient: &PatientView, now: Timestamp) -> Timestamp {
    let handover = ward.handovers.owners.get(&patient.patient.id).map(|owner| owner.at);
    let from = handover.or(patient.admitted_at);
    from.map_or(now - HANDOVER_JOURNAL_FROM_MAX, |from| from.max(now - HANDOVER_JOURNAL_FROM_MAX))
}

/// Whether an event is told of at a handover.
#[must_use]
pub const fn tells(event: &Event) -> bool {
    matches!(event.body, EventBody::Alert { .. } | EventBody::Commented { .. })
}

/// What there is to say of one patient.
#[must_use]
pub fn sbar(known: &Known<'_>) -> Sbar {
    let PatientView { patient, bed, .. } = known.patient;
    Sbar {
        patient: patient.id.clone(),
        name: patient.name.clone(),
        bed: bed_label(known.ward, bed).to_owned(),
        category: patient.category,
        age: age(patient, known.now),
        owners: known.ward.ownership(known.now).of(&patient.id, bed),
        offer: known.ward.handovers.offer_of(&patient.id).map(|offer| offer.id),
        situation: situation::lines(known),
        background: background::lines(known),
        assessment: assessment::lines(known),
        recommendation: recommendation::lines(known),
    }
}

/// The patients of a ward, one after another.
#[must_use]
pub fn report(ward: &WardView, now: Timestamp, patients: Vec<Sbar>) -> HandoverReport {
    let zone = ward.ward.time_zone;
    let made = format!("{} {} {zone}", day(now, zone), clock_minutes(now, zone));
    HandoverReport { ward: ward.ward.name.clone(), mode: ward.mode, made, at: now, patients }
}

fn age(patient: &Patient, now: Timestamp) -> Option<i32> {
    patient.birth_year.map(|year| (now.utc().year() - year).max(0))
}

impl Known<'_> {
    /// A time: `14:05`, and with its day if that is another.
    fn time(&self, at: Timestamp) -> String {
        let zone = self.ward.ward.time_zone;
        let clock = clock_minutes(at, zone);
        if day(at, zone) == day(self.now, zone) { clock } else { format!("{} {clock}", day(at, zone)) }
    }
}

/// A span in words: `45 s`, `12 min`, `3 h 10 min`.
fn span(span: Millis) -> String {
    let seconds = span.as_secs().max(0);
    match (seconds / 3_600, seconds / 60 % 60) {
        (0, 0) => format!("{seconds} s"),
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}

/// The median of values that come together in order: of an even number the mean of the middle two.
fn median(sorted: &[f64]) -> Option<f64> {
    let middle = sorted.len() / 2;
    let upper = sorted.get(middle).copied()?;
    if sorted.len() % 2 == 1 { Some(upper) } else { Some(f64::midpoint(*sorted.get(middle - 1)?, upper)) }
}
