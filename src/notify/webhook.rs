//! A signed webhook: the letter as a cloud event, posted and signed as Standard Webhooks has it.
//!
//! Sources: CloudEvents 1.0 (HTTP binding, structured mode); Standard Webhooks 1.0 (headers `webhook-id`,
//! `webhook-timestamp`, `webhook-signature`; HMAC-SHA-256 over `id.timestamp.body`).

use super::{Channel, ChannelError, Letter, SendError, WebhookSecret, cloud_event};
use crate::seam::Clock;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use ureq::{
    Agent,
    tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem},
};

/// The media type of a structured cloud event.
const CLOUD_EVENTS_JSON: &str = "application/cloudevents+json; charset=utf-8";
/// What we call ourselves.
const USER_AGENT: &str = concat!("wardwatch/", env!("CARGO_PKG_VERSION"));

/// What a webhook is made of.
#[derive(Debug)]
pub struct WebhookParts {
    /// Where to.
    pub url: String,
    /// The secret that both sides share.
    pub secret: WebhookSecret,
    /// Certificates of the authorities that are trusted, as PEM; those of Mozilla's list if absent.
    pub ca_file: Option<PathBuf>,
    /// The longest time for one try.
    pub timeout: Duration,
}

/// A signed webhook.
pub struct WebhookChannel {
    agent: Agent,
    url: String,
    secret: WebhookSecret,
    clock: Arc<dyn Clock>,
}

impl WebhookChannel {
    /// A webhook.
    ///
    /// # Errors
    /// If the file of authorities cannot be used.
    pub fn new(parts: WebhookParts, clock: Arc<dyn Clock>) -> Result<Self, ChannelError> {
        let roots = parts.ca_file.as_deref().map(roots_of).transpose()?.unwrap_or(RootCerts::WebPki);
        let config = Agent::config_builder()
            .timeout_global(Some(parts.timeout))
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .user_agent(USER_AGENT)
            // The address that was set and no other: a proxy of the environment would read the links.
            .proxy(None)
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .build();
        Ok(Self { agent: config.new_agent(), url: parts.url, secret: parts.secret, clock })
    }
}

fn roots_of(path: &Path) -> Result<RootCerts, ChannelError> {
    let wrong = |why: String| ChannelError(format!("the file of authorities {} cannot be used: {why}", path.display()));
    let pem = std::fs::read(path).map_err(|e| wrong(e.to_string()))?;
    let mut certificates: Vec<Certificate<'static>> = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|e| wrong(e.to_string()))? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(wrong("it holds no certificate".to_owned()));
    }
    Ok(RootCerts::new_with_certs(&certificates))
}

/// The identifier of a message: the same for every try, another for every other letter.
fn message_id(source: &str, id: &str) -> String {
    let digest = Sha256::digest(format!("{source}\n{id}").as_bytes());
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("msg_{hex}")
}

/// The signature of a message, version and base64.
fn signature(secret: &WebhookSecret, id: &str, timestamp: i64, body: &str) -> Result<String, SendError> {
    let mac = Hmac::<Sha256>::new_from_slice(secret.bytes());
    let mut mac = mac.map_err(|_| SendError::Never("the secret cannot sign".to_owned()))?;
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    Ok(format!("v1,{}", BASE64.encode(mac.finalize().into_bytes())))
}

/// What the status of an answer means.
fn judge(status: u16) -> Result<(), SendError> {
    let said = format!("the receiver answered {status}");
    match status {
        200..=299 => Ok(()),
        408 | 425 | 429 | 500..=599 => Err(SendError::Later(said)),
        300..=399 => Err(SendError::Never(format!("{said}: redirects are not followed, give the final address"))),
        _ => Err(SendError::Never(said)),
    }
}

impl Channel for WebhookChannel {
    fn send(&self, letter: &Letter) -> Result<(), SendError> {
        let event = cloud_event(letter);
        let source = event.get("source").and_then(|v| v.as_str()).unwrap_or_default();
        let id = message_id(source, &letter.id.to_string());
        let body = event.to_string();
        let timestamp = self.clock.wall().as_ms().div_euclid(1_000);
        let signature = signature(&self.secret, &id, timestamp, &body)?;
        let request = self
            .agent
            .post(&self.url)
            .header("content-type", CLOUD_EVENTS_JSON)
            .header("webhook-id", &id)
            .header("webhook-timestamp", timestamp.to_string())
            .header("webhook-signature", signature);
        match request.send(body.as_bytes()) {
            Ok(answer) => judge(answer.status().as_u16()),
            Err(ureq::Error::BadUri(why)) => Err(SendError::Never(format!("the address cannot be used: {why}"))),
            Err(e) => Err(SendError::Later(e.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    /// The example of the specification of Standard Webhooks.
    #[test]
    fn signs_as_the_specification_has_it() {
        let secret = WebhookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = r#"{"test": 2432232314}"#;
        let made = signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body).unwrap();
        assert_eq!(made, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn a_message_keeps_its_identifier_and_shares_it_with_no_other() {
        assert_eq!(message_id("s", "7.2.a"), message_id("s", "7.2.a"));
        assert_ne!(message_id("s", "7.2.a"), message_id("s", "7.2.b"));
        assert!(!message_id("s", "7.2.a").contains('.'), "the signature joins its parts by points");
    }

    #[rstest]
    #[case(200, None)]
    #[case(204, None)]
    #[case(302, Some(false))]
    #[case(400, Some(false))]
    #[case(410, Some(false))]
    #[case(429, Some(true))]
    #[case(500, Some(true))]
    #[case(503, Some(true))]
    fn the_status_says_whether_to_try_again(#[case] status: u16, #[case] again: Option<bool>) {
        let found = judge(status).err().map(|e| matches!(e, SendError::Later(_)));
        assert_eq!(found, again);
    }
}
