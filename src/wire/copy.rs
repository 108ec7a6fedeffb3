//! COPY in both directions.

use super::connect::Connection;
use super::error::Result;
use super::query::CommandTag;

/// A running `COPY … TO STDOUT`. Dropped before `finish`, it leaves the connection unusable.
pub struct CopyOut<'a>(std::marker::PhantomData<&'a mut Connection>);

impl CopyOut<'_> {
    /// Appends the payload of at least one CopyData message, and of all others that are already here,
    /// as long as `into` is shorter than `limit` bytes. Answers the bytes appended; 0 is CopyDone.
    ///
    /// Cancel safe: what was read before the future is dropped is not lost.
    pub async fn read(&mut self, into: &mut Vec<u8>, limit: usize) -> Result<usize> {
        let _ = (into, limit);
        todo!()
    }

    /// Reads up to ReadyForQuery; the tag tells how many rows the server sent.
    pub async fn finish(self) -> Result<CommandTag> {
        todo!()
    }
}

/// A running `COPY … FROM STDIN`. Dropped before `finish` or `abort`, it leaves the connection
/// unusable.
pub struct CopyIn<'a>(std::marker::PhantomData<&'a mut Connection>);

impl CopyIn<'_> {
    /// Sends one CopyData message. Listens while it sends: an ErrorResponse of the server ends the call
    /// with that error (the connection is then usable again, outside the COPY).
    pub async fn send(&mut self, payload: &[u8]) -> Result<()> {
        let _ = payload;
        todo!()
    }

    /// CopyDone; the tag tells how many rows the server took.
    pub async fn finish(self) -> Result<CommandTag> {
        todo!()
    }

    /// CopyFail; the server's answering error is swallowed, the connection is usable again.
    pub async fn abort(self, reason: &str) -> Result<()> {
        let _ = reason;
        todo!()
    }
}

impl Connection {
    /// Starts a `COPY … TO STDOUT` (text or CSV).
    pub async fn copy_out(&mut self, sql: &str) -> Result<CopyOut<'_>> {
        let _ = sql;
        todo!()
    }

    /// Starts a `COPY … FROM STDIN`.
    pub async fn copy_in(&mut self, sql: &str) -> Result<CopyIn<'_>> {
        let _ = sql;
        todo!()
    }
}
