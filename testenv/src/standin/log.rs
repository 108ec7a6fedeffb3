//! What the stand-in has seen: for the asserts of tests.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One statement, as it came.
#[derive(Debug, Clone)]
pub struct Statement {
    /// The number of its connection, from 1.
    pub connection: u64,
    /// The `application_name` that its connection began with.
    pub application: String,
    /// The parser's name for it, such as `CopyStmt` or `TransactionStmt`; empty where it did not parse.
    pub kind: String,
    /// Its text.
    pub text: String,
    /// The SQLSTATE with which the stand-in refused it.
    pub refused: Option<String>,
}

/// The log of one stand-in. A clone is the same log.
#[derive(Clone, Default)]
pub struct Log {
    record: Arc<Mutex<Record>>,
}

#[derive(Default)]
struct Record {
    statements: Vec<Statement>,
    opened: u64,
    open: u64,
    peak: u64,
    rows: u64,
}

impl Log {
    /// Every statement so far, in the order of their arrival.
    pub fn statements(&self) -> Vec<Statement> {
        self.lock().statements.clone()
    }

    /// The texts of the statements of one kind.
    pub fn texts(&self, kind: &str) -> Vec<String> {
        let record = self.lock();
        let of_kind = record
            .statements
            .iter()
            .filter(|statement| statement.kind == kind);
        of_kind.map(|statement| statement.text.clone()).collect()
    }

    /// Sessions accepted so far: after the password, before the first statement.
    pub fn connections_opened(&self) -> u64 {
        self.lock().opened
    }

    /// Sessions that are open now.
    pub fn connections_open(&self) -> u64 {
        self.lock().open
    }

    /// The most sessions that were open at one time.
    pub fn peak_connections(&self) -> u64 {
        self.lock().peak
    }

    /// Lines of COPY FROM that clients have sent, whatever became of them.
    pub fn lines_sent(&self) -> u64 {
        self.lock().rows
    }

    /// Forgets the statements; the counters go on.
    pub fn clear(&self) {
        self.lock().statements.clear();
    }

    pub(crate) fn push(&self, statement: Statement) {
        self.lock().statements.push(statement);
    }

    pub(crate) fn count_lines(&self, lines: u64) {
        self.lock().rows += lines;
    }

    /// Counts a session until the value is dropped; `None` where `most` are open already.
    pub(crate) fn open(&self, most: usize) -> Option<Seat> {
        let mut record = self.lock();
        if record.open >= most as u64 {
            return None;
        }
        record.open += 1;
        record.peak = record.peak.max(record.open);
        Some(Seat { log: self.clone() })
    }

    pub(crate) fn accepted(&self) {
        self.lock().opened += 1;
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of the connections that the limit allows.
pub(crate) struct Seat {
    log: Log,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.log.lock().open -= 1;
    }
}
