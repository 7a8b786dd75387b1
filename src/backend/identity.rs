//! By which certificate the server is known over HTTP and websockets: two files, or one that it makes for itself.
//!
//! A certificate of its own is renewed before it ends, with the same key: who has pinned the key notices nothing. Files are
//! read again when they change and at SIGHUP; what cannot be used never takes the place of what can.

use super::{
    app::App,
    config::{ServerConfig, ServerTls},
    pipeline::Job,
    tls::{self, TlsError},
};
use crate::{
    access::CertificateFacts,
    domain::{Millis, SystemFault, Timestamp, system::FaultReport},
    store::DataFolder,
};
use chrono::Datelike;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, SystemTime},
};
use tokio::signal::unix::{SignalKind, signal};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
        server::{ClientHello, ResolvesServerCert},
        sign::CertifiedKey,
    },
};

/// How long a certificate that the server makes holds, in days: browsers take none that holds longer than 398.
const AUTO_VALID_DAYS: i64 = 397;
/// A certificate that ends sooner is renewed if it is our own, and told of if not, in days.
pub const EXPIRES_SOON_DAYS: i64 = 30;
/// A certificate that ends sooner is told of once more, in days.
pub const EXPIRES_NOW_DAYS: i64 = 7;
/// So often certificate and files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// What is said of the certificate to whom administers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsStatus {
    /// Fingerprint of the key, as clients pin it.
    pub key: String,
    /// Names and addresses that it is for.
    pub names: Vec<String>,
    /// When it ends.
    pub not_after: Timestamp,
    /// Whole days until then; less than 0 if it has ended.
    pub days_left: i64,
    /// What is wrong with the files that should be in use, if something is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrong: Option<String>,
}

#[derive(Debug)]
enum Source {
    Auto { folder: DataFolder, names: Vec<String> },
    Files { cert: PathBuf, key: PathBuf },
}

/// What identifies a state of the two files.
type Stamps = [Option<(SystemTime, u64)>; 2];

/// The certificate in use.
struct Shown {
    key: Arc<CertifiedKey>,
    facts: CertificateFacts,
}

/// By which certificate the server is known.
pub struct Identity {
    source: Source,
    shown: RwLock<Shown>,
    seen: Mutex<Stamps>,
    wrong: Mutex<Option<String>>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("source", &self.source).finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Identity {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.shown.read().unwrap_or_else(PoisonError::into_inner).key))
    }
}

impl Identity {
    /// What the configuration says; `None` if plain text is to be spoken.
    ///
    /// # Errors
    /// If a file cannot be used or made.
    pub fn open(config: &ServerConfig, folder: &DataFolder, now: Timestamp) -> Result<Option<Arc<Self>>, TlsError> {
        let source = match (config.tls, &config.tls_cert_file, &config.tls_key_file) {
            (ServerTls::Auto, ..) => Source::Auto { folder: folder.clone(), names: names(config) },
            (ServerTls::Files, Some(cert), Some(key)) => Source::Files { cert: cert.clone(), key: key.clone() },
            _ => return Ok(None),
        };
        let seen = Mutex::new(source.stamps());
        let shown = RwLock::new(source.read(now)?);
        Ok(Some(Arc::new(Self { source, shown, seen, wrong: Mutex::default() })))
    }

    /// What agrees on TLS with who connects.
    ///
    /// # Errors
    /// If TLS cannot be spoken.
    pub fn acceptor(self: &Arc<Self>) -> Result<TlsAcceptor, TlsError> {
        let identity: Arc<dyn ResolvesServerCert> = Arc::<Self>::clone(self);
        Ok(TlsAcceptor::from(tls::server_of(identity)?))
    }

    /// What is said of it.
    pub fn status(&self, now: Timestamp) -> TlsStatus {
        let shown = self.shown.read().unwrap_or_else(PoisonError::into_inner);
        TlsStatus {
            key: shown.facts.fingerprint.to_string(),
            names: shown.facts.names.clone(),
            not_after: shown.facts.not_after,
            days_left: shown.facts.days_left(now),
            wrong: self.wrong.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// Renews or reads again what has to be; `forced` by a person. What is wrong stays out of use.
    fn look(&self, now: Timestamp, forced: bool) {
        let stamps = self.source.stamps();
        let seen = std::mem::replace(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner), stamps);
        let before = self.status(now);
        let due = matches!(self.source, Source::Auto { .. }) && before.days_left < EXPIRES_SOON_DAYS;
        if !(forced || due || seen != stamps || before.wrong.is_some()) {
            return;
        }
        let wrong = match self.source.read(now) {
            Ok(shown) => {
                if shown.facts != self.shown.read().unwrap_or_else(PoisonError::into_inner).facts {
                    let (key, until) = (shown.facts.fingerprint, shown.facts.not_after);
                    tracing::info!(%key, %until, "another certificate is in use");
                }
                *self.shown.write().unwrap_or_else(PoisonError::into_inner) = shown;
                None
            }
            Err(e) => Some(tls::whole(&e)),
        };
        if let Some(why) = wrong.as_deref().filter(|why| before.wrong.as_deref() != Some(*why)) {
            tracing::error!(why, "the certificate cannot be used: the last good one stays in use");
        }
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = self.source.stamps();
        *self.wrong.lock().unwrap_or_else(PoisonError::into_inner) = wrong;
    }
}

impl Source {
    fn paths(&self) -> (PathBuf, PathBuf) {
        match self {
            Self::Auto { folder, .. } => (folder.tls_certificate(), folder.tls_key()),
            Self::Files { cert, key } => (cert.clone(), key.clone()),
        }
    }

    fn stamps(&self) -> Stamps {
        let (cert, key) = self.paths();
        [cert, key].map(|path| {
            let meta = std::fs::metadata(path).ok()?;
            Some((meta.modified().ok()?, meta.len()))
        })
    }

    fn read(&self, now: Timestamp) -> Result<Shown, TlsError> {
        let (cert, key) = self.paths();
        if let Self::Auto { folder, names } = self {
            let key = own_key(folder, &key)?;
            let fits = |facts: &CertificateFacts| {
                facts.days_left(now) >= EXPIRES_SOON_DAYS && names.iter().all(|name| facts.names.contains(name))
            };
            let present = std::fs::read(&cert).ok().and_then(|text| CertificateDer::from_pem_slice(&text).ok());
            // A certificate of another key is no use, so that is made anew too.
            let ours = |facts: &CertificateFacts| Some(facts.fingerprint) == fingerprint_of(&key, names, now);
            if !present.and_then(|c| CertificateFacts::read(&c)).is_some_and(|facts| fits(&facts) && ours(&facts)) {
                let made = certificate(&key, names, now).map_err(|why| made_wrong(&cert, &why))?;
                folder.write(&cert, made.pem().as_bytes(), 0o644).map_err(|why| made_wrong(&cert, &why))?;
            }
        }
        shown(&cert, &key)
    }
}

fn made_wrong(path: &Path, why: &dyn fmt::Display) -> TlsError {
    TlsError::Certificates { path: path.to_owned(), why: why.to_string() }
}

fn shown(cert: &Path, key: &Path) -> Result<Shown, TlsError> {
    let key = tls::certified(cert, key)?;
    let facts = key.cert.first().and_then(CertificateFacts::read);
    let facts = facts.ok_or_else(|| made_wrong(cert, &"the first one cannot be read"))?;
    Ok(Shown { key: Arc::new(key), facts })
}

/// The key of the data folder, made if there is none. It stays for good: clients know the server by it.
fn own_key(folder: &DataFolder, path: &Path) -> Result<KeyPair, TlsError> {
    let wrong = |why: &dyn fmt::Display| TlsError::Key { path: path.to_owned(), why: why.to_string() };
    if !path.exists() {
        let made = KeyPair::generate().map_err(|e| wrong(&e))?;
        folder.write(path, made.serialize_pem().as_bytes(), 0o600).map_err(|e| wrong(&e))?;
    }
    let text = crate::notify::read_secret(path)?;
    let der = PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|e| wrong(&e))?;
    KeyPair::try_from(&der).map_err(|e| wrong(&e))
}

fn fingerprint_of(key: &KeyPair, names: &[String], now: Timestamp) -> Option<crate::access::Fingerprint> {
    crate::access::Fingerprint::of(certificate(key, names, now).ok()?.der())
}

/// What a certificate of our own is for: this machine, loopback, where it listens, and what the site says.
fn names(config: &ServerConfig) -> Vec<String> {
    let own = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let usable = |name: &String| !name.is_empty() && name.is_ascii();
    let mut names: Vec<String> = [own].into_iter().filter(usable).collect();
    names.extend(["localhost", "127.0.0.1", "::1"].map(str::to_owned));
    let listen = config.listen.ip();
    if !listen.is_unspecified() {
        names.push(listen.to_string());
    }
    names.extend(config.tls_names.iter().cloned());
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

fn certificate(key: &KeyPair, names: &[String], now: Timestamp) -> Result<rcgen::Certificate, rcgen::Error> {
    let mut params = CertificateParams::new(names)?;
    let day = |days: i64| {
        let date = (now + Millis::from_mins(days * 24 * 60)).utc().date_naive();
        let (month, day) = (u8::try_from(date.month()).unwrap_or(1), u8::try_from(date.day()).unwrap_or(1));
        rcgen::date_time_ymd(date.year(), month, day)
    };
    // Clocks of clients may be behind.
    (params.not_before, params.not_after) = (day(-1), day(AUTO_VALID_DAYS));
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, names.first().map_or("wardwatch", String::as_str));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.self_signed(key)
}

/// What is to be told of a certificate: at 30 days, at 7, and when it has ended.
fn report(status: &TlsStatus) -> FaultReport {
    let until = status.not_after;
    let detail = match (&status.wrong, status.days_left) {
        (Some(why), _) => format!("the last good one is in use; {why}"),
        (None, ..0) => format!("it ended at {until}"),
        (None, ..EXPIRES_NOW_DAYS) => format!("it ends at {until}, in less than {EXPIRES_NOW_DAYS} days"),
        (None, ..EXPIRES_SOON_DAYS) => format!("it ends at {until}, in less than {EXPIRES_SOON_DAYS} days"),
        _ => String::new(),
    };
    FaultReport { fault: SystemFault::CertificateEnds, present: !detail.is_empty(), detail }
}

/// Looks after the certificate as long as the server runs.
pub(super) async fn watch(app: Arc<App>) {
    let Some(identity) = app.identity.get() else { return };
    let mut again = signal(SignalKind::hangup()).ok();
    let mut told: Option<String> = None;
    loop {
        let report = report(&identity.status(app.clock.wall()));
        if told.as_ref() != Some(&report.detail) {
            let detail = report.detail.clone();
            match app.pipeline.send(Job::Fault(report)) {
                Ok(()) => told = Some(detail),
                Err(e) => tracing::warn!(error = %e, "the state of the certificate could not be reported"),
            }
        }
        let asked = async {
            match &mut again {
                Some(again) => drop(again.recv().await),
                None => std::future::pending().await,
            }
        };
        let forced = tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => false,
            () = asked => true,
        };
        identity.look(app.clock.wall(), forced);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn folder() -> (tempfile::TempDir, DataFolder) {
        let dir = tempfile::tempdir().unwrap();
        let folder = DataFolder::make(&dir.path().join("data")).unwrap();
        (dir, folder)
    }

    fn auto(names: &[&str]) -> ServerConfig {
        let tls_names = names.iter().map(|n| (*n).to_owned()).collect();
        ServerConfig { tls: ServerTls::Auto, tls_names, ..ServerConfig::default() }
    }

    #[test]
    fn a_certificate_of_its_own_is_made_once_and_renewed_in_time_with_the_same_key() {
        let (_dir, folder) = folder();
        let now = at("2026-03-01T08:00:00Z");
        let identity = Identity::open(&auto(&["monitor.ward"]), &folder, now).unwrap().unwrap();
        let first = identity.status(now);
        assert!(first.names.contains(&"monitor.ward".to_owned()) && first.names.contains(&"127.0.0.1".to_owned()));
        assert!((395..=397).contains(&first.days_left), "{first:?}");
        assert_eq!(std::fs::metadata(folder.tls_key()).unwrap().mode() & 0o777, 0o600);

        let later = now + Millis::from_mins(300 * 24 * 60);
        identity.look(later, true);
        assert_eq!(identity.status(later).not_after, first.not_after, "far from its end it stays");
        let again = Identity::open(&auto(&["monitor.ward"]), &folder, later).unwrap().unwrap();
        assert_eq!(again.status(now), first, "over a restart it stays");

        let late = now + Millis::from_mins(370 * 24 * 60);
        identity.look(late, false);
        let renewed = identity.status(late);
        assert!(renewed.days_left > 390 && renewed.key == first.key, "{renewed:?}");
        let more = Identity::open(&auto(&["monitor.ward", "10.9.8.7"]), &folder, late).unwrap().unwrap();
        assert!(more.status(late).names.contains(&"10.9.8.7".to_owned()), "another name is another certificate");
        assert_eq!(more.status(late).key, first.key);
    }

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let (_dir, folder) = folder();
        let now = at("2026-03-01T08:00:00Z");
        Identity::open(&auto(&[]), &folder, now).unwrap().unwrap();
        std::fs::set_permissions(folder.tls_key(), std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        assert!(Identity::open(&auto(&[]), &folder, now).is_err());
    }

    #[test]
    fn what_cannot_be_used_never_takes_the_place_of_what_can() {
        let (dir, folder) = folder();
        let now = at("2026-03-01T08:00:00Z");
        let (cert, key) = (dir.path().join("a.crt"), dir.path().join("a.key"));
        let write = |days: i64| {
            let pair = KeyPair::generate().unwrap();
            let made = certificate(&pair, &["a".to_owned()], now + Millis::from_mins(days * 24 * 60)).unwrap();
            std::fs::write(&cert, made.pem()).unwrap();
            folder.write(&key, pair.serialize_pem().as_bytes(), 0o600).unwrap();
        };
        write(0);
        let config = ServerConfig {
            tls: ServerTls::Files,
            tls_cert_file: Some(cert.clone()),
            tls_key_file: Some(key.clone()),
            ..ServerConfig::default()
        };
        let identity = Identity::open(&config, &folder, now).unwrap().unwrap();
        let first = identity.status(now);
        std::fs::write(&cert, "no certificate at all").unwrap();
        identity.look(now, false);
        let wrong = identity.status(now);
        assert_eq!((&wrong.key, wrong.not_after), (&first.key, first.not_after));
        assert!(wrong.wrong.as_deref().is_some_and(|why| why.contains("a.crt")), "{wrong:?}");
        assert!(report(&wrong).present);
        write(-380);
        identity.look(now, false);
        let new = identity.status(now);
        assert!(new.key != first.key && new.wrong.is_none(), "{new:?}");
        let said = |days: i64| report(&identity.status(new.not_after - Millis::from_mins(days * 24 * 60 - 5))).detail;
        assert!(said(30).contains("30 days") && said(7).contains("7 days") && said(0).contains("ended"));
        assert_eq!(said(40), "");
    }
}
