//! Catalog and profile → ordered chunks and estimates. Pure.

use serde::{Deserialize, Serialize};

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

/// What one COPY TO reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Index of the pair in `schema::Matching::pairs`.
    pub table: usize,
    /// Number within the table, from 0.
    pub number: u32,
    /// The range.
    pub bounds: Bounds,
    /// Estimated bytes, TOAST included.
    pub bytes: u64,
}
