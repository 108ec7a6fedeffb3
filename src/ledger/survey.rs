//! What a ledger holds, for people who ask; and its removal.

use std::collections::BTreeMap;

use crate::catalog::TableName;

use super::batch::REPLAY;
use super::error::{Error, Result};
use super::layout::Standing;
use super::run::{Run, TABLES};
use super::store::{Ledger, Statement};

/// How far a run is.
#[derive(Debug, Clone)]
pub struct Summary {
    /// The run.
    pub run: Run,
    /// When it began, in UTC: `2026-11-24 03:12:45`.
    pub began: String,
    /// Source tables of its plan.
    pub tables: u64,
    /// Those of which chunks are left, or that are being reconciled, by name.
    pub unfinished: Vec<TableName>,
    /// Chunks of its plan.
    pub chunks: u64,
    /// Chunks that are committed as a whole.
    pub chunks_finished: u64,
    /// Bytes of the source, as the plan estimated them.
    pub planned_bytes: u64,
    /// Bytes of COPY text read of committed batches.
    pub read_bytes: u64,
    /// Rows committed.
    pub rows: u64,
    /// Rows that were rejected and not loaded since.
    pub rejected: u64,
    /// Batches committed.
    pub batches: u64,
    /// Statements of the target's DDL that are applied.
    pub statements: u64,
}

/// How the removal ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    /// The ledger and its schema are gone.
    All,
    /// The ledger is gone; its schema holds something else and stays.
    SchemaStays,
    /// There was none.
    Nothing,
}

/// Per run and pair: a count.
type Counts = BTreeMap<(String, u64), u64>;

impl Ledger {
    /// All runs of the ledger, the newest first; `None` where there is no ledger.
    ///
    /// # Errors
    /// `Foreign`, `Version`, `Unreadable`, the target's loss.
    pub async fn survey(&mut self) -> Result<Option<Vec<Summary>>> {
        if self.standing().await? != Standing::Complete {
            return Ok(None);
        }
        let planned = self
            .counts("SELECT run, pair, count(*) FROM wire9.chunk GROUP BY run, pair")
            .await?;
        let finished = self
            .counts(&format!(
                "SELECT run, pair, count(*) FROM wire9.batch WHERE is_last = 1 \
                     AND chunk < {REPLAY} GROUP BY run, pair"
            ))
            .await?;
        let reconciling = self
            .counts(
                "SELECT run, pair, 1 FROM wire9.pair JOIN wire9.target USING (run, target) \
                 WHERE state = 'reconciling'",
            )
            .await?;
        let names = self.pair_names().await?;
        let applied = self.applied().await?;
        let mut summaries = Vec::new();
        for (run, began) in self.all_runs().await? {
            let mut summary = Summary {
                tables: of_run(&names, &run.run).count() as u64,
                unfinished: unfinished(&run.run, &names, (&planned, &finished), &reconciling),
                chunks: of_run(&planned, &run.run).map(|(_, n)| n).sum(),
                chunks_finished: of_run(&finished, &run.run).map(|(_, n)| n).sum(),
                planned_bytes: 0,
                read_bytes: 0,
                rows: 0,
                rejected: 0,
                batches: 0,
                statements: of_run(&applied, &run.run).map(|(_, n)| n).sum(),
                run,
                began,
            };
            self.sums(&mut summary).await?;
            summaries.push(summary);
        }
        Ok(Some(summaries))
    }

    async fn counts(&mut self, sql: &str) -> Result<Counts> {
        let reply = self.read("counting what is finished", sql).await?;
        let read = |row: &Vec<Option<String>>| {
            let text = |i: usize| row.get(i)?.as_deref();
            let key = (text(0)?.to_owned(), text(1)?.parse().ok()?);
            Some((key, text(2)?.parse().ok()?))
        };
        let counts: Option<Counts> = reply.rows.iter().map(read).collect();
        counts.ok_or_else(|| unreadable("a count of chunks"))
    }

    /// Statements that are applied, by run; copies have none, and their ledger may have no table for them.
    async fn applied(&mut self) -> Result<Counts> {
        if !self.has_statements().await? {
            return Ok(Counts::new());
        }
        self.counts("SELECT run, 0, count(*) FROM wire9.statement GROUP BY run")
            .await
    }

    async fn pair_names(&mut self) -> Result<BTreeMap<(String, u64), TableName>> {
        let sql = "SELECT run, pair, source_schema, source_name FROM wire9.pair";
        let reply = self.read("reading the tables of the runs", sql).await?;
        let read = |row: &Vec<Option<String>>| {
            let text = |i: usize| row.get(i)?.as_deref();
            let key = (text(0)?.to_owned(), text(1)?.parse().ok()?);
            Some((key, TableName::new(text(2)?, text(3)?)))
        };
        let names: Option<BTreeMap<_, _>> = reply.rows.iter().map(read).collect();
        names.ok_or_else(|| unreadable("a row of wire9.pair"))
    }

    async fn sums(&mut self, summary: &mut Summary) -> Result<()> {
        let run = crate::sql::literal(&summary.run.run);
        let sql = format!(
            "SELECT coalesce((SELECT sum(bytes) FROM wire9.chunk WHERE run = {run}), 0), \
             coalesce(sum(CASE WHEN chunk < {REPLAY} THEN read_bytes ELSE 0 END), 0), \
             coalesce(sum(row_count), 0), count(*), \
             coalesce(sum(CASE WHEN chunk < {REPLAY} THEN rejected ELSE -row_count END), 0) \
             FROM wire9.batch WHERE run = {run}"
        );
        let reply = self.read("summing up a run", &sql).await?;
        let number = |i: usize| reply.value(i).and_then(|n| n.parse::<u64>().ok());
        let sums = (number(0), number(1), number(2), number(3), number(4));
        let (Some(planned), Some(read), Some(rows), Some(batches), Some(rejected)) = sums else {
            return Err(unreadable("the sums of a run"));
        };
        (summary.planned_bytes, summary.read_bytes) = (planned, read);
        (summary.rows, summary.batches, summary.rejected) = (rows, batches, rejected);
        Ok(())
    }

    /// Drops the ledger's tables in one transaction, and its schema where nothing else is in it. What an
    /// old owner still has under way can not commit any more: its fences are gone.
    ///
    /// # Errors
    /// `Foreign`, the target's refusal, or its loss.
    pub async fn remove(&mut self) -> Result<Removed> {
        if self.standing().await? == Standing::Nothing {
            return Ok(Removed::Nothing);
        }
        let names = TABLES.iter().filter_map(|ddl| super::layout::name_of(ddl));
        let drops: Vec<Statement> = names
            .chain(["statement"])
            .map(|name| Statement::new(format!("DROP TABLE IF EXISTS wire9.{name}")))
            .collect();
        let gone = "SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM pg_catalog.pg_class c \
                    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
                    WHERE n.nspname = 'wire9' AND c.relname = 'run')";
        self.transact("dropping its tables", &drops, gone).await?;
        match self.read("dropping its schema", "DROP SCHEMA wire9").await {
            Ok(_) => Ok(Removed::All),
            // dependent_objects_still_exist; or the schema is somebody else's.
            Err(Error::Wire { source, .. }) if matches!(source.code(), Some("2BP01" | "42501")) => {
                Ok(Removed::SchemaStays)
            }
            Err(error) => Err(error),
        }
    }
}

fn unreadable(what: &str) -> Error {
    Error::Unreadable {
        what: what.to_owned(),
    }
}

fn of_run<'a, T>(
    map: &'a BTreeMap<(String, u64), T>,
    run: &str,
) -> impl Iterator<Item = (u64, &'a T)> {
    let run = run.to_owned();
    map.iter()
        .filter(move |((of, _), _)| *of == run)
        .map(|((_, pair), value)| (*pair, value))
}

fn unfinished(
    run: &str,
    names: &BTreeMap<(String, u64), TableName>,
    (planned, finished): (&Counts, &Counts),
    reconciling: &Counts,
) -> Vec<TableName> {
    let is_left = |pair: u64| {
        let key = (run.to_owned(), pair);
        let chunks = |of: &Counts| of.get(&key).copied().unwrap_or(0);
        chunks(planned) > chunks(finished) || reconciling.contains_key(&key)
    };
    of_run(names, run)
        .filter(|(pair, _)| is_left(*pair))
        .map(|(_, name)| name.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_unfinished_while_a_chunk_is_left() {
        let key = |pair| ("r".to_owned(), pair);
        let names = BTreeMap::from([
            (key(0), TableName::new("public", "done")),
            (key(1), TableName::new("public", "half")),
            (key(2), TableName::new("public", "new")),
            (
                ("other".to_owned(), 0),
                TableName::new("public", "elsewhere"),
            ),
        ]);
        let planned = Counts::from([
            (key(0), 2),
            (key(1), 2),
            (key(2), 1),
            (("other".to_owned(), 0), 9),
        ]);
        let finished = Counts::from([(key(0), 2), (key(1), 1)]);
        let left = |reconciling: &Counts| -> Vec<String> {
            let left = unfinished("r", &names, (&planned, &finished), reconciling);
            left.iter().map(ToString::to_string).collect()
        };
        assert_eq!(left(&Counts::new()), ["public.half", "public.new"]);
        let all = ["public.done", "public.half", "public.new"];
        assert_eq!(left(&Counts::from([(key(0), 1)])), all);
    }
}
