//! Ways out: `[notify]` and `[notify.channel.NAME]`.

use super::ConfigError;
use crate::{
    domain::{ChannelName, Priority, WardId, alert::FIRST_LEVEL, alert::LAST_LEVEL},
    notify::Content,
};
use axum::http::Uri;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, net::IpAddr, path::PathBuf};

/// Longest time for one try, in seconds.
const TIMEOUT_MAX_S: u32 = 60;
/// Most tries of one letter.
const ATTEMPTS_MAX: u32 = 20;
/// Longest time that a link holds, in minutes.
const LINK_MINUTES_MAX: u32 = 120;
/// Most people who look after privacy.
const PRIVACY_MAX: usize = 16;
/// Most channels.
const CHANNELS_MAX: usize = 16;

/// Ways out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NotifyConfig {
    /// Where this server is reached from outside; without it messages have no link to acknowledge by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
    /// How long a link holds, in minutes.
    pub link_minutes: u32,
    /// E-mail addresses by login name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub addresses: BTreeMap<String, String>,
    /// Login names of those who look after privacy: they are told at once of each patient who is opened in an emergency,
    /// besides charge of the ward.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub privacy: Vec<String>,
    /// The channels by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub channel: BTreeMap<ChannelName, ChannelConfig>,
}

impl Default for NotifyConfig {
    fn default() -> Self {
        Self {
            public_url: None,
            link_minutes: 15,
            addresses: BTreeMap::new(),
            privacy: Vec::new(),
            channel: BTreeMap::new(),
        }
    }
}

/// One channel. Exactly one of `webhook`, `command` and `email` says how it sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChannelConfig {
    /// Alerts of which priorities.
    pub priorities: Vec<Priority>,
    /// From which level of escalation on, 1 to 4.
    pub min_level: u8,
    /// Of which wards; all if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub wards: Vec<WardId>,
    /// Whether it tells of patients who are opened in emergencies too.
    pub emergencies: bool,
    /// How much it may tell.
    pub content: Content,
    /// Longest time for one try, in seconds.
    pub timeout_s: u32,
    /// Tries of one message; the waits between them are 1, 2, 4 … s, at most 60 s.
    pub attempts: u32,
    /// A signed webhook.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<WebhookConfig>,
    /// A command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<CommandConfig>,
    /// E-mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<EmailConfig>,
}

impl Default for ChannelConfig {
    fn default() -> Self {
        Self {
            priorities: vec![Priority::High, Priority::Medium],
            min_level: FIRST_LEVEL,
            wards: Vec::new(),
            emergencies: true,
            content: Content::default(),
            timeout_s: 10,
            attempts: 5,
            webhook: None,
            command: None,
            email: None,
        }
    }
}

/// A signed webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// Where to; `https`, or `http` on this machine.
    pub url: String,
    /// A file with the secret that both sides share, `whsec_…`.
    pub secret_file: PathBuf,
    /// Certificates of the authorities that are trusted, as PEM; those of Mozilla's list if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// Whether `http` may go over a network.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub insecure: bool,
}

/// A command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandConfig {
    /// The program, by its whole path; no shell stands between.
    pub program: PathBuf,
    /// Its arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
}

/// How the way to a mail server is kept secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum EmailTlsConfig {
    /// From the first byte on.
    Implicit,
    /// After a word in plain text; without it nothing is sent.
    #[default]
    Starttls,
    /// Not at all: on this machine alone, unless `insecure` is set.
    None,
}

/// E-mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmailConfig {
    /// The mail server.
    pub host: String,
    /// Its port; 465, 587 or 25 by `tls` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// How the way is kept secret.
    #[serde(default)]
    pub tls: EmailTlsConfig,
    /// Certificates of authorities that are trusted besides Mozilla's list, as PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// The name for the mail server, if it wants one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// A file with the passphrase for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// The sender.
    pub from: String,
    /// Who gets what is for somebody without an address, or for nobody by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<String>,
    /// Whether plain text may go over a network.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub insecure: bool,
}

impl EmailConfig {
    /// The port in force.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.tls {
            EmailTlsConfig::Implicit => 465,
            EmailTlsConfig::Starttls => 587,
            EmailTlsConfig::None => 25,
        })
    }
}

impl ChannelConfig {
    /// How it sends, in one word.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match (&self.webhook, &self.command, &self.email) {
            (Some(_), ..) => "webhook",
            (_, Some(_), _) => "command",
            (_, _, Some(_)) => "email",
            _ => "none",
        }
    }

    fn check(&self) -> Result<(), String> {
        let ways = usize::from(self.webhook.is_some())
            + usize::from(self.command.is_some())
            + usize::from(self.email.is_some());
        if ways != 1 {
            return Err(format!("exactly one of webhook, command and email is wanted, not {ways}"));
        }
        if self.priorities.is_empty() {
            return Err("priorities must name at least one of high, medium, low".to_owned());
        }
        if !(FIRST_LEVEL..=LAST_LEVEL).contains(&self.min_level) {
            return Err(format!("min_level must be {FIRST_LEVEL} to {LAST_LEVEL}"));
        }
        if !(1..=TIMEOUT_MAX_S).contains(&self.timeout_s) {
            return Err(format!("timeout_s must be 1 to {TIMEOUT_MAX_S}"));
        }
        if !(1..=ATTEMPTS_MAX).contains(&self.attempts) {
            return Err(format!("attempts must be 1 to {ATTEMPTS_MAX}"));
        }
        self.webhook.as_ref().map_or(Ok(()), WebhookConfig::check)?;
        self.command.as_ref().map_or(Ok(()), CommandConfig::check)?;
        self.email.as_ref().map_or(Ok(()), EmailConfig::check)
    }
}

impl WebhookConfig {
    fn check(&self) -> Result<(), String> {
        let (https, host) = address(&self.url)?;
        if https || self.insecure || is_here(&host) {
            return Ok(());
        }
        Err(format!("{} goes over a network in plain text: use https, or set insecure = true", self.url))
    }
}

impl CommandConfig {
    fn check(&self) -> Result<(), String> {
        if self.program.is_absolute() {
            Ok(())
        } else {
            Err(format!("program {} must be a whole path", self.program.display()))
        }
    }
}

impl EmailConfig {
    fn check(&self) -> Result<(), String> {
        if self.tls == EmailTlsConfig::None && !self.insecure && !is_here(&self.host) {
            return Err(format!("mail to {} would go in plain text: set tls, or insecure = true", self.host));
        }
        if self.user.is_some() == self.password_file.is_some() {
            Ok(())
        } else {
            Err("user and password_file belong together".to_owned())
        }
    }
}

/// Whether an address is `https`, and its host.
fn address(url: &str) -> Result<(bool, String), String> {
    let wrong = || format!("{url:?} is no http or https address");
    let uri: Uri = url.parse().map_err(|_| wrong())?;
    let host = uri.host().ok_or_else(wrong)?.to_owned();
    match uri.scheme_str() {
        Some("https") => Ok((true, host)),
        Some("http") => Ok((false, host)),
        _ => Err(wrong()),
    }
}

/// Whoever reads a link may answer in the name of its person: it must not cross a network in plain text.
fn checked_public(url: &str) -> Result<(), String> {
    let (https, host) = address(url)?;
    if https || is_here(&host) {
        return Ok(());
    }
    Err(format!("links to {url} would cross a network in plain text: serve TLS, here or by a proxy, and use https"))
}

pub(super) fn is_here(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

impl NotifyConfig {
    /// Checks what types alone do not say.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), ConfigError> {
        let wrong = |name: String, why: String| ConfigError::Setting { name, why };
        if let Some(url) = &self.public_url {
            checked_public(url).map_err(|why| wrong("notify.public_url".to_owned(), why))?;
        }
        if !(1..=LINK_MINUTES_MAX).contains(&self.link_minutes) {
            let (value, high) = (self.link_minutes.into(), LINK_MINUTES_MAX.into());
            return Err(ConfigError::Range { key: "notify.link_minutes", value, low: 1, high });
        }
        if self.privacy.len() > PRIVACY_MAX {
            return Err(wrong("notify.privacy".to_owned(), format!("at most {PRIVACY_MAX} names are allowed")));
        }
        if self.channel.len() > CHANNELS_MAX {
            return Err(wrong("notify.channel".to_owned(), format!("at most {CHANNELS_MAX} channels are allowed")));
        }
        for (name, channel) in &self.channel {
            channel.check().map_err(|why| wrong(format!("notify.channel.{name}"), why))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn parse(text: &str) -> Result<NotifyConfig, String> {
        let config: NotifyConfig = toml::from_str(text).map_err(|e| e.to_string())?;
        config.check().map(|()| config).map_err(|e| e.to_string())
    }

    #[test]
    fn a_channel_of_each_kind_is_taken() {
        let config = parse(
            r#"
            public_url = "https://ward.example"
            [addresses]
            okafor = "okafor@hospital.example"
            [channel.pager.webhook]
            url = "https://pager.example/in"
            secret_file = "/etc/wardwatch/pager.secret"
            [channel.modem]
            priorities = ["high"]
            min_level = 2
            command = { program = "/usr/local/bin/page", args = ["--bed"] }
            [channel.mail]
            content = "condition"
            email = { host = "mail.hospital.example", from = "ward@hospital.example", to = ["ward@hospital.example"] }
            "#,
        )
        .unwrap();
        let kinds: Vec<_> = config.channel.values().map(ChannelConfig::kind).collect();
        assert_eq!(kinds, ["email", "command", "webhook"]);
        let mail = config.channel.values().next().unwrap();
        assert_eq!((mail.content, mail.email.as_ref().unwrap().port()), (Content::Condition, 587));
    }

    #[rstest]
    #[case("[channel.a]", "exactly one of webhook, command and email is wanted, not 0")]
    #[case("[channel.a]\ncommand = { program = \"page\" }", "must be a whole path")]
    #[case("[channel.a]\nwebhook = { url = \"http://pager.example\", secret_file = \"s\" }", "plain text")]
    #[case("[channel.a]\nwebhook = { url = \"ftp://x\", secret_file = \"s\" }", "no http or https address")]
    #[case("[channel.a]\nemail = { host = \"mx.example\", tls = \"none\", from = \"a@b.c\" }", "plain text")]
    #[case("[channel.a]\nemail = { host = \"mx.example\", user = \"u\", from = \"a@b.c\" }", "belong together")]
    #[case("[channel.a]\nmin_level = 5\ncommand = { program = \"/p\" }", "min_level must be 1 to 4")]
    #[case("[channel.a]\ntimeout_s = 0\ncommand = { program = \"/p\" }", "timeout_s must be 1 to 60")]
    #[case("[channel.a]\npriorities = []\ncommand = { program = \"/p\" }", "at least one of high")]
    #[case("[channel.A]\ncommand = { program = \"/p\" }", "name of a channel")]
    #[case("[channel.a]\ncolour = 1", "unknown field")]
    #[case("link_minutes = 0", "outside 1 to 120")]
    #[case("public_url = \"ward\"", "no http or https address")]
    #[case("public_url = \"http://ward.example\"", "plain text")]
    fn what_is_wrong_is_named(#[case] text: &str, #[case] wanted: &str) {
        let error = parse(text).unwrap_err();
        assert!(error.contains(wanted), "{error}");
    }

    #[test]
    fn plain_text_is_for_this_machine() {
        for url in ["http://127.0.0.1:9/x", "http://localhost/x", "http://[::1]:9/x"] {
            parse(&format!("[channel.a]\nwebhook = {{ url = {url:?}, secret_file = \"s\" }}")).unwrap();
        }
    }
}
