//! `wire9 verify`: whether the target holds the rows of the source.
//!
//! ```text
//! prepare as for a copy ─▶ chunks ─▶ the ledger's sums, where a finished run left them ─▶ verify
//! ```

use std::time::{Duration, Instant};

use crate::catalog::{Table, TableName};
use crate::copytext::Digest;
use crate::lane::Work;
use crate::ledger::{Ledger, State};
use crate::metrics::Event;
use crate::schema::{self, Pair};
use crate::verify::{self, Checked, Options};

use super::super::check;
use super::super::error::Error;
use super::configuration::{Configuration, source_key};
use super::prepare::{self, Prepared, Purpose};
use super::settings::{Mapped, Settings, Surroundings};
use super::{cutting, enter, shared};

/// What a verification is asked to do.
#[derive(Clone)]
pub struct Asked {
    /// Endpoints, tables, digits: as for the copy that is verified.
    pub copy: Settings,
    /// The target was made by `migrate`: tables and columns go where its conversion lays them.
    pub migrated: Option<check::Settings>,
    /// Read both sides, also where the ledger could answer.
    pub both: bool,
    /// Rows of a table that are shown.
    pub shown: usize,
    /// Show values, and not keys alone.
    pub values: bool,
}

/// One target table.
#[derive(Debug)]
pub struct TableFound {
    /// Its name in the target.
    pub target: TableName,
    /// The source tables whose rows belong there.
    pub sources: Vec<TableName>,
    /// Rows of them that a finished run has rejected and nothing has loaded since: they are not there.
    pub rejected: u64,
    /// What was found.
    pub checked: Result<Checked, verify::Error>,
}

/// What a verification has found.
#[derive(Debug)]
pub struct Found {
    /// By target table.
    pub tables: Vec<TableFound>,
    /// The finished run whose sums were used.
    pub run: Option<String>,
    /// What a person should know.
    pub notes: Vec<String>,
    /// Wall time.
    pub wall: Duration,
}

/// Verifies. Nothing is written but the probe's scratch schema, which is dropped again.
///
/// # Errors
/// What prevents the verification as a whole; what is wrong with one table is part of the answer.
pub async fn verify(asked: &Asked, surroundings: &Surroundings) -> Result<Found, Error> {
    let began = Instant::now();
    let mut settings = asked.copy.clone();
    if let Some(check) = &asked.migrated {
        let assessment = check::check(check).await?;
        settings.mapped = Some(Mapped {
            tables: assessment.conversion.tables,
            made_here: true,
        });
    }
    let mut prepared = prepare::prepare(&settings, surroundings, Purpose::Verify).await?;
    let chunks = cutting::plan(&mut prepared, &settings).await?;
    let works: Vec<Work> = chunks
        .iter()
        .map(|chunk| enter::work(&prepared, chunk))
        .collect();
    let sent = sent(&mut prepared, &settings).await?;
    let tables = tables(&prepared, works, &sent);
    let (keeper, prepared) = prepared.guard();
    let run = uuid::Uuid::new_v4().to_string();
    let shared = shared(&prepared, &run, &settings, surroundings);
    let phase = Event::Phase(format!("verifying {} tables", tables.len()));
    let _ = surroundings.events.try_send(phase);
    let options = Options {
        both: asked.both,
        jobs: settings.jobs,
        shown: asked.shown,
        values: asked.values,
    };
    let total = tables.len();
    let mut done = 0;
    let told = |_, checked: &verify::Result<Checked>| {
        done += 1;
        let _ = surroundings
            .events
            .try_send(Event::Notice(line(done, total, checked)));
    };
    let checked = verify::verify(&shared, &tables, options, told).await;
    keeper.close().await;
    Ok(Found {
        tables: found(&prepared, &sent, checked),
        run: sent.run,
        notes: prepared.notes,
        wall: began.elapsed(),
    })
}

/// What is told when a table is done.
fn line(done: usize, total: usize, checked: &verify::Result<Checked>) -> String {
    let rows = match checked {
        Ok(checked) => format!("{} rows", checked.rows),
        Err(_) => "not verified".to_owned(),
    };
    format!("table {done} of {total}: {rows}")
}

fn found(
    prepared: &Prepared,
    sent: &Sent,
    checked: Vec<verify::Result<Checked>>,
) -> Vec<TableFound> {
    let rejected = |pair: usize| sent.rejected.get(pair).copied().unwrap_or(0);
    let targets = prepared.matching.targets.iter().enumerate();
    targets
        .zip(checked)
        .map(|((number, target), checked)| TableFound {
            target: target.name.clone(),
            sources: pairs_of(prepared, number)
                .map(|(_, pair)| pair.source.clone())
                .collect(),
            rejected: pairs_of(prepared, number)
                .map(|(pair, _)| rejected(pair))
                .sum(),
            checked,
        })
        .collect()
}

fn pairs_of(prepared: &Prepared, target: usize) -> impl Iterator<Item = (usize, &Pair)> {
    let pairs = prepared.matching.pairs.iter().enumerate();
    pairs.filter(move |(_, pair)| pair.target == target)
}

/// What a finished run has sent, by pair of this process.
#[derive(Default)]
struct Sent {
    run: Option<String>,
    by_pair: Vec<Option<Digest>>,
    /// Rows that it rejected and that no replay has loaded.
    rejected: Vec<u64>,
}

/// Looks for a finished run of this source and takes its sums, where it sent the same columns in the same
/// way into tables that were empty.
async fn sent(prepared: &mut Prepared, settings: &Settings) -> Result<Sent, Error> {
    let pairs = prepared.matching.pairs.len();
    let Some(connection) = prepared.target.connection.take() else {
        return Ok(Sent::default());
    };
    let (options, write) = (
        prepared.target.options.clone(),
        prepared.target.write.clone(),
    );
    let mut ledger = Ledger::new(connection, options, write);
    let runs = ledger
        .runs(&source_key(&prepared.snapshot.identity))
        .await?;
    let Some(run) = runs.iter().find(|run| run.state == State::Done) else {
        return Ok(Sent {
            run: None,
            by_pair: vec![None; pairs],
            rejected: Vec::new(),
        });
    };
    let progress = ledger.progress(&run.run).await?;
    let now = Configuration::new(
        &prepared.matching,
        settings.on_existing,
        settings.target_search_path.as_deref(),
    );
    let earlier = Configuration::from_text(&run.settings);
    let sum = |pair: &Pair| -> Option<Digest> {
        earlier.as_ref().filter(|e| e.agrees(&now, &pair.source))?;
        let number = progress
            .plan
            .pairs
            .iter()
            .position(|p| p.source == pair.source)?;
        let target = progress.plan.pairs[number].target;
        (progress.plan.targets.get(target)?.baseline == Some(0)).then_some(())?;
        let mut sum = Digest::default();
        let batches = progress.batches.iter().filter(|((of, _), _)| *of == number);
        batches
            .flat_map(|(_, batches)| batches)
            .for_each(|batch| sum.merge(batch.digest));
        Some(sum)
    };
    let loaded = progress.by_pair();
    let rejected = |pair: &Pair| {
        let mut pairs = progress.plan.pairs.iter().zip(&loaded);
        let found = pairs.find(|(row, _)| row.source == pair.source);
        found.map_or(0, |(_, loaded)| loaded.rejected)
    };
    Ok(Sent {
        rejected: prepared.matching.pairs.iter().map(rejected).collect(),
        by_pair: prepared.matching.pairs.iter().map(sum).collect(),
        run: Some(run.run.clone()),
    })
}

fn tables(prepared: &Prepared, works: Vec<Work>, sent: &Sent) -> Vec<verify::Table> {
    let mut by_target: Vec<Vec<Work>> = prepared
        .matching
        .targets
        .iter()
        .map(|_| Vec::new())
        .collect();
    for work in works {
        by_target[prepared.matching.pairs[work.table].target].push(work);
    }
    let targets = prepared.matching.targets.iter().enumerate();
    targets
        .zip(by_target)
        .map(|((number, target), mut works)| {
            let columns = columns_of(prepared, number);
            let same_order = pairs_of(prepared, number)
                .all(|(_, pair)| pair.columns.iter().map(|(_, to)| to).eq(columns.iter()));
            works.iter_mut().for_each(|work| reorder(work, &columns));
            let sums = pairs_of(prepared, number)
                .map(|(pair, _)| sent.by_pair.get(pair).copied().flatten())
                .collect::<Option<Vec<Digest>>>();
            let sent = sums.filter(|_| same_order).map(|sums| {
                let mut sum = Digest::default();
                sums.into_iter().for_each(|part| sum.merge(part));
                sum
            });
            verify::Table {
                comparison: comparison(prepared, number, &columns),
                name: target.name.clone(),
                columns,
                works,
                sent,
            }
        })
        .collect()
}

/// The target's columns, in the order in which the first of its sources sends them.
fn columns_of(prepared: &Prepared, target: usize) -> Vec<String> {
    let first = pairs_of(prepared, target).next();
    let columns = first.map(|(_, pair)| pair.columns.iter().map(|(_, to)| to.clone()).collect());
    columns.unwrap_or_default()
}

/// Puts the columns of a chunk into the order of the target's: a partition may have another one.
fn reorder(work: &mut Work, columns: &[String]) {
    let place = |column: &String| work.columns.iter().position(|(_, to)| to == column);
    let Some(order) = columns.iter().map(place).collect::<Option<Vec<usize>>>() else {
        return;
    };
    if order.is_sorted() {
        return;
    }
    let new_place = |old: usize| order.iter().position(|&o| o == old).unwrap_or(old);
    work.columns = order.iter().map(|&old| work.columns[old].clone()).collect();
    work.expressions = std::mem::take(&mut work.expressions)
        .into_iter()
        .map(|(old, expression)| (new_place(old), expression))
        .collect();
    for (place, _) in &mut work.recipe.transforms {
        *place = new_place(*place);
    }
    work.recipe
        .transforms
        .sort_unstable_by_key(|(place, _)| *place);
}

fn comparison(
    prepared: &Prepared,
    target: usize,
    columns: &[String],
) -> crate::copytext::Comparison {
    let name = &prepared.matching.targets[target].name;
    let table = prepared.target_catalog.table(name);
    let data_type = |column: &String| {
        let found = table?.columns.iter().find(|c| &c.name == column)?;
        Some(&found.data_type)
    };
    let types = columns.iter().map(data_type).collect::<Option<Vec<_>>>();
    let keys = key_of(prepared, target, columns).unwrap_or_default();
    match types {
        Some(types) => schema::comparison(&types, keys),
        None => crate::copytext::Comparison {
            fields: columns.len(),
            keys,
            canonical: Vec::new(),
        },
    }
}

/// The places of the key's columns, by the source's key.
fn key_of(prepared: &Prepared, target: usize, columns: &[String]) -> Option<Vec<usize>> {
    let (_, pair) = pairs_of(prepared, target).next()?;
    let key = prepared
        .catalog
        .by_oid(pair.oid)
        .map(|t: &Table| t.keys.first())??;
    let place = |name: &String| {
        let (_, to) = pair.columns.iter().find(|(from, _)| from == name)?;
        columns.iter().position(|column| column == to)
    };
    key.columns.iter().map(|(name, _)| place(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::copytext::{Recipe, Transform};
    use crate::plan::Bounds;

    #[test]
    fn the_columns_of_a_partition_are_put_into_the_order_of_the_table() {
        let column = |name: &str| (name.to_owned(), name.to_owned());
        let mut work = Work {
            table: 0,
            source: TableName::new("s", "leaf"),
            oid: 1,
            target: TableName::new("s", "root"),
            columns: vec![column("b"), column("a"), column("c")],
            expressions: [(0, "b::numeric".to_owned())].into(),
            recipe: Recipe {
                fields: 3,
                transforms: vec![
                    (1, Transform::TrimRight),
                    (2, Transform::CutTimestamp { digits: 3 }),
                ],
            },
            condition: None,
            chunk: 0,
            bounds: Bounds::Whole,
            done: Vec::new(),
        };
        let order: Vec<String> = ["a", "b", "c"].map(str::to_owned).to_vec();
        reorder(&mut work, &order);
        assert_eq!(work.columns, [column("a"), column("b"), column("c")]);
        assert_eq!(
            work.expressions.get(&1).map(String::as_str),
            Some("b::numeric")
        );
        let transforms = [
            (0, Transform::TrimRight),
            (2, Transform::CutTimestamp { digits: 3 }),
        ];
        assert_eq!(work.recipe.transforms, transforms);
    }
}
