//! Faults at any statement of a whole run, also where nobody has thought of one: connecting, probing,
//! catalog, snapshot, ledger, counting, verdict. Either the run ends well, or it ends with one of the
//! codes that a fault may bring and the same command completes.

use std::time::Duration;

use testenv::fault::{Action, Backend, Close, Frontend, Trigger};

use crate::scene::{Scene, each, error};
use crate::seeded::Seeded;

/// Places in the long series: `WIRE9_PLACES=200 cargo test --test faults any_statement`.
const PLACES: &str = "WIRE9_PLACES";
const FEW_PLACES: u64 = 5;

/// Statements of a whole run, on either side; beyond the last one nothing happens.
const STATEMENTS: u64 = 120;

/// What a fault may end a run with: nothing of it is a mismatch or a fault of the program.
const FAULT_CODES: [i32; 5] = [0, 3, 4, 5, 7];

fn sweep(seed: u64, on_target: bool, fault: impl Fn(u64) -> (Trigger, Action) + Sync) {
    let places = std::env::var(PLACES).map_or(FEW_PLACES, |n| n.parse().expect(PLACES));
    let mut seeded = Seeded::new(seed);
    let all: Vec<u64> = (0..places).map(|_| 1 + seeded.next(STATEMENTS)).collect();
    for some in all.chunks(5) {
        each(some.iter().copied(), |nth| {
            let scene = Scene::new();
            let (trigger, action) = fault(nth);
            let handle = match on_target {
                true => scene.target(trigger, action),
                false => scene.source(trigger, action),
            };
            let run = scene.command().run();
            let code = run.code.unwrap_or(-1);
            let told = format!("{}\n{}", run.stdout, run.stderr);
            assert!(FAULT_CODES.contains(&code), "{nth}: {code}\n{told}");
            assert!(code == 0 || handle.fired() > 0, "{nth}: {code}\n{told}");
            scene.standin.faults().disarm();
            scene.proxy.faults().disarm();
            scene.finishes();
        });
    }
}

fn cut() -> Action {
    Action::Cut(Close::Rst)
}

#[test]
fn the_target_may_cut_at_any_statement() {
    sweep(1, true, |nth| {
        (Trigger::frontend(Frontend::Query).nth(nth), cut())
    });
}

#[test]
fn the_target_may_cut_at_any_answer() {
    sweep(2, true, |nth| {
        (Trigger::backend(Backend::ReadyForQuery).nth(nth), cut())
    });
}

#[test]
fn the_target_may_answer_any_statement_with_an_error() {
    sweep(3, true, |nth| {
        let fails = error("XX000", Duration::ZERO);
        (Trigger::frontend(Frontend::Query).nth(nth), fails)
    });
}

#[test]
fn the_source_may_cut_at_any_statement() {
    sweep(4, false, |nth| {
        (Trigger::frontend(Frontend::Query).nth(nth % 40 + 1), cut())
    });
}

#[test]
fn the_source_may_cut_at_any_answer() {
    sweep(5, false, |nth| {
        (
            Trigger::backend(Backend::ReadyForQuery).nth(nth % 40 + 1),
            cut(),
        )
    });
}

#[test]
fn the_source_may_answer_any_statement_with_an_error() {
    sweep(6, false, |nth| {
        let fails = error("XX000", Duration::ZERO);
        (Trigger::frontend(Frontend::Query).nth(nth % 40 + 1), fails)
    });
}
