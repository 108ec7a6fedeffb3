//! `wire9 check`, `schema` and `migrate` as a whole: what was planted is found, what is emitted is
//! accepted, and what arrives is what was promised – from every version of PostgreSQL, and of schemas as
//! strangers have them.

#[path = "../harness/mod.rs"]
mod harness;

mod accepted;
mod bad_input;
mod disguise;
mod planted;
mod round_trip;
mod scene;
mod strangers;
mod versions;
mod zoo;
