//! `COPY … FROM STDIN`.
//!
//! ```text
//! Query ─▶ CopyInResponse ─▶ our CopyData* ─▶ our CopyDone ─▶ CommandComplete ─▶ ReadyForQuery
//!                                 └─ ErrorResponse ─▶ ReadyForQuery (at any moment)
//! ```
//!
//! After an ErrorResponse the server of a simple Query is out of the COPY: it ignores the CopyData,
//! CopyDone and CopyFail that were still under way, so nothing but the rest of a begun message must
//! follow. (<https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-COPY>)

use std::time::Duration;

use postgres_protocol::message::frontend;

use super::connection::Connection;
use super::error::{Error, Result};
use super::link::Exchange;
use super::query::CommandTag;
use super::server_error::ServerError;

/// A running `COPY … FROM STDIN`. Dropped before `finish` or `abort`, it closes the connection.
pub struct CopyIn<'a> {
    connection: &'a mut Connection,
    state: State,
}

enum State {
    Sending,
    /// A message is begun; a drop here leaves it so.
    MidMessage,
    /// The server ended the COPY with this error.
    Failed(Box<ServerError>),
    Over,
}

/// After its error the server has to read the rest of one message and to say ReadyForQuery. One that
/// stops reading must not hold its error back.
const RECOVERY: Duration = Duration::from_secs(5);

/// PostgreSQL takes no longer message, in bytes.
const LONGEST_PAYLOAD: usize = (1 << 30) - 16;

impl CopyIn<'_> {
    /// Sends one CopyData message. Listens while it sends: an ErrorResponse of the server ends the call
    /// with that error (the connection is then usable again, outside the COPY, unless the error was
    /// fatal or the server did not read the rest of the message within 5 s).
    ///
    /// # Errors
    /// The server's error, or the loss of the connection. Once failed, the COPY answers the same error.
    pub async fn send(&mut self, payload: &[u8]) -> Result<()> {
        self.refuse_if_over()?;
        if payload.len() > LONGEST_PAYLOAD {
            return Err(Error::Unsendable {
                reason: "the data of one message is longer than 1 GiB",
            });
        }
        let header = header(payload.len());
        let mut sent = 0;
        self.state = State::MidMessage;
        loop {
            let event = self
                .connection
                .link
                .exchange([&header, payload], &mut sent)
                .await?;
            if let Some(error) = self.heard()? {
                return Err(self.fail(error, &header, payload, sent).await);
            }
            if event == Exchange::Sent {
                break;
            }
        }
        if self.connection.link.has_failed() {
            return Err(self.last_words().await);
        }
        self.state = State::Sending;
        Ok(())
    }

    /// CopyDone; the tag tells how many rows the server took.
    ///
    /// # Errors
    /// As `send`.
    pub async fn finish(mut self) -> Result<CommandTag> {
        self.refuse_if_over()?;
        frontend::copy_done(self.connection.link.outbound());
        self.state = State::MidMessage;
        self.connection.link.flush().await?;
        let mut tag = None;
        loop {
            let head = self.connection.next().await?;
            match (head.tag, tag.take()) {
                (b'C', None) => tag = Some(self.connection.command_tag(head)?),
                (b'Z', Some(tag)) => {
                    self.connection.ready(head)?;
                    self.state = State::Over;
                    return Ok(tag);
                }
                (b'E', _) => {
                    let error = self.connection.server_error(head)?;
                    return Err(self.connection.recover(error).await);
                }
                _ => {
                    return Err(self
                        .connection
                        .unexpected(head, "at the end of a COPY FROM STDIN"));
                }
            }
        }
    }

    /// CopyFail; the server's answering error is swallowed, the connection is usable again.
    ///
    /// # Errors
    /// The loss of the connection, or a server that takes the COPY for complete.
    pub async fn abort(mut self, reason: &str) -> Result<()> {
        match &self.state {
            State::Failed(_) | State::Over if !self.connection.busy => return Ok(()),
            State::Failed(error) => return Err(Error::Server(error.clone())),
            State::Sending => {}
            State::MidMessage | State::Over => return Err(self.connection.unfinished()),
        }
        let reason = reason.replace('\0', " ");
        frontend::copy_fail(&reason, self.connection.link.outbound()).map_err(|_| {
            Error::Unsendable {
                reason: "the reason can not be framed",
            }
        })?;
        self.state = State::MidMessage;
        self.connection.link.flush().await?;
        let head = self.connection.next().await?;
        if head.tag != b'E' {
            return Err(self.connection.unexpected(head, "in answer to CopyFail"));
        }
        let error = self.connection.server_error(head)?;
        let error = self.connection.recover(error).await;
        if self.connection.busy {
            Err(error)
        } else {
            Ok(())
        }
    }

    /// Looks at what came while something was sent.
    fn heard(&mut self) -> Result<Option<ServerError>> {
        match self.connection.next_here()? {
            None => Ok(None),
            Some(head) if head.tag == b'E' => self.connection.server_error(head).map(Some),
            Some(head) => Err(self.connection.unexpected(head, "in a COPY FROM STDIN")),
        }
    }

    /// The server ended the COPY: finishes the begun message, so that the next one is not taken for its
    /// rest, and reads up to ReadyForQuery.
    async fn fail(
        &mut self,
        error: ServerError,
        header: &[u8],
        payload: &[u8],
        mut sent: usize,
    ) -> Error {
        self.state = State::Failed(Box::new(error.clone()));
        let connection = &mut *self.connection;
        let recovery = async {
            // Nothing of a message that has not begun has to be sent.
            while sent > 0
                && !error.is_fatal()
                && connection
                    .link
                    .exchange([header, payload], &mut sent)
                    .await?
                    == Exchange::Heard
            {}
            Ok::<_, Error>(connection.recover(error.clone()).await)
        };
        // However that ends, the server's error is the answer.
        let _ = tokio::time::timeout(RECOVERY, recovery).await;
        if self.connection.busy {
            self.connection.link.close();
        }
        Error::Server(Box::new(error))
    }

    /// Nothing can be sent any more; the server may have said why.
    async fn last_words(&mut self) -> Error {
        match self.connection.next().await {
            Err(e) => e,
            Ok(head) if head.tag == b'E' => match self.connection.server_error(head) {
                Ok(error) => {
                    self.state = State::Failed(Box::new(error.clone()));
                    self.connection.link.close();
                    Error::Server(Box::new(error))
                }
                Err(e) => e,
            },
            Ok(head) => self.connection.unexpected(head, "in a COPY FROM STDIN"),
        }
    }

    fn refuse_if_over(&self) -> Result<()> {
        match &self.state {
            State::Sending => Ok(()),
            State::Failed(error) => Err(Error::Server(error.clone())),
            State::MidMessage | State::Over => Err(self.connection.unfinished()),
        }
    }
}

impl Drop for CopyIn<'_> {
    fn drop(&mut self) {
        if self.connection.busy {
            self.connection.link.close();
        }
    }
}

/// Tag and length of a CopyData message.
fn header(payload: usize) -> [u8; 5] {
    // The length counts itself; the payload was checked to be short enough.
    let [a, b, c, d] = u32::try_from(payload + 4).unwrap_or(u32::MAX).to_be_bytes();
    [b'd', a, b, c, d]
}

impl Connection {
    /// Starts a `COPY … FROM STDIN`.
    ///
    /// # Errors
    /// As `query`; a statement that is no COPY FROM STDIN is an error that closes the connection.
    pub async fn copy_in(&mut self, sql: &str) -> Result<CopyIn<'_>> {
        self.send_query(sql).await?;
        self.copy_response(b'G', "in place of CopyInResponse")
            .await?;
        Ok(CopyIn {
            connection: self,
            state: State::Sending,
        })
    }
}
