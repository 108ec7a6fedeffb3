//! `wire9 schema`: printed, and applied.

use crate::harness::{Pair, Wire9};
use crate::office::{objects, office};

fn schema(pair: &Pair) -> Wire9 {
    Wire9::bare().args(&["schema", "--postgres", &pair.source.uri()])
}

#[test]
fn what_is_printed_is_taken_by_a_target_as_it_is() {
    let pair = office();
    let run = schema(&pair).run().ends_with(0);
    for text in [
        "-- pre-data: before the rows",
        "-- post-data: after the rows",
        "CREATE TABLE",
        "SELECT pg_catalog.setval(",
    ] {
        assert!(
            run.stdout.contains(text),
            "{text} is not in\n{}",
            run.stdout
        );
    }
    pair.target_execute(&run.stdout);
    assert!(objects(&pair).iter().any(|o| o == "trigger touch"));
}

#[test]
fn one_section_goes_into_a_file() {
    let pair = office();
    let run = schema(&pair);
    let file = run.folder().join("pre.sql");
    let path = file.to_string_lossy().into_owned();
    let running = run
        .args(&["--section", "pre-data", "--output", &path])
        .start();
    // The folder lives as long as the run.
    let mut running = running;
    running.when("the file is there", || {
        std::fs::read_to_string(&file).is_ok_and(|text| text.contains("CREATE TABLE"))
    });
}

#[test]
fn names_can_not_break_out_of_a_comment() {
    let pair = office();
    let name = "CREATE TABLE \"a\nDROP TABLE b; --\" (\"x\ny\" money); \
                CREATE RULE \"r\nDROP TABLE c\" AS ON DELETE TO hr.person DO NOTHING";
    pair.source.execute(name).expect("odd names");
    let run = schema(&pair).run().ends_with(0);
    let outside = run
        .stdout
        .lines()
        .filter(|line| line.starts_with("DROP TABLE"));
    // Inside of a quoted name a new line is a part of the name.
    let inside = run.stdout.matches("\"a\nDROP TABLE b; --\"").count();
    assert_eq!(outside.count(), inside, "{}", run.stdout);
    pair.target_execute(&run.stdout);
}

#[test]
fn applied_it_is_a_migration_of_the_schema_alone() {
    let pair = office();
    let apply = |pair: &Pair| {
        let uri = pair.standin.uri();
        schema(pair).args(&["--db9", &uri, "--apply"]).run()
    };
    apply(&pair).ends_with(0).says("statements applied");
    assert_eq!(pair.target_rows("public.task"), 0);
    assert!(objects(&pair).iter().any(|o| o == "constraint boss_fkey"));
    apply(&pair).ends_with(0).says("ALREADY DONE");
    Wire9::bare()
        .args(&["schema", "--postgres", &pair.source.uri(), "--apply"])
        .run()
        .ends_with(2)
        .says("--db9");
}

#[test]
fn for_a_postgresql_nothing_needs_to_be_given_up() {
    let pair = office();
    let run = schema(&pair)
        .args(&["--profile", "postgresql"])
        .run()
        .ends_with(0);
    assert!(
        run.stdout.contains("PARTITION BY") || run.stdout.contains("money"),
        "{}",
        run.stdout
    );
}

#[test]
fn a_dump_gives_the_same_schema_as_its_database() {
    let pair = office();
    let run = Wire9::bare();
    let file = run.folder().join("dump.sql");
    let dump = std::process::Command::new(pg_dump())
        .args([
            "--no-owner",
            "--file",
            &file.to_string_lossy(),
            &pair.source.uri(),
        ])
        .status()
        .expect("pg_dump starts");
    assert!(dump.success());
    let run = run
        .args(&["schema", "--from-dump", &file.to_string_lossy()])
        .run()
        .ends_with(0);
    let direct = schema(&pair).run().ends_with(0);
    let statements = |text: &str| -> std::collections::BTreeSet<String> {
        let lines = text
            .lines()
            .filter(|l| l.starts_with("CREATE ") || l.starts_with("ALTER "));
        // Routines are laid out as pg_dump or as the server does it.
        let lines = lines.filter(|l| !l.contains("FUNCTION public"));
        lines.map(str::to_owned).collect()
    };
    assert_eq!(statements(&run.stdout), statements(&direct.stdout));
    Wire9::bare()
        .args(&["schema", "--from-dump", "/no/such/dump.sql"])
        .run()
        .ends_with(2)
        .says("/no/such/dump.sql");
}

#[test]
fn a_dump_is_applied_and_the_same_command_continues() {
    let pair = office();
    // Its folder goes with it.
    let owner = Wire9::bare();
    let path = owner.folder().join("dump.sql");
    let path = path.to_string_lossy().into_owned();
    let dump = std::process::Command::new(pg_dump())
        .args(["--file", &path, &pair.source.uri()])
        .status()
        .expect("pg_dump starts");
    assert!(dump.success());
    let db9 = pair.standin.uri();
    let apply = ["schema", "--apply", "--from-dump", &path, "--db9", &db9];
    Wire9::bare().args(&apply).run().ends_with(0);
    let made = objects(&pair);
    for object in [
        "trigger touch",
        "constraint boss_fkey",
        "relation v public.busy_count",
    ] {
        assert!(made.iter().any(|o| o == object), "{object} in {made:?}");
    }
    assert_eq!(
        pair.target_rows("hr.person"),
        0,
        "no row of a dump is loaded"
    );
    // What is there is known, and nothing is done twice.
    Wire9::bare().args(&apply).run().ends_with(0);
    assert_eq!(objects(&pair), made);
    Wire9::bare()
        .args(&["schema", "--apply", "--from-dump", &path])
        .run()
        .ends_with(2)
        .says("--db9");
}

/// The newest `pg_dump` of this machine: an older one refuses a newer server.
fn pg_dump() -> std::path::PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL is installed");
    let mut found: Vec<_> = versions
        .filter_map(|v| Some(v.ok()?.path().join("bin/pg_dump")))
        .filter(|path| path.exists())
        .collect();
    found.sort();
    found.pop().expect("pg_dump is installed")
}
