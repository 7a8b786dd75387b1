//! What is to be said to whom.

use crate::domain::{
    AlertClass, AlertId, BreakGlassId, Cause, LoginName, Mode, PatientId, Priority, Timestamp, WardId,
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How much a channel may tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// Bed, priority, and whether it is about a patient or equipment.
    #[default]
    Bed,
    /// What is wrong besides, with the value.
    Condition,
    /// The patient's name besides.
    Name,
}

/// Why a letter is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// An alert asks for a person.
    Alert,
    /// Somebody tries whether the channel works.
    Test,
    /// Somebody whose account is not for a ward opened a patient of it.
    Emergency,
}

/// What makes two letters the same one, however often it is sent. Together with the source it is the key by which the
/// receiver may drop doubles (CloudEvents 1.0, `source` and `id`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LetterId {
    /// The ward.
    pub ward: WardId,
    /// The alert.
    pub alert: AlertId,
    /// Its transition.
    pub transition: u32,
    /// The emergency, if it is about one and no alert.
    pub emergency: Option<BreakGlassId>,
    /// To whom.
    pub to: Option<LoginName>,
    /// Whether the transition could not be recorded; its number may be given again.
    pub unrecorded: bool,
}

impl fmt::Display for LetterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { alert, transition, to, unrecorded, .. } = self;
        let to = to.as_ref().map_or("ward", LoginName::as_str);
        if let Some(emergency) = &self.emergency {
            return write!(f, "{emergency}.{to}");
        }
        write!(f, "{alert}.{transition}.{to}{}", if *unrecorded { ".unrecorded" } else { "" })
    }
}

/// To whom a letter goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// The login name.
    pub login: LoginName,
    /// The address for e-mail, if one is known.
    pub email: Option<String>,
}

/// What is wrong, for channels that may tell it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The condition's code.
    pub code: String,
    /// In words, with value and limit.
    pub words: String,
}

/// One message about one alert to one recipient, with no more in it than its channel may tell.
#[derive(Debug, Clone, PartialEq)]
pub struct Letter {
    /// What makes it the same letter.
    pub id: LetterId,
    /// The site, by its identifier.
    pub site: String,
    /// Live or demo.
    pub mode: Mode,
    /// Why it is sent.
    pub purpose: Purpose,
    /// When the alert moved, engine time.
    pub at: Timestamp,
    /// To whom; absent if no rota says who is asked.
    pub to: Option<Recipient>,
    /// The ward's name.
    pub ward: String,
    /// The bed's label, if the alert is of a bed.
    pub bed: Option<String>,
    /// The priority.
    pub priority: Priority,
    /// About a patient or equipment.
    pub class: AlertClass,
    /// What moved the alert.
    pub cause: Cause,
    /// The level that is asked, from 1.
    pub level: u8,
    /// When the alert was raised.
    pub raised_at: Timestamp,
    /// What is wrong, if the channel may tell.
    pub told: Option<Told>,
    /// The patient's name, if the channel may tell.
    pub name: Option<String>,
    /// The link by which the recipient may acknowledge, and until when it holds.
    pub link: Option<(String, Timestamp)>,
    /// Until when an emergency has to be judged, if it is about one.
    pub judge_until: Option<Timestamp>,
    /// The patient, for the journal; never sent.
    pub patient: Option<PatientId>,
}
