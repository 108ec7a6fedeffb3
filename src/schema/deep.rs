//! `--deep`: what the data itself will lose. Pure part: which questions are asked of which table, and
//! what their answers mean.

use super::finding::Kind;

/// The kinds of findings of this part.
pub(super) const KINDS: &[&Kind] = &[];
