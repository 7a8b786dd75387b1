//! Channels of what the configuration says.

use crate::{
    backend::config::{ChannelConfig, EmailConfig, EmailTlsConfig, WebhookConfig},
    notify::{
        Channel, ChannelError, CommandChannel, CommandParts, EmailChannel, EmailParts, EmailTls, WebhookChannel,
        WebhookParts, WebhookSecret, read_secret,
    },
    seam::Clock,
};
use std::{sync::Arc, time::Duration};

/// The channel that a configuration describes; its secrets are read now.
///
/// # Errors
/// If a file cannot be used, or an address is none.
pub fn build(config: &ChannelConfig, clock: &Arc<dyn Clock>) -> Result<Box<dyn Channel>, ChannelError> {
    let timeout = Duration::from_secs(config.timeout_s.into());
    if let Some(webhook) = &config.webhook {
        return self::webhook(webhook, timeout, clock.clone());
    }
    if let Some(command) = &config.command {
        let parts = CommandParts { program: command.program.clone(), args: command.args.clone(), timeout };
        return Ok(Box::new(CommandChannel::new(parts)));
    }
    let email = config.email.as_ref().ok_or_else(|| ChannelError("the channel has no way to send".to_owned()))?;
    self::email(email, timeout)
}

fn webhook(config: &WebhookConfig, timeout: Duration, clock: Arc<dyn Clock>) -> Result<Box<dyn Channel>, ChannelError> {
    let secret = WebhookSecret::read(&config.secret_file).map_err(|e| ChannelError(e.to_string()))?;
    let parts = WebhookParts { url: config.url.clone(), secret, ca_file: config.ca_file.clone(), timeout };
    Ok(Box::new(WebhookChannel::new(parts, clock)?))
}

fn email(config: &EmailConfig, timeout: Duration) -> Result<Box<dyn Channel>, ChannelError> {
    let login = match (&config.user, &config.password_file) {
        (Some(user), Some(file)) => {
            let passphrase = read_secret(file).map_err(|e| ChannelError(e.to_string()))?;
            Some((user.clone(), passphrase))
        }
        _ => None,
    };
    let tls = match config.tls {
        EmailTlsConfig::Implicit => EmailTls::Implicit,
        EmailTlsConfig::Starttls => EmailTls::Starttls,
        EmailTlsConfig::None => EmailTls::None,
    };
    Ok(Box::new(EmailChannel::new(EmailParts {
        host: config.host.clone(),
        port: config.port(),
        tls,
        ca_file: config.ca_file.clone(),
        login,
        from: config.from.clone(),
        to: config.to.clone(),
        timeout,
    })?))
}
