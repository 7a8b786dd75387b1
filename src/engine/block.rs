//! Inputs as bytes, so that an engine can be driven again exactly as it was.
//!
//! One block holds the inputs of one commit. Observations are rows over a table of series; everything else is spelt out.
//! Ticks are not kept, timers fire by their deadlines whatever the rate of ticks; but for the last one before a stop,
//! which says how far the engine had come.

use super::{
    Input,
    input::{Correction, IntakeFault},
};
use crate::domain::{
    Actor, Command, DeviceId, EmergencyOpened, Lapse, LimitsSaid, Marks, Millis, Notice, Observation, PatientId,
    Quality, Refusal, ReportedAlert, SystemFault, Timestamp, Unfit, VitalCode, Ward, system::FaultReport,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, sync::Arc};

/// Version of the block format.
pub const BLOCK_VERSION: u16 = 1;

/// A block that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum BlockError {
    /// The bytes are no block.
    #[error("a block of inputs cannot be read")]
    Decode(#[from] rmp_serde::decode::Error),
    /// The block cannot be written.
    #[error("a block of inputs cannot be written")]
    Encode(#[from] rmp_serde::encode::Error),
    /// Another version wrote it.
    #[error("a block of inputs has version {found}; this program reads {BLOCK_VERSION}")]
    Version {
        /// Its version.
        found: u16,
    },
    /// A row speaks of a series that the block does not have.
    #[error("a block of inputs speaks of a series that it does not have")]
    Series,
}

/// One observation of a block.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Row {
    series: u32,
    observed_ms: i64,
    received_ms: i64,
    value: f64,
    text: Option<Arc<str>>,
    interval_ms: Option<i64>,
    quality: Quality,
    late: bool,
    /// [`Marks`] as bits. Rows that were written before there were any end here.
    #[serde(default)]
    marks: u8,
}

/// A series of a block: whose, by which device, what.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SeriesKey {
    /// Whose.
    pub patient: PatientId,
    /// Measured by.
    pub device: DeviceId,
    /// What.
    pub vital: VitalCode,
}

/// The place of a series in one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockSeries(u32);

/// A kept observation as the store takes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// When it was measured, by the device's clock.
    pub observed_at: Timestamp,
    /// Engine time when it came.
    pub received_at: Timestamp,
    /// The value.
    pub value: f64,
    /// The value as written, where that says more.
    pub text: Option<Arc<str>>,
    /// How far it is to be believed.
    pub quality: Quality,
    /// What is doubtful about it.
    pub marks: Marks,
    /// Whether it came too late to change the present.
    pub late: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Other {
    Tick,
    Start { ward: Ward },
    WardChanged { ward: Ward },
    Command { command: Command, by: Actor },
    IntakeFault(IntakeFault),
    Corrected(Correction),
    Fault { fault: SystemFault, present: bool, detail: String },
    ClockStepped { by_ms: Millis },
    Notified(Notice),
    EmergencyOpened { patient: PatientId, opened: EmergencyOpened },
    Heard { device: DeviceId },
    Lapsed { devices: Vec<DeviceId>, lapse: Lapse },
    Watched { watched: bool },
    Said { patient: PatientId, device: DeviceId, said: Box<ReportedAlert> },
    LimitsSaid { patient: PatientId, vital: VitalCode, said: LimitsSaid },
    Refused { command: Command, refusal: Refusal, by: Actor },
    Unfit { unfit: BTreeSet<Unfit> },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Entry {
    /// Rows at one engine time.
    Rows(i64, Vec<Row>),
    /// Anything else, named, so that new fields do not break old blocks.
    Other(i64, Vec<u8>),
}

/// Inputs of one commit, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InputBlock {
    version: u16,
    /// How far device time is ahead of engine time: rows carry engine time.
    skew: Millis,
    series: Vec<SeriesKey>,
    entries: Vec<Entry>,
}

impl Default for InputBlock {
    fn default() -> Self {
        Self { version: BLOCK_VERSION, skew: Millis::ZERO, series: Vec::new(), entries: Vec::new() }
    }
}

impl InputBlock {
    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// An empty block of a time at which device time is ahead of engine time by `skew`.
    #[must_use]
    pub fn with_skew(skew: Millis) -> Self {
        Self { skew, ..Self::default() }
    }

    /// Adds a series that the block does not have yet.
    pub fn add_series(&mut self, key: SeriesKey) -> BlockSeries {
        self.series.push(key);
        BlockSeries(u32::try_from(self.series.len() - 1).unwrap_or(u32::MAX))
    }

    /// Adds an observation of a series, taken at engine time `at`, with what the engine made of it.
    pub fn push_observation(
        &mut self,
        series: BlockSeries,
        o: &Observation,
        at: Timestamp,
        (quality, marks, late): (Quality, Marks, bool),
    ) {
        let row = Row {
            series: series.0,
            observed_ms: o.observed_at.as_ms(),
            received_ms: o.received_at.as_ms(),
            value: o.value,
            text: o.text.clone(),
            interval_ms: o.interval.map(|i| i.0),
            quality,
            late,
            marks: marks.bits(),
        };
        match self.entries.last_mut() {
            Some(Entry::Rows(last, rows)) if *last == at.as_ms() => rows.push(row),
            _ => self.entries.push(Entry::Rows(at.as_ms(), vec![row])),
        }
    }

    /// The number of observations.
    #[must_use]
    pub fn observations(&self) -> usize {
        let rows = |entry: &Entry| if let Entry::Rows(_, rows) = entry { rows.len() } else { 0 };
        self.entries.iter().map(rows).sum()
    }

    /// The observations by series, as the store keeps them; each series in order of arrival.
    #[must_use]
    pub fn kept(&self) -> Vec<(&SeriesKey, Vec<Kept>)> {
        let mut by_series: Vec<(&SeriesKey, Vec<Kept>)> = self.series.iter().map(|key| (key, Vec::new())).collect();
        for entry in &self.entries {
            let Entry::Rows(_, rows) = entry else { continue };
            for row in rows {
                let index = usize::try_from(row.series).unwrap_or(usize::MAX);
                let Some((_, kept)) = by_series.get_mut(index) else { continue };
                kept.push(Kept {
                    observed_at: Timestamp::from_ms(row.observed_ms) + self.skew,
                    received_at: Timestamp::from_ms(row.received_ms),
                    value: row.value,
                    text: row.text.clone(),
                    quality: row.quality,
                    marks: Marks::from_bits(row.marks),
                    late: row.late,
                });
            }
        }
        by_series
    }

    /// The vitals that it speaks of.
    pub fn vitals(&self) -> impl Iterator<Item = VitalCode> {
        self.series.iter().map(|key| key.vital)
    }

    /// Adds any other input taken at engine time `at`. Ticks are passed over, and observations, which have a way of their
    /// own.
    ///
    /// # Errors
    /// If it cannot be encoded.
    pub fn push(&mut self, input: &Input, at: Timestamp) -> Result<(), BlockError> {
        let other = match input {
            Input::Observation(_) | Input::Tick => return Ok(()),
            Input::Start { ward } => Other::Start { ward: ward.clone() },
            Input::WardChanged { ward } => Other::WardChanged { ward: ward.clone() },
            Input::Command { command, by } => Other::Command { command: command.clone(), by: by.clone() },
            Input::IntakeFault(fault) => Other::IntakeFault(fault.clone()),
            Input::Corrected(correction) => Other::Corrected(correction.clone()),
            Input::Fault(FaultReport { fault, present, detail }) => {
                Other::Fault { fault: *fault, present: *present, detail: detail.clone() }
            }
            Input::ClockStepped { by_ms } => Other::ClockStepped { by_ms: *by_ms },
            Input::Notified(notice) => Other::Notified(notice.clone()),
            Input::EmergencyOpened { patient, opened } => {
                Other::EmergencyOpened { patient: patient.clone(), opened: opened.clone() }
            }
            Input::Heard { device } => Other::Heard { device: device.clone() },
            Input::Lapsed { devices, lapse } => Other::Lapsed { devices: devices.clone(), lapse: *lapse },
            Input::Watched { watched } => Other::Watched { watched: *watched },
            Input::Refused { command, refusal, by } => {
                Other::Refused { command: command.clone(), refusal: refusal.clone(), by: by.clone() }
            }
            Input::Unfit { unfit } => Other::Unfit { unfit: unfit.clone() },
            Input::LimitsSaid { patient, vital, said } => {
                Other::LimitsSaid { patient: patient.clone(), vital: *vital, said: said.clone() }
            }
            Input::Said { patient, device, said } => {
                Other::Said { patient: patient.clone(), device: device.clone(), said: said.clone() }
            }
        };
        self.entries.push(Entry::Other(at.as_ms(), rmp_serde::to_vec_named(&other)?));
        Ok(())
    }

    /// Says that the engine had come as far as `at`: what was due until then has happened.
    ///
    /// # Errors
    /// If it cannot be encoded.
    pub fn push_reached(&mut self, at: Timestamp) -> Result<(), BlockError> {
        self.entries.push(Entry::Other(at.as_ms(), rmp_serde::to_vec_named(&Other::Tick)?));
        Ok(())
    }

    /// Sets by how much device time is ahead, while no observation says otherwise.
    pub fn set_skew(&mut self, skew: Millis) {
        if self.observations() == 0 {
            self.skew = skew;
        }
    }

    /// As bytes.
    ///
    /// # Errors
    /// If it cannot be encoded.
    pub fn encode(&self) -> Result<Vec<u8>, BlockError> {
        Ok(rmp_serde::to_vec(self)?)
    }

    /// From bytes.
    ///
    /// # Errors
    /// If they are no block of this version.
    pub fn decode(bytes: &[u8]) -> Result<Self, BlockError> {
        let block: Self = rmp_serde::from_slice(bytes)?;
        if block.version == BLOCK_VERSION { Ok(block) } else { Err(BlockError::Version { found: block.version }) }
    }

    /// The inputs with their engine times, in order.
    ///
    /// # Errors
    /// If a row speaks of a series that the block does not have, or an entry cannot be read.
    pub fn inputs(self) -> Result<Vec<(Timestamp, Input)>, BlockError> {
        let Self { series, entries, .. } = self;
        let mut inputs = Vec::new();
        for entry in entries {
            match entry {
                Entry::Rows(at, rows) => {
                    for row in rows {
                        inputs.push((Timestamp::from_ms(at), Input::Observation(observation(&series, row)?)));
                    }
                }
                Entry::Other(at, bytes) => inputs.push((Timestamp::from_ms(at), other(&bytes)?)),
            }
        }
        Ok(inputs)
    }
}

fn observation(series: &[SeriesKey], row: Row) -> Result<Observation, BlockError> {
    let index = usize::try_from(row.series).unwrap_or(usize::MAX);
    let SeriesKey { patient, device, vital } = series.get(index).cloned().ok_or(BlockError::Series)?;
    Ok(Observation {
        patient,
        device,
        vital,
        value: row.value,
        text: row.text,
        observed_at: Timestamp::from_ms(row.observed_ms),
        received_at: Timestamp::from_ms(row.received_ms),
        correction: false,
        interval: row.interval_ms.map(Millis),
    })
}

fn other(bytes: &[u8]) -> Result<Input, BlockError> {
    Ok(match rmp_serde::from_slice(bytes)? {
        Other::Tick => Input::Tick,
        Other::Start { ward } => Input::Start { ward },
        Other::WardChanged { ward } => Input::WardChanged { ward },
        Other::Command { command, by } => Input::Command { command, by },
        Other::IntakeFault(fault) => Input::IntakeFault(fault),
        Other::Corrected(correction) => Input::Corrected(correction),
        Other::Fault { fault, present, detail } => Input::Fault(FaultReport { fault, present, detail }),
        Other::ClockStepped { by_ms } => Input::ClockStepped { by_ms },
        Other::Notified(notice) => Input::Notified(notice),
        Other::EmergencyOpened { patient, opened } => Input::EmergencyOpened { patient, opened },
        Other::Heard { device } => Input::Heard { device },
        Other::Lapsed { devices, lapse } => Input::Lapsed { devices, lapse },
        Other::Watched { watched } => Input::Watched { watched },
        Other::Refused { command, refusal, by } => Input::Refused { command, refusal, by },
        Other::Unfit { unfit } => Input::Unfit { unfit },
        Other::LimitsSaid { patient, vital, said } => Input::LimitsSaid { patient, vital, said },
        Other::Said { patient, device, said } => Input::Said { patient, device, said },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::vital::HR;

    /// A row as version 0.1.0 wrote it.
    #[derive(Serialize)]
    struct FormerRow {
        series: u32,
        observed_ms: i64,
        received_ms: i64,
        value: f64,
        text: Option<Arc<str>>,
        interval_ms: Option<i64>,
        quality: Quality,
        late: bool,
    }

    #[derive(Serialize)]
    enum FormerEntry {
        Rows(i64, Vec<FormerRow>),
    }

    fn key() -> SeriesKey {
        SeriesKey { patient: "p".parse().unwrap(), device: "d".parse().unwrap(), vital: HR }
    }

    #[test]
    fn rows_without_marks_are_read() {
        let row = |series| FormerRow {
            series,
            observed_ms: 1_000,
            received_ms: 1_040,
            value: 80.0,
            text: None,
            interval_ms: Some(1_000),
            quality: Quality::Valid,
            late: true,
        };
        let former = (1_u16, Millis::ZERO, vec![key()], vec![FormerEntry::Rows(1_040, vec![row(0), row(0)])]);
        let block = InputBlock::decode(&rmp_serde::to_vec(&former).unwrap()).unwrap();
        let kept = block.kept();
        assert_eq!(kept[0].1.len(), 2);
        let first = &kept[0].1[0];
        assert_eq!((first.value, first.marks, first.late), (80.0, Marks::NONE, true));
        assert_eq!(block.inputs().unwrap().len(), 2);
    }

    #[test]
    fn an_emergency_is_kept() {
        let opened = EmergencyOpened {
            emergency: "g1".parse().unwrap(),
            user: "nina".to_owned(),
            reason: crate::domain::EmergencyReason::Treatment,
            until: Timestamp::from_ms(3_600_000),
            due: Timestamp::from_ms(9_000_000),
        };
        let (at, input) = (Timestamp::from_ms(1_000), Input::EmergencyOpened { patient: key().patient, opened });
        let mut block = InputBlock::default();
        block.push(&input, at).unwrap();
        let inputs = InputBlock::decode(&block.encode().unwrap()).unwrap().inputs().unwrap();
        assert_eq!(inputs, [(at, input)]);
    }

    #[test]
    fn what_became_of_a_message_is_kept() {
        let outcome = crate::domain::NoticeOutcome::Failed { why: crate::domain::notice::Why::new("away") };
        let notice = Notice {
            alert: crate::domain::AlertId(3),
            emergency: None,
            transition: 2,
            patient: Some(key().patient),
            channel: "pager".parse().unwrap(),
            to: None,
            outcome,
        };
        let at = Timestamp::from_ms(1_000);
        let mut block = InputBlock::default();
        block.push(&Input::Notified(notice.clone()), at).unwrap();
        let inputs = InputBlock::decode(&block.encode().unwrap()).unwrap().inputs().unwrap();
        assert_eq!(inputs, [(at, Input::Notified(notice))]);
    }

    #[test]
    fn marks_are_kept() {
        let mut block = InputBlock::default();
        let series = block.add_series(key());
        let o = Observation {
            patient: key().patient,
            device: key().device,
            vital: HR,
            value: 80.0,
            text: None,
            observed_at: Timestamp::from_ms(0),
            received_at: Timestamp::from_ms(0),
            correction: false,
            interval: None,
        };
        let marks = Marks::JUMP.and(Marks::DISAGREES);
        block.push_observation(series, &o, o.observed_at, (Quality::Valid, marks, false));
        let again = InputBlock::decode(&block.encode().unwrap()).unwrap();
        assert_eq!(again.kept()[0].1[0].marks, marks);
    }
}
