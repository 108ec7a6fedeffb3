//! The server around a database.

/// What does not change while a run lasts. Empty texts are not known (a dump does not tell them).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Server {
    /// `server_version_num`, 150004; 0 where it is not known.
    pub version: u32,
    /// `server_version`.
    pub version_text: String,
    /// The database's name.
    pub database: String,
    /// The connected role.
    pub user: String,
    /// `server_encoding`.
    pub encoding: String,
    /// datcollate (or the ICU locale).
    pub collation: String,
    /// Whether text sorts bytewise: the collation is `C`, `POSIX` or a built-in `C.UTF-8`.
    pub collation_is_c: bool,
    /// `default_transaction_isolation` of the database, of roles and of the server: the strictest.
    pub default_isolation: String,
}

/// What the server does at the moment, and how much room it has. `None` is not known (no privilege).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ServerState {
    /// `pg_is_in_recovery()`.
    pub in_recovery: bool,
    /// The session survives a transaction's end: no pooler in transaction mode is between.
    pub session_holds: Option<bool>,
    /// `pg_export_snapshot()` works.
    pub exports_snapshots: Option<bool>,
    /// `row_security` can be off for this user without an error on these tables: tables whose policies
    /// would hide rows from the connected role.
    pub hidden_by_row_security: Vec<super::Name>,
    /// `max_connections` less what is reserved.
    pub connections_allowed: Option<u32>,
    /// Connections of all databases now.
    pub connections_used: Option<u32>,
    /// rolconnlimit or datconnlimit, the lower one; `None` for no limit.
    pub connection_limit: Option<u32>,
    /// Advisory locks held now in this database.
    pub advisory_locks: Option<u64>,
    /// Sessions of this database whose last statement was LISTEN.
    pub listeners: Option<u64>,
    /// Prepared transactions of this database.
    pub prepared_transactions: Option<u64>,
    /// Transactions that are older than five minutes: their number.
    pub long_transactions: Option<u64>,
    /// Age of the oldest of them, in seconds.
    pub longest_transaction_seconds: Option<u64>,
    /// `age(datfrozenxid)` of this database.
    pub xid_age: Option<u64>,
    /// Replication slots: name, whether it is active, and the bytes of WAL that it holds back.
    pub replication_slots: Option<Vec<Slot>>,
    /// `idle_in_transaction_session_timeout`, `statement_timeout`, `transaction_timeout` that a session
    /// of this user gets, in milliseconds; 0 is none.
    pub timeouts_ms: Vec<(String, u64)>,
    /// What could not be read, in words for people.
    pub not_read: Vec<String>,
}

/// A replication slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Its name.
    pub name: String,
    /// Whether somebody reads from it.
    pub active: bool,
    /// Bytes of WAL that it holds back.
    pub held_bytes: u64,
}

/// What is known of the target besides its profile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TargetState {
    /// User tables that exist there already.
    pub tables: u64,
    /// The connected role may create schemas.
    pub may_create: Option<bool>,
    /// Connections that are free.
    pub connections_free: Option<u32>,
}
