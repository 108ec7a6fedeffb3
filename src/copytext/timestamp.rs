//! Reads timestamps as PostgreSQL prints them under `DateStyle=ISO`, to find the digits to cut.
//!
//! ```text
//! 2020-01-31 23:59:59.123456+05:30:17 BC
//! └┬─┘              └──┬───┘└───┬───┘└┬┘
//!  4–6 digits     1–6 digits    └──┬──┘   each optional; also infinity, -infinity
//! ```
//!
//! Whether a month or an hour exists is not asked: the text comes from a server that has it as a
//! value. Anything of another shape is not read, so that a wrong `DateStyle` can not slip through.

use std::ops::Range;

/// Length of `2020-01-31 23:59:59`.
const SECONDS_END: usize = 19;

/// The bytes of `text` to remove so that at most `digits` fraction digits stay; empty where nothing
/// is to be removed. `None`: not a timestamp.
#[inline(always)]
pub(super) fn excess(text: &[u8], digits: u8) -> Option<Range<usize>> {
    let (point, end) = match usual_fraction(text).or_else(|| fraction(text)) {
        Some(fraction) => fraction,
        None => return matches!(text, b"infinity" | b"-infinity").then_some(0..0),
    };
    let kept = point + 1 + usize::from(digits);
    if end <= kept {
        return Some(0..0);
    }
    // The zeros that the kept digits end with; the point ends them.
    let last = u64::from_le_bytes(word(text, kept - 8)?) ^ u64::from_le_bytes(*b"00000000");
    let kept = kept - last.leading_zeros() as usize / 8;
    // Without digits the point goes too.
    let start = kept - usize::from(kept == point + 1);
    Some(start..end)
}

/// As [`fraction`], for the form that nearly all timestamps have which have one: a year of four digits
/// and no zone or `+00`. A table's timestamps differ in the number of digits at random, since
/// PostgreSQL prints no trailing zeros, so no branch here depends on it.
#[inline]
fn usual_fraction(text: &[u8]) -> Option<(usize, usize)> {
    let end = text.strip_suffix(b"+00").unwrap_or(text).len();
    let (form, slack) = TAILS.get(end.wrapping_sub(SECONDS_END + 2))?;
    let differs = misfit(word(text, 0)?, DATE)
        | misfit(word(text, 8)?, DAY_AND_TIME)
        | misfit(word(text, 11)?, TIME)
        | misfit(word(text, end - 8)?, (*form, *slack));
    (differs == 0).then_some((SECONDS_END, end))
}

/// Where the fraction with its point starts and ends, in a timestamp of any form.
#[cold]
#[inline(never)]
fn fraction(text: &[u8]) -> Option<(usize, usize)> {
    let start = seconds_end(text)?;
    let end = start + fraction_length(&text[start..])?;
    is_zone_and_era(&text[end..]).then_some((start, end))
}

/// Where the seconds end, if `text` starts as a date and time of day does: the last four digits of
/// the year and what follows have one length.
fn seconds_end(text: &[u8]) -> Option<usize> {
    let year = match text.get(4) {
        Some(b'-') => 4,
        _ => text.iter().take_while(|b| b.is_ascii_digit()).count(),
    };
    if !(4..=6).contains(&year) {
        return None;
    }
    let head = &text[year - 4..];
    let differs = misfit(word(head, 0)?, DATE)
        | misfit(word(head, 8)?, DAY_AND_TIME)
        | misfit(word(head, 11)?, TIME);
    (differs == 0).then_some(year - 4 + SECONDS_END)
}

/// Eight bytes of `text`, if it has them.
#[inline]
fn word(text: &[u8], at: usize) -> Option<[u8; 8]> {
    text.get(at..)?.first_chunk().copied()
}

/// What eight bytes have to look like, as [`misfit`] uses it.
type Form = (u64, u64);

const DATE: Form = form(b"0000-00-", 0);
const DAY_AND_TIME: Form = form(b"00 00:00", 0);
const TIME: Form = form(b"00:00:00", 0);
/// The last eight bytes of a time with 1 to 6 fraction digits.
const TAILS: [Form; 6] = [tail(1), tail(2), tail(3), tail(4), tail(5), tail(6)];

const fn tail(digits: usize) -> Form {
    form(b":00:00.000000", digits - 1)
}

/// Eight bytes of `example`, in which `0` stands for any digit.
const fn form(example: &[u8], at: usize) -> Form {
    let (mut bytes, mut slack) = ([0; 8], [0x7f; 8]);
    let mut i = 0;
    while i < 8 {
        bytes[i] = example[at + i];
        if bytes[i] == b'0' {
            slack[i] = 0x76;
        }
        i += 1;
    }
    (u64::from_le_bytes(bytes), u64::from_le_bytes(slack))
}

/// Compares eight bytes with a form; 0 where they fit.
///
/// XOR leaves 0–9 of a digit and 0 of an equal separator. Adding 0x76 to the former and 0x7f to the
/// latter sets the high bit of whatever is larger; no sum of two bytes below 0x80 carries.
#[inline]
fn misfit(bytes: [u8; 8], (form, slack): Form) -> u64 {
    let left = u64::from_le_bytes(bytes) ^ form;
    (left | left.wrapping_add(slack)) & 0x8080_8080_8080_8080
}

/// The length of the fraction with its point. `None`: a point without 1 to 6 digits.
fn fraction_length(text: &[u8]) -> Option<usize> {
    let Some((b'.', digits)) = text.split_first() else {
        return Some(0);
    };
    let count = digits.iter().take_while(|b| b.is_ascii_digit()).count();
    (1..=6).contains(&count).then_some(1 + count)
}

/// Whether `text` is nothing, or a zone offset, or an era, or both.
fn is_zone_and_era(text: &[u8]) -> bool {
    let zone = text.strip_suffix(b" BC").unwrap_or(text);
    match zone {
        [] => true,
        [b'+' | b'-', offset @ ..] => match offset {
            [h1, h2] => all_digits(&[*h1, *h2]),
            [h1, h2, b':', m1, m2] => all_digits(&[*h1, *h2, *m1, *m2]),
            [h1, h2, b':', m1, m2, b':', s1, s2] => all_digits(&[*h1, *h2, *m1, *m2, *s1, *s2]),
            _ => false,
        },
        _ => false,
    }
}

fn all_digits(bytes: &[u8]) -> bool {
    bytes.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::excess;

    /// The text without the bytes that are to be removed.
    fn cut(text: &str, digits: u8) -> Option<String> {
        let range = excess(text.as_bytes(), digits)?;
        Some(format!("{}{}", &text[..range.start], &text[range.end..]))
    }

    /// What PostgreSQL 15 prints of `date_trunc('milliseconds', t)`, for the text `t` as it prints
    /// it: `SET DateStyle = ISO; SELECT t::timestamptz, date_trunc('milliseconds', t::timestamptz)`.
    const MILLISECONDS: &[(&str, &str)] = &[
        ("2020-01-31 23:59:59.123456", "2020-01-31 23:59:59.123"),
        ("2020-01-31 23:59:59.999999", "2020-01-31 23:59:59.999"),
        ("2020-01-31 23:59:59.100456", "2020-01-31 23:59:59.1"),
        ("2020-01-31 23:59:59.120456", "2020-01-31 23:59:59.12"),
        ("2020-01-31 23:59:59.000456", "2020-01-31 23:59:59"),
        ("2020-01-31 23:59:59.123", "2020-01-31 23:59:59.123"),
        ("2020-01-31 23:59:59.1", "2020-01-31 23:59:59.1"),
        ("2020-01-31 23:59:59", "2020-01-31 23:59:59"),
        ("1969-12-31 23:59:59.999999", "1969-12-31 23:59:59.999"),
        ("1999-12-31 23:59:59.0009", "1999-12-31 23:59:59"),
        (
            "0044-03-15 12:00:00.123456 BC",
            "0044-03-15 12:00:00.123 BC",
        ),
        ("4713-01-01 00:00:00.000001 BC", "4713-01-01 00:00:00 BC"),
        ("294276-12-31 23:59:59.999999", "294276-12-31 23:59:59.999"),
        ("10000-01-01 00:00:00.100001", "10000-01-01 00:00:00.1"),
        (
            "2020-01-31 23:59:59.123456+00",
            "2020-01-31 23:59:59.123+00",
        ),
        (
            "2020-01-31 23:59:59.123456+05:30",
            "2020-01-31 23:59:59.123+05:30",
        ),
        (
            "1890-01-31 23:59:59.000456-03:30:17",
            "1890-01-31 23:59:59-03:30:17",
        ),
        (
            "0044-03-15 12:00:00.123456-00:01:15 BC",
            "0044-03-15 12:00:00.123-00:01:15 BC",
        ),
        ("infinity", "infinity"),
        ("-infinity", "-infinity"),
    ];

    #[test]
    fn cutting_to_milliseconds_is_what_date_trunc_prints() {
        for (text, expected) in MILLISECONDS {
            assert_eq!(cut(text, 3).as_deref(), Some(*expected), "{text}");
        }
    }

    #[test]
    fn six_and_more_digits_change_nothing() {
        for (text, _) in MILLISECONDS {
            for digits in [6, 7, 255] {
                assert_eq!(cut(text, digits).as_deref(), Some(*text));
            }
        }
    }

    #[test]
    fn no_digits_leave_no_point() {
        let text = "2020-01-31 23:59:59.9+00";
        assert_eq!(cut(text, 0).as_deref(), Some("2020-01-31 23:59:59+00"));
    }

    #[test]
    fn other_texts_are_not_read() {
        for text in [
            "",
            "NULL",
            "\\N",
            "Infinity",
            "infinity ",
            "2020-01-31",
            "2020-01-31T23:59:59",
            "2020-01-31 23:59:5",
            "2020-01-31 23:59:5x",
            "2020-01-31 23:59:59.",
            "2020-01-31 23:59:59.+00",
            "2020-01-31 23:59:59.1234567",
            "2020-01-31 23:59:59.12 345",
            "2020-01-31 23:59:59+0",
            "2020-01-31 23:59:59+00:",
            "2020-01-31 23:59:59+00:00:0x",
            "2020-01-31 23:59:59 AD",
            "2020-01-31 23:59:59  BC",
            "2020-01-31 23:59:59 BC BC",
            "2020-01-31 23:59:59.5 UTC",
            "020-01-31 23:59:59.123456",
            "1234567-01-31 23:59:59.123456",
            "-2020-01-31 23:59:59.123456",
            "31/01/2020 23:59:59.123456",
            "2020-01-31 23:59:59\u{fc}",
            "2020\u{fc}01-31 23:59:59",
        ] {
            assert_eq!(cut(text, 3), None, "{text:?}");
        }
    }
}
