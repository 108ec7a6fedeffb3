//! What one reading of one side has found.

use std::collections::HashMap;
use std::hash::Hash;

use crate::copytext::{Buckets, Comparison, Digest, PartSet, Parts, Rows};

use super::each_row;

/// Sums of rows: as they were read, as they are sent or stored, and, where that was asked for, by value.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// As read, before the rewriting.
    pub(super) read: Digest,
    /// As sent or stored.
    pub(super) digest: Digest,
    /// The same, by part.
    pub(super) parts: Parts,
    /// By value; empty where only texts were compared.
    pub(super) values: Buckets,
}

impl Seen {
    /// Adds rows.
    pub(super) fn rows(&mut self, comparison: &Comparison, values: bool, rows: &Rows) {
        self.read.merge(rows.read.unwrap_or(rows.digest));
        self.digest.merge(rows.digest);
        self.parts.merge(&rows.parts);
        if values {
            for row in each_row(rows) {
                self.values.add(comparison.fingerprint(row));
            }
        }
    }

    /// Adds what another part of the table shows.
    pub(super) fn merge(&mut self, other: &Self) {
        self.read.merge(other.read);
        self.digest.merge(other.digest);
        self.parts.merge(&other.parts);
        self.values.merge(&other.values);
    }

    /// The parts whose texts differ.
    pub(super) fn differing(&self, other: &Self) -> PartSet {
        let parts = self.parts.differing(&other.parts);
        match parts.is_empty() && self.digest != other.digest {
            // The sums of parts have fewer bits, and no count.
            true => PartSet::ALL,
            false => parts,
        }
    }

    /// Whether both hold the same rows, as texts or, where that was looked at, by value.
    pub(super) fn is_equal(&self, other: &Self) -> bool {
        self.digest == other.digest
            || (self.values != Buckets::default() && self.values == other.values)
    }
}

/// What was seen of several ranges of one table becomes one.
pub(super) trait Merge {
    /// Adds what was seen of another range.
    fn add(&mut self, other: Self);
}

impl Merge for Seen {
    fn add(&mut self, other: Self) {
        self.merge(&other);
    }
}

impl Merge for Buckets {
    fn add(&mut self, other: Self) {
        self.merge(&other);
    }
}

impl<T> Merge for Vec<T> {
    fn add(&mut self, mut other: Self) {
        self.append(&mut other);
    }
}

impl<K: Eq + Hash, V> Merge for HashMap<K, Vec<V>> {
    fn add(&mut self, other: Self) {
        for (key, mut values) in other {
            self.entry(key).or_default().append(&mut values);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::copytext::{Canonical, Form, Recipe, Rewriter};

    fn seen(text: &str, values: bool) -> Seen {
        let recipe = Recipe {
            fields: 2,
            transforms: Vec::new(),
        };
        let comparison = Comparison {
            fields: 2,
            keys: vec![0],
            canonical: vec![(1, Canonical::Scalar(Form::Numeric))],
            ..Comparison::default()
        };
        let mut rows = Rows::default();
        let mut rewriter = Rewriter::new(recipe, 1000, 1000);
        let consumed = rewriter.rewrite(text.as_bytes(), &mut rows, usize::MAX);
        assert_eq!(consumed, Ok(text.len()));
        let mut seen = Seen::default();
        seen.rows(&comparison, values, &rows);
        seen
    }

    #[test]
    fn two_spellings_differ_as_texts_and_are_equal_by_value() {
        let (one, other) = ("1\t1.5\n2\t2\n", "2\t2\n1\t1.50\n");
        let (a, b) = (seen(one, false), seen(other, false));
        assert!(!a.is_equal(&b) && !a.differing(&b).is_empty());
        assert!(seen(one, true).is_equal(&seen(other, true)));
        assert!(!seen(one, true).is_equal(&seen("1\t1.5\n2\t3\n", true)));
    }

    #[test]
    fn ranges_of_a_table_add_up() {
        let mut sum = seen("1\t1.5\n", true);
        sum.add(seen("2\t2\n", true));
        let whole = seen("2\t2\n1\t1.5\n", true);
        assert!(sum.is_equal(&whole) && sum.differing(&whole).is_empty());
        let mut lists = HashMap::from([(1, vec!['a'])]);
        lists.add(HashMap::from([(1, vec!['b']), (2, vec!['c'])]));
        assert_eq!(lists[&1], ['a', 'b']);
        assert_eq!(lists[&2], ['c']);
    }
}
