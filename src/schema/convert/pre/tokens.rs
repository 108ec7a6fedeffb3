//! Identifiers of an SQL text, where no tree is needed: strings and comments are skipped, quotes removed,
//! letters folded.

use std::ops::Range;

/// An identifier or keyword.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// Where it stands, with its quotes.
    pub(super) at: Range<usize>,
    /// As PostgreSQL knows it.
    pub(super) name: String,
    /// A dot stands before it.
    pub(super) after_dot: bool,
}

/// All identifiers and keywords of a text.
pub(super) fn words(sql: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut at = 0;
    let mut after_dot = false;
    while let Some(c) = sql[at..].chars().next() {
        let end = at + token(&sql[at..], c);
        let is_name = c == '"' || is_start(c) && !sql[at..end].contains('\'');
        if is_name {
            let name = unquoted(&sql[at..end]);
            words.push(Word {
                at: at..end,
                name,
                after_dot,
            });
        }
        after_dot = c == '.';
        at = end;
    }
    words
}

/// Where the plain strings stand, with their quotes.
pub(super) fn literals(sql: &str) -> Vec<Range<usize>> {
    let mut literals = Vec::new();
    let mut at = 0;
    while let Some(c) = sql[at..].chars().next() {
        let end = at + token(&sql[at..], c);
        if c == '\'' && end - at >= 2 && sql[at..end].ends_with('\'') {
            literals.push(at..end);
        }
        at = end;
    }
    literals
}

/// The texts of all plain strings.
pub(super) fn strings(sql: &str) -> Vec<String> {
    let inner = literals(sql)
        .into_iter()
        .map(|at| &sql[at.start + 1..at.end - 1]);
    inner.map(|text| text.replace("''", "'")).collect()
}

/// Whether a text names a column (or anything else) of this name.
pub(super) fn mentions(sql: &str, name: &str) -> bool {
    words(sql).iter().any(|word| word.name == name)
}

fn is_start(c: char) -> bool {
    c.is_alphabetic() || c == '_' || !c.is_ascii()
}

fn is_part(c: char) -> bool {
    is_start(c) || c.is_ascii_digit() || c == '$'
}

fn unquoted(token: &str) -> String {
    match token.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"').unwrap_or(rest).replace("\"\"", "\""),
        None => token.to_ascii_lowercase(),
    }
}

/// Bytes of the token at the start of a text; at least one character.
fn token(sql: &str, first: char) -> usize {
    match first {
        '"' => quoted(sql, '"', false),
        '\'' => quoted(sql, '\'', false),
        '-' if sql.starts_with("--") => sql.find('\n').unwrap_or(sql.len()),
        '/' if sql.starts_with("/*") => sql[2..].find("*/").map_or(sql.len(), |end| end + 4),
        '0'..='9' => sql
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '_'))
            .unwrap_or(sql.len()),
        c if is_start(c) => {
            let end = sql.find(|c: char| !is_part(c)).unwrap_or(sql.len());
            let prefix = sql[..end].to_ascii_lowercase();
            match prefix.as_str() {
                "e" | "b" | "x" | "n" if sql[end..].starts_with('\'') => {
                    end + quoted(&sql[end..], '\'', prefix == "e")
                }
                _ => end,
            }
        }
        c => c.len_utf8(),
    }
}

/// Bytes of a text in quotes; a doubled quote is one of the text.
fn quoted(sql: &str, quote: char, escapes: bool) -> usize {
    let mut characters = sql.char_indices().skip(1).peekable();
    while let Some((at, c)) = characters.next() {
        if escapes && c == '\\' {
            characters.next();
        } else if c == quote && characters.next_if(|&(_, next)| next == quote).is_none() {
            return at + c.len_utf8();
        }
    }
    sql.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(sql: &str) -> Vec<String> {
        words(sql).into_iter().map(|word| word.name).collect()
    }

    #[test]
    fn strings_and_comments_are_no_names() {
        assert_eq!(
            names("a = 'b ''c' AND E'd\\' e' <> f -- g\n/* h */ OR \"I \"\"j\" = 1e5"),
            ["a", "and", "f", "or", "I \"j"]
        );
        assert_eq!(names("x'1f' || B'1' || é"), ["é"]);
        assert!(mentions("lower(\"Name\") > 'x'", "Name") && !mentions("'Name'", "Name"));
    }

    #[test]
    fn strings_lose_their_quotes() {
        let sql = "f('public.\"S\"'::regclass, 'it''s', \"'x'\") -- 'no'";
        assert_eq!(strings(sql), ["public.\"S\"", "it's"]);
    }

    #[test]
    fn a_text_that_does_not_end_is_read_to_its_end() {
        for sql in ["'", "'é", "\"a", "E'\\", "/* x", "--", "$", "ü'"] {
            words(sql);
            strings(sql);
        }
    }
}
