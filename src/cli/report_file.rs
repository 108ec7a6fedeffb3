//! Where a report goes: checked before the run, written as a whole at its end.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// A place that could be written to when the run began.
#[derive(Debug)]
pub(super) struct ReportFile {
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// A regular file, or none yet: a new file in the same folder takes its name.
    Regular { path: PathBuf, temporary: PathBuf },
    /// A device or a pipe, which must not be replaced by a file.
    Special(PathBuf),
}

impl ReportFile {
    /// Checks that a report can be written there, and leaves nothing behind.
    pub(super) fn check(path: &Path) -> io::Result<Self> {
        let place = match fs::metadata(path) {
            Ok(found) if found.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            Ok(found) if !found.is_file() => Place::Special(path.to_owned()),
            // A link stays, and what it points to is replaced.
            Ok(_) => regular(&fs::canonicalize(path)?)?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => regular(path)?,
            Err(e) => return Err(e),
        };
        if let Place::Regular { temporary, .. } = &place {
            drop(create(temporary)?);
            fs::remove_file(temporary)?;
        }
        Ok(Self { place })
    }

    /// Writes the report: all of it or nothing.
    pub(super) fn write(&self, text: &str) -> io::Result<()> {
        match &self.place {
            Place::Special(path) => {
                let mut file = OpenOptions::new().write(true).open(path)?;
                file.write_all(text.as_bytes())
            }
            Place::Regular { path, temporary } => {
                let written = fill(temporary, text).and_then(|()| fs::rename(temporary, path));
                if written.is_err() {
                    // The first error is the one to be told.
                    let _ = fs::remove_file(temporary);
                }
                written
            }
        }
    }
}

fn regular(path: &Path) -> io::Result<Place> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut temporary = std::ffi::OsString::from(".");
    temporary.push(name);
    temporary.push(format!(".{}.new", std::process::id()));
    Ok(Place::Regular {
        path: path.to_owned(),
        temporary: path.with_file_name(temporary),
    })
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

fn fill(path: &Path, text: &str) -> io::Result<()> {
    let mut file = create(path)?;
    file.write_all(text.as_bytes())?;
    // A full disk of some file systems is told only here.
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder that goes when the test ends.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let folder = format!("wire9-report-{name}-{}", std::process::id());
            let path = std::env::temp_dir().join(folder);
            fs::create_dir(&path).expect("the temporary folder can be written");
            Self(path)
        }

        fn entries(&self) -> Vec<String> {
            let entries = fs::read_dir(&self.0).expect("the folder can be read");
            entries
                .map(|e| {
                    e.expect("an entry")
                        .file_name()
                        .to_string_lossy()
                        .into_owned()
                })
                .collect()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_report_replaces_the_old_one_as_a_whole() {
        let folder = Folder::new("replace");
        let path = folder.0.join("r.json");
        for text in ["first, and longer", "second"] {
            let file = ReportFile::check(&path).expect("it can be written");
            file.write(text).expect("it is written");
            assert_eq!(fs::read_to_string(&path).expect("it can be read"), text);
        }
        assert_eq!(folder.entries(), vec!["r.json"]);
    }

    #[test]
    fn the_check_leaves_nothing_behind() {
        let folder = Folder::new("check");
        ReportFile::check(&folder.0.join("r.json")).expect("it can be written");
        assert_eq!(folder.entries(), Vec::<String>::new());
    }

    #[test]
    fn a_folder_that_is_missing_or_the_report_itself_is_an_error_before_the_run() {
        let folder = Folder::new("missing");
        let missing = ReportFile::check(&folder.0.join("no/r.json")).expect_err("no folder");
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        let itself = ReportFile::check(&folder.0).expect_err("a folder");
        assert_eq!(itself.kind(), io::ErrorKind::IsADirectory);
    }

    #[test]
    fn a_full_disk_is_an_error_and_a_device_stays_a_device() {
        let file = ReportFile::check(Path::new("/dev/full")).expect("a device can be opened");
        let error = file.write("text").expect_err("it is full");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert!(!fs::metadata("/dev/full").expect("it is there").is_file());
    }

    #[test]
    fn a_link_stays_a_link() {
        let folder = Folder::new("link");
        let (real, link) = (folder.0.join("real.json"), folder.0.join("link.json"));
        fs::write(&real, "old").expect("it is written");
        std::os::unix::fs::symlink(&real, &link).expect("a link can be made");
        let file = ReportFile::check(&link).expect("it can be written");
        file.write("new").expect("it is written");
        assert!(
            fs::symlink_metadata(&link)
                .expect("it is there")
                .is_symlink()
        );
        assert_eq!(fs::read_to_string(&real).expect("it can be read"), "new");
    }
}
