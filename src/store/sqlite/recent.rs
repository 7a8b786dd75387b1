//! Samples that are durable as inputs but not yet in a block of their series: in memory, for those who read.
//!
//! At a start they are read from the input log, from the newest snapshot on.

use super::{corrupt, failed};
use crate::{
    domain::{DeviceId, PatientId, Timestamp, VitalCode},
    engine::{InputBlock, Kept, SeriesKey},
    store::StoreError,
};
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

/// The recent samples of one series. They mostly come in order of time; those that do not stand apart, so that looking
/// one up never reads them all.
#[derive(Debug, Default)]
struct Run {
    in_order: Vec<Kept>,
    out_of_order: BTreeMap<Timestamp, Kept>,
}

impl Run {
    fn add(&mut self, sample: Kept) {
        if self.in_order.last().is_none_or(|last| last.observed_at < sample.observed_at) {
            self.in_order.push(sample);
        } else {
            self.out_of_order.insert(sample.observed_at, sample);
        }
    }

    fn at(&self, at: Timestamp) -> Option<&Kept> {
        let found = self.in_order.binary_search_by_key(&at, |s| s.observed_at).ok();
        found.and_then(|i| self.in_order.get(i)).or_else(|| self.out_of_order.get(&at))
    }

    fn last(&self) -> Option<&Kept> {
        self.in_order.last()
    }

    fn iter(&self) -> impl Iterator<Item = &Kept> {
        self.in_order.iter().chain(self.out_of_order.values())
    }

    fn within(&self, from: Timestamp, to: Timestamp) -> impl Iterator<Item = &Kept> {
        let first = self.in_order.partition_point(|s| s.observed_at < from);
        let last = self.in_order.partition_point(|s| s.observed_at < to);
        let in_order = self.in_order.get(first..last.max(first)).unwrap_or_default();
        let apart = (from < to).then(|| self.out_of_order.range(from..to)).into_iter().flatten();
        in_order.iter().chain(apart.map(|(_, sample)| sample))
    }
}

/// Samples since the newest snapshot, by ward number and series.
#[derive(Debug, Default)]
pub(super) struct Recent {
    wards: BTreeMap<i64, BTreeMap<SeriesKey, Run>>,
}

impl Recent {
    /// Reads the samples since the newest snapshot of each ward.
    pub(super) fn load(db: &Connection) -> Result<Self, StoreError> {
        let mut recent = Self::default();
        let sql = "SELECT i.ward_no, i.body FROM input i LEFT JOIN snapshot s ON s.ward_no = i.ward_no
                   WHERE i.no > coalesce(s.input_no, 0) ORDER BY i.no";
        let mut statement = db.prepare_cached(sql).map_err(failed)?;
        let mut rows = statement.query(params![]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let ward_no = row.get(0).map_err(failed)?;
            let body: Vec<u8> = row.get(1).map_err(failed)?;
            let block = InputBlock::decode(&body).map_err(|e| corrupt("inputs", &e))?;
            recent.add(ward_no, &block);
        }
        Ok(recent)
    }

    /// Adds the samples of a block that has become durable.
    pub(super) fn add(&mut self, ward_no: i64, block: &InputBlock) {
        let ward = self.wards.entry(ward_no).or_default();
        for (key, kept) in block.kept() {
            let run = match ward.get_mut(key) {
                Some(run) => run,
                None => ward.entry(key.clone()).or_default(),
            };
            kept.into_iter().for_each(|sample| run.add(sample));
        }
    }

    /// Forgets the samples of a ward: they are in blocks now.
    pub(super) fn clear(&mut self, ward_no: i64) {
        self.wards.remove(&ward_no);
    }

    fn runs(&self, ward_no: i64) -> impl Iterator<Item = (&SeriesKey, &Run)> {
        self.wards.get(&ward_no).into_iter().flatten()
    }

    /// The series of a ward with their samples.
    pub(super) fn ward(&self, ward_no: i64) -> impl Iterator<Item = (&SeriesKey, Vec<&Kept>)> {
        self.runs(ward_no).map(|(key, run)| (key, run.iter().collect()))
    }

    /// The newest sample of each series of a ward since `since`.
    pub(super) fn last_since(&self, ward_no: i64, since: Timestamp) -> Vec<(SeriesKey, Kept)> {
        let last = |(key, run): (&SeriesKey, &Run)| {
            let last = run.last().filter(|s| s.observed_at >= since)?;
            Some((key.clone(), last.clone()))
        };
        self.runs(ward_no).filter_map(last).collect()
    }

    /// The samples of a patient's wanted vitals within `[from, to)`, in whatever ward they came.
    pub(super) fn within(
        &self,
        patient: &PatientId,
        wanted: &dyn Fn(VitalCode) -> bool,
        (from, to): (Timestamp, Timestamp),
    ) -> Vec<(VitalCode, Vec<Kept>)> {
        let own = self.wards.values().flatten().filter(|(key, _)| key.patient == *patient && wanted(key.vital));
        own.map(|(key, run)| (key.vital, run.within(from, to).cloned().collect())).collect()
    }

    /// The runs of a device and vital, of all patients and wards.
    fn of<'a>(&'a self, device: &'a DeviceId, vital: VitalCode) -> impl Iterator<Item = (&'a PatientId, &'a Run)> {
        let series = self.wards.values().flatten().filter(move |(k, _)| k.vital == vital && k.device == *device);
        series.map(|(key, run)| (&key.patient, run))
    }

    /// The sample of a device, vital and time.
    pub(super) fn at(&self, device: &DeviceId, vital: VitalCode, at: Timestamp) -> Option<(PatientId, Kept)> {
        self.of(device, vital).find_map(|(patient, run)| Some((patient.clone(), run.at(at)?.clone())))
    }

    /// The newest time of a device and vital.
    pub(super) fn newest(&self, device: &DeviceId, vital: VitalCode) -> Option<Timestamp> {
        self.of(device, vital).filter_map(|(_, run)| run.last()).map(|s| s.observed_at).max()
    }
}
