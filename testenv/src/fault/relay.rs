//! One connection between a client and a server: two pumps that carry whole messages, the script of
//! faults, and a policy that judges (the stand-in's; a plain proxy has none).

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use super::frame::{self, Frame};
use super::stream::ClientStream;
use super::{Action, Close, Delivery, FaultHandle, Faults, Fired, Place, Turn, statement};

/// How much is read at once, bytes: large enough that the calls per byte do not show.
const READ_SIZE: usize = 256 * 1024;

/// How long a late COMMIT waits for its moment, and for its answer.
const DELIVERY_LIMIT: Duration = Duration::from_secs(60);

/// The identifier that makes a statement fail in the server, followed by the refusal's number.
const MARK: &str = "refused by the relay, number ";

/// What judges and rewrites the messages that a relay carries.
pub(crate) trait Policy: Send + Sync {
    /// Appends to `out` what the server gets instead of `frame`.
    fn frontend(&self, frame: Frame<'_>, link: &Link, out: &mut Vec<u8>);
    /// Appends to `out` what the client gets instead of `frame`.
    fn backend(&self, frame: Frame<'_>, link: &Link, out: &mut Vec<u8>);
    /// Sees an answer to a request that the client did not make.
    fn hidden(&self, _frame: Frame<'_>, _link: &Link) {}
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
    answered: Notify,
}

#[derive(Default)]
struct State {
    application: String,
    refusals: HashMap<u64, Refusal>,
    /// Requests sent that end in ReadyForQuery; the startup is the first.
    requests: u64,
    /// ReadyForQuery messages seen.
    answers: u64,
    /// Requests whose answers the client must not see.
    hidden: VecDeque<u64>,
    /// COMMITs that were turned into ROLLBACKs.
    failing_commits: VecDeque<(u64, Refusal)>,
    /// How to cut when COMMIT is complete.
    cut_at_commit: Option<Close>,
    /// Late COMMITs to let through when the request is answered.
    turns: Vec<(u64, Turn)>,
    shape: Shape,
}

/// The shape of a bad line.
#[derive(Default, Clone)]
struct Shape {
    read_after: Option<Instant>,
    write_after: Option<Instant>,
    bytes_per_second: Option<u64>,
    latency: Option<Duration>,
    recut: Option<Arc<Vec<usize>>>,
}

/// Why a relay ends.
enum End {
    Closed,
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
enum Then {
    Pass,
    Replaced,
    End(End),
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
    fn refusal_behind(&self, frame: Frame<'_>) -> Option<Refusal> {
        if frame.tag() != b'E' {
            return None;
        }
        let text = frame.field(b'M')?;
        let (_, after) = text.split_once(MARK)?;
        let number = after.split_once(';')?.0.parse().ok()?;
        self.lock().refusals.get(&number).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
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

struct Forward<'a> {
    link: &'a Link,
    policy: &'a dyn Policy,
    passed: u64,
}

impl Forward<'_> {
    async fn run(
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
            if !matches!(client.read_buf(&mut buffer).await, Ok(1..)) {
                return Ok(End::Closed);
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
        if matches!(frame.tag(), b'Q' | b'S' | b'F') && !matches!(then, Then::End(_)) {
            link.lock().requests += 1;
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
            other => shape(&mut link.lock().shape, other),
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

struct Backward<'a> {
    link: &'a Link,
    policy: &'a dyn Policy,
    passed: u64,
    injected: mpsc::UnboundedReceiver<Vec<u8>>,
    /// Bytes of the server's CopyData that wait for the rest of their new piece.
    recut: Vec<u8>,
    /// Which piece is being filled.
    piece: usize,
}

impl Backward<'_> {
    async fn run(
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
        if frame.tag() == b'C' && frame.text() == "COMMIT" {
            if let Some(close) = link.lock().cut_at_commit.take() {
                return Some(End::Cut(close));
            }
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
        other => shape(&mut link.lock().shape, other),
    }
    Then::Pass
}

/// Actions that last.
fn shape(shape: &mut Shape, action: Action) {
    match action {
        Action::StallReading(time) => shape.read_after = Some(Instant::now() + time),
        Action::StallWriting(time) => shape.write_after = Some(Instant::now() + time),
        Action::Bandwidth(rate) => shape.bytes_per_second = Some(rate.max(1)),
        Action::Latency(time) => shape.latency = Some(time),
        Action::Recut(sizes) if sizes.iter().any(|&size| size > 0) => {
            shape.recut = Some(Arc::new(sizes));
        }
        _ => {}
    }
}

/// Messages that a server may send at any time: notices and parameters in turn.
fn chatter(number: usize) -> Vec<u8> {
    if number % 2 == 0 {
        frame::notice("NOTICE", "00000", "unexpected, and allowed at any time")
    } else {
        frame::parameter_status("wire9_test.parameter", &number.to_string())
    }
}

fn miscount(tag: &str, delta: i64) -> String {
    let (name, count) = tag.rsplit_once(' ').unwrap_or((tag, ""));
    match count.parse::<i64>() {
        Ok(count) => format!("{name} {}", count.saturating_add(delta).max(0)),
        Err(_) => tag.to_owned(),
    }
}

/// Writes and empties `out`, at most `rate` bytes per second.
async fn write_at(
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
