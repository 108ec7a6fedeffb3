//! Looks at SQL texts as PostgreSQL prints them, aware of quotes and parentheses: no word inside a
//! string or a quoted name is taken for a keyword, and no other word is.

/// A piece of SQL outside of parentheses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::schema::convert) struct Piece<'t> {
    /// Byte offset of its first byte.
    pub(in crate::schema::convert) start: usize,
    /// A word, a quoted name, a string, one other character, or a whole `(…)` group.
    pub(in crate::schema::convert) text: &'t str,
}

/// The pieces of a text: a group in parentheses is one piece.
pub(in crate::schema::convert) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let end = at + length(&text[at..], first);
        if !first.is_whitespace() {
            pieces.push(Piece {
                start: at,
                text: &text[at..end],
            });
        }
        at = end;
    }
    pieces
}

/// The items of a list, split at commas outside of groups and quotes.
pub(super) fn items(text: &str) -> impl Iterator<Item = &str> {
    let mut bounds = vec![0];
    let commas = pieces(text).into_iter().filter(|piece| piece.text == ",");
    bounds.extend(commas.flat_map(|comma| [comma.start, comma.start + 1]));
    bounds.push(text.len());
    let ranges: Vec<(usize, usize)> = bounds.chunks(2).map(|pair| (pair[0], pair[1])).collect();
    ranges
        .into_iter()
        .map(|(from, to)| text[from..to].trim())
        .filter(|item| !item.is_empty())
}

/// Whether a text names something, in groups, too.
pub(super) fn mentions(text: &str, name: &str) -> bool {
    pieces(text).into_iter().any(|piece| {
        let text = piece.text;
        match text.strip_prefix('(') {
            Some(inside) => mentions(inside.strip_suffix(')').unwrap_or(inside), name),
            None => text == name || text == crate::sql::identifier(name),
        }
    })
}

/// Whether the text is one group in parentheses.
pub(super) fn is_group(text: &str) -> bool {
    text.starts_with('(') && group(text) == text.len()
}

/// The text without these words where they stand in a row outside of groups and quotes.
pub(super) fn without(text: &str, words: &[&str]) -> String {
    let pieces = pieces(text);
    let found = pieces.windows(words.len()).find(|row| {
        let same = |(piece, word): (&Piece<'_>, &&str)| piece.text.eq_ignore_ascii_case(word);
        row.iter().zip(words).all(same)
    });
    let Some(row) = found else {
        return text.to_owned();
    };
    let last = row[row.len() - 1];
    let (before, after) = (&text[..row[0].start], &text[last.start + last.text.len()..]);
    match (before.trim_end(), after.trim_start()) {
        ("", rest) | (rest, "") => rest.to_owned(),
        (before, after) => format!("{before} {after}"),
    }
}

fn length(rest: &str, first: char) -> usize {
    match first {
        '(' => group(rest),
        '"' => quoted(rest, '"', false),
        '\'' => quoted(rest, '\'', false),
        'E' | 'e' if rest[1..].starts_with('\'') => 1 + quoted(&rest[1..], '\'', true),
        c if is_word(c) => rest.find(|c: char| !is_word(c)).unwrap_or(rest.len()),
        c => c.len_utf8(),
    }
}

/// The length of a group; an open one reaches to the end.
fn group(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(first) = rest[at..].chars().next() {
        match first {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        at += if first == '(' {
            1
        } else {
            length(&rest[at..], first)
        };
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// The length of a quoted name or string; its quote doubled, or after a backslash, does not end it.
fn quoted(rest: &str, quote: char, backslash: bool) -> usize {
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if backslash && c == '\\' {
            chars.next();
        } else if c == quote && chars.next_if(|&(_, next)| next == quote).is_none() {
            return at + 1;
        }
    }
    rest.len()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_strings_names_and_groups_are_no_keywords() {
        let text =
            "WHEN ((a = ' DEFERRABLE ')) \"x DEFERRABLE\" E'\\' DEFERRABLE' é DEFERRABLE end";
        let kept = without(text, &["DEFERRABLE"]);
        assert_eq!(
            kept,
            "WHEN ((a = ' DEFERRABLE ')) \"x DEFERRABLE\" E'\\' DEFERRABLE' é end"
        );
        assert_eq!(without("a b", &["c"]), "a b");
        assert_eq!(without("NOT VALID", &["not", "valid"]), "");
    }

    #[test]
    fn a_name_is_seen_in_groups_and_in_quotes() {
        assert!(mentions("((host((addr)::inet))::text)", "addr"));
        assert!(mentions("lower(\"Addr\")", "Addr"));
        assert!(!mentions("'addr' || address", "addr"));
    }

    #[test]
    fn items_are_split_outside_of_groups() {
        let all: Vec<&str> = items("a numeric(4,2), \"b,c\" integer").collect();
        assert_eq!(all, ["a numeric(4,2)", "\"b,c\" integer"]);
        assert_eq!(items("").count(), 0);
    }

    #[test]
    fn a_group_ends_where_its_parenthesis_closes() {
        assert!(is_group("((a) + ')')"));
        assert!(!is_group("(a) + (b)"));
        assert!(!is_group("lower(a)"));
        assert!(is_group("(never closed"));
        let texts: Vec<&str> = pieces("UNIQUE (a, \"b)\") x")
            .iter()
            .map(|p| p.text)
            .collect();
        assert_eq!(texts, ["UNIQUE", "(a, \"b)\")", "x"]);
    }
}
