//! How long nothing may move, as typed, for every command that is watched.

use std::time::Duration;

use clap::Args;

#[derive(Debug, Args)]
pub(super) struct StallArguments {
    /// Seconds after which a run in which nothing moves at all is ended, with what its lanes wait for,
    /// 1 to 604800 [default: 600, or twice --io-timeout].
    #[arg(long, value_name = "SECONDS", help_heading = "Endpoints")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=604_800))]
    stall_after: Option<u64>,
}

impl StallArguments {
    pub(super) fn limit(&self) -> Option<Duration> {
        self.stall_after.map(Duration::from_secs)
    }
}
