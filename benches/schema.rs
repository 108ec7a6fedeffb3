//! Large schemas: how long 20,000 tables with two indexes each take to read, to check and to convert.
//!
//! ```text
//! cargo bench --bench schema -- introspect    # the whole catalog into the model
//! cargo bench --bench schema -- check         # the program: wire9 check
//! cargo bench --bench schema -- schema        # the program: wire9 schema
//! cargo bench --bench schema -- apply         # the program: wire9 schema --apply, into a plain PostgreSQL
//! WIRE9_BENCH_TABLES=2000 cargo bench --bench schema
//! ```
//!
//! One PostgreSQL on this machine, over its socket. Every table has five columns, a primary key, a second
//! index, a sequence, a default, a comment; every tenth a view. The answer is asserted: what was read is
//! counted, or found in what is printed, or counted in the target. The limit is 20 s for each but `apply`. Built without optimisation (`cargo test --benches`) it runs once, tiny.
#![allow(missing_docs, clippy::print_stdout)]

use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use testenv::{Cluster, ClusterOptions, Database};
use wire9::catalog::database as model;
use wire9::endpoint::introspect;
use wire9::wire::{ConnectOptions, Connection, Endpoint, Environment};

const TINY: bool = cfg!(debug_assertions);

/// What 20,000 tables may take.
const LIMIT: Duration = Duration::from_secs(20);

fn main() {
    let wanted = std::env::args().skip(1).find(|a| !a.starts_with("--"));
    let is_wanted = |name: &str| wanted.as_deref().is_none_or(|w| w == name);
    let source = Source::new();
    if is_wanted("introspect") {
        source.introspect();
    }
    if is_wanted("check") {
        source.program("check", &["timestamp-digits"]);
    }
    if is_wanted("schema") {
        let last = format!("CREATE TABLE \"public\".\"t{}\"", source.tables);
        source.program("schema", &[&last, "CREATE INDEX", "ANALYZE"]);
    }
    if is_wanted("apply") {
        source.apply();
    }
}

/// A database of many tables.
struct Source {
    tables: usize,
    server: Cluster,
    database: Database,
}

/// Tables per transaction: each object is a lock.
const AT_ONCE: usize = 500;

impl Source {
    fn new() -> Self {
        let given = std::env::var("WIRE9_BENCH_TABLES").ok();
        let given = given.and_then(|text| text.parse().ok());
        let tables = given.unwrap_or(if TINY { 50 } else { 20_000 });
        let server = Cluster::start(ClusterOptions::new()).expect("a PostgreSQL server starts");
        let database = server.database("many").expect("a database");
        for first in (1..=tables).step_by(AT_ONCE) {
            let last = (first + AT_ONCE - 1).min(tables);
            database.execute(&fill(first, last)).expect("tables");
        }
        Self {
            tables,
            server,
            database,
        }
    }

    /// Applies the schema to another database of the same server, statements in parallel.
    fn apply(&self) {
        let target = self.server.database("applied").expect("a database");
        let began = Instant::now();
        let status = Command::new(env!("CARGO_BIN_EXE_wire9"))
            .args(["schema", "--apply", "--quiet"])
            .args(["--postgres", &self.database.socket_uri()])
            .args(["--db9", &target.socket_uri()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .expect("wire9 starts");
        let took = began.elapsed();
        assert!(status.success(), "{status}");
        let counted = |kind: char| -> usize {
            let sql = format!(
                "SELECT count(*) FROM pg_class WHERE relkind = '{kind}' \
                 AND relnamespace = 'public'::regnamespace"
            );
            target.query_value(&sql).expect("counted")
        };
        assert_eq!(counted('r'), self.tables);
        assert_eq!(counted('i'), self.tables * 2);
        assert_eq!(counted('v'), self.tables / 10);
        println!(
            "wire9 schema --apply of {} tables with {} indexes: {:.2} s",
            self.tables,
            self.tables * 2,
            took.as_secs_f64()
        );
    }

    fn introspect(&self) {
        let uri = self.database.socket_uri();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let before = peak_mib("/proc/self/status");
        let began = Instant::now();
        let found = runtime.block_on(read(&uri));
        let took = began.elapsed();
        let (relations, indexes) = (self.tables + self.tables / 10, self.tables * 2);
        assert_eq!(found.not_read, Vec::<String>::new());
        assert_eq!(found.relations.len(), relations);
        let read_indexes: usize = found.relations.iter().map(|r| r.indexes.len()).sum();
        assert_eq!(read_indexes, indexes);
        assert!(found.sequences.iter().all(|s| s.position.is_some()));
        assert!(took < LIMIT, "{took:?}");
        println!(
            "the catalog of {} tables with {indexes} indexes: {:.2} s, {} dependencies, {:.0} MiB of \
             memory ({before:.0} MiB before)",
            self.tables,
            took.as_secs_f64(),
            found.dependencies.len(),
            peak_mib("/proc/self/status"),
        );
    }
}

impl Source {
    /// Runs the program as a user does; it must print those texts.
    fn program(&self, command: &str, texts: &[&str]) {
        let began = Instant::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_wire9"))
            .args([command, "--postgres", &self.database.socket_uri()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("wire9 starts");
        let (printed, peak) = watched(&mut child);
        let status = child.wait().expect("an end");
        let took = began.elapsed();
        // 8 and 9 are findings.
        assert!(matches!(status.code(), Some(0 | 8 | 9)), "{status}");
        for text in texts {
            assert!(
                printed.contains(text),
                "{text} is not printed:\n{printed:.2000}"
            );
        }
        assert!(took < LIMIT, "{took:?}");
        println!(
            "wire9 {command} of {} tables: {:.2} s, {peak:.0} MiB of memory, {} KiB printed",
            self.tables,
            took.as_secs_f64(),
            printed.len() / 1024,
        );
    }
}

/// What a process prints, and its peak memory in MiB, looked at as it prints.
fn watched(child: &mut Child) -> (String, f64) {
    let mut output = child.stdout.take().expect("a pipe");
    let (mut printed, mut peak) = (Vec::new(), 0.0_f64);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = output.read(&mut buffer).expect("a pipe can be read");
        printed.extend_from_slice(&buffer[..read]);
        peak = peak.max(peak_mib(&format!("/proc/{}/status", child.id())));
        if read == 0 {
            return (String::from_utf8_lossy(&printed).into_owned(), peak);
        }
    }
}

fn fill(first: usize, last: usize) -> String {
    format!(
        "DO $$ BEGIN FOR i IN {first}..{last} LOOP \
           EXECUTE format('CREATE TABLE t%s (id bigserial PRIMARY KEY, a text NOT NULL, \
             b timestamptz DEFAULT now(), c numeric(10,2), d int CHECK (d > 0))', i); \
           EXECUTE format('CREATE INDEX t%s_by_day ON t%s (b DESC, lower(a)) WHERE d > 1', i, i); \
           EXECUTE format('COMMENT ON TABLE t%s IS ''one of many''', i); \
           IF i % 10 = 0 THEN \
             EXECUTE format('CREATE VIEW v%s AS SELECT id, a FROM t%s WHERE d > 5', i, i); \
           END IF; \
         END LOOP; END $$"
    )
}

async fn read(uri: &str) -> model::Database {
    let options = ConnectOptions::parse(uri, Endpoint::Postgres, &Environment::default());
    let connection = Connection::connect(&options.expect("a URI")).await;
    let mut connection = connection.expect("the server answers");
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL search_path = ''";
    connection.query(begin).await.expect("a transaction begins");
    introspect::database(&mut connection).await.expect("read")
}

/// Peak resident memory of a process (`VmHWM` of procfs, in kB); 0 where it has ended.
fn peak_mib(status: &str) -> f64 {
    let status = std::fs::read_to_string(status).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    let kib: f64 = kib.and_then(|n| n.parse().ok()).unwrap_or(0.0);
    kib / 1024.0
}
