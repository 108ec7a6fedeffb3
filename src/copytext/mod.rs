//! COPY text format: scan, validate, rewrite, digest. Pure.

mod digest;
mod recipe;
mod rewrite;

pub use digest::Digest;
pub use recipe::{Recipe, Transform};
pub use rewrite::{Rewriter, RowError, RowErrorKind, Rows};
