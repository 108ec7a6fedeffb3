//! Boundaries for key ranges, from a sample of the table's pages.

use super::answer::each;
use crate::catalog::{Key, Table};
use crate::endpoint::error::{Error, Result};
use crate::sql;
use crate::wire::{self, Connection, TransactionStatus};

/// Sampled rows per boundary: part sizes then differ by a few tens of per cent. Fewer would come from
/// so few pages that clustered keys fall together.
const ROWS_PER_BOUNDARY: u64 = 200;

/// At most `wanted` keys, ascending and distinct, that cut a table into parts of about equal size;
/// none where the table can not be sampled (an access method without TABLESAMPLE) or is small.
///
/// Keys are the server's text of each part, under the session's settings. A transaction survives.
///
/// # Errors
/// The server's, for anything but a refusal of TABLESAMPLE.
pub async fn sample_keys(
    connection: &mut Connection,
    table: &Table,
    key: &Key,
    wanted: usize,
) -> Result<Vec<Vec<String>>> {
    sampled(connection, table, (key, Order::Own), wanted).await
}

/// The same for keys of texts, which are in the order of their bytes, whatever the columns' own is.
///
/// # Errors
/// As `sample_keys`.
pub async fn sample_keys_bytewise(
    connection: &mut Connection,
    table: &Table,
    key: &Key,
    wanted: usize,
) -> Result<Vec<Vec<String>>> {
    sampled(connection, table, (key, Order::Bytewise), wanted).await
}

/// The order of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// That of their columns.
    Own,
    /// By bytes.
    Bytewise,
}

async fn sampled(
    connection: &mut Connection,
    table: &Table,
    (key, order): (&Key, Order),
    wanted: usize,
) -> Result<Vec<Vec<String>>> {
    if wanted == 0 || key.columns.is_empty() {
        return Ok(Vec::new());
    }
    let within = connection.transaction_status() == TransactionStatus::InTransaction;
    if within {
        run(connection, "SAVEPOINT wire9_sample").await?;
    }
    let sampled = keys(connection, table, (key, order), wanted).await;
    let refused = matches!(&sampled, Err(e) if is_refusal(e));
    if within && connection.is_usable() {
        if refused {
            run(connection, "ROLLBACK TO SAVEPOINT wire9_sample").await?;
        }
        if refused || sampled.is_ok() {
            run(connection, "RELEASE SAVEPOINT wire9_sample").await?;
        }
    }
    if refused { Ok(Vec::new()) } else { sampled }
}

async fn run(connection: &mut Connection, sql: &str) -> Result<()> {
    each(connection, "sampling keys", sql, |_| Ok(())).await
}

/// Feature not supported, no such method, wrong object type.
fn is_refusal(error: &Error) -> bool {
    let code = error.wire().and_then(wire::Error::code);
    matches!(code, Some("0A000" | "42704" | "42809"))
}

async fn keys(
    connection: &mut Connection,
    table: &Table,
    (key, order): (&Key, Order),
    wanted: usize,
) -> Result<Vec<Vec<String>>> {
    let sql = sample_sql(table, (key, order), wanted);
    let doing = format!("sampling keys of {}", table.name);
    let mut boundaries: Vec<Vec<String>> = Vec::new();
    each(connection, &doing, &sql, |fields| {
        let values = (0..key.columns.len()).map(|column| fields.text(column));
        let values = values.collect::<std::result::Result<Vec<_>, _>>()?;
        // Equal neighbours would make an empty chunk.
        if boundaries.last() != Some(&values) {
            boundaries.push(values);
        }
        Ok(())
    })
    .await?;
    Ok(boundaries)
}

/// Sorts the sample and takes every n-th of its `found` rows: row `n` (from 1) where the whole part of
/// `(n - 1) × parts / found` goes up.
fn sample_sql(table: &Table, (key, order): (&Key, Order), wanted: usize) -> String {
    let names: Vec<&str> = key.columns.iter().map(|(name, _)| name.as_str()).collect();
    let columns = sql::identifiers(&names);
    let ordered: Vec<String> = names
        .iter()
        .map(|name| match order {
            Order::Own => sql::identifier(name),
            Order::Bytewise => format!("{} COLLATE \"C\"", sql::identifier(name)),
        })
        .collect();
    // Names of its own: a key column may be called anything.
    let aliases: Vec<String> = (0..names.len()).map(|n| format!("k{n}")).collect();
    let parts = wanted.saturating_add(1);
    format!(
        "SELECT {aliases} FROM ( \
           SELECT {columns}, pg_catalog.row_number() OVER (ORDER BY {ordered}), \
                  pg_catalog.count(*) OVER () \
           FROM ONLY {table} TABLESAMPLE SYSTEM ({percent}) REPEATABLE (9) \
         ) s({aliases}, n, found) \
         WHERE n > 1 AND (n - 1) * {parts} / found <> (n - 2) * {parts} / found \
         ORDER BY n",
        aliases = aliases.join(", "),
        ordered = ordered.join(", "),
        table = table.name.quoted(),
        percent = percent(rows_at_least(table), wanted),
    )
}

/// The server's estimate may be from a time when the table was small: then the whole of a large
/// table would be read and sorted. Rows of a table worth splitting rarely have more than 1000 bytes
/// in the heap.
fn rows_at_least(table: &Table) -> u64 {
    table.estimated_rows().max(table.heap_bytes / 1000)
}

/// Per cent of the pages, with two digits of precision at the least.
fn percent(rows: u64, wanted: usize) -> String {
    let wanted = u64::try_from(wanted).unwrap_or(u64::MAX);
    let sampled = wanted.saturating_mul(ROWS_PER_BOUNDARY);
    // Millionths of the table.
    let share = u128::from(sampled) * 1_000_000 / u128::from(rows.max(1));
    let share = share.clamp(1, 1_000_000);
    format!("{}.{:04}", share / 10_000, share % 10_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_pages_follows_the_rows_wanted() {
        assert_eq!(percent(1_000_000, 10), "0.2000");
        assert_eq!(percent(10, 10), "100.0000");
        assert_eq!(percent(0, 1), "100.0000");
        assert_eq!(percent(u64::MAX, 1), "0.0001");
    }
}
