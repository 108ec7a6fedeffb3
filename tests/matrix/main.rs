//! The fault matrix: each fault at each place of a run, on either side, with the real binary. After each
//! the same command is repeated until it ends well, and then the target holds what the source holds,
//! as multisets, with and without keys; testenv alone decides that.
//!
//! `table.rs` is the matrix, `script.rs` says how a fault is made at a place, `cell.rs` lives through
//! one, `record.rs` keeps `docs/fault-matrix.md`. An ordinary run takes each fault and each place of
//! either side at least once. The whole matrix:
//!
//! ```sh
//! WIRE9_MATRIX=all cargo test --test matrix                  # every cell
//! WIRE9_MATRIX='cut at COMMIT' cargo test --test matrix      # the cells whose names contain this
//! WIRE9_WRITE=1 WIRE9_MATRIX=all cargo test --test matrix    # … and writes the record
//! WIRE9_WRITE=1 cargo test --features planted --test matrix  # that it turns red for planted mistakes
//! ```
//! With `--nocapture` it prints a line per cell.
#![allow(clippy::print_stderr)]

#[path = "../harness/mod.rs"]
mod harness;
#[path = "../faults/seeded.rs"]
mod seeded;

mod cell;
#[cfg(feature = "planted")]
mod planted;
mod record;
mod scene;
mod script;
mod series;
mod table;

use std::time::Instant;

use series::{Chosen, run};
use table::cells;

/// Which cells are run: `all`, or those whose names contain a text.
const MATRIX: &str = "WIRE9_MATRIX";

#[test]
fn every_fault_at_every_place_is_survived() {
    let asked = std::env::var(MATRIX).ok();
    let chosen = match asked.as_deref() {
        None => Chosen::few(&cells()),
        Some("all") => Chosen::all(&cells()),
        Some(text) => Chosen::named(&cells(), text),
    };
    let began = Instant::now();
    let results = run(chosen, None);
    if asked.as_deref() == Some("all") && record::is_wanted() {
        record::write_matrix(&results, began.elapsed());
    }
    let red: Vec<String> = results.iter().filter_map(series::Lived::red).collect();
    assert!(
        red.is_empty(),
        "{} of {} cells are red:\n{}",
        red.len(),
        results.len(),
        red.join("\n")
    );
}

#[test]
fn an_ordinary_run_takes_each_fault_and_each_place_of_either_side() {
    let all = cells();
    let few = Chosen::few(&all);
    for cell in &all {
        let same_side = || few.cells().filter(|c| c.side == cell.side);
        assert!(same_side().any(|c| c.fault == cell.fault), "{cell}");
        assert!(same_side().any(|c| c.place == cell.place), "{cell}");
    }
    assert!(few.cells().count() * 4 < all.len(), "few are few");
}

#[test]
fn the_document_has_a_record_of_every_cell_and_of_every_mistake() {
    record::assert_complete();
}
