//! The patients of a ward, each with all series.

use super::{
    scores::Scores,
    series::Series,
    timers::{Timer, TimerKind},
};
use crate::{
    domain::{Category, DeviceId, PatientId, Timestamp, VitalCode},
    quality::Beside,
};
use indexmap::IndexMap;

/// The patients of a ward. Each has a place, which stays the same until somebody leaves.
#[derive(Debug, Clone, Default)]
pub(super) struct Patients(IndexMap<PatientId, PatientSeries>);

impl Patients {
    pub(super) fn place_of(&self, patient: &PatientId) -> Option<usize> {
        self.0.get_index_of(patient)
    }

    pub(super) fn of(&self, patient: &PatientId) -> Option<&PatientSeries> {
        self.0.get(patient)
    }

    pub(super) fn of_mut(&mut self, patient: &PatientId) -> Option<&mut PatientSeries> {
        self.0.get_mut(patient)
    }

    pub(super) fn get(&self, place: usize) -> Option<&PatientSeries> {
        self.0.get_index(place).map(|(_, found)| found)
    }

    pub(super) fn get_mut(&mut self, place: usize) -> Option<&mut PatientSeries> {
        self.0.get_index_mut(place).map(|(_, found)| found)
    }

    /// Adds a patient and says the place.
    pub(super) fn add(&mut self, patient: PatientSeries) -> usize {
        self.0.insert_full(patient.patient.clone(), patient).0
    }

    /// Takes a patient away; the last one takes the place. Says both places.
    pub(super) fn remove(&mut self, patient: &PatientId) -> Option<(usize, usize)> {
        let (place, ..) = self.0.swap_remove_full(patient)?;
        Some((place, self.0.len()))
    }

    /// All patients in the order of their places.
    pub(super) fn iter(&self) -> impl Iterator<Item = &PatientSeries> {
        self.0.values()
    }

    /// All patients in the order of their places.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut PatientSeries> {
        self.0.values_mut()
    }

    /// The places of all patients, in the order of their identifiers.
    pub(super) fn places(&self) -> Vec<usize> {
        let mut order: Vec<(&PatientId, usize)> = self.0.keys().zip(0..).collect();
        order.sort();
        order.into_iter().map(|(_, place)| place).collect()
    }
}

/// For so many series of a patient it is kept which one was looked for after them.
const FOLLOWED_MAX: usize = 16;

/// Which series are looked for after which: devices send their vitals in the same order each time. It is a guess, and is
/// looked at before it is believed.
#[derive(Debug, Clone, Copy, Default)]
struct Followed {
    last: u8,
    by: [u8; FOLLOWED_MAX],
}

impl Followed {
    /// The place of the series that came after the last one before.
    fn guess(&self) -> usize {
        usize::from(self.by.get(usize::from(self.last)).copied().unwrap_or_default())
    }

    /// The series at this place was looked for.
    fn note(&mut self, place: usize) {
        let Ok(place) = u8::try_from(place) else { return };
        if let Some(by) = self.by.get_mut(usize::from(self.last)) {
            *by = place;
        }
        self.last = place;
    }
}

/// All series of one patient, laid out as it is written: what each value reads comes first.
#[derive(Debug, Clone)]
#[repr(C)]
pub(super) struct PatientSeries {
    pub(super) series: Vec<Series>,
    followed: Followed,
    /// The place of the device that was heard last. It is a guess too.
    pub(super) device_at: usize,
    pub(super) scores: Scores,
    pub(super) beside: Beside,
    pub(super) patient: PatientId,
    pub(super) category: Category,
    /// Vital and device of each series, in the order of the series: to find one reads none of the others.
    keys: Vec<(VitalCode, DeviceId)>,
}

impl PatientSeries {
    pub(super) fn new(patient: PatientId, category: Category) -> Self {
        let (beside, scores, followed) = (Beside::default(), Scores::default(), Followed::default());
        Self { series: Vec::new(), followed, device_at: 0, scores, beside, patient, category, keys: Vec::new() }
    }

    /// The place of a series.
    pub(super) fn find(&self, vital: VitalCode, device: &DeviceId) -> Option<usize> {
        self.keys.iter().position(|(v, d)| *v == vital && d == device)
    }

    /// Finds the series of a value: first where it was when the value before came.
    pub(super) fn find_next(&mut self, vital: VitalCode, device: &DeviceId) -> Option<usize> {
        let guess = self.followed.guess();
        let hit = self.series.get(guess).is_some_and(|s| s.is_of(vital, device));
        let found = if hit { guess } else { self.find(vital, device)? };
        self.followed.note(found);
        Some(found)
    }

    /// The timers that stand with their owners, each with its time.
    pub(super) fn standing(&self) -> impl Iterator<Item = (Timestamp, impl FnOnce() -> Timer)> {
        let stale = self.series.iter().filter_map(|series| Some((series.timers.stale.at()?, Some(series))));
        let scores = self.scores.armed.at().map(|at| (at, None));
        stale.chain(scores).map(move |(at, series): (Timestamp, Option<&Series>)| (at, move || self.timer(series)))
    }

    fn timer(&self, stale: Option<&Series>) -> Timer {
        Timer {
            patient: Some(self.patient.clone()),
            device: stale.map(|series| series.state.device.clone()),
            vital: stale.map(|series| series.state.vital),
            kind: if stale.is_some() { TimerKind::Stale } else { TimerKind::Scores },
        }
    }

    /// The first of the timers that stand with their owners.
    pub(super) fn first_standing(&self) -> Option<Timestamp> {
        self.standing().map(|(at, _)| at).min()
    }

    /// Adds a series and says its place.
    pub(super) fn add(&mut self, series: Series) -> usize {
        self.keys.push((series.state.vital, series.state.device.clone()));
        self.series.push(series);
        self.series.len() - 1
    }

    /// Takes away all series of a device.
    pub(super) fn take_of(&mut self, device: &DeviceId) -> Vec<Series> {
        self.keys.retain(|(_, d)| d != device);
        self.series.extract_if(.., |s| s.state.device == *device).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::VitalTable;
    use crate::{
        domain::vital::{HR, RR, SPO2, TEMP},
        engine::series::SeriesRules,
    };
    use proptest::prelude::*;
    use std::sync::Arc;

    const VITALS: [VitalCode; 4] = [HR, SPO2, RR, TEMP];

    fn series(vital: VitalCode, device: &DeviceId) -> Series {
        let def = VitalTable::builtin().get(vital).unwrap().clone();
        Series::new(Arc::new(SeriesRules::new(def, None)), device.clone(), None)
    }

    proptest! {
        /// Whatever was looked for before, added and taken away, a series is found by its vital and device alone.
        #[test]
        fn a_guess_never_finds_another_series(acts in prop::collection::vec((0_u8..20, 0..4_usize, 0..7_u8), 0..200)) {
            let mut patient = PatientSeries::new("p".parse().unwrap(), Category::Adult);
            for (act, vital, device) in acts {
                let (vital, device) = (VITALS[vital], format!("d{device}").parse().unwrap());
                let place = patient.series.iter().position(|s| s.state.vital == vital && s.state.device == device);
                prop_assert_eq!(patient.find(vital, &device), place);
                prop_assert_eq!(patient.find_next(vital, &device), place);
                if act == 0 {
                    let taken = patient.take_of(&device);
                    prop_assert!(taken.iter().all(|s| s.state.device == device));
                    prop_assert!(patient.series.iter().all(|s| s.state.device != device));
                } else if place.is_none() {
                    patient.add(series(vital, &device));
                }
            }
        }
    }

    #[test]
    fn who_leaves_gives_the_place_to_the_last() {
        let mut patients = Patients::default();
        for id in ["c", "a", "b"] {
            patients.add(PatientSeries::new(id.parse().unwrap(), Category::Adult));
        }
        patients.remove(&"c".parse().unwrap());
        let names: Vec<&str> = patients.iter().map(|p| p.patient.as_str()).collect();
        assert_eq!((names, patients.places()), (vec!["b", "a"], vec![1, 0]));
        assert_eq!(patients.place_of(&"b".parse().unwrap()), Some(0));
        assert_eq!(patients.place_of(&"c".parse().unwrap()), None);
    }
}
