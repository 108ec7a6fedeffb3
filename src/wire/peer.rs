//! Whom a connection reached.

use std::net::IpAddr;

/// Who is at the other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Host name or socket folder as the options spell it.
    pub host: String,
    /// TCP port, or the number in the socket's name.
    pub port: u16,
    /// The address that the name led to; `None` for a unix socket.
    pub address: Option<IpAddr>,
    /// TLS version in words where the connection is encrypted, `TLSv1.3`.
    pub tls: Option<String>,
    /// How the user was authenticated: `trust`, `password`, `md5`, `scram-sha-256`, `scram-sha-256-plus`.
    pub authentication: &'static str,
}
