//! Pre-data: schemas, extensions, types, sequences, the functions that tables need, and the tables with
//! their primary keys.

use crate::schema::finding::Kind;

use super::build::Build;

/// The kinds of findings of this part.
pub(in crate::schema) const KINDS: &[&Kind] = &[];

pub(super) fn build(_build: &mut Build<'_>) {}
