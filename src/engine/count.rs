//! Reading passes around the data phase, several tables at once: counts, and digests under another
//! snapshot.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::catalog::TableName;
use crate::endpoint::patience::query_patiently;
use crate::endpoint::session::{self, ReadSettings, Scan};
use crate::endpoint::{self, Error as EndpointError};
use crate::lane::{self, Shared, Work};
use crate::sql;
use crate::wire::{self, ConnectOptions, Connection};

use super::error::{Error, Result};

/// Rows by table; `None` where they could not be counted, with the reason beside.
pub type Counts = Vec<Result<u64>>;

/// Tables counted in one transaction of the source: locks of a transaction pile up.
const TABLES_PER_TRANSACTION: usize = 50;

/// A source table to count: its name and `--where`.
pub(super) type Counted = (TableName, Option<String>);

/// Counts source tables under the shared snapshot, `jobs` at a time.
pub async fn count_source(
    shared: &Shared,
    tables: &[(TableName, Option<String>)],
    jobs: usize,
) -> Counts {
    let groups: Vec<&[Counted]> = tables.chunks(TABLES_PER_TRANSACTION).collect();
    // Few tables: one transaction each, so that they are counted at once.
    let groups = if tables.len() <= jobs {
        tables.chunks(1).collect()
    } else {
        groups
    };
    let groups = parallel(&groups, jobs, |group| {
        count_group(
            (shared, group),
            |(table, _)| table,
            async |slot, (table, condition)| {
                count_in_snapshot(shared, slot, table, condition.as_deref()).await
            },
        )
    });
    groups.await.into_iter().flatten().collect()
}

/// Counts a group of tables one after the other, over one connection as long as that holds. A failed try is a
/// sign of life for who watches the run.
async fn count_group<T>(
    (shared, tables): (&Shared, &[T]),
    name: impl Fn(&T) -> &TableName,
    count: impl AsyncFn(&mut Option<Connection>, &T) -> Result<u64, EndpointError>,
) -> Counts {
    let mut connection = None;
    let mut counts = Vec::with_capacity(tables.len());
    for table in tables {
        let mut pauses = PAUSES.iter();
        let counted = loop {
            let counted = count(&mut connection, table).await;
            if counted.is_err() {
                connection = None;
                shared.loading.board.pulse().beat();
            }
            match (counted, pauses.next()) {
                (Err(e), Some(pause)) if passing(&e) => tokio::time::sleep(*pause).await,
                (counted, _) => break counted,
            }
        };
        counts.push(counted.map_err(|source| Error::Count {
            table: name(table).to_string(),
            source,
        }));
    }
    if let Some(connection) = connection {
        connection.close().await;
    }
    counts
}

async fn count_in_snapshot(
    shared: &Shared,
    slot: &mut Option<Connection>,
    table: &TableName,
    condition: Option<&str>,
) -> Result<u64, EndpointError> {
    let connection = match slot {
        Some(connection) => connection,
        None => {
            let mut connection = connect(&shared.source).await?;
            let settings = ReadSettings {
                application_name: format!("wire9/{}/count", lane::short(&shared.loading.run)),
                scan: Scan::Free,
            };
            session::begin_read(&mut connection, &shared.snapshot, &settings).await?;
            slot.insert(connection)
        }
    };
    let source = sql::Source {
        schema: &table.schema,
        name: &table.name,
        columns: &[],
        condition,
    };
    let select = sql::select(&source, sql::Range::Whole);
    let statement = format!("SELECT count(*) FROM ({select}) t");
    count(connection, &shared.source, &statement).await
}

/// Counts target tables, `jobs` at a time.
pub async fn count_target(shared: &Shared, tables: &[TableName], jobs: usize) -> Counts {
    let pieces = tables.len().div_ceil(jobs.max(1)).max(1);
    let groups: Vec<&[TableName]> = tables.chunks(pieces).collect();
    let groups = parallel(&groups, jobs, |group| {
        count_group(
            (shared, group),
            |table| table,
            async |slot, table| count_committed(shared, slot, table).await,
        )
    });
    groups.await.into_iter().flatten().collect()
}

async fn count_committed(
    shared: &Shared,
    slot: &mut Option<Connection>,
    table: &TableName,
) -> Result<u64, EndpointError> {
    let connection = match slot {
        Some(connection) => connection,
        None => {
            let mut connection = connect(&shared.loading.target).await?;
            let mut settings = shared.loading.settings.clone();
            session::prepare_write(&mut connection, &mut settings).await?;
            slot.insert(connection)
        }
    };
    // In a transaction, so that the settings hold: the timeouts are lifted.
    session::begin_write(connection, &shared.loading.settings).await?;
    let statement = format!("SELECT count(*) FROM {}", table.quoted());
    let rows = count(connection, &shared.loading.target, &statement).await;
    session::rollback(connection).await?;
    rows
}

/// Waits before a table is counted again. A count is only read, so it may be repeated; what can not be
/// counted is not verified, which is a pity after hours of copying.
const PAUSES: [Duration; 7] = [
    Duration::from_millis(100),
    Duration::from_millis(200),
    Duration::from_millis(400),
    Duration::from_millis(800),
    Duration::from_millis(1600),
    Duration::from_millis(3200),
    Duration::from_millis(5000),
];

/// Whether the same count may succeed a moment later: not after the whole deadline passed in silence.
fn passing(error: &EndpointError) -> bool {
    match error.wire() {
        Some(wire::Error::Lost { .. } | wire::Error::Connect { .. }) => true,
        _ => matches!(
            error.code(),
            Some("40001" | "40P01" | "53200" | "53300" | "55P03" | "57P01" | "57P02" | "57P03")
        ),
    }
}

async fn connect(options: &ConnectOptions) -> Result<Connection, EndpointError> {
    let doing = || "connecting to count rows".to_owned();
    Connection::connect(options)
        .await
        .map_err(|source| EndpointError::Wire {
            doing: doing(),
            source,
        })
}

/// A count of a huge table sends nothing for longer than a silent server is waited for.
async fn count(
    connection: &mut Connection,
    options: &ConnectOptions,
    statement: &str,
) -> Result<u64, endpoint::Error> {
    let reply = query_patiently(connection, options, statement)
        .await
        .map_err(|source| EndpointError::Wire {
            doing: "counting".to_owned(),
            source,
        })?;
    let rows = reply.value(0).and_then(|n| n.parse().ok());
    rows.ok_or_else(|| EndpointError::Unexpected {
        what: "count(*) is not a number".to_owned(),
    })
}

/// Compares chunks with the batches that were committed of them, under the shared snapshot; by work:
/// whether they still agree.
///
/// # Errors
/// The first error of the source.
pub async fn redigest(shared: &Shared, works: &[Work], jobs: usize) -> Result<Vec<bool>> {
    let works: Vec<&Work> = works.iter().collect();
    let compared = parallel(&works, jobs, |work| lane::redigest(shared, work)).await;
    compared
        .into_iter()
        .map(|same| same.map_err(|e| Error::Lane(Box::new(e))))
        .collect()
}

/// Runs `each` over the items, `jobs` at a time; results in the items' order.
async fn parallel<T: Copy, R, F>(items: &[T], jobs: usize, each: impl Fn(T) -> F) -> Vec<R>
where
    F: Future<Output = R>,
{
    let next = AtomicUsize::new(0);
    let worker = || async {
        let mut results = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(at) else {
                break results;
            };
            results.push((at, each(*item).await));
        }
    };
    let workers = (0..jobs.clamp(1, items.len().max(1))).map(|_| worker());
    let mut results: Vec<(usize, R)> = futures::future::join_all(workers)
        .await
        .into_iter()
        .flatten()
        .collect();
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn results_come_in_the_order_of_the_items() {
        let items: Vec<u64> = (0..20).collect();
        let doubled = parallel(&items, 3, |n| async move {
            tokio::time::sleep(std::time::Duration::from_micros(500 * (20 - n))).await;
            n * 2
        })
        .await;
        assert_eq!(doubled, items.iter().map(|n| n * 2).collect::<Vec<_>>());
        assert!(
            parallel(&[] as &[u64], 3, |n| async move { n })
                .await
                .is_empty()
        );
    }
}
