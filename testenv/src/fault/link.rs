//! What both pumps of one connection share: who the client is, which requests are on their way, what
//! shall be refused, and how bad the line is.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use super::frame::{self, Frame};
use super::{Action, Close, Faults, Place, Turn};

/// The identifier that makes a statement fail in the server, followed by the refusal's number.
const MARK: &str = "refused by the relay, number ";

/// An error that the client gets in place of the server's.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) sqlstate: String,
    pub(crate) message: String,
}

/// What both pumps of a connection share.
pub(crate) struct Link {
    /// The number of the connection at its proxy, from 1.
    pub(crate) connection: u64,
    pub(crate) faults: Faults,
    state: Mutex<State>,
    to_client: mpsc::UnboundedSender<Vec<u8>>,
    /// Told whenever messages of the server have been handled.
    pub(super) answered: Notify,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) application: String,
    pub(super) refusals: HashMap<u64, Refusal>,
    /// Requests sent that end in ReadyForQuery; the startup is the first.
    pub(super) requests: u64,
    /// Sync messages since the last Execute: a server that loads ignores them.
    pub(super) syncs: u64,
    /// ReadyForQuery messages seen.
    pub(super) answers: u64,
    /// Requests whose answers the client must not see.
    pub(super) hidden: VecDeque<u64>,
    /// COMMITs that were turned into ROLLBACKs.
    pub(super) failing_commits: VecDeque<(u64, Refusal)>,
    /// How to cut when COMMIT is complete.
    pub(super) cut_at_commit: Option<Close>,
    /// Late COMMITs to let through when the request is answered.
    pub(super) turns: Vec<(u64, Turn)>,
    pub(super) shape: Shape,
}

/// The shape of a bad line.
#[derive(Default, Clone)]
pub(super) struct Shape {
    pub(super) read_after: Option<Instant>,
    pub(super) write_after: Option<Instant>,
    pub(super) bytes_per_second: Option<u64>,
    pub(super) latency: Option<Duration>,
    pub(super) recut: Option<Arc<Vec<usize>>>,
}

impl Link {
    pub(crate) fn new(
        connection: u64,
        faults: Faults,
        application: &str,
    ) -> (Link, mpsc::UnboundedReceiver<Vec<u8>>) {
        let (to_client, from_link) = mpsc::unbounded_channel();
        let state = State {
            application: application.to_owned(),
            requests: 1,
            ..State::default()
        };
        let answered = Notify::new();
        (
            Link {
                connection,
                faults,
                state: Mutex::new(state),
                to_client,
                answered,
            },
            from_link,
        )
    }

    /// The client's `application_name` now.
    pub(super) fn application(&self) -> String {
        self.lock().application.clone()
    }

    /// Where a message happens, for the script.
    pub(super) fn place<'a>(&self, application: &'a str, passed: u64) -> Place<'a> {
        Place {
            connection: self.connection,
            application,
            passed,
        }
    }

    /// Sends the client a message between two others.
    pub(crate) fn inject(&self, message: Vec<u8>) {
        let _ = self.to_client.send(message);
    }

    /// A statement that fails in the server; its error reaches the client as `refusal`.
    pub(crate) fn failing_statement(&self, refusal: Refusal) -> String {
        format!("SELECT \"{}\"", self.mark(refusal))
    }

    /// A Query whose answer the client does not see. To be sent at once.
    pub(crate) fn hidden_query(&self, sql: &str) -> Vec<u8> {
        let mut state = self.lock();
        state.requests += 1;
        let request = state.requests;
        state.hidden.push_back(request);
        frame::query(sql)
    }

    /// As [`Link::hidden_query`], to be sent before the request that has just been counted.
    pub(crate) fn hidden_query_before(&self, sql: &str) -> Vec<u8> {
        let mut state = self.lock();
        let request = state.requests;
        state.requests += 1;
        state.hidden.push_back(request);
        frame::query(sql)
    }

    /// A Query whose answer takes the place of the answer before. To be sent at once.
    pub(crate) fn further_query(&self, sql: &str) -> Vec<u8> {
        self.lock().requests += 1;
        frame::query(sql)
    }

    /// The number of the last request that was sent.
    pub(crate) fn last_request(&self) -> u64 {
        self.lock().requests
    }

    /// The number of the request that a message of the server answers.
    pub(crate) fn answering(&self, frame: Frame<'_>) -> u64 {
        let answers = self.lock().answers;
        if frame.tag() == b'Z' {
            answers
        } else {
            answers + 1
        }
    }

    /// The message of the client replaced by one that the server refuses with `refusal`, if it is
    /// of a kind that can fail.
    pub(crate) fn failing(&self, frame: Frame<'_>, refusal: Refusal) -> Option<Vec<u8>> {
        match frame.tag() {
            b'Q' => Some(frame::query(&self.failing_statement(refusal))),
            b'P' => {
                let (name, _) = frame::c_string(frame.body());
                let sql = self.failing_statement(refusal);
                Some(frame::message(
                    b'P',
                    &[name, b"\0", sql.as_bytes(), b"\0\0\0"].concat(),
                ))
            }
            b'd' | b'c' => Some(frame::copy_fail(&self.mark(refusal))),
            b'B' => {
                let mark = self.mark(refusal);
                Some(frame::message(
                    b'B',
                    &[b"\0", mark.as_bytes(), b"\0\0\0\0\0\0\0"].concat(),
                ))
            }
            b'E' => {
                let mark = self.mark(refusal);
                Some(frame::message(
                    b'E',
                    &[mark.as_bytes(), b"\0\0\0\0\0"].concat(),
                ))
            }
            _ => None,
        }
    }

    fn mark(&self, refusal: Refusal) -> String {
        let mut state = self.lock();
        let number = state.refusals.len() as u64;
        state.refusals.insert(number, refusal);
        format!("{MARK}{number};")
    }

    /// The refusal that an error of the server stands for.
    pub(super) fn refusal_behind(&self, frame: Frame<'_>) -> Option<Refusal> {
        if frame.tag() != b'E' {
            return None;
        }
        let text = frame.field(b'M')?;
        let (_, after) = text.split_once(MARK)?;
        let number = after.split_once(';')?.0.parse().ok()?;
        self.lock().refusals.get(&number).cloned()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Lets a late COMMIT through when the request that comes now is answered.
    pub(super) fn turn_after_next(&mut self, turn: Turn) {
        self.turns.push((self.requests + 1, turn));
    }

    /// The late COMMITs whose request is answered.
    pub(super) fn due_turns(&mut self) -> Vec<Turn> {
        let answers = self.answers;
        let turns = std::mem::take(&mut self.turns);
        let (due, rest): (Vec<_>, Vec<_>) = turns
            .into_iter()
            .partition(|(request, _)| *request <= answers);
        self.turns = rest;
        due.into_iter().map(|(_, turn)| turn).collect()
    }

    /// The COMMIT in the request that comes now is answered with an error.
    pub(super) fn fail_next_commit(&mut self, refusal: Refusal) {
        self.failing_commits.push_back((self.requests + 1, refusal));
    }

    /// Counts a message of the client, if it is a request that ends in ReadyForQuery.
    pub(super) fn count_request(&mut self, tag: u8) {
        match tag {
            b'Q' | b'F' => (self.requests, self.syncs) = (self.requests + 1, 0),
            b'S' => (self.requests, self.syncs) = (self.requests + 1, self.syncs + 1),
            b'E' => self.syncs = 0,
            b'c' | b'f' => {
                self.requests -= self.syncs;
                self.syncs = 0;
            }
            _ => {}
        }
    }
}

impl Shape {
    /// Takes on an action that lasts.
    pub(super) fn take_on(&mut self, action: Action) {
        match action {
            Action::StallReading(time) => self.read_after = Some(Instant::now() + time),
            Action::StallWriting(time) => self.write_after = Some(Instant::now() + time),
            Action::Bandwidth(rate) => self.bytes_per_second = Some(rate.max(1)),
            Action::Latency(time) => self.latency = Some(time),
            Action::Recut(sizes) if sizes.iter().any(|&size| size > 0) => {
                self.recut = Some(Arc::new(sizes));
            }
            _ => {}
        }
    }
}

/// Messages that a server may send at any time: notices and parameters in turn.
pub(super) fn chatter(number: usize) -> Vec<u8> {
    if number.is_multiple_of(2) {
        frame::notice("NOTICE", "00000", "unexpected, and allowed at any time")
    } else {
        frame::parameter_status("wire9_test.parameter", &number.to_string())
    }
}
