//! The whole copy of the reference load, against what a user would pick instead and against the floor
//! of the machine, in one run.
//!
//! ```text
//! cargo bench --bench copy -- speed      # wire9, the psql pipe, the floor: in turn, 5 rounds
//! cargo bench --bench copy -- memory     # peak memory: a tenth, the whole, a target that stalls
//! cargo bench --bench copy -- tables     # planning 20,000 empty tables
//! cargo bench --bench copy -- resume     # killed at half of the rows and continued, against left alone
//! cargo bench --bench copy -- verify     # wire9 verify after a copy, by the ledger and of both sides
//! cargo bench --bench copy -- verifying  # peak memory of verify: sums, both sides, a repair of a tenth
//! cargo bench --bench copy -- bit        # one bit of one row in 10,000,000 (WIRE9_BENCH_ROWS) is found
//! WIRE9_BENCH_EVENTS=300000 WIRE9_BENCH_DOCS=20000 WIRE9_BENCH_ROUNDS=3 cargo bench --bench copy -- speed
//! ```
//!
//! Both servers are PostgreSQL on this machine, over loopback without TLS, with shared_buffers 2 GB,
//! max_wal_size 8 GB and synchronous_commit off. *pipe* is `psql -c 'COPY … TO STDOUT' | psql -c 'COPY …
//! FROM STDIN'`, table after table. *floor* is no client at all: three lanes of server-side `COPY … TO
//! FIFO` and `COPY … FROM FIFO` by ctid ranges. wire9 runs with its defaults: digests, ledger, counts
//! and probe inside. Each round truncates the target and makes a checkpoint before each contestant.
//!
//! Every run asserts its answer: the rows in the target, and once per bench their content, by the
//! judge of testenv. Built without optimisation (`cargo test --benches`) everything runs once, tiny.
#![allow(missing_docs, clippy::print_stdout)]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use testenv::fault::{Action, Fault, FaultProxy, Frontend, Trigger};
use testenv::{Cluster, ClusterOptions, Database, equality, sample};

const TINY: bool = cfg!(debug_assertions);

fn main() {
    let wanted = std::env::args().skip(1).find(|a| !a.starts_with("--"));
    let is_wanted = |name: &str| wanted.as_deref().is_none_or(|w| w == name);
    if is_wanted("speed") {
        speed();
    }
    if is_wanted("memory") {
        memory();
    }
    if is_wanted("tables") {
        tables();
    }
    if is_wanted("verify") {
        verify();
    }
    if is_wanted("verifying") {
        verifying();
    }
    if is_wanted("resume") {
        resume();
    }
    // Some gigabytes: only by its name.
    if wanted.as_deref() == Some("bit") || TINY {
        bit();
    }
}

/// A number from the environment; `tiny` where the build has no optimisation.
fn setting(name: &str, usual: u64, tiny: u64) -> u64 {
    let given = std::env::var(name).ok().and_then(|text| text.parse().ok());
    given.unwrap_or(if TINY { tiny } else { usual })
}

/// Source and target with the reference load.
struct Load {
    _source_server: Cluster,
    target_server: Cluster,
    source: Database,
    target: Database,
    events: u64,
    docs: u64,
}

impl Load {
    fn new() -> Self {
        Self::part(1)
    }

    /// One of `parts` equal parts of the load.
    fn part(parts: u64) -> Self {
        let events = setting("WIRE9_BENCH_EVENTS", 3_000_000, 3_000) / parts;
        let docs = setting("WIRE9_BENCH_DOCS", 200_000, 200) / parts;
        let (source_server, target_server) = (server(), server());
        let source = source_server.database("bench").expect("a source");
        let target = target_server.database("bench").expect("a target");
        sample::bench(&source, events, docs).expect("the reference load");
        sample::execute_all(&target, &sample::bench_target()).expect("the target's tables");
        Self {
            _source_server: source_server,
            target_server,
            source,
            target,
            events,
            docs,
        }
    }

    /// An empty target, with nothing left to write of what came before.
    fn empty(&self) {
        self.target
            .execute("TRUNCATE events, docs")
            .expect("an empty target");
        self.target
            .execute("DROP SCHEMA IF EXISTS wire9 CASCADE")
            .expect("no ledger");
        self.target_server
            .execute("CHECKPOINT")
            .expect("a checkpoint");
    }

    fn assert_complete(&self) {
        let count = |table: &str| self.target.count(table).expect("a count");
        assert_eq!((count("events"), count("docs")), (self.events, self.docs));
    }

    fn assert_equal(&self) {
        let compared = equality::compare_all(&self.source.uri(), &self.target.uri(), 3);
        let different = compared.expect("both sides can be compared");
        assert!(different.is_empty(), "{different:?}");
    }
}

fn server() -> Cluster {
    let mut options = ClusterOptions::new()
        .setting("max_wal_size", "8GB")
        .setting("synchronous_commit", "off")
        .setting("max_connections", "100");
    if !TINY {
        options = options.setting("shared_buffers", "2GB");
    }
    Cluster::start(options).expect("a PostgreSQL server starts")
}

/// What a contestant took.
#[derive(Debug, Clone, Copy)]
struct Took {
    wall: f64,
    /// CPU seconds of the client processes; the servers' are not in it.
    client: f64,
}

/// Runs something that starts client processes and waits for them.
fn timed(run: impl FnOnce()) -> Took {
    let (cpu, began) = (children_cpu(), Instant::now());
    run();
    Took {
        wall: began.elapsed().as_secs_f64(),
        client: children_cpu() - cpu,
    }
}

/// User and system seconds of all children that were waited for (fields 16 and 17 of
/// `/proc/self/stat`, in ticks of 1/100 s).
fn children_cpu() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("procfs");
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .expect("a name")
        .split_whitespace()
        .collect();
    let ticks = |i: usize| fields[i].parse::<f64>().expect("a number");
    (ticks(13) + ticks(14)) / 100.0
}

fn speed() {
    let rounds = setting("WIRE9_BENCH_ROUNDS", 5, 1);
    let load = Load::new();
    let mut all: Vec<[Took; 3]> = Vec::new();
    for round in 0..rounds {
        load.empty();
        let pipe = timed(|| pipe(&load));
        load.assert_complete();
        load.empty();
        let floor = timed(|| floor(&load));
        load.assert_complete();
        load.empty();
        let wire9 = timed(|| {
            wire9(&load.source.uri(), &load.target.uri(), &[]);
        });
        load.assert_complete();
        if round == 0 {
            load.assert_equal();
        }
        println!(
            "round {round}: pipe {:.2} s (client CPU {:.2}), floor {:.2} s, wire9 {:.2} s (CPU {:.2}); \
             wire9/pipe {:.3}, wire9/floor {:.3}, CPU {:.3}",
            pipe.wall,
            pipe.client,
            floor.wall,
            wire9.wall,
            wire9.client,
            wire9.wall / pipe.wall,
            wire9.wall / floor.wall,
            wire9.client / pipe.client,
        );
        all.push([pipe, floor, wire9]);
    }
    let of = |f: &dyn Fn(&[Took; 3]) -> f64| median(all.iter().map(f).collect());
    println!(
        "median of {rounds}: pipe {:.2} s, floor {:.2} s, wire9 {:.2} s; wire9/pipe {:.3}, \
         wire9/floor {:.3}, client CPU wire9/pipe {:.3}",
        of(&|r| r[0].wall),
        of(&|r| r[1].wall),
        of(&|r| r[2].wall),
        of(&|r| r[2].wall / r[0].wall),
        of(&|r| r[2].wall / r[1].wall),
        of(&|r| r[2].client / r[0].client),
    );
}

/// Verifying what was just copied, against copying it.
fn verify() {
    let rounds = setting("WIRE9_BENCH_ROUNDS", 5, 1);
    let load = Load::new();
    let (source, target) = (load.source.uri(), load.target.uri());
    let mut all: Vec<[Took; 3]> = Vec::new();
    for round in 0..rounds {
        load.empty();
        let copy = timed(|| {
            wire9(&source, &target, &[]);
        });
        let by_ledger = timed(|| {
            verified(&source, &target, &[], "as sent");
        });
        let both = timed(|| {
            verified(&source, &target, &["--both"], "equal");
        });
        println!(
            "round {round}: copy {:.2} s, verify {:.2} s ({:.3} of it), both sides {:.2} s ({:.3})",
            copy.wall,
            by_ledger.wall,
            by_ledger.wall / copy.wall,
            both.wall,
            both.wall / copy.wall,
        );
        all.push([copy, by_ledger, both]);
    }
    let of = |f: &dyn Fn(&[Took; 3]) -> f64| median(all.iter().map(f).collect());
    println!(
        "median of {rounds}: verify/copy {:.3}, both sides/copy {:.3}",
        of(&|r| r[1].wall / r[0].wall),
        of(&|r| r[2].wall / r[0].wall),
    );
    // One bit of one row: it must be found, and named.
    load.target
        .execute("UPDATE events SET kind = 'j' || substr(kind, 2) WHERE id = 77")
        .expect("a changed row");
    let found = verification(&source, &target, &["--show-values"]);
    assert_eq!(found.status.code(), Some(6), "a mismatch");
    let said = String::from_utf8_lossy(&found.stdout);
    assert!(said.contains("\"77\""), "{said}");
}

/// Peak memory of verifications at the usual budget: by the ledger's sums, of both sides, and of a repair of
/// every tenth row.
fn verifying() {
    let load = Load::new();
    let (source, target) = (load.source.uri(), load.target.uri());
    wire9(&source, &target, &[]);
    let peak = |more: &[&str], verdict: &str| {
        let took = Instant::now();
        let report = verified(&source, &target, more, verdict);
        (mib(&report), took.elapsed().as_secs_f64())
    };
    let sums = peak(&[], "as sent");
    let both = peak(&["--both"], "equal");
    load.target
        .execute(
            "UPDATE events SET kind = kind || '!' WHERE id % 20 = 0; DELETE FROM events WHERE id % 20 = 10; \
             UPDATE docs SET raw = NULL WHERE id % 20 = 0; DELETE FROM docs WHERE id % 20 = 10",
        )
        .expect("a tenth of the rows is damaged");
    load.target_server
        .execute("CHECKPOINT")
        .expect("a checkpoint");
    let repair = peak(&["--repair"], "equal");
    load.assert_complete();
    load.assert_equal();
    for (what, (mib, seconds)) in [
        ("the sums of what was sent", sums),
        ("both sides", both),
        ("the repair of a tenth of the rows", repair),
    ] {
        println!("verify, {what}: peak resident memory {mib:.1} MiB, {seconds:.2} s");
    }
}

/// A run that is killed when half of the rows are committed and then continued by the same command,
/// against one that is left alone. The source is quiet, so that nothing of it is compared.
fn resume() {
    let rounds = setting("WIRE9_BENCH_ROUNDS", 5, 1);
    let load = Load::new();
    let (source, target) = (load.source.uri(), load.target.uri());
    let mut all: Vec<[f64; 3]> = Vec::new();
    for round in 0..rounds {
        load.empty();
        let whole = timed(|| {
            wire9(&source, &target, &[]);
        });
        load.assert_complete();
        load.empty();
        let killed = killed_at_half(&load);
        let mut report = String::new();
        let rest = timed(|| report = wire9(&source, &target, &[]));
        load.assert_complete();
        let report: serde_json::Value = serde_json::from_str(&report).expect("the report is JSON");
        let result = &report["result"];
        assert_eq!(result["continued"], killed.is_some());
        let rows = result["totals"]["data_seconds"].as_f64().expect("seconds");
        assert!(
            TINY || killed.is_some(),
            "it was done before it could be killed"
        );
        if round == 0 {
            load.assert_equal();
        }
        let killed = killed.unwrap_or_default();
        println!(
            "round {round}: whole {:.2} s; killed after {killed:.2} s, the rest {:.2} s ({:.2} s of it before \
             and after the rows); both / whole {:.3}",
            whole.wall,
            rest.wall,
            rest.wall - rows,
            (killed + rest.wall) / whole.wall,
        );
        all.push([whole.wall, killed, rest.wall]);
    }
    let of = |f: &dyn Fn(&[f64; 3]) -> f64| median(all.iter().map(f).collect());
    println!(
        "median of {rounds}: whole {:.2} s, killed and continued {:.2} s; both / whole {:.3}",
        of(&|r| r[0]),
        of(&|r| r[1] + r[2]),
        of(&|r| (r[1] + r[2]) / r[0]),
    );
}

/// Kills a run when half of the rows are committed; seconds until then, `None` where it was done before.
fn killed_at_half(load: &Load) -> Option<f64> {
    const COMMITTED: &str = "SELECT coalesce(sum(row_count), 0)::bigint FROM wire9.batch";
    let began = Instant::now();
    let (source, target) = (load.source.uri(), load.target.uri());
    let mut child = copy_command(&source, &target)
        .stderr(Stdio::null())
        .spawn()
        .expect("wire9 starts");
    let half = (load.events + load.docs) / 2;
    // Before the ledger is made there is nothing to count.
    while load.target.query_value::<u64>(COMMITTED).unwrap_or(0) < half {
        if child.try_wait().expect("it can be waited for").is_some() {
            return None;
        }
        thread::sleep(Duration::from_millis(20));
    }
    child.kill().expect("it is killed");
    child.wait().expect("it is gone");
    Some(began.elapsed().as_secs_f64())
}

/// One bit of one row of many is another one in the target: the row, its column and who it was are named.
fn bit() {
    let rows = setting("WIRE9_BENCH_ROWS", 10_000_000, 3_000);
    let (source_server, target_server) = (server(), server());
    let source = source_server.database("bit").expect("a source");
    let target = target_server.database("bit").expect("a target");
    let table =
        "CREATE TABLE many (id bigint PRIMARY KEY, a integer, b text, c timestamptz, d jsonb)";
    source.execute(table).expect("a table");
    target.execute(table).expect("a table");
    let fill = format!(
        "INSERT INTO many SELECT i, hashint8(i), md5(i::text), timestamptz '2024-01-01 00:00:00.123456+00' + \
         i * interval '1 s', jsonb_build_object('n', i) FROM generate_series(1, {rows}) i"
    );
    source.execute(&fill).expect("rows");
    source.execute("VACUUM ANALYZE many").expect("statistics");
    let copy = timed(|| {
        wire9(&source.uri(), &target.uri(), &[]);
    });
    let guilty = rows / 3 * 2 + 1;
    let flip = format!("UPDATE many SET a = a # 1024 WHERE id = {guilty}");
    target.execute(&flip).expect("one bit");
    for (how, more) in [("by the ledger", &[][..]), ("of both sides", &["--both"])] {
        let mut output = None;
        let took = timed(|| output = Some(verification(&source.uri(), &target.uri(), more)));
        let output = output.expect("it has run");
        assert_eq!(output.status.code(), Some(6), "a mismatch");
        let report = String::from_utf8_lossy(&output.stdout);
        let value: serde_json::Value = serde_json::from_str(&report).expect("JSON");
        let difference = &value["tables"][0]["difference"];
        assert_eq!(difference["changed"], 1, "{difference}");
        assert_eq!(
            difference["rows"][0]["key"]["id"],
            guilty.to_string().as_str()
        );
        assert_eq!(difference["rows"][0]["columns"], serde_json::json!(["a"]));
        assert_eq!(difference["culprit"], "target");
        println!(
            "one bit of {rows} rows, verify {how}: {:.2} s ({:.2} of the copy), CPU {:.2} s, peak {:.1} MiB",
            took.wall,
            took.wall / copy.wall,
            took.client,
            mib(&report),
        );
    }
}

/// The report of a verification in which all tables stand so.
fn verified(source: &str, target: &str, more: &[&str], verdict: &str) -> String {
    let output = verification(source, target, more);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    let report: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    for table in report["tables"].as_array().expect("tables") {
        assert_eq!(table["verdict"], verdict, "{table}");
    }
    said.into_owned()
}

fn verification(source: &str, target: &str, more: &[&str]) -> std::process::Output {
    let target = format!("{target}?sslmode=disable");
    Command::new(env!("CARGO_BIN_EXE_wire9"))
        .args([
            "verify",
            "--quiet",
            "--format",
            "json",
            "--fraction-digits",
            "3",
        ])
        .args(["--postgres", source, "--db9", &target])
        .args(more)
        .stdin(Stdio::null())
        .output()
        .expect("wire9 starts")
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// What a user would pick: one psql into another.
fn pipe(load: &Load) {
    for table in ["events", "docs"] {
        let script = format!(
            "psql -Xq \"$SOURCE\" -c 'COPY {table} TO STDOUT' | psql -Xq \"$TARGET\" -c 'COPY {table} FROM STDIN'"
        );
        sh(&script, load);
    }
}

fn sh(script: &str, load: &Load) {
    let status = Command::new("bash")
        .args(["-o", "pipefail", "-c", script])
        .env("SOURCE", load.source.uri())
        .env("TARGET", load.target.uri())
        .stdin(Stdio::null())
        .status()
        .expect("bash starts");
    assert!(status.success(), "{script}");
}

/// No client: each lane is one server writing into a FIFO and the other reading from it.
fn floor(load: &Load) {
    const LANES: u64 = 3;
    let folder = tempfile::Builder::new()
        .prefix("wire9-fifo")
        .tempdir_in("/tmp")
        .expect("a folder");
    let open = Command::new("chmod")
        .arg("0777")
        .arg(folder.path())
        .status();
    assert!(open.expect("chmod starts").success());
    thread::scope(|scope| {
        for lane in 0..LANES {
            let folder = folder.path();
            scope.spawn(move || {
                for table in ["events", "docs"] {
                    through_fifo(load, folder, table, lane, LANES);
                }
            });
        }
    });
}

fn through_fifo(load: &Load, folder: &Path, table: &str, lane: u64, lanes: u64) {
    let pages = format!("SELECT pg_relation_size('{table}') / 8192");
    let pages: u64 = load
        .source
        .query_value::<i64>(&pages)
        .expect("a size")
        .unsigned_abs();
    let from = pages * lane / lanes;
    let to = if lane + 1 == lanes {
        u64::from(u32::MAX)
    } else {
        pages * (lane + 1) / lanes
    };
    let fifo = folder.join(format!("{table}-{lane}"));
    let made = Command::new("mkfifo")
        .args(["-m", "0666"])
        .arg(&fifo)
        .status();
    assert!(made.expect("mkfifo starts").success());
    let read = format!(
        "SET enable_seqscan = off; COPY (SELECT * FROM {table} WHERE ctid >= '({from},0)' AND ctid < \
         '({to},0)') TO '{}'",
        fifo.display()
    );
    let write = format!("COPY {table} FROM '{}'", fifo.display());
    thread::scope(|scope| {
        scope.spawn(|| load.source.execute(&read).expect("a lane reads"));
        load.target.execute(&write).expect("a lane writes");
    });
}

/// Runs the program as a user does; the report's text.
fn wire9(source: &str, target: &str, more: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let report = folder.path().join("report.json");
    let output = copy_command(source, target)
        .arg("--report")
        .arg(&report)
        .args(more)
        .output()
        .expect("wire9 starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "wire9 ended with {}: {said}",
        output.status
    );
    fs::read_to_string(report).expect("a report")
}

/// `wire9 copy`, as every contestant and every part of a run is started.
fn copy_command(source: &str, target: &str) -> Command {
    let target = format!("{target}?sslmode=disable");
    let mut command = Command::new(env!("CARGO_BIN_EXE_wire9"));
    command
        .args(["copy", "--quiet", "--fraction-digits", "3"])
        .args(["--postgres", source, "--db9", &target])
        .stdin(Stdio::null());
    command
}

/// A figure of the report: `"name": 123`.
fn figure(report: &str, name: &str) -> f64 {
    let report: serde_json::Value = serde_json::from_str(report).expect("the report is JSON");
    report[name]
        .as_f64()
        .unwrap_or_else(|| panic!("the report has no {name}"))
}

fn mib(report: &str) -> f64 {
    figure(report, "peak_rss_bytes") / f64::from(1 << 20)
}

fn memory() {
    let jobs = ["--jobs", "8"];
    // Tables of a tenth, not a tenth of the tables: all lanes have to work.
    let small = Load::part(10);
    let tenth = mib(&wire9(&small.source.uri(), &small.target.uri(), &jobs));
    small.assert_complete();
    drop(small);
    let load = Load::new();
    let whole = mib(&wire9(&load.source.uri(), &load.target.uri(), &jobs));
    load.assert_complete();
    load.empty();
    let stall = Duration::from_secs(setting("WIRE9_BENCH_STALL_SECONDS", 60, 1));
    let proxy = FaultProxy::start(&load.target.uri()).expect("a proxy");
    if !TINY {
        // Of the lanes alone: each of the eight meets one, since one that stands still sends nothing.
        let lanes = Trigger::frontend(Frontend::CopyData)
            .application("wire9/")
            .nth(60);
        let stall = Fault::new(lanes, Action::StallReading(stall)).times(8);
        proxy.faults().add(stall);
    }
    let stalled = mib(&wire9(&load.source.uri(), proxy.uri(), &jobs));
    load.assert_complete();
    println!(
        "peak resident memory at --jobs 8, --max-memory 96 MiB: whole load {whole:.1} MiB, a tenth \
         {tenth:.1} MiB, target stalled for {} s {stalled:.1} MiB",
        stall.as_secs()
    );
}

fn tables() {
    let count = setting("WIRE9_BENCH_TABLES", 20_000, 50);
    let server = server();
    let (source, target) = (
        server.database("many").expect("a source"),
        server.database("many").expect("a target"),
    );
    for database in [&source, &target] {
        // A transaction per thousand: each table is a lock.
        for group in (1..=count).step_by(1000) {
            let last = (group + 999).min(count);
            let sql = format!(
                "DO $$ BEGIN FOR i IN {group}..{last} LOOP EXECUTE format('CREATE TABLE t%s (id bigint \
                 PRIMARY KEY, a text, b timestamptz, c numeric)', i); END LOOP; END $$"
            );
            database.execute(&sql).expect("tables");
        }
    }
    let began = Instant::now();
    let target_uri = format!("{}?sslmode=disable", target.uri());
    let output = Command::new(env!("CARGO_BIN_EXE_wire9"))
        .args([
            "copy",
            "--quiet",
            "--dry-run",
            "--postgres",
            &source.uri(),
            "--db9",
            &target_uri,
        ])
        .stdin(Stdio::null())
        .output()
        .expect("wire9 starts");
    let took = began.elapsed();
    let plan = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let grouped = |n: u64| {
        if n >= 1000 {
            format!("{},{:03}", n / 1000, n % 1000)
        } else {
            n.to_string()
        }
    };
    assert!(
        plan.contains(&grouped(count)),
        "the plan does not name {count} tables:\n{plan}"
    );
    println!("planning {count} empty tables: {:.2} s", took.as_secs_f64());
}
