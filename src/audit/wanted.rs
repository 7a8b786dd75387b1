//! Which entries of the trail somebody wants to see.

use super::leaf::{Act, Outcome};
use crate::domain::{PatientId, Timestamp, UserId};
use serde_json::Value;

/// Entries that have all of these.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// About this patient.
    pub patient: Option<PatientId>,
    /// Only those who looked at a patient.
    pub reads: bool,
    /// By this person, approved by this person, or about this account.
    pub user: Option<UserId>,
    /// Emergency access: its begin, its end, and what was read by it.
    pub break_glass: bool,
    /// What was refused.
    pub failures: bool,
    /// Not before.
    pub since: Option<Timestamp>,
    /// One of these acts, or one of their kind: `user` stands for all that begin so. Any if empty.
    pub acts: Vec<String>,
}

impl Wanted {
    /// Whether an entry is wanted. One that cannot be read always is: somebody may have changed it.
    #[must_use]
    pub fn wants(&self, leaf: &str) -> bool {
        let Ok(leaf) = serde_json::from_str::<Value>(leaf) else { return true };
        let text = |key: &str| leaf.get(key).and_then(Value::as_str);
        let actor = |key: &str| leaf.get("actor").and_then(|actor| actor.get(key)).and_then(Value::as_str);
        let act = text("act").unwrap_or_default();
        let read = || serde_json::from_value::<Act>(Value::String(act.to_owned())).is_ok_and(Act::shows_patient);
        let outcome = || leaf.get("outcome").cloned().and_then(|o| serde_json::from_value::<Outcome>(o).ok());
        let at = || leaf.get("utc").cloned().and_then(|at| serde_json::from_value::<Timestamp>(at).ok());
        self.patient.as_ref().is_none_or(|patient| text("patient") == Some(patient.as_str()))
            && (!self.reads || read())
            && self
                .user
                .as_ref()
                .map(UserId::as_str)
                .is_none_or(|u| actor("user") == Some(u) || text("user") == Some(u) || text("second") == Some(u))
            && (!self.break_glass || is_break_glass(act, &leaf))
            && (!self.failures || outcome() == Some(Outcome::Refused))
            && self.since.is_none_or(|since| at().is_none_or(|at| at >= since))
            && (self.acts.is_empty() || self.acts.iter().any(|wanted| begins(act, wanted)))
    }
}

/// Whether an act is the wanted one, or one of the wanted kind.
fn begins(act: &str, wanted: &str) -> bool {
    act.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The begin and the end of emergency access, and what names it as its purpose.
fn is_break_glass(act: &str, leaf: &Value) -> bool {
    let names = |text: &str| text.starts_with("break_glass");
    let field = |key: &str| leaf.get(key).and_then(Value::as_str).is_some_and(names);
    names(act) || field("code") || field("purpose") || leaf.get("break_glass").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const VIEW: &str = r#"{"i":3,"utc":"2026-11-23T08:00:00.000Z","actor":{"kind":"user","user":"u1"},"act":"patient.view","outcome":"success","patient":"p1"}"#;
    const LOGIN: &str = r#"{"i":3,"utc":"2026-11-23T09:00:00.000Z","actor":{"kind":"unknown"},"act":"user.login","outcome":"refused","code":"wrong"}"#;
    const ADMIT: &str = r#"{"i":3,"utc":"2026-11-23T09:00:00.000Z","actor":{"kind":"console","uid":0},"act":"patient.admit","outcome":"success","patient":"p1"}"#;
    const GLASS: &str = r#"{"i":3,"utc":"2026-11-23T09:00:00.000Z","actor":{"kind":"user","user":"u2"},"act":"break_glass.start","outcome":"success","patient":"p2"}"#;

    #[rstest]
    #[case::patient(Wanted { patient: Some("p1".parse().unwrap()), ..Wanted::default() }, [true, false, true, false])]
    #[case::reads(
        Wanted { patient: Some("p1".parse().unwrap()), reads: true, ..Wanted::default() },
        [true, false, false, false]
    )]
    #[case::failures(Wanted { failures: true, ..Wanted::default() }, [false, true, false, false])]
    #[case::break_glass(Wanted { break_glass: true, ..Wanted::default() }, [false, false, false, true])]
    #[case::kind(Wanted { acts: vec!["patient".into()], ..Wanted::default() }, [true, false, true, false])]
    #[case::acts(
        Wanted { acts: vec!["patient.view".into(), "user.login".into()], ..Wanted::default() },
        [true, true, false, false]
    )]
    #[case::user(Wanted { user: Some("u1".parse().unwrap()), ..Wanted::default() }, [true, false, false, false])]
    #[case::since(
        Wanted { since: Some("2026-11-23T08:30:00Z".parse().unwrap()), ..Wanted::default() },
        [false, true, true, true]
    )]
    fn entries_are_wanted(#[case] wanted: Wanted, #[case] wants: [bool; 4]) {
        assert_eq!([VIEW, LOGIN, ADMIT, GLASS].map(|leaf| wanted.wants(leaf)), wants);
        assert!(wanted.wants("no entry at all"), "what was made unreadable is shown");
    }
}
