//! Parts of a migration, one after the other.

use crate::harness::{Pair, Sample};
use crate::office::{assert_complete, objects, office};

fn has(pair: &Pair, object: &str) -> bool {
    objects(pair).iter().any(|o| o == object)
}

#[test]
fn section_by_section_is_the_same_as_all_at_once() {
    let pair = office();
    pair.migrate()
        .args(&["--section", "pre-data"])
        .run()
        .ends_with(0);
    assert_eq!(pair.target_rows("public.task"), 0);
    assert!(!has(&pair, "relation v public.busy_people"));
    pair.migrate()
        .args(&["--section", "data"])
        .run()
        .ends_with(0);
    assert_eq!(pair.target_rows("public.task"), 200);
    assert!(!has(&pair, "constraint boss_fkey"));
    pair.migrate()
        .args(&["--section", "post-data"])
        .run()
        .ends_with(0);
    // A materialized view is filled when it is made.
    assert_complete(&pair);
    pair.migrate().run().ends_with(0).says("ALREADY DONE");
}

#[test]
fn a_schema_alone_holds_no_rows_and_the_rows_may_follow() {
    let pair = Pair::empty(Sample::Chinook);
    let run = pair.migrate().arg("--schema-only").run().ends_with(0);
    assert!(run.result()["copy"].is_null());
    assert_eq!(pair.target_rows("track"), 0);
    // A table that refers to itself can not be loaded by its order.
    let run = pair.migrate().arg("--data-only").run().ends_with(4);
    run.says("refers to the table itself");
    let drop = "ALTER TABLE employee DROP CONSTRAINT employee_reports_to_fkey";
    pair.target().execute(drop).expect("dropped");
    pair.migrate().arg("--data-only").run().ends_with(0);
    pair.assert_equal(3);
}

#[test]
fn what_was_skipped_is_made_by_the_next_run() {
    let pair = office();
    pair.migrate()
        .args(&["--skip-indexes", "--skip-foreign-keys"])
        .run()
        .ends_with(0);
    assert!(!has(&pair, "relation i hr.person_hired") && !has(&pair, "constraint boss_fkey"));
    assert!(has(&pair, "constraint department_name_key") && has(&pair, "trigger touch"));
    pair.migrate().run().ends_with(0);
    assert_complete(&pair);
}

#[test]
fn rows_of_a_table_can_be_left_and_chosen() {
    let pair = office();
    let run = pair
        .migrate()
        .args(&["--exclude-table-data", "public.log", "--skip-foreign-keys"])
        .args(&["--where", "public.task=id < 1500"])
        .run()
        .ends_with(0);
    assert_eq!(
        (
            pair.target_rows("public.log"),
            pair.target_rows("public.task")
        ),
        (0, 100)
    );
    assert_eq!(
        run.result()["copy"]["tables"].as_array().map(Vec::len),
        Some(3)
    );
}
