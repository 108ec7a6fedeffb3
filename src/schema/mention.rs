//! Whether an SQL text names a column: by its words, for texts that were made by PostgreSQL itself.

/// Whether the name stands in the text as a word. A string that holds the word counts, too: what is
/// asked once too often does no harm.
pub(super) fn mentions(text: &str, column: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(column).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + column.len()..].chars().next();
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_mentioned_as_a_word() {
        assert!(mentions("RANGE (a, b)", "a") && mentions("\"a\" DESC", "a"));
        assert!(!mentions("RANGE (aa, b_a)", "a"));
    }
}
