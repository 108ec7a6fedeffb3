//! `wire9 rejects`: what was put aside, and loading it again.

mod arguments;

pub(super) use arguments::{RejectingArguments, RejectsArguments};

use crate::runs::Exit;

pub(super) fn rejects(_typed: &RejectsArguments) -> Exit {
    Exit::Done
}
