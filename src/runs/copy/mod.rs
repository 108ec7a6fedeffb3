//! `wire9 copy`: the data of tables that already exist in the target.
//!
//! ```text
//! target: connect, probe ─▶ source: snapshot, catalog ─▶ match ─▶ ledger: new run or the old one
//!   ─▶ plan ─▶ lanes ─▶ counts on both sides ─▶ verdict
//! ```

mod begin;
mod empty;
pub(super) mod enter;
mod outcome;
mod prove;
pub(super) mod reconcile;
mod rejecting;
pub(super) mod restart;
pub(super) mod resume;
mod verdict;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use crate::endpoint::snapshot::KeeperGuard;
use crate::engine::{self, Heartbeat, Schedule, Watchdog};
use crate::lane::Shared;
use crate::ledger;
use crate::metrics::Event;

use super::error::{Error, Exit};
use super::prepare::{self, Prepared, Purpose, cutting, shared};
use enter::Entered;

pub use super::prepare::{Mapped, OnExisting, Rejecting, Settings, Surroundings};
pub use outcome::{Cut, How, Outcome, PlannedTable, SourceMoved, TableVerdict, TargetVerdict};

/// Copies.
///
/// # Errors
/// What ended the run before its verdict; committed batches stay, the same command continues.
pub async fn copy(settings: &Settings, surroundings: &Surroundings) -> Result<Outcome, Error> {
    let began = Instant::now();
    let mut prepared = prepare::prepare(settings, surroundings, Purpose::Load).await?;
    if settings.dry_run {
        let plan = cutting::plan(&mut prepared, settings).await?;
        enter::would_drop(&mut prepared, settings).await?;
        return Ok(verdict::dry_run(&prepared, &plan, settings, began));
    }
    let entered = enter::enter(&mut prepared, settings, surroundings).await?;
    if entered.finished_before {
        return Ok(verdict::finished_before(
            &prepared, entered, settings, began,
        ));
    }
    data(prepared, entered, settings, surroundings, began).await
}

/// Connections per side that count rows: counting is bound by the servers, not by this program.
const COUNTERS: usize = 4;

/// How long an interrupted run waits for what the ledger says.
const INTERRUPTED_PATIENCE: Duration = Duration::from_secs(5);

/// The data phase and what follows it, unless nothing moves in it any more.
async fn data(
    prepared: Prepared,
    entered: Entered,
    settings: &Settings,
    surroundings: &Surroundings,
    began: Instant,
) -> Result<Outcome, Error> {
    let (keeper, prepared) = prepared.guard();
    let mut shared = shared(&prepared, &entered.run, settings, surroundings);
    shared.loading.rejects.clone_from(&entered.rejects);
    let shared = Arc::new(shared);
    let (limit, silence) = (settings.stall_after, settings.io_timeout);
    let watchdog = Watchdog::of(&shared.loading, limit, silence);
    let side = (prepared, keeper);
    let rows = rows(side, entered, shared, (settings, surroundings), began);
    watchdog.over(rows).await?
}

/// See `data`.
async fn rows(
    (prepared, keeper): (Prepared, KeeperGuard),
    mut entered: Entered,
    shared: Arc<Shared>,
    (settings, surroundings): (&Settings, &Surroundings),
    began: Instant,
) -> Result<Outcome, Error> {
    let heartbeat = Heartbeat::start(
        entered.ledger.beside(),
        entered.run.clone(),
        entered.owner.clone(),
    );
    let phase = |text: &str| {
        let _ = surroundings.events.try_send(Event::Phase(text.to_owned()));
    };
    prove::prove(&mut entered, &prepared, &shared, settings, &phase).await?;
    let _ = surroundings.events.try_send(entered.planned(&prepared));
    phase("copying");
    let works = entered.take_works();
    let schedule = Arc::new(Schedule::new(
        prepared.schedule_tables(),
        &prepared.parents(),
        works,
        surroundings.events.clone(),
    ));
    let data_began = Instant::now();
    let tokens = std::mem::take(&mut entered.tokens);
    let pairs = prepared.counted_pairs();
    let (copied, counting) = {
        let copying = engine::copy(Arc::clone(&shared), schedule, tokens, &keeper, &heartbeat);
        // The source is counted while it is read: it is the same snapshot.
        engine::beside(copying, engine::count_source(&shared, &pairs, COUNTERS)).await
    };
    let mut facts = verdict::Facts::new(copied, data_began.elapsed(), began);
    if let Some(failure) = facts.failure() {
        if failure.doubts_what_was_read() {
            // Where the target is lost, too, the next process meets the same rows and tries this again.
            let _ = prove::doubt(&mut entered).await;
        }
        return Err(failure.into());
    }
    let ledger = entered.ledger.loaded(&entered.run, pairs.len());
    if surroundings.stop.is_cancelled() {
        facts.interrupted = true;
        // Who interrupts does not wait for a target that is busy or gone.
        let told = timeout(INTERRUPTED_PATIENCE, ledger).await;
        facts.loaded = told.ok().and_then(Result::ok);
    } else {
        facts.loaded = Some(ledger.await.map_err(not_told)?);
        phase("counting on both sides");
        let names = prepared.target_names();
        let target = engine::count_target(&shared, &names, COUNTERS);
        // The statistics of the source may lag, so this may wait while rows are counted.
        let moved = verdict::moved(&prepared, settings);
        (facts.source_counts, facts.target_counts, facts.moved) =
            tokio::join!(counting.finish(), target, moved);
    }
    keeper.close().await;
    drop(heartbeat);
    let outcome = verdict::reach(&prepared, &entered, facts, settings);
    if verdict::holds(&outcome) {
        entered.ledger.finish(&entered.run, &entered.owner).await?;
    }
    Ok(outcome)
}

/// Rows have moved by now: a ledger that can not be read is no refusal any more.
fn not_told(error: ledger::Error) -> Error {
    let unreadable = matches!(error, ledger::Error::Unreadable { .. });
    let mut error = Error::from(error);
    if unreadable {
        error.exit = Exit::NotVerified;
    }
    error
}
