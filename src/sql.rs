//! Quoting and COPY statements: the only place of the program that quotes.

use std::fmt::Write as _;

/// An identifier as SQL text, always in double quotes.
///
/// A NUL byte can not occur in a PostgreSQL identifier; one that is given is dropped.
pub fn identifier(name: &str) -> String {
    let mut quoted = String::with_capacity(name.len() + 2);
    quoted.push('"');
    for c in name.chars().filter(|&c| c != '\0') {
        if c == '"' {
            quoted.push('"');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

/// A string as an SQL literal that means the same under either setting of
/// `standard_conforming_strings`.
pub fn literal(text: &str) -> String {
    let escaped = text.contains('\\');
    let mut quoted = String::with_capacity(text.len() + 3);
    quoted.push_str(if escaped { " E'" } else { "'" });
    for c in text.chars().filter(|&c| c != '\0') {
        if c == '\'' || c == '\\' {
            quoted.push(c);
        }
        quoted.push(c);
    }
    quoted.push('\'');
    quoted
}

/// `"schema"."table"`.
pub fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", identifier(schema), identifier(name))
}

/// Identifiers, quoted and joined by commas.
pub fn identifiers<S: AsRef<str>>(names: &[S]) -> String {
    join(names.iter().map(|n| identifier(n.as_ref())))
}

/// Literals, joined by commas.
pub fn literals<S: AsRef<str>>(values: &[S]) -> String {
    join(values.iter().map(|v| literal(v.as_ref())))
}

fn join(items: impl Iterator<Item = String>) -> String {
    let mut joined = String::new();
    for (i, item) in items.enumerate() {
        let _ = write!(joined, "{}{item}", if i == 0 { "" } else { ", " });
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_inside_identifiers_are_doubled() {
        assert_eq!(identifier("a\"b c\n"), "\"a\"\"b c\n\"");
        assert_eq!(qualified("select", "T"), "\"select\".\"T\"");
    }

    #[test]
    fn literals_survive_both_string_syntaxes() {
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal("a\\b"), " E'a\\\\b'");
        assert_eq!(literals(&["a", "b"]), "'a', 'b'");
    }
}
