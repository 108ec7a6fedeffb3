//! From the server to the client.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

use super::frame::{self, Frame};
use super::link::{Link, Refusal, chatter};
use super::relay::{End, Policy, READ_SIZE, ending, write_at};
use super::{Action, Fired};

/// Tag, length and status.
const READY_FOR_QUERY_BYTES: usize = 6;

/// The pump.
pub(super) struct Backward<'a, W> {
    link: &'a Link,
    policy: &'a dyn Policy,
    client: &'a mut W,
    injected: mpsc::UnboundedReceiver<Vec<u8>>,
    /// What the client has not got yet.
    out: Vec<u8>,
    /// Bytes carried so far.
    passed: u64,
    /// Bytes of the server's CopyData that wait for the rest of their new piece.
    recut: Vec<u8>,
    /// Which piece is being filled.
    piece: usize,
}

impl<'a, W: AsyncWrite + Unpin> Backward<'a, W> {
    pub(super) fn new(
        link: &'a Link,
        policy: &'a dyn Policy,
        client: &'a mut W,
        injected: mpsc::UnboundedReceiver<Vec<u8>>,
    ) -> Self {
        let (out, recut) = (Vec::new(), Vec::new());
        Backward {
            link,
            policy,
            client,
            injected,
            out,
            passed: 0,
            recut,
            piece: 0,
        }
    }

    pub(super) async fn run(&mut self, server: &mut (impl AsyncRead + Unpin)) -> End {
        // A client that cannot be written to has gone.
        self.pump(server).await.unwrap_or(End::Closed)
    }

    async fn pump(&mut self, server: &mut (impl AsyncRead + Unpin)) -> io::Result<End> {
        let mut buffer = Vec::new();
        loop {
            buffer.reserve(READ_SIZE);
            tokio::select! {
                read = server.read_buf(&mut buffer) => if !matches!(read, Ok(1..)) {
                    return Ok(End::Closed);
                },
                Some(message) = self.injected.recv() => self.out.extend_from_slice(&message),
            }
            let mut at = 0;
            while let Some(frame) = Frame::first(&buffer[at..]).map_err(io::Error::other)? {
                at += frame.whole().len();
                if let Some(end) = self.message(frame) {
                    self.flush().await?;
                    return Ok(end);
                }
                if frame.tag() == b'Z' {
                    self.give_turns().await?;
                }
            }
            buffer.drain(..at);
            self.link.answered.notify_waiters();
            self.flush().await?;
        }
    }

    /// One message: hidden answers first, then the policy, then the script on what the client would
    /// see.
    fn message(&mut self, frame: Frame<'_>) -> Option<End> {
        let link = self.link;
        if self.is_hidden(frame) {
            self.policy.hidden(frame, link);
            return None;
        }
        self.learn(frame);
        let failed = link
            .refusal_behind(frame)
            .or_else(|| self.failed_commit(frame));
        if let Some(refusal) = failed {
            let error = frame::error("ERROR", &refusal.sqlstate, &refusal.message);
            return Frame::first(&error)
                .ok()
                .flatten()
                .and_then(|error| self.scripted(error));
        }
        if frame.tag() == b'd' {
            return self.scripted(frame);
        }
        let mut judged = Vec::new();
        self.policy.backend(frame, link, &mut judged);
        let mut rest = judged.as_slice();
        while let Ok(Some(frame)) = Frame::first(rest) {
            rest = &rest[frame.whole().len()..];
            if let Some(end) = self.scripted(frame) {
                return Some(end);
            }
        }
        None
    }

    /// Applies the script to one message and appends what is left of it.
    fn scripted(&mut self, frame: Frame<'_>) -> Option<End> {
        let start = self.out.len();
        let end = self.apply_script(frame);
        self.passed += (self.out.len() - start) as u64;
        end
    }

    fn apply_script(&mut self, frame: Frame<'_>) -> Option<End> {
        let link = self.link;
        if frame.tag() == b'C'
            && frame.text() == "COMMIT"
            && let Some(close) = link.lock().cut_at_commit.take()
        {
            return Some(End::Cut(close));
        }
        if link.faults.armed() {
            let application = link.application();
            let place = link.place(&application, self.passed);
            if let Some(fired) = link.faults.on_backend(&place, frame) {
                return self.apply(fired, frame);
            }
        }
        self.push(frame);
        None
    }

    fn apply(&mut self, fired: Fired, frame: Frame<'_>) -> Option<End> {
        if let Some((bytes, end)) = ending(&fired, frame) {
            self.out.extend_from_slice(&frame.whole()[..bytes]);
            return Some(end);
        }
        match fired.action {
            Action::Error {
                sqlstate, message, ..
            } => {
                self.out
                    .extend_from_slice(&frame::error("ERROR", &sqlstate, &message));
                return None;
            }
            Action::WrongCount(delta) => {
                let tag = miscount(&frame.text(), delta);
                self.out.extend_from_slice(&frame::command_complete(&tag));
                return None;
            }
            Action::LoseData => return None,
            Action::Notices(count) => {
                (0..count).for_each(|n| self.out.extend_from_slice(&chatter(n)));
            }
            lasting => self.link.lock().shape.take_on(lasting),
        }
        self.push(frame);
        None
    }

    fn push(&mut self, frame: Frame<'_>) {
        let sizes = self.link.lock().shape.recut.clone();
        match sizes {
            Some(sizes) if frame.tag() == b'd' => self.cut_anew(frame.body(), &sizes),
            _ => {
                if !self.recut.is_empty() {
                    frame::push_message(&mut self.out, b'd', &std::mem::take(&mut self.recut));
                }
                self.out.extend_from_slice(frame.whole());
            }
        }
    }

    fn cut_anew(&mut self, data: &[u8], sizes: &[usize]) {
        self.recut.extend_from_slice(data);
        let mut at = 0;
        while let Some(piece) = self.recut.get(at..at + sizes[self.piece % sizes.len()]) {
            if at == self.recut.len() {
                break;
            }
            frame::push_message(&mut self.out, b'd', piece);
            at += piece.len();
            self.piece += 1;
        }
        self.recut.drain(..at);
    }

    fn is_hidden(&self, frame: Frame<'_>) -> bool {
        let mut state = self.link.lock();
        // Parameters and notifications belong to nobody's answer.
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

    /// After ReadyForQuery: the late COMMITs that waited for this answer come before it is sent.
    async fn give_turns(&mut self) -> io::Result<()> {
        let due = self.link.lock().due_turns();
        if due.is_empty() {
            return Ok(());
        }
        let ready = self
            .out
            .split_off(self.out.len().saturating_sub(READY_FOR_QUERY_BYTES));
        self.flush().await?;
        for turn in due {
            turn.give().await;
        }
        self.out.extend_from_slice(&ready);
        Ok(())
    }

    async fn flush(&mut self) -> io::Result<()> {
        let shape = self.link.lock().shape.clone();
        if let Some(until) = shape.write_after {
            tokio::time::sleep_until(until).await;
        }
        write_at(self.client, &mut self.out, shape.bytes_per_second).await?;
        self.client.flush().await
    }
}

fn miscount(tag: &str, delta: i64) -> String {
    let (name, count) = tag.rsplit_once(' ').unwrap_or((tag, ""));
    match count.parse::<i64>() {
        Ok(count) => format!("{name} {}", count.saturating_add(delta).max(0)),
        Err(_) => tag.to_owned(),
    }
}
