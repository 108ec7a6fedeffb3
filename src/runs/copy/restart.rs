//! `--restart`: a run that is dropped.

use crate::endpoint::session;
use crate::ledger::{Ledger, Owner, Progress, Run, TargetRow};
use crate::metrics::Event;

use super::super::error::Error;
use super::super::prepare::{OnExisting, Surroundings, refused};
use super::empty::{count, empty_all};
use super::enter::few;
use super::resume::own;

/// `--restart`: takes the old run over, so that nothing of it can commit any more, empties the tables
/// that it filled, and forgets it.
pub(super) async fn drop_run(
    ledger: &mut Ledger,
    write: &session::WriteSettings,
    on_existing: OnExisting,
    run: &Run,
    surroundings: &Surroundings,
) -> Result<(), Error> {
    let owner = Owner::this_process();
    own(ledger, run, &owner, &[], surroundings).await?;
    let progress = ledger.progress(&run.run).await?;
    let filled: Vec<(usize, &TargetRow)> = progress
        .plan
        .targets
        .iter()
        .enumerate()
        .filter(|(number, t)| progress.loaded(*number) > 0 || !t.state.is_told_by_batches())
        .collect();
    let mixed: Vec<String> = filled
        .iter()
        .filter(|(_, t)| t.baseline != Some(0))
        .map(|(_, t)| t.name.to_string())
        .collect();
    if !mixed.is_empty() {
        return Err(refused(
            format!(
                "rows of run {} can not be told from others in: {}",
                run.run,
                few(&mixed)
            ),
            "these tables held rows before it appended to them; empty them by hand, or restore them, \
             then drop schema wire9",
        ));
    }
    if on_existing != OnExisting::Truncate {
        not_written_since(ledger, write, run, &progress).await?;
    }
    let names: Vec<String> = filled.iter().map(|(_, t)| t.name.to_string()).collect();
    let text = match names.is_empty() {
        true => format!(
            "--restart: dropping run {}, which has loaded nothing",
            run.run
        ),
        false => format!(
            "--restart: dropping run {} and the rows it loaded into: {}",
            run.run,
            few(&names)
        ),
    };
    let _ = surroundings.events.try_send(Event::Notice(text));
    let targets = filled.iter().map(|(number, t)| (*number, t.name.clone()));
    empty_all(ledger, (&run.run, &owner), targets.collect()).await?;
    ledger.forget(&run.run, &owner).await?;
    Ok(())
}

/// A table that holds more rows than the run loaded is in use by somebody: it is not emptied for a
/// restart.
async fn not_written_since(
    ledger: &mut Ledger,
    write: &session::WriteSettings,
    run: &Run,
    progress: &Progress,
) -> Result<(), Error> {
    let mut more = Vec::new();
    for (number, target) in progress.plan.targets.iter().enumerate() {
        let loaded = progress.loaded(number);
        if !target.state.is_told_by_batches() {
            continue;
        }
        if loaded > 0 && count(ledger, write, &target.name).await? > loaded {
            more.push(target.name.to_string());
        }
    }
    if more.is_empty() {
        return Ok(());
    }
    Err(refused(
        format!(
            "tables hold rows besides those that run {} loaded: {}",
            run.run,
            few(&more)
        ),
        "--restart would empty them; if that is meant, say --on-existing truncate as well",
    ))
}
