//! This server, described for policies: by its configuration, its store, its files and what it does.

use super::{
    machine::{age, certificate_days_left, clock_synchronised, network, newest_age, since},
    trail::Probe,
};
use crate::{
    backend::{app::App, config::Config, mappings, syslog::SyslogStatus, tls},
    domain::{ConditionCode, Coverage, Device, DeviceId, Millis, Role, Timestamp, WardId},
    policy::Resource,
    seam::{Disk, OsDisk},
    store::DataFolder,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    net::IpAddr,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

const DAY_MS: i64 = 24 * 3_600_000;
const HOUR_MS: i64 = 3_600_000;
const MINUTE_MS: i64 = 60_000;

/// So long ago a device may have been heard for its clock to count as looked at.
const HEARD_MAX: Millis = Millis::from_mins(24 * 60);

/// What the trail records; nothing in the configuration switches any of it off.
const CATEGORIES: [&str; 5] = ["reads", "logins", "alerts", "exports", "configuration"];

/// Names that installations give to many.
const SHARED_NAMES: [&str; 16] = [
    "admin",
    "administrator",
    "root",
    "nurse",
    "nurses",
    "doctor",
    "user",
    "guest",
    "test",
    "ward",
    "icu",
    "shared",
    "station",
    "operator",
    "demo",
    "staff",
];

/// Everything that policies are about. Blocks: it reads files and the store.
pub(super) fn inventory(app: &App, folder: &DataFolder, probe: &Probe, chain: Result<bool, String>) -> Vec<Resource> {
    let (config, now) = (&app.config, app.clock.wall());
    let mut all = listeners(app, folder, now);
    all.push(Resource::new("Wardwatch/stores", "wardwatch.db").with("engine", "sqlite").with("encrypted", false));
    all.extend(keys(config, folder, now));
    all.push(trail(app, folder, probe, chain, now));
    all.extend(people(app));
    all.extend(intakes(config));
    all.extend(devices(app));
    all.extend(mapping(app));
    all.push(clock(now));
    let level = config.log.level.to_lowercase();
    let payloads = ["debug", "trace"].iter().any(|word| level.contains(word));
    all.push(Resource::new("Wardwatch/logs", "log").with("level", level).with("payloads", payloads));
    all.push(disk(folder));
    all.extend(backups(config, now));
    all.extend(fhir(config));
    all
}

fn listener(name: &str, protocol: &str, address: String, network: &str) -> Resource {
    Resource::new("Wardwatch/servers/listeners", name)
        .with("protocol", protocol)
        .with("address", address)
        .with("network", network)
}

/// A listener with TLS, if it has a certificate.
fn with_tls(resource: Resource, certificate: Option<Result<i64, String>>) -> Resource {
    let tls = certificate.is_some();
    let resource = resource.with("tls", tls);
    match certificate {
        Some(days) => resource.with("tlsMinimum", tls::lowest_version()).with_known("certificateDaysLeft", days),
        None => resource,
    }
}

fn listeners(app: &App, folder: &DataFolder, now: Timestamp) -> Vec<Resource> {
    let config = &app.config;
    let server = &config.server;
    let certificate = match (server.tls, app.identity.get()) {
        (crate::backend::config::ServerTls::Off, _) => None,
        (_, Some(identity)) => Some(Ok(identity.status(now).days_left)),
        (_, None) => {
            let own = folder.tls_certificate();
            Some(certificate_days_left(server.tls_cert_file.as_deref().unwrap_or(&own), now))
        }
    };
    let http = listener("http", "http", server.listen.to_string(), network(server.listen.ip()));
    let http = with_tls(http, certificate).with("origins", json!(server.allowed_origins));
    // `http/origin.rs` compares each as a whole, and refuses what is not on the list.
    let mut all = vec![http.with("unknownOriginsRefused", true)];
    for (name, source) in &config.mllp {
        let certificate = source.tls_cert_file.as_deref().map(|path| certificate_days_left(path, now));
        let address = source.listen.to_string();
        all.push(with_tls(
            listener(&format!("mllp.{name}"), "mllp", address, network(source.listen.ip())),
            certificate,
        ));
    }
    let sockets = [("admin-socket", Some(folder.admin_socket())), ("ssh-socket", config.ssh.socket.clone())];
    for (name, path) in sockets {
        if let Some(path) = path {
            all.push(listener(name, "unix", path.display().to_string(), "unix").with("tls", false));
        }
    }
    all
}

fn keys(config: &Config, folder: &DataFolder, now: Timestamp) -> Vec<Resource> {
    // Who asks may be root; the server's account is that of its folder.
    let owner = std::fs::metadata(folder.path()).ok().map(|meta| meta.uid());
    let pepper = config.passphrase.pepper_file.clone();
    let tls = config.server.tls_key_file.clone();
    let mut files: Vec<(String, PathBuf, bool)> = vec![
        ("audit.key".to_owned(), folder.audit_key(), false),
        ("links.key".to_owned(), folder.link_key_file(), false),
        ("pepper.key".to_owned(), pepper.clone().unwrap_or_else(|| folder.pepper_file()), pepper.is_some()),
        ("tls.key".to_owned(), tls.clone().unwrap_or_else(|| folder.tls_key()), tls.is_some()),
    ];
    let mllp =
        config.mllp.iter().filter_map(|(name, s)| Some((format!("mllp.{name}.key"), s.tls_key_file.clone()?, true)));
    let mqtt = config.mqtt.iter().filter_map(|(name, s)| Some((format!("mqtt.{name}.key"), s.key_file.clone()?, true)));
    files.extend(mllp.chain(mqtt));
    files.into_iter().filter(|(_, path, named)| *named || path.exists()).map(|file| key(file, owner, now)).collect()
}

fn key((name, path, supplied): (String, PathBuf, bool), owner: Option<u32>, now: Timestamp) -> Resource {
    let resource = Resource::new("Wardwatch/keys", &name).with("operatorSupplied", supplied);
    match std::fs::metadata(&path) {
        Ok(meta) => resource
            .with("mode", format!("{:o}", meta.mode() & 0o777))
            .with("private", meta.mode() & 0o077 == 0)
            .with("ownedByServer", meta.uid() == 0 || Some(meta.uid()) == owner)
            .with_known("ageDays", age(&meta, now).map(|age| age.0 / DAY_MS)),
        Err(e) => {
            let why = format!("{}: {e}", path.display());
            ["mode", "private", "ownedByServer", "ageDays"].iter().fold(resource, |r, field| r.without(field, &why))
        }
    }
}

fn trail(app: &App, folder: &DataFolder, probe: &Probe, chain: Result<bool, String>, now: Timestamp) -> Resource {
    // What the configuration names was checked when it was read.
    let witnesses = app.config.audit.verifiers().unwrap_or_default();
    let resource = Resource::new("Wardwatch/audit/sinks", "trail")
        .with("probeWritten", probe.written)
        .with("probeReadBack", probe.read_back)
        .with("probe", probe.why.clone())
        .with_known("chainVerified", chain)
        .with("categories", json!(CATEGORIES))
        .with("kept", "days")
        .with("retentionDays", crate::audit::retention::span_of(app.config.audit.retention_years).0 / DAY_MS)
        .with("witnesses", witnesses.len());
    let resource = match folder.cosigned_checkpoints() {
        Ok(notes) => {
            let cosigned = |note: &String| witnesses.iter().filter_map(|w| w.cosigned_at(note).ok()).max();
            let newest = notes.iter().filter_map(cosigned).max();
            let at = newest.and_then(|unix_s| i64::try_from(unix_s).ok());
            witnessed(resource, at.map(|s| Timestamp::from_ms(s.saturating_mul(1_000))), now)
        }
        Err(e) => resource.without("witnessedMinutes", &e.to_string()),
    };
    let receiver = app.config.audit.syslog.is_some();
    let resource =
        resource.with("receivers", u8::from(receiver)).with("copies", witnesses.len() + usize::from(receiver));
    copied(resource, receiver.then(|| app.syslog.status(app.hub.audit_size())), now)
}

/// How long ago a witness signed last. One whose clock is ahead says nothing of when that was.
fn witnessed(resource: Resource, at: Option<Timestamp>, now: Timestamp) -> Resource {
    let Some(at) = at else { return resource };
    let age = since(at, now).map_err(|why| format!("the newest cosignature of a witness: {why}"));
    resource.with_known("witnessedMinutes", age.map(|age| age.0 / MINUTE_MS))
}

/// How fresh what is held off this machine is: the entries that a receiver of syslog confirmed, if one is configured, else
/// what a witness signed.
fn copied(resource: Resource, receiver: Option<Option<SyslogStatus>>, now: Timestamp) -> Resource {
    let minutes = |at: Timestamp| since(at, now).map(|age| age.0 / MINUTE_MS);
    match receiver {
        None => match (
            resource.properties.get("witnessedMinutes").cloned(),
            resource.unknown.get("witnessedMinutes").cloned(),
        ) {
            (Some(minutes), _) => resource.with("copyMinutes", minutes),
            (None, Some(why)) => resource.without("copyMinutes", &why),
            (None, None) => resource,
        },
        Some(None) => {
            resource.without("copyMinutes", "the server does not serve, so that nothing is delivered by syslog")
        }
        Some(Some(status)) => match (&status.failing, status.last) {
            (Some((since, _)), last) => resource.with_known("copyMinutes", minutes(last.unwrap_or(*since))),
            (None, _) if status.waiting() == 0 => resource.with("copyMinutes", 0),
            (None, Some(last)) => resource.with_known("copyMinutes", minutes(last)),
            (None, None) => resource.without("copyMinutes", "nothing was delivered by syslog since the server started"),
        },
    }
}

fn people(app: &App) -> Vec<Resource> {
    let directory = app.hub.directory();
    let account = |user: &crate::store::UserRecord| {
        let wards: Value = match &user.coverage {
            Coverage::All => json!("all"),
            Coverage::Wards(wards) => json!(wards.len()),
        };
        let name = user.name.to_lowercase();
        Resource::new("Wardwatch/accounts", &user.name)
            .with("role", user.role.as_str())
            .with("enabled", user.enabled)
            .with("secondFactor", user.factor.is_some())
            .with("sshKey", directory.keys().any(|key| key.user == user.id))
            .with("standingAdmin", user.role == Role::Admin)
            .with("sharedName", SHARED_NAMES.contains(&name.trim_end_matches(|c: char| c.is_ascii_digit())))
            .with("wards", wards)
    };
    let mut all: Vec<Resource> = directory.users().map(account).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    let session = &app.config.session;
    all.push(
        Resource::new("Wardwatch/sessions", "sessions")
            .with("idleLockSeconds", session.idle_lock_s)
            .with("absoluteSeconds", session.absolute_s),
    );
    all
}

fn intakes(config: &Config) -> Vec<Resource> {
    let intake = |name: &str, protocol: &str, network: &str, credential: &str| {
        Resource::new("Wardwatch/intakes", name)
            .with("protocol", protocol)
            .with("network", network)
            .with("credential", credential)
    };
    let http = network(config.server.listen.ip());
    let mut all = vec![intake("http", "http", http, "token").with("anonymous", false)];
    for (name, source) in &config.mllp {
        let from = network(source.listen.ip());
        let credential = if source.client_ca_file.is_some() { "certificate" } else { "none" };
        let anonymous = from != "loopback" && credential == "none";
        all.push(intake(&format!("mllp.{name}"), "mllp", from, credential).with("anonymous", anonymous));
    }
    for (name, source) in &config.mqtt {
        let ip: Option<IpAddr> = source.host.parse().ok();
        let local = source.host == "localhost" || ip.is_some_and(|ip| ip.is_loopback());
        let from = if local { "loopback" } else { "remote" };
        let why = "the broker decides who may send to it, and does not tell";
        all.push(intake(&format!("mqtt.{name}"), "mqtt", from, "broker").without("anonymous", why));
    }
    all
}

fn devices(app: &App) -> Vec<Resource> {
    let mut all = Vec::new();
    let (directory, sources) = (app.hub.directory(), sources(&app.config));
    let now = app.engine_clock.now();
    for ward in app.hub.wards() {
        let Some(hub) = app.hub.ward(&ward.id) else { continue };
        all.extend(hub.look_at_devices(|census, lives, view| {
            let wrong = |device: &DeviceId| {
                let of_it = |alert: &&crate::domain::Alert| alert.key.device.as_ref() == Some(device);
                view.alerts.values().filter(of_it).any(|alert| alert.key.code == ConditionCode::ClockSkew)
            };
            let one = |d: &Device| {
                let heard = lives.get(&d.id).and_then(|life| life.seen_at);
                let token = |id: &DeviceId| directory.token_count(id) > 0;
                let resource = device(&ward.id, d).with_known("clockWrong", clock_wrong(wrong(&d.id), heard, now));
                resource.with_known("credential", credential(d, token, &sources))
            };
            census.devices.values().map(one).collect::<Vec<_>>()
        }));
    }
    all
}

fn device(ward: &WardId, device: &Device) -> Resource {
    Resource::new("Wardwatch/devices", device.id.as_str()).of_ward(ward.as_str()).with("kind", json!(device.kind))
}

/// Whether the clock of a device is wrong: an alert says so. That none does says nothing of one that was not heard lately.
fn clock_wrong(alert: bool, heard: Option<Timestamp>, now: Timestamp) -> Result<bool, String> {
    match heard {
        _ if alert => Ok(true),
        None => Err("it was never heard".to_owned()),
        Some(at) if now.since(at) > HEARD_MAX => Err(format!("it was last heard at {at}")),
        Some(_) => Ok(false),
    }
}

/// By what a source of the configuration knows its sender: whether it does, or why that is not known.
fn sources(config: &Config) -> BTreeMap<&DeviceId, Result<bool, String>> {
    let of = |intake: &str| {
        let known = |resource: &Resource| match resource.unknown.get("anonymous") {
            Some(why) => Err(why.clone()),
            None => Ok(resource.properties.get("anonymous") == Some(&json!(false))),
        };
        intakes(config).iter().find(|resource| resource.name == intake).map_or(Ok(false), known)
    };
    let mllp = config.mllp.iter().map(|(name, source)| (&source.device, of(&format!("mllp.{name}"))));
    mllp.chain(config.mqtt.iter().map(|(name, source)| (&source.device, of(&format!("mqtt.{name}"))))).collect()
}

/// Whether who sends for a device has a credential: the device itself, its gateway, or the source of HL7 v2 or MQTT that stands
/// for one of both.
fn credential(
    device: &Device,
    token: impl Fn(&DeviceId) -> bool,
    sources: &BTreeMap<&DeviceId, Result<bool, String>>,
) -> Result<bool, String> {
    let senders = || std::iter::once(&device.id).chain(&device.gateway);
    if senders().any(token) {
        return Ok(true);
    }
    senders().find_map(|id| sources.get(id)).cloned().unwrap_or(Ok(false))
}

fn mapping(app: &App) -> Option<Resource> {
    let (device, fhir) = app.config.medtech.files().ok()??;
    let resource = Resource::new("Wardwatch/mappings", "medtech");
    Some(match mappings::lint(&device, &fhir, &app.config, &app.vitals) {
        Ok((errors, warnings, codes)) => {
            resource.with("errors", errors).with("warnings", warnings).with("codes", json!(codes))
        }
        Err(e) => ["errors", "warnings", "codes"].iter().fold(resource, |r, field| r.without(field, &e.to_string())),
    })
}

fn clock(now: Timestamp) -> Resource {
    let resource = Resource::new("Wardwatch/clocks", "host");
    match clock_synchronised(now) {
        Ok((synchronised, source)) => resource.with("synchronized", synchronised).with("source", source),
        Err(why) => resource.without("synchronized", &why).without("source", &why),
    }
}

fn disk(folder: &DataFolder) -> Resource {
    let resource = Resource::new("Wardwatch/disks", "data");
    match OsDisk.usage(folder.path()) {
        Ok(usage) => {
            resource.with("usedPercent", usage.used_percent()).with("freeMiB", usage.free_bytes / (1024 * 1024))
        }
        Err(e) => resource.without("usedPercent", &e.to_string()).without("freeMiB", &e.to_string()),
    }
}

fn backups(config: &Config, now: Timestamp) -> [Resource; 2] {
    let none = || "no folder of backups is named in policy.backups".to_owned();
    let folder = config.policy.backups.as_deref().ok_or_else(none);
    let hours = folder.clone().and_then(|folder| newest_age(folder, now)).map(|age| age.0 / HOUR_MS);
    let tested = config.policy.restore_tested.as_deref();
    let tested = tested.ok_or_else(|| "no file is named in policy.restore_tested".to_owned());
    let meta = |path: &Path| std::fs::metadata(path).map_err(|e| format!("{}: {e}", path.display()));
    let days = tested.and_then(meta).and_then(|meta| age(&meta, now)).map(|age| age.0 / DAY_MS);
    let private = folder.and_then(meta).map(|meta| meta.mode() & 0o077 == 0);
    [
        Resource::new("Wardwatch/backups", "backups")
            .with_known("ageHours", hours)
            .with_known("restoreTestAgeDays", days),
        Resource::new("Wardwatch/backups/permissions", "backups/permissions").with_known("private", private),
    ]
}

/// The FHIR API in the words of Azure, so that its own definitions have something to look at.
fn fhir(config: &Config) -> [Resource; 2] {
    let reached = network(config.server.listen.ip());
    let access = if matches!(reached, "loopback" | "private") { "Disabled" } else { "Enabled" };
    ["Microsoft.HealthcareApis/workspaces/fhirservices", "Microsoft.HealthcareApis/services"].map(|kind| {
        Resource::new(kind, "fhir")
            .with("corsConfiguration", json!({"origins": config.server.allowed_origins}))
            .with("publicNetworkAccess", access)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs::Permissions, os::unix::fs::PermissionsExt};

    fn named<'a>(all: &'a [Resource], name: &str) -> &'a Resource {
        all.iter().find(|resource| resource.name == name).unwrap()
    }

    #[test]
    fn who_reaches_an_intake_without_a_credential_is_anonymous_and_of_a_broker_that_is_not_known() {
        let config: Config = toml::from_str(
            r#"
            [mllp.here]
            listen = "127.0.0.1:2575"
            device = "a"
            [mllp.open]
            listen = "10.0.0.5:2575"
            device = "b"
            insecure_listen = true
            [mllp.known]
            listen = "10.0.0.5:2576"
            device = "c"
            client_ca_file = "/etc/ca.pem"
            [mqtt.icu]
            host = "broker.example"
            device = "d"
            payload = "native"
            topics = ["x/{device}"]
            "#,
        )
        .unwrap();
        let all = intakes(&config);
        let anonymous = |name: &str| named(&all, name).properties.get("anonymous").and_then(Value::as_bool);
        let found = ["http", "mllp.here", "mllp.open", "mllp.known", "mqtt.icu"].map(anonymous);
        assert_eq!(found, [Some(false), Some(false), Some(true), Some(false), None]);
        assert!(named(&all, "mqtt.icu").unknown["anonymous"].contains("the broker decides"));
    }

    #[test]
    fn that_no_alert_stands_about_the_clock_of_a_device_that_is_not_heard_says_nothing() {
        let now = Timestamp::from_ms(10 * DAY_MS);
        assert_eq!(clock_wrong(false, Some(now - HEARD_MAX), now), Ok(false));
        assert_eq!(clock_wrong(true, None, now), Ok(true));
        assert!(
            clock_wrong(false, Some(now - HEARD_MAX - Millis(1)), now)
                .unwrap_err()
                .contains("last heard at 1970-01-09")
        );
        assert!(clock_wrong(false, None, now).unwrap_err().contains("never heard"));
    }

    #[test]
    fn a_device_has_a_credential_by_itself_its_gateway_or_its_source() {
        let config: Config = toml::from_str(
            r#"
            [mllp.open]
            listen = "10.0.0.5:2575"
            device = "open"
            insecure_listen = true
            [mllp.here]
            listen = "127.0.0.1:2575"
            device = "here"
            [mqtt.icu]
            host = "broker.example"
            device = "broker"
            payload = "native"
            topics = ["x/{device}"]
            "#,
        )
        .unwrap();
        let sources = sources(&config);
        let found = |id: &str, gateway: Option<&str>| {
            let device: Device = serde_json::from_value(json!({"id": id, "name": id, "gateway": gateway})).unwrap();
            credential(&device, |id| id.as_str() == "tokened", &sources)
        };
        assert_eq!((found("tokened", None), found("mon", Some("tokened"))), (Ok(true), Ok(true)));
        assert_eq!(
            (found("mon", None), found("open", None), found("mon", Some("open"))),
            (Ok(false), Ok(false), Ok(false))
        );
        assert_eq!(found("mon", Some("here")), Ok(true));
        assert!(found("mon", Some("broker")).unwrap_err().contains("the broker decides"));
    }

    #[test]
    fn a_witness_whose_clock_is_ahead_says_nothing_of_when() {
        let now = Timestamp::from_ms(10 * DAY_MS);
        let at = |at: Option<Timestamp>| witnessed(Resource::new("Wardwatch/audit/sinks", "trail"), at, now);
        assert_eq!(at(Some(now - Millis::from_mins(7))).properties["witnessedMinutes"], 7);
        assert_eq!(at(Some(now + Millis::from_mins(4))).properties["witnessedMinutes"], 0);
        let ahead = at(Some(now + Millis::from_mins(6)));
        assert!(
            ahead.unknown["witnessedMinutes"].contains("in the future") && ahead.properties.is_empty(),
            "{ahead:?}"
        );
        assert!(at(None).unknown.is_empty() && at(None).properties.is_empty());
    }

    #[test]
    fn the_copy_off_this_machine_is_that_of_the_receiver_if_there_is_one_else_what_a_witness_signed() {
        let now = Timestamp::from_ms(100 * MINUTE_MS);
        let at = |minute: i64| Timestamp::from_ms(minute * MINUTE_MS);
        let witnessed = || Resource::new("Wardwatch/audit/sinks", "trail").with("witnessedMinutes", 7);
        let found = |receiver| copied(witnessed(), receiver, now).properties.get("copyMinutes").cloned();
        let status = |next, last: Option<i64>, failing: Option<i64>| {
            let failing = failing.map(|since| (at(since), "refused".to_owned()));
            Some(Some(SyslogStatus {
                plain: false,
                address: "logs:6514".to_owned(),
                next,
                size: 10,
                last: last.map(at),
                failing,
            }))
        };
        assert_eq!(found(None), Some(json!(7)));
        assert_eq!(found(status(10, Some(20), None)), Some(json!(0)), "all is delivered");
        assert_eq!(found(status(9, Some(99), None)), Some(json!(1)));
        assert_eq!(found(status(4, Some(20), Some(30))), Some(json!(80)), "it fails, and had something last at 20");
        assert_eq!(found(status(4, None, Some(30))), Some(json!(70)));
        for unknown in [Some(None), status(4, None, None)] {
            let resource = copied(witnessed(), unknown, now);
            assert!(resource.unknown.contains_key("copyMinutes") && !resource.properties.contains_key("copyMinutes"));
        }
    }

    #[test]
    fn keys_are_told_with_their_mode_and_what_is_not_there_is_not_known() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), Permissions::from_mode(0o700)).unwrap();
        let folder = DataFolder::open(dir.path()).unwrap();
        for (path, mode) in [(folder.audit_key(), 0o600), (folder.link_key_file(), 0o640)] {
            std::fs::write(&path, [0; 32]).unwrap();
            std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        }
        let mut config = Config::default();
        config.passphrase.pepper_file = Some(dir.path().join("elsewhere.key"));
        let all = keys(&config, &folder, crate::seam::Clock::wall(&crate::seam::OsClock));
        let field = |name: &str, field: &str| named(&all, name).properties.get(field).cloned();
        assert_eq!(
            (field("audit.key", "private"), field("audit.key", "mode")),
            (Some(json!(true)), Some(json!("600")))
        );
        assert_eq!(
            (field("links.key", "private"), field("links.key", "ageDays")),
            (Some(json!(false)), Some(json!(0)))
        );
        assert_eq!(field("audit.key", "ownedByServer"), Some(json!(true)));
        let pepper = named(&all, "pepper.key");
        assert!(pepper.unknown["private"].contains("elsewhere.key") && pepper.properties["operatorSupplied"] == true);
        assert!(!all.iter().any(|resource| resource.name == "tls.key"), "none was made");
    }
}
