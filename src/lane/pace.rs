//! How long and how often something is tried again.

use std::time::Duration;

use rand::Rng as _;
use tokio::time::{Instant, sleep};

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
    /// So many tries without progress are made where the other side lives and refuses.
    pub tries: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(50),
            longest: Duration::from_secs(5),
            patience: Duration::from_secs(300),
            tries: 20,
        }
    }
}

/// The tries of one thing.
#[derive(Debug)]
pub(super) struct Tries {
    pace: Pace,
    until: Instant,
    next: Duration,
    count: u32,
}

impl Tries {
    pub(super) fn new(pace: Pace) -> Self {
        Self {
            pace,
            until: Instant::now() + pace.patience,
            next: pace.first,
            count: 0,
        }
    }

    /// There was progress: patience and pace begin anew.
    pub(super) fn reset(&mut self) {
        *self = Self::new(self.pace);
    }

    /// Tries that failed since there was progress.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// Waits before the next try; `false` when there is to be none.
    pub(super) async fn again(&mut self) -> bool {
        self.count += 1;
        if Instant::now() >= self.until || self.count > self.pace.tries {
            return false;
        }
        let jitter = rand::rng().random_range(0.5..1.0);
        sleep(self.next.mul_f64(jitter)).await;
        self.next = (self.next * 2).min(self.pace.longest);
        true
    }
}
