//! Post-data: unique constraints, indexes, foreign keys, routines, views, triggers, comments, statistics.

use crate::schema::finding::Kind;

use super::build::Build;

/// The kinds of findings of this part.
pub(in crate::schema) const KINDS: &[&Kind] = &[];

pub(super) fn build(_build: &mut Build<'_>) {}
