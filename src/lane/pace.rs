//! How long and how often something is tried again.

use std::time::Duration;

use rand::Rng as _;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::wire;

/// Waiting between tries: doubling from `first` to `longest`, with jitter, so that lanes which failed
/// together do not come back together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// First wait.
    pub first: Duration,
    /// Longest wait.
    pub longest: Duration,
    /// After so long without progress the other side counts as gone.
    pub patience: Duration,
    /// So many refusals without progress are taken from a server that lives.
    pub refusals: u32,
    /// So long a run that is asked to stop goes on trying to commit what it has read.
    pub stopping: Duration,
}

impl Pace {
    /// The usual pace, for a side that is waited for so long.
    pub fn new(patience: Duration) -> Self {
        Self {
            first: Duration::from_millis(50),
            longest: Duration::from_secs(5),
            patience,
            refusals: 20,
            stopping: Duration::from_secs(10),
        }
    }
}

/// Whether a server answered: one that lives and refuses is not asked as long as one that is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// An error with an SQLSTATE that another try may not change.
    Refusal,
    /// Nothing, or the word that the server is not there yet, or full.
    Nothing,
}

impl Heard {
    /// From an error on a connection.
    pub fn of(error: Option<&wire::Error>) -> Self {
        match error.and_then(wire::Error::code) {
            None => Self::Nothing,
            Some(code) if code.starts_with("57P") || code.starts_with("08") => Self::Nothing,
            Some("53300" | "25P03") => Self::Nothing,
            Some(_) => Self::Refusal,
        }
    }
}

/// The tries of one thing.
#[derive(Debug)]
pub struct Tries {
    pace: Pace,
    /// Set by the first failure: what came before it may have taken as long as it likes.
    until: Option<Instant>,
    stopping: Option<Instant>,
    next: Duration,
    count: u32,
    refusals: u32,
}

impl Tries {
    /// No try has been made yet.
    pub fn new(pace: Pace) -> Self {
        Self {
            pace,
            until: None,
            stopping: None,
            next: pace.first,
            count: 0,
            refusals: 0,
        }
    }

    /// There was progress: patience and pace begin anew.
    pub fn reset(&mut self) {
        *self = Self::new(self.pace);
    }

    /// Tries that failed since there was progress.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Waits before the next try; `false` when there is to be none.
    pub async fn again(&mut self, heard: Heard, stop: &CancellationToken) -> bool {
        self.count += 1;
        self.refusals += u32::from(heard == Heard::Refusal);
        let patience = self.pace.patience;
        let mut until = *self.until.get_or_insert_with(|| Instant::now() + patience);
        if stop.is_cancelled() {
            let stopping = self.pace.stopping;
            let stopping = self
                .stopping
                .get_or_insert_with(|| Instant::now() + stopping);
            until = until.min(*stopping);
        }
        if Instant::now() >= until || self.refusals > self.pace.refusals {
            return false;
        }
        let jitter = rand::rng().random_range(0.5..1.0);
        sleep(self.next.mul_f64(jitter)).await;
        self.next = (self.next * 2).min(self.pace.longest);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace(patience: Duration) -> Pace {
        Pace {
            first: Duration::from_millis(1),
            longest: Duration::from_millis(1),
            refusals: 3,
            ..Pace::new(patience)
        }
    }

    #[tokio::test]
    async fn a_server_that_refuses_is_asked_less_often_than_one_that_is_away() {
        let stop = CancellationToken::new();
        // Long enough for 30 tries on a machine that is busy.
        let patient = pace(Duration::from_secs(60));
        let mut tries = Tries::new(patient);
        for _ in 0..3 {
            assert!(tries.again(Heard::Refusal, &stop).await);
        }
        assert!(!tries.again(Heard::Refusal, &stop).await);
        let mut tries = Tries::new(patient);
        for _ in 0..30 {
            assert!(tries.again(Heard::Nothing, &stop).await);
        }
    }

    /// One that was silent for the whole patience, or a process that was stopped for as long.
    #[tokio::test]
    async fn what_took_longer_than_the_patience_before_it_failed_is_tried_again() {
        let stop = CancellationToken::new();
        let mut tries = Tries::new(pace(Duration::from_millis(20)));
        sleep(Duration::from_millis(30)).await;
        assert!(tries.again(Heard::Nothing, &stop).await);
        sleep(Duration::from_millis(30)).await;
        assert!(!tries.again(Heard::Nothing, &stop).await);
    }

    #[tokio::test]
    async fn a_server_that_is_away_is_asked_until_patience_ends_and_again_after_progress() {
        let stop = CancellationToken::new();
        let mut tries = Tries::new(pace(Duration::from_millis(200)));
        assert!(tries.again(Heard::Nothing, &stop).await);
        sleep(Duration::from_millis(200)).await;
        assert!(!tries.again(Heard::Nothing, &stop).await);
        tries.reset();
        assert!(tries.again(Heard::Nothing, &stop).await);
    }

    #[tokio::test]
    async fn a_run_that_is_asked_to_stop_does_not_wait_for_a_side_that_is_away() {
        let stop = CancellationToken::new();
        let pace = Pace {
            stopping: Duration::from_millis(20),
            ..Pace::new(Duration::from_secs(60))
        };
        let mut tries = Tries::new(pace);
        assert!(tries.again(Heard::Nothing, &stop).await);
        stop.cancel();
        assert!(tries.again(Heard::Nothing, &stop).await);
        sleep(Duration::from_millis(30)).await;
        assert!(!tries.again(Heard::Nothing, &stop).await);
    }
}
