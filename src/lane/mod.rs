//! One lane: one source connection and one target connection, working on one chunk at a time.
//!
//! ```text
//!            ┌────────────── free (2 batches) ──────────────┐
//!            ▼                                              │
//!  source ─▶ read, rewrite ─── full (2 batches at most) ──▶ write ─▶ target
//! ```
//!
//! Both halves are futures of one task; there are two batches per lane, so memory is bounded by
//! construction and one batch is read while the other is written. A batch is complete before its
//! BEGIN and kept until its COMMIT is answered: no target transaction waits for the source, and no
//! retry on the target reads the source again.

mod batch;
mod board;
mod decide;
mod error;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod pace;
mod rate;
mod read;
pub mod rejects;
mod replay;
mod scan;
mod seats;
mod size;
mod untranslatable;
mod write;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use crossbeam_channel::Sender;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use crate::catalog::TableName;
use crate::copytext::{Recipe, Rows, Spread};
use crate::endpoint::session::WriteSettings;
use crate::endpoint::snapshot::Snapshot;
use crate::ledger;
use crate::metrics::{BatchFact, Event, Waits};
use crate::plan::Bounds;
use crate::wire::ConnectOptions;

pub use board::{Board, Half, Posted, Stage};
pub use error::{Error, Place, Result};
pub use pace::{Heard, Pace, Tries};
pub use rate::Rate;
pub use read::{chain, short};
pub use replay::replay;
pub use scan::{redigest, scan};
pub use seats::{Seat, Seats};

use batch::Batch;
use rejects::Rejects;
use size::BatchSize;

/// What all lanes of a run have in common.
#[derive(Clone)]
pub struct Shared {
    /// What their writing halves need.
    pub loading: Loading,
    /// The source, pinned to the host that the keeper reached.
    pub source: ConnectOptions,
    /// The shared snapshot.
    pub snapshot: Snapshot,
    /// One permit: rows above the batch limit pass alone.
    pub alone: Arc<Semaphore>,
    /// What may be read in a second by what only looks at rows; `None`: as much as comes.
    pub rate: Option<Arc<Rate>>,
    /// A seat per connection of those who only look at rows of the source.
    pub scans: Arc<Seats>,
}

/// What the writing half of a lane must know, wherever its rows come from.
#[derive(Clone)]
pub struct Loading {
    /// The run's UUID.
    pub run: String,
    /// The target.
    pub target: ConnectOptions,
    /// Settings of the target's transactions.
    pub settings: WriteSettings,
    /// Whether the target takes several statements in one Query.
    pub multi_statement: bool,
    /// Whether the target has `pg_terminate_backend`.
    pub terminate_backend: bool,
    /// Longest row that the target takes, in bytes.
    pub line_limit: usize,
    /// Longest batch in bytes: the memory budget divided by two batches per lane.
    pub batch_limit: usize,
    /// Waiting between tries.
    pub pace: Pace,
    /// Progress; sent with `try_send`.
    pub events: Sender<Event>,
    /// Stop reading, commit what is read, do not wait long for a target that is away, end.
    pub stop: CancellationToken,
    /// What the lanes are doing.
    pub board: Arc<Board>,
    /// Where rows go that can not be loaded; `None`: the first of them ends the run.
    pub rejects: Option<Arc<Rejects>>,
}

impl Shared {
    /// The same under another snapshot.
    #[must_use]
    pub fn under(&self, snapshot: Snapshot) -> Self {
        Self {
            snapshot,
            ..self.clone()
        }
    }

    /// Waits until bytes that were read, only to be looked at, may have been read.
    pub async fn took(&self, bytes: usize) {
        if let Some(rate) = &self.rate {
            // To wait for one's own limit is no standstill.
            rate.took(bytes, || self.loading.board.pulse().beat()).await;
        }
    }
}

/// One chunk to copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// Pair number, in the ledger's plan as in this process.
    pub table: usize,
    /// Name in the source.
    pub source: TableName,
    /// pg_class.oid in the source.
    pub oid: u32,
    /// Name in the target.
    pub target: TableName,
    /// Columns in the order sent: name in the source, name in the target.
    pub columns: Vec<(String, String)>,
    /// Of columns that the source computes instead of sending them as they are: by their place in
    /// `columns` the expression, SQL text.
    pub expressions: BTreeMap<usize, String>,
    /// How rows are rewritten.
    pub recipe: Recipe,
    /// By which fields its rows are summed part by part.
    pub spread: Spread,
    /// `--where`.
    pub condition: Option<String>,
    /// Number of the chunk within the table.
    pub chunk: u32,
    /// What is read.
    pub bounds: Bounds,
    /// Batches that an earlier process committed, in order.
    pub done: Vec<ledger::Batch>,
}

impl Work {
    /// Reads only rows for which this holds as well.
    pub fn and_where(&mut self, condition: &str) {
        self.condition = Some(match self.condition.take() {
            // The line end closes a comment at the end of the user's condition.
            Some(earlier) => format!("({earlier}\n) AND ({condition})"),
            None => condition.to_owned(),
        });
    }

    fn place(&self, row: Option<u64>) -> Place {
        Place {
            table: self.source.clone(),
            chunk: self.chunk,
            row,
        }
    }
}

/// Where a lane gets its work and tells what became of it.
pub trait Queue: Send + Sync {
    /// The next chunk; `None` when there is none left for this lane. Must be cancel safe.
    fn next(&self) -> impl Future<Output = Option<Work>> + Send;

    /// A chunk's first row is about to be read.
    fn began(&self, work: &Work);

    /// A batch was committed; the chunk is finished with it where `last`.
    fn committed(&self, fact: &BatchFact, chunk: u32, last: bool);

    /// Time spent for a table.
    fn waited(&self, table: usize, waits: &Waits);

    /// Something was tried again.
    fn retried(&self, table: usize);
}

/// Works until the queue has no chunk left, or `stop` is cancelled; then what was read is committed.
///
/// # Errors
/// What ended the lane. Batches that were not committed are not in the target.
pub async fn run<Q: Queue>(shared: &Shared, queue: &Q, number: usize, token: String) -> Result<()> {
    let (full_sender, full) = mpsc::channel(2);
    let (free, free_receiver) = mpsc::channel(2);
    for _ in 0..2 {
        let rows = Rows::with_capacity(shared.loading.batch_limit);
        free.try_send(rows)
            .expect("the channel has room for both batches");
    }
    let size = BatchSize::new(shared.loading.batch_limit);
    let aim = Aim::new(size.aim());
    let reader = read::Reader::new(shared, queue, number, &aim);
    let writer = write::Writer::new(&shared.loading, queue, number, token, (size, &aim));
    let read = reader.run(free_receiver, full_sender);
    let write = writer.run(full, free);
    tokio::pin!(read, write);
    tokio::select! {
        // The writer ends early only with an error; then nobody takes what the reader would still read.
        written = &mut write => match written {
            Ok(()) => read.await,
            error => error,
        },
        // A reader that failed has closed the channel: what it had read is committed, and no COMMIT is
        // cut off in the middle.
        read = &mut read => {
            let written = write.await;
            read.and(written)
        }
    }
}

/// Size in bytes that batches aim at: the writer adapts it, the reader follows.
pub(crate) type Aim = std::sync::atomic::AtomicUsize;

/// What goes from reader to writer.
type Full = mpsc::Sender<Batch>;
