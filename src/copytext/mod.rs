//! COPY text format: scan, validate, rewrite, digest. Pure.
//!
//! [`Rewriter`] takes COPY text as a server sends it, cut anywhere, and appends whole rows to
//! [`Rows`], rewritten as a [`Recipe`] says, checked, counted, digested and cut into frames. It has
//! two ways, which do the same:
//!
//! ```text
//!             ┌─ block: many short rows at once; all of them are good, or nothing is done ─┐
//! input ──────┤                                                                            ├──▶ Rows
//!             └─ row: one row; long ones, those at a batch's end, and whatever is wrong ───┘
//! ```
//!
//! [`Reference`] does it a third way, as plainly as possible; the two are tested against it.
//!
//! ```
//! use wire9::copytext::{Recipe, Rewriter, Rows, Transform};
//!
//! let recipe = Recipe { fields: 2, transforms: vec![(1, Transform::CutTimestamp { digits: 3 })] };
//! let mut rewriter = Rewriter::new(recipe, 1 << 20, 1 << 16);
//! let mut rows = Rows::default();
//! let input = b"1\t2020-01-01 00:00:00.123456\n2\t\\N\n3\t2020-";
//! let consumed = rewriter.rewrite(input, &mut rows, usize::MAX)?;
//!
//! assert_eq!(rows.bytes, b"1\t2020-01-01 00:00:00.123\n2\t\\N\n");
//! assert_eq!((rows.digest.rows, rows.changed), (2, vec![1]));
//! assert_eq!(&input[consumed..], b"3\t2020-");
//! # Ok::<_, wire9::copytext::RowError>(())
//! ```

mod array;
mod block;
mod canonical;
mod compare;
mod digest;
mod field;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod padding;
mod recipe;
mod reference;
mod rewrite;
mod row;
mod rows;
mod scan;
mod splice;
mod sums;
#[cfg(test)]
mod tests;
mod timestamp;

pub use canonical::{Canonical, Form, canonical};
pub use compare::{BUCKETS, Buckets, Comparison, Fingerprint};
pub use digest::{Digest, ParseDigestError};
pub use field::{unescaped, values};
pub use recipe::{Recipe, Transform};
pub use reference::Reference;
pub use rewrite::Rewriter;
pub use row::{RowError, RowErrorKind};
pub use rows::Rows;
pub use sums::{PARTS, ParsePartsError, PartSet, Parts, Spread};
