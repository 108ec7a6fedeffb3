//! Walks over arrays of timestamps as PostgreSQL prints them, to find the digits to cut.
//!
//! ```text
//! {"2020-01-31 23:59:59.123456",NULL,infinity}      [0:1][-1:0]={{…,…},{…,…}}      {}
//! ```
//!
//! Elements with a space are quoted and `"` is an ordinary byte of COPY text. Within the quotes a
//! timestamp has nothing that would be escaped, so a backslash makes the array unreadable.

use std::ops::Range;

use super::timestamp;

/// The most dimensions of an array (PostgreSQL's `MAXDIM`).
const MAX_DIMENSIONS: usize = 6;

/// Calls `remove` with each span of `text` that is to be removed so that every element keeps at most
/// `digits` fraction digits, in ascending order. `None`: not an array of timestamps.
pub(super) fn excess(text: &[u8], digits: u8, mut remove: impl FnMut(Range<usize>)) -> Option<()> {
    let mut at = bounds_end(text)?;
    if &text[at..] == b"{}" {
        return Some(());
    }
    let mut depth = 0;
    loop {
        while text.get(at) == Some(&b'{') {
            depth += 1;
            at += 1;
        }
        if !(1..=MAX_DIMENSIONS).contains(&depth) {
            return None;
        }
        let (element, after) = element(text, at)?;
        if let Some(inner) = element {
            let span = timestamp::excess(&text[inner.clone()], digits)?;
            if !span.is_empty() {
                remove(inner.start + span.start..inner.start + span.end);
            }
        }
        at = after;
        while text.get(at) == Some(&b'}') {
            depth -= 1;
            at += 1;
            if depth == 0 {
                return (at == text.len()).then_some(());
            }
        }
        if text.get(at) != Some(&b',') {
            return None;
        }
        at += 1;
    }
}

/// Where the bounds and their `=` end: 0 where there are none.
fn bounds_end(text: &[u8]) -> Option<usize> {
    let mut rest = text;
    let mut dimensions = 0;
    while let Some(after) = rest.strip_prefix(b"[") {
        rest = number_end(after)?.strip_prefix(b":")?;
        rest = number_end(rest)?.strip_prefix(b"]")?;
        dimensions += 1;
    }
    if dimensions > 0 {
        rest = rest.strip_prefix(b"=")?;
    }
    (dimensions <= MAX_DIMENSIONS).then_some(text.len() - rest.len())
}

/// What follows a number that `text` starts with.
fn number_end(text: &[u8]) -> Option<&[u8]> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let count = digits.iter().take_while(|b| b.is_ascii_digit()).count();
    (count > 0).then(|| &digits[count..])
}

/// The element at `at` without its quotes (`None` for NULL), and where it ends with them.
fn element(text: &[u8], at: usize) -> Option<(Option<Range<usize>>, usize)> {
    let rest = &text[at..];
    if let Some(quoted) = rest.strip_prefix(b"\"") {
        let length = memchr::memchr(b'"', quoted)?;
        let start = at + 1;
        return Some((Some(start..start + length), start + length + 1));
    }
    let length = memchr::memchr2(b',', b'}', rest)?;
    let inner = at..at + length;
    let is_null = &rest[..length] == b"NULL";
    Some(((!is_null).then_some(inner), at + length))
}

#[cfg(test)]
mod tests {
    use super::excess;

    /// The text without the bytes that are to be removed.
    fn cut(text: &str, digits: u8) -> Option<String> {
        let (mut out, mut copied) = (String::new(), 0);
        excess(text.as_bytes(), digits, |span| {
            out.push_str(&text[copied..span.start]);
            copied = span.end;
        })?;
        out.push_str(&text[copied..]);
        Some(out)
    }

    #[test]
    fn every_element_is_cut() {
        for (text, expected) in [
            ("{}", "{}"),
            ("{NULL}", "{NULL}"),
            ("{infinity,-infinity}", "{infinity,-infinity}"),
            (
                r#"{"2020-01-01 00:00:00.123456",NULL,infinity}"#,
                r#"{"2020-01-01 00:00:00.123",NULL,infinity}"#,
            ),
            (
                r#"[0:1]={"2020-01-01 00:00:00.000456+05:30","0044-01-01 00:00:00.1004 BC"}"#,
                r#"[0:1]={"2020-01-01 00:00:00+05:30","0044-01-01 00:00:00.1 BC"}"#,
            ),
            (
                r#"[-1:-1][0:1]={{"2020-01-01 00:00:00.5","2020-01-01 00:00:00.0005"}}"#,
                r#"[-1:-1][0:1]={{"2020-01-01 00:00:00.5","2020-01-01 00:00:00"}}"#,
            ),
            (
                r#"{{"2020-01-01 00:00:00.9999"},{NULL}}"#,
                r#"{{"2020-01-01 00:00:00.999"},{NULL}}"#,
            ),
        ] {
            assert_eq!(cut(text, 3).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn other_texts_are_not_read() {
        for text in [
            "",
            "NULL",
            "{",
            "}",
            "{}}",
            "{{}}",
            "{,}",
            "{NULL,}",
            "{NULL",
            "{NULL}x",
            "{\"NULL\"}",
            "{null}",
            "{{{{{{{NULL}}}}}}}",
            "[0:1]",
            "[0:1]{NULL}",
            "[0]={NULL}",
            "[:1]={NULL}",
            "[0:1={NULL}",
            "={NULL}",
            "{\"infinity}",
            "{\"infinity\"infinity}",
            r#"{"2020-01-01 00:00:00.123456\\"}"#,
            r#"{\\"2020-01-01 00:00:00.123456\\"}"#,
        ] {
            assert_eq!(cut(text, 3), None, "{text:?}");
        }
    }
}
