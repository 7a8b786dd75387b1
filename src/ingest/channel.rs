//! The channels of a CSV recording: which vital a name stands for, and how its numbers are brought to the vital's unit.
//!
//! `docs/replay.md` shows the same table; a test compares the two.

use crate::domain::{VitalCode, VitalTable};

/// How a number is brought to the unit of its vital.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scaling {
    /// The channel has the vital's unit.
    AsIs,
    /// A fraction if at most 1, else per cent. Per cent comes out: nobody breathes 1 % oxygen.
    FractionOrPercent,
}

impl Scaling {
    /// The number in the vital's unit.
    #[must_use]
    pub fn apply(self, raw: f64) -> f64 {
        match self {
            // Rounded, so that 0.55 gives 55 and not 55.000000000000007.
            Self::FractionOrPercent if raw > 0.0 && raw <= 1.0 => (raw * 1e8).round() / 1e6,
            Self::AsIs | Self::FractionOrPercent => raw,
        }
    }
}

/// A channel by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Channel {
    /// The name in the file; upper and lower case differ.
    pub name: &'static str,
    /// The vital.
    pub vital: VitalCode,
    /// How its numbers are read.
    pub scaling: Scaling,
}

const fn channel(name: &'static str, vital: &'static str) -> Channel {
    Channel { name, vital: VitalCode::of(vital), scaling: Scaling::AsIs }
}

/// The named channels. Every vital is also known by its own code (`spo2`, `nbp_sys` …).
pub const CHANNELS: &[Channel] = &[
    channel("HR", "hr"),
    channel("PULSE", "pulse"),
    channel("SPO2", "spo2"),
    channel("RESP", "rr"),
    channel("NBP_SYS", "nbp_sys"),
    channel("NBP_DIA", "nbp_dia"),
    channel("NBP_MEAN", "nbp_mean"),
    channel("ART_SYS", "art_sys"),
    channel("ART_DIA", "art_dia"),
    channel("ART_MEAN", "art_mean"),
    channel("TEMP_C", "temp"),
    channel("ETCO2", "etco2"),
    channel("GLUCOSE", "glucose"),
    channel("WEIGHT_KG", "weight"),
    channel("O2FLOW", "o2_flow"),
    Channel { name: "FIO2", vital: VitalCode::of("fio2"), scaling: Scaling::FractionOrPercent },
    channel("ACVPU", "consciousness"),
    channel("GCS_E", "gcs_eye"),
    channel("GCS_M", "gcs_motor"),
    channel("GCS_V", "gcs_verbal"),
    channel("GCS_T", "gcs_total"),
];

/// The vital that a channel stands for, and how its numbers are read; `None` if the name is unknown.
#[must_use]
pub fn find(name: &str, vitals: &VitalTable) -> Option<(VitalCode, Scaling)> {
    if let Some(channel) = CHANNELS.iter().find(|c| c.name == name) {
        return Some((channel.vital, channel.scaling));
    }
    let code: VitalCode = name.parse().ok()?;
    vitals.get(code).map(|def| (def.code, Scaling::AsIs))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use std::collections::BTreeSet;

    #[test]
    fn every_channel_names_a_builtin_vital_and_every_vital_has_a_channel() {
        let vitals = VitalTable::builtin();
        let named: BTreeSet<VitalCode> = CHANNELS.iter().map(|c| c.vital).collect();
        let known: BTreeSet<VitalCode> = vitals.iter().map(|d| d.code).collect();
        assert_eq!(named, known);
        assert_eq!(named.len(), CHANNELS.len(), "a vital has two channels");
    }

    #[test]
    fn a_vital_is_known_by_its_own_code() {
        let vitals = VitalTable::builtin();
        for def in vitals.iter() {
            assert_eq!(find(def.code.as_str(), &vitals), Some((def.code, Scaling::AsIs)));
        }
        assert_eq!(find("ART_OR_NBP_SYS", &vitals), None);
        assert_eq!(find("Hr", &vitals), None);
    }

    #[rstest]
    #[case(0.21, 21.0)]
    #[case(0.55, 55.0)]
    #[case(1.0, 100.0)]
    #[case(1.5, 1.5)]
    #[case(40.0, 40.0)]
    #[case(0.0, 0.0)]
    #[case(-0.5, -0.5)]
    fn a_fraction_becomes_per_cent(#[case] raw: f64, #[case] percent: f64) {
        assert_eq!(Scaling::FractionOrPercent.apply(raw), percent);
        assert_eq!(Scaling::AsIs.apply(raw), raw);
    }

    #[test]
    fn the_document_shows_this_table() {
        let document = include_str!("../../docs/replay.md");
        let rows: Vec<String> = CHANNELS
            .iter()
            .map(|c| {
                let unit = match c.scaling {
                    Scaling::AsIs => VitalTable::builtin().get(c.vital).unwrap().unit.to_string(),
                    Scaling::FractionOrPercent => "fraction up to 1, else %".to_owned(),
                };
                let unit = if unit.is_empty() { "0 to 4 for A, C, V, P, U".to_owned() } else { unit };
                format!("| `{}` | `{}` | {unit} |", c.name, c.vital)
            })
            .collect();
        let shown: Vec<&str> = document
            .lines()
            .skip_while(|l| !l.starts_with("| channel "))
            .skip(2)
            .take_while(|l| l.starts_with('|'))
            .collect();
        assert_eq!(shown, rows);
    }
}
