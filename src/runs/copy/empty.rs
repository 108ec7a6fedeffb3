//! Emptying and counting tables of the target.

use crate::catalog::TableName;
use crate::endpoint::session;
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

/// TRUNCATE, or DELETE where a foreign key forbids that.
pub(super) async fn empty(
    ledger: &mut Ledger,
    write: &session::WriteSettings,
    name: &TableName,
) -> Result<(), Error> {
    let connection = ledger.connection().await?;
    let statements = [
        format!("TRUNCATE TABLE {}", name.quoted()),
        format!("DELETE FROM {}", name.quoted()),
    ];
    let mut last = None;
    for statement in &statements {
        session::begin_write(connection, write).await?;
        let emptied = match connection.query(statement).await {
            Ok(_) => connection.query("COMMIT").await,
            Err(e) => Err(e),
        };
        match emptied {
            Ok(_) => return Ok(()),
            Err(e) if e.code() == Some("0A000") => {
                session::rollback(connection).await?;
                last = Some(e);
            }
            Err(e) => return Err(wire_error(&format!("emptying target table {name}"), e).into()),
        }
    }
    let error = last.expect("both statements were refused");
    Err(
        Error::from(wire_error(&format!("emptying target table {name}"), error))
            .advise("empty the table by hand"),
    )
}

/// The rows that a target table holds.
pub(super) async fn count(
    ledger: &mut Ledger,
    write: &session::WriteSettings,
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
