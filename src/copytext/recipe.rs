//! The rewriting of a table's rows.

/// The longest `char(n)`, and so the most spaces that trimming can remove from one value
/// (PostgreSQL's `MaxAttrSize`).
const LONGEST_PADDING: usize = 10 * 1024 * 1024;

/// The rewriting of one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transform {
    /// Cuts timestamp or timestamptz text to so many fraction digits (0–6), never rounding.
    ///
    /// The text is cut as PostgreSQL prints the remaining value: without trailing zeros, and without
    /// a point where no digit is left. This is `date_trunc` on the value, also before 1970 and BC:
    /// both work on the broken-down fraction, which is never negative.
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

impl Recipe {
    /// The longest row, in bytes as read, that may still be within `line_limit` as sent.
    ///
    /// Transforms only shorten, so a row above `line_limit` may fit once it is rewritten; but a row
    /// above this never does. It bounds what has to be kept of a row whose newline has not come.
    pub(super) fn longest_read(&self, line_limit: usize) -> usize {
        let removable = |transform: &Transform| match transform {
            Transform::CutTimestamp { .. } => ".123456".len(),
            // An element of 26 bytes and more loses at most 7, and so an array less than a third.
            Transform::CutTimestampArray { .. } => line_limit / 2,
            Transform::TrimRight => LONGEST_PADDING,
        };
        self.transforms
            .iter()
            .map(|(_, transform)| removable(transform))
            .fold(line_limit, usize::saturating_add)
    }

    /// The first and the last field that is transformed.
    pub(super) fn rewritten(&self) -> Option<(usize, usize)> {
        Some((self.transforms.first()?.0, self.transforms.last()?.0))
    }

    /// Whether the transforms name fields of the row, in ascending order.
    pub(super) fn is_well_formed(&self) -> bool {
        self.transforms.is_sorted_by(|a, b| a.0 < b.0)
            && self.transforms.iter().all(|(at, _)| *at < self.fields)
    }
}
