//! The verdict as text: first the sentence that matters, then what a person asks next.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::errors::clean;
use super::judge::{self, Identity};
use super::resources::Resources;
use super::tally_table;
use super::units;
use crate::runs::Exit;
use crate::runs::copy::{Cut, Outcome, SourceMoved, TableVerdict, TargetVerdict};

/// Names in a sentence; the rest is in a section below it.
const NAMES: usize = 8;

/// Lines of a section; the rest is in the report.
const LINES: usize = 100;

/// What copy leaves to be done, each with its remedy.
const NOT_DONE: &[&str] = &[
    "sequences keep their positions: before the first insert run, for each of them, \
     SELECT setval('SEQUENCE', (SELECT max(COLUMN) FROM TABLE))",
    "indexes that the target lacks were not built: `wire9 schema --section post-data` \
     prints their statements",
    "constraints and triggers that the target lacks were not made, and rows were not checked \
     against them: make them now, from the same statements",
];

/// All that the verdict is made of.
pub(super) struct Verdict<'a> {
    pub(super) outcome: &'a Outcome,
    /// Of `judge::exit`.
    pub(super) exit: Exit,
    pub(super) require_quiet: bool,
    pub(super) resources: Resources,
    /// Columns of the terminal; `None`: not a terminal, as wide as it needs to be.
    pub(super) width: Option<usize>,
}

impl Verdict<'_> {
    /// The whole text.
    pub(super) fn text(&self) -> String {
        let mut text = self.headline().join("\n");
        text.push('\n');
        section(&mut text, "", &self.endpoints());
        text.push_str(&self.details());
        if self.outcome.finished_before {
            return text;
        }
        section(&mut text, "NOT DONE BY COPY", &self.not_done());
        text
    }

    /// The tables, and what there is to say about them. Of a run that was finished before only what is
    /// still to be done: the rest was told then, and a table of zeros would look like a loss.
    pub(super) fn details(&self) -> String {
        let mut text = String::new();
        if self.outcome.finished_before {
            section(&mut text, "REJECTED", &self.rejected());
            return text;
        }
        if !self.outcome.tables.is_empty() {
            text.push('\n');
            text.push_str(&tally_table::text(&self.outcome.tables, self.width));
        }
        section(&mut text, "", &self.totals());
        section(&mut text, "WRITTEN SINCE THE SNAPSHOT", &self.written());
        section(&mut text, "NOT IDENTICAL", &self.broken());
        section(&mut text, "REJECTED", &self.rejected());
        section(&mut text, "LEFT", &self.left());
        section(&mut text, "RECONCILED", &self.reconciled());
        section(&mut text, "NOT COUNTED", &self.not_counted());
        section(&mut text, "CHANGED", &self.cut());
        section(&mut text, "NOTES", &self.notes());
        text
    }

    /// The first line or two: whether the source moved, and how it ended.
    pub(super) fn headline(&self) -> Vec<String> {
        self.moved().into_iter().chain([self.ending()]).collect()
    }

    /// Whether the source was written since the snapshot, where that is known.
    pub(super) fn moved(&self) -> Option<String> {
        match &self.outcome.moved {
            SourceMoved::Yes { tables } if tables.is_empty() => Some(
                "SOURCE MAY HAVE BEEN WRITTEN since the snapshot: other transactions ran, none of \
                 the copied tables is known to have changed"
                    .to_owned(),
            ),
            SourceMoved::Yes { tables } => Some(format!(
                "SOURCE WAS WRITTEN since the snapshot: {}",
                names(tables.iter().map(String::as_str))
            )),
            SourceMoved::No | SourceMoved::Unknown(_) => None,
        }
    }

    fn ending(&self) -> String {
        let o = self.outcome;
        match self.exit {
            Exit::Interrupted => format!("INTERRUPTED  {}; {}", self.progress(), judge::CONTINUES),
            Exit::Mismatch => format!("MISMATCH  source and target differ: {}", self.differing()),
            Exit::Partial if o.finished_before => format!(
                "PARTIAL  this copy was completed before{}; nothing was copied, the source was not counted again",
                self.rejected_in_all().unwrap_or_default(),
            ),
            Exit::Partial => {
                let left = o.tables.iter().filter(|t| judge::is_left(t));
                let left = names(left.map(|t| t.source.as_str()));
                let left = (!left.is_empty()).then(|| format!("; left: {left}"));
                let rejected = self.rejected_in_all().unwrap_or_default();
                format!(
                    "PARTIAL  {}{rejected}{}",
                    self.progress(),
                    left.unwrap_or_default()
                )
            }
            Exit::NotVerified => {
                let rows = units::counted(self.rows(), "row");
                format!("NOT VERIFIED  {rows} loaded, but {}", self.unverified())
            }
            _ if o.finished_before => format!(
                "ALREADY DONE  this copy was completed before; its {} still hold the {} that it \
                 loaded; nothing was copied, the source was not counted again (--restart copies anew)",
                units::counted(o.tables.len() as u64, "table"),
                units::counted(self.rows(), "row"),
            ),
            _ if o.tables.is_empty() => "DONE  0 tables: nothing to copy".to_owned(),
            _ => format!(
                "DONE  {}, {}, identical counts on both sides",
                units::counted(o.tables.len() as u64, "table"),
                units::counted(self.rows(), "row"),
            ),
        }
    }

    fn rows(&self) -> u64 {
        self.outcome.tables.iter().map(|t| t.loaded).sum()
    }

    /// `7 of 11 tables complete, 1,200,000 rows committed`.
    fn progress(&self) -> String {
        let tables = &self.outcome.tables;
        let complete = tables.iter().filter(|t| !judge::is_left(t)).count();
        format!(
            "{} of {} complete, {} committed",
            units::count(complete as u64),
            units::counted(tables.len() as u64, "table"),
            units::counted(self.rows(), "row"),
        )
    }

    /// `; 3 rows of public.orders rejected`.
    fn rejected_in_all(&self) -> Option<String> {
        let tables = self.outcome.tables.iter().filter(|t| t.rejected > 0);
        let rows: u64 = tables.clone().map(|t| t.rejected).sum();
        let names = names(tables.map(|t| t.source.as_str()));
        (rows > 0).then(|| format!("; {} rejected: {names}", units::counted(rows, "row")))
    }

    /// The tables of which the identity holds, is broken or is not known.
    fn tables(&self, identity: Identity) -> impl Iterator<Item = &TableVerdict> {
        let tables = self.outcome.tables.iter();
        tables.filter(move |t| judge::table(t) == identity)
    }

    /// The same of target tables.
    fn targets(&self, identity: Identity) -> impl Iterator<Item = &TargetVerdict> {
        let targets = self.outcome.targets.iter();
        targets.filter(move |t| judge::target(t) == identity)
    }

    fn differing(&self) -> String {
        let tables = self.tables(Identity::Broken).map(|t| t.source.as_str());
        let targets = self.targets(Identity::Broken).map(|t| t.name.as_str());
        let mut all: Vec<&str> = Vec::new();
        for name in tables.chain(targets) {
            if !all.contains(&name) {
                all.push(name);
            }
        }
        names(all)
    }

    /// The reasons of `NOT VERIFIED`.
    fn unverified(&self) -> String {
        let o = self.outcome;
        let mut reasons = Vec::new();
        let source = names(self.tables(Identity::Unknown).map(|t| t.source.as_str()));
        if !source.is_empty() {
            reasons.push(format!("source count not checked: {source}"));
        }
        let target = names(self.targets(Identity::Unknown).map(|t| t.name.as_str()));
        if !target.is_empty() {
            reasons.push(format!("target not counted: {target}"));
        }
        match (&o.moved, self.require_quiet) {
            (SourceMoved::Yes { .. }, true) => {
                reasons.push("the source did not stay quiet (--require-quiet)".to_owned());
            }
            (SourceMoved::Unknown(_), true) => {
                let reason = "it is unknown whether the source stayed quiet (--require-quiet)";
                reasons.push(reason.to_owned());
            }
            _ => (),
        }
        reasons.join("; ")
    }

    fn endpoints(&self) -> Vec<String> {
        let o = self.outcome;
        let continued = if o.continued { ", continued" } else { "" };
        vec![
            format!("source  {}  {}", clean(&o.source), clean(&o.source_server)),
            format!("target  {}  {}", clean(&o.target), clean(&o.target_server)),
            format!(
                "run     {}{continued}  snapshot {}  {}",
                clean(&o.run),
                clean(&o.snapshot),
                units::counted(o.jobs as u64, "lane")
            ),
        ]
    }

    fn totals(&self) -> Vec<String> {
        let o = self.outcome;
        let bytes: u64 = o.tables.iter().map(|t| t.tally.read_bytes).sum();
        let rows: u64 = o.tables.iter().map(|t| t.tally.rows).sum();
        let seconds = o.data_wall.as_secs_f64();
        let bound = match bytes {
            0 => String::new(),
            _ => format!(", {}", o.waits.bottleneck().name()),
        };
        let mut lines = vec![
            format!(
                "copied  {}, {} in {} s: {} MB/s, {} rows/s{bound}",
                units::counted(rows, "row"),
                units::size(bytes),
                units::decimal(seconds),
                units::megabytes(units::per_second(bytes, seconds)),
                units::whole(units::per_second(rows, seconds)),
            ),
            format!(
                "all     {} s, {} s of CPU, {} peak memory",
                units::decimal(o.wall.as_secs_f64()),
                units::decimal(self.resources.cpu_seconds),
                self.resources
                    .peak_rss
                    .map_or("unknown".to_owned(), units::size),
            ),
        ];
        lines.extend(self.tried_again());
        lines.extend(self.before());
        lines
    }

    fn tried_again(&self) -> Option<String> {
        let retries: u64 = self.outcome.tables.iter().map(|t| t.tally.retries).sum();
        (retries > 0).then(|| format!("retries {}", units::count(retries)))
    }

    fn before(&self) -> Option<String> {
        let before: u64 = self.outcome.tables.iter().map(|t| t.loaded_before).sum();
        (before > 0).then(|| {
            format!(
                "before  {} were committed by an earlier process of this run; bytes, seconds and \
                 rates are of this process alone",
                units::counted(before, "row")
            )
        })
    }

    fn written(&self) -> Vec<String> {
        match &self.outcome.moved {
            SourceMoved::Yes { tables } if tables.len() > NAMES => {
                lines(tables.iter().map(String::as_str))
            }
            _ => Vec::new(),
        }
    }

    fn broken(&self) -> Vec<String> {
        let tables = self.tables(Identity::Broken).map(broken_table);
        let targets = self.targets(Identity::Broken).map(broken_target);
        tables.chain(targets).collect()
    }

    fn rejected(&self) -> Vec<String> {
        let tables = self.outcome.tables.iter().filter(|t| t.rejected > 0);
        let mut lines: Vec<String> = tables
            .map(|t| {
                format!(
                    "{}: {} read = {} loaded + {} rejected",
                    clean(&t.source),
                    units::counted(judge::read(t), "row"),
                    units::count(t.loaded),
                    units::count(t.rejected),
                )
            })
            .collect();
        if !lines.is_empty() {
            let folder = clean(&self.outcome.rejects);
            lines.push(format!(
                "they are in {folder}: `wire9 rejects list` tells why, `wire9 rejects replay` loads them \
                 after a fix"
            ));
        }
        lines
    }

    fn left(&self) -> Vec<String> {
        let left = self.outcome.tables.iter().filter(|t| judge::is_left(t));
        left.map(|t| {
            let why = t.problem.as_deref().unwrap_or("not finished");
            let loaded = units::counted(t.loaded, "row");
            format!("{}: {} ({loaded} committed)", clean(&t.source), clean(why))
        })
        .collect()
    }

    /// Target tables whose copied rows had changed on the source when the run went on.
    fn reconciled(&self) -> Vec<String> {
        let reconciled = |t: &TargetVerdict| {
            let changes = t.reconciled?;
            let left = self.outcome.tables.iter();
            let is_left = left.filter(|s| s.target == t.name).any(judge::is_left);
            Some(format!(
                "{}: its copied rows had changed on the source: {} deleted, {} inserted, {} replaced{}",
                clean(&t.name),
                units::counted(changes.deleted, "row"),
                units::count(changes.inserted),
                units::count(changes.replaced),
                if is_left {
                    ""
                } else {
                    "; it is equal to the snapshot"
                },
            ))
        };
        self.outcome.targets.iter().filter_map(reconciled).collect()
    }

    fn not_counted(&self) -> Vec<String> {
        let o = self.outcome;
        if o.interrupted {
            // Nothing is counted before its time.
            return Vec::new();
        }
        let tables = o.tables.iter().filter(|t| t.counted.is_none());
        let targets = o.targets.iter().filter(|t| t.counted.is_none());
        tables
            .map(|t| format!("{}: source count not checked", clean(&t.source)))
            .chain(targets.map(|t| format!("{}: target not counted", clean(&t.name))))
            .collect()
    }

    /// By target table and column: the partitions of a table say it together.
    fn cut(&self) -> Vec<String> {
        let mut places: HashMap<(&str, &str, &str), usize> = HashMap::new();
        let mut sums: Vec<(&str, &Cut, u64)> = Vec::new();
        for table in &self.outcome.tables {
            for cut in table.cut.iter().filter(|cut| cut.values > 0) {
                let key = (table.target.as_str(), cut.column.as_str(), cut.how.name());
                let place = *places.entry(key).or_insert(sums.len());
                match sums.get_mut(place) {
                    Some((_, _, sum)) => *sum += cut.values,
                    None => sums.push((&table.target, cut, cut.values)),
                }
            }
        }
        let line = |(target, cut, sum): &(&str, &Cut, u64)| {
            format!(
                "{}, column {}: {} {}",
                clean(target),
                clean(&cut.column),
                units::counted(*sum, "value"),
                cut.how.name()
            )
        };
        sums.iter().map(line).collect()
    }

    /// What is left to do is of interest only when the data is there.
    fn not_done(&self) -> Vec<String> {
        match self.exit {
            Exit::Interrupted => Vec::new(),
            _ => lines(NOT_DONE.iter().copied()),
        }
    }

    fn notes(&self) -> Vec<String> {
        let unknown = match &self.outcome.moved {
            SourceMoved::Unknown(why) => Some(format!(
                "whether the source was written since the snapshot is not known: {}",
                clean(why)
            )),
            _ => None,
        };
        let notes = self.outcome.notes.iter().map(String::as_str);
        unknown.into_iter().chain(lines(notes)).collect()
    }
}

fn broken_table(t: &TableVerdict) -> String {
    let counted = units::counted(t.counted.unwrap_or_default(), "row");
    let loaded = units::count(t.loaded);
    let read = match t.rejected {
        0 => format!("{loaded} read and loaded"),
        rejected => format!(
            "{} read: {loaded} loaded + {} rejected",
            units::count(judge::read(t)),
            units::count(rejected)
        ),
    };
    format!(
        "{}: {counted} counted on the source, {read}",
        clean(&t.source)
    )
}

fn broken_target(t: &TargetVerdict) -> String {
    let baseline = if t.truncated {
        "emptied".to_owned()
    } else {
        format!("{} before", units::count(t.baseline))
    };
    format!(
        "{} on the target: {baseline} + {} loaded = {}, but {} counted",
        clean(&t.name),
        units::count(t.loaded),
        units::count(judge::expected(t)),
        units::count(t.counted.unwrap_or_default()),
    )
}

fn names<'a>(all: impl IntoIterator<Item = &'a str>) -> String {
    let all: Vec<String> = all.into_iter().map(clean).collect();
    units::names(&all, NAMES)
}

fn lines<'a>(all: impl Iterator<Item = &'a str>) -> Vec<String> {
    all.map(clean).collect()
}

/// A blank line, a title, indented lines; nothing where there are none.
pub(super) fn section(text: &mut String, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    text.push('\n');
    if !title.is_empty() {
        let _ = writeln!(text, "{title}");
    }
    for line in lines.iter().take(LINES) {
        let _ = writeln!(text, "  {line}");
    }
    if let Some(more @ 1..) = lines.len().checked_sub(LINES) {
        let more = units::count(more as u64);
        let _ = writeln!(text, "  and {more} more (--report has them all)");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::judge::tests::{cut_of, outcome, table_of, target_of};

    const RESOURCES: Resources = Resources {
        peak_rss: Some(34_100_000),
        cpu_seconds: 0.42,
    };

    fn verdict(outcome: &Outcome, require_quiet: bool, width: Option<usize>) -> Verdict<'_> {
        Verdict {
            outcome,
            exit: judge::exit(outcome, require_quiet),
            require_quiet,
            resources: RESOURCES,
            width,
        }
    }

    fn text(outcome: &Outcome) -> String {
        verdict(outcome, false, None).text()
    }

    fn first_lines(outcome: &Outcome, require_quiet: bool) -> Vec<String> {
        verdict(outcome, require_quiet, None).headline()
    }

    fn golden(name: &str, text: &str, expected: &str) {
        assert!(text == expected, "verdict_{name}.txt should be:\n{text}");
    }

    #[test]
    fn a_good_run_reads_like_this() {
        golden(
            "good",
            &text(&outcome()),
            include_str!("../../tests/golden/verdict_good.txt"),
        );
    }

    #[test]
    fn a_copy_that_was_done_before_says_so_and_is_no_failure() {
        let mut o = outcome();
        o.finished_before = true;
        o.tables[0].counted = None;
        assert_eq!(judge::exit(&o, false), Exit::Done);
        let text = text(&o);
        assert!(
            text.starts_with("ALREADY DONE  this copy was completed before"),
            "{text}"
        );
        assert!(!text.contains("NOT COUNTED"), "{text}");
    }

    #[test]
    fn a_bad_run_reads_like_this() {
        let mut o = outcome();
        o.continued = true;
        o.moved = SourceMoved::Yes {
            tables: vec!["public.orders".to_owned()],
        };
        o.tables[0].loaded -= 1;
        o.tables[0].loaded_before = 7_000;
        o.tables[0].cut = vec![cut_of("created_at", 12_345), cut_of("paid_at", 0)];
        o.tables[0].tally.retries = 2;
        o.targets[0].baseline = 3;
        o.tables[1].counted = None;
        o.tables.push(table_of("items", 50, 1_000));
        o.tables[2].complete = false;
        o.tables[2].problem = Some("the source moved\nsince the snapshot".to_owned());
        o.targets.push(target_of("items", 50));
        o.targets[2].truncated = true;
        o.targets[2].baseline = 9;
        o.targets[2].counted = None;
        o.notes = vec!["triggers of public.orders fired".to_owned()];
        golden(
            "bad",
            &text(&o),
            include_str!("../../tests/golden/verdict_bad.txt"),
        );
    }

    #[test]
    fn a_source_that_was_written_is_said_before_everything_else() {
        let mut o = outcome();
        o.moved = SourceMoved::Yes {
            tables: vec!["public.orders".into(), "public.events".into()],
        };
        let lines = first_lines(&o, false);
        let expected = "SOURCE WAS WRITTEN since the snapshot: public.orders, public.events";
        assert_eq!(lines[0], expected);
        assert!(lines[1].starts_with("DONE  2 tables"), "{}", lines[1]);
        assert!(text(&o).starts_with(expected));
        o.moved = SourceMoved::Yes { tables: vec![] };
        assert!(first_lines(&o, false)[0].starts_with("SOURCE MAY HAVE BEEN WRITTEN since"));
    }

    #[test]
    fn require_quiet_is_the_reason_that_is_named() {
        let mut o = outcome();
        o.moved = SourceMoved::Yes { tables: vec![] };
        assert_eq!(
            first_lines(&o, true)[1],
            "NOT VERIFIED  15,607 rows loaded, but the source did not stay quiet (--require-quiet)"
        );
        o.moved = SourceMoved::Unknown("no statistics".to_owned());
        assert!(first_lines(&o, true)[0].contains("unknown whether the source stayed quiet"));
        assert!(text(&o).contains("is not known: no statistics"));
    }

    #[test]
    fn the_first_line_says_how_it_ended() {
        let first = |change: fn(&mut Outcome)| {
            let mut o = outcome();
            change(&mut o);
            first_lines(&o, false).remove(0)
        };
        assert_eq!(
            first(|o| (o.interrupted, o.tables[0].complete) = (true, false)),
            "INTERRUPTED  1 of 2 tables complete, 15,607 rows committed; committed batches stay; \
             the same command continues"
        );
        assert_eq!(
            first(|o| (o.targets[1].counted, o.tables[1].loaded) = (Some(0), 606)),
            "MISMATCH  source and target differ: public.events"
        );
        assert_eq!(
            first(|o| o.tables[1].complete = false),
            "PARTIAL  1 of 2 tables complete, 15,607 rows committed; left: public.events"
        );
        assert_eq!(
            first(|o| (o.tables[0].counted, o.targets[1].counted) = (None, None)),
            "NOT VERIFIED  15,607 rows loaded, but source count not checked: public.orders; \
             target not counted: public.events"
        );
        assert_eq!(
            first(|o| (o.tables, o.targets) = (vec![], vec![])),
            "DONE  0 tables: nothing to copy"
        );
    }

    #[test]
    fn rejected_rows_are_part_of_the_identity_that_is_printed() {
        let mut o = outcome();
        (o.tables[0].loaded, o.tables[0].rejected) = (14_997, 3);
        (o.targets[0].loaded, o.targets[0].counted) = (14_997, Some(14_997));
        let text = text(&o);
        for part in [
            "PARTIAL  2 of 2 tables complete, 15,604 rows committed; 3 rows rejected: public.orders\n",
            "REJECTED\n  public.orders: 15,000 rows read = 14,997 loaded + 3 rejected\n",
            "they are in rejects: `wire9 rejects list` tells why",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        o.tables[0].rejected = 2;
        let text = super::tests::text(&o);
        let broken = "15,000 rows counted on the source, 14,999 read: 14,997 loaded + 2 rejected";
        assert!(
            text.starts_with("MISMATCH") && text.contains(broken),
            "{text}"
        );
    }

    #[test]
    fn an_interrupted_run_names_what_is_left_and_not_what_comes_after_it() {
        let mut o = outcome();
        (o.interrupted, o.tables[0].complete, o.tables[0].counted) = (true, false, None);
        let text = text(&o);
        assert!(
            text.contains("LEFT\n  public.orders: not finished (15,000 rows committed)"),
            "{text}"
        );
        assert!(
            !text.contains("NOT COUNTED") && !text.contains("setval"),
            "{text}"
        );
    }

    #[test]
    fn a_run_that_was_finished_before_says_that_nothing_was_copied() {
        let mut o = outcome();
        o.finished_before = true;
        o.tables.iter_mut().for_each(|t| t.counted = None);
        let text = text(&o);
        assert!(text.starts_with("ALREADY DONE  "), "{text}");
        assert!(
            !text.contains("count not checked") && !text.contains("p99"),
            "{text}"
        );
    }

    #[test]
    fn a_run_with_rejected_rows_that_was_finished_before_tells_of_those_alone() {
        let mut o = outcome();
        o.finished_before = true;
        o.tables.iter_mut().for_each(|t| t.counted = None);
        o.tables[0].rejected = 3;
        let text = text(&o);
        assert!(
            text.starts_with("PARTIAL  this copy was completed before; 3 rows rejected: public."),
            "{text}"
        );
        assert!(text.contains("\nREJECTED\n  public."), "{text}");
        assert!(
            !text.contains("NOT COUNTED") && !text.contains("p99"),
            "{text}"
        );
    }

    #[test]
    fn a_table_that_is_too_wide_for_the_terminal_becomes_two() {
        let o = outcome();
        for width in [80, 100, 120] {
            let text = verdict(&o, false, Some(width)).text();
            let grid: Vec<&str> = text.lines().filter(|l| l.contains("public.")).collect();
            assert!(grid.iter().all(|l| l.chars().count() <= width), "{text}");
            assert_eq!(grid.len(), if width < 110 { 4 } else { 2 }, "{text}");
        }
    }

    #[test]
    fn thousands_of_tables_show_the_largest_and_those_with_problems() {
        let mut o = outcome();
        o.tables = (0..3_000)
            .map(|i| table_of(&format!("t{i}"), 10, 100))
            .collect();
        o.tables[2_500].loaded = 9;
        let text = text(&o);
        assert!(text.contains(" public.t39 "), "{text}");
        assert!(!text.contains(" public.t40 "), "{text}");
        assert!(text.contains("!! public.t2500 "), "{text}");
        assert!(
            text.contains("and 2,959 smaller tables, not shown"),
            "{text}"
        );
        assert!(text.lines().count() < 90, "{text}");
    }

    #[test]
    fn no_text_of_a_server_can_forge_a_line() {
        let mut o = outcome();
        o.notes = vec!["x\nDONE  all is well\u{1b}[2J".to_owned()];
        (o.source_server, o.tables[0].source) = ("a\rb".to_owned(), "c\nd".to_owned());
        let text = text(&o);
        assert!(!text.contains(['\r', '\u{1b}']), "{text}");
        assert_eq!(
            text.lines().filter(|l| l.starts_with("DONE")).count(),
            1,
            "{text}"
        );
    }

    #[test]
    fn long_sections_end_somewhere_and_say_so() {
        let mut text = String::new();
        section(&mut text, "T", &vec!["x".to_owned(); LINES + 2]);
        assert!(
            text.ends_with("and 2 more (--report has them all)\n"),
            "{text}"
        );
        let mut text = String::new();
        section(&mut text, "T", &vec!["x".to_owned(); LINES]);
        assert!(!text.contains("more"), "{text}");
        section(&mut text, "EMPTY", &[]);
        assert!(!text.contains("EMPTY"), "{text}");
    }
}
