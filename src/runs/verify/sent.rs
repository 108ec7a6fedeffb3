//! What a finished run has read and sent, as its ledger knows it.

use crate::copytext::Digest;
use crate::ledger::{Ledger, Run, State, TableSums};
use crate::schema::Pair;

use super::super::error::Error;
use super::super::prepare::configuration::{Configuration, REPAIR, source_key};
use super::super::prepare::{Prepared, Settings};

/// What a finished run has sent, by pair of this process.
#[derive(Default)]
pub(super) struct Sent {
    /// The run.
    pub(super) run: Option<String>,
    /// A copy of this source that is not finished: of its tables rows are still to come.
    pub(super) unfinished: Option<String>,
    /// By pair.
    pub(super) by_pair: Vec<Option<TableSums>>,
    /// By pair: rows that it rejected and that no replay has loaded.
    pub(super) rejected: Vec<u64>,
}

/// Looks for a finished run of this source and takes its sums, where it sent the same columns in the same
/// way into tables that were empty.
pub(super) async fn sent(
    ledger: &mut Ledger,
    prepared: &Prepared,
    settings: &Settings,
) -> Result<Sent, Error> {
    let key = source_key(&prepared.snapshot.identity);
    let runs = ledger.runs(&key).await?;
    let is_open = |run: &&Run| run.state == State::Open && run.settings != REPAIR;
    let unfinished = runs.iter().find(is_open).map(|run| run.run.clone());
    let Some(run) = runs.iter().find(|run| run.state == State::Done) else {
        return Ok(Sent {
            unfinished,
            ..Sent::default()
        });
    };
    let progress = ledger.progress(&run.run).await?;
    let (plan, loaded) = (&progress.plan, progress.by_pair());
    let sums = ledger.table_sums(&run.run, plan.pairs.len()).await?;
    let now = Configuration::new(
        &prepared.matching,
        settings.on_existing,
        settings.target_search_path.as_deref(),
    );
    let earlier = Configuration::from_text(&run.settings);
    let number = |pair: &Pair| plan.pairs.iter().position(|p| p.source == pair.source);
    let sum = |pair: &Pair| -> Option<TableSums> {
        earlier.as_ref().filter(|e| e.agrees(&now, &pair.source))?;
        let number = number(pair)?;
        let target = plan.targets.get(plan.pairs[number].target)?;
        let mut sums = sums[number];
        if loaded[number].rejected > 0 {
            // More was read than the source's rows that are there.
            sums.read = Digest::default();
        }
        let told = target.baseline == Some(0) && target.state.is_told_by_batches();
        told.then_some(sums)
    };
    let rejected = |pair: &Pair| number(pair).map_or(0, |number| loaded[number].rejected);
    Ok(Sent {
        by_pair: prepared.matching.pairs.iter().map(sum).collect(),
        rejected: prepared.matching.pairs.iter().map(rejected).collect(),
        run: Some(run.run.clone()),
        unfinished,
    })
}
