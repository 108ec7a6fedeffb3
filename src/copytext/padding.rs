//! Finds the padding of `char(n)` in COPY text.

/// The length of `text` without its trailing spaces. `None`: what is left would mean something else.
///
/// PostgreSQL prints a space as itself, and a backslash doubled; yet `\ ` is legal COPY text for a
/// space, and cutting it in half would escape the delimiter that follows. So an escaped space goes
/// together with its backslash. `\N ` is the letter N and a space: without the space it would be
/// NULL, and `\.` would end the data. No server prints these two, so they are refused.
pub(super) fn trimmed(text: &[u8]) -> Option<usize> {
    let mut rest = text;
    while let Some(shorter) = rest.strip_suffix(b" ") {
        rest = shorter;
        if rest.last() == Some(&b'\\') && backslashes(rest) % 2 == 1 {
            rest = &rest[..rest.len() - 1];
        }
    }
    let is_other = rest.len() < text.len() && matches!(rest, b"\\N" | b"\\.");
    (!is_other).then_some(rest.len())
}

/// How many backslashes `text` ends with.
fn backslashes(text: &[u8]) -> usize {
    text.iter().rev().take_while(|b| **b == b'\\').count()
}

#[cfg(test)]
mod tests {
    use super::trimmed;

    #[test]
    fn trailing_spaces_go_and_nothing_else() {
        for (text, expected) in [
            ("", ""),
            ("   ", ""),
            ("a", "a"),
            ("a  ", "a"),
            ("  a b  ", "  a b"),
            ("\\N", "\\N"),
            ("a\\t  ", "a\\t"),
            ("a\t", "a\t"),
            ("a\u{a0} ", "a\u{a0}"),
        ] {
            assert_eq!(trimmed(text.as_bytes()), Some(expected.len()), "{text:?}");
        }
    }

    #[test]
    fn a_backslash_never_loses_the_half_that_it_needs() {
        for (text, expected) in [
            (r"a\\ ", r"a\\"),
            (r"a\\  ", r"a\\"),
            (r"a\ ", "a"),
            (r"a\  ", "a"),
            (r"a \  ", "a"),
            (r"a\\\ ", r"a\\"),
            (r"\\\\ ", r"\\\\"),
            (r"\ \ \ ", ""),
        ] {
            assert_eq!(trimmed(text.as_bytes()), Some(expected.len()), "{text:?}");
        }
    }

    #[test]
    fn a_rest_that_would_be_null_or_the_end_is_refused() {
        assert_eq!(trimmed(br"\N "), None);
        assert_eq!(trimmed(br"\.  "), None);
        assert_eq!(trimmed(br"\."), Some(2));
    }
}
