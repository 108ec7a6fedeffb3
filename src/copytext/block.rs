//! The fast way: many short rows at once.
//!
//! Everything that goes wrong makes the whole block go the slow way (`row.rs`), which finds out what
//! it was; so nothing here has to say which row or which byte is bad.

use super::digest::Digest;
use super::recipe::{Recipe, Transform};
use super::rows::{Framing, Rows};
use super::scan::Delimiters;
use super::splice::Splice;
use super::sums::{Spread, read_hash};

/// Bytes of input that are rewritten together: with their delimiters and their output they fit into
/// the first-level cache (32–48 KiB), through which every pass but the first then reads.
pub(super) const BLOCK: usize = 16 * 1024;

/// Rewrites whole blocks of rows.
#[derive(Default)]
pub(super) struct Blocks {
    delimiters: Delimiters,
    /// Row ends within the output of the current block, past the newlines.
    ends: Vec<u32>,
    changed: Vec<u64>,
}

impl Blocks {
    /// Rewrites all rows of `block`, which ends with a newline, and appends them to `rows` in frames
    /// of `frame` bytes; sums them. Answers how many they were; `None`: one is bad, and `rows` is as it was.
    pub(super) fn rewrite(
        &mut self,
        block: &[u8],
        (recipe, spread): (&Recipe, &Spread),
        rows: &mut Rows,
        frame: usize,
    ) -> Option<u64> {
        self.delimiters.find(block);
        if !self.delimiters.is_ascii() {
            simdutf8::basic::from_utf8(block).ok()?;
        }
        self.check_fields(block, recipe.fields)?;
        let before = rows.bytes.len();
        if self.copy(block, recipe, &mut rows.bytes).is_none() {
            rows.bytes.truncate(before);
            return None;
        }
        self.sum(block, (recipe, spread), before, rows);
        let mut framing = Framing::new(&mut rows.frames, frame);
        for end in &self.ends {
            framing.row(before + *end as usize);
        }
        framing.finish();
        for (sum, changed) in rows.changed.iter_mut().zip(&self.changed) {
            *sum += changed;
        }
        Some(self.ends.len() as u64)
    }

    /// Sums the rows that begin at `before` of `rows.bytes`.
    fn sum(
        &self,
        block: &[u8],
        (recipe, spread): (&Recipe, &Spread),
        before: usize,
        rows: &mut Rows,
    ) {
        let sent = &rows.bytes[before..];
        let (mut digest, mut read) = (Digest::default(), Digest::default());
        let rewritten = recipe.rewritten();
        let (mut from, mut start) = (0, 0);
        let width = recipe.fields.max(1);
        for (delimiters, end) in self
            .delimiters
            .positions()
            .chunks_exact(width)
            .zip(&self.ends)
        {
            let (end, newline) = (*end as usize, delimiters[width - 1] as usize);
            let hash = digest.add_row(&sent[start..end - 1]);
            let part = spread.part_at(block, from, delimiters, hash);
            rows.parts.add(part, hash);
            if let Some((first, last)) = rewritten {
                let first = match first {
                    0 => from,
                    n => delimiters[n - 1] as usize + 1,
                };
                read.add_hash(read_hash(hash, &block[first..delimiters[last] as usize]));
            }
            (from, start) = (newline + 1, end);
        }
        rows.digest.merge(digest);
        if rewritten.is_some() {
            rows.read.get_or_insert_default().merge(read);
        }
    }

    /// Whether every row has `fields` fields: every so many-th delimiter is a newline, and there is
    /// no other newline.
    fn check_fields(&self, block: &[u8], fields: usize) -> Option<()> {
        let newlines = self.delimiters.newlines();
        let positions = self.delimiters.positions();
        if fields == 0 {
            return (block.len() == newlines).then_some(());
        }
        if newlines.checked_mul(fields) != Some(positions.len()) {
            return None;
        }
        let ends = positions.chunks_exact(fields).map(|row| row[fields - 1]);
        ends.fold(true, |good, end| good & (block[end as usize] == b'\n'))
            .then_some(())
    }

    /// Appends the rewritten rows to `out`; notes their ends and what was changed.
    fn copy(&mut self, block: &[u8], recipe: &Recipe, out: &mut Vec<u8>) -> Option<()> {
        self.ends.clear();
        self.changed.clear();
        self.changed.resize(recipe.transforms.len(), 0);
        let positions = self.delimiters.positions();
        let width = recipe.fields.max(1);
        if recipe.transforms.is_empty() {
            let ends = positions.chunks_exact(width).map(|row| row[width - 1] + 1);
            self.ends.extend(ends);
            out.extend_from_slice(block);
            return Some(());
        }
        let before = out.len();
        out.reserve(block.len());
        let mut splice = Splice::new(block, out);
        let mut start = 0;
        for row in positions.chunks_exact(width) {
            rewrite_row(
                &mut splice,
                &recipe.transforms,
                start,
                row,
                &mut self.changed,
            )?;
            start = row[width - 1] as usize + 1;
            self.ends.push((splice.position_out(start) - before) as u32);
        }
        splice.copy_to(block.len());
        Some(())
    }
}

/// Applies the transforms to the row that starts at `start` and has its delimiters at `ends`.
#[inline]
fn rewrite_row(
    splice: &mut Splice<'_>,
    transforms: &[(usize, Transform)],
    start: usize,
    ends: &[u32],
    changed: &mut [u64],
) -> Option<()> {
    for ((field, transform), changed) in transforms.iter().zip(changed) {
        let from = match field {
            0 => start,
            n => ends[n - 1] as usize + 1,
        };
        let has_changed = splice.apply(*transform, from..ends[*field] as usize)?;
        *changed += u64::from(has_changed);
    }
    Some(())
}
