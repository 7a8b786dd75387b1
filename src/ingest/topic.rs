//! Topics of MQTT whose levels say which device measured: `ward/{device}/vitals`.

use super::{
    native::Decoded,
    reading::{Reading, Refused, Way},
};
use crate::{
    domain::{DeviceId, text::clean},
    protocol::{Rejection, RejectionCode},
};

/// Longest topic of a pattern, in bytes.
const TOPIC_MAX_BYTES: usize = 256;
/// The level that names the device.
const DEVICE: &str = "{device}";

/// A filter of topics, with the level that names the device, if one does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicPattern {
    filter: String,
    levels: Vec<Level>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Level {
    Text(String),
    Any,
    Rest,
    Device,
}

impl TopicPattern {
    /// Reads a pattern: levels of text, `+` for any, `#` at the end for all below, and at most once `{device}`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() || text.len() > TOPIC_MAX_BYTES || text.contains('\0') {
            return Err(format!("topic {:?} must have 1 to {TOPIC_MAX_BYTES} bytes", clean(text)));
        }
        let wrong = |why: &str| Err(format!("topic {:?}: {why}", clean(text)));
        let count = text.split('/').count();
        let mut levels = Vec::new();
        for (index, level) in text.split('/').enumerate() {
            levels.push(match level {
                DEVICE if levels.contains(&Level::Device) => return wrong("{device} may stand once"),
                DEVICE => Level::Device,
                "+" => Level::Any,
                "#" if index + 1 == count => Level::Rest,
                "$share" if index == 0 => return wrong("a shared subscription is asked for by shared_group"),
                _ if level.contains(['+', '#']) => return wrong("+ and # stand for whole levels, # at the end"),
                _ if level.contains(['{', '}']) => return wrong("{device} is the only level of its kind"),
                _ => Level::Text(level.to_owned()),
            });
        }
        let filter = text.replace(DEVICE, "+");
        Ok(Self { filter, levels })
    }

    /// What is subscribed to.
    #[must_use]
    pub fn filter(&self) -> &str {
        &self.filter
    }

    /// Whether its topics name a device.
    #[must_use]
    pub fn names_device(&self) -> bool {
        self.levels.contains(&Level::Device)
    }

    /// The device that a topic names; `None` if the topic is none of the pattern's. The inner `None` is of a pattern that
    /// names no device.
    ///
    /// # Errors
    /// If the level is no identifier of a device.
    pub fn read(&self, topic: &str) -> Option<Result<Option<DeviceId>, String>> {
        let mut levels = topic.split('/');
        let mut device = None;
        for level in &self.levels {
            // `a/#` is `a` too.
            let found = if *level == Level::Rest { "" } else { levels.next()? };
            match level {
                Level::Rest => return Some(device.map(parse).transpose()),
                Level::Text(text) if text != found => return None,
                Level::Device => device = Some(found),
                Level::Text(_) | Level::Any => {}
            }
        }
        levels.next().is_none().then(|| device.map(parse).transpose())
    }
}

/// The device that a topic names by any of these patterns; `None` if none of those that fit names one.
///
/// # Errors
/// If no pattern fits, two find different devices, or one finds what is no identifier of a device.
pub fn device_of(patterns: &[TopicPattern], topic: &str) -> Result<Option<DeviceId>, String> {
    let mut device = None;
    let mut fits = false;
    for read in patterns.iter().filter_map(|pattern| pattern.read(topic)) {
        fits = true;
        device = match (device, read?) {
            (Some(one), Some(other)) if one != other => {
                return Err(format!("the source's topics find two devices in the topic: {one} and {other}"));
            }
            (one, other) => one.or(other),
        };
    }
    if fits { Ok(device) } else { Err("the topic is none of the source's topics".to_owned()) }
}

fn parse(level: &str) -> Result<DeviceId, String> {
    level.parse().map_err(|e| format!("the topic names device {:?}: {e}", clean(level)))
}

/// Refuses readings of other devices than the one that their topic names.
pub fn hold_to_topic(decoded: &mut Decoded, device: &DeviceId) {
    for (index, item) in decoded.iter_mut().enumerate() {
        if let Ok(reading) = item
            && reading.device != *device
        {
            *item = Err(other_device(index, reading, device));
        }
    }
}

fn other_device(index: usize, reading: &Reading, device: &DeviceId) -> Refused {
    let detail = format!(
        "the topic names device {device} and the payload device {}: nothing is stored; set the topic or the identity of \
         the sender",
        reading.device
    );
    let rejection = Rejection { index, code: RejectionCode::OtherDevice, detail };
    Refused { rejection, payload: reading.as_wire(), way: Way::Own, ahead: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Timestamp, vital::HR};
    use rstest::rstest;

    #[rstest]
    #[case(&["v/#", "v/{device}/hr"], Ok(Some("d1")))]
    #[case(&["v/{device}/hr", "v/#"], Ok(Some("d1")))]
    #[case(&["v/#"], Ok(None))]
    #[case(&["v/{device}/#", "v/+/{device}"], Err("two devices"))]
    #[case(&["w/#"], Err("none of the source's topics"))]
    fn of_several_patterns_one_that_names_a_device_counts(
        #[case] patterns: &[&str],
        #[case] expected: Result<Option<&str>, &str>,
    ) {
        let patterns: Vec<TopicPattern> = patterns.iter().map(|p| TopicPattern::parse(p).unwrap()).collect();
        match (device_of(&patterns, "v/d1/hr"), expected) {
            (Ok(found), Ok(wanted)) => assert_eq!(found, wanted.map(|device| device.parse().unwrap())),
            (Err(why), Err(part)) => assert!(why.contains(part), "{why}"),
            (found, wanted) => panic!("{found:?} is not {wanted:?}"),
        }
    }

    #[rstest]
    #[case("ward/{device}/vitals", "ward/d1/vitals", Some(Ok(Some("d1"))))]
    #[case("ward/{device}/vitals", "ward/d1/alarms", None)]
    #[case("ward/{device}/vitals", "ward/d1/vitals/x", None)]
    #[case("ward/{device}/vitals", "ward/d1", None)]
    #[case("ward/{device}/vitals", "ward//vitals", Some(Err(())))]
    #[case("ward/{device}/vitals", "ward/a b/vitals", Some(Err(())))]
    #[case("rpm/v1/+/{device}/#", "rpm/v1/ward-a/d2/telemetry/hr", Some(Ok(Some("d2"))))]
    #[case("rpm/v1/+/{device}/#", "rpm/v1/ward-a/d2", Some(Ok(Some("d2"))))]
    #[case("rpm/v1/+/{device}/#", "rpm/v1/ward-a", None)]
    #[case("a/#", "a", Some(Ok(None)))]
    #[case("#", "x/y", Some(Ok(None)))]
    fn topics_are_matched(
        #[case] pattern: &str,
        #[case] topic: &str,
        #[case] wanted: Option<Result<Option<&str>, ()>>,
    ) {
        let pattern = TopicPattern::parse(pattern).unwrap();
        let found = pattern.read(topic).map(|r| r.map(|d| d.map(|d| d.to_string())).map_err(drop));
        assert_eq!(found, wanted.map(|r| r.map(|d| d.map(str::to_owned))));
        assert!(!pattern.filter().contains('{'));
    }

    #[rstest]
    #[case("", "1 to 256")]
    #[case("a/#/b", "# at the end")]
    #[case("a+/b", "whole levels")]
    #[case("{device}/{device}", "once")]
    #[case("{patient}/x", "only level")]
    #[case("$share/g/a", "shared_group")]
    fn what_is_no_pattern_is_told(#[case] pattern: &str, #[case] says: &str) {
        let error = TopicPattern::parse(pattern).unwrap_err();
        assert!(error.contains(says), "{error}");
    }

    #[test]
    fn a_payload_of_another_device_than_its_topic_is_refused() {
        let reading = |device: &str| Reading {
            device: device.parse().unwrap(),
            named_patient: None,
            vital: HR,
            value: 70.0,
            text: None,
            observed_at: Timestamp::from_ms(0),
            correction: false,
            interval: None,
        };
        let mut decoded = vec![Ok(reading("d1")), Ok(reading("d2"))];
        hold_to_topic(&mut decoded, &"d1".parse().unwrap());
        assert!(decoded[0].is_ok());
        let refused = decoded[1].as_ref().unwrap_err();
        assert_eq!(refused.rejection.code, RejectionCode::OtherDevice);
        assert!(refused.rejection.detail.contains("d1") && refused.rejection.detail.contains("d2"));
    }
}
