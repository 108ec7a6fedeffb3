//! From the client to the server.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, sleep_until};

use super::frame::{self, Frame};
use super::link::{Link, Refusal, chatter};
use super::relay::{End, Policy, READ_SIZE, Then, write_at};
use super::{Action, Fired, Place, statement};

/// The pump.
pub(super) struct Forward<'a> {
    pub(super) link: &'a Link,
    pub(super) policy: &'a dyn Policy,
    /// Bytes carried so far.
    pub(super) passed: u64,
}

impl Forward<'_> {
    pub(super) async fn run(
        &mut self,
        client: &mut (impl AsyncRead + Unpin),
        server: &mut (impl AsyncWrite + Unpin),
    ) -> End {
        match self.pump(client, server).await {
            Ok(end) => end,
            // The server has gone: what it said last is still on its way to the client.
            Err(_) => std::future::pending().await,
        }
    }

    async fn pump(
        &mut self,
        client: &mut (impl AsyncRead + Unpin),
        server: &mut (impl AsyncWrite + Unpin),
    ) -> io::Result<End> {
        let mut buffer = Vec::new();
        let mut out = Vec::new();
        loop {
            buffer.reserve(READ_SIZE);
            if let Some(end) = self.read(client, &mut buffer).await {
                return Ok(end);
            }
            let mut at = 0;
            loop {
                let Ok(first) = Frame::first(&buffer[at..]) else {
                    return Ok(End::Closed);
                };
                let Some(frame) = first else { break };
                self.wait_for_leave(server, &mut out).await?;
                let end = self.message(frame, server, &mut out).await?;
                self.passed += frame.whole().len() as u64;
                at += frame.whole().len();
                if let Some(end) = end {
                    server.write_all(&out).await?;
                    return Ok(end);
                }
                if out.len() >= READ_SIZE {
                    self.flush(server, &mut out).await?;
                }
            }
            buffer.drain(..at);
            self.flush(server, &mut out).await?;
        }
    }

    /// Waits for more of the client, as long as the policy has patience with it.
    async fn read(
        &self,
        client: &mut (impl AsyncRead + Unpin),
        buffer: &mut Vec<u8>,
    ) -> Option<End> {
        let since = Instant::now();
        loop {
            // The server's answers decide how long it may take.
            let answered = self.link.answered.notified();
            let patience = self.policy.patience();
            let until = patience.as_ref().map(|(time, _)| since + *time);
            tokio::select! {
                read = client.read_buf(buffer) => {
                    return (!matches!(read, Ok(1..))).then_some(End::Closed);
                }
                () = answered => {}
                () = sleep_until(until.unwrap_or(since)), if until.is_some() => {
                    return Some(End::Told(patience.map(|(_, last)| last).unwrap_or_default()));
                }
            }
        }
    }

    /// One message: the script first, then whatever late COMMIT waits for it, then the policy.
    async fn message(
        &mut self,
        frame: Frame<'_>,
        server: &mut (impl AsyncWrite + Unpin),
        out: &mut Vec<u8>,
    ) -> io::Result<Option<End>> {
        let link = self.link;
        let mut then = Then::Pass;
        if link.faults.armed() {
            for (turn, after_answer) in link.faults.due(link.connection, frame) {
                if after_answer {
                    let mut state = link.lock();
                    let request = state.requests + 1;
                    state.turns.push((request, turn));
                } else {
                    self.flush(server, out).await?;
                    turn.give().await;
                }
            }
            let application = link.lock().application.clone();
            let place = Place {
                connection: link.connection,
                application: &application,
                passed: self.passed,
            };
            if let Some(fired) = link.faults.on_frontend(&place, frame) {
                then = self.apply(fired, frame, server, out).await?;
            }
        }
        if !matches!(then, Then::End(_)) {
            link.lock().count_request(frame.tag());
        }
        match then {
            Then::Pass => self.policy.frontend(frame, link, out),
            Then::Replaced => {}
            Then::End(end) => return Ok(Some(end)),
        }
        self.delay(frame, server, out).await?;
        Ok(None)
    }

    async fn apply(
        &self,
        fired: Fired,
        frame: Frame<'_>,
        server: &mut (impl AsyncWrite + Unpin),
        out: &mut Vec<u8>,
    ) -> io::Result<Then> {
        let link = self.link;
        let ends = |end| Ok(Then::End(end));
        match fired.action {
            Action::Cut(close) => {
                out.extend_from_slice(&frame.whole()[..fired.offset.unwrap_or(0)]);
                return ends(End::Cut(close));
            }
            Action::CutInside { bytes, close } => {
                out.extend_from_slice(&frame.whole()[..bytes.min(frame.whole().len())]);
                return ends(End::Cut(close));
            }
            Action::HalfOpen(keep) => return ends(End::HalfOpen(keep)),
            Action::CutThenDeliver { delivery, close } => {
                let late = frame.whole().to_vec();
                return ends(End::Deliver {
                    late,
                    delivery,
                    close,
                    handle: fired.handle,
                });
            }
            Action::StallReading(time) => {
                self.flush(server, out).await?;
                tokio::time::sleep(time).await;
            }
            Action::Error {
                sqlstate,
                message,
                deaf,
            } => {
                let Some(failing) = link.failing(frame, Refusal { sqlstate, message }) else {
                    return Ok(Then::Pass);
                };
                out.extend_from_slice(&failing);
                self.flush(server, out).await?;
                tokio::time::sleep(deaf).await;
                return Ok(Then::Replaced);
            }
            Action::Notices(count) => (0..count).for_each(|n| link.inject(chatter(n))),
            Action::CommitFails {
                sqlstate,
                committed,
            } => {
                return Ok(self.fail_commit(sqlstate, committed, frame, out));
            }
            Action::CommitThenCut(close) => link.lock().cut_at_commit = Some(close),
            other => link.lock().shape.take_on(other),
        }
        Ok(Then::Pass)
    }

    /// The server rolls back, or commits, and in both cases the client is told of an error.
    fn fail_commit(
        &self,
        sqlstate: String,
        committed: bool,
        frame: Frame<'_>,
        out: &mut Vec<u8>,
    ) -> Then {
        let sql = frame.text();
        let Some(range) = statement::find_commit(&sql) else {
            return Then::Pass;
        };
        let message = "could not commit".to_owned();
        let mut state = self.link.lock();
        let request = state.requests + 1;
        state
            .failing_commits
            .push_back((request, Refusal { sqlstate, message }));
        if committed {
            return Then::Pass;
        }
        out.extend_from_slice(&frame::query(&format!("{} ROLLBACK", &sql[..range.start])));
        Then::Replaced
    }

    /// Waits until the policy lets the client be read.
    async fn wait_for_leave(
        &self,
        server: &mut (impl AsyncWrite + Unpin),
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        while !self.policy.may_read() {
            let answered = self.link.answered.notified();
            self.flush(server, out).await?;
            if self.policy.may_read() {
                break;
            }
            answered.await;
        }
        Ok(())
    }

    async fn delay(
        &self,
        frame: Frame<'_>,
        server: &mut (impl AsyncWrite + Unpin),
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        let shape = self.link.lock().shape.clone();
        if let Some(until) = shape.read_after {
            self.flush(server, out).await?;
            tokio::time::sleep_until(until).await;
        }
        if let Some(latency) = shape.latency.filter(|_| b"QScfp".contains(&frame.tag())) {
            tokio::time::sleep(latency).await;
        }
        Ok(())
    }

    async fn flush(
        &self,
        server: &mut (impl AsyncWrite + Unpin),
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        let rate = self.link.lock().shape.bytes_per_second;
        write_at(server, out, rate).await
    }
}
