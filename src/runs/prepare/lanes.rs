//! What was prepared, as lanes need it.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::copytext::Spread;
use crate::lane::{Board, Pace, Shared, Work};
use crate::plan::Chunk;
use crate::schema::Pair;
use crate::wire::{ConnectOptions, Pulse};

use super::{Prepared, Settings, Surroundings};

/// A chunk as a lane needs it, nothing of it done.
pub(in crate::runs) fn work(prepared: &Prepared, chunk: &Chunk) -> Work {
    let pair = &prepared.matching.pairs[chunk.table];
    Work {
        table: chunk.table,
        source: pair.source.clone(),
        oid: pair.oid,
        target: prepared.matching.targets[pair.target].name.clone(),
        columns: pair.columns.clone(),
        expressions: pair.expressions.clone(),
        recipe: pair.recipe.clone(),
        spread: Spread::new(&key(prepared, pair), &pair.recipe),
        condition: pair.condition.clone(),
        chunk: chunk.number,
        bounds: chunk.bounds.clone(),
        done: Vec::new(),
    }
}

/// The places of the key's columns among those that are sent; empty without a key, or where not all of it
/// is sent.
fn key(prepared: &Prepared, pair: &Pair) -> Vec<usize> {
    let table = prepared.catalog.by_oid(pair.oid);
    let Some(key) = table.and_then(|table| table.keys.first()) else {
        return Vec::new();
    };
    let place = |name: &String| pair.columns.iter().position(|(from, _)| from == name);
    let places: Option<Vec<usize>> = key.columns.iter().map(|(name, _)| place(name)).collect();
    places.unwrap_or_default()
}

/// What all lanes have in common.
pub(in crate::runs) fn shared(
    prepared: &Prepared,
    run: &str,
    settings: &Settings,
    surroundings: &Surroundings,
) -> Shared {
    let profile = &prepared.target.profile;
    let yes = |fact: &Option<crate::profile::Fact<bool>>| crate::profile::Profile::yes(fact);
    let line_limit = profile
        .max_line_bytes
        .as_ref()
        .map_or(u64::MAX, |fact| fact.value);
    let lanes = u64::try_from(settings.jobs).unwrap_or(u64::MAX);
    let batch_limit = settings.max_memory / (2 * lanes).max(1);
    let board = Arc::new(Board::new(settings.jobs, Pulse::default()));
    let watched = |options: &ConnectOptions| {
        let mut options = options.clone();
        options.set_pulse(board.pulse());
        options
    };
    Shared {
        run: run.to_owned(),
        source: watched(&prepared.source_options),
        snapshot: prepared.snapshot.clone(),
        target: watched(&prepared.target.options),
        settings: prepared.target.write.clone(),
        multi_statement: yes(&profile.multi_statement) == Some(true),
        terminate_backend: yes(&profile.terminate_backend) == Some(true),
        line_limit: usize::try_from(line_limit).unwrap_or(usize::MAX),
        batch_limit: usize::try_from(batch_limit).unwrap_or(usize::MAX).max(1),
        pace: Pace::new(settings.retry_for),
        events: surroundings.events.clone(),
        stop: surroundings.stop.child_token(),
        board,
        alone: Arc::new(Semaphore::new(1)),
        rate: None,
        rejects: None,
    }
}
