//! Signs of life of servers, for who watches over a whole run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counts signs of life: every time that bytes of a server come, or that it takes some. Shared by all
/// connections whose options hold it; a run that stands still is one whose pulse does.
#[derive(Debug, Clone, Default)]
pub struct Pulse(Arc<AtomicU64>);

impl Pulse {
    /// A sign of life.
    pub fn beat(&self) {
        // Only whether it has changed is looked at, and nothing else depends on it.
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Signs of life so far.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
