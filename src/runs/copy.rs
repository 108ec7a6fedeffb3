//! `wire9 copy`: the data of tables that already exist in the target.

use std::path::PathBuf;
use std::time::Duration;

use crossbeam_channel::Sender;
use tokio_util::sync::CancellationToken;

use crate::metrics::{Event, TableTally, Waits};
use crate::schema::Selection;
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

/// Everything that a copy needs to know, as meant.
#[derive(Clone)]
pub struct Settings {
    /// The PostgreSQL endpoint.
    pub source: ConnectOptions,
    /// The DB9 endpoint.
    pub target: ConnectOptions,
    /// Which tables.
    pub selection: Selection,
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
    /// Where the JSON report goes.
    pub report: Option<PathBuf>,
}

/// What a run is given besides its settings.
#[derive(Clone)]
pub struct Surroundings {
    /// Events for the reporter; sent with `try_send`.
    pub events: Sender<Event>,
    /// Cancelled by SIGINT/SIGTERM: stop cleanly.
    pub stop: CancellationToken,
}

/// One table of the verdict.
#[derive(Debug, Clone)]
pub struct TableVerdict {
    /// Source table for people.
    pub source: String,
    /// Target table for people.
    pub target: String,
    /// Rows counted on the source under the snapshot; `None`: not checked.
    pub counted: Option<u64>,
    /// Rows read and loaded by this run, earlier processes of the run included.
    pub loaded: u64,
    /// Of these, rows that an earlier process of the run committed.
    pub loaded_before: u64,
    /// What this process did.
    pub tally: TableTally,
    /// Columns whose values were cut (target name) and how many values, earlier processes included.
    pub cut: Vec<(String, u64)>,
    /// Whether all chunks are finished.
    pub complete: bool,
    /// Why the table was refused or left, if it was.
    pub problem: Option<String>,
}

/// One target table of the verdict: several source tables (partition leaves) may share it.
#[derive(Debug, Clone)]
pub struct TargetVerdict {
    /// Target table for people.
    pub name: String,
    /// Rows before the run.
    pub baseline: u64,
    /// Rows loaded by this run.
    pub loaded: u64,
    /// Rows counted at the end; `None`: not counted.
    pub counted: Option<u64>,
    /// Whether it was truncated by this run.
    pub truncated: bool,
}

/// Whether the source was written since the snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceMoved {
    /// Proven quiet.
    No,
    /// Other transactions ran; which copied tables they changed, as far as the statistics tell.
    Yes {
        /// Names for people; empty: none of the copied tables is known to have changed.
        tables: Vec<String>,
    },
    /// Could not be found out, and why.
    Unknown(String),
}

/// A mark of a table's size and fate in the plan of `--dry-run`.
#[derive(Debug, Clone)]
pub struct PlannedTable {
    /// Source table for people.
    pub source: String,
    /// Target table for people.
    pub target: String,
    /// Estimated rows.
    pub rows: u64,
    /// Estimated bytes, TOAST included.
    pub bytes: u64,
    /// Chunks, and how they are cut: `whole`, `ctid ranges`, `key ranges`.
    pub chunks: usize,
    /// See `chunks`.
    pub split: &'static str,
    /// Columns that are rewritten and how, `ts: cut to 3 fraction digits`.
    pub transforms: Vec<String>,
    /// `--where`.
    pub condition: Option<String>,
}

/// The verdict.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The run's UUID.
    pub run: String,
    /// Whether an earlier process of the run was continued.
    pub continued: bool,
    /// Endpoints for people, without secrets.
    pub source: String,
    /// See `source`.
    pub target: String,
    /// What the source says of itself, `PostgreSQL 15.8`.
    pub source_server: String,
    /// What the target says of itself; a target that is no DB9 is named as such.
    pub target_server: String,
    /// The snapshot's text (`pg_current_snapshot()`).
    pub snapshot: String,
    /// Source tables, largest first.
    pub tables: Vec<TableVerdict>,
    /// Target tables.
    pub targets: Vec<TargetVerdict>,
    /// See there.
    pub moved: SourceMoved,
    /// Findings and notes: skipped tables, refused settings, triggers, what was probed.
    pub notes: Vec<String>,
    /// Plan, for `--dry-run` (then nothing was copied) and the report.
    pub plan: Vec<PlannedTable>,
    /// Whether only the plan was asked for.
    pub dry_run: bool,
    /// Stage times over all lanes.
    pub waits: Waits,
    /// Wall time of the whole run and of the data phase.
    pub wall: Duration,
    /// See `wall`.
    pub data_wall: Duration,
    /// Whether it ended because it was asked to stop.
    pub interrupted: bool,
    /// Lanes.
    pub jobs: usize,
}

/// Copies.
///
/// # Errors
/// What ended the run before its verdict; committed batches stay, the same command continues.
pub async fn copy(
    settings: &Settings,
    surroundings: &Surroundings,
) -> Result<Outcome, super::Error> {
    let _ = (settings, surroundings);
    todo!()
}
