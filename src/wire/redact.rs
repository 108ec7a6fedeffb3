//! What of a server's text may be shown: names and positions, never a row value.
//!
//! PostgreSQL quotes values in the message of class 22 (`invalid input syntax for type integer:
//! "abc"`), in DETAIL (`Key (id)=(1) already exists.`) and in CONTEXT (`COPY t, line 3, column a:
//! "abc"`). Other servers put keys and values into messages of any class. So a message is shown in
//! full only where its class speaks of names alone, and DETAIL is never shown.

/// What stands for a withheld part.
const WITHHELD: &str = "…";

/// Classes of SQLSTATE whose messages quote names, settings and states, never values.
const NAMES_ONLY: &[&str] = &[
    "08", "0A", "25", "28", "2B", "3D", "3F", "42", "53", "54", "55", "57", "58",
];

/// Beginnings of class 23 messages as PostgreSQL writes them: they quote names only. RAISE may use the
/// class with any text.
const CONSTRAINT_MESSAGES: &[&str] = &[
    "duplicate key value violates unique constraint ",
    "null value in column ",
    "new row for relation ",
    "insert or update on table ",
    "update or delete on table ",
    "conflicting key value violates exclusion constraint ",
    "no partition of relation ",
    "could not create unique index ",
    "value for domain ",
    "domain ",
    "column ",
    "check constraint ",
    "partition constraint ",
];

/// Words in front of a quoted name.
const NAMING_WORDS: &[&str] = &[
    "column",
    "columns",
    "relation",
    "table",
    "constraint",
    "type",
    "domain",
    "encoding",
    "parameter",
    "function",
    "schema",
    "index",
    "sequence",
    "extension",
    "enum",
    "view",
];

/// Longest text shown, in characters: a message is a sentence.
const LONGEST: usize = 500;

/// The part of a message that may be shown. `raised`: the text is a function's own (RAISE).
pub(super) fn message(code: &str, raised: bool, text: &str) -> String {
    let class = code.get(..2).unwrap_or_default();
    if raised || code == "P0001" {
        return "the message of a RAISE is withheld, it may hold values".to_owned();
    }
    if class == "23" && !is_constraint_message(text) {
        return "the message is withheld, it may hold values".to_owned();
    }
    if shows_hint(code) || class == "23" {
        return one_line(text);
    }
    one_line(&strict(text))
}

/// Whether the class speaks of names alone, so that its HINT may be shown too.
pub(super) fn shows_hint(code: &str) -> bool {
    code.get(..2)
        .is_some_and(|class| NAMES_ONLY.contains(&class))
}

/// A text on one line, without control characters, not too long.
pub(super) fn one_line(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut line: String = plain.take(LONGEST).collect();
    if text.chars().nth(LONGEST).is_some() {
        line.push_str(WITHHELD);
    }
    line
}

/// The text without everything that may be quoted in it; what is left is the server's own words.
pub(super) fn own_words(text: &str) -> String {
    let mut words = String::new();
    let mut rest = text;
    // Names are followed by the server's own words; a value may hold anything, quotes too, so that
    // everything up to the last quote goes.
    while let Some(open) = opening_quote(rest) {
        let quote = rest.as_bytes()[open];
        let (before, quoted) = (&rest[..open], &rest[open + 1..]);
        words.push_str(before);
        let close = quoted.find(char::from(quote));
        match close {
            Some(close) if follows_naming_word(before) => {
                words.push_str(&rest[open..open + close + 2]);
                rest = &quoted[close + 1..];
            }
            _ => {
                words.push_str(WITHHELD);
                rest = quoted
                    .rfind(char::from(quote))
                    .map_or("", |last| &quoted[last + 1..]);
                // Quotes of the other kind may be part of the same value; none of them is a name.
                if let Some(other) = opening_quote(rest) {
                    words.push_str(&rest[..other]);
                    words.push_str(WITHHELD);
                    rest = "";
                }
            }
        }
    }
    words.push_str(rest);
    words
}

/// The own words up to what often introduces a value.
fn strict(text: &str) -> String {
    let words = own_words(text);
    let cut = ["{", "[", "=", ": "]
        .iter()
        .filter_map(|mark| words.find(mark))
        .min();
    match cut {
        None => words,
        Some(at) if words[at..].starts_with(": ") => format!("{}: {WITHHELD}", &words[..at]),
        Some(at) => format!("{} {WITHHELD}", words[..at].trim_end()),
    }
}

/// A quote that opens something; an apostrophe within a word does not.
fn opening_quote(text: &str) -> Option<usize> {
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        if c == '"' || ((c == '\'' || c == '`') && !before.is_alphanumeric()) {
            return Some(at);
        }
        before = c;
    }
    None
}

fn follows_naming_word(before: &str) -> bool {
    // After ": " everything may be a value, whatever it says.
    let word = before.trim_end().rsplit(' ').next().unwrap_or_default();
    !before.contains(": ") && before.ends_with(' ') && NAMING_WORDS.contains(&word)
}

fn is_constraint_message(text: &str) -> bool {
    CONSTRAINT_MESSAGES
        .iter()
        .any(|beginning| text.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_in_real_messages_are_withheld() {
        for (code, text, shown) in [
            (
                "22P02",
                "invalid input syntax for type integer: \"abc\"",
                "invalid input syntax for type integer: …",
            ),
            (
                "22P02",
                "invalid input syntax for type integer: \"a\": \"b\" c\"",
                "invalid input syntax for type integer: …",
            ),
            (
                "22P02",
                "invalid input value for enum color: \"pink\"",
                "invalid input value for enum color: …",
            ),
            (
                "22003",
                "value \"99999999999\" is out of range for type integer",
                "value … is out of range for type integer",
            ),
            (
                "22003",
                "\"1e400\" is out of range for type double precision",
                "… is out of range for type double precision",
            ),
            (
                "22001",
                "value too long for type character varying(3)",
                "value too long for type character varying(3)",
            ),
            (
                "22008",
                "date/time field value out of range: \"2020-13-01\"",
                "date/time field value out of range: …",
            ),
            (
                "22021",
                "invalid byte sequence for encoding \"UTF8\": 0xff",
                "invalid byte sequence for encoding \"UTF8\": …",
            ),
            (
                "22P04",
                "missing data for column \"b\"",
                "missing data for column \"b\"",
            ),
            (
                "22P04",
                "extra data after last expected column",
                "extra data after last expected column",
            ),
            (
                "22007",
                "invalid value \"ab\" for \"YYYY\"",
                "invalid value …",
            ),
            (
                "22023",
                "invalid value for parameter \"TimeZone\": \"Mars\"",
                "invalid value for parameter \"TimeZone\": …",
            ),
            (
                "22023",
                "time zone \"Mars\" not recognized",
                "time zone … not recognized",
            ),
            (
                "22P02",
                "malformed array literal: \"{a\"",
                "malformed array literal: …",
            ),
            (
                "P0001",
                "no such customer bob@example.org",
                "the message of a RAISE is withheld, it may hold values",
            ),
            (
                "XX000",
                "Incorrect value: 'abc' for column 'a' at row 3",
                "Incorrect value: …",
            ),
            ("XX000", "value 'it''s' of 'x' is bad", "value … is bad"),
            (
                "XX000",
                "cache lookup failed for type 16411",
                "cache lookup failed for type 16411",
            ),
            (
                "40001",
                "could not serialize access due to concurrent update",
                "could not serialize access due to concurrent update",
            ),
            (
                "40001",
                "Write conflict, key={tableID=47, handle=bob}",
                "Write conflict, key …",
            ),
            (
                "23505",
                "duplicate key value violates unique constraint \"t_pkey\"",
                "duplicate key value violates unique constraint \"t_pkey\"",
            ),
            (
                "23505",
                "bob@example.org is there already",
                "the message is withheld, it may hold values",
            ),
            (
                "42P01",
                "relation \"public.t\" does not exist",
                "relation \"public.t\" does not exist",
            ),
            (
                "42883",
                "operator does not exist: integer = text",
                "operator does not exist: integer = text",
            ),
            (
                "28P01",
                "password authentication failed for user \"ann\"",
                "password authentication failed for user \"ann\"",
            ),
            (
                "54000",
                "row is too big: size 8416, maximum size 8160",
                "row is too big: size 8416, maximum size 8160",
            ),
        ] {
            let shown_now = message(code, false, text);
            assert_eq!(shown_now, shown, "{code} {text}");
        }
    }

    #[test]
    fn a_raised_message_is_withheld_whatever_its_code() {
        assert!(!message("23514", true, "new row for relation \"t\": bob").contains("bob"));
        assert!(!message("42501", true, "bob may not").contains("bob"));
    }

    #[test]
    fn control_characters_and_length_are_bounded() {
        let shown = message(
            "42601",
            false,
            &format!("a\nb\x1b[31m{}", "x".repeat(10_000)),
        );
        assert!(!shown.contains(['\n', '\x1b']) && shown.chars().count() <= LONGEST + 1);
    }

    proptest! {
        #[test]
        fn a_quoted_value_never_shows(value in "\\PC{0,20}", code in "22[0-9P]{3}|XX000|23P99|40001") {
            let marked = format!("{value}SECRET{value}");
            for text in [
                format!("invalid input syntax for type integer: \"{marked}\""),
                format!("value \"{marked}\" is out of range for type integer"),
                format!("bad value '{marked}'"),
                format!("missing data for column \"a\": {marked}"),
            ] {
                let shown = message(&code, false, &text);
                prop_assert!(!shown.contains("SECRET"), "{} → {}", text, shown);
            }
        }
    }
}
