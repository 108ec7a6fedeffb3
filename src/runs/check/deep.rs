//! `--deep`: reads the data, and tells what it will lose.

use crate::catalog::database::Database;
use crate::endpoint::snapshot::Keeper;
use crate::engine::deep::{self as engine, Progress, Readers};
use crate::profile::Profile;
use crate::schema::convert::Conversion;
use crate::schema::deep;
use crate::schema::finding::Finding;
use crate::wire::ConnectOptions;

use super::super::error::Error;
use super::source::Transaction;
use super::{Settings, Step};

/// What the questions are made from.
pub(super) struct Asked<'a> {
    pub(super) database: &'a Database,
    pub(super) profile: &'a Profile,
    pub(super) conversion: &'a Conversion,
}

/// What the data has told.
#[derive(Default)]
pub(super) struct Read {
    pub(super) findings: Vec<Finding>,
    /// What was asked; what of it was not answered is among the findings.
    pub(super) questions: Vec<deep::Question>,
    pub(super) not_read: Vec<String>,
}

/// Asks all questions, several at a time. Ends the transaction.
pub(super) async fn read(
    asked: &Asked<'_>,
    transaction: Transaction,
    settings: &Settings,
    said: &(dyn Fn(Step) + Sync),
) -> Result<Read, Error> {
    let (keeper, source) = match transaction {
        Transaction::Shared(shared) => *shared,
        Transaction::Alone(connection) => {
            connection.close().await;
            let why = "the data: the source exports no snapshot to read it under";
            return Ok(Read {
                not_read: vec![why.to_owned()],
                ..Read::default()
            });
        }
    };
    let questions = deep::questions(asked.database, asked.profile, asked.conversion);
    let all = questions.len();
    let progress = |progress: Progress<'_>| match progress {
        Progress::Asking(q) => said(Step::Reading(q.table.to_string(), q.bytes)),
        Progress::Answered(count) => said(Step::Read(count, all)),
    };
    let found = answers(keeper, &source, &questions, (settings.jobs, &progress)).await?;
    let findings = deep::merge(found);
    let not_read = findings.iter().filter(|finding| deep::is_not_read(finding));
    let not_read = not_read.map(|f| format!("the data of {}: {}", f.object, f.detail));
    Ok(Read {
        not_read: not_read.collect(),
        findings,
        questions,
    })
}

async fn answers(
    keeper: Keeper,
    source: &ConnectOptions,
    questions: &[deep::Question],
    (jobs, progress): (u32, &(dyn Fn(Progress<'_>) + Sync)),
) -> Result<Vec<Finding>, Error> {
    let guard = keeper.guard();
    let snapshot = guard.snapshot().clone();
    let readers = Readers {
        source,
        snapshot: &snapshot,
        jobs: usize::try_from(jobs).unwrap_or(usize::MAX),
    };
    let found = tokio::select! {
        found = engine::ask(readers, questions, progress) => found,
        lost = guard.lost() => return Err(lost.into()),
    };
    guard.close().await;
    Ok(found)
}
