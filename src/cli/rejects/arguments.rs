//! Arguments about rejected rows as typed, and what they mean.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::check::Format;
use crate::cli::endpoints::{TargetArguments, profile};
use crate::cli::exit_codes;
use crate::cli::stall::StallArguments;
use crate::lane::rejects::Limit;
use crate::runs::Error;
use crate::runs::copy::Rejecting;
use crate::runs::rejects::Settings;
use crate::wire::Environment;

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
    /// Counts rejected rows by table, SQLSTATE, constraint and column; says how psql would load each file.
    #[command(after_help = exit_codes::help())]
    List(ListArguments),
    /// Shows where each rejected row stood and why it was rejected; never a value.
    #[command(after_help = exit_codes::help())]
    Show(ShowArguments),
    /// Loads rejected rows again, after the target, or the rows in the files, are mended. What is refused
    /// again stays in the files. The same command continues.
    #[command(after_help = exit_codes::help())]
    Replay(ReplayArguments),
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

#[derive(Debug, Args)]
pub(super) struct ShowArguments {
    /// Table of the source as `wire9 rejects list` names it [default: all].
    #[arg(value_name = "TABLE")]
    pub(super) table: Option<String>,

    /// Folder of the rejected rows.
    #[arg(long, value_name = "DIR", default_value = "rejects")]
    pub(super) rejects: PathBuf,

    /// For people (text) or for programs (json: one object a line).
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: Format,
}

#[derive(Debug, Args)]
pub(super) struct ReplayArguments {
    #[command(flatten)]
    target: TargetArguments,

    /// Profile of the target (TOML, as `wire9 probe` prints it), whose fields override what is probed
    /// [default: none].
    #[arg(long, value_name = "FILE")]
    profile: Option<PathBuf>,

    /// Folder of the rejected rows.
    #[arg(long, value_name = "DIR", default_value = "rejects")]
    rejects: PathBuf,

    /// Seconds for which a target that is lost is tried to be reached again, 0 to 86400.
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    #[arg(value_parser = clap::value_parser!(u64).range(0..=86_400))]
    retry_for: u64,

    #[command(flatten)]
    stall: StallArguments,

    /// Show no progress; the verdict and errors remain [default: progress on stderr].
    #[arg(long)]
    pub(super) quiet: bool,
}

impl ReplayArguments {
    pub(super) fn settings(&self, environment: &Environment) -> Result<Settings, Error> {
        Ok(Settings {
            target: self.target.options(environment)?,
            profile: self.profile.as_deref().map(profile).transpose()?,
            folder: self.rejects.clone(),
            retry_for: Duration::from_secs(self.retry_for),
            stall_after: self.stall.limit(),
        })
    }
}
