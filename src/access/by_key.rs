//! TLS to a server that is known by its key alone, as with keys of SSH: names and dates of its certificate do not matter,
//! that it has the key does.

use super::Fingerprint;
use std::{error::Error, fmt, sync::Arc};
use tokio_rustls::rustls::{
    self, CertificateError, DigitallySignedStruct, OtherError, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};

/// Says whether the key that a server shows is the one by which it is known.
pub trait KnowsKey: fmt::Debug + Send + Sync {
    /// Looks at the key, and at the certificate that it stands in.
    ///
    /// # Errors
    /// Why the server is not taken, for people.
    fn judge(&self, shown: Fingerprint, certificate: &CertificateDer<'_>) -> Result<(), Arc<dyn Error + Send + Sync>>;
}

/// Takes a server by its key, once the server has proved that it has it.
#[derive(Debug)]
pub struct ByKey<K> {
    keys: K,
    provider: Arc<CryptoProvider>,
}

impl<K> ByKey<K> {
    /// By what `keys` says; signatures are checked with `provider`.
    pub const fn new(keys: K, provider: Arc<CryptoProvider>) -> Self {
        Self { keys, provider }
    }

    /// What says which key is known.
    pub const fn keys(&self) -> &K {
        &self.keys
    }
}

impl<K: KnowsKey> ServerCertVerifier for ByKey<K> {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let shown = Fingerprint::of(end_entity).ok_or(CertificateError::BadEncoding)?;
        match self.keys.judge(shown, end_entity) {
            Ok(()) => Ok(ServerCertVerified::assertion()),
            Err(why) => Err(CertificateError::Other(OtherError(why)).into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
