//! Which server, which database: what tells one source from another.

use serde::{Deserialize, Serialize};

use super::error::{Doing as _, Error, Result};
use crate::wire::{Connection, Reply};

/// Who answers on a connection. It is stored with a run, to know the source again on resume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// `pg_control_system()`; `None` where the server refuses or does not know it.
    pub system_identifier: Option<u64>,
    /// `pg_control_checkpoint()`; `None` where the server refuses or does not know it.
    pub timeline: Option<u32>,
    /// Host as the options spell it.
    pub host: String,
    /// Port as the options spell it.
    pub port: u16,
    /// The database's name.
    pub database: String,
    /// The database's oid; `None` where the catalog does not tell it.
    pub database_oid: Option<u32>,
    /// `server_version_num`, 150004; `None` where it is not a number.
    pub server_version_num: Option<u32>,
    /// `version()`.
    pub version: String,
    /// Whether the server is a standby; `false` where it does not know the function.
    pub in_recovery: bool,
}

impl Identity {
    /// Whether the server calls itself a DB9.
    pub fn is_db9(&self) -> bool {
        self.version.contains("db9-server")
    }
}

/// Asks the server on a connection who it is.
///
/// # Errors
/// The loss of the connection, or a server that does not answer `SELECT version()`. Must be called
/// outside a transaction: what a server refuses would end it.
pub async fn identity(connection: &mut Connection) -> Result<Identity> {
    let _ = connection;
    todo!()
}

/// Whether two identities are of one server and one database.
///
/// By system identifier, timeline and database where both sides tell them, else by address.
pub fn same_server(a: &Identity, b: &Identity) -> bool {
    let _ = (a, b);
    todo!()
}
