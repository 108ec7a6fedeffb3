//! A statement of the schema may take hours, and says what it waits for; one whose answer can not come is given
//! up.

use std::thread;
use std::time::{Duration, Instant};

use testenv::fault::{Action, Fault, Trigger};

use crate::harness::{Pair, Sample};

const SECOND: Duration = Duration::from_secs(1);

fn with_an_index() -> Pair {
    Pair::empty(Sample::Sql {
        source: "CREATE TABLE t (id int PRIMARY KEY, a int); CREATE INDEX by_a ON t (a); \
                 INSERT INTO t SELECT i, i FROM generate_series(1, 100) i",
        target: "",
    })
}

/// Another session holds the table for some seconds from when its rows are there.
fn held<R>(pair: &Pair, seconds: u32, run: impl FnOnce() -> R) -> R {
    let rows = "SELECT count(*) FROM pg_class WHERE oid = to_regclass('public.t')";
    let hold = format!(
        "BEGIN; LOCK TABLE t IN SHARE UPDATE EXCLUSIVE MODE; SELECT pg_sleep({seconds}); ROLLBACK"
    );
    thread::scope(|scope| {
        scope.spawn(|| {
            let until = Instant::now() + 60 * SECOND;
            while pair.target().query_value::<u64>(rows).expect("a number") == 0 {
                assert!(Instant::now() < until, "the table is made");
                thread::sleep(SECOND / 100);
            }
            pair.target().execute(&hold).expect("held");
        });
        run()
    })
}

#[test]
fn an_index_that_waits_for_a_lock_says_so_and_is_waited_for() {
    let pair = with_an_index();
    let run = held(&pair, 6, || {
        pair.migrate()
            .args(&["--io-timeout", "1", "--stall-after", "2"])
            .run()
    });
    let run = run.ends_with(0);
    run.says("index public.by_a: ")
        .says("the target says that it waits for a lock of another session");
}

#[test]
fn a_limit_that_somebody_asked_for_ends_it_and_the_same_command_continues() {
    let pair = with_an_index();
    let began = Instant::now();
    let run = held(&pair, 15, || {
        pair.migrate()
            .args(&["--io-timeout", "1", "--statement-limit", "2"])
            .run()
    });
    assert!(began.elapsed() < 40 * SECOND, "{:?}", began.elapsed());
    let run = run.ends_with(5).says("--statement-limit");
    run.says("index public.by_a: the target says that it waits for a lock");
    pair.migrate().run().ends_with(0);
    pair.assert_equal(3);
}

/// The index is built, its session waits for COMMIT, and the answer is lost on the way.
#[test]
fn a_statement_whose_answer_is_lost_is_given_up_and_made_again() {
    let pair = with_an_index();
    let stall = Action::StallWriting(600 * SECOND);
    let stall = Fault::new(Trigger::query("by_a"), stall);
    let stall = pair.standin.faults().add(stall);
    let began = Instant::now();
    pair.migrate()
        .args(&["--io-timeout", "2"])
        .run()
        .ends_with(0);
    assert_eq!(stall.fired(), 1);
    assert!(began.elapsed() < 60 * SECOND, "{:?}", began.elapsed());
    pair.assert_equal(3);
}
