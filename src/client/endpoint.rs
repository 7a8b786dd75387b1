//! Where a server is.

use std::{fmt, str::FromStr};

/// The port that a server listens on by default.
const DEFAULT_PORT: u16 = 8470;

/// The address of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    host: String,
    port: u16,
}

/// A text that is not the address of a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Its form is wrong.
    #[error("{0:?} is not a server: http://HOST:PORT is wanted, such as http://127.0.0.1:{DEFAULT_PORT}")]
    Form(String),
    /// It asks for TLS.
    #[error(
        "{0:?} asks for TLS, which this version does not speak: use an SSH tunnel to the server's loopback address"
    )]
    Tls(String),
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let form = || EndpointError::Form(text.chars().take(100).collect());
        let rest = match text.split_once("://") {
            None => text,
            Some(("http" | "ws", rest)) => rest,
            Some(("https" | "wss", _)) => return Err(EndpointError::Tls(text.to_owned())),
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
        Ok(Self { host: host.to_owned(), port })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}:{}", self.host, self.port)
    }
}

impl Endpoint {
    /// `HOST:PORT`, as the Host header and the resolver take it.
    #[must_use]
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
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

    #[test]
    fn tls_is_not_silently_left_out() {
        assert!(matches!("https://host".parse::<Endpoint>(), Err(EndpointError::Tls(_))));
    }
}
