//! The fault engine in front of any PostgreSQL. The password exchange passes through; TLS is not
//! spoken on either side.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use super::link::Link;
use super::relay::{PassThrough, relay};
use super::stream::ClientStream;
use super::{Action, Faults, Place, frame};
use crate::Error;

/// Request codes that stand in place of a protocol version.
const SSL_REQUEST: u32 = 80_877_103;
const GSSENC_REQUEST: u32 = 80_877_104;
const CANCEL_REQUEST: u32 = 80_877_102;

/// The largest startup packet, bytes: PostgreSQL's own `MAX_STARTUP_PACKET_LENGTH`.
const LARGEST_STARTUP: usize = 10_000;

/// A proxy on a free port of 127.0.0.1. Dropping it closes its connections; where a fault of its
/// script has not happened, that is a panic.
pub struct FaultProxy {
    runtime: Option<Runtime>,
    faults: Faults,
    uri: String,
    port: u16,
    opened: Arc<AtomicU64>,
}

impl FaultProxy {
    /// Starts a proxy in front of the server of a URI (`postgresql://USER:SECRET@HOST:PORT/…`).
    ///
    /// # Errors
    /// Where the URI has no host, or no port is free.
    pub fn start(upstream_uri: &str) -> Result<FaultProxy, Error> {
        let (before, authority, after) = split_uri(upstream_uri)?;
        let upstream = authority.to_owned();
        let runtime = runtime()?;
        let (listener, port) = listen(&runtime)?;
        let faults = Faults::default();
        let opened = Arc::new(AtomicU64::new(0));
        runtime.spawn(accept(
            listener,
            upstream,
            faults.clone(),
            Arc::clone(&opened),
        ));
        let uri = format!("{before}127.0.0.1:{port}{after}");
        Ok(FaultProxy {
            runtime: Some(runtime),
            faults,
            uri,
            port,
            opened,
        })
    }

    /// The upstream URI with the proxy's address.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The script.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Connections accepted so far, CancelRequests included.
    pub fn connections_opened(&self) -> u64 {
        self.opened.load(Ordering::SeqCst)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
        if !std::thread::panicking() {
            self.faults.assert_used();
        }
    }
}

/// A runtime of a proxy's own, so that its callers may be synchronous or not.
pub(crate) fn runtime() -> Result<Runtime, Error> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("testenv-proxy")
        .enable_all()
        .build()
        .map_err(Error::io("start a runtime"))
}

/// A listener on a free port.
pub(crate) fn listen(runtime: &Runtime) -> Result<(TcpListener, u16), Error> {
    let what = "listen on a free port";
    let listener = std::net::TcpListener::bind("127.0.0.1:0").map_err(Error::io(what))?;
    listener.set_nonblocking(true).map_err(Error::io(what))?;
    let port = listener.local_addr().map_err(Error::io(what))?.port();
    let _guard = runtime.enter();
    Ok((
        TcpListener::from_std(listener).map_err(Error::io(what))?,
        port,
    ))
}

/// The first packet of a connection: its code or protocol version, and all of its bytes.
pub(crate) async fn read_startup(client: &mut ClientStream) -> std::io::Result<(u32, Vec<u8>)> {
    let length = client.read_u32().await? as usize;
    if !(8..=LARGEST_STARTUP).contains(&length) {
        return Err(std::io::Error::other("invalid length of startup packet"));
    }
    let mut packet = (length as u32).to_be_bytes().to_vec();
    packet.resize(length, 0);
    client.read_exact(&mut packet[4..]).await?;
    let code = packet.get(4..8).and_then(|bytes| bytes.try_into().ok());
    Ok((u32::from_be_bytes(code.unwrap_or_default()), packet))
}

/// What a first packet asks for.
pub(crate) enum Opening {
    Encryption { tls: bool },
    Cancel,
    Session,
}

impl Opening {
    pub(crate) fn of(code: u32) -> Opening {
        match code {
            SSL_REQUEST => Opening::Encryption { tls: true },
            GSSENC_REQUEST => Opening::Encryption { tls: false },
            CANCEL_REQUEST => Opening::Cancel,
            _ => Opening::Session,
        }
    }
}

/// Carries a CancelRequest to the server.
pub(crate) async fn forward_cancel(upstream: &str, packet: &[u8]) -> std::io::Result<()> {
    let mut server = TcpStream::connect(upstream).await?;
    server.write_all(packet).await?;
    // The server closes when it has sent the signal.
    let _ = tokio::time::timeout(Duration::from_secs(5), server.read_u8()).await;
    Ok(())
}

async fn accept(listener: TcpListener, upstream: String, faults: Faults, opened: Arc<AtomicU64>) {
    loop {
        let Ok((tcp, _)) = listener.accept().await else {
            return;
        };
        let _ = tcp.set_nodelay(true);
        let connection = opened.fetch_add(1, Ordering::SeqCst) + 1;
        let (upstream, faults) = (upstream.clone(), faults.clone());
        tokio::spawn(async move {
            if let Some(client) = pass_gate(&faults, connection, tcp).await {
                // A failure here is a client or a server that went away.
                let _ = serve(client, &upstream, faults, connection).await;
            }
        });
    }
}

/// The connection, unless the script refuses it.
pub(crate) async fn pass_gate(
    faults: &Faults,
    connection: u64,
    tcp: TcpStream,
) -> Option<ClientStream> {
    let client = ClientStream::Plain(tcp);
    let place = Place {
        connection,
        application: "",
        passed: 0,
    };
    match faults.on_connect(&place).map(|fired| fired.action) {
        Some(Action::RefuseConnect(close) | Action::Cut(close)) => {
            client.close(close).await;
            None
        }
        Some(Action::StallReading(time) | Action::StallWriting(time) | Action::Latency(time)) => {
            tokio::time::sleep(time).await;
            Some(client)
        }
        Some(Action::HalfOpen(keep)) => {
            tokio::time::sleep(keep).await;
            None
        }
        _ => Some(client),
    }
}

async fn serve(
    mut client: ClientStream,
    upstream: &str,
    faults: Faults,
    connection: u64,
) -> std::io::Result<()> {
    let packet = loop {
        let (code, packet) = read_startup(&mut client).await?;
        match Opening::of(code) {
            Opening::Encryption { .. } => client.write_all(b"N").await?,
            Opening::Cancel => return forward_cancel(upstream, &packet).await,
            Opening::Session => break packet,
        }
    };
    let parameters = frame::startup_parameters(&packet[8..]);
    let application = parameters
        .iter()
        .find(|(name, _)| name == "application_name");
    let application = application.map_or("", |(_, value)| value);
    let mut server = TcpStream::connect(upstream).await?;
    server.set_nodelay(true)?;
    server.write_all(&packet).await?;
    relay(
        client,
        server,
        Link::new(connection, faults, application),
        &PassThrough,
    )
    .await;
    Ok(())
}

/// What is before, in and after a URI's host and port.
fn split_uri(uri: &str) -> Result<(String, String, String), Error> {
    let invalid = || {
        Error::io("find host and port in the URI of a server")(std::io::Error::other(
            "expected postgresql://USER:SECRET@HOST:PORT/DATABASE",
        ))
    };
    let start = uri.find("://").ok_or_else(invalid)? + 3;
    let end = uri[start..]
        .find(['/', '?'])
        .map_or(uri.len(), |at| start + at);
    let host = uri[start..end]
        .rfind('@')
        .map_or(start, |at| start + at + 1);
    let authority = &uri[host..end];
    if authority.is_empty() || authority.contains(',') {
        return Err(invalid());
    }
    let port = authority.contains(':') && !authority.ends_with(']');
    let authority = if port {
        authority.to_owned()
    } else {
        format!("{authority}:5432")
    };
    if authority.parse::<SocketAddr>().is_err() && authority.starts_with('%') {
        return Err(invalid());
    }
    Ok((uri[..host].to_owned(), authority, uri[end..].to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_host_and_port_of_a_uri_change() {
        let split = split_uri("postgresql://u:p%40@db.example:6000/d?application_name=x").unwrap();
        assert_eq!(split.0, "postgresql://u:p%40@");
        assert_eq!(split.1, "db.example:6000");
        assert_eq!(split.2, "/d?application_name=x");
        assert_eq!(
            split_uri("postgresql://localhost/d").unwrap().1,
            "localhost:5432"
        );
        assert!(split_uri("postgresql:///d?host=/tmp").is_err());
        assert!(split_uri("host=localhost").is_err());
    }
}
