//! Arguments about rejected rows as typed, and what they mean.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::check::Format;
use crate::lane::rejects::Limit;
use crate::runs::copy::Rejecting;

/// What a run does with rows that can not be loaded.
#[derive(Debug, Args)]
pub(in crate::cli) struct RejectingArguments {
    /// What to do with a row that the target refuses for its data (SQLSTATE 22…, 23…, 54000), or that can
    /// not be sent (not UTF-8, above the line limit).
    #[arg(
        long,
        value_name = "WHAT",
        default_value = "stop",
        help_heading = "Rows that are refused"
    )]
    on_error: OnError,

    /// With --on-error reject, end the run with code 5 where more rows of a table are rejected: a number,
    /// or a part as `0.5%` of the rows read of it so far or, where these are more, of those that its
    /// statistics tell. Committed batches stay; the same command continues with a higher one
    /// [default: no limit].
    #[arg(long, value_name = "N|PCT%", help_heading = "Rows that are refused")]
    max_rejects: Option<Limit>,

    /// Folder for rejected rows: TABLE.copy has the rows (COPY text), TABLE.jsonl the reasons. Only its
    /// owner can read them.
    #[arg(
        long,
        value_name = "DIR",
        default_value = "rejects",
        help_heading = "Rows that are refused"
    )]
    rejects: PathBuf,
}

/// `--on-error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OnError {
    /// End the run; committed batches stay.
    Stop,
    /// Put the row aside and load the rest.
    Reject,
}

impl RejectingArguments {
    pub(in crate::cli) fn meant(&self) -> Rejecting {
        Rejecting {
            reject: self.on_error == OnError::Reject,
            limit: self.max_rejects,
            folder: self.rejects.clone(),
        }
    }
}

#[derive(Debug, Args)]
pub(in crate::cli) struct RejectsArguments {
    #[command(subcommand)]
    pub(super) what: What,
}

#[derive(Debug, Subcommand)]
pub(super) enum What {
    /// Counts rejected rows by table, SQLSTATE, constraint and column.
    List(ListArguments),
}

#[derive(Debug, Args)]
pub(super) struct ListArguments {
    /// Folder of the rejected rows.
    #[arg(long, value_name = "DIR", default_value = "rejects")]
    pub(super) rejects: PathBuf,

    /// For people (text) or for programs (json).
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: Format,
}
