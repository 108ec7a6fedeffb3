//! Waiting for a statement that may take hours: as long as the target lives and is at work on it.
//!
//! ```text
//! silence ─▶ told on the progress, once a minute
//!         ─▶ the target is asked over another connection ─▶ it does not answer: the statement is given up
//!                                                        ─▶ its session has ended, or does nothing: the same
//! limit   ─▶ only where somebody asked for one: the statement is cancelled, and the run ends
//! ```

use std::pin::pin;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::Applying;
use crate::metrics::Event;
use crate::wire::{self, Connection, Reply};

/// A statement that is not done is told so often.
const TOLD: Duration = Duration::from_secs(60);

/// A statement may end while it is asked whether it is at work.
const JUST_ENDED: Duration = Duration::from_secs(2);

/// Why a statement was not waited for.
pub(super) enum Failure {
    /// The target's error, or the loss of the connection.
    Wire(wire::Error),
    /// It took longer than somebody wanted to wait.
    Over {
        /// How long it took so far.
        after: Duration,
        /// What it waits for, in words.
        word: &'static str,
    },
}

impl From<wire::Error> for Failure {
    fn from(error: wire::Error) -> Self {
        Self::Wire(error)
    }
}

/// What the target says of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    /// Not asked yet, or it does not tell.
    Unknown,
    AtWork,
    Locked,
    /// Its session is gone, or waits for a client: the answer was lost on the way.
    Ended,
}

impl Word {
    fn in_words(self) -> &'static str {
        match self {
            Self::Unknown => "waiting for the target",
            Self::AtWork => "the target says that it is at work",
            Self::Locked => "the target says that it waits for a lock of another session",
            Self::Ended => "the target says that it has ended",
        }
    }
}

/// Runs a statement for as long as it takes, while the target lives; a run that is asked to stop cancels
/// it, and leaves it where that does not end it.
pub(super) async fn patient(
    applying: &Applying,
    connection: &mut Connection,
    (object, sql): (&str, &str),
) -> Result<Reply, Failure> {
    let (canceller, backend) = (connection.canceller(), connection.backend_pid());
    let (began, mut asked, mut word) = (Instant::now(), Instant::now(), Word::Unknown);
    let look = applying.silence.min(TOLD);
    let limit = applying.limit.unwrap_or(Duration::MAX);
    let mut running = pin!(connection.query(sql));
    loop {
        tokio::select! {
            biased;
            ended = &mut running => return Ok(ended?),
            () = applying.stop.cancelled() => break,
            () = sleep(limit.saturating_sub(began.elapsed())), if limit != Duration::MAX => break,
            () = sleep(look) => {}
        }
        if asked.elapsed() >= applying.silence {
            word = ask(applying, backend, word).await?;
            asked = Instant::now();
        }
        if word == Word::Ended {
            let ended = timeout(JUST_ENDED, running).await;
            return Ok(ended.map_err(|_| silent(began.elapsed()))??);
        }
        let line = format!(
            "{object}: {} s, {}",
            began.elapsed().as_secs(),
            word.in_words()
        );
        let _ = applying.events.try_send(Event::Notice(line));
    }
    // Where the request does not get through, the end of the connection is the answer.
    let _ = canceller.cancel().await;
    let (after, word) = (applying.pace.stopping, word.in_words());
    let ended = timeout(after, running).await;
    match (ended, applying.stop.is_cancelled()) {
        (Ok(Ok(reply)), _) => Ok(reply),
        (_, false) => Err(Failure::Over {
            after: began.elapsed(),
            word,
        }),
        (Ok(Err(error)), true) => Err(error.into()),
        (Err(_), true) => Err(silent(after).into()),
    }
}

fn silent(after: Duration) -> wire::Error {
    wire::Error::Silent {
        peer: "the target".to_owned(),
        after,
    }
}

/// Whether the target still answers, and what it says of a session.
///
/// # Errors
/// It does not answer.
async fn ask(applying: &Applying, backend: Option<i32>, before: Word) -> wire::Result<Word> {
    let mut connection = Connection::connect(&applying.target).await?;
    connection.query("SELECT 1").await?;
    let sql = format!(
        "SELECT state, wait_event_type FROM pg_catalog.pg_stat_activity WHERE pid = {}",
        backend.unwrap_or_default()
    );
    // A target may not know that view.
    let told = connection.query(&sql).await.ok();
    connection.close().await;
    let row = told.as_ref().and_then(|reply| reply.rows.first());
    let text = |place: usize| row?.get(place)?.as_deref();
    Ok(judged(told.is_some(), (text(0), text(1)), before))
}

/// A pooler gives out process numbers of its own: that a session is not there says something only where it
/// was there before.
fn judged(told: bool, (state, waits_for): (Option<&str>, Option<&str>), before: Word) -> Word {
    match (state, waits_for) {
        (Some("active"), Some("Lock")) => Word::Locked,
        (Some("active"), _) => Word::AtWork,
        (Some(state), _) if state.starts_with("idle") => Word::Ended,
        (None, _) if told && before != Word::Unknown => Word::Ended,
        _ => before,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_that_was_there_and_is_gone_has_ended_and_one_that_never_was_is_unknown() {
        let at = |state, waits_for, before| judged(true, (state, waits_for), before);
        assert_eq!(at(Some("active"), None, Word::Unknown), Word::AtWork);
        assert_eq!(at(Some("active"), Some("IO"), Word::Locked), Word::AtWork);
        assert_eq!(at(Some("active"), Some("Lock"), Word::AtWork), Word::Locked);
        assert_eq!(
            at(Some("idle in transaction"), None, Word::AtWork),
            Word::Ended
        );
        assert_eq!(at(None, None, Word::AtWork), Word::Ended);
        assert_eq!(at(None, None, Word::Unknown), Word::Unknown);
        assert_eq!(judged(false, (None, None), Word::AtWork), Word::AtWork);
    }
}
