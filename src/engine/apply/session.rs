//! One statement to its end, over a connection that is made anew when it breaks.

use std::time::Duration;

use crate::endpoint::{self, session};
use crate::lane::{Heard, Tries, chain};
use crate::ledger::{self, Ledger, Made, record_statement};
use crate::metrics::Event;
use crate::schema::convert::{Makes, Statement};
use crate::wire::{self, Connection};

use super::super::error::Error;
use super::exists::is_there;
use super::patience::{self, patient};
use super::{Applying, Refusal, ledger_of};

/// Longer than any index takes: whether the target lives is asked of another connection.
const NO_END: Duration = Duration::from_secs(30 * 86_400);

/// What became of a statement.
pub(super) enum Outcome {
    /// It is applied and recorded.
    Done,
    /// The target refuses it.
    Refused(Refusal),
    /// The run is asked to stop; nothing was applied.
    Stopped,
    /// Nothing more can be applied.
    Ended(Error),
}

/// How far the statement's transaction was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// No connection yet, or BEGIN.
    Begin,
    /// The statement itself.
    Statement,
    /// Its row in the ledger.
    Record,
    /// COMMIT was sent.
    Commit,
}

enum Failure {
    Wire(Stage, wire::Error),
    /// The session could not be set up as it must be.
    Session(endpoint::Error),
    /// The ledger knows another owner of the run.
    Fence,
    /// COMMIT was answered with another tag.
    NotCommitted,
    Ledger(ledger::Error),
    /// Somebody did not want to wait longer.
    Over {
        after: Duration,
        word: &'static str,
    },
}

impl From<patience::Failure> for Failure {
    fn from(failure: patience::Failure) -> Self {
        match failure {
            patience::Failure::Wire(error) => Self::Wire(Stage::Statement, error),
            patience::Failure::Over { after, word } => Self::Over { after, word },
        }
    }
}

/// What to do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decision {
    /// Nothing happened: do it again.
    Again,
    /// The ledger knows whether it happened.
    Resolve,
    /// The object is there already: is it ours?
    Exists,
    /// Not inside a transaction.
    Alone,
    Refused,
    Ended,
}

pub(super) struct Session<'a> {
    applying: &'a Applying,
    connection: Option<Connection>,
    ledger: Ledger,
}

impl<'a> Session<'a> {
    pub(super) fn new(applying: &'a Applying) -> Self {
        Self {
            applying,
            connection: None,
            ledger: ledger_of(applying),
        }
    }

    pub(super) async fn close(mut self) {
        if let Some(connection) = self.connection.take() {
            connection.close().await;
        }
    }

    /// Applies a statement; `unchecked`: without a look at the body of a routine.
    pub(super) async fn apply(&mut self, statement: &Statement, unchecked: bool) -> Outcome {
        let mut tries = Tries::new(self.applying.pace);
        let mut alone = false;
        // Whether what is there already may come from an attempt whose end is not known.
        let mut ours = self.applying.continued;
        loop {
            let attempt = match alone {
                false => self.inside(statement, unchecked).await,
                true => self.outside(statement).await,
            };
            let Err(failure) = attempt else {
                return Outcome::Done;
            };
            let decision = failure.decision(statement);
            if decision == Decision::Alone && !alone {
                alone = true;
                continue;
            }
            ours |= decision == Decision::Resolve || alone;
            let settled = self.settle(statement, &failure, (decision, ours)).await;
            if self.is_stopped(&settled) {
                return Outcome::Stopped;
            }
            if let Some(outcome) = settled {
                return outcome;
            }
            self.retrying(statement, &failure);
            let ends = decision == Decision::Ended;
            if ends || !tries.again(failure.heard(), &self.applying.stop).await {
                return failure.into_outcome(statement);
            }
        }
    }

    /// What became of a statement after a failure, where that can be told.
    async fn settle(
        &mut self,
        statement: &Statement,
        failure: &Failure,
        (decision, ours): (Decision, bool),
    ) -> Option<Outcome> {
        let exists = decision == Decision::Exists;
        match decision {
            Decision::Again | Decision::Ended => None,
            Decision::Alone | Decision::Refused => Some(Outcome::Refused(failure.told())),
            Decision::Exists | Decision::Resolve => {
                match self.resolve(statement, (exists, ours)).await {
                    Ok(true) => Some(Outcome::Done),
                    Ok(false) => exists.then(|| Outcome::Refused(failure.told())),
                    Err(error) => Some(Outcome::Ended(error.into())),
                }
            }
        }
    }

    /// A run that is asked to stop does not try again, and a statement that was cancelled is no failure.
    fn is_stopped(&self, settled: &Option<Outcome>) -> bool {
        let open = match settled {
            None => true,
            Some(Outcome::Refused(refusal)) => refusal.code == CANCELLED,
            Some(_) => false,
        };
        open && self.applying.stop.is_cancelled()
    }

    fn retrying(&self, statement: &Statement, failure: &Failure) {
        let line = format!(
            "applying {} again: {}",
            statement.object,
            failure.in_words()
        );
        let _ = self.applying.events.try_send(Event::Retry(line));
    }

    /// The statement and its row in the ledger, in one transaction.
    async fn inside(&mut self, statement: &Statement, unchecked: bool) -> Result<(), Failure> {
        let applying = self.applying;
        let connection = self.connected().await?;
        session::begin_write(connection, &applying.settings)
            .await
            .map_err(Failure::Session)?;
        let ended = transaction(applying, connection, statement, unchecked).await;
        if ended.is_err() && session::rollback(connection).await.is_err() {
            self.connection = None;
        }
        ended
    }

    /// The statement alone, then its row.
    async fn outside(&mut self, statement: &Statement) -> Result<(), Failure> {
        let applying = self.applying;
        let connection = self.connected().await?;
        session::settle(connection, &applying.settings)
            .await
            .map_err(Failure::Session)?;
        patient(applying, connection, (&statement.object, &statement.sql)).await?;
        // The settings of this session are not those of the others.
        self.connection = None;
        self.record(statement, Made::Applied)
            .await
            .map_err(Failure::Ledger)
    }

    async fn record(&mut self, statement: &Statement, made: Made) -> ledger::Result<()> {
        let owned = (self.applying.run.as_str(), &self.applying.owner);
        let what = (statement.object.as_str(), statement.sql.as_str());
        self.ledger.record_statement(owned, what, made).await
    }

    /// Whether the statement is applied: by the ledger, else, where that can be, by the object itself.
    async fn resolve(
        &mut self,
        statement: &Statement,
        (exists, ours): (bool, bool),
    ) -> ledger::Result<bool> {
        let (run, object) = (&self.applying.run, &statement.object);
        if self.ledger.has_statement(run, object).await? {
            return Ok(true);
        }
        if !exists || !ours {
            return Ok(false);
        }
        let connection = self.ledger.connection().await?;
        match is_there(connection, statement).await {
            Ok(true) => self
                .record(statement, Made::Recognised)
                .await
                .map(|()| true),
            Ok(false) => Ok(false),
            Err(source) => Err(ledger::Error::Wire {
                doing: "looking for an object",
                source,
            }),
        }
    }

    async fn connected(&mut self) -> Result<&mut Connection, Failure> {
        let usable = self.connection.take_if(|c| !c.is_usable()).is_none();
        if usable && let Some(ref mut connection) = self.connection {
            return Ok(connection);
        }
        let connected = Connection::connect(&self.applying.target).await;
        let mut connection = connected.map_err(|e| Failure::Wire(Stage::Begin, e))?;
        connection.set_reply_timeout(NO_END);
        Ok(self.connection.insert(connection))
    }
}

async fn transaction(
    applying: &Applying,
    connection: &mut Connection,
    statement: &Statement,
    unchecked: bool,
) -> Result<(), Failure> {
    let at = |stage| move |e| Failure::Wire(stage, e);
    let routine = matches!(statement.makes, Makes::Routine | Makes::EarlyRoutine);
    if unchecked && routine {
        let setting = "SET LOCAL check_function_bodies = off";
        connection
            .query(setting)
            .await
            .map_err(at(Stage::Statement))?;
    }
    patient(applying, connection, (&statement.object, &statement.sql)).await?;
    let owned = (applying.run.as_str(), &applying.owner);
    let what = (statement.object.as_str(), statement.sql.as_str());
    let record = record_statement(owned, what, Made::Applied);
    let recorded = connection.query(&record).await.map_err(at(Stage::Record))?;
    if recorded.tag.as_str() != "INSERT 0 1" {
        return Err(Failure::Fence);
    }
    let reply = connection
        .query("COMMIT")
        .await
        .map_err(at(Stage::Commit))?;
    match reply.tag.as_str() {
        "COMMIT" => Ok(()),
        _ => Err(Failure::NotCommitted),
    }
}

/// Query canceled.
const CANCELLED: &str = "57014";

impl Failure {
    fn decision(&self, statement: &Statement) -> Decision {
        match self {
            Self::Wire(stage, error) => decide(*stage, error, statement.makes),
            Self::Session(error) => match error.wire() {
                Some(error) => decide(Stage::Begin, error, statement.makes),
                None => Decision::Again,
            },
            Self::NotCommitted => Decision::Resolve,
            Self::Fence | Self::Ledger(_) | Self::Over { .. } => Decision::Ended,
        }
    }

    fn wire(&self) -> Option<&wire::Error> {
        match self {
            Self::Wire(_, error) => Some(error),
            Self::Session(error) => error.wire(),
            Self::Ledger(_) | Self::Fence | Self::NotCommitted | Self::Over { .. } => None,
        }
    }

    fn heard(&self) -> Heard {
        Heard::of(self.wire())
    }

    /// Whether a living server has said no.
    fn is_refusal(&self) -> bool {
        self.heard() == Heard::Refusal
    }

    fn in_words(&self) -> String {
        match self {
            Self::Wire(_, error) => chain(error),
            Self::Session(error) => chain(error),
            Self::Ledger(error) => chain(error),
            Self::Fence => "the run has another owner".to_owned(),
            Self::NotCommitted => "COMMIT was answered with ROLLBACK".to_owned(),
            Self::Over { after, word } => format!("{word}, {} s", after.as_secs()),
        }
    }

    fn told(&self) -> Refusal {
        let code = self.wire().and_then(wire::Error::code);
        Refusal {
            code: code.unwrap_or_default().to_owned(),
            message: self.in_words(),
        }
    }

    /// After the last try.
    fn into_outcome(self, statement: &Statement) -> Outcome {
        match self.wire() {
            Some(_) if self.is_refusal() => Outcome::Refused(self.told()),
            _ => Outcome::Ended(self.into_error(statement)),
        }
    }

    fn into_error(self, statement: &Statement) -> Error {
        let object = statement.object.clone();
        match self {
            Self::Fence => Error::TakenOver,
            Self::Over { after, word } => Error::Stalled {
                seconds: after.as_secs(),
                lanes: vec![format!("{object}: {word} (--statement-limit)")],
            },
            Self::Ledger(error) => error.into(),
            Self::Session(source) => Error::Statement { object, source },
            Self::Wire(_, source) => Error::Statement {
                source: endpoint::Error::Wire {
                    doing: format!("applying {object}"),
                    source,
                },
                object,
            },
            Self::NotCommitted => Error::Statement {
                source: endpoint::Error::Unexpected {
                    what: "COMMIT was answered with ROLLBACK".to_owned(),
                },
                object,
            },
        }
    }
}

/// What to do about an error: one pure table.
fn decide(stage: Stage, error: &wire::Error, makes: Makes) -> Decision {
    let Some(code) = error.code() else {
        return match error {
            wire::Error::Authentication { .. }
            | wire::Error::Tls { .. }
            | wire::Error::Options(_) => Decision::Ended,
            wire::Error::Unsendable { .. } => Decision::Refused,
            // The old transaction may still live, and commit.
            _ => Decision::Resolve,
        };
    };
    match stage {
        // An error that answers COMMIT proves nothing on a distributed database.
        Stage::Commit => Decision::Resolve,
        Stage::Record if code == "23505" => Decision::Resolve,
        _ => refused(stage, code, makes),
    }
}

/// An error that a living connection answered before COMMIT.
fn refused(stage: Stage, code: &str, makes: Makes) -> Decision {
    match (code, &code[..code.len().min(2)]) {
        ("25001", _) if stage == Stage::Statement => Decision::Alone,
        // 42P16: a second primary key; 42701: a column.
        ("42P06" | "42P07" | "42710" | "42723" | "42P16" | "42701", _)
            if stage == Stage::Statement =>
        {
            Decision::Exists
        }
        ("40001" | "40P01" | "55P03" | "25P02" | "40003" | "55006", _) => Decision::Again,
        ("57P01" | "57P02" | "57P03" | "57P04" | "57P05" | "53300" | "25P03" | "25P04", _)
        | (_, "08") => Decision::Resolve,
        // Two sessions that write the same row of a catalog; of an index it is two rows of the table.
        ("23505", _) if !reads_rows(makes) => Decision::Again,
        (_, "XX" | "58") | ("53200", _) => Decision::Again,
        _ if stage == Stage::Record => Decision::Ended,
        _ => Decision::Refused,
    }
}

/// Whether rows of users are read when it is made.
fn reads_rows(makes: Makes) -> bool {
    matches!(
        makes,
        Makes::Unique | Makes::Index | Makes::ForeignKey | Makes::MaterializedView
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ServerError;

    fn server(code: &str) -> wire::Error {
        let error = ServerError {
            code: code.to_owned(),
            ..ServerError::default()
        };
        wire::Error::Server(Box::new(error))
    }

    fn decided(code: &str, makes: Makes) -> Decision {
        decide(Stage::Statement, &server(code), makes)
    }

    #[test]
    fn every_error_of_commit_is_decided_by_the_ledger() {
        for code in ["40001", "XX000", "23505", "42P07"] {
            let decision = decide(Stage::Commit, &server(code), Makes::Table);
            assert_eq!(decision, Decision::Resolve, "{code}");
        }
    }

    #[test]
    fn what_exists_already_is_looked_at_and_what_is_wrong_is_refused() {
        assert_eq!(decided("42P07", Makes::Table), Decision::Exists);
        assert_eq!(decided("42710", Makes::ForeignKey), Decision::Exists);
        for code in ["42601", "0A000", "42501", "23503", "42P01", "22P02"] {
            assert_eq!(
                decided(code, Makes::ForeignKey),
                Decision::Refused,
                "{code}"
            );
        }
    }

    #[test]
    fn a_duplicate_is_a_conflict_of_catalogs_unless_rows_are_read() {
        assert_eq!(decided("23505", Makes::Schema), Decision::Again);
        assert_eq!(decided("23505", Makes::Unique), Decision::Refused);
    }

    #[test]
    fn a_lost_connection_is_decided_by_the_ledger_and_a_wrong_password_ends_it() {
        let lost = wire::Error::Lost {
            peer: String::new(),
            source: std::io::Error::other("x"),
        };
        for stage in [Stage::Begin, Stage::Statement, Stage::Record, Stage::Commit] {
            assert_eq!(decide(stage, &lost, Makes::Table), Decision::Resolve);
        }
        let wrong = wire::Error::Authentication {
            peer: String::new(),
            reason: String::new(),
        };
        assert_eq!(decide(Stage::Begin, &wrong, Makes::Table), Decision::Ended);
    }

    #[test]
    fn a_statement_that_wants_no_transaction_gets_none() {
        assert_eq!(decided("25001", Makes::Analyze), Decision::Alone);
    }
}
