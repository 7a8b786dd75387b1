//! By what a server is known: the fingerprint of its key, or an authority that vouches for its name.

use crate::access::{ByKey, CertificateFacts, Fingerprint, KnowsKey};
use std::{
    error::Error,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};
use tokio_rustls::rustls::{
    self, ClientConfig, RootCertStore,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, pem::PemObject},
};

/// By what a server is known.
#[derive(Clone)]
pub struct Trust {
    how: How,
    pub(super) config: Arc<ClientConfig>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum How {
    Pin(Fingerprint),
    Authorities(PathBuf),
    PublicAuthorities,
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.how.fmt(f)
    }
}

impl PartialEq for Trust {
    fn eq(&self, other: &Self) -> bool {
        self.how == other.how
    }
}

impl Eq for Trust {}

/// Why nothing can be trusted by what was given.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// A file of authorities.
    #[error("the authorities in {} cannot be used: {why}", .path.display())]
    Authorities {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// TLS itself.
    #[error("TLS cannot be spoken")]
    Tls(#[from] rustls::Error),
}

/// A server showed another key than the one by which it is known.
#[derive(Debug, thiserror::Error)]
#[error(
    "THE KEY OF THE SERVER HAS CHANGED. It shows {shown}; {said_by} says {wanted}. Either somebody is in between and reads \
     what you send, or the server was given a new key: ask who runs it, by another way than this. Nothing was sent"
)]
struct KeyChanged {
    shown: Fingerprint,
    wanted: Fingerprint,
    said_by: String,
}

impl Trust {
    /// The server has this key; `said_by` says where that is written, such as "line 3 of FILE". Names and dates of its
    /// certificate do not matter, as with keys of SSH.
    ///
    /// # Errors
    /// If TLS cannot be spoken.
    pub fn pin(fingerprint: Fingerprint, said_by: &str) -> Result<Self, TrustError> {
        let pin = Pin { wanted: Some((fingerprint, said_by.to_owned())), seen: Mutex::default() };
        Ok(Self { how: How::Pin(fingerprint), config: by_verifier(Arc::new(ByKey::new(pin, provider())))? })
    }

    /// An authority of this file (PEM) vouches for the server's name.
    ///
    /// # Errors
    /// If the file cannot be used.
    pub fn authorities(path: &Path) -> Result<Self, TrustError> {
        let wrong = |why: String| TrustError::Authorities { path: path.to_owned(), why };
        let text = std::fs::read(path).map_err(|e| wrong(e.to_string()))?;
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&text) {
            let certificate = certificate.map_err(|e| wrong(e.to_string()))?;
            roots.add(certificate).map_err(|e| wrong(e.to_string()))?;
        }
        if roots.is_empty() {
            return Err(wrong("there is none in PEM".to_owned()));
        }
        Ok(Self { how: How::Authorities(path.to_owned()), config: by_roots(roots)? })
    }

    /// One of the public authorities of Mozilla's list vouches for the server's name.
    ///
    /// # Errors
    /// If TLS cannot be spoken.
    pub fn public_authorities() -> Result<Self, TrustError> {
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        Ok(Self { how: How::PublicAuthorities, config: by_roots(roots)? })
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn by_roots(roots: RootCertStore) -> Result<Arc<ClientConfig>, rustls::Error> {
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

fn by_verifier(pin: Arc<ByKey<Pin>>) -> Result<Arc<ClientConfig>, rustls::Error> {
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions()?;
    Ok(Arc::new(builder.dangerous().with_custom_certificate_verifier(pin).with_no_client_auth()))
}

/// What a server shows of itself, asked without trusting it.
pub(super) struct Look {
    pin: Arc<ByKey<Pin>>,
    pub(super) config: Arc<ClientConfig>,
}

impl Look {
    pub(super) fn new() -> Result<Self, TrustError> {
        let pin = Arc::new(ByKey::new(Pin { wanted: None, seen: Mutex::default() }, provider()));
        Ok(Self { config: by_verifier(Arc::clone(&pin))?, pin })
    }

    /// What was shown, if a server was there and proved that it has the key.
    pub(super) fn seen(&self) -> Option<CertificateFacts> {
        self.pin.keys().seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The key by which a server is known; without one that is wanted any is taken, and what it showed is remembered.
#[derive(Debug)]
struct Pin {
    wanted: Option<(Fingerprint, String)>,
    seen: Mutex<Option<CertificateFacts>>,
}

impl KnowsKey for Pin {
    fn judge(&self, shown: Fingerprint, certificate: &CertificateDer<'_>) -> Result<(), Arc<dyn Error + Send + Sync>> {
        match &self.wanted {
            Some((wanted, _)) if *wanted == shown => Ok(()),
            Some((wanted, said_by)) => Err(Arc::new(KeyChanged { shown, wanted: *wanted, said_by: said_by.clone() })),
            None => {
                *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = CertificateFacts::read(certificate);
                Ok(())
            }
        }
    }
}
