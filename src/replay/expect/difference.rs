//! The difference between expected and raised, in words.

use super::{Coming, Expectation, Misfit, Plan, Prohibition, When};
use crate::domain::{AlertClass, ConditionCode, PatientId, Priority, Timestamp, VitalCode};

/// How many alerts are listed where many would do.
const LISTED_MAX: usize = 3;

/// An expectation that nothing met, and the nearest thing that came.
pub(super) fn missing(plan: &Plan, wanted: &Expectation, comings: &[Coming<'_>]) -> String {
    let zero = plan.zero;
    let mut text = format!(
        "expected: {}\n  raised:   {}",
        subject(Some(&wanted.patient), wanted.condition, wanted.vital, wanted.class, wanted.priority),
        between(wanted.raised_between, zero)
    );
    if let Some(span) = wanted.cleared_between {
        text += &format!("\n  cleared:  {}", between(span, zero));
    }
    if !plan.placements.iter().any(|p| p.patient.id == wanted.patient) {
        return text + &format!("\n  but:      there is no patient {} in this recording", wanted.patient);
    }
    let distance = |coming: &&Coming<'_>| {
        let misfits = wanted.misfits(coming, zero);
        let apart = misfits.iter().map(|m| if let Misfit::Raised(s) | Misfit::Cleared(s) = m { s.abs() } else { 0.0 });
        (misfits.len(), apart.sum::<f64>())
    };
    let concerned = comings.iter().filter(|c| wanted.concerns(c));
    let nearest = concerned.min_by(|a, b| {
        let ((misfits_a, apart_a), (misfits_b, apart_b)) = (distance(a), distance(b));
        misfits_a.cmp(&misfits_b).then(apart_a.total_cmp(&apart_b))
    });
    if let Some(nearest) = nearest {
        let misfits: Vec<String> = wanted.misfits(nearest, zero).iter().map(|m| misfit(m, wanted)).collect();
        return text + &format!("\n  nearest:  {}\n  but:      {}", coming(nearest, zero), misfits.join("; "));
    }
    let others: Vec<&Coming<'_>> =
        comings.iter().filter(|c| c.episode.patient.as_ref() == Some(&wanted.patient)).collect();
    if others.is_empty() {
        text + &format!("\n  but:      {} had no alert at all", wanted.patient)
    } else {
        text + "\n  but:      no such alert came; others of the patient:" + &list(&others, zero)
    }
}

/// A prohibition, and what came in spite of it.
pub(super) fn forbidden(plan: &Plan, unwanted: &Prohibition, came: &[&Coming<'_>]) -> String {
    prohibition(plan, unwanted) + "\n  but:      it came" + &list(came, plan.zero)
}

/// A prohibition that nothing could break.
pub(super) fn idle(plan: &Plan, unwanted: &Prohibition, why: &str) -> String {
    format!("{}\n  but:      {why}", prohibition(plan, unwanted))
}

fn prohibition(plan: &Plan, unwanted: &Prohibition) -> String {
    let what =
        subject(unwanted.patient.as_ref(), unwanted.condition, unwanted.vital, unwanted.class, unwanted.priority);
    let when = unwanted.between.map(|span| format!("\n  raised:   {}", between(span, plan.zero))).unwrap_or_default();
    format!("forbidden: {what}{when}")
}

fn list(comings: &[&Coming<'_>], zero: Timestamp) -> String {
    let mut text: String = comings.iter().take(LISTED_MAX).map(|c| format!("\n    {}", coming(c, zero))).collect();
    if comings.len() > LISTED_MAX {
        text += &format!("\n    and {} more", comings.len() - LISTED_MAX);
    }
    text
}

fn subject(
    patient: Option<&PatientId>,
    condition: Option<ConditionCode>,
    vital: Option<VitalCode>,
    class: Option<AlertClass>,
    priority: Option<Priority>,
) -> String {
    let words = [
        patient.map_or_else(|| "any patient".to_owned(), ToString::to_string),
        condition.map_or_else(|| vital.map(|v| format!("{v}.*")).unwrap_or_default(), |c| c.to_string()),
        class.map(|c| c.as_str().to_owned()).unwrap_or_default(),
        priority.map(|p| p.to_string()).unwrap_or_default(),
    ];
    words.into_iter().filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" ")
}

fn coming(coming: &Coming<'_>, zero: Timestamp) -> String {
    let Coming { episode, onset } = coming;
    let what = subject(episode.patient.as_ref(), Some(episode.code), None, None, Some(onset.priority));
    let value = onset.value.map(|v| format!(" at {v}")).unwrap_or_default();
    let end = onset.cleared_at.map_or_else(|| "not cleared".to_owned(), |at| format!("cleared {}", moment(at, zero)));
    format!("{what}{value}, raised {}, {end}", moment(onset.raised_at, zero))
}

fn misfit(misfit: &Misfit, wanted: &Expectation) -> String {
    let late = |what: &str, s: f64| {
        let how = if s < 0.0 { "early" } else { "late" };
        format!("{what} {} s too {how}", s.abs())
    };
    match misfit {
        Misfit::Priority(found) => {
            let wanted = wanted.priority.map(|p| p.to_string()).unwrap_or_default();
            format!("its priority is {found}, not {wanted}")
        }
        Misfit::Raised(s) => late("raised", *s),
        Misfit::Cleared(s) => late("cleared", *s),
        Misfit::NotCleared => "it was not cleared before the recording ended".to_owned(),
    }
}

fn between((from, to): (When, When), zero: Timestamp) -> String {
    let (from, to) = (from.at(zero), to.at(zero));
    let seconds = |at: Timestamp| at.since(zero).as_secs_f64();
    format!("{} to {} s ({} to {})", seconds(from), seconds(to), clock(from), clock(to))
}

/// Seconds from second 0 and clock time.
fn moment(at: Timestamp, zero: Timestamp) -> String {
    format!("{} s ({})", at.since(zero).as_secs_f64(), clock(at))
}

fn clock(at: Timestamp) -> String {
    at.to_string().replace(".000Z", "Z")
}
