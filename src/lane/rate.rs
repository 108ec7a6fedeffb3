//! A limit on the bytes that are read in a second.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Bytes may come so long before their time: readers hand over pieces of some hundred KiB, and a timer for
/// each of them would cost more than it evens out.
const AHEAD: Duration = Duration::from_millis(50);

/// A sign of life is given so often.
const SLICE: Duration = Duration::from_millis(200);

/// What all readers together may read in a second: each piece has its time, one behind the other.
#[derive(Debug)]
pub struct Rate {
    bytes_per_second: f64,
    /// When all that was read so far may have been read.
    due: Mutex<Instant>,
}

impl Rate {
    /// A limit in bytes a second, at least one.
    pub fn new(bytes_per_second: u64) -> Self {
        Self {
            bytes_per_second: bytes_per_second.max(1) as f64,
            due: Mutex::new(Instant::now()),
        }
    }

    /// Waits until bytes that were read may have been read; `alive` is told so again and again meanwhile.
    pub async fn took(&self, bytes: usize, alive: impl Fn()) {
        let due = self.reserve(bytes, Instant::now());
        if due <= Instant::now() + AHEAD {
            return;
        }
        while Instant::now() < due {
            alive();
            sleep_until(due.min(Instant::now() + SLICE)).await;
        }
    }

    fn reserve(&self, bytes: usize, now: Instant) -> Instant {
        // A day is as good as any longer time, and fits the clock.
        let seconds = (bytes as f64 / self.bytes_per_second).min(86_400.0);
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        *due = (*due).max(now) + Duration::from_secs_f64(seconds);
        *due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_share_the_rate_and_an_idle_time_is_no_credit() {
        let rate = Rate::new(1000);
        let now = Instant::now() + Duration::from_secs(10);
        let seconds = |due: Instant| (due - now).as_secs_f64();
        assert_eq!(seconds(rate.reserve(500, now)), 0.5);
        assert_eq!(seconds(rate.reserve(1500, now)), 2.0);
        let later = now + Duration::from_secs(60);
        assert_eq!(seconds(rate.reserve(1000, later)), 61.0);
    }

    #[tokio::test]
    async fn what_is_read_too_fast_waits() {
        let rate = Rate::new(10 << 20);
        let began = Instant::now();
        let signs = std::cell::Cell::new(0);
        for _ in 0..8 {
            rate.took(1 << 18, || signs.set(signs.get() + 1)).await;
        }
        let took = began.elapsed();
        assert!(took >= Duration::from_millis(140), "{took:?}");
        assert!(signs.get() > 0, "who waits is alive");
    }
}
