//! What a copy answers.

use std::time::Duration;

use crate::ledger::Changes;
use crate::metrics::{TableTally, Waits};

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
    /// Rows read and rejected, and not loaded by a replay since.
    pub rejected: u64,
    /// Of the loaded ones, rows that an earlier process of the run committed.
    pub loaded_before: u64,
    /// What this process did.
    pub tally: TableTally,
    /// Columns whose values were changed, earlier processes included.
    pub cut: Vec<Cut>,
    /// Whether all chunks are finished.
    pub complete: bool,
    /// Why the table was refused or left, if it was.
    pub problem: Option<String>,
}

/// A column whose values were changed on their way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Name in the target.
    pub column: String,
    /// How many values.
    pub values: u64,
    /// What happened to them.
    pub how: How,
}

/// What happens to values that the target can not hold as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Fraction digits were cut off.
    Cut,
    /// The padding of `char(n)` was removed.
    Trimmed,
}

impl How {
    /// The word for it, `cut`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cut => "cut",
            Self::Trimmed => "trimmed",
        }
    }
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
    /// What was changed to make it equal to the snapshot, where rows that were copied had changed on the source
    /// when the run went on; `None`: all of it was read under the snapshot.
    pub reconciled: Option<Changes>,
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
    /// Whether the run had reached its verdict before: nothing was copied, source rows were not
    /// counted again.
    pub finished_before: bool,
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
    /// The folder of rejected rows, for people.
    pub rejects: String,
}
