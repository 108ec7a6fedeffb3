//! How rows are loaded, as typed, for every command that loads some.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::endpoints::EndpointArguments;
use super::rejects::RejectingArguments;
use super::stall::StallArguments;
use super::{settings, units};
use crate::runs::Error;
use crate::runs::copy::{OnExisting, Rejecting, Settings};
use crate::schema::Selection;
use crate::wire::Environment;

#[derive(Debug, Args)]
pub(super) struct LoadingArguments {
    /// `search_path` of the target sessions, for functions of CHECKs and defaults that need one
    /// [default: empty].
    #[arg(long, value_name = "SCHEMAS", help_heading = "Endpoints")]
    target_search_path: Option<String>,

    /// Seconds for which a source or target that is lost in mid-run is tried to be reached again, 0 to
    /// 86400.
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    #[arg(value_parser = clap::value_parser!(u64).range(0..=86_400))]
    #[arg(help_heading = "Endpoints")]
    retry_for: u64,

    #[command(flatten)]
    stall: StallArguments,

    #[command(flatten)]
    rejecting: RejectingArguments,

    /// Load tables that were there before although they have user triggers, which then fire
    /// [default: refuse them].
    #[arg(long, help_heading = "What is written")]
    allow_triggers: bool,

    /// Exit with 7 where the source was written since the snapshot, or that is unknown
    /// [default: only say so].
    #[arg(long, help_heading = "What is written")]
    require_quiet: bool,

    /// Print what would be done and what will be lost, and write nothing [default: do it].
    #[arg(long, help_heading = "What is written")]
    dry_run: bool,

    /// Lanes, each with one connection to either side, 1 to 256; so many statements of a schema at
    /// once, too [default: CPU cores, at least 4].
    #[arg(long, value_name = "N", help_heading = "Speed and memory")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,

    /// Bytes that queues and kept batches may take, as `96MiB`, `1GiB` or a plain number of bytes.
    #[arg(long, value_name = "SIZE", default_value = "96MiB")]
    #[arg(value_parser = units::parse_size, help_heading = "Speed and memory")]
    max_memory: u64,

    /// Also write the verdict as JSON to this file, replaced as a whole at the end [default: none].
    #[arg(long, value_name = "FILE.json", help_heading = "What is shown")]
    report: Option<PathBuf>,

    /// Show no progress; the verdict and errors remain [default: progress on stderr].
    #[arg(long, help_heading = "What is shown")]
    pub(super) quiet: bool,
}

impl LoadingArguments {
    /// A copy of all tables that does what these arguments say.
    pub(super) fn settings(
        &self,
        endpoints: &EndpointArguments,
        environment: &Environment,
    ) -> Result<Settings, Error> {
        let jobs = settings::jobs(self.jobs, self.max_memory, settings::cores());
        settings::enough_memory(jobs, self.max_memory)?;
        Ok(Settings {
            jobs,
            max_memory: self.max_memory,
            retry_for: Duration::from_secs(self.retry_for),
            stall_after: self.stall.limit(),
            allow_triggers: self.allow_triggers,
            require_quiet: self.require_quiet,
            dry_run: self.dry_run,
            target_search_path: self.target_search_path.clone(),
            rejecting: self.rejecting.meant(),
            report: self.report.clone(),
            ..plain(endpoints, environment)?
        })
    }
}

/// Bytes that a command may take whose user has no word in it.
const MEMORY: u64 = 96 << 20;

/// Seconds for which a lost side is tried to be reached again where the user has no word in it.
const RETRY_FOR: Duration = Duration::from_secs(300);

/// A copy of all tables where nothing else was said.
pub(super) fn plain(
    endpoints: &EndpointArguments,
    environment: &Environment,
) -> Result<Settings, Error> {
    Ok(Settings {
        source: endpoints.source(environment)?,
        target: endpoints.target(environment)?,
        selection: Selection::default(),
        mapped: None,
        profile: endpoints.profile()?,
        fraction_digits: None,
        jobs: settings::jobs(None, MEMORY, settings::cores()),
        max_memory: MEMORY,
        io_timeout: endpoints.io_timeout(),
        retry_for: RETRY_FOR,
        stall_after: None,
        restart: false,
        on_existing: OnExisting::Fail,
        allow_triggers: false,
        require_quiet: false,
        dry_run: false,
        target_search_path: None,
        rejecting: Rejecting::default(),
        report: None,
    })
}
