//! `--deep`: its numbers are those of the rows that were planted.

use testenv::{Cluster, ClusterOptions, Standin, StandinOptions};

use super::harness::{self, Wire9};
use super::{check, expected, found, json, source};

#[test]
fn values_that_lose_something_are_counted_per_column() {
    let source = source(
        "CREATE TABLE v (id int PRIMARY KEY, zoned timestamptz, plain timestamp, three timestamp(3), \
            list timestamptz[], day date, span interval, n numeric, m numeric(20,2), f float8, r real, c char(5), \
            grid int[], bounds int[]); \
         INSERT INTO v (id, zoned) SELECT i, timestamptz '2024-01-01 00:00:00+00' + i * interval '1 ms' \
            FROM generate_series(1, 1000) i; \
         UPDATE v SET zoned = zoned + interval '1 us' WHERE id <= 7; \
         UPDATE v SET plain = 'infinity' WHERE id = 8; \
         UPDATE v SET plain = '-infinity' WHERE id = 9; \
         UPDATE v SET plain = '0044-03-15 00:00:00.000001 BC' WHERE id = 10; \
         UPDATE v SET plain = '12345-01-01' WHERE id IN (11, 12); \
         UPDATE v SET three = '2024-01-01 00:00:00.123456' WHERE id = 13; \
         UPDATE v SET list = '{2024-01-01 00:00:00.0001+00,NULL,2024-01-01 00:00:00.0002+00}' WHERE id = 14; \
         UPDATE v SET list = '{2024-01-01 00:00:00.001+00}' WHERE id = 15; \
         UPDATE v SET day = 'infinity' WHERE id = 16; \
         UPDATE v SET span = '1 month 2 days' WHERE id IN (17, 18); \
         UPDATE v SET span = '1.000001' WHERE id = 19; \
         UPDATE v SET n = 123456789012345678901234567890 WHERE id = 20; \
         UPDATE v SET n = 1234567890123456789012345678.000 WHERE id = 21; \
         UPDATE v SET n = 'NaN' WHERE id = 22; \
         UPDATE v SET n = 'Infinity' WHERE id = 23; \
         UPDATE v SET n = 1e-30 WHERE id = 24; \
         UPDATE v SET m = 'NaN' WHERE id = 25; \
         UPDATE v SET f = '-Infinity' WHERE id = 26; \
         UPDATE v SET r = 0.1 WHERE id = 27; \
         UPDATE v SET r = 0.5 WHERE id = 28; \
         UPDATE v SET c = 'ab' WHERE id IN (29, 30); \
         UPDATE v SET c = 'abcde' WHERE id = 31; \
         UPDATE v SET grid = '{{1,2},{3,4}}' WHERE id = 32; \
         UPDATE v SET bounds = '[0:1]={1,2}' WHERE id IN (33, 34)",
    );
    let run = check(&source).args(&["--deep", "--format", "json"]).run();
    let report = json(&run);
    assert_eq!(
        found(&report, "deep-"),
        expected(&[
            ("deep-array-bounds", "column public.v.bounds", 2),
            ("deep-array-dimensions", "column public.v.grid", 1),
            ("deep-bc", "column public.v.plain", 1),
            ("deep-char-padding", "column public.v.c", 2),
            ("deep-float4", "column public.v.r", 1),
            ("deep-infinity", "column public.v.day", 1),
            ("deep-infinity", "column public.v.plain", 2),
            ("deep-interval-days", "column public.v.span", 2),
            ("deep-interval-digits", "column public.v.span", 1),
            ("deep-nan", "column public.v.f", 1),
            ("deep-nan", "column public.v.m", 1),
            ("deep-nan", "column public.v.n", 2),
            ("deep-numeric-digits", "column public.v.n", 2),
            ("deep-timestamp-digits", "column public.v.list", 1),
            ("deep-timestamp-digits", "column public.v.plain", 1),
            ("deep-timestamp-digits", "column public.v.zoned", 7),
            ("deep-year-above-9999", "column public.v.plain", 2),
        ])
    );
    assert_eq!(
        report["not_checked"].as_array().map(Vec::len),
        Some(0),
        "{report}"
    );
    assert_eq!(report["deep"], true);
}

#[test]
fn keys_that_collide_after_the_cut_are_counted_in_groups() {
    let source = source(
        "CREATE TABLE event (at timestamptz, device int, note text, PRIMARY KEY (at, device)); \
         INSERT INTO event SELECT timestamptz '2024-01-01 00:00:00+00' + i * interval '1 s', 1 \
            FROM generate_series(1, 100) i; \
         INSERT INTO event VALUES ('2024-01-01 00:00:01.0001+00', 1), ('2024-01-01 00:00:01.0002+00', 1), \
            ('2024-01-01 00:00:02.0009+00', 1), ('2024-01-01 00:00:03.0001+00', 2); \
         CREATE TABLE named (id int PRIMARY KEY, name text, since timestamp, gone bool, other timestamp, \
            CONSTRAINT once UNIQUE (name, since)); \
         CREATE UNIQUE INDEX living ON named (name, other) WHERE NOT gone; \
         CREATE UNIQUE INDEX per_letter ON named (lower(name), (other - interval '1 day')); \
         INSERT INTO named VALUES (1, 'a', '2024-01-01 00:00:00.0001', false, '2024-01-01 00:00:00.0001'), \
            (2, 'a', '2024-01-01 00:00:00.0002', true, '2024-01-01 00:00:00.0002'), \
            (3, 'a', NULL, false, NULL), (4, 'a', NULL, false, NULL); \
         CREATE TABLE hashed (at timestamptz PRIMARY KEY) PARTITION BY HASH (at); \
         CREATE TABLE hashed_0 PARTITION OF hashed FOR VALUES WITH (MODULUS 3, REMAINDER 0); \
         CREATE TABLE hashed_1 PARTITION OF hashed FOR VALUES WITH (MODULUS 3, REMAINDER 1); \
         CREATE TABLE hashed_2 PARTITION OF hashed FOR VALUES WITH (MODULUS 3, REMAINDER 2); \
         INSERT INTO hashed SELECT timestamptz '2024-01-01 00:00:00+00' + i * interval '1 us' \
            FROM generate_series(0, 1999) i",
    );
    let run = check(&source)
        .args(&["--deep", "--format", "json"])
        .run()
        .ends_with(9);
    let report = json(&run);
    assert_eq!(
        found(&report, "deep-"),
        expected(&[
            (
                "deep-primary-key-collision",
                "primary key public.event.event_pkey",
                2
            ),
            (
                "deep-primary-key-collision",
                "primary key public.hashed.hashed_pkey",
                2
            ),
            ("deep-timestamp-digits", "column public.event.at", 4),
            ("deep-timestamp-digits", "column public.hashed.at", 1998),
            ("deep-timestamp-digits", "column public.named.other", 2),
            ("deep-timestamp-digits", "column public.named.since", 2),
            (
                "deep-unique-collision",
                "unique constraint public.named.once",
                1
            ),
            (
                "deep-unique-collision",
                "unique index public.named.per_letter",
                1
            ),
        ])
    );
    let text = check(&source).arg("--deep").run();
    text.says("primary key public.event.event_pkey (2): 2 groups, 5 rows in all")
        .says("primary key public.hashed.hashed_pkey (2): 2 groups, 2000 rows in all");
}

#[test]
fn checks_and_generated_columns_are_computed_anew_from_what_is_cut() {
    let source = source(
        "CREATE TABLE span (id int PRIMARY KEY, began timestamp, ended timestamp, \
            seconds float8 GENERATED ALWAYS AS (extract(epoch FROM ended - began)) STORED, \
            CONSTRAINT forward CHECK (began < ended), CONSTRAINT positive CHECK (id > 0)); \
         INSERT INTO span SELECT i, '2024-01-01', '2024-01-02' FROM generate_series(1, 50) i; \
         INSERT INTO span VALUES (51, '2024-01-01 00:00:00.0001', '2024-01-01 00:00:00.0002'), \
            (52, '2024-01-01 00:00:00.0001', '2024-01-01 00:00:00.0019'), \
            (53, '2024-01-01 00:00:00.0001', '2024-01-01 00:00:01.0001'); \
         ALTER TABLE span ADD CONSTRAINT never CHECK (began > ended) NOT VALID",
    );
    let run = check(&source)
        .args(&["--deep", "--format", "json"])
        .run()
        .ends_with(9);
    let report = json(&run);
    let mut found = found(&report, "deep-");
    found.retain(|(id, _), _| id != "deep-timestamp-digits");
    assert_eq!(
        found,
        expected(&[
            (
                "deep-check-turns-false",
                "constraint public.span.forward",
                1
            ),
            ("deep-generated-changes", "column public.span.seconds", 2),
        ])
    );
}

#[test]
fn checks_of_domains_are_computed_anew_whether_the_target_has_the_domain_or_not() {
    let source = source(
        "CREATE DOMAIN stamp AS timestamptz CHECK (VALUE > '2000-01-01'); \
         CREATE DOMAIN later AS stamp CONSTRAINT much_later CHECK (VALUE > '2024-01-01 00:00:00+00'); \
         CREATE TABLE t (id int PRIMARY KEY, at later, VALUE later); \
         INSERT INTO t VALUES (1, '2024-01-01 00:00:00.0001+00', NULL), (2, '2024-01-01 00:00:00.0011+00', NULL)",
    );
    let standin = Standin::start(StandinOptions::default()).expect("a stand-in");
    let one = [("deep-check-turns-false", "column public.t.at", 1)];
    for target in [&[][..], &["--db9", &standin.uri()]] {
        let run = check(&source)
            .args(&["--deep", "--format", "json"])
            .args(target)
            .run()
            .ends_with(9);
        let report = json(&run);
        assert_eq!(found(&report, "deep-check-turns-false"), expected(&one));
        let stays = found(&report, "timestamp-check");
        assert!(
            stays
                .keys()
                .any(|(_, object)| object == "column public.t.at")
        );
    }
    check(&source)
        .arg("--deep")
        .run()
        .says("column public.t.at: CHECK much_later of its domain");
}

#[test]
fn times_and_arrays_of_domains_that_the_target_has_are_counted_too() {
    let source = source(
        "CREATE DOMAIN stamp AS timestamptz; CREATE DOMAIN ratio AS numeric; CREATE DOMAIN hour AS time; \
         CREATE TABLE t (id int PRIMARY KEY, clock time, coarse time(2), clocks time[], hours hour, \
            stamps stamp[], ratios ratio[], zoned timetz); \
         INSERT INTO t (id) SELECT generate_series(1, 100); \
         UPDATE t SET clock = time '10:00:00.001' + id * interval '1 ms' WHERE id <= 50; \
         UPDATE t SET clock = '10:00:00.0001' WHERE id IN (51, 52, 53); \
         UPDATE t SET coarse = '10:00:00.123456' WHERE id = 54; \
         UPDATE t SET clocks = '{10:00:00.001,NULL}' WHERE id = 55; \
         UPDATE t SET clocks = '{10:00:00.001,23:59:59.999999}' WHERE id IN (56, 57); \
         UPDATE t SET hours = '01:00:00.0005' WHERE id = 58; \
         UPDATE t SET stamps = '{2024-01-01 00:00:00.0001+00}' WHERE id <= 4; \
         UPDATE t SET stamps = '{2024-01-01 00:00:00.001+00}' WHERE id = 59; \
         UPDATE t SET stamps = '{{infinity,NULL}}' WHERE id = 60; \
         UPDATE t SET ratios = '{1,NaN}' WHERE id IN (61, 62); \
         UPDATE t SET ratios = '{1234567890123456789012345678901}' WHERE id = 63; \
         UPDATE t SET zoned = '10:00:00.0001+01' WHERE id = 64",
    );
    let run = check(&source).args(&["--deep", "--format", "json"]);
    let profile = run.folder().join("profile.toml");
    std::fs::write(&profile, "domains = true\ntime_digits = 3\n").expect("it can be written");
    let path = profile.to_string_lossy().into_owned();
    let report = json(&run.args(&["--profile", &path]).run());
    assert_eq!(
        found(&report, "deep-"),
        expected(&[
            ("deep-array-dimensions", "column public.t.stamps", 1),
            ("deep-infinity", "column public.t.stamps", 1),
            ("deep-nan", "column public.t.ratios", 2),
            ("deep-numeric-digits", "column public.t.ratios", 1),
            ("deep-time-digits", "column public.t.clock", 3),
            ("deep-time-digits", "column public.t.clocks", 2),
            ("deep-time-digits", "column public.t.hours", 1),
            ("deep-timestamp-digits", "column public.t.stamps", 4),
        ])
    );
    // A text keeps all of them, and two digits are fewer than three.
    let by_catalog = found(&report, "time-digits");
    let columns: Vec<&str> = by_catalog
        .keys()
        .map(|(_, column)| column.as_str())
        .collect();
    assert_eq!(
        columns,
        [
            "column public.t.clock",
            "column public.t.clocks",
            "column public.t.hours"
        ]
    );
}

#[test]
fn rows_near_and_over_the_limits_are_counted() {
    let source = source(
        "CREATE TABLE wide (id int PRIMARY KEY, body text, bytes bytea); \
         INSERT INTO wide SELECT 1, repeat('x', 32000001), NULL; \
         INSERT INTO wide SELECT 2, repeat('x', 17000000), NULL; \
         INSERT INTO wide SELECT 3, NULL, decode(repeat('00', 5000000), 'hex'); \
         INSERT INTO wide SELECT i, 'small', NULL FROM generate_series(4, 20) i",
    );
    let run = check(&source).args(&["--deep", "--format", "json"]).run();
    assert_eq!(
        found(&json(&run), "deep-"),
        expected(&[
            ("deep-line-near-limit", "table public.wide", 1),
            ("deep-line-too-long", "table public.wide", 1),
            ("deep-row-large", "table public.wide", 3),
        ])
    );
}

#[test]
fn bytes_that_are_no_utf8_are_counted_in_a_source_that_checks_nothing() {
    let cluster = Cluster::shared();
    let source = cluster
        .database_encoded("ascii", "SQL_ASCII")
        .expect("the source is made");
    let fill = "CREATE TABLE t (id int PRIMARY KEY, body text, tags text[]); \
         INSERT INTO t VALUES (1, 'plain', '{a}'), (2, convert_from('\\xc3a9', 'SQL_ASCII'), NULL), \
            (3, convert_from('\\xe9', 'SQL_ASCII'), NULL), (4, convert_from('\\xc0af', 'SQL_ASCII'), NULL), \
            (5, convert_from('\\xeda080', 'SQL_ASCII'), ARRAY['a', convert_from('\\xff', 'SQL_ASCII')]), \
            (6, convert_from('\\xf09f9880', 'SQL_ASCII'), NULL)";
    source.execute(fill).expect("the source is filled");
    let run = check(&source)
        .args(&["--deep", "--format", "json"])
        .run()
        .ends_with(9);
    let report = json(&run);
    assert_eq!(
        found(&report, "deep-"),
        expected(&[
            ("deep-invalid-utf8", "column public.t.body", 3),
            ("deep-invalid-utf8", "column public.t.tags", 1),
        ])
    );
    assert_eq!(found(&report, "sql-ascii").len(), 1);
}

#[test]
fn a_question_that_the_server_refuses_leaves_the_others_answered() {
    let source = source(
        "CREATE FUNCTION picky(timestamp, timestamp) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS \
            'BEGIN IF $1 = $2 THEN RAISE ''no: %'', $1; END IF; RETURN true; END'; \
         CREATE TABLE t (id int PRIMARY KEY, a timestamp, b timestamp, CONSTRAINT picked CHECK (public.picky(a, b)), \
            CONSTRAINT forward CHECK (a < b)); \
         INSERT INTO t VALUES (1, '2024-01-01 00:00:00.0001', '2024-01-01 00:00:00.0002')",
    );
    let run = check(&source).args(&["--deep", "--format", "json"]).run();
    let report = json(&run.never_says("2024-01-01"));
    let mut found = found(&report, "deep-");
    found.retain(|(id, _), _| id != "deep-timestamp-digits");
    assert_eq!(
        found,
        expected(&[
            ("deep-check-turns-false", "constraint public.t.forward", 1),
            (
                "deep-not-read",
                "constraint public.t.picked (deep-check-turns-false)",
                1
            ),
        ])
    );
    assert_eq!(
        report["not_checked"].as_array().map(Vec::len),
        Some(1),
        "{report}"
    );
}

#[test]
fn postgresql_13_is_read_as_deeply() {
    is_read_deeply(harness::thirteen());
}

macro_rules! versions {
    ($($name:ident $major:literal)+) => {$(
        #[test]
        fn $name() {
            let cluster = Cluster::start(ClusterOptions::new().major($major));
            is_read_deeply(&cluster.expect("this version is installed and starts"));
        }
    )+};
}

versions! {
    postgresql_14_is_read_as_deeply 14
    postgresql_16_is_read_as_deeply 16
    postgresql_17_is_read_as_deeply 17
    postgresql_18_is_read_as_deeply 18
}

#[track_caller]
fn is_read_deeply(cluster: &Cluster) {
    let source = cluster.database("checked").expect("the source is made");
    let fill = "CREATE TABLE t (at timestamptz PRIMARY KEY, n numeric); \
         INSERT INTO t VALUES ('2024-01-01 00:00:00.0001+00', 'NaN'), ('2024-01-01 00:00:00.0002+00', 1)";
    source.execute(fill).expect("the source is filled");
    let run = check(&source)
        .args(&["--deep", "--format", "json"])
        .run()
        .ends_with(9);
    assert_eq!(
        found(&json(&run), "deep-"),
        expected(&[
            ("deep-nan", "column public.t.n", 1),
            (
                "deep-primary-key-collision",
                "primary key public.t.t_pkey",
                1
            ),
            ("deep-timestamp-digits", "column public.t.at", 2),
        ])
    );
}

#[test]
fn a_thousand_tables_are_read_by_several_readers() {
    let many: String = (0..1_000)
        .map(|n| {
            format!("CREATE TABLE t{n} (at timestamp); INSERT INTO t{n} VALUES ('2024-01-01 00:00:00.0001');")
        })
        .collect();
    let source = source("SELECT 1");
    for part in many.split_inclusive(';').collect::<Vec<_>>().chunks(200) {
        source.execute(&part.concat()).expect("the tables are made");
    }
    let run = Wire9::bare()
        .args(&[
            "check",
            "--postgres",
            &source.uri(),
            "--deep",
            "--jobs",
            "3",
            "--format",
            "json",
        ])
        .run();
    let found = found(&json(&run), "deep-timestamp-digits");
    assert_eq!(found.len(), 1_000);
    run.says("answered 1,000 of 1,000 questions");
}

#[test]
fn timestamps_inside_ranges_are_counted_where_the_map_keeps_the_range() {
    let source = source(
        "CREATE TABLE t (id int PRIMARY KEY, during tsrange); \
         INSERT INTO t SELECT i, tsrange('2024-01-01', timestamp '2024-01-01' + i * interval '100 us') \
            FROM generate_series(1, 20) i",
    );
    let run = check(&source);
    let map = run.folder().join("map.toml");
    let path = map.to_string_lossy().into_owned();
    std::fs::write(&map, "[types]\ntsrange = \"tsrange\"\n").expect("it can be written");
    let run = run
        .args(&["--deep", "--format", "json", "--map", &path])
        .run();
    // Two of the twenty are whole milliseconds.
    assert_eq!(
        found(&json(&run), "deep-"),
        expected(&[("deep-timestamp-inside", "column public.t.during", 18)])
    );
    let as_text = check(&source).args(&["--deep", "--format", "json"]).run();
    assert_eq!(found(&json(&as_text), "deep-"), expected(&[]));
}
