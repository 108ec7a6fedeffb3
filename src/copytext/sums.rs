//! Sums that tell later who changed a row, and in which part of its table.
//!
//! Beside the digest of what is sent, the rewriter sums what was read, and sums what is sent by part: a
//! table that is not stored as it was sent has to be looked into only where the parts differ.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use memchr::memchr;
use xxhash_rust::xxh3::xxh3_64;

use super::recipe::Recipe;

/// Parts of a table. Their sums are stored with every batch, so they are few.
pub const PARTS: usize = 64;

/// Mixes the hashes of a key's fields (the odd number next to 2^64 divided by the golden ratio).
const MIX: u64 = 0x9e37_79b9_7f4a_7c15;

/// By which fields a row's part is found: those of its key, by the hash of their COPY text, never by an
/// order of texts, which differs between servers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Spread(Vec<usize>);

impl Spread {
    /// By these fields, less those that `recipe` changes: a part must be the same before and after the
    /// rewriting. Without a field that is left, it is by the hash of the whole row.
    pub fn new(keys: &[usize], recipe: &Recipe) -> Self {
        let changes = |field: &usize| recipe.transforms.iter().any(|(at, _)| at == field);
        let mut fields: Vec<usize> = keys.iter().copied().filter(|key| !changes(key)).collect();
        fields.sort_unstable();
        fields.dedup();
        Self(fields)
    }

    /// The part of a row: its COPY text as sent, without the newline, and how to find the hash of that.
    pub fn part(&self, row: &[u8], hash: impl FnOnce() -> u128) -> usize {
        let mut rest = Some(row);
        let mut fields = std::iter::from_fn(|| {
            let text = rest?;
            let (field, after) = match memchr(b'\t', text) {
                Some(tab) => (&text[..tab], Some(&text[tab + 1..])),
                None => (text, None),
            };
            rest = after;
            Some(field)
        });
        let mut passed = 0;
        self.of(hash, |wanted| {
            let field = fields.nth(wanted - passed);
            passed = wanted + 1;
            field.unwrap_or_default()
        })
    }

    /// The part of the row that starts at `start` of `block` and has its delimiters at `ends`.
    #[inline]
    pub(super) fn part_at(&self, block: &[u8], start: usize, ends: &[u32], hash: u128) -> usize {
        self.of(
            || hash,
            |field| {
                let from = match field {
                    0 => start,
                    n => ends[n - 1] as usize + 1,
                };
                &block[from..ends[field] as usize]
            },
        )
    }

    /// The highest fields that are asked for come last.
    #[inline]
    fn of<'r>(
        &self,
        hash: impl FnOnce() -> u128,
        mut field: impl FnMut(usize) -> &'r [u8],
    ) -> usize {
        let spread = match self.0.as_slice() {
            [] => (hash() >> 64) as u64,
            [only] => xxh3_64(field(*only)),
            several => several.iter().fold(0, |sum: u64, &at| {
                sum.wrapping_mul(MIX).wrapping_add(xxh3_64(field(at)))
            }),
        };
        (spread >> (u64::BITS - PARTS.ilog2())) as usize
    }
}

/// The hash of a row as it was read, from the hash of it as sent and the text of its rewritten fields as read:
/// from the start of the first of them to the end of the last. What lies around them is sent as it was read, so
/// nothing else has to be hashed twice.
#[inline]
pub(super) fn read_hash(sent: u128, rewritten: &[u8]) -> u128 {
    // Odd, so that every bit of the second hash counts; of the row, so that rows can not exchange fields.
    sent.wrapping_add(u128::from(xxh3_64(rewritten)).wrapping_mul(sent | 1))
}

/// By part, the sum modulo 2^64 of the lower halves of its rows' hashes.
///
/// The text form is a hex number per part, separated by spaces.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Parts([u64; PARTS]);

impl Default for Parts {
    fn default() -> Self {
        Self([0; PARTS])
    }
}

impl Parts {
    /// Adds a row.
    #[inline]
    pub fn add(&mut self, part: usize, hash: u128) {
        // The lower half: by the upper one rows without a key are spread.
        self.0[part] = self.0[part].wrapping_add(hash as u64);
    }

    /// Adds the rows of another sum.
    pub fn merge(&mut self, other: &Self) {
        for (sum, more) in self.0.iter_mut().zip(&other.0) {
            *sum = sum.wrapping_add(*more);
        }
    }

    /// The parts that differ.
    pub fn differing(&self, other: &Self) -> PartSet {
        let differ = self.0.iter().zip(&other.0).map(|(a, b)| a != b);
        let bits = differ
            .enumerate()
            .map(|(i, differs)| u64::from(differs) << i);
        PartSet(bits.fold(0, |set, bit| set | bit))
    }
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Parts(…)")
    }
}

impl fmt::Display for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, sum) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_char(' ')?;
            }
            write!(f, "{sum:x}")?;
        }
        Ok(())
    }
}

/// A text that is not a hex number per part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the sums of parts are {PARTS} hex numbers")]
pub struct ParsePartsError;

impl FromStr for Parts {
    type Err = ParsePartsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = Self::default();
        let mut words = text.split(' ');
        for sum in &mut parts.0 {
            let word = words.next().ok_or(ParsePartsError)?;
            // `from_str_radix` takes a sign.
            if !word.bytes().all(|b| b.is_ascii_hexdigit()) {
                return Err(ParsePartsError);
            }
            *sum = u64::from_str_radix(word, 16).map_err(|_| ParsePartsError)?;
        }
        match words.next() {
            None => Ok(parts),
            Some(_) => Err(ParsePartsError),
        }
    }
}

/// Some parts of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PartSet(u64);

impl PartSet {
    /// No part.
    pub const NONE: Self = Self(0);

    /// Every part.
    pub const ALL: Self = Self(u64::MAX);

    /// All but these.
    #[must_use]
    pub fn others(self) -> Self {
        Self(!self.0)
    }

    /// Whether a part is among them.
    #[inline]
    pub fn contains(self, part: usize) -> bool {
        self.0 >> part & 1 == 1
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many there are.
    pub fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Those of either.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether all of these are among `other`.
    pub fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }
}

#[cfg(test)]
mod tests {
    use super::super::recipe::Transform;
    use super::*;
    use xxhash_rust::xxh3::xxh3_128;

    fn by(keys: &[usize]) -> Spread {
        Spread::new(keys, &Recipe::default())
    }

    fn part(spread: &Spread, row: &str) -> usize {
        spread.part(row.as_bytes(), || xxh3_128(row.as_bytes()))
    }

    #[test]
    fn a_row_stays_in_its_part_whatever_else_of_it_changes() {
        for keys in [&[0][..], &[1], &[0, 2]] {
            let spread = by(keys);
            let mut fields = ["7", "x", "y", "last"];
            let before = part(&spread, &fields.join("\t"));
            fields[3] = "another";
            assert_eq!(part(&spread, &fields.join("\t")), before, "{keys:?}");
        }
    }

    #[test]
    fn rows_are_spread_evenly_with_and_without_a_key() {
        for spread in [by(&[0]), by(&[0, 1]), by(&[])] {
            let mut counts = [0; PARTS];
            for n in 0..64_000 {
                counts[part(&spread, &format!("{n}\t1\tabc"))] += 1;
            }
            let (least, most) = (counts.iter().min(), counts.iter().max());
            assert!(least > Some(&850) && most < Some(&1150), "{counts:?}");
        }
    }

    #[test]
    fn a_field_that_is_rewritten_does_not_decide() {
        let recipe = Recipe {
            fields: 2,
            transforms: vec![(0, Transform::TrimRight)],
        };
        assert_eq!(Spread::new(&[1, 0], &recipe), by(&[1]));
        assert_eq!(Spread::new(&[0], &recipe), by(&[]));
    }

    #[test]
    fn the_parts_of_rows_are_the_published_ones() {
        // Stored in ledgers: these may never change.
        assert_eq!(part(&by(&[0]), "1\ta"), (xxh3_64(b"1") >> 58) as usize);
        let whole = part(&by(&[]), "1\ta");
        assert_eq!(whole, (xxh3_128(b"1\ta") >> 122) as usize);
        let two = xxh3_64(b"1").wrapping_mul(MIX).wrapping_add(xxh3_64(b"a"));
        assert_eq!(part(&by(&[0, 1]), "1\ta"), (two >> 58) as usize);
    }

    #[test]
    fn two_rows_that_exchange_what_is_cut_off_are_seen() {
        let (one, other) = (xxh3_128(b"one"), xxh3_128(b"other"));
        let sum = |a: &[u8], b: &[u8]| read_hash(one, a).wrapping_add(read_hash(other, b));
        assert_ne!(sum(b".123", b".456"), sum(b".456", b".123"));
        // Stored in ledgers, too.
        let product = u128::from(xxh3_64(b".1")).wrapping_mul(one | 1);
        assert_eq!(read_hash(one, b".1"), one.wrapping_add(product));
    }

    #[test]
    fn sums_show_the_parts_that_differ_and_come_back_from_text() {
        let (mut one, mut other) = (Parts::default(), Parts::default());
        one.add(3, 7 << 64 | 0xabc);
        one.add(63, 1);
        other.add(63, 1);
        assert_eq!(one.differing(&other), PartSet(1 << 3));
        let differ = one.differing(&other);
        assert!(differ.contains(3) && !differ.contains(63) && differ.len() == 1);
        assert!(differ.is_within(PartSet::ALL) && !differ.others().or(differ).is_within(differ));
        other.add(3, 0xab0);
        other.add(3, 0xc);
        assert!(one.differing(&other).is_empty());
        let text = one.to_string();
        assert!(text.starts_with("0 0 0 abc 0 "), "{text}");
        assert_eq!(text.parse(), Ok(one));
        for broken in ["", "0", &format!("{text} 0"), &text.replace("abc", "+bc")] {
            assert_eq!(broken.parse::<Parts>(), Err(ParsePartsError), "{broken}");
        }
    }
}
