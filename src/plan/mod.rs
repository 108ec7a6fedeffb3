//! Sizes and keys → ordered chunks and estimates. Pure.
//!
//! ```text
//! estimates ─▶ choose ─▶ tables of several chunks ─▶ (lock, re-read size, sample keys) ─▶ chunks
//! ```
//!
//! A table of several chunks is cut into regions, one per lane, and each region into chunks that get
//! smaller towards its end. Chunks are read across the regions: several lanes on one table work far
//! from each other, and what is read last is small, so that lanes finish together.

mod order;
mod sizes;

use serde::{Deserialize, Serialize};

use crate::sql;

pub use order::chunks;
pub use sizes::{Thresholds, choose};

/// A half-open range of one table. The first is open downwards, the last upwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bounds {
    /// The whole table.
    Whole,
    /// Heap pages `from <= page < to`; `None` is the open end.
    Pages {
        /// First page.
        from: Option<u32>,
        /// Page after the last.
        to: Option<u32>,
    },
    /// Rows whose key is `from <= key < to` (row comparison); values as text with their types.
    Keys {
        /// Key columns in index order: name and SQL type.
        columns: Vec<(String, String)>,
        /// Lower bound.
        from: Option<Vec<String>>,
        /// Upper bound.
        to: Option<Vec<String>>,
    },
}

impl Bounds {
    /// The range for a statement.
    pub fn range(&self) -> sql::Range<'_> {
        match self {
            Self::Whole => sql::Range::Whole,
            Self::Pages { from, to } => sql::Range::Pages {
                from: *from,
                to: *to,
            },
            Self::Keys { columns, from, to } => sql::Range::Keys {
                columns,
                from: from.as_deref(),
                to: to.as_deref(),
            },
        }
    }
}

/// What one COPY TO reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Index of the pair in `schema::Matching::pairs`.
    pub table: usize,
    /// Number within the table, from 0, along its pages or keys.
    pub number: u32,
    /// The range.
    pub bounds: Bounds,
    /// Estimated bytes, TOAST included.
    pub bytes: u64,
}

/// How a table can be cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Split {
    /// Not at all.
    Never,
    /// By pages.
    Pages,
    /// By keys.
    Keys {
        /// Key columns in index order: name and SQL type.
        columns: Vec<(String, String)>,
        /// Sampled keys, ascending and distinct, that cut the table into parts of about equal size;
        /// none before `choose` has said that it is worth sampling.
        boundaries: Vec<Vec<String>>,
    },
}

/// What the plan needs to know of one pair of tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Index of the pair in `schema::Matching::pairs`.
    pub pair: usize,
    /// Pages of the heap.
    pub pages: u32,
    /// Bytes of heap and TOAST.
    pub bytes: u64,
    /// The wave of its target in `schema::load_order`: earlier waves are read first.
    pub wave: usize,
    /// How it can be cut.
    pub split: Split,
}
