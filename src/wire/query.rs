//! Simple queries.

use std::ops::ControlFlow;

use super::connect::Connection;
use super::error::Result;

/// CommandComplete's tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandTag(pub(super) String);

impl CommandTag {
    /// The whole tag, `INSERT 0 5`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last number of the tag, where there is one.
    pub fn rows(&self) -> Option<u64> {
        todo!()
    }
}

/// One row in text format, borrowed from the receive buffer.
pub struct Row<'a>(std::marker::PhantomData<&'a ()>);

impl Row<'_> {
    /// The text of a column; `None` is NULL.
    pub fn get(&self, column: usize) -> Option<&str> {
        let _ = column;
        todo!()
    }
}

/// The answer to one statement, collected.
#[derive(Clone)]
pub struct Reply {
    /// Rows of text values; empty where the statement returns none.
    pub rows: Vec<Vec<Option<String>>>,
    /// The command's tag.
    pub tag: CommandTag,
}

impl Reply {
    /// A column of the first row; `None` where there is no row or the value is NULL.
    pub fn value(&self, column: usize) -> Option<&str> {
        self.rows.first()?.get(column)?.as_deref()
    }
}

impl Connection {
    /// Runs statements in one simple Query; the reply of the last one.
    ///
    /// # Errors
    /// The first ErrorResponse, after ReadyForQuery was read (the connection stays usable), or the
    /// loss of the connection.
    pub async fn query(&mut self, sql: &str) -> Result<Reply> {
        let _ = sql;
        todo!()
    }

    /// As `query`, with the reply of every statement.
    pub async fn query_all(&mut self, sql: &str) -> Result<Vec<Reply>> {
        let _ = sql;
        todo!()
    }

    /// Runs one statement and shows each row as it arrives, without collecting them. A `Break` closes
    /// the connection.
    pub async fn query_each(
        &mut self,
        sql: &str,
        row: impl FnMut(Row<'_>) -> ControlFlow<()>,
    ) -> Result<CommandTag> {
        let _ = (sql, row);
        todo!()
    }
}
