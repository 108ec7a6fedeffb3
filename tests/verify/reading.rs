//! How the target is read: by COPY, by SELECT, in pages and ranges, and by whom.

use std::time::Duration;

use testenv::StandinOptions;
use testenv::fault::{Action, Fault, FaultHandle, Trigger};
use testenv::standin::Limits;

use crate::harness::{Pair, Sample, Wire9};
use crate::{report, simple, table, verify};

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

/// Counts the statements to the target that hold this text.
fn asked(pair: &Pair, text: &str) -> FaultHandle {
    let seen = Fault::new(Trigger::query(text), Action::Latency(Duration::ZERO));
    pair.standin.faults().add(seen.always())
}

/// A DB9 reads a large table by ranges of its key, several at once, and by pages.
#[test]
fn a_large_table_of_a_db9_is_read_by_ranges_of_its_key() {
    let pair = crate::copied(Sample::Same {
        tables: "CREATE TABLE large (id bigint PRIMARY KEY, body text)",
        rows: "INSERT INTO large SELECT i * 7, repeat(md5(i::text), 32) FROM generate_series(1, 17000) i; \
               ANALYZE large",
    });
    let ranges = asked(&pair, "\"id\" >= '");
    let pages = asked(&pair, " ORDER BY \"id\" LIMIT ");
    let run = verify(&pair, &["--jobs", "4"]).ends_with(0);
    run.says("public.large: 17,000 rows, stored as they were sent");
    assert!(ranges.fired() >= 1, "{} statements", ranges.fired());
    // Those of the first range, which has no lower bound.
    assert!(pages.fired() >= 2, "{} pages", pages.fired());
    pair.target_execute(
        "UPDATE large SET body = overlay(body placing 'x' from 1000) WHERE id = 70007; \
         DELETE FROM large WHERE id = 7; INSERT INTO large VALUES (-1, 'first'), (999999, 'last')",
    );
    let report = report(&pair, &["--jobs", "4"], 6);
    let difference = &table(&report, "public.large")["difference"];
    let counts = ["changed", "missing", "extra"].map(|what| difference[what].as_u64());
    assert_eq!(counts, [Some(1), Some(1), Some(2)], "{difference}");
}

#[test]
fn a_table_that_copy_does_not_take_is_read_page_by_page() {
    let limits = Limits {
        quoted_copy_to: false,
        ..Limits::default()
    };
    let options = StandinOptions {
        limits,
        ..StandinOptions::default()
    };
    let sample = Sample::Same {
        tables: "CREATE TABLE \"Order\" (id int PRIMARY KEY, b text); CREATE TABLE \"Line\" (b text)",
        rows: "INSERT INTO \"Order\" SELECT i, 'x' || i FROM generate_series(-3000, 4500) i; \
               INSERT INTO \"Line\" SELECT 'x' || i FROM generate_series(1, 2500) i",
    };
    let pair = Pair::with(options, sample);
    pair.copy().run().ends_with(0);
    let pages = asked(&pair, " ORDER BY \"id\" LIMIT ");
    let report = report(&pair, &[], 0);
    assert!(pages.fired() >= 2, "{} pages", pages.fired());
    assert_eq!(table(&report, "public.\"Order\"")["rows"], 7501);
    assert_eq!(table(&report, "public.\"Line\"")["rows"], 2500);
    pair.target_execute(
        "DELETE FROM \"Order\" WHERE id = -2001; INSERT INTO \"Order\" VALUES (9000, 'y')",
    );
    let run = verify(&pair, &[]).ends_with(6);
    run.says("missing: id = -2001").says("extra: id = 9000");
}

/// Tables and their chunks are read at once; connections are as many as were asked for, and the keeper's.
#[test]
fn no_more_connections_are_made_to_either_side_than_were_asked_for() {
    let rows = |name: &str| {
        format!(
            "INSERT INTO {name} SELECT i, repeat(md5(i::text), 32) FROM generate_series(1, 17000) i; "
        )
    };
    let table = |name: &str| format!("CREATE TABLE {name} (id int PRIMARY KEY, body text); ");
    let names = ["a", "b", "c"];
    let (tables, rows) = (
        names.map(table).concat(),
        names.map(rows).concat() + "ANALYZE",
    );
    let (tables, rows) = (tables.as_str(), rows.as_str());
    let pair = crate::copied(Sample::Same { tables, rows });
    let (source, target) = (pair.source.uri(), pair.standin.uri());
    let command = ["verify", "--postgres", &source, "--db9", &target, "--both"];
    let slowly = ["--jobs", "2", "--max-rate", "40MB"];
    let mut running = Wire9::bare().args(&command).args(&slowly).start();
    let sessions = "SELECT count(*) FROM pg_stat_activity \
                    WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let (mut most_here, mut most_there) = (0u64, 0u64);
    running.before_its_end(|| {
        most_here = most_here.max(pair.source.query_value(sessions).expect("a number"));
        most_there = most_there.max(pair.standin.log().connections_open());
        false
    });
    running.wait().ends_with(0);
    // The snapshot's keeper and the ledger have one each.
    assert_eq!((most_here, most_there), (3, 3));
}
