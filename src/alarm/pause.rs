//! What a pause may be, and which alerts it makes quiet.

use crate::domain::{Alert, Inactivation, Millis, Pause, PauseKind, PauseScope, Priority, command::PauseError};

/// Longest pause of sound (IEC 60601-1-8 leaves it to the site; bedside monitors offer 2 to 5 min).
pub const AUDIO_PAUSE_MAX: Millis = Millis::from_mins(5);
/// The pause of sound that is offered first.
pub const AUDIO_PAUSE_DEFAULT: Millis = Millis::from_mins(2);
/// Longest time for which sound may be off.
pub const AUDIO_OFF_MAX: Millis = Millis::from_mins(60);
/// Longest pause of a patient's alarms, for a procedure at the bed.
pub const PROCEDURE_MAX: Millis = Millis::from_mins(3);
/// Longest snooze of one condition.
pub const SNOOZE_MAX: Millis = Millis::from_mins(60);
/// Longest time for which an alarm may be off: one shift.
pub const ALARM_OFF_MAX: Millis = Millis::from_mins(12 * 60);
/// Longest standby; after it the silence of the monitor is an alert again.
pub const STANDBY_MAX: Millis = Millis::from_mins(30);
/// A second person has this long to confirm what wants one.
pub const CONFIRM_WITHIN: Millis = Millis::from_mins(5);
/// Shortest pause.
pub const PAUSE_MIN: Millis = Millis::from_secs(1);
/// Most pauses at once on a ward.
pub const PAUSES_MAX: usize = 1_000;

/// The longest time that a kind of pause may last for a scope.
///
/// # Errors
/// If the kind does not go with the scope: what is quiet for a whole ward is sound alone, and a snooze is about one
/// condition.
pub fn longest(kind: PauseKind, scope: &PauseScope) -> Result<Millis, PauseError> {
    use PauseScope::{Condition, Patient, Ward};
    let wrong = |wanted: &str| Err(PauseError::Scope { kind, wanted: wanted.to_owned() });
    match (kind, scope) {
        (PauseKind::AudioPaused, _) => Ok(AUDIO_PAUSE_MAX),
        (PauseKind::AudioOff, Condition { .. } | Patient { .. }) => Ok(AUDIO_OFF_MAX),
        (PauseKind::AlarmPaused, Condition { .. }) => Ok(SNOOZE_MAX),
        (PauseKind::AlarmPaused, Patient { .. }) => Ok(PROCEDURE_MAX),
        (PauseKind::AlarmOff, Condition { .. }) => Ok(ALARM_OFF_MAX),
        (PauseKind::Standby, Patient { .. }) => Ok(STANDBY_MAX),
        (PauseKind::AudioOff, Ward) => wrong("pause the sound of a ward for minutes instead"),
        (PauseKind::AlarmOff, Patient { .. } | Ward) => wrong("choose one condition of one patient"),
        (PauseKind::AlarmPaused, Ward) | (PauseKind::Standby, Condition { .. } | Ward) => wrong("choose a patient"),
    }
}

/// Checks kind, scope, span and reason of a pause that somebody asks for.
///
/// # Errors
/// If the kind does not go with the scope, the span is out of bounds, or a reason is missing.
pub fn check(kind: PauseKind, scope: &PauseScope, span: Millis, has_reason: bool) -> Result<(), PauseError> {
    let longest_ms = longest(kind, scope)?;
    if span < PAUSE_MIN || span > longest_ms {
        return Err(PauseError::Span { kind, longest_ms });
    }
    let snooze = kind == PauseKind::AlarmPaused && matches!(scope, PauseScope::Condition { .. });
    if !has_reason && kind != PauseKind::AudioPaused && !snooze {
        return Err(PauseError::ReasonWanted { kind });
    }
    Ok(())
}

/// The highest priority that a pause makes quiet. A pause of sound goes by what has been announced instead, and covers
/// what there is; a high alert breaks through every pause of alarms but a standby, and an alarm that two people
/// switched off for high alerts too.
#[must_use]
pub const fn covered(kind: PauseKind, include_high: bool) -> Priority {
    match kind {
        PauseKind::AudioPaused | PauseKind::AudioOff | PauseKind::Standby => Priority::High,
        PauseKind::AlarmOff if include_high => Priority::High,
        PauseKind::AlarmPaused | PauseKind::AlarmOff => Priority::Medium,
    }
}

/// Whether a pause makes an alert quiet.
#[must_use]
pub fn covers(pause: &Pause, alert: &Alert) -> bool {
    let patient = alert.key.patient.as_ref();
    let in_scope = match &pause.scope {
        PauseScope::Ward => true,
        PauseScope::Patient { patient: of } => patient == Some(of),
        PauseScope::Condition { patient: of, code } => patient == Some(of) && alert.key.code == *code,
    };
    let not_new = !pause.kind.is_audio() || alert.announced <= pause.announced;
    in_scope && not_new && pause.waits_to_last.is_none() && alert.priority <= pause.covers
}

/// The state of inactivation that the pauses of a ward give to an alert: the quietest, and of those the longest.
#[must_use]
pub fn overlay<'a>(pauses: impl Iterator<Item = &'a Pause>, alert: &Alert) -> Inactivation {
    let quietest = pauses.filter(|p| covers(p, alert)).max_by_key(|p| (p.kind, p.until, p.id));
    quietest.map_or(Inactivation::Enabled, |p| Inactivation::Paused { kind: p.kind, pause: p.id, until: p.until })
}
