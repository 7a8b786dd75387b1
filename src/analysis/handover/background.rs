//! What led to it and what was set: admission, chart, limits, pauses, devices.

use super::Known;
use crate::{
    domain::{Actor, DeviceId, Expiry, LimitOverride, Pause, PauseScope, Spo2Scale, StepName, Timestamp, VitalCode},
    protocol::{
        StepView, VitalInfo, VitalLimitsView,
        words::{pause_kind, pause_what},
    },
};
use std::collections::BTreeSet;

pub(super) fn lines(known: &Known<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    let note = known.patient.patient.note.as_str();
    lines.extend(known.patient.admitted_at.map(|at| format!("admitted {}", known.time(at))));
    lines.extend((!note.is_empty()).then(|| note.to_owned()));
    lines.extend(charted(known));
    lines.extend(limits(known));
    lines.extend(known.pauses().map(|pause| said_of(known, pause)));
    lines.extend(devices(known));
    lines
}

impl<'a> Known<'a> {
    /// The pauses in force that are about the patient, or the whole ward.
    pub(super) fn pauses(&self) -> impl Iterator<Item = &'a Pause> + use<'a> {
        let (id, now) = (&self.patient.patient.id, self.now);
        let is_about = move |pause: &&Pause| pause.scope.patient() == Some(id) || pause.scope == PauseScope::Ward;
        self.ward.pauses.iter().filter(is_about).filter(move |pause| pause.until > now)
    }

    /// What a vital is called on screens.
    pub(super) fn info(&self, vital: VitalCode) -> Option<&'a VitalInfo> {
        self.ward.vitals.iter().find(|info| info.vital == vital)
    }

    /// Who and when: `anna 14:05`.
    pub(super) fn who_when(&self, by: &Actor, at: Timestamp) -> String {
        format!("{} {}", by.label(), self.time(at))
    }
}

fn charted(known: &Known<'_>) -> Vec<String> {
    let chart = &known.patient.chart;
    let mut lines = Vec::new();
    if let Some(level) = &chart.consciousness {
        let who = known.who_when(&level.by, level.at);
        let until = level.until.map_or_else(String::new, |until| {
            if until > known.now {
                format!(", holds until {}", known.time(until))
            } else {
                ", no longer holds".to_owned()
            }
        });
        lines.push(format!("consciousness {}: {who}{until}", level.value.letter()));
    }
    if let Some(oxygen) = &chart.oxygen {
        let mut given = if oxygen.value.given { "oxygen".to_owned() } else { "on air".to_owned() };
        given.push_str(if oxygen.value.high_flow { ", high flow" } else { "" });
        given.push_str(&oxygen.value.flow.map_or_else(String::new, |flow| format!(", {flow} L/min")));
        given.push_str(&oxygen.value.fio2.map_or_else(String::new, |fio2| format!(", {fio2} %")));
        lines.push(format!("{given}: {}", known.who_when(&oxygen.by, oxygen.at)));
    }
    if let Some(scale) = chart.scale.as_ref().filter(|scale| scale.value == Spo2Scale::Two) {
        let reason = scale.reason.as_ref().map_or_else(String::new, |reason| format!(", {reason}"));
        lines.push(format!("NEWS2 by scale 2: {}{reason}", known.who_when(&scale.by, scale.at)));
    }
    if let Some(pregnant) = chart.pregnant.as_ref().filter(|pregnant| pregnant.value) {
        lines.push(format!("pregnant: {}", known.who_when(&pregnant.by, pregnant.at)));
    }
    lines
}

/// The limits that are other than those of the profile, with who, why and until when.
fn limits(known: &Known<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for info in &known.ward.vitals {
        let Some(changed) = known.patient.limits.get(&info.vital) else { continue };
        let profile = known.ward.profile_limits(known.patient.patient.category, info.vital);
        let differs = profile.map_or_else(Vec::new, |profile| differences(info, profile, &changed.limits));
        if differs.is_empty() {
            continue;
        }
        let wider = if changed.wider { ", WIDER than the profile" } else { "" };
        let said = changed.said().map_or_else(String::new, |set| format!("; {}", said_by(known, set)));
        lines.push(format!("limits of {}: {}{wider}{said}", info.label, differs.join(", ")));
    }
    lines
}

fn differences(info: &VitalInfo, profile: &VitalLimitsView, now: &VitalLimitsView) -> Vec<String> {
    let of = |limits: &VitalLimitsView, name: StepName| match name {
        StepName::LowExtreme => limits.low_extreme,
        StepName::Low => limits.low,
        StepName::High => limits.high,
        StepName::HighExtreme => limits.high_extreme,
    };
    let show = |step: Option<StepView>| {
        step.map_or_else(
            || "none".to_owned(),
            |s| format!("{} after {} s", info.format(s.limit), s.delay.as_secs_f64()),
        )
    };
    let differs = |name: &StepName| of(profile, *name) != of(now, *name);
    let words = |name: StepName| {
        format!("{} {} (profile {})", name.as_str().replace('_', " "), show(of(now, name)), show(of(profile, name)))
    };
    StepName::ALL.into_iter().filter(differs).map(words).collect()
}

fn said_by(known: &Known<'_>, set: &LimitOverride) -> String {
    let end = match set.expires {
        Expiry::At { until } => format!("until {}", known.time(until)),
        Expiry::NextHandover if set.review_due => "REVIEW DUE".to_owned(),
        Expiry::NextHandover => "until this handover".to_owned(),
    };
    format!("{}, {end}: {}", known.who_when(&set.by, set.at), set.reason)
}

fn said_of(known: &Known<'_>, pause: &Pause) -> String {
    let what = pause_what(pause, known.ward);
    let (kind, by, until) = (pause_kind(pause), known.who_when(&pause.by, pause.since), known.time(pause.until));
    let reason = pause.reason.as_ref().map_or_else(String::new, |reason| format!(": {reason}"));
    let waits = if pause.waits_to_last.is_some() { ", WAITS for a second person" } else { "" };
    let second = pause.confirmed_by.as_ref().map_or_else(String::new, |by| format!(", confirmed by {}", by.label()));
    format!("{what}, {kind}{waits}; {by}{second}, until {until}{reason}")
}

fn devices(known: &Known<'_>) -> Option<String> {
    let devices: BTreeSet<&DeviceId> = known.patient.vitals.values().map(|vital| &vital.device).collect();
    let names: Vec<&str> = devices.into_iter().map(DeviceId::as_str).collect();
    (!names.is_empty()).then(|| format!("measured by {}", names.join(", ")))
}
