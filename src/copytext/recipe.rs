//! The rewriting of a table's rows.

/// The rewriting of one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transform {
    /// Cuts timestamp or timestamptz text to so many fraction digits (0–6), never rounding.
    CutTimestamp {
        /// Fraction digits kept.
        digits: u8,
    },
    /// The same for every element of an array of them.
    CutTimestampArray {
        /// Fraction digits kept.
        digits: u8,
    },
    /// Drops the padding of `char(n)`.
    TrimRight,
}

/// The rewriting of a row: how many fields it has and which of them are transformed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recipe {
    /// Number of fields of a row.
    pub fields: usize,
    /// Field index (from 0, ascending) and its transform.
    pub transforms: Vec<(usize, Transform)>,
}
