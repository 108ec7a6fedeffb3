//! Repairs: transactions that change rows of target tables until they equal the source's, one row of
//! `wire9.repair` each.
//!
//! ```text
//! BEGIN; UPDATE wire9.lane … WHERE token = mine; INSERT INTO wire9.repair …;
//!        DELETE …; UPDATE …; COPY …; COMMIT
//! ```
//! The lane's row comes first: a transaction whose COMMIT is still on its way holds it, so the next one waits
//! for its end, and a process that took the run over has given it another token. The repair's key comes second:
//! whoever does again what was committed already collides there, before a row of the table is touched.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use crate::sql::literal;

use super::batch::{Batch, Key, Sums, lane_step, record};
use super::error::{Error, Result};
use super::owner::Owner;
use super::state::TargetState;
use super::store::{Ended, Ledger, Statement};

/// The row of `wire9.lane` by which a repair shows that the run is still its own.
#[derive(Debug, Clone)]
pub struct Fence {
    /// The run's UUID.
    pub run: String,
    /// Number of the lane.
    pub lane: usize,
    /// Its token.
    pub token: String,
}

/// Rows that a repair changes, or has changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Changes {
    /// Rows taken away.
    pub deleted: u64,
    /// Rows added.
    pub inserted: u64,
    /// Rows whose values were replaced, under the same key.
    pub replaced: u64,
}

impl Changes {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// All of them.
    pub fn total(&self) -> u64 {
        self.deleted + self.inserted + self.replaced
    }
}

impl AddAssign for Changes {
    fn add_assign(&mut self, other: Self) {
        self.deleted += other.deleted;
        self.inserted += other.inserted;
        self.replaced += other.replaced;
    }
}

/// A statement of a repair, and the tag that proves that it did what it was meant to.
pub enum Edit {
    /// DELETE or UPDATE.
    Statement {
        /// The statement.
        sql: String,
        /// `DELETE 3`
        tag: String,
    },
    /// COPY FROM STDIN.
    Copy {
        /// The statement.
        sql: String,
        /// Whole rows of COPY text.
        rows: Vec<u8>,
        /// `COPY 3`
        tag: String,
    },
}

// Statements hold row values: they are never printed.
impl std::fmt::Debug for Edit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Statement { tag, .. } | Self::Copy { tag, .. } => write!(f, "Edit({tag})"),
        }
    }
}

/// One transaction of a repair.
#[derive(Debug)]
pub struct Repair<'a> {
    /// Whose it is.
    pub fence: &'a Fence,
    /// Number of the target table in the run.
    pub target: usize,
    /// Number of the transaction within the repairs of this table, each used once.
    pub batch: u64,
    /// What it changes.
    pub changes: Changes,
    /// How.
    pub edits: Vec<Edit>,
}

/// What a run has repaired of a table so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Repaired {
    /// Rows, over all transactions.
    pub changes: Changes,
    /// The next transaction's number.
    pub next: u64,
}

impl Ledger {
    /// Commits one transaction of a repair, exactly once. `false`: a statement met another number of rows
    /// than were read a moment ago, and nothing was changed.
    ///
    /// # Errors
    /// `TakenOver`, the target's refusal, or its loss.
    pub async fn repair(&mut self, repair: Repair<'_>) -> Result<bool> {
        let Repair { fence, target, .. } = repair;
        let (run, batch) = (literal(&fence.run), repair.batch);
        let step = lane_step(&fence.run, fence.lane, &fence.token);
        let Changes {
            deleted,
            inserted,
            replaced,
        } = repair.changes;
        let note = format!(
            "INSERT INTO wire9.repair (run, target, batch, deleted, inserted, replaced) \
             VALUES ({run}, {target}, {batch}, {deleted}, {inserted}, {replaced})"
        );
        let mut statements = vec![
            Statement::must(step, "UPDATE 1"),
            Statement::must(note, "INSERT 0 1"),
            Statement::lift_scan_limit(),
        ];
        statements.extend(repair.edits.into_iter().map(Edit::statement));
        let applied = format!(
            "SELECT 1 FROM wire9.repair WHERE run = {run} AND target = {target} AND batch = {batch}"
        );
        let ended = self.transact("repairing a target table", &statements, &applied);
        match ended.await? {
            Ended::Committed => Ok(true),
            Ended::Unmet(0) => Err(taken_over()),
            Ended::Unmet(_) => Ok(false),
        }
    }

    /// What a run has repaired so far, by target number.
    ///
    /// # Errors
    /// The target's loss, or `Unreadable`.
    pub async fn repaired(&mut self, run: &str) -> Result<BTreeMap<usize, Repaired>> {
        let sql = format!(
            "SELECT target, sum(deleted), sum(inserted), sum(replaced), max(batch) + 1 \
             FROM wire9.repair WHERE run = {} GROUP BY target",
            literal(run)
        );
        let reply = self.read("reading what was repaired", &sql).await?;
        let read = |row: &Vec<Option<String>>| {
            let number = |i: usize| row.get(i)?.as_deref()?.parse::<u64>().ok();
            let changes = Changes {
                deleted: number(1)?,
                inserted: number(2)?,
                replaced: number(3)?,
            };
            let next = number(4)?;
            let target = usize::try_from(number(0)?).ok()?;
            Some((target, Repaired { changes, next }))
        };
        let repaired: Option<_> = reply.rows.iter().map(read).collect();
        repaired.ok_or_else(|| Error::Unreadable {
            what: "a row of wire9.repair".to_owned(),
        })
    }

    /// From now on the batches of a target table say nothing of it: it is being reconciled.
    ///
    /// # Errors
    /// `TakenOver`, or the target's loss.
    pub async fn reconciling(&mut self, run: &str, owner: &Owner, target: usize) -> Result<()> {
        self.settle(run, owner, (target, TargetState::Reconciling), Vec::new())
            .await
    }

    /// A target table holds a later snapshot's rows of the chunks that were begun: chunks get the batch that
    /// describes them, or none where nothing of them is there any more.
    ///
    /// # Errors
    /// `TakenOver`, or the target's loss.
    pub async fn reconciled(
        &mut self,
        run: &str,
        owner: &Owner,
        target: usize,
        chunks: &[(Key, Option<(Batch, Sums)>)],
    ) -> Result<()> {
        let mut statements = vec![Statement::lift_scan_limit()];
        for (key, batch) in chunks {
            statements.push(Statement::new(format!(
                "DELETE FROM wire9.batch WHERE run = {} AND pair = {} AND chunk = {}",
                literal(&key.run),
                key.pair,
                key.chunk
            )));
            statements.extend(
                batch
                    .iter()
                    .map(|(batch, sums)| Statement::new(record(key, batch, sums))),
            );
        }
        self.settle(run, owner, (target, TargetState::Reconciled), statements)
            .await
    }

    /// One transaction of the run's owner, which leaves a target table in a new state.
    async fn settle(
        &mut self,
        run: &str,
        owner: &Owner,
        (target, state): (usize, TargetState),
        more: Vec<Statement>,
    ) -> Result<()> {
        let (run, state) = (literal(run), state.name());
        let mut statements = vec![Statement::must(
            format!(
                "UPDATE wire9.run SET beat = beat + 1, beat_at = now() WHERE run = {run} AND token = {}",
                literal(&owner.token)
            ),
            "UPDATE 1",
        )];
        statements.extend(more);
        let set = format!(
            "UPDATE wire9.target SET state = '{state}' WHERE run = {run} AND target = {target}"
        );
        statements.push(Statement::must(set, "UPDATE 1"));
        let applied = format!(
            "SELECT 1 FROM wire9.target WHERE run = {run} AND target = {target} AND state = '{state}'"
        );
        let ended = self.transact("updating what is known of a table", &statements, &applied);
        match ended.await? {
            Ended::Committed => Ok(()),
            Ended::Unmet(_) => Err(taken_over()),
        }
    }

    /// The finished runs of a source know that a target table is not what they left any more.
    ///
    /// # Errors
    /// The target's loss.
    pub async fn not_as_left(
        &mut self,
        source: &str,
        table: &crate::catalog::TableName,
    ) -> Result<()> {
        let sql = format!(
            "UPDATE wire9.target SET state = '{}' WHERE schema_name = {} AND table_name = {} AND run IN \
             (SELECT run FROM wire9.run WHERE source = {} AND state = 'done')",
            TargetState::Repaired.name(),
            literal(&table.schema),
            literal(&table.name),
            literal(source),
        );
        self.read("updating what is known of a table", &sql).await?;
        Ok(())
    }
}

impl Edit {
    fn statement(self) -> Statement {
        match self {
            Self::Statement { sql, tag } => Statement::on_user_table(sql, tag),
            Self::Copy { sql, rows, tag } => Statement::copy(sql, rows, tag),
        }
    }
}

fn taken_over() -> Error {
    Error::TakenOver {
        owner: "another one".to_owned(),
    }
}
