//! What the progress shows, from the events: the state and its lines as text. Pure; `reporter`
//! draws them.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use console::{measure_text_width, truncate_str};

use super::errors::clean;
use super::units;
use crate::metrics::Event;

/// Rates and the ETA look back this far: long enough to be steady over batches of some MB, short
/// enough to follow a change.
const WINDOW: Duration = Duration::from_secs(10);

/// Phases that take less are not worth a line about their end.
const AT_ONCE: Duration = Duration::from_millis(100);

/// What is known of the run so far. Times are since the run's start.
#[derive(Default)]
pub(super) struct Progress {
    phase: Option<(String, Duration)>,
    tables: Vec<Table>,
    /// Tables whose line is shown.
    active: BTreeSet<usize>,
    complete: usize,
    /// Bytes that earlier processes of the run committed.
    done_before: u64,
    bytes: u64,
    rows: u64,
    rejected: u64,
    retries: u64,
    samples: VecDeque<Sample>,
    /// How far the statements of the schema are.
    statements: Option<String>,
}

struct Table {
    name: String,
    estimate: u64,
    read: u64,
    complete: bool,
}

/// Totals at one moment.
#[derive(Clone, Copy)]
struct Sample {
    at: Duration,
    bytes: u64,
    rows: u64,
}

/// Over the window, per second.
#[derive(Clone, Copy, Default)]
struct Rates {
    bytes: f64,
    rows: f64,
}

impl Progress {
    /// Takes an event; answers a line that people should read now.
    pub(super) fn event(&mut self, event: Event, now: Duration) -> Option<String> {
        match event {
            Event::Phase(name) => self.phase = Some((clean(&name), now)),
            Event::Banner(line) => {
                self.begin_part(clean(&line), now);
                return Some(format!("== {}", clean(&line)));
            }
            Event::Statement { done, of, object } => {
                let (done, of) = (units::count(done as u64), units::count(of as u64));
                self.statements =
                    Some(format!("{done} of {of} statements, now {}", clean(&object)));
            }
            Event::Planned { tables, done } => self.planned(tables, done),
            Event::Began { table } => {
                if self.tables.get(table).is_some_and(|t| !t.complete) {
                    self.active.insert(table);
                }
            }
            Event::Read { table, bytes } => self.read(table, bytes),
            // The facts of a batch are counted even where its table's events were dropped.
            Event::Batch(fact) => {
                self.rows += fact.rows;
                self.rejected += fact.rejected;
            }
            Event::Finished { table } => self.finished(table),
            Event::Retry(line) => {
                self.retries += 1;
                return Some(format!("tried again: {}", clean(&line)));
            }
            Event::Notice(line) => return Some(clean(&line)),
        }
        None
    }

    /// Another part of a run: the tables of the one before are of no interest any more.
    fn begin_part(&mut self, name: String, now: Duration) {
        *self = Self {
            phase: Some((name, now)),
            retries: self.retries,
            ..Self::default()
        };
    }

    fn planned(&mut self, tables: Vec<(String, u64)>, done: u64) {
        let table = |(name, estimate): (String, u64)| Table {
            name: clean(&name),
            estimate,
            read: 0,
            complete: false,
        };
        self.tables = tables.into_iter().map(table).collect();
        self.done_before = done;
    }

    fn read(&mut self, table: usize, bytes: u64) {
        self.bytes += bytes;
        if let Some(t) = self.tables.get_mut(table) {
            t.read += bytes;
            if !t.complete {
                self.active.insert(table);
            }
        }
    }

    fn finished(&mut self, table: usize) {
        self.active.remove(&table);
        if let Some(t) = self.tables.get_mut(table)
            && !t.complete
        {
            t.complete = true;
            self.complete += 1;
        }
    }

    /// Remembers the totals of this moment, for the rates.
    pub(super) fn sample(&mut self, now: Duration) {
        let (bytes, rows) = (self.bytes, self.rows);
        if (bytes, rows) == (0, 0) {
            // The time before the first row says nothing of the rate.
            self.samples.clear();
        }
        self.samples.push_back(Sample {
            at: now,
            bytes,
            rows,
        });
        // One sample from before the window stays, so that the window is always full.
        while self
            .samples
            .get(1)
            .is_some_and(|s| now.saturating_sub(s.at) >= WINDOW)
        {
            self.samples.pop_front();
        }
    }

    fn rates(&self) -> Rates {
        let (Some(first), Some(last)) = (self.samples.front(), self.samples.back()) else {
            return Rates::default();
        };
        let seconds = last.at.saturating_sub(first.at).as_secs_f64();
        Rates {
            bytes: units::per_second(last.bytes - first.bytes, seconds),
            rows: units::per_second(last.rows - first.rows, seconds),
        }
    }

    /// Whether there is something to measure.
    fn is_planned(&self) -> bool {
        !self.tables.is_empty()
    }

    /// Bytes behind and bytes in all, as far as estimated: a complete table counts what it had, one
    /// under way at least what was read of it.
    fn position(&self) -> (u64, u64) {
        let position = self.done_before.saturating_add(self.bytes);
        // With work of an earlier process, what was read of a table is not all that it had.
        let exact = self.done_before == 0;
        let total = self
            .tables
            .iter()
            .map(|t| match t.complete {
                true if exact => t.read,
                _ => t.read.max(t.estimate),
            })
            .fold(0, u64::saturating_add);
        (position.min(total), total)
    }

    fn eta(&self, rates: Rates) -> Option<Duration> {
        let (position, total) = self.position();
        (rates.bytes >= 1.0).then(|| {
            let seconds = units::per_second(total - position, rates.bytes);
            // A week is as good as any number above it.
            Duration::from_secs_f64(seconds.min(7.0 * 86_400.0))
        })
    }

    /// All lines, at most `lines` of them and `width` columns wide: the overall ones first. Where there is
    /// room for one alone it is the one that tells how far it is.
    pub(super) fn lines(&self, width: usize, lines: usize, now: Duration) -> Vec<String> {
        let mut text = self.overall(width, now);
        if text.len() > lines {
            text.drain(..text.len() - lines);
        }
        let room = lines - text.len();
        text.extend(self.tables(width, room));
        text
    }

    /// The overall lines, at most `width` columns wide: what is done now, and, once there is a plan,
    /// how far it is.
    fn overall(&self, width: usize, now: Duration) -> Vec<String> {
        let phase = self.phase.as_ref().map_or("starting", |(name, _)| name);
        let clock = units::clock(now);
        if !self.is_planned() {
            return vec![fit(&format!("{clock} {phase}{}", self.unplanned()), width)];
        }
        let (position, total) = self.position();
        let head = format!("{:>3}%", share(position, total));
        let tail = self.figures_within(position, total, width.saturating_sub(head.len() + 2));
        let used = measure_text_width(&head) + measure_text_width(&tail) + 3;
        let bar = bar(position, total, width.saturating_sub(used).min(40));
        vec![
            fit(
                &format!("{clock} {phase}: {}", self.finished_tables()),
                width,
            ),
            fit(format!("{head} {bar}{tail}").trim_end(), width),
        ]
    }

    /// What can be said of rows although the plan was not heard of.
    fn unplanned(&self) -> String {
        if let Some(statements) = &self.statements {
            return format!(": {statements}");
        }
        if self.bytes == 0 {
            return String::new();
        }
        let (rates, read) = (self.rates(), units::size(self.bytes));
        let (bytes, rows) = (units::megabytes(rates.bytes), units::whole(rates.rows));
        format!(": {read}  {bytes} MB/s  {rows} rows/s")
    }

    /// `1 of 6 tables complete, 7 rows rejected, tried again 2×`.
    fn finished_tables(&self) -> String {
        let rejected = match self.rejected {
            0 => String::new(),
            n => format!(", {} rejected", units::counted(n, "row")),
        };
        let retries = match self.retries {
            0 => String::new(),
            n => format!(", tried again {}×", units::count(n)),
        };
        format!(
            "{} of {} complete{rejected}{retries}",
            units::count(self.complete as u64),
            units::counted(self.tables.len() as u64, "table"),
        )
    }

    fn figures(&self, position: u64, total: u64) -> String {
        let rates = self.rates();
        let eta = self.eta(rates).map_or("-".to_owned(), units::clock);
        format!(
            "{} of {}  {} MB/s  {} rows/s  ETA {eta}",
            units::size(position),
            units::size(total),
            units::megabytes(rates.bytes),
            units::whole(rates.rows),
        )
    }

    /// The figures that fit: in a narrow terminal those that say the same in other words are left out.
    fn figures_within(&self, position: u64, total: u64, width: usize) -> String {
        let rates = self.rates();
        let eta = self.eta(rates).map_or("-".to_owned(), units::clock);
        let speed = format!("{} MB/s", units::megabytes(rates.bytes));
        let all = [
            self.figures(position, total),
            format!("{}  {speed}  ETA {eta}", units::size(position)),
            format!("{speed}  ETA {eta}"),
            format!("ETA {eta}"),
            eta,
        ];
        let fits = |text: &&String| measure_text_width(text) <= width;
        all.iter().find(fits).cloned().unwrap_or_default()
    }

    /// Lines of the tables under way, at most `lines` of them, the last saying how many are not shown.
    fn tables(&self, width: usize, lines: usize) -> Vec<String> {
        let shown = if self.active.len() <= lines {
            self.active.len()
        } else {
            lines.saturating_sub(1)
        };
        let tables: Vec<&Table> = self
            .active
            .iter()
            .take(shown)
            .filter_map(|&index| self.tables.get(index))
            .collect();
        let longest = tables.iter().map(|t| measure_text_width(&t.name)).max();
        let column = longest.unwrap_or(0).min(width / 2);
        let mut text: Vec<String> = tables.iter().map(|t| fit(&t.line(column), width)).collect();
        if lines > 0 && self.active.len() > shown {
            let more = self.active.len() - shown;
            text.push(fit(
                &format!("  and {} more", units::count(more as u64)),
                width,
            ));
        }
        text
    }

    /// Everything in one line, for a log.
    pub(super) fn log_line(&self, now: Duration) -> String {
        let phase = self.phase.as_ref().map_or("starting", |(name, _)| name);
        if !self.is_planned() {
            return format!("[{}] {phase}{}", units::clock(now), self.unplanned());
        }
        let (position, total) = self.position();
        format!(
            "[{}] {phase}: {}%  {}  {}",
            units::clock(now),
            share(position, total),
            self.figures(position, total),
            self.finished_tables(),
        )
    }

    /// `reading the catalogs: 1.20 s`, for the end of a phase.
    /// None where it was over at once: its own line has said all.
    pub(super) fn phase_end(&self, now: Duration) -> Option<String> {
        let (name, began) = self.phase.as_ref()?;
        let took = now.saturating_sub(*began);
        if took < AT_ONCE {
            return None;
        }
        let seconds = took.as_secs_f64();
        Some(format!(
            "[{}] {name}: {} s",
            units::clock(now),
            units::decimal(seconds)
        ))
    }
}

impl Table {
    fn line(&self, column: usize) -> String {
        let name = fit(&self.name, column);
        let pad = column - measure_text_width(&name);
        let total = self.estimate.max(self.read);
        format!(
            "  {name}{:pad$}  {:>3}%  {:>9} of {}",
            "",
            share(self.read, total),
            units::size(self.read),
            units::size(total),
        )
    }
}

/// Whole percent; below 100 until everything is there.
fn share(part: u64, whole: u64) -> u64 {
    if whole == 0 {
        return 0;
    }
    u64::try_from(u128::from(part) * 100 / u128::from(whole)).unwrap_or(100)
}

/// `[####>     ] `, or nothing where there is no room for one.
fn bar(part: u64, whole: u64, width: usize) -> String {
    const LEAST: usize = 8;
    let Some(inner) = width.checked_sub(2).filter(|inner| *inner >= LEAST) else {
        return " ".to_owned();
    };
    let filled = (inner * usize::try_from(share(part, whole)).unwrap_or(0) / 100).min(inner);
    let head = if filled < inner { ">" } else { "" };
    let rest = inner - filled - head.len();
    format!("[{}{head}{}]  ", "=".repeat(filled), " ".repeat(rest))
}

/// The text, cut to `width` columns.
fn fit(text: &str, width: usize) -> String {
    if width == 0 {
        // The mark of what is cut needs a column itself.
        return String::new();
    }
    truncate_str(text, width, "…").into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::BatchFact;

    const MB: u64 = 1_000_000;

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn batch(rows: u64) -> Event {
        Event::Batch(BatchFact {
            table: 0,
            lane: 0,
            rows,
            rejected: 0,
            read_bytes: 0,
            sent_bytes: 0,
            changed: vec![],
            commit: Duration::ZERO,
        })
    }

    /// Two tables of 600 MB and 400 MB, copied at 50 MB/s for 4 s.
    fn under_way() -> Progress {
        let mut p = Progress::default();
        let tables = vec![
            ("public.orders".to_owned(), 600 * MB),
            ("public.order_lines".to_owned(), 400 * MB),
        ];
        p.event(Event::Planned { tables, done: 0 }, s(1));
        p.event(Event::Phase("copying".to_owned()), s(1));
        p.event(Event::Began { table: 0 }, s(1));
        p.sample(s(1));
        for at in 2..=5 {
            p.event(
                Event::Read {
                    table: 0,
                    bytes: 50 * MB,
                },
                s(at),
            );
            p.event(batch(250_000), s(at));
            p.sample(s(at));
        }
        p
    }

    #[test]
    fn a_narrow_terminal_keeps_the_share_and_the_time_that_is_left() {
        let p = under_way();
        for (width, line) in [
            (
                60,
                " 20%  200 MB of 1.00 GB  50.0 MB/s  250,000 rows/s  ETA 0:16",
            ),
            (
                59,
                " 20% [====>                  ]  200 MB  50.0 MB/s  ETA 0:16",
            ),
            (39, " 20%  200 MB  50.0 MB/s  ETA 0:16"),
            (25, " 20%  50.0 MB/s  ETA 0:16"),
            (15, " 20%  ETA 0:16"),
            (10, " 20%  0:16"),
            (5, " 20%"),
        ] {
            assert_eq!(p.lines(width, 2, s(5))[1], line, "{width}");
        }
    }

    #[test]
    fn a_low_terminal_keeps_how_far_it_is() {
        let p = under_way();
        let of = |lines| p.lines(80, lines, s(5));
        assert_eq!(of(0), Vec::<String>::new());
        assert!(of(1).len() == 1 && of(1)[0].contains("20%"), "{:?}", of(1));
        assert!(
            of(2).len() == 2 && of(2)[0].contains("copying"),
            "{:?}",
            of(2)
        );
        assert!(of(3)[2].contains("public.orders"), "{:?}", of(3));
    }

    #[test]
    fn the_overall_line_says_what_is_done_how_fast_and_how_long_it_takes() {
        let p = under_way();
        assert_eq!(
            p.overall(120, s(5)),
            vec![
                "0:05 copying: 0 of 2 tables complete",
                " 20% [=======>                              ]  \
                 200 MB of 1.00 GB  50.0 MB/s  250,000 rows/s  ETA 0:16",
            ]
        );
        assert_eq!(
            p.overall(80, s(5))[1],
            " 20% [===>             ]  200 MB of 1.00 GB  50.0 MB/s  250,000 rows/s  ETA 0:16"
        );
        assert_eq!(
            p.overall(66, s(5))[1],
            " 20%  200 MB of 1.00 GB  50.0 MB/s  250,000 rows/s  ETA 0:16"
        );
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let mut p = under_way();
        p.event(Event::Began { table: 1 }, s(5));
        for width in 0..130 {
            let lines = p.tables(width, 4).into_iter().chain(p.overall(width, s(5)));
            for line in lines {
                assert!(measure_text_width(&line) <= width, "{width}: {line}");
            }
        }
    }

    #[test]
    fn a_table_has_a_line_while_it_is_under_way() {
        let mut p = under_way();
        p.event(Event::Began { table: 1 }, s(5));
        assert_eq!(
            p.tables(80, 4),
            vec![
                "  public.orders        33%     200 MB of 600 MB",
                "  public.order_lines    0%        0 B of 400 MB",
            ]
        );
        p.event(Event::Finished { table: 0 }, s(6));
        assert_eq!(p.tables(80, 4).len(), 1);
        p.event(Event::Finished { table: 1 }, s(6));
        assert_eq!(p.tables(80, 4), Vec::<String>::new());
    }

    #[test]
    fn tables_that_do_not_fit_are_counted() {
        let mut p = Progress::default();
        let tables = (0..9).map(|i| (format!("t{i}"), MB)).collect();
        p.event(Event::Planned { tables, done: 0 }, s(0));
        for table in 0..9 {
            p.event(Event::Began { table }, s(0));
        }
        let lines = p.tables(80, 3);
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[2], "  and 7 more");
        assert_eq!(p.tables(80, 0), Vec::<String>::new());
        assert_eq!(p.tables(80, 9).len(), 9);
    }

    #[test]
    fn rates_follow_the_last_seconds_only() {
        let mut p = under_way();
        for at in 6..=20 {
            p.sample(s(at));
        }
        assert!(p.overall(120, s(20))[1].contains("0.00 MB/s  0 rows/s  ETA -"));
        assert!(p.samples.len() <= 12);
    }

    #[test]
    fn a_wrong_estimate_never_shows_more_than_everything() {
        let mut p = under_way();
        p.event(
            Event::Read {
                table: 0,
                bytes: 5_000 * MB,
            },
            s(6),
        );
        assert_eq!(p.position(), (5_200 * MB, 5_600 * MB));
        p.event(Event::Finished { table: 0 }, s(6));
        p.event(Event::Finished { table: 1 }, s(6));
        assert_eq!(p.position(), (5_200 * MB, 5_200 * MB));
        assert!(p.overall(80, s(6))[1].contains("100%"));
    }

    #[test]
    fn a_continued_run_starts_where_it_stopped() {
        let mut p = Progress::default();
        let tables = vec![("t".to_owned(), 100 * MB)];
        p.event(
            Event::Planned {
                tables,
                done: 40 * MB,
            },
            s(0),
        );
        assert!(p.overall(80, s(0))[1].contains("40%"));
        p.event(
            Event::Read {
                table: 0,
                bytes: 60 * MB,
            },
            s(1),
        );
        p.event(Event::Finished { table: 0 }, s(1));
        assert!(p.overall(80, s(1))[1].contains("100%"));
    }

    #[test]
    fn events_of_tables_that_nobody_planned_do_no_harm() {
        let mut p = Progress::default();
        p.event(Event::Began { table: 7 }, s(0));
        p.event(Event::Read { table: 7, bytes: 1 }, s(0));
        p.event(Event::Finished { table: 7 }, s(0));
        assert_eq!(p.tables(80, 5), Vec::<String>::new());
        assert_eq!(
            p.overall(80, s(0)),
            vec!["0:00 starting: 1 B  0.00 MB/s  0 rows/s"]
        );
    }

    #[test]
    fn rows_are_shown_although_the_plan_was_not_heard_of() {
        let mut p = Progress::default();
        p.event(Event::Phase("copying".to_owned()), s(0));
        p.event(
            Event::Read {
                table: 0,
                bytes: MB,
            },
            s(0),
        );
        p.sample(s(0));
        p.event(
            Event::Read {
                table: 0,
                bytes: MB,
            },
            s(1),
        );
        p.event(batch(500), s(1));
        p.sample(s(1));
        assert_eq!(
            p.log_line(s(1)),
            "[0:01] copying: 2.00 MB  1.00 MB/s  500 rows/s"
        );
        assert_eq!(
            p.overall(80, s(1)),
            vec!["0:01 copying: 2.00 MB  1.00 MB/s  500 rows/s"]
        );
    }

    #[test]
    fn rejected_rows_are_told_while_the_run_goes_on() {
        let mut p = under_way();
        assert!(!p.log_line(s(5)).contains("rejected"));
        for rejected in [1, 1_200] {
            let mut event = batch(10);
            let Event::Batch(fact) = &mut event else {
                unreachable!("it is one")
            };
            fact.rejected = rejected;
            p.event(event, s(5));
        }
        let told = "0 of 2 tables complete, 1,201 rows rejected";
        assert!(p.log_line(s(5)).ends_with(told), "{}", p.log_line(s(5)));
        let lines = p.lines(120, 5, s(5));
        assert!(lines[0].ends_with(told), "{lines:?}");
    }

    #[test]
    fn a_log_line_holds_everything_and_no_control_character() {
        let mut p = under_way();
        p.event(Event::Phase("copying\u{1b}[2J".to_owned()), s(5));
        let shown = p.event(Event::Retry("a\nb".to_owned()), s(5));
        assert_eq!(shown.as_deref(), Some("tried again: a\\nb"));
        assert_eq!(
            p.log_line(s(5)),
            "[0:05] copying\\u{1b}[2J: 20%  200 MB of 1.00 GB  50.0 MB/s  250,000 rows/s  \
             ETA 0:16  0 of 2 tables complete, tried again 1×"
        );
    }
}
