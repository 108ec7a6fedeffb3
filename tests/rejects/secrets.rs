//! No value of a rejected row is anywhere but in its file.

use std::fs;

use testenv::standin::Limits;

use crate::scene::{Scene, Target};

const SECRET: &str = "s3cretQ9";

#[test]
fn a_planted_value_is_in_the_file_of_rows_and_nowhere_else() {
    let source = format!(
        "CREATE TABLE t (n integer, v text); INSERT INTO t SELECT n, CASE n WHEN 4 THEN '{SECRET}' \
         ELSE n::text END FROM generate_series(1, 9) n; \
         CREATE TABLE u (n integer, v text); INSERT INTO u VALUES (1, '{SECRET}'), (2, '{SECRET}')"
    );
    let tables = "CREATE TABLE t (n integer, v integer); CREATE TABLE u (n integer, v text UNIQUE)";
    let scene = Scene::new(&source, Target::standin(Limits::default(), tables));
    let report = scene.folder().with_extension("json");
    let copy = scene.copy().args(&["--report", &report.to_string_lossy()]);
    drop(copy);
    let run = scene.copy().run().ends_with(5).never_says(SECRET);
    assert!(!run.report.to_string().contains(SECRET));
    scene.rejects("list").run().ends_with(0).never_says(SECRET);
    scene
        .rejects("show")
        .run()
        .ends_with(0)
        .never_says(SECRET)
        .says("row 4  22P02");
    let json = scene.rejects("show").args(&["--format", "json"]);
    json.run().ends_with(0).never_says(SECRET);
    scene.replay().run().ends_with(5).never_says(SECRET);
    for table in ["t", "u"] {
        let records = fs::read_to_string(scene.path(table, "jsonl")).expect("it is there");
        assert!(!records.contains(SECRET));
        assert!(String::from_utf8_lossy(&scene.file(table)).contains(SECRET));
        assert_eq!(scene.nothing_is_lost(table, ""), 1);
    }
    let ledger = "SELECT count(*) FROM wire9.batch b WHERE b::text LIKE '%s3cret%'";
    let told: u64 = scene
        .target
        .database()
        .query_value(ledger)
        .expect("an answer");
    assert_eq!(told, 0);
}
