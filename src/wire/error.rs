//! What can go wrong on a connection.

use std::io;
use std::time::Duration;

use super::options_error::OptionsError;
use super::server_error::ServerError;

/// A result of this layer.
pub type Result<T, E = Error> = std::result::Result<T, E>;

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
    /// An earlier operation was dropped before its end; nothing was sent.
    #[error("the connection to {peer} can not be used: an earlier operation was left unfinished")]
    Unfinished {
        /// host:port
        peer: String,
    },
    /// The statement or the data can not be sent in one message; nothing was sent.
    #[error("it can not be sent: {reason}")]
    Unsendable {
        /// Why.
        reason: &'static str,
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

    /// Whether the connection can not be used any more (or never came to be). After an error of the
    /// server that ends only the statement, `Connection::is_usable` has the last word.
    pub fn is_fatal(&self) -> bool {
        match self {
            Self::Server(e) => e.is_fatal(),
            Self::Unsendable { .. } => false,
            _ => true,
        }
    }

    /// Whether the server said no to the user or the secret.
    pub fn is_authentication(&self) -> bool {
        matches!(self, Self::Authentication { .. })
    }

    /// Whether the connection ended without the server's word: lost, or silent for too long. What was
    /// under way may have happened.
    pub fn is_lost(&self) -> bool {
        matches!(self, Self::Lost { .. } | Self::Silent { .. })
    }

    /// Whether nothing was ever asked of the server: it was not reached, or not accepted.
    pub fn is_connect(&self) -> bool {
        matches!(
            self,
            Self::Options(_)
                | Self::Connect { .. }
                | Self::Tls { .. }
                | Self::Authentication { .. }
        )
    }
}
