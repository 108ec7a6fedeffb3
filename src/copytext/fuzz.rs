//! One function per fuzz target: takes any bytes, and panics where the fast and the slow rewriter
//! differ, or where two texts of one value are not compared as one. Property tests call them too.

use std::borrow::Cow;

use super::{
    Canonical, Comparison, Form, Recipe, Reference, Rewriter, RowError, RowErrorKind, Rows, Spread,
    Transform, canonical,
};

/// Inputs up to this are cut at every byte; longer ones at regular distances, in bytes.
const CUT_EVERYWHERE: usize = 96;

/// The settings of one comparison.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The recipe of both.
    pub recipe: Recipe,
    /// The longest row as sent, in bytes.
    pub line_limit: usize,
    /// What frames aim at, in bytes.
    pub frame: usize,
    /// When a batch is full, in bytes.
    pub full: usize,
    /// How much of the input has come at each call, ascending; the whole of it comes last.
    pub splits: Vec<usize>,
}

/// Any bytes as settings and input.
pub fn rewrite(data: &[u8]) {
    let Some((head, input)) = data.split_first_chunk::<6>() else {
        return;
    };
    let [fields, transforms, limit, frame, full, split] = head.map(usize::from);
    let fields = fields % 6;
    let digits = (limit % 8) as u8;
    let choice = |field: usize| match (transforms >> field) % 4 {
        0 => None,
        1 => Some((field, Transform::CutTimestamp { digits })),
        2 => Some((field, Transform::CutTimestampArray { digits })),
        _ => Some((field, Transform::TrimRight)),
    };
    let mut settings = Settings {
        recipe: Recipe {
            fields,
            transforms: (0..fields).filter_map(choice).collect(),
        },
        line_limit: if limit < 128 { limit } else { usize::MAX },
        frame: frame * 4,
        full: if full < 128 { full * 8 } else { usize::MAX },
        splits: (1..64).map(|n| n * split).collect(),
    };
    compare(input, &settings);
    if input.len() <= CUT_EVERYWHERE {
        for at in 1..input.len() {
            settings.splits = vec![at];
            compare(input, &settings);
        }
    }
}

/// Any bytes as the one timestamp of a row.
pub fn timestamp(data: &[u8]) {
    one_field(data, |digits| Transform::CutTimestamp { digits });
}

/// Any bytes as the one array of a row.
pub fn array(data: &[u8]) {
    one_field(data, |digits| Transform::CutTimestampArray { digits });
}

/// Any bytes as the one `char(n)` of a row.
pub fn padding(data: &[u8]) {
    one_field(data, |_| Transform::TrimRight);
}

/// Any bytes as a value that is compared: its one form is its own one form, and what does not count
/// in it changes nothing.
pub fn comparison(data: &[u8]) {
    let Some((&kind, field)) = data.split_first() else {
        return;
    };
    let forms = [
        Form::Numeric,
        Form::Float4,
        Form::Float8,
        Form::Jsonb,
        Form::Padded,
        Form::Moment,
    ];
    let form = forms[usize::from(kind) % forms.len()];
    let once = canonical(Canonical::Scalar(form), field);
    let array = canonical(Canonical::Array(form), field);
    let points = field.iter().filter(|b| **b == b'.').count();
    // That of JSON is no JSON any more, and no moment has two points.
    if form != Form::Jsonb && (form != Form::Moment || points < 2) {
        assert_eq!(canonical(Canonical::Scalar(form), &once), once, "{form:?}");
    }
    assert_eq!(field == b"\\N", &*once == b"\\N", "NULL and {form:?}");
    assert_eq!(field == b"\\N", &*array == b"\\N", "NULL and {form:?}[]");
    if let Some(other) = alike(form, field) {
        let other = canonical(Canonical::Scalar(form), &other);
        assert_eq!(other, once, "{form:?}");
    }
    rows(form, field);
}

/// Another text of the same value, where one can be made without reading it.
fn alike(form: Form, field: &[u8]) -> Option<Vec<u8>> {
    let is_plain = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    match form {
        Form::Padded if field != b"\\N" => Some([field, b"  "].concat()),
        Form::Numeric if is_plain(field) => Some([b"0", field, b".00"].concat()),
        Form::Float8 if is_plain(field) => Some([b"0", field, b".00"].concat()),
        Form::Jsonb if is_plain(field) && field[0] != b'0' => Some([b" ", field, b".0 "].concat()),
        Form::Moment => {
            let (_, fraction) = field.split_at_checked(memchr::memchr(b'.', field)? + 1)?;
            is_plain(fraction).then(|| [field, b"0"].concat())
        }
        _ => None,
    }
}

/// A field in the middle of a row: the key does not depend on it, and as many fields come back.
fn rows(form: Form, field: &[u8]) {
    if field.iter().any(|b| matches!(b, b'\t' | b'\n')) {
        return;
    }
    let plain = Comparison {
        fields: 3,
        keys: vec![0, 2],
        ..Comparison::default()
    };
    let compared = Comparison {
        canonical: vec![(1, Canonical::Scalar(form))],
        ..plain.clone()
    };
    let row = [b"7\t", field, b"\tk"].concat();
    let (one, other) = (plain.fingerprint(&row), compared.fingerprint(&row));
    assert_eq!(one.key, other.key, "keys");
    assert_eq!(compared.field_hashes(&row).len(), 3);
    let form = canonical(Canonical::Scalar(form), field);
    if !form.iter().any(|b| matches!(b, b'\t' | b'\n')) && matches!(form, Cow::Owned(_)) {
        let row = [b"7\t", &*form, b"\tk"].concat();
        assert_eq!(compared.fingerprint(&row).key, other.key, "keys of forms");
    }
}

fn one_field(data: &[u8], transform: impl Fn(u8) -> Transform) {
    let Some((digits, text)) = data.split_first() else {
        return;
    };
    compare(
        &[text, b"\n"].concat(),
        &Settings {
            recipe: Recipe {
                fields: 1,
                transforms: vec![(0, transform(digits % 8))],
            },
            line_limit: usize::MAX,
            frame: 64,
            full: usize::MAX,
            splits: Vec::new(),
        },
    );
}

/// Rewrites `input` in both ways.
///
/// # Panics
///
/// Where they differ.
pub fn compare(input: &[u8], settings: &Settings) {
    let recipe = || settings.recipe.clone();
    let (limit, frame, full) = (settings.line_limit, settings.frame, settings.full);
    let spread = || Spread::new(keys(settings.recipe.fields), &settings.recipe);
    let mut fast = Rewriter::new(recipe(), limit, frame).spread(spread());
    let fast_outcome = run(input, &settings.splits, |part, rows| {
        let consumed = fast.rewrite(part, rows, full)?;
        Ok((consumed, fast.is_full()))
    });
    let lines = input.split_inclusive(|b| *b == b'\n');
    let taken: usize = lines.take(fast.rows() as usize).map(<[u8]>::len).sum();
    assert_eq!(fast.consumed(), taken as u64, "bytes of the rows taken");
    // The reference gets all at once: how the input is cut must not matter.
    let mut slow = Reference::new(recipe(), limit, frame).spread(spread());
    let slow_outcome = run(input, &[], |part, rows| {
        let consumed = slow.rewrite(part, rows, full)?;
        Ok((consumed, slow.is_full()))
    });
    let (fast, slow) = (fast_outcome, slow_outcome);
    assert_eq!(fast.error, slow.error, "errors");
    assert_eq!(fast.consumed, slow.consumed, "bytes consumed");
    assert_eq!(fast.batches.len(), slow.batches.len(), "batches");
    for (fast, slow) in fast.batches.iter().zip(&slow.batches) {
        assert!(fast.bytes == slow.bytes, "bytes");
        assert_eq!(fast.frames, slow.frames, "frames");
        assert_eq!(fast.digest, slow.digest, "digests");
        assert_eq!(fast.changed, slow.changed, "changed");
        assert_eq!(fast.read, slow.read, "sums of what was read");
        assert!(fast.parts == slow.parts, "sums by part");
        check_sizes(fast, settings);
    }
}

/// Fields of the key of rows with so many fields: none, one, or two.
fn keys(fields: usize) -> &'static [usize] {
    match fields {
        0 | 2 => &[],
        1 | 3 => &[0],
        _ => &[1, 3],
    }
}

/// What holds whatever the rows are.
fn check_sizes(rows: &Rows, settings: &Settings) {
    assert!(rows.bytes.len() <= settings.full || rows.digest.rows == 1);
    assert_eq!(rows.frames.last().copied().unwrap_or(0), rows.bytes.len());
    let mut start = 0;
    for end in &rows.frames {
        let frame = &rows.bytes[start..*end];
        assert_eq!(frame.last(), Some(&b'\n'));
        let is_one_row = frame.iter().filter(|b| **b == b'\n').count() == 1;
        assert!(frame.len() <= settings.frame || is_one_row);
        start = *end;
    }
}

/// What came of an input: full batches and the last one, the bytes consumed, and what was wrong.
struct Outcome {
    batches: Vec<Rows>,
    consumed: usize,
    error: Option<RowError>,
}

/// Feeds `input` in growing pieces, as a reader does whose buffer fills, to `rewrite`, which answers
/// what it consumed and whether the batch is full.
fn run(
    input: &[u8],
    splits: &[usize],
    mut rewrite: impl FnMut(&[u8], &mut Rows) -> Result<(usize, bool), RowError>,
) -> Outcome {
    let mut outcome = Outcome {
        batches: vec![Rows::default()],
        consumed: 0,
        error: None,
    };
    let ends = splits.iter().copied().filter(|end| *end < input.len());
    for end in ends.chain([input.len()]) {
        loop {
            let rest = &input[outcome.consumed.min(end)..end];
            let rows = outcome.batches.last_mut().expect("there is always one");
            let (consumed, is_full) = match rewrite(rest, rows) {
                Ok(progress) => progress,
                Err(error) => {
                    return failed(outcome, error);
                }
            };
            outcome.consumed += consumed;
            if !is_full {
                break;
            }
            outcome.batches.push(Rows::default());
        }
    }
    outcome
}

/// Leaves out what depends on the pieces: how much the failed call had consumed before the bad row, how
/// much of an overlong row had come when it was refused, and whether it was refused before or after
/// another batch was begun for it.
fn failed(mut outcome: Outcome, mut error: RowError) -> Outcome {
    if let RowErrorKind::TooLong { length, .. } = &mut error.kind {
        *length = 0;
    }
    if outcome.batches.len() > 1 && outcome.batches.last().is_some_and(|b| b.digest.rows == 0) {
        outcome.batches.pop();
    }
    outcome.consumed = 0;
    outcome.error = Some(error);
    outcome
}
