//! Rows of the catalogs, read as they stream by.

use std::ops::ControlFlow;

use crate::catalog::TableName;
use crate::endpoint::error::{Doing as _, Error, Result};
use crate::wire::{self, Connection, Row, ServerError, TransactionStatus};

/// One row, and how to read it.
pub(super) struct Fields<'a> {
    row: &'a Row<'a>,
}

/// A column that does not hold what was asked for.
pub(super) struct Unreadable(usize);

/// A result of reading one row.
pub(super) type Read<T = ()> = std::result::Result<T, Unreadable>;

impl Fields<'_> {
    /// Text; an error where it is NULL.
    pub(super) fn text(&self, column: usize) -> Read<String> {
        let text = self.optional(column);
        text.map(str::to_owned).ok_or(Unreadable(column))
    }

    /// Text, or NULL.
    pub(super) fn optional(&self, column: usize) -> Option<&str> {
        self.row.get(column)
    }

    /// A number; an error where it is NULL or none.
    pub(super) fn number<N: std::str::FromStr>(&self, column: usize) -> Read<N> {
        let number = self.optional(column).and_then(|text| text.parse().ok());
        number.ok_or(Unreadable(column))
    }

    /// A boolean; NULL is false.
    pub(super) fn truth(&self, column: usize) -> bool {
        self.optional(column) == Some("t")
    }

    /// A name of two parts: the schema and, in the column after it, the object.
    pub(super) fn name(&self, column: usize) -> Read<TableName> {
        Ok(TableName::new(self.text(column)?, self.text(column + 1)?))
    }

    /// As `name`; `None` where the object is NULL.
    pub(super) fn optional_name(&self, column: usize) -> Option<TableName> {
        self.name(column).ok()
    }

    /// Text as a value of its own, or NULL.
    pub(super) fn owned(&self, column: usize) -> Option<String> {
        self.optional(column).map(str::to_owned)
    }

    /// The first character of a text; NULL and an empty text are a space.
    pub(super) fn letter(&self, column: usize) -> char {
        let text = self.optional(column).unwrap_or_default();
        text.chars().next().unwrap_or(' ')
    }

    /// A JSON array of texts; NULL is none.
    pub(super) fn list(&self, column: usize) -> Read<Vec<String>> {
        let json = self.optional(column).unwrap_or("[]");
        serde_json::from_str(json).map_err(|_| Unreadable(column))
    }

    /// Numbers separated by spaces; NULL is none.
    pub(super) fn numbers<N: std::str::FromStr>(&self, column: usize) -> Read<Vec<N>> {
        let words = self.optional(column).unwrap_or_default().split_whitespace();
        words
            .map(|word| word.parse().map_err(|_| Unreadable(column)))
            .collect()
    }
}

/// Runs a query and reads each row as it arrives.
///
/// The rows after one that can not be read are passed over, so that the connection stays usable.
pub(super) async fn each(
    connection: &mut Connection,
    doing: &str,
    sql: &str,
    mut read: impl FnMut(Fields<'_>) -> Read,
) -> Result<()> {
    let mut unreadable = None;
    let row = |row: Row<'_>| {
        if unreadable.is_none() {
            unreadable = read(Fields { row: &row }).err();
        }
        ControlFlow::Continue(())
    };
    connection.query_each(sql, row).await.doing(doing)?;
    match unreadable {
        None => Ok(()),
        Some(Unreadable(column)) => Err(Error::unexpected(format!(
            "{doing}: column {} can not be read",
            column + 1
        ))),
    }
}

/// How long guarded statements wait for locks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience(u32);

impl Default for Patience {
    /// Whoever holds a lock for longer than 3 s keeps his object to himself.
    fn default() -> Self {
        Self(3_000)
    }
}

impl Patience {
    /// Once a lock was waited for in vain, there is no point in as long a wait for each object that is
    /// behind it.
    pub(super) fn after(&mut self, refusal: &ServerError) {
        if refusal.code == LOCK_NOT_AVAILABLE {
            self.0 = 100;
        }
    }
}

/// SQLSTATE of a lock that `lock_timeout` gave up.
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// Runs a statement that may be refused. A transaction survives a refusal, and keeps none of the locks
/// that the statement took: 20,000 do not fit.
pub(super) async fn guarded(
    connection: &mut Connection,
    what: &str,
    sql: &str,
    Patience(milliseconds): Patience,
    read: impl FnMut(Fields<'_>) -> Read,
) -> Result<std::result::Result<(), Box<ServerError>>> {
    let doing = format!("reading {what}");
    let within = connection.transaction_status() == TransactionStatus::InTransaction;
    if within {
        let begin = format!("SAVEPOINT wire9_reading; SET LOCAL lock_timeout = {milliseconds}");
        connection.query(&begin).await.doing(&doing)?;
    }
    let answer = match each(connection, &doing, sql, read).await {
        Ok(()) => Ok(()),
        Err(Error::Wire {
            source: wire::Error::Server(refusal),
            ..
        }) if connection.is_usable() && refusal.code != CANCELLED => Err(refusal),
        Err(error) => return Err(error),
    };
    if within {
        let end = "ROLLBACK TO SAVEPOINT wire9_reading; RELEASE SAVEPOINT wire9_reading";
        connection.query(end).await.doing(&doing)?;
    }
    Ok(answer)
}

/// SQLSTATE of a statement that a timeout or a person has ended: to go on would be no answer to that.
const CANCELLED: &str = "57014";
