//! The slow, obvious rewriter: what the fast one has to equal, always.
//!
//! Row by row, field by field, in strings; it shares with the fast one the definition of the row hash
//! and nothing else. Its readers of timestamps and arrays are written from the description of what
//! PostgreSQL prints, not from the fast ones.

use super::digest::Digest;
use super::recipe::{Recipe, Transform};
use super::row::{RowError, RowErrorKind};
use super::rows::Rows;
use super::sums::{Spread, read_hash};

/// Does what [`Rewriter`](super::Rewriter) does, slowly and plainly.
pub struct Reference {
    recipe: Recipe,
    spread: Spread,
    line_limit: usize,
    frame: usize,
    rows: u64,
    is_full: bool,
}

impl Reference {
    /// As [`Rewriter::new`](super::Rewriter::new).
    pub fn new(recipe: Recipe, line_limit: usize, frame: usize) -> Self {
        Self {
            recipe,
            spread: Spread::default(),
            line_limit,
            frame,
            rows: 0,
            is_full: false,
        }
    }

    /// As [`Rewriter::spread`](super::Rewriter::spread).
    #[must_use]
    pub fn spread(mut self, spread: Spread) -> Self {
        self.spread = spread;
        self
    }

    /// As [`Rewriter::rewrite`](super::Rewriter::rewrite).
    ///
    /// # Errors
    ///
    /// The first bad row.
    pub fn rewrite(
        &mut self,
        input: &[u8],
        rows: &mut Rows,
        full: usize,
    ) -> Result<usize, RowError> {
        rows.changed.resize(self.recipe.transforms.len(), 0);
        let mut consumed = 0;
        loop {
            let rest = &input[consumed..];
            let newline = rest.iter().position(|b| *b == b'\n');
            let row = &rest[..newline.unwrap_or(rest.len())];
            self.is_full = !rows.bytes.is_empty() && rows.bytes.len() + row.len() + 1 > full;
            if self.is_full {
                return Ok(consumed);
            }
            if newline.is_none() {
                self.check_read(row).map_err(|kind| self.error(kind))?;
                return Ok(consumed);
            }
            let (rewritten, changed) = self.row(row).map_err(|kind| self.error(kind))?;
            self.append((row, &rewritten), &changed, rows);
            consumed += row.len() + 1;
        }
    }

    /// As [`Rewriter::is_full`](super::Rewriter::is_full).
    pub fn is_full(&self) -> bool {
        self.is_full
    }

    fn error(&self, kind: RowErrorKind) -> RowError {
        RowError {
            row: self.rows,
            kind,
        }
    }

    /// The longest that a row may be before it is rewritten.
    fn check_read(&self, row: &[u8]) -> Result<(), RowErrorKind> {
        let mut longest = self.line_limit;
        for (_, transform) in &self.recipe.transforms {
            longest = longest.saturating_add(match transform {
                Transform::CutTimestamp { .. } => 7,
                Transform::CutTimestampArray { .. } => self.line_limit / 2,
                Transform::TrimRight => 10_485_760,
            });
        }
        if row.len() > longest {
            return Err(RowErrorKind::TooLong {
                length: self.line_limit + (row.len() - longest),
                limit: self.line_limit,
            });
        }
        Ok(())
    }

    /// The rewritten row, and which transforms changed it.
    fn row(&self, row: &[u8]) -> Result<(String, Vec<bool>), RowErrorKind> {
        self.check_read(row)?;
        let text = std::str::from_utf8(row).map_err(|e| RowErrorKind::InvalidUtf8 {
            at: e.valid_up_to(),
        })?;
        let mut fields: Vec<String> = text.split('\t').map(str::to_owned).collect();
        let is_empty_row = self.recipe.fields == 0 && text.is_empty();
        if fields.len() != self.recipe.fields && !is_empty_row {
            return Err(RowErrorKind::Fields {
                found: fields.len(),
            });
        }
        let mut changed = Vec::new();
        for (field, transform) in &self.recipe.transforms {
            let rewritten = transformed(&fields[*field], *transform)
                .ok_or(RowErrorKind::Unreadable { field: *field })?;
            changed.push(rewritten != fields[*field]);
            fields[*field] = rewritten;
        }
        let row = fields.join("\t");
        if row.len() > self.line_limit {
            return Err(RowErrorKind::TooLong {
                length: row.len(),
                limit: self.line_limit,
            });
        }
        Ok((row, changed))
    }

    fn append(&mut self, (read, row): (&[u8], &str), changed: &[bool], rows: &mut Rows) {
        let mut digest = Digest::default();
        digest.add_row(row.as_bytes());
        let part = self.spread.part(row.as_bytes(), || digest.sum);
        rows.parts.add(part, digest.sum);
        if let (Some(first), Some(last)) = (
            self.recipe.transforms.first(),
            self.recipe.transforms.last(),
        ) {
            let fields: Vec<&[u8]> = read.split(|b| *b == b'\t').collect();
            let rewritten = fields[first.0..=last.0].join(&b'\t');
            let sum = &mut rows.read.get_or_insert_default();
            sum.rows += 1;
            sum.sum = sum.sum.wrapping_add(read_hash(digest.sum, &rewritten));
        }
        rows.digest.rows += 1;
        rows.digest.sum = rows.digest.sum.wrapping_add(digest.sum);
        for (i, changed) in changed.iter().enumerate() {
            if *changed {
                rows.changed[i] += 1;
            }
        }
        let start_of_last_frame = match rows.frames.len() {
            0 | 1 => 0,
            n => rows.frames[n - 2],
        };
        rows.bytes.extend_from_slice(row.as_bytes());
        rows.bytes.push(b'\n');
        if rows.bytes.len() - start_of_last_frame <= self.frame {
            rows.frames.pop();
        }
        rows.frames.push(rows.bytes.len());
        self.rows += 1;
    }
}

/// The field as it is sent; `None`: unreadable.
fn transformed(field: &str, transform: Transform) -> Option<String> {
    match transform {
        Transform::TrimRight => trimmed(field),
        _ if field == "\\N" => Some(field.to_owned()),
        Transform::CutTimestamp { digits } => timestamp(field, digits.into()),
        Transform::CutTimestampArray { digits } => array(field, digits.into()),
    }
}

/// Splits the field into characters as COPY means them, and drops spaces from the end.
fn trimmed(field: &str) -> Option<String> {
    let mut units: Vec<String> = Vec::new();
    let mut chars = field.chars();
    while let Some(char) = chars.next() {
        let mut unit = char.to_string();
        if char == '\\' {
            unit.extend(chars.next());
        }
        units.push(unit);
    }
    while units.last().is_some_and(|u| u == " " || u == "\\ ") {
        units.pop();
    }
    let rest = units.concat();
    let is_other = rest != field && (rest == "\\N" || rest == "\\.");
    (!is_other).then_some(rest)
}

/// `[0:1][-1:0]={{…},{…}}`
fn array(text: &str, digits: usize) -> Option<String> {
    let (bounds, body) = text.split_at(text.find('{')?);
    if !are_bounds(bounds) {
        return None;
    }
    if body == "{}" {
        return Some(text.to_owned());
    }
    let mut out = bounds.to_owned();
    let rest = items(body, digits, 1, &mut out)?;
    rest.is_empty().then_some(out)
}

fn are_bounds(text: &str) -> bool {
    if text.is_empty() {
        return true;
    }
    let inner = text.strip_prefix('[').and_then(|t| t.strip_suffix("]="));
    let Some(inner) = inner else { return false };
    let dimensions: Vec<&str> = inner.split("][").collect();
    dimensions.len() <= 6
        && dimensions.iter().all(|dimension| {
            let numbers: Vec<&str> = dimension.split(':').collect();
            numbers.len() == 2 && numbers.iter().all(|n| is_number(n))
        })
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit())
}

/// `{item,item}`; answers what follows.
fn items<'a>(text: &'a str, digits: usize, depth: usize, out: &mut String) -> Option<&'a str> {
    if depth > 6 {
        return None;
    }
    let mut rest = text.strip_prefix('{')?;
    out.push('{');
    loop {
        rest = if rest.starts_with('{') {
            items(rest, digits, depth + 1, out)?
        } else {
            item(rest, digits, out)?
        };
        let separator = rest.chars().next()?;
        rest = &rest[separator.len_utf8()..];
        out.push(separator);
        match separator {
            ',' => {}
            '}' => return Some(rest),
            _ => return None,
        }
    }
}

/// One element; answers what follows.
fn item<'a>(text: &'a str, digits: usize, out: &mut String) -> Option<&'a str> {
    if let Some(quoted) = text.strip_prefix('"') {
        let (inner, rest) = quoted.split_once('"')?;
        out.push('"');
        out.push_str(&timestamp(inner, digits)?);
        out.push('"');
        return Some(rest);
    }
    let (inner, rest) = text.split_at(text.find([',', '}'])?);
    match inner {
        "NULL" => out.push_str(inner),
        _ => out.push_str(&timestamp(inner, digits)?),
    }
    Some(rest)
}

/// `2020-01-31 23:59:59.123456+05:30:17 BC`
fn timestamp(text: &str, digits: usize) -> Option<String> {
    if text == "infinity" || text == "-infinity" {
        return Some(text.to_owned());
    }
    let (body, era) = match text.strip_suffix(" BC") {
        Some(body) => (body, " BC"),
        None => (text, ""),
    };
    let (date, time) = body.split_once(' ')?;
    let year = date.split('-').next()?.len();
    let is_date = (4..=6).contains(&year) && has_form(&date[year..], "-00-00");
    let zone_at = time.find(['+', '-']).unwrap_or(time.len());
    let (clock, zone) = time.split_at(zone_at);
    let is_zone = zone.is_empty()
        || ["00", "00:00", "00:00:00"]
            .iter()
            .any(|f| has_form(&zone[1..], f));
    let (seconds, fraction) = match clock.split_once('.') {
        Some((seconds, fraction)) => (seconds, Some(fraction)),
        None => (clock, None),
    };
    let is_fraction = fraction.is_none_or(|f| (1..=6).contains(&f.len()) && all_digits(f));
    let is_clock = has_form(seconds, "00:00:00");
    if !(is_date && all_digits(&date[..year]) && is_zone && is_clock && is_fraction) {
        return None;
    }
    let fraction = shortened(fraction, digits);
    Some(format!("{date} {seconds}{fraction}{zone}{era}"))
}

/// The fraction with its point, of at most `digits` digits.
fn shortened(fraction: Option<&str>, digits: usize) -> String {
    let Some(fraction) = fraction else {
        return String::new();
    };
    if fraction.len() <= digits {
        return format!(".{fraction}");
    }
    let kept = fraction[..digits].trim_end_matches('0');
    if kept.is_empty() {
        return String::new();
    }
    format!(".{kept}")
}

/// Whether `text` equals `form`, in which `0` stands for any digit.
fn has_form(text: &str, form: &str) -> bool {
    text.chars().count() == form.chars().count()
        && text.chars().zip(form.chars()).all(|(c, f)| match f {
            '0' => c.is_ascii_digit(),
            _ => c == f,
        })
}

fn all_digits(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_digit())
}
