//! One database of a cluster, and the few questions that tests ask it.

use postgres::Client;

use crate::client::{Rows, apart, connect, quoted, rows};
use crate::{Cluster, Error};

/// A database that is dropped, with whatever sessions it has, when the value is.
#[derive(Debug)]
pub struct Database {
    cluster: Cluster,
    name: String,
}

impl Database {
    pub(crate) fn new(cluster: Cluster, name: String) -> Self {
        Self { cluster, name }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its cluster.
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Its URI over TCP.
    #[must_use]
    pub fn uri(&self) -> String {
        self.cluster.uri(&self.name)
    }

    /// Its URI over the unix socket.
    #[must_use]
    pub fn socket_uri(&self) -> String {
        self.cluster.socket_uri(&self.name)
    }

    /// A session of its own, for tests that hold locks or transactions. Not inside an async runtime.
    ///
    /// # Errors
    /// Where the server cannot be reached.
    pub fn client(&self) -> Result<Client, Error> {
        connect(&self.socket_uri())
    }

    /// Runs statements, separated by semicolons, in a new session.
    ///
    /// # Errors
    /// What the server says.
    pub fn execute(&self, sql: &str) -> Result<(), Error> {
        apart(|| {
            self.client()?
                .batch_execute(sql)
                .map_err(Error::sql("a statement"))
        })
    }

    /// The rows of a query, each value as the server's text, NULL as `None`.
    ///
    /// # Errors
    /// What the server says.
    pub fn query(&self, sql: &str) -> Result<Rows, Error> {
        apart(|| rows(&mut self.client()?, sql))
    }

    /// The first value of the first row, parsed. (`String` takes any; NULL and no row are errors.)
    ///
    /// # Errors
    /// What the server says; where there is no such value; where its text is none of `T`.
    pub fn query_value<T: std::str::FromStr>(&self, sql: &str) -> Result<T, Error> {
        let rows = self.query(sql)?;
        let value = rows
            .into_iter()
            .next()
            .and_then(|row| row.into_iter().next().flatten());
        value
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| Error::Answer {
                question: sql.into(),
            })
    }

    /// The rows of a table, or of anything that can stand after FROM; quoted by the caller.
    ///
    /// # Errors
    /// What the server says.
    pub fn count(&self, table: &str) -> Result<u64, Error> {
        self.query_value(&format!("SELECT count(*) FROM {table}"))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // Not while the cluster is stopped; its folder goes with it anyway.
        if self.cluster.is_running() {
            let _ = self.cluster.execute(&format!(
                "DROP DATABASE IF EXISTS {} WITH (FORCE)",
                quoted(&self.name)
            ));
        }
    }
}
