//! TLS by rustls with ring, 1.2 and 1.3, from files in PEM.

use crate::{
    access::{ByKey, Fingerprint, KnowsKey},
    notify::{SecretError, read_secret},
};
use std::{
    error::Error,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio_rustls::rustls::{
    self, ClientConfig, DEFAULT_VERSIONS, ProtocolVersion, RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ResolvesServerCert, VerifierBuilderError, WebPkiClientVerifier},
    sign::CertifiedKey,
};

/// Why TLS cannot be spoken with the files of the configuration.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file of certificates.
    #[error("the certificates in {} cannot be used: {why}", .path.display())]
    Certificates {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The file of a key.
    #[error("the key in {} cannot be used: {why}", .path.display())]
    Key {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The file of a key cannot be read, or others may read it.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The parts do not fit together.
    #[error("certificate and key do not fit together")]
    Parts(#[from] rustls::Error),
}

/// An error with its cause, on one line.
#[must_use]
pub fn whole(error: &TlsError) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// A client's side: whom it trusts (Mozilla's list if `ca` is absent), and by which certificate and key it is known.
///
/// # Errors
/// If a file cannot be used.
pub fn client(ca: Option<&Path>, identity: Option<(&Path, &Path)>) -> Result<Arc<ClientConfig>, TlsError> {
    let roots = match ca {
        Some(path) => roots(path)?,
        None => RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() },
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let builder = builder.with_root_certificates(roots);
    Ok(Arc::new(match identity {
        Some((cert, key)) => builder.with_client_auth_cert(certificates(cert)?, private_key(key)?)?,
        None => builder.with_no_client_auth(),
    }))
}

/// A client's side that knows the server by its key alone, as with keys of SSH: names and dates of its certificate do not
/// matter.
///
/// # Errors
/// If a file cannot be used.
pub fn client_of(pin: Fingerprint, identity: Option<(&Path, &Path)>) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(ByKey::new(Pinned(pin), provider)));
    Ok(Arc::new(match identity {
        Some((cert, key)) => builder.with_client_auth_cert(certificates(cert)?, private_key(key)?)?,
        None => builder.with_no_client_auth(),
    }))
}

/// The one key by which a server is known.
#[derive(Debug)]
struct Pinned(Fingerprint);

impl KnowsKey for Pinned {
    fn judge(&self, shown: Fingerprint, _: &CertificateDer<'_>) -> Result<(), Arc<dyn Error + Send + Sync>> {
        if shown == self.0 {
            return Ok(());
        }
        Err(Arc::new(std::io::Error::other(format!("its key is {shown}, and {} is wanted", self.0))))
    }
}

/// The lowest version of TLS that a server of ours agrees to.
#[must_use]
pub fn lowest_version() -> &'static str {
    let old = DEFAULT_VERSIONS.iter().any(|version| version.version == ProtocolVersion::TLSv1_2);
    if old { "1.2" } else { "1.3" }
}

/// A server's side: by which certificate and key it is known, and whose clients it takes; with `client_ca` a client has to show
/// a certificate of one of these authorities.
///
/// # Errors
/// If a file cannot be used.
pub fn server(cert: &Path, key: &Path, client_ca: Option<&Path>) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let builder = match client_ca {
        Some(path) => {
            let roots = Arc::new(roots(path)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider).build();
            let wrong = |e: VerifierBuilderError| TlsError::Certificates { path: path.to_owned(), why: e.to_string() };
            builder.with_client_cert_verifier(verifier.map_err(wrong)?)
        }
        None => builder.with_no_client_auth(),
    };
    Ok(Arc::new(builder.with_single_cert(certificates(cert)?, private_key(key)?)?))
}

/// A server's side for HTTP/1.1, by whatever certificate `identity` shows at the time.
///
/// # Errors
/// If TLS cannot be spoken.
pub fn server_of(identity: Arc<dyn ResolvesServerCert>) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = builder.with_no_client_auth().with_cert_resolver(identity);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// A certificate with those that vouch for it, and its key.
///
/// # Errors
/// If a file cannot be used, or they do not fit together.
pub fn certified(cert: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    let provider = rustls::crypto::ring::default_provider();
    Ok(CertifiedKey::from_der(certificates(cert)?, private_key(key)?, &provider)?)
}

fn roots(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        let wrong = |e: rustls::Error| TlsError::Certificates { path: path.to_owned(), why: e.to_string() };
        roots.add(certificate).map_err(wrong)?;
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = |why: String| TlsError::Certificates { path: path.to_owned(), why };
    let text = std::fs::read(path).map_err(|e| wrong(e.to_string()))?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let found = found.map_err(|e| wrong(e.to_string()))?;
    if found.is_empty() { Err(wrong("there is none in PEM".to_owned())) } else { Ok(found) }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let text = read_secret(path)?;
    let wrong = |e: rustls::pki_types::pem::Error| TlsError::Key { path: path.to_owned(), why: e.to_string() };
    PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(wrong)
}
