//! PostgreSQL servers found on this machine: on `PATH`, where Debian puts them, and where
//! `testenv/install` puts those that it fetches.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Error;
use crate::server::is_root;

/// The major versions that wire9 takes as a source.
pub const MAJORS: std::ops::RangeInclusive<u32> = 13..=18;

/// The programs of one PostgreSQL version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// The folder with `initdb` and `postgres`.
    pub bin: PathBuf,
    /// The major version, such as 15.
    pub major: u32,
    /// Whether `testenv/install` fetched it, for tests of certain versions.
    pub fetched: bool,
}

impl Installation {
    /// All that are found, the newest first, one per major version.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let mut found: Vec<Self> = Vec::new();
        for bin in candidates() {
            if let Some(installation) = Self::at(&bin)
                && !found.iter().any(|other| other.major == installation.major)
            {
                found.push(installation);
            }
        }
        found.sort_by_key(|installation| std::cmp::Reverse(installation.major));
        found
    }

    /// The asked major version; else that in `WIRE9_POSTGRES_MAJOR`; else the newest of the system;
    /// else the newest fetched one (which versions happen to be fetched should not change the tests).
    ///
    /// # Errors
    /// [`Error::NoServer`] where there is none.
    pub fn find(major: Option<u32>) -> Result<Self, Error> {
        let from_env = || env::var("WIRE9_POSTGRES_MAJOR").ok()?.parse().ok();
        let wanted = major.or_else(from_env);
        Self::all()
            .into_iter()
            .filter(|installation| wanted.is_none_or(|major| installation.major == major))
            .max_by_key(|installation| (!installation.fetched, installation.major))
            .ok_or_else(|| Error::NoServer {
                wanted: wanted.map_or("13 to 18".into(), |major| major.to_string()),
            })
    }

    fn at(bin: &Path) -> Option<Self> {
        if !bin.join("initdb").is_file() {
            return None;
        }
        let output = Command::new(bin.join("postgres"))
            .arg("--version")
            .output()
            .ok()?;
        let major = major_of(&String::from_utf8_lossy(&output.stdout))?;
        let fetched = bin.starts_with(cache_folder());
        MAJORS.contains(&major).then(|| Self {
            bin: bin.to_path_buf(),
            major,
            fetched,
        })
    }
}

/// Where `testenv/install` puts servers from npm, as `MAJOR/bin`. The script has the same rule: a
/// server of root runs as another user, who must be able to read it, so root's home will not do.
#[must_use]
pub fn cache_folder() -> PathBuf {
    if let Some(folder) = env::var_os("WIRE9_POSTGRES_DIR") {
        return folder.into();
    }
    match env::var_os("HOME") {
        Some(home) if !is_root() => PathBuf::from(home).join(".cache/wire9/postgres"),
        _ => "/var/cache/wire9/postgres".into(),
    }
}

fn candidates() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut bins: Vec<PathBuf> = env::split_paths(&path).collect();
    for folder in [PathBuf::from("/usr/lib/postgresql"), cache_folder()] {
        let versions = folder.read_dir().into_iter().flatten().flatten();
        bins.extend(versions.map(|version| version.path().join("bin")));
    }
    bins
}

/// `postgres (PostgreSQL) 15.14 (Debian 15.14-1)` is 15.
fn major_of(version: &str) -> Option<u32> {
    let number = version.split_whitespace().nth(2)?;
    let digits = number.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_what_the_server_prints() {
        assert_eq!(
            major_of("postgres (PostgreSQL) 15.14 (Debian 15.14-1)\n"),
            Some(15)
        );
        assert_eq!(major_of("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major_of("nothing"), None);
    }
}
