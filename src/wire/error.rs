//! What can go wrong on a connection.

use std::io;
use std::time::Duration;

use super::options::OptionsError;

/// A result of this layer.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An ErrorResponse (or NoticeResponse) of the server.
///
/// `Display` and `Debug` never show a row value: PostgreSQL quotes values in the message (class
/// 22), in DETAIL (class 23) and in CONTEXT, so these are shown only as far as they hold names.
#[derive(Clone, Default)]
pub struct ServerError {
    /// `ERROR`, `FATAL`, `PANIC`, or a notice's severity (never localized).
    pub severity: String,
    /// SQLSTATE, five characters.
    pub code: String,
    /// Schema that the error is about.
    pub schema: Option<String>,
    /// Table that the error is about; from its field, else from the text of CONTEXT.
    pub table: Option<String>,
    /// Column that the error is about; from its field, else from the text of CONTEXT.
    pub column: Option<String>,
    /// Constraint that refused the row.
    pub constraint: Option<String>,
    /// 1-based line of the COPY, from the text of CONTEXT (`COPY t, line 3, column a: …`) or, where a
    /// server puts it there, of the message.
    pub copy_line: Option<u64>,
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Options that make no sense, or a secret that can not be had.
    #[error("the connection options can not be used")]
    Options(#[from] OptionsError),
    /// No connection could be made.
    #[error("can not connect to {peer}")]
    Connect {
        /// host:port
        peer: String,
        /// The cause.
        source: io::Error,
    },
    /// TLS was refused, is missing, or its certificate is not trusted.
    #[error("TLS with {peer} failed: {reason}")]
    Tls {
        /// host:port
        peer: String,
        /// What failed, and the remedy.
        reason: String,
    },
    /// The server does not accept the user or the secret, or asks for what is not allowed here.
    #[error("authentication at {peer} failed: {reason}")]
    Authentication {
        /// host:port
        peer: String,
        /// What failed; the server's own words where it has some.
        reason: String,
    },
    /// An ErrorResponse.
    #[error("{0}")]
    Server(Box<ServerError>),
    /// The connection broke; what was under way may or may not have happened.
    #[error("the connection to {peer} was lost")]
    Lost {
        /// host:port
        peer: String,
        /// The cause.
        source: io::Error,
    },
    /// Nothing was heard from the server, or nothing could be sent, for the whole deadline.
    #[error("{peer} did not answer for {after:?}")]
    Silent {
        /// host:port
        peer: String,
        /// The deadline.
        after: Duration,
    },
    /// The server sent what the protocol does not allow.
    #[error("{peer} broke the protocol: {what}")]
    Protocol {
        /// host:port
        peer: String,
        /// What was wrong with it.
        what: String,
    },
}

impl Error {
    /// SQLSTATE of the server's error.
    pub fn code(&self) -> Option<&str> {
        self.server().map(|e| e.code.as_str())
    }

    /// The server's error.
    pub fn server(&self) -> Option<&ServerError> {
        match self {
            Self::Server(e) => Some(e),
            _ => None,
        }
    }

    /// Whether the connection can not be used any more.
    pub fn is_fatal(&self) -> bool {
        todo!()
    }
}

/// For people: SQLSTATE, the condition in words, and the names involved; never a row value.
impl std::fmt::Display for ServerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.severity, self.code)
    }
}

impl std::fmt::Debug for ServerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ServerError({self})")
    }
}
