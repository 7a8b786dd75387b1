//! Which row of ORU^R40 says what: MDC attributes by number and name, priorities, kinds and flags.

use super::tokens::{Segment, Separators, pieces};
use crate::domain::{AlertClass, Priority};

/// What a row of an alert says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Row {
    /// What happened (facet 1).
    Event,
    /// What it is about (facet 2), without a number.
    Source,
    /// The vital that it is about, with its value and limits, or a row of its own without attributes.
    Plain,
    /// Which moment (facet 3).
    Phase,
    /// Whether it is so (facet 4).
    State,
    /// What the device makes quiet (facet 5).
    Quiet,
    /// How urgent (facet 6).
    Priority,
    /// About patient or equipment (facet 7).
    Kind,
    /// The device's words.
    Text,
    /// Anything else.
    Other,
}

/// Attributes by their numbers, of which older senders use others, and their names.
const ATTRIBUTES: &[(Row, &[u32], &str)] = &[
    (Row::Source, &[68_480], "MDC_ATTR_ALERT_SOURCE"),
    (Row::Phase, &[68_481, 68_165], "MDC_ATTR_EVENT_PHASE"),
    (Row::State, &[68_482, 68_166], "MDC_ATTR_ALARM_STATE"),
    (Row::Quiet, &[68_483, 68_167], "MDC_ATTR_ALARM_INACTIVATION_STATE"),
    (Row::Priority, &[68_484, 68_168], "MDC_ATTR_ALARM_PRIORITY"),
    (Row::Kind, &[68_485], "MDC_ATTR_ALERT_TYPE"),
    (Row::Text, &[68_546], "MDC_ATTR_ALERT_TEXT"),
    (Row::Other, &[67_860], "MDC_ATTR_CONFIRM_TIMEOUT"),
];

/// Numbers of events: partition 3 of MDC.
const EVENTS: std::ops::RangeInclusive<u32> = 196_608..=262_143;
/// The event that only says that there is one.
pub(super) const ANY_EVENT: &str = "MDC_EVT_ALARM";
/// Its number.
pub(super) const ANY_EVENT_NUMBER: u32 = 196_616;
/// The event that only says that its sender is alive.
const WATCHDOG: &str = "MDC_EVT_WATCHDOG";

/// Events that are sent by number alone.
const EVENT_NAMES: &[(u32, &str)] = &[
    (196_648, "MDC_EVT_HI"),
    (196_652, "MDC_EVT_HI_VAL_GT_LIM"),
    (196_670, "MDC_EVT_LO"),
    (196_674, "MDC_EVT_LO_VAL_LT_LIM"),
    (196_680, "MDC_EVT_LEAD_OFF"),
];

/// What a row says; an error if its number says one thing and its name another.
pub(super) fn row(obx: &Segment<'_>, separators: Separators) -> Result<Row, &'static str> {
    let code = separators.first(obx.field(3));
    let (number, name) = (separators.component(code, 1), separators.component(code, 2));
    let number: Option<u32> = number.parse().ok();
    let by_name = ATTRIBUTES.iter().find(|(_, _, known)| name.eq_ignore_ascii_case(known));
    let by_number = ATTRIBUTES.iter().find(|(_, known, _)| number.is_some_and(|number| known.contains(&number)));
    let is_event_name = starts_with(name, "MDC_EVT_") || starts_with(separators.component(code, 1), "MDC_EVT_");
    match (by_number, by_name) {
        (Some(number), Some(name)) if number.0 != name.0 => return Err("number and name are those of two attributes"),
        (Some(_), None) if is_event_name => return Err("the number is an attribute's and the name an event's"),
        (Some((row, ..)), _) | (None, Some((row, ..))) => return Ok(*row),
        (None, None) => {}
    }
    let facet = facet(obx);
    Ok(if is_event_name || number.is_some_and(|number| EVENTS.contains(&number)) || facet == Some("1") {
        Row::Event
    } else if facet.is_none_or(|facet| facet == "2" || facet == "0") {
        Row::Plain
    } else {
        Row::Other
    })
}

/// The facet of a row (fifth number of OBX-4).
pub(super) fn facet<'m>(obx: &Segment<'m>) -> Option<&'m str> {
    pieces(obx.field(4), '.').nth(4)
}

/// Whether a code, as a whole, is that of a watchdog.
pub(super) fn is_watchdog(field: &str, separators: Separators) -> bool {
    pieces(separators.first(field), separators.component).any(|part| part.eq_ignore_ascii_case(WATCHDOG))
}

fn starts_with(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(prefix))
}

/// The name of an event: that of MDC, by name or number; else the sender's own code; else its name.
pub(super) fn event_name(code: &str, separators: Separators) -> String {
    let (number, name) = (separators.component(code, 1).trim(), separators.component(code, 2).trim());
    let as_number: Option<u32> = number.parse().ok();
    let known = EVENT_NAMES.iter().find(|(known, _)| as_number == Some(*known)).map(|(_, name)| *name);
    let own = (as_number.is_none() && !number.is_empty()).then_some(number);
    let of_mdc = Some(name).filter(|name| starts_with(name, "MDC"));
    let found = of_mdc.or(known).or(own).or_else(|| Some(name).filter(|name| !name.is_empty()));
    found.unwrap_or(number).to_owned()
}

/// Words for a name of MDC: `MDC_EVT_LEAD_OFF` is `lead off`.
pub(super) fn plain_words(name: &str) -> String {
    let rest = ["MDC_EVT_", "MDC_"].into_iter().find(|p| starts_with(name, p)).and_then(|p| name.get(p.len()..));
    rest.map_or_else(|| name.to_owned(), |rest| rest.replace('_', " ").to_ascii_lowercase())
}

/// The priority of a word as devices send it. What is none is no priority: nothing unknown is low.
pub(super) fn priority(word: &str) -> Option<Priority> {
    match word.trim().to_ascii_uppercase().as_str() {
        "PH" | "***" | "HIGH" => Some(Priority::High),
        "PM" | "**" | "MEDIUM" => Some(Priority::Medium),
        "PL" | "PN" | "*" | "LOW" => Some(Priority::Low),
        _ => None,
    }
}

/// The kind of a word as devices send it.
pub(super) fn class(word: &str) -> Option<AlertClass> {
    match word.trim().to_ascii_uppercase().as_str() {
        "SP" => Some(AlertClass::Physiological),
        "ST" | "SA" => Some(AlertClass::Technical),
        _ => None,
    }
}

/// What OBX-8 says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Flags {
    pub(super) priority: Option<Priority>,
    pub(super) class: Option<AlertClass>,
    /// Below or above its limits, or beyond them in a way that is not said.
    pub(super) side: Option<Beyond>,
    /// It says that all is well.
    pub(super) normal: bool,
}

/// How a value is abnormal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beyond {
    Below,
    Above,
    Somehow,
}

impl Beyond {
    /// The event of MDC that says the same.
    pub(super) const fn event(self) -> &'static str {
        match self {
            Self::Below => "MDC_EVT_LO_VAL_LT_LIM",
            Self::Above => "MDC_EVT_HI_VAL_GT_LIM",
            Self::Somehow => ANY_EVENT,
        }
    }

    /// In a word.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Below => "low",
            Self::Above => "high",
            Self::Somehow => "alarm",
        }
    }
}

/// Reads OBX-8: abnormality, priority and kind, in any order.
pub(super) fn flags(field: &str, separators: Separators) -> Flags {
    let mut flags = Flags::default();
    let mut panic = false;
    for word in pieces(field, separators.repetition) {
        let word = separators.component(word, 1).trim();
        flags.priority = flags.priority.or_else(|| priority(word));
        flags.class = flags.class.or_else(|| class(word));
        match word {
            "L" => flags.side = Some(Beyond::Below),
            "H" => flags.side = Some(Beyond::Above),
            "LL" | "<" => (flags.side, panic) = (Some(Beyond::Below), true),
            "HH" | ">" => (flags.side, panic) = (Some(Beyond::Above), true),
            "A" | "AA" => flags.side = flags.side.or(Some(Beyond::Somehow)),
            "N" => flags.normal = true,
            _ => {}
        }
    }
    // Beyond the second limit, where no priority is said.
    flags.priority = flags.priority.or_else(|| panic.then_some(Priority::High));
    flags
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("A~PL~ST", Some(Priority::Low), Some(AlertClass::Technical), Some(Beyond::Somehow))]
    #[case("L~PH~SP", Some(Priority::High), Some(AlertClass::Physiological), Some(Beyond::Below))]
    #[case("SP~PM~H", Some(Priority::Medium), Some(AlertClass::Physiological), Some(Beyond::Above))]
    #[case("HH", Some(Priority::High), None, Some(Beyond::Above))]
    #[case("LL~PM", Some(Priority::Medium), None, Some(Beyond::Below))]
    #[case("***", Some(Priority::High), None, None)]
    #[case("PU", None, None, None)]
    #[case("", None, None, None)]
    fn flags_are_read(
        #[case] field: &str,
        #[case] priority: Option<Priority>,
        #[case] class: Option<AlertClass>,
        #[case] side: Option<Beyond>,
    ) {
        let found = flags(field, Separators::USUAL);
        assert_eq!((found.priority, found.class, found.side), (priority, class, side));
    }

    #[rstest]
    #[case("OBX|1|ST|68481^MDC_ATTR_EVENT_PHASE^MDC|1.3.1.150456.3|start", Ok(Row::Phase))]
    #[case("OBX|1|ST|68165^MDC_ATTR_EVENT_PHASE^MDC|1.3.1.150456.3|start", Ok(Row::Phase))]
    #[case("OBX|1|ST|68168|1.3.1.150456.6|PH", Ok(Row::Priority))]
    #[case("OBX|1|ST|^MDC_ATTR_ALERT_TYPE|1.3.1.150456.7|SP", Ok(Row::Kind))]
    #[case("OBX|1|ST|196680^MDC_EVT_LEAD_OFF^MDC|1.7.0.196680.1|", Ok(Row::Event))]
    #[case("OBX|1|ST|0^MDCX_ODD^MDC|1.7.0.0.1|x", Ok(Row::Event))]
    #[case("OBX|1|NM|150456^MDC_PULS_OXIM_SAT_O2^MDC|1.3.1.150456.2|88", Ok(Row::Plain))]
    #[case("OBX|1|ST|67972^MDC_ATTR_SYS_ID^MDC|1.1.0.0.9|x", Ok(Row::Other))]
    #[case("OBX|1|ST|ALARM|||", Ok(Row::Plain))]
    fn rows_are_told_apart(#[case] line: &str, #[case] expected: Result<Row, &str>) {
        assert_eq!(row(&Segment::of(line, Separators::USUAL), Separators::USUAL), expected);
    }

    #[rstest]
    #[case("OBX|1|ST|68480^MDC_ATTR_EVENT_PHASE^MDC|1.0.0.0.3|start")]
    #[case("OBX|1|ST|68480^MDC_EVT_ALARM^MDC|1.0.0.0.1|x")]
    fn a_number_and_a_name_that_disagree_are_refused(#[case] line: &str) {
        assert!(row(&Segment::of(line, Separators::USUAL), Separators::USUAL).is_err());
    }

    #[rstest]
    #[case("196680^MDC_EVT_LEAD_OFF^MDC", "MDC_EVT_LEAD_OFF")]
    #[case("196674", "MDC_EVT_LO_VAL_LT_LIM")]
    #[case("240000", "240000")]
    #[case("56^Door open^99X", "Door open")]
    #[case("ALARM7^Door open^99X", "ALARM7")]
    #[case("^Door open", "Door open")]
    fn events_have_names(#[case] code: &str, #[case] name: &str) {
        assert_eq!(event_name(code, Separators::USUAL), name);
    }

    #[test]
    fn names_become_words() {
        assert_eq!(plain_words("MDC_EVT_LEAD_OFF"), "lead off");
        assert_eq!(plain_words("SpO2 low"), "SpO2 low");
    }
}
