//! What an outcome means: the identities that hold or do not, and the exit code. Pure.

use crate::runs::Exit;
use crate::runs::copy::{Outcome, SourceMoved, TableVerdict, TargetVerdict};

/// What a person is told after a stop.
pub(super) const CONTINUES: &str = "committed batches stay; the same command continues";

/// The exit code: interrupted first, then the first of mismatch, partial, not verified.
pub(super) fn exit(outcome: &Outcome, require_quiet: bool) -> Exit {
    if outcome.interrupted {
        return Exit::Interrupted;
    }
    if outcome.dry_run {
        return Exit::Done;
    }
    let tables = || outcome.tables.iter().map(table);
    let targets = || outcome.targets.iter().map(target);
    let unknown = |identity| identity == Identity::Unknown;
    if tables().any(|t| t == Identity::Broken) || targets().any(|t| t == Identity::Broken) {
        Exit::Mismatch
    } else if outcome.tables.iter().any(|t| is_left(t) || t.rejected > 0) {
        Exit::Partial
    } else if outcome.finished_before {
        // It was verified then; that the target still holds its rows was a condition to come here.
        Exit::Done
    } else if tables().any(unknown)
        || targets().any(unknown)
        || (require_quiet && outcome.moved != SourceMoved::No)
    {
        Exit::NotVerified
    } else {
        Exit::Done
    }
}

/// Whether an identity of row counts holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Identity {
    /// Both sides were counted and agree.
    Holds,
    /// Both sides were counted and differ.
    Broken,
    /// One side was not counted.
    Unknown,
    /// The table was left before its end: its counts can not agree yet.
    Left,
}

/// Rows counted on the source = rows read = rows loaded + rows rejected. A table that was left can only be found broken by more
/// rows than there are.
pub(super) fn table(table: &TableVerdict) -> Identity {
    match table.counted {
        Some(counted) if read(table) > counted => Identity::Broken,
        _ if is_left(table) => Identity::Left,
        Some(counted) if counted == read(table) => Identity::Holds,
        Some(_) => Identity::Broken,
        None => Identity::Unknown,
    }
}

/// Rows that were read, whatever became of them.
pub(super) fn read(table: &TableVerdict) -> u64 {
    table.loaded.saturating_add(table.rejected)
}

/// Baseline + loaded = rows on the target, whether or not all of the table is there yet.
pub(super) fn target(target: &TargetVerdict) -> Identity {
    match target.counted {
        Some(counted) if expected(target) == counted => Identity::Holds,
        Some(_) => Identity::Broken,
        None => Identity::Unknown,
    }
}

/// Rows that the target must hold: what a truncate removed counts no more.
pub(super) fn expected(target: &TargetVerdict) -> u64 {
    let baseline = if target.truncated { 0 } else { target.baseline };
    baseline.saturating_add(target.loaded)
}

/// Whether rows of the table are still to be copied.
pub(super) fn is_left(table: &TableVerdict) -> bool {
    !table.complete || table.problem.is_some()
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::metrics::{BatchFact, TableTally, Waits};
    use crate::runs::copy::{Cut, How};

    /// A finished table whose counts agree.
    pub(in crate::cli) fn table_of(name: &str, rows: u64, bytes: u64) -> TableVerdict {
        let mut tally = TableTally::new(1);
        tally.began = Some(Duration::from_secs(1));
        for (at, ms) in [(2, 4), (3, 21)] {
            let half = if at == 2 { rows / 2 } else { rows - rows / 2 };
            let fact = BatchFact {
                table: 0,
                lane: 0,
                rows: half,
                rejected: 0,
                read_bytes: bytes / 2,
                sent_bytes: bytes / 2,
                changed: vec![half / 10],
                commit: Duration::from_millis(ms),
            };
            tally.batch(&fact, Duration::from_secs(at));
        }
        tally.waits = waits();
        TableVerdict {
            source: format!("public.{name}"),
            target: format!("public.{name}"),
            counted: Some(rows),
            loaded: rows,
            rejected: 0,
            loaded_before: 0,
            tally,
            cut: Vec::new(),
            complete: true,
            problem: None,
        }
    }

    /// A column of which values were cut.
    pub(in crate::cli) fn cut_of(column: &str, values: u64) -> Cut {
        Cut {
            column: column.to_owned(),
            values,
            how: How::Cut,
        }
    }

    /// A target table whose counts agree.
    pub(in crate::cli) fn target_of(name: &str, rows: u64) -> TargetVerdict {
        TargetVerdict {
            name: format!("public.{name}"),
            baseline: 0,
            loaded: rows,
            counted: Some(rows),
            truncated: false,
            reconciled: None,
        }
    }

    fn waits() -> Waits {
        Waits {
            source: Duration::from_millis(300),
            rewrite: Duration::from_millis(100),
            full: Duration::from_millis(600),
            empty: Duration::from_millis(50),
            target: Duration::from_millis(900),
        }
    }

    /// A run that went well: two tables.
    pub(in crate::cli) fn outcome() -> Outcome {
        Outcome {
            run: "6f2c1c1e-0000-4000-8000-000000000001".to_owned(),
            continued: false,
            finished_before: false,
            source: "alice@source:5432/shop".to_owned(),
            target: "t1.admin@target:5433/postgres".to_owned(),
            source_server: "PostgreSQL 15.8".to_owned(),
            target_server: "PostgreSQL 15 (db9-server 1.2)".to_owned(),
            snapshot: "750:750:".to_owned(),
            tables: vec![
                table_of("orders", 15_000, 3_000_000),
                table_of("events", 607, 64_000),
            ],
            targets: vec![target_of("orders", 15_000), target_of("events", 607)],
            moved: SourceMoved::No,
            notes: Vec::new(),
            plan: Vec::new(),
            dry_run: false,
            waits: waits(),
            wall: Duration::from_millis(3_400),
            data_wall: Duration::from_millis(2_000),
            interrupted: false,
            jobs: 4,
            rejects: "rejects".to_owned(),
        }
    }

    fn exit_of(change: impl FnOnce(&mut Outcome)) -> Exit {
        let mut outcome = outcome();
        change(&mut outcome);
        exit(&outcome, false)
    }

    #[test]
    fn a_run_whose_counts_agree_is_done() {
        assert_eq!(exit_of(|_| ()), Exit::Done);
        assert_eq!(
            exit_of(|o| (o.tables, o.targets) = (vec![], vec![])),
            Exit::Done
        );
    }

    #[test]
    fn rows_that_were_read_but_not_loaded_are_a_mismatch() {
        assert_eq!(exit_of(|o| o.tables[1].loaded -= 1), Exit::Mismatch);
        assert_eq!(exit_of(|o| o.tables[1].counted = Some(0)), Exit::Mismatch);
    }

    #[test]
    fn rejected_rows_are_part_of_what_was_read_and_make_the_run_partial() {
        let rejected = |o: &mut Outcome| {
            (o.tables[0].loaded, o.tables[0].rejected) = (14_997, 3);
            (o.targets[0].loaded, o.targets[0].counted) = (14_997, Some(14_997));
        };
        assert_eq!(exit_of(rejected), Exit::Partial);
        let mut kept = outcome();
        rejected(&mut kept);
        assert_eq!(table(&kept.tables[0]), Identity::Holds);
        let lost = |o: &mut Outcome| {
            rejected(o);
            o.tables[0].rejected = 2;
        };
        assert_eq!(exit_of(lost), Exit::Mismatch);
        let before = |o: &mut Outcome| {
            rejected(o);
            o.finished_before = true;
        };
        assert_eq!(exit_of(before), Exit::Partial);
    }

    #[test]
    fn a_row_more_or_less_on_the_target_is_a_mismatch() {
        assert_eq!(
            exit_of(|o| o.targets[0].counted = Some(15_001)),
            Exit::Mismatch
        );
        assert_eq!(exit_of(|o| o.targets[0].baseline = 1), Exit::Mismatch);
    }

    #[test]
    fn rows_that_were_truncated_do_not_count() {
        assert_eq!(
            exit_of(|o| (o.targets[0].baseline, o.targets[0].truncated) = (7, true)),
            Exit::Done
        );
    }

    #[test]
    fn a_table_that_was_left_is_partial_and_no_mismatch() {
        let left = |o: &mut Outcome| {
            (o.tables[0].complete, o.tables[0].loaded) = (false, 10);
            (o.targets[0].loaded, o.targets[0].counted) = (10, Some(10));
        };
        assert_eq!(exit_of(left), Exit::Partial);
        assert_eq!(
            exit_of(|o| o.tables[0].problem = Some("x".into())),
            Exit::Partial
        );
    }

    #[test]
    fn a_table_that_was_left_with_too_many_rows_is_a_mismatch() {
        assert_eq!(
            exit_of(|o| (o.tables[0].complete, o.tables[0].loaded) = (false, 15_001)),
            Exit::Mismatch
        );
    }

    #[test]
    fn what_was_not_counted_is_not_verified() {
        assert_eq!(exit_of(|o| o.tables[0].counted = None), Exit::NotVerified);
        assert_eq!(exit_of(|o| o.targets[0].counted = None), Exit::NotVerified);
    }

    #[test]
    fn a_run_that_was_finished_before_needs_no_second_count() {
        let before = |o: &mut Outcome| {
            (o.finished_before, o.tables[0].counted, o.targets[0].counted) = (true, None, None);
        };
        assert_eq!(exit_of(before), Exit::Done);
        let lost = |o: &mut Outcome| {
            before(o);
            o.targets[1].counted = Some(1);
        };
        assert_eq!(exit_of(lost), Exit::Mismatch);
    }

    #[test]
    fn with_several_the_first_of_mismatch_partial_not_verified_wins() {
        let unverified = |o: &mut Outcome| o.tables[0].counted = None;
        let partial = |o: &mut Outcome| {
            unverified(o);
            o.tables[1].problem = Some("x".into());
        };
        let mismatch = |o: &mut Outcome| {
            partial(o);
            o.targets[1].counted = Some(0);
        };
        assert_eq!(exit_of(unverified), Exit::NotVerified);
        assert_eq!(exit_of(partial), Exit::Partial);
        assert_eq!(exit_of(mismatch), Exit::Mismatch);
        let interrupted = |o: &mut Outcome| {
            mismatch(o);
            o.interrupted = true;
        };
        assert_eq!(exit_of(interrupted), Exit::Interrupted);
    }

    #[test]
    fn a_source_that_moved_is_an_exit_code_only_where_it_was_asked_for() {
        for moved in [
            SourceMoved::Yes { tables: vec![] },
            SourceMoved::Unknown("a standby".to_owned()),
        ] {
            let mut outcome = outcome();
            outcome.moved = moved;
            assert_eq!(exit(&outcome, false), Exit::Done);
            assert_eq!(exit(&outcome, true), Exit::NotVerified);
        }
        assert_eq!(exit(&outcome(), true), Exit::Done);
    }

    #[test]
    fn a_plan_is_done_when_it_is_shown() {
        assert_eq!(
            exit_of(|o| (o.dry_run, o.tables[0].complete) = (true, false)),
            Exit::Done
        );
        assert_eq!(
            exit_of(|o| (o.dry_run, o.interrupted) = (true, true)),
            Exit::Interrupted
        );
    }
}
