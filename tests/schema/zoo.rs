//! Schemas as the large ones of this world have them, small: each is checked, printed and migrated whole, into
//! what a DB9 may be and into a PostgreSQL, and what was not made is said.

use std::collections::BTreeSet;

use testenv::standin::Limits;
use testenv::{Cluster, Database, Standin, equality};

use crate::accepted::unannounced;
use crate::harness::Wire9;
use crate::scene::{command, dumped, findings, found, printed, refused_by, standin};

const ZOO: [(&str, &str); 9] = [
    ("rental", include_str!("zoo/rental.sql")),
    ("forge", include_str!("zoo/forge.sql")),
    ("works", include_str!("zoo/works.sql")),
    ("music", include_str!("zoo/music.sql")),
    ("business", include_str!("zoo/business.sql")),
    ("chat", include_str!("zoo/chat.sql")),
    ("pipelines", include_str!("zoo/pipelines.sql")),
    ("flows", include_str!("zoo/flows.sql")),
    ("bureau", include_str!("zoo/bureau.sql")),
];

fn filled((name, statements): (&str, &str)) -> Database {
    let source = Cluster::shared().database(name).expect("a database");
    source.execute(statements).expect(name);
    source
}

fn targets() -> [(&'static str, Limits); 2] {
    [
        ("strictest", Limits::strictest()),
        ("latest", Limits::latest()),
    ]
}

#[test]
fn a_target_that_was_probed_refuses_only_what_was_announced() {
    let mut surprises = Vec::new();
    for animal in ZOO {
        let source = filled(animal);
        for (name, limits) in targets() {
            let target = standin(limits);
            let refused = unannounced(&source, Some(&target), &target);
            surprises.extend(refused.into_iter().map(|why| (animal.0, name, why)));
        }
    }
    assert!(surprises.is_empty(), "{surprises:#?}");
}

#[test]
fn a_postgresql_takes_every_statement() {
    let mut surprises = Vec::new();
    for animal in ZOO {
        let source = filled(animal);
        let run = command("schema", &source, None).args(&["--quiet", "--profile", "postgresql"]);
        let script = run.run().ends_with(0).stdout;
        let target = Cluster::shared().database("target").expect("a database");
        let refused = refused_by(&target.uri(), &script);
        surprises.extend(refused.into_iter().map(|why| (animal.0, why)));
    }
    assert!(surprises.is_empty(), "{surprises:#?}");
}

fn migrate(source: &Database, target: &Standin) -> Wire9 {
    let found = findings(source, Some(target));
    let blockers = found.iter().filter(|found| found.severity == "blocker");
    let mut ids: Vec<&str> = blockers.map(|found| found.id.as_str()).collect();
    ids.dedup();
    let run = command("migrate", source, Some(target));
    match ids.is_empty() {
        true => run,
        false => run.args(&["--accept", &ids.join(",")]),
    }
}

#[test]
fn each_is_migrated_whole_into_whatever_a_db9_takes() {
    let mut failed = Vec::new();
    for animal in ZOO {
        let source = filled(animal);
        for (name, limits) in targets() {
            let digits = if name == "latest" { 6 } else { 3 };
            let target = standin(limits);
            let run = migrate(&source, &target).run();
            if run.code != Some(0) {
                let told = run.stdout.split_once("\nLEFT OUT").map(|(told, _)| told);
                let told = told.unwrap_or(&run.stdout).to_owned();
                failed.push((animal.0, name, told + &run.stderr));
                continue;
            }
            assert_rows_equal(animal.0, &source, &target, digits);
        }
    }
    let told = failed
        .iter()
        .map(|(animal, name, told)| format!("{animal} into {name}: {told}"));
    assert!(failed.is_empty(), "{}", told.collect::<Vec<_>>().join("\n"));
}

/// All but the money, whose text differs.
#[track_caller]
fn assert_rows_equal(animal: &str, source: &Database, target: &Standin, digits: u8) {
    let (source, target) = (source.uri(), target.admin_uri());
    let (mut pairs, missing) = equality::pair_all(&source, &target).expect("described");
    assert_eq!(missing, [], "{animal}");
    for pair in &mut pairs {
        pair.columns
            .retain(|column| column.source != "standardcost");
    }
    let differences = equality::compare(&source, &target, &pairs, digits);
    assert_eq!(differences.expect("they can be compared"), [], "{animal}");
}

/// Findings of an animal as `id object: detail`.
fn told(name: &str) -> Vec<String> {
    let animal = ZOO.into_iter().find(|(animal, _)| *animal == name);
    let found = findings(&filled(animal.expect(name)), None);
    let told = found.iter();
    told.map(|found| format!("{} {}: {}", found.id, found.object, found.detail))
        .collect()
}

#[test]
fn what_a_text_only_looks_like_is_no_finding() {
    for (animal, never) in [
        // The server's own function, of which an extension has another one.
        ("chat", "max of citext"),
        // Columns that are called select and check.
        ("flows", "DDL in a routine"),
        // The function whose arguments stay, beside one whose become the same.
        ("flows", "routine-name-taken function public.over(a text)"),
    ] {
        let told = told(animal);
        let found = told.iter().find(|line| line.contains(never));
        assert_eq!(found, None, "{animal}");
    }
}

#[test]
fn what_changes_in_a_corner_is_said_too() {
    for (animal, line) in [
        (
            "chat",
            "routine-on-changed-type function public.timestamp_id(table_name text): bit becomes text",
        ),
        (
            "pipelines",
            "only-of-parent view public.only_parent: ONLY p_ci_builds",
        ),
        (
            "pipelines",
            "may-be-refused trigger public.joined.joined_insert: trigger INSTEAD OF",
        ),
        (
            "flows",
            "routine-name-taken function public.over(a public.email): public.over(a public.email)",
        ),
    ] {
        let told = told(animal);
        assert!(
            told.iter().any(|found| found == line),
            "{line} in {told:#?}"
        );
    }
}

/// What a script makes, without what is in parentheses.
fn made_by(script: &str) -> BTreeSet<String> {
    let lines = script.lines().filter(|line| line.starts_with("CREATE "));
    let lines = lines.map(|line| line.replace("OR REPLACE ", "").replace('"', ""));
    lines
        .map(|line| line.split('(').next().unwrap_or_default().trim().to_owned())
        .collect()
}

#[test]
fn a_dump_of_each_gives_the_objects_that_its_catalog_gives() {
    for animal in ZOO {
        let source = filled(animal);
        let connected = made_by(&printed(&source, None));
        let run = Wire9::bare();
        let path = dumped(&source, run.folder());
        let run = run.args(&["schema", "--quiet", "--from-dump", &path]).run();
        let mut from_dump = made_by(&run.ends_with(0).stdout);
        // That every database has it is told by the catalog alone.
        from_dump.insert("CREATE SCHEMA IF NOT EXISTS public;".to_owned());
        let differ: Vec<&String> = connected.symmetric_difference(&from_dump).collect();
        assert_eq!(differ, Vec::<&String>::new(), "{}", animal.0);
    }
}

#[test]
fn a_check_of_a_domain_that_rows_may_break_stays_one() {
    let source = filled(ZOO[8]);
    let printed = |arguments: &[&str]| {
        let run = command("schema", &source, None).arg("--quiet");
        run.args(arguments).run().ends_with(0).stdout
    };
    let same = printed(&["--profile", "postgresql"]);
    let of_domain = "ALTER DOMAIN \"core\".\"email\" ADD CONSTRAINT \"lower_case\" CHECK (((VALUE)::text = lower((VALUE)::text))) NOT VALID;";
    assert!(same.contains(of_domain), "{same}");
    let documented = printed(&[]);
    let of_column = "ALTER TABLE \"core\".\"employee\" ADD CONSTRAINT \"mail_lower_case\" CHECK (((\"mail\")::text = lower((\"mail\")::text))) NOT VALID;";
    assert!(documented.contains(of_column), "{documented}");
    // Where the target is known not to take NOT VALID, it is left out.
    let strict = standin(Limits::strictest());
    let found = findings(&source, Some(&strict));
    let told = found.iter().any(|found| {
        found.id == "check-left-out"
            && found.object == "column core.employee.mail"
            && found.detail.contains("NOT VALID")
    });
    assert!(told, "{found:#?}");
}

#[test]
fn a_range_type_that_loses_its_canonical_form_says_so() {
    let source = filled(ZOO[7]);
    let run = command("check", &source, None).args(&["--format", "json", "--quiet"]);
    let found = found(&run.args(&["--profile", "postgresql"]).run());
    let lost = found.iter().find(|found| found.id == "range-canonical");
    let lost = lost.expect("it is found");
    assert_eq!(lost.object, "type public.whole");
    assert_eq!(lost.detail, "without canonical = public.whole_canonical");
}
