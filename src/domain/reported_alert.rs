//! What a device says of an alert of its own (IHE PCD ACM): kept beside what is judged here, never in place of it.

use super::{AlertClass, Priority, Timestamp, text::clean};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, str::FromStr};

/// Longest code of an alert of a device, in bytes.
pub const DEVICE_ALERT_CODE_MAX_BYTES: usize = 55;
/// Longest name of an event or a source within it, in bytes; a longer one is cut, and a checksum keeps it apart.
const PART_MAX_BYTES: usize = 27;
/// Hexadecimal digits of the checksum.
const CHECKSUM_DIGITS: usize = 8;
/// Longest name of an episode, in characters.
const EPISODE_MAX_CHARS: usize = 120;

/// The event of an alert of a device and what it is about: `lo_val_lt_lim.spo2`, `lead_off`. One or two parts of
/// `a-z 0-9 _`, kept inline.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceAlertCode {
    bytes: [u8; DEVICE_ALERT_CODE_MAX_BYTES],
    len: u8,
}

impl DeviceAlertCode {
    /// The code of an event, and of its source if it has one. Names of MDC lose what they all have; characters that are
    /// none of a code become `_`.
    #[must_use]
    pub fn new(event: &str, source: &str) -> Self {
        let event = part(event, &["MDC_EVT_", "MDC_"]);
        let source = part(source, &["MDC_"]);
        let event = if event.is_empty() { "unnamed".to_owned() } else { event };
        Self::of(&if source.is_empty() { event } else { format!("{event}.{source}") })
    }

    fn of(text: &str) -> Self {
        let mut bytes = [0; DEVICE_ALERT_CODE_MAX_BYTES];
        let mut len = 0;
        for (to, from) in bytes.iter_mut().zip(text.bytes()) {
            *to = from;
            len += 1;
        }
        Self { bytes, len }
    }

    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.bytes.get(..usize::from(self.len)).unwrap_or_default()).unwrap_or_default()
    }
}

/// One part of a code.
fn part(name: &str, prefixes: &[&str]) -> String {
    let name = name.trim();
    let rest = prefixes.iter().find_map(|p| name.get(..p.len()).filter(|n| n.eq_ignore_ascii_case(p)).map(|_| p.len()));
    let name = name.get(rest.unwrap_or(0)..).unwrap_or_default();
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            out.push(c.to_ascii_lowercase());
        } else if !out.is_empty() && !out.ends_with('_') {
            out.push('_');
        }
    }
    let out = out.trim_end_matches('_');
    // Names that differ in nothing but letters that a code cannot hold are of different alerts.
    let says_it_all = name.chars().all(|c| c.is_ascii() && !"+<>=%".contains(c));
    if says_it_all && out.len() <= PART_MAX_BYTES {
        return out.to_owned();
    }
    let whole = if says_it_all { out } else { name };
    // FNV-1a: any that stays the same will do.
    let sum = whole.bytes().fold(0x811c_9dc5_u32, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let kept = out.get(..out.len().min(PART_MAX_BYTES - CHECKSUM_DIGITS - 1)).unwrap_or_default().trim_end_matches('_');
    if kept.is_empty() { format!("x_{sum:08x}") } else { format!("{kept}_{sum:08x}") }
}

/// A text that is not the code of an alert of a device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an alert of a device: an event, or an event and a source such as lo_val_lt_lim.spo2 is wanted")]
pub struct DeviceAlertCodeError(String);

impl FromStr for DeviceAlertCode {
    type Err = DeviceAlertCodeError;
    fn from_str(text: &str) -> Result<Self, DeviceAlertCodeError> {
        let is_part = |part: &str| {
            let ok = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
            !part.is_empty() && part.len() <= PART_MAX_BYTES && part.bytes().all(ok)
        };
        let (event, source) = text.split_once('.').map_or((text, None), |(event, source)| (event, Some(source)));
        if is_part(event) && source.is_none_or(is_part) {
            Ok(Self::of(text))
        } else {
            Err(DeviceAlertCodeError(text.chars().take(60).collect()))
        }
    }
}

impl fmt::Display for DeviceAlertCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for DeviceAlertCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for DeviceAlertCode {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for DeviceAlertCode {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// The name by which a device links what it says of one episode, clean and not longer than 120 characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EpisodeId(String);

impl EpisodeId {
    /// The name, made safe to store and draw.
    #[must_use]
    pub fn new(raw: &str) -> Self {
        Self(clean(raw).chars().take(EPISODE_MAX_CHARS).collect())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Which moment of an episode a device tells of (`MDC_ATTR_EVENT_PHASE`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportedPhase {
    /// It began.
    Start,
    /// It is so still.
    Continue,
    /// Something about it is other than before.
    Update,
    /// It is more urgent than before.
    Escalate,
    /// It is less urgent than before.
    Deescalate,
    /// Its signal was made quiet on the device, or is no longer.
    Inactivate,
    /// It was for a moment.
    Moment,
    /// It was latched on the device, and a person has reset it.
    Reset,
    /// It is over.
    End,
}

impl ReportedPhase {
    /// The phase of a word as devices send it, without regard to case and punctuation.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        let plain: String = word.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
        Some(match plain.as_str() {
            "start" => Self::Start,
            "continue" | "present" => Self::Continue,
            "update" => Self::Update,
            "escalate" => Self::Escalate,
            "deescalate" => Self::Deescalate,
            "inactivate" => Self::Inactivate,
            "tpoint" => Self::Moment,
            "reset" => Self::Reset,
            "end" | "stop" => Self::End,
            _ => return None,
        })
    }
}

/// Whether the alarm is so on the device (`MDC_ATTR_ALARM_STATE`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportedState {
    /// It is so.
    Active,
    /// It is not so.
    Inactive,
    /// It is no longer so; the device signals until somebody resets it.
    Latched,
}

impl ReportedState {
    /// The state of a word as devices send it.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        match word.trim().to_ascii_lowercase().as_str() {
            "active" => Some(Self::Active),
            "inactive" => Some(Self::Inactive),
            "latched" => Some(Self::Latched),
            _ => None,
        }
    }
}

/// How the device makes its own signal quiet (`MDC_ATTR_ALARM_INACTIVATION_STATE`). It makes nothing quiet here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportedQuiet {
    /// No sound for a time.
    AudioPaused,
    /// No sound.
    AudioOff,
    /// No signal for a time.
    AlarmPaused,
    /// No signal.
    AlarmOff,
    /// Somebody has acknowledged it at the device.
    Acknowledged,
}

impl ReportedQuiet {
    /// What a word says, as devices send it; `None` for `enabled` and words that are none.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        match word.trim().to_ascii_lowercase().as_str() {
            "audio-paused" => Some(Self::AudioPaused),
            "audio-off" => Some(Self::AudioOff),
            "alarm-paused" => Some(Self::AlarmPaused),
            "alarm-off" => Some(Self::AlarmOff),
            "alert-acknowledged" | "acknowledged" => Some(Self::Acknowledged),
            _ => None,
        }
    }

    /// In words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::AudioPaused => "sound paused",
            Self::AudioOff => "sound off",
            Self::AlarmPaused => "alarm paused",
            Self::AlarmOff => "alarm off",
            Self::Acknowledged => "acknowledged",
        }
    }
}

/// What a device says of an alert of its own, in one message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportedAlert {
    /// Event and source.
    pub code: DeviceAlertCode,
    /// The device's own words, clean.
    pub text: String,
    /// What links the messages of one episode.
    pub episode: EpisodeId,
    /// Whether the message names an earlier one that it belongs to.
    pub linked: bool,
    /// Which moment it tells of.
    pub phase: ReportedPhase,
    /// Whether it is so on the device, if it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<ReportedState>,
    /// How the device makes its own signal quiet, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet: Option<ReportedQuiet>,
    /// How urgent it is on the device; medium if it does not say.
    pub priority: Priority,
    /// About the patient, or about equipment.
    pub class: AlertClass,
    /// The value that it is about with its unit, as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// The limits of the device, as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<String>,
    /// When, by the device's clock.
    pub observed_at: Timestamp,
}

impl ReportedAlert {
    /// Whether it is over by this message.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        // What is quiet on the device is quiet there alone.
        let quieted = self.quiet.is_some() || matches!(self.phase, ReportedPhase::Inactivate);
        matches!(self.phase, ReportedPhase::End | ReportedPhase::Reset)
            || matches!(self.state, Some(ReportedState::Latched))
            || (matches!(self.state, Some(ReportedState::Inactive)) && !quieted)
    }

    /// Whether it only says that what was told is so still: without news, it may come with one time again and again.
    #[must_use]
    pub const fn is_reminder(&self) -> bool {
        matches!(self.phase, ReportedPhase::Continue | ReportedPhase::Update)
    }

    /// What people are told beside the device's own words, `None` if nothing: `82 %, device limits 90-100, on the device:
    /// sound paused`. `highest` is the priority that the episode has had.
    #[must_use]
    pub fn told(&self, highest: Priority) -> Option<String> {
        let parts = [
            self.value.clone(),
            self.limits.as_ref().map(|limits| format!("device limits {limits}")),
            (self.priority < highest).then(|| format!("now {}", self.priority)),
            self.quiet.map(|quiet| format!("on the device: {}", quiet.words())),
        ];
        let told = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
        (!told.is_empty()).then(|| clean(&told))
    }

    /// Whether people see something other by it than by an earlier message. A value that moves along is no news of its
    /// own.
    #[must_use]
    pub fn is_news_after(&self, before: &Self) -> bool {
        let shape = |a: &Self| (a.text.clone(), a.limits.clone(), a.priority, a.quiet);
        shape(self) != shape(before) || (self.phase != ReportedPhase::Continue && self.value != before.value)
    }
}

/// Why what a device said of an alert raised none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotRaised {
    /// It is over, and nothing was known of it.
    UnknownEnd,
    /// Something newer was known already.
    Late,
    /// It was at a time at which the device measured somebody else.
    Past,
    /// It was raised, but the device has too many alerts at once: the one longest unheard is not followed any more.
    TooMany,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    #[rstest]
    #[case("MDC_EVT_LO_VAL_LT_LIM", "spo2", "lo_val_lt_lim.spo2")]
    #[case("mdc_evt_lead_off", "", "lead_off")]
    #[case("SpO2 zu niedrig!", "Kanal 1", "spo2_zu_niedrig.kanal_1")]
    #[case("", "", "unnamed")]
    #[case("\u{1b}[31m", "…", "31m.x_d38c119b")]
    #[case("MDC_EVT_A_VERY_LONG_NAME_OF_AN_EVENT_INDEED", "x", "a_very_long_name_o_0d8b4b2f.x")]
    fn codes_are_made_of_names(#[case] event: &str, #[case] source: &str, #[case] code: &str) {
        let made = DeviceAlertCode::new(event, source);
        if code.contains("very_long") {
            let (mine, wanted) = (made.as_str(), code);
            assert_eq!((mine.len(), mine.get(..18)), (wanted.len(), wanted.get(..18)), "{mine}");
        } else {
            assert_eq!(made.as_str(), code);
        }
    }

    #[test]
    fn long_names_that_differ_only_at_their_end_stay_apart() {
        let code = |end: char| DeviceAlertCode::new(&format!("MDC_EVT_{}{end}", "X".repeat(60)), "");
        assert_ne!(code('A'), code('B'));
    }

    #[test]
    fn names_of_which_a_code_holds_no_letter_stay_apart() {
        let code = |name: &str| DeviceAlertCode::new(name, "").to_string();
        assert_ne!(code("呼吸暂停"), code("电极脱落"));
        assert_ne!(code("Drück"), code("Drck"));
        assert_ne!(code("ST+"), code("ST-"));
        assert!(code("呼吸暂停").parse::<DeviceAlertCode>().is_ok());
    }

    #[test]
    fn what_is_over_is_told_by_phase_or_state() {
        let alert = |phase: &str, state: &str| ReportedAlert {
            code: DeviceAlertCode::new("a", ""),
            text: String::new(),
            episode: EpisodeId::new("1"),
            linked: false,
            phase: ReportedPhase::of_word(phase).unwrap(),
            state: ReportedState::of_word(state),
            quiet: None,
            priority: Priority::Medium,
            class: AlertClass::Physiological,
            value: None,
            limits: None,
            observed_at: Timestamp::from_ms(0),
        };
        for (phase, state, over) in [
            ("start", "active", false),
            ("Continue", "", false),
            ("de-escalate", "active", false),
            ("update", "latched", true),
            ("end", "active", true),
            ("reset", "", true),
            ("continue", "inactive", true),
            ("inactivate", "inactive", false),
            ("continue", "off", false),
        ] {
            assert_eq!(alert(phase, state).is_over(), over, "{phase} {state}");
        }
    }

    proptest! {
        #[test]
        fn any_names_make_a_code_that_is_read_again(event in ".{0,80}", source in ".{0,80}") {
            let code = DeviceAlertCode::new(&event, &source);
            prop_assert_eq!(code.as_str().parse(), Ok(code));
        }
    }
}
