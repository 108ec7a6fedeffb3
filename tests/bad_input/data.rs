//! Rows that the target can not take, and rows that can not be sent.

use testenv::standin::Limits;
use testenv::{Cluster, StandinOptions};

use crate::harness::Wire9;
use crate::judged::{
    Judged as _, Plain, ROWS, TABLES, VALUE, copy, pair, pair_with, planted, with_secret,
};

/// One table; row 7 of 10 is told from the others by the test.
const TABLE: &str = "CREATE TABLE t (id integer PRIMARY KEY, body text)";

/// Ten rows, the seventh with the planted value.
const SEVENTH: &str = "INSERT INTO t SELECT n, CASE n WHEN 7 THEN 'planted7Qx' ELSE n::text END \
                       FROM generate_series(1, 10) n";

#[test]
fn a_value_that_its_type_does_not_take_is_told_by_its_place() {
    let pair = pair(TABLE, SEVENTH);
    pair.target_execute("ALTER TABLE t ALTER body TYPE integer USING NULL");
    copy(&pair)
        .run()
        .fails(
            5,
            &[
                "public.t",
                "chunk 0",
                "row 7",
                "22P02",
                "integer",
                "column body",
            ],
        )
        .advises(&["change the value", "the same command continues"]);
    assert_eq!(pair.target().count("t").expect("counted"), 0);
    mend(&pair, "ALTER TABLE t ALTER body TYPE text");
}

#[test]
fn a_value_that_is_too_long_is_told_by_its_place() {
    let pair = pair(TABLE, SEVENTH);
    pair.target_execute("ALTER TABLE t ALTER body TYPE varchar(5)");
    copy(&pair)
        .run()
        .fails(5, &["public.t", "row 7", "22001", "column body"])
        .advises(&["change the value"]);
    mend(&pair, "ALTER TABLE t ALTER body TYPE text");
}

#[test]
fn a_duplicate_key_is_told_by_constraint_and_place() {
    let rows = SEVENTH.replace("CASE n WHEN 7 THEN", "CASE WHEN n IN (7, 9) THEN");
    let pair = pair(TABLE, &rows);
    pair.target_execute("ALTER TABLE t ADD CONSTRAINT only_one UNIQUE (body)");
    copy(&pair)
        .run()
        .fails(5, &["public.t", "23505", "only_one", "row 9"])
        .advises(&["constraint", "the same command continues"]);
    mend(&pair, "ALTER TABLE t DROP CONSTRAINT only_one");
}

#[test]
fn a_check_that_fails_is_told_by_constraint_and_place() {
    let pair = pair(TABLE, SEVENTH);
    let check = format!("ALTER TABLE t ADD CONSTRAINT short CHECK (body <> '{VALUE}')");
    pair.target_execute(&check);
    copy(&pair)
        .run()
        .fails(5, &["public.t", "row 7", "23514", "short"])
        .advises(&["constraint"]);
    mend(&pair, "ALTER TABLE t DROP CONSTRAINT short");
}

#[test]
fn a_null_that_is_not_taken_is_told_by_column_and_place() {
    let rows = format!("{SEVENTH}; INSERT INTO t VALUES (11, NULL)");
    let pair = pair(TABLE, &rows);
    pair.target_execute("ALTER TABLE t ALTER body SET NOT NULL");
    copy(&pair)
        .run()
        .fails(5, &["public.t", "row 11", "23502", "body"])
        .advises(&["constraint"]);
    mend(&pair, "ALTER TABLE t ALTER body DROP NOT NULL");
}

#[test]
fn a_row_above_the_documented_line_limit_is_told_by_its_place() {
    let rows = "INSERT INTO t VALUES (1, 'x'), (2, repeat('planted7Qx', 3300000)), (3, 'y')";
    let pair = pair(TABLE, rows);
    copy(&pair)
        .run()
        .fails(5, &["public.t", "row 2", "32000000"])
        .advises(&["shorten", "--where"]);
    copy(&pair)
        .args(&["--where", "t=id <> 2", "--restart"])
        .run()
        .passes();
    assert_eq!(pair.target().count("t").expect("counted"), 2);
}

#[test]
fn a_row_above_the_limit_that_only_the_target_knows_is_told_by_its_place() {
    let limits = Limits {
        line_bytes: 100_000,
        ..Limits::default()
    };
    let options = StandinOptions {
        limits,
        ..StandinOptions::default()
    };
    let rows = "INSERT INTO t SELECT n, 'x' FROM generate_series(1, 50) n; \
                DELETE FROM t WHERE id >= 20; \
                INSERT INTO t SELECT n, CASE n WHEN 20 THEN repeat('planted7Qx', 20000) ELSE 'z' END \
                FROM generate_series(20, 50) n";
    let pair = pair_with(options, TABLE, rows);
    copy(&pair)
        .run()
        .fails(5, &["public.t", "row 20", "54000"])
        .advises(&["--where"]);
    copy(&pair)
        .args(&["--where", "t=id <> 20", "--restart"])
        .run()
        .passes();
    assert_eq!(pair.target().count("t").expect("counted"), 49);
}

#[test]
fn a_row_above_the_memory_passes() {
    let rows = "INSERT INTO t SELECT n, repeat('planted7Qx', 400000) FROM generate_series(1, 3) n; \
                INSERT INTO t SELECT n, 'planted7Qx' FROM generate_series(4, 2000) n";
    let pair = pair(TABLE, rows);
    copy(&pair)
        .args(&["--jobs", "2", "--max-memory", "1MiB"])
        .run()
        .passes();
    pair.assert_equal(3);
}

#[test]
fn bytes_that_are_no_utf8_are_told_by_table_and_row() {
    let cluster = Cluster::shared();
    let source = cluster.database_encoded("ascii", "SQL_ASCII");
    let source = source.expect("the source is made");
    let rows = format!(
        "{TABLE}; SET client_encoding = 'SQL_ASCII'; {SEVENTH}; \
         UPDATE t SET body = body || E'\\351' WHERE id = 8; \
         CREATE TABLE ordered AS SELECT * FROM t ORDER BY id; DROP TABLE t; \
         ALTER TABLE ordered RENAME TO t"
    );
    source.execute(&rows).expect("rows");
    let pair = planted();
    pair.target_execute(TABLE);
    let uri = with_secret(&source.uri());
    Wire9::copy(&uri, &pair.standin.uri())
        .run()
        .fails(5, &["public.t", "row 8", "UTF"])
        .advises(&["convert_from", "--where"]);
    assert_eq!(pair.target().count("t").expect("counted"), 0);
    source
        .execute("SET client_encoding = 'SQL_ASCII'; UPDATE t SET body = 'e' WHERE id = 8")
        .expect("mended");
    Wire9::copy(&uri, &pair.standin.uri()).run().passes();
    assert_eq!(pair.target().count("t").expect("counted"), 10);
}

#[test]
fn a_check_function_that_needs_a_search_path_is_named_with_the_remedy() {
    let plain = Plain::of(TABLES, ROWS);
    let check = "CREATE TABLE allowed AS SELECT generate_series(1, 50) AS id; \
                 CREATE FUNCTION is_allowed(n integer) RETURNS boolean LANGUAGE plpgsql AS \
                 'BEGIN RETURN EXISTS (SELECT 1 FROM allowed WHERE allowed.id = n); END'; \
                 ALTER TABLE a ADD CHECK (is_allowed(id))";
    plain.target.execute(check).expect("the check is made");
    plain
        .copy()
        .run()
        .fails(
            5,
            &["public.a", "42P01", "allowed", "public.is_allowed(integer)"],
        )
        .advises(&["--target-search-path"]);
    plain
        .copy()
        .args(&["--target-search-path", "public", "--restart"])
        .run()
        .passes();
    plain.assert_equal();
}

/// Mends the cause; the same command then completes.
#[track_caller]
fn mend(pair: &crate::harness::Pair, sql: &str) {
    pair.target_execute(sql);
    copy(pair).run().passes();
    pair.assert_equal(3);
}
