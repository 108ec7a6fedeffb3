//! Rows that the target refuses, or that can not be sent: they are put aside, the rest loads, and nothing
//! is lost or doubled, whatever dies at whatever moment. The real binary against the stand-in and against
//! PostgreSQL; loaded and rejected rows together must be the source's, as multisets.

#[path = "../harness/mod.rs"]
mod harness;

mod boundaries;
mod kills;
mod limits;
mod replays;
mod scene;
mod secrets;
