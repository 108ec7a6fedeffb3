//! `wire9 rejects`: what was put aside, and loading it again.
//!
//! ```text
//! the files name their run ─▶ the ledger knows it, and it is done ─▶ own it ─▶ table by table:
//!   set the files aside ─▶ load them like a chunk ─▶ what is refused again is in new files
//! ```
//! Rows may refer to others that were rejected with them: as long as a round has loaded some, another one
//! tries the rest.

mod replay;

use std::path::PathBuf;
use std::time::Duration;

use crate::catalog::TableName;
use crate::wire::ConnectOptions;

pub use replay::replay;

/// What a replay is asked to do.
#[derive(Clone)]
pub struct Settings {
    /// The target.
    pub target: ConnectOptions,
    /// Profile file (TOML text) whose fields override the probe's.
    pub profile: Option<String>,
    /// Where the rejected rows are.
    pub folder: PathBuf,
    /// How long a target that was lost is tried to be reached again.
    pub retry_for: Duration,
    /// How long nothing may move before the replay is ended; `None`: longer than any wait with an end.
    pub stall_after: Option<Duration>,
}

/// What a replay did.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The run whose rows they are; `None`: nothing was ever rejected, or all of it is loaded.
    pub run: Option<String>,
    /// Tables that had rejected rows.
    pub tables: Vec<Replayed>,
    /// Whether it ended because it was asked to stop.
    pub interrupted: bool,
    /// Wall time.
    pub wall: Duration,
}

/// One table of a replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// Name in the source.
    pub source: TableName,
    /// Rows that this process loaded.
    pub loaded: u64,
    /// Rows that are still rejected, by the ledger.
    pub remaining: u64,
    /// Of these, rows that are in no file.
    pub missing: u64,
}
