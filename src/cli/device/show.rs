//! Devices as text.

use super::super::{
    admin::{self, SiteArgs},
    terminal,
};
use crate::{
    backend::admin::{AdminAnswer, AdminRequest},
    domain::{DeviceId, DeviceKind, LimitValue, Millis, Timestamp, Unplaced, WardId},
    protocol::{DeviceFault, DeviceList, DeviceView},
};
use anyhow::{anyhow, bail};
use std::io::Write;

fn ask(site: &SiteArgs, ward: Option<WardId>) -> anyhow::Result<Vec<DeviceList>> {
    match admin::ask(&site.existing()?, AdminRequest::ListDevices { ward }, None)? {
        AdminAnswer::Devices { lists } => Ok(lists),
        AdminAnswer::Failed { why } => bail!(why),
        other => bail!("the server's answer is not understood: {other:?}"),
    }
}

/// All devices, one a line.
pub(super) fn list(site: &SiteArgs, ward: Option<WardId>, json: bool) -> anyhow::Result<u8> {
    let lists = ask(site, ward)?;
    let mut out = std::io::stdout().lock();
    for (list, view) in lists.iter().flat_map(|list| list.devices.iter().map(move |view| (list, view))) {
        if json {
            writeln!(out, "{}", json_of(list, view)?)?;
            continue;
        }
        let (whom, ago) = (whom(view), ago(view.seen_at, list.at));
        let battery = view.reported.as_ref().and_then(|r| r.report.battery_percent);
        let battery = battery.map_or_else(|| "-".to_owned(), |percent| format!("{} %", percent.get()));
        let (ward, id) = (list.ward.as_str(), view.device.id.as_str());
        writeln!(out, "{ward:<8} {id:<16} {whom:<22} {ago:>6} {battery:>6}  {}", faults(view))?;
    }
    if lists.iter().all(|list| list.devices.is_empty()) {
        terminal::note("no devices");
    }
    Ok(0)
}

fn json_of(list: &DeviceList, view: &DeviceView) -> anyhow::Result<String> {
    let mut value = serde_json::to_value(view)?;
    if let Some(object) = value.as_object_mut() {
        object.insert("ward".to_owned(), serde_json::to_value(&list.ward)?);
        object.insert("at".to_owned(), serde_json::to_value(list.at)?);
    }
    Ok(value.to_string())
}

/// One device, whole.
pub(super) fn one(site: &SiteArgs, id: &DeviceId, json: bool) -> anyhow::Result<u8> {
    let lists = ask(site, None)?;
    let mut all = lists.iter().flat_map(|list| list.devices.iter().map(move |view| (list, view)));
    let found = all.find(|(_, view)| view.device.id == *id);
    let (list, view) = found.ok_or_else(|| anyhow!("there is no device {id}: `wardwatch device list` shows them"))?;
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", json_of(list, view)?)?;
        return Ok(0);
    }
    let kind = if view.device.kind == DeviceKind::Gateway { "gateway" } else { "monitor" };
    let gateway = view.device.gateway.as_ref().map(|gateway| format!(", behind {gateway}")).unwrap_or_default();
    writeln!(out, "device    {id}, {kind} of ward {}{gateway}", list.ward)?;
    writeln!(out, "name      {}", view.device.name)?;
    writeln!(out, "state     {}", faults(view))?;
    writeln!(out, "heard     {}", view.seen_at.map_or_else(|| "never".to_owned(), |at| at.to_string()))?;
    writeln!(out, "measures  {}", whom(view))?;
    reported(&mut out, view)?;
    wanted(&mut out, view)?;
    let tokens = view.tokens.unwrap_or_default();
    let code = view.code_until.map(|until| format!(", an enrolment code until {until}")).unwrap_or_default();
    writeln!(out, "tokens    {tokens}{code}")?;
    writeln!(out, "history")?;
    for span in &view.assignments {
        let end = span.end.map_or_else(|| "now".to_owned(), |end| end.to_string());
        writeln!(out, "          {} to {end:<24} {}", span.start, span.patient)?;
    }
    Ok(0)
}

fn reported(out: &mut impl Write, view: &DeviceView) -> anyhow::Result<()> {
    let Some(reported) = &view.reported else { return Ok(writeln!(out, "says      nothing of itself")?) };
    writeln!(out, "says      at {}", reported.at)?;
    let report = &reported.report;
    for (name, text) in [("firmware", &report.firmware), ("model", &report.model), ("serial", &report.serial)] {
        if let Some(text) = text {
            writeln!(out, "          {name} {text}")?;
        }
    }
    if let Some(percent) = report.battery_percent {
        writeln!(out, "          battery {} %", percent.get())?;
    }
    if let Some(ahead) = reported.ahead {
        let side = if ahead < Millis::ZERO { "behind" } else { "ahead" };
        writeln!(out, "          clock {:.1} s {side}", ahead.as_secs_f64().abs())?;
    }
    Ok(())
}

fn wanted(out: &mut impl Write, view: &DeviceView) -> anyhow::Result<()> {
    let desired = &view.device.desired;
    let applied = view.reported.as_ref().and_then(|r| r.report.applied);
    let applied = applied.map_or_else(|| "not said".to_owned(), |applied| format!("version {applied}"));
    let since = desired.changed_at.map(|at| format!(" since {at}")).unwrap_or_default();
    writeln!(out, "wanted    version {}{since}; it works by: {applied}", desired.version)?;
    for (vital, interval) in view.device.wanted_intervals() {
        writeln!(out, "          {vital} every {} s", interval.as_secs_f64())?;
    }
    for (vital, limits) in &desired.limits {
        let end = |value: Option<LimitValue>| value.map(|v| v.to_string()).unwrap_or_default();
        writeln!(out, "          {vital} within {}..{}", end(limits.low), end(limits.high))?;
    }
    Ok(())
}

fn whom(view: &DeviceView) -> String {
    match (&view.patient, &view.bed) {
        (Some(patient), Some(bed)) => format!("{patient} in {bed}"),
        (Some(patient), None) => patient.to_string(),
        _ if view.device.kind == DeviceKind::Gateway => "passes on".to_owned(),
        _ => "nobody".to_owned(),
    }
}

fn faults(view: &DeviceView) -> String {
    let words: Vec<&str> = view.faults.iter().copied().map(DeviceFault::words).collect();
    if words.is_empty() { "ok".to_owned() } else { words.join(", ") }
}

fn ago(at: Option<Timestamp>, now: Timestamp) -> String {
    let Some(at) = at else { return "never".to_owned() };
    match now.since(at).as_secs().max(0) {
        s @ 0..120 => format!("{s}s"),
        s @ 120..7_200 => format!("{}m", s / 60),
        s => format!("{}h", s / 3_600),
    }
}

/// Devices whose values could not be placed.
pub(super) fn unassigned(site: &SiteArgs, json: bool) -> anyhow::Result<u8> {
    let devices = match admin::ask(&site.existing()?, AdminRequest::ListUnplaced, None)? {
        AdminAnswer::Unplaced { devices } => devices,
        AdminAnswer::Failed { why } => bail!(why),
        other => bail!("the server's answer is not understood: {other:?}"),
    };
    let mut out = std::io::stdout().lock();
    for one in &devices {
        if json {
            writeln!(out, "{}", serde_json::to_string(one)?)?;
            continue;
        }
        let Unplaced { device, sender, first_at, last_at, count, detail, bed, .. } = one;
        let bed = bed.as_ref().map(|bed| format!(" bed {bed}")).unwrap_or_default();
        let values = if *count == 1 { "value" } else { "values" };
        writeln!(out, "{device} by {sender}{bed}: {count} {values} from {first_at} to {last_at}: {detail}")?;
    }
    if devices.is_empty() {
        terminal::note("every value of the last 24 h was somebody's");
    }
    Ok(0)
}
