//! The slow way: one row, and what is wrong with it.

use memchr::{memchr, memchr_iter};

use super::recipe::Recipe;
use super::splice::Splice;

/// Why a row can not be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("row {row} {kind}")]
pub struct RowError {
    /// 0-based position of the row since the rewriter was made.
    pub row: u64,
    /// What is wrong with it.
    pub kind: RowErrorKind,
}

/// What is wrong with a row; never its content.
///
/// Where several things are, the first of this order is named: too long however it is rewritten,
/// UTF-8, fields, a field that is unreadable (the first), too long as sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RowErrorKind {
    /// Not UTF-8 at this byte of the row (0-based).
    #[error("is not UTF-8 at byte {at}")]
    InvalidUtf8 {
        /// Byte position within the row.
        at: usize,
    },
    /// The server that has it can not send it as UTF-8.
    #[error("has characters that its server can not send as UTF-8")]
    Untranslatable,
    /// Longer than the limit.
    #[error("has {length} bytes or more, and the limit is {limit}")]
    TooLong {
        /// Length in bytes, at least.
        length: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// Not as many fields as the recipe says.
    #[error("has {found} fields, which is not the number of columns")]
    Fields {
        /// Fields found.
        found: usize,
    },
    /// A field that its transform can not read.
    #[error("has a value in field {field} (from 0) that is not written as its type is")]
    Unreadable {
        /// Field index from 0.
        field: usize,
    },
    /// The input ended within the row.
    #[error("is cut off after {length} bytes")]
    CutOff {
        /// Bytes of it that came.
        length: usize,
    },
}

/// Appends the rewritten `row` (without its newline) to `out`, and notes in `changed` which
/// transforms changed their field. Where it fails, `out` has to be truncated by the caller.
pub(super) fn rewrite(
    row: &[u8],
    recipe: &Recipe,
    line_limit: usize,
    out: &mut Vec<u8>,
    changed: &mut [bool],
) -> Result<(), RowErrorKind> {
    check_length(row.len(), recipe, line_limit)?;
    check_utf8(row)?;
    check_fields(row, recipe.fields)?;
    let before = out.len();
    splice(row, recipe, out, changed)?;
    let length = out.len() - before;
    if length > line_limit {
        return Err(RowErrorKind::TooLong {
            length,
            limit: line_limit,
        });
    }
    Ok(())
}

/// Refuses a row of which `read` bytes came, if no rewriting can make it short enough.
pub(super) fn check_length(
    read: usize,
    recipe: &Recipe,
    line_limit: usize,
) -> Result<(), RowErrorKind> {
    let longest = recipe.longest_read(line_limit);
    if read <= longest {
        return Ok(());
    }
    Err(RowErrorKind::TooLong {
        length: line_limit.saturating_add(read - longest),
        limit: line_limit,
    })
}

fn check_utf8(row: &[u8]) -> Result<(), RowErrorKind> {
    // Only the slower of the two says where.
    if simdutf8::basic::from_utf8(row).is_ok() {
        return Ok(());
    }
    simdutf8::compat::from_utf8(row)
        .map(|_| ())
        .map_err(|e| RowErrorKind::InvalidUtf8 {
            at: e.valid_up_to(),
        })
}

/// A row without fields is an empty line, and so is one of a single empty field.
fn check_fields(row: &[u8], fields: usize) -> Result<(), RowErrorKind> {
    let found = memchr_iter(b'\t', row).count() + 1;
    if found == fields || (fields == 0 && row.is_empty()) {
        return Ok(());
    }
    Err(RowErrorKind::Fields { found })
}

fn splice(
    row: &[u8],
    recipe: &Recipe,
    out: &mut Vec<u8>,
    changed: &mut [bool],
) -> Result<(), RowErrorKind> {
    let mut splice = Splice::new(row, out);
    let (mut field, mut start) = (0, 0);
    for ((wanted, transform), changed) in recipe.transforms.iter().zip(changed) {
        while field < *wanted {
            start = field_end(row, start) + 1;
            field += 1;
        }
        let end = field_end(row, start);
        *changed = splice
            .apply(*transform, start..end)
            .ok_or(RowErrorKind::Unreadable { field })?;
    }
    splice.copy_to(row.len());
    Ok(())
}

/// The text of a row from the start of one field to the end of another.
pub(super) fn fields(row: &[u8], (first, last): (usize, usize)) -> &[u8] {
    let (mut start, mut end) = (0, field_end(row, 0));
    for field in 1..=last {
        if field == first {
            start = end + 1;
        }
        end = field_end(row, end + 1);
    }
    &row[start..end]
}

fn field_end(row: &[u8], start: usize) -> usize {
    memchr(b'\t', &row[start..]).map_or(row.len(), |n| start + n)
}
