//! A scripted server: it accepts one connection, lets the client in, and then does what a test says.

use std::sync::Arc;

use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use wire9::wire::{ConnectOptions, Connection};

use crate::options;

/// A message of the server.
pub(crate) fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    bytes.extend_from_slice(&(body.len() as u32 + 4).to_be_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// AuthenticationOk, a ParameterStatus, BackendKeyData, ReadyForQuery.
pub(crate) fn welcome() -> Vec<u8> {
    [
        message(b'R', &[0; 4]),
        message(b'S', b"server_version\x0015.0\0"),
        message(b'K', &[0, 0, 0, 7, 0, 0, 0, 9]),
        ready(),
    ]
    .concat()
}

/// ReadyForQuery, idle.
pub(crate) fn ready() -> Vec<u8> {
    message(b'Z', b"I")
}

/// An ErrorResponse or NoticeResponse.
pub(crate) fn error(tag: u8, severity: &str, code: &str, text: &str) -> Vec<u8> {
    message(
        tag,
        format!("S{severity}\0V{severity}\0C{code}\0M{text}\0\0").as_bytes(),
    )
}

/// CopyOutResponse or CopyInResponse for one text column.
pub(crate) fn copy_response(tag: u8) -> Vec<u8> {
    message(tag, &[0, 0, 1, 0, 0])
}

/// The server's side of the one connection.
pub(crate) struct Server(pub(crate) TcpStream);

impl Server {
    /// Reads one message with a tag; its tag and body.
    pub(crate) async fn read(&mut self) -> (u8, Vec<u8>) {
        let tag = self.0.read_u8().await.unwrap();
        (tag, self.read_untagged().await)
    }

    /// Reads StartupMessage and lets the client in.
    pub(crate) async fn let_in(&mut self) {
        self.read_untagged().await;
        self.write(&welcome()).await;
    }

    /// Lets the client in and reads its first Query.
    pub(crate) async fn until_query(&mut self) {
        self.let_in().await;
        assert_eq!(self.read().await.0, b'Q');
    }

    /// Writes bytes; a client that is gone is the test's own business.
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes).await;
    }

    /// Keeps the connection open until the client ends it, reading all that comes.
    pub(crate) async fn linger(mut self) {
        let _ = tokio::io::copy(&mut self.0, &mut tokio::io::sink()).await;
    }

    async fn read_untagged(&mut self) -> Vec<u8> {
        let length = self.0.read_u32().await.unwrap() as usize;
        let mut body = vec![0; length - 4];
        self.0.read_exact(&mut body).await.unwrap();
        body
    }
}

/// Starts a server that runs `script` on its one connection; options that lead to it.
pub(crate) async fn serve<F>(script: impl FnOnce(Server) -> F + Send + 'static) -> ConnectOptions
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        script(Server(stream)).await;
    });
    options(&format!(
        "postgresql://u@127.0.0.1:{port}/d?sslmode=disable"
    ))
}

/// A TLS server without SSLRequest, as `sslnegotiation=direct` wants it: it presents a certificate with
/// this common name and no alternative name, and lets one client in. The PEM of the certificate, and
/// the port.
pub(crate) async fn serve_direct_tls(common_name: &str) -> (String, u16) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, common_name);
    let certificate = params.self_signed(&key).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = acceptor(certificate.der().clone(), key.serialize_der());
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let Ok(mut stream) = acceptor.accept(stream).await else {
            return;
        };
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"postgresql"[..]));
        let length = stream.read_u32().await.unwrap() as usize;
        stream.read_exact(&mut vec![0; length - 4]).await.unwrap();
        stream.write_all(&welcome()).await.unwrap();
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    });
    (certificate.pem(), port)
}

fn acceptor(certificate: CertificateDer<'static>, key: Vec<u8>) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], PrivatePkcs8KeyDer::from(key).into())
        .unwrap();
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

/// A connection to a server that lets the client in and runs `script` after its first Query.
pub(crate) async fn answering<F>(script: impl FnOnce(Server) -> F + Send + 'static) -> Connection
where
    F: Future<Output = ()> + Send + 'static,
{
    let options = serve(async |mut server: Server| {
        server.until_query().await;
        script(server).await;
    });
    Connection::connect(&options.await).await.unwrap()
}
