//! Sockets: name to address, address to socket, and its options.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, UnixStream};

use super::error::{Error, Result};
use super::settings::{Host, TcpOptions};
use super::stream::Stream;

/// Where a connection really goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// For people: host:port as the options spell them.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.contains(':') {
            write!(f, "[{}]:{}", self.name, self.port)
        } else {
            write!(f, "{}:{}", self.name, self.port)
        }
    }
}

/// Every address of a host, in the order of the resolver.
pub(super) async fn addresses(host: &Host, timeout: Duration) -> Result<Vec<Address>> {
    if host.is_socket() {
        let path = format!("{}/.s.PGSQL.{}", host.name.trim_end_matches('/'), host.port);
        return Ok(vec![Address::Unix(path.into())]);
    }
    if let Some(ip) = host.address {
        return Ok(vec![Address::Tcp(SocketAddr::new(ip, host.port))]);
    }
    let found = in_time(
        timeout,
        tokio::net::lookup_host((host.name.as_str(), host.port)),
    )
    .await;
    let found: Vec<_> = found
        .map_err(|e| unreachable_host(host, e))?
        .map(Address::Tcp)
        .collect();
    if found.is_empty() {
        let none = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        return Err(unreachable_host(host, none));
    }
    Ok(found)
}

/// Opens a socket to one address.
pub(super) async fn dial(address: &Address, host: &Host, timeout: Duration) -> Result<Stream> {
    let stream = in_time(timeout, async {
        Ok(match address {
            Address::Tcp(address) => Stream::Tcp(TcpStream::connect(address).await?),
            Address::Unix(path) => Stream::Unix(UnixStream::connect(path).await?),
        })
    });
    stream.await.map_err(|e| unreachable_host(host, e))
}

/// Sets what makes a dead peer known: keepalives for an idle connection, the user timeout for one
/// whose bytes are not acknowledged.
pub(super) fn configure(
    stream: &Stream,
    options: &TcpOptions,
    reply_timeout: Duration,
) -> io::Result<()> {
    let Some(tcp) = stream.tcp() else {
        return Ok(());
    };
    tcp.set_nodelay(true)?;
    if options.keepalives {
        let keepalive = TcpKeepalive::new()
            .with_time(options.idle)
            .with_interval(options.interval)
            .with_retries(options.count);
        SockRef::from(tcp).set_tcp_keepalive(&keepalive)?;
    }
    set_user_timeout(stream, options, reply_timeout)
}

/// The user timeout also ends a connection whose peer takes no bytes, so by default it is the reply
/// timeout.
pub(super) fn set_user_timeout(
    stream: &Stream,
    options: &TcpOptions,
    reply_timeout: Duration,
) -> io::Result<()> {
    let timeout = options.user_timeout.unwrap_or(reply_timeout);
    let timeout = timeout.clamp(Duration::from_millis(1), LONGEST_USER_TIMEOUT);
    match stream.tcp() {
        #[cfg(target_os = "linux")]
        Some(tcp) => SockRef::from(tcp).set_tcp_user_timeout(Some(timeout)),
        _ => Ok(()),
    }
}

/// Linux takes milliseconds as a C int.
const LONGEST_USER_TIMEOUT: Duration = Duration::from_secs(24 * 3600);

async fn in_time<T>(timeout: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    tokio::time::timeout(timeout, work)
        .await
        .unwrap_or_else(|_| {
            let text = format!("no answer within {timeout:?}");
            Err(io::Error::new(io::ErrorKind::TimedOut, text))
        })
}

fn unreachable_host(host: &Host, source: io::Error) -> Error {
    Error::Connect {
        peer: host.to_string(),
        source,
    }
}
