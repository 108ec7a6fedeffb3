//! What a copy is asked to do.

use std::path::PathBuf;
use std::time::Duration;

use crossbeam_channel::Sender;
use tokio_util::sync::CancellationToken;

use crate::lane::rejects::Limit;
use crate::metrics::Event;
use crate::schema::Selection;
use crate::schema::convert::MappedTable;
use crate::wire::ConnectOptions;

/// What to do with target tables that hold rows which this run did not write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnExisting {
    /// Refuse before anything is written.
    #[default]
    Fail,
    /// Add to them.
    Append,
    /// Empty them first.
    Truncate,
}

impl OnExisting {
    /// The word of the option.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Append => "append",
            Self::Truncate => "truncate",
        }
    }
}

/// What becomes of rows that can not be loaded.
#[derive(Debug, Clone, PartialEq)]
pub struct Rejecting {
    /// Whether they are put aside; else the first of them ends the run.
    pub reject: bool,
    /// More of a table end the run.
    pub limit: Option<Limit>,
    /// Where their files are.
    pub folder: PathBuf,
}

impl Default for Rejecting {
    fn default() -> Self {
        Self {
            reject: false,
            limit: None,
            folder: PathBuf::from("rejects"),
        }
    }
}

/// Everything that a copy needs to know, as meant.
#[derive(Clone)]
pub struct Settings {
    /// The PostgreSQL endpoint.
    pub source: ConnectOptions,
    /// The DB9 endpoint.
    pub target: ConnectOptions,
    /// Which tables.
    pub selection: Selection,
    /// Which table goes where as a conversion has laid it down; `None`: by name.
    pub mapped: Option<Mapped>,
    /// Profile file (TOML text) whose fields override the probe's.
    pub profile: Option<String>,
    /// Fraction digits that timestamps are cut to; `None` is `auto`.
    pub fraction_digits: Option<u8>,
    /// Lanes.
    pub jobs: usize,
    /// Bytes that queues plus kept batches may take.
    pub max_memory: u64,
    /// How long a silent server is waited for.
    pub io_timeout: Duration,
    /// How long a side that was lost in mid-run is tried to be reached again.
    pub retry_for: Duration,
    /// How long nothing may move before the run is ended; `None`: longer than any wait with an end.
    pub stall_after: Option<Duration>,
    /// Begin anew.
    pub restart: bool,
    /// See there.
    pub on_existing: OnExisting,
    /// Load although target tables have user triggers.
    pub allow_triggers: bool,
    /// A source that was written since the snapshot makes the exit code non-zero.
    pub require_quiet: bool,
    /// Only print the plan.
    pub dry_run: bool,
    /// `search_path` of the target sessions; empty where nothing is said.
    pub target_search_path: Option<String>,
    /// Rows that can not be loaded.
    pub rejecting: Rejecting,
    /// Where the JSON report goes.
    pub report: Option<PathBuf>,
}

/// The tables of a conversion.
#[derive(Debug, Clone)]
pub struct Mapped {
    /// Where each goes, and what the source computes.
    pub tables: Vec<MappedTable>,
    /// The same run has made the target's tables, and makes their foreign keys and triggers after the
    /// rows: those that are there stem from a copy that was finished before.
    pub made_here: bool,
}

/// What a run is given besides its settings.
#[derive(Clone)]
pub struct Surroundings {
    /// Events for the reporter; sent with `try_send`.
    pub events: Sender<Event>,
    /// Cancelled by SIGINT/SIGTERM: stop cleanly.
    pub stop: CancellationToken,
}
