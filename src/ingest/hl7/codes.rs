//! Which vital a code stands for: LOINC, MDC, and names that monitors send without a system.

use super::{
    tokens::{Separators, pieces},
    units::{self, Conversion, UNITS, Unit, UnitError},
};
use crate::domain::{VitalCode, VitalDef, VitalTable, text::clean};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// MDC codes that the table of vitals does not name, with the vital that they are one of.
pub(in crate::ingest) const MORE_MDC: &[(u32, &str)] = &[(149_514, "pulse"), (150_364, "temp")];

/// Names, without regard to case and punctuation. MDC reference names are among them: some monitors send numbers of
/// their own beside them.
const NAMES: &[(&str, &[&str])] = &[
    ("hr", &["HR", "HEARTRATE", "ECGHR", "MDCECGHEARTRATE", "MDCECGCARDBEATRATE"]),
    ("pulse", &["PR", "PULSE", "PULSERATE", "SPO2PR", "MDCPULSOXIMPULSRATE", "MDCPULSRATE"]),
    ("spo2", &["SPO2", "MDCPULSOXIMSATO2"]),
    ("rr", &["RR", "RESP", "RESPRATE", "RESPIRATORYRATE", "AWRR", "MDCRESPRATE", "MDCTTHORRESPRATE", "MDCCO2RESPRATE"]),
    ("nbp_sys", &["NIBPS", "NBPS", "NIBPSYS", "NBPSYS", "MDCPRESSCUFFSYS", "MDCPRESSBLDNONINVSYS"]),
    ("nbp_dia", &["NIBPD", "NBPD", "NIBPDIA", "NBPDIA", "MDCPRESSCUFFDIA", "MDCPRESSBLDNONINVDIA"]),
    ("nbp_mean", &["NIBPM", "NBPM", "NIBPMEAN", "NBPMEAN", "MDCPRESSCUFFMEAN", "MDCPRESSBLDNONINVMEAN"]),
    ("art_sys", &["ARTS", "ABPS", "ARTSYS", "ABPSYS", "MDCPRESSBLDARTSYS", "MDCPRESSBLDARTABPSYS"]),
    ("art_dia", &["ARTD", "ABPD", "ARTDIA", "ABPDIA", "MDCPRESSBLDARTDIA", "MDCPRESSBLDARTABPDIA"]),
    ("art_mean", &["ARTM", "ABPM", "ARTMEAN", "ABPMEAN", "MDCPRESSBLDARTMEAN", "MDCPRESSBLDARTABPMEAN"]),
    ("temp", &["TEMP", "T1", "TEMPERATURE", "BODYTEMPERATURE", "MDCTEMP", "MDCTEMPBODY"]),
    ("etco2", &["ETCO2", "MDCAWAYCO2ET", "MDCCONCAWAYCO2ET", "MDCCONCAWAYCO2EXP"]),
    ("fio2", &["FIO2"]),
];

/// Longest name that is looked for, in bytes.
const NAME_MAX_BYTES: usize = 64;

/// All codes of a site and of one source.
#[derive(Debug, Clone, Default)]
pub struct CodeTable {
    loinc: HashMap<String, Arc<VitalDef>>,
    mdc: HashMap<u32, Arc<VitalDef>>,
    names: HashMap<String, Arc<VitalDef>>,
    own: HashMap<String, Arc<VitalDef>>,
    units: HashMap<String, Unit>,
}

impl CodeTable {
    /// The codes of all vitals; `own` are codes that the source alone uses, `own_units` its own units by the UCUM unit that
    /// they stand for.
    ///
    /// # Errors
    /// If a vital or a unit is named that does not exist.
    pub fn new(
        vitals: &VitalTable,
        own: &BTreeMap<String, VitalCode>,
        own_units: &BTreeMap<String, String>,
    ) -> Result<Self, String> {
        let mut table = Self::default();
        for def in vitals.iter() {
            table.loinc.extend(def.loinc.iter().map(|code| (code.to_string(), def.clone())));
            table.mdc.extend(def.mdc.iter().map(|code| (*code, def.clone())));
        }
        let get = |code: VitalCode| vitals.get(code).cloned();
        for (code, vital) in MORE_MDC {
            get(VitalCode::of(vital)).and_then(|def| table.mdc.insert(*code, def));
        }
        for (vital, names) in NAMES {
            let Some(def) = get(VitalCode::of(vital)) else { continue };
            table.names.extend(names.iter().map(|name| ((*name).to_owned(), def.clone())));
        }
        for (code, vital) in own {
            let def = get(*vital).ok_or_else(|| format!("code {code:?} stands for {vital}, which is no vital"))?;
            table.own.insert(code.clone(), def);
        }
        for (unit, names) in UNITS {
            table.units.extend(names.iter().map(|name| ((*name).to_owned(), *unit)));
        }
        for (name, ucum) in own_units {
            let unit =
                table.unit(ucum).ok_or_else(|| format!("unit {name:?} stands for {ucum:?}, which is no unit"))?;
            table.units.insert(name.clone(), unit);
        }
        Ok(table)
    }

    /// The vital that OBX-3 stands for: the source's own codes first, then the code with its system, then the alternate
    /// code with its system.
    pub(super) fn vital(&self, field: &str, separators: Separators) -> Option<&VitalDef> {
        let mut parts = pieces(separators.first(field), separators.component);
        let mut next = || parts.next().unwrap_or_default();
        let (code, text, system) = (next(), next(), next());
        if let Some(own) = self.own.get(code) {
            return Some(own);
        }
        self.coded(code, text, system).or_else(|| self.coded(next(), next(), next()))
    }

    /// The vital of a code that the source alone uses.
    pub(in crate::ingest) fn own(&self, code: &str) -> Option<&VitalDef> {
        self.own.get(code).map(AsRef::as_ref)
    }

    /// The vital of a code or name without a system.
    pub(in crate::ingest) fn plain(&self, code: &str) -> Option<&VitalDef> {
        self.coded(code, "", "")
    }

    /// Whether a unit is known.
    pub(in crate::ingest) fn has_unit(&self, name: &str) -> bool {
        self.unit(name).is_some()
    }

    /// How a number is brought to the unit of its vital, by the name of its unit.
    pub(in crate::ingest) fn conversion_by_name(
        &self,
        unit: Option<&str>,
        def: &VitalDef,
    ) -> Result<Conversion, UnitError> {
        self.conversion(unit.unwrap_or_default(), def, Separators::USUAL)
    }

    fn coded(&self, code: &str, text: &str, system: &str) -> Option<&VitalDef> {
        let by_number = || code.parse().ok().and_then(|number: u32| self.mdc.get(&number));
        let by_name = || self.named(code).or_else(|| self.named(text));
        let found = match system {
            "LN" => self.loinc.get(code),
            "MDC" => by_number().or_else(by_name),
            "" => self.loinc.get(code).or_else(by_number).or_else(by_name),
            _ => by_name(),
        };
        found.map(AsRef::as_ref)
    }

    fn named(&self, name: &str) -> Option<&Arc<VitalDef>> {
        if name.is_empty() || name.len() > NAME_MAX_BYTES {
            return None;
        }
        let key: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
        self.names.get(&key)
    }

    fn unit(&self, name: &str) -> Option<Unit> {
        if let Some(unit) = self.units.get(name) {
            return Some(*unit);
        }
        self.units.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, unit)| *unit)
    }

    /// How a number is brought to the unit of its vital, by OBX-6.
    pub(super) fn conversion(
        &self,
        field: &str,
        def: &VitalDef,
        separators: Separators,
    ) -> Result<Conversion, UnitError> {
        if def.ucum.is_empty() {
            return Ok(Conversion::SAME);
        }
        let mut named = false;
        for part in pieces(separators.first(field), separators.component).filter(|part| !part.is_empty()) {
            named = true;
            if part == &*def.ucum || part == &*def.unit {
                return Ok(Conversion::SAME);
            }
            if let Some(unit) = self.unit(part) {
                return units::conversion(unit, def).ok_or_else(|| wrong_unit(part, def));
            }
        }
        match named {
            false if units::unit_goes_without_saying(def) => Ok(Conversion::SAME),
            false => Err(UnitError::Missing { vital: def.code.to_string(), ucum: def.ucum.to_string() }),
            true => Err(wrong_unit(field, def)),
        }
    }
}

fn wrong_unit(unit: &str, def: &VitalDef) -> UnitError {
    UnitError::Wrong { unit: clean(unit), vital: def.code.to_string(), ucum: def.ucum.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn table() -> CodeTable {
        let own = [("110".to_owned(), VitalCode::of("hr"))].into();
        let units = [("Schläge".to_owned(), "/min".to_owned())].into();
        CodeTable::new(&VitalTable::builtin(), &own, &units).unwrap()
    }

    #[rstest]
    #[case("147842^MDC_ECG_HEART_RATE^MDC", Some("hr"))]
    #[case("0^MDC_ECG_CARD_BEAT_RATE^MDC", Some("hr"))]
    #[case("8867-4^Heart rate^LN", Some("hr"))]
    #[case("8867-4", Some("hr"))]
    #[case("150456", Some("spo2"))]
    #[case::own_code("110^whatever^99LOCAL", Some("hr"))]
    #[case::name_beside_a_local_code("4711^NIBP-S", Some("nbp_sys"))]
    #[case::name_of_a_local_system("SpO2^^99GE", Some("spo2"))]
    #[case::alternate("x^y^L^59408-5^SpO2^LN", Some("spo2"))]
    #[case::a_name_is_no_loinc("HR^HR^LN", None)]
    #[case::lab("wbc^Wbc^Local^6690-2^Wbc^LN", None)]
    #[case::lead("10368-9^Lead BldC-mCnc^LN^3456543^Blood lead test^99USI", None)]
    #[case("", None)]
    fn codes_are_found(#[case] field: &str, #[case] vital: Option<&str>) {
        let table = table();
        assert_eq!(table.vital(field, Separators::USUAL).map(|def| def.code.as_str().to_owned()).as_deref(), vital);
    }

    #[rstest]
    #[case("hr", "264864^MDC_DIM_BEAT_PER_MIN^MDC", true)]
    #[case("hr", "{beat}/min^{beat}/min^UCUM", true)]
    #[case("hr", "BPM", true)]
    #[case("hr", "Schläge", true)]
    #[case("hr", "", true)]
    #[case("hr", "mm[Hg]", false)]
    #[case("hr", "furlongs", false)]
    #[case::bare_pressure("nbp_sys", "", false)]
    #[case::bare_temperature("temp", "", false)]
    #[case("temp", "268192^MDC_DIM_DEGC^MDC", true)]
    #[case("consciousness", "", true)]
    fn units_fit_or_not(#[case] vital: &str, #[case] field: &str, #[case] fits: bool) {
        let vitals = VitalTable::builtin();
        let def = vitals.get(VitalCode::of(vital)).unwrap();
        assert_eq!(table().conversion(field, def, Separators::USUAL).is_ok(), fits);
    }

    #[test]
    fn what_does_not_exist_is_refused() {
        let vitals = VitalTable::builtin();
        let nothing = BTreeMap::new();
        assert!(CodeTable::new(&vitals, &[("1".to_owned(), VitalCode::of("mood"))].into(), &nothing).is_err());
        assert!(CodeTable::new(&vitals, &BTreeMap::new(), &[("x".to_owned(), "y".to_owned())].into()).is_err());
    }

    #[test]
    fn every_name_is_written_as_it_is_looked_for() {
        for name in NAMES.iter().flat_map(|(_, names)| *names) {
            assert!(table().named(name).is_some(), "{name}");
        }
        let known: Vec<&str> = NAMES.iter().map(|(vital, _)| *vital).collect();
        assert!(known.iter().all(|vital| VitalTable::builtin().get(VitalCode::of(vital)).is_some()));
    }
}
