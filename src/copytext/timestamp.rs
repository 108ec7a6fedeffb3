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
///
/// Inlined by the caller's loop over rows: this runs once per value.
#[inline]
pub(super) fn excess(text: &[u8], digits: u8) -> Option<Range<usize>> {
    let Some(seconds_end) = seconds_end(text) else {
        return matches!(text, b"infinity" | b"-infinity").then_some(0..0);
    };
    let fraction = fraction_digits(&text[seconds_end..])?;
    let after = match fraction {
        0 => seconds_end,
        n => seconds_end + 1 + n,
    };
    if !is_zone_and_era(&text[after..]) {
        return None;
    }
    let kept = usize::from(digits);
    if fraction <= kept {
        return Some(0..0);
    }
    let first = seconds_end + 1;
    let zeros = text[first..first + kept]
        .iter()
        .rev()
        .take_while(|b| **b == b'0')
        .count();
    match kept - zeros {
        0 => Some(seconds_end..after),
        n => Some(first + n..after),
    }
}

/// Where the seconds end, if `text` starts as a date and time of day does.
#[inline]
fn seconds_end(text: &[u8]) -> Option<usize> {
    let head: &[u8; SECONDS_END] = text.first_chunk()?;
    if is_date_and_time(head) {
        return Some(SECONDS_END);
    }
    long_year_seconds_end(text)
}

/// The same where the year has 5 or 6 digits (PostgreSQL ends at 294276).
#[cold]
fn long_year_seconds_end(text: &[u8]) -> Option<usize> {
    let year = text.iter().take_while(|b| b.is_ascii_digit()).count();
    if !(5..=6).contains(&year) {
        return None;
    }
    let head = text[year - 4..].first_chunk()?;
    is_date_and_time(head).then_some(year - 4 + SECONDS_END)
}

/// Whether the bytes have the form `2020-01-31 23:59:59`.
#[inline]
fn is_date_and_time(head: &[u8; SECONDS_END]) -> bool {
    let word = |at: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&head[at..at + 8]);
        bytes
    };
    let differs = misfit(word(0), *b"0000-00-")
        | misfit(word(8), *b"00 00:00")
        | misfit(word(11), *b"00:00:00");
    differs == 0
}

/// Compares eight bytes with a form in which `0` stands for any digit; 0 where they fit.
///
/// XOR leaves 0–9 of a digit and 0 of an equal separator. Adding 0x76 to the former and 0x7f to the
/// latter sets the high bit of whatever is larger; no sum of two bytes below 0x80 carries.
#[inline]
fn misfit(bytes: [u8; 8], form: [u8; 8]) -> u64 {
    let slack = u64::from_le_bytes(form.map(|b| if b == b'0' { 0x76 } else { 0x7f }));
    let left = u64::from_le_bytes(bytes) ^ u64::from_le_bytes(form);
    (left | left.wrapping_add(slack)) & 0x8080_8080_8080_8080
}

/// The number of fraction digits that `text` starts with. `None`: a point without 1 to 6 digits.
#[inline]
fn fraction_digits(text: &[u8]) -> Option<usize> {
    let Some((b'.', digits)) = text.split_first() else {
        return Some(0);
    };
    let count = digits.iter().take_while(|b| b.is_ascii_digit()).count();
    (1..=6).contains(&count).then_some(count)
}

/// Whether `text` is nothing, or a zone offset, or an era, or both.
#[inline]
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

#[inline]
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
