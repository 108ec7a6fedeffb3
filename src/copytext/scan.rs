//! Finds the delimiters of COPY text.
//!
//! A tab or newline within a value is escaped as `\t` or `\n`, so the raw bytes are always
//! delimiters, and no byte of a multi-byte UTF-8 character is one of them. Where rows are short the
//! next delimiter is near, and calling a search for each costs more than the search; so a block's
//! delimiters are found together, 64 bytes at a time, as bits.

use wide::{CmpEq, i8x16};

/// Bytes that are looked at together.
const LANES: usize = 64;

/// Positions of the delimiters of one block.
#[derive(Default)]
pub(super) struct Delimiters {
    /// Longer than what is valid, so that writing needs no growing.
    positions: Vec<u32>,
    found: usize,
    newlines: usize,
    /// All bytes, one ORed with the other: whether one has the high bit is known without asking again.
    seen: i8x16,
}

impl Delimiters {
    /// Finds all tabs and newlines of `block`, which is shorter than 4 GiB.
    pub(super) fn find(&mut self, block: &[u8]) {
        // Each step writes up to LANES positions from where the last one ended.
        let needed = block.len() + 2 * LANES;
        if self.positions.len() < needed {
            self.positions.resize(needed, 0);
        }
        self.found = 0;
        self.newlines = 0;
        self.seen = i8x16::default();
        let (whole, rest) = block.as_chunks::<LANES>();
        for (i, lanes) in whole.iter().enumerate() {
            self.add(lanes, i * LANES);
        }
        let mut last = [0; LANES];
        last[..rest.len()].copy_from_slice(rest);
        self.add(&last, whole.len() * LANES);
    }

    /// The positions, ascending.
    pub(super) fn positions(&self) -> &[u32] {
        &self.positions[..self.found]
    }

    /// Whether the block is ASCII, and so certainly UTF-8.
    pub(super) fn is_ascii(&self) -> bool {
        self.seen.move_mask() == 0
    }

    /// How many of them are newlines.
    pub(super) fn newlines(&self) -> usize {
        self.newlines
    }

    #[inline]
    fn add(&mut self, lanes: &[u8; LANES], base: usize) {
        let (tabs, newlines) = self.bits(lanes);
        let mut both = tabs | newlines;
        let count = both.count_ones() as usize;
        self.newlines += newlines.count_ones() as usize;
        // A loop that ends after `count` steps would be mispredicted once per 64 bytes, so it goes in
        // eights, and what it writes too much is overwritten by the next step.
        let slots = &mut self.positions[self.found..self.found + LANES];
        for eight in slots.as_chunks_mut::<8>().0 {
            for slot in eight {
                *slot = base as u32 + both.trailing_zeros();
                both &= both.wrapping_sub(1);
            }
            if both == 0 {
                break;
            }
        }
        self.found += count;
    }

    /// Which of the bytes are tabs and which are newlines; bit 0 is the first byte.
    #[inline]
    fn bits(&mut self, lanes: &[u8; LANES]) -> (u64, u64) {
        let (tab, newline) = (i8x16::splat(b'\t' as i8), i8x16::splat(b'\n' as i8));
        let (mut tabs, mut newlines) = (0, 0);
        for (i, bytes) in lanes.as_chunks::<16>().0.iter().enumerate() {
            let bytes = i8x16::from(bytes.map(|b| b as i8));
            let mask = |equal: i8x16| u64::from(equal.move_mask() as u16) << (16 * i);
            tabs |= mask(bytes.cmp_eq(tab));
            newlines |= mask(bytes.cmp_eq(newline));
            self.seen |= bytes;
        }
        (tabs, newlines)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn delimiters_are_where_they_are(block in proptest::collection::vec(
            prop_oneof![Just(b'\t'), Just(b'\n'), Just(0x0b), Just(0x89), any::<u8>()], 0..400,
        )) {
            let mut delimiters = Delimiters::default();
            for _ in 0..2 {
                delimiters.find(&block);
                let expected: Vec<u32> = (0..block.len() as u32)
                    .filter(|i| matches!(block[*i as usize], b'\t' | b'\n'))
                    .collect();
                prop_assert_eq!(delimiters.positions(), expected);
                let newlines = block.iter().filter(|b| **b == b'\n').count();
                prop_assert_eq!(delimiters.newlines(), newlines);
                prop_assert_eq!(delimiters.is_ascii(), block.is_ascii());
            }
        }
    }
}
