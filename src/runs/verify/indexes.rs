//! Rows counted through each secondary unique index: an index that lost rows lets a second row of a key in.

use crate::catalog::{Table, TableName};
use crate::sql;

use super::super::prepare::Prepared;
use super::asking::{Asking, Texts};
use super::{Beside, TableFound};

/// Unique indexes besides primary keys: table, index, columns (numbers as an int2vector prints them), whether it
/// is for some rows alone.
const INDEXES: &str = "SELECT n.nspname::text, c.relname::text, i.relname::text, x.indkey::text, \
    (x.indpred IS NOT NULL)::text \
    FROM pg_catalog.pg_index x \
    JOIN pg_catalog.pg_class c ON c.oid = x.indrelid \
    JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid \
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    WHERE x.indisunique AND NOT x.indisprimary AND n.nspname <> 'pg_catalog' \
    AND n.nspname <> 'pg_toast' AND n.nspname <> 'information_schema' AND n.nspname <> 'wire9' \
    ORDER BY 1, 2, 3";

/// Settings under which only an index gives an order.
const BY_INDEX: [&str; 3] = [
    "SET LOCAL enable_seqscan = off",
    "SET LOCAL enable_bitmapscan = off",
    "SET LOCAL enable_sort = off",
];

/// Settings under which no index is read.
const BY_TABLE: [&str; 3] = [
    "SET LOCAL enable_indexscan = off",
    "SET LOCAL enable_indexonlyscan = off",
    "SET LOCAL enable_bitmapscan = off",
];

/// Counts the rows of the tables that were verified through their unique indexes.
pub(super) async fn look(
    prepared: &Prepared,
    tables: &[TableFound],
    asking: &mut Asking<'_>,
    beside: &mut Beside,
) {
    if tables.is_empty() {
        return;
    }
    let indexes = match asking.ask(&[INDEXES]).await {
        Ok(rows) => indexes(rows),
        Err(why) => return beside.gap("unique indexes", why),
    };
    for index in indexes {
        let found = tables.iter().find(|table| table.target == index.table);
        // A table that could not be verified is a gap of its own.
        if found.is_none_or(|table| table.checked.is_err()) {
            continue;
        }
        let object = format!(
            "index {}",
            TableName::new(&*index.table.schema, &*index.name)
        );
        let table = prepared.target_catalog.table(&index.table);
        match compare(&index, table, asking).await {
            Ok((through, all)) if through == all => beside.holds(object),
            Ok((through, all)) => {
                let problem = format!("has {through} rows, and its table {all}");
                beside.wrong(object, problem);
            }
            Err(why) => beside.gap(object, why),
        }
    }
}

struct Index {
    table: TableName,
    name: String,
    /// Column numbers; 0 is an expression.
    columns: Vec<i16>,
    partial: bool,
}

fn indexes(rows: Texts) -> Vec<Index> {
    let index = |row: Vec<Option<String>>| {
        let mut texts = row.into_iter();
        let mut text = || texts.next().flatten();
        Some(Index {
            table: TableName::new(text()?, text()?),
            name: text()?,
            columns: text()?
                .split_ascii_whitespace()
                .map(|number| number.parse().unwrap_or_default())
                .collect(),
            partial: text()?.starts_with('t'),
        })
    };
    rows.into_iter().filter_map(index).collect()
}

/// Rows through the index, and rows of the table; or why that can not be told.
async fn compare(
    index: &Index,
    table: Option<&Table>,
    asking: &mut Asking<'_>,
) -> Result<(u64, u64), String> {
    if index.partial {
        return Err("it is for some rows alone".to_owned());
    }
    let name = |number: &i16| {
        let column = table?.columns.iter().find(|c| c.number == *number)?;
        Some(sql::identifier(&column.name))
    };
    let columns: Option<Vec<String>> = index.columns.iter().map(name).collect();
    let Some(columns) = columns.filter(|columns| !columns.is_empty()) else {
        return Err("it is of an expression".to_owned());
    };
    let (columns, from) = (columns.join(", "), index.table.quoted());
    // The order is what only this index gives, and nobody may count without it.
    let ordered = format!(
        "SELECT count(*) FROM (SELECT {columns} FROM {from} ORDER BY {columns} OFFSET 0) t"
    );
    let explain = format!("EXPLAIN {ordered}");
    let plan = asking.ask(&with(&BY_INDEX, &explain)).await?;
    if !uses(&plan, &index.name) {
        return Err("the target can not be made to count through it".to_owned());
    }
    let through = number(&asking.ask(&with(&BY_INDEX, &ordered)).await?)?;
    let all = format!("SELECT count(*) FROM {from}");
    let all = number(&asking.ask(&with(&BY_TABLE, &all)).await?)?;
    Ok((through, all))
}

fn with<'s>(settings: &[&'s str], statement: &'s str) -> Vec<&'s str> {
    settings.iter().copied().chain([statement]).collect()
}

/// Whether a plan, as EXPLAIN prints it, scans this index and does nothing else.
fn uses(plan: &Texts, index: &str) -> bool {
    let lines = || plan.iter().filter_map(|row| row.first()?.as_deref());
    let named = [
        format!(" using {index} on "),
        format!(" using {} on ", sql::identifier(index)),
    ];
    let scans: Vec<&str> = lines().filter(|line| line.contains("Scan")).collect();
    let is_it = |line: &&str| named.iter().any(|name| line.contains(name.as_str()));
    !scans.is_empty()
        && scans
            .iter()
            .all(|line| is_it(line) || line.contains("Subquery Scan"))
        && scans.iter().any(is_it)
}

fn number(rows: &Texts) -> Result<u64, String> {
    let number = rows
        .first()
        .and_then(|row| row.first()?.as_deref()?.parse().ok());
    number.ok_or_else(|| "a count is not a number".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(lines: &[&str]) -> Texts {
        lines
            .iter()
            .map(|line| vec![Some((*line).to_owned())])
            .collect()
    }

    #[test]
    fn a_plan_must_scan_the_index_that_is_meant() {
        let scan = plan(&[
            "Aggregate  (cost=1..2)",
            "  ->  Index Only Scan using t_a_key on t  (cost=1..2)",
        ]);
        assert!(uses(&scan, "t_a_key"));
        assert!(!uses(&scan, "t_a"));
        let quoted = plan(&["  ->  Index Scan using \"T key\" on t"]);
        assert!(uses(&quoted, "T key"));
        assert!(!uses(&plan(&["  ->  Seq Scan on t_a_key"]), "t_a_key"));
        assert!(!uses(&plan(&[]), "t_a_key"));
    }
}
