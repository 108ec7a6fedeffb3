//! Whether two databases hold the same rows: decided here alone, by SQL on both servers.
//!
//! Per table: the count, and the sums of the two halves of the MD5 of every row's text. A sum, unlike
//! an exclusive or, sees a doubled row; a multiset has no order. The text is what `record_out` prints,
//! which uses the types' own output functions (as COPY does) and tells NULL from the empty string.
//!
//! The source is read as it *should* arrive: timestamps cut to the digits that the target keeps, the
//! padding of `char(n)` removed. The target is read as it is.

use std::fmt;

use postgres::Client;

use crate::Error;
use crate::client::{apart, connect, quoted, rows};

/// What decides how values are printed, the same on both sides.
const SETTINGS: &str =
    "SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET IntervalStyle = 'postgres';
    SET extra_float_digits = 1; SET bytea_output = 'hex'; SET client_encoding = 'UTF8';
    SET statement_timeout = 0; SET search_path = ''";

/// A table's name, not quoted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableName {
    /// Its schema.
    pub schema: String,
    /// Its own name.
    pub name: String,
}

impl TableName {
    fn quoted(&self) -> String {
        format!("{}.{}", quoted(&self.schema), quoted(&self.name))
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

/// One column on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnPair {
    /// Its name in the source.
    pub source: String,
    /// Its name in the target.
    pub target: String,
    /// Its type in the source, through domains, as `format_type` prints it without its modifier.
    pub source_type: String,
    /// The same of the target.
    pub target_type: String,
    /// The fraction digits that a timestamp type of the target is declared with, such as 3.
    pub target_digits: Option<u8>,
}

/// One table on both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TablePair {
    /// The table in the source; a partitioned one stands for all its leaves, any other for itself
    /// without its inheritance children.
    pub source: TableName,
    /// The table in the target.
    pub target: TableName,
    /// Whether the source's table is partitioned.
    pub partitioned: bool,
    /// The columns that are compared.
    pub columns: Vec<ColumnPair>,
    /// A condition for the source's rows, as after WHERE: only these should have arrived.
    pub filter: Option<String>,
}

/// One way in which the target is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// The target has no table of this name.
    MissingTable(TableName),
    /// The target's table has no column of this name.
    MissingColumn(TableName, String),
    /// The number of rows differs.
    Count {
        /// The table in the source.
        table: TableName,
        /// Rows there.
        source: u64,
        /// Rows in the target.
        target: u64,
    },
    /// As many rows, but not the same.
    Content {
        /// The table in the source.
        table: TableName,
        /// Rows on either side.
        rows: u64,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingTable(table) => write!(f, "{table}: not in the target"),
            Self::MissingColumn(table, column) => write!(f, "{table}.{column}: not in the target"),
            Self::Count {
                table,
                source,
                target,
            } => {
                write!(
                    f,
                    "{table}: {source} rows in the source, {target} in the target"
                )
            }
            Self::Content { table, rows } => write!(f, "{table}: {rows} rows, but not the same"),
        }
    }
}

/// Compares these tables; the answer is empty where they are equal. `digits` (0 to 6) is how many
/// fraction digits of a timestamp the target keeps; a column declared with fewer keeps fewer.
///
/// # Errors
/// Where a server cannot be reached or refuses a query.
pub fn compare(
    source_uri: &str,
    target_uri: &str,
    pairs: &[TablePair],
    digits: u8,
) -> Result<Vec<Difference>, Error> {
    apart(|| {
        let (mut source, mut target) = (session(source_uri)?, session(target_uri)?);
        let verdicts = pairs
            .iter()
            .map(|pair| compare_pair(&mut source, &mut target, pair, digits));
        let verdicts: Vec<Option<Difference>> = verdicts.collect::<Result<_, Error>>()?;
        Ok(verdicts.into_iter().flatten().collect())
    })
}

/// Compares every table of the source, in whatever schema, with the target's table of the same name,
/// and every column with the column of the same name. What else the target holds does not matter.
///
/// # Errors
/// As [`compare`].
pub fn compare_all(source: &str, target: &str, digits: u8) -> Result<Vec<Difference>, Error> {
    let (pairs, mut differences) = pair_all(source, target)?;
    differences.extend(compare(source, target, &pairs, digits)?);
    Ok(differences)
}

/// Pairs every table of the source with the target's by name, and says what is missing. Partitions
/// count with their root; tables that belong to an extension do not count.
///
/// # Errors
/// As [`compare`].
pub fn pair_all(source: &str, target: &str) -> Result<(Vec<TablePair>, Vec<Difference>), Error> {
    let (source, target) = apart(|| Ok::<_, Error>((describe(source)?, describe(target)?)))?;
    let (mut pairs, mut missing) = (Vec::new(), Vec::new());
    for table in source {
        match target.iter().find(|other| other.name == table.name) {
            Some(other) => pairs.push(pair(&table, other, &mut missing)),
            None => missing.push(Difference::MissingTable(table.name)),
        }
    }
    Ok((pairs, missing))
}

/// The rows of the source's side of these pairs, in all.
///
/// # Errors
/// As [`compare`].
pub fn count(source_uri: &str, pairs: &[TablePair]) -> Result<u64, Error> {
    apart(|| {
        let mut source = session(source_uri)?;
        let one = |pair: &TablePair| Ok(digest(&mut source, &count_query(pair))?.rows);
        pairs.iter().map(one).sum()
    })
}

/// Asserts that two databases are equal, and names the differences where they are not.
///
/// # Panics
/// Where they differ, or where that cannot be found out.
#[track_caller]
pub fn assert_equal(source_uri: &str, target_uri: &str, digits: u8) {
    match compare_all(source_uri, target_uri, digits) {
        Ok(differences) if differences.is_empty() => {}
        Ok(differences) => {
            let lines: Vec<String> = differences.iter().map(ToString::to_string).collect();
            panic!("source and target differ:\n  {}", lines.join("\n  "));
        }
        Err(error) => panic!("source and target cannot be compared: {error}"),
    }
}

/// A table as a catalog describes it.
struct Table {
    name: TableName,
    partitioned: bool,
    columns: Vec<Column>,
}

struct Column {
    name: String,
    base_type: String,
    modifier: i32,
}

/// All tables but partitions, with their columns in order; a table without columns has one line.
const DESCRIBE: &str = "
WITH RECURSIVE base (domain, type) AS (
    SELECT oid, oid FROM pg_catalog.pg_type WHERE typtype <> 'd'
    UNION ALL
    SELECT t.oid, b.type FROM pg_catalog.pg_type t JOIN base b ON t.typbasetype = b.domain
    WHERE t.typtype = 'd'
)
SELECT n.nspname, c.relname, c.relkind, a.attname, pg_catalog.format_type(b.type, NULL), a.atttypmod
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN base b ON b.domain = a.atttypid
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                  WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid
                    AND d.deptype = 'e')
ORDER BY n.nspname, c.relname, a.attnum";

fn session(uri: &str) -> Result<Client, Error> {
    let mut client = connect(uri)?;
    client
        .batch_execute(SETTINGS)
        .map_err(Error::sql("settings of a comparison"))?;
    Ok(client)
}

fn describe(uri: &str) -> Result<Vec<Table>, Error> {
    let mut tables: Vec<Table> = Vec::new();
    for line in rows(&mut session(uri)?, DESCRIBE)? {
        let mut line = line.into_iter();
        let mut next = || line.next().flatten();
        let (Some(schema), Some(name), Some(kind)) = (next(), next(), next()) else {
            continue;
        };
        let name = TableName { schema, name };
        if tables.last().is_none_or(|table| table.name != name) {
            tables.push(Table {
                name,
                partitioned: kind == "p",
                columns: Vec::new(),
            });
        }
        if let (Some(name), Some(base_type), Some(modifier)) = (next(), next(), next())
            && let Some(table) = tables.last_mut()
        {
            let modifier = modifier.parse().unwrap_or(-1);
            table.columns.push(Column {
                name,
                base_type,
                modifier,
            });
        }
    }
    Ok(tables)
}

fn pair(source: &Table, target: &Table, missing: &mut Vec<Difference>) -> TablePair {
    let mut columns = Vec::new();
    for column in &source.columns {
        match target
            .columns
            .iter()
            .find(|other| other.name == column.name)
        {
            Some(other) => columns.push(pair_column(column, other)),
            None => {
                missing.push(Difference::MissingColumn(
                    source.name.clone(),
                    column.name.clone(),
                ));
            }
        }
    }
    TablePair {
        source: source.name.clone(),
        target: target.name.clone(),
        partitioned: source.partitioned,
        columns,
        filter: None,
    }
}

fn pair_column(source: &Column, target: &Column) -> ColumnPair {
    // The modifier of a timestamp type is its number of digits; of other types it is other things.
    let declared = u8::try_from(target.modifier)
        .ok()
        .filter(|_| is_moment(&target.base_type));
    ColumnPair {
        source: source.name.clone(),
        target: target.name.clone(),
        source_type: source.base_type.clone(),
        target_type: target.base_type.clone(),
        target_digits: declared,
    }
}

fn compare_pair(
    source: &mut Client,
    target: &mut Client,
    pair: &TablePair,
    digits: u8,
) -> Result<Option<Difference>, Error> {
    let expected = digest(source, &source_query(pair, digits))?;
    let found = digest(target, &target_query(pair))?;
    let table = || pair.source.clone();
    Ok(if expected.rows != found.rows {
        Some(Difference::Count {
            table: table(),
            source: expected.rows,
            target: found.rows,
        })
    } else if expected != found {
        Some(Difference::Content {
            table: table(),
            rows: found.rows,
        })
    } else {
        None
    })
}

/// Count and sums; the sums are decimal numbers that only need to be equal.
#[derive(PartialEq, Eq)]
struct Digest {
    rows: u64,
    sums: [String; 2],
}

fn digest(client: &mut Client, sql: &str) -> Result<Digest, Error> {
    let answer = rows(client, sql)?;
    let mut line = answer.into_iter().flatten();
    let mut next = || line.next().flatten().unwrap_or_default();
    let count = next();
    let rows = count.parse().map_err(|_| Error::Answer {
        question: sql.into(),
    })?;
    Ok(Digest {
        rows,
        sums: [next(), next()],
    })
}

fn count_query(pair: &TablePair) -> String {
    format!("SELECT count(*) FROM {}", source_rows(pair))
}

fn source_query(pair: &TablePair, digits: u8) -> String {
    let values: Vec<String> = pair
        .columns
        .iter()
        .map(|c| source_value(c, digits))
        .collect();
    query(&values, &source_rows(pair))
}

/// The rows of the source's table that should be in the target's, as after FROM.
fn source_rows(pair: &TablePair) -> String {
    let only = if pair.partitioned { "" } else { "ONLY " };
    let filter = pair
        .filter
        .as_ref()
        .map_or(String::new(), |filter| format!(" WHERE {filter}"));
    format!("{only}{}{filter}", pair.source.quoted())
}

fn target_query(pair: &TablePair) -> String {
    let values: Vec<String> = pair.columns.iter().map(target_value).collect();
    query(&values, &pair.target.quoted())
}

/// OFFSET 0 keeps the MD5 from being computed once per half.
fn query(values: &[String], from: &str) -> String {
    let half = |start| {
        format!("coalesce(sum(('x' || substr(h, {start}, 16))::bit(64)::bigint::numeric), 0)")
    };
    format!(
        "SELECT count(*), {}, {} FROM (SELECT md5(ROW({})::text) AS h FROM {from} OFFSET 0) AS rows",
        half(1),
        half(17),
        values.join(", ")
    )
}

/// A value of the source as it should arrive.
fn source_value(column: &ColumnPair, digits: u8) -> String {
    let name = quoted(&column.source);
    let digits = column
        .target_digits
        .map_or(digits, |declared| declared.min(digits));
    if is_moment(&column.source_type) && is_moment(&column.target_type) {
        cut(&name, digits)
    } else if is_moments(&column.source_type) && is_moments(&column.target_type) {
        cut_all(&name, digits)
    } else if column.source_type == "real" && column.target_type == "double precision" {
        // The text arrives, and the wider type may print the same number in another form.
        format!("{name}::text::double precision")
    } else {
        unpadded(name, &column.source_type)
    }
}

/// A value of the target as it is, but for the padding of a `char(n)`, which is no part of its value.
fn target_value(column: &ColumnPair) -> String {
    unpadded(quoted(&column.target), &column.target_type)
}

fn unpadded(name: String, type_name: &str) -> String {
    if type_name == "character" {
        format!("{name}::text")
    } else {
        name
    }
}

fn is_moment(type_name: &str) -> bool {
    matches!(
        type_name,
        "timestamp without time zone" | "timestamp with time zone"
    )
}

fn is_moments(type_name: &str) -> bool {
    type_name.strip_suffix("[]").is_some_and(is_moment)
}

/// A moment cut, not rounded, to fraction digits.
fn cut(name: &str, digits: u8) -> String {
    match digits {
        0 => format!("date_trunc('second', {name})"),
        3 => format!("date_trunc('milliseconds', {name})"),
        1..=5 => {
            let unit = 10_u32.pow(6 - u32::from(digits));
            let rest = format!("extract(microseconds FROM {name})::bigint % {unit}");
            format!(
                "CASE WHEN isfinite({name}) THEN {name} - ({rest}) * interval '1 microsecond' \
                 ELSE {name} END"
            )
        }
        _ => name.to_string(),
    }
}

/// An array of moments, cut as text: taking it apart would lose its bounds. Only fraction digits follow
/// a point there, and PostgreSQL prints neither zeros at their end nor a point without digits.
fn cut_all(name: &str, digits: u8) -> String {
    if digits >= 6 {
        return name.to_string();
    }
    let kept = format!(r"regexp_replace({name}::text, '(\.\d{{{digits}}})\d+', '\1', 'g')");
    let short = format!(r"regexp_replace({kept}, '(\.\d*[1-9])0+(?!\d)', '\1', 'g')");
    format!(r"regexp_replace({short}, '\.0*(?!\d)', '', 'g')")
}
