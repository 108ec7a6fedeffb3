//! Foreign keys of the target order the load.

use testenv::StandinOptions;
use testenv::standin::Limits;

use crate::harness::{Pair, Sample};

/// The child is small and the parent large: started together, the child would fail.
const FAMILY: Sample<'_> = Sample::Same {
    tables: "CREATE TABLE grandparent (id int PRIMARY KEY, body text);
             CREATE TABLE parent (id int PRIMARY KEY REFERENCES grandparent, body text);
             CREATE TABLE child (id int PRIMARY KEY REFERENCES parent)",
    rows: "INSERT INTO grandparent SELECT i, repeat('g', 400) FROM generate_series(1, 20000) i;
           INSERT INTO parent SELECT i, repeat('p', 200) FROM generate_series(1, 20000) i;
           INSERT INTO child SELECT generate_series(19990, 20000)",
};

#[test]
fn a_child_starts_after_its_parents_are_complete() {
    let pair = Pair::of(FAMILY);
    pair.copy().run().ends_with(0);
    pair.assert_equal(3);
    let copies = pair.standin.log().texts("CopyStmt");
    let place = |table: &str| {
        let of_table = |text: &&String| text.contains(&format!("\"{table}\""));
        let first = copies.iter().position(|text| of_table(&text));
        let last = copies.iter().rposition(|text| of_table(&text));
        (first.expect("it was copied"), last.expect("it was copied"))
    };
    assert!(place("grandparent").1 < place("parent").0, "{copies:?}");
    assert!(place("parent").1 < place("child").0, "{copies:?}");
}

#[test]
fn truncate_empties_children_before_their_parents() {
    let pair = Pair::of(FAMILY);
    pair.target_execute(
        "INSERT INTO grandparent VALUES (-1); INSERT INTO parent VALUES (-1);
         INSERT INTO child VALUES (-1)",
    );
    pair.copy()
        .args(&["--on-existing", "truncate"])
        .run()
        .ends_with(0);
    pair.assert_equal(3);
}

/// TRUNCATE is refused for the foreign key, and the DELETE in its place scans more rows than a DB9 lets
/// it; a server that does not know that setting takes it, too.
#[test]
fn a_large_table_that_others_refer_to_is_emptied_whatever_a_delete_may_scan() {
    for dml_table_scan_max_rows in [Some(100), None] {
        let limits = Limits {
            dml_table_scan_max_rows,
            ..Limits::default()
        };
        let options = StandinOptions {
            limits,
            ..StandinOptions::default()
        };
        let pair = Pair::with(options, FAMILY);
        pair.target_execute("INSERT INTO grandparent SELECT generate_series(30001, 31000)");
        pair.copy()
            .args(&["--on-existing", "truncate"])
            .run()
            .ends_with(0);
        let deletes = pair.standin.log().texts("DeleteStmt");
        let own = "DELETE FROM \"public\".\"grandparent\"";
        assert!(deletes.iter().any(|text| text == own), "{deletes:?}");
        pair.assert_equal(3);
    }
}

/// The ledger lists large tables first, here the children.
#[test]
fn restart_empties_children_before_their_parents_whatever_their_sizes() {
    let pair = Pair::of(Sample::Same {
        tables: "CREATE TABLE land (id int PRIMARY KEY);
                 CREATE TABLE town (id int PRIMARY KEY REFERENCES land, body text);
                 CREATE TABLE house (id int PRIMARY KEY REFERENCES town, body text)",
        rows: "INSERT INTO land SELECT generate_series(1, 100);
               INSERT INTO town SELECT i, repeat('t', 500) FROM generate_series(1, 100) i;
               INSERT INTO house SELECT i, repeat('h', 1500) FROM generate_series(1, 100) i",
    });
    pair.copy().run().ends_with(0);
    pair.copy().arg("--restart").run().ends_with(0);
    pair.assert_equal(3);
}

#[test]
fn a_table_that_refers_to_itself_is_refused_with_the_constraint_and_a_remedy() {
    let pair = Pair::of(Sample::Same {
        tables: "CREATE TABLE staff (id int PRIMARY KEY,
                                     boss int CONSTRAINT has_boss REFERENCES staff)",
        rows: "INSERT INTO staff VALUES (1, NULL), (2, 1)",
    });
    let run = pair.copy().run().ends_with(4);
    run.says("public.staff")
        .says("has_boss")
        .says("add it after the load");
    assert_eq!(pair.target_rows("staff"), 0);
}

#[test]
fn a_circle_of_foreign_keys_is_refused_with_its_tables_and_constraints() {
    let pair = Pair::of(Sample::Same {
        tables: "CREATE TABLE egg (id int PRIMARY KEY, hen int);
                 CREATE TABLE hen (id int PRIMARY KEY,
                                   egg int CONSTRAINT from_egg REFERENCES egg);
                 ALTER TABLE egg ADD CONSTRAINT from_hen FOREIGN KEY (hen) REFERENCES hen",
        rows: "INSERT INTO egg VALUES (1, NULL); INSERT INTO hen VALUES (1, 1)",
    });
    let run = pair.copy().run().ends_with(4);
    let run = run.says("public.egg").says("public.hen");
    run.says("from_egg")
        .says("from_hen")
        .says("add it after the load");
    assert_eq!(pair.target_rows("egg"), 0);
}
