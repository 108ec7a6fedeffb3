//! Arguments as typed → settings as meant, with one clear error for each that makes no sense.

use std::thread;

use super::arguments::{CopyArguments, Existing};
use super::units;
use crate::runs::copy::{OnExisting, Settings};
use crate::runs::{Error, Exit};
use crate::wire::Environment;

/// A lane keeps two batches (one read, one written), and a batch below the largest frame of the wire
/// (256 KiB) would make each frame a transaction of its own.
const LEAST_MEMORY_PER_JOB: u64 = 2 * 256 * 1024;

/// Fewest lanes where nothing was said: two cores still wait for two servers.
const LEAST_DEFAULT_JOBS: usize = 4;

/// The settings of a copy.
pub(super) fn copy(typed: &CopyArguments, environment: &Environment) -> Result<Settings, Error> {
    Ok(Settings {
        selection: typed.selection.selection()?,
        fraction_digits: typed.selection.rows.fraction_digits(),
        restart: typed.restart,
        on_existing: on_existing(typed.on_existing),
        ..typed.loading.settings(&typed.endpoints, environment)?
    })
}

pub(super) fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// Lanes: those asked for, else one per core, but at least four and no more than the memory feeds.
pub(super) fn jobs(asked: Option<u16>, max_memory: u64, cores: usize) -> usize {
    let fed = usize::try_from(max_memory / LEAST_MEMORY_PER_JOB).unwrap_or(usize::MAX);
    asked.map_or_else(
        || cores.min(fed).clamp(LEAST_DEFAULT_JOBS, 256),
        usize::from,
    )
}

/// Lanes where their memory is of no concern.
pub(super) fn lanes(asked: Option<u16>) -> u32 {
    u32::try_from(jobs(asked, u64::MAX, cores())).unwrap_or(256)
}

pub(super) fn enough_memory(jobs: usize, max_memory: u64) -> Result<(), Error> {
    let least = LEAST_MEMORY_PER_JOB.saturating_mul(jobs as u64);
    if max_memory >= least {
        return Ok(());
    }
    let (given, least) = (units::exact_size(max_memory), units::exact_size(least));
    let what = format!("--max-memory {given} is too small for {jobs} lanes");
    let advice = format!("give --max-memory at least {least}, or fewer --jobs");
    Err(Error::new(Exit::Usage, what).advise(advice))
}

fn on_existing(typed: Existing) -> OnExisting {
    match typed {
        Existing::Fail => OnExisting::Fail,
        Existing::Append => OnExisting::Append,
        Existing::Truncate => OnExisting::Truncate,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn lanes_default_to_the_cores_but_at_least_four() {
        assert_eq!(jobs(None, 96 * MIB, 1), 4);
        assert_eq!(jobs(None, 96 * MIB, 16), 16);
        assert_eq!(jobs(Some(1), 96 * MIB, 16), 1);
    }

    #[test]
    fn the_default_never_asks_for_more_memory_than_there_is() {
        let jobs = jobs(None, 96 * MIB, 1000);
        assert_eq!(jobs, 192);
        assert!(enough_memory(jobs, 96 * MIB).is_ok());
    }

    #[test]
    fn too_little_memory_is_an_error_that_says_the_minimum() {
        assert!(enough_memory(8, 4 * MIB).is_ok());
        let error = enough_memory(8, 4 * MIB - 1).expect_err("one byte too few");
        assert_eq!(error.exit, Exit::Usage);
        assert!(error.what.starts_with("--max-memory"), "{}", error.what);
        assert!(error.advice.is_some_and(|a| a.contains("at least 4MiB")));
    }
}
