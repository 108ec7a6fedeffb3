//! A connection that is ready for queries, and what all its operations share.

use std::fmt;
use std::time::Duration;

use postgres_protocol::message::frontend;

use super::cancel::Canceller;
use super::dial;
use super::error::{Error, Result};
use super::frame::Head;
use super::link::Link;
use super::peer::Peer;
use super::server_error::ServerError;
use super::session::{Session, TransactionStatus};
use super::settings::TcpOptions;

/// One connection. No task runs behind it; it is driven by its caller.
pub struct Connection {
    pub(super) link: Link,
    pub(super) session: Session,
    /// Whether an operation has begun and not reached its ReadyForQuery.
    pub(super) busy: bool,
    pub(super) peer: Peer,
    /// host:port, for errors.
    pub(super) name: String,
    pub(super) tcp: TcpOptions,
    pub(super) canceller: Canceller,
}

/// Bytes that nobody acknowledges for so long are lost; whoever waits for an answer may wait for hours.
const LONGEST_UNACKNOWLEDGED: Duration = Duration::from_secs(300);

impl Connection {
    /// Who is at the other end.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// A ParameterStatus of the server, `server_version`, kept up to date.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.session.parameters.get(name).map(String::as_str)
    }

    /// The server's process id for this connection, where it told one.
    pub fn backend_pid(&self) -> Option<i32> {
        self.session.key.map(|(pid, _)| pid)
    }

    /// Status of the transaction at the last ReadyForQuery.
    pub fn transaction_status(&self) -> TransactionStatus {
        self.session.status.unwrap_or(TransactionStatus::Failed)
    }

    /// Whether the connection can take another command.
    pub fn is_usable(&self) -> bool {
        !self.busy
    }

    /// Changes how long a wait may last without a byte of the server. A link that acknowledges nothing is dead
    /// long before the longest of answers: that is known after five minutes at the most.
    pub fn set_reply_timeout(&mut self, timeout: Duration) {
        self.link.set_timeout(timeout);
        let timeout = timeout.min(LONGEST_UNACKNOWLEDGED);
        // A socket that refuses it is already broken, which the next wait tells.
        let _ = dial::set_user_timeout(self.link.stream(), &self.tcp, timeout);
    }

    /// Notices (severity WARNING and above) since the last call, at most the newest 16.
    pub fn take_notices(&mut self) -> Vec<ServerError> {
        self.session.notices.drain(..).collect()
    }

    /// Waits, without a deadline, until the idle connection is closed by the other side or breaks; reads
    /// and drops notices meanwhile. Cancel safe.
    pub async fn wait_for_loss(&mut self) -> Error {
        if let Err(e) = self.refuse_if_busy() {
            return e;
        }
        loop {
            let error = match self.idle_message() {
                Ok(true) => continue,
                Ok(false) => match self.link.fill_without_deadline().await {
                    Ok(()) => continue,
                    Err(e) => e,
                },
                Err(e) => e,
            };
            self.busy = true;
            return error;
        }
    }

    /// What is needed to ask the server to cancel what this connection runs.
    pub fn canceller(&self) -> Canceller {
        self.canceller.clone()
    }

    /// Terminate, then close. Errors are of no interest any more.
    pub async fn close(mut self) {
        if !self.busy {
            frontend::terminate(self.link.outbound());
            let goodbye = async {
                let _ = self.link.flush().await;
                self.link.shutdown().await;
            };
            let _ = tokio::time::timeout(GOODBYE, goodbye).await;
        }
    }

    /// Begins an operation; the connection is unusable until its ReadyForQuery is read.
    pub(super) fn begin(&mut self) -> Result<()> {
        self.refuse_if_busy()?;
        self.busy = true;
        Ok(())
    }

    /// The head of the next message that belongs to the operation. Cancel safe.
    pub(super) async fn next(&mut self) -> Result<Head> {
        loop {
            let head = self.link.wait_head().await?;
            if !self.take_asynchronous(head) {
                return Ok(head);
            }
        }
    }

    /// As `next`, of what is here already.
    pub(super) fn next_here(&mut self) -> Result<Option<Head>> {
        while let Some(head) = self.link.head()? {
            if !self.take_asynchronous(head) {
                return Ok(Some(head));
            }
        }
        Ok(None)
    }

    /// Reads an ErrorResponse.
    pub(super) fn server_error(&mut self, head: Head) -> Result<ServerError> {
        ServerError::parse(self.link.take(head).body)
            .ok_or_else(|| self.link.protocol("an ErrorResponse that is cut off"))
    }

    /// Reads ReadyForQuery: the operation is over.
    pub(super) fn ready(&mut self, head: Head) -> Result<()> {
        match self.session.ready(self.link.take(head).body) {
            Some(_) => {
                self.busy = false;
                Ok(())
            }
            None => Err(self.link.protocol("ReadyForQuery with an unknown status")),
        }
    }

    /// After an error of the server: reads on to ReadyForQuery, where the error leaves one to come.
    /// However that ends, the server's error is the answer.
    pub(super) async fn recover(&mut self, error: ServerError) -> Error {
        if !error.is_fatal() {
            let _ = self.skip_to_ready().await;
        }
        Error::Server(Box::new(error))
    }

    /// The error for a message that has no place here.
    pub(super) fn unexpected(&self, head: Head, during: &str) -> Error {
        self.link.protocol(format!(
            "an unexpected message '{}' {during}",
            head.tag.escape_ascii()
        ))
    }

    async fn skip_to_ready(&mut self) -> Result<()> {
        loop {
            let head = self.next().await?;
            if head.tag == b'Z' {
                return self.ready(head);
            }
            self.link.take(head);
        }
    }

    fn take_asynchronous(&mut self, head: Head) -> bool {
        if !matches!(head.tag, b'N' | b'S' | b'A') {
            return false;
        }
        let frame = self.link.take(head);
        self.session.take_asynchronous(frame)
    }

    /// Takes one message of an idle server; `false` where none is here.
    fn idle_message(&mut self) -> Result<bool> {
        match self.next_here()? {
            None => Ok(false),
            Some(head) if head.tag == b'E' => {
                Err(Error::Server(Box::new(self.server_error(head)?)))
            }
            Some(head) => Err(self.unexpected(head, "on an idle connection")),
        }
    }

    fn refuse_if_busy(&self) -> Result<()> {
        if self.busy {
            return Err(self.unfinished());
        }
        Ok(())
    }

    /// The error for a connection that an earlier operation left unusable.
    pub(super) fn unfinished(&self) -> Error {
        Error::Unfinished {
            peer: self.name.clone(),
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("peer", &self.peer)
            .field("busy", &self.busy)
            .finish()
    }
}

/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(2);
