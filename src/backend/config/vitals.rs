//! Vitals that a site defines itself.

use crate::domain::{
    Sampling, VitalDef,
    text::clean,
    vital::{Scale, Zero},
};
use serde::{Deserialize, Serialize};

/// One vital of a site.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VitalConfig {
    /// Short code, such as `icp`.
    pub code: String,
    /// Name in words.
    pub name: String,
    /// Label on screens, at most 5 characters.
    pub label: String,
    /// Unit in UCUM.
    pub ucum: String,
    /// Unit on screens; the UCUM unit if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// LOINC codes.
    #[serde(default)]
    pub loinc: Vec<String>,
    /// MDC codes.
    #[serde(default)]
    pub mdc: Vec<u32>,
    /// Believable values, `[least, greatest]`.
    pub plausible: [f64; 2],
    /// Physically possible values, `[least, greatest]`.
    pub possible: [f64; 2],
    /// Decimals on screens.
    #[serde(default)]
    pub decimals: u8,
    /// Continuous or episodic.
    pub sampling: Sampling,
    /// Whether 0 is a value; if not, it says "not measured".
    #[serde(default)]
    pub zero_is_value: bool,
}

impl VitalConfig {
    /// As the domain has it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn definition(&self) -> Result<VitalDef, String> {
        let label = clean(&self.label);
        if label.is_empty() || label.chars().count() > 5 {
            return Err(format!("label {label:?} must have 1 to 5 characters"));
        }
        let finite = self.plausible.iter().chain(&self.possible).all(|v| v.is_finite());
        if !finite || self.decimals > 6 {
            return Err("ranges must be finite numbers, decimals at most 6".to_owned());
        }
        let ([low, high], [least, greatest]) = (self.plausible, self.possible);
        Ok(VitalDef {
            code: self.code.parse().map_err(|e| format!("{e}"))?,
            name: clean(&self.name).into(),
            label: label.into(),
            ucum: clean(&self.ucum).into(),
            unit: clean(self.unit.as_deref().unwrap_or(&self.ucum)).into(),
            loinc: self.loinc.iter().map(|l| clean(l).into()).collect(),
            mdc: self.mdc.clone(),
            plausible: low..=high,
            possible: least..=greatest,
            decimals: self.decimals,
            sampling: self.sampling,
            zero: if self.zero_is_value { Zero::Value } else { Zero::NotMeasured },
            scale: Scale::Quantity,
        })
    }
}
