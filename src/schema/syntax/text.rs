//! Whole texts: which grammar they are read by, and their bodies.

use std::borrow::Cow;

use super::NotParsed;
use super::lexer::Lexed;

/// A text inside of a statement that parses alone.
#[derive(Debug)]
pub(super) struct Wrapped<'a> {
    /// The statement.
    pub(super) sql: Cow<'a, str>,
    before: usize,
    after: usize,
}

impl<'a> Wrapped<'a> {
    /// A statement stands for itself.
    pub(super) fn statement(text: &'a str) -> Self {
        Self {
            sql: Cow::Borrowed(text),
            before: 0,
            after: 0,
        }
    }

    /// An expression, or the definition of a constraint (`CHECK (…)`).
    pub(super) fn expression(text: &'a str) -> Result<Self, NotParsed> {
        let lexed = Lexed::new(text)?;
        Ok(if is_constraint(&lexed) {
            Self::around("ALTER TABLE x ADD CONSTRAINT y ", text, "\n")
        } else {
            // The line end closes a comment at the end of the text.
            Self::around("SELECT (", text, "\n)")
        })
    }

    fn around(before: &str, text: &str, after: &str) -> Self {
        Self {
            sql: Cow::Owned(format!("{before}{text}{after}")),
            before: before.len(),
            after: after.len(),
        }
    }

    /// What became of the text inside.
    pub(super) fn unwrapped(&self, rewritten: &str) -> String {
        let end = rewritten.len().saturating_sub(self.after);
        rewritten
            .get(self.before..end)
            .unwrap_or_default()
            .to_owned()
    }
}

/// Reserved words can begin no expression.
fn is_constraint(lexed: &Lexed<'_>) -> bool {
    let first = |word: &str| lexed.is_word(0, word);
    first("check")
        || first("unique")
        || first("primary")
        || first("foreign")
        || (first("exclude") && lexed.is_word(1, "using"))
        || (first("not") && lexed.is_word(1, "null") && lexed.is_name(2))
}
