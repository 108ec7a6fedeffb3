//! The stand-in's TLS: an authority and a certificate made at start.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio_rustls::TlsAcceptor;

use crate::Error;
use crate::tls::Certificates;

/// An acceptor and the files that clients need.
pub(crate) struct Tls {
    pub(crate) acceptor: TlsAcceptor,
    /// `tls-server-end-point` of the certificate (RFC 5929; its signature is ECDSA with SHA-256).
    pub(crate) certificate_hash: Vec<u8>,
    certificates: Certificates,
    _folder: TempDir,
}

impl Tls {
    /// A certificate for `localhost` and `127.0.0.1`.
    pub(crate) fn create() -> Result<Tls, Error> {
        let folder = tempfile::tempdir().map_err(Error::io("make a folder for certificates"))?;
        let certificates = Certificates::create(folder.path(), &["localhost", "127.0.0.1"])?;
        let chain: Vec<CertificateDer<'static>> = vec![certificate(&certificates.server)?];
        let certificate_hash = Sha256::digest(&chain[0]).to_vec();
        let key = PrivateKeyDer::from_pem_file(&certificates.server_key)
            .map_err(|error| unreadable(&certificates.server_key, error))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|error| Error::io("configure TLS")(std::io::Error::other(error)))?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Ok(Tls {
            acceptor,
            certificate_hash,
            certificates,
            _folder: folder,
        })
    }

    pub(crate) fn ca_file(&self) -> PathBuf {
        self.certificates.ca.clone()
    }

    pub(crate) fn wrong_ca_file(&self) -> PathBuf {
        self.certificates.wrong_ca.clone()
    }
}

fn certificate(path: &Path) -> Result<CertificateDer<'static>, Error> {
    CertificateDer::from_pem_file(path).map_err(|error| unreadable(path, error))
}

fn unreadable(path: &Path, error: rustls::pki_types::pem::Error) -> Error {
    Error::io(format!("read {}", path.display()))(std::io::Error::other(error.to_string()))
}
