//! Either side, the snapshot's keeper, or a person ends in mid-verification.

use std::time::Duration;

use testenv::FaultProxy;
use testenv::fault::{Action, Backend, Close, Fault, Trigger};

use crate::harness::{Pair, Run, Sample, Wire9};
use crate::{copied, report, simple, table};

const SECOND: Duration = Duration::from_secs(1);

fn row(nth: u64) -> Trigger {
    Trigger::backend(Backend::CopyData).nth(nth)
}

/// A verification whose source stands behind a proxy.
fn behind(proxy: &FaultProxy, pair: &Pair) -> Wire9 {
    let target = pair.standin.uri();
    Wire9::bare().args(&["verify", "--postgres", proxy.uri(), "--db9", &target])
}

fn proxy(pair: &Pair) -> FaultProxy {
    FaultProxy::start(&pair.source.uri()).expect("the proxy starts")
}

fn sessions(pair: &Pair) -> u64 {
    let of_wire9 = "SELECT count(*) FROM pg_stat_activity \
                    WHERE datname = current_database() AND application_name LIKE 'wire9%'";
    pair.source.query_value(of_wire9).expect("an answer")
}

#[test]
fn a_side_that_is_cut_in_mid_read_is_read_again() {
    for close in [Close::Rst, Close::Fin] {
        let pair = simple();
        let proxy = proxy(&pair);
        let source = proxy
            .faults()
            .add(Fault::new(row(2500), Action::Cut(close)));
        let target = pair
            .standin
            .faults()
            .add(Fault::new(row(3100), Action::Cut(close)));
        behind(&proxy, &pair).arg("--both").run().ends_with(0);
        assert_eq!((source.fired(), target.fired()), (1, 1));
    }
}

#[test]
fn a_cut_inside_a_row_and_one_in_the_drill_down_change_nothing() {
    let pair = simple();
    pair.target_execute("UPDATE t SET a = 'x' WHERE id = 4711");
    let faults = pair.standin.faults();
    let inside = Action::CutInside {
        bytes: 7,
        close: Close::Rst,
    };
    faults.add(Fault::new(row(100), inside));
    for nth in [6_000, 12_000, 17_000] {
        faults.add(Fault::new(row(nth), Action::Cut(Close::Rst)));
    }
    let report = report(&pair, &[], 6);
    let difference = &table(&report, "public.t")["difference"];
    assert_eq!(difference["changed"], 1);
    assert_eq!(difference["rows"][0]["key"]["id"], "4711");
    faults.assert_used();
}

#[test]
fn a_target_that_is_gone_for_good_is_not_verified() {
    let pair = simple();
    let dead = Fault::new(
        Trigger::query("COPY \"public\".\"t\""),
        Action::Cut(Close::Rst),
    );
    pair.standin.faults().add(dead.always());
    let report = report(&pair, &[], 7);
    assert_eq!(table(&report, "public.t")["verdict"], "not verified");
    assert_eq!(table(&report, "public.keyless")["verdict"], "as sent");
    assert_eq!(report["not_verified"][0]["what"], "table public.t");
}

#[test]
fn a_keeper_that_dies_ends_what_it_kept_and_nothing_loops() {
    let pair = copied(Sample::Same {
        tables: "CREATE TABLE a (i int, b text); CREATE TABLE z (i int, b text)",
        rows: "INSERT INTO a SELECT i, repeat('x', 1000) FROM generate_series(1, 1000) i; \
               INSERT INTO z SELECT i, repeat('x', 1000) FROM generate_series(1, 1000) i",
    });
    let slow = Fault::new(row(1), Action::Bandwidth(200_000));
    let proxy = proxy(&pair);
    let slow = proxy.faults().add(slow);
    let arguments = ["--both", "--jobs", "1", "--io-timeout", "20"];
    let running = behind(&proxy, &pair).args(&arguments).start();
    assert!(slow.wait_fired(30 * SECOND), "rows are read");
    let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                WHERE datname = current_database() AND application_name = 'wire9/keeper'";
    let killed: u64 = pair.source.query_value(kill).expect("an answer");
    assert_eq!(killed, 1);
    let run: Run = running.wait();
    let run = run
        .ends_with(7)
        .says("NOT ALL VERIFIED")
        .says("public.z: NOT VERIFIED");
    run.says("snapshot");
    assert_eq!(sessions(&pair), 0);
}

#[test]
fn an_interrupted_verification_ends_at_once_and_leaves_nothing() {
    let pair = simple();
    for signal in ["INT", "TERM"] {
        let proxy = proxy(&pair);
        let stall = Fault::new(row(1000), Action::StallWriting(60 * SECOND));
        let stall = proxy.faults().add(stall);
        let running = behind(&proxy, &pair).arg("--both").start();
        assert!(stall.wait_fired(30 * SECOND), "rows are read");
        let began = std::time::Instant::now();
        running.signal(signal);
        running.wait().ends_with(130);
        assert!(began.elapsed() < 15 * SECOND, "{:?}", began.elapsed());
        proxy.faults().disarm();
    }
    let until = std::time::Instant::now() + 10 * SECOND;
    while sessions(&pair) > 0 {
        assert!(std::time::Instant::now() < until, "a session stays");
        std::thread::sleep(SECOND / 20);
    }
    let scratch = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'wire9_probe%'";
    let left: u64 = pair.target().query_value(scratch).expect("an answer");
    assert_eq!(left, 0);
}

/// Neither side sends anything more, for longer than anybody waits.
#[test]
fn a_side_that_stands_still_ends_a_verification_and_the_readers_say_what_they_wait_for() {
    let pair = simple();
    let stall = || Fault::new(row(1000), Action::StallWriting(120 * SECOND));
    let limit = ["--both", "--stall-after", "2"];
    let source = proxy(&pair);
    source.faults().add(stall());
    let began = std::time::Instant::now();
    let run = behind(&source, &pair).args(&limit).run().ends_with(7);
    let run = run.says("nothing has moved for 2 s").says("--stall-after");
    run.says("reading from the source, table public.t");

    pair.standin.faults().add(stall());
    let run = crate::verify(&pair, &limit).ends_with(7);
    let run = run.says("nothing has moved for 2 s");
    run.says("reading from the target, table public.t");
    assert!(began.elapsed() < 30 * SECOND, "{:?}", began.elapsed());
}

/// Waiting for one's own limit is no standstill.
#[test]
fn a_rate_below_what_arrives_at_once_is_no_standstill() {
    let pair = simple();
    let slowly = ["--both", "--max-rate", "150kB", "--stall-after", "1"];
    let began = std::time::Instant::now();
    crate::verify(&pair, &slowly).ends_with(0);
    assert!(began.elapsed() > 3 * SECOND, "{:?}", began.elapsed());
}

/// Rows that were lost between the target and here are no rows that are missing there, nor are they none.
#[test]
fn a_read_of_the_target_that_is_shorter_than_the_target_says_is_not_verified() {
    let pair = simple();
    let more = Fault::new(Trigger::command_complete("COPY 100"), Action::WrongCount(1));
    let more = pair.standin.faults().add(more);
    let report = report(&pair, &[], 7);
    assert!(more.fired() >= 1);
    let keyless = table(&report, "public.keyless");
    assert_eq!(keyless["verdict"], "not verified");
    let error = keyless["error"].as_str().expect("a reason");
    assert!(
        error.contains("100 rows arrived, and the target says COPY 101"),
        "{error}"
    );
    assert_eq!(table(&report, "public.t")["verdict"], "as sent");
}
