//! Takes secrets and control characters out of text that is about to be shown.
//!
//! Everything that comes from the crate is clean already; what a person typed in the wrong place is
//! not (`wire9 copy postgres://user:secret@host/db` is an unexpected argument, and clap quotes it).

/// The text with every password of a connection string replaced by `***`.
pub(super) fn redact(text: &str) -> String {
    assignments(&userinfo(text))
}

/// One line of text for people: control characters escaped, so that nothing can move the cursor or
/// forge a line.
pub(super) fn one_line(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            clean.extend(c.escape_default());
        } else {
            clean.push(c);
        }
    }
    clean
}

/// `scheme://user:secret@host` → `scheme://user:***@host`. A secret that is not percent-encoded may
/// hold an `@`, a `/` or a blank: the last `@` of the word counts, and else the next of the line.
fn userinfo(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        clean.push_str(before);
        let end = ["\n", "://"].iter().filter_map(|end| after.find(end)).min();
        let (uri, next) = after.split_at(end.unwrap_or(after.len()));
        let word = uri.split(char::is_whitespace).next().unwrap_or_default();
        let host = word.rfind('@').or_else(|| uri.find('@'));
        match (uri.find(':'), host) {
            (Some(colon), Some(host)) if colon < host => {
                clean.push_str(&uri[..=colon]);
                clean.push_str("***");
                clean.push_str(&uri[host..]);
            }
            _ => clean.push_str(uri),
        }
        rest = next;
    }
    clean.push_str(rest);
    clean
}

/// `password=secret` → `password=***`, in key=value strings and in a URI's query.
fn assignments(text: &str) -> String {
    const KEY: &str = "password";
    // Same byte positions as `text`: only ASCII letters change.
    let lower = text.to_ascii_lowercase();
    let mut clean = String::with_capacity(text.len());
    let mut from = 0;
    while let Some(found) = lower[from..].find(KEY) {
        let after_key = from + found + KEY.len();
        clean.push_str(&text[from..after_key]);
        from = after_key;
        let rest = &text[after_key..];
        let value = rest.trim_start_matches(' ');
        let Some(value) = value.strip_prefix('=') else {
            continue;
        };
        let value = value.trim_start_matches(' ');
        clean.push_str(&rest[..rest.len() - value.len()]);
        clean.push_str("***");
        from = text.len() - value.len() + value_length(value);
    }
    clean.push_str(&text[from..]);
    clean
}

/// Bytes of a key=value string's value: quoted with backslash escapes, or up to a blank, `&` or quote.
fn value_length(value: &str) -> usize {
    let Some(quoted) = value.strip_prefix('\'') else {
        return value
            .find(|c: char| c.is_whitespace() || matches!(c, '&' | '\'' | '"'))
            .unwrap_or(value.len());
    };
    let mut escaped = false;
    for (at, c) in quoted.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\'' => return at + 2,
            _ => {}
        }
    }
    value.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_of_uris_and_key_value_strings_are_not_shown() {
        for (typed, shown) in [
            ("postgres://u:s3cret@h:1/d", "postgres://u:***@h:1/d"),
            ("postgres://u:s3'c\"ret@h", "postgres://u:***@h"),
            ("postgres://u:my s3cret@h", "postgres://u:***@h"),
            (
                "'postgresql://t.admin:a@b/c@h/d' found",
                "'postgresql://t.admin:***@h/d' found",
            ),
            (
                "postgres://u@h/d?password=s3cret&x=1",
                "postgres://u@h/d?password=***&x=1",
            ),
            (
                "host=h password=s3cret user=u",
                "host=h password=*** user=u",
            ),
            ("PASSWORD = 'a \\' s3cret' user=u", "PASSWORD = *** user=u"),
            ("password='open s3cret", "password=***"),
            (
                "two: a://b:s3cret@c a://d:s3cret@e",
                "two: a://b:***@c a://d:***@e",
            ),
        ] {
            assert_eq!(redact(typed), shown);
            assert!(!redact(typed).contains("s3cret"));
        }
    }

    #[test]
    fn text_without_a_secret_stays_as_it_is() {
        for text in [
            "--postgres-password-command 'pass show x'",
            "postgres://user@host:5432/db",
            "the password can not be had",
            "Été ://",
        ] {
            assert_eq!(redact(text), text);
        }
    }

    #[test]
    fn control_characters_can_not_forge_a_line() {
        assert_eq!(one_line("a\nDONE\u{1b}[2J"), "a\\nDONE\\u{1b}[2J");
    }
}
