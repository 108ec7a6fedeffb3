//! Signs of life of this process in the ledger.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::ledger::{Ledger, Owner};

use super::error::Error;

/// Well below the 15 s after which another process may take the run over.
const INTERVAL: Duration = Duration::from_secs(3);

/// A task that gives signs of life. Dropped, it ends.
pub struct Heartbeat {
    task: JoinHandle<()>,
    taken_over: watch::Receiver<bool>,
}

impl Heartbeat {
    /// Begins to give signs of life for a run that `owner` owns.
    pub fn start(mut ledger: Ledger, run: String, owner: Owner) -> Self {
        let (sender, taken_over) = watch::channel(false);
        let task = tokio::spawn(async move {
            loop {
                sleep(INTERVAL).await;
                // An error is no loss of the run: the lanes have their own fences, and their own
                // connections tell whether the target is gone.
                if matches!(ledger.beat(&run, &owner).await, Ok(false)) {
                    let _ = sender.send(true);
                    break;
                }
            }
            sender.closed().await;
        });
        Self { task, taken_over }
    }

    /// Waits until another process owns the run. Cancel safe.
    pub async fn lost(&self) -> Error {
        let mut taken_over = self.taken_over.clone();
        match taken_over.wait_for(|taken| *taken).await {
            Ok(_) => Error::TakenOver,
            Err(_) => std::future::pending().await,
        }
    }
}

impl Drop for Heartbeat {
    fn drop(&mut self) {
        self.task.abort();
    }
}
