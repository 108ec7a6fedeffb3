//! Certificates made at start: nothing secret is ever committed, nothing expires.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

use crate::Error;

/// The PEM files of one certificate authority: its own certificate, a server's, a client's, and the
/// certificate of another authority that signed nothing.
#[derive(Debug, Clone)]
pub struct Certificates {
    /// The authority to trust: the value of `sslrootcert`.
    pub ca: PathBuf,
    /// An authority of the same name that did not sign the server's certificate.
    pub wrong_ca: PathBuf,
    /// The server's certificate.
    pub server: PathBuf,
    /// The server's key, mode 0600.
    pub server_key: PathBuf,
    /// A client's certificate for the user `postgres`: the value of `sslcert`.
    pub client: PathBuf,
    /// The client's key, mode 0600: the value of `sslkey`.
    pub client_key: PathBuf,
}

impl Certificates {
    /// Writes all files into `folder`; the server's certificate is for `names` (hosts or addresses).
    ///
    /// # Errors
    /// Where a name is none, or a file cannot be written.
    pub fn create(folder: &Path, names: &[&str]) -> Result<Self, Error> {
        let authority = Authority::new()?;
        let certificates = Self::in_folder(folder);
        write(&certificates.ca, &authority.pem, 0o644)?;
        write(&certificates.wrong_ca, &Authority::new()?.pem, 0o644)?;
        let names: Vec<String> = names.iter().map(|name| (*name).to_string()).collect();
        let (server, key) = authority.sign(names, "server", ExtendedKeyUsagePurpose::ServerAuth)?;
        write(&certificates.server, &server, 0o644)?;
        write(&certificates.server_key, &key, 0o600)?;
        let (client, key) =
            authority.sign(Vec::new(), "postgres", ExtendedKeyUsagePurpose::ClientAuth)?;
        write(&certificates.client, &client, 0o644)?;
        write(&certificates.client_key, &key, 0o600)?;
        Ok(certificates)
    }

    fn in_folder(folder: &Path) -> Self {
        Self {
            ca: folder.join("ca.crt"),
            wrong_ca: folder.join("wrong-ca.crt"),
            server: folder.join("server.crt"),
            server_key: folder.join("server.key"),
            client: folder.join("client.crt"),
            client_key: folder.join("client.key"),
        }
    }
}

struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Result<Self, Error> {
        let mut params = CertificateParams::new(Vec::new())?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "wire9 testenv CA");
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        let pem = params.self_signed(&key)?.pem();
        Ok(Self {
            pem,
            issuer: Issuer::new(params, key),
        })
    }

    /// The PEM of a certificate and of its key.
    fn sign(
        &self,
        names: Vec<String>,
        common_name: &str,
        usage: ExtendedKeyUsagePurpose,
    ) -> Result<(String, String), Error> {
        let mut params = CertificateParams::new(names)?;
        params
            .distinguished_name
            .push(DnType::CommonName, common_name);
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok((certificate.pem(), key.serialize_pem()))
    }
}

fn write(path: &Path, pem: &str, mode: u32) -> Result<(), Error> {
    let what = || format!("write {}", path.display());
    fs::write(path, pem).map_err(Error::io(what()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(Error::io(what()))
}
