//! What becomes of `wire9 copy` when something fails: the real binary under each fault of testenv, on
//! either side, and under signals. After each fault the run ends well, or it ends with the right exit
//! code and words and the same command completes; and the target holds what the source holds, as
//! multisets, with and without a key. testenv alone decides that.
//! With `--nocapture` it prints a line per case.
#![allow(clippy::print_stderr)]

#[path = "../harness/mod.rs"]
mod harness;

mod process;
mod rows;
mod scene;
mod seeded;
mod source;
mod stalls;
mod sweep;
mod target;
mod volume;
