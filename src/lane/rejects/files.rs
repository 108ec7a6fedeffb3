//! The two files of one table, and how far they are committed.
//!
//! ```text
//!  TABLE.copy   ├── committed ──┤── of a transaction that is not decided ──┤
//!  TABLE.jsonl  ├ header ┤──────┤──────────────────────────────────────────┤
//! ```
//!
//! All lanes write to the same two files, one at a time: who rejects rows takes the table's lock before
//! its transaction begins, cuts both files back to their committed lengths, appends, fsyncs, and keeps
//! the lock until the COMMIT is decided. So the committed parts follow each other without a gap, and the
//! lengths that the ledger's rows hold only grow: the largest is the committed one. The lock is taken
//! outside of any transaction, so that lanes can not wait for each other in a circle.
//!
//! Each process knows how long it has left the files. Where they have another length another process writes
//! to them, which has taken the run over or was taken over: then nothing is cut and nothing is written, since
//! that one's rows may count.
//!
//! A transaction whose outcome nobody could find out leaves its files locked for good in this process:
//! they hold rows that may be the only copy of what the ledger counts.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use tokio::sync::OwnedMutexGuard;

use super::record;

/// Bytes of both files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lengths {
    /// Of `TABLE.copy`.
    pub copy: u64,
    /// Of `TABLE.jsonl`, its header included.
    pub json: u64,
}

impl Lengths {
    /// As the ledger has them: rows, records.
    pub fn of((copy, json): (u64, u64)) -> Self {
        Self { copy, json }
    }
}

/// What can go wrong with the files.
#[derive(Debug, thiserror::Error)]
#[error("the file of rejected rows {}", path.display())]
pub struct FileError {
    /// Which file.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// The files of one table. They are made when the first row is rejected.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) copy: PathBuf,
    pub(super) json: PathBuf,
    /// The first line of `json`.
    header: String,
    committed: Lengths,
    /// As this process has left them; `None`: it has not made them.
    left: Option<Lengths>,
    /// Whether they end with rows of a transaction that is not decided.
    doubt: bool,
}

/// Appended rows whose transaction is not decided yet.
#[derive(Debug)]
pub(in crate::lane) struct Kept {
    files: OwnedMutexGuard<Files>,
    lengths: Lengths,
}

impl Kept {
    /// Lengths of the files with these rows.
    pub(in crate::lane) fn lengths(&self) -> Lengths {
        self.lengths
    }

    /// The transaction was committed, or will never be.
    pub(in crate::lane) fn decided(mut self, committed: bool) {
        self.files.doubt = false;
        if committed {
            self.files.committed = self.lengths;
        }
    }
}

impl Files {
    /// Files of which so much is committed.
    pub(super) fn new(stem: &Path, header: String, committed: Lengths) -> Self {
        Self {
            copy: with(stem, "copy"),
            json: with(stem, "jsonl"),
            header,
            committed,
            left: (committed != Lengths::default()).then_some(committed),
            doubt: false,
        }
    }

    /// Whether an earlier transaction is undecided.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.doubt
    }

    /// Cuts both files back to what is committed.
    ///
    /// # Errors
    /// The file system's.
    pub(super) fn cut_back(&self) -> Result<(), FileError> {
        for (path, length) in [
            (&self.copy, self.committed.copy),
            (&self.json, self.committed.json),
        ] {
            let file = at(path, open(path))?;
            if at(path, file.metadata())?.len() > length {
                at(path, file.set_len(length).and_then(|()| file.sync_all()))?;
            }
        }
        Ok(())
    }

    /// Lengths as they are on disk; `None` where one of them is not there.
    ///
    /// # Errors
    /// The file system's.
    pub(super) fn found(&self) -> Result<Option<Lengths>, FileError> {
        let copy = length(&self.copy)?;
        let json = length(&self.json)?;
        Ok(copy.zip(json).map(|(copy, json)| Lengths { copy, json }))
    }

    /// Writing has failed, maybe in the middle: what there is now was left by this process, unless it was
    /// another's before.
    fn failed(&mut self, error: FileError) -> FileError {
        if error.source.kind() != io::ErrorKind::InvalidData
            && let Ok(Some(found)) = self.found()
        {
            self.left = Some(found);
        }
        error
    }

    /// Makes both files, empty but for the header: after a crash there is a whole header or none.
    fn create(&self) -> Result<(), FileError> {
        if self.json.exists() {
            return at(&self.json, Err(io::ErrorKind::AlreadyExists.into()));
        }
        let folder = self.json.parent().unwrap_or(Path::new("."));
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        at(folder, made)?;
        let new = with_more(&self.json, ".new");
        at(&new, fill(&new, self.header.as_bytes()))?;
        at(&self.copy, fill(&self.copy, b""))?;
        at(&self.json, fs::rename(&new, &self.json))?;
        sync_folder(folder)?;
        // The folder's own entry; where its parent can not be opened, nothing more can be done.
        if let Some(parent) = folder.canonicalize().ok().as_deref().and_then(Path::parent) {
            let _ = sync_folder(parent);
        }
        Ok(())
    }
}

/// The files, locked.
pub(super) type OwnedFiles = OwnedMutexGuard<Files>;

/// Appends rows and their records behind what is committed, and fsyncs both files.
///
/// # Errors
/// The file system's; nothing of it counts then.
pub(super) fn append(mut files: OwnedFiles, rows: &[u8], records: &str) -> Result<Kept, FileError> {
    let left = match files.left {
        Some(left) => left,
        None => {
            files.create()?;
            files.committed.json = files.header.len() as u64;
            files.committed
        }
    };
    let committed = files.committed;
    let json = put(&files.json, (left.json, committed.json), records.as_bytes());
    let json = json.map_err(|error| files.failed(error))?;
    files.left = Some(Lengths { json, ..left });
    let copy = put(&files.copy, (left.copy, committed.copy), rows);
    let copy = copy.map_err(|error| files.failed(error))?;
    let lengths = Lengths { copy, json };
    files.left = Some(lengths);
    // From here on they may hold what a COMMIT makes count.
    files.doubt = true;
    Ok(Kept { files, lengths })
}

/// What the first line of a `TABLE.jsonl` says; `None` where there is no such file.
///
/// # Errors
/// The file system's; a file that is not of this format is an error of kind `InvalidData`.
pub(super) fn header_of(json: &Path) -> Result<Option<record::Header>, FileError> {
    let file = match File::open(json) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => at(json, opened)?,
    };
    let mut line = String::new();
    let mut reader = io::BufReader::new(io::Read::take(file, LONGEST_HEADER));
    at(json, io::BufRead::read_line(&mut reader, &mut line))?;
    let foreign = || io::Error::new(io::ErrorKind::InvalidData, "it is not one of wire9's");
    let header = record::header(&line).ok_or_else(foreign);
    at(json, header).map(Some)
}

/// 1,600 columns of 63 bytes and their quotes take less.
const LONGEST_HEADER: u64 = 1 << 20;

/// `path` with an ending.
pub(super) fn with(stem: &Path, ending: &str) -> PathBuf {
    with_more(stem, &format!(".{ending}"))
}

fn with_more(path: &Path, more: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(more);
    PathBuf::from(name)
}

/// Makes the entries of a folder last.
pub(super) fn sync_folder(folder: &Path) -> Result<(), FileError> {
    at(folder, File::open(folder).and_then(|f| f.sync_all()))
}

/// Names the file of an error.
pub(super) fn at<T>(path: &Path, done: io::Result<T>) -> Result<T, FileError> {
    done.map_err(|source| FileError {
        path: path.to_owned(),
        source,
    })
}

fn length(path: &Path) -> Result<Option<u64>, FileError> {
    match fs::metadata(path) {
        Ok(found) => Ok(Some(found.len())),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => at(path, Err(e)),
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).open(path)
}

fn fill(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let options = options.write(true).create(true).truncate(true).mode(0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Cuts a file from the length that it was left with to that which is committed, and writes behind it;
/// answers the new length.
fn put(path: &Path, (left, committed): (u64, u64), bytes: &[u8]) -> Result<u64, FileError> {
    let written = || {
        let mut file = open(path)?;
        if file.metadata()?.len() != left {
            let other = "another process has written to it";
            return Err(io::Error::new(io::ErrorKind::InvalidData, other));
        }
        file.set_len(committed)?;
        file.seek(SeekFrom::Start(committed))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        Ok(committed + bytes.len() as u64)
    };
    at(path, written())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &Path) -> Files {
        Files::new(
            &folder.join("s.t"),
            "header\n".to_owned(),
            Lengths::default(),
        )
    }

    fn shared(files: Files) -> std::sync::Arc<tokio::sync::Mutex<Files>> {
        std::sync::Arc::new(tokio::sync::Mutex::new(files))
    }

    /// What a full disk leaves of a write.
    fn half_written(files: &Files) {
        let mut file = OpenOptions::new()
            .append(true)
            .open(&files.copy)
            .expect("it is there");
        file.write_all(b"ha").expect("it is written");
    }

    #[tokio::test]
    async fn a_write_that_failed_in_its_middle_is_not_taken_for_another_process() {
        let folder = tempfile::tempdir().expect("a folder");
        let shared = shared(files(folder.path()));
        let locked = || std::sync::Arc::clone(&shared).lock_owned();
        append(locked().await, b"one\n", "{}\n")
            .expect("it is written")
            .decided(true);
        let mut files = locked().await;
        half_written(&files);
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let path = files.copy.clone();
        let told = files.failed(FileError { path, source: full });
        assert_eq!(told.source.kind(), io::ErrorKind::StorageFull);
        append(files, b"two\n", "{}\n")
            .expect("there is room again")
            .decided(true);
        let rows = fs::read(folder.path().join("s.t.copy")).expect("it is there");
        assert_eq!(rows, b"one\ntwo\n");
    }

    #[tokio::test]
    async fn what_another_process_wrote_stays_another_ones_after_a_try() {
        let folder = tempfile::tempdir().expect("a folder");
        let shared = shared(files(folder.path()));
        let locked = || std::sync::Arc::clone(&shared).lock_owned();
        append(locked().await, b"one\n", "{}\n")
            .expect("it is written")
            .decided(true);
        half_written(&*locked().await);
        for _ in 0..2 {
            let refused = append(locked().await, b"two\n", "{}\n").expect_err("it is another's");
            assert_eq!(refused.source.kind(), io::ErrorKind::InvalidData);
        }
    }
}
