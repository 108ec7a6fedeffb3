//! The exported snapshot and the connection that keeps it alive.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::error::{Error, Result};
use super::identity::Identity;
use crate::catalog::TableName;
use crate::wire::{ConnectOptions, Connection, Peer};

/// A snapshot of the source, shared by all readers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// What `pg_export_snapshot()` answered: what readers import.
    pub name: String,
    /// `pg_current_snapshot()` as text, `xmin:xmax:xip,…`: equal texts on an equal server show
    /// the same rows.
    pub text: String,
    /// The server and database that the snapshot is of.
    pub identity: Identity,
    /// The server's clock when the snapshot was taken, ISO with zone.
    pub taken_at: String,
    /// When the server was started, as it says: tells servers of one replication group apart.
    pub server_started: String,
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
        let _ = (options, application_name);
        todo!()
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
    /// one that the snapshot shows.
    ///
    /// # Errors
    /// `TableChanged`; a lock that can not be had within 30 s.
    pub async fn lock(&mut self, table: &TableName, oid: u32) -> Result<()> {
        super::session::lock_and_check(&mut self.connection, table, oid).await
    }

    /// Bytes of a table's main fork now (without indexes and TOAST). With the lock held, every row
    /// of the snapshot lies below that size.
    pub async fn relation_size(&mut self, oid: u32) -> Result<u64> {
        let _ = oid;
        todo!()
    }

    /// Gives the keeper to a task of its own that pings the server and notices the loss.
    pub fn guard(self) -> KeeperGuard {
        todo!()
    }

    /// Ends the snapshot.
    pub async fn close(self) {
        todo!()
    }
}

/// A keeper at rest: its task pings the server inside the transaction. Dropped, it ends the snapshot.
pub struct KeeperGuard {
    snapshot: Snapshot,
}

impl KeeperGuard {
    /// The snapshot.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Waits until the snapshot is lost, and tells why; never ends while it lives. Any number of
    /// waiters, cancel safe.
    pub async fn lost(&self) -> Error {
        todo!()
    }

    /// Whether the snapshot is lost.
    pub fn is_lost(&self) -> bool {
        todo!()
    }

    /// Ends the snapshot.
    pub async fn close(self) {
        todo!()
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
    /// The tables whose counters moved, sorted.
    Yes {
        /// Their names.
        tables: Vec<TableName>,
    },
}

/// How often each table was written, as the statistics count it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Activity {
    tables: BTreeMap<u32, (TableName, String)>,
}

impl Activity {
    /// Reads the counters. To be called before the snapshot is taken, outside its transaction.
    pub async fn capture(connection: &mut Connection) -> Result<Self> {
        let _ = connection;
        todo!()
    }
}

/// Whether the source was written since the snapshot; waits up to 1.5 s for lagging statistics.
///
/// `connection` must be outside a transaction, `before` was captured before the snapshot.
pub async fn source_moved(
    connection: &mut Connection,
    snapshot: &Snapshot,
    before: &Activity,
) -> Result<Moved> {
    let _ = (connection, snapshot, before);
    todo!()
}
