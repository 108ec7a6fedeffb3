//! PostgreSQL's lexical rules, exactly: where every token of an SQL or PL/pgSQL text begins and ends.
//!
//! The rules are those of PostgreSQL's `scan.l` under `standard_conforming_strings = on`. Keywords are
//! words like others here; comments and white space are between the tokens.

use std::borrow::Cow;

use super::NotParsed;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::schema) enum Kind {
    /// An identifier or keyword without quotes.
    Word,
    /// An identifier in double quotes, `U&"…"` among them.
    Quoted,
    /// A string, whatever its quotes are.
    Text,
    /// `B'…'` or `X'…'`.
    Bits,
    /// A number.
    Number,
    /// `$1`.
    Parameter,
    /// An operator, or one of `( ) [ ] , ; . : :: := ..`.
    Symbol,
}

/// A token: bytes `start..end` of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::schema) struct Token {
    pub(in crate::schema) kind: Kind,
    pub(in crate::schema) start: usize,
    pub(in crate::schema) end: usize,
}

/// A text and its tokens.
#[derive(Debug)]
pub(in crate::schema) struct Lexed<'a> {
    pub(in crate::schema) sql: &'a str,
    pub(in crate::schema) tokens: Vec<Token>,
}

impl<'a> Lexed<'a> {
    /// Cuts a text into tokens.
    pub(in crate::schema) fn new(sql: &'a str) -> Result<Self, NotParsed> {
        let mut scanner = Scanner {
            sql,
            bytes: sql.as_bytes(),
            at: 0,
        };
        let mut tokens = Vec::new();
        while let Some(token) = scanner.next()? {
            tokens.push(token);
        }
        Ok(Self { sql, tokens })
    }

    /// The token of that number.
    pub(in crate::schema) fn get(&self, index: usize) -> Option<Token> {
        self.tokens.get(index).copied()
    }

    /// The number of the token that begins at that byte.
    #[cfg(feature = "parser")]
    pub(in crate::schema) fn at(&self, start: usize) -> Option<usize> {
        self.tokens.binary_search_by_key(&start, |t| t.start).ok()
    }

    /// A token as it is written; empty beyond the end.
    pub(in crate::schema) fn raw(&self, index: usize) -> &'a str {
        self.get(index).map_or("", |t| &self.sql[t.start..t.end])
    }

    /// Whether the token is that symbol.
    pub(in crate::schema) fn is_symbol(&self, index: usize, symbol: &str) -> bool {
        self.get(index).is_some_and(|t| t.kind == Kind::Symbol) && self.raw(index) == symbol
    }

    /// Whether the token is that word, in any case; `word` is in lower case.
    pub(in crate::schema) fn is_word(&self, index: usize, word: &str) -> bool {
        self.get(index).is_some_and(|t| t.kind == Kind::Word)
            && self.raw(index).eq_ignore_ascii_case(word)
    }

    /// Whether the token can name something.
    pub(in crate::schema) fn is_name(&self, index: usize) -> bool {
        self.get(index)
            .is_some_and(|t| matches!(t.kind, Kind::Word | Kind::Quoted))
    }

    /// The identifier that a word or quoted token stands for.
    pub(in crate::schema) fn name(&self, index: usize) -> Cow<'a, str> {
        let raw = self.raw(index);
        match self.get(index).map(|t| t.kind) {
            Some(Kind::Quoted) => unquoted(raw),
            Some(Kind::Word) if raw.bytes().any(|b| b.is_ascii_uppercase()) => {
                Cow::Owned(raw.to_ascii_lowercase())
            }
            _ => Cow::Borrowed(raw),
        }
    }

    /// What a string stands for; `None` where it can not be told (`U&` with a UESCAPE of its own,
    /// broken escapes).
    pub(in crate::schema) fn text(&self, index: usize) -> Option<Cow<'a, str>> {
        let token = self.get(index)?;
        if token.kind != Kind::Text || self.is_word(index + 1, "uescape") {
            return None;
        }
        decoded(self.raw(index))
    }

    /// The number of the token that closes the parenthesis or bracket at `open`.
    pub(in crate::schema) fn closing(&self, open: usize) -> Option<usize> {
        let mut depth = 0usize;
        for (index, token) in self.tokens.iter().enumerate().skip(open) {
            if token.kind != Kind::Symbol {
                continue;
            }
            match self.raw(index) {
                "(" | "[" => depth += 1,
                ")" | "]" => {
                    depth = depth.checked_sub(1)?;
                    if depth == 0 {
                        return Some(index);
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// The number of the line on which a byte stands, from 1.
    #[cfg(feature = "parser")]
    pub(in crate::schema) fn line(&self, at: usize) -> usize {
        let before = self.sql.as_bytes().get(..at).unwrap_or_default();
        before.iter().filter(|&&b| b == b'\n').count() + 1
    }
}

/// The quotes of a dollar-quoted string (`$tag$`), if it is one.
pub(in crate::schema) fn dollar_quote(raw: &str) -> Option<&str> {
    let inner = raw.strip_prefix('$')?;
    let length = inner.find('$')? + 2;
    Some(&raw[..length])
}

struct Scanner<'a> {
    sql: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    fn next(&mut self) -> Result<Option<Token>, NotParsed> {
        self.skip_space()?;
        let start = self.at;
        let Some(first) = self.peek(0) else {
            return Ok(None);
        };
        let kind = match first {
            b'\'' => self.plain_string()?,
            b'"' => self.quoted(1)?,
            b'$' => self.dollar()?,
            b'0'..=b'9' => self.number(),
            b'.' if self.peek(1).is_some_and(|b| b.is_ascii_digit()) => self.number(),
            _ if is_word_start(first) => self.word_or_prefixed()?,
            _ if is_operator(first) => self.operator(),
            _ => self.symbol()?,
        };
        Ok(Some(Token {
            kind,
            start,
            end: self.at,
        }))
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.bytes.get(self.at + ahead).copied()
    }

    fn starts(&self, text: &str) -> bool {
        self.bytes[self.at..].starts_with(text.as_bytes())
    }

    fn skip_space(&mut self) -> Result<(), NotParsed> {
        loop {
            match self.peek(0) {
                Some(b) if is_space(b) => self.at += 1,
                Some(b'-') if self.starts("--") => self.skip_line(),
                Some(b'/') if self.starts("/*") => self.skip_comment()?,
                _ => return Ok(()),
            }
        }
    }

    fn skip_line(&mut self) {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|b| matches!(b, b'\n' | b'\r'));
        self.at += end.unwrap_or(rest.len());
    }

    fn skip_comment(&mut self) -> Result<(), NotParsed> {
        let mut depth = 0usize;
        let begin = self.at;
        while self.at < self.bytes.len() {
            if self.starts("/*") {
                depth += 1;
                self.at += 2;
            } else if self.starts("*/") {
                depth -= 1;
                self.at += 2;
                if depth == 0 {
                    return Ok(());
                }
            } else {
                self.at += 1;
            }
        }
        Err(unterminated("comment", begin))
    }

    fn plain_string(&mut self) -> Result<Kind, NotParsed> {
        self.string(false)?;
        Ok(Kind::Text)
    }

    /// A string in single quotes, and its continuations on later lines.
    fn string(&mut self, escapes: bool) -> Result<(), NotParsed> {
        let begin = self.at;
        self.at += 1;
        loop {
            match self.peek(0) {
                None => return Err(unterminated("string", begin)),
                Some(b'\\') if escapes => self.at += 2,
                Some(b'\'') if self.peek(1) == Some(b'\'') => self.at += 2,
                Some(b'\'') => {
                    self.at += 1;
                    match continuation(self.bytes, self.at) {
                        Some(next) => self.at = next,
                        None => return Ok(()),
                    }
                }
                Some(_) => self.at += 1,
            }
        }
    }

    /// An identifier in double quotes that begins `prefix - 1` bytes ahead.
    fn quoted(&mut self, prefix: usize) -> Result<Kind, NotParsed> {
        let begin = self.at;
        self.at += prefix;
        loop {
            match self.peek(0) {
                None => return Err(unterminated("quoted identifier", begin)),
                Some(b'"') if self.peek(1) == Some(b'"') => self.at += 2,
                Some(b'"') => {
                    self.at += 1;
                    return Ok(Kind::Quoted);
                }
                Some(_) => self.at += 1,
            }
        }
    }

    /// `$1`, `$tag$…$tag$`, or a lone `$`.
    fn dollar(&mut self) -> Result<Kind, NotParsed> {
        if self.peek(1).is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
            self.skip_while(|b| b.is_ascii_digit());
            return Ok(Kind::Parameter);
        }
        let begin = self.at;
        let mut end = begin + 1;
        while self.bytes.get(end).is_some_and(|&b| is_tag(b)) {
            end += 1;
        }
        if self.bytes.get(end) != Some(&b'$') {
            return Err(NotParsed(format!("syntax error at byte {begin}")));
        }
        let tag = &self.sql[begin..=end];
        let body = end + 1;
        let length = self.sql[body..]
            .find(tag)
            .ok_or_else(|| unterminated("dollar-quoted string", begin))?;
        self.at = body + length + tag.len();
        Ok(Kind::Text)
    }

    fn number(&mut self) -> Kind {
        if self.peek(0) == Some(b'0') && self.peek(1).is_some_and(|b| b.is_ascii_alphabetic()) {
            self.at += 2;
            self.skip_while(|b| b.is_ascii_alphanumeric() || b == b'_');
            return Kind::Number;
        }
        let digit = |b: u8| b.is_ascii_digit() || b == b'_';
        self.skip_while(digit);
        // `1..10` are two numbers around the `..` of a FOR loop.
        if self.peek(0) == Some(b'.') && self.peek(1) != Some(b'.') {
            self.at += 1;
            self.skip_while(digit);
        }
        if matches!(self.peek(0), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(self.peek(1), Some(b'+' | b'-')));
            if self.peek(1 + sign).is_some_and(|b| b.is_ascii_digit()) {
                self.at += 1 + sign;
                self.skip_while(digit);
            }
        }
        Kind::Number
    }

    fn word_or_prefixed(&mut self) -> Result<Kind, NotParsed> {
        let next = self.peek(1);
        match self.bytes[self.at].to_ascii_lowercase() {
            b'e' if next == Some(b'\'') => self.prefixed(1, true),
            b'n' if next == Some(b'\'') => self.prefixed(1, false),
            b'b' | b'x' if next == Some(b'\'') => {
                self.prefixed(1, false)?;
                Ok(Kind::Bits)
            }
            b'u' if next == Some(b'&') && self.peek(2) == Some(b'\'') => self.prefixed(2, false),
            b'u' if next == Some(b'&') && self.peek(2) == Some(b'"') => self.quoted(3),
            _ => {
                self.skip_while(is_word);
                Ok(Kind::Word)
            }
        }
    }

    fn prefixed(&mut self, prefix: usize, escapes: bool) -> Result<Kind, NotParsed> {
        self.at += prefix;
        self.string(escapes)?;
        Ok(Kind::Text)
    }

    fn skip_while(&mut self, matches: impl Fn(u8) -> bool) {
        while self.peek(0).is_some_and(&matches) {
            self.at += 1;
        }
    }

    /// The longest run of operator characters, less a comment that begins in it, and less `+` and `-`
    /// at its end where only SQL's own operator characters stand before.
    fn operator(&mut self) -> Kind {
        let rest = &self.bytes[self.at..];
        let mut length = rest.iter().take_while(|&&b| is_operator(b)).count();
        let comment = rest[..length]
            .windows(2)
            .position(|pair| pair == b"--" || pair == b"/*");
        length = comment.unwrap_or(length);
        let own = |b: &u8| b"~!@#^&|`?%".contains(b);
        while length > 1
            && matches!(rest[length - 1], b'+' | b'-')
            && !rest[..length - 1].iter().any(own)
        {
            length -= 1;
        }
        self.at += length;
        Kind::Symbol
    }

    fn symbol(&mut self) -> Result<Kind, NotParsed> {
        let length = match self.bytes[self.at] {
            b':' if matches!(self.peek(1), Some(b':' | b'=')) => 2,
            b'.' if self.peek(1) == Some(b'.') => 2,
            b'(' | b')' | b'[' | b']' | b',' | b';' | b'.' | b':' => 1,
            // What psql puts into a dump; no SQL has it.
            b'\\' | b'{' | b'}' => 1,
            _ => return Err(NotParsed(format!("syntax error at byte {}", self.at))),
        };
        self.at += length;
        Ok(Kind::Symbol)
    }
}

fn unterminated(what: &str, begin: usize) -> NotParsed {
    NotParsed(format!("unterminated {what} at byte {begin}"))
}

/// Where the next part of a string goes on after its closing quote at `at`: white space with a line end
/// and comments may be between.
fn continuation(bytes: &[u8], mut at: usize) -> Option<usize> {
    let mut lines = 0usize;
    loop {
        match bytes.get(at)? {
            b'\n' | b'\r' => lines += 1,
            b if is_space(*b) => {}
            b'-' if lines > 0 && bytes.get(at + 1) == Some(&b'-') => {
                at += bytes[at..]
                    .iter()
                    .position(|b| matches!(b, b'\n' | b'\r'))?;
                continue;
            }
            b'\'' if lines > 0 => return Some(at + 1),
            _ => return None,
        }
        at += 1;
    }
}

fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

fn is_word_start(b: u8) -> bool {
    b.is_ascii_alphabetic() || b == b'_' || b >= 0x80
}

fn is_word(b: u8) -> bool {
    is_word_start(b) || b.is_ascii_digit() || b == b'$'
}

fn is_tag(b: u8) -> bool {
    is_word_start(b) || b.is_ascii_digit()
}

fn is_operator(b: u8) -> bool {
    b"~!@#^&|`?+-*/%<>=".contains(&b)
}

fn unquoted(raw: &str) -> Cow<'_, str> {
    let unicode = !raw.starts_with('"');
    let start = if unicode { 3 } else { 1 };
    let inner = raw.get(start..raw.len() - 1).unwrap_or_default();
    let plain = if inner.contains("\"\"") {
        Cow::Owned(inner.replace("\"\"", "\""))
    } else {
        Cow::Borrowed(inner)
    };
    if unicode && plain.contains('\\') {
        return unicode_escapes(&plain).map_or(plain, Cow::Owned);
    }
    plain
}

/// The value of a string literal of any form.
fn decoded(raw: &str) -> Option<Cow<'_, str>> {
    if let Some(quote) = dollar_quote(raw) {
        return raw
            .get(quote.len()..raw.len() - quote.len())
            .map(Cow::Borrowed);
    }
    let open = raw.find('\'')?;
    let simple = raw.get(open + 1..raw.len() - 1)?;
    let prefix = &raw[..open];
    if (prefix.is_empty() || prefix.eq_ignore_ascii_case("n")) && !simple.contains('\'') {
        return Some(Cow::Borrowed(simple));
    }
    let inner = joined(raw, open + 1, prefix.eq_ignore_ascii_case("e"))?;
    match prefix {
        "E" | "e" => backslash_escapes(&inner).map(Cow::Owned),
        "U&" | "u&" => unicode_escapes(&inner).map(Cow::Owned),
        _ => Some(Cow::Owned(inner)),
    }
}

/// The inside of a string with `''` undone and its continued parts joined.
fn joined(raw: &str, mut at: usize, escapes: bool) -> Option<String> {
    let bytes = raw.as_bytes();
    let mut text = Vec::with_capacity(raw.len());
    loop {
        match *bytes.get(at)? {
            b'\\' if escapes => {
                text.extend_from_slice(bytes.get(at..at + 2)?);
                at += 2;
            }
            b'\'' if bytes.get(at + 1) == Some(&b'\'') => {
                text.push(b'\'');
                at += 2;
            }
            b'\'' => match continuation(bytes, at + 1) {
                Some(next) => at = next,
                None => return String::from_utf8(text).ok(),
            },
            b => {
                text.push(b);
                at += 1;
            }
        }
    }
}

fn backslash_escapes(inner: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        if c != '\\' {
            bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        let escape = rest.chars().next()?;
        rest = &rest[escape.len_utf8()..];
        let (taken, value) = match escape {
            'b' => (0, vec![8]),
            'f' => (0, vec![12]),
            'n' => (0, vec![b'\n']),
            'r' => (0, vec![b'\r']),
            't' => (0, vec![b'\t']),
            'x' => coded(rest, 16, 1, 2)?,
            'u' => character(rest, 4)?,
            'U' => character(rest, 8)?,
            '0'..='7' => {
                let (more, value) = coded(rest, 8, 0, 2)?;
                let first = u32::from(escape) - u32::from('0');
                let shifted = first << (3 * more);
                let low = value.first().copied().unwrap_or(0);
                (more, vec![u8::try_from(shifted & 0xff).ok()? | low])
            }
            other => (0, other.encode_utf8(&mut [0; 4]).as_bytes().to_vec()),
        };
        rest = &rest[taken..];
        bytes.extend(value);
    }
    String::from_utf8(bytes).ok()
}

/// A byte written with `least` to `most` digits: digits taken, and the byte.
fn coded(rest: &str, radix: u32, least: usize, most: usize) -> Option<(usize, Vec<u8>)> {
    let digits = rest
        .chars()
        .take(most)
        .take_while(|c| c.is_digit(radix))
        .count();
    if digits < least {
        return None;
    }
    let value = u32::from_str_radix(&rest[..digits], radix).unwrap_or(0);
    Some((digits, vec![u8::try_from(value & 0xff).ok()?]))
}

/// A character written with that many hexadecimal digits.
fn character(rest: &str, digits: usize) -> Option<(usize, Vec<u8>)> {
    let value = u32::from_str_radix(rest.get(..digits)?, 16).ok()?;
    let c = char::from_u32(value)?;
    Some((digits, c.encode_utf8(&mut [0; 4]).as_bytes().to_vec()))
}

/// `\0061` and `\+000061`, with the backslash as escape character.
fn unicode_escapes(inner: &str) -> Option<String> {
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let (skip, digits) = match rest.chars().next()? {
            '\\' => {
                text.push('\\');
                rest = &rest[1..];
                continue;
            }
            '+' => (1, 6),
            _ => (0, 4),
        };
        let value = u32::from_str_radix(rest.get(skip..skip + digits)?, 16).ok()?;
        text.push(char::from_u32(value)?);
        rest = &rest[skip + digits..];
    }
    text.push_str(rest);
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(sql: &str) -> Vec<&str> {
        let lexed = Lexed::new(sql).expect(sql);
        (0..lexed.tokens.len()).map(|i| lexed.raw(i)).collect()
    }

    fn text(sql: &str) -> String {
        let lexed = Lexed::new(sql).expect(sql);
        assert_eq!(lexed.tokens.len(), 1, "{sql}");
        lexed.text(0).expect(sql).into_owned()
    }

    #[test]
    fn comments_nest_and_are_between_tokens() {
        assert_eq!(
            tokens("a/* b /* c */ ' */+--d\ne/*'*/.f"),
            ["a", "+", "e", ".", "f"]
        );
    }

    #[test]
    fn every_form_of_string_has_its_value() {
        assert_eq!(text("'it''s'"), "it's");
        assert_eq!(text("'a\\'"), "a\\");
        assert_eq!(text("E'a\\'b\\n\\x41\\101\\u00e9\\\\'"), "a'b\nAA\u{e9}\\");
        assert_eq!(text("U&'\\0061\\+000062\\\\'"), "ab\\");
        assert_eq!(text("$$a'b$$"), "a'b");
        assert_eq!(text("$x$a$$b$x$"), "a$$b");
        assert_eq!(text("'a'\n  -- more\n  'b'''"), "ab'");
        assert_eq!(text("N'x'"), "x");
    }

    #[test]
    fn strings_on_one_line_are_two_strings() {
        assert_eq!(tokens("'a' 'b'"), ["'a'", "'b'"]);
    }

    #[test]
    fn operators_end_as_in_postgresql() {
        assert_eq!(tokens("a<-1"), ["a", "<", "-", "1"]);
        assert_eq!(tokens("a@-1"), ["a", "@-", "1"]);
        assert_eq!(tokens("a->>'b'::c"), ["a", "->>", "'b'", "::", "c"]);
        assert_eq!(tokens("a<=--x\nb"), ["a", "<=", "b"]);
        assert_eq!(
            tokens("a := b;<<l>>"),
            ["a", ":=", "b", ";", "<<", "l", ">>"]
        );
    }

    #[test]
    fn numbers_and_ranges_are_told_apart() {
        assert_eq!(tokens("1..10"), ["1", "..", "10"]);
        assert_eq!(
            tokens("1.5e-3+.5 0x1F 1_000"),
            ["1.5e-3", "+", ".5", "0x1F", "1_000"]
        );
        assert_eq!(tokens("$1+$2"), ["$1", "+", "$2"]);
    }

    #[test]
    fn names_are_folded_and_unquoted() {
        let lexed = Lexed::new(r#"Ab "Cd""e" U&"\0061b" Äb"#).unwrap();
        let names: Vec<_> = (0..4).map(|i| lexed.name(i).into_owned()).collect();
        assert_eq!(names, ["ab", "Cd\"e", "ab", "Äb"]);
    }

    #[test]
    fn what_does_not_end_is_an_error_with_its_place() {
        for (sql, place) in [
            ("a 'b", 2),
            ("a \"b", 2),
            ("$x$ a $y$", 0),
            ("a /* /* */", 2),
            ("E'\\'", 1),
        ] {
            let NotParsed(why) = Lexed::new(sql).unwrap_err();
            assert!(why.contains(&format!("byte {place}")), "{sql}: {why}");
        }
    }
}
