//! wire9 moves PostgreSQL databases into DB9, and back, by speaking pgwire v3 itself.
//!
//! The order of the groups below is the architecture: a module imports only from groups above its
//! own, and modules of one group do not import each other. `tests/architecture.rs` proves it.

// mistakes on purpose, made only where tests ask for them
#[doc(hidden)]
pub mod planted;

// 0 pure: no async, no IO, no clock, no logging; quoting comes first, names know how to be quoted
pub mod sql;

// 0 pure
pub mod catalog;
pub mod copytext;
pub mod metrics;
pub mod profile;

// 1 protocol
pub mod wire;

// 2 endpoint
pub mod endpoint;

// 3 decide: pure
pub mod plan;
pub mod schema;

// 4 durable
pub mod ledger;

// 5 work
pub mod lane;

// 6 schedule
pub mod engine;
pub mod verify;

// 7 runs
pub mod runs;

// 8 people
pub mod cli;

// 9 what tests and fuzzing share: in no ordinary build
#[cfg(any(test, fuzzing))]
pub mod fuzz;
