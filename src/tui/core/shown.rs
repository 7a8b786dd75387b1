//! Which vitals are shown together.

use crate::{
    domain::{
        VitalCode,
        vital::{ART_DIA, ART_MEAN, ART_SYS, NBP_DIA, NBP_MEAN, NBP_SYS},
    },
    protocol::WardView,
};

/// Three pressures that are read as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pressure {
    /// The label of the three.
    pub label: &'static str,
    /// Systolic.
    pub sys: VitalCode,
    /// Diastolic.
    pub dia: VitalCode,
    /// Mean.
    pub mean: VitalCode,
}

const PRESSURES: [Pressure; 2] = [
    Pressure { label: "NBP", sys: NBP_SYS, dia: NBP_DIA, mean: NBP_MEAN },
    Pressure { label: "ART", sys: ART_SYS, dia: ART_DIA, mean: ART_MEAN },
];

/// What is shown as one: a vital, or three pressures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// A vital.
    One(VitalCode),
    /// Three pressures.
    Pressure(Pressure),
}

impl Shown {
    /// The vital that a spark or a freshness is taken from.
    #[must_use]
    pub const fn main(self) -> VitalCode {
        match self {
            Self::One(vital) => vital,
            Self::Pressure(p) => p.sys,
        }
    }

    /// Whether it shows a vital.
    #[must_use]
    pub fn has(self, vital: VitalCode) -> bool {
        match self {
            Self::One(one) => one == vital,
            Self::Pressure(p) => [p.sys, p.dia, p.mean].contains(&vital),
        }
    }

    /// What is to be shown of the vitals for which `has` holds, in display order.
    #[must_use]
    pub fn of(ward: &WardView, has: impl Fn(VitalCode) -> bool) -> Vec<Self> {
        let mut shown: Vec<Self> = Vec::new();
        for info in ward.vitals.iter().filter(|info| has(info.vital)) {
            if shown.iter().any(|s| s.has(info.vital)) {
                continue;
            }
            let pressure = PRESSURES.into_iter().map(Self::Pressure).find(|p| p.has(info.vital));
            shown.push(pressure.unwrap_or(Self::One(info.vital)));
        }
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::vital::{HR, SPO2},
        tui::testing::ward12,
    };

    #[test]
    fn three_pressures_are_one() {
        let has = [HR, SPO2, NBP_DIA, NBP_MEAN, NBP_SYS, ART_MEAN];
        let [nbp, art] = PRESSURES.map(Shown::Pressure);
        assert_eq!(Shown::of(&ward12(), |v| has.contains(&v)), [Shown::One(HR), Shown::One(SPO2), nbp, art]);
        assert_eq!((nbp.main(), art.has(ART_DIA), art.has(NBP_DIA)), (NBP_SYS, true, false));
    }
}
