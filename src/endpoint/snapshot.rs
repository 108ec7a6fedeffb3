//! The exported snapshot and the connection that keeps it alive.
//!
//! ```text
//!  open ──▶ Keeper: introspects, locks, sizes ──guard──▶ KeeperGuard: a task pings, `lost` tells why
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::attempt::{Answer, attempt, last};
use super::error::{Doing as _, Error, Result};
use super::identity::{Identity, identity, same_server};
use super::session::{PROOF_COLUMNS, holds, lock_and_check, proof, statements};
use super::settings::{self, Setting};
use crate::catalog::TableName;
use crate::wire::{ConnectOptions, Connection, Peer, ServerError, TransactionStatus};

/// How often the keeper's task asks whether the server is still there.
const PING_EVERY: Duration = Duration::from_secs(3);

/// How long an answer to that may take: a loaded server is slow, a dead one is silent.
const PING_PATIENCE: Duration = Duration::from_secs(10);

/// How long the end of the keeper's transaction may take.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);

/// Servers report the counters of a session at most once a second.
const STATISTICS_LAG: Duration = Duration::from_millis(1_500);

/// A snapshot of the source, shared by all readers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// What `pg_export_snapshot()` answered: what readers import.
    pub name: String,
    /// `pg_current_snapshot()` as text, `xmin:xmax:xip,…`. On a standby it leaves out the
    /// transactions in progress, so that equal texts prove nothing there.
    pub text: String,
    /// The server and database that the snapshot is of.
    pub identity: Identity,
    /// The server's clock when the snapshot was taken, ISO with zone.
    pub taken_at: String,
    /// When the server was started, as it says: tells servers of one replication group apart.
    pub server_started: String,
    /// On a standby, what it had replayed around the snapshot.
    pub replayed: Option<Replayed>,
}

/// Positions in the write-ahead log that a standby had replayed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replayed {
    /// Before the snapshot was taken.
    pub before: String,
    /// After it was taken.
    pub after: String,
}

impl Snapshot {
    /// Whether a later snapshot is proven to show the same rows: the same server, and nothing
    /// written (on a standby: replayed) in between. `false` proves nothing.
    pub fn shows_the_same_as(&self, later: &Self) -> bool {
        let standing = match (&self.replayed, &later.replayed) {
            (Some(first), Some(second)) => first.before == second.after,
            (None, None) => !self.identity.in_recovery,
            _ => false,
        };
        let told = self.identity.system_identifier.is_some() && self.identity.timeline.is_some();
        told && standing && same_server(&self.identity, &later.identity) && self.text == later.text
    }
}

/// The connection that holds the snapshot open, and locks on tables of several chunks.
pub struct Keeper {
    connection: Connection,
    snapshot: Snapshot,
    pooled: bool,
}

impl Keeper {
    /// Connects, begins the transaction and exports its snapshot.
    ///
    /// # Errors
    /// `Refused` where the server can not export a snapshot, with the remedy.
    pub async fn open(options: &ConnectOptions, application_name: &str) -> Result<Self> {
        let mut options = options.clone();
        options.set_application_name(application_name);
        let mut connection = Connection::connect(&options)
            .await
            .doing("connecting to the source for its snapshot")?;
        let identity = identity(&mut connection).await?;
        if identity.is_db9() {
            return Err(can_not_export("it is a DB9"));
        }
        let (snapshot, pooled) = export(&mut connection, identity, application_name).await?;
        Ok(Self {
            connection,
            snapshot,
            pooled,
        })
    }

    /// The snapshot.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The host that was reached: all other connections to the source must go there.
    pub fn peer(&self) -> &Peer {
        self.connection.peer()
    }

    /// Whether a pooler stands before the server. It is no obstacle: every setting is `SET LOCAL`.
    pub fn pooled(&self) -> bool {
        self.pooled
    }

    /// The connection, inside its transaction, for introspection under the snapshot. A failed
    /// statement ends the snapshot, so anything that may be refused needs a savepoint.
    pub fn connection(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Takes ACCESS SHARE on a table until the keeper ends, and proves that the table's file is the
    /// one that the snapshot shows. The snapshot survives a refusal.
    ///
    /// # Errors
    /// `TableChanged`; a lock that can not be had within 30 s.
    pub async fn lock(&mut self, table: &TableName, oid: u32) -> Result<()> {
        lock_and_check(&mut self.connection, table, oid).await
    }

    /// Gives the keeper to a task of its own that pings the server and notices the loss.
    pub fn guard(self) -> KeeperGuard {
        let snapshot = self.snapshot;
        let (reason, lost) = watch::channel(None);
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(keep(self.connection, reason, stopped));
        KeeperGuard {
            snapshot,
            lost,
            stop,
            task,
        }
    }

    /// Ends the snapshot.
    pub async fn close(self) {
        end(self.connection).await;
    }
}

/// A keeper at rest: its task pings the server inside the transaction. Dropped, it ends the snapshot.
pub struct KeeperGuard {
    snapshot: Snapshot,
    lost: watch::Receiver<Option<String>>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl KeeperGuard {
    /// The snapshot.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Waits until the snapshot is lost, and tells why; never ends while it lives. Any number of
    /// waiters, cancel safe.
    pub async fn lost(&self) -> Error {
        let mut lost = self.lost.clone();
        let why = match lost.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone().unwrap_or_default(),
            Err(_) => "the task that keeps it has ended".to_owned(),
        };
        Error::SnapshotLost { why }
    }

    /// Whether the snapshot is lost.
    pub fn is_lost(&self) -> bool {
        self.lost.borrow().is_some() || self.task.is_finished()
    }

    /// Ends the snapshot.
    pub async fn close(self) {
        // An error of either means that the task has ended already.
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}

/// Whether the source was written since the snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moved {
    /// Proven: no transaction of the whole server has written.
    No,
    /// Transactions have written, but no counter of this database's tables tells where.
    Unknown {
        /// What is known.
        why: String,
    },
    /// The tables whose counters moved, sorted: written (even if rolled back), truncated, rewritten,
    /// created or dropped. Sessions report their counters late, up to 10 s when they are idle: a table
    /// that was written just before the snapshot may be named too, one written at the very end not.
    Yes {
        /// Their names.
        tables: Vec<TableName>,
    },
}

/// How often each table was written, as the statistics count it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Activity {
    /// By oid: the table's name, and its counters and file as text.
    tables: BTreeMap<u32, (TableName, String)>,
}

impl Activity {
    /// Reads the counters. To be called before the snapshot is taken, outside its transaction.
    pub async fn capture(connection: &mut Connection) -> Result<Self> {
        let asked = "the counters of the source's tables";
        let reply = connection
            .query(ACTIVITY)
            .await
            .doing(format!("reading {asked}"))?;
        let mut tables = BTreeMap::new();
        for row in reply.rows {
            let Ok([Some(oid), Some(schema), Some(name), Some(counters)]) =
                <[Option<String>; 4]>::try_from(row)
            else {
                return Err(Error::unexpected(format!("{asked}: a column is missing")));
            };
            let Ok(oid) = oid.parse() else {
                return Err(Error::unexpected(format!("{asked}: an oid is no number")));
            };
            tables.insert(oid, (TableName::new(schema, name), counters));
        }
        Ok(Self { tables })
    }

    /// The tables that differ, sorted.
    fn difference(&self, later: &Self) -> Vec<TableName> {
        let gone = self
            .tables
            .iter()
            .filter(|(oid, _)| !later.tables.contains_key(oid));
        let other = later.tables.iter().filter(|(oid, (_, counters))| {
            self.tables
                .get(oid)
                .is_none_or(|(_, before)| before != counters)
        });
        let mut names: Vec<TableName> = gone
            .chain(other)
            .map(|(_, (name, _))| name.clone())
            .collect();
        names.sort();
        names.dedup();
        names
    }
}

/// Whether the source was written since the snapshot; waits 1.5 s for lagging statistics where the
/// server has moved on.
///
/// `connection` must be outside a transaction, `before` was captured before the snapshot.
pub async fn source_moved(
    connection: &mut Connection,
    snapshot: &Snapshot,
    before: &Activity,
) -> Result<Moved> {
    if stands(connection, snapshot).await? {
        return Ok(Moved::No);
    }
    if snapshot.identity.in_recovery {
        return Ok(Moved::Unknown {
            why: "the source is a standby, which counts no writes".to_owned(),
        });
    }
    sleep(STATISTICS_LAG).await;
    let tables = before.difference(&Activity::capture(connection).await?);
    if tables.is_empty() {
        let why = "transactions have run on the server, but no table of this database was counted \
                   as written";
        return Ok(Moved::Unknown {
            why: why.to_owned(),
        });
    }
    Ok(Moved::Yes { tables })
}

/// Counters and file of each table; TRUNCATE and rewriting ALTER TABLE show in the file alone.
const ACTIVITY: &str = "\
    SELECT c.oid::text, n.nspname::text, c.relname::text, \
           concat_ws(',', pg_stat_get_tuples_inserted(c.oid), pg_stat_get_tuples_updated(c.oid), \
                     pg_stat_get_tuples_deleted(c.oid), c.relfilenode) \
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' \
      AND n.nspname NOT IN ('pg_catalog', 'information_schema')";

/// Whether the server has provably not moved since the snapshot.
async fn stands(connection: &mut Connection, snapshot: &Snapshot) -> Result<bool> {
    let doing = "asking whether the source was written";
    let (sql, before) = match &snapshot.replayed {
        None => ("SELECT pg_current_snapshot()::text", Some(&snapshot.text)),
        Some(replayed) => (
            "SELECT pg_last_wal_replay_lsn()::text",
            Some(&replayed.before),
        ),
    };
    let reply = connection.query(sql).await.doing(doing)?;
    Ok(before.map(String::as_str) == reply.value(0))
}

/// Begins the keeper's transaction and exports its snapshot; also whether a pooler stands between.
async fn export(
    connection: &mut Connection,
    identity: Identity,
    application_name: &str,
) -> Result<(Snapshot, bool)> {
    let replayed_before = replayed(connection, &identity).await?;
    let settings = settings::source(application_name, identity.server_version_num);
    let mut snapshot = Snapshot {
        name: String::new(),
        text: String::new(),
        identity,
        taken_at: String::new(),
        server_started: String::new(),
        replayed: None,
    };
    let reply = begin_and_export(connection, &snapshot, &settings).await?;
    let answer = Answer::new(&reply, "the exported snapshot");
    answer.must(0)?.clone_into(&mut snapshot.text);
    answer.must(2)?.clone_into(&mut snapshot.server_started);
    answer.must(PROOF_COLUMNS)?.clone_into(&mut snapshot.name);
    answer
        .must(PROOF_COLUMNS + 1)?
        .clone_into(&mut snapshot.taken_at);
    snapshot.replayed = match (replayed_before, answer.text(PROOF_COLUMNS + 3)) {
        (Some(before), Some(after)) => Some(Replayed {
            before,
            after: after.to_owned(),
        }),
        _ => None,
    };
    still_the_same(&answer, &snapshot.identity)?;
    // Poolers make up process ids of their own.
    let pid = answer.number::<i32>(PROOF_COLUMNS + 2)?;
    Ok((snapshot, connection.backend_pid() != pid))
}

async fn begin_and_export(
    connection: &mut Connection,
    snapshot: &Snapshot,
    settings: &[Setting],
) -> Result<crate::wire::Reply> {
    let lsn = if snapshot.identity.in_recovery {
        "pg_last_wal_replay_lsn()::text"
    } else {
        "NULL"
    };
    let export =
        format!(", pg_export_snapshot(), clock_timestamp()::text, pg_backend_pid()::text, {lsn}");
    let sql = format!(
        "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; {}; {}",
        statements(settings),
        proof(settings, Some(snapshot), &export),
    );
    let asked = "exporting the source's snapshot";
    let replies = attempt(connection, &sql, asked)
        .await
        .map_err(|error| match error.code() {
            // PgBouncer in statement mode.
            Some("08P01") => can_not_export("a pooler before it takes no transactions"),
            _ => error,
        })?
        .map_err(|refusal| not_exported(refusal, asked))?;
    let reply = last(&replies, asked)?;
    holds(settings, reply, PROOF_COLUMNS + EXPORT_COLUMNS)?;
    if connection.transaction_status() != TransactionStatus::InTransaction {
        return Err(can_not_export("its transactions do not outlive one Query"));
    }
    Ok(reply.clone())
}

/// Columns that the keeper asks for between the proof and the settings.
const EXPORT_COLUMNS: usize = 4;

/// The identity was asked for outside the transaction: a pooler may have asked another server.
fn still_the_same(answer: &Answer<'_>, identity: &Identity) -> Result<()> {
    let system = answer.number::<i64>(3)?.map(i64::cast_unsigned);
    let recovery = answer.must(1)? == "true";
    if system == identity.system_identifier && recovery == identity.in_recovery {
        return Ok(());
    }
    Err(Error::DifferentServer {
        what: "two transactions on one connection are answered by two servers".to_owned(),
    })
}

async fn replayed(connection: &mut Connection, identity: &Identity) -> Result<Option<String>> {
    if !identity.in_recovery {
        return Ok(None);
    }
    let reply = connection
        .query("SELECT pg_last_wal_replay_lsn()::text")
        .await
        .doing("reading what the standby has replayed")?;
    Ok(reply.value(0).map(str::to_owned))
}

/// 42883: no such function; 0A000: not supported; 42501: not allowed.
fn not_exported(refusal: Box<ServerError>, doing: &str) -> Error {
    match refusal.code.as_str() {
        "42883" | "0A000" => can_not_export("it does not know how"),
        "42501" => can_not_export("the user may not"),
        _ => Error::Wire {
            doing: doing.to_owned(),
            source: crate::wire::Error::Server(refusal),
        },
    }
}

fn can_not_export(why: &str) -> Error {
    Error::Refused {
        what: format!("the source can not export a snapshot: {why}"),
        remedy:
            "give the address of a PostgreSQL server (13 or later), directly or through a pooler \
                 in session or transaction mode"
                .to_owned(),
    }
}

/// The keeper's task: ends when told to, when its guard is dropped, or when the snapshot is lost.
async fn keep(
    mut connection: Connection,
    reason: watch::Sender<Option<String>>,
    mut stopped: oneshot::Receiver<()>,
) {
    connection.set_reply_timeout(PING_PATIENCE);
    loop {
        let why = tokio::select! {
            _ = &mut stopped => return end(connection).await,
            loss = connection.wait_for_loss() => Some(with_causes(&loss)),
            () = sleep(PING_EVERY) => None,
        };
        let why = match why {
            None => ping(&mut connection).await,
            lost => lost,
        };
        if let Some(why) = why {
            // Nobody is left to be told only where the guard was dropped.
            let _ = reason.send(Some(why));
            return;
        }
    }
}

/// Why the snapshot is lost; `None` while it lives.
async fn ping(connection: &mut Connection) -> Option<String> {
    match connection.query("SELECT 1").await {
        Err(error) => Some(with_causes(&error)),
        Ok(_) if connection.transaction_status() != TransactionStatus::InTransaction => {
            Some("its transaction was ended by the server or a pooler".to_owned())
        }
        Ok(_) => None,
    }
}

/// An error with its causes: the reason travels as text.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// Ends the transaction in order, so that the server's log has no broken connection; not at any price.
async fn end(mut connection: Connection) {
    let _ = timeout(CLOSE_PATIENCE, async {
        if connection.is_usable() {
            // The snapshot ends with the connection in any case.
            let _ = connection.query("COMMIT").await;
        }
        connection.close().await;
    })
    .await;
}

#[cfg(test)]
mod tests {
    use super::super::identity::tests::primary;
    use super::*;

    fn snapshot() -> Snapshot {
        Snapshot {
            name: "00000003-0000001B-1".to_owned(),
            text: "7:9:7".to_owned(),
            identity: primary(),
            taken_at: String::new(),
            server_started: String::new(),
            replayed: None,
        }
    }

    fn on_standby(before: &str, after: &str) -> Snapshot {
        let mut snapshot = snapshot();
        snapshot.identity.in_recovery = true;
        snapshot.replayed = Some(Replayed {
            before: before.to_owned(),
            after: after.to_owned(),
        });
        snapshot
    }

    #[test]
    fn equal_texts_of_one_primary_show_the_same_rows() {
        let mut later = snapshot();
        assert!(snapshot().shows_the_same_as(&later));
        later.text = "7:10:7".to_owned();
        assert!(!snapshot().shows_the_same_as(&later));
        let mut unknown = snapshot();
        unknown.identity.system_identifier = None;
        assert!(!unknown.shows_the_same_as(&unknown), "not told by whom");
    }

    #[test]
    fn on_a_standby_equal_texts_prove_nothing_without_equal_replay() {
        assert!(on_standby("0/1", "0/1").shows_the_same_as(&on_standby("0/1", "0/1")));
        assert!(!on_standby("0/1", "0/2").shows_the_same_as(&on_standby("0/2", "0/2")));
        assert!(!on_standby("0/1", "0/1").shows_the_same_as(&on_standby("0/1", "0/2")));
        let mut untold = on_standby("0/1", "0/1");
        untold.replayed = None;
        assert!(!untold.shows_the_same_as(&untold));
    }

    #[test]
    fn tables_that_changed_appeared_or_went_are_named_once() {
        let activity = |tables: &[(u32, &str, &str)]| Activity {
            tables: tables
                .iter()
                .map(|&(oid, name, counters)| {
                    (oid, (TableName::new("s", name), counters.to_owned()))
                })
                .collect(),
        };
        let before = activity(&[
            (1, "still", "1,0,0,1"),
            (2, "gone", "1"),
            (3, "b", "1,0,0,3"),
        ]);
        let later = activity(&[
            (1, "still", "1,0,0,1"),
            (3, "b", "2,0,0,3"),
            (4, "a", "0,0,0,4"),
        ]);
        let names: Vec<String> = before
            .difference(&later)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(names, ["s.a", "s.b", "s.gone"]);
    }
}
