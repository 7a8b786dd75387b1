//! Brokers of MQTT: `[mqtt.NAME]`.

use super::{ConfigError, notify::is_here};
use crate::{
    domain::{DeviceId, VitalCode, VitalTable},
    ingest::{TopicPattern, sparkplug},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, path::PathBuf};

/// Most sources.
const SOURCES_MAX: usize = 64;
/// Most topics of one.
const TOPICS_MAX: usize = 64;
/// Most own metrics or units of one.
const OWN_MAX: usize = 10_000;
/// Longest client identifier, in bytes: so many every broker takes (MQTT 3.1.1, 3.1.3.1).
const CLIENT_ID_MAX_BYTES: usize = 23;
/// Longest name of a group of a shared subscription, in bytes.
const GROUP_MAX_BYTES: usize = 64;

/// Version of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum MqttVersion {
    /// 3.1.1.
    #[serde(rename = "3.1.1")]
    V311,
    /// 5.
    #[default]
    #[serde(rename = "5")]
    V5,
}

/// What the payloads are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MqttPayload {
    /// Our own JSON.
    Native,
    /// JSON of any shape, by the mappings of `[medtech]`.
    Medtech,
    /// Sparkplug B.
    Sparkplug,
}

/// One broker, or one kind of sender on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MqttConfig {
    /// The broker.
    pub host: String,
    /// Its port; 8883 with TLS, 1883 without, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The version that is spoken.
    #[serde(default)]
    pub version: MqttVersion,
    /// The gateway that the source stands for; its ward gets the values.
    pub device: DeviceId,
    /// What the payloads are.
    pub payload: MqttPayload,
    /// What is subscribed to; the level `{device}` names the device.
    pub topics: Vec<String>,
    /// The name by which the broker knows us, and keeps what we miss; `wardwatch-NAME` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// The group of a shared subscription.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_group: Option<String>,
    /// Whether TLS is spoken.
    #[serde(default)]
    pub tls: bool,
    /// Certificates of the authorities that are trusted, as PEM; Mozilla's list if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// Our certificate for the broker, as PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cert_file: Option<PathBuf>,
    /// Its key, as PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
    /// Whether plain text may go over a network.
    #[serde(default)]
    pub insecure: bool,
    /// The user name for the broker, if it wants one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// A file with the passphrase for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// Seconds of silence after which the broker is asked whether it is there.
    #[serde(default = "keep_alive_s")]
    pub keep_alive_s: u16,
    /// Seconds for which the broker keeps what we miss; only 5 tells it, with 3.1.1 it is set there.
    #[serde(default = "session_expiry_s")]
    pub session_expiry_s: u32,
    /// Messages that may wait for their acknowledgement.
    #[serde(default = "in_flight")]
    pub in_flight: u16,
    /// The longest payload, in bytes.
    #[serde(default = "message_bytes")]
    pub message_bytes: usize,
    /// Seconds without a connection until an alert says so.
    #[serde(default = "lost_after_s")]
    pub lost_after_s: u32,
    /// Vitals by names of metrics that this source alone uses (Sparkplug).
    #[serde(default)]
    pub metrics: BTreeMap<String, VitalCode>,
    /// Units of metrics that name none (Sparkplug).
    #[serde(default)]
    pub metric_units: BTreeMap<String, String>,
}

const fn keep_alive_s() -> u16 {
    30
}

const fn session_expiry_s() -> u32 {
    24 * 3600
}

const fn in_flight() -> u16 {
    64
}

const fn message_bytes() -> usize {
    256 * 1024
}

const fn lost_after_s() -> u32 {
    60
}

impl MqttConfig {
    /// The port in force.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(if self.tls { 8883 } else { 1883 })
    }

    /// The name by which the broker knows us.
    #[must_use]
    pub fn client_id(&self, name: &str) -> String {
        self.client_id.clone().unwrap_or_else(|| format!("wardwatch-{name}"))
    }

    /// The topics, in their order.
    ///
    /// # Errors
    /// What is wrong with one.
    pub fn patterns(&self) -> Result<Vec<TopicPattern>, String> {
        self.topics.iter().map(|topic| TopicPattern::parse(topic)).collect()
    }

    /// What is subscribed to, as the broker is told.
    ///
    /// # Errors
    /// What is wrong with a topic.
    pub fn filters(&self) -> Result<Vec<String>, String> {
        let shared = self.shared_group.as_ref().map(|group| format!("$share/{group}/")).unwrap_or_default();
        Ok(self.patterns()?.iter().map(|pattern| format!("{shared}{}", pattern.filter())).collect())
    }

    /// As the decoder of Sparkplug takes it. Devices are called by their edge node too, unless all are of one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn sparkplug(&self, vitals: &VitalTable) -> Result<sparkplug::Source, String> {
        let mut edges: Vec<&str> = self.topics.iter().filter_map(|topic| topic.split('/').nth(3)).collect();
        edges.dedup();
        let one = edges.len() == 1 && edges.first() != Some(&"+");
        sparkplug::Source::new(vitals, &self.metrics, &self.metric_units, !one)
    }

    fn fault(&self, name: &str, has_mappings: bool, vitals: &VitalTable) -> Option<String> {
        let in_range = |what: &str, n: u64, low: u64, high: u64| {
            (!(low..=high).contains(&n)).then(|| format!("{what} = {n} is outside {low} to {high}"))
        };
        let of = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        in_range("keep_alive_s", self.keep_alive_s.into(), 5, 3_600)
            .or_else(|| in_range("session_expiry_s", self.session_expiry_s.into(), 60, 30 * 24 * 3_600))
            .or_else(|| in_range("in_flight", self.in_flight.into(), 1, 1_000))
            .or_else(|| in_range("message_bytes", of(self.message_bytes), 1_024, 16 * 1024 * 1024))
            .or_else(|| in_range("lost_after_s", self.lost_after_s.into(), 1, 24 * 3_600))
            .or_else(|| in_range("the number of topics", of(self.topics.len()), 1, of(TOPICS_MAX)))
            .or_else(|| {
                in_range("entries of a table", of(self.metrics.len().max(self.metric_units.len())), 0, of(OWN_MAX))
            })
            .or_else(|| self.patterns().err())
            .or_else(|| self.names_fault(name))
            .or_else(|| self.link_fault())
            .or_else(|| self.payload_fault(has_mappings, vitals))
    }

    fn names_fault(&self, name: &str) -> Option<String> {
        let id = self.client_id(name);
        if id.is_empty()
            || id.len() > CLIENT_ID_MAX_BYTES
            || !id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        {
            return Some(format!("client_id {id:?} must be 1 to {CLIENT_ID_MAX_BYTES} of A-Z, a-z, 0-9 and -"));
        }
        let group = self.shared_group.as_deref()?;
        let good = (1..=GROUP_MAX_BYTES).contains(&group.len()) && !group.contains(['/', '+', '#', '\0']);
        (!good).then(|| format!("shared_group {group:?} must be a name without /, + and #"))
    }

    fn link_fault(&self) -> Option<String> {
        let host = &self.host;
        if host.is_empty() || host.contains(['/', ' ']) || host.contains("://") {
            return Some(format!("host {host:?} is a name or an address without scheme and port"));
        }
        if !self.tls && !self.insecure && !is_here(host) {
            return Some(format!("what {host} sends would go in plain text: set tls = true, or insecure = true"));
        }
        if !self.tls && (self.ca_file.is_some() || self.cert_file.is_some() || self.key_file.is_some()) {
            return Some("ca_file, cert_file and key_file are for tls = true".to_owned());
        }
        if self.cert_file.is_some() != self.key_file.is_some() {
            return Some("cert_file and key_file belong together".to_owned());
        }
        (self.user.is_some() != self.password_file.is_some())
            .then(|| "user and password_file belong together".to_owned())
    }

    fn payload_fault(&self, has_mappings: bool, vitals: &VitalTable) -> Option<String> {
        match self.payload {
            MqttPayload::Medtech if !has_mappings => {
                Some("payload = \"medtech\" wants device_mapping and fhir_mapping under [medtech]".to_owned())
            }
            MqttPayload::Sparkplug => self.sparkplug_fault(vitals),
            _ if !self.metrics.is_empty() || !self.metric_units.is_empty() => {
                Some("metrics and metric_units are for payload = \"sparkplug\"".to_owned())
            }
            MqttPayload::Native | MqttPayload::Medtech => None,
        }
    }

    fn sparkplug_fault(&self, vitals: &VitalTable) -> Option<String> {
        if self.shared_group.is_some() {
            return Some("with shared_group the numbers of Sparkplug have gaps: leave it out".to_owned());
        }
        for topic in &self.topics {
            let levels: Vec<&str> = topic.split('/').collect();
            let plain = |level: &str| !level.is_empty() && !level.contains(['+', '#', '{']);
            let good = matches!(levels.as_slice(), [sparkplug::NAMESPACE, group, "+", edge, "#"]
                if plain(group) && (*edge == "+" || plain(edge)));
            if !good {
                return Some(format!("topic {topic:?}: of Sparkplug spBv1.0/GROUP/+/EDGE/# is wanted, EDGE may be +"));
            }
        }
        let group = |topic: &str| topic.split('/').nth(1).map(str::to_owned);
        let first = self.topics.first().and_then(|topic| group(topic));
        if self.topics.iter().any(|topic| group(topic) != first) {
            return Some("one source is of one group: make another source of the other".to_owned());
        }
        self.sparkplug(vitals).err()
    }
}

/// Checks all sources.
pub(super) fn check(
    sources: &BTreeMap<String, MqttConfig>,
    has_mappings: bool,
    vitals: &VitalTable,
) -> Result<(), ConfigError> {
    let wrong = |name: &str, why: String| ConfigError::Setting { name: format!("mqtt.{name}"), why };
    if sources.len() > SOURCES_MAX {
        return Err(wrong("NAME", format!("there are more than {SOURCES_MAX}")));
    }
    let mut known = BTreeMap::new();
    for (name, source) in sources {
        let ok = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if name.is_empty() || !name.bytes().all(ok) {
            return Err(wrong(name, "a name of a-z, 0-9 and - is wanted".to_owned()));
        }
        if let Some(why) = source.fault(name, has_mappings, vitals) {
            return Err(wrong(name, why));
        }
        let id = (source.host.clone(), source.port(), source.client_id(name));
        if let Some(other) = known.insert(id, name) {
            let why =
                format!("mqtt.{other} has the same client_id at this broker: each would end the other's connection");
            return Err(wrong(name, why));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    fn read(text: &str) -> Result<(), String> {
        let config: super::super::Config = toml::from_str(text).map_err(|e| e.to_string())?;
        config.check().map_err(|e| e.to_string())
    }

    const LOCAL: &str = "[mqtt.icu]\nhost = \"127.0.0.1\"\ndevice = \"gw\"\n";
    const NATIVE: &str = "payload = \"native\"\ntopics = [\"ward/{device}/vitals\"]\n";
    const SPARKPLUG: &str = "payload = \"sparkplug\"\n";

    #[test]
    fn little_has_to_be_said() {
        assert_eq!(read(&format!("{LOCAL}{NATIVE}")), Ok(()));
        let far = format!("{}{NATIVE}tls = true\nversion = \"3.1.1\"\n", LOCAL.replace("127.0.0.1", "broker.example"));
        assert_eq!(read(&far), Ok(()));
        let topics = "topics = [\"spBv1.0/hospital/+/+/#\"]\nmetrics = { \"bed/4711\" = \"temp\" }\n";
        assert_eq!(read(&format!("{LOCAL}{SPARKPLUG}{topics}")), Ok(()));
    }

    #[test]
    fn the_sample_and_the_document_say_the_defaults() {
        let block = super::super::SAMPLE.lines().skip_while(|line| *line != "# [mqtt.icu]");
        let block: String =
            block.take_while(|l| !l.is_empty()).map(|l| format!("{}\n", l.trim_start_matches("# "))).collect();
        let source = |text: &str| toml::from_str::<super::super::Config>(text).unwrap().mqtt.remove("icu").unwrap();
        let shown = source(&block);
        let said = super::MqttConfig {
            host: "broker.hospital.example".to_owned(),
            port: Some(8883),
            device: "icu-gateway".parse().unwrap(),
            client_id: Some("wardwatch-icu".to_owned()),
            tls: true,
            user: shown.user.clone(),
            password_file: shown.password_file.clone(),
            ca_file: shown.ca_file.clone(),
            cert_file: shown.cert_file.clone(),
            key_file: shown.key_file.clone(),
            ..source(&format!("{LOCAL}{NATIVE}"))
        };
        assert_eq!(shown, said);
        assert_eq!(read(&block), Ok(()));
        let keys: toml::Table = toml::to_string(&shown).unwrap().parse().unwrap();
        let document = include_str!("../../../docs/configuration.md");
        for key in keys.keys().map(String::as_str).chain(["shared_group"]) {
            assert!(document.contains(&format!("| `{key}` |")), "docs/configuration.md lacks {key}");
        }
    }

    #[rstest]
    #[case("brocker = 1", "unknown field `brocker`")]
    #[case("version = \"4\"", "unknown variant `4`")]
    #[case("in_flight = 0", "in_flight = 0 is outside 1 to 1000")]
    #[case("keep_alive_s = 1", "outside 5 to")]
    #[case("message_bytes = 10", "outside 1024 to")]
    #[case("client_id = \"a b\"", "client_id")]
    #[case("shared_group = \"a/b\"", "shared_group")]
    #[case("user = \"u\"", "belong together")]
    #[case("cert_file = \"/c\"", "for tls = true")]
    #[case("tls = true\ncert_file = \"/c\"", "belong together")]
    #[case("metrics = { \"a\" = \"hr\" }", "for payload")]
    fn what_is_wrong_is_told(#[case] line: &str, #[case] says: &str) {
        let error = read(&format!("{LOCAL}{NATIVE}{line}\n")).unwrap_err();
        assert!(error.contains(says), "{error}");
    }

    #[rstest]
    #[case("topics = [\"spBv1.0/hospital/DDATA/ward-a/#\"]", "of Sparkplug")]
    #[case("topics = [\"spBv1.0/+/+/ward-a/#\"]", "of Sparkplug")]
    #[case("topics = [\"spBv1.0/a/+/x/#\", \"spBv1.0/b/+/x/#\"]", "one group")]
    #[case("topics = [\"spBv1.0/a/+/x/#\"]\nshared_group = \"g\"", "gaps")]
    #[case("topics = [\"spBv1.0/a/+/x/#\"]\nmetrics = { \"a\" = \"mood\" }", "no vital")]
    #[case("topics = [\"spBv1.0/a/+/x/#\"]\nmetric_units = { \"a\" = \"furlong\" }", "no unit")]
    fn what_is_wrong_with_sparkplug_is_told(#[case] line: &str, #[case] says: &str) {
        let error = read(&format!("{LOCAL}{SPARKPLUG}{line}\n")).unwrap_err();
        assert!(error.contains(says), "{error}");
    }

    #[test]
    fn nothing_crosses_a_network_by_accident() {
        let far = format!("{}{NATIVE}", LOCAL.replace("127.0.0.1", "broker.example"));
        assert!(read(&far).unwrap_err().contains("plain text"));
        assert_eq!(read(&format!("{far}insecure = true\n")), Ok(()));
        let url = format!("{}{NATIVE}", LOCAL.replace("127.0.0.1", "mqtts://broker.example"));
        assert!(read(&url).unwrap_err().contains("without scheme"));
        assert!(read(&format!("{LOCAL}payload = \"medtech\"\ntopics = [\"a\"]\n")).unwrap_err().contains("[medtech]"));
        let twice = format!(
            "{LOCAL}{NATIVE}client_id = \"x\"\n{}",
            format!("{LOCAL}{NATIVE}client_id = \"x\"\n").replace("icu", "ward")
        );
        assert!(read(&twice).unwrap_err().contains("same client_id"));
        assert!(read(&format!("{LOCAL}{NATIVE}").replace("icu", "\"I C U\"")).unwrap_err().contains("a name of a-z"));
    }
}
