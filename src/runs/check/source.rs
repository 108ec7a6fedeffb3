//! What is known of the source: its state, and its catalog under one snapshot.

use crate::catalog::database::{Database, ServerState};
use crate::endpoint::error::Error as EndpointError;
use crate::endpoint::identity::{Identity, identity};
use crate::endpoint::introspect;
use crate::endpoint::snapshot::Keeper;
use crate::wire::{ConnectOptions, Connection};

use super::super::error::Error;
use super::{Settings, refused};

/// The versions that are tested, `server_version_num`.
const SUPPORTED: std::ops::Range<u32> = 130_000..190_000;

/// The source as it was found.
pub(super) struct Source {
    pub(super) database: Database,
    pub(super) state: ServerState,
    /// Still open: `deep` reads under its snapshot.
    pub(super) transaction: Transaction,
}

/// The transaction that the catalog was read in.
pub(super) enum Transaction {
    /// With a snapshot that several readers share.
    Shared(Box<(Keeper, ConnectOptions)>),
    /// Of a server that exports no snapshot.
    Alone(Box<Connection>),
}

/// Reads state and catalog of the source.
pub(super) async fn look(settings: &Settings) -> Result<Source, Error> {
    let mut options = settings.source.clone();
    options.set_reply_timeout(settings.io_timeout);
    options.set_application_name("wire9/check");
    let connected = Connection::connect(&options).await;
    let mut connection = connected.map_err(|e| Error::connect("the source", e))?;
    options.pin(connection.peer());
    let identity = identity(&mut connection).await?;
    supported(&identity, settings.unsupported_source)?;
    let mut state = introspect::server_state(&mut connection).await?;
    pooling(&mut connection, &options, &mut state).await;
    let mut transaction = Transaction::begin(connection, options, &mut state).await?;
    let database = introspect::database(transaction.connection()).await?;
    Ok(Source {
        database,
        state,
        transaction,
    })
}

/// One connection alone does not show how a pooler works; a second one, in a transaction, does.
async fn pooling(first: &mut Connection, options: &ConnectOptions, state: &mut ServerState) {
    if state.session_holds.is_some() {
        return;
    }
    // Where no second connection can be had, it stays open.
    let Ok(mut second) = Connection::connect(options).await else {
        return;
    };
    // A pooler by the statement ends the session that asks for a transaction: it is refused below.
    if let Ok(told @ Some(_)) = introspect::session_holds(first, &mut second).await {
        state.session_holds = told;
        let open = |what: &String| !what.contains("a pooler is between");
        state.not_read.retain(open);
    }
    second.close().await;
}

/// Refuses what was never tested, unless that is wanted.
fn supported(identity: &Identity, any: bool) -> Result<(), Error> {
    if identity.is_db9() {
        return Err(refused(
            "the source is a DB9, not a PostgreSQL",
            "give --postgres the URI of the PostgreSQL database, and --db9 that of the DB9",
        ));
    }
    let version = identity.server_version_num;
    if any || version.is_some_and(|v| SUPPORTED.contains(&v)) {
        return Ok(());
    }
    Err(refused(
        format!(
            "the source is not a PostgreSQL 13 to 18: {}",
            identity.version
        ),
        "upgrade the source, or say --unsupported-source to check it all the same",
    ))
}

impl Transaction {
    /// Begins it, with a shared snapshot where the server has that.
    async fn begin(
        connection: Connection,
        options: ConnectOptions,
        state: &mut ServerState,
    ) -> Result<Self, Error> {
        match Keeper::open(&options, "wire9/check").await {
            Ok(keeper) => {
                connection.close().await;
                Ok(Self::Shared(Box::new((keeper, options))))
            }
            Err(refusal @ EndpointError::Refused { .. }) => {
                state.exports_snapshots = Some(false);
                // Where no transaction can be had either (a pooler by the statement), that is why.
                Self::alone(connection).await.map_err(|_| refusal.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn alone(mut connection: Connection) -> Result<Self, Error> {
        const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; \
             SET LOCAL search_path = ''; SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO'; \
             SET LOCAL statement_timeout = 0; SET LOCAL row_security = off";
        let begun = connection.query(BEGIN).await;
        begun.map_err(|source| EndpointError::Wire {
            doing: "beginning a transaction on the source".to_owned(),
            source,
        })?;
        Ok(Self::Alone(Box::new(connection)))
    }

    /// The connection, inside the transaction.
    pub(super) fn connection(&mut self) -> &mut Connection {
        match self {
            Self::Shared(shared) => shared.0.connection(),
            Self::Alone(connection) => connection,
        }
    }

    pub(super) async fn close(self) {
        match self {
            Self::Shared(shared) => shared.0.close().await,
            Self::Alone(connection) => connection.close().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::Exit;

    fn identity(version: &str, number: Option<u32>) -> Identity {
        Identity {
            system_identifier: None,
            timeline: None,
            host: String::new(),
            port: 0,
            database: String::new(),
            database_oid: None,
            server_version_num: number,
            version: version.to_owned(),
            in_recovery: false,
        }
    }

    #[test]
    fn a_version_that_was_not_tested_is_refused_by_name_unless_that_is_wanted() {
        for number in [130_000, 180_004] {
            assert!(supported(&identity("PostgreSQL", Some(number)), false).is_ok());
        }
        for (version, number) in [
            ("PostgreSQL 12.22", 120_022),
            ("PostgreSQL 19beta1", 190_000),
        ] {
            let found = identity(version, Some(number));
            let error = supported(&found, false).expect_err(version);
            assert_eq!(error.exit, Exit::Refused);
            assert!(error.what.contains(version), "{}", error.what);
            assert!(supported(&found, true).is_ok(), "{version}");
        }
        assert!(supported(&identity("something else", None), false).is_err());
    }

    #[test]
    fn a_db9_is_no_source_whatever_is_wanted() {
        let found = identity("PostgreSQL 16 (db9-server 1.0)", Some(160_000));
        let error = supported(&found, true).expect_err("a DB9");
        assert!(error.what.contains("is a DB9"), "{}", error.what);
    }
}
