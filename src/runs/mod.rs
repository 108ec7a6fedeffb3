//! One file per operation: the phases in order, nothing else.

mod error;

pub mod check;
pub mod copy;
pub mod migrate;
pub mod probe;
pub mod schema;

pub use error::{Error, Exit};
