//! What a finished run has read and sent, as its ledger knows it.

use crate::ledger::{Ledger, State, TableSums};
use crate::schema::Pair;

use super::super::error::Error;
use super::super::prepare::configuration::{Configuration, source_key};
use super::super::prepare::{Prepared, Settings};

/// What a finished run has sent, by pair of this process.
#[derive(Default)]
pub(super) struct Sent {
    /// The run.
    pub(super) run: Option<String>,
    /// By pair.
    pub(super) by_pair: Vec<Option<TableSums>>,
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
    let Some(run) = runs.iter().find(|run| run.state == State::Done) else {
        return Ok(Sent::default());
    };
    let plan = ledger.progress(&run.run).await?.plan;
    let sums = ledger.table_sums(&run.run, plan.pairs.len()).await?;
    let now = Configuration::new(
        &prepared.matching,
        settings.on_existing,
        settings.target_search_path.as_deref(),
    );
    let earlier = Configuration::from_text(&run.settings);
    let sum = |pair: &Pair| -> Option<TableSums> {
        earlier.as_ref().filter(|e| e.agrees(&now, &pair.source))?;
        let number = plan.pairs.iter().position(|p| p.source == pair.source)?;
        let target = plan.targets.get(plan.pairs[number].target)?;
        let told = target.baseline == Some(0) && target.state.is_told_by_batches();
        told.then_some(sums[number])
    };
    Ok(Sent {
        by_pair: prepared.matching.pairs.iter().map(sum).collect(),
        run: Some(run.run.clone()),
    })
}
