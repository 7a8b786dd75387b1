//! MQTT 3.1.1 and 5: one connection to a broker for each source of the configuration.
//!
//! A message is acknowledged when everything that it says is durable: as values or as dead letters. What cannot be recorded
//! now is not acknowledged: the connection is ended, and the broker delivers it again after the next one. A bad message is
//! kept and acknowledged, so that it stalls no other. Connections are opened in `link`, a message's way is in `desk`, how
//! sources do is in `state`.

mod desk;
mod link;
mod source;
mod state;

pub use state::{SourceState, SourceStatus, Sources};

use super::{
    app::App,
    config::{ConfigError, MqttConfig},
    pipeline::Job,
    server::ServerError,
    tls,
};
use crate::{
    domain::{SystemFault, system::FaultReport},
    notify::read_secret,
};
use source::Source;
use std::{sync::Arc, time::Duration};
use tokio::task::JoinHandle;

/// So often it is looked at whether a source is lost.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Starts a connection for every source of the configuration. A broker that is not there keeps nothing from starting.
///
/// # Errors
/// If a file of a source cannot be used, or its tables do not fit the site's vitals.
pub fn start(app: &Arc<App>) -> Result<Vec<JoinHandle<()>>, ServerError> {
    let mut running = Vec::new();
    for (name, config) in &app.config.mqtt {
        let wrong = |why| ServerError::Config(ConfigError::Setting { name: format!("mqtt.{name}"), why });
        let dial = dial(name, config).map_err(wrong)?;
        let desk = desk::Desk::new(app.clone(), name, config).map_err(wrong)?;
        app.sources.add(name, config, app.clock.boot(), app.engine_clock.now());
        app.hub.metrics().mqtt_connected(name, false);
        running.push(tokio::spawn(Source::new(desk, dial, config.in_flight).run()));
    }
    Ok(running)
}

/// How the broker is reached.
fn dial(name: &str, config: &MqttConfig) -> Result<link::Dial, String> {
    let tls = if config.tls {
        let identity = config.cert_file.as_deref().zip(config.key_file.as_deref());
        let server =
            config.host.clone().try_into().map_err(|_| format!("host {:?} is no name for TLS", config.host))?;
        Some((tls::client(config.ca_file.as_deref(), identity).map_err(|e| tls::whole(&e))?, server))
    } else {
        None
    };
    let password = config.password_file.as_deref().map(read_secret).transpose().map_err(|e| e.to_string())?;
    Ok(link::Dial {
        host: config.host.clone(),
        port: config.port(),
        version: config.version,
        client_id: config.client_id(name),
        login: config.user.clone().zip(password),
        tls,
        keep_alive_s: config.keep_alive_s,
        session_expiry_s: config.session_expiry_s,
        in_flight: config.in_flight,
        message_bytes: config.message_bytes,
        filters: config.filters()?,
    })
}

/// Tells people of sources that are lost, as long as the server runs.
pub(super) async fn watch(app: Arc<App>) {
    let mut interval = tokio::time::interval(LOOK_EVERY);
    // What stood before the start is not known: the first look is always told.
    let mut told: Option<String> = None;
    loop {
        interval.tick().await;
        let detail = app.sources.lost(app.clock.boot()).join("; ");
        if told.as_ref() == Some(&detail) {
            continue;
        }
        let report =
            FaultReport { fault: SystemFault::SourceLost, present: !detail.is_empty(), detail: detail.clone() };
        match app.pipeline.send(Job::Fault(report)) {
            Ok(()) => told = Some(detail),
            Err(e) => tracing::warn!(error = %e, "the state of the sources could not be reported; it is tried again"),
        }
    }
}
