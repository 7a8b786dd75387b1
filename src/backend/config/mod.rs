//! Configuration: flags over environment over file over defaults. An unknown key is an error.

mod audit;
mod fhir;
mod layers;
mod medtech;
mod mllp;
mod mqtt;
mod notify;
mod policy;
mod profiles;
mod rights;
mod ssh;
mod syslog;
mod vitals;

pub use audit::{AuditConfig, RETENTION_YEARS_MIN};
pub use fhir::FhirConfig;
pub use layers::{ConfigError, ENV_PREFIX, Layers};
pub use medtech::{ArithmeticConfig, CompatConfig, MedtechConfig};
pub use mllp::MllpConfig;
pub use mqtt::{MqttConfig, MqttPayload, MqttVersion};
pub use notify::{ChannelConfig, CommandConfig, EmailConfig, EmailTlsConfig, NotifyConfig, WebhookConfig};
pub use policy::PolicyConfig;
pub use profiles::{ProfileConfig, ProfilesConfig, as_config};
pub use rights::{FourEyes, RightsConfig};
pub use ssh::SshConfig;
pub use syslog::SyslogConfig;
pub use vitals::VitalConfig;

use crate::{
    access::{HashParams, SessionLimits},
    alarm::{ClockBounds, Profiles, ResponsePolicy},
    backend::approvals,
    domain::{DeviceId, Millis, VitalCode, VitalTable},
    store::Retention,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

/// The whole configuration of a server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where it listens.
    pub server: ServerConfig,
    /// Logins by keys of OpenSSH.
    pub ssh: SshConfig,
    /// Bounds.
    pub limits: LimitsConfig,
    /// How long sessions last.
    pub session: SessionConfig,
    /// What one administrator may not do alone.
    pub rights: RightsConfig,
    /// What a passphrase's hash costs.
    pub passphrase: PassphraseConfig,
    /// How long what is kept.
    pub retention: RetentionConfig,
    /// How long people have to answer an alert.
    pub response: ResponseConfig,
    /// Who witnesses the audit trail, where it is sent, and how long it is kept.
    pub audit: AuditConfig,
    /// Policies of the site's own, and what they ask for.
    pub policy: PolicyConfig,
    /// Messages about alerts to people who do not look at a screen.
    pub notify: NotifyConfig,
    /// Mappings of device messages.
    pub medtech: MedtechConfig,
    /// How identifiers of FHIR are read.
    pub fhir: FhirConfig,
    /// Senders of HL7 v2, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub mllp: BTreeMap<String, MllpConfig>,
    /// Brokers of MQTT, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub mqtt: BTreeMap<String, MqttConfig>,
    /// Limits that the site sets itself, by category and vital.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub profiles: ProfilesConfig,
    /// How far people may change limits, and when technical alerts come.
    pub alarm: AlarmConfig,
    /// When the disk counts as nearly full.
    pub disk: DiskConfig,
    /// The log.
    pub log: LogConfig,
    /// Vitals that the site defines itself.
    pub vital: Vec<VitalConfig>,
}

/// Where the server listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
    /// Address and port.
    pub listen: SocketAddr,
    /// Whether it may listen in plain text elsewhere than on loopback.
    pub insecure_listen: bool,
    /// Whether it speaks TLS, and with which certificate.
    pub tls: ServerTls,
    /// Names and addresses that a certificate made by the server is for, besides this machine's name and loopback.
    pub tls_names: Vec<String>,
    /// The certificate and those that vouch for it, in PEM, with `tls = "files"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_cert_file: Option<PathBuf>,
    /// Its key, in PEM; nobody else may read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_key_file: Option<PathBuf>,
    /// Origins of web pages that may talk to it, such as `https://intranet.example`; each is compared as a whole.
    pub allowed_origins: Vec<String>,
}

/// Which certificate the server shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum ServerTls {
    /// None: plain text.
    #[default]
    Off,
    /// One that it makes for itself, with a key that stays.
    Auto,
    /// That of two files.
    Files,
}

/// Most names of a certificate that the server makes for itself.
const TLS_NAMES_MAX: usize = 64;
/// Most origins that may talk to the server.
const ORIGINS_MAX: usize = 64;

impl ServerConfig {
    fn check(&self) -> Result<(), ConfigError> {
        let wrong = |name: &str, why: &str| Err(ConfigError::Setting { name: name.to_owned(), why: why.to_owned() });
        let files = self.tls_cert_file.is_some() || self.tls_key_file.is_some();
        let both = self.tls_cert_file.is_some() && self.tls_key_file.is_some();
        match self.tls {
            ServerTls::Files if !both => {
                return wrong("server.tls", "files wants server.tls_cert_file and server.tls_key_file");
            }
            ServerTls::Off | ServerTls::Auto if files => {
                return wrong("server.tls", "a certificate is named, but not used: say tls = \"files\"");
            }
            _ => {}
        }
        let name = |name: &String| {
            !name.is_empty()
                && name.len() <= 253
                && name.chars().all(|c| c.is_ascii_alphanumeric() || ".-:*".contains(c))
        };
        if self.tls_names.len() > TLS_NAMES_MAX || !self.tls_names.iter().all(name) {
            return wrong("server.tls_names", "at most 64 names or addresses, without scheme and port");
        }
        let origin = |text: &String| {
            let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
            host.is_some_and(|h| !h.is_empty() && h.chars().all(|c| c.is_ascii_graphic() && !"/*?#@".contains(c)))
        };
        if self.allowed_origins.len() > ORIGINS_MAX || !self.allowed_origins.iter().all(origin) {
            let why = "at most 64 origins such as https://intranet.example, without a path and without *";
            return wrong("server.allowed_origins", why);
        }
        if self.tls == ServerTls::Off && !self.insecure_listen && !self.listen.ip().is_loopback() {
            return Err(ConfigError::PlainText { listen: self.listen });
        }
        Ok(())
    }
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8470)),
            insecure_listen: false,
            tls: ServerTls::Off,
            tls_names: Vec::new(),
            tls_cert_file: None,
            tls_key_file: None,
            allowed_origins: Vec::new(),
        }
    }
}

/// Bounds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Connections at once; further ones wait to be accepted.
    pub connections: usize,
    /// Connections of one address at once (IPv4, or the /64 of IPv6); loopback is not counted.
    pub connections_per_address: usize,
    /// Websocket connections of one user or device at once.
    pub streams_per_principal: usize,
    /// Size of a request's body, in bytes.
    pub body_bytes: usize,
    /// Observations in one request.
    pub observations_per_request: usize,
    /// Requests of one device in a second, on average; twice as many may come at once.
    pub device_requests_per_s: u32,
    /// Websocket messages of one connection in a second, on average; twice as many may come at once.
    pub stream_messages_per_s: u32,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            connections: 1_024,
            connections_per_address: 256,
            streams_per_principal: 64,
            body_bytes: 4 * 1024 * 1024,
            observations_per_request: 10_000,
            device_requests_per_s: 50_000,
            stream_messages_per_s: 50,
        }
    }
}

/// How long sessions last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SessionConfig {
    /// Idle time after which a session locks, in seconds.
    pub idle_lock_s: u32,
    /// Time after which a session ends, in seconds.
    pub absolute_s: u32,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self { idle_lock_s: 15 * 60, absolute_s: 12 * 3600 }
    }
}

impl SessionConfig {
    /// As the access room takes it.
    #[must_use]
    pub fn limits(&self) -> SessionLimits {
        SessionLimits {
            idle: Millis::from_secs(self.idle_lock_s.into()),
            absolute: Millis::from_secs(self.absolute_s.into()),
        }
    }
}

/// What a passphrase's hash costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PassphraseConfig {
    /// Memory of argon2id, in KiB.
    pub memory_kib: u32,
    /// Passes of argon2id.
    pub passes: u32,
    /// Lanes of argon2id.
    pub lanes: u32,
    /// Hashes at once.
    pub concurrent: usize,
    /// The key for passphrases and seeds, if it does not lie in the data folder: who copies that has not the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pepper_file: Option<PathBuf>,
    /// Passphrases that nobody gets, one a line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocklist_file: Option<PathBuf>,
}

impl Default for PassphraseConfig {
    fn default() -> Self {
        let HashParams { memory_kib, passes, lanes } = HashParams::default();
        Self { memory_kib, passes, lanes, concurrent: 1, pepper_file: None, blocklist_file: None }
    }
}

impl PassphraseConfig {
    /// As the access room takes it.
    #[must_use]
    pub const fn params(&self) -> HashParams {
        HashParams { memory_kib: self.memory_kib, passes: self.passes, lanes: self.lanes }
    }
}

/// How long what is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetentionConfig {
    /// Samples, in days.
    pub samples_days: u32,
    /// Inputs for exact replay, in hours.
    pub inputs_hours: u32,
    /// Inputs that could not be used, in days.
    pub dead_letters_days: u32,
    /// Observations of FHIR as they came, in days from when they came.
    pub fhir_days: u32,
    /// Samples by vital, in days, where it differs.
    pub vitals_days: BTreeMap<VitalCode, u32>,
}

impl Default for RetentionConfig {
    fn default() -> Self {
        Self { samples_days: 30, inputs_hours: 24, dead_letters_days: 30, fhir_days: 30, vitals_days: BTreeMap::new() }
    }
}

const fn days(n: u32) -> Millis {
    Millis::from_mins(n as i64 * 24 * 60)
}

impl RetentionConfig {
    /// As the store takes it.
    #[must_use]
    pub fn retention(&self) -> Retention {
        Retention {
            samples: days(self.samples_days),
            by_vital: self.vitals_days.iter().map(|(vital, n)| (*vital, days(*n))).collect(),
            inputs: Millis::from_mins(i64::from(self.inputs_hours) * 60),
            dead_letters: days(self.dead_letters_days),
            fhir: days(self.fhir_days),
        }
    }
}

/// How long people have to answer an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResponseConfig {
    /// High alerts: seconds until levels 2, 3 and 4 are asked.
    pub high_s: Vec<u32>,
    /// Medium alerts of patients.
    pub medium_s: Vec<u32>,
    /// Medium alerts of equipment.
    pub technical_s: Vec<u32>,
    /// Seconds after an acknowledgement until a high alert signals again while it lasts; 0 is never.
    pub reminder_high_s: u32,
    /// The same of a medium alert.
    pub reminder_medium_s: u32,
}

impl Default for ResponseConfig {
    fn default() -> Self {
        Self {
            high_s: vec![60, 120, 180],
            medium_s: vec![180, 600],
            technical_s: vec![900],
            reminder_high_s: 120,
            reminder_medium_s: 600,
        }
    }
}

/// Longest time that may pass until somebody else is asked, in seconds.
const ESCALATION_MAX_S: u32 = 3_600;
/// Longest time until a reminder, in seconds.
const REMINDER_MAX_S: u32 = 3_600;

impl ResponseConfig {
    /// As the engine takes it.
    #[must_use]
    pub fn policy(&self) -> ResponsePolicy {
        let seconds = |list: &[u32]| list.iter().map(|s| Millis::from_secs((*s).into())).collect();
        let reminder = |s: u32| (s > 0).then(|| Millis::from_secs(s.into()));
        ResponsePolicy {
            high: seconds(&self.high_s),
            medium: seconds(&self.medium_s),
            technical: seconds(&self.technical_s),
            reminder_high: reminder(self.reminder_high_s),
            reminder_medium: reminder(self.reminder_medium_s),
        }
    }

    fn check(&self) -> Result<(), ConfigError> {
        for (key, steps) in [
            ("response.high_s", &self.high_s),
            ("response.medium_s", &self.medium_s),
            ("response.technical_s", &self.technical_s),
        ] {
            let ordered = steps.is_sorted() && steps.iter().all(|s| (1..=ESCALATION_MAX_S).contains(s));
            if steps.len() > 3 || !ordered {
                let why = format!("at most 3 ascending numbers of seconds, each from 1 to {ESCALATION_MAX_S}");
                return Err(ConfigError::Setting { name: key.to_owned(), why });
            }
        }
        if self.high_s.is_empty() {
            let why = "a high alert that nobody answers has to reach somebody else".to_owned();
            return Err(ConfigError::Setting { name: "response.high_s".to_owned(), why });
        }
        for (key, s) in
            [("response.reminder_high_s", self.reminder_high_s), ("response.reminder_medium_s", self.reminder_medium_s)]
        {
            if s > REMINDER_MAX_S {
                return Err(ConfigError::Range { key, value: s.into(), low: 0, high: REMINDER_MAX_S.into() });
            }
        }
        Ok(())
    }
}

/// How far people may change limits, and when technical alerts come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AlarmConfig {
    /// The longest delay that people may give a continuous vital, in seconds.
    pub delay_max_s: u32,
    /// A device's clock that is further ahead raises an alert, in seconds.
    pub clock_ahead_s: u32,
    /// A device's clock that is further behind raises an alert, in seconds.
    pub clock_behind_s: u32,
    /// A ward with patients that no terminal has watched for so long raises an alert, in seconds; 0 is never.
    pub no_watcher_s: u32,
}

/// The furthest that `alarm.clock_ahead_s` goes, in seconds: what is further ahead is refused.
const CLOCK_AHEAD_MAX_S: u64 = 30;
/// The furthest that `alarm.clock_behind_s` goes, in seconds.
const CLOCK_BEHIND_MAX_S: u64 = 24 * 3600;
/// The longest that `alarm.no_watcher_s` goes, in seconds.
const NO_WATCHER_MAX_S: u64 = 24 * 3600;

impl AlarmConfig {
    /// How far clocks of devices may be wrong, as the engine takes it.
    #[must_use]
    pub fn clock(&self) -> ClockBounds {
        ClockBounds {
            ahead: Millis::from_secs(self.clock_ahead_s.into()),
            behind: Millis::from_secs(self.clock_behind_s.into()),
        }
    }

    /// After what time a ward that nobody watches is told of, as the engine takes it.
    #[must_use]
    pub fn no_watcher_after(&self) -> Option<Millis> {
        (self.no_watcher_s > 0).then(|| Millis::from_secs(self.no_watcher_s.into()))
    }
}

impl Default for AlarmConfig {
    fn default() -> Self {
        Self { delay_max_s: 15, clock_ahead_s: 10, clock_behind_s: 60, no_watcher_s: 300 }
    }
}

/// When the disk counts as nearly full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DiskConfig {
    /// Used part of the disk that raises a technical alert, in percent.
    pub alert_percent: u8,
}

impl Default for DiskConfig {
    fn default() -> Self {
        Self { alert_percent: 80 }
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// A line for people.
    #[default]
    Text,
    /// A JSON object a line.
    Json,
}

/// The log, on standard error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// Text or JSON.
    pub format: LogFormat,
    /// What is logged: `error`, `warn`, `info`, `debug`, or a filter such as `wardwatch=debug`.
    pub level: String,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { format: LogFormat::default(), level: "info".to_owned() }
    }
}

/// The sample configuration: every key with its default and what it means.
pub const SAMPLE: &str = include_str!("sample.toml");

impl Config {
    /// All vitals: the built-in ones and those defined here.
    ///
    /// # Errors
    /// If one cannot join the table.
    pub fn vitals(&self) -> Result<VitalTable, ConfigError> {
        let mut table = VitalTable::builtin();
        for vital in &self.vital {
            let refused = |why: String| ConfigError::Vital { vital: vital.code.clone(), why };
            let def = vital.definition().map_err(refused)?;
            table.add(def).map_err(|e| refused(e.to_string()))?;
        }
        Ok(table)
    }

    /// Gateways that are lost when nothing has come of them for so long.
    #[must_use]
    pub fn watchdogs(&self) -> BTreeMap<DeviceId, Millis> {
        mllp::watchdogs(&self.mllp)
    }

    /// The limits of the site: the built-in ones with what is said here.
    ///
    /// # Errors
    /// If they would be out of order or implausible.
    pub fn profiles(&self) -> Result<Profiles, ConfigError> {
        let delay_max = Millis::from_secs(self.alarm.delay_max_s.into());
        profiles::profiles(&self.profiles, &self.vitals()?, delay_max)
    }

    /// Checks what types alone do not say.
    ///
    /// # Errors
    /// The first thing that is wrong, with what to do.
    pub fn check(&self) -> Result<(), ConfigError> {
        let range = |key: &'static str, value: u64, low: u64, high: u64| {
            if (low..=high).contains(&value) { Ok(()) } else { Err(ConfigError::Range { key, value, low, high }) }
        };
        let of = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        range("limits.connections", of(self.limits.connections), 1, 100_000)?;
        range("limits.connections_per_address", of(self.limits.connections_per_address), 1, 100_000)?;
        range("limits.streams_per_principal", of(self.limits.streams_per_principal), 1, 10_000)?;
        range("limits.body_bytes", of(self.limits.body_bytes), 1_024, 256 * 1024 * 1024)?;
        range("limits.observations_per_request", of(self.limits.observations_per_request), 1, 1_000_000)?;
        range("limits.device_requests_per_s", self.limits.device_requests_per_s.into(), 1, 10_000_000)?;
        range("limits.stream_messages_per_s", self.limits.stream_messages_per_s.into(), 5, 100_000)?;
        range("session.idle_lock_s", self.session.idle_lock_s.into(), 1, 24 * 3600)?;
        range("session.absolute_s", self.session.absolute_s.into(), 1, 7 * 24 * 3600)?;
        let within = approvals::APPROVE_WITHIN_MAX_S.into();
        range("rights.approve_within_s", self.rights.approve_within_s.into(), 1, within)?;
        range("passphrase.memory_kib", self.passphrase.memory_kib.into(), 64, 4 * 1024 * 1024)?;
        range("passphrase.passes", self.passphrase.passes.into(), 1, 100)?;
        range("passphrase.lanes", self.passphrase.lanes.into(), 1, 16)?;
        range("passphrase.concurrent", of(self.passphrase.concurrent), 1, 64)?;
        range("retention.samples_days", self.retention.samples_days.into(), 1, 36_500)?;
        range("retention.inputs_hours", self.retention.inputs_hours.into(), 1, 24 * 365)?;
        range("retention.dead_letters_days", self.retention.dead_letters_days.into(), 1, 36_500)?;
        self.response.check()?;
        self.notify.check()?;
        self.fhir.check()?;
        self.audit.check()?;
        mllp::check(&self.mllp, &self.vitals()?)?;
        mqtt::check(&self.mqtt, self.medtech.device_mapping.is_some(), &self.vitals()?)?;
        range("alarm.delay_max_s", self.alarm.delay_max_s.into(), 0, profiles::DELAY_MAX_S.into())?;
        range("alarm.clock_ahead_s", self.alarm.clock_ahead_s.into(), 2, CLOCK_AHEAD_MAX_S)?;
        range("alarm.clock_behind_s", self.alarm.clock_behind_s.into(), 2, CLOCK_BEHIND_MAX_S)?;
        range("alarm.no_watcher_s", self.alarm.no_watcher_s.into(), 0, NO_WATCHER_MAX_S)?;
        range("disk.alert_percent", self.disk.alert_percent.into(), 1, 100)?;
        tracing_subscriber::EnvFilter::try_new(&self.log.level)
            .map_err(|e| ConfigError::Setting { name: "log.level".to_owned(), why: e.to_string() })?;
        self.server.check()?;
        self.ssh.check()?;
        self.profiles().map(|_| ())
    }
}
