//! Which lane does which chunk, and what runs in parallel around the lanes.

pub mod apply;
mod count;
pub mod deep;
mod error;
mod heartbeat;
mod schedule;
mod watchdog;

use std::pin::Pin;
use std::sync::Arc;

use tokio::task::JoinSet;

use crate::endpoint::snapshot::KeeperGuard;
use crate::lane::{self, Shared, Work};
use crate::metrics::TableTally;

pub use count::{Counts, count_source, count_target, redigest};
pub use error::{Error, Result};
pub use heartbeat::Heartbeat;
pub use schedule::{Schedule, Table};
pub use watchdog::Watchdog;

/// What the lanes did, whether or not they did all of it.
pub struct Copied {
    /// By pair number.
    pub tallies: Vec<TableTally>,
    /// What ended it early.
    pub failure: Option<Error>,
}

/// Runs one lane per token until all work is done, one of them fails, the snapshot is lost, the run
/// is taken over, or `shared.loading.stop` is cancelled. Every lane then commits what it has read.
pub async fn copy(
    shared: Arc<Shared>,
    schedule: Arc<Schedule>,
    tokens: Vec<String>,
    keeper: &KeeperGuard,
    heartbeat: &Heartbeat,
) -> Copied {
    let mut lanes = JoinSet::new();
    for (number, token) in tokens.into_iter().enumerate() {
        let (shared, schedule) = (Arc::clone(&shared), Arc::clone(&schedule));
        lanes.spawn(async move { lane::run(&shared, &*schedule, number, token).await });
    }
    let mut failure: Option<Error> = None;
    loop {
        let error = tokio::select! {
            ended = lanes.join_next() => match ended {
                None => break,
                Some(Ok(Ok(()))) => continue,
                Some(Ok(Err(error))) => of_lane(error),
                Some(Err(panic)) => Error::Panicked(panic.to_string()),
            },
            error = keeper.lost(), if failure.is_none() => Error::Snapshot(error),
            error = heartbeat.lost(), if failure.is_none() => error,
        };
        // The first failure is the cause; what follows from it is not told.
        failure.get_or_insert(error);
        shared.loading.stop.cancel();
    }
    let tallies = schedule.tallies();
    Copied { tallies, failure }
}

/// Drives `other` beside `main` until that ends; what is left of `other` can be waited for, or dropped.
pub async fn beside<M, O>(main: impl Future<Output = M>, other: O) -> (M, Beside<O>)
where
    O: Future,
{
    let mut beside = Beside {
        future: Box::pin(other),
        output: None,
    };
    tokio::pin!(main);
    let output = loop {
        tokio::select! {
            biased;
            output = &mut main => break output,
            output = &mut beside.future, if beside.output.is_none() => beside.output = Some(output),
        }
    };
    (output, beside)
}

/// What ran beside something else.
pub struct Beside<O: Future> {
    future: Pin<Box<O>>,
    output: Option<O::Output>,
}

impl<O: Future> Beside<O> {
    /// Waits for its end.
    pub async fn finish(self) -> O::Output {
        match self.output {
            Some(output) => output,
            None => self.future.await,
        }
    }
}

/// A lane may notice before the keeper does that the snapshot is gone, or the server another one.
fn of_lane(error: lane::Error) -> Error {
    use crate::endpoint::Error as Endpoint;
    match error {
        lane::Error::Source {
            source: source @ (Endpoint::SnapshotLost { .. } | Endpoint::DifferentServer { .. }),
            ..
        } => Error::Snapshot(source),
        lane::Error::TakenOver => Error::TakenOver,
        error => Error::Lane(Box::new(error)),
    }
}

/// The work that is left of a plan.
pub fn is_left(work: &Work) -> bool {
    work.done.last().is_none_or(|batch| !batch.last)
}
