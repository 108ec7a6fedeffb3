//! Tables of several chunks, lanes and memory.

use testenv::StandinOptions;

use crate::harness::{Pair, Run, Sample, Wire9, thirteen};

/// Rows of `big`.
pub(crate) const BIG_ROWS: u64 = 36_000;

/// 36,000 rows on about 4,500 pages, 37 MB: two lanes have two chunks each, so that one can be done and
/// another left.
pub(crate) const BIG: Sample<'_> = Sample::Same {
    tables: "CREATE TABLE big (id bigint PRIMARY KEY, at timestamp NOT NULL, body text NOT NULL);
             CREATE TABLE small (id int PRIMARY KEY, body text)",
    rows: "INSERT INTO big SELECT i, timestamp '2024-01-01' + i * interval '1.0001 s',
                                  repeat(md5(i::text), 28) FROM generate_series(1, 36000) i;
           INSERT INTO small SELECT i, md5(i::text) FROM generate_series(1, 1000) i",
};

/// What the report says of `big` is what is true of it, however many chunks and lanes it had.
#[track_caller]
fn assert_facts_of_big(pair: &Pair, run: &Run) {
    let big = run.table("public.big");
    assert_eq!(big["rows_counted"], BIG_ROWS);
    assert_eq!(big["rows_loaded"], BIG_ROWS);
    assert_eq!(big["rows"], BIG_ROWS);
    let cut = "SELECT count(*) FROM big WHERE date_trunc('milliseconds', at) <> at";
    let cut: u64 = pair.source.query_value(cut).expect("a number");
    assert_eq!(big["cut"][0]["values"].as_u64(), Some(cut));
    let bytes = "SELECT sum(length(id::text) + length(at::text) + length(body) + 3) FROM big";
    let bytes: u64 = pair.source.query_value(bytes).expect("a number");
    assert_eq!(big["read_bytes"].as_u64(), Some(bytes));
    let batches = "SELECT count(*) FROM wire9.batch b JOIN wire9.pair p USING (run, pair)
                   WHERE p.source_name = 'big' AND row_count > 0";
    let batches: u64 = pair.target().query_value(batches).expect("a number");
    assert_eq!(big["batches"].as_u64(), Some(batches));
    let totals = &run.result()["totals"];
    assert_eq!(totals["rows_loaded"], BIG_ROWS + 1_000);
    assert_eq!(run.target_table("public.big")["rows_counted"], BIG_ROWS);
}

#[test]
fn a_large_table_is_read_in_ctid_ranges_and_its_figures_are_not_multiplied() {
    let pair = Pair::of(BIG);
    let run = pair.copy().args(&["--jobs", "4"]).run().ends_with(0);
    pair.assert_equal(3);
    assert_eq!(run.planned("public.big")["split"], "ctid ranges");
    assert!(run.planned("public.big")["chunks"].as_u64() >= Some(3));
    assert_eq!(run.planned("public.small")["split"], "whole");
    assert_facts_of_big(&pair, &run);
}

#[test]
fn one_lane_and_a_small_memory_make_many_batches_and_the_same_rows() {
    let pair = Pair::of(BIG);
    let arguments = ["--jobs", "1", "--max-memory", "4MiB"];
    let run = pair.copy().args(&arguments).run().ends_with(0);
    pair.assert_equal(3);
    assert!(run.table("public.big")["batches"].as_u64() > Some(12));
    let peak = run.report["peak_rss_bytes"].as_u64().expect("a number");
    assert!(peak < (4 + 32) << 20, "{peak} bytes for 4 MiB");
    assert_facts_of_big(&pair, &run);
}

#[test]
fn more_lanes_than_chunks_is_no_fault() {
    let pair = Pair::of(Sample::Same {
        tables: "CREATE TABLE t (id int)",
        rows: "INSERT INTO t VALUES (1), (2)",
    });
    pair.copy().args(&["--jobs", "16"]).run().ends_with(0);
    pair.assert_equal(3);
}

#[test]
fn conditions_and_deleted_rows_do_not_disturb_ctid_ranges() {
    let pair = Pair::of(BIG);
    let holes = "DELETE FROM big WHERE id BETWEEN 5000 AND 15000; CREATE INDEX ON big (at)";
    pair.source.execute(holes).expect("done");
    let condition = "big=id % 7 <> 0 AND at < '2024-01-01 10:00:00'";
    pair.copy().args(&["--where", condition]).run().ends_with(0);
    let condition = "id % 7 <> 0 AND at < '2024-01-01 10:00:00'";
    pair.assert_tables_equal(
        &[("public.big", Some(condition)), ("public.small", None)],
        3,
    );
}

/// PostgreSQL 13 has no Tid Range Scan. Its rows have a key of two columns, of which one is text.
const KEYED: Sample<'_> = Sample::Same {
    tables: "CREATE TABLE keyed (part text, id bigint, at timestamp, body text NOT NULL,
                                 PRIMARY KEY (part, id));
             CREATE TABLE outlier (id bigint PRIMARY KEY, body text NOT NULL);
             CREATE TABLE keyless (id bigint, body text NOT NULL)",
    rows: "INSERT INTO keyed SELECT (ARRAY['a', 'B', 'ä', 'it''s', E'tab\\t', ''])[1 + i % 6], i,
               timestamp '2024-01-01' + i * interval '1.0001 s', repeat(md5(i::text), 28)
               FROM generate_series(1, 30000) i;
           INSERT INTO outlier SELECT CASE i WHEN 30000 THEN 9223372036854775807
                                             WHEN 1 THEN -9223372036854775808 ELSE i END,
               repeat(md5(i::text), 28) FROM generate_series(1, 30000) i;
           INSERT INTO keyless SELECT i, repeat(md5(i::text), 28) FROM generate_series(1, 30000) i;
           ANALYZE",
};

#[test]
fn a_server_without_tid_range_scans_is_read_by_its_keys() {
    let pair = Pair::on(thirteen(), StandinOptions::default(), KEYED);
    let run = pair.copy().args(&["--jobs", "4"]).run().ends_with(0);
    pair.assert_equal(3);
    for (table, split) in [
        ("keyed", "key ranges"),
        ("outlier", "key ranges"),
        ("keyless", "whole"),
    ] {
        assert_eq!(run.planned(&format!("public.{table}"))["split"], split);
    }
    assert_even_chunks(&pair, "keyed");
    // One key at either end of the type does not put all rows into one chunk.
    assert_even_chunks(&pair, "outlier");
}

/// Rows of 7.5 kB, so that few of them are enough for several chunks of each table.
const KINDS_OF_KEYS: Sample<'_> = Sample::Same {
    tables: "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
             CREATE TABLE by_uuid (id uuid PRIMARY KEY, body text);
             CREATE TABLE by_time (id timestamptz PRIMARY KEY, body text);
             CREATE TABLE by_number (id numeric PRIMARY KEY, body text);
             CREATE TABLE by_several (a mood, b char(8), c date, d bytea, body text,
                                      PRIMARY KEY (a, b, c, d))",
    rows: "ALTER TABLE by_uuid ALTER body SET STORAGE PLAIN;
           ALTER TABLE by_time ALTER body SET STORAGE PLAIN;
           ALTER TABLE by_number ALTER body SET STORAGE PLAIN;
           ALTER TABLE by_several ALTER body SET STORAGE PLAIN;
           INSERT INTO by_uuid SELECT md5(i::text)::uuid, repeat('x', 7500)
               FROM generate_series(1, 2300) i;
           INSERT INTO by_time SELECT timestamptz '2024-01-01 00:00:00.001+00' + i * interval '1 s',
               repeat('x', 7500) FROM generate_series(1, 2300) i;
           INSERT INTO by_time VALUES ('infinity', 'a'), ('-infinity', 'b'),
               ('0044-03-15 12:00:00+00 BC', 'c');
           INSERT INTO by_number SELECT (i - 1000) / 7.0, repeat('x', 7500)
               FROM generate_series(1, 2300) i;
           INSERT INTO by_number VALUES ('NaN', 'a'), (1e100, 'b'), (-1e-100, 'c');
           INSERT INTO by_several SELECT (ARRAY['sad', 'ok', 'happy'])[1 + i % 3]::mood,
               (i % 5)::text, date '2024-01-01' + i % 300, decode(md5(i::text), 'hex'),
               repeat('x', 7500) FROM generate_series(1, 2300) i",
};

#[test]
fn keys_of_any_type_are_cut_at_their_own_order() {
    let pair = Pair::on(thirteen(), StandinOptions::default(), KINDS_OF_KEYS);
    let run = pair.copy().args(&["--jobs", "2"]).run().ends_with(0);
    pair.assert_equal(3);
    for table in ["by_uuid", "by_time", "by_number", "by_several"] {
        let plan = run.planned(&format!("public.{table}"));
        assert_eq!(plan["split"], "key ranges", "{table}");
    }
}

/// A lock needs a right on the whole table, which columns' rights do not give.
#[test]
fn a_user_with_rights_on_columns_alone_reads_the_table_whole() {
    let pair = Pair::of(BIG);
    let role = "DO $$ BEGIN CREATE ROLE reader LOGIN;
                      EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
                GRANT SELECT (id, at, body) ON big TO reader; GRANT SELECT ON small TO reader";
    pair.source.execute(role).expect("granted");
    let uri = pair.source.uri().replacen("postgres@", "reader@", 1);
    let run = Wire9::copy(&uri, &pair.standin.uri()).run().ends_with(0);
    pair.assert_equal(3);
    assert_eq!(run.planned("public.big")["split"], "whole");
}

/// No chunk holds more than three times its share of the rows.
#[track_caller]
fn assert_even_chunks(pair: &Pair, table: &str) {
    let sql = format!(
        "SELECT chunk, sum(row_count) FROM wire9.batch JOIN wire9.pair p USING (run, pair)
         WHERE p.source_name = '{table}' GROUP BY chunk"
    );
    let chunks = pair.target().query(&sql).expect("the ledger can be read");
    let rows = chunks.iter().map(|row| row[1].clone().expect("a sum"));
    let rows: Vec<u64> = rows.map(|n| n.parse().expect("a number")).collect();
    let (all, most) = (rows.iter().sum::<u64>(), rows.iter().max().copied());
    assert!(rows.len() >= 3, "{table}: {rows:?}");
    assert!(
        most < Some(3 * all / rows.len() as u64),
        "{table}: {rows:?}"
    );
}

#[test]
fn one_outlier_key_does_not_put_all_rows_into_one_chunk() {
    let pair = Pair::of(KEYED);
    pair.copy().args(&["--jobs", "4"]).run().ends_with(0);
    pair.assert_equal(3);
    assert_even_chunks(&pair, "outlier");
    assert_even_chunks(&pair, "keyless");
}

/// Rows of 200 kB are stored out of line: by its heap alone the table would be one chunk.
#[test]
fn values_out_of_line_count_in_the_split() {
    let pair = Pair::of(Sample::Same {
        tables: "CREATE TABLE wide (id int PRIMARY KEY, body text)",
        rows:
            "ALTER TABLE wide ALTER body SET STORAGE EXTERNAL, ALTER id SET STATISTICS 0;
               INSERT INTO wide SELECT i, repeat(md5(i::text), 6000) FROM generate_series(1, 200) i",
    });
    let run = pair.copy().args(&["--jobs", "2"]).run().ends_with(0);
    pair.assert_equal(3);
    let plan = run.planned("public.wide");
    assert!(
        plan["bytes_estimated"].as_u64() > Some(35_000_000),
        "{plan}"
    );
    assert!(plan["chunks"].as_u64() >= Some(2), "{plan}");
}

#[test]
fn progress_is_told_on_stderr_and_not_when_quiet() {
    let pair = Pair::of(BIG);
    let run = pair.copy().run().ends_with(0);
    assert!(run.stderr.contains("copying"), "{}", run.stderr);
    assert!(run.stdout.starts_with("SOURCE") || run.stdout.starts_with("DONE"));
    // `counting on both sides: 100%  9.10 MB of 9.10 MB`: every byte was told, also of batches that are small.
    let told = run
        .stderr
        .lines()
        .find(|l| l.contains("counting on both sides: 100%"));
    let told = told.and_then(|line| {
        line.split(" of ")
            .nth(1)?
            .split("  ")
            .next()
            .map(str::to_owned)
    });
    let read = run
        .stdout
        .lines()
        .find(|l| l.starts_with("  copied"))
        .map(str::to_owned);
    let (told, read) = (told.expect("a line at the end"), read.expect("totals"));
    assert!(
        read.contains(&format!(" rows, {told} in")),
        "{told} told: {read}"
    );
    let again = Wire9::copy(&pair.source.uri(), &pair.standin.uri());
    let run = again.args(&["--quiet", "--restart"]).run().ends_with(0);
    assert!(!run.stderr.contains("copying"), "{}", run.stderr);
    assert!(run.stdout.contains("DONE"));
    pair.assert_equal(3);
}
