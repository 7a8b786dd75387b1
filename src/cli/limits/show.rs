//! `wardwatch limits show` and `wardwatch limits suggest`.

use super::ServerArgs;
use crate::{
    alarm::{
        Profiles,
        suggest::{SUGGEST_FROM, SUGGEST_SLICES, suggest as suggested},
    },
    client::Once,
    domain::{Expiry, LimitsChange, Mode, PatientId, StepName, VitalTable},
    protocol::{HistoryQuery, PatientLimitsView, PatientView, StepView, VitalInfo, VitalLimitsView},
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
                            Expiry::At { until } => format!("until {until}"),
                            Expiry::NextHandover if set.review_due => "REVIEW DUE: a handover has passed".to_owned(),
                            Expiry::NextHandover => "until the next handover".to_owned(),
                        };
                        let (by, at, reason) = (set.by.label(), set.at, &set.reason);
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
