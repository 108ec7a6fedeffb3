//! `wire9 migrate` and `wire9 schema`, the real program, from a real PostgreSQL into a stand-in of DB9
//! that holds nothing.

#[path = "../harness/mod.rs"]
mod harness;

mod failures;
mod kills;
mod lost_types;
mod mapping;
mod objects;
mod office;
mod parts;
mod refusals;
mod restart;
mod samples;
mod schema;
mod sequences;
mod waits;
