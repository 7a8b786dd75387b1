//! The table of built-in vitals. One row each; [`super::vital`] explains the columns.

use super::vital::{HR, Sampling, Scale, VitalCode, VitalDef, Zero};
use Sampling::{Continuous, Episodic};
use Zero::{NotMeasured, Value, ValueWhile};

struct Row {
    code: &'static str,
    name: &'static str,
    label: &'static str,
    ucum: &'static str,
    unit: &'static str,
    loinc: &'static [&'static str],
    mdc: &'static [u32],
    plausible: (f64, f64),
    possible: (f64, f64),
    decimals: u8,
    sampling: Sampling,
    zero: Zero,
    labels: &'static [&'static str],
}

const ROW: Row = Row {
    code: "",
    name: "",
    label: "",
    ucum: "",
    unit: "",
    loinc: &[],
    mdc: &[],
    plausible: (0.0, 0.0),
    possible: (0.0, 0.0),
    decimals: 0,
    sampling: Continuous,
    zero: NotMeasured,
    labels: &[],
};

const RATE: Row = Row { ucum: "/min", unit: "/min", ..ROW };
// A transducer that is not zeroed or hangs too high sends pressures below 0: not believable, but real readings.
const PRESSURE: Row = Row { ucum: "mm[Hg]", unit: "mmHg", possible: (-100.0, 400.0), ..ROW };
const CUFF: Row = Row { sampling: Episodic, possible: (0.0, 400.0), ..PRESSURE };
const GCS: Row = Row { ucum: "{score}", unit: "pts", sampling: Episodic, ..ROW };

// A rate of 1 to 19 and a saturation of 20 to 39 are seen in patients who are dying or being resuscitated. Monitors send
// them, and they have to raise the limit alert: an artefact that is taken for a patient costs a look, a patient who is
// taken for an artefact a life. Below 20 % the light ratio of an oximeter means nothing any more; that raises its
// technical alert.
const LEAST_RATE: f64 = 1.0;
const LEAST_SATURATION: f64 = 20.0;

/// In display order.
const ROWS: &[Row] = &[
    Row {
        code: "hr",
        name: "Heart rate",
        label: "HR",
        loinc: &["8867-4"],
        mdc: &[147_842],
        plausible: (LEAST_RATE, 300.0),
        possible: (0.0, 500.0),
        ..RATE
    },
    Row {
        code: "pulse",
        name: "Pulse rate",
        label: "PR",
        loinc: &["8889-8"],
        mdc: &[149_530],
        plausible: (LEAST_RATE, 300.0),
        possible: (0.0, 500.0),
        ..RATE
    },
    Row {
        code: "spo2",
        name: "Oxygen saturation",
        label: "SpO2",
        ucum: "%",
        unit: "%",
        loinc: &["59408-5", "2708-6"],
        mdc: &[150_456],
        plausible: (LEAST_SATURATION, 100.0),
        possible: (0.0, 100.0),
        ..ROW
    },
    Row {
        code: "rr",
        name: "Respiratory rate",
        label: "RR",
        loinc: &["9279-1"],
        mdc: &[151_562, 151_570, 151_594],
        plausible: (0.0, 120.0),
        possible: (0.0, 300.0),
        zero: ValueWhile(HR),
        ..RATE
    },
    Row {
        code: "nbp_sys",
        name: "Systolic pressure, cuff",
        label: "NBPs",
        loinc: &["76534-7", "8480-6"],
        mdc: &[150_021, 150_301],
        plausible: (30.0, 300.0),
        ..CUFF
    },
    Row {
        code: "nbp_dia",
        name: "Diastolic pressure, cuff",
        label: "NBPd",
        loinc: &["76535-4", "8462-4"],
        mdc: &[150_022, 150_302],
        plausible: (10.0, 220.0),
        ..CUFF
    },
    Row {
        code: "nbp_mean",
        name: "Mean pressure, cuff",
        label: "NBPm",
        loinc: &["76536-2", "8478-0"],
        mdc: &[150_023, 150_303],
        plausible: (20.0, 260.0),
        ..CUFF
    },
    Row {
        code: "art_sys",
        name: "Systolic pressure, arterial line",
        label: "ARTs",
        loinc: &["76215-3"],
        mdc: &[150_033, 150_037],
        plausible: (20.0, 300.0),
        ..PRESSURE
    },
    Row {
        code: "art_dia",
        name: "Diastolic pressure, arterial line",
        label: "ARTd",
        loinc: &["76213-8"],
        mdc: &[150_034, 150_038],
        plausible: (10.0, 220.0),
        ..PRESSURE
    },
    Row {
        code: "art_mean",
        name: "Mean pressure, arterial line",
        label: "ARTm",
        loinc: &["76214-6"],
        mdc: &[150_035, 150_039],
        plausible: (20.0, 260.0),
        ..PRESSURE
    },
    Row {
        code: "temp",
        name: "Body temperature",
        label: "T",
        ucum: "Cel",
        unit: "°C",
        loinc: &["8310-5"],
        mdc: &[150_344],
        plausible: (25.0, 44.0),
        possible: (0.0, 60.0),
        decimals: 1,
        sampling: Episodic,
        ..ROW
    },
    Row {
        code: "etco2",
        name: "End-tidal carbon dioxide",
        label: "CO2",
        ucum: "mm[Hg]",
        unit: "mmHg",
        loinc: &["19891-1"],
        mdc: &[151_708, 151_712],
        plausible: (0.0, 150.0),
        possible: (0.0, 300.0),
        zero: Value,
        ..ROW
    },
    Row {
        code: "glucose",
        name: "Glucose",
        label: "Glu",
        ucum: "mg/dL",
        unit: "mg/dL",
        loinc: &["2339-0"],
        plausible: (10.0, 1000.0),
        possible: (0.0, 3000.0),
        sampling: Episodic,
        ..ROW
    },
    Row {
        code: "weight",
        name: "Body weight",
        label: "Wt",
        ucum: "kg",
        unit: "kg",
        loinc: &["29463-7"],
        mdc: &[68_063],
        plausible: (0.2, 400.0),
        possible: (0.0, 700.0),
        decimals: 1,
        sampling: Episodic,
        ..ROW
    },
    Row {
        code: "o2_flow",
        name: "Oxygen flow",
        label: "O2",
        ucum: "L/min",
        unit: "L/min",
        loinc: &["3151-8"],
        plausible: (0.0, 80.0),
        possible: (0.0, 200.0),
        decimals: 1,
        sampling: Episodic,
        zero: Value,
        ..ROW
    },
    Row {
        code: "fio2",
        name: "Inspired oxygen fraction",
        label: "FiO2",
        ucum: "%",
        unit: "%",
        loinc: &["3150-0"],
        plausible: (18.0, 100.0),
        possible: (0.0, 100.0),
        sampling: Episodic,
        ..ROW
    },
    Row {
        code: "consciousness",
        name: "Level of consciousness",
        label: "LOC",
        loinc: &["67775-7"],
        plausible: (0.0, 4.0),
        possible: (0.0, 4.0),
        sampling: Episodic,
        zero: Value,
        labels: &["A", "C", "V", "P", "U"],
        ..ROW
    },
    Row {
        code: "gcs_eye",
        name: "Glasgow coma score, eye",
        label: "GCSe",
        loinc: &["9267-6"],
        plausible: (1.0, 4.0),
        possible: (0.0, 4.0),
        ..GCS
    },
    Row {
        code: "gcs_motor",
        name: "Glasgow coma score, motor",
        label: "GCSm",
        loinc: &["9268-4"],
        plausible: (1.0, 6.0),
        possible: (0.0, 6.0),
        ..GCS
    },
    Row {
        code: "gcs_verbal",
        name: "Glasgow coma score, verbal",
        label: "GCSv",
        loinc: &["9270-0"],
        plausible: (1.0, 5.0),
        possible: (0.0, 5.0),
        ..GCS
    },
    Row {
        code: "gcs_total",
        name: "Glasgow coma score",
        label: "GCS",
        loinc: &["9269-2"],
        plausible: (3.0, 15.0),
        possible: (0.0, 15.0),
        ..GCS
    },
];

/// The built-in vitals in display order.
pub(super) fn definitions() -> impl Iterator<Item = VitalDef> {
    ROWS.iter().map(|row| VitalDef {
        code: VitalCode::of(row.code),
        name: row.name.into(),
        label: row.label.into(),
        ucum: row.ucum.into(),
        unit: row.unit.into(),
        loinc: row.loinc.iter().map(|l| (*l).into()).collect(),
        mdc: row.mdc.to_vec(),
        plausible: row.plausible.0..=row.plausible.1,
        possible: row.possible.0..=row.possible.1,
        decimals: row.decimals,
        sampling: row.sampling,
        zero: row.zero,
        scale: if row.labels.is_empty() { Scale::Quantity } else { Scale::Coded(row.labels.to_vec()) },
    })
}
