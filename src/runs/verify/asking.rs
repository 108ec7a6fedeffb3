//! Questions to the target, each in a transaction of its own.

use std::time::Duration;

use crate::catalog::database::Database;
use crate::endpoint::session::{self, WriteSettings};
use crate::endpoint::{self, Error as EndpointError, introspect};
use crate::lane;
use crate::ledger::{self, Ledger};
use crate::wire::{self, Connection, Pulse, Reply};

/// Waits before a question is asked again over a new connection.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(5),
];

/// Rows of texts.
pub(super) type Texts = Vec<Vec<Option<String>>>;

/// The target, asked over the connection of its ledger.
pub(super) struct Asking<'a> {
    ledger: &'a mut Ledger,
    write: &'a WriteSettings,
    pulse: Pulse,
}

impl<'a> Asking<'a> {
    pub(super) fn new(ledger: &'a mut Ledger, write: &'a WriteSettings) -> Self {
        Self {
            ledger,
            write,
            pulse: Pulse::default(),
        }
    }

    /// Each answer, and each failed try, is a sign of life for who watches the run.
    pub(super) fn watched(self, pulse: Pulse) -> Self {
        Self { pulse, ..self }
    }

    /// The rows of the last of these statements; or why there are none, in words.
    pub(super) async fn ask(&mut self, statements: &[&str]) -> Result<Texts, String> {
        let mut pauses = PAUSES.iter();
        loop {
            let attempt = self.attempt(statements).await;
            self.pulse.beat();
            let error = match attempt {
                Ok(reply) => return Ok(reply.rows),
                Err(error) => error,
            };
            match pauses.next() {
                Some(pause) if is_lost(&error) => tokio::time::sleep(*pause).await,
                _ => return Err(lane::chain(&error)),
            }
        }
    }

    /// The whole catalog of the target, once; or why it can not be read, in words.
    pub(super) async fn database(&mut self) -> Result<Database, String> {
        let read = self.catalog().await;
        self.pulse.beat();
        read.map_err(|error| lane::chain(&error))
    }

    async fn catalog(&mut self) -> endpoint::Result<Database> {
        let connection = connection(self.ledger).await?;
        session::begin_write(connection, self.write).await?;
        let read = introspect::database(connection).await;
        let ended = session::rollback(connection).await;
        let database = read?;
        ended.map(|()| database)
    }

    async fn attempt(&mut self, statements: &[&str]) -> endpoint::Result<Reply> {
        let connection = connection(self.ledger).await?;
        // In a transaction, so that the settings hold: the timeouts are lifted.
        session::begin_write(connection, self.write).await?;
        let mut last = None;
        for statement in statements {
            match connection.query(statement).await {
                Ok(reply) => last = Some(reply),
                Err(error) => {
                    session::rollback(connection).await?;
                    return Err(asking(error));
                }
            }
        }
        session::rollback(connection).await?;
        last.ok_or_else(|| EndpointError::Unexpected {
            what: "nothing was asked".to_owned(),
        })
    }
}

async fn connection(ledger: &mut Ledger) -> endpoint::Result<&mut Connection> {
    ledger.connection().await.map_err(|error| match error {
        ledger::Error::Wire { source, .. } => asking(source),
        error => EndpointError::Unexpected {
            what: error.to_string(),
        },
    })
}

fn asking(source: wire::Error) -> EndpointError {
    EndpointError::Wire {
        doing: "asking the target".to_owned(),
        source,
    }
}

fn is_lost(error: &EndpointError) -> bool {
    matches!(
        error.wire(),
        Some(wire::Error::Lost { .. } | wire::Error::Connect { .. })
    )
}
