//! The verdict: counts on both sides, whether the source was written, and the identity per table.

use std::time::{Duration, Instant};

use crate::catalog::{TableName, readable};
use crate::copytext::Transform;
use crate::endpoint::identity::Identity;
use crate::endpoint::snapshot::{Moved, source_moved};
use crate::engine::{self, Copied, Counts};
use crate::ledger::Loaded;
use crate::metrics::{TableTally, Waits};
use crate::plan::{Bounds, Chunk};
use crate::schema::Pair;
use crate::wire::Connection;

use super::super::prepare::configuration::in_words;
use super::super::prepare::{Prepared, Settings};
use super::enter::Entered;
use super::outcome::{Cut, How, Outcome, PlannedTable, SourceMoved, TableVerdict, TargetVerdict};

/// What was found out after the data phase.
pub(super) struct Facts {
    copied: Copied,
    pub(super) source_counts: Counts,
    pub(super) target_counts: Counts,
    pub(super) moved: SourceMoved,
    /// What the ledger says is committed, by pair number; `None`: it did not tell.
    pub(super) loaded: Option<Vec<Loaded>>,
    pub(super) interrupted: bool,
    data_wall: Duration,
    began: Instant,
}

impl Facts {
    pub(super) fn new(copied: Copied, data_wall: Duration, began: Instant) -> Self {
        Self {
            copied,
            source_counts: Vec::new(),
            target_counts: Vec::new(),
            moved: SourceMoved::Unknown("not looked for".to_owned()),
            loaded: None,
            interrupted: false,
            data_wall,
            began,
        }
    }

    /// What ended the data phase early.
    pub(super) fn failure(&mut self) -> Option<engine::Error> {
        self.copied.failure.take()
    }
}

/// Whether the source was written since the snapshot, told of copied tables only.
pub(super) async fn moved(prepared: &Prepared, settings: &Settings) -> SourceMoved {
    let mut options = prepared.source_options.clone();
    options.set_reply_timeout(settings.io_timeout);
    let asked = async {
        let mut connection =
            Connection::connect(&options)
                .await
                .map_err(|source| crate::endpoint::Error::Wire {
                    doing: "connecting to the source".to_owned(),
                    source,
                })?;
        let moved = source_moved(&mut connection, &prepared.snapshot, &prepared.activity).await;
        connection.close().await;
        moved
    };
    match asked.await {
        Ok(Moved::No) => SourceMoved::No,
        Ok(Moved::Unknown { why }) => SourceMoved::Unknown(why),
        Ok(Moved::Yes { tables }) => {
            let copied =
                |name: &&TableName| prepared.matching.pairs.iter().any(|p| p.source == **name);
            SourceMoved::Yes {
                tables: tables
                    .iter()
                    .filter(copied)
                    .map(ToString::to_string)
                    .collect(),
            }
        }
        Err(error) => SourceMoved::Unknown(error.to_string()),
    }
}

/// Whether every table is complete and every identity holds: the run is done.
pub(super) fn holds(outcome: &Outcome) -> bool {
    !outcome.interrupted
        && outcome.tables.iter().all(|t| {
            t.complete
                && t.problem.is_none()
                && t.counted
                    .is_none_or(|counted| counted == t.loaded + t.rejected)
        })
        && outcome
            .targets
            .iter()
            .all(|t| t.counted == Some(t.baseline + t.loaded))
}

pub(super) fn reach(
    prepared: &Prepared,
    entered: &Entered,
    facts: Facts,
    settings: &Settings,
) -> Outcome {
    let mut waits = Waits::default();
    facts
        .copied
        .tallies
        .iter()
        .for_each(|t| waits.add(&t.waits));
    let before = entered.progress.by_pair();
    let counts = entered.progress.plan.chunk_counts();
    let tables: Vec<TableVerdict> = (0..prepared.matching.pairs.len())
        .map(|number| {
            let mut table = table(prepared, &facts, number, (&before[number], counts[number]));
            table.problem = entered.problems.get(&number).cloned();
            table.complete &= table.problem.is_none();
            table
        })
        .collect();
    let targets = targets(prepared, entered, &tables, &facts.target_counts);
    let chunks = chunks(entered);
    Outcome {
        tables,
        targets,
        moved: facts.moved,
        plan: planned(prepared, &chunks),
        waits,
        wall: facts.began.elapsed(),
        data_wall: facts.data_wall,
        interrupted: facts.interrupted,
        ..frame(prepared, Some(entered), settings)
    }
}

/// What every outcome has.
fn frame(prepared: &Prepared, entered: Option<&Entered>, settings: &Settings) -> Outcome {
    Outcome {
        run: entered.map(|e| e.run.clone()).unwrap_or_default(),
        continued: entered.is_some_and(|e| e.continued),
        finished_before: false,
        source: settings.source.to_string(),
        target: settings.target.to_string(),
        source_server: server(&prepared.snapshot.identity),
        target_server: server(&prepared.target.identity),
        snapshot: prepared.snapshot.text.clone(),
        tables: Vec::new(),
        targets: Vec::new(),
        moved: SourceMoved::Unknown("not looked for".to_owned()),
        notes: prepared.notes.clone(),
        plan: Vec::new(),
        dry_run: false,
        waits: Waits::default(),
        wall: Duration::ZERO,
        data_wall: Duration::ZERO,
        interrupted: false,
        jobs: settings.jobs,
        rejects: settings.rejecting.folder.display().to_string(),
    }
}

pub(super) fn dry_run(
    prepared: &Prepared,
    chunks: &[Chunk],
    settings: &Settings,
    began: Instant,
) -> Outcome {
    Outcome {
        plan: planned(prepared, chunks),
        dry_run: true,
        wall: began.elapsed(),
        ..frame(prepared, None, settings)
    }
}

/// The verdict of a run that was done before: the target still holds its rows.
pub(super) fn finished_before(
    prepared: &Prepared,
    entered: Entered,
    settings: &Settings,
    began: Instant,
) -> Outcome {
    let pairs = &prepared.matching.pairs;
    let copied = Copied {
        tallies: pairs
            .iter()
            .map(|p| TableTally::new(p.recipe.transforms.len()))
            .collect(),
        failure: None,
    };
    let facts = Facts {
        loaded: Some(entered.progress.by_pair()),
        ..Facts::new(copied, Duration::ZERO, began)
    };
    Outcome {
        finished_before: true,
        ..reach(prepared, &entered, facts, settings)
    }
}

/// A table's rows and whether it is complete are what the ledger says, never what this process believes
/// to have done; only what it did itself, and how long that took, is its own tally.
fn table(
    prepared: &Prepared,
    facts: &Facts,
    number: usize,
    (before, chunks): (&Loaded, usize),
) -> TableVerdict {
    let pair = &prepared.matching.pairs[number];
    let tally = facts.copied.tallies[number].clone();
    let told = facts.loaded.as_ref().and_then(|all| all.get(number));
    TableVerdict {
        source: pair.source.to_string(),
        target: prepared.matching.targets[pair.target].name.to_string(),
        counted: facts
            .source_counts
            .get(number)
            .and_then(|c| c.as_ref().ok().copied()),
        loaded: told.map_or(before.rows + tally.rows, |t| t.rows),
        rejected: told.map_or(before.rejected, |t| t.rejected),
        loaded_before: before.rows,
        cut: told.map(|t| cut(pair, &t.changed)).unwrap_or_default(),
        complete: told.is_some_and(|t| t.finished == chunks),
        problem: None,
        tally,
    }
}

/// The columns of which values were changed.
fn cut(pair: &Pair, changed: &[u64]) -> Vec<Cut> {
    let transforms = pair.recipe.transforms.iter().zip(changed);
    let cut = transforms.map(|((field, transform), values)| Cut {
        column: pair.columns[*field].1.clone(),
        values: *values,
        how: how(*transform),
    });
    cut.filter(|cut| cut.values > 0).collect()
}

fn how(transform: Transform) -> How {
    match transform {
        Transform::CutTimestamp { .. } | Transform::CutTimestampArray { .. } => How::Cut,
        Transform::TrimRight => How::Trimmed,
    }
}

fn targets(
    prepared: &Prepared,
    entered: &Entered,
    tables: &[TableVerdict],
    counts: &Counts,
) -> Vec<TargetVerdict> {
    let loaded = |number: usize| {
        let of = prepared.matching.pairs.iter().zip(tables);
        of.filter(|(pair, _)| pair.target == number)
            .map(|(_, t)| t.loaded)
            .sum()
    };
    let target = |(number, row): (usize, &crate::ledger::TargetRow)| TargetVerdict {
        name: row.name.to_string(),
        baseline: row.baseline.unwrap_or(0),
        loaded: loaded(number),
        counted: counts.get(number).and_then(|c| c.as_ref().ok().copied()),
        truncated: row.truncated,
        reconciled: entered.reconciled.get(&number).copied(),
    };
    entered
        .progress
        .plan
        .targets
        .iter()
        .enumerate()
        .map(target)
        .collect()
}

fn chunks(entered: &Entered) -> Vec<Chunk> {
    let chunk = |(table, number, bounds, bytes): &(usize, u32, Bounds, u64)| Chunk {
        table: *table,
        number: *number,
        bounds: bounds.clone(),
        bytes: *bytes,
    };
    entered.progress.plan.chunks.iter().map(chunk).collect()
}

fn planned(prepared: &Prepared, chunks: &[Chunk]) -> Vec<PlannedTable> {
    let mut counts = vec![(0, "whole", 0_u64); prepared.matching.pairs.len()];
    for chunk in chunks {
        let (count, split, bytes) = &mut counts[chunk.table];
        *count += 1;
        *bytes += chunk.bytes;
        *split = match chunk.bounds {
            Bounds::Whole => "whole",
            Bounds::Pages { .. } => "ctid ranges",
            Bounds::Keys { .. } => "key ranges",
        };
    }
    let pairs = prepared.matching.pairs.iter().zip(counts);
    pairs
        .map(|(pair, (chunks, split, bytes))| planned_table(prepared, pair, chunks, split, bytes))
        .collect()
}

fn planned_table(
    prepared: &Prepared,
    pair: &Pair,
    chunks: usize,
    split: &'static str,
    bytes: u64,
) -> PlannedTable {
    let rows = prepared
        .catalog
        .by_oid(pair.oid)
        .map_or(0, |t| t.estimated_rows());
    let transform = |(field, transform): &(usize, Transform)| {
        format!(
            "{}: {}",
            readable(&pair.columns[*field].1),
            in_words(*transform)
        )
    };
    PlannedTable {
        source: pair.source.to_string(),
        target: prepared.matching.targets[pair.target].name.to_string(),
        rows,
        bytes,
        chunks,
        split,
        transforms: pair.recipe.transforms.iter().map(transform).collect(),
        condition: pair.condition.clone(),
    }
}

/// The part of `version()` that people know: `PostgreSQL 15.8`, or `db9-server 0.9.0` of a DB9, which
/// calls itself a PostgreSQL first.
fn server(identity: &Identity) -> String {
    let own = identity.version.find("db9-server").unwrap_or(0);
    let words: Vec<&str> = identity.version[own..].split_whitespace().take(2).collect();
    let name = words.join(" ");
    name.trim_end_matches([')', ','])
        .chars()
        .filter(|c| !c.is_control())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(version: &str) -> Identity {
        Identity {
            system_identifier: None,
            timeline: None,
            host: "h".to_owned(),
            port: 1,
            database: "d".to_owned(),
            database_oid: None,
            server_version_num: None,
            version: version.to_owned(),
            in_recovery: false,
        }
    }

    #[test]
    fn a_db9_is_named_as_such() {
        let postgresql = identity("PostgreSQL 15.8 (Debian 15.8-0+deb12u1) on x86_64");
        assert_eq!(server(&postgresql), "PostgreSQL 15.8");
        let db9 = identity("PostgreSQL 15.0 (db9-server 0.9.0) compatible");
        assert_eq!(server(&db9), "db9-server 0.9.0");
        assert_eq!(server(&identity("")), "");
    }
}
