//! `COPY … TO STDOUT`.
//!
//! ```text
//! Query ─▶ CopyOutResponse ─▶ CopyData* ─▶ CopyDone ─▶ CommandComplete ─▶ ReadyForQuery
//! ```
//!
//! PostgreSQL sends one CopyData for each row, so what is done for a message is done for a row: the
//! payloads of a whole receive buffer are gathered without a wait between them.

use super::connection::Connection;
use super::error::{Error, Result};
use super::frame::Head;
use super::query::CommandTag;
use super::server_error::ServerError;

/// A running `COPY … TO STDOUT`. Dropped before `finish`, it closes the connection.
pub struct CopyOut<'a> {
    connection: &'a mut Connection,
    state: State,
}

enum State {
    Streaming,
    /// The server's error came, its ReadyForQuery not yet.
    Failed(Box<ServerError>),
    /// CopyDone came.
    Done,
    /// ReadyForQuery came, or the connection is lost.
    Over,
}

impl CopyOut<'_> {
    /// Appends the payload of at least one CopyData message, and of all others that are already here,
    /// as long as `into` is shorter than `limit` bytes. Answers the bytes appended; 0 is CopyDone.
    ///
    /// Cancel safe: what was read before the future is dropped is not lost.
    ///
    /// # Errors
    /// The server's error, after ReadyForQuery was read (the connection is usable again), or the loss
    /// of the connection.
    pub async fn read(&mut self, into: &mut Vec<u8>, limit: usize) -> Result<usize> {
        let before = into.len();
        loop {
            match &self.state {
                State::Streaming => {}
                State::Failed(_) => return Err(self.recover().await),
                State::Done | State::Over => return Ok(0),
            }
            self.connection.link.inbound().take_copy_data(into, limit);
            if into.len() > before {
                return Ok(into.len() - before);
            }
            // Another message, or an empty or incomplete CopyData.
            match self.connection.next_here()? {
                // It stood behind a notice.
                Some(head) if head.tag == b'd' => {}
                Some(head) => self.other(head)?,
                None => self.connection.link.fill().await?,
            }
        }
    }

    /// Reads up to ReadyForQuery; the tag tells how many rows the server sent. CopyData that was not
    /// read is dropped.
    ///
    /// # Errors
    /// As `read`.
    pub async fn finish(mut self) -> Result<CommandTag> {
        let mut tag = None;
        loop {
            if matches!(self.state, State::Failed(_)) {
                return Err(self.recover().await);
            }
            let head = self.connection.next().await?;
            match (head.tag, &self.state) {
                (b'C', State::Done) => tag = Some(self.connection.command_tag(head)?),
                (b'Z', State::Done) if tag.is_some() => {
                    self.connection.ready(head)?;
                    self.state = State::Over;
                    return tag.ok_or_else(|| self.connection.link.protocol("no CommandComplete"));
                }
                _ => self.other(head)?,
            }
        }
    }

    /// A message that is not to be read as data.
    fn other(&mut self, head: Head) -> Result<()> {
        match (head.tag, &self.state) {
            (b'd', State::Streaming) => {
                self.connection.link.take(head);
            }
            (b'c', State::Streaming) => {
                self.connection.link.take(head);
                self.state = State::Done;
            }
            (b'E', State::Streaming | State::Done) => {
                self.state = State::Failed(Box::new(self.connection.server_error(head)?));
            }
            _ => return Err(self.connection.unexpected(head, "in a COPY TO STDOUT")),
        }
        Ok(())
    }

    /// Waits for the ReadyForQuery that follows the error; the error itself is the answer. It stays
    /// until then, so that a wait that is dropped can be taken up again.
    async fn recover(&mut self) -> Error {
        let State::Failed(error) = &self.state else {
            return self.connection.link.protocol("no error to recover from");
        };
        let error = ServerError::clone(error);
        let error = self.connection.recover(error).await;
        self.state = State::Over;
        error
    }
}

impl Drop for CopyOut<'_> {
    fn drop(&mut self) {
        if self.connection.busy {
            self.connection.link.close();
        }
    }
}

impl Connection {
    /// Starts a `COPY … TO STDOUT` (text or CSV).
    ///
    /// # Errors
    /// As `query`; a statement that is no COPY TO STDOUT is an error that closes the connection.
    pub async fn copy_out(&mut self, sql: &str) -> Result<CopyOut<'_>> {
        self.send_query(sql).await?;
        self.copy_response(b'H', "in place of CopyOutResponse")
            .await?;
        Ok(CopyOut {
            connection: self,
            state: State::Streaming,
        })
    }

    /// Waits for the message that starts a COPY.
    pub(super) async fn copy_response(&mut self, wanted: u8, instead: &str) -> Result<()> {
        let head = self.next().await?;
        if head.tag == wanted {
            self.link.take(head);
            return Ok(());
        }
        if head.tag == b'E' {
            let error = self.server_error(head)?;
            return Err(self.recover(error).await);
        }
        let error = self.unexpected(head, instead);
        self.link.close();
        Err(error)
    }
}
