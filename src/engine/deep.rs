//! Answers to the questions of `--deep`: several readers under one snapshot, each with a connection to
//! the source.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::endpoint::session::{self, ReadSettings, Scan};
use crate::endpoint::snapshot::Snapshot;
use crate::endpoint::{Error as EndpointError, Result as EndpointResult};
use crate::schema::deep::Question;
use crate::schema::finding::Finding;
use crate::wire::{ConnectOptions, Connection};

/// Questions in one transaction: each locks a table, and locks of a transaction pile up.
const QUESTIONS_PER_TRANSACTION: usize = 50;

/// How long one answer may take: an aggregate over a large table sends no byte before its end. A server
/// that is gone is noticed earlier, by TCP keepalive and by the loss of the snapshot.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);

/// Before a question is asked again over a new connection.
const PAUSE: Duration = Duration::from_secs(1);

/// Who answers.
#[derive(Clone, Copy)]
pub struct Readers<'a> {
    /// Where to connect.
    pub source: &'a ConnectOptions,
    /// What all of them read.
    pub snapshot: &'a Snapshot,
    /// How many there are.
    pub jobs: usize,
}

/// What is going on, for people.
#[derive(Debug, Clone, Copy)]
pub enum Progress<'a> {
    /// A question is being asked.
    Asking(&'a Question),
    /// So many questions have been answered.
    Answered(usize),
}

/// Asks all questions in their order; findings, among them those that say what was not answered.
pub async fn ask(
    readers: Readers<'_>,
    questions: &[Question],
    said: &(dyn Fn(Progress<'_>) + Sync),
) -> Vec<Finding> {
    let next = AtomicUsize::new(0);
    let answered = AtomicUsize::new(0);
    let reader = || async {
        let mut reader = Reader::new(readers);
        let mut findings = Vec::new();
        while let Some(question) = questions.get(next.fetch_add(1, Ordering::Relaxed)) {
            said(Progress::Asking(question));
            findings.extend(reader.answer(question).await);
            said(Progress::Answered(
                answered.fetch_add(1, Ordering::Relaxed) + 1,
            ));
        }
        reader.close().await;
        findings
    };
    let count = readers.jobs.clamp(1, questions.len().max(1));
    let found = futures::future::join_all((0..count).map(|_| reader())).await;
    found.into_iter().flatten().collect()
}

/// One connection, in a transaction or not there yet.
struct Reader<'a> {
    readers: Readers<'a>,
    connection: Option<Connection>,
    /// Questions that its transaction has answered.
    asked: usize,
}

impl<'a> Reader<'a> {
    fn new(readers: Readers<'a>) -> Self {
        Self {
            readers,
            connection: None,
            asked: 0,
        }
    }

    /// What the answer means; where the question was refused, that of its parts.
    async fn answer(&mut self, question: &Question) -> Vec<Finding> {
        let refused = match self.numbers(question).await {
            Ok(numbers) => return question.findings(&numbers),
            Err(error) => error,
        };
        let parts = question.split();
        // A lost connection has nothing to do with what was asked.
        if parts.is_empty() || refused.code().is_none() {
            return vec![question.not_read(&in_words(&refused))];
        }
        let mut findings = Vec::new();
        for part in &parts {
            match self.numbers(part).await {
                Ok(numbers) => findings.extend(part.findings(&numbers)),
                Err(error) => findings.push(part.not_read(&in_words(&error))),
            }
        }
        findings
    }

    /// A connection that is lost is made anew, once: the question changes nothing.
    async fn numbers(&mut self, question: &Question) -> EndpointResult<Vec<u64>> {
        match self.once(question).await {
            Err(error) if error.code().is_none() => {
                tokio::time::sleep(PAUSE).await;
                self.once(question).await
            }
            answered => answered,
        }
    }

    async fn once(&mut self, question: &Question) -> EndpointResult<Vec<u64>> {
        let asked = self.try_numbers(question).await;
        if asked.is_err() {
            // The transaction has failed, or the connection is gone.
            self.end_transaction().await;
        }
        asked
    }

    async fn try_numbers(&mut self, question: &Question) -> EndpointResult<Vec<u64>> {
        let connection = self.ready().await?;
        let reply = connection.query(&question.sql()).await;
        let reply = reply.map_err(|source| EndpointError::Wire {
            doing: format!("reading the data of table {}", question.table),
            source,
        })?;
        let row = reply.rows.first().map_or(&[][..], Vec::as_slice);
        let number = |value: &Option<String>| value.as_deref().and_then(|text| text.parse().ok());
        let numbers: Option<Vec<u64>> = row.iter().map(number).collect();
        numbers.ok_or_else(|| EndpointError::Unexpected {
            what: format!("a count of table {} is not a number", question.table),
        })
    }

    /// The connection, in a transaction that has room for another lock.
    async fn ready(&mut self) -> EndpointResult<&mut Connection> {
        if self.asked >= QUESTIONS_PER_TRANSACTION {
            self.end_transaction().await;
        }
        self.asked += 1;
        let begun = self.asked > 1;
        let connection = match self.connection.take() {
            Some(connection) => self.connection.insert(connection),
            None => self.connection.insert(connect(self.readers.source).await?),
        };
        if !begun {
            let settings = ReadSettings {
                application_name: "wire9/check/deep".to_owned(),
                scan: Scan::Free,
            };
            session::begin_read(connection, self.readers.snapshot, &settings).await?;
        }
        Ok(connection)
    }

    /// After this the next question begins a new transaction, on a new connection if need be.
    async fn end_transaction(&mut self) {
        self.asked = 0;
        if let Some(connection) = &mut self.connection
            && (session::rollback(connection).await.is_err() || !connection.is_usable())
        {
            self.connection = None;
        }
    }

    async fn close(self) {
        if let Some(connection) = self.connection {
            connection.close().await;
        }
    }
}

async fn connect(source: &ConnectOptions) -> EndpointResult<Connection> {
    let mut options = source.clone();
    options.set_reply_timeout(PATIENCE);
    Connection::connect(&options)
        .await
        .map_err(|source| EndpointError::Wire {
            doing: "connecting to read the data".to_owned(),
            source,
        })
}

/// The error with its cause, one line.
fn in_words(error: &EndpointError) -> String {
    match error.wire() {
        Some(cause) => cause.to_string(),
        None => error.to_string(),
    }
}
