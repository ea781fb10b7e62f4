//! TLS: the certificates to trust, and advice for errors.

use std::io;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore,
    SignatureScheme,
};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{RemoteOptions, Speaks, UsageError, usage};
use crate::transport::target::TargetError;

/// TLS to one server.
pub(super) struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Tls {
    pub(super) fn new(
        options: &RemoteOptions,
        host: &str,
        speaks: Speaks,
    ) -> Result<Self, UsageError> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| usage(format!("`{host}` is no name that a certificate can have")))?;
        let provider = Arc::new(ring::default_provider());
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| usage(error.to_string()))?;
        let verifier: Arc<dyn ServerCertVerifier> = if options.insecure {
            Arc::new(TrustAnybody(provider))
        } else {
            Arc::new(trust(options.ca_cert.as_deref(), provider)?)
        };
        let mut config = config
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth();
        let spoken: &[&[u8]] = match speaks {
            Speaks::Http1 => &[b"http/1.1"],
            Speaks::Either => &[b"h2", b"http/1.1"],
            Speaks::Http2 => &[b"h2"],
        };
        config.alpn_protocols = spoken.iter().map(|name| name.to_vec()).collect();
        Ok(Self {
            connector: TlsConnector::from(Arc::new(config)),
            name,
        })
    }

    pub(super) async fn connect(
        &self,
        tcp: TcpStream,
        peer: &str,
    ) -> Result<TlsStream<TcpStream>, TargetError> {
        let connecting = self.connector.connect(self.name.clone(), tcp);
        let failed = |error| TargetError::Unreachable(sentence(&error, peer));
        connecting.await.map_err(failed)
    }
}

/// Returns the system's certificates, or Mozilla's where the system has none, with those of a file.
fn trust(ca_cert: Option<&[u8]>, provider: Arc<CryptoProvider>) -> Result<Trust, UsageError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    let mut named = Vec::new();
    if let Some(pem) = ca_cert {
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        named = read.map_err(|error| usage(format!("the CA file is no PEM file: {error}")))?;
        if named.is_empty() {
            return Err(usage("the CA file has no certificate in it"));
        }
        for certificate in &named {
            let added = roots.add(certificate.clone());
            added.map_err(|error| usage(format!("a certificate of the CA file: {error}")))?;
        }
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| usage(format!("the certificates to trust: {error}")))?;
    Ok(Trust { verifier, named })
}

/// Trusts certificates signed by the roots, and exactly those that the user named. A self-signed
/// one has no root, but is common in test systems.
#[derive(Debug)]
struct Trust {
    verifier: Arc<WebPkiServerVerifier>,
    named: Vec<CertificateDer<'static>>,
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.named.iter().any(|named| named == end_entity) {
            let parsed = ParsedCertificate::try_from(end_entity)?;
            rustls::client::verify_server_name(&parsed, name)?;
            return Ok(ServerCertVerified::assertion());
        }
        self.verifier
            .verify_server_cert(end_entity, intermediates, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier
            .verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// Trusts any certificate.
#[derive(Debug)]
struct TrustAnybody(Arc<CryptoProvider>);

impl ServerCertVerifier for TrustAnybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Returns the reason why TLS failed, with advice.
fn sentence(error: &io::Error, peer: &str) -> String {
    use CertificateError as Bad;
    let cause = error.get_ref().and_then(|inner| inner.downcast_ref());
    let certificate = format!("the certificate of {peer}");
    let anyway = "--insecure does without";
    match cause {
        Some(rustls::Error::InvalidCertificate(bad)) => match bad {
            // The signature is wrong if a CA has a new key under its old name.
            Bad::UnknownIssuer | Bad::BadSignature => format!(
                "{certificate} is signed by nobody who is trusted here; \
                 --ca-cert FILE trusts whoever signed it, --insecure anybody"
            ),
            Bad::Expired | Bad::ExpiredContext { .. } => {
                format!("{certificate} has expired; {anyway}")
            }
            Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
                format!("{certificate} is not valid yet; {anyway}")
            }
            Bad::NotValidForName | Bad::NotValidForNameContext { .. } => {
                format!("{certificate} is for another name; {anyway}")
            }
            other => format!("{certificate} cannot be trusted: {other}; {anyway}"),
        },
        Some(
            rustls::Error::NoApplicationProtocol
            | rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol),
        ) => format!("{peer} speaks no HTTP/2; leave out --http2"),
        Some(rustls::Error::InvalidMessage(_)) => {
            format!("{peer} does not speak TLS; is its URL one of http://?")
        }
        Some(other) => format!("no TLS with {peer}: {other}"),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            format!("{peer} closed the connection before there was TLS")
        }
        None => format!("no TLS with {peer}: {error}"),
    }
}
