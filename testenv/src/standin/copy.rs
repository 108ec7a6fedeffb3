//! One COPY FROM STDIN as it streams by: the longest line, and the two ways in which a COPY may turn
//! out not to be atomic.
//!
//! ```text
//!             boundary of a portion
//!   Running ────────────────────────▶ Waiting ──ReadyForQuery──▶ Renew ──next message──▶ Running
//!      │      CopyDone to the server     │
//!      └────────── error, end ───────────┴──▶ Over
//! ```

use super::judge::CopyFrom;
use super::limits::Limits;
use crate::fault::frame::{self, Frame};
use crate::fault::link::Link;

/// After how many lines an autocommit COPY that is not atomic commits what it has.
const PORTION: u64 = 100;

/// What is wrong with the data.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Fine,
    /// Nothing of the message was appended.
    LineTooLong,
}

#[derive(Debug, PartialEq, Eq)]
enum Phase {
    Running,
    Waiting,
    Renew,
    Over,
}

/// The state of one COPY.
pub(crate) struct CopyIn {
    /// The number of the statement among the client's requests.
    request: u64,
    line_limit: usize,
    /// Bytes of the line that is not finished.
    line: usize,
    lines: u64,
    failed: bool,
    /// The statement to begin anew after each portion.
    portions: Option<String>,
    /// Lines since the last portion, and bytes that wait for the next.
    in_portion: u64,
    waiting: Vec<u8>,
    committed: u64,
    hide_response: bool,
    commit_after: bool,
    phase: Phase,
}

impl CopyIn {
    pub(crate) fn new(
        copy: &CopyFrom,
        (sql, request): (&str, u64),
        in_transaction: bool,
        limits: &Limits,
    ) -> CopyIn {
        let portions = !in_transaction && !limits.autocommit_copy_atomic && copy.text_alone;
        CopyIn {
            request,
            line_limit: limits.line_bytes,
            line: 0,
            lines: 0,
            failed: false,
            portions: portions.then(|| sql.to_owned()),
            in_portion: 0,
            waiting: Vec::new(),
            committed: 0,
            hide_response: false,
            commit_after: in_transaction && !limits.transactional_copy,
            phase: Phase::Running,
        }
    }

    /// Lines seen so far.
    pub(crate) fn lines(&self) -> u64 {
        self.lines
    }

    /// Whether answers to this request are this COPY's: others may be on their way before it.
    pub(crate) fn is_answered_by(&self, request: u64) -> bool {
        request >= self.request
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.failed
    }

    /// The rest of the data is of no interest.
    pub(crate) fn fail(&mut self) {
        self.failed = true;
    }

    pub(crate) fn may_read(&self) -> bool {
        self.phase != Phase::Waiting
    }

    pub(crate) fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// CopyData, CopyDone or CopyFail of the client.
    pub(crate) fn frontend(&mut self, frame: Frame<'_>, link: &Link, out: &mut Vec<u8>) -> Verdict {
        if self.phase == Phase::Renew {
            self.renew(link, out);
        }
        match frame.tag() {
            b'd' if !self.failed && self.is_too_long(frame.body()) => {
                self.failed = true;
                return Verdict::LineTooLong;
            }
            b'd' if self.portions.is_some() && !self.failed => self.portion(frame.body(), out),
            b'c' if self.commit_after => {
                out.extend_from_slice(frame.whole());
                out.extend_from_slice(&link.hidden_query("COMMIT; BEGIN"));
            }
            _ => out.extend_from_slice(frame.whole()),
        }
        Verdict::Fine
    }

    /// Appends what the client gets to see of the server's answer.
    pub(crate) fn backend(&mut self, frame: Frame<'_>, out: &mut Vec<u8>) {
        match frame.tag() {
            b'C' if self.phase == Phase::Waiting => self.committed += count_of(frame),
            b'Z' if self.phase == Phase::Waiting => self.phase = Phase::Renew,
            b'G' if self.hide_response => self.hide_response = false,
            b'C' if self.committed > 0 => {
                let total = self.committed + count_of(frame);
                out.extend_from_slice(&frame::command_complete(&format!("COPY {total}")));
            }
            b'E' => {
                self.phase = Phase::Running;
                self.portions = None;
                out.extend_from_slice(frame.whole());
            }
            b'Z' => {
                self.phase = Phase::Over;
                out.extend_from_slice(frame.whole());
            }
            _ => out.extend_from_slice(frame.whole()),
        }
    }

    /// Counts lines, and finds one above the limit. A line inside a message that is itself below the
    /// limit cannot be too long, so only long messages are looked through line by line.
    fn is_too_long(&mut self, data: &[u8]) -> bool {
        self.lines += memchr::memchr_iter(b'\n', data).count() as u64;
        let Some(first) = memchr::memchr(b'\n', data) else {
            self.line += data.len();
            return self.line > self.line_limit;
        };
        let mut too_long = self.line + first > self.line_limit;
        if data.len() > self.line_limit {
            let inner = data.split(|&byte| byte == b'\n').skip(1);
            too_long |= inner.into_iter().any(|line| line.len() > self.line_limit);
        }
        let last = memchr::memrchr(b'\n', data).unwrap_or(first);
        self.line = data.len() - last - 1;
        too_long
    }

    fn portion(&mut self, data: &[u8], out: &mut Vec<u8>) {
        let mut rest = data;
        if self.phase == Phase::Running {
            let missing = (PORTION - self.in_portion) as usize;
            let end = memchr::memchr_iter(b'\n', data)
                .nth(missing - 1)
                .map(|at| at + 1);
            let now = &data[..end.unwrap_or(data.len())];
            self.in_portion += memchr::memchr_iter(b'\n', now).count() as u64;
            frame::push_message(out, b'd', now);
            rest = &data[now.len()..];
            if end.is_some() {
                frame::push_message(out, b'c', b"");
                self.phase = Phase::Waiting;
            }
        }
        self.waiting.extend_from_slice(rest);
    }

    fn renew(&mut self, link: &Link, out: &mut Vec<u8>) {
        let Some(sql) = &self.portions else { return };
        out.extend_from_slice(&link.further_query(sql));
        self.hide_response = true;
        self.phase = Phase::Running;
        self.in_portion = 0;
        let waiting = std::mem::take(&mut self.waiting);
        if !waiting.is_empty() {
            // What one message held beyond its first portion makes one larger portion.
            frame::push_message(out, b'd', &waiting);
        }
    }
}

fn count_of(frame: Frame<'_>) -> u64 {
    frame
        .text()
        .rsplit(' ')
        .next()
        .and_then(|count| count.parse().ok())
        .unwrap_or(0)
}
