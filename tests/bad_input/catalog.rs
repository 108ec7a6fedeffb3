//! Tables, columns and rights that are not as they must be: refused before anything is written.

use testenv::StandinOptions;
use testenv::standin::Limits;

use crate::judged::{
    Judged as _, Plain, ROWS, TABLES, VALUE, assert_untouched, copy, pair, pair_with, role,
};

#[test]
fn a_table_that_the_target_lacks_is_named() {
    let pair = pair(TABLES, ROWS);
    pair.target_execute("DROP TABLE b");
    copy(&pair)
        .run()
        .fails(4, &["public.b", "the target has no such table"])
        .advises(&["create it in the target", "exclude"]);
    assert_untouched(pair.target(), &["a"]);
    pair.target_execute("CREATE TABLE b (id integer PRIMARY KEY, body text)");
    copy(&pair).run().passes();
    pair.assert_equal(3);
}

#[test]
fn a_table_that_the_source_lacks_is_named() {
    let pair = pair(TABLES, ROWS);
    copy(&pair)
        .args(&["--table", "aa"])
        .run()
        .fails(4, &["aa", "matches no table"])
        .advises(&["public.a"]);
    assert_untouched(pair.target(), &["a", "b"]);
}

#[test]
fn every_problem_is_named_on_a_line_of_its_own() {
    let pair = pair(TABLES, ROWS);
    pair.target_execute("DROP TABLE b; ALTER TABLE a DROP body");
    let run = copy(&pair)
        .run()
        .fails(4, &["2 problems", "public.a.body", "public.b"])
        .advises(&["nothing was written"]);
    assert!(!run.stderr.contains("\\n"), "{}", run.stderr);
    let of_a = run
        .stderr
        .lines()
        .find(|line| line.contains("public.a.body"));
    let of_a = of_a.expect("it was found above");
    assert!(of_a.contains("no such column") && of_a.contains("add the column"));
}

#[test]
fn a_column_that_the_target_lacks_is_named() {
    let pair = pair(TABLES, ROWS);
    pair.target_execute("ALTER TABLE a DROP body");
    copy(&pair)
        .run()
        .fails(4, &["public.a.body", "no such column"])
        .advises(&["add the column"]);
    assert_untouched(pair.target(), &["a", "b"]);
    pair.target_execute("ALTER TABLE a ADD body text");
    copy(&pair).run().passes();
    pair.assert_equal(3);
}

#[test]
fn a_column_that_the_source_lacks_is_named_where_it_must_have_a_value() {
    let pair = pair(TABLES, ROWS);
    pair.target_execute("ALTER TABLE a ADD state text NOT NULL");
    copy(&pair)
        .run()
        .fails(4, &["public.a.state", "NOT NULL without default"])
        .advises(&["default"]);
    assert_untouched(pair.target(), &["a", "b"]);
    pair.target_execute("ALTER TABLE a ALTER state SET DEFAULT 'new'");
    copy(&pair).run().passes();
    pair.assert_equal(3);
}

#[test]
fn types_of_different_kinds_are_refused_before_a_row_moves() {
    let pair = pair(TABLES, ROWS);
    pair.target_execute("ALTER TABLE a ALTER body TYPE timestamp USING NULL");
    copy(&pair)
        .run()
        .fails(4, &["public.a.body", "text", "timestamp"])
        .advises(&["make the target's column text"]);
    assert_untouched(pair.target(), &["a", "b"]);
}

#[test]
fn row_security_that_would_hide_rows_is_refused_with_the_table() {
    let plain = Plain::of(TABLES, ROWS);
    let user = role(
        &plain.source,
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO ROLE",
    );
    let secure = format!(
        "ALTER TABLE a ENABLE ROW LEVEL SECURITY; \
         CREATE POLICY few ON a USING (id < 10 OR body <> '{VALUE}')"
    );
    plain.source.execute(&secure).expect("it is secured");
    plain
        .copy_as_reader(&user)
        .run()
        .fails(4, &["public.a", "row-level security would hide rows"])
        .advises(&["BYPASSRLS"]);
    assert_untouched(&plain.target, &["a", "b"]);
    let bypass = format!("ALTER ROLE \"{user}\" BYPASSRLS");
    plain.source.execute(&bypass).expect("it may bypass it");
    plain.copy_as_reader(&user).run().passes();
    plain.assert_equal();
}

#[test]
fn a_source_table_without_select_is_named() {
    let plain = Plain::of(TABLES, ROWS);
    let user = role(&plain.source, "GRANT SELECT ON b TO ROLE");
    plain
        .copy_as_reader(&user)
        .run()
        .fails(4, &["public.a", "no right to read"])
        .advises(&["SELECT", "exclude"]);
    assert_untouched(&plain.target, &["a", "b"]);
    plain
        .copy_as_reader(&user)
        .args(&["--exclude-table", "a"])
        .run()
        .passes();
    assert_eq!(plain.target.count("b").expect("counted"), 50);
}

#[test]
fn rights_on_columns_alone_are_enough_to_read_a_table() {
    let plain = Plain::of(TABLES, ROWS);
    let rights = "GRANT SELECT (id, body) ON a TO ROLE; GRANT SELECT (id, body) ON b TO ROLE";
    let user = role(&plain.source, rights);
    plain.copy_as_reader(&user).run().passes();
    plain.assert_equal();
}

#[test]
fn rights_on_some_columns_are_not_enough() {
    let plain = Plain::of(TABLES, ROWS);
    let rights = "GRANT SELECT (id) ON a TO ROLE; GRANT SELECT ON b TO ROLE";
    let user = role(&plain.source, rights);
    plain
        .copy_as_reader(&user)
        .run()
        .fails(4, &["public.a", "no right to read all of its columns"])
        .advises(&["SELECT"]);
    assert_untouched(&plain.target, &["a", "b"]);
}

#[test]
fn a_target_table_without_insert_is_named() {
    let plain = Plain::of(TABLES, ROWS);
    let rights = format!(
        "GRANT CREATE ON DATABASE \"{}\" TO ROLE; GRANT SELECT ON a, b TO ROLE; \
         GRANT INSERT ON b TO ROLE",
        plain.target.name()
    );
    let user = role(&plain.target, &rights);
    let grant = format!("GRANT INSERT ON \"public\".\"a\" TO \"{user}\"");
    plain
        .copy_as_writer(&user)
        .run()
        .fails(4, &["public.a", "no right to fill it", "INSERT"])
        .advises(&[&grant]);
    assert_untouched(&plain.target, &["a", "b"]);
    plain.target.execute(&grant).expect("granted");
    plain.copy_as_writer(&user).run().passes();
    plain.assert_equal();
}

#[test]
fn a_target_column_without_insert_is_named() {
    let plain = Plain::of(TABLES, ROWS);
    let rights = format!(
        "GRANT CREATE ON DATABASE \"{}\" TO ROLE; GRANT SELECT ON a, b TO ROLE; \
         GRANT INSERT (id) ON a TO ROLE; GRANT INSERT (id, body) ON b TO ROLE",
        plain.target.name()
    );
    let user = role(&plain.target, &rights);
    let grant = format!("GRANT INSERT (\"body\") ON \"public\".\"a\" TO \"{user}\"");
    plain
        .copy_as_writer(&user)
        .run()
        .fails(4, &["public.a", "no INSERT on body"])
        .advises(&[&grant]);
    assert_untouched(&plain.target, &["a", "b"]);
    plain.target.execute(&grant).expect("granted");
    plain.copy_as_writer(&user).run().passes();
    plain.assert_equal();
}

#[test]
fn a_target_schema_without_usage_is_named() {
    let tables = "CREATE SCHEMA closed; CREATE TABLE closed.a (id integer PRIMARY KEY, body text)";
    let rows = "INSERT INTO closed.a VALUES (1, 'planted7Qx')";
    let plain = Plain::of(tables, rows);
    let rights = format!(
        "GRANT CREATE ON DATABASE \"{}\" TO ROLE; GRANT SELECT, INSERT ON closed.a TO ROLE",
        plain.target.name()
    );
    let user = role(&plain.target, &rights);
    let grant = format!("GRANT USAGE ON SCHEMA \"closed\" TO \"{user}\"");
    plain
        .copy_as_writer(&user)
        .run()
        .fails(4, &["closed.a", "USAGE on schema closed"])
        .advises(&[&grant]);
    assert_untouched(&plain.target, &["closed.a"]);
    plain.target.execute(&grant).expect("granted");
    plain.copy_as_writer(&user).run().passes();
    plain.assert_equal();
}

#[test]
fn where_the_target_does_not_tell_rights_its_refusal_of_the_first_batch_is_told() {
    let mut limits = Limits::default();
    limits
        .missing_functions
        .push("has_table_privilege".to_owned());
    let options = StandinOptions {
        limits,
        ..StandinOptions::default()
    };
    let pair = pair_with(options, TABLES, ROWS);
    pair.target_execute("REVOKE INSERT ON a FROM \"tenant.admin\"");
    copy(&pair)
        .run()
        .fails(5, &["public.a", "42501"])
        .advises(&["grant INSERT"]);
    assert_eq!(pair.target().count("a").expect("counted"), 0);
    pair.target_execute("GRANT INSERT ON a TO \"tenant.admin\"");
    copy(&pair)
        .run()
        .passes()
        .says("the target does not tell which tables the user may fill");
    pair.assert_equal(3);
}

#[test]
fn a_target_table_that_may_not_be_read_is_named() {
    let plain = Plain::of(TABLES, ROWS);
    let rights = format!(
        "GRANT CREATE ON DATABASE \"{}\" TO ROLE; GRANT INSERT ON a, b TO ROLE",
        plain.target.name()
    );
    let user = role(&plain.target, &rights);
    plain
        .copy_as_writer(&user)
        .run()
        .fails(4, &["target tables", "42501"])
        .advises(&["read and write"]);
    assert_untouched(&plain.target, &["a", "b"]);
}

#[test]
fn rows_that_are_in_the_target_already_are_refused_with_the_table() {
    let pair = pair(TABLES, ROWS);
    let held = format!("INSERT INTO a VALUES (1000, '{VALUE}')");
    pair.target_execute(&held);
    copy(&pair)
        .run()
        .fails(4, &["public.a", "rows"])
        .advises(&["--on-existing"]);
    assert_untouched(pair.target(), &["b"]);
    assert_eq!(
        pair.target().count("a").expect("counted"),
        1,
        "it is still there"
    );
    copy(&pair)
        .args(&["--on-existing", "truncate"])
        .run()
        .passes();
    pair.assert_equal(3);
}

#[test]
fn a_user_trigger_in_the_target_is_refused_with_its_name() {
    let plain = Plain::of(TABLES, ROWS);
    let trigger = "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; \
                   CREATE TRIGGER fires BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION f()";
    plain.target.execute(trigger).expect("it is made");
    plain
        .copy()
        .run()
        .fails(4, &["public.a", "fires"])
        .advises(&["--allow-triggers"]);
    assert_untouched(&plain.target, &["a", "b"]);
}
