//! From options to a connection that is ready for queries.

use std::time::Duration;

use super::error::{Error, Result};
use super::options::ConnectOptions;

/// Who is at the other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Host name or socket folder as the options spell it.
    pub host: String,
    /// TCP port, or the number in the socket's name.
    pub port: u16,
    /// TLS version in words where the connection is encrypted, `TLSv1.3`.
    pub tls: Option<String>,
    /// How the user was authenticated: `trust`, `password`, `md5`, `scram-sha-256`, `scram-sha-256-plus`.
    pub authentication: &'static str,
}

/// ReadyForQuery's byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionStatus {
    /// `I`
    Idle,
    /// `T`
    InTransaction,
    /// `E`
    Failed,
}

/// One connection. No task runs behind it; it is driven by its caller.
pub struct Connection(());

impl Connection {
    /// Connects, tries the hosts in order, encrypts, authenticates, waits for ReadyForQuery.
    pub async fn connect(options: &ConnectOptions) -> Result<Self> {
        let _ = options;
        todo!()
    }

    /// Who is at the other end.
    pub fn peer(&self) -> &Peer {
        todo!()
    }

    /// A ParameterStatus of the server, `server_version`, kept up to date.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let _ = name;
        todo!()
    }

    /// The server's process id for this connection, where it told one.
    pub fn backend_pid(&self) -> Option<i32> {
        todo!()
    }

    /// Status of the transaction at the last ReadyForQuery.
    pub fn transaction_status(&self) -> TransactionStatus {
        todo!()
    }

    /// Whether the connection can take another command.
    pub fn is_usable(&self) -> bool {
        todo!()
    }

    /// Changes how long a wait may last without a byte of the server.
    pub fn set_reply_timeout(&mut self, timeout: Duration) {
        let _ = timeout;
        todo!()
    }

    /// Notices (severity WARNING and above) since the last call, at most the newest 16.
    pub fn take_notices(&mut self) -> Vec<super::ServerError> {
        todo!()
    }

    /// Waits, without a deadline, until the idle connection is closed by the other side or breaks; reads
    /// and drops notices meanwhile. Cancel safe.
    pub async fn wait_for_loss(&mut self) -> Error {
        todo!()
    }

    /// What is needed to ask the server to cancel what this connection runs.
    pub fn canceller(&self) -> Canceller {
        todo!()
    }

    /// Terminate, then close. Errors are of no interest any more.
    pub async fn close(self) {
        todo!()
    }
}

/// Asks the server to cancel a running command, over a connection of its own (encrypted as the first).
#[derive(Clone)]
pub struct Canceller(());

impl Canceller {
    /// Sends CancelRequest and waits until the server closes.
    pub async fn cancel(&self) -> Result<()> {
        todo!()
    }
}
