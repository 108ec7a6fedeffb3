//! Files that are looked at, and files whose rows are loaded again.
//!
//! A replay sets the files of a table aside, as generation 1, 2, … of their rows, and loads them like a
//! chunk of that number; what is rejected again goes to new files of the old names.
//!
//! ```text
//!  TABLE.copy ──rename──▶ TABLE.replay1.copy ──load──▶ the table
//!                                              └─────▶ TABLE.copy, what is refused again
//! ```
//!
//! The ledger says which generation is finished: files of a finished one are rests of a process that
//! died, and go. The `.jsonl` is renamed first, so that a `.replay1.jsonl` without its `.copy` is a rename
//! that was interrupted.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use crate::catalog::TableName;

use super::files::{FileError, at, header_of, sync_folder, with};
use super::record::{Header, Record};
use super::{Counts, Why, names};

/// The files of one table, as they are found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// What they are about.
    pub header: Header,
    /// The rows.
    pub copy: PathBuf,
    /// How many there are.
    pub rows: u64,
    /// The same by SQLSTATE, constraint and column.
    pub counts: Counts,
}

/// All files of a folder, by name; none where there is no folder.
///
/// # Errors
/// The file system's; a file with the ending that is not one of this program.
pub fn list(folder: &Path) -> Result<Vec<Listed>, FileError> {
    let mut listed = Vec::new();
    for json in json_files(folder)? {
        let Some(header) = header_of(&json)? else {
            continue;
        };
        let (mut rows, mut counts) = (0, Counts::new());
        for record in read(&json)? {
            let record = record?;
            rows += 1;
            let why = Why {
                sqlstate: record.sqlstate,
                constraint: record.constraint,
                column: record.column,
            };
            *counts.entry(why).or_default() += 1;
        }
        listed.push(Listed {
            header,
            copy: json.with_extension("copy"),
            rows,
            counts,
        });
    }
    Ok(listed)
}

/// The records of all rejected rows of the tables that `wanted` names, one after the other.
///
/// # Errors
/// As `list`.
pub fn records(
    folder: &Path,
    wanted: impl Fn(&Header) -> bool,
    mut see: impl FnMut(Record),
) -> Result<(), FileError> {
    for json in json_files(folder)? {
        if header_of(&json)?.is_some_and(|header| wanted(&header)) {
            for record in read(&json)? {
                see(record?);
            }
        }
    }
    Ok(())
}

/// Removes the files of a run; answers the tables that had rows there.
///
/// # Errors
/// The file system's.
pub fn discard(folder: &Path, run: &str) -> Result<Vec<String>, FileError> {
    let mut tables = Vec::new();
    for json in json_files(folder)? {
        let header = match header_of(&json) {
            Err(e) if e.source.kind() == io::ErrorKind::InvalidData => continue,
            header => header?,
        };
        if let Some(header) = header.filter(|header| header.run == run) {
            let copy = json.with_extension("copy");
            at(&copy, remove(&copy))?;
            at(&json, remove(&json))?;
            tables.push(header.source.to_string());
        }
    }
    Ok(tables)
}

/// Files of one generation, set aside.
#[derive(Debug)]
pub struct Aside {
    copy: PathBuf,
    json: PathBuf,
    /// Rows in them.
    pub rows: u64,
}

impl Aside {
    /// Sets the files of a table aside as generation `number`, or finds them set aside by a process that
    /// died since; `None` where there are no rows. Files of the generation before are removed.
    ///
    /// # Errors
    /// The file system's; rows and records that are not equally many.
    pub fn set(folder: &Path, table: &TableName, number: u32) -> Result<Option<Self>, FileError> {
        let stem = folder.join(names::stem(table));
        let (copy, json) = (with(&stem, "copy"), with(&stem, "jsonl"));
        if number > 1 {
            Self::of(&stem, number - 1).remove()?;
        }
        let mut aside = Self::of(&stem, number);
        if !aside.json.exists() {
            if !json.exists() || count_lines(&json)? <= 1 {
                return Ok(None);
            }
            at(&json, fs::rename(&json, &aside.json))?;
            sync_folder(folder)?;
        }
        if !aside.copy.exists() {
            at(&copy, fs::rename(&copy, &aside.copy))?;
            sync_folder(folder)?;
        }
        aside.rows = count_lines(&aside.copy)?;
        if aside.rows + 1 != count_lines(&aside.json)? {
            let uneven =
                "its rows are not as many as the lines of its .jsonl: take both out together";
            return at(
                &aside.copy,
                Err(io::Error::new(io::ErrorKind::InvalidData, uneven)),
            );
        }
        Ok(Some(aside))
    }

    /// Removes them: their rows are loaded, or in newer files.
    ///
    /// # Errors
    /// The file system's.
    pub fn remove(self) -> Result<(), FileError> {
        at(&self.copy, remove(&self.copy))?;
        at(&self.json, remove(&self.json))
    }

    pub(in crate::lane) fn copy(&self) -> &Path {
        &self.copy
    }

    /// The records in the order of the rows.
    pub(in crate::lane) fn records(
        &self,
    ) -> Result<impl Iterator<Item = Result<Record, FileError>> + Send + use<>, FileError> {
        read(&self.json)
    }

    fn of(stem: &Path, number: u32) -> Self {
        Self {
            copy: with(stem, &format!("replay{number}.copy")),
            json: with(stem, &format!("replay{number}.jsonl")),
            rows: 0,
        }
    }
}

/// Removes the files of a table that hold no row any more.
///
/// # Errors
/// The file system's.
pub fn remove_empty(folder: &Path, table: &TableName) -> Result<(), FileError> {
    let stem = folder.join(names::stem(table));
    let (copy, json) = (with(&stem, "copy"), with(&stem, "jsonl"));
    if json.exists() && count_lines(&json)? == 1 {
        at(&copy, remove(&copy))?;
        at(&json, remove(&json))?;
    }
    Ok(())
}

fn json_files(folder: &Path) -> Result<Vec<PathBuf>, FileError> {
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => at(folder, entries)?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = at(folder, entry)?.path();
        if path.extension() == Some(OsStr::new("jsonl")) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// The records of a file, behind its header.
fn read(
    json: &Path,
) -> Result<impl Iterator<Item = Result<Record, FileError>> + Send + use<>, FileError> {
    let file = BufReader::new(at(json, File::open(json))?);
    let path = json.to_owned();
    Ok(file.lines().skip(1).map(move |line| {
        let record = line.and_then(|line| Ok(serde_json::from_str(&line)?));
        at(&path, record)
    }))
}

/// Lines of a file; the last one may lack its newline.
fn count_lines(path: &Path) -> Result<u64, FileError> {
    let mut file = BufReader::with_capacity(256 << 10, at(path, File::open(path))?);
    let (mut lines, mut ended) = (0, true);
    loop {
        let bytes = at(path, file.fill_buf())?;
        let Some(last) = bytes.last() else {
            return Ok(lines + u64::from(!ended));
        };
        ended = *last == b'\n';
        lines += memchr::memchr_iter(b'\n', bytes).count() as u64;
        let length = bytes.len();
        file.consume(length);
    }
}

/// Removes a file that may be gone already.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}
