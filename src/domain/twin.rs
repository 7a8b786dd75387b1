//! What is wanted of a device, and what it says of itself.

use super::{LimitValue, Millis, Timestamp, VitalCode, text};
use serde::{Deserialize, Deserializer, Serialize, de};
use std::{collections::BTreeMap, fmt, str::FromStr};

/// Longest firmware, model or serial number, in characters.
pub const DEVICE_TEXT_MAX_CHARS: usize = 64;
/// A device that has not applied what is wanted of it after this long has drifted.
pub const DRIFT_AFTER: Millis = Millis::from_mins(10);
/// A battery at or below this, in percent, is low.
pub const BATTERY_LOW_PERCENT: u8 = 20;
/// A battery at or below this, in percent, is about to be empty.
pub const BATTERY_EMPTY_PERCENT: u8 = 5;
/// A low battery is no longer low above this, in percent.
pub const BATTERY_GOOD_PERCENT: u8 = 25;

/// The alarm limits that a device itself is to watch for one vital, in the vital's unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceLimits {
    /// Below it the device alarms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub low: Option<LimitValue>,
    /// Above it the device alarms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub high: Option<LimitValue>,
}

impl DeviceLimits {
    /// Whether there is anything to watch, and something between the two.
    #[must_use]
    pub fn makes_sense(&self) -> bool {
        match (self.low, self.high) {
            (None, None) => false,
            (Some(low), Some(high)) => low < high,
            _ => true,
        }
    }
}

/// What is wanted of a device beside the intervals of its values. Engine and census number it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Desired {
    /// From 1; the next with each change of intervals or limits.
    pub version: u32,
    /// When it last changed, in engine time; absent while it is as the device was added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<Timestamp>,
    /// Intervals that are wanted and that the device has not said to work by yet, in milliseconds. Until then its silence is
    /// judged by the intervals that it has.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub intervals_ms: BTreeMap<VitalCode, Millis>,
    /// The device's own alarm limits by vital.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<VitalCode, DeviceLimits>,
}

impl Default for Desired {
    fn default() -> Self {
        Self { version: 1, changed_at: None, intervals_ms: BTreeMap::new(), limits: BTreeMap::new() }
    }
}

impl Desired {
    /// Whether nothing was ever wanted.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A short text of a device, such as its firmware; what may harm a terminal is taken out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct DeviceText(String);

/// A text that is too long or empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("1 to {DEVICE_TEXT_MAX_CHARS} characters are wanted")]
pub struct NotADeviceText;

impl DeviceText {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DeviceText {
    type Err = NotADeviceText;
    fn from_str(raw: &str) -> Result<Self, NotADeviceText> {
        let clean = text::clean(raw);
        let fits = (1..=DEVICE_TEXT_MAX_CHARS).contains(&clean.chars().count());
        if fits { Ok(Self(clean)) } else { Err(NotADeviceText) }
    }
}

impl fmt::Display for DeviceText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for DeviceText {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(de::Error::custom)
    }
}

/// A part of a battery, from 0 to 100 percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Percent(u8);

/// A number that is no part of a battery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a whole number from 0 to 100 is wanted")]
pub struct NotAPercent;

impl Percent {
    /// A part of a battery.
    ///
    /// # Errors
    /// If it is more than the whole.
    pub const fn new(percent: u8) -> Result<Self, NotAPercent> {
        if percent <= 100 { Ok(Self(percent)) } else { Err(NotAPercent) }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Percent {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        // Devices write 87 and 87.0.
        let percent = f64::deserialize(d)?;
        if !(0.0..=100.0).contains(&percent) {
            return Err(de::Error::custom(NotAPercent));
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded above")]
        Ok(Self(percent.floor() as u8))
    }
}

/// What a device says of itself, whole: what is absent it does not know.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceReport {
    /// Its firmware.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firmware: Option<DeviceText>,
    /// Its model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<DeviceText>,
    /// Its serial number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<DeviceText>,
    /// Its battery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub battery_percent: Option<Percent>,
    /// The version of what is wanted that it works by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied: Option<u32>,
    /// Its clock, when it sent this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Timestamp>,
}

/// The last report of a device, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reported {
    /// When it came, in engine time.
    pub at: Timestamp,
    /// How far the device's clock was ahead of the server's; behind if negative. The way of the message counts as behind.
    #[serde(default, rename = "ahead_ms", skip_serializing_if = "Option::is_none")]
    pub ahead: Option<Millis>,
    /// What it said.
    #[serde(flatten)]
    pub report: DeviceReport,
}

impl Reported {
    /// A report that came now, by engine time and by wall time.
    #[must_use]
    pub fn new(report: DeviceReport, at: Timestamp, wall: Timestamp) -> Self {
        Self { at, ahead: report.time.map(|time| time.since(wall)), report }
    }
}

/// Whether a device should have applied by now what is wanted of it, and has not.
#[must_use]
pub fn has_drifted(desired: &Desired, reported: Option<&Reported>, now: Timestamp) -> bool {
    let applied = reported.and_then(|reported| reported.report.applied);
    match (desired.changed_at, applied) {
        (_, Some(applied)) if applied == desired.version => false,
        (Some(changed_at), _) => now.since(changed_at) > DRIFT_AFTER,
        // As it was added: whoever says that it works by something else has drifted, whoever says nothing has not.
        (None, applied) => applied.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn t(minutes: i64) -> Timestamp {
        Timestamp::from_ms(minutes * 60_000)
    }

    #[rstest]
    #[case(1, None, None, 100, false)]
    #[case(1, None, Some(1), 100, false)]
    #[case(1, None, Some(7), 100, true)]
    #[case(2, Some(50), None, 60, false)]
    #[case(2, Some(50), None, 61, true)]
    #[case(2, Some(50), Some(1), 61, true)]
    #[case(2, Some(50), Some(2), 100, false)]
    fn drift_is_what_is_not_applied_after_its_time(
        #[case] version: u32,
        #[case] changed: Option<i64>,
        #[case] applied: Option<u32>,
        #[case] now: i64,
        #[case] drifted: bool,
    ) {
        let desired = Desired { version, changed_at: changed.map(t), ..Desired::default() };
        let report = DeviceReport { applied, ..DeviceReport::default() };
        let reported = Reported::new(report, t(0), t(0));
        assert_eq!(has_drifted(&desired, Some(&reported), t(now)), drifted);
        if applied.is_none() {
            assert_eq!(has_drifted(&desired, None, t(now)), drifted);
        }
    }

    #[rstest]
    #[case(r#"{"battery_percent":87}"#, Ok(Some(87)))]
    #[case(r#"{"battery_percent":87.9}"#, Ok(Some(87)))]
    #[case(r#"{"battery_percent":0}"#, Ok(Some(0)))]
    #[case("{}", Ok(None))]
    #[case(r#"{"battery_percent":100.5}"#, Err("from 0 to 100"))]
    #[case(r#"{"battery_percent":-1}"#, Err("from 0 to 100"))]
    #[case(r#"{"battery":87}"#, Err("unknown field"))]
    #[case(r#"{"firmware":""}"#, Err("1 to 64 characters"))]
    fn a_report_is_whole_or_refused(#[case] text: &str, #[case] battery: Result<Option<u8>, &str>) {
        match (serde_json::from_str::<DeviceReport>(text), battery) {
            (Ok(report), Ok(wanted)) => assert_eq!(report.battery_percent.map(Percent::get), wanted),
            (Err(e), Err(says)) => assert!(e.to_string().contains(says), "{e}"),
            (found, _) => panic!("{found:?}"),
        }
    }

    #[test]
    fn the_clock_of_a_device_is_ahead_or_behind() {
        let report: DeviceReport =
            serde_json::from_str(r#"{"time":"2026-03-01T03:12:10Z","firmware":"2.1\u001b[31m"}"#).unwrap();
        let wall = "2026-03-01T03:12:12.500Z".parse().unwrap();
        let reported = Reported::new(report, t(0), wall);
        assert_eq!(reported.ahead, Some(Millis(-2_500)));
        assert!(!reported.report.firmware.as_ref().unwrap().as_str().contains('\u{1b}'));
        let text = serde_json::to_string(&reported).unwrap();
        assert_eq!(serde_json::from_str::<Reported>(&text).unwrap(), reported);
    }

    #[test]
    fn limits_have_room_between_them() {
        let limits = |low: Option<f64>, high: Option<f64>| DeviceLimits {
            low: low.map(|v| LimitValue::new(v).unwrap()),
            high: high.map(|v| LimitValue::new(v).unwrap()),
        };
        assert!(limits(Some(85.0), None).makes_sense() && limits(Some(50.0), Some(120.0)).makes_sense());
        assert!(!limits(None, None).makes_sense() && !limits(Some(120.0), Some(50.0)).makes_sense());
    }
}
