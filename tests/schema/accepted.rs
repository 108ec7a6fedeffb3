//! Every statement that `wire9 schema` prints for a target that it has probed is accepted by it, and the
//! output follows what the target takes.

use testenv::standin::{Limits, NarrowTypes};
use testenv::{Database, Standin};

use crate::scene::{SAMPLES, all_limits, findings, printed, refused, sample, source, standin};

/// Kinds that say that the target may refuse a statement.
const ANNOUNCEMENTS: [&str; 3] = [
    "may-be-refused",
    "view-on-changed-type",
    "routine-on-changed-type",
];

/// Statements that the target refused though no finding said that it may.
pub(crate) fn unannounced(
    source: &Database,
    probed: Option<&Standin>,
    target: &Standin,
) -> Vec<(String, String)> {
    let findings = findings(source, probed);
    let announced: Vec<String> = findings
        .iter()
        .filter(|finding| ANNOUNCEMENTS.contains(&finding.id.as_str()))
        .map(|finding| last_name(&finding.object))
        .collect();
    let mut refused = refused(target, &printed(source, probed));
    refused.retain(|(statement, _)| !announced.iter().any(|name| statement.contains(name)));
    refused
}

/// `v` of `view public.v` and of `function public.v(a integer)`.
fn last_name(object: &str) -> String {
    let name = object.split('(').next().unwrap_or(object);
    let name = name.rsplit(['.', ' ']).next().unwrap_or(name);
    name.trim_matches('"').to_owned()
}

#[test]
fn a_probed_target_refuses_of_what_is_planted_only_what_was_announced() {
    let source = sample("planted");
    for (limits_name, limits) in all_limits() {
        let target = standin(limits);
        let refused = unannounced(&source, Some(&target), &target);
        assert!(refused.is_empty(), "{limits_name}: {refused:#?}");
    }
}

#[test]
fn nothing_of_a_sample_without_surprises_is_refused_at_all() {
    for name in ["shop", "chinook", "everything"] {
        let source = sample(name);
        for (limits_name, limits) in all_limits() {
            let target = standin(limits);
            let refused = refused(&target, &printed(&source, Some(&target)));
            assert!(refused.is_empty(), "{name}, {limits_name}: {refused:#?}");
        }
    }
}

#[test]
fn a_target_that_was_not_probed_refuses_only_what_was_announced() {
    for name in SAMPLES {
        let source = sample(name);
        let target = standin(Limits::default());
        let refused = unannounced(&source, None, &target);
        assert!(refused.is_empty(), "{name}: {refused:#?}");
    }
}

const KINDS: &str = "CREATE TABLE t (id integer PRIMARY KEY, small smallint, narrow real, padded char(3), \
    net inet, span int4range, at timestamptz); \
    CREATE DOMAIN positive AS integer CHECK (VALUE > 0); CREATE TYPE pair AS (a integer, b text); \
    CREATE TABLE u (id integer PRIMARY KEY, p positive, two pair, twice integer GENERATED ALWAYS AS (id * 2) STORED); \
    CREATE MATERIALIZED VIEW m AS SELECT id FROM t; \
    CREATE INDEX partial ON t (small) WHERE small > 1";

/// The line of the column in the CREATE TABLE.
#[track_caller]
fn column(script: &str, name: &str) -> String {
    let mut lines = script.lines().map(str::trim);
    let line = lines.find(|line| line.starts_with(&format!("\"{name}\" ")));
    line.unwrap_or_else(|| panic!("no {name} in\n{script}"))
        .trim_end_matches(',')
        .to_owned()
}

fn script(limits: Limits) -> String {
    printed(&source(KINDS), Some(&standin(limits)))
}

#[test]
fn narrow_types_become_wide_ones_unless_the_target_takes_them_as_aliases() {
    let refused = script(Limits::default());
    assert_eq!(column(&refused, "small"), "\"small\" integer");
    assert_eq!(column(&refused, "narrow"), "\"narrow\" double precision");
    assert!(
        column(&refused, "padded").contains("character varying(3)"),
        "{refused}"
    );
    let aliased = script(Limits {
        narrow_types: NarrowTypes::Aliased,
        ..Limits::default()
    });
    let target = standin(Limits {
        narrow_types: NarrowTypes::Aliased,
        ..Limits::default()
    });
    assert!(
        super::scene::refused(&target, &aliased).is_empty(),
        "{aliased}"
    );
    let found = findings(&source(KINDS), Some(&target));
    let ids: Vec<&str> = found.iter().map(|finding| finding.id.as_str()).collect();
    let narrow = |id: &&&str| {
        matches!(
            **id,
            "aliased-type" | "smallint-column" | "real-column" | "char-column"
        )
    };
    assert_eq!(ids.iter().filter(narrow).count(), 3, "{found:#?}");
}

#[test]
fn inet_and_int4range_stay_where_the_target_has_them() {
    let without = script(Limits::default());
    assert_eq!(column(&without, "net"), "\"net\" text");
    assert_eq!(column(&without, "span"), "\"span\" text");
    let with = script(Limits {
        inet_and_int4range: true,
        ..Limits::default()
    });
    assert_eq!(column(&with, "net"), "\"net\" inet");
    assert_eq!(column(&with, "span"), "\"span\" int4range");
}

#[test]
fn domains_composites_generated_columns_and_materialized_views_follow_the_target() {
    let with = script(Limits::default());
    assert!(with.contains("CREATE DOMAIN"), "{with}");
    assert!(with.contains("CREATE TYPE"), "{with}");
    assert!(with.contains("CREATE MATERIALIZED VIEW"), "{with}");
    assert!(
        column(&with, "twice").contains("GENERATED ALWAYS"),
        "{with}"
    );
    assert!(with.contains(" WHERE "), "{with}");
    let without = script(Limits::strictest());
    assert!(!without.contains("CREATE DOMAIN"), "{without}");
    assert!(!without.contains("CREATE TYPE"), "{without}");
    assert!(!without.contains("CREATE MATERIALIZED VIEW"), "{without}");
    assert!(without.contains("CREATE VIEW"), "{without}");
    assert_eq!(column(&without, "two"), "\"two\" text");
    assert!(
        !column(&without, "twice").contains("GENERATED"),
        "{without}"
    );
    assert!(column(&without, "p").contains("integer"), "{without}");
    assert!(
        without.contains("CHECK"),
        "the domain's check stays: {without}"
    );
}

#[test]
fn microseconds_are_no_finding_where_the_target_keeps_them() {
    let source = source(KINDS);
    let has = |limits: Limits| {
        let found = findings(&source, Some(&standin(limits)));
        found.iter().any(|finding| finding.id == "timestamp-digits")
    };
    assert!(has(Limits::default()));
    assert!(!has(Limits::latest()));
}
