//! A patient of a ward that is not one's own, opened in an emergency.

use super::{BreakGlassId, Millis, PatientId, Remark, SessionId, Timestamp, UserId, WardId};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// How long a patient stays open.
pub const BREAK_GLASS_SPAN: Millis = Millis::from_mins(60);
/// Within which time somebody has to judge whether it was an emergency.
pub const BREAK_GLASS_REVIEW_WITHIN: Millis = Millis::from_mins(72 * 60);
/// Fewest characters of the words beside the reason.
pub const BREAK_GLASS_WORDS_MIN_CHARS: usize = 10;

/// Why the patient was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EmergencyReason {
    /// Treatment that cannot wait (`ETREAT` of HL7's PurposeOfUse).
    Treatment,
    /// Everybody whose patient it is, is out of reach.
    Coverage,
    /// Another emergency; the words say which.
    Other,
}

impl EmergencyReason {
    /// All reasons.
    pub const ALL: [Self; 3] = [Self::Treatment, Self::Coverage, Self::Other];

    /// The name as commands and the audit trail use it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Treatment => "treatment",
            Self::Coverage => "coverage",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for EmergencyReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that is no reason for an emergency.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("treatment, coverage or other is wanted")]
pub struct NoReason;

impl FromStr for EmergencyReason {
    type Err = NoReason;
    fn from_str(text: &str) -> Result<Self, NoReason> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text).ok_or(NoReason)
    }
}

/// What somebody found who judged it afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakGlassReview {
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Whether it was an emergency.
    pub justified: bool,
    /// What there is to say.
    pub words: Remark,
}

/// A patient who was opened in an emergency. Times are of the engine's clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakGlass {
    /// Opaque identifier.
    pub id: BreakGlassId,
    /// Who.
    pub user: UserId,
    /// The login name.
    pub name: String,
    /// In which session: it ends with that.
    pub session: SessionId,
    /// The patient's ward.
    pub ward: WardId,
    /// The patient.
    pub patient: PatientId,
    /// Why.
    pub reason: EmergencyReason,
    /// Why, in words.
    pub words: Remark,
    /// Since when.
    pub began: Timestamp,
    /// When it was ended, if it was before its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Whether its end stands in the audit trail.
    #[serde(default)]
    pub end_noted: bool,
    /// What was found afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<BreakGlassReview>,
}

/// What a ward is told at once of an emergency. The words are not in it: they are for whoever judges.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmergencyOpened {
    /// Which.
    pub emergency: BreakGlassId,
    /// Who, by login name.
    pub user: String,
    /// Why.
    pub reason: EmergencyReason,
    /// When it ends at the latest.
    pub until: Timestamp,
    /// Until when it has to be judged.
    pub due: Timestamp,
}

impl BreakGlass {
    /// What its ward is told at once.
    #[must_use]
    pub fn told(&self) -> EmergencyOpened {
        EmergencyOpened {
            emergency: self.id.clone(),
            user: self.name.clone(),
            reason: self.reason,
            until: self.until(),
            due: self.due(),
        }
    }

    /// Whether it was opened just now: it has no end and nobody has judged it.
    #[must_use]
    pub const fn is_new(&self) -> bool {
        self.ended.is_none() && !self.end_noted && self.review.is_none()
    }

    /// Whether nobody has judged it in time.
    #[must_use]
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.review.is_none() && now > self.due()
    }

    /// When it ends at the latest, exclusive.
    #[must_use]
    pub fn until(&self) -> Timestamp {
        self.ended.unwrap_or(self.began + BREAK_GLASS_SPAN)
    }

    /// When it has to be judged.
    #[must_use]
    pub fn due(&self) -> Timestamp {
        self.began + BREAK_GLASS_REVIEW_WITHIN
    }

    /// Whether the patient is open at `now`.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.ended.is_none() && now < self.until()
    }
}

/// Why a patient is not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("say in at least {BREAK_GLASS_WORDS_MIN_CHARS} characters what the emergency is")]
pub struct TooFewWords;

/// Checks the words beside a reason.
///
/// # Errors
/// If there are too few.
pub fn check_words(words: &Remark) -> Result<(), TooFewWords> {
    if words.as_str().chars().count() < BREAK_GLASS_WORDS_MIN_CHARS { Err(TooFewWords) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h03_it_is_open_for_an_hour_or_until_it_is_ended() {
        let mut opened = BreakGlass {
            id: "g1".parse().unwrap(),
            user: "u1".parse().unwrap(),
            name: "anna".into(),
            session: "s1".parse().unwrap(),
            ward: "w".parse().unwrap(),
            patient: "p1".parse().unwrap(),
            reason: EmergencyReason::Treatment,
            words: "arrest in bed 4".parse().unwrap(),
            began: Timestamp::from_ms(1_000),
            ended: None,
            end_noted: false,
            review: None,
        };
        let at = |minutes| Timestamp::from_ms(1_000) + Millis::from_mins(minutes);
        assert!(opened.is_open(at(0)) && opened.is_open(at(59)) && !opened.is_open(at(60)));
        assert_eq!(opened.due(), at(72 * 60));
        opened.ended = Some(at(5));
        assert!(!opened.is_open(at(4)), "ended is ended, whatever the clock says");
        assert_eq!(check_words(&"too short".parse().unwrap()), Err(TooFewWords));
        assert_eq!(check_words(&opened.words), Ok(()));
    }
}
