//! What a migration answers.

use std::sync::Arc;
use std::time::Duration;

use crate::catalog::database::{ColumnName, Name, Position};
use crate::engine::apply::Fate;
use crate::schema::convert::Statement;

use super::super::check::Assessment;
use super::super::copy;
use super::super::error::Error;

/// The phases in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// What will and will not survive.
    Check,
    /// What is to be done, and whose run it is.
    Plan,
    /// What comes before the rows.
    PreData,
    /// The rows.
    Copy,
    /// What comes after the rows.
    PostData,
    /// Positions of sequences.
    Sequences,
    /// A last look at the source.
    Verdict,
}

impl Phase {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Plan => "plan",
            Self::PreData => "pre-data",
            Self::Copy => "copy",
            Self::PostData => "post-data",
            Self::Sequences => "sequences",
            Self::Verdict => "verdict",
        }
    }
}

/// How a migration ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// There are blockers that nobody accepted; nothing was written.
    Blocked,
    /// Only the plan was asked for.
    DryRun,
    /// It was asked to stop, in this phase.
    Interrupted(Phase),
    /// What comes later makes no sense without what failed in this phase.
    Stopped(Phase),
    /// An error ended it in this phase: `Outcome::error`. What was applied and copied stays, the same
    /// command continues.
    Failed(Phase),
    /// All phases had their turn.
    Through,
}

/// What became of a sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SequenceVerdict {
    /// In the source.
    pub source: Name,
    /// In the target.
    pub target: Name,
    /// Where it stands in the target now; `None` where that is not known.
    pub position: Option<Position>,
    /// How it came to stand there.
    pub how: Set,
}

/// How a sequence came to its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Set {
    /// As in the source.
    AsSource,
    /// Further than in the source, since this column holds rows beyond it.
    Raised(ColumnName),
    /// It was left: it stands further than in the source, and beyond its rows, already.
    Ahead,
    /// It could not be set or verified, and why.
    Problem(String),
}

/// Rows that refer to rows that are not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphans {
    /// The foreign key, as its statement names it.
    pub object: String,
    /// Table in the target.
    pub table: Name,
    /// The constraint.
    pub constraint: String,
    /// How many rows; `None` where they could not be counted.
    pub rows: Option<u64>,
}

/// Whether the source's schema has changed in mid-run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Drift {
    /// It was not looked at.
    NotLooked,
    /// It is the same.
    None,
    /// These objects have been made, changed or dropped.
    Changed(Vec<String>),
    /// It could not be read again, and why.
    Unknown(String),
}

/// The verdict.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// How it ended.
    pub ended: Ended,
    /// What the check has found, and the conversion.
    pub assessment: Assessment,
    /// Endpoints for people, without secrets.
    pub source: String,
    /// See `source`.
    pub target: String,
    /// The run's UUID; empty where none was begun.
    pub run: String,
    /// Whether an earlier process of the run was continued.
    pub continued: bool,
    /// By statement of the conversion.
    pub fates: Vec<Fate>,
    /// The rows; `None` where they had no turn.
    pub copy: Option<copy::Outcome>,
    /// Sequences.
    pub sequences: Vec<SequenceVerdict>,
    /// Of the foreign keys that the target refuses.
    pub orphans: Vec<Orphans>,
    /// The source's schema at the end.
    pub drift: Drift,
    /// What ended it, of one that failed.
    pub error: Option<Arc<Error>>,
    /// How long each phase took.
    pub phases: Vec<(Phase, Duration)>,
    /// From begin to verdict.
    pub wall: Duration,
}

impl Outcome {
    /// The statements with their fates.
    pub fn statements(&self) -> impl Iterator<Item = (&Statement, &Fate)> {
        self.assessment
            .conversion
            .statements
            .iter()
            .zip(&self.fates)
    }
}
