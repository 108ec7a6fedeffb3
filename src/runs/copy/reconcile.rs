//! Tables whose copied rows have changed on the source since: made equal to the new snapshot, as far as they are
//! copied, so that the run goes on.
//!
//! ```text
//! ledger: reconciling ─▶ repair: the target's rows = the new snapshot's rows of the chunks that are kept
//!   ─▶ ledger: reconciled, with the sums of these rows ─▶ the other chunks are copied as ever
//! ```
//! Kept are finished chunks, and the committed part of a chunk where that has not changed. What was committed of
//! any other chunk goes, and the chunk is copied anew. A process that dies in between leaves the table
//! *reconciling*; the next one begins here, whatever the snapshot.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{DataType, TableName};
use crate::copytext::{Digest, Rows};
use crate::lane::{self, Shared, Work};
use crate::ledger::{Batch, Changes, Key, Repair, Sums, TargetState};
use crate::verify;
use crate::verify::repair::{self, Limits, Subject};

use super::super::error::Error;
use super::super::prepare::{Prepared, Settings};
use super::super::verify::tables_of;
use super::empty::empty_all;
use super::enter::Entered;

/// Rows of a table without a key that are taken away, at most: a few hundred of them cost the target a read of
/// the whole table, so beyond that it is emptied and copied anew.
const KEYLESS: u64 = 2_000;

/// A chunk that was begun, and whether the source still has what was committed of it.
pub(super) type Compared = (Work, bool);

/// Reconciles target tables, by number; `begun` has all of their chunks that were begun. A table that the target
/// does not let be reconciled is left out, with the reason.
pub(super) async fn reconcile(
    entered: &mut Entered,
    prepared: &Prepared,
    (shared, settings): (&Shared, &Settings),
    (targets, begun): (&BTreeSet<usize>, &[Compared]),
) -> Result<(), Error> {
    let target_of = |work: &Work| prepared.matching.pairs[work.table].target;
    let mut kept: BTreeMap<usize, Vec<Work>> = BTreeMap::new();
    for (work, same) in begun {
        if targets.contains(&target_of(work)) && (is_finished(work) || *same) {
            kept.entry(target_of(work)).or_default().push(work.clone());
        }
    }
    for &target in targets {
        let (run, owner) = (&entered.run, &entered.owner);
        entered.ledger.reconciling(run, owner, target).await?;
        entered.progress.plan.targets[target].state = TargetState::Reconciling;
    }
    let tables = tables_of(prepared, kept.values().flatten().cloned().collect());
    too_many(&mut kept, entered, (prepared, &tables), (shared, settings)).await?;
    let (some, none): (Vec<usize>, Vec<usize>) =
        targets.iter().partition(|target| kept.contains_key(target));
    begin_anew(entered, prepared, &none).await?;
    let refused = repaired(entered, prepared, (shared, settings), (&some, &tables)).await?;
    for &target in targets {
        if let Some(why) = refused.get(&target) {
            leave(entered, prepared, target, why);
            continue;
        }
        let of_target = begun.iter().filter(|(work, _)| target_of(work) == target);
        let kept = kept.get(&target).map_or(&[][..], Vec::as_slice);
        settle(entered, shared, target, (of_target, kept)).await?;
    }
    Ok(())
}

fn is_finished(work: &Work) -> bool {
    work.done.last().is_some_and(|batch| batch.last)
}

/// Keeps nothing of a table of which so much would have to be changed that it is copied anew in less time.
async fn too_many(
    kept: &mut BTreeMap<usize, Vec<Work>>,
    entered: &Entered,
    (prepared, tables): (&Prepared, &[verify::Table]),
    (shared, settings): (&Shared, &Settings),
) -> Result<(), Error> {
    let targets: Vec<usize> = kept.keys().copied().collect();
    for subject in subjects(prepared, &targets, tables) {
        // Rows of others may refer to its rows: it can not be emptied.
        if subject.referenced {
            continue;
        }
        let changes = repair::survey(shared, subject.table, limits(settings)).await?;
        let keyless = subject.table.comparison.keys.is_empty();
        let half = entered.progress.loaded(subject.number) / 2;
        if changes.total() > half || (keyless && changes.deleted > KEYLESS) {
            kept.remove(&subject.number);
        }
    }
    Ok(())
}

/// Empties tables of which nothing is kept.
async fn begin_anew(
    entered: &mut Entered,
    prepared: &Prepared,
    targets: &[usize],
) -> Result<(), Error> {
    let before = entered.ledger.repaired(&entered.run).await?;
    for &target in targets {
        let fence = entered.fence();
        let repair = Repair {
            fence: &fence,
            target,
            batch: before.get(&target).map_or(0, |before| before.next),
            changes: Changes {
                deleted: entered.progress.loaded(target),
                ..Changes::default()
            },
            edits: Vec::new(),
        };
        entered.ledger.repair(repair).await?;
    }
    let named = |&target: &usize| -> (usize, TableName) {
        (target, prepared.matching.targets[target].name.clone())
    };
    let tables = targets.iter().map(named).collect();
    empty_all(&mut entered.ledger, (&entered.run, &entered.owner), tables).await
}

/// Repairs tables of which something is kept; by target: why one is not equal.
async fn repaired(
    entered: &mut Entered,
    prepared: &Prepared,
    (shared, settings): (&Shared, &Settings),
    (targets, tables): (&[usize], &[verify::Table]),
) -> Result<BTreeMap<usize, String>, Error> {
    let subjects = subjects(prepared, targets, tables);
    let fence = entered.fence();
    let ledger = &mut entered.ledger;
    let limits = limits(settings);
    let outcomes = repair::repair(shared, (ledger, &fence), &subjects, limits).await?;
    let refused = targets
        .iter()
        .zip(outcomes)
        .filter_map(|(&target, outcome)| {
            let why = outcome.refused?;
            Some((target, lane::chain(&why)))
        });
    Ok(refused.collect())
}

/// A table stays as it is; the next process tries again.
fn leave(entered: &mut Entered, prepared: &Prepared, target: usize, why: &str) {
    let pairs = prepared.matching.pairs.iter().enumerate();
    for (pair, _) in pairs.filter(|(_, pair)| pair.target == target) {
        let problem = format!(
            "rows that were copied have changed on the source since, and the target does not let them be \
             mended: {why}; drop the constraint until the copy is done, or begin anew with --restart"
        );
        entered.problems.insert(pair, problem);
    }
}

/// The table holds what is kept: its ledger says so from now on, and what is left of it is known.
async fn settle<'b>(
    entered: &mut Entered,
    shared: &Shared,
    target: usize,
    (begun, kept): (impl Iterator<Item = &'b Compared>, &[Work]),
) -> Result<(), Error> {
    let mut chunks = Vec::new();
    for (work, same) in begun {
        let is_kept = kept
            .iter()
            .any(|k| (k.table, k.chunk) == (work.table, work.chunk));
        if is_kept && *same {
            continue;
        }
        let batch = match is_kept {
            true => Some(anew(shared, work).await?),
            false => None,
        };
        let key = Key {
            run: entered.run.clone(),
            pair: work.table,
            chunk: work.chunk,
        };
        chunks.push((key, batch));
    }
    let (run, owner) = (entered.run.clone(), entered.owner.clone());
    let ledger = &mut entered.ledger;
    ledger.reconciled(&run, &owner, target, &chunks).await?;
    entered.progress.plan.targets[target].state = TargetState::Reconciled;
    for (key, batch) in chunks {
        let done: Vec<Batch> = batch.into_iter().map(|(batch, _)| batch).collect();
        let of_chunk = |work: &&mut Work| (work.table, work.chunk) == (key.pair, key.chunk);
        for work in entered.works.iter_mut().filter(of_chunk) {
            work.done.clone_from(&done);
        }
        let place = (key.pair, key.chunk);
        match done.is_empty() {
            true => entered.progress.batches.remove(&place),
            false => entered.progress.batches.insert(place, done),
        };
    }
    Ok(())
}

/// The one batch that a finished chunk would have had under the new snapshot.
async fn anew(shared: &Shared, work: &Work) -> Result<(Batch, Sums), Error> {
    let start = || (Rows::default(), 0);
    let scan = lane::scan(shared, work, start, |(sum, bytes), rows| {
        let read = rows.read.unwrap_or(rows.digest);
        sum.read.get_or_insert_default().merge(read);
        sum.digest.merge(rows.digest);
        sum.parts.merge(&rows.parts);
        sum.changed.resize(rows.changed.len(), 0);
        let values = sum.changed.iter_mut().zip(&rows.changed);
        values.for_each(|(sum, count)| *sum += count);
        *bytes += rows.bytes.len() as u64;
    });
    let (sum, sent_bytes) = scan.await?;
    let batch = Batch {
        first_row: 0,
        digest: sum.digest,
        // A table of which rows are rejected is not reconciled.
        rejected: Digest::default(),
        files: (0, 0),
        read_bytes: work.done.iter().map(|batch| batch.read_bytes).sum(),
        sent_bytes,
        changed: sum.changed,
        last: true,
    };
    let sums = Sums {
        read: sum.read,
        parts: sum.parts,
    };
    Ok((batch, sums))
}

/// Target tables as a repair needs them; `tables` are those of all targets.
pub(in crate::runs) fn subjects<'t>(
    prepared: &Prepared,
    targets: &[usize],
    tables: &'t [verify::Table],
) -> Vec<Subject<'t>> {
    let catalog = &prepared.target_catalog;
    let place = |target: &usize| targets.iter().position(|t| t == target);
    let subject = |&number: &usize| {
        let (table, target) = (&tables[number], &prepared.matching.targets[number]);
        let known = catalog.table(&target.name);
        let oid = known.map(|t| t.oid);
        let data_type = |column: &String| -> Option<DataType> {
            let found = known?.columns.iter().find(|c| c.name == *column)?;
            Some(found.data_type.clone())
        };
        Subject {
            table,
            number,
            types: table
                .columns
                .iter()
                .map(data_type)
                .collect::<Option<_>>()
                .unwrap_or_default(),
            parents: target.parents.iter().filter_map(place).collect(),
            referenced: catalog.foreign_keys.iter().any(|k| Some(k.parent) == oid),
        }
    };
    targets.iter().map(subject).collect()
}

/// The memory that the lanes do not use yet holds rows that are wrong; batches are as large as those of a copy when it begins.
pub(in crate::runs) fn limits(settings: &Settings) -> Limits {
    const BATCH: u64 = 2 << 20;
    let bytes = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    Limits {
        jobs: settings.jobs,
        memory: bytes(settings.max_memory),
        batch: bytes(BATCH.min(settings.max_memory / 8)),
    }
}
