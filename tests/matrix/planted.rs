//! That the matrix can fail: for each mistake that is planted into wire9, a cell turns red.

use wire9::planted::Mistake;

use crate::record;
use crate::series::{Chosen, run};
use crate::table::cells;

#[test]
fn every_planted_mistake_turns_the_matrix_red() {
    let found: Vec<(Mistake, Option<String>)> = Mistake::ALL.map(find).to_vec();
    if record::is_wanted() {
        record::write_planted(&found);
    }
    let missed: Vec<&Mistake> = found
        .iter()
        .filter(|f| f.1.is_none())
        .map(|f| &f.0)
        .collect();
    assert!(missed.is_empty(), "not found by the matrix: {missed:?}");
}

/// The first cell that a mistake turns red.
fn find(mistake: Mistake) -> (Mistake, Option<String>) {
    let lived = run(Chosen::rare_first(&cells()), Some(mistake.name()));
    let red = lived.iter().find(|lived| lived.repeated.is_err());
    if let Some(words) = red.and_then(crate::series::Lived::red) {
        eprintln!("{}: {words}", mistake.name());
    }
    (mistake, red.map(|lived| lived.cell.to_string()))
}
