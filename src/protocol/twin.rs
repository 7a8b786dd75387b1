//! What a device reads of what is wanted of it.

use crate::domain::{Device, DeviceId, DeviceLimits, Millis, VitalCode};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is wanted of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DesiredTwin {
    /// The device.
    pub device: DeviceId,
    /// The next with each change; the device reports the one that it works by as `applied`.
    pub version: u32,
    /// How often it is to send each vital, in milliseconds.
    pub intervals_ms: BTreeMap<VitalCode, Millis>,
    /// Its own alarm limits by vital, in the vital's unit.
    pub limits: BTreeMap<VitalCode, DeviceLimits>,
}

impl DesiredTwin {
    /// What is wanted of a device as the census has it.
    #[must_use]
    pub fn of(device: &Device) -> Self {
        Self {
            device: device.id.clone(),
            version: device.desired.version,
            intervals_ms: device.wanted_intervals(),
            limits: device.desired.limits.clone(),
        }
    }
}
