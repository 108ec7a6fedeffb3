//! Sizes as people type them, and numbers as people read them.
//!
//! MB is 10^6 bytes and GB 10^9 everywhere in the output; `MiB` and `GiB` are what `--max-memory` takes.

use std::time::Duration;

const UNITS: &[(&str, u64)] = &[
    ("", 1),
    ("b", 1),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("k", 1 << 10),
    ("m", 1 << 20),
    ("g", 1 << 30),
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
];

/// Bytes of `96MiB`, `1GiB`, `500MB` or `100663296`.
pub(super) fn parse_size(text: &str) -> Result<u64, String> {
    const REMEDY: &str = "give a number of bytes or a number with KiB, MiB or GiB, such as 96MiB";
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = unit.trim().to_ascii_lowercase();
    let factor = UNITS.iter().find(|(name, _)| *name == unit);
    let (Ok(number), Some((_, factor))) = (number.parse::<u64>(), factor) else {
        return Err(format!("not a size: {REMEDY}"));
    };
    number
        .checked_mul(*factor)
        .ok_or_else(|| format!("too large: {REMEDY}"))
}

/// A number of bytes in the largest binary unit that divides it, `96MiB`.
pub(super) fn exact_size(bytes: u64) -> String {
    for (name, factor) in [("GiB", 1u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)] {
        if bytes > 0 && bytes.is_multiple_of(factor) {
            return format!("{}{name}", bytes / factor);
        }
    }
    format!("{bytes} bytes")
}

/// `15,607`.
pub(super) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(c);
    }
    text
}

/// `1 row`, `15,607 rows`.
pub(super) fn counted(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(n), if n == 1 { "" } else { "s" })
}

/// Megabytes with as many digits as say something: `0.02`, `3.4`, `1,234`.
pub(super) fn megabytes(bytes: f64) -> String {
    decimal(bytes / 1e6)
}

/// `312 MB`, `2.81 GB`, `12.3 kB`.
pub(super) fn size(bytes: u64) -> String {
    #[allow(clippy::cast_precision_loss)]
    let b = bytes as f64;
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", decimal(b / 1e3)),
        1_000_000..1_000_000_000 => format!("{} MB", decimal(b / 1e6)),
        _ => format!("{} GB", decimal(b / 1e9)),
    }
}

/// Three digits that count: `0.02`, `3.41`, `12.3`, `123`, `1,234`.
pub(super) fn decimal(value: f64) -> String {
    if !value.is_finite() || value < 0.0 {
        return "-".to_owned();
    }
    if value >= 99.95 {
        return whole(value);
    }
    if value >= 9.995 {
        return format!("{value:.1}");
    }
    format!("{value:.2}")
}

/// `1,234`, rounded.
pub(super) fn whole(value: f64) -> String {
    // Every quantity that is shown is far below 2^53, and the cast saturates.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    count(value.round() as u64)
}

/// `0:08`, `12:34`, `1:02:03`.
pub(super) fn clock(duration: Duration) -> String {
    let s = duration.as_secs();
    if s < 3600 {
        format!("{}:{:02}", s / 60, s % 60)
    } else {
        format!("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
    }
}

/// A share in whole percent; `-` of nothing.
pub(super) fn percent(part: Duration, whole: Duration) -> String {
    if whole.is_zero() {
        return "-".to_owned();
    }
    format!("{:.0}%", 100.0 * part.as_secs_f64() / whole.as_secs_f64())
}

/// `amount` per second of `duration`; 0 where no time passed.
pub(super) fn per_second(amount: u64, seconds: f64) -> f64 {
    #[allow(clippy::cast_precision_loss)]
    let amount = amount as f64;
    if seconds > 0.0 { amount / seconds } else { 0.0 }
}

/// Names for people: the first `limit`, then how many more.
pub(super) fn names(names: &[String], limit: usize) -> String {
    let shown = names[..names.len().min(limit)].join(", ");
    match names.len().saturating_sub(limit) {
        0 => shown,
        more => format!("{shown} and {} more", count(more as u64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_bytes_and_in_both_kinds_of_units() {
        for (text, bytes) in [
            ("96MiB", 96 << 20),
            ("1GiB", 1 << 30),
            ("100663296", 100_663_296),
            ("500MB", 500_000_000),
            ("64 m", 64 << 20),
            ("0", 0),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in [
            "",
            "MiB",
            "-1",
            "1.5GiB",
            "1TB9",
            "99999999999999999999",
            "20000000000GiB",
        ] {
            let error = parse_size(text).expect_err(text);
            assert!(error.contains("such as 96MiB"), "{error}");
        }
    }

    #[test]
    fn sizes_are_said_exactly() {
        assert_eq!(exact_size(96 << 20), "96MiB");
        assert_eq!(exact_size(1 << 30), "1GiB");
        assert_eq!(exact_size(1000), "1000 bytes");
        assert_eq!(exact_size(0), "0 bytes");
    }

    #[test]
    fn numbers_have_thousands_separators() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(15_607), "15,607");
        assert_eq!(count(1_234_567_890), "1,234,567,890");
        assert_eq!(counted(1, "row"), "1 row");
        assert_eq!(counted(2, "row"), "2 rows");
    }

    #[test]
    fn three_digits_count() {
        for (value, text) in [
            (0.0, "0.00"),
            (0.019, "0.02"),
            (3.412, "3.41"),
            (9.999, "10.0"),
            (99.96, "100"),
            (1234.4, "1,234"),
            (f64::NAN, "-"),
        ] {
            assert_eq!(decimal(value), text);
        }
        assert_eq!(size(999), "999 B");
        assert_eq!(size(2_810_000_000), "2.81 GB");
        assert_eq!(clock(Duration::from_secs(3723)), "1:02:03");
        assert_eq!(clock(Duration::from_secs(8)), "0:08");
    }

    #[test]
    fn long_lists_of_names_are_cut_and_say_so() {
        let many: Vec<String> = (0..5).map(|i| format!("t{i}")).collect();
        assert_eq!(names(&many, 2), "t0, t1 and 3 more");
        assert_eq!(names(&many[..2], 2), "t0, t1");
    }
}
