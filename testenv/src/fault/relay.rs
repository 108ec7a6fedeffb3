//! One connection between a client and a server: two pumps that carry whole messages, the script of
//! faults, and a policy that judges (the stand-in's; a plain proxy has none).

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::backward::Backward;
use super::forward::Forward;
use super::frame::Frame;
use super::link::Link;
use super::stream::ClientStream;
use super::{Close, Delivery, FaultHandle};

/// How much is read at once, bytes: large enough that the calls per byte do not show.
pub(super) const READ_SIZE: usize = 256 * 1024;

/// How long a late COMMIT waits for its moment, and for its answer.
const DELIVERY_LIMIT: Duration = Duration::from_secs(60);

/// What judges and rewrites the messages that a relay carries.
pub(crate) trait Policy: Send + Sync {
    /// Appends to `out` what the server gets instead of `frame`.
    fn frontend(&self, frame: Frame<'_>, link: &Link, out: &mut Vec<u8>);
    /// Appends to `out` what the client gets instead of `frame`.
    fn backend(&self, frame: Frame<'_>, link: &Link, out: &mut Vec<u8>);
    /// Sees an answer to a request that the client did not make.
    fn hidden(&self, _frame: Frame<'_>, _link: &Link) {}
    /// How long the client may be silent now, and the server's last message when it was longer.
    fn patience(&self) -> Option<(Duration, Vec<u8>)> {
        None
    }
    /// Whether the client may be read, or only after another message of the server.
    fn may_read(&self) -> bool {
        true
    }
}

/// Carries everything as it is.
pub(crate) struct PassThrough;

impl Policy for PassThrough {
    fn frontend(&self, frame: Frame<'_>, _link: &Link, out: &mut Vec<u8>) {
        out.extend_from_slice(frame.whole());
    }

    fn backend(&self, frame: Frame<'_>, _link: &Link, out: &mut Vec<u8>) {
        out.extend_from_slice(frame.whole());
    }
}

/// Why a relay ends.
pub(super) enum End {
    Closed,
    /// The client has been too slow and is told so.
    Told(Vec<u8>),
    Cut(Close),
    HalfOpen(Duration),
    Deliver {
        late: Vec<u8>,
        delivery: Delivery,
        close: Close,
        handle: FaultHandle,
    },
}

/// What becomes of the rest of a message after a fault.
pub(super) enum Then {
    Pass,
    Replaced,
    End(End),
}

/// Carries messages until one side ends, then ends both as the script says.
pub(crate) async fn relay(
    client: ClientStream,
    server: TcpStream,
    (link, injected): (Link, mpsc::UnboundedReceiver<Vec<u8>>),
    policy: &dyn Policy,
) {
    let (mut client_read, mut client_write) = tokio::io::split(client);
    let (mut server_read, mut server_write) = server.into_split();
    let mut forward = Forward {
        link: &link,
        policy,
        passed: 0,
    };
    let mut backward = Backward {
        link: &link,
        policy,
        passed: 0,
        injected,
        recut: Vec::new(),
        piece: 0,
    };
    let end = tokio::select! {
        end = forward.run(&mut client_read, &mut server_write) => end,
        end = backward.run(&mut server_read, &mut client_write) => end,
    };
    match end {
        End::Closed => {
            let _ = client_write.shutdown().await;
            client_read.unsplit(client_write).close(Close::Fin).await;
        }
        End::Told(last) => {
            drop((server_read, server_write));
            let _ = client_write.write_all(&last).await;
            let _ = client_write.shutdown().await;
            client_read.unsplit(client_write).close(Close::Fin).await;
        }
        End::Cut(close) => {
            drop((server_read, server_write));
            client_read.unsplit(client_write).close(close).await;
        }
        End::HalfOpen(keep) => {
            tokio::time::sleep(keep).await;
            client_read.unsplit(client_write).close(Close::Rst).await;
        }
        End::Deliver {
            late,
            delivery,
            close,
            handle,
        } => {
            let moment = link.faults.wait_for(delivery.clone(), link.connection);
            client_read.unsplit(client_write).close(close).await;
            if let Delivery::After(wait) = delivery {
                tokio::time::sleep(wait).await;
            } else if tokio::time::timeout(DELIVERY_LIMIT, moment.come)
                .await
                .is_err()
            {
                return;
            }
            let answer = deliver(&late, &mut server_read, &mut server_write);
            let outcome = tokio::time::timeout(DELIVERY_LIMIT, answer).await;
            handle.record_delivery(outcome.unwrap_or_else(|_| "no answer".to_owned()));
            let _ = moment.done.send(());
        }
    }
}

/// Sends the late COMMIT; its outcome is the last tag or SQLSTATE before the server is ready again.
async fn deliver(
    late: &[u8],
    server_read: &mut (impl AsyncRead + Unpin),
    server_write: &mut (impl AsyncWrite + Unpin),
) -> String {
    let mut outcome = "connection closed".to_owned();
    if server_write.write_all(late).await.is_err() {
        return outcome;
    }
    let mut buffer = Vec::new();
    while matches!(server_read.read_buf(&mut buffer).await, Ok(1..)) {
        let mut at = 0;
        while let Ok(Some(frame)) = Frame::first(&buffer[at..]) {
            at += frame.whole().len();
            match frame.tag() {
                b'C' => outcome = frame.text().into_owned(),
                b'E' => outcome = frame.field(b'C').unwrap_or_default().into_owned(),
                b'Z' if outcome != "connection closed" => return outcome,
                _ => {}
            }
        }
        buffer.drain(..at);
    }
    outcome
}

/// Writes and empties `out`, at most `rate` bytes per second.
pub(super) async fn write_at(
    to: &mut (impl AsyncWrite + Unpin),
    out: &mut Vec<u8>,
    rate: Option<u64>,
) -> io::Result<()> {
    let Some(rate) = rate else {
        to.write_all(out).await?;
        out.clear();
        return Ok(());
    };
    // A twentieth of a second at a time keeps the line even.
    let piece = usize::try_from(rate / 20).unwrap_or(usize::MAX).max(1);
    for bytes in out.chunks(piece) {
        to.write_all(bytes).await?;
        to.flush().await?;
        tokio::time::sleep(Duration::from_secs_f64(bytes.len() as f64 / rate as f64)).await;
    }
    out.clear();
    Ok(())
}
