//! pgwire v3: connection options, TLS, authentication, frames, queries, COPY, cancel.
//!
//! The only owner of sockets. Nothing runs behind a [`Connection`]: its caller drives it, every wait
//! for the server has a deadline, and a future that is dropped before its end leaves the connection
//! unusable ([`Connection::is_usable`]), never out of step.
//!
//! ```text
//! options ─▶ connect ─▶ dial ─▶ tls ─▶ startup (auth) ─▶ Connection ─┬─ query
//!    │                                     │                         ├─ copy_out
//!    └─ environment, passfile, secret      └─ link (inbound frames)  ├─ copy_in
//!                                                                    └─ cancel
//! ```

mod auth;
mod cancel;
mod connect;
mod connection;
mod conninfo;
mod copy_in;
mod copy_out;
mod deadline;
mod dial;
mod environment;
mod error;
mod frame;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod keys;
mod link;
mod options;
mod options_error;
mod passfile;
mod peer;
mod pulse;
mod query;
mod redact;
mod secret;
mod server_error;
mod session;
mod settings;
mod startup;
mod stream;
mod tls;

pub use cancel::Canceller;
pub use connection::Connection;
pub use copy_in::CopyIn;
pub use copy_out::CopyOut;
pub use environment::Environment;
pub use error::{Error, Result};
pub use options::ConnectOptions;
pub use options_error::OptionsError;
pub use peer::Peer;
pub use pulse::Pulse;
pub use query::{CommandTag, Reply, Row};
pub use secret::Secret;
pub use server_error::ServerError;
pub use session::TransactionStatus;
pub use settings::{ChannelBinding, Endpoint, SslMode, TargetSessionAttrs};
