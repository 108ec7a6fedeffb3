//! The fast rewriter.

use super::digest::Digest;
use super::recipe::Recipe;

/// Whole rewritten rows, ready to be sent.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    /// The rows with their newlines.
    pub bytes: Vec<u8>,
    /// End offsets in `bytes` of the frames: row ends, at most one frame size apart where rows allow.
    pub frames: Vec<usize>,
    /// Count and sum of the rows as they are in `bytes`.
    pub digest: Digest,
    /// Values changed, per transform of the recipe.
    pub changed: Vec<u64>,
}

/// Why a row can not be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowError {
    /// 0-based position of the row since the rewriter was made.
    pub row: u64,
    /// What is wrong with it.
    pub kind: RowErrorKind,
}

/// What is wrong with a row; never its content.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RowErrorKind {
    /// Not UTF-8 at this byte of the row (0-based).
    InvalidUtf8 {
        /// Byte position within the row.
        at: usize,
    },
    /// Longer than the limit.
    TooLong {
        /// Length in bytes, at least.
        length: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// Not as many fields as the recipe says.
    Fields {
        /// Fields found.
        found: usize,
    },
    /// A field that its transform can not read.
    Unreadable {
        /// Field index from 0.
        field: usize,
    },
}

/// Rewrites the rows of one chunk.
pub struct Rewriter {}

impl Rewriter {
    /// A rewriter for rows of `recipe`; `line_limit` is the longest row (without newline, as sent) in
    /// bytes; `frame` the size that frames aim at.
    pub fn new(recipe: Recipe, line_limit: usize, frame: usize) -> Self {
        let _ = (recipe, line_limit, frame);
        todo!()
    }

    /// Rewrites whole rows of `input` and appends them to `rows`, until the input holds no further whole
    /// row or `rows.bytes` has reached `full` bytes (the row that crosses it is still taken where `rows`
    /// was empty; otherwise it is left). Answers the bytes of input consumed.
    pub fn rewrite(
        &mut self,
        input: &[u8],
        rows: &mut Rows,
        full: usize,
    ) -> Result<usize, RowError> {
        let _ = (input, rows, full);
        todo!()
    }
}
