//! wire9's tables in the target: runs, plan, lanes, finished batches.
//!
//! A batch's rows and its ledger row are committed by one transaction, so what the ledger says *is*
//! what the table holds. Two fences keep a batch from being committed twice:
//!
//! ```text
//!  lane(run, lane, token)   every batch ends with UPDATE … WHERE token = mine, which must hit one row;
//!                           who doubts a COMMIT first moves the token on, which waits for the zombie
//!                           transaction (it holds the row's lock) or defeats it (it finds no row)
//!  batch(run, pair, chunk, first_row)   the primary key: the second COMMIT of a batch collides
//! ```
//!
//! DDL is recorded likewise, statement by statement (`statement`).
//!
//! A token that is only read, not moved, would be write skew.
//!
//! Everything is plain SQL over `bigint`, `integer` and `text`, with unquoted names, so that it needs
//! nothing of the target that is not documented.

mod batch;
mod error;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod layout;
mod loaded;
mod owner;
mod plan;
mod repair;
mod run;
mod state;
mod statement;
mod store;
mod sums;
mod survey;

pub use batch::{Batch, Key, REPLAY, Sums, end, find_batches, lane_move, lane_step, record};
pub use error::{Error, Result};
pub use loaded::Loaded;
pub use owner::{Liveness, Owner};
pub use plan::{PairRow, PlanRows, Progress, TargetRow};
pub use repair::{Changes, Edit, Fence, Repair, Repaired};
pub use run::{Claim, NewRun, Run, State};
pub use state::TargetState;
pub use statement::{Made, record_statement, statement_digest};
pub use store::Ledger;
pub use sums::TableSums;
pub use survey::{Removed, Summary};

/// The schema of the ledger in the target.
pub const SCHEMA: &str = "wire9";

/// Version of the ledger's layout; a ledger of another version is refused, never misread.
pub const VERSION: u32 = 2;
