//! pgwire v3: connection options, TLS, authentication, frames, queries, COPY, cancel.
//!
//! The only owner of sockets.

mod connect;
mod copy;
mod error;
mod options;
mod query;

pub use connect::{Canceller, Connection, Peer, TransactionStatus};
pub use copy::{CopyIn, CopyOut};
pub use error::{Error, Result, ServerError};
pub use options::{ConnectOptions, Endpoint, Environment, OptionsError, Secret, SslMode};
pub use query::{CommandTag, Reply, Row};
