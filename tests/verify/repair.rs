//! `wire9 verify --repair`: whatever was damaged is made equal, exactly once, whoever dies in between.

use std::time::Duration;

use serde_json::json;
use testenv::fault::{Action, Close, Delivery, Fault, Trigger};
use testenv::sample::Everything;

use crate::harness::{Pair, Run, Sample, Wire9};
use crate::{copied, report, simple, table, verify};

const SECOND: Duration = Duration::from_secs(1);

/// Damages of every kind, in a table with a key and in one without.
const DAMAGE: &str = "\
    UPDATE t SET a = 'secret word', b = NULL WHERE id IN (17, 4711); \
    DELETE FROM t WHERE id IN (1, 2500, 5000); \
    INSERT INTO t (id, a) VALUES (99999, 'secret word'); \
    INSERT INTO keyless VALUES (3, 'x'), (3, 'x'), (77, 'secret word'), (NULL, NULL); \
    DELETE FROM keyless WHERE a = 5";

/// Repairs, is equal by the judge's word, and says nothing of any value.
#[track_caller]
fn repaired(pair: &Pair) -> Run {
    let run = verify(pair, &["--repair"]).ends_with(0).says("REPAIRED");
    pair.assert_equal(3);
    run.never_says("secret word").never_says("row 1")
}

#[test]
fn every_planted_damage_is_repaired_and_counted() {
    let pair = simple();
    pair.target_execute(DAMAGE);
    let found = report(&pair, &["--repair"], 0);
    pair.assert_equal(3);
    let changed = |name| table(&found, name)["repair"]["changed"].clone();
    let (t, keyless) = (changed("public.t"), changed("public.keyless"));
    let numbers = |deleted, inserted, replaced| json!({ "rows_deleted": deleted, "rows_inserted": inserted, "rows_replaced": replaced });
    assert_eq!(t, numbers(1, 3, 2));
    assert_eq!(keyless, numbers(4, 14, 0));
    assert_eq!(table(&found, "public.t")["verdict"], "equal");
    // And once more there is nothing to do.
    verify(&pair, &["--repair"]).ends_with(0).says("VERIFIED");
}

#[test]
fn what_will_be_done_is_told_first_and_without_values() {
    let pair = simple();
    pair.target_execute(DAMAGE);
    let run = repaired(&pair);
    let run = run.says("public.t: 1 rows will be deleted, 3 inserted, 2 replaced");
    run.says("public.keyless: 4 rows will be deleted, 14 inserted, 0 replaced");
}

#[test]
fn a_dry_run_says_what_it_would_do_and_writes_nothing() {
    let pair = simple();
    pair.target_execute(DAMAGE);
    let log = pair.standin.log().clone();
    log.clear();
    let run = verify(&pair, &["--repair", "--dry-run"]).ends_with(6);
    let run = run
        .says("a repair would change: 1 row deleted, 3 inserted, 2 replaced")
        .says("missing: id = 2500")
        .never_says("secret word");
    run.never_says("repaired:");
    let wrote = log.statements().into_iter().filter(|s| {
        let own =
            s.text.contains("\"keyless\"") || s.text.contains("\"t\"") || s.text.contains("wire9.");
        own && ["INSERT", "DELETE", "UPDATE", "CREATE"]
            .iter()
            .any(|verb| s.text.starts_with(verb))
    });
    assert_eq!(wrote.map(|s| s.text).collect::<Vec<_>>(), [""; 0]);
    let shown = ["--repair", "--dry-run", "--show-values"];
    verify(&pair, &shown).ends_with(6).says("secret word");
}

#[test]
fn thousands_of_damages_are_repaired_in_batches() {
    let pair = simple();
    pair.target_execute(
        "UPDATE t SET a = a || '!' WHERE id % 2 = 0; DELETE FROM t WHERE id % 5 = 1; \
         INSERT INTO t (id) SELECT generate_series(10001, 13000); \
         INSERT INTO keyless SELECT i % 300, 'y' FROM generate_series(1, 3000) i",
    );
    repaired(&pair);
}

/// The finished copy's ledger still says that the target holds what was sent.
#[test]
fn a_target_follows_a_source_that_was_written_since() {
    let pair = simple();
    pair.source
        .execute(
            "DELETE FROM t WHERE id <= 10; UPDATE t SET d = d + interval '1 day' WHERE id BETWEEN 11 AND 20; \
             INSERT INTO t SELECT 6000 + i, 'new' FROM generate_series(1, 50) i; \
             DELETE FROM keyless WHERE a = 1; INSERT INTO keyless VALUES (8, 'new'), (8, 'new')",
        )
        .expect("written");
    repaired(&pair);
    verify(&pair, &[]).ends_with(0).says("VERIFIED");
    // The finished copy knows that its rows are not all there any more, and that this is well.
    pair.copy().run().ends_with(0).says("ALREADY DONE");
}

/// A row without a key is found by the values of all its columns, whatever their types.
#[test]
fn rows_without_a_key_are_found_by_values_of_every_type() {
    let pair = Pair::of(Sample::Everything(Everything::QUICK));
    let keyless = "CREATE TABLE heap_of_types AS SELECT * FROM all_types";
    pair.source.execute(keyless).expect("made");
    pair.target_execute("CREATE TABLE heap_of_types AS SELECT * FROM all_types");
    pair.copy().run().ends_with(0);
    pair.target_execute("INSERT INTO heap_of_types SELECT * FROM heap_of_types");
    let arguments = ["--table", "heap_of_types", "--repair"];
    verify(&pair, &arguments).ends_with(0).says("REPAIRED");
    pair.assert_tables_equal(&[("public.heap_of_types", None)], 3);
}

#[test]
fn a_value_of_every_type_is_replaced() {
    let pair = copied(Sample::Everything(Everything::QUICK));
    let columns: String = pair
        .target()
        .query_value(
            "SELECT string_agg(format('%1$I = (SELECT %1$I FROM all_types WHERE id = 2)', column_name), ', ') \
             FROM information_schema.columns WHERE table_name = 'all_types' AND column_name <> 'id'",
        )
        .expect("columns");
    pair.target_execute(&format!("UPDATE all_types SET {columns} WHERE id = 1"));
    verify(&pair, &["--repair"]).ends_with(0).says("REPAIRED");
    pair.assert_equal(3);
}

const FAMILY: &str = "\
    CREATE TABLE parent (id int PRIMARY KEY, name text UNIQUE); \
    CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent ON DELETE CASCADE, note text); \
    CREATE TABLE grandchild (child int REFERENCES child ON DELETE CASCADE, n int)";
const MEMBERS: &str = "\
    INSERT INTO parent SELECT i, 'p' || i FROM generate_series(1, 50) i; \
    INSERT INTO child SELECT i, 1 + i % 50, 'c' FROM generate_series(1, 500) i; \
    INSERT INTO grandchild SELECT 1 + i % 500, i % 3 FROM generate_series(1, 1000) i";

#[test]
fn foreign_keys_order_what_goes_and_comes_and_no_child_is_lost() {
    let pair = copied(Sample::Same {
        tables: FAMILY,
        rows: MEMBERS,
    });
    pair.target_execute(
        "DELETE FROM parent WHERE id <= 5; UPDATE parent SET name = 'other ' || id WHERE id > 40; \
         INSERT INTO parent VALUES (900, 'too many'); INSERT INTO child VALUES (900, 900, 'too many'); \
         INSERT INTO grandchild VALUES (900, 1), (900, 1), (77, 1)",
    );
    repaired(&pair);
}

#[test]
fn rows_to_which_an_unverified_table_refers_are_not_deleted() {
    let pair = copied(Sample::Same {
        tables: FAMILY,
        rows: MEMBERS,
    });
    pair.target_execute("INSERT INTO parent VALUES (900, 'too many')");
    let run = verify(&pair, &["--repair", "--table", "parent"]).ends_with(4);
    run.says("public.child to public.parent");
    assert_eq!(pair.target_rows("parent"), 51);
    repaired(&pair);
}

#[test]
fn rows_that_stand_in_each_others_way_are_named_by_their_constraint() {
    let pair = copied(Sample::Same {
        tables: FAMILY,
        rows: MEMBERS,
    });
    let swap = "UPDATE parent SET name = 'x' WHERE id = 1; UPDATE parent SET name = 'p1' WHERE id = 2; \
                UPDATE parent SET name = 'p2' WHERE id = 1";
    pair.target_execute(swap);
    let run = verify(&pair, &["--repair"]).ends_with(6);
    run.says("NOT REPAIRED").says("parent_name_key");
    pair.target_execute("ALTER TABLE parent DROP CONSTRAINT parent_name_key");
    repaired(&pair);
}

#[test]
fn rows_that_swapped_a_unique_value_are_taken_away_before_they_come() {
    let tables = "CREATE TABLE t (id int PRIMARY KEY, name text UNIQUE, a text)";
    let rows = "INSERT INTO t SELECT i, 'n' || i, 'a' FROM generate_series(1, 3000) i";
    let pair = copied(Sample::Same { tables, rows });
    pair.target_execute("UPDATE t SET name = 'x' || id; UPDATE t SET name = 'n' || (3001 - id)");
    repaired(&pair);
}

#[test]
fn a_table_that_refers_to_itself_is_repaired() {
    let tables = "CREATE TABLE t (id int PRIMARY KEY, boss int)";
    let rows = "INSERT INTO t SELECT i, nullif(i / 2, 0) FROM generate_series(1, 3000) i";
    let pair = copied(Sample::Same { tables, rows });
    pair.target_execute("ALTER TABLE t ADD FOREIGN KEY (boss) REFERENCES t (id) ON DELETE CASCADE");
    pair.target_execute("UPDATE t SET boss = 1 WHERE id > 2000; DELETE FROM t WHERE id > 2500");
    repaired(&pair);
}

/// One row that the target does not take keeps none of the others out.
#[test]
fn a_row_that_the_target_refuses_is_named_by_its_constraint_and_the_others_are_repaired() {
    let pair = simple();
    pair.target_execute(
        "UPDATE t SET a = a || '!'; ALTER TABLE t ADD CHECK (a <> 'row 17' OR id <> 17)",
    );
    let run = verify(&pair, &["--repair"]).ends_with(6).says("t_check");
    let run = run
        .says("0 missing, 0 extra, 1 changed")
        .says("changed: id = 17: a");
    run.never_says("row 17");
    pair.target_execute("ALTER TABLE t DROP CONSTRAINT t_check");
    repaired(&pair);
}

#[test]
fn triggers_are_refused_by_name() {
    let pair = simple();
    pair.target_execute(DAMAGE);
    let trigger = "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; \
                   CREATE TRIGGER watch BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()";
    pair.target_execute(trigger);
    let run = verify(&pair, &["--repair"]).ends_with(4);
    run.says("public.t (watch)").says("--allow-triggers");
    let run = verify(&pair, &["--repair", "--allow-triggers"]).ends_with(0);
    run.says("REPAIRED");
    pair.assert_equal(3);
}

#[test]
fn a_target_without_a_ledger_is_repaired_and_left_without_one() {
    let pair = simple();
    let target = pair.standin.uri();
    Wire9::bare()
        .args(&["clean", "--db9", &target])
        .run()
        .ends_with(0);
    pair.target_execute(DAMAGE);
    repaired(&pair);
    let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname = 'wire9'";
    assert_eq!(
        pair.target().query_value::<u64>(schemas).expect("a number"),
        0
    );
}

#[test]
fn a_migrated_target_is_repaired_with_its_foreign_keys() {
    let source = "CREATE TABLE t (id int PRIMARY KEY, price money, during tstzrange); \
                  INSERT INTO t SELECT i, i, '[2024-01-01 00:00+00,)' FROM generate_series(1, 100) i; \
                  CREATE TABLE child (id int PRIMARY KEY, t int REFERENCES t); \
                  INSERT INTO child SELECT i, 1 + i % 100 FROM generate_series(1, 300) i";
    let pair = Pair::of(Sample::Sql {
        source,
        target: "SELECT 1",
    });
    pair.migrate().run().ends_with(0);
    pair.target_execute("UPDATE t SET price = 13 WHERE id < 9; DELETE FROM child WHERE id > 200");
    let run = verify(&pair, &["--migrated", "--repair"]).ends_with(0);
    run.says("REPAIRED");
    verify(&pair, &["--migrated", "--both"]).ends_with(0);
}

// ---------------------------------------------------------------------------------------------
// death and doubt

/// Many damages, and a target that takes its time for each transaction of a repair.
fn slow() -> Pair {
    let pair = simple();
    pair.target_execute(
        "UPDATE t SET a = a || '!'; INSERT INTO keyless SELECT i, 'y' FROM generate_series(1, 2000) i; \
         DELETE FROM keyless WHERE a = 2",
    );
    let note = Trigger::query("INSERT INTO wire9.repair");
    let slow = Fault::new(note, Action::Latency(SECOND / 4));
    pair.standin.faults().add(slow.always());
    pair
}

#[test]
fn a_repair_that_is_killed_is_repeated_and_arrives_equal() {
    let pair = slow();
    for kills in 0..3 {
        let (source, target) = (pair.source.uri(), pair.standin.uri());
        let command = [
            "verify",
            "--postgres",
            &source,
            "--db9",
            &target,
            "--repair",
        ];
        let mut running = Wire9::bare().args(&command).start();
        let begun = "SELECT coalesce((SELECT count(*) FROM wire9.repair), 0)";
        let mut before = None;
        running.when("a batch is repaired", || {
            let now: u64 = pair.target().query_value(begun).unwrap_or(0);
            now > *before.get_or_insert(now)
        });
        running.signal("KILL");
        assert_eq!(running.wait().code, None, "kill {kills}");
    }
    pair.standin.faults().disarm();
    repaired(&pair);
    let left = "SELECT count(*) FROM wire9.run WHERE state = 'open'";
    assert_eq!(pair.target().query_value::<u64>(left).expect("a number"), 0);
}

/// The first commit enters the run; those after it are the repair's.
fn repair_commit(nth: u64) -> Trigger {
    Trigger::commit().nth(1 + nth)
}

#[track_caller]
fn survives(fault: impl Fn(u64) -> Action) {
    let pair = simple();
    pair.target_execute(
        "UPDATE t SET a = a || '!'; INSERT INTO keyless VALUES (3, 'x'); DELETE FROM keyless WHERE a = 2",
    );
    for nth in [1, 3, 5] {
        pair.standin
            .faults()
            .add(Fault::new(repair_commit(nth), fault(nth)));
    }
    repaired(&pair);
    pair.standin.faults().assert_used();
}

#[test]
fn a_commit_that_took_effect_and_was_not_answered_is_not_done_twice() {
    survives(|_| Action::CommitThenCut(Close::Rst));
}

#[test]
fn a_commit_that_is_answered_with_an_error_is_decided_by_the_ledger() {
    survives(|nth| Action::CommitFails {
        sqlstate: "XX000".to_owned(),
        committed: nth != 3,
    });
}

#[test]
fn a_commit_that_arrives_late_is_waited_for() {
    survives(|_| Action::CutThenDeliver {
        delivery: Delivery::After(SECOND),
        close: Close::Rst,
    });
}

/// The process is gone, its COMMIT is not: whoever repairs next waits for it before anything is read.
#[test]
fn a_commit_that_outlives_its_process_does_no_harm() {
    let pair = slow();
    let (delivery, close) = (Delivery::After(2 * SECOND), Close::Rst);
    let late = Fault::new(repair_commit(2), Action::CutThenDeliver { delivery, close });
    let late = pair.standin.faults().add(late);
    let (source, target) = (pair.source.uri(), pair.standin.uri());
    let command = [
        "verify",
        "--postgres",
        &source,
        "--db9",
        &target,
        "--repair",
    ];
    let mut running = Wire9::bare().args(&command).start();
    running.when("a commit is on its way", || late.fired() == 1);
    running.signal("KILL");
    running.wait();
    pair.source
        .execute("UPDATE t SET a = 'newer' WHERE id % 3 = 0")
        .expect("written");
    repaired(&pair);
    late.wait_delivered(5 * SECOND).expect("it is delivered");
    pair.assert_equal(3);
}

#[test]
fn a_repair_that_stands_still_is_ended_and_the_same_command_goes_on() {
    let pair = simple();
    pair.target_execute("UPDATE t SET a = a || '!'");
    let stall = Action::StallWriting(120 * SECOND);
    let stall = Fault::new(repair_commit(2), stall);
    pair.standin.faults().add(stall);
    let began = std::time::Instant::now();
    let run = verify(&pair, &["--repair", "--stall-after", "2"]).ends_with(7);
    let run = run.says("nothing has moved for 2 s");
    run.says("changing rows of the target, table public.t")
        .says("what was repaired stays");
    assert!(began.elapsed() < 30 * SECOND, "{:?}", began.elapsed());
    pair.standin.faults().disarm();
    repaired(&pair);
}

#[test]
fn an_unfinished_copy_is_not_repaired_from_beside() {
    let pair = Pair::of(Sample::Same {
        tables: crate::ROWS,
        rows: crate::FILL,
    });
    let data = Trigger::query("INSERT INTO wire9.batch").nth(2);
    let refuse = Action::Error {
        sqlstate: "22P02".to_owned(),
        message: "as the script says".to_owned(),
        deaf: Duration::ZERO,
    };
    pair.standin.faults().add(Fault::new(data, refuse));
    pair.copy().run().ends_with(5);
    let run = verify(&pair, &["--repair"]).ends_with(4);
    run.says("is unfinished");
    verify(&pair, &[])
        .ends_with(6)
        .says("is unfinished: its tables have rows still to come");
    pair.copy().run().ends_with(0);
    let run = verify(&pair, &[]).ends_with(0);
    assert!(!run.stdout.contains("unfinished"), "{}", run.stdout);
    pair.assert_equal(3);
}

/// A part of the key names other rows, too.
#[test]
fn rows_of_a_key_of_several_columns_are_repaired_and_their_neighbours_stay() {
    let tables = "CREATE TABLE lines (a text, b int, c text, PRIMARY KEY (a, b))";
    let rows =
        "INSERT INTO lines SELECT 'o''' || i / 10, i % 10, 'c' FROM generate_series(0, 999) i";
    let pair = copied(Sample::Same { tables, rows });
    pair.target_execute(
        "UPDATE lines SET c = 'x' WHERE a = 'o''7' AND b IN (3, 4); DELETE FROM lines WHERE a = 'o''8' AND b = 9; \
         INSERT INTO lines VALUES ('o''9', 77, 'c')",
    );
    let found = report(&pair, &["--repair"], 0);
    pair.assert_equal(3);
    let changed = &table(&found, "public.lines")["repair"]["changed"];
    let numbers = ["rows_deleted", "rows_inserted", "rows_replaced"].map(|n| changed[n].as_u64());
    assert_eq!(numbers, [Some(1), Some(1), Some(2)], "{changed}");
}

/// A statement that did something else than it was meant to is not committed.
#[test]
fn a_repair_whose_statements_change_another_number_of_rows_is_rolled_back() {
    let pair = simple();
    pair.target_execute("INSERT INTO t (id) VALUES (90001), (90002)");
    let more = Fault::new(Trigger::command_complete("DELETE 2"), Action::WrongCount(1));
    let more = pair.standin.faults().add(more.always());
    let run = verify(&pair, &["--repair"]).ends_with(6);
    assert!(more.fired() >= 1);
    run.says("is written by somebody else while it is repaired");
    assert_eq!(pair.target_rows("t"), 5002, "nothing of it is committed");
    pair.standin.faults().disarm();
    repaired(&pair);
}
