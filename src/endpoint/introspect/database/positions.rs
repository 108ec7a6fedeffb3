//! Where sequences stand. `pg_sequence_last_value` would lock each sequence to the end of the
//! transaction, and does not tell `is_called`: they are read as the tables that they are, many at once.

use std::collections::HashSet;
use std::fmt::Write as _;

use super::super::answer::{Patience, guarded};
use super::texts::LOCKING;
use crate::catalog::database::{Name, Position};
use crate::endpoint::error::Result;
use crate::wire::Connection;

const WHAT: &str = "the positions of sequences";

/// Where sequences stand now; `None` for one that is gone or that the user may not see.
///
/// Cost: one statement per 200 sequences. One that is refused costs a few more, and not the others.
///
/// # Errors
/// The server's.
pub async fn positions(
    connection: &mut Connection,
    sequences: &[Name],
) -> Result<Vec<Option<Position>>> {
    let mut positions = vec![None; sequences.len()];
    let readable = readable(connection, sequences).await?;
    let mut patience = Patience::default();
    let mut open: Vec<&[usize]> = readable.chunks(LOCKING).rev().collect();
    while let Some(some) = open.pop() {
        let sql = select(sequences, some);
        let mut found = Vec::new();
        let answer = guarded(connection, WHAT, &sql, patience, |f| {
            let position = Position {
                last_value: f.number(1)?,
                is_called: f.truth(2),
            };
            found.push((f.number::<usize>(0)?, position));
            Ok(())
        });
        match answer.await? {
            Ok(()) => {
                for (index, position) in found {
                    positions[index] = Some(position);
                }
            }
            Err(refusal) => {
                patience.after(&refusal);
                if some.len() > 1 {
                    open.extend([&some[some.len() / 2..], &some[..some.len() / 2]]);
                }
            }
        }
    }
    Ok(positions)
}

/// Indexes of the sequences that exist and that the user may read; all of them where a server does not
/// tell.
async fn readable(connection: &mut Connection, sequences: &[Name]) -> Result<Vec<usize>> {
    const SQL: &str = "\
        SELECT n.nspname, c.relname FROM pg_catalog.pg_class c \
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
        WHERE c.relkind = 'S' AND pg_catalog.has_schema_privilege(n.oid, 'USAGE') \
          AND pg_catalog.has_table_privilege(c.oid, 'SELECT')";
    let mut known = HashSet::new();
    let told = guarded(connection, WHAT, SQL, Patience::default(), |f| {
        known.insert(f.name(0)?);
        Ok(())
    });
    let told = told.await?.is_ok();
    let all = sequences.iter().enumerate();
    Ok(all
        .filter(|(_, name)| !told || known.contains(*name))
        .map(|(index, _)| index)
        .collect())
}

fn select(sequences: &[Name], some: &[usize]) -> String {
    let mut sql = String::new();
    for (i, &index) in some.iter().enumerate() {
        let union = if i == 0 { "" } else { " UNION ALL " };
        let from = sequences[index].quoted();
        let _ = write!(
            sql,
            "{union}SELECT {index}, last_value, is_called FROM {from}"
        );
    }
    sql
}
