//! The plan of a run: pairs, targets with their baselines, chunks with their bounds.

use std::collections::BTreeMap;

use crate::catalog::TableName;
use crate::plan::Bounds;
use crate::sql::literal;
use crate::wire::Reply;

use super::batch::{Batch, all_batches, end, read_batches};
use super::error::{Error, Result};
use super::owner::Owner;
use super::state::TargetState;
use super::store::{Ended, Ledger, Statement};

/// Rows of one INSERT: statements stay far below any limit on their length.
const ROWS_PER_INSERT: usize = 500;

/// A source table and the number of the target table that takes its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairRow {
    /// Name in the source.
    pub source: TableName,
    /// Index into the targets.
    pub target: usize,
}

/// A target table and what held before the run's first batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetRow {
    /// Name in the target.
    pub name: TableName,
    /// Rows before the run; `None`: it is still to be truncated, and no batch was loaded.
    pub baseline: Option<u64>,
    /// Whether the run truncates or truncated it.
    pub truncated: bool,
    /// What the ledger's batches say of it.
    pub state: TargetState,
}

/// What a new run enters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanRows {
    /// By pair number.
    pub pairs: Vec<PairRow>,
    /// By target number.
    pub targets: Vec<TargetRow>,
    /// Pair number, chunk number, bounds, estimated bytes.
    pub chunks: Vec<(usize, u32, Bounds, u64)>,
}

/// What the ledger knows of a run's plan and progress.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// The plan as it was entered.
    pub plan: PlanRows,
    /// Finished batches in order, by pair and chunk.
    pub batches: BTreeMap<(usize, u32), Vec<Batch>>,
}

impl Progress {
    /// Whether all of a chunk is committed.
    pub fn is_finished(&self, pair: usize, chunk: u32) -> bool {
        self.batches
            .get(&(pair, chunk))
            .is_some_and(|b| b.last().is_some_and(|b| b.last))
    }

    /// Rows committed into a target.
    pub fn loaded(&self, target: usize) -> u64 {
        let batches = self.of_target(target);
        batches.fold(0, |sum: u64, batch| sum.saturating_add(batch.digest.rows))
    }

    fn of_target(&self, target: usize) -> impl Iterator<Item = &Batch> {
        let has = move |pair: usize| {
            let pair = self.plan.pairs.get(pair);
            pair.is_some_and(|pair| pair.target == target)
        };
        let batches = self.batches.iter();
        let batches = batches.filter(move |((pair, _), _)| has(*pair));
        batches.flat_map(|(_, batches)| batches)
    }
}

impl PlanRows {
    /// How many chunks each pair has.
    pub fn chunk_counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.pairs.len()];
        for (pair, ..) in &self.chunks {
            if let Some(count) = counts.get_mut(*pair) {
                *count += 1;
            }
        }
        counts
    }

    pub(super) fn statements(&self, run: &str) -> Vec<Statement> {
        let run = literal(run);
        let pairs = self.pairs.iter().enumerate().map(|(i, p)| {
            let (schema, name) = (literal(&p.source.schema), literal(&p.source.name));
            format!("({run}, {i}, {schema}, {name}, {})", p.target)
        });
        let targets = self.targets.iter().enumerate().map(|(i, t)| {
            let (schema, name) = (literal(&t.name.schema), literal(&t.name.name));
            let baseline = t
                .baseline
                .map_or_else(|| "NULL".to_owned(), |n| n.to_string());
            format!(
                "({run}, {i}, {schema}, {name}, {baseline}, {}, '{}')",
                u8::from(t.truncated),
                t.state.name()
            )
        });
        let chunks = self.chunks.iter().map(|(pair, number, bounds, bytes)| {
            let bounds = serde_json::to_string(bounds).expect("bounds are JSON");
            format!("({run}, {pair}, {number}, {}, {bytes})", literal(&bounds))
        });
        let mut statements = inserts(
            "pair (run, pair, source_schema, source_name, target)",
            pairs,
        );
        statements.extend(inserts(
            "target (run, target, schema_name, table_name, baseline, truncated, state)",
            targets,
        ));
        statements.extend(inserts("chunk (run, pair, chunk, bounds, bytes)", chunks));
        statements
    }
}

fn inserts(into: &str, rows: impl Iterator<Item = String>) -> Vec<Statement> {
    let rows: Vec<String> = rows.collect();
    rows.chunks(ROWS_PER_INSERT)
        .map(|rows| {
            Statement::new(format!(
                "INSERT INTO wire9.{into} VALUES {}",
                rows.join(", ")
            ))
        })
        .collect()
}

impl Ledger {
    /// Empties a target table of a run that `owner` owns, by TRUNCATE or, where a foreign key or a
    /// missing right forbids that, by DELETE; its baseline is 0 from now on. One transaction, which no longer owner can
    /// commit: a TRUNCATE that comes late would take rows away that were loaded since.
    ///
    /// # Errors
    /// `TakenOver`, the target's refusal, or its loss.
    pub async fn empty(
        &mut self,
        run: &str,
        owner: &Owner,
        target: (usize, &TableName),
    ) -> Result<()> {
        const DOING: &str = "emptying a target table";
        let (number, name) = (target.0, target.1.quoted());
        let run = literal(run);
        let fence = format!(
            "UPDATE wire9.run SET beat = beat + 1 WHERE run = {run} AND token = {}",
            literal(&owner.token)
        );
        let record = format!(
            "UPDATE wire9.target SET baseline = 0, truncated = 1 WHERE run = {run} AND target = {number}"
        );
        let mut ended = Ok(Ended::Unmet(0));
        let truncate = vec![Statement::long(format!("TRUNCATE TABLE {name}"))];
        let delete = vec![
            Statement::lift_scan_limit(),
            Statement::long(format!("DELETE FROM {name}")),
        ];
        for emptying in [truncate, delete] {
            let mut statements = vec![Statement::must(fence.clone(), "UPDATE 1")];
            statements.extend(emptying);
            statements.push(Statement::must(record.clone(), "UPDATE 1"));
            // Done twice is done once, as long as nothing is loaded: the owner waits for it.
            ended = self
                .transact(DOING, &statements, "SELECT 1 WHERE false")
                .await;
            match &ended {
                // A foreign key refers to it; or there is a right to DELETE alone.
                Err(Error::Wire { source, .. })
                    if matches!(source.code(), Some("0A000" | "42501")) => {}
                _ => break,
            }
        }
        match ended? {
            Ended::Committed => Ok(()),
            Ended::Unmet(_) => Err(Error::TakenOver {
                owner: "another one".to_owned(),
            }),
        }
    }

    /// Plan and progress of a run.
    ///
    /// # Errors
    /// The target's loss, or `Unreadable`.
    pub async fn progress(&mut self, run: &str) -> Result<Progress> {
        const DOING: &str = "reading the run's plan";
        let id = literal(run);
        let sql = format!(
            "SELECT pair, source_schema, source_name, target FROM wire9.pair WHERE run = {id} \
             ORDER BY pair"
        );
        let pairs = rows(&self.read(DOING, &sql).await?, "wire9.pair", read_pair)?;
        let sql = format!(
            "SELECT target, schema_name, table_name, baseline, truncated, state FROM wire9.target \
             WHERE run = {id} ORDER BY target"
        );
        let targets = rows(&self.read(DOING, &sql).await?, "wire9.target", read_target)?;
        let sql = format!(
            "SELECT pair, chunk, bounds, bytes FROM wire9.chunk WHERE run = {id} ORDER BY pair, chunk"
        );
        let chunks = rows(&self.read(DOING, &sql).await?, "wire9.chunk", read_chunk)?;
        let reply = self
            .read("reading the finished batches", &all_batches(run))
            .await?;
        let mut batches: BTreeMap<(usize, u32), Vec<Batch>> = BTreeMap::new();
        for (pair, chunk, batch) in read_batches(&reply)? {
            batches.entry((pair, chunk)).or_default().push(batch);
        }
        let progress = Progress {
            plan: PlanRows {
                pairs: numbered(pairs, "wire9.pair")?,
                targets: numbered(targets, "wire9.target")?,
                chunks,
            },
            batches,
        };
        tiles(&progress)?;
        Ok(progress)
    }
}

pub(super) type Texts = [Option<String>];

fn rows<T>(reply: &Reply, table: &str, read: impl Fn(&Texts) -> Option<T>) -> Result<Vec<T>> {
    let unreadable = || Error::Unreadable {
        what: format!("a row of {table}"),
    };
    reply
        .rows
        .iter()
        .map(|row| read(row).ok_or_else(unreadable))
        .collect()
}

fn text(row: &Texts, i: usize) -> Option<&str> {
    row.get(i)?.as_deref()
}

fn number<T: std::str::FromStr>(row: &Texts, i: usize) -> Option<T> {
    text(row, i)?.parse().ok()
}

fn name(row: &Texts, i: usize) -> Option<TableName> {
    Some(TableName::new(text(row, i)?, text(row, i + 1)?))
}

pub(super) fn read_pair(row: &Texts) -> Option<(usize, PairRow)> {
    Some((
        number(row, 0)?,
        PairRow {
            source: name(row, 1)?,
            target: number(row, 3)?,
        },
    ))
}

pub(super) fn read_target(row: &Texts) -> Option<(usize, TargetRow)> {
    let baseline = match row.get(3)? {
        None => None,
        Some(n) => Some(n.parse().ok()?),
    };
    let truncated = number::<u8>(row, 4)? != 0;
    Some((
        number(row, 0)?,
        TargetRow {
            name: name(row, 1)?,
            baseline,
            truncated,
            state: TargetState::from_name(text(row, 5)?)?,
        },
    ))
}

pub(super) fn read_chunk(row: &Texts) -> Option<(usize, u32, Bounds, u64)> {
    let bounds = serde_json::from_str(text(row, 2)?).ok()?;
    Some((number(row, 0)?, number(row, 1)?, bounds, number(row, 3)?))
}

/// Rows numbered from 0 without a gap.
fn numbered<T>(rows: Vec<(usize, T)>, table: &str) -> Result<Vec<T>> {
    if rows.iter().enumerate().any(|(i, (number, _))| i != *number) {
        return Err(Error::Unreadable {
            what: format!("{table}: its numbers have gaps"),
        });
    }
    Ok(rows.into_iter().map(|(_, row)| row).collect())
}

/// The batches of a chunk must follow each other without gap or overlap, and nothing after the last.
pub(super) fn tiles(progress: &Progress) -> Result<()> {
    for ((pair, chunk), batches) in &progress.batches {
        if end(batches).is_none() {
            let what = format!("wire9.batch: the batches of pair {pair}, chunk {chunk} have a gap");
            return Err(Error::Unreadable { what });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::copytext::Digest;

    fn batch(first_row: u64, rows: u64, last: bool) -> Batch {
        Batch {
            first_row,
            digest: Digest { rows, sum: 1 },
            rejected: Digest::default(),
            files: (0, 0),
            read_bytes: 0,
            sent_bytes: 0,
            changed: Vec::new(),
            last,
        }
    }

    fn progress(batches: Vec<Batch>) -> Progress {
        let pairs = vec![PairRow {
            source: TableName::new("a", "b"),
            target: 0,
        }];
        let plan = PlanRows {
            pairs,
            ..PlanRows::default()
        };
        Progress {
            plan,
            batches: BTreeMap::from([((0, 0), batches)]),
        }
    }

    #[test]
    fn batches_must_tile_their_chunk() {
        assert!(tiles(&progress(vec![batch(0, 5, false), batch(5, 0, true)])).is_ok());
        assert!(
            tiles(&progress(vec![batch(0, 5, false), batch(6, 1, true)])).is_err(),
            "gap"
        );
        assert!(
            tiles(&progress(vec![batch(0, 5, false), batch(4, 2, true)])).is_err(),
            "overlap"
        );
        assert!(
            tiles(&progress(vec![batch(0, 5, true), batch(5, 2, false)])).is_err(),
            "after end"
        );
        assert!(
            tiles(&progress(vec![batch(3, 5, true)])).is_err(),
            "begins late"
        );
    }

    #[test]
    fn a_chunk_is_finished_only_when_its_last_batch_says_so() {
        assert!(!progress(vec![batch(0, 5, false)]).is_finished(0, 0));
        assert!(progress(vec![batch(0, 5, false), batch(5, 0, true)]).is_finished(0, 0));
        assert!(!progress(vec![]).is_finished(0, 0));
        assert_eq!(
            progress(vec![batch(0, 5, false), batch(5, 3, true)]).loaded(0),
            8
        );
    }

    #[test]
    fn names_and_bounds_are_quoted_in_the_plan() {
        let plan = PlanRows {
            pairs: vec![PairRow {
                source: TableName::new("it's", "t"),
                target: 0,
            }],
            targets: vec![TargetRow {
                name: TableName::new("s", "t"),
                baseline: None,
                truncated: true,
                state: TargetState::Loading,
            }],
            chunks: vec![(
                0,
                0,
                Bounds::Pages {
                    from: None,
                    to: Some(9),
                },
                77,
            )],
        };
        let statements: Vec<String> = plan.statements("r").into_iter().map(|s| s.sql).collect();
        assert!(
            statements[0].ends_with("VALUES ('r', 0, 'it''s', 't', 0)"),
            "{statements:?}"
        );
        assert!(
            statements[1].ends_with("VALUES ('r', 0, 's', 't', NULL, 1, 'loading')"),
            "{statements:?}"
        );
        assert!(
            statements[2].ends_with("('r', 0, 0, '{\"pages\":{\"from\":null,\"to\":9}}', 77)"),
            "{statements:?}"
        );
    }
}
