//! The transactions of lanes: settings sent inside each (`SET LOCAL`), read back and proven.
//!
//! Nothing here relies on state of the session: a pooler may give each transaction another one.

use std::time::Duration;

use super::error::{Error, Result};
use super::snapshot::Snapshot;
use crate::catalog::TableName;
use crate::profile::Profile;
use crate::wire::Connection;

/// How a table is read in a source transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scan {
    /// The server's planner decides: whole tables and key ranges.
    #[default]
    Free,
    /// Only a Tid Scan or Tid Range Scan is allowed: ctid chunks.
    Ctid,
}

/// Settings of a source transaction.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReadSettings {
    /// `wire9/<run>/<lane>`
    pub application_name: String,
    /// The plan that readers rely on.
    pub scan: Scan,
}

/// Begins one READ ONLY transaction on the source under the shared snapshot: one round trip.
///
/// On return the settings have been read back, and the server has been proven to be the keeper's. On
/// an error the connection is outside a transaction, or unusable.
///
/// # Errors
/// `SnapshotLost`, `DifferentServer`, `Setting`, or the connection's error.
pub async fn begin_read(
    connection: &mut Connection,
    snapshot: &Snapshot,
    settings: &ReadSettings,
) -> Result<()> {
    let _ = (connection, snapshot, settings);
    todo!()
}

/// Inside a source transaction: takes ACCESS SHARE on a table (without its children), waits up to
/// 30 s for it, and proves that the table's file is the one that the snapshot shows.
///
/// # Errors
/// `TableChanged` where it is not: rows would be missing without a word.
pub async fn lock_and_check(
    connection: &mut Connection,
    table: &TableName,
    oid: u32,
) -> Result<()> {
    let _ = (connection, table, oid);
    todo!()
}

/// Settings of a target transaction, and how they are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteSettings {
    settings: Vec<(String, String)>,
    refused: Vec<RefusedSetting>,
    multi_statement: bool,
}

/// A setting that the target does not take: a finding. It is not sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedSetting {
    /// The setting.
    pub name: String,
    /// What was asked for.
    pub wanted: String,
    /// SQLSTATE of the refusal, or what held instead.
    pub answer: String,
}

impl WriteSettings {
    /// What design and profile ask of a target transaction; `search_path` is empty unless
    /// [`Self::search_path`] says otherwise.
    pub fn new(application_name: &str, profile: &Profile) -> Self {
        let _ = (application_name, profile);
        todo!()
    }

    /// `--target-search-path`, as SQL text: `public, "My Schema"`.
    pub fn search_path(&mut self, path: &str) {
        let _ = path;
        todo!()
    }

    /// Another `application_name`: `wire9/<run>/<lane>`.
    pub fn application_name(&mut self, name: &str) {
        let _ = name;
        todo!()
    }

    /// What the target has refused so far.
    pub fn refused(&self) -> &[RefusedSetting] {
        &self.refused
    }
}

/// Once per connection to the target, outside a transaction: tries the settings, reads them back, and
/// takes out of `settings` what the target refuses. Answers what was newly refused.
///
/// # Errors
/// The connection's loss, or a server that refuses the transaction itself.
pub async fn prepare_write(
    connection: &mut Connection,
    settings: &mut WriteSettings,
) -> Result<Vec<RefusedSetting>> {
    let _ = (connection, settings);
    todo!()
}

/// Begins one READ COMMITTED transaction on the target with the settings: one round trip where the
/// target takes several statements in one Query.
///
/// On an error the connection is outside a transaction, or unusable.
pub async fn begin_write(connection: &mut Connection, settings: &WriteSettings) -> Result<()> {
    let _ = (connection, settings);
    todo!()
}

/// Ends a transaction without effect, whatever its state; does nothing outside one.
///
/// # Errors
/// The connection's loss.
pub async fn rollback(connection: &mut Connection) -> Result<()> {
    let _ = connection;
    todo!()
}

/// Inside a source transaction: whether `--where TABLE=EXPR` can be used, with the answer that two
/// transactions under one snapshot give the same rows. The transaction survives a refusal.
///
/// # Errors
/// `Wire` with the server's error for what is no condition on this table; `Refused` for volatile
/// functions and for the current time, by name.
pub async fn check_condition(
    connection: &mut Connection,
    table: &TableName,
    condition: &str,
) -> Result<()> {
    let _ = (connection, table, condition);
    todo!()
}
