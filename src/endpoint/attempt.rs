//! Statements that may be refused: a refusal is an answer, the loss of the connection is not.

use super::error::{Doing as _, Error, Result};
use crate::wire::{self, Connection, Reply, ServerError, TransactionStatus};

/// Runs statements in one Query; `Ok(Err(_))` is the server's refusal.
pub(super) async fn attempt(
    connection: &mut Connection,
    sql: &str,
    doing: &str,
) -> Result<std::result::Result<Vec<Reply>, Box<ServerError>>> {
    match connection.query_all(sql).await {
        Ok(replies) => Ok(Ok(replies)),
        Err(wire::Error::Server(refusal)) if connection.is_usable() => Ok(Err(refusal)),
        Err(source) => Err(source).doing(doing),
    }
}

/// The first row of a query, read column by column.
pub(super) struct Answer<'a> {
    reply: &'a Reply,
    asked: &'static str,
}

impl<'a> Answer<'a> {
    /// `asked` says in words what was asked, for errors.
    pub(super) fn new(reply: &'a Reply, asked: &'static str) -> Self {
        Self { reply, asked }
    }

    /// The text of a column; `None` is NULL.
    pub(super) fn text(&self, column: usize) -> Option<&'a str> {
        self.reply.value(column)
    }

    /// The text of a column that is never NULL.
    pub(super) fn must(&self, column: usize) -> Result<&'a str> {
        self.text(column)
            .ok_or_else(|| self.unreadable(column, "is missing"))
    }

    /// A number; `None` is NULL.
    pub(super) fn number<N: std::str::FromStr>(&self, column: usize) -> Result<Option<N>> {
        match self.text(column) {
            None => Ok(None),
            Some(text) => match text.parse() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(self.unreadable(column, "is not a number in range")),
            },
        }
    }

    fn unreadable(&self, column: usize, why: &str) -> Error {
        Error::unexpected(format!("{}: column {} {why}", self.asked, column + 1))
    }
}

/// The last of the replies to a Query.
pub(super) fn last<'a>(replies: &'a [Reply], asked: &'static str) -> Result<&'a Reply> {
    replies
        .last()
        .ok_or_else(|| Error::unexpected(format!("{asked}: no reply")))
}

/// Ends a transaction without effect, whatever its state; does nothing outside one or on a
/// connection that can not be used any more.
pub(super) async fn leave(connection: &mut Connection) -> Result<()> {
    if connection.is_usable() && connection.transaction_status() != TransactionStatus::Idle {
        connection
            .query("ROLLBACK")
            .await
            .doing("rolling back a transaction")?;
    }
    Ok(())
}
