//! `wardwatch status`.

use super::{NOT_LIVE, admin, admin::SiteArgs};
use crate::{
    backend::{
        admin::{AdminAnswer, AdminRequest, Status},
        identity::{EXPIRES_SOON_DAYS, TlsStatus},
        mqtt::SourceState,
    },
    protocol::StoreState,
};
use anyhow::bail;
use std::io::Write;

/// Show how the server of a data folder does
///
/// Exit codes: 0 the server runs, 2 wrong use or failure, 3 no server runs on this folder.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// One JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    site: SiteArgs,
}

/// Does what is asked.
pub(super) fn run(args: &Args) -> anyhow::Result<u8> {
    let status = match admin::ask(&args.site.existing()?, AdminRequest::Status, None)? {
        AdminAnswer::Status(status) => status,
        AdminAnswer::Failed { why } => bail!(why),
        other => bail!("the server's answer is not understood: {other:?}"),
    };
    let mut out = std::io::stdout().lock();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&status)?)?;
    } else {
        write!(out, "{}", text(&status))?;
    }
    Ok(if status.serving { 0 } else { NOT_LIVE })
}

fn text(status: &Status) -> String {
    let serving = if status.serving { "serving" } else { "NOT SERVING: no server runs on this folder" };
    let store = match status.store {
        StoreState::Unrecorded => format!(" · NOT RECORDING: {}", status.store_why),
        StoreState::Recording if status.serving => " · recording".to_owned(),
        StoreState::Recording => String::new(),
    };
    let mode = match status.mode {
        crate::domain::Mode::Live => "live",
        crate::domain::Mode::Demo => "DEMO",
    };
    let disk = status.disk_used_percent.map_or_else(|| "not known".to_owned(), |p| format!("{p} % used"));
    let mut text = format!(
        "wardwatch {} · {mode} · {serving}{store}\naudit entries {} · dead letters {} · sessions {} · disk {disk}\n",
        status.version, status.audit_leaves, status.dead_letters, status.sessions
    );
    if let Some(tls) = &status.tls {
        text.push_str(&tls_text(tls));
    }
    if let Some(syslog) = &status.syslog {
        text.push_str(&syslog.words());
        text.push('\n');
    }
    for source in &status.sources {
        let state = match &source.state {
            SourceState::Connected => format!("connected since {}", source.since),
            SourceState::Away { why } => format!("NOT CONNECTED since {}: {why}", source.since),
        };
        let (name, broker, messages) = (&source.name, &source.broker, source.messages);
        text.push_str(&format!("mqtt.{name} at {broker}: {state} · {messages} messages\n"));
    }
    for ward in &status.wards {
        text.push_str(&format!(
            "ward {}: {} patients · {} alerts open, {} not acknowledged · last event {}\n",
            ward.ward, ward.patients, ward.alerts, ward.unacknowledged, ward.head
        ));
        for device in &ward.devices {
            let last = device.last_observed.map_or_else(
                || "never".to_owned(),
                |at| format!("{:.0} s ago", status.now.since(at).as_secs_f64().max(0.0)),
            );
            text.push_str(&format!("  {:<32} last value {last}\n", device.device));
        }
    }
    text
}

fn tls_text(tls: &TlsStatus) -> String {
    let end = match tls.days_left {
        ..0 => format!("THE CERTIFICATE ENDED at {}", tls.not_after),
        days @ ..EXPIRES_SOON_DAYS => format!("THE CERTIFICATE ENDS in {days} days, at {}", tls.not_after),
        _ => format!("certificate until {}", tls.not_after),
    };
    let wrong = tls.wrong.as_ref().map(|why| format!("TLS: THE FILES CANNOT BE USED: {why}\n")).unwrap_or_default();
    format!("TLS · {end} · for {}\nkey {}\n{wrong}", tls.names.join(", "), tls.key)
}
