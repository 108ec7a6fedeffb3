//! The fuzz target of the ledger's rows: takes any bytes, and panics where something does not hold. In
//! no ordinary build.

use std::collections::BTreeMap;

use crate::plan::Bounds;

use super::batch::{Batch, Key, Sums, read_batch, record};
use super::loaded::Adding;
use super::plan::{
    PairRow, PlanRows, Progress, TargetRow, Texts, read_chunk, read_pair, read_target, tiles,
};
use super::run::{owner_text, read_owner, read_run};
use crate::catalog::TableName;

/// Source tables of the plan that batches are read for.
const PAIRS: usize = 3;

/// Any bytes as rows of the ledger's tables, as somebody may have written them by hand: what is read is
/// written so that it is read again, and both ways to sum batches up agree.
pub fn ledger(data: &[u8]) {
    let Some((&table, rows)) = data.split_first() else {
        return;
    };
    let text = String::from_utf8_lossy(rows);
    let rows: Vec<Vec<Option<String>>> = text.split('\n').map(columns).collect();
    match table % 5 {
        0 => batches(&rows),
        1 => rows.iter().for_each(|row| chunk(row)),
        2 => rows.iter().for_each(|row| run(row)),
        3 => rows.iter().for_each(|row| pair(row)),
        _ => rows.iter().for_each(|row| target(row)),
    }
}

/// Columns of a row: tabs between them, `\N` for NULL.
fn columns(line: &str) -> Vec<Option<String>> {
    let value = |text: &str| (text != "\\N").then(|| text.to_owned());
    line.split('\t').map(value).collect()
}

fn batches(rows: &[Vec<Option<String>>]) {
    let mut all: BTreeMap<(usize, u32), Vec<Batch>> = BTreeMap::new();
    for (pair, chunk, batch) in rows.iter().filter_map(|row| read_batch(row)) {
        written_again(pair, chunk, &batch);
        if pair < PAIRS {
            all.entry((pair, chunk)).or_default().push(batch);
        }
    }
    let progress = progress(all);
    let mut adding = Adding::of(PAIRS);
    let added = progress.batches.iter().try_for_each(|(chunk, batches)| {
        let mut batches = batches.iter();
        batches.try_for_each(|batch| adding.batch(*chunk, batch))
    });
    assert_eq!(added.is_ok(), tiles(&progress).is_ok(), "batches that tile");
    if added.is_ok() {
        assert_eq!(adding.loaded(), progress.by_pair(), "sums");
    }
    let rows: Vec<u64> = progress.by_pair().iter().map(|l| l.rows).collect();
    let loaded: Vec<u64> = (0..PAIRS).map(|target| progress.loaded(target)).collect();
    assert_eq!(rows, loaded, "rows by table and by target");
}

fn progress(batches: BTreeMap<(usize, u32), Vec<Batch>>) -> Progress {
    let pair = |target| PairRow {
        source: TableName::new("s", format!("t{target}")),
        target,
    };
    let plan = PlanRows {
        pairs: (0..PAIRS).map(pair).collect(),
        ..PlanRows::default()
    };
    Progress { plan, batches }
}

/// The values of the statement that records a batch, as its columns would be read.
fn written_again(pair: usize, chunk: u32, batch: &Batch) {
    let key = Key {
        run: "r".to_owned(),
        pair,
        chunk,
    };
    let sql = record(&key, batch, &Sums::default());
    let (_, values) = sql.split_once("VALUES ('r', ").expect("values");
    let values = values.strip_suffix(')').expect("the end");
    let unquoted = |text: &str| Some(text.trim_matches('\'').to_owned());
    let mut row: Vec<Option<String>> = values.split(", ").map(unquoted).collect();
    // The sums for verification are read elsewhere.
    row.drain(9..11);
    assert_eq!(read_batch(&row), Some((pair, chunk, batch.clone())));
}

fn chunk(row: &Texts) {
    let Some((pair, number, bounds, bytes)) = read_chunk(row) else {
        return;
    };
    let text = serde_json::to_string(&bounds).expect("bounds are JSON");
    assert_eq!(serde_json::from_str::<Bounds>(&text).ok(), Some(bounds));
    let plan = PlanRows {
        chunks: vec![(pair, number, read_chunk(row).expect("it was read").2, bytes)],
        ..PlanRows::default()
    };
    assert!(plan.chunk_counts().iter().all(|n| *n <= 1));
}

fn run(row: &Texts) {
    let Some(run) = read_run(row) else {
        return;
    };
    assert_eq!(read_owner(&owner_text(&run.owner)), Some(run.owner.clone()));
    let shown = run.owner.to_string();
    assert!(!shown.contains(char::is_control), "{shown:?}");
    run.owner.liveness();
}

fn pair(row: &Texts) {
    if let Some((_, pair)) = read_pair(row) {
        assert_eq!(row[1].as_deref(), Some(pair.source.schema.as_str()));
    }
}

fn target(row: &Texts) {
    let Some((_, TargetRow { baseline, .. })) = read_target(row) else {
        return;
    };
    let is_null = row[3].is_none();
    assert_eq!(baseline.is_none(), is_null, "a baseline that is still open");
}
