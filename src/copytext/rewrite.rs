//! The fast rewriter.

use memchr::{memchr, memrchr};

use super::block::{BLOCK, Blocks};
use super::recipe::Recipe;
use super::row::{self, RowError, RowErrorKind};
use super::rows::{Framing, Rows};
use super::sums::{Spread, read_hash};

/// Rewrites the rows of one chunk.
///
/// Every row is checked to be UTF-8, to have the recipe's number of fields (also where nothing is
/// transformed: the delimiters are found anyway) and to be within the line limit as sent.
pub struct Rewriter {
    recipe: Recipe,
    spread: Spread,
    line_limit: usize,
    frame: usize,
    blocks: Blocks,
    /// Which transforms changed the current row.
    changed: Vec<bool>,
    rows: u64,
    consumed: u64,
    /// Bytes at the start of the next input that are known to hold no newline: a row of 30 MB that
    /// comes in pieces of 64 KiB is not searched from its start with each of them.
    searched: usize,
    is_full: bool,
}

impl Rewriter {
    /// A rewriter for rows of `recipe`; `line_limit` is the longest row (without newline, as sent) in
    /// bytes; `frame` the size that frames aim at.
    ///
    /// # Panics
    ///
    /// Where the recipe's transforms are not in ascending order or name a field that no row has.
    pub fn new(recipe: Recipe, line_limit: usize, frame: usize) -> Self {
        assert!(
            recipe.is_well_formed(),
            "transforms are ascending fields of the row"
        );
        Self {
            changed: vec![false; recipe.transforms.len()],
            recipe,
            spread: Spread::default(),
            line_limit,
            frame,
            blocks: Blocks::default(),
            rows: 0,
            consumed: 0,
            searched: 0,
            is_full: false,
        }
    }

    /// Sums the rows by these parts; without it they are spread by the hash of the whole row.
    #[must_use]
    pub fn spread(mut self, spread: Spread) -> Self {
        self.spread = spread;
        self
    }

    /// Rewrites whole rows of `input` and appends them to `rows`, until the input holds no further whole
    /// row or `rows.bytes` has reached `full` bytes (the row that crosses it is still taken where `rows`
    /// was empty; otherwise it is left). Answers the bytes of input consumed.
    ///
    /// Whether a row has room is judged by its length as read, before anything is done with it; so
    /// `rows.bytes` never grows above `full` (but for a row that stands alone), and a batch is a few
    /// bytes short of it where transforms shorten.
    ///
    /// The next call's input starts with the bytes that this one left. A row whose newline has not
    /// come is refused as soon as it is too long however it goes on, so that at most about the line
    /// limit (and what transforms may remove) has to be kept of it.
    ///
    /// # Errors
    ///
    /// The first bad row, by its position. The good rows before it are in `rows` and counted;
    /// [`Rewriter::consumed`] tells where in the input it starts.
    pub fn rewrite(
        &mut self,
        input: &[u8],
        rows: &mut Rows,
        full: usize,
    ) -> Result<usize, RowError> {
        rows.changed.resize(self.recipe.transforms.len(), 0);
        self.is_full = false;
        let mut at = 0;
        loop {
            let rest = &input[at..];
            let taken = match self.block(rest, rows, full) {
                0 => self.row(rest, rows, full)?,
                n => n,
            };
            if taken == 0 {
                return Ok(at);
            }
            at += taken;
            self.consumed += taken as u64;
            self.searched = 0;
        }
    }

    /// Whether the last call stopped because the next row, as far as it has come, has no room in the
    /// batch; otherwise it stopped for want of input.
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    /// Rows taken since the rewriter was made.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Bytes of input taken since the rewriter was made, newlines included.
    pub fn consumed(&self) -> u64 {
        self.consumed
    }

    /// Passes over the next row, which is not sent: `length` bytes of input, its newline included. It counts
    /// among [`Rewriter::rows`].
    pub fn pass_over(&mut self, length: usize) {
        self.rows += 1;
        self.consumed += length as u64;
        self.searched = 0;
    }

    /// Ends the input, of which `rest` was left by the last call.
    ///
    /// # Errors
    ///
    /// [`RowErrorKind::CutOff`] where bytes are left: the source stopped within a row (or, if `rest` holds
    /// a newline, the caller did).
    pub fn finish(&self, rest: &[u8]) -> Result<(), RowError> {
        if rest.is_empty() {
            return Ok(());
        }
        Err(self.error(RowErrorKind::CutOff { length: rest.len() }))
    }

    /// Takes as many rows of `rest` at once as certainly fit and are good. Answers their bytes.
    fn block(&mut self, rest: &[u8], rows: &mut Rows, full: usize) -> usize {
        // Transforms only shorten: what fits as read fits as sent. A block within the line limit has
        // no row above it.
        let room = full.saturating_sub(rows.bytes.len()).min(self.line_limit);
        let window = &rest[..rest.len().min(BLOCK).min(room)];
        let Some(newline) = memrchr(b'\n', window) else {
            return 0;
        };
        let block = &rest[..=newline];
        let how = (&self.recipe, &self.spread);
        match self.blocks.rewrite(block, how, rows, self.frame) {
            Some(count) => {
                self.rows += count;
                block.len()
            }
            None => 0,
        }
    }

    /// Takes one row of `rest`, if it has a whole one and there is room. Answers its bytes.
    fn row(&mut self, rest: &[u8], rows: &mut Rows, full: usize) -> Result<usize, RowError> {
        let before = rows.bytes.len();
        let row = self.next_row(rest);
        // A row of which only a part has come is longer still.
        let needed = row.unwrap_or(rest).len().saturating_add(1);
        if before > 0 && needed > full.saturating_sub(before) {
            self.is_full = true;
            return Ok(0);
        }
        let Some(row) = row else {
            return row::check_length(rest.len(), &self.recipe, self.line_limit)
                .map(|()| 0)
                .map_err(|kind| self.error(kind));
        };
        let out = &mut rows.bytes;
        // A row that stands alone may be large: no more memory than it needs.
        match before {
            0 => out.reserve_exact(needed),
            _ => out.reserve(needed),
        }
        let done = row::rewrite(row, &self.recipe, self.line_limit, out, &mut self.changed);
        if let Err(kind) = done {
            out.truncate(before);
            return Err(self.error(kind));
        }
        self.account(before, row, rows);
        Ok(needed)
    }

    /// The first row of `rest`, without its newline, if that has come.
    fn next_row<'a>(&mut self, rest: &'a [u8]) -> Option<&'a [u8]> {
        let searched = self.searched.min(rest.len());
        if memchr(b'\n', &rest[searched..]).is_none() {
            self.searched = rest.len();
            return None;
        }
        // Searched anew, once per long row: a caller that goes on with another input than it promised
        // must not get two rows as one.
        memchr(b'\n', rest).map(|newline| &rest[..newline])
    }

    /// Ends the row that starts at `start` of `rows.bytes`, and was `read` so.
    fn account(&mut self, start: usize, read: &[u8], rows: &mut Rows) {
        let sent = &rows.bytes[start..];
        let hash = rows.digest.add_row(sent);
        rows.parts.add(self.spread.part(sent, || hash), hash);
        if let Some(rewritten) = self.recipe.rewritten() {
            let hash = read_hash(hash, row::fields(read, rewritten));
            rows.read.get_or_insert_default().add_hash(hash);
        }
        rows.bytes.push(b'\n');
        let mut framing = Framing::new(&mut rows.frames, self.frame);
        framing.row(rows.bytes.len());
        framing.finish();
        for (sum, changed) in rows.changed.iter_mut().zip(&self.changed) {
            *sum += u64::from(*changed);
        }
        self.rows += 1;
    }

    fn error(&self, kind: RowErrorKind) -> RowError {
        RowError {
            row: self.rows,
            kind,
        }
    }
}
