//! Counters, histograms and the events that feed them. Every metric's name and unit is here.
//!
//! One batch is one fact: it is counted when its COMMIT is answered, once, wherever its table was
//! split. Names are as they stand in the report: `rows` (rows), `read_bytes` and `sent_bytes` (bytes
//! of COPY text, before and after the rewrite), `commit` (microseconds, histogram), `waits`
//! (seconds, per stage).

use std::time::Duration;

use hdrhistogram::Histogram;

/// One committed batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchFact {
    /// Index of the pair in `schema::Matching::pairs`.
    pub table: usize,
    /// The lane that wrote it.
    pub lane: usize,
    /// Rows committed.
    pub rows: u64,
    /// Rows rejected with them.
    pub rejected: u64,
    /// Bytes of COPY text as read.
    pub read_bytes: u64,
    /// Bytes of COPY text as sent.
    pub sent_bytes: u64,
    /// Values changed, per transform of the table's recipe.
    pub changed: Vec<u64>,
    /// Time from sending COMMIT to its answer.
    pub commit: Duration,
}

/// Where a lane's time went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waits {
    /// Waiting for bytes of the source.
    pub source: Duration,
    /// Rewriting.
    pub rewrite: Duration,
    /// The reader waiting for a free batch: the target is behind.
    pub full: Duration,
    /// The writer waiting for a batch: the source is behind.
    pub empty: Duration,
    /// Writing to the target: BEGIN to the answer of COMMIT.
    pub target: Duration,
}

impl Waits {
    /// Adds another lane's or chunk's times.
    pub fn add(&mut self, other: &Self) {
        self.source += other.source;
        self.rewrite += other.rewrite;
        self.full += other.full;
        self.empty += other.empty;
        self.target += other.target;
    }

    /// The stage that took most of the readers' time: waiting for the source, rewriting, or waiting
    /// for a batch that the target has taken. (A writer's waiting for batches is the other side of the
    /// same coin.)
    pub fn bottleneck(&self) -> Bottleneck {
        if self.full >= self.source && self.full >= self.rewrite {
            Bottleneck::Target
        } else if self.rewrite > self.source {
            Bottleneck::Rewriter
        } else {
            Bottleneck::Source
        }
    }
}

/// The stage that the others waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bottleneck {
    /// source-bound
    Source,
    /// rewriter-bound
    Rewriter,
    /// target-bound
    Target,
}

impl Bottleneck {
    /// The word of the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Source => "source-bound",
            Self::Rewriter => "rewriter-bound",
            Self::Target => "target-bound",
        }
    }
}

/// What happened to one table in this process.
#[derive(Debug, Clone)]
pub struct TableTally {
    /// Rows committed.
    pub rows: u64,
    /// Bytes as read.
    pub read_bytes: u64,
    /// Bytes as sent.
    pub sent_bytes: u64,
    /// Batches committed.
    pub batches: u64,
    /// Values changed, per transform.
    pub changed: Vec<u64>,
    /// Commit latency in microseconds.
    pub commit: Histogram<u64>,
    /// Stage times of the table's chunks.
    pub waits: Waits,
    /// When its first chunk began, since the run's start.
    pub began: Option<Duration>,
    /// When its last batch was committed, since the run's start.
    pub ended: Option<Duration>,
    /// Batches or chunks that were tried again.
    pub retries: u64,
}

impl TableTally {
    /// A tally of a table whose recipe has `transforms` transforms.
    pub fn new(transforms: usize) -> Self {
        Self {
            rows: 0,
            read_bytes: 0,
            sent_bytes: 0,
            batches: 0,
            changed: vec![0; transforms],
            commit: latency_histogram(),
            waits: Waits::default(),
            began: None,
            ended: None,
            retries: 0,
        }
    }

    /// Counts a committed batch, `at` since the run's start.
    pub fn batch(&mut self, fact: &BatchFact, at: Duration) {
        self.rows += fact.rows;
        self.read_bytes += fact.read_bytes;
        self.sent_bytes += fact.sent_bytes;
        self.batches += 1;
        for (sum, n) in self.changed.iter_mut().zip(&fact.changed) {
            *sum += n;
        }
        self.commit.saturating_record(micros(fact.commit));
        self.ended = Some(at);
    }

    /// Wall seconds from the first chunk's begin to the last commit.
    pub fn seconds(&self) -> f64 {
        match (self.began, self.ended) {
            (Some(began), Some(ended)) => ended.saturating_sub(began).as_secs_f64(),
            _ => 0.0,
        }
    }
}

/// A histogram for latencies: 1 µs to 1 h in two significant digits.
pub fn latency_histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 3_600_000_000, 2).expect("the bounds are valid constants")
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros())
        .unwrap_or(u64::MAX)
        .max(1)
}

/// What the reporter is told while a run is under way. Events may be dropped when the reporter is
/// slow; the verdict never comes from them.
#[derive(Debug, Clone)]
pub enum Event {
    /// A phase of the run begins: a line for people, `reading the catalogs`.
    Phase(String),
    /// The plan is known.
    Planned {
        /// Names for people and estimated bytes, by table index.
        tables: Vec<(String, u64)>,
        /// Bytes (estimated) that earlier runs of the same command have already committed.
        done: u64,
    },
    /// A part of a longer run begins: a line for people that stays. What was planned before is over.
    Banner(String),
    /// A statement of the target's DDL begins.
    Statement {
        /// Statements that are done.
        done: usize,
        /// Statements that were asked for.
        of: usize,
        /// What this one makes, for people.
        object: String,
    },
    /// A table's first chunk begins.
    Began {
        /// Table index.
        table: usize,
    },
    /// Rows were read from the source (shown before they are committed).
    Read {
        /// Table index.
        table: usize,
        /// Bytes of COPY text.
        bytes: u64,
    },
    /// A batch was committed.
    Batch(BatchFact),
    /// A table is complete.
    Finished {
        /// Table index.
        table: usize,
    },
    /// Something was tried again: a line for people.
    Retry(String),
    /// Something that a person should know now.
    Notice(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fact(rows: u64) -> BatchFact {
        BatchFact {
            table: 0,
            lane: 0,
            rows,
            rejected: 0,
            read_bytes: rows * 10,
            sent_bytes: rows * 9,
            changed: vec![rows],
            commit: Duration::from_millis(5),
        }
    }

    #[test]
    fn a_batch_is_counted_once() {
        let mut tally = TableTally::new(1);
        tally.began = Some(Duration::from_secs(1));
        tally.batch(&fact(10), Duration::from_secs(2));
        tally.batch(&fact(5), Duration::from_secs(4));
        assert_eq!(
            (tally.rows, tally.read_bytes, tally.sent_bytes),
            (15, 150, 135)
        );
        assert_eq!((tally.batches, tally.changed.as_slice()), (2, &[15][..]));
        assert_eq!(tally.commit.len(), 2);
        assert!((tally.seconds() - 3.0).abs() < 1e-9);
    }

    #[test]
    fn the_stage_that_others_wait_for_is_named() {
        let s = Duration::from_secs;
        let waits = Waits {
            source: s(1),
            rewrite: s(0),
            full: s(5),
            empty: s(1),
            target: s(8),
        };
        assert_eq!(waits.bottleneck(), Bottleneck::Target);
        let waits = Waits {
            source: s(8),
            rewrite: s(0),
            full: s(0),
            empty: s(6),
            target: s(1),
        };
        assert_eq!(waits.bottleneck(), Bottleneck::Source);
        let waits = Waits {
            source: s(1),
            rewrite: s(9),
            full: s(0),
            empty: s(6),
            target: s(1),
        };
        assert_eq!(waits.bottleneck(), Bottleneck::Rewriter);
    }
}
