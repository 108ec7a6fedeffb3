//! The verdict for programs: `wire9-copy-report/1`. `docs/report.md` documents every field, and a
//! test holds the two together.

use std::time::Duration;

use serde::Serialize;

use super::envelope::Envelope;
use super::judge::{self, Identity};
use super::resources::Resources;
use super::units::per_second;
use super::{errors, verdict::Verdict};
use crate::metrics::{TableTally, Waits};
use crate::runs::Error;
use crate::runs::copy::{Cut, Outcome, PlannedTable, SourceMoved, TableVerdict, TargetVerdict};

const FORMAT: &str = "wire9-copy-report/1";

#[derive(Debug, Serialize)]
pub(super) struct ReportedResult {
    headline: Vec<String>,
    run: String,
    continued: bool,
    finished_before: bool,
    dry_run: bool,
    interrupted: bool,
    source: ReportedEndpoint,
    target: ReportedEndpoint,
    snapshot: String,
    source_moved: ReportedMove,
    jobs: usize,
    rejects_folder: String,
    totals: ReportedTotals,
    tables: Vec<ReportedTable>,
    targets: Vec<ReportedTarget>,
    plan: Vec<ReportedPlan>,
    notes: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ReportedEndpoint {
    endpoint: String,
    server: String,
}

#[derive(Debug, Serialize)]
struct ReportedMove {
    state: &'static str,
    tables: Vec<String>,
    reason: Option<String>,
}

#[derive(Debug, Serialize)]
struct ReportedTotals {
    rows_loaded: u64,
    rows_rejected: u64,
    rows_loaded_before: u64,
    rows: u64,
    read_bytes: u64,
    sent_bytes: u64,
    batches: u64,
    retries: u64,
    wall_seconds: f64,
    data_seconds: f64,
    rows_per_second: f64,
    read_bytes_per_second: f64,
    bottleneck: Option<&'static str>,
    waits: ReportedWaits,
}

#[derive(Debug, Serialize)]
struct ReportedWaits {
    source_seconds: f64,
    rewrite_seconds: f64,
    full_seconds: f64,
    empty_seconds: f64,
    target_seconds: f64,
}

#[derive(Debug, Serialize)]
struct ReportedTable {
    source: String,
    target: String,
    identity: &'static str,
    complete: bool,
    problem: Option<String>,
    rows_counted: Option<u64>,
    rows_loaded: u64,
    rows_rejected: u64,
    rows_loaded_before: u64,
    rows: u64,
    read_bytes: u64,
    sent_bytes: u64,
    batches: u64,
    retries: u64,
    seconds: f64,
    rows_per_second: f64,
    read_bytes_per_second: f64,
    commit_p50_us: Option<u64>,
    commit_p99_us: Option<u64>,
    waits: ReportedWaits,
    cut: Vec<ReportedCut>,
}

#[derive(Debug, Serialize)]
struct ReportedCut {
    column: String,
    values: u64,
    how: &'static str,
}

#[derive(Debug, Serialize)]
struct ReportedTarget {
    name: String,
    identity: &'static str,
    truncated: bool,
    rows_baseline: u64,
    rows_loaded: u64,
    rows_expected: u64,
    rows_counted: Option<u64>,
    reconciled: Option<ReportedChanges>,
}

#[derive(Debug, Serialize)]
struct ReportedChanges {
    rows_deleted: u64,
    rows_inserted: u64,
    rows_replaced: u64,
}

#[derive(Debug, Serialize)]
struct ReportedPlan {
    source: String,
    target: String,
    rows_estimated: u64,
    bytes_estimated: u64,
    chunks: usize,
    split: &'static str,
    transforms: Vec<String>,
    condition: Option<String>,
}

/// Of a run that reached its verdict.
pub(super) fn of_verdict(verdict: &Verdict<'_>) -> Envelope<ReportedResult> {
    Envelope::new(FORMAT, verdict.exit, verdict.resources).with_result(result(verdict))
}

/// Of a run that ended before its verdict.
pub(super) fn of_error(error: &Error, resources: Resources) -> Envelope<ReportedResult> {
    Envelope::of_error(FORMAT, error, resources)
}

/// The verdict's facts.
pub(super) fn result(verdict: &Verdict<'_>) -> ReportedResult {
    let o = verdict.outcome;
    ReportedResult {
        headline: verdict.headline(),
        run: o.run.clone(),
        continued: o.continued,
        finished_before: o.finished_before,
        dry_run: o.dry_run,
        interrupted: o.interrupted,
        source: endpoint(&o.source, &o.source_server),
        target: endpoint(&o.target, &o.target_server),
        snapshot: o.snapshot.clone(),
        source_moved: moved(&o.moved),
        jobs: o.jobs,
        rejects_folder: errors::clean(&o.rejects),
        totals: totals(o),
        tables: o.tables.iter().map(table).collect(),
        targets: o.targets.iter().map(target).collect(),
        plan: o.plan.iter().map(planned).collect(),
        notes: o.notes.iter().map(|note| errors::clean(note)).collect(),
    }
}

fn endpoint(endpoint: &str, server: &str) -> ReportedEndpoint {
    ReportedEndpoint {
        endpoint: errors::clean(endpoint),
        server: errors::clean(server),
    }
}

fn moved(moved: &SourceMoved) -> ReportedMove {
    let (state, tables, reason) = match moved {
        SourceMoved::No => ("no", Vec::new(), None),
        SourceMoved::Yes { tables } => ("yes", tables.clone(), None),
        SourceMoved::Unknown(why) => ("unknown", Vec::new(), Some(errors::clean(why))),
    };
    ReportedMove {
        state,
        tables,
        reason,
    }
}

fn totals(o: &Outcome) -> ReportedTotals {
    let sum = |of: fn(&TableVerdict) -> u64| o.tables.iter().map(of).sum::<u64>();
    let (rows, read_bytes) = (sum(|t| t.tally.rows), sum(|t| t.tally.read_bytes));
    let seconds = o.data_wall.as_secs_f64();
    ReportedTotals {
        rows_loaded: sum(|t| t.loaded),
        rows_rejected: sum(|t| t.rejected),
        rows_loaded_before: sum(|t| t.loaded_before),
        rows,
        read_bytes,
        sent_bytes: sum(|t| t.tally.sent_bytes),
        batches: sum(|t| t.tally.batches),
        retries: sum(|t| t.tally.retries),
        wall_seconds: o.wall.as_secs_f64(),
        data_seconds: seconds,
        rows_per_second: per_second(rows, seconds),
        read_bytes_per_second: per_second(read_bytes, seconds),
        bottleneck: (read_bytes > 0).then(|| o.waits.bottleneck().name()),
        waits: waits(&o.waits),
    }
}

fn waits(waits: &Waits) -> ReportedWaits {
    let seconds = |duration: Duration| duration.as_secs_f64();
    ReportedWaits {
        source_seconds: seconds(waits.source),
        rewrite_seconds: seconds(waits.rewrite),
        full_seconds: seconds(waits.full),
        empty_seconds: seconds(waits.empty),
        target_seconds: seconds(waits.target),
    }
}

fn table(t: &TableVerdict) -> ReportedTable {
    let tally = &t.tally;
    let seconds = tally.seconds();
    ReportedTable {
        source: t.source.clone(),
        target: t.target.clone(),
        identity: word(judge::table(t)),
        complete: t.complete,
        problem: t.problem.as_deref().map(errors::clean),
        rows_counted: t.counted,
        rows_loaded: t.loaded,
        rows_rejected: t.rejected,
        rows_loaded_before: t.loaded_before,
        rows: tally.rows,
        read_bytes: tally.read_bytes,
        sent_bytes: tally.sent_bytes,
        batches: tally.batches,
        retries: tally.retries,
        seconds,
        rows_per_second: per_second(tally.rows, seconds),
        read_bytes_per_second: per_second(tally.read_bytes, seconds),
        commit_p50_us: commit(tally, 0.50),
        commit_p99_us: commit(tally, 0.99),
        waits: waits(&tally.waits),
        cut: t.cut.iter().map(cut).collect(),
    }
}

fn commit(tally: &TableTally, quantile: f64) -> Option<u64> {
    (!tally.commit.is_empty()).then(|| tally.commit.value_at_quantile(quantile))
}

fn cut(cut: &Cut) -> ReportedCut {
    ReportedCut {
        column: cut.column.clone(),
        values: cut.values,
        how: cut.how.name(),
    }
}

fn word(identity: Identity) -> &'static str {
    match identity {
        Identity::Holds => "holds",
        Identity::Broken => "broken",
        Identity::Unknown => "unknown",
        Identity::Left => "left",
    }
}

fn target(t: &TargetVerdict) -> ReportedTarget {
    ReportedTarget {
        name: t.name.clone(),
        identity: word(judge::target(t)),
        truncated: t.truncated,
        rows_baseline: t.baseline,
        rows_loaded: t.loaded,
        rows_expected: judge::expected(t),
        rows_counted: t.counted,
        reconciled: t.reconciled.map(|changes| ReportedChanges {
            rows_deleted: changes.deleted,
            rows_inserted: changes.inserted,
            rows_replaced: changes.replaced,
        }),
    }
}

fn planned(t: &PlannedTable) -> ReportedPlan {
    ReportedPlan {
        source: t.source.clone(),
        target: t.target.clone(),
        rows_estimated: t.rows,
        bytes_estimated: t.bytes,
        chunks: t.chunks,
        split: t.split,
        transforms: t.transforms.clone(),
        condition: t.condition.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::cli::dry_run::tests::plan;
    use crate::cli::envelope::tests::{RESOURCES, documented, failed, parsed, paths};
    use crate::cli::judge::tests::{cut_of, outcome};

    fn of(outcome: &Outcome) -> Value {
        let verdict = Verdict {
            outcome,
            exit: judge::exit(outcome, false),
            require_quiet: false,
            resources: RESOURCES,
            width: None,
        };
        parsed(&of_verdict(&verdict))
    }

    /// An outcome with at least one element in every list.
    fn full() -> Outcome {
        let mut o = outcome();
        o.moved = SourceMoved::Yes {
            tables: vec!["public.events".to_owned()],
        };
        o.tables[0].cut = vec![cut_of("created_at", 1_500)];
        o.plan = plan();
        o.targets[0].reconciled = Some(crate::ledger::Changes::default());
        o.notes = vec!["a note".to_owned()];
        o
    }

    #[test]
    fn every_field_is_documented_and_every_documented_field_exists() {
        let found = paths(&[of(&full()), failed(FORMAT)], &[]);
        assert_eq!(found, documented(FORMAT));
        assert!(found.len() > 60);
    }

    #[test]
    fn a_table_reads_like_this() {
        let expected = r#"{
            "source": "public.orders", "target": "public.orders", "identity": "holds",
            "complete": true, "problem": null, "rows_counted": 15000, "rows_loaded": 15000,
            "rows_rejected": 0,
            "rows_loaded_before": 0, "rows": 15000, "read_bytes": 3000000, "sent_bytes": 3000000,
            "batches": 2, "retries": 0, "seconds": 2.0, "rows_per_second": 7500.0,
            "read_bytes_per_second": 1500000.0, "commit_p50_us": 4015, "commit_p99_us": 21119,
            "waits": {"source_seconds": 0.3, "rewrite_seconds": 0.1, "full_seconds": 0.6,
                      "empty_seconds": 0.05, "target_seconds": 0.9},
            "cut": [{"column": "created_at", "values": 1500, "how": "cut"}]
        }"#;
        let expected: Value = serde_json::from_str(expected).expect("it is JSON");
        assert_eq!(of(&full())["result"]["tables"][0], expected);
    }

    #[test]
    fn a_run_reads_like_this() {
        let report = of(&full());
        let result = &report["result"];
        assert_eq!(report["format"], "wire9-copy-report/1");
        assert_eq!(
            (&report["exit_code"], &report["exit_meaning"]),
            (&0.into(), &"done".into())
        );
        assert_eq!(report["error"], Value::Null);
        assert_eq!(
            result["headline"][0],
            "SOURCE WAS WRITTEN since the snapshot: public.events"
        );
        assert_eq!(result["source_moved"]["state"], "yes");
        assert_eq!(result["totals"]["rows_loaded"], 15_607);
        assert_eq!(result["totals"]["bottleneck"], "target-bound");
        assert_eq!(result["targets"][0]["rows_expected"], 15_000);
        assert_eq!(result["plan"][1]["condition"], "id > 7");
    }

    #[test]
    fn the_exit_code_of_the_verdict_is_in_the_report() {
        let mut o = outcome();
        o.targets[0].counted = Some(1);
        assert_eq!(of(&o)["exit_code"], 6);
        assert_eq!(of(&o)["result"]["targets"][0]["identity"], "broken");
    }
}
