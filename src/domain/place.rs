//! Wards, beds and devices.

use super::{BedId, Desired, DeviceId, Millis, VitalCode, WardId, text};
use chrono_tz::Tz;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;

/// A ward.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ward {
    /// Identifier.
    pub id: WardId,
    /// Name as screens show it.
    #[serde(deserialize_with = "clean_text")]
    pub name: String,
    /// The time zone in which its screens show time (IANA name).
    #[serde(serialize_with = "tz_name", deserialize_with = "tz_parse", default = "utc")]
    pub time_zone: Tz,
}

/// A bed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bed {
    /// Identifier; screens list beds in its order.
    pub id: BedId,
    /// Label as screens show it.
    #[serde(deserialize_with = "clean_text")]
    pub label: String,
}

/// What a device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// Measures; its readings are its own.
    #[default]
    Monitor,
    /// Passes on the readings of the devices that name it as their gateway.
    Gateway,
}

/// A device or gateway.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// Identifier.
    pub id: DeviceId,
    /// Name as screens show it.
    #[serde(deserialize_with = "clean_text")]
    pub name: String,
    /// Monitor or gateway.
    #[serde(default)]
    pub kind: DeviceKind,
    /// The gateway that may send for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<DeviceId>,
    /// Expected sampling interval by vital, in milliseconds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub intervals_ms: BTreeMap<VitalCode, Millis>,
    /// What else is wanted of it, numbered together with the intervals.
    #[serde(default, skip_serializing_if = "Desired::is_default")]
    pub desired: Desired,
}

impl Device {
    /// How often it is to send each vital: as it does, but for what it has not said to work by yet.
    #[must_use]
    pub fn wanted_intervals(&self) -> BTreeMap<VitalCode, Millis> {
        let mut wanted = self.intervals_ms.clone();
        wanted.extend(&self.desired.intervals_ms);
        wanted
    }

    /// The device once it works by all that is wanted of it.
    #[must_use]
    pub fn applied(mut self) -> Self {
        self.intervals_ms = self.wanted_intervals();
        self.desired.intervals_ms.clear();
        self
    }
}

fn utc() -> Tz {
    Tz::UTC
}

fn clean_text<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    String::deserialize(d).map(|raw| text::clean(&raw))
}

fn tz_name<S: Serializer>(tz: &Tz, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(tz.name())
}

fn tz_parse<'de, D: Deserializer<'de>>(d: D) -> Result<Tz, D::Error> {
    let name = String::deserialize(d)?;
    name.parse().map_err(|_| {
        serde::de::Error::custom(format!("{name:?} is not a time zone: an IANA name such as Europe/Berlin is wanted"))
    })
}
