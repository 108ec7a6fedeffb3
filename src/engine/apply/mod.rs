//! Statements of the target's DDL: in parallel where order allows, each recorded in the ledger by its
//! own transaction, so that a run that continues repeats none.
//!
//! ```text
//!            needs done             refused, something is missing
//!  waiting ────────────▶ ready ──▶ under way ──────────▶ later ──▶ ready again, when others are done
//!                                      ├─▶ done (row in the ledger)
//!                                      └─▶ failed ─▶ what needs it is skipped
//! ```

mod exists;
mod order;
mod patience;
mod session;

use std::time::Duration;

use crossbeam_channel::Sender;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio_util::sync::CancellationToken;

use crate::endpoint::session::WriteSettings;
use crate::lane::Pace;
use crate::ledger::{Ledger, Owner};
use crate::metrics::Event;
use crate::schema::convert::Statement;
use crate::wire::ConnectOptions;

use super::error::Error;
use order::Order;
use session::{Outcome, Session};

/// What all statements of a run have in common.
pub struct Applying {
    /// The run's UUID.
    pub run: String,
    /// This process, which owns the run.
    pub owner: Owner,
    /// The target.
    pub target: ConnectOptions,
    /// Settings of its transactions.
    pub settings: WriteSettings,
    /// Statements at once, each over a connection of its own.
    pub connections: usize,
    /// An earlier process of the run may have made objects without recording them.
    pub continued: bool,
    /// Waiting between tries.
    pub pace: Pace,
    /// After so long without an answer it is looked whether the target still lives; an index may take
    /// hours.
    pub silence: Duration,
    /// A statement that takes longer ends the run; `None`: it may take as long as the target is at work.
    pub limit: Option<Duration>,
    /// Progress; sent with `try_send`.
    pub events: Sender<Event>,
    /// Begin no further statement, cancel those under way.
    pub stop: CancellationToken,
}

/// What became of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It was not asked for.
    NotAsked,
    /// It was applied by this process, or found to be there from an earlier one.
    Done,
    /// The ledger knew it already.
    DoneBefore,
    /// The target refuses it.
    Failed(Refusal),
    /// A statement (its index) that it needs has failed or was skipped itself.
    Skipped {
        /// Which one.
        because_of: usize,
    },
    /// The run ended before its turn.
    Left,
}

/// The target's answer to a statement, without any row value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// SQLSTATE; empty where it was no error of the server.
    pub code: String,
    /// In words.
    pub message: String,
}

/// What became of all of them.
pub struct Applied {
    /// By statement.
    pub fates: Vec<Fate>,
    /// What ended it early.
    pub failure: Option<Error>,
}

impl Applied {
    /// Whether everything that was asked for is there.
    pub fn is_complete(&self) -> bool {
        let there = |fate: &Fate| matches!(fate, Fate::Done | Fate::DoneBefore | Fate::NotAsked);
        self.failure.is_none() && self.fates.iter().all(there)
    }
}

/// A statement and what is to be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Apply it.
    Apply,
    /// The ledger knows it already.
    Before,
    /// Leave it.
    Leave,
}

/// Applies statements. `ask` says by statement what is to be done; what a statement needs and nobody
/// asked for is taken to be there. A statement that fails stops none but those that need it.
pub async fn apply(applying: &Applying, statements: &[Statement], ask: &[Ask]) -> Applied {
    let mut order = Order::new(statements, ask);
    let mut idle: Vec<Session<'_>> = Vec::new();
    let mut under_way = FuturesUnordered::new();
    let mut failure = None;
    loop {
        while failure.is_none()
            && !applying.stop.is_cancelled()
            && under_way.len() < applying.connections.max(1)
            && let Some(next) = order.next(under_way.is_empty())
        {
            let session = idle.pop().unwrap_or_else(|| Session::new(applying));
            tell(applying, &order, &statements[next.statement]);
            under_way.push(one(session, &statements[next.statement], next));
        }
        let Some((session, next, outcome)) = under_way.next().await else {
            break;
        };
        idle.push(session);
        match outcome {
            Outcome::Done => order.done(next.statement),
            Outcome::Refused(refusal) => order.refused(next, refusal),
            Outcome::Stopped => {}
            Outcome::Ended(error) => {
                // The first failure is the cause; what follows from it is not told.
                failure.get_or_insert(error);
                applying.stop.cancel();
            }
        }
    }
    for session in idle {
        session.close().await;
    }
    Applied {
        fates: order.fates(),
        failure,
    }
}

async fn one<'a>(
    mut session: Session<'a>,
    statement: &'a Statement,
    next: order::Next,
) -> (Session<'a>, order::Next, Outcome) {
    let outcome = session.apply(statement, next.unchecked).await;
    (session, next, outcome)
}

fn tell(applying: &Applying, order: &Order<'_>, statement: &Statement) {
    let (done, of) = order.progress();
    let _ = applying.events.try_send(Event::Statement {
        done,
        of,
        object: statement.object.clone(),
    });
}

/// A ledger over connections of its own, for the questions of one session.
fn ledger_of(applying: &Applying) -> Ledger {
    Ledger::unconnected(applying.target.clone(), applying.settings.clone())
}

#[cfg(test)]
mod tests;
