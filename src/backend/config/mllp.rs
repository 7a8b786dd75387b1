//! Senders of HL7 v2: `[mllp.NAME]`.

use super::ConfigError;
use crate::{
    domain::{BedId, DeviceId, Millis, VitalCode, VitalTable},
    ingest::hl7::{Charset, CodeTable, SENTINELS, Source},
};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    ops::RangeInclusive,
    path::PathBuf,
};

/// Most senders.
const SOURCES_MAX: usize = 64;
/// Most own beds, codes, units or sentinels of one.
const OWN_MAX: usize = 10_000;

/// Silence of a gateway that may be told of, in seconds.
const WATCHDOG_S: RangeInclusive<u32> = 2..=86_400;

/// One sender of HL7 v2, or several that are alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MllpConfig {
    /// Address and port.
    pub listen: SocketAddr,
    /// The gateway that it stands for; its ward gets the values.
    pub device: DeviceId,
    /// Whether it may listen elsewhere than on loopback, in plain text.
    #[serde(default)]
    pub insecure_listen: bool,
    /// Our certificate, as PEM; with it TLS is spoken, and nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_cert_file: Option<PathBuf>,
    /// Its key, as PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls_key_file: Option<PathBuf>,
    /// Authorities, as PEM, of one of which who connects has to show a certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_ca_file: Option<PathBuf>,
    /// Addresses that may connect; on loopback, and of those with a certificate, all if empty.
    #[serde(default)]
    pub peers: Vec<IpAddr>,
    /// Whether it may say who lies where.
    #[serde(default)]
    pub adt: bool,
    /// The zone of times without an offset.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// The characters of messages that name none.
    #[serde(default = "utf8")]
    pub charset: String,
    /// Connections at once; further ones wait.
    #[serde(default = "connections")]
    pub connections: usize,
    /// The longest message, in bytes.
    #[serde(default = "message_bytes")]
    pub message_bytes: usize,
    /// Messages of one connection in a second, on average; what comes faster waits.
    #[serde(default = "messages_per_s")]
    pub messages_per_s: u32,
    /// After so many seconds without any message its gateway is lost; never by silence alone if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watchdog_s: Option<u32>,
    /// Whether OBX-11 = X says that there is no value.
    #[serde(default)]
    pub x_is_no_value: bool,
    /// Numbers that say that there is no value.
    #[serde(default = "sentinels")]
    pub sentinels: Vec<f64>,
    /// Beds by the text of PV1-3.
    #[serde(default)]
    pub beds: BTreeMap<String, BedId>,
    /// Vitals by codes that this sender alone uses.
    #[serde(default)]
    pub codes: BTreeMap<String, VitalCode>,
    /// UCUM units by names that this sender alone uses.
    #[serde(default)]
    pub units: BTreeMap<String, String>,
}

fn utc() -> String {
    Tz::UTC.name().to_owned()
}

fn utf8() -> String {
    "UNICODE UTF-8".to_owned()
}

const fn connections() -> usize {
    16
}

const fn message_bytes() -> usize {
    1024 * 1024
}

const fn messages_per_s() -> u32 {
    1_000
}

fn sentinels() -> Vec<f64> {
    SENTINELS.to_vec()
}

impl MllpConfig {
    /// As the decoder takes it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn source(&self, vitals: &VitalTable) -> Result<Source, String> {
        let zone = &self.time_zone;
        Ok(Source {
            codes: CodeTable::new(vitals, &self.codes, &self.units)?,
            zone: zone.parse().map_err(|_| format!("time_zone {zone:?} is none: an IANA name is wanted"))?,
            charset: self.charset.parse::<Charset>().map_err(|e| e.to_string())?,
            sentinels: self.sentinels.clone(),
            beds: self.beds.clone(),
            x_is_no_value: self.x_is_no_value,
        })
    }

    fn fault(&self, vitals: &VitalTable) -> Option<String> {
        let in_range = |what: &str, n: usize, low: usize, high: usize| {
            (!(low..=high).contains(&n)).then(|| format!("{what} = {n} is outside {low} to {high}"))
        };
        if self.tls_cert_file.is_some() != self.tls_key_file.is_some() {
            return Some("tls_cert_file and tls_key_file belong together".to_owned());
        }
        if self.client_ca_file.is_some() && self.tls_cert_file.is_none() {
            return Some("client_ca_file is for TLS: set tls_cert_file and tls_key_file".to_owned());
        }
        let open = !self.listen.ip().is_loopback();
        if open && !self.insecure_listen && self.tls_cert_file.is_none() {
            let why = "is not loopback, and names and values could be read on the way: set tls_cert_file and tls_key_file, \
                       or say insecure_listen = true if the network is trusted";
            return Some(format!("listen = {} {why}", self.listen));
        }
        if open && self.peers.is_empty() && self.client_ca_file.is_none() {
            let why = "peers is empty: name the addresses that may connect, or ask for certificates by client_ca_file";
            return Some(why.to_owned());
        }
        if let Some(s) = self.watchdog_s.filter(|s| !WATCHDOG_S.contains(s)) {
            return Some(format!("watchdog_s = {s} is outside {} to {}", WATCHDOG_S.start(), WATCHDOG_S.end()));
        }
        let rate = usize::try_from(self.messages_per_s).unwrap_or(usize::MAX);
        let own = [self.beds.len(), self.codes.len(), self.units.len(), self.sentinels.len()];
        in_range("connections", self.connections, 1, 1_000)
            .or_else(|| in_range("message_bytes", self.message_bytes, 1_024, 64 * 1024 * 1024))
            .or_else(|| in_range("messages_per_s", rate, 1, 1_000_000))
            .or_else(|| own.into_iter().find_map(|n| in_range("entries of a table", n, 0, OWN_MAX)))
            .or_else(|| self.source(vitals).err())
    }
}

/// The gateways with a watchdog; of several senders that are one gateway the shortest holds.
pub(super) fn watchdogs(sources: &BTreeMap<String, MllpConfig>) -> BTreeMap<DeviceId, Millis> {
    let mut found = BTreeMap::new();
    for source in sources.values() {
        let Some(within) = source.watchdog_s.map(|s| Millis::from_secs(i64::from(s))) else { continue };
        let shortest = found.entry(source.device.clone()).or_insert(within);
        *shortest = within.min(*shortest);
    }
    found
}

/// Checks all senders.
pub(super) fn check(sources: &BTreeMap<String, MllpConfig>, vitals: &VitalTable) -> Result<(), ConfigError> {
    let wrong = |name: &str, why: String| ConfigError::Setting { name: format!("mllp.{name}"), why };
    if sources.len() > SOURCES_MAX {
        return Err(wrong("NAME", format!("there are more than {SOURCES_MAX}")));
    }
    let mut listens = BTreeMap::new();
    for (name, source) in sources {
        let ok = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if name.is_empty() || !name.bytes().all(ok) {
            return Err(wrong(name, "a name of a-z, 0-9 and - is wanted".to_owned()));
        }
        if let Some(why) = source.fault(vitals) {
            return Err(wrong(name, why));
        }
        if let Some(other) = listens.insert(source.listen, name).filter(|_| source.listen.port() != 0) {
            return Err(wrong(name, format!("{} is the address of mllp.{other} already", source.listen)));
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

    const LOCAL: &str = "[mllp.icu]\nlisten = \"127.0.0.1:2575\"\ndevice = \"gw\"\n";

    #[test]
    fn little_has_to_be_said() {
        assert_eq!(read(LOCAL), Ok(()));
        let open = LOCAL.replace("127.0.0.1", "10.1.1.1") + "insecure_listen = true\npeers = [\"10.1.1.7\"]\n";
        assert_eq!(read(&open), Ok(()));
    }

    #[test]
    fn the_sample_and_the_document_say_the_defaults() {
        let block = super::super::SAMPLE.lines().skip_while(|line| *line != "# [mllp.icu]");
        let block: String =
            block.take_while(|l| !l.is_empty()).map(|l| format!("{}\n", l.trim_start_matches("# "))).collect();
        let source = |text: &str| toml::from_str::<super::super::Config>(text).unwrap().mllp.remove("icu").unwrap();
        let shown = source(&block);
        let little = source(&LOCAL.replace("gw", "icu-gateway"));
        let tables = (shown.beds.clone(), shown.codes.clone(), shown.units.clone());
        let tls_cert_file = shown.tls_cert_file.clone();
        let tls_key_file = shown.tls_key_file.clone();
        let client_ca_file = shown.client_ca_file.clone();
        let watchdog_s = shown.watchdog_s;
        let said = super::MllpConfig {
            beds: tables.0,
            codes: tables.1,
            units: tables.2,
            tls_cert_file,
            tls_key_file,
            client_ca_file,
            watchdog_s,
            ..little
        };
        assert_eq!(shown, said);
        assert_eq!(read(&block), Ok(()));
        let keys: toml::Table = toml::to_string(&shown).unwrap().parse().unwrap();
        let document = include_str!("../../../docs/configuration.md");
        for key in keys.keys() {
            assert!(document.contains(&format!("| `{key}` |")), "docs/configuration.md lacks {key}");
        }
    }

    #[rstest]
    #[case("litsen = 1", "unknown field `litsen`")]
    #[case("time_zone = \"Mars/Base\"", "\"Mars/Base\" is none")]
    #[case("charset = \"EBCDIC\"", "\"EBCDIC\" is not a character set")]
    #[case("connections = 0", "connections = 0 is outside 1 to 1000")]
    #[case("message_bytes = 10", "outside 1024 to")]
    #[case("messages_per_s = 0", "outside 1 to")]
    #[case("watchdog_s = 1", "watchdog_s = 1 is outside 2 to 86400")]
    #[case("codes = { \"1\" = \"mood\" }", "no vital")]
    #[case("units = { \"x\" = \"furlong\" }", "no unit")]
    #[case("beds = { \"x\" = \"a b\" }", "' '")]
    fn what_is_wrong_is_told(#[case] line: &str, #[case] says: &str) {
        let error = read(&format!("{LOCAL}{line}\n")).unwrap_err();
        assert!(error.contains(says), "{error}");
    }

    #[test]
    fn tls_opens_a_listener_and_a_certificate_stands_for_an_address() {
        let open = LOCAL.replace("127.0.0.1", "0.0.0.0") + "tls_cert_file = \"/c\"\n";
        assert!(read(&open).unwrap_err().contains("belong together"));
        let open = open + "tls_key_file = \"/k\"\n";
        assert!(read(&open).unwrap_err().contains("peers is empty"));
        assert_eq!(read(&format!("{open}client_ca_file = \"/a\"\n")), Ok(()));
        assert_eq!(read(&format!("{open}peers = [\"10.1.1.7\"]\n")), Ok(()));
        assert!(read(&format!("{LOCAL}client_ca_file = \"/a\"\n")).unwrap_err().contains("is for TLS"));
    }

    #[test]
    fn nothing_is_open_to_a_network_by_accident() {
        let open = LOCAL.replace("127.0.0.1", "0.0.0.0");
        assert!(read(&open).unwrap_err().contains("insecure_listen = true"));
        assert!(read(&format!("{open}insecure_listen = true\n")).unwrap_err().contains("peers is empty"));
        let twice = format!("{LOCAL}{}", LOCAL.replace("icu", "ward"));
        assert!(read(&twice).unwrap_err().contains("the address of mllp.icu already"));
        assert!(read(&LOCAL.replace("icu", "\"I C U\"")).unwrap_err().contains("a name of a-z"));
    }
}
