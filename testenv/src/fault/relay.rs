//! One connection between a client and a server: two pumps that carry whole messages, the script of
//! faults, and a policy that judges (the stand-in's; a plain proxy has none).

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::backward::Backward;
use super::forward::Forward;
use super::frame::{self, Frame};
use super::link::Link;
use super::stream::ClientStream;
use super::{Action, Close, Delivery, FaultHandle, Fired, Moment};

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
    Deliver(Late, Close),
}

/// A COMMIT whose client was cut off.
pub(super) struct Late {
    message: Vec<u8>,
    delivery: Delivery,
    handle: FaultHandle,
}

/// The end that a fault brings about, and how many bytes of its message pass before.
pub(super) fn ending(fired: &Fired, frame: Frame<'_>) -> Option<(usize, End)> {
    let whole = frame.whole();
    Some(match &fired.action {
        Action::Cut(close) => (fired.offset.unwrap_or(0), End::Cut(*close)),
        Action::CutInside { bytes, close } => ((*bytes).min(whole.len()), End::Cut(*close)),
        Action::HalfOpen(keep) => (0, End::HalfOpen(*keep)),
        Action::Fatal { sqlstate, message } => {
            (0, End::Told(frame::error("FATAL", sqlstate, message)))
        }
        Action::CutThenDeliver { delivery, close } => {
            let late = Late {
                message: whole.to_vec(),
                delivery: delivery.clone(),
                handle: fired.handle.clone(),
            };
            (0, End::Deliver(late, *close))
        }
        _ => return None,
    })
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
    let end = {
        let mut forward = Forward::new(&link, policy, &mut server_write);
        let mut backward = Backward::new(&link, policy, &mut client_write, injected);
        tokio::select! {
            end = forward.run(&mut client_read) => end,
            end = backward.run(&mut server_read) => end,
        }
    };
    let client = client_read.unsplit(client_write);
    match server_read.reunite(server_write) {
        Ok(server) => finish(end, client, server, &link).await,
        Err(_) => client.close(Close::Fin).await,
    }
}

async fn finish(end: End, mut client: ClientStream, server: TcpStream, link: &Link) {
    match end {
        End::Closed => {
            let _ = client.shutdown().await;
            client.close(Close::Fin).await;
        }
        End::Told(last) => {
            drop(server);
            let _ = client.write_all(&last).await;
            let _ = client.shutdown().await;
            client.close(Close::Fin).await;
        }
        End::Cut(close) => {
            drop(server);
            client.close(close).await;
        }
        End::HalfOpen(keep) => {
            tokio::time::sleep(keep).await;
            client.close(Close::Rst).await;
        }
        End::Deliver(late, close) => {
            // Before the client can know: its next connection may be the one to wait for.
            let moment = link.faults.wait_for(late.delivery.clone(), link.connection);
            client.close(close).await;
            late.deliver(moment, server).await;
        }
    }
}

impl Late {
    /// Waits for the moment, sends the message, and records what the server makes of it.
    async fn deliver(self, moment: Moment, mut server: TcpStream) {
        if let Delivery::After(wait) = self.delivery {
            tokio::time::sleep(wait).await;
        } else if !matches!(timeout(DELIVERY_LIMIT, moment.come).await, Ok(Ok(()))) {
            return;
        }
        let outcome = timeout(DELIVERY_LIMIT, last_word(&self.message, &mut server)).await;
        self.handle
            .record_delivery(outcome.unwrap_or_else(|_| "no answer".to_owned()));
        let _ = moment.done.send(());
    }
}

/// Sends a message; the last tag or SQLSTATE before the server is ready again.
async fn last_word(message: &[u8], server: &mut TcpStream) -> String {
    let mut outcome = "connection closed".to_owned();
    if server.write_all(message).await.is_err() {
        return outcome;
    }
    let mut buffer = Vec::new();
    while matches!(server.read_buf(&mut buffer).await, Ok(1..)) {
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
