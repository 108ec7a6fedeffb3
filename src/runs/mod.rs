//! One file per operation: the phases in order, nothing else. What copies and what verifies share how
//! they begin (`prepare`).

mod error;
mod prepare;
mod reach;

pub mod check;
pub mod clean;
pub mod copy;
pub mod migrate;
pub mod probe;
pub mod rejects;
pub mod schema;
pub mod status;
pub mod verify;

pub use error::{Error, Exit};
