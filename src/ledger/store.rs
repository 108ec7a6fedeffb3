//! The ledger's connection and the transactions that can be told from failed ones.

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::endpoint::patience::query_patiently;
use crate::endpoint::{Error as EndpointError, session};
use crate::wire::{self, CommandTag, ConnectOptions, Connection, Reply, Row};

use super::error::{Error, Result};

/// How long a statement of the ledger is tried again before the target counts as gone.
const PATIENCE: Duration = Duration::from_secs(180);

/// A statement and the tag that its success must have, where that matters.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    pub(super) sql: String,
    /// `UPDATE 1`
    pub(super) must: Option<Cow<'static, str>>,
    /// Whether the transaction goes on without it where the server refuses it.
    optional: bool,
    /// Whether the server may be busy with it for longer than its silence is waited for.
    long: bool,
    /// Of `COPY … FROM STDIN`: whole rows of COPY text.
    rows: Option<Vec<u8>>,
    /// It changes a table of the user: a key that is taken there is a refusal, where one of the ledger is a
    /// sign that the same was done before.
    on_user_table: bool,
}

impl Statement {
    pub(super) fn new(sql: impl Into<String>) -> Self {
        Self {
            sql: sql.into(),
            must: None,
            optional: false,
            long: false,
            rows: None,
            on_user_table: false,
        }
    }

    /// A statement that touches all rows of a table.
    pub(super) fn long(sql: impl Into<String>) -> Self {
        Self {
            long: true,
            ..Self::new(sql)
        }
    }

    /// Lifts, for this transaction, the limit that a DB9 sets on the rows which an UPDATE or DELETE may
    /// scan (10,000, its documents say); other servers may not know it.
    pub(super) fn lift_scan_limit() -> Self {
        Self {
            optional: true,
            ..Self::new("SET LOCAL db9.dml_table_scan_max_rows = 0")
        }
    }

    pub(super) fn must(sql: impl Into<String>, tag: impl Into<Cow<'static, str>>) -> Self {
        Self {
            must: Some(tag.into()),
            ..Self::new(sql)
        }
    }

    /// A statement that changes a table of the user.
    pub(super) fn on_user_table(sql: impl Into<String>, tag: String) -> Self {
        Self {
            on_user_table: true,
            ..Self::must(sql, tag)
        }
    }

    /// `COPY … FROM STDIN` of these rows into a table of the user.
    pub(super) fn copy(sql: impl Into<String>, rows: Vec<u8>, tag: String) -> Self {
        Self {
            rows: Some(rows),
            ..Self::on_user_table(sql, tag)
        }
    }
}

/// How a transaction of the ledger ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// Its effect is there.
    Committed,
    /// The statement of this number, from 0, did not have the tag that it must have; nothing was changed.
    Unmet(usize),
}

/// Why one attempt at a transaction has no end.
enum Failure {
    /// Before COMMIT was sent: no effect, unless the connection is lost.
    Clean(wire::Error),
    /// COMMIT was sent and not answered with its tag: whatever the answer was, it proves nothing.
    Doubt(wire::Error),
    /// No effect, and none by another try.
    Final(wire::Error),
}

/// The ledger, over a connection of its own that is made anew when it breaks.
pub struct Ledger {
    connection: Option<Connection>,
    options: ConnectOptions,
    settings: session::WriteSettings,
}

impl Ledger {
    /// A ledger over a connection to the target; `options` make the next ones.
    pub fn new(
        connection: Connection,
        options: ConnectOptions,
        settings: session::WriteSettings,
    ) -> Self {
        Self {
            connection: Some(connection),
            options,
            settings,
        }
    }

    /// A ledger that connects when it is asked something.
    pub fn unconnected(options: ConnectOptions, settings: session::WriteSettings) -> Self {
        Self {
            connection: None,
            options,
            settings,
        }
    }

    /// Another ledger object over connections of its own, for a task that works beside this one.
    pub fn beside(&self) -> Self {
        Self::unconnected(self.options.clone(), self.settings.clone())
    }

    /// The connection, made anew where it broke.
    ///
    /// # Errors
    /// The target can not be reached.
    pub async fn connection(&mut self) -> Result<&mut Connection> {
        let usable = self.connection.take_if(|c| !c.is_usable()).is_none();
        if usable && let Some(ref mut connection) = self.connection {
            return Ok(connection);
        }
        let connection =
            Connection::connect(&self.options)
                .await
                .map_err(|source| Error::Wire {
                    doing: "connecting",
                    source,
                })?;
        Ok(self.connection.insert(connection))
    }

    /// A read outside a transaction, tried again over a new connection where that breaks.
    pub(super) async fn read(&mut self, doing: &'static str, sql: &str) -> Result<Reply> {
        let mut patience = Patience::new();
        loop {
            let tried = match self.connection().await {
                Ok(connection) => connection
                    .query(sql)
                    .await
                    .map_err(|source| Error::Wire { doing, source }),
                Err(e) => Err(e),
            };
            match tried {
                Err(Error::Wire { source, .. }) if passing(&source) && patience.wait().await => {}
                other => return other,
            }
        }
    }

    /// A read as `read`, whose rows are folded into what `start` makes; anew where the connection breaks.
    pub(super) async fn fold<T>(
        &mut self,
        doing: &'static str,
        sql: &str,
        start: impl Fn() -> T,
        mut step: impl FnMut(&mut T, &Row<'_>) -> Result<()>,
    ) -> Result<T> {
        let mut patience = Patience::new();
        loop {
            let mut folded = Ok(start());
            let row = |row: Row<'_>| {
                if let Ok(so_far) = &mut folded
                    && let Err(error) = step(so_far, &row)
                {
                    folded = Err(error);
                }
                ControlFlow::Continue(())
            };
            let read = match self.connection().await {
                Ok(connection) => connection
                    .query_each(sql, row)
                    .await
                    .map_err(|source| Error::Wire { doing, source }),
                Err(e) => Err(e),
            };
            match read {
                Err(Error::Wire { source, .. }) if passing(&source) && patience.wait().await => {}
                Err(error) => return Err(error),
                Ok(_) => return folded,
            }
        }
    }

    /// Runs statements in one transaction, until it is known to be committed or to have no effect.
    ///
    /// `applied` is a query that answers a row where the effect is there already; it is asked after
    /// every failure of which the outcome is unknown, so that nothing is done twice. Its *no* is no
    /// proof, since a COMMIT may still be on its way: then the next attempt waits for it, or finds what
    /// it must find (`must`) no more, and the question is asked again.
    pub(super) async fn transact(
        &mut self,
        doing: &'static str,
        statements: &[Statement],
        applied: &str,
    ) -> Result<Ended> {
        let mut patience = Patience::new();
        let mut in_doubt = false;
        loop {
            if in_doubt && self.is_applied(doing, applied).await? {
                return Ok(Ended::Committed);
            }
            let error = match self.attempt(statements).await {
                Ok(Ended::Unmet(_)) if in_doubt && self.is_applied(doing, applied).await? => {
                    return Ok(Ended::Committed);
                }
                Ok(ended) => return Ok(ended),
                Err(Failure::Final(source)) => return Err(Error::Wire { doing, source }),
                Err(Failure::Clean(error)) if !passing(&error) => {
                    return Err(Error::Wire {
                        doing,
                        source: error,
                    });
                }
                Err(Failure::Clean(error) | Failure::Doubt(error)) => error,
            };
            in_doubt = true;
            if !patience.wait().await {
                return Err(Error::Wire {
                    doing,
                    source: error,
                });
            }
        }
    }

    async fn is_applied(&mut self, doing: &'static str, applied: &str) -> Result<bool> {
        Ok(!self.read(doing, applied).await?.rows.is_empty())
    }

    async fn attempt(&mut self, statements: &[Statement]) -> Result<Ended, Failure> {
        let (settings, options) = (self.settings.clone(), self.options.clone());
        let connection = match self.connection().await {
            Ok(connection) => connection,
            Err(Error::Wire { source, .. }) => return Err(Failure::Clean(source)),
            Err(_) => unreachable!("connecting fails with the connection's error only"),
        };
        let clean = |e| Failure::Clean(wire_error(e));
        session::begin_write(connection, &settings)
            .await
            .map_err(clean)?;
        for (number, statement) in statements.iter().enumerate() {
            match send(connection, &options, statement).await {
                Ok(tag) if statement.is_met_by(&tag) => {}
                Ok(_) => {
                    session::rollback(connection).await.map_err(clean)?;
                    return Ok(Ended::Unmet(number));
                }
                Err(e) => {
                    let _ = session::rollback(connection).await;
                    let taken = statement.on_user_table && e.code() == Some("23505");
                    return Err(if taken {
                        Failure::Final(e)
                    } else {
                        Failure::Clean(e)
                    });
                }
            }
        }
        match connection.query("COMMIT").await {
            Ok(reply) if reply.tag.as_str() == "COMMIT" => Ok(Ended::Committed),
            Ok(reply) => Err(Failure::Doubt(wire::Error::Protocol {
                peer: "the target".to_owned(),
                what: format!("COMMIT was answered with {}", reply.tag.as_str()),
            })),
            Err(e) => Err(Failure::Doubt(e)),
        }
    }
}

impl Statement {
    fn is_met_by(&self, tag: &CommandTag) -> bool {
        self.must.as_ref().is_none_or(|must| tag.as_str() == must)
    }
}

async fn send(
    connection: &mut Connection,
    options: &ConnectOptions,
    statement: &Statement,
) -> wire::Result<CommandTag> {
    match &statement.rows {
        Some(rows) => copy(connection, &statement.sql, rows).await,
        None if statement.optional => Ok(optional(connection, &statement.sql).await?.tag),
        None if statement.long => Ok(query_patiently(connection, options, &statement.sql)
            .await?
            .tag),
        None => Ok(connection.query(&statement.sql).await?.tag),
    }
}

/// Bytes of rows that are sent in one message; a longer row stands alone.
const FRAME: usize = 128 << 10;

async fn copy(connection: &mut Connection, sql: &str, rows: &[u8]) -> wire::Result<CommandTag> {
    let mut copy = connection.copy_in(sql).await?;
    let mut rest = rows;
    while !rest.is_empty() {
        let within = &rest[..rest.len().min(FRAME)];
        let end = memchr::memrchr(b'\n', within).or_else(|| memchr::memchr(b'\n', rest));
        let (frame, after) = rest.split_at(end.map_or(rest.len(), |at| at + 1));
        copy.send(frame).await?;
        rest = after;
    }
    copy.finish().await
}

/// Runs a statement whose refusal the transaction survives.
async fn optional(connection: &mut Connection, sql: &str) -> wire::Result<Reply> {
    connection.query("SAVEPOINT wire9_optional").await?;
    let end = match connection.query(sql).await {
        Ok(_) => "RELEASE SAVEPOINT wire9_optional",
        Err(wire::Error::Server(_)) if connection.is_usable() => {
            "ROLLBACK TO SAVEPOINT wire9_optional"
        }
        Err(error) => return Err(error),
    };
    connection.query(end).await
}

/// The wire error inside an endpoint error; what is not one is told as a broken protocol.
fn wire_error(error: EndpointError) -> wire::Error {
    match error {
        EndpointError::Wire { source, .. } => source,
        other => wire::Error::Protocol {
            peer: "the target".to_owned(),
            what: other.to_string(),
        },
    }
}

/// Whether the same statement may succeed a moment later: broken connections, conflicts, locks,
/// servers that start or stop, and two processes that create the same object (23505 on a catalog).
fn passing(error: &wire::Error) -> bool {
    match error {
        wire::Error::Lost { .. } | wire::Error::Silent { .. } | wire::Error::Connect { .. } => true,
        _ => matches!(
            error.code(),
            Some(
                "40001"
                    | "40P01"
                    | "55P03"
                    | "57P01"
                    | "57P02"
                    | "57P03"
                    | "53300"
                    | "23505"
                    | "XX000"
            )
        ),
    }
}

/// Waits between tries: 50 ms, doubling up to 5 s, until the patience is over.
struct Patience {
    until: Instant,
    next: Duration,
    /// Refusals of the same kind in a row are not worth three minutes.
    tries: u32,
}

impl Patience {
    fn new() -> Self {
        Self {
            until: Instant::now() + PATIENCE,
            next: Duration::from_millis(50),
            tries: 0,
        }
    }

    /// Waits; `false` when the patience is over.
    async fn wait(&mut self) -> bool {
        self.tries += 1;
        if Instant::now() >= self.until || self.tries > 40 {
            return false;
        }
        sleep(self.next).await;
        self.next = (self.next * 2).min(Duration::from_secs(5));
        true
    }
}
