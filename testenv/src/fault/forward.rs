//! From the client to the server.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::time::{Instant, sleep, sleep_until};

use super::frame::{self, Frame};
use super::link::{Link, Refusal, chatter};
use super::relay::{End, Policy, READ_SIZE, ending, write_at};
use super::{Action, Fired, statement};

/// The pump.
pub(super) struct Forward<'a, W> {
    link: &'a Link,
    policy: &'a dyn Policy,
    server: &'a mut W,
    /// What the server has not got yet.
    out: Vec<u8>,
    /// Bytes carried so far.
    passed: u64,
}

/// What becomes of a message after a fault.
enum Then {
    Pass,
    /// Something else has been appended.
    Replaced,
    End(End),
}

impl<'a, W: AsyncWrite + Unpin> Forward<'a, W> {
    pub(super) fn new(link: &'a Link, policy: &'a dyn Policy, server: &'a mut W) -> Self {
        Forward {
            link,
            policy,
            server,
            out: Vec::new(),
            passed: 0,
        }
    }

    pub(super) async fn run(&mut self, client: &mut (impl AsyncRead + Unpin)) -> End {
        match self.pump(client).await {
            Ok(end) => end,
            // The server has gone: what it said last is still on its way to the client.
            Err(_) => std::future::pending().await,
        }
    }

    async fn pump(&mut self, client: &mut (impl AsyncRead + Unpin)) -> io::Result<End> {
        let mut buffer = Vec::new();
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
                self.wait_for_leave().await?;
                let end = self.message(frame).await?;
                self.passed += frame.whole().len() as u64;
                at += frame.whole().len();
                if end.is_some() || self.out.len() >= READ_SIZE {
                    self.flush().await?;
                }
                if let Some(end) = end {
                    return Ok(end);
                }
            }
            buffer.drain(..at);
            self.flush().await?;
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

    /// One message: the late COMMITs that wait for it, then the script, then the policy.
    async fn message(&mut self, frame: Frame<'_>) -> io::Result<Option<End>> {
        let link = self.link;
        let then = if link.faults.armed() {
            self.script(frame).await?
        } else {
            Then::Pass
        };
        if let Then::End(end) = then {
            return Ok(Some(end));
        }
        link.lock().count_request(frame.tag());
        if let Then::Pass = then {
            self.policy.frontend(frame, link, &mut self.out);
        }
        self.delay(frame).await?;
        Ok(None)
    }

    async fn script(&mut self, frame: Frame<'_>) -> io::Result<Then> {
        let link = self.link;
        for (turn, after_answer) in link.faults.due(link.connection, frame) {
            if after_answer {
                link.lock().turn_after_next(turn);
            } else {
                self.flush().await?;
                turn.give().await;
            }
        }
        let application = link.application();
        match link
            .faults
            .on_frontend(&link.place(&application, self.passed), frame)
        {
            Some(fired) => self.apply(fired, frame).await,
            None => Ok(Then::Pass),
        }
    }

    async fn apply(&mut self, fired: Fired, frame: Frame<'_>) -> io::Result<Then> {
        if let Some((bytes, end)) = ending(&fired, frame) {
            self.out.extend_from_slice(&frame.whole()[..bytes]);
            return Ok(Then::End(end));
        }
        match fired.action {
            Action::Error {
                sqlstate,
                message,
                deaf,
            } => {
                return self.fail(frame, Refusal { sqlstate, message }, deaf).await;
            }
            Action::CommitFails {
                sqlstate,
                committed,
            } => {
                return Ok(self.fail_commit(frame, sqlstate, committed));
            }
            Action::CommitRollsBack => return Ok(self.roll_back(frame)),
            Action::LoseData => return Ok(Then::Replaced),
            Action::Notices(count) => (0..count).for_each(|n| self.link.inject(chatter(n))),
            Action::CommitThenCut(close) => self.link.lock().cut_at_commit = Some(close),
            Action::StallReading(time) => {
                self.flush().await?;
                sleep(time).await;
            }
            lasting => self.link.lock().shape.take_on(lasting),
        }
        Ok(Then::Pass)
    }

    async fn fail(
        &mut self,
        frame: Frame<'_>,
        refusal: Refusal,
        deaf: Duration,
    ) -> io::Result<Then> {
        let Some(failing) = self.link.failing(frame, refusal) else {
            return Ok(Then::Pass);
        };
        self.out.extend_from_slice(&failing);
        self.flush().await?;
        sleep(deaf).await;
        Ok(Then::Replaced)
    }

    /// The server rolls back, or commits, and in both cases the client is told of an error.
    fn fail_commit(&mut self, frame: Frame<'_>, sqlstate: String, committed: bool) -> Then {
        let message = "could not commit".to_owned();
        self.link
            .lock()
            .fail_next_commit(Refusal { sqlstate, message });
        if committed {
            return Then::Pass;
        }
        self.roll_back(frame)
    }

    /// A ROLLBACK in place of the COMMIT.
    fn roll_back(&mut self, frame: Frame<'_>) -> Then {
        let sql = frame.text();
        let Some(range) = statement::find_commit(&sql) else {
            return Then::Pass;
        };
        let rolled_back = format!("{} ROLLBACK", &sql[..range.start]);
        self.out.extend_from_slice(&frame::query(&rolled_back));
        Then::Replaced
    }

    /// Waits until the policy lets the client be read.
    async fn wait_for_leave(&mut self) -> io::Result<()> {
        while !self.policy.may_read() {
            let link = self.link;
            let answered = link.answered.notified();
            self.flush().await?;
            if self.policy.may_read() {
                break;
            }
            answered.await;
        }
        Ok(())
    }

    async fn delay(&mut self, frame: Frame<'_>) -> io::Result<()> {
        let shape = self.link.lock().shape.clone();
        if let Some(until) = shape.read_after {
            self.flush().await?;
            sleep_until(until).await;
        }
        if let Some(latency) = shape.latency.filter(|_| b"QScfp".contains(&frame.tag())) {
            sleep(latency).await;
        }
        Ok(())
    }

    async fn flush(&mut self) -> io::Result<()> {
        let rate = self.link.lock().shape.bytes_per_second;
        write_at(self.server, &mut self.out, rate).await
    }
}
