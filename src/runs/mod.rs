//! One file per operation: the phases in order, nothing else.

mod error;
mod reach;

pub mod check;
pub mod clean;
pub mod copy;
pub mod migrate;
pub mod probe;
pub mod rejects;
pub mod schema;
pub mod status;

pub use error::{Error, Exit};
