//! What an alert can be about.

use super::{DeviceAlertCode, ScoreKind, VitalCode};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, str::FromStr};

/// The side of an alarm limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Below the low limit.
    Low,
    /// Above the high limit.
    High,
}

/// A fault of the system itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SystemFault {
    /// Nothing can be written: alerts go on, unrecorded.
    StoreFailed,
    /// The disk is nearly full.
    DiskNearlyFull,
    /// The wall clock stepped.
    ClockStepped,
    /// The audit trail does not fit its signed checkpoints.
    AuditChanged,
    /// Messages about alerts do not get out.
    NotifyFailed,
    /// A mapping of device messages was changed and is wrong: the one before is in use.
    MappingWrong,
    /// A broker from which data come cannot be reached.
    SourceLost,
    /// The server's certificate ends soon, has ended, or cannot be read again.
    CertificateEnds,
    /// The audit trail is not delivered to the receiver of syslog.
    SyslogBehind,
    /// A policy that denies is not met any more.
    PolicyNotMet,
    /// Somebody opened a patient in an emergency, and nobody has judged in time whether it was one.
    ReviewsOverdue,
}

impl SystemFault {
    const ALL: [Self; 11] = [
        Self::StoreFailed,
        Self::DiskNearlyFull,
        Self::ClockStepped,
        Self::AuditChanged,
        Self::NotifyFailed,
        Self::MappingWrong,
        Self::SourceLost,
        Self::CertificateEnds,
        Self::SyslogBehind,
        Self::PolicyNotMet,
        Self::ReviewsOverdue,
    ];

    /// Whether what is told of it changes while it stands: it is then told anew.
    #[must_use]
    pub const fn changes(self) -> bool {
        matches!(
            self,
            Self::NotifyFailed
                | Self::MappingWrong
                | Self::SourceLost
                | Self::CertificateEnds
                | Self::PolicyNotMet
                | Self::ReviewsOverdue
        )
    }

    const fn name(self) -> &'static str {
        match self {
            Self::StoreFailed => "store_failed",
            Self::DiskNearlyFull => "disk_nearly_full",
            Self::ClockStepped => "clock_stepped",
            Self::AuditChanged => "audit_changed",
            Self::NotifyFailed => "notify_failed",
            Self::MappingWrong => "mapping_wrong",
            Self::SourceLost => "source_lost",
            Self::CertificateEnds => "certificate_ends",
            Self::SyslogBehind => "syslog_behind",
            Self::PolicyNotMet => "policy_not_met",
            Self::ReviewsOverdue => "reviews_overdue",
        }
    }
}

/// The code of an alarm condition; text form `spo2.low`, `hr.not_measured`, `device.lost`, `system.store_failed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ConditionCode {
    /// A vital is beyond an alarm limit.
    Limit(VitalCode, Side),
    /// The device says that it cannot measure a vital, or sends what cannot be.
    NotMeasured(VitalCode),
    /// A vital has stopped coming while its device still sends.
    Stale(VitalCode),
    /// A vital has had the same value for so long that its measurement may be stuck.
    Flatline(VitalCode),
    /// A device has stopped sending.
    DeviceLost,
    /// A device sent another value for a time that it had sent before.
    Conflict,
    /// A message named a patient to whom its device does not belong.
    WrongPatient,
    /// A fault of the system itself.
    System(SystemFault),
    /// A score asks for a person.
    Score(ScoreKind),
    /// Nobody is on duty for an occupied bed, or as charge, or as doctor.
    RotaGap,
    /// The clock of a device is wrong, or its values come late all the time.
    ClockSkew,
    /// The battery of a device is low.
    BatteryLow,
    /// All devices behind a gateway have stopped sending at once.
    GatewayLost,
    /// No terminal watches a ward with patients.
    NoWatcher,
    /// A device says that it has an alert of its own; whether about the patient or about equipment, the alert says.
    DeviceAlert(DeviceAlertCode),
}

impl ConditionCode {
    /// The vital it is about, if it is about one.
    #[must_use]
    pub const fn vital(self) -> Option<VitalCode> {
        match self {
            Self::Limit(vital, _) | Self::NotMeasured(vital) | Self::Stale(vital) | Self::Flatline(vital) => {
                Some(vital)
            }
            _ => None,
        }
    }

    /// Whether it is about the patient (physiological) and not about equipment (technical). An alert of a device says so
    /// itself.
    #[must_use]
    pub const fn is_physiological(self) -> bool {
        matches!(self, Self::Limit(..) | Self::Score(_))
    }
}

impl fmt::Display for ConditionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Limit(vital, Side::Low) => write!(f, "{vital}.low"),
            Self::Limit(vital, Side::High) => write!(f, "{vital}.high"),
            Self::NotMeasured(vital) => write!(f, "{vital}.not_measured"),
            Self::Stale(vital) => write!(f, "{vital}.stale"),
            Self::Flatline(vital) => write!(f, "{vital}.flatline"),
            Self::DeviceLost => f.write_str("device.lost"),
            Self::Conflict => f.write_str("device.conflict"),
            Self::WrongPatient => f.write_str("device.wrong_patient"),
            Self::System(fault) => write!(f, "system.{}", fault.name()),
            Self::Score(kind) => write!(f, "score.{}", kind.as_str()),
            Self::RotaGap => f.write_str("rota.gap"),
            Self::ClockSkew => f.write_str("device.clock_skew"),
            Self::BatteryLow => f.write_str("device.battery_low"),
            Self::GatewayLost => f.write_str("gateway.lost"),
            Self::NoWatcher => f.write_str("ward.no_watcher"),
            Self::DeviceAlert(code) => write!(f, "device.alert.{code}"),
        }
    }
}

/// A text that is not the code of a condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a condition: such as spo2.low, hr.not_measured, device.lost is wanted")]
pub struct ConditionCodeError(String);

impl FromStr for ConditionCode {
    type Err = ConditionCodeError;
    fn from_str(text: &str) -> Result<Self, ConditionCodeError> {
        let bad = || ConditionCodeError(text.chars().take(60).collect());
        let (subject, kind) = text.split_once('.').ok_or_else(bad)?;
        match (subject, kind) {
            ("device", "lost") => Ok(Self::DeviceLost),
            ("device", "conflict") => Ok(Self::Conflict),
            ("device", "wrong_patient") => Ok(Self::WrongPatient),
            ("device", "clock_skew") => Ok(Self::ClockSkew),
            ("device", "battery_low") => Ok(Self::BatteryLow),
            ("device", _) => {
                let code = kind.strip_prefix("alert.").and_then(|code| code.parse().ok());
                code.map(Self::DeviceAlert).ok_or_else(bad)
            }
            ("gateway", "lost") => Ok(Self::GatewayLost),
            ("rota", "gap") => Ok(Self::RotaGap),
            ("ward", "no_watcher") => Ok(Self::NoWatcher),
            ("score", _) => ScoreKind::ALL.into_iter().find(|k| k.as_str() == kind).map(Self::Score).ok_or_else(bad),
            ("system", _) => SystemFault::ALL.into_iter().find(|f| f.name() == kind).map(Self::System).ok_or_else(bad),
            _ => {
                let vital = subject.parse().map_err(|_| bad())?;
                match kind {
                    "low" => Ok(Self::Limit(vital, Side::Low)),
                    "high" => Ok(Self::Limit(vital, Side::High)),
                    "not_measured" => Ok(Self::NotMeasured(vital)),
                    "stale" => Ok(Self::Stale(vital)),
                    "flatline" => Ok(Self::Flatline(vital)),
                    _ => Err(bad()),
                }
            }
        }
    }
}

impl Serialize for ConditionCode {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ConditionCode {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Why a condition cannot be judged at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InopReason {
    /// The device says that it does not measure.
    NotMeasured,
    /// The value cannot be believed.
    OutOfRange,
    /// The vital has stopped coming.
    Stale,
    /// The device has stopped sending.
    DeviceLost,
    /// Nothing has come since the server or the device came back.
    Awaiting,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::vital::{HR, SPO2};

    #[test]
    fn codes_round_trip_as_text() {
        let mut codes = vec![
            ConditionCode::Limit(SPO2, Side::Low),
            ConditionCode::Limit(HR, Side::High),
            ConditionCode::NotMeasured(HR),
            ConditionCode::Stale(HR),
            ConditionCode::Flatline(HR),
            ConditionCode::DeviceLost,
            ConditionCode::Conflict,
            ConditionCode::WrongPatient,
            ConditionCode::RotaGap,
            ConditionCode::ClockSkew,
            ConditionCode::BatteryLow,
            ConditionCode::GatewayLost,
            ConditionCode::NoWatcher,
            ConditionCode::Score(ScoreKind::News2),
            ConditionCode::DeviceAlert(DeviceAlertCode::new("MDC_EVT_LO_VAL_LT_LIM", "spo2")),
            ConditionCode::DeviceAlert(DeviceAlertCode::new("MDC_EVT_LEAD_OFF", "")),
        ];
        codes.extend(SystemFault::ALL.map(ConditionCode::System));
        for code in codes {
            assert_eq!(code.to_string().parse(), Ok(code));
        }
        for bad in [
            "",
            "spo2",
            "spo2.",
            "spo2.middle",
            "system.unknown",
            "SPO2.low",
            "device.alert",
            "device.alert.",
            "device.alert.A",
        ] {
            assert!(bad.parse::<ConditionCode>().is_err(), "{bad}");
        }
    }
}
