//! Arguments of `wire9 check` as typed, and what they mean.

use clap::{Args, ValueEnum};

use crate::cli::assessment::AssessmentArguments;
use crate::cli::endpoints::{DB9_IF_ANY, EndpointArguments};
use crate::cli::settings;
use crate::runs::Error;
use crate::runs::check::Settings;
use crate::wire::Environment;

#[derive(Debug, Args)]
#[command(mut_arg("db9", |db9| db9.required(false).help(DB9_IF_ANY)))]
pub(in crate::cli) struct CheckArguments {
    #[command(flatten)]
    endpoints: EndpointArguments,

    #[command(flatten)]
    assessment: AssessmentArguments,

    /// Read the data, too: what will be cut, collide or be refused, with numbers [default: only the catalog].
    #[arg(long, help_heading = "What is checked")]
    deep: bool,

    /// Lanes that the copy will use, and readers of --deep, 1 to 256 [default: CPU cores, at least 4].
    #[arg(long, value_name = "N", help_heading = "What is checked")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,

    /// Form of the report: for people, or for programs (docs/findings.md).
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    #[arg(help_heading = "What is shown")]
    pub(super) format: Format,

    /// Show every object [default: the first ten of each kind].
    #[arg(long, help_heading = "What is shown")]
    pub(super) all: bool,

    /// Show no progress; the report and errors remain [default: progress on stderr].
    #[arg(long, help_heading = "What is shown")]
    pub(super) quiet: bool,
}

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

impl CheckArguments {
    /// What they mean.
    pub(super) fn settings(&self, environment: &Environment) -> Result<Settings, Error> {
        Ok(Settings {
            deep: self.deep,
            jobs: settings::lanes(self.jobs),
            ..self.assessment.settings(&self.endpoints, environment)?
        })
    }
}
