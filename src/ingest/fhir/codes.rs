//! Which vital a code of an Observation stands for.

use super::units::MDC;
use crate::{
    domain::{VitalDef, VitalTable},
    fhir::json::Node,
    ingest::hl7::MORE_MDC,
};
use std::{collections::HashMap, sync::Arc};

/// The code system of LOINC.
pub const LOINC: &str = "http://loinc.org";

/// The codes of all vitals of a site.
#[derive(Debug, Clone, Default)]
pub struct VitalCodes {
    loinc: HashMap<Arc<str>, Arc<VitalDef>>,
    mdc: HashMap<u32, Arc<VitalDef>>,
}

impl VitalCodes {
    /// Of these vitals.
    #[must_use]
    pub fn new(vitals: &VitalTable) -> Self {
        let mut codes = Self::default();
        for def in vitals.iter() {
            codes.loinc.extend(def.loinc.iter().map(|code| (code.clone(), def.clone())));
            codes.mdc.extend(def.mdc.iter().map(|code| (*code, def.clone())));
            let more = MORE_MDC.iter().filter(|(_, vital)| *vital == def.code.as_str());
            codes.mdc.extend(more.map(|(code, _)| (*code, def.clone())));
        }
        codes
    }

    /// The vital of a concept, if it is one. A code of MDC says more than one of LOINC: a pulse oximeter sends its pulse
    /// rate with the LOINC code of the heart rate too, for the profile of vital signs wants that.
    #[must_use]
    pub fn vital(&self, concept: &Node<'_>) -> Option<&Arc<VitalDef>> {
        let mut found = None;
        for coding in concept.list("coding") {
            let (Some(system), Some(code)) = (coding.text_of("system"), coding.text_of("code")) else { continue };
            if system == MDC {
                if let Some(def) = code.parse().ok().and_then(|code: u32| self.mdc.get(&code)) {
                    return Some(def);
                }
            } else if system == LOINC && found.is_none() {
                found = self.loinc.get(code);
            }
        }
        found
    }
}
