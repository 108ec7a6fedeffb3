//! Which tables are read in several chunks, and where they are cut.

use crate::catalog::{Splitting, Table};
use crate::endpoint::introspect;
use crate::plan::{self, Chunk, Split, Thresholds};

use super::super::error::Error;
use super::Prepared;
use super::settings::Settings;

/// Locks, then sizes, then cuts the tables that are worth it. With the locks held no row of the
/// snapshot can lie behind the sizes, and nobody can put another file in a table's place.
pub(in crate::runs) async fn plan(
    prepared: &mut Prepared,
    settings: &Settings,
) -> Result<Vec<Chunk>, Error> {
    let thresholds = Thresholds::new(settings.jobs);
    let pairs = 0..prepared.matching.pairs.len();
    let mut tables: Vec<plan::Table> = pairs.map(|pair| planned(prepared, pair)).collect();
    let chosen = plan::choose(&mut tables, &thresholds);
    for &index in &chosen {
        let pair = &prepared.matching.pairs[tables[index].pair];
        let (name, oid) = (pair.source.clone(), pair.oid);
        prepared.keeper().lock(&name, oid).await?;
    }
    size(prepared, &mut tables, &chosen).await?;
    for &index in &chosen {
        sample(prepared, &mut tables[index], &thresholds).await?;
    }
    Ok(plan::chunks(&tables, &thresholds))
}

/// Puts the sizes that tables have now into their plans.
async fn size(
    prepared: &mut Prepared,
    tables: &mut [plan::Table],
    chosen: &[usize],
) -> Result<(), Error> {
    let catalog = &prepared.catalog;
    let oid = |index: usize| prepared.matching.pairs[tables[index].pair].oid;
    let locked: Vec<&Table> = chosen
        .iter()
        .filter_map(|&index| catalog.by_oid(oid(index)))
        .collect();
    let keeper = prepared.keeper.as_mut().expect("it is not guarded yet");
    let sizes = introspect::sizes(keeper.connection(), &locked).await?;
    for &index in chosen {
        let oid = prepared.matching.pairs[tables[index].pair].oid;
        if let Some(size) = sizes.get(&oid) {
            (tables[index].pages, tables[index].bytes) = (size.pages, size.bytes);
        }
    }
    Ok(())
}

/// Finds the keys at which a table without ctid ranges is cut.
async fn sample(
    prepared: &mut Prepared,
    planned: &mut plan::Table,
    thresholds: &Thresholds,
) -> Result<(), Error> {
    let table = table(prepared, planned.pair).clone();
    let Splitting::Keys(key) = prepared.catalog.splitting(&table) else {
        return Ok(());
    };
    let wanted = thresholds.most_chunks(planned.bytes).saturating_sub(1);
    let connection = prepared.keeper().connection();
    let boundaries = introspect::sample_keys(connection, &table, &key, wanted as usize).await?;
    planned.split = Split::Keys {
        columns: key.columns,
        boundaries,
    };
    Ok(())
}

fn table(prepared: &Prepared, pair: usize) -> &Table {
    let oid = prepared.matching.pairs[pair].oid;
    let found = prepared.catalog.by_oid(oid);
    found.expect("pairs are made of the catalog's tables")
}

fn planned(prepared: &Prepared, index: usize) -> plan::Table {
    let pair = &prepared.matching.pairs[index];
    let table = table(prepared, index);
    let split = match prepared.catalog.splitting(table) {
        Splitting::Pages => Split::Pages,
        Splitting::Keys(key) => Split::Keys {
            columns: key.columns,
            boundaries: Vec::new(),
        },
        Splitting::Never => Split::Never,
    };
    plan::Table {
        pair: index,
        pages: table.pages,
        bytes: table.bytes(),
        wave: prepared.waves[pair.target],
        split,
    }
}
