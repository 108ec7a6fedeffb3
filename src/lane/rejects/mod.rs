//! Rejected rows: rows that the target refuses for their data, or that can not be sent at all, go to
//! files, and the rest of their table is loaded.
//!
//! ```text
//! rejects/public.orders.copy    the rows, COPY text, as sent (or as read, where they could not be sent)
//! rejects/public.orders.jsonl   a header, then for each row one line: where it stood, why, no value
//! ```
//!
//! A row is in its file, fsynced, before the ledger row that counts it is committed (`files`). The ledger
//! row has the count and the files' lengths after it; who continues the run cuts them back to that.

mod files;
mod generation;
mod limit;
mod names;
mod record;
mod search;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;

use crate::catalog::TableName;
use crate::copytext::RowErrorKind;
use crate::wire;

pub use files::{FileError, Lengths};
pub use generation::{Aside, Listed, discard, list, records, remove_empty};
pub use limit::Limit;
pub use record::{By, FORMAT, Header, Record};

pub(super) use files::Kept;
pub(super) use search::Search;

use files::Files;

/// What is known of a table when a run begins or goes on.
#[derive(Debug, Clone)]
pub struct Known {
    /// Name in the source.
    pub source: TableName,
    /// Name in the target.
    pub target: TableName,
    /// Columns in the target, in the order sent.
    pub columns: Vec<String>,
    /// Rows of the table as its statistics, or its size, have them.
    pub estimate: u64,
    /// Rows that earlier processes of the run have committed, rejected ones among them.
    pub read: u64,
    /// Rows that they have rejected.
    pub rejected: u64,
    /// Lengths of the files that the ledger counts.
    pub lengths: Lengths,
}

/// Why rejects can not be kept where they should be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The ledger counts rejected rows, and their files are not there, or are too short.
    #[error("rows that this run rejected are not in {}: {}", folder.display(), tables.join(", "))]
    Missing {
        /// Where they should be.
        folder: PathBuf,
        /// The tables, for people.
        tables: Vec<String>,
    },
    /// The files hold rows of another run, or something else.
    #[error("{} holds rejected rows of another run: {}", folder.display(), tables.join(", "))]
    Foreign {
        /// Where they are.
        folder: PathBuf,
        /// The tables, for people.
        tables: Vec<String>,
    },
    /// The file system.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Where rejected rows go, for all lanes of a run.
#[derive(Debug)]
pub struct Rejects {
    limit: Option<Limit>,
    /// By pair number.
    tables: BTreeMap<usize, Table>,
}

#[derive(Debug)]
struct Table {
    files: Arc<Mutex<Files>>,
    estimate: u64,
    /// Rows committed, rejected ones among them.
    read: AtomicU64,
    /// Rows rejected, committed or on their way.
    rejected: AtomicU64,
}

/// Why a row was rejected: codes and names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reason {
    pub(super) by: By,
    pub(super) sqlstate: String,
    pub(super) constraint: Option<String>,
    pub(super) column: Option<String>,
}

/// More rows are rejected than `--max-rejects` allows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct TooMany {
    pub(super) rejected: u64,
    pub(super) limit: Limit,
}

impl Rejects {
    /// Finds the files that the ledger knows, by pair number, and cuts them back to what is committed.
    /// Files of a table of which nothing was rejected are made when that happens.
    ///
    /// # Errors
    /// `Missing` and `Foreign`, which name all tables; the file system's.
    pub fn open(
        folder: &Path,
        run: &str,
        limit: Option<Limit>,
        tables: BTreeMap<usize, Known>,
    ) -> Result<Self, OpenError> {
        let (mut missing, mut foreign) = (Vec::new(), Vec::new());
        let mut opened = BTreeMap::new();
        for (pair, known) in &tables {
            let files = Files::of(folder, run, known);
            match files.standing(run, known.lengths)? {
                Standing::Good => files.cut_back()?,
                Standing::Absent => {}
                Standing::Missing => missing.push(known.source.to_string()),
                Standing::Foreign => foreign.push(known.source.to_string()),
            }
            let table = Table {
                files: Arc::new(Mutex::new(files)),
                estimate: known.estimate,
                read: AtomicU64::new(known.read),
                rejected: AtomicU64::new(known.rejected),
            };
            opened.insert(*pair, table);
        }
        let folder = folder.to_owned();
        match (missing.is_empty(), foreign.is_empty()) {
            (false, _) => Err(OpenError::Missing {
                folder,
                tables: missing,
            }),
            (_, false) => Err(OpenError::Foreign {
                folder,
                tables: foreign,
            }),
            _ => Ok(Self {
                limit,
                tables: opened,
            }),
        }
    }

    /// Counts rows that are found to be rejects, while a batch of `rows` rows is on its way.
    ///
    /// # Errors
    /// There are too many of them.
    pub(super) fn found(&self, table: usize, count: u64, rows: u64) -> Result<(), TooMany> {
        let Some(table) = self.tables.get(&table) else {
            return Ok(());
        };
        let rejected = table.rejected.fetch_add(count, Ordering::Relaxed) + count;
        let read = table.read.load(Ordering::Relaxed).saturating_add(rows);
        match self.limit {
            Some(limit) if rejected > limit.allows(read.max(table.estimate)) => {
                Err(TooMany { rejected, limit })
            }
            _ => Ok(()),
        }
    }

    /// Counts rows of a committed transaction, rejected ones among them.
    pub(super) fn committed(&self, table: usize, rows: u64) {
        if let Some(table) = self.tables.get(&table) {
            table.read.fetch_add(rows, Ordering::Relaxed);
        }
    }

    /// Puts rows into a table's files, which stay locked until the answer is decided. `None`: an earlier
    /// transaction of the table is undecided.
    ///
    /// # Errors
    /// The file system's.
    pub(super) async fn keep(
        &self,
        table: usize,
        rows: Vec<u8>,
        records: &[Record],
    ) -> Result<Option<Kept>, FileError> {
        let records: String = records.iter().map(record::line).collect();
        let files = &self.tables[&table].files;
        let files = Arc::clone(files).lock_owned().await;
        if files.is_in_doubt() {
            return Ok(None);
        }
        let path = files.copy.clone();
        let appended = tokio::task::spawn_blocking(move || files::append(files, &rows, &records));
        match appended.await {
            Ok(appended) => appended.map(Some),
            Err(died) => files::at(&path, Err(std::io::Error::other(died))),
        }
    }
}

/// How a table's files stand to the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// There is nothing, and nothing is counted.
    Absent,
    /// They hold what is counted, or more.
    Good,
    /// They lack what is counted.
    Missing,
    /// They are of another run.
    Foreign,
}

impl Files {
    fn of(folder: &Path, run: &str, known: &Known) -> Self {
        let header = Header {
            format: FORMAT.to_owned(),
            run: run.to_owned(),
            source: known.source.clone(),
            target: known.target.clone(),
            columns: known.columns.clone(),
        };
        let header = record::line(&header);
        let stem = folder.join(names::stem(&known.source));
        let mut lengths = known.lengths;
        if lengths == Lengths::default() && stem_is_there(&stem) {
            // What a process wrote that died before its COMMIT.
            lengths.json = header.len() as u64;
        }
        Self::new(&stem, header, lengths)
    }

    fn standing(&self, run: &str, counted: Lengths) -> Result<Standing, FileError> {
        let nothing = counted == Lengths::default();
        let Some(found) = self.found()? else {
            return Ok(match nothing {
                true => Standing::Absent,
                false => Standing::Missing,
            });
        };
        let header = files::header_of(&self.json);
        match header {
            Ok(Some(header)) if header.run == run => {}
            Err(error) if error.source.kind() != std::io::ErrorKind::InvalidData => {
                return Err(error);
            }
            _ if nothing => return Ok(Standing::Foreign),
            _ => return Ok(Standing::Missing),
        }
        Ok(
            match found.copy >= counted.copy && found.json >= counted.json {
                true => Standing::Good,
                false => Standing::Missing,
            },
        )
    }
}

fn stem_is_there(stem: &Path) -> bool {
    ["jsonl", "copy"]
        .iter()
        .all(|e| files::with(stem, e).exists())
}

impl Reason {
    /// Of a server's refusal.
    pub(super) fn of_target(error: &wire::Error) -> Self {
        let server = error.server();
        Self {
            by: By::Target,
            sqlstate: error.code().unwrap_or_default().to_owned(),
            constraint: server.and_then(|e| e.constraint.clone()),
            column: server.and_then(|e| e.column.clone()),
        }
    }

    /// Of a row that can not be sent; `columns` are the target's, in the order of fields.
    pub(super) fn of_row(kind: &RowErrorKind, columns: &[(String, String)]) -> Self {
        let by = match kind {
            RowErrorKind::Untranslatable => By::Source,
            _ => By::Wire9,
        };
        let (sqlstate, field) = match kind {
            RowErrorKind::Untranslatable => ("22P05", None),
            RowErrorKind::InvalidUtf8 { .. } => ("22021", None),
            RowErrorKind::TooLong { .. } => ("54000", None),
            RowErrorKind::Unreadable { field } => ("22P02", Some(*field)),
            RowErrorKind::Fields { .. } | RowErrorKind::CutOff { .. } => ("22P04", None),
        };
        let column = field.and_then(|field| columns.get(field));
        Self {
            by,
            sqlstate: sqlstate.to_owned(),
            constraint: None,
            column: column.map(|(_, name)| name.clone()),
        }
    }
}

/// Whether it is the row that is at fault, and not the program or the source's COPY.
pub(super) fn is_of_the_row(kind: &RowErrorKind) -> bool {
    matches!(
        kind,
        RowErrorKind::InvalidUtf8 { .. }
            | RowErrorKind::Untranslatable
            | RowErrorKind::TooLong { .. }
            | RowErrorKind::Unreadable { .. }
    )
}

/// Why rows were rejected, as they are counted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Why {
    /// SQLSTATE.
    pub sqlstate: String,
    /// Constraint, where one was named.
    pub constraint: Option<String>,
    /// Column, where one is known.
    pub column: Option<String>,
}

/// Rejected rows by their reason.
pub type Counts = BTreeMap<Why, u64>;

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: &str = "a run";

    fn open(folder: &Path, lengths: Lengths) -> Result<Rejects, OpenError> {
        let known = Known {
            source: TableName::new("s", "t"),
            target: TableName::new("s", "t"),
            columns: vec!["a".to_owned()],
            estimate: 0,
            read: 0,
            rejected: 0,
            lengths,
        };
        Rejects::open(folder, RUN, None, BTreeMap::from([(0, known)]))
    }

    async fn keep(rejects: &Rejects, row: &str) -> Result<Option<Kept>, FileError> {
        let record = Record {
            table: "s.t".to_owned(),
            chunk: 0,
            row: 1,
            by: By::Target,
            sqlstate: "23514".to_owned(),
            constraint: None,
            column: None,
        };
        rejects.keep(0, row.as_bytes().to_vec(), &[record]).await
    }

    fn rows(folder: &Path) -> String {
        std::fs::read_to_string(folder.join("s.t.copy")).expect("it is there")
    }

    async fn kept(rejects: &Rejects, row: &str, committed: bool) -> Lengths {
        let kept = keep(rejects, row).await.expect("it is written");
        let kept = kept.expect("nothing is in doubt");
        let lengths = kept.lengths();
        kept.decided(committed);
        lengths
    }

    #[tokio::test]
    async fn rows_without_effect_are_cut_off_by_the_next_ones_and_by_who_continues() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path().join("rejects");
        let rejects = open(&folder, Lengths::default()).expect("there is nothing");
        kept(&rejects, "one\n", true).await;
        kept(&rejects, "a longer two\n", false).await;
        let lengths = kept(&rejects, "three\n", true).await;
        assert_eq!(rows(&folder), "one\nthree\n");
        kept(&rejects, "four\n", false).await;
        let rejects = open(&folder, lengths).expect("they are there");
        assert_eq!(rows(&folder), "one\nthree\n");
        kept(&rejects, "five\n", true).await;
        assert_eq!(rows(&folder), "one\nthree\nfive\n");
    }

    #[tokio::test]
    async fn a_process_that_was_taken_over_cuts_and_writes_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let folder = folder.path().join("rejects");
        let old = open(&folder, Lengths::default()).expect("there is nothing");
        let new = open(&folder, Lengths::default()).expect("there is nothing");
        let lengths = kept(&new, "one\n", true).await;
        assert!(keep(&old, "zombie\n").await.is_err());
        let newer = open(&folder, lengths).expect("they are there");
        kept(&newer, "two\n", true).await;
        assert!(keep(&new, "zombie\n").await.is_err());
        assert_eq!(rows(&folder), "one\ntwo\n");
    }

    #[tokio::test]
    async fn rows_in_doubt_are_not_cut_off_in_this_process() {
        let folder = tempfile::tempdir().expect("a folder");
        let rejects = open(folder.path(), Lengths::default()).expect("there is nothing");
        drop(keep(&rejects, "one\n").await.expect("it is written"));
        assert!(keep(&rejects, "two\n").await.expect("no error").is_none());
        assert_eq!(rows(folder.path()), "one\n");
    }

    #[tokio::test]
    async fn files_that_lack_what_is_counted_or_are_of_another_run_are_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let rejects = open(folder.path(), Lengths::default()).expect("there is nothing");
        let mut lengths = kept(&rejects, "one\n", true).await;
        lengths.copy += 1;
        assert!(matches!(
            open(folder.path(), lengths),
            Err(OpenError::Missing { .. })
        ));
        let json = folder.path().join("s.t.jsonl");
        let text = std::fs::read_to_string(&json).expect("it is there");
        std::fs::write(&json, text.replace(RUN, "b run")).expect("it is written");
        assert!(matches!(
            open(folder.path(), Lengths::default()),
            Err(OpenError::Foreign { .. })
        ));
    }
}
