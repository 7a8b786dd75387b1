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
/// For so long after a standby was set values may still come from the monitor: cables are taken off. Values after that say
/// that the patient is there.
pub const STANDBY_VALUES_FOR: Millis = Millis::from_mins(1);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        alarm::episode::{Raise, raise},
        domain::{
            Actor, AlertId, AlertKey, ConditionCode, PatientId, PauseId, Side, Timestamp,
            vital::{HR, SPO2},
        },
    };
    use rstest::rstest;

    fn p(id: &str) -> PatientId {
        id.parse().unwrap()
    }

    fn low() -> ConditionCode {
        ConditionCode::Limit(SPO2, Side::Low)
    }

    fn condition() -> PauseScope {
        PauseScope::Condition { patient: p("p1"), code: low() }
    }

    fn patient() -> PauseScope {
        PauseScope::Patient { patient: p("p1") }
    }

    #[rstest]
    #[case(PauseKind::AudioPaused, PauseScope::Ward, AUDIO_PAUSE_MAX)]
    #[case(PauseKind::AudioOff, patient(), AUDIO_OFF_MAX)]
    #[case(PauseKind::AlarmPaused, patient(), PROCEDURE_MAX)]
    #[case(PauseKind::AlarmPaused, condition(), SNOOZE_MAX)]
    #[case(PauseKind::AlarmOff, condition(), ALARM_OFF_MAX)]
    #[case(PauseKind::Standby, patient(), STANDBY_MAX)]
    fn a_pause_lasts_from_the_shortest_to_the_longest(
        #[case] kind: PauseKind,
        #[case] scope: PauseScope,
        #[case] longest_ms: Millis,
    ) {
        let out_of_bounds = Err(PauseError::Span { kind, longest_ms });
        assert_eq!(check(kind, &scope, PAUSE_MIN - Millis(1), true), out_of_bounds);
        assert_eq!(check(kind, &scope, PAUSE_MIN, true), Ok(()));
        assert_eq!(check(kind, &scope, longest_ms, true), Ok(()));
        assert_eq!(check(kind, &scope, longest_ms + Millis(1), true), out_of_bounds);
    }

    #[rstest]
    #[case(PauseKind::AudioPaused, patient(), true)]
    #[case(PauseKind::AudioOff, patient(), false)]
    #[case(PauseKind::AlarmPaused, patient(), false)]
    #[case(PauseKind::AlarmPaused, condition(), true)]
    #[case(PauseKind::AlarmOff, condition(), false)]
    #[case(PauseKind::Standby, patient(), false)]
    fn only_a_pause_of_sound_and_a_snooze_need_no_reason(
        #[case] kind: PauseKind,
        #[case] scope: PauseScope,
        #[case] without: bool,
    ) {
        assert_eq!(check(kind, &scope, PAUSE_MIN, false).is_ok(), without);
    }

    fn alert(of: &str, code: ConditionCode, priority: Priority, announced: u64) -> Alert {
        let new = Raise {
            key: AlertKey { patient: Some(p(of)), code, device: None },
            encounter: None,
            bed: None,
            priority,
            since: Timestamp::from_ms(0),
            value: None,
            limit: None,
            delay: Millis::ZERO,
            detail: None,
            again: 0,
            reported: None,
        };
        Alert { announced, ..raise(AlertId(1), new, Timestamp::from_ms(0)) }
    }

    fn pause(kind: PauseKind, scope: PauseScope) -> Pause {
        Pause {
            id: PauseId(1),
            kind,
            scope,
            since: Timestamp::from_ms(0),
            until: Timestamp::from_ms(60_000),
            by: Actor::System,
            reason: None,
            covers: Priority::Medium,
            announced: 5,
            confirmed_by: None,
            waits_to_last: None,
        }
    }

    #[rstest]
    #[case::the_ward(PauseScope::Ward, "p2", ConditionCode::Limit(HR, Side::High), true)]
    #[case::the_patient(patient(), "p1", ConditionCode::Limit(HR, Side::High), true)]
    #[case::another_patient(patient(), "p2", low(), false)]
    #[case::the_condition(condition(), "p1", low(), true)]
    #[case::the_other_side(condition(), "p1", ConditionCode::Limit(SPO2, Side::High), false)]
    #[case::the_condition_of_another(condition(), "p2", low(), false)]
    fn a_pause_covers_its_scope_alone(
        #[case] scope: PauseScope,
        #[case] of: &str,
        #[case] code: ConditionCode,
        #[case] covered: bool,
    ) {
        let pause = pause(PauseKind::AlarmPaused, scope);
        assert_eq!(covers(&pause, &alert(of, code, Priority::Medium, 9)), covered);
    }

    #[rstest]
    #[case(Priority::Low, true)]
    #[case(Priority::Medium, true)]
    #[case(Priority::High, false)]
    fn what_is_more_urgent_breaks_through(#[case] priority: Priority, #[case] covered: bool) {
        let pause = pause(PauseKind::AlarmPaused, patient());
        assert_eq!(covers(&pause, &alert("p1", low(), priority, 1)), covered);
    }

    #[rstest]
    #[case::announced_before(PauseKind::AudioPaused, 4, true)]
    #[case::the_last_before(PauseKind::AudioPaused, 5, true)]
    #[case::announced_later(PauseKind::AudioPaused, 6, false)]
    #[case::of_alarms(PauseKind::AlarmPaused, 6, true)]
    fn a_pause_of_sound_covers_what_was_there(#[case] kind: PauseKind, #[case] announced: u64, #[case] covered: bool) {
        let pause = pause(kind, patient());
        assert_eq!(covers(&pause, &alert("p1", low(), Priority::Medium, announced)), covered);
    }

    #[test]
    fn what_waits_for_a_second_person_makes_nothing_quiet() {
        let waits = Pause { waits_to_last: Some(Millis(1)), ..pause(PauseKind::AlarmOff, condition()) };
        assert!(!covers(&waits, &alert("p1", low(), Priority::Low, 1)));
    }
}
