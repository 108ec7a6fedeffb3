//! Introspection, probe, session settings, snapshot keeper.

pub mod error;
pub mod identity;
pub mod introspect;
pub mod probe;
pub mod session;
pub mod snapshot;

pub use error::{Error, Result};
