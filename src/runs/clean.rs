//! `wire9 clean`: removes the ledger once it has served.

use crate::ledger::{Liveness, Removed, State, Summary};
use crate::wire::ConnectOptions;

use super::error::{Error, Exit};
use super::status::ledger;

/// A run that has given no sign of life for so many seconds has no owner any more (as in a takeover).
const SILENT: f64 = 15.0;

/// What was removed.
#[derive(Debug, Clone)]
pub struct Cleaned {
    /// How it ended.
    pub removed: Removed,
    /// The runs that the ledger knew.
    pub runs: Vec<Summary>,
}

/// Removes the ledger. Loaded rows stay.
///
/// # Errors
/// Connection and authentication; a run that is being worked on; a run that is unfinished or has rejected
/// rows, unless `abandon` says that it will not be continued.
pub async fn clean(target: &ConnectOptions, abandon: bool) -> Result<Cleaned, Error> {
    let mut ledger = ledger(target).await?;
    let runs = ledger.survey().await?.unwrap_or_default();
    for run in &runs {
        match run.run.state {
            State::Open => refuse(run, abandon)?,
            State::Done if run.rejected > 0 && !abandon => return Err(rejected(run)),
            State::Done => {}
        }
    }
    let removed = ledger.remove().await?;
    Ok(Cleaned { removed, runs })
}

fn rejected(run: &Summary) -> Error {
    let what = format!(
        "run {} has rejected {} rows, and without the ledger they can not be replayed",
        run.run.run, run.rejected
    );
    Error::new(Exit::Refused, what).advise(
        "load them by `wire9 rejects replay`; or give them up with --abandon: their files stay",
    )
}

fn refuse(run: &Summary, abandon: bool) -> Result<(), Error> {
    let id = &run.run.run;
    let works = match run.run.owner.liveness() {
        Liveness::Alive => true,
        Liveness::Gone => false,
        Liveness::Elsewhere => run.run.silent < SILENT,
    };
    if works {
        let what = format!("run {id} is being worked on ({})", run.run.owner);
        return Err(Error::new(Exit::Refused, what).advise("let it finish, or stop it"));
    }
    if abandon {
        return Ok(());
    }
    let far = match (run.chunks, run.statements) {
        (0, applied) if applied > 0 => format!("{applied} statements of the schema are applied"),
        (chunks, _) => format!("{} of {chunks} chunks are loaded", run.chunks_finished),
    };
    let what =
        format!("run {id} is unfinished: {far}, and without the ledger it can not be continued");
    Err(Error::new(Exit::Refused, what).advise(
        "repeat the command that began it; or give it up with --abandon: its rows stay in the target",
    ))
}
