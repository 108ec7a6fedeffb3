//! Many tables and many rows: the process is killed at random moments, the same command goes on, and
//! everything is there once.
//!
//! An ordinary run is small. The long ones:
//! `WIRE9_TABLES=20000 cargo test --test faults many_tables`,
//! `WIRE9_ROWS=10000000 cargo test --test faults many_rows`.

use std::time::{Duration, Instant};

use crate::harness::{Pair, Sample};
use crate::scene::of_batches;
use crate::seeded::Seeded;

const TABLES: &str = "WIRE9_TABLES";
const FEW_TABLES: u64 = 60;
const ROWS: &str = "WIRE9_ROWS";
const FEW_ROWS: u64 = 100_000;

const KILLS: u64 = 4;

/// Tables made by one transaction: each takes a lock.
const AT_ONCE: u64 = 500;

/// Even of an unoptimised build at the largest numbers.
const DEADLINE: Duration = Duration::from_secs(3600);

fn number(name: &str, few: u64) -> u64 {
    std::env::var(name).map_or(few, |n| n.parse().expect(name))
}

/// Copies `rows` rows; the process is killed some times, each time when more of them are there.
fn survives(pair: &Pair, rows: u64, seed: u64, arguments: &[&str]) {
    let mut seeded = Seeded::new(seed);
    let command = || pair.copy().args(arguments).deadline(DEADLINE);
    let began = Instant::now();
    for kill in 1..=KILLS {
        let part = rows / (KILLS + 1);
        let moment = part * (kill - 1) + 1 + seeded.next(part);
        let mut running = command().start();
        let loaded = || of_batches(pair.target(), "coalesce(sum(row_count), 0)::bigint");
        running.when("rows are committed", || loaded() >= moment);
        running.signal("KILL");
        eprintln!("killed at {} of {rows} rows", loaded());
        running.wait();
    }
    let run = command().run().ends_with(0);
    assert_eq!(run.result()["totals"]["rows_loaded"], rows);
    eprintln!("copied in {:.0?}, kills included", began.elapsed());
    pair.assert_equal(3);
    eprintln!("equal after {:.0?}", began.elapsed());
}

#[test]
fn many_tables_survive_kills() {
    let tables = number(TABLES, FEW_TABLES);
    let pair = Pair::of(Sample::Same {
        tables: "",
        rows: "",
    });
    let numbers: Vec<u64> = (0..tables).collect();
    for some in numbers.chunks(AT_ONCE as usize) {
        let (mut both, mut rows) = (String::new(), String::new());
        for n in some {
            let key = ["", " PRIMARY KEY"][(n % 2) as usize];
            both.push_str(&format!("CREATE TABLE t{n} (a integer{key}, body text);"));
            rows.push_str(&format!("INSERT INTO t{n} VALUES (1, 'one'), (2, NULL);"));
        }
        pair.source.execute(&both).expect("tables are made");
        pair.source.execute(&rows).expect("they are filled");
        pair.target_execute(&both);
    }
    survives(&pair, 2 * tables, 1, &["--jobs", "2"]);
}

#[test]
fn many_rows_survive_kills() {
    let rows = number(ROWS, FEW_ROWS);
    let half = rows / 2;
    let pair = Pair::of(Sample::Same {
        tables: "CREATE TABLE keyed (id bigint PRIMARY KEY, at timestamptz NOT NULL, body text);
                 CREATE TABLE keyless (a integer, body text)",
        rows: &format!(
            "INSERT INTO keyed SELECT i, timestamptz '2024-02-29 12:00:00.123456+00'
                 + i * interval '1 s', md5(i::text) FROM generate_series(1, {half}) i;
             INSERT INTO keyless SELECT i / 2, md5((i / 2)::text) FROM generate_series(1, {half}) i;
             ANALYZE"
        ),
    });
    // Small batches where there are few rows.
    let memory = ["1MiB", "96MiB"][usize::from(rows > 1_000_000)];
    let arguments = ["--jobs", "2", "--max-memory", memory];
    survives(&pair, 2 * half, 2, &arguments);
}
