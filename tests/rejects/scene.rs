//! A source, a target with constraints that some rows violate, and a folder for these.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;
use testenv::standin::Limits;
use testenv::{Cluster, Database, Standin, StandinOptions};

use crate::harness::{Wire9, targets};

/// Where rows go.
pub(crate) enum Target {
    Standin(Box<Standin>),
    Postgres(Database),
}

impl Target {
    /// A stand-in with these tables.
    pub(crate) fn standin(limits: Limits, tables: &str) -> Self {
        let standin = Standin::start(StandinOptions {
            limits,
            cluster: Some(targets().clone()),
            ..StandinOptions::default()
        });
        let target = Self::Standin(Box::new(standin.expect("the stand-in starts")));
        target.execute(tables);
        target
    }

    /// A PostgreSQL with these tables.
    pub(crate) fn postgres(tables: &str) -> Self {
        let target = targets().database("target").expect("the target is made");
        let target = Self::Postgres(target);
        target.execute(tables);
        target
    }

    pub(crate) fn uri(&self) -> String {
        match self {
            Self::Standin(standin) => standin.uri(),
            Self::Postgres(database) => format!("{}?sslmode=disable", database.uri()),
        }
    }

    pub(crate) fn database(&self) -> &Database {
        match self {
            Self::Standin(standin) => standin.database(),
            Self::Postgres(database) => database,
        }
    }

    /// Runs statements as the user of the target, past the limits of a stand-in.
    #[track_caller]
    pub(crate) fn execute(&self, sql: &str) {
        let done = match self {
            Self::Standin(standin) => {
                let as_user = format!("SET ROLE \"tenant.admin\"; {sql}");
                standin.database().execute(&as_user)
            }
            Self::Postgres(database) => database.execute(sql),
        };
        done.expect("the target takes the statements");
    }
}

pub(crate) struct Scene {
    pub(crate) source: Database,
    pub(crate) target: Target,
    folder: TempDir,
    arguments: Vec<String>,
}

impl Scene {
    /// A source of these tables and rows, with a target.
    pub(crate) fn new(source: &str, target: Target) -> Self {
        let database = Cluster::shared().database("source");
        let database = database.expect("the source is made");
        database.execute(source).expect("it is filled");
        Self::of(database, target)
    }

    pub(crate) fn of(source: Database, target: Target) -> Self {
        Self {
            source,
            target,
            folder: tempfile::tempdir().expect("there is a temporary folder"),
            arguments: Vec::new(),
        }
    }

    /// With more arguments of every copy.
    pub(crate) fn arguments(mut self, more: &[&str]) -> Self {
        self.arguments.extend(more.iter().map(|a| (*a).to_owned()));
        self
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.folder.path().join("rejects")
    }

    /// The command; always the same.
    pub(crate) fn copy(&self) -> Wire9 {
        self.copy_with(&["--on-error", "reject"])
    }

    pub(crate) fn copy_with(&self, more: &[&str]) -> Wire9 {
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        Wire9::copy(&self.source.uri(), &self.target.uri())
            .args(&["--rejects", &self.folder().to_string_lossy()])
            .args(&arguments)
            .args(more)
    }

    /// `wire9 rejects list` or `show`.
    pub(crate) fn rejects(&self, what: &str) -> Wire9 {
        let folder = self.folder();
        Wire9::bare().args(&["rejects", what, "--rejects", &folder.to_string_lossy()])
    }

    /// `wire9 rejects replay`
    pub(crate) fn replay(&self) -> Wire9 {
        self.rejects("replay").args(&["--db9", &self.target.uri()])
    }

    /// The rows of a table that are rejected, as they are in the file.
    pub(crate) fn file(&self, table: &str) -> Vec<u8> {
        fs::read(self.path(table, "copy")).unwrap_or_default()
    }

    pub(crate) fn path(&self, table: &str, ending: &str) -> PathBuf {
        self.folder().join(format!("public.{table}.{ending}"))
    }

    /// What is told of them.
    pub(crate) fn records(&self, table: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.path(table, "jsonl")).unwrap_or_default();
        let lines = text.lines().skip(1);
        lines
            .map(|line| serde_json::from_str(line).expect("a line is JSON"))
            .collect()
    }

    /// Asserts that rows loaded and rows rejected together are the source's, as multisets, that the file
    /// is loaded by COPY, and that each of its rows has its line. Answers how many are rejected. `before`
    /// are rows of the target that are not the run's.
    #[track_caller]
    pub(crate) fn nothing_is_lost(&self, table: &str, before: &str) -> usize {
        let source = self.hashes(&self.source, table);
        let loaded = self.hashes(
            self.target.database(),
            &format!("(SELECT * FROM {table}{before}) t"),
        );
        let rejected = self.rejected(table);
        assert_eq!(
            rejected.len(),
            self.records(table).len(),
            "a line each: {table}"
        );
        let mut all = loaded;
        for (hash, count) in counted(rejected.clone()) {
            *all.entry(hash).or_default() += count;
        }
        assert_eq!(
            all, source,
            "loaded and rejected rows are the source's: {table}"
        );
        rejected.len()
    }

    /// Hashes of rows in the source's encoding, counted.
    fn hashes(&self, database: &Database, table: &str) -> BTreeMap<String, u64> {
        let encoding = self.encoding();
        let alias = alias(table);
        let sql = format!("SELECT md5(convert_to(t::text, '{encoding}')) FROM {table}{alias}");
        let rows = database.query(&sql).expect("the table is read");
        counted(rows.into_iter().filter_map(|row| row.into_iter().next()?))
    }

    fn encoding(&self) -> String {
        let encoding = self.source.query_value("SHOW server_encoding");
        encoding.expect("it has one")
    }

    /// Hashes of rejected rows, by loading their file into a table without constraints.
    #[track_caller]
    fn rejected(&self, table: &str) -> Vec<String> {
        let mut client = self.source.client().expect("the source answers");
        // Bytes that are no UTF-8 came from a server that takes them.
        let encoding = self.encoding();
        client
            .batch_execute(&format!(
                "CREATE TEMP TABLE back (LIKE {table}); SET client_encoding = '{encoding}'"
            ))
            .expect("a table is made");
        let mut copy = client.copy_in("COPY back FROM STDIN").expect("COPY begins");
        copy.write_all(&self.file(table)).expect("rows are taken");
        copy.finish().expect("the file is COPY text");
        let rows = client.query("SELECT md5(back::text) FROM back", &[]);
        let rows = rows.expect("it is read");
        rows.iter().map(|row| row.get(0)).collect()
    }
}

fn alias(table: &str) -> &'static str {
    if table.starts_with('(') { "" } else { " t" }
}

fn counted(rows: impl IntoIterator<Item = String>) -> BTreeMap<String, u64> {
    let mut counted = BTreeMap::new();
    for row in rows {
        *counted.entry(row).or_default() += 1;
    }
    counted
}

/// The permission bits of a file.
pub(crate) fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata = fs::metadata(path).expect("it is there");
    metadata.permissions().mode() & 0o777
}

/// A table of two lanes' batches with a bad row here and there: `id % 97 = 5` violates the check `few`.
pub(crate) const WIDE: &str = "CREATE TABLE wide (id integer, body text)";
pub(crate) const WIDE_ROWS: &str = "INSERT INTO wide SELECT n, repeat(md5(n::text), 32) \
                                    FROM generate_series(1, 2000) n; ANALYZE wide";
/// Of `WIDE`, with the check.
pub(crate) const WIDE_TARGET: &str =
    "CREATE TABLE wide (id integer, body text, CONSTRAINT few CHECK (id % 97 <> 5))";
/// Rows that it refuses.
pub(crate) const WIDE_BAD: usize = 21;
/// Batches of 256 KiB.
pub(crate) const SMALL: [&str; 6] = ["--jobs", "2", "--max-memory", "1MiB", "--io-timeout", "20"];

/// A scene of it.
pub(crate) fn wide() -> Scene {
    wide_on(Limits::default())
}

pub(crate) fn wide_on(limits: Limits) -> Scene {
    let target = Target::standin(limits, WIDE_TARGET);
    Scene::new(&format!("{WIDE}; {WIDE_ROWS}"), target).arguments(&SMALL)
}
