//! Rows as they are compared: the hash of a row's key, and the hash of all of it.
//!
//! ```text
//! row ─▶ fields ─▶ canonical ─┬─▶ key hash ─▶ bucket
//!                             └─▶ row hash ─▶ added to the bucket's digest
//! ```
//!
//! Keys are spread over buckets by the hash of their canonical text, never by an order of texts, which
//! differs between servers. A row without a key is its own key.

use std::borrow::Cow;

use xxhash_rust::xxh3::xxh3_128;

use super::canonical::{Canonical, canonical};
use super::digest::Digest;
use super::field::fields;
use super::sums::{PartSet, Spread};

/// How the rows of a table are compared.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Comparison {
    /// Fields of a row.
    pub fields: usize,
    /// Fields of the key, ascending; empty: the whole row.
    pub keys: Vec<usize>,
    /// Fields that are brought to one form first, ascending.
    pub canonical: Vec<(usize, Canonical)>,
    /// By which fields a row's part is found.
    pub spread: Spread,
    /// Parts whose rows are known to be the same texts on both sides: they need not be read as values.
    pub as_text: PartSet,
}

/// What is compared of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    /// Hash of its key.
    pub key: u128,
    /// Hash of all of it.
    pub row: u128,
}

impl Comparison {
    /// The fingerprint of a row: its COPY text without the newline.
    pub fn fingerprint(&self, row: &[u8]) -> Fingerprint {
        if self.is_text(row) {
            let whole = xxh3_128(row);
            let key = match self.keys.as_slice() {
                [] => whole,
                keys => hash(
                    fields(row)
                        .enumerate()
                        .filter(|(i, _)| keys.contains(i))
                        .map(|(_, f)| Cow::Borrowed(f)),
                ),
            };
            return Fingerprint { key, row: whole };
        }
        let forms: Vec<Cow<'_, [u8]>> = self.forms(row).collect();
        let row = hash(forms.iter().map(|form| Cow::Borrowed(&**form)));
        let key = match self.keys.as_slice() {
            [] => row,
            keys => hash(
                keys.iter()
                    .filter_map(|&i| forms.get(i).map(|form| Cow::Borrowed(&**form))),
            ),
        };
        Fingerprint { key, row }
    }

    /// Whether the row's texts are what is compared.
    fn is_text(&self, row: &[u8]) -> bool {
        self.canonical.is_empty()
            || (!self.as_text.is_empty()
                && self
                    .as_text
                    .contains(self.spread.part(row, || xxh3_128(row))))
    }

    /// The hash of a key, as a fingerprint has it: of its fields as COPY text, in the order of `keys`.
    pub fn key_hash(&self, fields: &[Vec<u8>]) -> u128 {
        hash(self.keys.iter().zip(fields).map(|(place, field)| {
            let kind = self.canonical.iter().find(|(at, _)| at == place);
            match kind {
                Some((_, kind)) => canonical(*kind, field),
                None => Cow::Borrowed(field.as_slice()),
            }
        }))
    }

    /// The hash of each field, to tell which columns of two rows differ.
    pub fn field_hashes(&self, row: &[u8]) -> Vec<u128> {
        self.forms(row).map(|form| xxh3_128(&form)).collect()
    }

    /// The key's fields as COPY text; `None` where the whole row is the key.
    pub fn key_fields<'r>(&self, row: &'r [u8]) -> Option<Vec<&'r [u8]>> {
        if self.keys.is_empty() {
            return None;
        }
        let all: Vec<&[u8]> = fields(row).collect();
        self.keys.iter().map(|&i| all.get(i).copied()).collect()
    }

    fn forms<'r>(&'r self, row: &'r [u8]) -> impl Iterator<Item = Cow<'r, [u8]>> {
        let mut kinds = self.canonical.iter().peekable();
        fields(row)
            .enumerate()
            .map(move |(i, field)| match kinds.next_if(|(at, _)| *at == i) {
                Some((_, kind)) => canonical(*kind, field),
                None => Cow::Borrowed(field),
            })
    }
}

/// Hash of fields, each behind its length: a canonical form may hold any byte.
fn hash<'f>(fields: impl Iterator<Item = Cow<'f, [u8]>>) -> u128 {
    let mut text = Vec::new();
    for field in fields {
        text.extend_from_slice(&(field.len() as u64).to_le_bytes());
        text.extend_from_slice(&field);
    }
    xxh3_128(&text)
}

/// Buckets of a table: few enough to be kept for every table at once (a digest takes 32 bytes), enough
/// that one wrong row leads to a thousandth of a table.
pub const BUCKETS: usize = 1024;

/// Digests of a table's rows, by bucket of their keys.
#[derive(Clone, PartialEq, Eq)]
pub struct Buckets(Box<[Digest]>);

impl Default for Buckets {
    fn default() -> Self {
        Self(vec![Digest::default(); BUCKETS].into_boxed_slice())
    }
}

impl Buckets {
    /// The bucket of a key.
    pub fn of(fingerprint: Fingerprint) -> usize {
        // The high bits: maps that keep fingerprints use the low ones.
        usize::try_from(fingerprint.key >> (128 - BUCKETS.ilog2())).unwrap_or(0)
    }

    /// Adds a row.
    pub fn add(&mut self, fingerprint: Fingerprint) {
        self.0[Self::of(fingerprint)].merge(Digest {
            rows: 1,
            sum: fingerprint.row,
        });
    }

    /// Adds the rows of another part of the same table.
    pub fn merge(&mut self, other: &Self) {
        for (sum, part) in self.0.iter_mut().zip(&other.0) {
            sum.merge(*part);
        }
    }

    /// Rows in a bucket.
    pub fn rows(&self, bucket: usize) -> u64 {
        self.0[bucket].rows
    }

    /// Count and sum of all rows.
    pub fn total(&self) -> Digest {
        self.0.iter().fold(Digest::default(), |mut sum, part| {
            sum.merge(*part);
            sum
        })
    }

    /// The buckets that differ.
    pub fn differing(&self, other: &Self) -> Vec<usize> {
        (0..BUCKETS).filter(|&i| self.0[i] != other.0[i]).collect()
    }
}

impl std::fmt::Debug for Buckets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Buckets({})", self.total())
    }
}

#[cfg(test)]
mod tests {
    use super::super::canonical::Form;
    use super::*;

    fn keyed() -> Comparison {
        Comparison {
            fields: 3,
            keys: vec![0],
            canonical: vec![(2, Canonical::Scalar(Form::Numeric))],
            ..Comparison::default()
        }
    }

    #[test]
    fn rows_that_differ_in_form_alone_have_one_fingerprint() {
        let comparison = keyed();
        assert_eq!(
            comparison.fingerprint(b"1\ta\t1.50"),
            comparison.fingerprint(b"1\ta\t1.5")
        );
        let (one, other) = (
            comparison.fingerprint(b"1\ta\t1.5"),
            comparison.fingerprint(b"1\tb\t1.5"),
        );
        assert_eq!(one.key, other.key);
        assert_ne!(one.row, other.row);
    }

    #[test]
    fn the_key_does_not_depend_on_what_else_is_canonical() {
        let plain = Comparison {
            canonical: Vec::new(),
            ..keyed()
        };
        assert_eq!(
            plain.fingerprint(b"7\tx\t1").key,
            keyed().fingerprint(b"7\ty\t2").key
        );
        let two = Comparison {
            keys: vec![0, 1],
            ..plain
        };
        assert_ne!(
            two.fingerprint(b"a\tb\t1").key,
            two.fingerprint(b"ab\t\t1").key
        );
    }

    #[test]
    fn rows_of_parts_that_are_the_same_texts_are_not_read_as_values() {
        let text = Comparison {
            as_text: PartSet::ALL,
            ..keyed()
        };
        let print = |row: &[u8]| text.fingerprint(row);
        assert_eq!(print(b"1\ta\t1.5"), print(b"1\ta\t1.5"));
        assert_ne!(print(b"1\ta\t1.5"), print(b"1\ta\t1.50"));
        let none = Comparison {
            as_text: PartSet::NONE,
            ..keyed()
        };
        let print = |row: &[u8]| none.fingerprint(row);
        assert_eq!(print(b"1\ta\t1.5"), print(b"1\ta\t1.50"));
    }

    #[test]
    fn without_a_key_the_row_is_the_key() {
        let keyless = Comparison {
            keys: Vec::new(),
            ..keyed()
        };
        let print = keyless.fingerprint(b"1\ta\t2");
        assert_eq!(print.key, print.row);
        assert_eq!(keyless.key_fields(b"1\ta\t2"), None);
        assert_eq!(keyed().key_fields(b"1\ta\t2"), Some(vec![&b"1"[..]]));
    }

    #[test]
    fn the_columns_that_differ_are_told() {
        let hashes = |row: &[u8]| keyed().field_hashes(row);
        let differs = |a: &[u8], b: &[u8]| -> Vec<usize> {
            let (a, b) = (hashes(a), hashes(b));
            (0..3).filter(|&i| a[i] != b[i]).collect()
        };
        assert_eq!(differs(b"1\ta\t2", b"1\tb\t2.0"), [1]);
        assert_eq!(differs(b"1\ta\t2", b"1\t\\N\t3"), [1, 2]);
    }

    #[test]
    fn buckets_see_a_changed_a_missing_and_a_doubled_row() {
        let comparison = keyed();
        let of = |rows: &[&str]| {
            let mut buckets = Buckets::default();
            rows.iter()
                .for_each(|row| buckets.add(comparison.fingerprint(row.as_bytes())));
            buckets
        };
        let all = of(&["1\ta\t1", "2\tb\t2", "3\tc\t3"]);
        assert!(
            all.differing(&of(&["3\tc\t3", "1\ta\t1", "2\tb\t2.0"]))
                .is_empty()
        );
        for other in [
            &["1\ta\t1", "2\tx\t2", "3\tc\t3"][..],
            &["1\ta\t1", "3\tc\t3"],
            &["1\ta\t1", "2\tb\t2", "2\tb\t2", "3\tc\t3"],
        ] {
            let two = comparison.fingerprint(b"2\tb\t2");
            assert_eq!(all.differing(&of(other)), [Buckets::of(two)], "{other:?}");
        }
        let mut merged = of(&["1\ta\t1"]);
        merged.merge(&of(&["2\tb\t2", "3\tc\t3"]));
        assert_eq!(merged, all);
        assert_eq!(all.total().rows, 3);
    }
}
