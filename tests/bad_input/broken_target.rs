//! The target times out, closes, or is gone.

use std::time::Duration;

use testenv::fault::{Close, Frontend};
use testenv::standin::{Limits, TimeoutChange};
use testenv::{Action, Fault, StandinOptions, Trigger};

use crate::judged::{Judged as _, TABLES, VALUE, copy, pair, pair_with};
use crate::source::{LARGE, LARGE_ROWS, SMALL_MEMORY, waiting};

/// A statement timeout of this many seconds that nobody can lift.
fn impatient(seconds: f64, change: TimeoutChange) -> StandinOptions {
    let limits = Limits {
        statement_timeout: Duration::from_secs(60),
        time_scale: seconds / 60.0,
        timeout_change: change,
        ..Limits::default()
    };
    StandinOptions {
        limits,
        ..StandinOptions::default()
    }
}

#[test]
fn a_statement_timeout_that_can_not_be_lifted_is_told_and_lived_with() {
    for change in [TimeoutChange::Refused, TimeoutChange::Ignored] {
        let pair = pair_with(impatient(3.0, change), LARGE, LARGE_ROWS);
        copy(&pair)
            .run()
            .passes()
            .says("statement timeout of 3000 ms can not be lifted");
        pair.assert_equal(3);
    }
}

#[test]
fn a_row_that_no_statement_timeout_lets_pass_is_told_by_its_place() {
    let rows = format!("INSERT INTO a VALUES (1, '{VALUE}'), (2, '{VALUE}')");
    let options = impatient(1.0, TimeoutChange::Refused);
    let pair = pair_with(options, TABLES, &rows);
    let slow = "CREATE FUNCTION public.slow(n integer) RETURNS boolean LANGUAGE sql AS \
                'SELECT pg_catalog.pg_sleep(1.5) IS NOT NULL'; \
                ALTER TABLE a ADD CONSTRAINT slow CHECK (public.slow(id))";
    pair.target_execute(slow);
    copy(&pair)
        .run()
        .fails(5, &["public.a", "57014"])
        .advises(&["committed batches stay"]);
    assert_eq!(pair.target().count("a").expect("counted"), 0);
    pair.target_execute("ALTER TABLE a DROP CONSTRAINT slow");
    copy(&pair).run().passes();
    pair.assert_equal(3);
}

#[test]
fn a_target_that_closes_in_mid_stream_is_written_to_again() {
    let pair = pair(LARGE, LARGE_ROWS);
    let (held, running) = waiting(&pair, &[]);
    // Only now: the probe has had its COPY.
    let faults = pair.standin.faults();
    let data = |nth| Trigger::frontend(Frontend::CopyData).nth(nth);
    faults.add(Fault::new(data(2), Action::Cut(Close::Fin)));
    faults.add(Fault::new(data(7), Action::Cut(Close::Rst)));
    let commit = Trigger::commit_containing("COMMIT").nth(4);
    faults.add(Fault::new(commit, Action::CommitThenCut(Close::Rst)));
    held.release();
    running.wait().passes().says("tried again");
    pair.assert_equal(3);
}

#[test]
fn a_target_that_is_gone_for_good_ends_the_run_and_the_same_command_completes_it() {
    let pair = pair(LARGE, LARGE_ROWS);
    let (held, running) = waiting(&pair, &["--retry-for", "3"]);
    let faults = pair.standin.faults();
    let refuse = Fault::new(Trigger::connect(), Action::RefuseConnect(Close::Rst));
    faults.add(refuse.always());
    let kill = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = '{}' AND usename = 'tenant.admin'",
        pair.target().name()
    );
    let killed = pair.target().query(&kill).expect("they are killed");
    assert!(!killed.is_empty());
    held.release();
    running
        .wait()
        .fails(3, &["public.a", "the target"])
        .advises(&["committed batches stay", "the same command continues"]);
    faults.disarm();
    copy(&pair).args(SMALL_MEMORY).run().passes();
    pair.assert_equal(3);
}
