//! Emptying and counting tables of the target.

use crate::catalog::TableName;
use crate::endpoint::session::{self, WriteSettings};
use crate::ledger::{self, Ledger, Owner, Progress};
use crate::{sql, wire};

use super::super::error::{Error, Exit};
use super::super::prepare::{Prepared, refused};
use super::enter::few;

/// Refuses before the first table is emptied what could not be done with the last: TRUNCATE, or DELETE
/// where there is no right to that or a foreign key refers to the table. A target that does not tell its
/// users' rights is taken at its word when a table is emptied.
pub(super) async fn may_empty(ledger: &mut Ledger, tables: Vec<&TableName>) -> Result<(), Error> {
    let connection = ledger.connection().await?;
    let mut lacking = Vec::new();
    for name in tables {
        let table = sql::literal(&name.quoted());
        let right = |right| format!("pg_catalog.has_table_privilege({table}, '{right}')");
        let referred = format!(
            "EXISTS (SELECT 1 FROM pg_catalog.pg_constraint WHERE contype = 'f' AND confrelid = \
             {table}::pg_catalog.regclass AND conrelid <> confrelid)"
        );
        let (truncate, delete) = (right("TRUNCATE"), right("DELETE"));
        let asked = format!("SELECT {delete} OR ({truncate} AND NOT {referred}), current_user");
        match connection.query(&asked).await {
            Ok(reply) if reply.value(0) == Some("f") => {
                let user = reply.value(1).unwrap_or_default().to_owned();
                lacking.push((name.to_string(), name.quoted(), user));
            }
            Ok(_) => {}
            Err(wire::Error::Server(_)) if connection.is_usable() => return Ok(()),
            Err(e) => return Err(wire_error("asking whether tables may be emptied", e).into()),
        }
    }
    let Some((_, _, user)) = lacking.first() else {
        return Ok(());
    };
    let user = sql::identifier(user);
    let shown: Vec<String> = lacking.iter().map(|(name, ..)| name.clone()).collect();
    let quoted: Vec<String> = lacking
        .iter()
        .map(|(_, quoted, _)| quoted.clone())
        .collect();
    Err(refused(
        format!("the target's user has no right to empty: {}", few(&shown)),
        format!("GRANT TRUNCATE, DELETE ON TABLE {} TO {user}", few(&quoted)),
    ))
}

/// Empties the tables that are still to be emptied. Each is recorded when it is done, before any
/// batch of it; a run that dies in between empties it again, and never one that holds batches.
pub(super) async fn truncate(
    ledger: &mut Ledger,
    prepared: &Prepared,
    (run, owner): (&str, &Owner),
    progress: &mut Progress,
) -> Result<(), Error> {
    let mut order: Vec<usize> = (0..progress.plan.targets.len())
        .filter(|&t| progress.plan.targets[t].baseline.is_none())
        .collect();
    // Children first, so that no foreign key stands in the way.
    order.sort_by_key(|&t| std::cmp::Reverse(prepared.waves[t]));
    for target in order {
        let name = &progress.plan.targets[target].name;
        let emptied = ledger.empty(run, owner, (target, name)).await;
        emptied.map_err(|error| not_emptied(name, error))?;
        progress.plan.targets[target].baseline = Some(0);
    }
    Ok(())
}

/// Empties tables whose foreign keys are not known: one that another refers to is tried again when
/// others are empty.
pub(super) async fn empty_all(
    ledger: &mut Ledger,
    (run, owner): (&str, &Owner),
    mut targets: Vec<(usize, TableName)>,
) -> Result<(), Error> {
    while !targets.is_empty() {
        let mut referenced = Vec::new();
        let mut reason = None;
        for (number, name) in &targets {
            match ledger.empty(run, owner, (*number, name)).await {
                Ok(()) => {}
                Err(error) if is_referenced(&error) => {
                    referenced.push((*number, name.clone()));
                    reason = reason.or(Some((name, error)));
                }
                Err(error) => return Err(not_emptied(name, error)),
            }
        }
        match reason {
            Some((name, error)) if referenced.len() == targets.len() => {
                return Err(not_emptied(name, error));
            }
            _ => targets = referenced,
        }
    }
    Ok(())
}

/// Whether rows of another table stand in the way.
fn is_referenced(error: &ledger::Error) -> bool {
    let code = match error {
        ledger::Error::Wire { source, .. } => source.code(),
        _ => None,
    };
    matches!(code, Some("0A000" | "23503"))
}

fn not_emptied(name: &TableName, error: ledger::Error) -> Error {
    match error {
        ledger::Error::Wire { source, .. } => {
            Error::from(wire_error(&format!("emptying target table {name}"), source))
                .advise("empty the table by hand")
        }
        error => error.into(),
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
