//! The byte stream below a connection: TCP, a unix socket, or TLS over TCP.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::client::TlsStream;

/// What bytes go through.
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// Given up; every use is an error.
    Closed,
}

impl Stream {
    /// The TCP socket below.
    pub(super) fn tcp(&self) -> Option<&TcpStream> {
        match self {
            Self::Tcp(tcp) => Some(tcp),
            Self::Tls(tls) => Some(tls.get_ref().0),
            Self::Unix(_) | Self::Closed => None,
        }
    }

    /// The TLS session, where there is one.
    pub(super) fn tls(&self) -> Option<&rustls::ClientConnection> {
        match self {
            Self::Tls(tls) => Some(tls.get_ref().1),
            _ => None,
        }
    }

    /// Whether bytes stay on this machine.
    pub(super) fn is_local(&self) -> bool {
        match self {
            Self::Unix(_) => true,
            _ => self
                .tcp()
                .and_then(|tcp| tcp.peer_addr().ok())
                .is_some_and(|a| a.ip().is_loopback()),
        }
    }

    /// Reads into `space`; 0 is the end.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        space: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buf = ReadBuf::new(space);
        let outcome = match self {
            Self::Tcp(tcp) => Pin::new(tcp).poll_read(cx, &mut buf),
            Self::Unix(unix) => Pin::new(unix).poll_read(cx, &mut buf),
            Self::Tls(tls) => Pin::new(tls).poll_read(cx, &mut buf),
            Self::Closed => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        };
        outcome.map_ok(|()| buf.filled().len())
    }

    /// Writes from the front of both pieces, in one system call where it can.
    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        pieces: [&[u8]; 2],
    ) -> Poll<io::Result<usize>> {
        let both = [IoSlice::new(pieces[0]), IoSlice::new(pieces[1])];
        let slices = if pieces[0].is_empty() {
            &both[1..]
        } else {
            &both[..]
        };
        match self {
            Self::Tcp(tcp) => Pin::new(tcp).poll_write_vectored(cx, slices),
            Self::Unix(unix) => Pin::new(unix).poll_write_vectored(cx, slices),
            Self::Tls(tls) => Pin::new(tls).poll_write_vectored(cx, slices),
            Self::Closed => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    /// Hands on what TLS holds back.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tls(tls) => Pin::new(tls).poll_flush(cx),
            _ => Poll::Ready(Ok(())),
        }
    }

    /// Ends the writing side, with TLS's goodbye.
    pub(super) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Unix(unix) => Pin::new(unix).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
            Self::Closed => Poll::Ready(Ok(())),
        }
    }
}
