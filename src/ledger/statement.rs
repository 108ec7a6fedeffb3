//! The statements of the target's DDL that a run has applied: one row each, written by the transaction
//! of the statement itself.
//!
//! Where the target commits DDL at once, the two may disagree after a crash: the object is there and
//! its row is not. Then the object is looked up and recognised, and its row is written afterwards.

use std::collections::BTreeMap;

use crate::copytext::Digest;
use crate::sql::{literal, qualified};
use crate::wire::Reply;

use super::error::{Error, Result};
use super::owner::Owner;
use super::store::{Ended, Ledger, Statement};

const TABLE: &str = "CREATE TABLE IF NOT EXISTS wire9.statement (run text NOT NULL, \
                     object text NOT NULL, digest text NOT NULL, state text NOT NULL, \
                     PRIMARY KEY (run, object))";

/// How a statement came to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Made {
    /// Its transaction wrote the row.
    Applied,
    /// The object was there already, from a process that died before it wrote the row.
    Recognised,
}

impl Made {
    fn name(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Recognised => "recognised",
        }
    }
}

/// The fingerprint of a statement: a run that continues knows by it whether it is still the same.
pub fn statement_digest(sql: &str) -> String {
    let mut digest = Digest::default();
    digest.add_row(sql.as_bytes());
    format!("{:032x}", digest.sum)
}

/// Records a statement: must answer `INSERT 0 1`; `INSERT 0 0` says that another process owns the run.
/// A second record of the same statement collides with the first.
pub fn record_statement(
    (run, owner): (&str, &Owner),
    (object, sql): (&str, &str),
    made: Made,
) -> String {
    format!(
        "INSERT INTO wire9.statement (run, object, digest, state) SELECT run, {}, {}, {} \
         FROM wire9.run WHERE run = {} AND token = {}",
        literal(object),
        literal(&statement_digest(sql)),
        literal(made.name()),
        literal(run),
        literal(&owner.token),
    )
}

impl Ledger {
    /// Creates the table of statements where it is not.
    ///
    /// # Errors
    /// The target's refusal, or its loss.
    pub async fn create_statements(&mut self) -> Result<()> {
        self.create().await?;
        if !self.has_statements().await? {
            self.read("creating its table of statements", TABLE).await?;
        }
        Ok(())
    }

    pub(super) async fn has_statements(&mut self) -> Result<bool> {
        let sql = "SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n \
                   ON n.oid = c.relnamespace WHERE n.nspname = 'wire9' AND c.relname = 'statement'";
        Ok(!self
            .read("looking for its tables", sql)
            .await?
            .rows
            .is_empty())
    }

    /// What a run has applied: objects, and the digests of their statements.
    ///
    /// # Errors
    /// The target's loss, or `Unreadable`.
    pub async fn statements(&mut self, run: &str) -> Result<BTreeMap<String, String>> {
        if !self.has_statements().await? {
            return Ok(BTreeMap::new());
        }
        let sql = format!(
            "SELECT object, digest FROM wire9.statement WHERE run = {}",
            literal(run)
        );
        let reply = self.read("reading the applied statements", &sql).await?;
        read_statements(&reply)
    }

    /// Drops an object that a statement of the run has made, and forgets that statement, in one
    /// transaction; `drop` must be a statement that may be repeated.
    ///
    /// # Errors
    /// `TakenOver`, the target's refusal, or its loss.
    pub async fn drop_object(
        &mut self,
        (run, owner): (&str, &Owner),
        (object, drop): (&str, &str),
    ) -> Result<()> {
        let forget = format!(
            "DELETE FROM wire9.statement WHERE run = {} AND object = {}",
            literal(run),
            literal(object)
        );
        let gone = format!("SELECT 1 WHERE NOT EXISTS ({})", look_up(run, object));
        let statements = [
            fence(run, owner),
            Statement::long(drop),
            Statement::new(forget),
        ];
        self.owned("dropping an object", &statements, &gone).await
    }

    /// Forgets all statements of a run.
    ///
    /// # Errors
    /// `TakenOver`, or the target's loss.
    pub async fn forget_statements(&mut self, run: &str, owner: &Owner) -> Result<()> {
        let id = literal(run);
        let forget = format!("DELETE FROM wire9.statement WHERE run = {id}");
        let gone =
            format!("SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM wire9.statement WHERE run = {id})");
        let statements = [
            fence(run, owner),
            Statement::lift_scan_limit(),
            Statement::new(forget),
        ];
        self.owned("forgetting the statements", &statements, &gone)
            .await
    }

    /// A transaction that only the owner of a run may commit.
    async fn owned(
        &mut self,
        doing: &'static str,
        statements: &[Statement],
        applied: &str,
    ) -> Result<()> {
        match self.transact(doing, statements, applied).await? {
            Ended::Committed => Ok(()),
            Ended::Unmet(_) => Err(Error::TakenOver {
                owner: "another one".to_owned(),
            }),
        }
    }

    /// Whether a table of the target holds any row; one that is not there holds none.
    ///
    /// # Errors
    /// The target's refusal, or its loss.
    pub async fn holds_rows(&mut self, schema: &str, name: &str) -> Result<bool> {
        let sql = format!("SELECT 1 FROM {} LIMIT 1", qualified(schema, name));
        match self.read("looking for rows", &sql).await {
            Ok(reply) => Ok(!reply.rows.is_empty()),
            Err(Error::Wire { source, .. }) if matches!(source.code(), Some("42P01" | "3F000")) => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether a statement's row is there.
    ///
    /// # Errors
    /// The target's loss.
    pub async fn has_statement(&mut self, run: &str, object: &str) -> Result<bool> {
        let sql = look_up(run, object);
        let found = self.read("looking for a statement", &sql);
        Ok(!found.await?.rows.is_empty())
    }

    /// Records a statement outside of its own transaction.
    ///
    /// # Errors
    /// `TakenOver`, or the target's loss.
    pub async fn record_statement(
        &mut self,
        (run, owner): (&str, &Owner),
        (object, sql): (&str, &str),
        made: Made,
    ) -> Result<()> {
        let record = record_statement((run, owner), (object, sql), made);
        let statements = [Statement::must(record, "INSERT 0 1")];
        let doing = "recording a statement";
        match self
            .transact(doing, &statements, &look_up(run, object))
            .await?
        {
            Ended::Committed => Ok(()),
            Ended::Unmet(_) => Err(Error::TakenOver {
                owner: "another one".to_owned(),
            }),
        }
    }
}

/// Fails for who is not the run's owner any more.
fn fence(run: &str, owner: &Owner) -> Statement {
    let (run, token) = (literal(run), literal(&owner.token));
    Statement::must(
        format!("UPDATE wire9.run SET beat = beat + 1 WHERE run = {run} AND token = {token}"),
        "UPDATE 1",
    )
}

fn look_up(run: &str, object: &str) -> String {
    format!(
        "SELECT 1 FROM wire9.statement WHERE run = {} AND object = {}",
        literal(run),
        literal(object)
    )
}

fn read_statements(reply: &Reply) -> Result<BTreeMap<String, String>> {
    let read = |row: &Vec<Option<String>>| {
        let text = |i: usize| row.get(i).cloned().flatten();
        Some((text(0)?, text(1)?))
    };
    let rows: Option<BTreeMap<String, String>> = reply.rows.iter().map(read).collect();
    rows.ok_or_else(|| Error::Unreadable {
        what: "a row of wire9.statement".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_and_the_owner_is_a_condition() {
        let owner = Owner {
            token: "t1".to_owned(),
            ..Owner::this_process()
        };
        let sql = record_statement(
            ("r1", &owner),
            ("table public.\"it's\"", "CREATE TABLE"),
            Made::Applied,
        );
        assert!(
            sql.contains("SELECT run, 'table public.\"it''s\"', '"),
            "{sql}"
        );
        assert!(sql.ends_with("WHERE run = 'r1' AND token = 't1'"), "{sql}");
    }

    #[test]
    fn another_statement_has_another_digest() {
        let digest = statement_digest("CREATE TABLE a ()");
        assert_eq!(digest.len(), 32);
        assert_eq!(digest, statement_digest("CREATE TABLE a ()"));
        assert_ne!(digest, statement_digest("CREATE TABLE b ()"));
    }
}
