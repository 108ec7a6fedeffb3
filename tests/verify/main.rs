//! `wire9 verify`: equal is said to be equal, and every difference is found, down to the row and column.

#[path = "../harness/mod.rs"]
mod harness;
mod repair;

use harness::{Pair, Run, Sample, Wire9};
use serde_json::Value;
use testenv::StandinOptions;
use testenv::sample::Everything;
use testenv::standin::Limits;

fn verify(pair: &Pair, arguments: &[&str]) -> Run {
    let (source, target) = (pair.source.uri(), pair.standin.uri());
    let command = Wire9::bare().args(&["verify", "--postgres", &source, "--db9", &target]);
    command.args(arguments).run()
}

/// The report of a verification that ends with this code.
#[track_caller]
fn report(pair: &Pair, arguments: &[&str], code: i32) -> Value {
    let all: Vec<&str> = [&["--format", "json"], arguments].concat();
    let run = verify(pair, &all).ends_with(code);
    let report: Value = serde_json::from_str(&run.stdout).expect("it is JSON");
    assert_eq!(report["format"], "wire9-verify-report/1");
    assert_eq!(report["exit_code"], code);
    report
}

#[track_caller]
fn table<'r>(report: &'r Value, name: &str) -> &'r Value {
    let tables = report["tables"].as_array().expect("a list");
    let found = tables.iter().find(|table| table["target"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {report}"))
}

fn copied(sample: Sample<'_>) -> Pair {
    let pair = Pair::of(sample);
    pair.copy().run().ends_with(0);
    pair
}

const ROWS: &str = "\
    CREATE TABLE t (id int PRIMARY KEY, a text, b numeric, c jsonb, d timestamptz); \
    CREATE TABLE keyless (a int, b text)";
const FILL: &str = "\
    INSERT INTO t SELECT i, 'row ' || i, i * 1.5, jsonb_build_object('n', i, 'm', 1.10), \
    '2024-01-01 00:00:00.123456+00'::timestamptz + i * interval '1 second' \
    FROM generate_series(1, 5000) i; \
    INSERT INTO keyless SELECT i % 7, 'x' FROM generate_series(1, 100) i";

fn simple() -> Pair {
    copied(Sample::Same {
        tables: ROWS,
        rows: FILL,
    })
}

#[test]
fn what_was_copied_is_stored_as_it_was_sent() {
    let pair = copied(Sample::Everything(Everything::QUICK));
    let by_ledger = report(&pair, &[], 0);
    let tables = by_ledger["tables"].as_array().expect("a list");
    assert!(tables.len() > 30, "{}", tables.len());
    let as_sent = tables.iter().filter(|t| t["verdict"] == "as sent").count();
    // Partitions whose columns stand in another order, and what the target prints in another form.
    assert!(as_sent + 3 >= tables.len(), "{by_ledger}");
    for both in report(&pair, &["--both"], 0)["tables"]
        .as_array()
        .expect("a list")
    {
        assert_eq!(both["verdict"], "equal", "{both}");
    }
}

#[test]
fn a_changed_value_of_every_type_is_found_with_its_row_and_column() {
    let pair = Pair::of(Sample::Everything(Everything::QUICK));
    let columns: String = pair
        .target()
        .query_value(
            "SELECT string_agg(column_name, ' ' ORDER BY ordinal_position) \
             FROM information_schema.columns WHERE table_name = 'all_types'",
        )
        .expect("columns");
    let columns: Vec<&str> = columns.split(' ').filter(|c| *c != "id").collect();
    assert!(columns.len() > 40, "{}", columns.len());
    let copies = format!(
        "INSERT INTO all_types (id, {list}) SELECT 100 + n, {list} FROM all_types, \
         generate_series(1, {}) n WHERE id = 1",
        columns.len(),
        list = columns.join(", ")
    );
    pair.source.execute(&copies).expect("a row per column");
    pair.copy().run().ends_with(0);
    for (i, column) in columns.iter().enumerate() {
        pair.target_execute(&format!(
            "UPDATE all_types SET {column} = (SELECT {column} FROM all_types WHERE id = 2) \
             WHERE id = {}",
            101 + i
        ));
    }
    let report = report(&pair, &["--table", "all_types", "--show", "1000"], 6);
    let difference = &table(&report, "public.all_types")["difference"];
    assert_eq!(difference["changed"], columns.len(), "{difference}");
    assert_eq!(
        (&difference["missing"], &difference["extra"]),
        (&0.into(), &0.into())
    );
    let rows = difference["rows"].as_array().expect("rows");
    for (i, column) in columns.iter().enumerate() {
        let id = (101 + i).to_string();
        let row = rows.iter().find(|row| row["key"]["id"] == id.as_str());
        let row = row.unwrap_or_else(|| panic!("row {id} ({column}) in {rows:?}"));
        assert_eq!(row["columns"], serde_json::json!([column]), "{row}");
    }
}

#[test]
fn a_deleted_row_is_missing_and_an_added_one_extra() {
    let pair = simple();
    pair.target_execute("DELETE FROM t WHERE id = 4711; INSERT INTO t (id) VALUES (99999)");
    let report = report(&pair, &[], 6);
    let difference = &table(&report, "public.t")["difference"];
    assert_eq!(
        (&difference["missing"], &difference["extra"]),
        (&1.into(), &1.into())
    );
    assert_eq!(difference["culprit"], "unknown", "it is compared by value");
    let run = verify(&pair, &[]).ends_with(6).says("MISMATCH");
    run.says("missing: id = 4711").says("extra: id = 99999");
    assert_eq!(table(&report, "public.keyless")["verdict"], "as sent");
}

#[test]
fn a_doubled_row_without_a_key_is_extra_and_the_target_is_blamed() {
    let pair = simple();
    pair.target_execute("INSERT INTO keyless VALUES (3, 'x')");
    let report = report(&pair, &[], 6);
    let difference = &table(&report, "public.keyless")["difference"];
    assert_eq!(
        (&difference["extra"], &difference["missing"]),
        (&1.into(), &0.into())
    );
    assert_eq!(difference["culprit"], "target");
    verify(&pair, &[])
        .ends_with(6)
        .says("extra: a row without a key");
}

#[test]
fn a_source_that_has_changed_since_is_told_from_a_target_that_lost_rows() {
    let pair = simple();
    pair.source
        .execute("DELETE FROM keyless WHERE a = 1")
        .expect("deleted");
    let report = report(&pair, &[], 0);
    // The target still holds what was sent.
    assert_eq!(table(&report, "public.keyless")["verdict"], "as sent");
    let both = self::report(&pair, &["--both"], 6);
    let difference = &table(&both, "public.keyless")["difference"];
    assert_eq!(difference["culprit"], "source");
    assert_eq!(difference["extra"], 15);
}

#[test]
fn another_spelling_of_a_value_is_no_difference() {
    let pair = simple();
    pair.target_execute(
        "UPDATE t SET b = b::numeric(20, 10), c = '{\"m\": 1.1, \"n\": 7}' WHERE id = 7",
    );
    let report = report(&pair, &[], 0);
    assert_eq!(table(&report, "public.t")["verdict"], "equal");
}

#[test]
fn values_are_shown_only_where_that_was_asked_for() {
    let pair = simple();
    pair.target_execute("UPDATE t SET a = 'secret word' WHERE id = 12");
    let run = verify(&pair, &[]).ends_with(6).says("changed: id = 12: a");
    let run = run.never_says("secret word");
    run.never_says("row 12");
    let shown = verify(&pair, &["--show-values"]).ends_with(6);
    shown.says("a: row 12 → secret word");
}

#[test]
fn more_differences_than_are_shown_are_counted() {
    let pair = simple();
    pair.target_execute("UPDATE t SET a = a || '!' WHERE id <= 1000");
    let run = verify(&pair, &["--show", "3"]).ends_with(6);
    run.says("0 missing, 0 extra, 1,000 changed")
        .says("and 997 more");
}

#[test]
fn rows_that_are_read_by_select_are_compared_alike() {
    let limits = Limits {
        quoted_copy_to: false,
        ..Limits::default()
    };
    let tables =
        "CREATE TABLE \"Order\" (id int PRIMARY KEY, \"Text\" text, b bytea, m timestamptz)";
    let rows = "INSERT INTO \"Order\" VALUES (1, E'a\\tb\\n\\\\N', '\\x00ff', '2024-01-01 00:00:00.1+00'), \
                (2, NULL, NULL, NULL), (3, '', '', 'infinity')";
    let options = StandinOptions {
        limits,
        ..StandinOptions::default()
    };
    let pair = Pair::with(options, Sample::Same { tables, rows });
    pair.copy().run().ends_with(0);
    let report = report(&pair, &[], 0);
    assert_eq!(table(&report, "public.\"Order\"")["verdict"], "as sent");
    pair.target_execute("UPDATE \"Order\" SET \"Text\" = NULL WHERE id = 3");
    verify(&pair, &[])
        .ends_with(6)
        .says("changed: id = 3: \"Text\"");
}

#[test]
fn a_migration_is_verified_where_it_laid_its_columns() {
    let source = "CREATE TABLE t (id int PRIMARY KEY, price money, net inet, during tstzrange); \
                  INSERT INTO t VALUES (1, 12.5, '10.0.0.1/8', '[2024-01-01 00:00+00,)'), (2, NULL, NULL, NULL); \
                  CREATE TABLE child (id int PRIMARY KEY, t int REFERENCES t, other int REFERENCES child); \
                  INSERT INTO child VALUES (1, 1, 1)";
    let pair = Pair::of(Sample::Sql {
        source,
        target: "SELECT 1",
    });
    let (from, to) = (pair.source.uri(), pair.standin.uri());
    let migrate = Wire9::bare().args(&["migrate", "--postgres", &from, "--db9", &to]);
    migrate.run().ends_with(0);
    let equal = report(&pair, &["--migrated"], 0);
    assert_eq!(table(&equal, "public.t")["rows"], 2);
    pair.target_execute("UPDATE t SET price = 13 WHERE id = 1");
    verify(&pair, &["--migrated"])
        .ends_with(6)
        .says("changed: id = 1: price");
}

#[test]
fn a_table_that_can_not_be_read_is_not_verified() {
    let pair = simple();
    pair.target()
        .execute(
            "REVOKE ALL ON keyless FROM \"tenant.admin\"; ALTER TABLE keyless OWNER TO postgres",
        )
        .expect("revoked");
    let run = verify(&pair, &[]).ends_with(7).says("NOT ALL VERIFIED");
    run.says("public.keyless: NOT VERIFIED")
        .says("public.t: 5,000 rows, stored as they were sent");
}

#[test]
fn a_user_who_may_only_read_can_verify() {
    let pair = simple();
    let hand_over = "ALTER TABLE t OWNER TO postgres; ALTER TABLE keyless OWNER TO postgres; \
                     GRANT SELECT ON t, keyless TO \"tenant.admin\"";
    pair.target().execute(hand_over).expect("handed over");
    verify(&pair, &[]).ends_with(0).says("VERIFIED");
}
