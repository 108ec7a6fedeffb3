//! What can go wrong in the judge's own machinery. A verdict ("these rows differ") is no error.

use std::io;

/// Why a cluster, a database or a statement of the judge failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No server of the wanted major version is on this machine.
    #[error("no PostgreSQL {wanted} found on this machine; `testenv/install` installs one")]
    NoServer {
        /// The major version asked for, or "13 to 18".
        wanted: String,
    },
    /// A program ended with a failure.
    #[error("{program} failed: {output}")]
    Program {
        /// Its name.
        program: String,
        /// What it wrote.
        output: String,
    },
    /// The server did not become ready.
    #[error("the PostgreSQL server did not start: {log}")]
    Start {
        /// The end of its log.
        log: String,
    },
    /// A file, folder or process could not be handled.
    #[error("cannot {what}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
    /// A server refused a statement or a connection.
    #[error("{what}: {}", server_message(source))]
    Sql {
        /// What was tried.
        what: String,
        /// The server's answer.
        source: postgres::Error,
    },
    /// A server's answer was not what the question wants.
    #[error("no such value as wanted in the answer to {question}")]
    Answer {
        /// What was asked.
        question: String,
    },
    /// A certificate could not be made.
    #[error("cannot make a certificate")]
    Certificate(#[from] rcgen::Error),
}

impl Error {
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    pub(crate) fn sql(what: impl Into<String>) -> impl FnOnce(postgres::Error) -> Self {
        let what = what.into();
        move |source| Self::Sql { what, source }
    }

    /// The SQLSTATE of the server's refusal, if a server refused.
    #[must_use]
    pub fn sqlstate(&self) -> Option<&str> {
        match self {
            Self::Sql { source, .. } => source.code().map(postgres::error::SqlState::code),
            _ => None,
        }
    }
}

/// The client's own text of a server error is only "db error".
fn server_message(error: &postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) => format!("{} ({})", db.message(), db.code().code()),
        None => error.to_string(),
    }
}
