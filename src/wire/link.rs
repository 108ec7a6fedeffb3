//! A stream with its buffers and its deadline: whole messages in, bytes out.

use std::future::poll_fn;
use std::io;
use std::mem;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;

use super::deadline::Deadline;
use super::error::{Error, Result};
use super::frame::{Frame, Head, Inbound};
use super::pulse::Pulse;
use super::stream::Stream;

/// One stream to a server.
pub(super) struct Link {
    stream: Stream,
    inbound: Inbound,
    /// Messages that were encoded and not yet sent.
    outbound: BytesMut,
    deadline: Deadline,
    /// host:port, for errors.
    peer: String,
    /// Why nothing can be sent any more; what the server said before is still read.
    failure: Option<io::Error>,
}

/// What happened first while something was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exchange {
    /// All of it is sent, or can not be sent any more: the server's last words tell why.
    Sent,
    /// The server said something.
    Heard,
}

impl Link {
    pub(super) fn new(stream: Stream, peer: String, timeout: Duration) -> Self {
        Self {
            stream,
            inbound: Inbound::new(),
            outbound: BytesMut::new(),
            deadline: Deadline::new(timeout),
            peer,
            failure: None,
        }
    }

    pub(super) fn stream(&self) -> &Stream {
        &self.stream
    }

    pub(super) fn inbound(&mut self) -> &mut Inbound {
        &mut self.inbound
    }

    /// Where messages are appended that `flush` sends.
    pub(super) fn outbound(&mut self) -> &mut BytesMut {
        &mut self.outbound
    }

    pub(super) fn set_pulse(&mut self, pulse: Option<Pulse>) {
        self.deadline.set_pulse(pulse);
    }

    pub(super) fn set_timeout(&mut self, timeout: Duration) {
        self.deadline.set_timeout(timeout);
    }

    /// Whether nothing can be sent any more.
    pub(super) fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    /// Gives the stream up at once; the server notices.
    pub(super) fn close(&mut self) {
        self.stream = Stream::Closed;
    }

    /// The error for a server that breaks the protocol.
    pub(super) fn protocol(&self, what: impl Into<String>) -> Error {
        Error::Protocol {
            peer: self.peer.clone(),
            what: what.into(),
        }
    }

    /// The head of the next message if all of it is here.
    pub(super) fn head(&self) -> Result<Option<Head>> {
        self.inbound.head().map_err(|what| self.protocol(what))
    }

    /// Waits until a whole message is here. Cancel safe.
    pub(super) async fn wait_head(&mut self) -> Result<Head> {
        loop {
            if let Some(head) = self.head()? {
                return Ok(head);
            }
            self.fill().await?;
        }
    }

    /// The message of a head that was just returned.
    pub(super) fn take(&mut self, head: Head) -> Frame<'_> {
        self.inbound.take(head)
    }

    /// The body of the message that was taken last.
    pub(super) fn taken(&self, head: Head) -> &[u8] {
        self.inbound.taken(head)
    }

    /// Waits for more bytes of the server. Cancel safe.
    pub(super) async fn fill(&mut self) -> Result<()> {
        let waiting = Waiting(self);
        poll_fn(|cx| waiting.0.poll_fill_in_time(cx)).await
    }

    /// As `fill`, however long it takes.
    pub(super) async fn fill_without_deadline(&mut self) -> Result<()> {
        poll_fn(|cx| self.poll_fill(cx)).await
    }

    /// Sends what is in `outbound`, and listens meanwhile. Where sending fails the server may have
    /// said why, so the failure shows when the next message is waited for.
    pub(super) async fn flush(&mut self) -> Result<()> {
        let bytes = mem::take(&mut self.outbound);
        let mut sent = 0;
        while self.exchange([&bytes, &[]], &mut sent).await? == Exchange::Heard {}
        // The memory is used again, unless a statement was huge.
        if bytes.capacity() <= KEPT_OUTBOUND {
            self.outbound = bytes;
            self.outbound.clear();
        }
        Ok(())
    }

    /// Sends both pieces from `sent` on, until all is sent or the server says something.
    pub(super) async fn exchange(
        &mut self,
        pieces: [&[u8]; 2],
        sent: &mut usize,
    ) -> Result<Exchange> {
        let waiting = Waiting(self);
        poll_fn(|cx| waiting.0.poll_exchange(cx, pieces, sent)).await
    }

    /// Ends the writing side.
    pub(super) async fn shutdown(&mut self) {
        let _ = poll_fn(|cx| self.stream.poll_shutdown(cx)).await;
        self.close();
    }

    fn poll_exchange(
        &mut self,
        cx: &mut Context<'_>,
        pieces: [&[u8]; 2],
        sent: &mut usize,
    ) -> Poll<Result<Exchange>> {
        // Without readiness this costs no system call.
        if self.inbound.unread() < MOST_UNREAD
            && let Poll::Ready(heard) = self.poll_read(cx)
        {
            return Poll::Ready(Ok(self.unless_failed(heard, Exchange::Heard)));
        }
        if let Poll::Ready(sent) = self.poll_send(cx, pieces, sent) {
            return Poll::Ready(Ok(self.unless_failed(sent, Exchange::Sent)));
        }
        ready!(self.deadline.poll(cx));
        Poll::Ready(Err(self.silent()))
    }

    fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        pieces: [&[u8]; 2],
        sent: &mut usize,
    ) -> Poll<io::Result<()>> {
        if self.failure.is_some() {
            return Poll::Ready(Ok(()));
        }
        loop {
            let first = pieces[0].get(*sent..).unwrap_or_default();
            let second = sent.saturating_sub(pieces[0].len());
            let second = pieces[1].get(second..).unwrap_or_default();
            if first.is_empty() && second.is_empty() {
                return self.stream.poll_flush(cx);
            }
            match ready!(self.stream.poll_write(cx, [first, second]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                bytes => *sent += bytes,
            }
            self.deadline.progress();
        }
    }

    fn poll_fill_in_time(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if let Poll::Ready(outcome) = self.poll_fill(cx) {
            return Poll::Ready(outcome);
        }
        ready!(self.deadline.poll(cx));
        Poll::Ready(Err(self.silent()))
    }

    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let outcome = ready!(self.poll_read(cx));
        Poll::Ready(outcome.map_err(|e| self.lost(e)))
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = ready!(self.stream.poll_read(cx, self.inbound.space()));
        self.deadline.progress();
        Poll::Ready(match outcome {
            Ok(0) => Err(io::Error::new(io::ErrorKind::UnexpectedEof, CLOSED)),
            Ok(bytes) => {
                self.inbound.filled(bytes);
                Ok(())
            }
            Err(e) => Err(e),
        })
    }

    /// A failure is kept for later: the server's last words may be in the buffer.
    fn unless_failed(&mut self, outcome: io::Result<()>, event: Exchange) -> Exchange {
        match outcome {
            Ok(()) => event,
            Err(e) => {
                self.failure.get_or_insert(e);
                Exchange::Sent
            }
        }
    }

    /// The first failure is the cause: after a failed write the read fails as well.
    fn lost(&mut self, source: io::Error) -> Error {
        let source = self.failure.take().unwrap_or(source);
        Error::Lost {
            peer: self.peer.clone(),
            source,
        }
    }

    fn silent(&self) -> Error {
        Error::Silent {
            peer: self.peer.clone(),
            after: self.deadline.timeout(),
        }
    }
}

const CLOSED: &str = "the server closed the connection";

/// So much may be unread while something is sent, in bytes; beyond it the server has to wait.
const MOST_UNREAD: usize = 1 << 20;

/// A send buffer up to this size is kept, in bytes.
const KEPT_OUTBOUND: usize = 64 * 1024;

/// A wait; when it ends or is dropped, its time is kept and the clock stops.
struct Waiting<'a>(&'a mut Link);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.deadline.pause();
    }
}
