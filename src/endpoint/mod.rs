//! Introspection, probe, session settings, snapshot keeper.

mod attempt;
mod condition;
pub mod error;
pub mod identity;
pub mod introspect;
pub mod patience;
pub mod probe;
pub mod session;
mod settings;
pub mod snapshot;
mod sqltext;

pub use error::{Error, Result};
