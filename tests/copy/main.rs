//! `wire9 copy`, the real program, from a real PostgreSQL into a stand-in of DB9.

#[path = "../harness/mod.rs"]
mod harness;

mod samples;
