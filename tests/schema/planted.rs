//! Planted findings: each is found, and nothing that was not planted. `WIRE9_WRITE=1 cargo test --test
//! schema planted` writes the list of findings anew.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use testenv::Database;
use testenv::standin::Limits;
use wire9::schema::finding::kinds;

use crate::scene::{
    Found, by_id, command, fifteen, findings, found, sample, sample_on, source, standin,
};

/// Kinds that a database of testenv's can not hold by itself, or no target of testenv's brings about, and
/// where each is proven instead.
const ELSEWHERE: &[(&str, &str)] = &[
    (
        "advisory-locks",
        "tests/check/objects.rs what_sessions_do_now_is_found",
    ),
    (
        "aliased-type",
        "tests/schema/accepted.rs narrow_types_become_wide_ones_unless_the_target_takes_them_as_aliases",
    ),
    (
        "catalog-not-read",
        "src/schema/inspect/source.rs what_the_user_may_not_read_is_named",
    ),
    (
        "deep-array-bounds",
        "tests/check/deep.rs values_that_lose_something_are_counted_per_column",
    ),
    (
        "deep-array-dimensions",
        "tests/check/deep.rs values_that_lose_something_are_counted_per_column",
    ),
    (
        "deep-bc",
        "tests/check/deep.rs values_that_lose_something_are_counted_per_column",
    ),
    (
        "deep-bit-length",
        "src/schema/deep/values.rs each_type_has_its_questions",
    ),
    (
        "deep-char-padding",
        "tests/check/deep.rs values_that_lose_something_are_counted_per_column",
    ),
    (
        "deep-check-turns-false",
        "tests/check/deep.rs checks_and_generated_columns_are_computed_anew_from_what_is_cut",
    ),
    (
        "deep-float4",
        "tests/check/deep.rs values_that_lose_something_are_counted_per_column",
    ),
    (
        "deep-generated-changes",
        "tests/check/deep.rs checks_and_generated_columns_are_computed_anew_from_what_is_cut",
    ),
    (
        "deep-infinity",
        "tests/check/deep.rs values_that_lose_something_are_counted_per_column",
    ),
    (
        "deep-interval-days",
        "tests/check/deep.rs values_that_lose_something_are_counted_per_column",
    ),
    (
        "deep-interval-digits",
        "tests/check/deep.rs values_that_lose_something_are_counted_per_column",
    ),
    (
        "deep-invalid-utf8",
        "tests/check/deep.rs bytes_that_are_no_utf8_are_counted_in_a_source_that_checks_nothing",
    ),
    (
        "deep-line-near-limit",
        "tests/check/deep.rs rows_near_and_over_the_limits_are_counted",
    ),
    (
        "deep-line-too-long",
        "tests/check/deep.rs rows_near_and_over_the_limits_are_counted",
    ),
    (
        "deep-nan",
        "tests/check/deep.rs values_that_lose_something_are_counted_per_column",
    ),
    (
        "deep-not-read",
        "tests/check/deep.rs a_question_that_the_server_refuses_leaves_the_others_answered",
    ),
    (
        "deep-numeric-digits",
        "tests/check/deep.rs values_that_lose_something_are_counted_per_column",
    ),
    (
        "deep-primary-key-collision",
        "tests/check/deep.rs keys_that_collide_after_the_cut_are_counted_in_groups",
    ),
    (
        "deep-row-large",
        "tests/check/deep.rs rows_near_and_over_the_limits_are_counted",
    ),
    (
        "deep-row-too-large",
        "src/schema/deep/sizes.rs lines_and_rows_are_measured_against_the_targets_limits",
    ),
    (
        "deep-time-digits",
        "tests/check/deep.rs times_and_arrays_of_domains_that_the_target_has_are_counted_too",
    ),
    (
        "deep-timestamp-digits",
        "tests/check/deep.rs values_that_lose_something_are_counted_per_column",
    ),
    (
        "deep-timestamp-inside",
        "tests/check/deep.rs timestamps_inside_ranges_are_counted_where_the_map_keeps_the_range",
    ),
    (
        "deep-unique-collision",
        "tests/check/deep.rs keys_that_collide_after_the_cut_are_counted_in_groups",
    ),
    (
        "deep-year-above-9999",
        "tests/check/deep.rs values_that_lose_something_are_counted_per_column",
    ),
    (
        "definition-not-parsed",
        "src/schema/convert/post/tests.rs each_kind_is_found_once_where_it_is_planted",
    ),
    (
        "foreign-key-not-enforced",
        "tests/schema/versions.rs what_only_postgresql_18_has_is_found",
    ),
    (
        "foreign-key-target-missing",
        "src/schema/convert/post/tests.rs each_kind_is_found_once_where_it_is_planted",
    ),
    (
        "foreign-table-copied",
        "src/schema/convert/pre/tests/objects.rs a_foreign_table_is_left_out_or_becomes_a_plain_one",
    ),
    (
        "hidden-by-row-security",
        "tests/check/objects.rs what_the_user_may_not_read_is_a_blocker_by_name",
    ),
    (
        "hnsw-primary-key",
        "src/schema/convert/post/tests.rs each_kind_is_found_once_where_it_is_planted",
    ),
    (
        "index-renamed",
        "src/schema/convert/post/tests.rs each_kind_is_found_once_where_it_is_planted",
    ),
    (
        "ivfflat-index-as-hnsw",
        "src/schema/convert/post/tests.rs each_kind_is_found_once_where_it_is_planted",
    ),
    (
        "listen",
        "tests/check/objects.rs what_sessions_do_now_is_found",
    ),
    (
        "long-transactions",
        "src/schema/inspect/source.rs long_transactions_and_slots_that_hold_wal_are_said",
    ),
    (
        "mapped-name-too-long",
        "src/schema/convert/pre/tests/objects.rs a_name_of_the_map_file_may_be_too_long",
    ),
    (
        "mapped-type",
        "src/schema/convert/pre/tests/types.rs the_map_file_comes_before_every_default",
    ),
    (
        "mapping-without-effect",
        "src/schema/convert/pre/tests/objects.rs an_entry_of_the_map_file_about_a_partition_has_no_effect_and_says_so",
    ),
    (
        "name-collision",
        "tests/schema/bad_input.rs two_tables_that_a_map_brings_together_are_a_blocker_by_name",
    ),
    (
        "no-snapshot-export",
        "src/schema/inspect/source.rs standbys_poolers_and_missing_snapshots_are_said",
    ),
    (
        "none-affected",
        "tests/check/decided.rs what_no_value_is_affected_by_is_a_note_when_the_data_was_read",
    ),
    (
        "not-checked",
        "src/schema/syntax/bodies/tests.rs a_routine_in_another_language_is_refused_or_not_checked",
    ),
    (
        "not-readable",
        "tests/check/objects.rs what_the_user_may_not_read_is_a_blocker_by_name",
    ),
    (
        "prepared-transactions",
        "tests/check/objects.rs what_sessions_do_now_is_found",
    ),
    (
        "primary-key-left-out",
        "tests/pre_data/main.rs what_postgresql_18_added_has_a_place_in_a_db9",
    ),
    (
        "primary-key-renamed",
        "src/schema/convert/pre/tests/objects.rs two_objects_can_not_get_one_name_and_a_key_gives_way",
    ),
    (
        "probe-note",
        "src/schema/inspect/target.rs a_probe_tells_its_notes_and_whether_it_is_a_db9",
    ),
    (
        "range-canonical",
        "tests/schema/zoo.rs a_range_type_that_loses_its_canonical_form_says_so",
    ),
    (
        "replication-slot",
        "tests/check/servers.rs a_standby_and_its_primarys_slots_are_said",
    ),
    (
        "security-label",
        "src/schema/inspect/security.rs privileges_owners_and_labels_are_listed",
    ),
    (
        "serializable-default",
        "tests/check/objects.rs what_sessions_do_now_is_found",
    ),
    (
        "server-encoding",
        "src/schema/inspect/behaviour.rs an_encoding_other_than_utf8_is_found_and_an_unknown_one_is_not",
    ),
    (
        "slot-holds-wal",
        "src/schema/inspect/source.rs long_transactions_and_slots_that_hold_wal_are_said",
    ),
    (
        "source-connections",
        "tests/check/servers.rs too_few_connections_for_the_lanes_are_said",
    ),
    (
        "source-pooler",
        "src/schema/inspect/source.rs standbys_poolers_and_missing_snapshots_are_said",
    ),
    (
        "source-standby",
        "src/schema/inspect/source.rs standbys_poolers_and_missing_snapshots_are_said",
    ),
    (
        "sql-ascii",
        "tests/check/deep.rs bytes_that_are_no_utf8_are_counted_in_a_source_that_checks_nothing",
    ),
    (
        "subscription",
        "src/schema/inspect/objects.rs each_kind_of_object_is_found_once",
    ),
    (
        "table-tablespace",
        "src/schema/convert/pre/tests/objects.rs what_no_target_keeps_of_a_table_is_told_once_each",
    ),
    (
        "tablespace",
        "src/schema/inspect/objects.rs each_kind_of_object_is_found_once",
    ),
    (
        "target-connections",
        "src/schema/inspect/target.rs a_target_with_tables_or_without_rights_is_a_blocker",
    ),
    (
        "target-copy-not-rolled-back",
        "tests/check/codes.rs a_target_that_keeps_rows_of_a_copy_that_was_rolled_back_is_a_blocker",
    ),
    (
        "target-may-not-create",
        "src/schema/inspect/target.rs a_target_with_tables_or_without_rights_is_a_blocker",
    ),
    (
        "target-not-db9",
        "tests/check/codes.rs a_postgresql_as_target_gets_the_schema_of_a_db9",
    ),
    (
        "target-not-empty",
        "tests/check/codes.rs a_target_that_holds_tables_is_a_blocker",
    ),
    (
        "target-statement-timeout",
        "src/schema/inspect/target.rs limits_that_stay_are_said",
    ),
    (
        "temporal-constraint",
        "tests/schema/versions.rs what_only_postgresql_18_has_is_found",
    ),
    (
        "unsupported-source",
        "tests/schema/versions.rs a_postgresql_12_is_refused_with_its_version_unless_it_is_wanted",
    ),
    (
        "view-name-taken",
        "src/schema/convert/post/tests.rs each_kind_is_found_once_where_it_is_planted",
    ),
    (
        "virtual-column",
        "tests/pre_data/main.rs what_postgresql_18_added_has_a_place_in_a_db9",
    ),
    (
        "xid-age",
        "src/schema/inspect/source.rs the_age_of_transaction_ids_has_two_steps",
    ),
    (
        "xid-age-critical",
        "src/schema/inspect/source.rs the_age_of_transaction_ids_has_two_steps",
    ),
];

/// What a person may say of a target that has next to nothing.
const POOR: &str = "enums = false\ntime_digits = 3\nforeign_keys = false\nviews = false\n\
    sequence_options = false\nidentity_in_create = false\nidentity_by_alter = false\n\
    plpgsql_missing = [\"foreach\"]\nidentifier_bytes = 60\n";

/// By the documents, by a probed target that has much, by one that has little, and by a profile file.
fn all() -> [(&'static str, Vec<Found>); 4] {
    let source = sample_on(fifteen(), "planted");
    let probed = |limits| findings(&source, Some(&standin(limits)));
    let all = [
        ("documents", findings(&source, None)),
        ("default", probed(Limits::default())),
        ("strictest", probed(Limits::strictest())),
        ("poor", poor(&source)),
    ];
    // A database has another name each time.
    all.map(|(target, found)| {
        let renamed = found.into_iter().map(|finding| Found {
            object: finding.object.replace(source.name(), "NAME"),
            ..finding
        });
        (target, renamed.collect())
    })
}

fn poor(source: &Database) -> Vec<Found> {
    let run = command("check", source, None).args(&["--format", "json", "--quiet"]);
    let file = run.folder().join("poor.toml");
    fs::write(&file, POOR).expect("the profile can be written");
    let path = file.to_string_lossy().into_owned();
    found(&run.args(&["--profile", &path]).run())
}

#[test]
fn every_kind_is_found_where_it_was_planted_and_as_often_as_the_list_says() {
    let all = all();
    let mut text = String::new();
    for (target, findings) in &all {
        let _ = writeln!(text, "# {target}");
        for Found {
            severity,
            id,
            object,
            count,
            ..
        } in findings
        {
            let _ = writeln!(text, "{severity} {id} {object} {count}");
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/planted.txt");
    if std::env::var_os("WIRE9_WRITE").is_some() {
        fs::write(&path, &text).expect("the list can be written");
    }
    let listed = fs::read_to_string(&path).expect("the list can be read");
    let differences: Vec<String> = difference("missing", &listed, &text)
        .chain(difference("unexpected", &text, &listed))
        .collect();
    assert!(differences.is_empty(), "{differences:#?}");
    assert_eq!(listed, text, "the order or number of equal lines differs");
    every_kind(&all);
}

fn difference(what: &str, of: &str, less: &str) -> impl Iterator<Item = String> {
    let less: BTreeSet<&str> = less.lines().collect();
    let lines: Vec<String> = of
        .lines()
        .filter(|line| !less.contains(line))
        .map(|line| format!("{what}: {line}"))
        .collect();
    lines.into_iter()
}

fn every_kind(all: &[(&str, Vec<Found>)]) {
    for (target, findings) in all {
        let mut seen = BTreeSet::new();
        for Found { id, object, .. } in findings {
            assert!(
                seen.insert((id, object)),
                "{target}: {id} twice at {object}"
            );
        }
    }
    let counted: Vec<_> = all.iter().map(|(_, found)| by_id(found)).collect();
    let planted: BTreeSet<&str> = counted.iter().flat_map(|ids| ids.keys().copied()).collect();
    let elsewhere: BTreeSet<&str> = ELSEWHERE.iter().map(|(id, _)| *id).collect();
    let known: BTreeSet<&str> = kinds().iter().map(|kind| kind.id).collect();
    let covered: BTreeSet<&str> = planted.union(&elsewhere).copied().collect();
    let uncovered: Vec<&&str> = known.difference(&covered).collect();
    assert!(uncovered.is_empty(), "planted nowhere: {uncovered:?}");
    let stale: Vec<&&str> = elsewhere.difference(&known).collect();
    assert!(stale.is_empty(), "no such kind: {stale:?}");
    let both: Vec<&&str> = elsewhere.intersection(&planted).collect();
    assert!(both.is_empty(), "planted after all: {both:?}");
}

/// A reason that names a test is of use only while that test exists.
#[test]
fn the_tests_that_prove_the_other_kinds_exist_and_name_them() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (id, place) in ELSEWHERE {
        let (file, test) = place.split_once(' ').expect("a file and a test");
        let text = fs::read_to_string(root.join(file)).unwrap_or_else(|_| panic!("{file}"));
        assert!(
            text.contains(&format!("fn {test}(")),
            "{id}: no {test} in {file}"
        );
    }
}

#[test]
fn nothing_of_a_finding_repeats_a_value_of_a_row() {
    for (target, findings) in all() {
        for finding in findings {
            assert!(!finding.detail.contains('\n'), "{target}: {finding:?}");
            assert!(
                !finding.detail.contains("2024-05-01"),
                "{target}: {finding:?}"
            );
        }
    }
}

/// What is ordinary in applications, and needs no word.
const ORDINARY: &str = "
    CREATE TABLE customer (id serial PRIMARY KEY, name text NOT NULL, mail varchar(200) UNIQUE, born date,
        at timestamptz(3) NOT NULL DEFAULT now(), active boolean DEFAULT true, notes jsonb);
    CREATE TABLE product (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, price numeric(12,2) CHECK (price >= 0),
        code uuid NOT NULL DEFAULT gen_random_uuid(), weight double precision, picture bytea);
    CREATE TABLE purchase (id integer GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, customer integer NOT NULL REFERENCES customer ON DELETE CASCADE,
        product bigint REFERENCES product, n integer DEFAULT 1, tags text[]);
    CREATE INDEX purchase_customer ON purchase (customer, product);
    CREATE INDEX customer_name ON customer (name);
    CREATE VIEW buyers AS SELECT c.name, count(*) AS n FROM customer c JOIN purchase p ON p.customer = c.id GROUP BY c.name;
    CREATE FUNCTION total(of integer) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT sum(n) FROM public.purchase WHERE customer = of'";

#[test]
fn a_clean_database_has_no_finding() {
    let source = source(ORDINARY);
    assert_eq!(findings(&source, Some(&standin(Limits::default()))), []);
    let documented = findings(&source, None);
    let ids: Vec<&str> = documented
        .iter()
        .map(|finding| finding.id.as_str())
        .collect();
    assert_eq!(ids, ["target-not-named"], "{documented:#?}");
}

#[test]
fn chinook_loses_the_microseconds_that_it_does_not_have_and_nothing_else() {
    let source = sample("chinook");
    for finding in findings(&source, Some(&standin(Limits::default()))) {
        assert_eq!(finding.id, "timestamp-digits", "{finding:?}");
    }
}
