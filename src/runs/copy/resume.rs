//! A run that goes on: whose it is, and what is left of it. And a run that is done.

use std::collections::{BTreeMap, HashMap};

use tokio::time::{Duration, sleep};

use crate::engine;
use crate::lane::Work;
use crate::ledger::{Claim, Ledger, Liveness, Owner, PairRow, PlanRows, Progress, Run, TargetRow};
use crate::metrics::Event;
use crate::plan::{Bounds, Chunk};
use crate::schema::Matching;

use super::super::error::{Error, Exit};
use super::super::prepare::{Prepared, Settings, Surroundings, refused, work};
use super::empty::{count, truncate};
use super::enter::{Entered, few, tokens};
use super::prove::reconciled_by;
use super::rejecting;

/// A run that has given no sign of life for so long may be taken over.
const EXPIRES: f64 = 15.0;

pub(super) async fn go_on(
    prepared: &mut Prepared,
    mut ledger: Ledger,
    run: &Run,
    settings: &Settings,
    surroundings: &Surroundings,
) -> Result<Entered, Error> {
    let owner = Owner::this_process();
    let tokens = tokens(settings.jobs);
    own(&mut ledger, run, &owner, &tokens, surroundings).await?;
    let mut progress = ledger.progress(&run.run).await?;
    adopt(prepared, &progress.plan)?;
    let rejects = rejecting::open(prepared, &progress, &run.run, &settings.rejecting)?;
    truncate(&mut ledger, prepared, (&run.run, &owner), &mut progress).await?;
    lock_split_tables(prepared, &progress).await?;
    let works = remaining(prepared, &progress);
    Ok(Entered {
        ledger,
        run: run.run.clone(),
        owner,
        tokens,
        continued: true,
        finished_before: false,
        progress,
        earlier_snapshot: Some(run.snapshot.clone()),
        problems: HashMap::new(),
        reconciled: BTreeMap::new(),
        works,
        rejects,
    })
}

/// Takes the run over when its owner is gone; refuses while it lives.
pub(in crate::runs) async fn own(
    ledger: &mut Ledger,
    run: &Run,
    owner: &Owner,
    tokens: &[String],
    surroundings: &Surroundings,
) -> Result<(), Error> {
    let seen = match run.owner.liveness() {
        Liveness::Gone => run.clone(),
        Liveness::Alive => return Err(busy(run)),
        Liveness::Elsewhere => silent(ledger, run.clone(), surroundings).await?,
    };
    match ledger.take_over(&seen, owner, tokens).await? {
        Claim::Ours => Ok(()),
        Claim::Lost => Err(busy(&seen)),
    }
}

/// Waits, with a countdown, until an owner on another host has been silent for long enough.
async fn silent(
    ledger: &mut Ledger,
    mut seen: Run,
    surroundings: &Surroundings,
) -> Result<Run, Error> {
    while seen.silent < EXPIRES {
        let text = format!(
            "the run's last owner ({}) may still live; taking over in {:.0} s",
            seen.owner,
            (EXPIRES - seen.silent).ceil()
        );
        let _ = surroundings.events.try_send(Event::Phase(text));
        if surroundings.stop.is_cancelled() {
            return Err(Error::new(
                Exit::Interrupted,
                "interrupted before anything was written",
            ));
        }
        sleep(Duration::from_secs(1)).await;
        let beat = seen.beat;
        seen = ledger.run(&seen).await?.ok_or_else(|| busy(&seen))?;
        if seen.beat != beat {
            return Err(busy(&seen));
        }
    }
    Ok(seen)
}

fn busy(run: &Run) -> Error {
    refused(
        format!(
            "run {} is being worked on by another wire9 process ({})",
            run.run, run.owner
        ),
        "let it finish, or stop it; then repeat the command",
    )
}

/// Numbers the pairs and targets of this process as the ledger's plan does.
fn adopt(prepared: &mut Prepared, plan: &PlanRows) -> Result<(), Error> {
    let matching = &prepared.matching;
    let pair = |row: &PairRow| matching.pairs.iter().position(|p| p.source == row.source);
    let target = |row: &TargetRow| matching.targets.iter().position(|t| t.name == row.name);
    let pairs: Option<Vec<usize>> = plan.pairs.iter().map(pair).collect();
    let targets: Option<Vec<usize>> = plan.targets.iter().map(target).collect();
    let complete =
        (plan.pairs.len(), plan.targets.len()) == (matching.pairs.len(), matching.targets.len());
    let (Some(pairs), Some(targets), true) = (pairs, targets, complete) else {
        return Err(refused(
            "the ledger's plan names other tables than its configuration",
            "something else has written to schema wire9; begin anew with --restart",
        ));
    };
    prepared.waves = targets.iter().map(|&i| prepared.waves[i]).collect();
    prepared.matching = renumbered(&prepared.matching, &pairs, &targets);
    Ok(())
}

/// The same matching in another order: by new number, the old one.
fn renumbered(matching: &Matching, pairs: &[usize], targets: &[usize]) -> Matching {
    let mut number = vec![0; targets.len()];
    for (new, &old) in targets.iter().enumerate() {
        number[old] = new;
    }
    let mut renumbered = Matching {
        pairs: pairs.iter().map(|&i| matching.pairs[i].clone()).collect(),
        targets: targets
            .iter()
            .map(|&i| matching.targets[i].clone())
            .collect(),
        ..matching.clone()
    };
    for pair in &mut renumbered.pairs {
        pair.target = number[pair.target];
    }
    for target in &mut renumbered.targets {
        target.parents.iter_mut().for_each(|p| *p = number[*p]);
        let references = target.references.iter_mut();
        references.for_each(|r| r.parent = number[r.parent]);
    }
    renumbered
}

/// Tables of several chunks keep their lock from before the first read to the last, here, too.
async fn lock_split_tables(prepared: &mut Prepared, progress: &Progress) -> Result<(), Error> {
    let mut split: Vec<usize> = progress
        .plan
        .chunks
        .iter()
        .filter(|(_, number, bounds, _)| *number == 0 && *bounds != Bounds::Whole)
        .map(|(pair, ..)| *pair)
        .collect();
    split.dedup();
    for pair in split {
        let pair = &prepared.matching.pairs[pair];
        let (source, oid) = (pair.source.clone(), pair.oid);
        prepared.keeper().lock(&source, oid).await?;
    }
    Ok(())
}

/// All chunks with the batches that are committed of them, parents first, tables side by side.
fn remaining(prepared: &Prepared, progress: &Progress) -> Vec<Work> {
    let mut chunks: Vec<Chunk> = progress
        .plan
        .chunks
        .iter()
        .map(|(table, number, bounds, bytes)| Chunk {
            table: *table,
            number: *number,
            bounds: bounds.clone(),
            bytes: *bytes,
        })
        .collect();
    chunks.sort_by_key(|c| {
        let wave = prepared.waves[prepared.matching.pairs[c.table].target];
        (wave, c.number, c.table)
    });
    chunks
        .iter()
        .map(|c| {
            let mut work = work(prepared, c);
            work.done = progress
                .batches
                .get(&(c.table, c.number))
                .cloned()
                .unwrap_or_default();
            work
        })
        .collect()
}

/// The target tables must hold what the ledger says, as far as it says something of them; more rows are a
/// fault only while the run is unfinished.
pub(super) fn held(
    progress: &Progress,
    counts: engine::Counts,
    may_have_more: bool,
) -> Result<(), Error> {
    let mut wrong = Vec::new();
    for ((number, target), counted) in progress.plan.targets.iter().enumerate().zip(counts) {
        let expected = target.baseline.unwrap_or(0) + progress.loaded(number);
        let counted = counted?;
        if !target.state.is_told_by_batches() {
            continue;
        }
        if counted < expected || (counted > expected && !may_have_more) {
            wrong.push(format!(
                "{} should hold {expected} rows and holds {counted}",
                target.name
            ));
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(refused(
        format!(
            "the target does not hold what the ledger says: {}",
            few(&wrong)
        ),
        "somebody else has changed these tables; begin anew with --restart",
    ))
}

pub(super) async fn finished(
    prepared: &mut Prepared,
    mut ledger: Ledger,
    run: &Run,
) -> Result<Entered, Error> {
    let progress = ledger.progress(&run.run).await?;
    adopt(prepared, &progress.plan)?;
    let mut counts = Vec::new();
    for target in &progress.plan.targets {
        counts.push(Ok(
            count(&mut ledger, &prepared.target.write, &target.name).await?
        ));
    }
    held(&progress, counts, true)?;
    let reconciled = reconciled_by(&mut ledger, &run.run).await?;
    Ok(Entered {
        ledger,
        run: run.run.clone(),
        owner: Owner::this_process(),
        tokens: Vec::new(),
        continued: true,
        finished_before: true,
        progress,
        earlier_snapshot: None,
        problems: HashMap::new(),
        reconciled,
        works: Vec::new(),
        rejects: None,
    })
}
