//! How long a wait has lasted. One timer per connection, touched only when a wait really waits.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use super::pulse::Pulse;

/// Measures the time spent waiting since the other side last did something.
///
/// Time between waits does not count: a caller that comes back after an hour has not waited. A wait
/// that is dropped and taken up again goes on counting.
pub(super) struct Deadline {
    timeout: Duration,
    /// Waited before the current wait began.
    waited: Duration,
    since: Option<Instant>,
    /// Fires no later than the deadline; it is moved only when it fires too early.
    timer: Option<Pin<Box<Sleep>>>,
    /// Is told of every progress, where somebody watches.
    pulse: Option<Pulse>,
}

/// A clock overflows where a wait is longer than its range.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

impl Deadline {
    pub(super) fn new(timeout: Duration) -> Self {
        let timeout = timeout.min(LONGEST);
        Self {
            timeout,
            waited: Duration::ZERO,
            since: None,
            timer: None,
            pulse: None,
        }
    }

    pub(super) fn set_pulse(&mut self, pulse: Option<Pulse>) {
        self.pulse = pulse;
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    pub(super) fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = timeout.min(LONGEST);
        self.timer = None;
    }

    /// The other side did something.
    pub(super) fn progress(&mut self) {
        self.waited = Duration::ZERO;
        self.since = None;
        if let Some(pulse) = &self.pulse {
            pulse.beat();
        }
    }

    /// The wait is over for now, without progress.
    pub(super) fn pause(&mut self) {
        if let Some(since) = self.since.take() {
            self.waited += since.elapsed();
        }
    }

    /// Ready when the whole timeout was spent waiting.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let since = *self.since.get_or_insert_with(Instant::now);
        let due = since + self.timeout.saturating_sub(self.waited);
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
        if timer.deadline() > due {
            timer.as_mut().reset(due);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if timer.deadline() >= due {
                // Polled again, it must be armed again.
                self.timer = None;
                return Poll::Ready(());
            }
            timer.as_mut().reset(due);
        }
        Poll::Pending
    }
}
