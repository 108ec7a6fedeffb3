//! Kinds of tables: partitioned, inherited, of extensions, without columns, with triggers.

use crate::harness::{Pair, Sample};

const PARTITIONED: Sample<'_> = Sample::Sql {
    source: "CREATE SCHEMA archive;
             CREATE TABLE readings (id int, region text, at timestamp) PARTITION BY LIST (region);
             CREATE TABLE readings_north PARTITION OF readings FOR VALUES IN ('north')
                 PARTITION BY RANGE (id);
             CREATE TABLE readings_north_low PARTITION OF readings_north FOR VALUES FROM (0) TO (50);
             CREATE TABLE archive.readings_north_high PARTITION OF readings_north
                 FOR VALUES FROM (50) TO (1000);
             CREATE TABLE readings_south PARTITION OF readings FOR VALUES IN ('south');
             CREATE TABLE other (id int);
             INSERT INTO readings SELECT i, (ARRAY['north', 'south'])[1 + i % 2],
                 timestamp '2024-01-01 00:00:00.000001' FROM generate_series(0, 199) i;
             INSERT INTO other VALUES (1)",
    target: "CREATE TABLE readings (id int, region text, at timestamp); CREATE TABLE other (id int)",
};

#[test]
fn partition_leaves_of_any_schema_go_into_the_table_of_their_root() {
    let pair = Pair::of(PARTITIONED);
    let run = pair.copy().run().ends_with(0);
    pair.assert_equal(3);
    let leaf = run.table("archive.readings_north_high");
    assert_eq!(leaf["target"], "public.readings");
    assert_eq!(leaf["rows_loaded"], 75);
    assert_eq!(run.target_table("public.readings")["rows_counted"], 200);
}

#[test]
fn a_filter_on_the_root_covers_its_leaves_in_any_schema() {
    let pair = Pair::of(PARTITIONED);
    pair.copy()
        .args(&["--table", "readings"])
        .run()
        .ends_with(0);
    pair.assert_tables_equal(&[("public.readings", None)], 3);
    assert_eq!(pair.target_rows("other"), 0);
}

#[test]
fn an_excluded_root_excludes_its_leaves() {
    let pair = Pair::of(PARTITIONED);
    let arguments = ["--exclude-table", "public.readings"];
    pair.copy().args(&arguments).run().ends_with(0);
    pair.assert_tables_equal(&[("public.other", None)], 3);
    assert_eq!(pair.target_rows("readings"), 0);
}

#[test]
fn a_condition_on_the_root_holds_for_every_leaf() {
    let pair = Pair::of(PARTITIONED);
    let arguments = ["--where", "readings=id % 3 = 0"];
    let run = pair.copy().args(&arguments).run().ends_with(0);
    pair.assert_tables_equal(
        &[
            ("public.readings", Some("id % 3 = 0")),
            ("public.other", None),
        ],
        3,
    );
    assert_eq!(
        run.planned("public.readings_south")["condition"],
        "id % 3 = 0"
    );
}

#[test]
fn a_foreign_leaf_is_refused_by_name() {
    let pair = Pair::of(Sample::Sql {
        source: "CREATE FOREIGN DATA WRAPPER nothing;
                 CREATE SERVER nowhere FOREIGN DATA WRAPPER nothing;
                 CREATE TABLE readings (id int) PARTITION BY LIST (id);
                 CREATE TABLE near PARTITION OF readings FOR VALUES IN (1);
                 CREATE FOREIGN TABLE far PARTITION OF readings FOR VALUES IN (2) SERVER nowhere;
                 INSERT INTO readings VALUES (1)",
        target: "CREATE TABLE readings (id int)",
    });
    let run = pair.copy().run().ends_with(4).says("public.far");
    run.says("public.readings").says("--exclude-table");
    assert_eq!(pair.target_rows("readings"), 0);
    pair.copy()
        .args(&["--exclude-table", "far"])
        .run()
        .ends_with(0);
    assert_eq!(pair.target_rows("readings"), 1);
}

const INHERITED: Sample<'_> = Sample::Sql {
    source: "CREATE TABLE animals (id int); CREATE TABLE dogs (breed text) INHERITS (animals);
             INSERT INTO animals SELECT generate_series(1, 10);
             INSERT INTO dogs SELECT i, 'breed ' || i FROM generate_series(11, 15) i",
    target: "CREATE TABLE animals (id int); CREATE TABLE dogs (id int, breed text)",
};

#[test]
fn a_parent_is_copied_without_the_rows_of_those_that_inherit_from_it() {
    let pair = Pair::of(INHERITED);
    pair.copy().run().ends_with(0);
    pair.assert_equal(3);
    assert_eq!(pair.target_rows("animals"), 10);
}

#[test]
fn a_parent_whose_children_are_left_out_is_refused_unless_only_says_so() {
    let pair = Pair::of(INHERITED);
    let arguments = ["--table", "animals"];
    let run = pair.copy().args(&arguments).run().ends_with(4);
    run.says("public.animals")
        .says("public.dogs")
        .says("--only");
    assert_eq!(pair.target_rows("animals"), 0);
    let run = pair.copy().args(&arguments).args(&["--only", "animals"]);
    run.run().ends_with(0);
    pair.assert_tables_equal(&[("public.animals", None)], 3);
    assert_eq!(pair.target_rows("dogs"), 0);
}

#[test]
fn tables_of_an_extension_are_skipped_and_named() {
    let pair = Pair::of(Sample::Sql {
        source: "CREATE TABLE of_extension (id int); INSERT INTO of_extension VALUES (1);
                 ALTER EXTENSION plpgsql ADD TABLE of_extension;
                 CREATE TABLE own (id int); INSERT INTO own VALUES (1)",
        target: "CREATE TABLE own (id int)",
    });
    let run = pair.copy().run().ends_with(0);
    run.says("public.of_extension belongs to the extension plpgsql");
    pair.assert_equal(3);
}

#[test]
fn rows_of_tables_without_columns_and_with_only_generated_ones_are_copied() {
    let pair = Pair::of(Sample::Same {
        tables: "CREATE TABLE nothing ();
                 CREATE TABLE made (a int GENERATED ALWAYS AS (42) STORED)",
        rows: "INSERT INTO nothing SELECT FROM generate_series(1, 5);
               INSERT INTO made SELECT FROM generate_series(1, 7)",
    });
    let run = pair.copy().run().ends_with(0);
    pair.assert_equal(3);
    assert_eq!(run.table("public.nothing")["rows_loaded"], 5);
    assert_eq!(pair.target_rows("made"), 7);
}

#[test]
fn generated_columns_are_not_sent_and_made_anew_in_the_target() {
    let pair = Pair::of(Sample::Same {
        tables: "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, net numeric,
                                 gross numeric GENERATED ALWAYS AS (net * 2) STORED, note text)",
        rows: "INSERT INTO t (net, note) SELECT i, 'n' FROM generate_series(1, 20) i;
               DELETE FROM t WHERE id < 5",
    });
    pair.copy().run().ends_with(0).says("gross is generated");
    pair.assert_equal(3);
}

#[test]
fn what_is_missing_in_the_target_is_told_at_once_before_a_row_moves() {
    let pair = Pair::of(Sample::Sql {
        source:
            "CREATE TABLE a (id int, gone int); CREATE TABLE b (id int); CREATE TABLE c (id int);
                 INSERT INTO a VALUES (1, 1); INSERT INTO c VALUES (1)",
        target: "CREATE TABLE a (id int, needed int NOT NULL); CREATE TABLE c (id int)",
    });
    let run = pair.copy().run().ends_with(4).says("3 problems");
    let run = run.says("public.a.gone").says("public.a.needed");
    run.says("public.b: the target has no such table");
    assert_eq!(pair.target_rows("c"), 0);
}

#[test]
fn what_only_the_target_has_is_left_alone_and_its_columns_are_named() {
    let pair = Pair::of(Sample::Sql {
        source: "CREATE TABLE a (id int, b text); INSERT INTO a VALUES (1, 'x')",
        target: "CREATE TABLE a (b text, more int DEFAULT 7, id int); CREATE TABLE other (id int);
                 INSERT INTO other VALUES (1)",
    });
    let run = pair.copy().run().ends_with(0);
    run.says("public.a.more in the target is not filled from the source");
    pair.assert_equal(3);
    assert_eq!(pair.target_rows("a WHERE more = 7"), 1);
    assert_eq!(pair.target_rows("other"), 1);
}

#[test]
fn triggers_of_the_target_are_refused_by_name_unless_they_are_allowed() {
    let pair = Pair::of(Sample::Same {
        tables: "CREATE TABLE t (id int)",
        rows: "INSERT INTO t SELECT generate_series(1, 10)",
    });
    pair.target_execute(
        "CREATE TABLE fired (id int);
         CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN INSERT INTO public.fired VALUES (new.id); RETURN new; END';
         CREATE TRIGGER on_load BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION note()",
    );
    let run = pair.copy().run().ends_with(4);
    run.says("public.t")
        .says("on_load")
        .says("--allow-triggers");
    assert_eq!(pair.target_rows("t"), 0);
    let run = pair.copy().arg("--allow-triggers").run().ends_with(0);
    run.says("triggers fired in the target: public.t (on_load)");
    pair.assert_equal(3);
    assert_eq!(pair.target_rows("fired"), 10);
}
