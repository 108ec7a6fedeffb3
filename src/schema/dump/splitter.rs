//! A dump as psql would read it: statements, COPY data, and commands of psql, line by line.
//!
//! ```text
//! lines ──▶ a statement, until its `;`  ──▶ statement
//!           after `COPY … FROM stdin;`  ──▶ rows are dropped, until `\.`
//!           a line that begins with `\` ──▶ a command of psql
//! ```

use memchr::memchr;

/// What comes out of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// A whole statement without its semicolon, and the line on which it begins.
    Statement { text: String, line: u64 },
    /// A command of psql (`\connect shop`), and its line.
    Command { text: String, line: u64 },
}

/// Why a line is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Broken {
    /// Bytes that are no UTF-8.
    NotUtf8 { line: u64 },
    /// The dump ends within a statement or within COPY data.
    Unfinished { line: u64 },
}

/// The state between two lines.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    /// A line without its end yet.
    rest: Vec<u8>,
    /// The statement so far.
    text: Vec<u8>,
    /// The line on which it begins.
    begin: u64,
    /// Lines so far.
    line: u64,
    inside: Inside,
    /// Parentheses that are open.
    depth: usize,
    /// Of a routine with BEGIN ATOMIC: BEGIN and CASE that are open.
    blocks: usize,
    /// The first words of the statement, upper case.
    words: Vec<String>,
    /// The word before.
    last: String,
    /// The statement is a COPY FROM STDIN.
    is_copy: bool,
    /// Rows of a COPY come now.
    in_copy: bool,
}

/// What the next byte is inside of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
enum Inside {
    #[default]
    Nothing,
    String {
        escapes: bool,
    },
    Quoted,
    Dollar(Vec<u8>),
    Comment(usize),
}

impl Splitter {
    /// Takes bytes of the dump, in any pieces.
    pub(super) fn feed(
        &mut self,
        mut bytes: &[u8],
        see: &mut impl FnMut(Piece),
    ) -> Result<(), Broken> {
        while let Some(end) = memchr(b'\n', bytes) {
            let (line, rest) = bytes.split_at(end + 1);
            bytes = rest;
            if self.rest.is_empty() {
                self.take_line(line, see)?;
            } else {
                let mut whole = std::mem::take(&mut self.rest);
                whole.extend_from_slice(line);
                self.take_line(&whole, see)?;
            }
        }
        // The rows of a COPY are not kept, not even the beginning of one beyond what tells its end.
        if !(self.in_copy && self.rest.len() > 2) {
            self.rest.extend_from_slice(bytes);
        }
        Ok(())
    }

    /// Bytes that are held between two pieces.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.rest.len() + self.text.len()
    }

    /// The end of the dump.
    pub(super) fn finish(&mut self, see: &mut impl FnMut(Piece)) -> Result<(), Broken> {
        if !self.rest.is_empty() {
            let rest = std::mem::take(&mut self.rest);
            self.take_line(&rest, see)?;
        }
        let blank = self.text.iter().all(u8::is_ascii_whitespace);
        if self.in_copy || !blank || self.inside != Inside::Nothing {
            return Err(Broken::Unfinished {
                line: self.begin.max(1),
            });
        }
        Ok(())
    }

    fn take_line(&mut self, line: &[u8], see: &mut impl FnMut(Piece)) -> Result<(), Broken> {
        self.line += 1;
        if self.in_copy {
            let end = line.strip_suffix(b"\n").unwrap_or(line);
            self.in_copy = end.strip_suffix(b"\r").unwrap_or(end) != b"\\.";
            return Ok(());
        }
        let between = self.text.is_empty() && self.inside == Inside::Nothing;
        if between && line.starts_with(b"\\") {
            let text = self.utf8(line.trim_ascii().to_vec())?;
            let line = self.line;
            see(Piece::Command { text, line });
            return Ok(());
        }
        self.scan(line, see)
    }

    fn scan(&mut self, line: &[u8], see: &mut impl FnMut(Piece)) -> Result<(), Broken> {
        let mut at = 0;
        while at < line.len() {
            let comment = matches!(self.inside, Inside::Comment(_));
            let plain = self.inside == Inside::Nothing;
            let end = self.step(line, at);
            let taken = &line[at..end];
            at = end;
            // Comments between statements are part of none.
            let comment = comment
                || matches!(self.inside, Inside::Comment(_))
                || (plain && taken.starts_with(b"--"));
            let nothing = comment || taken.iter().all(u8::is_ascii_whitespace);
            let ends = taken == b";"
                && self.inside == Inside::Nothing
                && self.depth == 0
                && self.blocks == 0;
            if ends {
                self.complete(see)?;
            } else if !(self.text.is_empty() && nothing) {
                if self.text.is_empty() {
                    self.begin = self.line;
                }
                self.text.extend_from_slice(taken);
            }
        }
        Ok(())
    }

    fn complete(&mut self, see: &mut impl FnMut(Piece)) -> Result<(), Broken> {
        let text = std::mem::take(&mut self.text);
        let line = self.begin;
        self.words.clear();
        self.in_copy = std::mem::take(&mut self.is_copy);
        if !text.is_empty() {
            let text = self.utf8(text)?;
            see(Piece::Statement { text, line });
        }
        Ok(())
    }

    fn utf8(&self, bytes: Vec<u8>) -> Result<String, Broken> {
        String::from_utf8(bytes).map_err(|_| Broken::NotUtf8 { line: self.line })
    }

    /// Goes over the next piece of a line; where it ends. A comment between statements is skipped.
    fn step(&mut self, line: &[u8], at: usize) -> usize {
        match &mut self.inside {
            Inside::Nothing => self.plain(line, at),
            Inside::String { escapes: true } if line[at] == b'\\' => (at + 2).min(line.len()),
            Inside::String { .. } => self.until(line, at, b'\''),
            Inside::Quoted => self.until(line, at, b'"'),
            Inside::Dollar(tag) => {
                let end = find(&line[at..], tag).map(|place| at + place + tag.len());
                if end.is_some() {
                    self.inside = Inside::Nothing;
                }
                end.unwrap_or(line.len())
            }
            Inside::Comment(depth) => {
                let rest = &line[at..];
                if rest.starts_with(b"*/") {
                    *depth -= 1;
                    if *depth == 0 {
                        self.inside = Inside::Nothing;
                    }
                    at + 2
                } else if rest.starts_with(b"/*") {
                    *depth += 1;
                    at + 2
                } else {
                    at + 1
                }
            }
        }
    }

    /// Inside of quotes: to the closing one. A doubled quote closes and opens again.
    fn until(&mut self, line: &[u8], at: usize, quote: u8) -> usize {
        let escapes = self.inside == Inside::String { escapes: true };
        let ends = |b: &u8| *b == quote || (escapes && *b == b'\\');
        match line[at..].iter().position(ends) {
            Some(0) if line[at] == quote => {
                self.inside = Inside::Nothing;
                at + 1
            }
            Some(place) => at + place.max(1),
            None => line.len(),
        }
    }

    fn plain(&mut self, line: &[u8], at: usize) -> usize {
        let rest = &line[at..];
        match rest[0] {
            b'\'' => {
                let escapes = at > 0
                    && matches!(line[at - 1], b'e' | b'E')
                    && (at == 1 || !is_word(line[at - 2]));
                self.inside = Inside::String { escapes };
                at + 1
            }
            b'"' => {
                self.inside = Inside::Quoted;
                at + 1
            }
            b'-' if rest.starts_with(b"--") => line.len(),
            b'/' if rest.starts_with(b"/*") => {
                self.inside = Inside::Comment(1);
                at + 2
            }
            b'$' => self.dollar(line, at),
            b'(' | b'[' => {
                self.depth += 1;
                at + 1
            }
            b')' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                at + 1
            }
            b if is_word(b) => self.word(line, at),
            _ => at + 1,
        }
    }

    fn dollar(&mut self, line: &[u8], at: usize) -> usize {
        let tag = line[at + 1..]
            .iter()
            .take_while(|&&b| is_word(b) && b != b'$')
            .count();
        let end = at + 1 + tag;
        let digit = tag > 0 && line[at + 1].is_ascii_digit();
        if line.get(end) == Some(&b'$') && !digit {
            self.inside = Inside::Dollar(line[at..=end].to_vec());
            return end + 1;
        }
        end.max(at + 1)
    }

    /// A word: BEGIN and CASE open a block of an SQL-standard body, END closes it.
    fn word(&mut self, line: &[u8], at: usize) -> usize {
        let length = line[at..].iter().take_while(|&&b| is_word(b)).count();
        let end = at + length;
        let word = String::from_utf8_lossy(&line[at..end]).to_ascii_uppercase();
        let routine = self
            .words
            .iter()
            .any(|w| w == "FUNCTION" || w == "PROCEDURE");
        if routine && self.words.first().is_some_and(|w| w == "CREATE") && self.depth == 0 {
            match word.as_str() {
                "BEGIN" => self.blocks += 1,
                "CASE" if self.blocks > 0 => self.blocks += 1,
                "END" => self.blocks = self.blocks.saturating_sub(1),
                _ => {}
            }
        }
        let copy = self.words.first().is_some_and(|w| w == "COPY");
        self.is_copy |= copy && word == "STDIN" && self.last == "FROM";
        if self.words.len() < 4 {
            self.words.push(word.clone());
        }
        self.last = word;
        end
    }
}

fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_' || b == b'$' || b >= 0x80
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    memchr::memmem::find(haystack, needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All statements, with the dump fed in pieces of that many bytes.
    fn split(dump: &str, size: usize) -> Vec<String> {
        let mut splitter = Splitter::default();
        let mut pieces = Vec::new();
        for bytes in dump.as_bytes().chunks(size) {
            splitter
                .feed(bytes, &mut |piece| pieces.push(piece))
                .unwrap();
        }
        splitter.finish(&mut |piece| pieces.push(piece)).unwrap();
        pieces
            .into_iter()
            .map(|piece| match piece {
                Piece::Statement { text, line } => format!("{line}: {text}"),
                Piece::Command { text, line } => format!("{line}! {text}"),
            })
            .collect()
    }

    #[test]
    fn statements_end_where_psql_ends_them() {
        let dump = "--\n-- PostgreSQL dump;\n--\n\n\\restrict abc\nSELECT 1; SELECT ';', E'\\';', \";\" ;\nCREATE FUNCTION f() RETURNS int\n    AS $_$ a; $b$; $_$;\nCREATE FUNCTION g() RETURNS int\n    BEGIN ATOMIC\n SELECT CASE WHEN true THEN 1 END;\nEND;\nCREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2);\n";
        assert_eq!(
            split(dump, 7),
            [
                "5! \\restrict abc",
                "6: SELECT 1",
                "6: SELECT ';', E'\\';', \";\" ",
                "7: CREATE FUNCTION f() RETURNS int\n    AS $_$ a; $b$; $_$",
                "9: CREATE FUNCTION g() RETURNS int\n    BEGIN ATOMIC\n SELECT CASE WHEN true THEN 1 END;\nEND",
                "13: CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2)",
            ]
        );
    }

    #[test]
    fn rows_of_a_copy_are_dropped_whatever_they_look_like() {
        let dump =
            "/* a */ -- b\nCOPY t (a) FROM stdin;\nSELECT 1;\n'\n\\N\n\\.x\n\\.\nSELECT 2;\n";
        assert_eq!(split(dump, 3), ["2: COPY t (a) FROM stdin", "8: SELECT 2"]);
    }

    #[test]
    fn a_dump_that_ends_too_early_is_not_taken() {
        let mut splitter = Splitter::default();
        splitter.feed(b"SELECT 1;\nSELECT 'a", &mut |_| ()).unwrap();
        assert_eq!(
            splitter.finish(&mut |_| ()),
            Err(Broken::Unfinished { line: 2 })
        );
    }
}
