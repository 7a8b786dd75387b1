//! A scenario: a ward and what happens on it, written by hand as TOML. `docs/replay.md` describes the form.

use super::script::VitalScript;
use crate::domain::{BedId, Category, DeviceId, PatientId, PersonName, Timestamp, VitalCode, Ward};
use serde::Deserialize;
use std::{collections::BTreeMap, path::PathBuf};

/// A scenario as it is written. Times are seconds from second 0.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// A short name.
    pub name: String,
    /// What it shows, in a line.
    #[serde(default)]
    pub title: String,
    /// Seed of the simulator.
    #[serde(default)]
    pub seed: u64,
    /// The moment of second 0.
    pub start: Option<Timestamp>,
    /// How long it lasts. May be left out if all values come from CSV files.
    pub duration_s: Option<f64>,
    /// Where a demonstration stands when it opens, and where further laps begin.
    pub live_from_s: Option<f64>,
    /// Until when `history_interval_s` holds.
    pub history_until_s: Option<f64>,
    /// The ward.
    pub ward: Ward,
    /// What vitals have in common, by vital: taken where a patient's own script leaves something out.
    #[serde(default)]
    pub vitals: BTreeMap<VitalCode, VitalScript>,
    /// The patients.
    #[serde(default, rename = "patient")]
    pub patients: Vec<PatientScript>,
}

/// One patient of a scenario.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PatientScript {
    /// Opaque identifier.
    pub id: PatientId,
    /// The bed.
    pub bed: BedId,
    /// The bed as screens show it; the bed's identifier if left out.
    pub bed_label: Option<String>,
    /// Name, `Family, Given`.
    #[serde(default)]
    pub name: PersonName,
    /// Adult, paediatric or neonate.
    #[serde(default)]
    pub category: Category,
    /// Year of birth.
    pub birth_year: Option<i32>,
    /// A few words that help to recognise the case.
    #[serde(default)]
    pub note: PersonName,
    /// The device; `mon-` and the patient's identifier if left out.
    pub device: Option<DeviceId>,
    /// A CSV file with the patient's values, relative to the scenario.
    pub csv: Option<PathBuf>,
    /// Spans in which the whole device sends nothing.
    #[serde(default)]
    pub silent: Vec<(f64, f64)>,
    /// Simulated vitals.
    #[serde(default)]
    pub vitals: BTreeMap<VitalCode, VitalScript>,
}
