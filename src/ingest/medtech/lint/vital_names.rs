//! Names and units by which devices and mappings mean our vitals.

/// Names by the vital that they mean, in small letters, without anything but letters and digits.
const NAMES: &[(&str, &[&str])] = &[
    ("hr", &["hr", "heartrate", "heartratebpm", "ecghr", "ecgheartrate", "heartbeat"]),
    ("pulse", &["pulse", "pulserate", "pr"]),
    ("spo2", &["spo2", "oxygensaturation", "o2saturation", "o2sat", "sao2", "pulseox", "bloodoxygen", "oxygensat"]),
    (
        "rr",
        &["rr", "resp", "resprate", "respiratoryrate", "respirationrate", "respiration", "breathingrate", "breathrate"],
    ),
    (
        "nbp_sys",
        &[
            "systolic",
            "sys",
            "sbp",
            "nbpsys",
            "nibpsys",
            "nbps",
            "nibps",
            "systolicbp",
            "bpsystolic",
            "systolicpressure",
            "systolicbloodpressure",
            "bloodpressuresystolic",
        ],
    ),
    (
        "nbp_dia",
        &[
            "diastolic",
            "dia",
            "dbp",
            "nbpdia",
            "nibpdia",
            "nbpd",
            "nibpd",
            "diastolicbp",
            "bpdiastolic",
            "diastolicpressure",
            "diastolicbloodpressure",
            "bloodpressurediastolic",
        ],
    ),
    (
        "nbp_mean",
        &[
            "map",
            "mbp",
            "nbpmean",
            "nibpmean",
            "nbpm",
            "nibpm",
            "meanpressure",
            "meanbloodpressure",
            "meanarterialpressure",
        ],
    ),
    ("art_sys", &["artsys", "arts", "abpsys", "ibpsys"]),
    ("art_dia", &["artdia", "artd", "abpdia", "ibpdia"]),
    ("art_mean", &["artmean", "artm", "abpmean", "ibpmean"]),
    ("temp", &["temp", "temperature", "bodytemp", "bodytemperature", "tempc", "coretemperature"]),
    ("etco2", &["etco2", "endtidalco2", "co2et"]),
    ("glucose", &["glucose", "bloodglucose", "bloodsugar"]),
    ("weight", &["weight", "bodyweight", "weightkg"]),
    ("o2_flow", &["o2flow", "oxygenflow"]),
    ("fio2", &["fio2", "inspiredoxygen", "inspiredoxygenfraction"]),
    ("consciousness", &["consciousness", "levelofconsciousness", "avpu", "acvpu"]),
    ("gcs_eye", &["gcseye", "gcse"]),
    ("gcs_motor", &["gcsmotor", "gcsm"]),
    ("gcs_verbal", &["gcsverbal", "gcsv"]),
    ("gcs_total", &["gcs", "gcstotal", "glasgowcomascore", "glasgowcomascale"]),
];

/// Other ways to write a UCUM unit, in small letters without blanks.
const UNITS: &[(&str, &[&str])] = &[
    (
        "/min",
        &[
            "/min",
            "1/min",
            "bpm",
            "count/min",
            "counts/min",
            "beats/min",
            "beat/min",
            "beats/minute",
            "{beats}/min",
            "{beat}/min",
            "breaths/min",
            "breath/min",
            "breaths/minute",
            "{breaths}/min",
            "{breath}/min",
            "{counts}/min",
            "perminute",
            "/minute",
            "beatsperminute",
            "breathsperminute",
        ],
    ),
    ("%", &["%", "percent", "pct"]),
    ("mm[Hg]", &["mm[hg]", "mmhg"]),
    ("Cel", &["cel", "c", "°c", "degc", "celsius", "degreescelsius", "degreescelcius"]),
    ("mg/dL", &["mg/dl"]),
    ("kg", &["kg", "kilogram", "kilograms"]),
    ("L/min", &["l/min", "lpm", "liters/min", "litres/min"]),
    ("{score}", &["{score}", "score", "pts", "points", "1"]),
];

/// The vital that a name means.
pub(super) fn vital_named(name: &str) -> Option<&'static str> {
    let plain: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    NAMES.iter().find(|(_, names)| names.contains(&plain.as_str())).map(|(vital, _)| *vital)
}

/// Whether a unit, however it is written, is this UCUM unit.
pub(super) fn is_unit(written: &str, ucum: &str) -> bool {
    let plain: String = written.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect();
    written == ucum || UNITS.iter().any(|(unit, ways)| *unit == ucum && ways.contains(&plain.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{VitalCode, VitalTable};
    use std::collections::BTreeSet;

    #[test]
    fn every_name_means_one_vital_that_exists() {
        let table = VitalTable::builtin();
        let mut seen = BTreeSet::new();
        for (vital, names) in NAMES {
            assert!(table.get(VitalCode::of(vital)).is_some(), "{vital}");
            for name in *names {
                assert!(seen.insert(*name), "{name} twice");
                assert_eq!(vital_named(name), Some(*vital));
            }
        }
        let named: BTreeSet<&str> = NAMES.iter().map(|(vital, _)| *vital).collect();
        assert!(table.iter().all(|def| named.contains(def.code.as_str())), "each vital has a name");
    }

    #[test]
    fn every_unit_of_a_vital_is_known() {
        for def in VitalTable::builtin().iter().filter(|d| !d.ucum.is_empty()) {
            assert!(is_unit(&def.ucum, &def.ucum) && is_unit(&def.unit, &def.ucum), "{}", def.code);
            assert!(UNITS.iter().any(|(unit, _)| *unit == &*def.ucum), "{}", def.code);
        }
        assert!(is_unit("Count/min", "/min") && is_unit("mm Hg", "mm[Hg]") && !is_unit("degF", "Cel"));
    }
}
