//! A new run: what the target tables hold, the plan, the ledger's first rows.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use crate::catalog::TableName;
use crate::ledger::{
    Claim, Ledger, NewRun, Owner, PairRow, PlanRows, Progress, TargetRow, TargetState,
};
use crate::metrics::Event;
use crate::plan::Chunk;
use crate::schema::Pair;

use super::super::error::Error;
use super::super::prepare::configuration::{Configuration, source_key};
use super::super::prepare::cutting::plan;
use super::super::prepare::{OnExisting, Prepared, Settings, Surroundings, refused, work};
use super::empty::{count, may_empty, truncate, wire_error};
use super::enter::{Entered, few, snapshot_text, tokens};
use super::rejecting;

/// Tables looked at by one query.
const TABLES_PER_QUERY: usize = 100;

/// Begins a run. Everything that can be refused is refused before the ledger is made.
pub(super) async fn begin(
    prepared: &mut Prepared,
    mut ledger: Ledger,
    configuration: &Configuration,
    settings: &Settings,
    surroundings: &Surroundings,
) -> Result<Entered, Error> {
    let names = prepared.target_names();
    let held = existing(&mut ledger, &names).await?;
    check_existing(&names, &held, settings, surroundings)?;
    if settings.on_existing == OnExisting::Truncate {
        let full = names.iter().zip(&held).filter(|(_, held)| **held);
        may_empty(&mut ledger, full.map(|(name, _)| name).collect()).await?;
    }
    let targets = targets(&mut ledger, prepared, &held, settings.on_existing).await?;
    let chunks = plan(prepared, settings).await?;
    let rows = plan_rows(prepared, targets, &chunks);
    let new = NewRun {
        run: Uuid::new_v4().to_string(),
        settings: configuration.to_text(),
        source: source_key(&prepared.snapshot.identity),
        snapshot: snapshot_text(prepared),
        owner: Owner::this_process(),
        tokens: tokens(settings.jobs),
    };
    let mut progress = Progress {
        plan: rows,
        ..Progress::default()
    };
    let rejects = rejecting::open(prepared, &progress, &new.run, &settings.rejecting)?;
    ledger.create().await?;
    if ledger.begin(&new, &progress.plan).await? == Claim::Lost {
        return Err(refused(
            "another wire9 process has just begun a run of this source",
            "let it finish, or stop it; then repeat the command",
        ));
    }
    truncate(&mut ledger, prepared, (&new.run, &new.owner), &mut progress).await?;
    let work = |c| work(prepared, c);
    Ok(Entered {
        ledger,
        run: new.run,
        owner: new.owner,
        tokens: new.tokens,
        continued: false,
        finished_before: false,
        progress,
        earlier_snapshot: None,
        problems: HashMap::new(),
        reconciled: BTreeMap::new(),
        works: chunks.iter().map(work).collect(),
        rejects,
    })
}

/// What each target table holds before the run; open where it is still to be emptied.
async fn targets(
    ledger: &mut Ledger,
    prepared: &Prepared,
    held: &[bool],
    on_existing: OnExisting,
) -> Result<Vec<TargetRow>, Error> {
    let mut targets = Vec::with_capacity(held.len());
    for (name, held) in prepared.target_names().into_iter().zip(held) {
        let baseline = match (held, on_existing) {
            (false, _) => Some(0),
            (true, OnExisting::Truncate) => None,
            (true, _) => Some(count(ledger, &prepared.target.write, &name).await?),
        };
        targets.push(TargetRow {
            name,
            baseline,
            truncated: baseline.is_none(),
            state: TargetState::Loading,
        });
    }
    Ok(targets)
}

fn plan_rows(prepared: &Prepared, targets: Vec<TargetRow>, chunks: &[Chunk]) -> PlanRows {
    let pair = |p: &Pair| PairRow {
        source: p.source.clone(),
        target: p.target,
    };
    let chunk = |c: &Chunk| (c.table, c.number, c.bounds.clone(), c.bytes);
    PlanRows {
        pairs: prepared.matching.pairs.iter().map(pair).collect(),
        targets,
        chunks: chunks.iter().map(chunk).collect(),
    }
}

/// Which target tables hold rows.
async fn existing(ledger: &mut Ledger, names: &[TableName]) -> Result<Vec<bool>, Error> {
    let mut held = vec![false; names.len()];
    let connection = ledger.connection().await?;
    for (group, names) in names.chunks(TABLES_PER_QUERY).enumerate() {
        let looks = names.iter().enumerate().map(|(i, name)| {
            let number = group * TABLES_PER_QUERY + i;
            format!(
                "SELECT {number} WHERE EXISTS (SELECT 1 FROM {})",
                name.quoted()
            )
        });
        let sql = looks.collect::<Vec<_>>().join(" UNION ALL ");
        let reply = connection.query(&sql).await.map_err(|e| {
            Error::from(wire_error("looking whether the target tables are empty", e))
                .advise("the target's user must be able to read and write the tables")
        })?;
        for row in &reply.rows {
            let number = row
                .first()
                .and_then(|n| n.as_deref())
                .and_then(|n| n.parse::<usize>().ok());
            if let Some(held) = number.and_then(|n| held.get_mut(n)) {
                *held = true;
            }
        }
    }
    Ok(held)
}

fn check_existing(
    names: &[TableName],
    held: &[bool],
    settings: &Settings,
    surroundings: &Surroundings,
) -> Result<(), Error> {
    let full: Vec<String> = names
        .iter()
        .zip(held)
        .filter(|(_, held)| **held)
        .map(|(n, _)| n.to_string())
        .collect();
    if full.is_empty() {
        return Ok(());
    }
    let listed = few(&full);
    let say = |text: String| {
        let _ = surroundings.events.try_send(Event::Notice(text));
    };
    match settings.on_existing {
        OnExisting::Fail => {
            return Err(refused(
                format!("target tables hold rows that this run did not write: {listed}"),
                "empty them, or say --on-existing truncate (they are emptied) or append",
            ));
        }
        OnExisting::Truncate => say(format!("TRUNCATING target tables that hold rows: {listed}")),
        OnExisting::Append => say(format!(
            "appending to target tables that hold rows: {listed}"
        )),
    }
    Ok(())
}
