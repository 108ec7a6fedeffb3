//! An existing plain `pg_dump` file as the model of a database: the same that introspection gives, so that
//! conversion and findings are the same.
//!
//! ```text
//! bytes ─▶ splitter ─▶ statements ─▶ PostgreSQL's parser ─▶ statement/… ─▶ Model ─▶ finish ─▶ Database
//!                   └▶ rows of COPY: dropped as they come
//! ```
//!
//! What a dump does not tell: OIDs (they are invented), sizes, the columns of views, privileges of the
//! connected user. Dependencies follow from the names in texts.

#[cfg(feature = "parser")]
mod builtin;
#[cfg(feature = "parser")]
mod depend;
#[cfg(feature = "parser")]
mod finish;
#[cfg(feature = "parser")]
mod model;
#[cfg(feature = "parser")]
mod splitter;
#[cfg(feature = "parser")]
mod statement;

use crate::catalog::database::Database;

/// A dump that was read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Dump {
    /// What it makes. What was not understood is in `not_read`, with its line.
    pub database: Database,
    /// It holds rows (COPY or INSERT), which are not read.
    pub has_data: bool,
    /// Statements that were read.
    pub statements: u64,
}

/// A dump that can not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DumpError {
    /// This program can not parse SQL.
    #[error("this wire9 is built without PostgreSQL's parser, which reading a dump needs")]
    NoParser,
    /// The archive formats of pg_dump are not plain.
    #[error("the file is no plain dump: make one by pg_dump --format=plain")]
    NotPlain,
    /// Bytes that are no UTF-8.
    #[error("line {line}: no UTF-8 text: make the dump by pg_dump --encoding=UTF8")]
    NotUtf8 {
        /// The line, from 1.
        line: u64,
    },
    /// The file ends too early.
    #[error("the file ends within what begins on line {line}")]
    Unfinished {
        /// The line, from 1.
        line: u64,
    },
    /// Nothing in it is SQL.
    #[error("line {line}: no SQL: {why}")]
    NotSql {
        /// The line, from 1.
        line: u64,
        /// What the parser says.
        why: String,
    },
    /// A second database begins, as in the output of pg_dumpall.
    #[error("line {line}: another database begins: give one dump per database")]
    SeveralDatabases {
        /// The line, from 1.
        line: u64,
    },
}

/// Reads a whole dump.
///
/// # Errors
/// The file is no plain dump, or ends too early. A statement that is not understood is no error: see
/// `Database::not_read`.
pub fn read(text: &str) -> Result<Dump, DumpError> {
    let mut reader = Reader::new()?;
    reader.feed(text.as_bytes())?;
    reader.finish()
}

/// Reads the statements of a plan (see `convert`), to be compared with what is there: the sequences of identity
/// columns are not in the model.
///
/// # Errors
/// As `read`.
pub fn read_plan(text: &str) -> Result<Dump, DumpError> {
    let mut reader = Reader::new()?;
    #[cfg(feature = "parser")]
    {
        reader.model.is_plan = true;
    }
    reader.feed(text.as_bytes())?;
    reader.finish()
}

/// Reads a dump piece by piece, in memory that does not grow with its rows.
#[derive(Debug)]
pub struct Reader {
    #[cfg(feature = "parser")]
    splitter: splitter::Splitter,
    #[cfg(feature = "parser")]
    model: model::Model,
    #[cfg(feature = "parser")]
    began: bool,
}

#[cfg(not(feature = "parser"))]
impl Reader {
    /// # Errors
    /// Always: reading needs the parser.
    pub fn new() -> Result<Self, DumpError> {
        Err(DumpError::NoParser)
    }

    /// Takes the next bytes of the file.
    ///
    /// # Errors
    /// Always.
    pub fn feed(&mut self, _bytes: &[u8]) -> Result<(), DumpError> {
        Err(DumpError::NoParser)
    }

    /// The end of the file.
    ///
    /// # Errors
    /// Always.
    pub fn finish(self) -> Result<Dump, DumpError> {
        Err(DumpError::NoParser)
    }
}

#[cfg(feature = "parser")]
impl Reader {
    /// A reader at the beginning of a file.
    ///
    /// # Errors
    /// This program is built without the parser.
    pub fn new() -> Result<Self, DumpError> {
        Ok(Self {
            splitter: splitter::Splitter::default(),
            model: model::Model::default(),
            began: false,
        })
    }

    /// Takes the next bytes of the file, in pieces of any size.
    ///
    /// # Errors
    /// The file is no plain dump.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Result<(), DumpError> {
        if !self.began && !bytes.is_empty() {
            self.began = true;
            let tar = bytes.get(257..262) == Some(b"ustar");
            if bytes.starts_with(b"PGDMP") || tar {
                return Err(DumpError::NotPlain);
            }
            // Editors of some systems put a byte order mark before the text.
            bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        }
        let model = &mut self.model;
        let mut failed = None;
        let fed = self
            .splitter
            .feed(bytes, &mut |piece| take(model, piece, &mut failed));
        failed.map_or_else(|| fed.map_err(broken), Err)
    }

    /// The end of the file.
    ///
    /// # Errors
    /// The file ends too early.
    pub fn finish(mut self) -> Result<Dump, DumpError> {
        let mut failed = None;
        let model = &mut self.model;
        let fed = self
            .splitter
            .finish(&mut |piece| take(model, piece, &mut failed));
        if let Some(error) = failed {
            return Err(error);
        }
        fed.map_err(broken)?;
        Ok(finish::finish(self.model))
    }
}

#[cfg(feature = "parser")]
fn broken(why: splitter::Broken) -> DumpError {
    match why {
        splitter::Broken::NotUtf8 { line } => DumpError::NotUtf8 { line },
        splitter::Broken::Unfinished { line } => DumpError::Unfinished { line },
    }
}

#[cfg(feature = "parser")]
fn take(model: &mut model::Model, piece: splitter::Piece, failed: &mut Option<DumpError>) {
    if failed.is_some() {
        return;
    }
    let taken = match piece {
        splitter::Piece::Statement { text, line } => statement::take(model, &text, line),
        splitter::Piece::Command { text, line } => statement::command(model, &text, line),
    };
    *failed = taken.err();
}

#[cfg(test)]
mod tests;
