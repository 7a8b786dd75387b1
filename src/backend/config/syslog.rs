//! Where the audit trail is sent as it grows: `[audit.syslog]`.

use super::notify::is_here;
use crate::access::Fingerprint;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Greatest facility of RFC 5424.
const FACILITY_MAX: u8 = 23;

/// The receiver of the audit trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SyslogConfig {
    /// The receiver, HOST:PORT.
    pub address: String,
    /// Whether TLS is spoken (RFC 5425).
    #[serde(default = "yes")]
    pub tls: bool,
    /// Certificates of the authorities that are trusted, as PEM; Mozilla's list if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// The fingerprint of the receiver's key, `sha256:…`: then it is known by that alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<String>,
    /// Our certificate for the receiver, as PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cert_file: Option<PathBuf>,
    /// Its key, as PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_file: Option<PathBuf>,
    /// Whether plain text may go over a network.
    #[serde(default)]
    pub insecure: bool,
    /// Whether the receiver says by TLS that it ends (`close_notify`; RFC 5425, section 4.4 demands it). If it never does, its end of TCP
    /// after ours counts: whoever is on the way can end TCP too, and so make entries count as delivered that were not.
    #[serde(default = "yes")]
    pub close_notify: bool,
    /// The facility of the messages (RFC 5424, table 1).
    #[serde(default = "facility")]
    pub facility: u8,
    /// Seconds that the oldest entry may wait until an alert says so.
    #[serde(default = "behind_s")]
    pub behind_s: u32,
}

const fn yes() -> bool {
    true
}

/// Security and authorization messages.
const fn facility() -> u8 {
    10
}

/// A quarter of an hour.
const fn behind_s() -> u32 {
    900
}

impl SyslogConfig {
    /// The receiver's name or address, without its port.
    #[must_use]
    pub fn host(&self) -> &str {
        let host = self.address.rsplit_once(':').map_or(self.address.as_str(), |(host, _)| host);
        host.trim_start_matches('[').trim_end_matches(']')
    }

    /// The key by which the receiver is known, if one is named.
    ///
    /// # Errors
    /// If it is no fingerprint.
    pub fn fingerprint(&self) -> Result<Option<Fingerprint>, String> {
        self.pin.as_ref().map(|pin| pin.parse().map_err(|e| format!("pin {pin:?}: {e}"))).transpose()
    }

    /// What is wrong with it, if anything is.
    pub(super) fn fault(&self) -> Option<String> {
        let port = self.address.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
        if self.host().is_empty() || port.is_none_or(|port| port == 0) || self.address.contains(['/', ' ']) {
            return Some(format!("address {:?}: HOST:PORT is wanted", self.address));
        }
        if self.facility > FACILITY_MAX {
            return Some(format!("facility = {} is outside 0 to {FACILITY_MAX}", self.facility));
        }
        if !(5..=24 * 3_600).contains(&self.behind_s) {
            return Some(format!("behind_s = {} is outside 5 to 86400", self.behind_s));
        }
        if !self.tls && !self.insecure && !is_here(self.host()) {
            let address = &self.address;
            return Some(format!("the trail would go to {address} in plain text: set tls = true, or insecure = true"));
        }
        let for_tls = [&self.ca_file, &self.cert_file, &self.key_file].iter().any(|file| file.is_some());
        if !self.tls && (for_tls || self.pin.is_some() || !self.close_notify) {
            return Some("ca_file, pin, cert_file, key_file and close_notify are for tls = true".to_owned());
        }
        if self.ca_file.is_some() && self.pin.is_some() {
            return Some("ca_file and pin are two ways to know the receiver: name one".to_owned());
        }
        if self.cert_file.is_some() != self.key_file.is_some() {
            return Some("cert_file and key_file belong together".to_owned());
        }
        self.fingerprint().err()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::tls("address = \"siem.example:6514\"", None)]
    #[case::here("address = \"[::1]:514\"\ntls = false", None)]
    #[case::no_port("address = \"siem.example\"", Some("HOST:PORT"))]
    #[case::plain("address = \"siem.example:514\"\ntls = false", Some("plain text"))]
    #[case::insecure("address = \"siem.example:514\"\ntls = false\ninsecure = true", None)]
    #[case::facility("address = \"s:1\"\nfacility = 24", Some("outside 0 to 23"))]
    #[case::behind("address = \"s:1\"\nbehind_s = 4", Some("outside 5 to 86400"))]
    #[case::pin("address = \"s:1\"\npin = \"x\"", Some("pin \"x\""))]
    #[case::both("address = \"s:1\"\nca_file = \"a\"\npin = \"x\"", Some("name one"))]
    #[case::half("address = \"s:1\"\ncert_file = \"a\"", Some("belong together"))]
    #[case::pointless("address = \"localhost:1\"\ntls = false\nca_file = \"a\"", Some("for tls = true"))]
    fn a_receiver_is_checked(#[case] text: &str, #[case] says: Option<&str>) {
        let config: SyslogConfig = toml::from_str(text).unwrap();
        let fault = config.fault();
        assert_eq!(fault.is_some(), says.is_some(), "{fault:?}");
        assert!(says.is_none_or(|says| fault.as_ref().unwrap().contains(says)), "{fault:?}");
    }
}
