//! Limits that people change: for one patient, or for all patients of a category on a ward.

use super::{Actor, Category, LimitSide, LimitStep, Millis, PatientId, Priority, Remark, Side, Timestamp, VitalCode};
use super::{VitalLimits, limits::beyond};
use serde::{Deserialize, Deserializer, Serialize};
use std::{fmt, str::FromStr};

/// A limit as a person gives it, in the vital's unit; always finite.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct LimitValue(f64);

/// Finite numbers are equal to themselves.
impl Eq for LimitValue {}

/// A number that is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a limit is a finite number")]
pub struct NotALimit;

impl LimitValue {
    /// A limit.
    ///
    /// # Errors
    /// If the number is not finite.
    pub fn new(value: f64) -> Result<Self, NotALimit> {
        if value.is_finite() { Ok(Self(value)) } else { Err(NotALimit) }
    }

    /// The number, in the vital's unit.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }

    /// Whether so many decimals show all of it.
    #[must_use]
    pub fn is_shown_with(self, decimals: u8) -> bool {
        let shown = format!("{:.*}", usize::from(decimals), self.0);
        shown.parse() == Ok(self.0)
    }
}

impl fmt::Display for LimitValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for LimitValue {
    type Err = NotALimit;
    fn from_str(text: &str) -> Result<Self, NotALimit> {
        Self::new(text.parse().map_err(|_| NotALimit)?)
    }
}

impl<'de> Deserialize<'de> for LimitValue {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::new(f64::deserialize(d)?).map_err(serde::de::Error::custom)
    }
}

/// One of the four steps of a vital's limits, from below.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepName {
    /// Second step below.
    LowExtreme,
    /// First step below.
    Low,
    /// First step above.
    High,
    /// Second step above.
    HighExtreme,
}

impl StepName {
    /// All steps, from below.
    pub const ALL: [Self; 4] = [Self::LowExtreme, Self::Low, Self::High, Self::HighExtreme];

    /// The name as commands and files use it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LowExtreme => "low_extreme",
            Self::Low => "low",
            Self::High => "high",
            Self::HighExtreme => "high_extreme",
        }
    }

    /// Which side it is on.
    #[must_use]
    pub const fn side(self) -> Side {
        match self {
            Self::LowExtreme | Self::Low => Side::Low,
            Self::High | Self::HighExtreme => Side::High,
        }
    }

    /// Whether it is a second step.
    #[must_use]
    pub const fn is_extreme(self) -> bool {
        matches!(self, Self::LowExtreme | Self::HighExtreme)
    }
}

impl VitalLimits {
    /// One step.
    #[must_use]
    pub const fn step(&self, name: StepName) -> Option<LimitStep> {
        let side = self.side(name.side());
        if name.is_extreme() { side.extreme } else { side.warning }
    }

    const fn slot(&mut self, name: StepName) -> &mut Option<LimitStep> {
        let LimitSide { warning, extreme } = match name.side() {
            Side::Low => &mut self.low,
            Side::High => &mut self.high,
        };
        if name.is_extreme() { extreme } else { warning }
    }

    /// Whether the limits are in order: second steps outside first ones, and room between low and high for the
    /// hysteresis on both sides.
    #[must_use]
    pub fn is_ordered(&self) -> bool {
        let all: Vec<f64> = StepName::ALL.into_iter().filter_map(|name| self.step(name)).map(|s| s.limit).collect();
        let room = match (self.low.warning.or(self.low.extreme), self.high.warning.or(self.high.extreme)) {
            (Some(low), Some(high)) => low.limit + self.hysteresis < high.limit - self.hysteresis,
            _ => true,
        };
        all.is_sorted() && room
    }

    /// Whether these let through what `other` would tell of: a limit further out or none, or a longer delay.
    #[must_use]
    pub fn is_wider_than(&self, other: &Self) -> bool {
        StepName::ALL.into_iter().any(|name| match (self.step(name), other.step(name)) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(own), Some(other)) => beyond(name.side(), own.limit, other.limit) || own.delay > other.delay,
        })
    }
}

/// What is to be different; what is absent stays as it would be else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LimitsChange {
    /// First step below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<LimitValue>,
    /// Second step below.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low_extreme: Option<LimitValue>,
    /// First step above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<LimitValue>,
    /// Second step above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high_extreme: Option<LimitValue>,
    /// Delay of the first steps.
    #[serde(default, rename = "delay_ms", skip_serializing_if = "Option::is_none")]
    pub delay: Option<Millis>,
    /// Delay of the second steps.
    #[serde(default, rename = "extreme_delay_ms", skip_serializing_if = "Option::is_none")]
    pub extreme_delay: Option<Millis>,
}

impl LimitsChange {
    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What it says of one step.
    #[must_use]
    pub const fn step(&self, name: StepName) -> Option<LimitValue> {
        match name {
            StepName::LowExtreme => self.low_extreme,
            StepName::Low => self.low,
            StepName::High => self.high,
            StepName::HighExtreme => self.high_extreme,
        }
    }

    /// Says where one step is to be.
    pub const fn set_step(&mut self, name: StepName, to: LimitValue) {
        let slot = match name {
            StepName::LowExtreme => &mut self.low_extreme,
            StepName::Low => &mut self.low,
            StepName::High => &mut self.high,
            StepName::HighExtreme => &mut self.high_extreme,
        };
        *slot = Some(to);
    }

    /// This change and what an earlier one says besides.
    #[must_use]
    pub fn over(&self, earlier: &Self) -> Self {
        Self {
            low: self.low.or(earlier.low),
            low_extreme: self.low_extreme.or(earlier.low_extreme),
            high: self.high.or(earlier.high),
            high_extreme: self.high_extreme.or(earlier.high_extreme),
            delay: self.delay.or(earlier.delay),
            extreme_delay: self.extreme_delay.or(earlier.extreme_delay),
        }
    }

    /// The limits with this change. A step that there was none of is made like its counterpart on the other side.
    #[must_use]
    pub fn apply(&self, base: &VitalLimits) -> VitalLimits {
        let mut limits = *base;
        for name in StepName::ALL {
            let delay = if name.is_extreme() { self.extreme_delay } else { self.delay };
            let there = base.step(name);
            if let Some(to) = self.step(name) {
                let step = there.unwrap_or_else(|| made_step(base, name));
                *limits.slot(name) = Some(LimitStep { limit: to.get(), ..step });
            }
            if let (Some(delay), Some(step)) = (delay, limits.slot(name)) {
                step.delay = delay;
            }
        }
        limits
    }
}

/// A step where there was none: as urgent and as slow as its counterpart on the other side.
fn made_step(base: &VitalLimits, name: StepName) -> LimitStep {
    let counterpart = match name {
        StepName::LowExtreme => StepName::HighExtreme,
        StepName::Low => StepName::High,
        StepName::High => StepName::Low,
        StepName::HighExtreme => StepName::LowExtreme,
    };
    let priority = if name.is_extreme() { Priority::High } else { Priority::Medium };
    let plain = LimitStep { limit: 0.0, priority, delay: Millis::ZERO, depth_budget: None };
    base.step(counterpart).map_or(plain, |step| LimitStep { depth_budget: None, ..step })
}

/// Whose limits are changed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "scope", rename_all = "snake_case")]
pub enum LimitScope {
    /// Those of one patient.
    Patient {
        /// The patient.
        patient: PatientId,
    },
    /// Those of all patients of a category on the ward, who have none of their own.
    Ward {
        /// The category.
        category: Category,
    },
}

impl LimitScope {
    /// The patient, if it is about one.
    #[must_use]
    pub const fn patient(&self) -> Option<&PatientId> {
        match self {
            Self::Patient { patient } => Some(patient),
            Self::Ward { .. } => None,
        }
    }
}

/// How long changed limits hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "expires", rename_all = "snake_case")]
pub enum Expiry {
    /// Until a time; then what would hold else is in force again.
    At {
        /// When.
        until: Timestamp,
    },
    /// Until somebody looks at them: at the next handover they are marked as due for review, and stay in force.
    NextHandover,
}

/// Where a change comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// A person chose it.
    #[default]
    Chosen,
    /// A person confirmed what was suggested from the patient's present values.
    Suggested,
}

impl Basis {
    /// Whether a person chose it.
    #[must_use]
    pub fn is_chosen(&self) -> bool {
        *self == Self::Chosen
    }
}

/// Limits that are in force in place of others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitOverride {
    /// What is different.
    pub change: LimitsChange,
    /// Who said so last.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: Remark,
    /// For how long.
    #[serde(flatten)]
    pub expires: Expiry,
    /// Where it comes from.
    #[serde(default, skip_serializing_if = "Basis::is_chosen")]
    pub basis: Basis,
    /// Whether a handover has passed since, and somebody has to look at it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub review_due: bool,
}

/// Why limits are other than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitsCause {
    /// A person set them.
    Set,
    /// A person took the change back.
    Reset,
    /// Their time was over.
    Expired,
    /// The patient left.
    Discharged,
    /// The patient is of another category.
    CategoryChanged,
    /// A handover has passed: they are as they were, and due for review.
    ReviewDue,
}

/// Why limits are not changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "limits_refused", rename_all = "snake_case")]
pub enum LimitsError {
    /// The profile has none for the vital.
    #[error("the profile has no limits for {vital}")]
    NoLimits {
        /// The vital.
        vital: VitalCode,
    },
    /// Nothing is to be different.
    #[error("say what is to be different: a limit or a delay")]
    Nothing,
    /// Further out than the person may go.
    #[error("{vital} {} = {wanted} is further out than your role may go ({furthest}): ask a doctor", step.as_str())]
    Guard {
        /// The vital.
        vital: VitalCode,
        /// The step.
        step: StepName,
        /// What was wanted.
        wanted: LimitValue,
        /// How far the person may go.
        furthest: LimitValue,
    },
    /// Further out than anybody may go.
    #[error("{vital} {} = {wanted} is further out than anybody may go ({furthest})", step.as_str())]
    Bound {
        /// The vital.
        vital: VitalCode,
        /// The step.
        step: StepName,
        /// What was wanted.
        wanted: LimitValue,
        /// How far anybody may go.
        furthest: LimitValue,
    },
    /// Not a value that the vital can have.
    #[error("{vital} {} = {wanted} is not a value that is believed of a patient", step.as_str())]
    Implausible {
        /// The vital.
        vital: VitalCode,
        /// The step.
        step: StepName,
        /// What was wanted.
        wanted: LimitValue,
    },
    /// More digits than the vital is shown with: the screen would show another limit than the one that alarms.
    #[error("{vital} {} = {wanted} has more decimals than {vital} is shown with ({decimals})", step.as_str())]
    TooFine {
        /// The vital.
        vital: VitalCode,
        /// The step.
        step: StepName,
        /// What was wanted.
        wanted: LimitValue,
        /// Decimals of the vital.
        decimals: u8,
    },
    /// Too long or negative.
    #[error("a delay of {vital} is between 0 and {} s", longest_ms.as_secs_f64())]
    Delay {
        /// The vital.
        vital: VitalCode,
        /// The longest.
        longest_ms: Millis,
    },
    /// Second steps within first ones, or no room between low and high.
    #[error(
        "the limits of {vital} would be out of order: low_extreme, low, high and high_extreme ascend, and low and high \
         are more than twice the hysteresis apart"
    )]
    Order {
        /// The vital.
        vital: VitalCode,
    },
    /// They would end at once, or hold for too long.
    #[error("changed limits hold until a time from now to {} h from now{}", longest_ms.as_secs() / 3_600,
        if *handover { ", or until the next handover" } else { "" })]
    Expiry {
        /// The longest.
        longest_ms: Millis,
        /// Whether a handover could end them.
        handover: bool,
    },
    /// There is nothing to be taken back.
    #[error("these limits are not changed: there is nothing to reset")]
    NotChanged,
}

/// The limits in force: the patient's own over those of the ward over the profile.
///
/// Changes are checked when they are made. Should they no longer fit together (the profile was changed meanwhile), that of
/// the ward is left out, then that of the patient: limits out of order are never in force.
#[must_use]
pub fn in_force(profile: &VitalLimits, ward: Option<&LimitsChange>, patient: Option<&LimitsChange>) -> VitalLimits {
    let with = |change: Option<&LimitsChange>, base: &VitalLimits| change.map_or(*base, |change| change.apply(base));
    let all = with(patient, &with(ward, profile));
    if all.is_ordered() {
        return all;
    }
    let own = with(patient, profile);
    if own.is_ordered() { own } else { *profile }
}
