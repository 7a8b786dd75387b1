//! Words for limits: on the page of limits, and before a change of them.

use super::clock_minutes;
use crate::{
    domain::{Category, Expiry, LimitOverride, Side},
    protocol::{VitalInfo, WardView},
    tui::core::{FieldChange, FieldReach, LimitField},
};
use chrono_tz::Tz;

/// The category of a patient.
#[must_use]
pub const fn category(category: Category) -> &'static str {
    match category {
        Category::Adult => "adult",
        Category::Paediatric => "child",
        Category::Neonate => "neonate",
    }
}

/// A limit with its decimals, or a delay in seconds: `90`, `10 s`, `–`.
#[must_use]
pub fn value(info: &VitalInfo, field: LimitField, value: Option<f64>) -> String {
    match (value, field) {
        (None, _) => "–".to_owned(),
        (Some(value), LimitField::Step(_)) => info.format(value),
        (Some(value), LimitField::Delay | LimitField::ExtremeDelay) => format!("{value} s"),
    }
}

/// The unit of a value: that of the vital, or seconds.
#[must_use]
pub fn unit(info: &VitalInfo, field: LimitField) -> &str {
    if matches!(field, LimitField::Step(_)) { &info.unit } else { "s" }
}

/// One value before and after: `SpO2 low 90 → 88 %`.
#[must_use]
pub fn change(ward: &WardView, change: &FieldChange) -> String {
    let Some(info) = ward.info(change.vital) else { return String::new() };
    let [old, new] = [change.old, change.new].map(|v| value(info, change.field, v));
    let unit = if matches!(change.field, LimitField::Step(_)) { format!(" {}", info.unit) } else { String::new() };
    format!("{} {} {old} → {new}{unit}", info.label, change.field.words())
}

/// How far a value may go: `at least 85; a doctor 80`, `0 to 15 s`.
#[must_use]
pub fn reach(info: &VitalInfo, field: LimitField, reach: Option<FieldReach>) -> String {
    match (field, reach) {
        (LimitField::Step(name), Some(FieldReach::Limit(reach))) => {
            let most = if name.side() == Side::Low { "at least" } else { "at most" };
            format!("nurses {most} {}, doctors {}", info.format(reach.guard), info.format(reach.bound))
        }
        (_, Some(FieldReach::Delay(longest))) => format!("from 0 to {} s", longest.as_secs_f64()),
        _ => "the profile has none: any value that can be".to_owned(),
    }
}

/// How long a change holds: `until 10:40`, `until the next handover`, `REVIEW DUE`.
#[must_use]
pub fn end(set: &LimitOverride, zone: Tz) -> String {
    match set.expires {
        Expiry::At { until } => format!("until {}", clock_minutes(until, zone)),
        Expiry::NextHandover if set.review_due => "REVIEW DUE".to_owned(),
        Expiry::NextHandover => "until the next handover".to_owned(),
    }
}
