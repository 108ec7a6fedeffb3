//! A failure at every row: the first, the last, several, all; for each reason that a row can be refused.

use testenv::Cluster;
use testenv::standin::Limits;

use crate::harness::Wire9;
use crate::scene::{Scene, Target, mode};

/// Rows of each small table.
const ROWS: usize = 5;

/// Why rows are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    Check,
    NotNull,
    Unique,
    ForeignKey,
    Deferred,
    Type,
    TooLong,
}

const REASONS: [Reason; 7] = [
    Reason::Check,
    Reason::NotNull,
    Reason::Unique,
    Reason::ForeignKey,
    Reason::Deferred,
    Reason::Type,
    Reason::TooLong,
];

impl Reason {
    /// SQL of the value that is refused, and of one that is not.
    fn values(self) -> (&'static str, &'static str) {
        match self {
            Self::Check => ("'-1'", "n::text"),
            Self::NotNull => ("NULL", "n::text"),
            Self::Unique => ("'there'", "n::text"),
            Self::ForeignKey | Self::Deferred => ("'77'", "'1'"),
            Self::Type => ("'x7'", "n::text"),
            Self::TooLong => ("'123456789'", "n::text"),
        }
    }

    /// The column of the target.
    fn column(self) -> &'static str {
        match self {
            Self::Check => "v text CONSTRAINT positive CHECK (v <> '-1')",
            Self::NotNull => "v text NOT NULL",
            Self::Unique => "v text UNIQUE",
            Self::ForeignKey => "v text REFERENCES parents",
            Self::Deferred => "v text REFERENCES parents DEFERRABLE INITIALLY DEFERRED",
            Self::Type => "v integer",
            Self::TooLong => "v varchar(4)",
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::Check => "23514",
            Self::NotNull => "23502",
            Self::Unique => "23505",
            Self::ForeignKey | Self::Deferred => "23503",
            Self::Type => "22P02",
            Self::TooLong => "22001",
        }
    }
}

/// Which rows are guilty, as bits from the first row on: each alone, first and last, neighbours, all, none.
fn guilts() -> Vec<u32> {
    let mut sets: Vec<u32> = (0..ROWS).map(|row| 1 << row).collect();
    sets.extend([0b10001, 0b01100, 0b10101, 0b11111, 0]);
    sets
}

fn table(reason: Reason, set: u32) -> String {
    format!("t_{}_{set}", format!("{reason:?}").to_lowercase())
}

/// Every reason at every set of rows, each in a table of its own, in one run.
fn everywhere(target: impl FnOnce(&str) -> Target) {
    let mut source = String::from(
        "CREATE TABLE parents (v text PRIMARY KEY); INSERT INTO parents VALUES ('1');",
    );
    let mut tables = String::from("CREATE TABLE parents (v text PRIMARY KEY);");
    for reason in REASONS {
        let (bad, good) = reason.values();
        for set in guilts() {
            let name = table(reason, set);
            source.push_str(&format!(
                "CREATE TABLE {name} (n integer, v text); INSERT INTO {name} SELECT n, \
                 CASE WHEN {set} >> n & 1 = 1 THEN {bad} ELSE {good} END \
                 FROM generate_series(0, {ROWS} - 1) n;"
            ));
            tables.push_str(&format!(
                "CREATE TABLE {name} (n integer, {});",
                reason.column()
            ));
            if reason == Reason::Unique {
                // So that the first of its kind is refused, too.
                tables.push_str(&format!("INSERT INTO {name} VALUES (-1, 'there');"));
            }
        }
    }
    let scene = Scene::new(&source, target(&tables));
    let run = scene
        .copy_with(&["--on-error", "reject", "--on-existing", "append"])
        .run()
        .ends_with(5);
    for reason in REASONS {
        for set in guilts() {
            let name = table(reason, set);
            let rejected = scene.nothing_is_lost(&name, " WHERE n >= 0");
            assert_eq!(rejected, set.count_ones() as usize, "{name}");
            let rows: Vec<u64> = (0..ROWS as u64).filter(|n| set >> n & 1 == 1).collect();
            let records = scene.records(&name);
            let told = records
                .iter()
                .map(|r| r["row"].as_u64().expect("a position") - 1);
            assert_eq!(told.collect::<Vec<_>>(), rows, "{name}");
            assert!(
                records.iter().all(|r| r["sqlstate"] == reason.code()),
                "{records:?}"
            );
            let told = run.table(&format!("public.{name}"));
            assert_eq!(told["rows_rejected"], rejected, "{name}");
            assert_eq!(told["rows_loaded"], ROWS - rejected, "{name}");
            assert_eq!(told["identity"], "holds", "{name}");
        }
    }
    let all: u32 = guilts().iter().map(|set| set.count_ones()).sum();
    let all = all as usize * REASONS.len();
    assert_eq!(run.result()["totals"]["rows_rejected"], all);
    let run = run.says(&format!("{all} rows rejected")).says("REJECTED");
    drop(run);
    assert_eq!(mode(&scene.folder()), 0o700);
    for ending in ["copy", "jsonl"] {
        assert_eq!(mode(&scene.path(&table(Reason::Check, 1), ending)), 0o600);
    }
    let again = scene.copy_with(&["--on-error", "reject", "--on-existing", "append"]);
    again.run().ends_with(5).says("rejected");
}

#[test]
fn a_failure_at_every_row_rejects_that_row_alone_on_a_stand_in() {
    everywhere(|tables| Target::standin(Limits::default(), tables));
}

#[test]
fn a_failure_at_every_row_rejects_that_row_alone_on_postgresql() {
    everywhere(Target::postgres);
}

/// Rows of several batches of two lanes.
#[test]
fn bad_rows_of_many_batches_are_rejected_and_the_rest_loads() {
    let scene = crate::scene::wide();
    let run = scene.copy().run().ends_with(5);
    assert_eq!(scene.nothing_is_lost("wide", ""), crate::scene::WIDE_BAD);
    assert_eq!(
        run.table("public.wide")["rows_rejected"],
        crate::scene::WIDE_BAD
    );
    scene
        .rejects("list")
        .run()
        .ends_with(0)
        .says("public.wide: 21 rows")
        .says("21 rows  23514  constraint few")
        .says("\\copy \"public\".\"wide\" (\"id\", \"body\") from '");
}

#[test]
fn bytes_that_are_no_utf8_are_rejected_as_they_are_wherever_they_stand() {
    let source = Cluster::shared().database_encoded("ascii", "SQL_ASCII");
    let source = source.expect("the source is made");
    let mut tables = String::new();
    for set in guilts() {
        tables.push_str(&format!("CREATE TABLE t_{set} (n integer, v text);"));
        source
            .execute(&format!(
                "SET client_encoding = 'SQL_ASCII'; CREATE TABLE t_{set} (n integer, v text); \
                 INSERT INTO t_{set} SELECT n, CASE WHEN {set} >> n & 1 = 1 THEN E'a\\xffb' \
                 ELSE n::text END FROM generate_series(0, {ROWS} - 1) n"
            ))
            .expect("it is filled");
    }
    let scene = Scene::of(source, Target::standin(Limits::default(), &tables));
    scene.copy().run().ends_with(5);
    for set in guilts() {
        let name = format!("t_{set}");
        assert_eq!(scene.nothing_is_lost(&name, ""), set.count_ones() as usize);
        for record in scene.records(&name) {
            assert_eq!(
                (&record["sqlstate"], &record["by"]),
                (&"22021".into(), &"wire9".into())
            );
        }
    }
}

/// Byte 0x81 is no character of WIN1252; with the byte before it, it would be one of UTF-8.
#[test]
fn rows_that_the_source_can_not_send_as_utf8_are_rejected_wherever_they_stand() {
    let source = Cluster::shared().database_encoded("win", "WIN1252");
    let source = source.expect("the source is made");
    let mut tables = String::new();
    for set in guilts() {
        tables.push_str(&format!("CREATE TABLE t_{set} (n integer, v text);"));
        source
            .execute(&format!(
                "SET client_encoding = 'WIN1252'; CREATE TABLE t_{set} (n integer, v text); \
                 INSERT INTO t_{set} SELECT n, CASE WHEN {set} >> n & 1 = 1 THEN E'\\xc3\\x81\\\\' \
                 ELSE E'\\xe9' || n END FROM generate_series(0, {ROWS} - 1) n"
            ))
            .expect("it is filled");
    }
    let scene = Scene::of(source, Target::standin(Limits::default(), &tables));
    let condition = ["--where", "t_17=n < 100"];
    let run = scene.copy().args(&condition).run().ends_with(5);
    for set in guilts() {
        let name = format!("t_{set}");
        assert_eq!(scene.nothing_is_lost(&name, ""), set.count_ones() as usize);
        let rows: Vec<u64> = (0..ROWS as u64).filter(|n| set >> n & 1 == 1).collect();
        let records = scene.records(&name);
        let told = records
            .iter()
            .map(|r| r["row"].as_u64().expect("a position") - 1);
        assert_eq!(told.collect::<Vec<_>>(), rows, "{name}");
        for record in records {
            assert_eq!(
                (&record["sqlstate"], &record["by"]),
                (&"22P05".into(), &"source".into())
            );
        }
        assert!(scene.file(&name).is_ascii(), "{name}");
        assert_eq!(
            run.table(&format!("public.{name}"))["identity"],
            "holds",
            "{name}"
        );
    }
    // Their bytes would be other characters of UTF-8: they are not sent before they are mended.
    scene.replay().run().ends_with(5);
    let file = scene.path("t_1", "copy");
    assert_eq!(
        std::fs::read(&file).expect("it is there"),
        b"0\t\\xc3\\x81\\\\\n"
    );
    std::fs::write(&file, "0\tÁ\n").expect("it is mended");
    scene.replay().run().ends_with(5);
    let mended = "t_1 WHERE v = 'Á'";
    assert_eq!(scene.target.database().count(mended).expect("counted"), 1);
    assert!(scene.records("t_1").is_empty());
    assert_eq!(scene.records("t_2").len(), 1);
}

/// Several batches and chunks; a connection that breaks, and a process that dies, begin the chunk again.
#[test]
fn rows_that_the_source_can_not_send_are_passed_over_again_after_a_cut_and_a_kill() {
    let source = Cluster::shared().database_encoded("win", "WIN1252");
    let source = source.expect("the source is made");
    let columns = "CREATE TABLE wide (id integer, body text)";
    source
        .execute(&format!(
            "SET client_encoding = 'WIN1252'; {columns}; INSERT INTO wide SELECT n, repeat(md5(n::text), 32) \
             || CASE WHEN n % 300 = 5 THEN E'\\x81' ELSE E'\\xe9' END FROM generate_series(1, 2000) n; \
             ANALYZE wide"
        ))
        .expect("it is filled");
    let proxy = testenv::FaultProxy::start(&source.uri()).expect("the proxy starts");
    let row = testenv::fault::Trigger::backend(testenv::fault::Backend::CopyData);
    let cut = |nth| {
        let cut = testenv::Action::Cut(testenv::fault::Close::Rst);
        testenv::Fault::new(row.clone().application("wire9/").nth(nth), cut)
    };
    let scene = Scene::of(source, Target::standin(Limits::default(), columns));
    let scene = scene.arguments(&crate::scene::SMALL);
    let command = || {
        let folder = scene.folder();
        Wire9::copy(proxy.uri(), &scene.target.uri())
            .args(&[
                "--on-error",
                "reject",
                "--rejects",
                &folder.to_string_lossy(),
            ])
            .args(&crate::scene::SMALL)
    };
    proxy.faults().add(cut(1_500));
    let slow = testenv::Action::Latency(std::time::Duration::from_millis(30));
    let Target::Standin(standin) = &scene.target else {
        unreachable!("it is one")
    };
    let begin = testenv::Trigger::query("application_name = 'wire9/");
    standin
        .faults()
        .add(testenv::Fault::new(begin, slow).always());
    let mut running = command().start();
    running.when("rows are rejected", || {
        !scene.file("wide").is_empty()
            && scene.target.database().count("wide").is_ok_and(|n| n > 500)
    });
    running.signal("KILL");
    running.wait();
    command().run().ends_with(5);
    assert_eq!(scene.nothing_is_lost("wide", ""), 7);
}

#[test]
fn rows_above_the_line_limit_are_rejected_whoever_finds_them() {
    let source = "CREATE TABLE long (n integer, v text); INSERT INTO long SELECT n, \
                  repeat('x', CASE WHEN n IN (1, 50, 100) THEN 3000 ELSE 10 END) \
                  FROM generate_series(1, 100) n";
    let tables = "CREATE TABLE long (n integer, v text)";
    let limits = Limits {
        line_bytes: 2000,
        ..Limits::default()
    };
    // The target's limit is not known before: its refusal names no line.
    let scene = Scene::new(source, Target::standin(limits, tables));
    scene.copy().run().ends_with(5);
    assert_eq!(scene.nothing_is_lost("long", ""), 3);
    assert!(scene.records("long").iter().all(|r| r["by"] == "target"));
    // It is known: such rows are not sent.
    let scene = Scene::new(source, Target::standin(Limits::default(), tables));
    let run = scene.copy();
    let profile = run.folder().join("profile.toml");
    std::fs::write(&profile, "max_line_bytes = 2000\n").expect("it is written");
    run.args(&["--profile", &profile.to_string_lossy()])
        .run()
        .ends_with(5);
    assert_eq!(scene.nothing_is_lost("long", ""), 3);
    for record in scene.records("long") {
        assert_eq!(
            (&record["sqlstate"], &record["by"]),
            (&"54000".into(), &"wire9".into())
        );
    }
}

#[test]
fn a_migration_puts_rows_aside_and_does_everything_else() {
    let source = "CREATE TABLE long (n integer PRIMARY KEY, v text); CREATE INDEX by_n ON long (v); \
                  INSERT INTO long SELECT n, repeat('x', CASE WHEN n % 40 = 7 THEN 1500 ELSE 10 END) \
                  FROM generate_series(1, 100) n";
    let limits = Limits {
        line_bytes: 1000,
        ..Limits::default()
    };
    let scene = Scene::new(source, Target::standin(limits, ""));
    let folder = scene.folder();
    let migrate = || {
        Wire9::between("migrate", &scene.source.uri(), &scene.target.uri()).args(&[
            "--on-error",
            "reject",
            "--rejects",
            &folder.to_string_lossy(),
        ])
    };
    migrate().run().ends_with(5).says("rejected");
    assert_eq!(scene.nothing_is_lost("long", ""), 3);
    let indexes = "SELECT count(*) FROM pg_indexes WHERE indexname = 'by_n'";
    let indexes: u64 = scene
        .target
        .database()
        .query_value(indexes)
        .expect("an answer");
    assert_eq!(indexes, 1);
    migrate().run().ends_with(5).says("rejected");
}
