//! Drives the real binary as a user would, between a real PostgreSQL and a stand-in of DB9. Shared by
//! the test binaries; what came over is judged by [`testenv::equality`], never by wire9's own report.
//!
//! ```ignore
//! let pair = Pair::of(Sample::Chinook);
//! let run = pair.copy().run().ends_with(0);
//! pair.assert_equal(3);
//! assert_eq!(run.table("public.album")["rows_loaded"], 347);
//! ```
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use testenv::sample::{self, Everything};
use testenv::{Cluster, ClusterOptions, Database, Standin, StandinOptions, equality};

/// After this a run is killed and its test fails. Far more than any run takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(90);

/// How often something that must come about is looked at.
const POLL: Duration = Duration::from_millis(5);

/// Fewer tables than the locks of one transaction allow.
const STATEMENTS_AT_ONCE: usize = 500;

/// The cluster behind the stand-ins of this process: not the sources', so that what is written into a
/// target never looks like writing on the source.
pub(crate) fn targets() -> &'static Cluster {
    static TARGETS: OnceLock<Cluster> = OnceLock::new();
    TARGETS.get_or_init(|| Cluster::start(ClusterOptions::new()).expect("a cluster starts"))
}

/// A cluster of PostgreSQL 13, which has no Tid Range Scan; `testenv/install 13` brings it.
pub(crate) fn thirteen() -> &'static Cluster {
    static THIRTEEN: OnceLock<Cluster> = OnceLock::new();
    let start = || Cluster::start(ClusterOptions::new().major(13));
    THIRTEEN.get_or_init(|| start().expect("PostgreSQL 13 starts"))
}

/// What the source holds, and the tables that its target is given.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Sample<'a> {
    /// The eleven tables of the music shop.
    Chinook,
    /// The shop, at a factor.
    Shop(f64),
    /// Every type, escape and kind of table.
    Everything(Everything),
    /// Statements of one's own.
    Sql {
        /// For the source.
        source: &'a str,
        /// For the target.
        target: &'a str,
    },
    /// The same statement makes the tables of both; then these fill the source.
    Same {
        /// For both.
        tables: &'a str,
        /// For the source.
        rows: &'a str,
    },
}

impl Sample<'_> {
    /// Fills a source.
    pub(crate) fn fill(&self, source: &Database) {
        let filled = match self {
            Self::Chinook => sample::chinook(source),
            Self::Shop(factor) => sample::shop(source, *factor),
            Self::Everything(size) => sample::everything(source, *size),
            Self::Sql { source: sql, .. } => source.execute(sql),
            Self::Same { tables, rows } => source.execute(&format!("{tables}; {rows}")),
        };
        filled.expect("the source is filled");
    }

    /// The statements that make the tables of a target.
    pub(crate) fn tables(&self) -> Vec<String> {
        match self {
            Self::Chinook => sample::chinook_target(),
            Self::Shop(_) => sample::shop_target(),
            Self::Everything(size) => sample::everything_target(*size),
            Self::Sql { target: sql, .. } | Self::Same { tables: sql, .. } => {
                vec![(*sql).to_owned()]
            }
        }
    }
}

/// A source and a stand-in.
pub(crate) struct Pair {
    pub(crate) source: Database,
    pub(crate) standin: Standin,
}

impl Pair {
    /// On the shared clusters, with the stand-in's defaults.
    pub(crate) fn of(sample: Sample<'_>) -> Self {
        Self::on(Cluster::shared(), StandinOptions::default(), sample)
    }

    /// With a stand-in of these options.
    pub(crate) fn with(options: StandinOptions, sample: Sample<'_>) -> Self {
        Self::on(Cluster::shared(), options, sample)
    }

    /// With the source on this cluster.
    pub(crate) fn on(sources: &Cluster, options: StandinOptions, sample: Sample<'_>) -> Self {
        let pair = Self::empty_on(sources, options, sample);
        for statements in sample.tables().chunks(STATEMENTS_AT_ONCE) {
            pair.target_execute(&statements.join(";\n"));
        }
        pair
    }

    /// On the shared clusters, with nothing in the target.
    pub(crate) fn empty(sample: Sample<'_>) -> Self {
        Self::empty_on(Cluster::shared(), StandinOptions::default(), sample)
    }

    /// With the source on this cluster, and nothing in the target.
    pub(crate) fn empty_on(sources: &Cluster, options: StandinOptions, sample: Sample<'_>) -> Self {
        let cluster = options.cluster.clone().unwrap_or_else(|| targets().clone());
        let source = sources.database("source").expect("the source is made");
        let standin = Standin::start(StandinOptions {
            cluster: Some(cluster),
            ..options
        });
        let standin = standin.expect("the stand-in starts");
        sample.fill(&source);
        Self { source, standin }
    }

    /// Runs statements in the target as its user, but behind the stand-in's back, whose limits are for
    /// what wire9 says.
    #[track_caller]
    pub(crate) fn target_execute(&self, sql: &str) {
        let as_user = format!("SET ROLE \"tenant.admin\"; {sql}");
        let done = self.target().execute(&as_user);
        done.expect("the target takes the statements");
    }

    /// `wire9 copy` from one to the other.
    pub(crate) fn copy(&self) -> Wire9 {
        Wire9::copy(&self.source.uri(), &self.standin.uri())
    }

    /// `wire9 migrate` from one to the other.
    pub(crate) fn migrate(&self) -> Wire9 {
        Wire9::between("migrate", &self.source.uri(), &self.standin.uri())
    }

    /// The database behind the stand-in.
    pub(crate) fn target(&self) -> &Database {
        self.standin.database()
    }

    /// See [`equality::assert_equal`].
    #[track_caller]
    pub(crate) fn assert_equal(&self, digits: u8) {
        equality::assert_equal(&self.source.uri(), &self.standin.admin_uri(), digits);
    }

    /// Asserts that these tables of the source, written `schema.table`, are equal to the target's of
    /// the same name: where a condition is given, to the rows of the source for which it holds.
    #[track_caller]
    pub(crate) fn assert_tables_equal(&self, tables: &[(&str, Option<&str>)], digits: u8) {
        let (source, target) = (self.source.uri(), self.standin.admin_uri());
        let (mut pairs, _) = equality::pair_all(&source, &target).expect("they can be described");
        pairs.retain_mut(|pair| {
            let name = pair.source.to_string();
            let wanted = tables.iter().find(|(table, _)| *table == name);
            pair.filter = wanted.and_then(|(_, filter)| filter.map(str::to_owned));
            wanted.is_some()
        });
        assert_eq!(pairs.len(), tables.len(), "{tables:?}");
        let differences = equality::compare(&source, &target, &pairs, digits);
        assert_eq!(differences.expect("they can be compared"), []);
    }

    /// Rows in a table of the target.
    #[track_caller]
    pub(crate) fn target_rows(&self, table: &str) -> u64 {
        self.target().count(table).expect("it can be counted")
    }

    /// Lines of COPY that the stand-in has got so far.
    pub(crate) fn lines_sent(&self) -> u64 {
        self.standin.log().lines_sent()
    }
}

/// A command line in the making.
pub(crate) struct Wire9 {
    command: Command,
    deadline: Duration,
    /// Holds the report.
    folder: TempDir,
}

impl Wire9 {
    /// `wire9 copy --postgres URI --db9 URI --report FILE`.
    pub(crate) fn copy(postgres: &str, db9: &str) -> Self {
        Self::between("copy", postgres, db9)
    }

    /// The same of another command.
    pub(crate) fn between(command: &str, postgres: &str, db9: &str) -> Self {
        let this = Self::bare().args(&[command, "--postgres", postgres, "--db9", db9, "--report"]);
        let report = this.report_file();
        this.arg(&report.to_string_lossy())
    }

    /// `wire9`, without the surroundings of whoever runs the tests.
    pub(crate) fn bare() -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wire9"));
        command.stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        for (name, _) in std::env::vars_os() {
            let name_text = name.to_string_lossy();
            if name_text.starts_with("PG") || name_text.starts_with("WIRE9_") {
                command.env_remove(name);
            }
        }
        Self {
            command,
            deadline: DEADLINE,
            folder: tempfile::tempdir().expect("there is a temporary folder"),
        }
    }

    pub(crate) fn arg(mut self, argument: &str) -> Self {
        self.command.arg(argument);
        self
    }

    pub(crate) fn args(mut self, arguments: &[&str]) -> Self {
        self.command.args(arguments);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// No file that it writes may be longer, as on a disk that is full; for any user.
    #[allow(dead_code)]
    pub(crate) fn longest_file(mut self, kib: u32) -> Self {
        // Blocks of 512 bytes. The signal is ignored, so that the write itself fails.
        let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$@\"", kib * 2);
        let mut limited = Command::new("sh");
        limited.args(["-c", &script, "sh"]).stdin(Stdio::null());
        limited.stdout(Stdio::piped()).stderr(Stdio::piped());
        limited.arg(self.command.get_program());
        limited.args(self.command.get_args());
        for (name, value) in self.command.get_envs() {
            match value {
                Some(value) => limited.env(name, value),
                None => limited.env_remove(name),
            };
        }
        self.command = limited;
        self
    }

    /// A folder that lives as long as the run.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn report_file(&self) -> PathBuf {
        self.folder.path().join("report.json")
    }

    /// Runs it to its end.
    #[track_caller]
    pub(crate) fn run(self) -> Run {
        self.start().wait()
    }

    /// Starts it.
    #[track_caller]
    pub(crate) fn start(mut self) -> Running {
        let mut child = self.command.spawn().expect("the program can be started");
        let stdout = Reader::of(child.stdout.take().expect("it is piped"));
        let stderr = Reader::of(child.stderr.take().expect("it is piped"));
        Running {
            until: Instant::now() + self.deadline,
            report: self.report_file(),
            child,
            stdout,
            stderr,
            _folder: self.folder,
        }
    }
}

/// A program that runs; killed where the test ends before it does.
pub(crate) struct Running {
    child: Child,
    stdout: Reader,
    stderr: Reader,
    report: PathBuf,
    until: Instant,
    _folder: TempDir,
}

impl Running {
    /// Waits until something has come about, and fails where the program ends or the deadline passes
    /// before it has.
    #[track_caller]
    pub(crate) fn when(&mut self, what: &str, mut happened: impl FnMut() -> bool) {
        while !happened() {
            let ended = self.child.try_wait().expect("it can be waited for");
            if ended.is_some() || Instant::now() > self.until {
                let (out, err) = (self.stdout.so_far(), self.stderr.so_far());
                panic!("ended or took too long before {what}: {ended:?}\n{out}\n{err}");
            }
            thread::sleep(POLL);
        }
    }

    /// Waits until something has come about; `false` where the program ends before.
    pub(crate) fn before_its_end(&mut self, mut happened: impl FnMut() -> bool) -> bool {
        while !happened() {
            let ended = self.child.try_wait().expect("it can be waited for");
            if ended.is_some() || Instant::now() > self.until {
                return false;
            }
            thread::sleep(POLL);
        }
        true
    }

    /// What it has written to stderr so far.
    pub(crate) fn stderr(&self) -> String {
        self.stderr.so_far()
    }

    /// Sends it a signal by its short name: `INT`, `TERM`, `KILL`, `STOP`, `CONT`.
    #[track_caller]
    pub(crate) fn signal(&self, name: &str) {
        assert!(self.try_signal(name), "kill -s {name}");
    }

    /// The same; whether it was there to get it.
    pub(crate) fn try_signal(&self, name: &str) -> bool {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", name, &pid]).status();
        status.expect("kill can be started").success()
    }

    /// Waits for its end; past the deadline kills it and fails.
    #[track_caller]
    pub(crate) fn wait(mut self) -> Run {
        let status = self.status();
        let (stdout, stderr) = (self.stdout.all(), self.stderr.all());
        let Some(status) = status else {
            panic!("not done before the deadline\n{stdout}\n{stderr}");
        };
        let report = std::fs::read(&self.report).unwrap_or_default();
        Run {
            code: status.code(),
            stdout,
            stderr,
            report: serde_json::from_slice(&report).unwrap_or(Value::Null),
        }
    }

    fn status(&mut self) -> Option<ExitStatus> {
        loop {
            if let Some(status) = self.child.try_wait().expect("it can be waited for") {
                return Some(status);
            }
            if Instant::now() > self.until {
                self.end();
                return None;
            }
            thread::sleep(POLL);
        }
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Run {
    /// `None` where a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// Null where none was written.
    pub(crate) report: Value,
}

impl Run {
    /// Asserts the exit code.
    #[track_caller]
    pub(crate) fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
        self
    }

    /// Asserts that stdout or stderr contains this.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        let (out, err) = (&self.stdout, &self.stderr);
        assert!(
            out.contains(text) || err.contains(text),
            "{text:?} is not in\n{out}\n{err}"
        );
        self
    }

    /// Asserts that neither stdout nor stderr contains this.
    #[track_caller]
    pub(crate) fn never_says(self, text: &str) -> Self {
        let (out, err) = (&self.stdout, &self.stderr);
        assert!(
            !out.contains(text) && !err.contains(text),
            "{text:?} is in\n{out}\n{err}"
        );
        self
    }

    /// The `result` of the report.
    pub(crate) fn result(&self) -> &Value {
        &self.report["result"]
    }

    /// The report's entry of a source table.
    #[track_caller]
    pub(crate) fn table(&self, source: &str) -> &Value {
        self.entry("tables", "source", source)
    }

    /// The report's entry of a target table.
    #[track_caller]
    pub(crate) fn target_table(&self, name: &str) -> &Value {
        self.entry("targets", "name", name)
    }

    /// The report's plan of a source table.
    #[track_caller]
    pub(crate) fn planned(&self, source: &str) -> &Value {
        self.entry("plan", "source", source)
    }

    #[track_caller]
    fn entry(&self, list: &str, field: &str, name: &str) -> &Value {
        let entries = self.result()[list].as_array();
        let found = entries.and_then(|all| all.iter().find(|entry| entry[field] == name));
        found.unwrap_or_else(|| panic!("no {name} in {list}:\n{}", self.report))
    }
}

/// Collects a stream on a thread of its own, so that the program never waits for its reader.
struct Reader {
    text: Arc<Mutex<Vec<u8>>>,
    thread: Option<JoinHandle<()>>,
}

impl Reader {
    fn of(mut stream: impl Read + Send + 'static) -> Self {
        let text = Arc::new(Mutex::new(Vec::new()));
        let own = Arc::clone(&text);
        let thread = thread::spawn(move || {
            let mut piece = [0; 8192];
            while let Ok(length @ 1..) = stream.read(&mut piece) {
                let mut text = own.lock().unwrap_or_else(PoisonError::into_inner);
                text.extend_from_slice(&piece[..length]);
            }
        });
        Self {
            text,
            thread: Some(thread),
        }
    }

    fn so_far(&self) -> String {
        let text = self.text.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&text).into_owned()
    }

    /// To be asked once the program has ended.
    fn all(&mut self) -> String {
        if let Some(thread) = self.thread.take() {
            thread.join().expect("reading does not panic");
        }
        self.so_far()
    }
}
