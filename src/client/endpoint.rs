//! Where a server is.

use super::trust::Trust;
use std::{fmt, str::FromStr};

/// The port that a server listens on by default.
const DEFAULT_PORT: u16 = 8470;

/// The address of a server, and how it is known to be that server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    host: String,
    port: u16,
    tls: bool,
    trust: Option<Trust>,
}

/// A text that is not the address of a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Its form is wrong.
    #[error("{0:?} is not a server: https://HOST:PORT is wanted, or http://127.0.0.1:{DEFAULT_PORT} on this machine")]
    Form(String),
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let form = || EndpointError::Form(text.chars().take(100).collect());
        let (tls, rest) = match text.split_once("://") {
            None => (false, text),
            Some(("http" | "ws", rest)) => (false, rest),
            Some(("https" | "wss", rest)) => (true, rest),
            Some(_) => return Err(form()),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port.parse().map_err(|_| form())?),
            _ => (authority, DEFAULT_PORT),
        };
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let ok = |c: char| c.is_ascii_alphanumeric() || ".-:_".contains(c);
        if bare.is_empty() || !bare.chars().all(ok) || (bare.contains(':') && !host.starts_with('[')) {
            return Err(form());
        }
        Ok(Self { host: host.to_ascii_lowercase(), port, tls, trust: None })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

impl Endpoint {
    /// `HOST:PORT`, as the Host header and the resolver take it.
    #[must_use]
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The host without a port; an IPv6 address without its brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    /// Whether TLS is spoken there.
    #[must_use]
    pub const fn is_tls(&self) -> bool {
        self.tls
    }

    /// How the server is known, if it is.
    #[must_use]
    pub const fn trust(&self) -> Option<&Trust> {
        self.trust.as_ref()
    }

    /// The same server, known by this.
    #[must_use]
    pub fn trusted(self, trust: Trust) -> Self {
        Self { trust: Some(trust), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("http://127.0.0.1:8470", "http://127.0.0.1:8470")]
    #[case("ws://ward-server:9000/", "http://ward-server:9000")]
    #[case("localhost", "http://localhost:8470")]
    #[case("[::1]:8470", "http://[::1]:8470")]
    #[case("https://Monitor", "https://monitor:8470")]
    #[case("wss://10.1.2.3:443/", "https://10.1.2.3:443")]
    fn forms(#[case] text: &str, #[case] shown: &str) {
        assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), shown);
    }

    #[rstest]
    #[case("ftp://host")]
    #[case("http://")]
    #[case("host:port")]
    #[case("host/path")]
    #[case("::1")]
    #[case("ho st")]
    fn not_forms(#[case] text: &str) {
        assert!(matches!(text.parse::<Endpoint>(), Err(EndpointError::Form(_))), "{text}");
    }
}
