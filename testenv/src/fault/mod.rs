//! Faults on the wire: a script of trigger × action, the relay between a client and a server that
//! carries it out, and [`FaultProxy`], the relay in front of any PostgreSQL.
//!
//! ```text
//!   client ──▶ forward pump: script → policy ──▶ server
//!          ◀── backward pump: policy ← script ◀──
//! ```
//!
//! Both pumps of a connection run in one task and see whole messages. Whatever shall fail, fails in
//! the server: a message is replaced by one that the server refuses, and the server's answer gets the
//! wanted SQLSTATE and text on its way back. So the order of the answers and the state of the
//! transaction are always the server's own.

mod action;
mod backward;
mod forward;
pub(crate) mod frame;
pub(crate) mod link;
pub(crate) mod proxy;
pub(crate) mod relay;
mod script;
pub(crate) mod statement;
pub(crate) mod stream;
mod trigger;

pub use action::{Action, Close, Delivery, Fault};
pub use proxy::FaultProxy;
pub use script::{FaultHandle, Faults};
pub(crate) use script::{Fired, Moment, Place, Turn};
pub use trigger::{Backend, Frontend, Trigger};
