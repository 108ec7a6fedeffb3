//! Emptying and counting tables of the target.

use crate::catalog::TableName;
use crate::endpoint::session::{self, WriteSettings};
use crate::ledger::{Ledger, Progress};
use crate::wire;

use super::super::error::{Error, Exit};
use super::prepare::Prepared;

/// Empties the tables that are still to be emptied. Each is recorded when it is done, before any
/// batch of it; a run that dies in between empties it again, and never one that holds batches.
pub(super) async fn truncate(
    ledger: &mut Ledger,
    prepared: &Prepared,
    run: &str,
    progress: &mut Progress,
) -> Result<(), Error> {
    let mut order: Vec<usize> = (0..progress.plan.targets.len())
        .filter(|&t| progress.plan.targets[t].baseline.is_none())
        .collect();
    // Children first, so that no foreign key stands in the way.
    order.sort_by_key(|&t| std::cmp::Reverse(prepared.waves[t]));
    for target in order {
        empty(
            ledger,
            &prepared.target.write,
            &progress.plan.targets[target].name,
        )
        .await?;
        ledger.set_truncated(run, target).await?;
        progress.plan.targets[target].baseline = Some(0);
    }
    Ok(())
}

/// Empties tables whose foreign keys are not known: one that another refers to is tried again when
/// others are empty.
pub(super) async fn empty_all(
    ledger: &mut Ledger,
    write: &WriteSettings,
    mut names: Vec<TableName>,
) -> Result<(), Error> {
    while !names.is_empty() {
        let mut referenced = Vec::new();
        let mut reason = None;
        for name in &names {
            if let Err(error) = try_to_empty(ledger, write, name).await? {
                referenced.push(name.clone());
                reason = reason.or(Some((name, error)));
            }
        }
        match reason {
            Some((name, error)) if referenced.len() == names.len() => {
                return Err(not_emptied(name, error));
            }
            _ => names = referenced,
        }
    }
    Ok(())
}

async fn empty(ledger: &mut Ledger, write: &WriteSettings, name: &TableName) -> Result<(), Error> {
    let emptied = try_to_empty(ledger, write, name).await?;
    emptied.map_err(|error| not_emptied(name, error))
}

fn not_emptied(name: &TableName, error: wire::Error) -> Error {
    Error::from(wire_error(&format!("emptying target table {name}"), error))
        .advise("empty the table by hand")
}

/// TRUNCATE, or DELETE where a foreign key forbids that; `Err` inside where rows of another table
/// forbid both.
async fn try_to_empty(
    ledger: &mut Ledger,
    write: &WriteSettings,
    name: &TableName,
) -> Result<Result<(), wire::Error>, Error> {
    let truncate = format!("TRUNCATE TABLE {}", name.quoted());
    let delete = format!("DELETE FROM {}", name.quoted());
    let mut refusal = None;
    for statement in [truncate, delete] {
        match in_transaction(ledger, write, &statement).await? {
            Ok(()) => return Ok(Ok(())),
            Err(error) if matches!(error.code(), Some("0A000" | "23503")) => {
                refusal = Some(error);
            }
            Err(error) => return Err(not_emptied(name, error)),
        }
    }
    Ok(Err(refusal.expect("both statements were refused")))
}

/// Runs one statement and commits; `Err` inside is the server's refusal, of which nothing is left.
async fn in_transaction(
    ledger: &mut Ledger,
    write: &WriteSettings,
    statement: &str,
) -> Result<Result<(), wire::Error>, Error> {
    let connection = ledger.connection().await?;
    session::begin_write(connection, write).await?;
    let done = match connection.query(statement).await {
        Ok(_) => connection.query("COMMIT").await,
        Err(error) => Err(error),
    };
    match done {
        Ok(_) => Ok(Ok(())),
        Err(error) => {
            if connection.is_usable() {
                session::rollback(connection).await?;
            }
            Ok(Err(error))
        }
    }
}

/// The rows that a target table holds.
pub(super) async fn count(
    ledger: &mut Ledger,
    write: &WriteSettings,
    name: &TableName,
) -> Result<u64, Error> {
    let connection = ledger.connection().await?;
    let doing = format!("counting target table {name}");
    session::begin_write(connection, write).await?;
    let reply = connection
        .query(&format!("SELECT count(*) FROM {}", name.quoted()))
        .await;
    let reply = reply.map_err(|e| wire_error(&doing, e))?;
    session::rollback(connection).await?;
    let rows = reply.value(0).and_then(|n| n.parse().ok());
    rows.ok_or_else(|| {
        Error::new(
            Exit::Internal,
            format!("{doing}: the answer is not a number"),
        )
    })
}

pub(super) fn wire_error(doing: &str, source: wire::Error) -> crate::endpoint::Error {
    crate::endpoint::Error::Wire {
        doing: doing.to_owned(),
        source,
    }
}
