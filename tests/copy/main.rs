//! `wire9 copy`, the real program, from a real PostgreSQL into a stand-in of DB9.

#[path = "../harness/mod.rs"]
mod harness;

mod chunks;
mod dry_run;
mod existing;
mod filters;
mod foreign_keys;
mod kinds;
mod ledger;
mod reconcile;
mod resume;
mod samples;
mod switches;
mod timestamps;
mod verdict;
mod versions;
