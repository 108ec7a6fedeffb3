//! Something fails at every single row: rows above the batch limit are committed one by one.

use testenv::fault::{Action, Backend, Close, Fault, Trigger};

use crate::harness::{Pair, Sample};
use crate::scene::each;

/// Rows of 300 kB, each of them twice where there is no key.
const SAMPLES: [Sample<'_>; 2] = [
    Sample::Same {
        tables: "CREATE TABLE keyed (id integer PRIMARY KEY, body text)",
        rows: "INSERT INTO keyed SELECT i, repeat(md5(i::text), 9600) FROM generate_series(1, 20) i",
    },
    Sample::Same {
        tables: "CREATE TABLE keyless (a integer, body text)",
        rows: "INSERT INTO keyless SELECT i / 2, repeat(md5((i / 2)::text), 9600) \
               FROM generate_series(2, 21) i",
    },
];
const ROWS: usize = 20;

/// Batches of 256 KiB.
const ONE_BY_ONE: [&str; 4] = ["--jobs", "1", "--max-memory", "512KiB"];

#[track_caller]
fn copies(pair: &Pair, uri: &str) {
    let command = crate::harness::Wire9::copy(uri, &pair.standin.uri());
    command.args(&ONE_BY_ONE).run().ends_with(0);
    pair.assert_equal(3);
    let batches = pair.target_rows("wire9.batch");
    assert!(batches >= ROWS as u64, "{batches} batches");
}

#[test]
fn the_source_may_be_cut_before_every_row() {
    each(SAMPLES, |sample| {
        let pair = Pair::of(sample);
        let proxy = testenv::FaultProxy::start(&pair.source.uri()).expect("the proxy starts");
        let mut passed = 0;
        for row in 0..ROWS as u64 {
            // Each time the chunk is read from its first row on.
            passed += row;
            let rows = Trigger::backend(Backend::CopyData).application("wire9/");
            let cut = Fault::new(rows.nth(passed + 1), Action::Cut(Close::Rst));
            proxy.faults().add(cut);
        }
        copies(&pair, proxy.uri());
    });
}
