//! TLS with libpq's meaning of sslmode, and the hash that binds SCRAM to the channel.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

use postgres_protocol::message::frontend;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime,
};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use sha2::Digest as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsConnector;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::error::{Error, Result};
use super::options_error::OptionsError;
use super::settings::{Host, RootCertificates, SslMode, TlsOptions};
use super::stream::Stream;

/// What encrypts the connections to one host.
#[derive(Clone)]
pub(super) struct Tls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    /// Without asking for it.
    pub(super) direct: bool,
}

impl Tls {
    /// Reads the certificate files and settles what is verified.
    ///
    /// # Errors
    /// A file that can not be used.
    pub(super) fn prepare(options: &TlsOptions, host: &Host) -> Result<Self> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = Verifier::new(options, &provider)?;
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| tls_error(host, e.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match (&options.certificate, &options.key) {
            (Some(certificate), Some(key)) => builder
                .with_client_auth_cert(certificates("sslcert", certificate)?, private_key(key)?)
                .map_err(|e| bad_file("sslcert", certificate, e))?,
            _ => builder.with_no_client_auth(),
        };
        if options.direct {
            config.alpn_protocols = vec![b"postgresql".to_vec()];
        }
        Ok(Self {
            config: Arc::new(config),
            name: server_name(host),
            direct: options.direct,
        })
    }

    /// Asks whether the server encrypts. Reads exactly one byte: whatever came after it before the
    /// handshake would be from somebody else (CVE-2021-23222).
    pub(super) async fn ask(&self, stream: Stream, host: &Host) -> Result<(Stream, bool)> {
        let mut tcp = match stream {
            Stream::Tcp(tcp) if !self.direct => tcp,
            other => return Ok((other, self.direct)),
        };
        let lost = |source| Error::Lost {
            peer: host.to_string(),
            source,
        };
        let mut request = bytes::BytesMut::new();
        frontend::ssl_request(&mut request);
        tcp.write_all(&request).await.map_err(lost)?;
        match tcp.read_u8().await.map_err(lost)? {
            b'S' => Ok((Stream::Tcp(tcp), true)),
            b'N' => Ok((Stream::Tcp(tcp), false)),
            _ => Err(Error::Protocol {
                peer: host.to_string(),
                what: "an answer to the request for TLS that no server gives".into(),
            }),
        }
    }

    /// The handshake.
    pub(super) async fn encrypt(&self, stream: Stream, host: &Host) -> Result<Stream> {
        let Stream::Tcp(tcp) = stream else {
            return Err(tls_error(
                host,
                "only TCP connections can be encrypted".into(),
            ));
        };
        let connector = TlsConnector::from(Arc::clone(&self.config));
        match connector.connect(self.name.clone(), tcp).await {
            Ok(tls) => Ok(Stream::Tls(Box::new(tls))),
            Err(e) => Err(tls_error(host, handshake_reason(&e))),
        }
    }
}

/// The data of `tls-server-end-point` (RFC 5929): the hash of the server's certificate by the hash of
/// its signature, SHA-256 in place of MD5 and SHA-1. `None` where the signature has no such hash.
pub(super) fn end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let hash = match parsed.signature_algorithm.algorithm.to_id_string().as_str() {
        // RSA with MD5, SHA-1, SHA-256; ECDSA with SHA-1, SHA-256; DSA with SHA-1, SHA-256
        "1.2.840.113549.1.1.4"
        | "1.2.840.113549.1.1.5"
        | "1.2.840.113549.1.1.11"
        | "1.2.840.10045.4.1"
        | "1.2.840.10045.4.3.2"
        | "1.2.840.10040.4.3"
        | "2.16.840.1.101.3.4.3.2" => sha2::Sha256::digest(certificate).to_vec(),
        // RSA, ECDSA with SHA-384
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" => {
            sha2::Sha384::digest(certificate).to_vec()
        }
        // RSA, ECDSA with SHA-512
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" => {
            sha2::Sha512::digest(certificate).to_vec()
        }
        // RSA, ECDSA with SHA-224
        "1.2.840.113549.1.1.14" | "1.2.840.10045.4.3.1" => {
            sha2::Sha224::digest(certificate).to_vec()
        }
        _ => return None,
    };
    Some(hash)
}

/// The error of TLS with this host.
pub(super) fn tls_error(host: &Host, reason: String) -> Error {
    Error::Tls {
        peer: host.to_string(),
        reason,
    }
}

/// Verifies as much as the sslmode asks for; the handshake's signature always.
#[derive(Debug)]
struct Verifier {
    /// `None`: any certificate will do.
    chain: Option<Arc<WebPkiServerVerifier>>,
    /// Certificates that are trusted themselves, as OpenSSL trusts a root file that holds the server's
    /// own one.
    trusted: Vec<CertificateDer<'static>>,
    check_name: bool,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    fn new(options: &TlsOptions, provider: &Arc<CryptoProvider>) -> Result<Self> {
        let trusted = trusted(options)?;
        let chain = match &trusted {
            None => None,
            Some(trusted) => Some(chain_verifier(options, trusted, provider)?),
        };
        Ok(Self {
            chain,
            trusted: trusted.unwrap_or_default(),
            check_name: options.mode == SslMode::VerifyFull,
            algorithms: provider.signature_verification_algorithms,
        })
    }

    /// A certificate that the root file holds as it is.
    fn verify_trusted(
        &self,
        certificate: &CertificateDer<'_>,
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let (_, parsed) = X509Certificate::from_der(certificate)
            .map_err(|_| rustls::Error::InvalidCertificate(CertificateError::BadEncoding))?;
        let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
        if seconds > parsed.validity().not_after.timestamp() {
            return Err(CertificateError::Expired.into());
        }
        if seconds < parsed.validity().not_before.timestamp() {
            return Err(CertificateError::NotValidYet.into());
        }
        if self.check_name {
            let named = ParsedCertificate::try_from(certificate)
                .and_then(|parsed| rustls::client::verify_server_name(&parsed, name));
            named.or_else(|e| self.accept_name(e, certificate, name))?;
        }
        Ok(ServerCertVerified::assertion())
    }

    /// The chain is good and the name is not: that is no error where names are not checked, nor where
    /// the certificate has only the old common name and it is the right one.
    fn accept_name(
        &self,
        error: rustls::Error,
        certificate: &[u8],
        name: &ServerName<'_>,
    ) -> Result<(), rustls::Error> {
        let wrong_name = matches!(
            error,
            rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }
            )
        );
        let accepted = wrong_name && (!self.check_name || common_name_fits(certificate, name));
        if accepted { Ok(()) } else { Err(error) }
    }

    /// For certificates that webpki does not read (X.509 version 1): the signature by the bare key.
    fn verify_by_key(
        &self,
        message: &[u8],
        certificate: &[u8],
        dss: &DigitallySignedStruct,
        tls13: bool,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let (_, parsed) = X509Certificate::from_der(certificate)
            .map_err(|_| rustls::Error::InvalidCertificate(CertificateError::BadEncoding))?;
        let key = parsed.public_key();
        if tls13 {
            let key = SubjectPublicKeyInfoDer::from(key.raw);
            return rustls::crypto::verify_tls13_signature_with_raw_key(
                message,
                &key,
                dss,
                &self.algorithms,
            );
        }
        let mapped = self
            .algorithms
            .mapping
            .iter()
            .filter(|(scheme, _)| *scheme == dss.scheme);
        let verified = mapped
            .flat_map(|(_, algorithms)| algorithms.iter())
            .any(|algorithm| {
                algorithm
                    .verify_signature(&key.subject_public_key.data, message, dss.signature())
                    .is_ok()
            });
        if verified {
            return Ok(HandshakeSignatureValid::assertion());
        }
        Err(CertificateError::BadSignature.into())
    }

    fn needs_bare_key(&self, certificate: &CertificateDer<'_>) -> bool {
        self.chain.is_none() && ParsedCertificate::try_from(certificate).is_err()
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(chain) = &self.chain else {
            return Ok(ServerCertVerified::assertion());
        };
        if self.trusted.iter().any(|trusted| trusted == end_entity) {
            return self.verify_trusted(end_entity, server_name, now);
        }
        chain
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            .map(drop)
            .or_else(|e| self.accept_name(e, end_entity, server_name))
            .map(|()| ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        if self.needs_bare_key(cert) {
            return self.verify_by_key(message, cert, dss, false);
        }
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        if self.needs_bare_key(cert) {
            return self.verify_by_key(message, cert, dss, true);
        }
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// The certificates to trust; `None` where the mode asks for no check and no root file is there. As in
/// libpq, a root file makes `require` check the chain too.
fn trusted(options: &TlsOptions) -> Result<Option<Vec<CertificateDer<'static>>>> {
    match &options.roots {
        RootCertificates::File(path) => certificates("sslrootcert", path).map(Some),
        RootCertificates::System => Ok(Some(rustls_native_certs::load_native_certs().certs)),
        RootCertificates::Default(Some(path)) if path.exists() => {
            certificates("sslrootcert", path).map(Some)
        }
        RootCertificates::Default(path) if options.mode >= SslMode::VerifyCa => {
            let path = path
                .clone()
                .unwrap_or_else(|| "~/.postgresql/root.crt".into());
            let reason = "it is missing; name one with sslrootcert=FILE, or sslrootcert=system";
            Err(bad_file("sslrootcert", &path, reason))
        }
        RootCertificates::Default(_) => Ok(None),
    }
}

fn chain_verifier(
    options: &TlsOptions,
    trusted: &[CertificateDer<'static>],
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>> {
    let mut roots = RootCertStore::empty();
    // Some certificates of a system's store are not understood; the others are enough.
    roots.add_parsable_certificates(trusted.iter().cloned());
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(|_| {
            let path = match &options.roots {
                RootCertificates::File(path) | RootCertificates::Default(Some(path)) => path,
                _ => Path::new("system"),
            };
            bad_file(
                "sslrootcert",
                path,
                "it holds no certificate that can be used",
            )
        })
}

fn certificates(key: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let pem = std::fs::read(path).map_err(|e| bad_file(key, path, e.kind()))?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(bad_file(key, path, "it holds no certificate in PEM")),
        Err(_) => Err(bad_file(key, path, "it is not PEM")),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>> {
    let pem = std::fs::read(path).map_err(|e| bad_file("sslkey", path, e.kind()))?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|_| {
        bad_file(
            "sslkey",
            path,
            "it holds no private key in PEM (or an encrypted one)",
        )
    })
}

fn bad_file(key: &'static str, path: &Path, reason: impl ToString) -> Error {
    OptionsError::File {
        key,
        path: path.to_owned(),
        reason: reason.to_string(),
    }
    .into()
}

/// The name for SNI and for the check; an address is never sent as SNI.
fn server_name(host: &Host) -> ServerName<'static> {
    let unnamed = host.address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    ServerName::try_from(host.name.clone())
        .unwrap_or_else(|_| ServerName::IpAddress(unnamed.into()))
}

/// libpq's rule: the common name counts only where there is no alternative name.
fn common_name_fits(certificate: &[u8], name: &ServerName<'_>) -> bool {
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else {
        return false;
    };
    let ServerName::DnsName(name) = name else {
        return false;
    };
    if !matches!(parsed.subject_alternative_name(), Ok(None)) {
        return false;
    }
    let mut names = parsed
        .subject()
        .iter_common_name()
        .filter_map(|cn| cn.as_str().ok());
    names.any(|common| dns_name_fits(common, name.as_ref()))
}

fn dns_name_fits(pattern: &str, name: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(parent) => name
            .split_once('.')
            .is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(parent)),
        None => pattern.eq_ignore_ascii_case(name),
    }
}

fn handshake_reason(error: &io::Error) -> String {
    let Some(tls) = error
        .get_ref()
        .and_then(|e| e.downcast_ref::<rustls::Error>())
    else {
        return format!("the handshake broke off: {error}");
    };
    match tls {
        rustls::Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        ) => "the server's certificate is not signed by a certificate of sslrootcert".into(),
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "the server's certificate is for another host name (sslmode=verify-ca checks no name)"
            .into(),
        rustls::Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        ) => "the server's certificate has expired".into(),
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        ) => "the server's certificate is not valid yet".into(),
        other if other.to_string().contains("UnsupportedCertVersion") => {
            "the server's certificate is of X.509 version 1, which can not be verified; sslmode=require \
             without a root file accepts it"
                .into()
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_common_name_fits_in_any_case_and_with_one_star() {
        assert!(dns_name_fits("DB.example.org", "db.example.org"));
        assert!(dns_name_fits("*.example.org", "db.example.org"));
        assert!(!dns_name_fits("*.example.org", "a.db.example.org"));
        assert!(!dns_name_fits("*.example.org", "example.org"));
        assert!(!dns_name_fits("db.example.org", "db.example.com"));
    }

    #[test]
    fn the_end_point_hash_follows_the_signature_of_the_certificate() {
        for (algorithm, bytes) in [
            (&rcgen::PKCS_ECDSA_P256_SHA256, Some(32)),
            (&rcgen::PKCS_ECDSA_P384_SHA384, Some(48)),
            (&rcgen::PKCS_ED25519, None),
        ] {
            let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
            let params = rcgen::CertificateParams::new(vec!["localhost".into()]).unwrap();
            let certificate = params.self_signed(&key).unwrap();
            assert_eq!(end_point(certificate.der()).map(|hash| hash.len()), bytes);
        }
        assert_eq!(end_point(b"garbage"), None);
    }
}
