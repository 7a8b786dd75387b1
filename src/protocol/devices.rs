//! The devices of a ward as people see them: whom each measures, when it was heard, what it says of itself, what is wrong.

use crate::domain::{
    Alert, Assignment, BedId, ConditionCode, Device, DeviceKind, Millis, PatientId, Percent, Reported, Timestamp,
    Unplaced, WardId,
    twin::{BATTERY_EMPTY_PERCENT, BATTERY_LOW_PERCENT, has_drifted},
};
use serde::{Deserialize, Serialize};

/// Most assignments of one device in one answer, the newest of them.
pub const ASSIGNMENTS_SHOWN_MAX: usize = 50;
/// A device that is not lost is silent when nothing came for this long, or for three of its intervals if that is longer.
pub const SILENT_AFTER: Millis = Millis::from_mins(10);

/// What is wrong with a device, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceFault {
    /// It measures somebody and has stopped sending, or all behind the gateway have.
    Lost,
    /// Nothing was ever heard of it.
    Never,
    /// Nothing was heard of it for long, or one of its vitals has stopped coming.
    Stale,
    /// Its battery is about to be empty.
    BatteryEmpty,
    /// Its battery is low.
    BatteryLow,
    /// Its clock is wrong.
    ClockSkew,
    /// It does not work by what is wanted of it.
    Drift,
    /// A monitor that measures nobody.
    Unassigned,
}

impl DeviceFault {
    /// In words, for lists.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Never => "never heard",
            Self::Stale => "silent",
            Self::BatteryEmpty => "battery empty",
            Self::BatteryLow => "battery low",
            Self::ClockSkew => "clock wrong",
            Self::Drift => "not as wanted",
            Self::Unassigned => "unassigned",
        }
    }
}

/// One device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceView {
    /// The device as the journal has it, with what is wanted of it.
    pub device: Device,
    /// When it was last heard, in engine time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_at: Option<Timestamp>,
    /// What it last said of itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported: Option<Reported>,
    /// Whom it measures now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patient: Option<PatientId>,
    /// In which bed that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bed: Option<BedId>,
    /// Whom it has measured, the newest first, as far as the asker may see.
    #[serde(default)]
    pub assignments: Vec<Assignment>,
    /// What is wrong, the worst first.
    #[serde(default)]
    pub faults: Vec<DeviceFault>,
    /// Its tokens, if the asker may manage devices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<usize>,
    /// Until when an enrolment code of it may be used, if the asker may manage devices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_until: Option<Timestamp>,
}

/// The devices of a ward.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceList {
    /// The ward.
    pub ward: WardId,
    /// When this was so, in engine time.
    pub at: Timestamp,
    /// The devices: those with the worst fault first, then by identifier.
    pub devices: Vec<DeviceView>,
    /// Devices whose values came and could not be placed, the last heard first.
    pub unplaced: Vec<Unplaced>,
}

/// How far a clock may be off before it is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockAllowance {
    /// Ahead by more is wrong.
    pub ahead: Millis,
    /// Behind by more is wrong.
    pub behind: Millis,
}

impl DeviceView {
    /// What is wrong with the device at `now`, by what is known of it and by the alerts that are open about it.
    pub fn judge<'a>(&mut self, alerts: impl Iterator<Item = &'a Alert>, clock: ClockAllowance, now: Timestamp) {
        let own: Vec<ConditionCode> = alerts
            .filter(|alert| alert.key.device.as_ref() == Some(&self.device.id))
            .map(|alert| alert.key.code)
            .collect();
        let told = |of: fn(&ConditionCode) -> bool| own.iter().any(of);
        let lost = told(|code| matches!(code, ConditionCode::DeviceLost | ConditionCode::GatewayLost));
        let silent = self.seen_at.is_some_and(|seen| now.since(seen) > self.silent_after());
        let report = self.reported.as_ref().map(|reported| &reported.report);
        let battery = report.and_then(|report| report.battery_percent).map(Percent::get);
        let ahead = self.reported.as_ref().and_then(|reported| reported.ahead);
        let off = ahead.is_some_and(|by| by > clock.ahead || Millis(-by.0) > clock.behind);
        let faults = [
            (DeviceFault::Lost, lost),
            (DeviceFault::Never, self.seen_at.is_none()),
            (DeviceFault::Stale, !lost && (silent || told(|code| matches!(code, ConditionCode::Stale(_))))),
            (DeviceFault::BatteryEmpty, battery.is_some_and(|percent| percent <= BATTERY_EMPTY_PERCENT)),
            (
                DeviceFault::BatteryLow,
                battery.is_some_and(|percent| (BATTERY_EMPTY_PERCENT + 1..=BATTERY_LOW_PERCENT).contains(&percent)),
            ),
            (DeviceFault::ClockSkew, off || told(|code| *code == ConditionCode::ClockSkew)),
            (DeviceFault::Drift, has_drifted(&self.device.desired, self.reported.as_ref(), now)),
            (DeviceFault::Unassigned, self.device.kind == DeviceKind::Monitor && self.patient.is_none()),
        ];
        self.faults = faults.into_iter().filter(|(_, so)| *so).map(|(fault, _)| fault).collect();
    }

    fn silent_after(&self) -> Millis {
        let slowest = self.device.intervals_ms.values().min().copied().unwrap_or(Millis::ZERO);
        SILENT_AFTER.max(Millis(slowest.0.saturating_mul(3)))
    }
}

impl DeviceList {
    /// Puts the worst first.
    pub fn sort(&mut self) {
        self.devices.sort_by(|a, b| {
            let key = |view: &DeviceView| view.faults.first().copied().map_or((1, None), |fault| (0, Some(fault)));
            key(a).cmp(&key(b)).then_with(|| a.device.id.cmp(&b.device.id))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Desired, DeviceReport, vital::SPO2};
    use rstest::rstest;

    const CLOCK: ClockAllowance = ClockAllowance { ahead: Millis::from_secs(10), behind: Millis::from_secs(60) };

    fn t(s: i64) -> Timestamp {
        Timestamp::from_ms(s * 1_000)
    }

    fn view(id: &str) -> DeviceView {
        let device = Device {
            id: id.parse().unwrap(),
            name: id.into(),
            kind: DeviceKind::Monitor,
            gateway: None,
            intervals_ms: [(SPO2, Millis::from_secs(1))].into(),
            desired: Desired::default(),
        };
        DeviceView {
            device,
            seen_at: Some(t(1_000)),
            reported: None,
            patient: Some("p1".parse().unwrap()),
            bed: None,
            assignments: Vec::new(),
            faults: Vec::new(),
            tokens: None,
            code_until: None,
        }
    }

    fn says(report: DeviceReport, ahead_s: i64) -> Option<Reported> {
        let time = Some(t(1_000 + ahead_s));
        Some(Reported::new(DeviceReport { time, ..report }, t(1_000), t(1_000)))
    }

    fn battery(percent: u8) -> DeviceReport {
        DeviceReport { battery_percent: Some(Percent::new(percent).unwrap()), ..DeviceReport::default() }
    }

    #[rstest]
    #[case::well(|_: &mut DeviceView| {}, 1_600, &[])]
    #[case::silent(|_: &mut DeviceView| {}, 1_601, &[DeviceFault::Stale])]
    #[case::slow(|v: &mut DeviceView| v.device.intervals_ms = [(SPO2, Millis::from_mins(15))].into(), 1_601, &[])]
    #[case::never(|v: &mut DeviceView| v.seen_at = None, 1_000, &[DeviceFault::Never])]
    #[case::nobody(|v: &mut DeviceView| v.patient = None, 1_000, &[DeviceFault::Unassigned])]
    #[case::gateway(|v: &mut DeviceView| { v.patient = None; v.device.kind = DeviceKind::Gateway }, 1_000, &[])]
    #[case::full(|v: &mut DeviceView| v.reported = says(battery(21), 0), 1_000, &[])]
    #[case::low(|v: &mut DeviceView| v.reported = says(battery(20), 0), 1_000, &[DeviceFault::BatteryLow])]
    #[case::empty(|v: &mut DeviceView| v.reported = says(battery(5), 0), 1_000, &[DeviceFault::BatteryEmpty])]
    #[case::ahead(|v: &mut DeviceView| v.reported = says(battery(90), 11), 1_000, &[DeviceFault::ClockSkew])]
    #[case::right(|v: &mut DeviceView| v.reported = says(battery(90), 10), 1_000, &[])]
    #[case::behind(|v: &mut DeviceView| v.reported = says(battery(90), -61), 1_000, &[DeviceFault::ClockSkew])]
    #[case::drift(|v: &mut DeviceView| v.device.desired.changed_at = Some(t(0)), 1_000, &[DeviceFault::Drift])]
    fn what_is_wrong_is_told(#[case] so: fn(&mut DeviceView), #[case] now: i64, #[case] expected: &[DeviceFault]) {
        let mut view = view("d1");
        so(&mut view);
        view.judge(std::iter::empty(), CLOCK, t(now));
        assert_eq!(view.faults, expected);
    }

    #[test]
    fn the_worst_is_first() {
        let with = |id: &str, faults: &[DeviceFault]| DeviceView { faults: faults.to_vec(), ..view(id) };
        let mut list = DeviceList {
            ward: "w".parse().unwrap(),
            at: t(0),
            devices: vec![
                with("d1", &[]),
                with("d2", &[DeviceFault::Unassigned]),
                with("d3", &[DeviceFault::BatteryLow, DeviceFault::Unassigned]),
                with("d0", &[]),
                with("d4", &[DeviceFault::Lost]),
            ],
            unplaced: Vec::new(),
        };
        list.sort();
        let order: Vec<&str> = list.devices.iter().map(|view| view.device.id.as_str()).collect();
        assert_eq!(order, ["d4", "d3", "d2", "d0", "d1"]);
    }
}
