//! The judge of wire9: clusters, sample data, the DB9 stand-in, faults, equality. It shares no code
//! with wire9.
//!
//! ```no_run
//! use testenv::{Cluster, equality, sample};
//!
//! let source = Cluster::shared().database("source")?;
//! sample::shop(&source, 0.1)?;
//! let target = Cluster::shared().database("target")?;
//! sample::execute_all(&target, &sample::shop_target())?;
//! // … copy …
//! equality::assert_equal(&source.uri(), &target.uri(), 3);
//! # Ok::<(), testenv::Error>(())
//! ```

pub mod client;
pub mod cluster;
pub mod database;
pub mod equality;
mod error;
pub mod fault;
pub mod installation;
pub mod pgbouncer;
mod reaper;
pub mod sample;
mod server;
pub mod standin;
pub mod tls;

pub use cluster::{Auth, Cluster, ClusterOptions};
pub use database::Database;
pub use error::Error;
pub use fault::{Action, Fault, FaultProxy, Trigger};
pub use installation::Installation;
pub use pgbouncer::PgBouncer;
pub use standin::{Standin, StandinOptions};
