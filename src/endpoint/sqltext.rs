//! SQL text in tokens, as far as it takes to know what is a name and what is inside a literal.

/// A piece of SQL text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// An identifier or keyword; a quoted one without its quotes, a bare one as it is written.
    Name(String),
    /// A string literal's text, without its quotes; escapes of `E''` are left as they are.
    Literal(String),
    /// Any other character that is no space.
    Mark(char),
}

/// The tokens of a text, comments left out; `None` where a quote or a comment does not end.
pub(super) fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = if c.is_whitespace() {
            rest.trim_start()
        } else if let Some(comment) = rest.strip_prefix("--") {
            comment.find('\n').map_or("", |end| &comment[end..])
        } else if rest.starts_with("/*") {
            after_comment(rest)?
        } else {
            let (token, after) = token(rest, c)?;
            found.push(token);
            after
        };
    }
    Some(found)
}

fn token(rest: &str, first: char) -> Option<(Token, &str)> {
    match first {
        '"' => quoted(&rest[1..], '"', false).map(|(name, after)| (Token::Name(name), after)),
        '\'' => quoted(&rest[1..], '\'', false).map(|(text, after)| (Token::Literal(text), after)),
        'e' | 'E' if rest[1..].starts_with('\'') => {
            quoted(&rest[2..], '\'', true).map(|(text, after)| (Token::Literal(text), after))
        }
        '$' => Some(match dollar_quoted(rest) {
            Some(found) => found?,
            None => (Token::Mark('$'), &rest[1..]),
        }),
        c if c.is_alphabetic() || c == '_' => {
            let end = rest
                .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'))
                .unwrap_or(rest.len());
            Some((Token::Name(rest[..end].to_owned()), &rest[end..]))
        }
        c => Some((Token::Mark(c), &rest[c.len_utf8()..])),
    }
}

/// Text up to the closing quote; a doubled quote stands for one, a backslash escapes where that holds.
fn quoted(text: &str, quote: char, escapes: bool) -> Option<(String, &str)> {
    let mut inside = String::new();
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if escapes && c == '\\' {
            inside.push(c);
            inside.push(chars.next()?.1);
        } else if c != quote {
            inside.push(c);
        } else if chars.next_if(|&(_, next)| next == quote).is_some() {
            inside.push(quote);
        } else {
            return Some((inside, &text[at + 1..]));
        }
    }
    None
}

/// `$tag$…$tag$`: `None` where this dollar opens none, `Some(None)` where it does not end.
#[allow(clippy::option_option, reason = "the two absences differ")]
fn dollar_quoted(rest: &str) -> Option<Option<(Token, &str)>> {
    let tag_end = rest[1..].find('$')? + 2;
    let tag = &rest[..tag_end];
    let inner = &tag[1..tag_end - 1];
    let is_tag = inner.chars().all(|c| c.is_alphanumeric() || c == '_')
        && !inner.starts_with(|c: char| c.is_ascii_digit());
    if !is_tag {
        return None;
    }
    let body = &rest[tag_end..];
    Some(body.find(tag).map(|end| {
        (
            Token::Literal(body[..end].to_owned()),
            &body[end + tag.len()..],
        )
    }))
}

/// What follows a block comment; they nest.
fn after_comment(text: &str) -> Option<&str> {
    let mut depth = 0_usize;
    let mut rest = text;
    loop {
        let at = rest.find("/*").into_iter().chain(rest.find("*/")).min()?;
        depth = if rest[at..].starts_with("/*") {
            depth + 1
        } else {
            depth - 1
        };
        rest = &rest[at + 2..];
        if depth == 0 {
            return Some(rest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Token {
        Token::Name(text.to_owned())
    }

    fn literal(text: &str) -> Token {
        Token::Literal(text.to_owned())
    }

    #[test]
    fn names_literals_and_marks_are_told_apart() {
        let found = tokens("a.\"B \"\"c\" = E'it\\'s' || 'x''y' /* z /* */ */ -- end").unwrap();
        let expected = vec![
            name("a"),
            Token::Mark('.'),
            name("B \"c"),
            Token::Mark('='),
            literal("it\\'s"),
            Token::Mark('|'),
            Token::Mark('|'),
            literal("x'y"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn dollar_quotes_hide_what_is_in_them() {
        assert_eq!(
            tokens("$a$ $$ ; ' $a$ $1").unwrap(),
            vec![literal(" $$ ; ' "), Token::Mark('$'), Token::Mark('1')]
        );
    }

    #[test]
    fn what_does_not_end_is_told() {
        for open in ["'a", "\"a", "E'a\\'", "/* a /* */", "$$ a", "$x$ $y$"] {
            assert_eq!(tokens(open), None, "{open}");
        }
    }

    #[test]
    fn no_text_panics() {
        for text in ["é'ü", "$é$x$é$", "*/", "E", "$", "\\", "/*/", "'\u{1F600}'"] {
            let _ = tokens(text);
        }
    }
}
