//! The order-free fingerprint of rows.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

use xxhash_rust::xxh3::xxh3_128;

/// Count of rows plus the sum, modulo 2^128, of a 128-bit hash of each row's COPY text without its
/// newline. Sums, unlike XOR, see doubled rows.
///
/// The row hash is XXH3-128 with seed 0, read as the 128-bit number of its canonical form. Digests
/// are stored in the target's ledger and compared by later versions, so the algorithm is fixed: its
/// definition is <https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md>.
///
/// The text form is 48 hex digits: 16 of `rows`, then 32 of `sum`.
///
/// ```
/// use wire9::copytext::Digest;
///
/// let (mut forth, mut back) = (Digest::default(), Digest::default());
/// for row in ["1\tone", "2\t\\N"] {
///     forth.add_row(row.as_bytes());
/// }
/// for row in ["2\t\\N", "1\tone"] {
///     back.add_row(row.as_bytes());
/// }
/// assert_eq!(forth, back);
/// assert_eq!(forth.to_string().parse(), Ok(back));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Digest {
    /// Rows.
    pub rows: u64,
    /// Sum of the row hashes modulo 2^128.
    pub sum: u128,
}

impl Digest {
    /// Counts one row in: its COPY text as sent, without the newline. Answers its hash.
    #[inline]
    pub fn add_row(&mut self, row: &[u8]) -> u128 {
        let hash = xxh3_128(row);
        self.add_hash(hash);
        hash
    }

    /// Counts one row in by its hash.
    #[inline]
    pub(super) fn add_hash(&mut self, hash: u128) {
        self.rows = self.rows.wrapping_add(1);
        self.sum = self.sum.wrapping_add(hash);
    }

    /// Counts in all rows of another digest.
    pub fn merge(&mut self, other: Self) {
        self.rows = self.rows.wrapping_add(other.rows);
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:032x}", self.rows, self.sum)
    }
}

/// A text that is not 48 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a digest is 48 hex digits: 16 of the row count, 32 of the sum")]
pub struct ParseDigestError;

impl From<ParseIntError> for ParseDigestError {
    fn from(_: ParseIntError) -> Self {
        Self
    }
}

impl FromStr for Digest {
    type Err = ParseDigestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // `from_str_radix` takes a sign, so the digits are checked here.
        if text.len() != 48 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(ParseDigestError);
        }
        let (rows, sum) = text.split_at(16);
        Ok(Self {
            rows: u64::from_str_radix(rows, 16)?,
            sum: u128::from_str_radix(sum, 16)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rows: &[&str]) -> Digest {
        let mut digest = Digest::default();
        for row in rows {
            digest.add_row(row.as_bytes());
        }
        digest
    }

    #[test]
    fn the_row_hash_is_the_published_one() {
        // Stored in ledgers: these numbers may never change. The first is the specification's.
        assert_eq!(of(&[""]).sum, 0x99aa_06d3_0147_98d8_6001_c324_468d_497f);
        let row = "1\t2020-01-01 00:00:00\t\\N";
        assert_eq!(of(&[row]).sum, xxh3_128(row.as_bytes()));
    }

    #[test]
    fn order_does_not_matter_but_doubled_rows_do() {
        assert_eq!(of(&["a", "b"]), of(&["b", "a"]));
        assert_ne!(of(&["a", "a", "b", "b"]), of(&["a", "a", "c", "c"]));
        assert_ne!(of(&["a", "a"]).sum, 0);
    }

    #[test]
    fn merged_digests_are_the_digest_of_all_rows() {
        let mut merged = of(&["a", "b"]);
        merged.merge(of(&["c"]));
        assert_eq!(merged, of(&["a", "b", "c"]));

        let mut wrapped = Digest {
            rows: 1,
            sum: u128::MAX,
        };
        wrapped.merge(Digest { rows: 1, sum: 2 });
        assert_eq!(wrapped, Digest { rows: 2, sum: 1 });
    }

    #[test]
    fn the_text_form_is_fixed_width_and_comes_back() {
        let digest = Digest { rows: 10, sum: 255 };
        assert_eq!(
            digest.to_string(),
            "000000000000000a000000000000000000000000000000ff"
        );
        assert_eq!(digest.to_string().parse(), Ok(digest));
        for broken in ["", "0a", &"+".repeat(48), &"é".repeat(24), &"0".repeat(49)] {
            assert_eq!(broken.parse::<Digest>(), Err(ParseDigestError));
        }
    }
}
