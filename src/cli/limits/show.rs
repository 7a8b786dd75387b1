//! `wardwatch limits show` and `wardwatch limits suggest`.

use super::ServerArgs;
use crate::{
    alarm::{
        Profiles,
        suggest::{SUGGEST_FROM, SUGGEST_SLICES, suggest as suggested},
    },
    client::Once,
    domain::{
        Expiry, LimitScope, LimitsChange, Millis, Mode, PatientId, StepName, Timestamp, VitalCode, VitalLimits,
        VitalTable, limit_change::in_force,
    },
    protocol::{HistoryQuery, PatientLimitsView, PatientView, StepView, VitalInfo, VitalLimitsView},
    tui::words,
};
use anyhow::anyhow;
use std::io::Write;

/// Shows the limits in force.
pub(super) async fn show(server: &ServerArgs, patient: Option<&PatientId>) -> anyhow::Result<u8> {
    let once = server.connect(patient.map(|patient| vec![patient.clone()])).await?;
    let mut out = std::io::stdout().lock();
    if once.mode == Mode::Demo {
        writeln!(out, "DEMO")?;
    }
    if let Some(patient) = patient {
        known(&once, patient)?;
    }
    for patient in once.view.by_bed() {
        let category = patient.patient.category;
        let bed = once.view.beds.get(&patient.bed).map_or(patient.bed.as_str(), |bed| bed.label.as_str());
        writeln!(out, "bed {bed}  patient {}  {}", patient.patient.id, category.as_str())?;
        for info in &once.view.vitals {
            let Some(profile) = once.view.profile_limits(category, info.vital) else { continue };
            writeln!(out, "  {:<10}profile   {}", info.vital, row(info, profile))?;
            if let Some(changed) = patient.limits.get(&info.vital) {
                let mark = if changed.wider { "!" } else { "≠" };
                writeln!(out, "  {:<8}{mark} in force  {}", "", row(info, &changed.limits))?;
                for (whose, set) in [("ward", &changed.ward), ("patient", &changed.own)] {
                    if let Some(set) = set {
                        let end = match set.expires {
                            Expiry::NextHandover if set.review_due => "REVIEW DUE: a handover has passed".to_owned(),
                            expires => until(&once, expires),
                        };
                        let (by, at, reason) = (set.by.label(), ward_time(&once, set.at), &set.reason);
                        writeln!(out, "  {:<10}{whose}: by {by} at {at}, {end}: {reason}", "")?;
                    }
                }
            }
        }
    }
    if once.view.patients.values().flat_map(|p| p.limits.values()).any(|l: &PatientLimitsView| l.wider) {
        writeln!(out, "! wider than the profile")?;
    }
    Ok(0)
}

/// A time as the ward has it, with its zone.
fn ward_time(once: &Once, at: Timestamp) -> String {
    let zone = once.view.ward.time_zone;
    format!("{} {} {}", words::day(at, zone), words::clock_minutes(at, zone), words::zone(at, zone))
}

/// Until when a change holds.
pub(super) fn until(once: &Once, expires: Expiry) -> String {
    match expires {
        Expiry::At { until } => format!("until {}", ward_time(once, until)),
        Expiry::NextHandover => "until the next handover".to_owned(),
    }
}

/// The limits in force of a vital, of a patient or of all of a category.
pub(super) fn now_in_force(once: &Once, scope: &LimitScope, vital: VitalCode) -> Option<VitalLimits> {
    let view = &once.view;
    match scope {
        LimitScope::Patient { patient } => {
            view.limits_of(view.patients.get(patient)?, vital).map(VitalLimitsView::limits)
        }
        LimitScope::Ward { category } => {
            let profile = view.profile_limits(*category, vital)?.limits();
            let set = view.ward_limits.get(category).and_then(|all| all.get(&vital)).map(|set| set.change);
            Some(in_force(&profile, set.as_ref(), None))
        }
    }
}

/// What a change has changed, a line for each limit and delay: `spo2.low: 90 → 88 %`.
pub(super) fn changed(
    once: &Once,
    vital: VitalCode,
    change: &LimitsChange,
    before: Option<&VitalLimits>,
) -> Vec<String> {
    let info = once.view.info(vital);
    let shown = |value: f64| info.map_or_else(|| value.to_string(), |info| info.format(value));
    let unit = info.map_or_else(String::new, |info| info.unit.to_string());
    let line = |key: &str, old: Option<String>, new: String| {
        let old = old.unwrap_or_else(|| "none".to_owned());
        format!("{vital}.{key}: {old} → {new}").trim_end().to_owned()
    };
    let limits = StepName::ALL.into_iter().filter_map(|step| {
        let new = format!("{} {unit}", shown(change.step(step)?.get()));
        let old = before.and_then(|limits| limits.step(step)).map(|old| shown(old.limit));
        Some(line(step.as_str(), old, new))
    });
    let seconds = |delay: Millis| format!("{} s", delay.as_secs_f64());
    let delays = [("delay", change.delay, false), ("extreme_delay", change.extreme_delay, true)];
    let delays = delays.into_iter().filter_map(|(key, new, extreme)| {
        let mut steps = StepName::ALL.into_iter().filter(|step| step.is_extreme() == extreme);
        let old = before.and_then(|limits| steps.find_map(|step| limits.step(step))).map(|old| seconds(old.delay));
        Some(line(key, old, seconds(new?)))
    });
    limits.chain(delays).collect()
}

/// The four limits with their delays: `80 (5 s) < 90 (10 s) … 120 (5 s) < 140 (5 s)`.
fn row(info: &VitalInfo, limits: &VitalLimitsView) -> String {
    let step = |step: &StepView| format!("{} ({} s)", info.format(step.limit), step.delay.as_secs_f64());
    let join = |steps: [&Option<StepView>; 2]| steps.into_iter().flatten().map(step).collect::<Vec<_>>().join("  ");
    let (low, high) = (join([&limits.low_extreme, &limits.low]), join([&limits.high, &limits.high_extreme]));
    format!("{low} – {high} {}", info.unit).trim().to_owned()
}

fn known<'a>(once: &'a Once, patient: &PatientId) -> anyhow::Result<&'a PatientView> {
    once.view.patients.get(patient).ok_or_else(|| anyhow!("patient {patient} is not on ward {}", once.view.ward.id))
}

/// Says what the present values suggest.
pub(super) async fn suggest(server: &ServerArgs, patient: &PatientId) -> anyhow::Result<u8> {
    let mut once = server.connect(Some(vec![patient.clone()])).await?;
    let view = known(&once, patient)?.clone();
    let query = HistoryQuery {
        ward: once.view.ward.id.clone(),
        patients: vec![patient.clone()],
        vitals: Vec::new(),
        from: once.now - SUGGEST_FROM,
        to: once.now,
        points: SUGGEST_SLICES,
        alerts: false,
    };
    let history = once.history(query).await?;
    let mut out = std::io::stdout().lock();
    // The site's own guard bands are the server's affair: it checks what is confirmed.
    let (profiles, vitals) = (Profiles::builtin(), VitalTable::builtin());
    let mut settings = Vec::new();
    for trend in history.patients.iter().flat_map(|p| &p.trends) {
        let (Some(def), Some(limits)) = (vitals.get(trend.vital), once.view.limits_of(&view, trend.vital)) else {
            continue;
        };
        let values: Vec<f64> = trend.trend.points.iter().map(|point| point.mean).collect();
        let Some(found) = suggested(&profiles, def, view.patient.category, &limits.limits(), &values) else { continue };
        let said = said(&found.change, |value| def.format(value), trend.vital.as_str());
        writeln!(
            out,
            "{:<10}median {} of the last 15 min: {}",
            trend.vital,
            def.format(found.median),
            said.join(", ")
        )?;
        settings.extend(said);
    }
    if settings.is_empty() {
        writeln!(out, "nothing to suggest: too few values, or the limits fit them as they are")?;
    } else {
        let all: Vec<String> = settings.iter().map(|setting| format!("--set {setting}")).collect();
        writeln!(out, "to confirm: wardwatch limits set --patient {patient} --suggested {} …", all.join(" "))?;
    }
    Ok(0)
}

fn said(change: &LimitsChange, format: impl Fn(f64) -> String, vital: &str) -> Vec<String> {
    let of = |step: StepName| Some(format!("{vital}.{}={}", step.as_str(), format(change.step(step)?.get())));
    StepName::ALL.into_iter().filter_map(of).collect()
}
