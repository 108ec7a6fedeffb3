//! The judge of wire9: clusters, sample data, the DB9 stand-in, faults, equality. It shares no code
//! with wire9.
//!
//! ```no_run
//! use testenv::Cluster;
//!
//! let source = Cluster::shared().database("shop")?;
//! source.execute("CREATE TABLE customers (id int PRIMARY KEY)")?;
//! assert_eq!(source.count("customers")?, 0);
//! # Ok::<(), testenv::Error>(())
//! ```

pub mod client;
pub mod cluster;
pub mod database;
pub mod equality;
mod error;
pub mod fault;
pub mod installation;
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
pub use standin::{Standin, StandinOptions};
