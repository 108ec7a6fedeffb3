//! What every failed run must look like, and the planted texts that none may show.

use std::thread;
use std::time::{Duration, Instant};

use testenv::{Database, StandinOptions, equality};

use crate::harness::{Pair, Run, Sample, Wire9, targets};

/// A value of rows; nothing that wire9 writes may contain it.
pub(crate) const VALUE: &str = "planted7Qx";

/// The password of both endpoints; nothing that wire9 writes may contain it.
pub(crate) const SECRET: &str = "planted9Zk";

/// Two tables of a few rows, each of which holds [`VALUE`].
pub(crate) const TABLES: &str = "CREATE TABLE a (id integer PRIMARY KEY, body text); \
                                 CREATE TABLE b (id integer PRIMARY KEY, body text)";

/// The rows of [`TABLES`].
pub(crate) const ROWS: &str = "INSERT INTO a SELECT n, 'planted7Qx' FROM generate_series(1, 50) n; \
                               INSERT INTO b SELECT n, 'planted7Qx' FROM generate_series(1, 50) n";

/// What a run must be.
pub(crate) trait Judged: Sized {
    /// Asserts that nothing planted shows.
    fn keeps_quiet(self) -> Self;

    /// Asserts an exit code and one error, whose line and causes hold these words, repeat nothing and
    /// end with a remedy; the report, where one was asked for, says the same.
    fn fails(self, code: i32, words: &[&str]) -> Self;

    /// Asserts words of the remedy.
    fn advises(self, words: &[&str]) -> Self;

    /// Asserts success.
    fn passes(self) -> Self;
}

impl Judged for Run {
    #[track_caller]
    fn keeps_quiet(self) -> Self {
        let report = self.report.to_string();
        for text in [&self.stdout, &self.stderr, &report] {
            assert!(!text.contains(VALUE), "a row's value shows in\n{text}");
            assert!(!text.contains(SECRET), "a secret shows in\n{text}");
        }
        self
    }

    #[track_caller]
    fn fails(self, code: i32, words: &[&str]) -> Self {
        let run = self.keeps_quiet();
        tell(&run);
        assert_eq!(run.code, Some(code), "{}\n{}", run.stdout, run.stderr);
        let error = one_line(&run.stderr, "error: ");
        let causes = lines(&run.stderr, "  caused by: ");
        let remedy = one_line(&run.stderr, "  remedy: ");
        for (at, cause) in causes.iter().enumerate() {
            let said = std::iter::once(&error).chain(&causes[..at]);
            for before in said {
                assert!(!before.contains(cause), "said twice\n{}", run.stderr);
            }
        }
        let text = format!("{error}\n{}", causes.join("\n"));
        for word in words {
            assert!(text.contains(word), "{word:?} is not in\n{}", run.stderr);
        }
        let reported = &run.report["error"];
        if run.report.is_object() {
            assert_eq!(run.report["exit_code"], code);
            assert_eq!(reported["what"], error);
            assert_eq!(reported["remedy"], remedy);
        }
        run
    }

    #[track_caller]
    fn advises(self, words: &[&str]) -> Self {
        let remedy = one_line(&self.stderr, "  remedy: ");
        for word in words {
            assert!(remedy.contains(word), "{word:?} is not in\n{}", self.stderr);
        }
        self
    }

    #[track_caller]
    fn passes(self) -> Self {
        let run = self.keeps_quiet();
        tell(&run);
        run.ends_with(0)
    }
}

/// A source and a stand-in with [`SECRET`] and the planted rows.
pub(crate) fn planted() -> Pair {
    planted_with(StandinOptions::default())
}

/// The same, with a stand-in of these options.
pub(crate) fn planted_with(options: StandinOptions) -> Pair {
    pair_with(options, TABLES, ROWS)
}

/// A source and a stand-in with [`SECRET`], the same tables on both sides, rows in the source.
pub(crate) fn pair(tables: &str, rows: &str) -> Pair {
    pair_with(StandinOptions::default(), tables, rows)
}

/// The same, with a stand-in of these options.
pub(crate) fn pair_with(options: StandinOptions, tables: &str, rows: &str) -> Pair {
    let secret = SECRET.to_owned();
    Pair::with(
        StandinOptions { secret, ..options },
        Sample::Same { tables, rows },
    )
}

/// The planted rows behind a stand-in with another secret.
pub(crate) fn pair_secret(secret: &str) -> Pair {
    let options = StandinOptions {
        secret: secret.to_owned(),
        ..StandinOptions::default()
    };
    let (tables, rows) = (TABLES, ROWS);
    Pair::with(options, Sample::Same { tables, rows })
}

/// `wire9 copy` between them, with a secret for the source, too.
pub(crate) fn copy(pair: &Pair) -> Wire9 {
    Wire9::copy(&with_secret(&pair.source.uri()), &pair.standin.uri())
}

/// The same, with a report at this place.
pub(crate) fn copy_reporting(pair: &Pair, report: &str) -> Wire9 {
    let (source, target) = (with_secret(&pair.source.uri()), pair.standin.uri());
    let arguments = ["copy", "--postgres", &source, "--db9", &target];
    Wire9::bare().args(&arguments).args(&["--report", report])
}

/// A URI of the test clusters with [`SECRET`], which a trusting server does not ask for.
pub(crate) fn with_secret(uri: &str) -> String {
    uri.replacen("postgres@", &format!("postgres:{SECRET}@"), 1)
}

/// A URI of the test clusters with another user and [`SECRET`].
pub(crate) fn as_user(uri: &str, user: &str) -> String {
    uri.replacen("postgres@", &format!("{user}:{SECRET}@"), 1)
}

/// A source and a plain PostgreSQL as target, where users and privileges can be had as wanted.
pub(crate) struct Plain {
    pub(crate) source: Database,
    pub(crate) target: Database,
}

impl Plain {
    /// The same tables on both sides, rows in the source.
    pub(crate) fn of(tables: &str, rows: &str) -> Self {
        let cluster = testenv::Cluster::shared();
        let source = cluster.database("source").expect("the source is made");
        let target = targets().database("target").expect("the target is made");
        source.execute(&format!("{tables}; {rows}")).expect("rows");
        target.execute(tables).expect("tables");
        Self { source, target }
    }

    /// `wire9 copy` between them.
    pub(crate) fn copy(&self) -> Wire9 {
        Wire9::copy(
            &with_secret(&self.source.uri()),
            &with_secret(&target_uri(&self.target)),
        )
    }

    /// `wire9 copy` with another user on the source.
    pub(crate) fn copy_as_reader(&self, user: &str) -> Wire9 {
        Wire9::copy(
            &as_user(&self.source.uri(), user),
            &with_secret(&target_uri(&self.target)),
        )
    }

    /// `wire9 copy` with another user on the target.
    pub(crate) fn copy_as_writer(&self, user: &str) -> Wire9 {
        Wire9::copy(
            &with_secret(&self.source.uri()),
            &as_user(&target_uri(&self.target), user),
        )
    }

    #[track_caller]
    pub(crate) fn assert_equal(&self) {
        equality::assert_equal(&self.source.uri(), &self.target.uri(), 6);
    }
}

/// A role of a database's cluster, named after the database.
pub(crate) fn role(database: &Database, rights: &str) -> String {
    let name = format!("role_of_{}", database.name());
    let create = format!("CREATE ROLE \"{name}\" LOGIN PASSWORD '{SECRET}'");
    database.execute(&create).expect("the role is made");
    let rights = rights.replace("ROLE", &format!("\"{name}\""));
    database.execute(&rights).expect("it gets its rights");
    name
}

/// Asserts that a run has written nothing at all into a target.
#[track_caller]
pub(crate) fn assert_untouched(target: &Database, tables: &[&str]) {
    let schemas = target.count("pg_namespace WHERE nspname LIKE 'wire9%'");
    assert_eq!(schemas.expect("counted"), 0, "a schema of wire9 is there");
    for table in tables {
        assert_eq!(target.count(table).expect("counted"), 0, "rows of {table}");
    }
}

/// Waits until a database answers this question with a row.
#[track_caller]
pub(crate) fn until(database: &Database, sql: &str) {
    let end = Instant::now() + Duration::from_secs(60);
    while database.query(sql).expect("it answers").is_empty() {
        assert!(Instant::now() < end, "it did not come about: {sql}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// The target's tables are not DB9's by default there: no TLS.
fn target_uri(target: &Database) -> String {
    format!("{}?sslmode=prefer", target.uri())
}

/// Shown where a test fails or `--nocapture` asks for it.
#[expect(clippy::print_stderr, reason = "the list of all errors, for people")]
fn tell(run: &Run) {
    let name = thread::current().name().unwrap_or_default().to_owned();
    let code = run.code.unwrap_or(-1);
    let error = run
        .stderr
        .find("error: ")
        .map_or("", |at| &run.stderr[at..]);
    eprintln!("{name} | {code} | {error}");
}

#[track_caller]
fn one_line(text: &str, beginning: &str) -> String {
    let mut found = lines(text, beginning);
    assert_eq!(found.len(), 1, "one line {beginning:?} in\n{text}");
    found.remove(0)
}

fn lines(text: &str, beginning: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| line.strip_prefix(beginning));
    lines.map(str::to_owned).collect()
}
