//! From the server to the client.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

use super::frame::{self, Frame};
use super::link::{Link, Refusal, chatter};
use super::relay::{End, Policy, READ_SIZE, Then, write_at};
use super::{Action, Fired, Place, Turn};

/// The pump.
pub(super) struct Backward<'a> {
    pub(super) link: &'a Link,
    pub(super) policy: &'a dyn Policy,
    /// Bytes carried so far.
    pub(super) passed: u64,
    pub(super) injected: mpsc::UnboundedReceiver<Vec<u8>>,
    /// Bytes of the server's CopyData that wait for the rest of their new piece.
    pub(super) recut: Vec<u8>,
    /// Which piece is being filled.
    pub(super) piece: usize,
}

impl Backward<'_> {
    pub(super) async fn run(
        &mut self,
        server: &mut (impl AsyncRead + Unpin),
        client: &mut (impl AsyncWrite + Unpin),
    ) -> End {
        // Whether the client is gone shows when it is read; a failed write says nothing else.
        self.pump(server, client).await.unwrap_or(End::Closed)
    }

    async fn pump(
        &mut self,
        server: &mut (impl AsyncRead + Unpin),
        client: &mut (impl AsyncWrite + Unpin),
    ) -> io::Result<End> {
        let mut buffer = Vec::new();
        let mut out = Vec::new();
        loop {
            buffer.reserve(READ_SIZE);
            tokio::select! {
                read = server.read_buf(&mut buffer) => if !matches!(read, Ok(1..)) {
                    return Ok(End::Closed);
                },
                Some(message) = self.injected.recv() => out.extend_from_slice(&message),
            }
            let mut at = 0;
            while let Some(frame) = Frame::first(&buffer[at..]).map_err(io::Error::other)? {
                let start = out.len();
                let end = self.message(frame, &mut out);
                self.passed += (out.len() - start) as u64;
                at += frame.whole().len();
                if let Some(end) = end {
                    self.flush(client, &mut out).await?;
                    return Ok(end);
                }
                if frame.tag() == b'Z' {
                    self.ready(client, &mut out).await?;
                }
            }
            buffer.drain(..at);
            self.link.answered.notify_waiters();
            self.flush(client, &mut out).await?;
        }
    }

    /// One message: hidden answers first, then the policy, then the script on what the client would
    /// see.
    fn message(&mut self, frame: Frame<'_>, out: &mut Vec<u8>) -> Option<End> {
        let link = self.link;
        if self.is_hidden(frame) {
            self.policy.hidden(frame, link);
            return None;
        }
        self.learn(frame);
        if let Some(refusal) = link
            .refusal_behind(frame)
            .or_else(|| self.failed_commit(frame))
        {
            let error = frame::error("ERROR", &refusal.sqlstate, &refusal.message);
            return self.scripted(&error, out);
        }
        if frame.tag() == b'd' {
            return self.scripted(frame.whole(), out);
        }
        let mut judged = Vec::new();
        self.policy.backend(frame, link, &mut judged);
        let mut at = 0;
        while let Ok(Some(frame)) = Frame::first(&judged[at..]) {
            at += frame.whole().len();
            if let Some(end) = self.scripted(frame.whole(), out) {
                return Some(end);
            }
        }
        None
    }

    /// Applies the script to one message and appends what is left of it.
    fn scripted(&mut self, message: &[u8], out: &mut Vec<u8>) -> Option<End> {
        let link = self.link;
        let frame = Frame::first(message).ok()??;
        if frame.tag() == b'C'
            && frame.text() == "COMMIT"
            && let Some(close) = link.lock().cut_at_commit.take()
        {
            return Some(End::Cut(close));
        }
        if link.faults.armed() {
            let application = link.lock().application.clone();
            let place = Place {
                connection: link.connection,
                application: &application,
                passed: self.passed,
            };
            if let Some(fired) = link.faults.on_backend(&place, frame) {
                match apply_to_answer(link, fired, frame, out) {
                    Then::Pass => {}
                    Then::Replaced => return None,
                    Then::End(end) => return Some(end),
                }
            }
        }
        self.push(frame, out);
        None
    }

    fn push(&mut self, frame: Frame<'_>, out: &mut Vec<u8>) {
        let sizes = self.link.lock().shape.recut.clone();
        let Some(sizes) = sizes else {
            return out.extend_from_slice(frame.whole());
        };
        if frame.tag() != b'd' {
            if !self.recut.is_empty() {
                frame::push_message(out, b'd', &std::mem::take(&mut self.recut));
            }
            return out.extend_from_slice(frame.whole());
        }
        self.recut.extend_from_slice(frame.body());
        let mut at = 0;
        while let Some(piece) = self.recut.get(at..at + sizes[self.piece % sizes.len()]) {
            if at == self.recut.len() {
                break;
            }
            frame::push_message(out, b'd', piece);
            at += piece.len();
            self.piece += 1;
        }
        self.recut.drain(..at);
    }

    fn is_hidden(&self, frame: Frame<'_>) -> bool {
        let mut state = self.link.lock();
        let hidden = state.hidden.front() == Some(&(state.answers + 1))
            && !matches!(frame.tag(), b'S' | b'A');
        if frame.tag() == b'Z' {
            state.answers += 1;
            if hidden {
                state.hidden.pop_front();
            }
        }
        hidden
    }

    /// The name of the client may change while it is connected.
    fn learn(&self, frame: Frame<'_>) {
        if frame.tag() == b'S' {
            let (name, value) = frame.parameter();
            if name == "application_name" {
                self.link.lock().application = value.into_owned();
            }
        }
    }

    /// The refusal that stands for the end of a transaction which the client wanted to commit.
    fn failed_commit(&self, frame: Frame<'_>) -> Option<Refusal> {
        if frame.tag() != b'C' || !matches!(frame.text().as_ref(), "COMMIT" | "ROLLBACK") {
            return None;
        }
        let mut state = self.link.lock();
        let current = state.answers + 1;
        let due = state
            .failing_commits
            .front()
            .is_some_and(|(request, _)| *request == current);
        due.then(|| state.failing_commits.pop_front())
            .flatten()
            .map(|(_, refusal)| refusal)
    }

    /// ReadyForQuery: late COMMITs that waited for this answer come before it.
    async fn ready(
        &mut self,
        client: &mut (impl AsyncWrite + Unpin),
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        let due: Vec<Turn> = {
            let mut state = self.link.lock();
            let answers = state.answers;
            let turns = std::mem::take(&mut state.turns);
            let (due, rest) = turns
                .into_iter()
                .partition(|(request, _)| *request <= answers);
            state.turns = rest;
            let due: Vec<(u64, Turn)> = due;
            due.into_iter().map(|(_, turn)| turn).collect()
        };
        if !due.is_empty() {
            let ready = out.split_off(out.len().saturating_sub(6));
            self.flush(client, out).await?;
            for turn in due {
                turn.give().await;
            }
            out.extend_from_slice(&ready);
        }
        Ok(())
    }

    async fn flush(
        &self,
        client: &mut (impl AsyncWrite + Unpin),
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        let shape = self.link.lock().shape.clone();
        if let Some(until) = shape.write_after {
            tokio::time::sleep_until(until).await;
        }
        write_at(client, out, shape.bytes_per_second).await?;
        client.flush().await
    }
}

fn apply_to_answer(link: &Link, fired: Fired, frame: Frame<'_>, out: &mut Vec<u8>) -> Then {
    let whole = frame.whole();
    match fired.action {
        Action::Cut(close) => {
            out.extend_from_slice(&whole[..fired.offset.unwrap_or(0)]);
            return Then::End(End::Cut(close));
        }
        Action::CutInside { bytes, close } => {
            out.extend_from_slice(&whole[..bytes.min(whole.len())]);
            return Then::End(End::Cut(close));
        }
        Action::HalfOpen(keep) => return Then::End(End::HalfOpen(keep)),
        Action::Error {
            sqlstate, message, ..
        } => {
            out.extend_from_slice(&frame::error("ERROR", &sqlstate, &message));
            return Then::Replaced;
        }
        Action::Notices(count) => (0..count).for_each(|n| out.extend_from_slice(&chatter(n))),
        Action::WrongCount(delta) => {
            out.extend_from_slice(&frame::command_complete(&miscount(&frame.text(), delta)));
            return Then::Replaced;
        }
        other => link.lock().shape.take_on(other),
    }
    Then::Pass
}

fn miscount(tag: &str, delta: i64) -> String {
    let (name, count) = tag.rsplit_once(' ').unwrap_or((tag, ""));
    match count.parse::<i64>() {
        Ok(count) => format!("{name} {}", count.saturating_add(delta).max(0)),
        Err(_) => tag.to_owned(),
    }
}
