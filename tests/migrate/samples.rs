//! Whole databases arrive.

use crate::harness::{Pair, Sample};

#[test]
fn the_shop_arrives_with_everything() {
    let pair = Pair::empty(Sample::Shop(0.05));
    let run = pair.migrate().run().ends_with(0);
    pair.assert_equal(3);
    assert_eq!(run.report["result"]["ended"], "through");
}

#[test]
fn chinook_arrives_with_everything() {
    let pair = Pair::empty(Sample::Chinook);
    pair.migrate().run().ends_with(0);
    pair.assert_equal(3);
}
