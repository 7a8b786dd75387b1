//! Vitals as data: what can be measured, in which unit, within which range.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{collections::BTreeMap, fmt, ops::RangeInclusive, str::FromStr, sync::Arc};

/// Longest code of a vital, in bytes.
pub const VITAL_CODE_MAX_BYTES: usize = 23;

/// The short code of a vital, such as `spo2`: 1 to [`VITAL_CODE_MAX_BYTES`] bytes of `a-z 0-9 _`, kept inline.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VitalCode {
    bytes: [u8; VITAL_CODE_MAX_BYTES],
    len: u8,
}

/// A text that is not the code of a vital.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a vital code: 1 to {VITAL_CODE_MAX_BYTES} characters of a-z, 0-9 and _ are wanted")]
pub struct VitalCodeError(String);

impl VitalCode {
    /// A code known at compile time; text that is too long is cut.
    #[must_use]
    pub const fn of(text: &str) -> Self {
        let source = text.as_bytes();
        let mut bytes = [0; VITAL_CODE_MAX_BYTES];
        let mut rest: &mut [u8] = &mut bytes;
        let mut from: &[u8] = source;
        let mut len = 0;
        while let (Some((to, to_rest)), Some((byte, from_rest))) = (rest.split_first_mut(), from.split_first()) {
            *to = *byte;
            len += 1;
            rest = to_rest;
            from = from_rest;
        }
        Self { bytes, len }
    }

    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let used = self.bytes.get(..usize::from(self.len)).unwrap_or_default();
        std::str::from_utf8(used).unwrap_or_default()
    }
}

impl FromStr for VitalCode {
    type Err = VitalCodeError;
    fn from_str(text: &str) -> Result<Self, VitalCodeError> {
        let ok = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        if text.is_empty() || text.len() > VITAL_CODE_MAX_BYTES || !text.bytes().all(ok) {
            return Err(VitalCodeError(text.chars().take(40).collect()));
        }
        Ok(Self::of(text))
    }
}

impl fmt::Display for VitalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for VitalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for VitalCode {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for VitalCode {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = VitalCode;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the code of a vital")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<VitalCode, E> {
                text.parse().map_err(E::custom)
            }
        }
        d.deserialize_str(Visitor)
    }
}

/// Heart rate from the electrocardiogram.
pub const HR: VitalCode = VitalCode::of("hr");
/// Pulse rate from the oximeter.
pub const PULSE: VitalCode = VitalCode::of("pulse");
/// Respiratory rate.
pub const RR: VitalCode = VitalCode::of("rr");
/// Peripheral oxygen saturation.
pub const SPO2: VitalCode = VitalCode::of("spo2");
/// Systolic pressure by cuff.
pub const NBP_SYS: VitalCode = VitalCode::of("nbp_sys");
/// Diastolic pressure by cuff.
pub const NBP_DIA: VitalCode = VitalCode::of("nbp_dia");
/// Mean pressure by cuff.
pub const NBP_MEAN: VitalCode = VitalCode::of("nbp_mean");
/// Systolic pressure by arterial line.
pub const ART_SYS: VitalCode = VitalCode::of("art_sys");
/// Diastolic pressure by arterial line.
pub const ART_DIA: VitalCode = VitalCode::of("art_dia");
/// Mean pressure by arterial line.
pub const ART_MEAN: VitalCode = VitalCode::of("art_mean");
/// Body temperature.
pub const TEMP: VitalCode = VitalCode::of("temp");
/// Oxygen flow.
pub const O2_FLOW: VitalCode = VitalCode::of("o2_flow");
/// Inspired oxygen fraction.
pub const FIO2: VitalCode = VitalCode::of("fio2");
/// Glasgow coma score, eye.
pub const GCS_EYE: VitalCode = VitalCode::of("gcs_eye");
/// Glasgow coma score, motor.
pub const GCS_MOTOR: VitalCode = VitalCode::of("gcs_motor");
/// Glasgow coma score, verbal.
pub const GCS_VERBAL: VitalCode = VitalCode::of("gcs_verbal");
/// Glasgow coma score.
pub const GCS_TOTAL: VitalCode = VitalCode::of("gcs_total");
/// Level of consciousness (ACVPU).
pub const CONSCIOUSNESS: VitalCode = VitalCode::of("consciousness");

/// How a vital is sampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sampling {
    /// Measured without pause; silence is a fault within seconds.
    Continuous,
    /// Measured now and then (cuff, thermometer, scale); every value is shown with its time.
    Episodic,
}

/// What a 0 from a device means for a vital.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zero {
    /// The vital cannot be 0: a 0 says "not measured".
    NotMeasured,
    /// 0 is a value like any other.
    Value,
    /// 0 is a value while the named vital of the same device is being measured; else it says "not measured".
    ///
    /// Impedance respiration shares the electrodes of the electrocardiogram: 0 breaths with a good heart rate is
    /// apnoea, 0 breaths with a heart rate of 0 is a lead that came off (in the MIMIC-III numerics 44 of 45 zero
    /// minutes of RESP are also zero minutes of HR).
    ValueWhile(VitalCode),
}

/// How the numbers of a vital are to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scale {
    /// A quantity with a unit.
    Quantity,
    /// One of these labels; the value is the position in the list.
    Coded(Vec<&'static str>),
}

/// One kind of measurement.
///
/// Codes: LOINC, MDC (ISO/IEEE 11073-10101) and UCUM. `plausible` is what a monitor can believe of a living patient
/// (beyond it the value is kept and marked out of range); `possible` is what can physically be (beyond it the input is
/// refused).
#[derive(Debug, Clone, PartialEq)]
pub struct VitalDef {
    /// The short code, unique.
    pub code: VitalCode,
    /// The name in words.
    pub name: Arc<str>,
    /// The label on screens, at most 5 characters.
    pub label: Arc<str>,
    /// Unit of measure in UCUM; empty for coded vitals.
    pub ucum: Arc<str>,
    /// Unit of measure as screens show it.
    pub unit: Arc<str>,
    /// LOINC codes; the first is the one we send.
    pub loinc: Vec<Arc<str>>,
    /// MDC codes; the first is the one we send.
    pub mdc: Vec<u32>,
    /// Believable values, in the unit.
    pub plausible: RangeInclusive<f64>,
    /// Physically possible values, in the unit.
    pub possible: RangeInclusive<f64>,
    /// Decimals on screens.
    pub decimals: u8,
    /// How it is sampled.
    pub sampling: Sampling,
    /// What a 0 means.
    pub zero: Zero,
    /// How its numbers are read.
    pub scale: Scale,
}

impl VitalDef {
    /// A value as screens show it: at display precision, or its label if the vital is coded.
    #[must_use]
    pub fn format(&self, value: f64) -> String {
        match &self.scale {
            Scale::Quantity => format!("{value:.*}", usize::from(self.decimals)),
            Scale::Coded(labels) => {
                let found = labels.iter().zip(0_u32..).find(|(_, at)| f64::from(*at) == value);
                found.map_or_else(|| "?".to_owned(), |(label, _)| (*label).to_owned())
            }
        }
    }

    /// The value that a label stands for, if the vital is coded and has it.
    #[must_use]
    pub fn coded_value(&self, label: &str) -> Option<f64> {
        let Scale::Coded(labels) = &self.scale else { return None };
        labels.iter().zip(0_u32..).find(|(l, _)| l.eq_ignore_ascii_case(label)).map(|(_, at)| f64::from(at))
    }
}

/// Why a vital cannot join the table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VitalTableError {
    /// The code is in the table already.
    #[error("the vital {0} is defined twice")]
    Twice(VitalCode),
    /// The plausible range is empty or leaves the possible range.
    #[error("the vital {0} has a plausible range that is empty or wider than its possible range")]
    Ranges(VitalCode),
}

/// All vitals of a site: the built-in ones and those it defines itself.
#[derive(Debug, Clone)]
pub struct VitalTable {
    by_code: BTreeMap<VitalCode, Arc<VitalDef>>,
    /// Display order: the order of definition.
    order: Vec<VitalCode>,
}

impl VitalTable {
    /// The built-in vitals.
    ///
    /// Sources: codes from LOINC and ISO/IEEE 11073-10101 as `docs/protocol.md` lists them; ranges from ISO 80601-2-61,
    /// IEC 60601-2-27 and the measuring ranges that bedside monitors state.
    #[must_use]
    pub fn builtin() -> Self {
        let mut table = Self { by_code: BTreeMap::new(), order: Vec::new() };
        for def in super::vital_builtin::definitions() {
            table.order.push(def.code);
            table.by_code.insert(def.code, Arc::new(def));
        }
        table
    }

    /// Adds a vital that the site defines.
    ///
    /// # Errors
    /// If the code is taken, or the plausible range is empty or leaves the possible range.
    pub fn add(&mut self, def: VitalDef) -> Result<(), VitalTableError> {
        if self.by_code.contains_key(&def.code) {
            return Err(VitalTableError::Twice(def.code));
        }
        let inside = def.possible.contains(def.plausible.start()) && def.possible.contains(def.plausible.end());
        if def.plausible.is_empty() || !inside {
            return Err(VitalTableError::Ranges(def.code));
        }
        self.order.push(def.code);
        self.by_code.insert(def.code, Arc::new(def));
        Ok(())
    }

    /// The definition of a vital.
    #[must_use]
    pub fn get(&self, code: VitalCode) -> Option<&Arc<VitalDef>> {
        self.by_code.get(&code)
    }

    /// All vitals in display order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<VitalDef>> {
        self.order.iter().filter_map(|code| self.by_code.get(code))
    }

    /// The position of a vital in display order; unknown vitals come last.
    #[must_use]
    pub fn rank(&self, code: VitalCode) -> usize {
        self.order.iter().position(|c| *c == code).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_round_trip_and_order_as_text() {
        let mut codes: Vec<VitalCode> = ["spo2", "hr", "nbp_sys", "nbp", "a"].map(VitalCode::of).to_vec();
        codes.sort();
        let texts: Vec<&str> = codes.iter().map(VitalCode::as_str).collect();
        assert_eq!(texts, ["a", "hr", "nbp", "nbp_sys", "spo2"]);
        assert!("SpO2".parse::<VitalCode>().is_err());
        assert!("".parse::<VitalCode>().is_err());
        assert!("x".repeat(24).parse::<VitalCode>().is_err());
        assert_eq!("x".repeat(23).parse::<VitalCode>().unwrap().as_str().len(), 23);
    }

    #[test]
    fn builtin_table_is_sound() {
        let table = VitalTable::builtin();
        let mut labels = BTreeSet::new();
        let mut loincs = BTreeSet::new();
        let mut mdcs = BTreeSet::new();
        for def in table.iter() {
            assert!(!def.plausible.is_empty(), "{}", def.code);
            assert!(def.possible.contains(def.plausible.start()), "{}", def.code);
            assert!(def.possible.contains(def.plausible.end()), "{}", def.code);
            assert!(def.label.chars().count() <= 5, "{}", def.label);
            assert!(labels.insert(Arc::clone(&def.label)), "label twice: {}", def.label);
            assert!(def.loinc.iter().all(|l| loincs.insert(Arc::clone(l))), "LOINC twice at {}", def.code);
            assert!(def.mdc.iter().all(|m| mdcs.insert(*m)), "MDC twice at {}", def.code);
            assert!(!def.loinc.is_empty(), "{}", def.code);
            assert_eq!(def.ucum.is_empty(), matches!(def.scale, Scale::Coded(_)), "{}", def.code);
            if def.zero == Zero::NotMeasured {
                assert!(*def.plausible.start() > 0.0, "{} cannot be 0, yet 0 is plausible", def.code);
            }
        }
        assert!(labels.len() >= 15);
    }

    #[test]
    fn loinc_check_digits_hold() {
        for code in VitalTable::builtin().iter().flat_map(|d| d.loinc.clone()) {
            let (body, check) = code.split_once('-').unwrap();
            // LOINC check digit: Mod 10 (Luhn) over the digits.
            let sum: u32 = body
                .bytes()
                .rev()
                .enumerate()
                .map(|(i, b)| {
                    let d = u32::from(b - b'0');
                    if i % 2 == 0 { (d * 2) / 10 + (d * 2) % 10 } else { d }
                })
                .sum();
            assert_eq!((10 - sum % 10) % 10, check.parse::<u32>().unwrap(), "{code}");
        }
    }

    #[test]
    fn site_vitals_join_the_table() {
        let mut table = VitalTable::builtin();
        let mut def = VitalDef::clone(table.get(HR).unwrap());
        assert_eq!(table.add(def.clone()), Err(VitalTableError::Twice(HR)));
        def.code = VitalCode::of("icp");
        def.plausible = 0.0..=1000.0;
        assert_eq!(table.add(def.clone()), Err(VitalTableError::Ranges(def.code)));
        def.plausible = 1.0..=60.0;
        table.add(def.clone()).unwrap();
        assert_eq!(table.rank(def.code), table.iter().count() - 1);
    }

    #[test]
    fn values_show_at_display_precision() {
        let table = VitalTable::builtin();
        assert_eq!(table.get(TEMP).unwrap().format(37.04), "37.0");
        assert_eq!(table.get(HR).unwrap().format(72.6), "73");
        let acvpu = table.get(CONSCIOUSNESS).unwrap();
        assert_eq!(acvpu.format(1.0), "C");
        assert_eq!(acvpu.coded_value("u"), Some(4.0));
        assert_eq!(acvpu.coded_value("X"), None);
    }
}
