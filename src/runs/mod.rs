//! One file per operation: the phases in order, nothing else.

mod error;

pub mod check;
pub mod copy;
pub mod probe;

pub use error::{Error, Exit};
