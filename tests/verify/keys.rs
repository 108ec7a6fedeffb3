//! Keys of every usual type: pages along them, ranges of them, samples of them.

use std::time::Duration;

use testenv::StandinOptions;
use testenv::fault::{Action, Fault, FaultHandle, Trigger};
use testenv::standin::Limits;

use crate::harness::{Pair, Sample, Wire9};
use crate::{report, table, verify};

/// A stand-in whose COPY TO takes no name that needs quotes, with its tables copied into it.
fn read_by_select(sample: Sample<'_>) -> Pair {
    let limits = Limits {
        quoted_copy_to: false,
        ..Limits::default()
    };
    let options = StandinOptions {
        limits,
        ..StandinOptions::default()
    };
    let pair = Pair::with(options, sample);
    pair.copy().run().ends_with(0);
    pair
}

/// Asserts that no statement to the target held this text since the log was cleared.
#[track_caller]
fn never_asked(pair: &Pair, text: &str) {
    let statements = pair.standin.log().statements().into_iter();
    let held: Vec<String> = statements
        .map(|s| s.text)
        .filter(|s| s.contains(text))
        .collect();
    assert!(held.is_empty(), "{held:?}");
}

/// Counts the statements to the target that hold this text.
fn asked(pair: &Pair, text: &str) -> FaultHandle {
    let seen = Fault::new(Trigger::query(text), Action::Latency(Duration::ZERO));
    pair.standin.faults().add(seen.always())
}

/// Keys that a statement might spell wrong, and enough others for several pages; rows of 9 KB make pages of less
/// than a thousand rows.
const WORDS: &str = "\
    INSERT INTO \"Words\" (word, body) SELECT word, repeat('x', 9000) FROM (VALUES (''), (' '), (''''), ('''''x'), \
    ('\\'), ('\\\\'), ('a\\'), (E'a\\tb'), (E'a\\nb'), ('\"'), ('\\N'), ('NULL'), ('é'), ('É'), ('ß'), ('日本'), \
    ('😀'), ('-a'), ('A'), ('Z'), ('a b'), ('a''; DROP TABLE x; --')) v(word) \
    UNION ALL SELECT (ARRAY['k','K','ö','\\','''','_'])[1 + i % 6] || i, repeat('x', 9000) \
    FROM generate_series(1, 2500) i";

/// Rows are missing at either side of borders between pages, and none else is.
#[test]
fn a_row_that_is_missing_at_a_border_of_pages_of_texts_is_named() {
    for collation in ["\"C\"", "\"en-x-icu\""] {
        let source = &format!("CREATE TABLE \"Words\" (word text PRIMARY KEY, body text); {WORDS}");
        let target = &format!(
            "CREATE TABLE \"Words\" (word text COLLATE {collation} PRIMARY KEY, body text)"
        );
        let pair = read_by_select(Sample::Sql { source, target });
        let pages = asked(&pair, " ORDER BY \"word\" LIMIT ");
        let equal = report(&pair, &[], 0);
        assert_eq!(table(&equal, "public.\"Words\"")["verdict"], "as sent");
        assert!(pages.fired() >= 3, "{} pages", pages.fired());
        // The first page has 1,000 rows, the others have as many as make 8 MiB.
        let page = (8 << 20) / 9010;
        let last_and_first = format!("1000, {}, 2522", 1001 + page);
        let first_and_last = format!("1, 1002, {}", 1002 + page);
        for places in [last_and_first, first_and_last] {
            let numbered = "SELECT word, row_number() OVER (ORDER BY word) AS n FROM \"Words\"";
            pair.target_execute(&format!(
                "CREATE TABLE gone AS SELECT w.* FROM \"Words\" w JOIN ({numbered}) n USING (word) \
                 WHERE n IN ({places}); DELETE FROM \"Words\" WHERE word IN (SELECT word FROM gone)"
            ));
            let missing = report(&pair, &["--table", "\"Words\""], 6);
            let difference = &table(&missing, "public.\"Words\"")["difference"];
            let counts = ["missing", "extra", "changed"].map(|what| difference[what].as_u64());
            assert_eq!(counts, [Some(3), Some(0), Some(0)], "{collation} {places}");
            pair.target_execute("INSERT INTO \"Words\" SELECT * FROM gone; DROP TABLE gone");
        }
    }
}

#[test]
fn a_table_whose_keys_are_of_any_usual_type_is_read_page_by_page() {
    let keys = [
        ("numeric", "i / 7.0 - 100"),
        ("numeric(10, 2)", "i / 4.0"),
        (
            "timestamptz",
            "'1960-01-01 00:00:00.123+00'::timestamptz + i * interval '1.001 s'",
        ),
        (
            "timestamp",
            "'0044-03-15 00:00:00 BC'::timestamp + i * interval '1 day'",
        ),
        ("bytea", "decode(md5(i::text), 'hex') || '\\x00'"),
        ("varchar(40)", "'it''s \\ ' || i"),
        ("uuid", "md5(i::text)::uuid"),
        ("date", "'2024-01-01'::date - i"),
        ("bigint", "i * 1000000000000"),
    ];
    for (sql_type, value) in keys {
        let tables = format!("CREATE TABLE \"Keyed\" (\"The Key\" {sql_type} PRIMARY KEY, n int)");
        let rows =
            format!("INSERT INTO \"Keyed\" SELECT {value}, i FROM generate_series(1, 2500) i");
        let (tables, rows) = (tables.as_str(), rows.as_str());
        let pair = read_by_select(Sample::Same { tables, rows });
        let pages = asked(&pair, " ORDER BY \"The Key\" LIMIT ");
        let equal = report(&pair, &[], 0);
        assert_eq!(
            table(&equal, "public.\"Keyed\"")["rows"],
            2500,
            "{sql_type}"
        );
        assert!(pages.fired() >= 2, "{sql_type}: {} pages", pages.fired());
        pair.target_execute("UPDATE \"Keyed\" SET n = 0 WHERE n IN (1, 1000, 1001, 2500)");
        let changed = report(&pair, &[], 6);
        let difference = &table(&changed, "public.\"Keyed\"")["difference"];
        assert_eq!(difference["changed"], 4, "{sql_type}: {difference}");
        let missing = difference["missing"].as_u64();
        assert_eq!(missing, Some(0), "{sql_type}: {difference}");
    }
}

#[test]
fn a_key_of_several_columns_is_read_page_by_page_and_no_row_of_a_border_is_lost() {
    let tables = "CREATE TABLE \"Lines\" (\"order\" text, line int, at timestamptz, n int, \
                  PRIMARY KEY (\"order\", line, at))";
    // Pages end in the middle of an order, and of a line.
    let rows = "INSERT INTO \"Lines\" SELECT 'o''' || i / 900, i % 900 / 3, \
                '2024-01-01 00:00:00.5+00'::timestamptz + i % 3 * interval '1 s', i \
                FROM generate_series(0, 4499) i";
    let pair = read_by_select(Sample::Same { tables, rows });
    let pages = asked(&pair, "(\"order\", \"line\", \"at\") > (");
    let equal = report(&pair, &[], 0);
    assert_eq!(table(&equal, "public.\"Lines\"")["verdict"], "as sent");
    assert!(pages.fired() >= 1, "{} pages", pages.fired());
    pair.target_execute("DELETE FROM \"Lines\" WHERE n IN (999, 1000)");
    let missing = report(&pair, &[], 6);
    let difference = &table(&missing, "public.\"Lines\"")["difference"];
    assert_eq!(difference["missing"], 2, "{difference}");
    assert_eq!(difference["extra"], 0, "{difference}");
}

/// Each page would sort the table.
#[test]
fn an_index_in_another_order_than_its_column_is_not_read_along() {
    let tables = "CREATE TABLE \"Words\" (word text NOT NULL, body text)";
    // What is no index of all rows and of columns is not counted through either.
    for (index, code) in [
        ("(word COLLATE \"en-x-icu\")", 0),
        ("(word text_pattern_ops)", 0),
        ("(word DESC)", 0),
        ("(lower(word))", 7),
        ("(word) WHERE word <> 'x'", 7),
    ] {
        let rows = "INSERT INTO \"Words\" SELECT 'k' || i, 'x' FROM generate_series(1, 2500) i";
        let pair = read_by_select(Sample::Same { tables, rows });
        pair.target_execute(&format!("CREATE UNIQUE INDEX other ON \"Words\" {index}"));
        pair.standin.log().clear();
        let read = report(&pair, &["--level", "digest"], code);
        assert_eq!(table(&read, "public.\"Words\"")["rows"], 2500);
        never_asked(&pair, "ORDER BY \"word\" LIMIT");
    }
}

/// What a large table of a DB9 is read by: a table of 17 MB, its first rows' keys, and how they are ordered.
fn large(columns: &str, key: &str) -> Pair {
    let tables = format!("CREATE TABLE large ({columns}, body text, n int)");
    let rows = format!(
        "INSERT INTO large SELECT {key}, repeat(md5(i::text), 32), i FROM generate_series(1, 17000) i; ANALYZE large"
    );
    let (tables, rows) = (tables.as_str(), rows.as_str());
    crate::copied(Sample::Same { tables, rows })
}

/// Some rows are changed, one is gone, one is too many, wherever they are.
#[track_caller]
fn finds_what_was_damaged(pair: &Pair, extra: &str) {
    let equal = report(pair, &["--jobs", "4"], 0);
    assert_eq!(table(&equal, "public.large")["rows"], 17_000);
    pair.target_execute(&format!(
        "UPDATE large SET body = 'x' WHERE n % 1700 = 0; DELETE FROM large WHERE n = 5; \
         INSERT INTO large VALUES ({extra}, 'x', 0)"
    ));
    let report = report(pair, &["--jobs", "4"], 6);
    let difference = &table(&report, "public.large")["difference"];
    let counts = ["changed", "missing", "extra"].map(|what| difference[what].as_u64());
    assert_eq!(counts, [Some(10), Some(1), Some(1)], "{difference}");
}

#[test]
fn a_large_table_of_a_db9_is_read_by_ranges_of_texts_and_of_timestamps() {
    let texts = "(ARRAY['k','K','ö','\\','''','_'])[1 + i % 6] || i";
    let times = "'2024-01-01 00:00:00.000789+00'::timestamptz + i * interval '1.001234 s'";
    for (columns, key, extra) in [
        ("id text PRIMARY KEY", texts, "''"),
        ("id timestamptz PRIMARY KEY", times, "'infinity'"),
        ("id numeric PRIMARY KEY", "i * 0.37", "'-1e30'"),
    ] {
        let pair = large(columns, key);
        let ranges = asked(&pair, "\"id\" >= ");
        finds_what_was_damaged(&pair, extra);
        assert!(ranges.fired() >= 1, "{columns}");
    }
}

#[test]
fn a_large_table_of_a_db9_is_read_by_ranges_of_a_key_of_several_columns() {
    let pair = large("a text, b int, PRIMARY KEY (a, b)", "'o''' || i % 2, i");
    let ranges = asked(&pair, "(\"a\", \"b\") >= (");
    finds_what_was_damaged(&pair, "'o''1', 99999");
    assert!(ranges.fired() >= 1);
}

/// Then the first column cuts, and there are no pages.
#[test]
fn a_target_that_compares_no_rows_is_read_by_ranges_of_the_first_column() {
    let pair = large("a text, b int, PRIMARY KEY (a, b)", "'o''' || i % 50, i");
    let refuse = Action::Error {
        sqlstate: "0A000".to_owned(),
        message: "rows are not compared".to_owned(),
        deaf: Duration::ZERO,
    };
    let row_comparison = Fault::new(Trigger::query("(1, 2) > (1, 1)"), refuse);
    pair.standin.faults().add(row_comparison.always());
    let ranges = asked(&pair, "\"a\" >= ");
    pair.standin.log().clear();
    finds_what_was_damaged(&pair, "'o''7', 99999");
    assert!(ranges.fired() >= 1);
    never_asked(&pair, "(\"a\", \"b\")");
    never_asked(&pair, "ORDER BY \"a\"");
}

/// A target has no partitions: theirs are the rows of one large table.
#[test]
fn a_large_table_whose_source_is_partitioned_is_read_by_ranges_too() {
    let source = "CREATE TABLE large (id text, body text, n int, PRIMARY KEY (id, n)) PARTITION BY RANGE (n); \
                  CREATE TABLE p1 PARTITION OF large FOR VALUES FROM (0) TO (9000); \
                  CREATE TABLE p2 PARTITION OF large FOR VALUES FROM (9000) TO (100000); \
                  INSERT INTO large SELECT 'k' || i, repeat(md5(i::text), 32), i FROM generate_series(1, 17000) i; \
                  ANALYZE p1; ANALYZE p2";
    let target = "CREATE TABLE large (id text PRIMARY KEY, body text, n int)";
    let pair = crate::copied(Sample::Sql { source, target });
    let ranges = asked(&pair, "\"id\" >= 'k");
    finds_what_was_damaged(&pair, "'zz'");
    assert!(ranges.fired() >= 1);
}

#[test]
fn a_sample_of_texts_and_of_cut_timestamps_has_the_same_rows_on_both_sides() {
    let tables = "CREATE TABLE words (word text PRIMARY KEY, body text); \
                  CREATE TABLE moments (at timestamptz PRIMARY KEY, body text)";
    let rows = "INSERT INTO words SELECT (ARRAY['k','K','ö','\\','''','_'])[1 + i % 6] || i, repeat('x', 100) \
                FROM generate_series(1, 20000) i; \
                INSERT INTO moments SELECT '2024-01-01 00:00:00+00'::timestamptz + i * interval '0.0017 s', \
                repeat('x', 100) FROM generate_series(1, 20000) i; ANALYZE";
    // Each side sorts texts in its own way: here the source does it as people do.
    let pair = Pair::of(Sample::Same { tables, rows });
    let collate = "ALTER TABLE words ALTER word TYPE text COLLATE \"en-x-icu\"";
    pair.source.execute(collate).expect("the source");
    pair.copy().run().ends_with(0);
    for _ in 0..3 {
        let sampled = report(&pair, &["--sample", "20"], 7);
        for name in ["public.words", "public.moments"] {
            let found = table(&sampled, name);
            assert_eq!(found["verdict"], "equal", "{found}");
            assert_eq!(found["sampled"], true, "{found}");
            let rows = found["rows"].as_u64().expect("a number");
            assert!((1000..10_000).contains(&rows), "{rows} rows of 20,000");
        }
    }
    pair.target_execute("UPDATE words SET body = 'y'; UPDATE moments SET body = 'y'");
    let changed = report(&pair, &["--sample", "20"], 6);
    for name in ["public.words", "public.moments"] {
        let found = table(&changed, name);
        assert_eq!(found["difference"]["changed"], found["rows"], "{found}");
    }
}

/// Its index has another order than the bytes that a sample is cut by.
#[test]
fn a_sample_of_texts_that_the_target_sorts_otherwise_is_the_whole_table() {
    let source = "CREATE TABLE words (word text PRIMARY KEY); \
                  INSERT INTO words SELECT 'w' || i FROM generate_series(1, 20000) i; ANALYZE";
    let target = "CREATE TABLE words (word text COLLATE \"en-x-icu\" PRIMARY KEY)";
    let pair = crate::copied(Sample::Sql { source, target });
    let whole = report(&pair, &["--sample", "20"], 0);
    let words = table(&whole, "public.words");
    assert_eq!(
        (&words["sampled"], &words["rows"]),
        (&false.into(), &20_000.into())
    );
}

/// The target may be any server that speaks the protocol.
#[test]
fn texts_of_a_plain_postgresql_are_sampled_too() {
    let tables = "CREATE TABLE words (word varchar(20) PRIMARY KEY)";
    let rows = "INSERT INTO words SELECT 'W''' || i FROM generate_series(1, 20000) i; ANALYZE";
    let pair = crate::copied(Sample::Same { tables, rows });
    let target = format!("{}?sslmode=disable", pair.standin.admin_uri());
    let source = pair.source.uri();
    let command = [
        "verify",
        "--postgres",
        &source,
        "--db9",
        &target,
        "--sample",
        "10",
    ];
    let run = Wire9::bare().args(&command).run().ends_with(7);
    run.says("public.words: ").says("equal to the source");
    pair.target_execute("DELETE FROM words WHERE word LIKE '%7'");
    Wire9::bare()
        .args(&command)
        .run()
        .ends_with(6)
        .says("missing: word = W'");
    verify(&pair, &[]).ends_with(6).says("2,000 missing");
}
