//! Why an operation ended without its result, and what that means for the caller.

use crate::copytext::RowErrorKind;
use crate::wire::OptionsError;
use crate::{endpoint, engine, lane, ledger, schema, verify, wire};

/// The exit codes of the program; stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything was done.
    Done = 0,
    /// A fault of the program itself.
    Internal = 1,
    /// The arguments make no sense.
    Usage = 2,
    /// Connection or authentication.
    Connection = 3,
    /// A precondition was refused; nothing was written.
    Refused = 4,
    /// A part was done: rejects, failed DDL, tables left.
    Partial = 5,
    /// Source and target do not agree.
    Mismatch = 6,
    /// Something could not be verified.
    NotVerified = 7,
    /// `check` found loss.
    Findings = 8,
    /// `check` found blockers that nobody accepted.
    Blockers = 9,
    /// Interrupted by a signal.
    Interrupted = 130,
}

/// Why an operation ended without its result. `Display` is one line without its cause; `source()` is
/// the chain.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct Error {
    /// The exit code that it means.
    pub exit: Exit,
    /// What went wrong: the object and the reason; never a row value or a secret.
    pub what: String,
    /// What to do about it, one line.
    pub advice: Option<String>,
    /// The cause.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What continues a run that stopped on the way.
const CONTINUE: &str =
    "committed batches stay; when the cause is mended, the same command continues";

impl Error {
    /// An error without a cause or advice.
    pub fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self {
            exit,
            what: what.into(),
            advice: None,
            source: None,
        }
    }

    /// With advice.
    #[must_use]
    pub fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// With its cause.
    #[must_use]
    pub fn because(mut self, cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(cause));
        self
    }

    /// A first connection that could not be made; `endpoint` is `the source` or `the target`.
    pub fn connect(endpoint: &str, cause: wire::Error) -> Self {
        let exit = match &cause {
            wire::Error::Options(OptionsError::PasswordCommand { .. }) => Exit::Connection,
            wire::Error::Options(_) => Exit::Usage,
            _ => Exit::Connection,
        };
        let advice = connect_advice(&cause);
        let what = format!("can not connect to {endpoint}");
        match cause {
            // The address and the reason, and nothing said twice.
            wire::Error::Connect { peer, source } => {
                Self::new(exit, format!("{what} at {peer}")).because(source)
            }
            wire::Error::Options(cause) => Self::new(exit, what).because(cause),
            cause => Self::new(exit, what).because(cause),
        }
        .advise(advice)
    }
}

impl From<endpoint::Error> for Error {
    fn from(error: endpoint::Error) -> Self {
        use endpoint::Error as E;
        let exit = match &error {
            E::SnapshotLost { .. } => Exit::Connection,
            error if error.wire().is_some_and(is_connection) => Exit::Connection,
            _ => Exit::Refused,
        };
        match error {
            E::Refused { what, remedy } => Self::new(exit, what).advise(remedy),
            E::Wire { .. } => {
                let advice = wire_advice(&error);
                Self::new(exit, error.to_string())
                    .advise(advice)
                    .because_of(error)
            }
            error => Self::new(exit, error.to_string())
                .advise(endpoint_advice(&error))
                .because_of(error),
        }
    }
}

/// Problems shown one by one; more of them have the same few reasons.
const SHOWN: usize = 50;

/// One problem is the error; several are listed as its causes.
impl From<schema::Refusals> for Error {
    fn from(refusals: schema::Refusals) -> Self {
        let list = refusals.list();
        if let [only] = list {
            return Self::new(Exit::Refused, format!("{}: {}", only.object, only.problem))
                .advise(only.problem.remedy());
        }
        let mut lines: Vec<String> = list
            .iter()
            .take(SHOWN)
            .map(|r| format!("{}: {} ({})", r.object, r.problem, r.problem.remedy()))
            .collect();
        if list.len() > SHOWN {
            lines.push(format!("and {} more", list.len() - SHOWN));
        }
        let what = format!("{} problems stand against this run", list.len());
        let mut error = Self::new(Exit::Refused, what)
            .advise("mend each as its line says, or exclude its table; nothing was written");
        error.source = Cause::list(lines).map(|cause| Box::new(cause).into());
        error
    }
}

impl From<ledger::Error> for Error {
    fn from(error: ledger::Error) -> Self {
        let (exit, advice) = match &error {
            ledger::Error::NoRight { grant, .. } => {
                let advice = format!("{grant}; or create schema wire9 with that user as its owner");
                return Self::new(Exit::Refused, error.to_string())
                    .advise(advice)
                    .because_of(error);
            }
            ledger::Error::Foreign { .. } => (
                Exit::Refused,
                "schema wire9 holds tables of something else; rename or drop it; nothing was written",
            ),
            ledger::Error::Wire { source, .. } if is_connection(source) => {
                (Exit::Connection, CONTINUE)
            }
            ledger::Error::Wire { source, .. } => (Exit::Refused, ledger_advice(source)),
            ledger::Error::Unreadable { .. } => (
                Exit::Refused,
                "something else has written to schema wire9; drop it if no run is worth continuing",
            ),
            ledger::Error::Version { .. } => (
                Exit::Refused,
                "continue with the version that began, or drop schema wire9",
            ),
            ledger::Error::TakenOver { .. } => return taken_over(),
        };
        Self::new(exit, error.to_string())
            .advise(advice)
            .because_of(error)
    }
}

impl From<engine::Error> for Error {
    fn from(error: engine::Error) -> Self {
        match error {
            engine::Error::Lane(error) => (*error).into(),
            engine::Error::Ledger(error) => error.into(),
            engine::Error::TakenOver => taken_over(),
            engine::Error::Snapshot(error) => Self::new(Exit::Connection, error.to_string())
                .advise(SNAPSHOT)
                .because_of(error),
            engine::Error::Stalled { ref lanes, .. } => {
                let mut stalled = Self::new(Exit::Partial, error.to_string()).advise(STALLED);
                stalled.source = Cause::list(lanes.clone()).map(|cause| Box::new(cause).into());
                stalled
            }
            engine::Error::Count { .. } => {
                Self::new(Exit::NotVerified, error.to_string()).because_of(error)
            }
            error => Self::new(Exit::Internal, error.to_string()).because_of(error),
        }
    }
}

impl From<lane::Error> for Error {
    fn from(error: lane::Error) -> Self {
        let exit = match &error {
            lane::Error::TakenOver => return taken_over(),
            lane::Error::Source { source, .. } | lane::Error::Target { source, .. }
                if source.wire().is_some_and(is_connection) =>
            {
                Exit::Connection
            }
            _ => Exit::Partial,
        };
        Self::new(exit, error.to_string())
            .advise(advice(&error))
            .because_of(error)
    }
}

impl From<verify::Error> for Error {
    fn from(error: verify::Error) -> Self {
        let exit = match error {
            verify::Error::Source(error) => return (*error).into(),
            verify::Error::Ledger(error) => return error.into(),
            verify::Error::Stopped => Exit::Interrupted,
            verify::Error::Target { ref source, .. }
                if source.wire().is_some_and(is_connection) =>
            {
                Exit::Connection
            }
            _ => Exit::Partial,
        };
        Self::new(exit, error.to_string())
            .advise(CONTINUE)
            .because_of(error)
    }
}

impl Error {
    /// With the causes of an error whose own words are in `what` already.
    fn because_of(mut self, error: impl std::error::Error) -> Self {
        self.source = error
            .source()
            .map(|cause| Box::new(Cause::of(cause)).into());
        self
    }
}

/// The causes of an error, in words.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
struct Cause {
    text: String,
    source: Option<Box<Cause>>,
}

impl Cause {
    /// Lines that stand side by side.
    fn list(lines: Vec<String>) -> Option<Self> {
        lines.into_iter().rev().fold(None, |next, text| {
            let source = next.map(Box::new);
            Some(Self { text, source })
        })
    }

    fn of(error: &dyn std::error::Error) -> Self {
        let source = error.source().map(|cause| Box::new(Self::of(cause)));
        Self {
            text: error.to_string(),
            source,
        }
    }
}

fn taken_over() -> Error {
    Error::new(
        Exit::Refused,
        "another wire9 process has taken over this run",
    )
    .advise("let it finish; batches that this process committed are counted there")
}

/// What to do about a connection that could not be made.
fn connect_advice(error: &wire::Error) -> &'static str {
    use wire::Error as E;
    match error {
        E::Connect { .. } => {
            "look at host and port of the URI, at whether the server runs there, and at firewalls"
        }
        E::Silent { .. } => {
            "something listens there and does not answer as a server does: look at host and port, and \
             at firewalls and proxies on the way"
        }
        E::Protocol { .. } | E::Lost { .. } => {
            "look at host and port of the URI: does a PostgreSQL or DB9 server listen there?"
        }
        E::Tls { .. } => {
            "look at sslmode and sslrootcert of the URI, and at the names in the server's certificate"
        }
        E::Authentication { .. } => {
            "look at user and password (PGPASSWORD is for --postgres alone); for short-lived tokens give \
             --db9-password-command or --postgres-password-command, which is run anew for each connection"
        }
        E::Options(OptionsError::PasswordCommand { .. }) => {
            "run the password command by hand: its first line of output must be the password"
        }
        E::Options(_) => "mend the option in the URI",
        E::Server(server) => match server.code.as_str() {
            "3D000" => "look at the database's name in the URI; on a DB9 it is postgres",
            "53300" => "end other sessions there, or give fewer --jobs",
            "57P03" => "wait until the server is ready, then repeat the command",
            _ => "mend what the server says, then repeat the command",
        },
        _ => "repeat the command",
    }
}

/// What to do about a refusal at an endpoint outside the data phase.
fn wire_advice(error: &endpoint::Error) -> &'static str {
    let Some(wire) = error.wire() else {
        return CONTINUE;
    };
    match error.code() {
        _ if wire.is_lost() => "look at the server's log for why, then repeat the command",
        _ if is_connection(wire) => connect_advice(wire),
        Some("42501") => {
            "grant what is missing to the user of this endpoint, or exclude the object"
        }
        Some("42601" | "42703" | "42883" | "42804" | "42725" | "22P02" | "22007") => {
            "mend the expression, or the names in it"
        }
        Some("57014") => "raise the statement timeout of the user of this endpoint",
        Some("25006") => "this server is read-only: give the address of one that can be written to",
        _ => "mend what the server says, then repeat the command",
    }
}

fn endpoint_advice(error: &endpoint::Error) -> &'static str {
    use endpoint::Error as E;
    match error {
        E::SnapshotLost { .. } => SNAPSHOT,
        E::DifferentServer { .. } => "give the address of one server, not of a load balancer",
        E::TableChanged { .. } => CHANGED,
        E::Setting { .. } => {
            "look at the pooler's settings and at ALTER ROLE … SET and ALTER DATABASE … SET"
        }
        _ => "report it with the versions of both servers",
    }
}

const SNAPSHOT: &str = "committed batches stay; the same command goes on where the source has provably \
                        not moved";

const STALLED: &str = "committed batches stay; look at what the lanes wait for, then repeat the command, \
                       which continues (--stall-after says how long nothing may move)";

const CHANGED: &str = "let the source's tables stay as they are during the run; the same command reads \
                       them under a new snapshot";

/// What to do about a refusal of the ledger's statements.
fn ledger_advice(error: &wire::Error) -> &'static str {
    match error.code() {
        Some("25006") => {
            "the target is read-only (a standby, or default_transaction_read_only): give the address of \
             one that can be written to"
        }
        Some("42703" | "42P01" | "42804" | "42809" | "42P10") => {
            "schema wire9 holds tables of something else; rename or drop it"
        }
        _ => "the target's user must be able to create and write schema wire9",
    }
}

fn is_connection(error: &wire::Error) -> bool {
    match error {
        wire::Error::Server(server) => {
            server.code.starts_with("08")
                || server.code.starts_with("28")
                || matches!(
                    server.code.as_str(),
                    "57P01" | "57P02" | "57P03" | "53300" | "3D000"
                )
        }
        _ => true,
    }
}

/// What to do about a lane's error.
fn advice(error: &lane::Error) -> String {
    use lane::Error as E;
    match error {
        E::Row { kind, .. } => return row_advice(kind).to_owned(),
        E::Refused { source, .. } => match source.code() {
            Some("42883" | "42P01" | "42704") => {
                "a function of the target (CHECK, default or trigger) uses names without their \
                 schema; name the schemas that it needs: --target-search-path"
            }
            Some("54000") => return row_advice(&RowErrorKind::TooLong { length: 0, limit: 0 }).to_owned(),
            Some("57014") => {
                "give the target's user a longer statement timeout, or make the row cheaper to take; \
                 committed batches stay, the same command continues"
            }
            Some("42501") => "grant INSERT on the table to the target's user, then repeat the command",
            Some(code) if code.starts_with("22") || code.starts_with("23") => {
                "change the value on the source, or the column or constraint in the target, or put such rows \
                 aside with --on-error reject; committed batches stay, the same command continues"
            }
            _ => CONTINUE,
        },
        E::Source {
            source: endpoint::Error::TableChanged { .. },
            ..
        } => CHANGED,
        E::Source { source, .. } => match source.code() {
            Some("22021" | "22P05") => return row_advice(&RowErrorKind::InvalidUtf8 { at: 0 }).to_owned(),
            Some("42501") => "the source's user must be able to read all rows of the table: grant SELECT, \
                             or use a user with BYPASSRLS where row-level security hides rows",
            _ => CONTINUE,
        },
        E::Changed { .. } => {
            "repeat the command: it compares what was copied with the source, mends it, and goes on"
        }
        E::Edited { .. } => {
            "leave rows that are loaded as they are: put those back at the head of the file, mend only what follows \
             them, and repeat the command"
        }
        E::TooManyRejects { .. } => {
            "mend the rows on the source or the constraint in the target, or raise --max-rejects; committed \
             batches stay, the same command continues"
        }
        E::RejectFile { .. } => {
            "make room on the disk of --rejects, or give its folder the rights; committed batches stay, the \
             same command continues"
        }
        E::Count { .. } => {
            "the server, or something between, did not do what it answered: report it; the same command \
             compares what was committed with the source, mends it, and goes on"
        }
        E::Taken { .. } | E::Foreign { .. } => {
            "nothing of this batch was committed; the server did not do what it answered: report it"
        }
        _ => CONTINUE,
    }
    .to_owned()
}

fn row_advice(kind: &RowErrorKind) -> &'static str {
    use RowErrorKind as K;
    match kind {
        K::InvalidUtf8 { .. } | K::Untranslatable => {
            "the target is UTF-8 only: mend the row on the source (convert_from(…, 'LATIN1')), or \
             leave it out with --where, or put it aside with --on-error reject; the same command continues"
        }
        K::TooLong { .. } => {
            "shorten the row on the source, or leave it out with --where and load it otherwise, or put it \
             aside with --on-error reject; the same command continues"
        }
        _ => {
            "this is a fault of the program or of the source's COPY: report it with the table's types"
        }
    }
}
