//! Ends a run in which nothing moves any more, and says who waits for whom.
//!
//! Every wait has an end of its own, which is what ends runs in practice:
//!
//! | wait | ends |
//! |---|---|
//! | connecting, TLS, log-in, password command | `connect_timeout` (30 s), or the I/O timeout |
//! | a byte from, or to, a server | `--io-timeout`; a stall shorter than that is waited for |
//! | a count that is busy for longer | goes on while the server says that its backend is at work |
//! | a pause before another try | 5 s; all tries of one thing together `--retry-for` |
//! | the keeper's ping | 3 s + 10 s |
//! | a statement of the ledger | three minutes of tries |
//! | a lock on the source, or on the ledger's rows | `lock_timeout`, 30 s |
//! | an owner of the run on another host | 15 s |
//! | DDL on the target (`apply`) | never, while the target says or seems to be at work on it: an index may take hours; else `--statement-limit` |
//! | one half of a lane for the other, a chunk, another lane's large row | when that moves |
//!
//! The last kind has no end of its own, and the others have one only as long as wire9 has no fault.
//! So the watchdog looks at the pulse of the whole run: bytes of either server on any connection that
//! works for it, and every step of a lane, failed tries too. The keeper's pings and the signs of life in
//! the ledger do not count, they go on whatever the lanes do. DDL is not watched: it says itself, once a minute,
//! what it waits for. Verifications, repairs and replays are watched as copies are.
//!
//! When the pulse has stood still for the limit, the run ends: as by a kill, so that the same command
//! continues it. At half of that the lanes' stages are told as a warning. The limit's default is longer
//! than any wait with an end, so that nothing is ended that would still have gone on.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Sender;
use tokio::time::{Instant, sleep};

use crate::lane::{Board, Loading};
use crate::metrics::Event;

use super::error::Error;

/// Looks so often in the time that it waits for.
const LOOKS: u32 = 20;

/// Longest time between two looks.
const LONGEST_LOOK: Duration = Duration::from_secs(1);

/// The usual limit where the waits for servers are short.
const LEAST_LIMIT: Duration = Duration::from_secs(600);

/// Watches over one run.
pub struct Watchdog {
    board: Arc<Board>,
    limit: Duration,
    events: Sender<Event>,
}

impl Watchdog {
    /// Ends what stands still for `limit`; warnings go to `events`.
    pub fn new(board: Arc<Board>, limit: Duration, events: Sender<Event>) -> Self {
        Self {
            board,
            limit,
            events,
        }
    }

    /// Of a run that was asked for a limit, or for none.
    pub fn of(loading: &Loading, asked: Option<Duration>, io_timeout: Duration) -> Self {
        let limit = asked.unwrap_or_else(|| Self::usual_limit(io_timeout));
        Self::new(Arc::clone(&loading.board), limit, loading.events.clone())
    }

    /// The limit where nobody asks for one: twice the longest wait for a server, and ten minutes at least.
    pub fn usual_limit(io_timeout: Duration) -> Duration {
        LEAST_LIMIT.max(io_timeout.saturating_mul(2))
    }

    /// Does the work, unless that stands still.
    ///
    /// # Errors
    /// `Stalled`; the work is dropped then.
    pub async fn over<T>(&self, work: impl Future<Output = T>) -> Result<T, Error> {
        tokio::select! {
            biased;
            done = work => Ok(done),
            stalled = self.stalled() => Err(stalled),
        }
    }

    /// Waits until the pulse has stood still for the limit.
    async fn stalled(&self) -> Error {
        let look = (self.limit / LOOKS).min(LONGEST_LOOK);
        let (mut pulse, mut silent) = (self.board.pulse().count(), Duration::ZERO);
        let (mut looked, mut warned) = (Instant::now(), false);
        loop {
            sleep(look).await;
            // A process that was stopped for an hour has not waited for an hour.
            silent += looked.elapsed().min(2 * look);
            looked = Instant::now();
            let now = self.board.pulse().count();
            if now != pulse {
                (pulse, silent, warned) = (now, Duration::ZERO, false);
            } else if silent >= self.limit {
                return self.error(silent);
            } else if silent >= self.limit / 2 && !warned {
                warned = true;
                self.warn(silent);
            }
        }
    }

    fn warn(&self, silent: Duration) {
        let text = format!("nothing has moved for {} s", silent.as_secs());
        let lanes = self.board.posted();
        let lines = lanes.iter().map(|posted| format!("  {posted}"));
        for line in std::iter::once(text).chain(lines) {
            let _ = self.events.try_send(Event::Notice(line));
        }
    }

    fn error(&self, silent: Duration) -> Error {
        let lanes = self.board.posted();
        Error::Stalled {
            seconds: silent.as_secs(),
            lanes: lanes.iter().map(ToString::to_string).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::TableName;
    use crate::lane::{Half, Stage};
    use crate::wire::Pulse;

    fn watchdog(limit: Duration) -> (Watchdog, crossbeam_channel::Receiver<Event>) {
        let (events, told) = crossbeam_channel::bounded(16);
        let board = Arc::new(Board::new(1, Pulse::default()));
        (Watchdog::new(board, limit, events), told)
    }

    #[tokio::test]
    async fn a_run_that_stands_still_is_ended_and_says_who_waits_for_whom() {
        let (watchdog, told) = watchdog(Duration::from_millis(100));
        let table = TableName::new("public", "t");
        let post = |half, stage| watchdog.board.post(0, half, stage, Some(&table));
        post(Half::Reader, Stage::Room);
        post(Half::Writer, Stage::Commit);
        let ended = watchdog.over(std::future::pending::<()>()).await;
        let Err(Error::Stalled { lanes, .. }) = ended else {
            panic!("{ended:?}");
        };
        assert_eq!(lanes.len(), 2, "{lanes:?}");
        assert!(lanes[1].contains("waiting for COMMIT on the target, table public.t"));
        let warnings = told.try_iter().filter(|e| matches!(e, Event::Notice(_)));
        assert_eq!(warnings.count(), 3, "a warning comes first");
    }

    #[tokio::test]
    async fn work_that_gives_signs_of_life_is_never_ended() {
        let (watchdog, told) = watchdog(Duration::from_millis(400));
        let pulse = watchdog.board.pulse().clone();
        let work = async {
            for _ in 0..12 {
                sleep(Duration::from_millis(100)).await;
                pulse.beat();
            }
        };
        assert!(watchdog.over(work).await.is_ok());
        assert_eq!(told.try_iter().count(), 0);
    }

    #[test]
    fn the_usual_limit_is_longer_than_any_wait_for_a_server() {
        let of = |seconds| Watchdog::usual_limit(Duration::from_secs(seconds)).as_secs();
        assert_eq!((of(1), of(300), of(3600)), (600, 600, 7200));
    }
}
