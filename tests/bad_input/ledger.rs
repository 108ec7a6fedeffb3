//! The ledger in the target: not allowed, not writable, not ours, or in use.

use crate::judged::{
    Judged as _, Plain, ROWS, TABLES, assert_untouched, copy, pair, planted, role,
};
use crate::source::{LARGE, LARGE_ROWS, SMALL_MEMORY, waiting};

#[test]
fn a_user_who_may_not_create_the_ledger_is_told_what_to_grant() {
    let plain = Plain::of(TABLES, ROWS);
    let user = role(&plain.target, "GRANT SELECT, INSERT ON a, b TO ROLE");
    plain
        .copy_as_writer(&user)
        .run()
        .fails(4, &["ledger", "CREATE on the database", "42501"])
        .advises(&["create", "schema wire9"])
        .advises(&[&format!(
            "GRANT CREATE ON DATABASE \"{}\" TO \"{user}\"",
            plain.target.name()
        )]);
    assert_untouched(&plain.target, &["a", "b"]);
    let own = format!("CREATE SCHEMA wire9 AUTHORIZATION \"{user}\"");
    plain.target.execute(&own).expect("it owns the schema");
    plain.copy_as_writer(&user).run().passes();
    plain.assert_equal();
}

/// Each right that is missing is named with its GRANT, until the run passes.
#[test]
fn a_ledger_of_another_user_is_refused_until_every_right_on_it_is_granted() {
    let plain = Plain::of(TABLES, ROWS);
    let user = role(&plain.target, "GRANT SELECT, INSERT ON a, b TO ROLE");
    let execute = |sql: &str| plain.target.execute(sql).expect("done");
    let refused = |grant: &str| {
        let grant = format!("GRANT {grant} TO \"{user}\"");
        let run = plain.copy_as_writer(&user).run();
        run.fails(4, &["ledger", "no right"]).advises(&[&grant]);
        for table in ["a", "b"] {
            assert_eq!(plain.target.count(table).expect("counted"), 0, "{table}");
        }
        execute(&grant);
    };
    execute("CREATE SCHEMA wire9");
    refused("USAGE ON SCHEMA wire9");
    refused("CREATE ON SCHEMA wire9");
    plain.copy().run().passes();
    execute("TRUNCATE a, b; DELETE FROM wire9.run");
    for table in ["run", "pair", "target", "chunk", "lane", "repair"] {
        execute(&format!("GRANT ALL ON wire9.{table} TO \"{user}\""));
    }
    execute(&format!("GRANT SELECT ON wire9.batch TO \"{user}\""));
    refused("INSERT, UPDATE, DELETE ON wire9.batch");
    plain.copy_as_writer(&user).run().passes();
    plain.assert_equal();
}

#[test]
fn a_target_that_is_read_only_is_told_so() {
    let plain = Plain::of(TABLES, ROWS);
    let setting = |on: &str| {
        let name = plain.target.name();
        format!("ALTER DATABASE \"{name}\" SET default_transaction_read_only = {on}")
    };
    let admin = plain.target.cluster();
    admin.execute(&setting("on")).expect("it is read-only");
    plain
        .copy()
        .run()
        .fails(4, &["25006", "read-only"])
        .advises(&["read-only", "can be written to"]);
    admin
        .execute(&setting("off"))
        .expect("it can be written to");
    assert_untouched(&plain.target, &["a", "b"]);
    plain.copy().run().passes();
    plain.assert_equal();
}

#[test]
fn tables_of_somebody_else_in_its_schema_are_not_taken_for_the_ledger() {
    let pair = planted();
    for foreign in [
        "run (mine integer)",
        "batch (run text)",
        "orders (id integer)",
    ] {
        let create = format!("CREATE SCHEMA wire9; CREATE TABLE wire9.{foreign}");
        pair.target_execute(&create);
        let (name, _) = foreign.split_once(' ').expect("a name and columns");
        copy(&pair)
            .run()
            .fails(4, &["ledger", &format!("wire9.{name}")])
            .advises(&["something else", "drop", "nothing was written"]);
        for table in ["a", "b", &format!("wire9.{name}")] {
            assert_eq!(pair.target().count(table).expect("counted"), 0, "{table}");
        }
        let tables = "pg_class WHERE relnamespace = 'wire9'::regnamespace AND relkind = 'r'";
        assert_eq!(pair.target().count(tables).expect("counted"), 1, "{name}");
        pair.target_execute("DROP SCHEMA wire9 CASCADE");
    }
    copy(&pair).run().passes();
    pair.assert_equal(3);
}

#[test]
fn a_ledger_of_another_layout_is_refused_with_both_versions() {
    let pair = planted();
    copy(&pair).run().passes();
    pair.target_execute("UPDATE wire9.run SET layout = 99");
    copy(&pair)
        .run()
        .fails(4, &["ledger", "layout 99", "knows 2"])
        .advises(&["version"]);
    pair.assert_equal(3);
}

#[test]
fn a_ledger_row_that_can_not_be_read_is_refused() {
    let pair = planted();
    copy(&pair).run().passes();
    pair.target_execute("UPDATE wire9.run SET owner = 'nobody'");
    copy(&pair)
        .run()
        .fails(4, &["ledger", "wire9.run", "can not be read"])
        .advises(&["schema wire9"]);
    pair.assert_equal(3);
}

#[test]
fn a_second_process_on_one_run_is_refused_and_the_first_completes() {
    let pair = pair(LARGE, LARGE_ROWS);
    let (held, first) = waiting(&pair, &[]);
    copy(&pair)
        .args(SMALL_MEMORY)
        .run()
        .fails(4, &["another wire9 process", "run "])
        .advises(&["let it finish"]);
    held.release();
    first.wait().passes();
    pair.assert_equal(3);
}

#[test]
fn an_unfinished_run_is_not_mixed_with_another_command() {
    let pair = pair(LARGE, LARGE_ROWS);
    let (held, first) = waiting(&pair, &[]);
    first.signal("KILL");
    let _ = first.wait();
    held.release();
    copy(&pair)
        .args(&["--where", "a=id > 10"])
        .run()
        .fails(4, &["unfinished", "public.a had no --where, has one"])
        .advises(&["--restart"]);
    copy(&pair).args(SMALL_MEMORY).run().passes();
    pair.assert_equal(3);
}

/// The rows of a table are not gone when it shows that the next one can not be emptied.
#[test]
fn a_user_who_may_not_empty_a_table_is_told_before_the_first_is_emptied() {
    let plain = Plain::of(TABLES, ROWS);
    let execute = |sql: &str| plain.target.execute(sql).expect("done");
    execute("INSERT INTO a VALUES (1000); INSERT INTO b VALUES (1000)");
    let rights = "GRANT SELECT, INSERT, TRUNCATE ON a TO ROLE; GRANT SELECT, INSERT ON b TO ROLE";
    let user = role(&plain.target, rights);
    let database = plain.target.name().to_owned();
    execute(&format!(
        "GRANT CREATE ON DATABASE \"{database}\" TO \"{user}\""
    ));
    let copy = || {
        plain
            .copy_as_writer(&user)
            .args(&["--on-existing", "truncate"])
    };
    let grant = format!("GRANT TRUNCATE, DELETE ON TABLE \"public\".\"b\" TO \"{user}\"");
    copy()
        .run()
        .fails(4, &["no right to empty: public.b"])
        .advises(&[&grant]);
    for table in ["a", "b"] {
        assert_eq!(plain.target.count(table).expect("counted"), 1, "{table}");
    }
    // The right to one of both is enough.
    execute(&format!("GRANT DELETE ON b TO \"{user}\""));
    copy().run().passes();
    plain.assert_equal();
}

/// What is unfinished of one server must not be mixed with the rows of another.
#[test]
fn an_unfinished_run_of_another_source_is_named() {
    let plain = Plain::of(TABLES, ROWS);
    plain.copy().run().passes();
    let execute = |sql: &str| plain.target.execute(sql).expect("done");
    execute("UPDATE wire9.run SET state = 'open', slot = 'open 7/7', source = '7/7'");
    plain.copy().run().fails(
        4,
        &["unfinished", "another source (7/7)", "public.a, public.b"],
    );
}
