//! TLS: a certificate from files, or one made for this run together with the CA that
//! signed it.

use std::fmt::{self, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, PublicKeyData as _,
};
use sha2::{Digest as _, Sha256};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{self, ServerConfig};

use whippy_engine::model::time::Timestamp;
use whippy_engine::wire::text::without_bom;

/// The protocols offered by ALPN, the preferred one first.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// The names that a mock on this machine goes by, from containers as well.
const NAMES: [&str; 6] = [
    "localhost",
    "127.0.0.1",
    "::1",
    "host.docker.internal",
    "host.containers.internal",
    "whippy-mock",
];

/// The validity of a certificate that was made here, days. Some clients refuse one that is valid
/// for more than 398.
const GOOD_FOR: i64 = 397;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// The certificate and key of a server, ready for handshakes.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ServerConfig>,
    ca: Option<String>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

/// Errors in a certificate or in its key, each with a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsError {
    /// The certificate is wrong.
    Certificate(String),
    /// The key is wrong.
    Key(String),
}

impl Tls {
    /// Reads a certificate, followed by those that vouch for it, and its key, both PEM.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let chain =
            std::fs::read(certificate).map_err(|error| TlsError::Certificate(error.to_string()))?;
        let chain: Result<Vec<_>, _> =
            CertificateDer::pem_slice_iter(without_bom(&chain)).collect();
        let chain = chain
            .map_err(|error| TlsError::Certificate(format!("what is in it is no PEM: {error}")))?;
        if chain.is_empty() {
            let none = "there is no certificate in it, which begins with \
                        -----BEGIN CERTIFICATE-----";
            return Err(TlsError::Certificate(none.to_owned()));
        }
        let key = std::fs::read(key).map_err(|error| TlsError::Key(error.to_string()))?;
        let key = PrivateKeyDer::from_pem_slice(without_bom(&key)).map_err(|_| {
            let none = "there is no key in it that can be read, which begins with \
                        -----BEGIN PRIVATE KEY-----; one with a password cannot be";
            TlsError::Key(none.to_owned())
        })?;
        Ok(Self {
            config: config(chain, key)?,
            ca: None,
        })
    }

    /// Makes a CA that signs a certificate for the usual names of this machine and for `names`. The
    /// CA's key is dropped on return, so it signs nothing else.
    pub fn self_signed(names: &[String], now: Timestamp) -> Result<Self, TlsError> {
        let failed = |error: rcgen::Error| TlsError::Certificate(error.to_string());
        let key = KeyPair::generate().map_err(failed)?;
        let ca = ca(now).map_err(failed)?;
        let mut all: Vec<_> = NAMES.iter().map(ToString::to_string).collect();
        for name in names {
            if !all.contains(name) {
                all.push(name.clone());
            }
        }
        let mut params = CertificateParams::new(all).map_err(failed)?;
        name(&mut params, "whippy-mock");
        dated(&mut params, now);
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.signed_by(&key, &ca).map_err(failed)?;
        let key = PrivateKeyDer::try_from(key.serialize_der())
            .map_err(|why| TlsError::Key(why.to_owned()))?;
        Ok(Self {
            config: config(vec![certificate.der().clone()], key)?,
            ca: Some(ca.pem()),
        })
    }

    /// Returns the CA that was made, as PEM; `None` where the certificate was read from files.
    pub fn ca(&self) -> Option<&str> {
        self.ca.as_deref()
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }
}

/// Returns `true` if a certificate may carry this name: a host, `*.` before a host, or an IP
/// address.
pub fn is_name(name: &str) -> bool {
    ServerName::try_from(name.strip_prefix("*.").unwrap_or(name)).is_ok()
}

fn config(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key));
    let mut config = config.map_err(|error| match error {
        rustls::Error::InvalidCertificate(why) => {
            TlsError::Certificate(format!("its certificate cannot be read: {why}"))
        }
        rustls::Error::InconsistentKeys(_) => {
            TlsError::Key("it is not the key of the certificate".to_owned())
        }
        other => TlsError::Key(format!("its key cannot be used: {other}")),
    })?;
    config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
    Ok(Arc::new(config))
}

fn ca(now: Timestamp) -> Result<CertifiedIssuer<'static, KeyPair>, rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    // Clients look a CA up by its name, so the CA of each run has a name of its own.
    let mut run = String::new();
    for byte in &Sha256::digest(key.der_bytes())[..4] {
        let _ = write!(run, "{byte:02x}");
    }
    name(&mut params, &format!("whippy-mock CA of run {run}"));
    dated(&mut params, now);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, key)
}

fn name(params: &mut CertificateParams, name: &str) {
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
}

/// Makes a certificate valid from yesterday on, for clients whose clock is slow.
fn dated(params: &mut CertificateParams, now: Timestamp) {
    let day = |days: i64| {
        let since_1970 = now.micros().saturating_add(days * DAY).max(0);
        let since_1970 = Duration::from_micros(since_1970.unsigned_abs());
        rcgen::date_time_ymd(1970, 1, 1) + since_1970
    };
    params.not_before = day(-1);
    params.not_after = day(GOOD_FOR - 1);
}
