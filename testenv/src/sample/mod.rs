//! Sample databases, the same rows every time, and for each the tables that must exist in a DB9 before
//! its rows can be loaded.
//!
//! A filling function takes a [`Database`]; a `…_target` function gives the statements, one by one, so
//! that any client can run them against any server.

use crate::{Database, Error};

/// Statements sent together: as many as the locks of one transaction allow by far.
const STATEMENTS_AT_ONCE: usize = 500;

/// The size of the one row of the table `huge`: below the 32 MB that a DB9 takes as one line.
const HUGE_ROW: usize = 30 << 20;

/// Fills a database with a shop: customers, orders, their items, products, events, documents, sensor
/// readings. Factor 1 is about 400,000 rows.
///
/// # Errors
/// What the server says.
pub fn shop(database: &Database, factor: f64) -> Result<(), Error> {
    let mut sql = include_str!("shop.sql").to_string();
    for (placeholder, rows_at_one) in [
        ("{customers}", 20_000),
        ("{products}", 2_000),
        ("{orders}", 50_000),
        ("{events}", 80_000),
        ("{documents}", 3_000),
        ("{readings}", 150_000),
    ] {
        sql = sql.replace(placeholder, &scaled(rows_at_one, factor).to_string());
    }
    database.execute(&sql)
}

/// The tables of [`shop`] for a DB9.
#[must_use]
pub fn shop_target() -> Vec<String> {
    statements(include_str!("shop_target.sql"))
}

/// The costly parts of [`everything`], which a test may leave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Everything {
    /// Whether the table `huge` holds its row of 30 MB; otherwise it is empty.
    pub huge_row: bool,
    /// How many tables of three rows the schema `tiny` has.
    pub tiny_tables: u32,
}

impl Everything {
    /// Both in full: the 30 MB row and 1,000 tiny tables.
    pub const FULL: Self = Self {
        huge_row: true,
        tiny_tables: 1_000,
    };
    /// No huge row, and ten tiny tables: fast.
    pub const QUICK: Self = Self {
        huge_row: false,
        tiny_tables: 10,
    };
}

/// Fills a database with every type, escape, name and kind of table that has ever made trouble.
///
/// # Errors
/// What the server says.
pub fn everything(database: &Database, size: Everything) -> Result<(), Error> {
    database.execute(include_str!("everything.sql"))?;
    if database.cluster().version() >= 14 {
        database.execute("INSERT INTO numbers VALUES (50, 'Infinity'), (51, '-Infinity')")?;
    }
    if size.huge_row {
        let times = HUGE_ROW / 32;
        database.execute(&format!(
            "INSERT INTO huge VALUES (1, repeat(md5('huge'), {times}))"
        ))?;
    }
    let filled = |number| {
        let rows = "VALUES (1, 'a'), (2, NULL), (3, '')";
        format!("{}; INSERT INTO tiny.t{number} {rows}", tiny_table(number))
    };
    let tables: Vec<String> = (1..=size.tiny_tables).map(filled).collect();
    execute_all(database, &tables)
}

/// The tables of [`everything`] for a DB9.
#[must_use]
pub fn everything_target(size: Everything) -> Vec<String> {
    let mut all = statements(include_str!("everything_target.sql"));
    all.extend((1..=size.tiny_tables).map(tiny_table));
    all
}

/// Fills a database with one case of everything that does not survive a move into a DB9, or not as it is:
/// what a check must find.
///
/// # Errors
/// What the server says.
pub fn planted(database: &Database) -> Result<(), Error> {
    database.execute(include_str!("planted.sql"))?;
    if database.cluster().version() >= 15 {
        // A body of statements is there since PostgreSQL 14, NULLS NOT DISTINCT since 15.
        database.execute(
            "CREATE FUNCTION planted.sql_body() RETURNS integer LANGUAGE sql BEGIN ATOMIC SELECT 1; END; \
             CREATE UNIQUE INDEX nulls_not_distinct ON planted.no_key (b) NULLS NOT DISTINCT",
        )?;
    }
    Ok(())
}

/// Fills a database with Chinook, a small music shop known from many tutorials: eleven tables, foreign
/// keys between them and from one to itself.
///
/// # Errors
/// What the server says.
pub fn chinook(database: &Database) -> Result<(), Error> {
    let script = include_str!("../../data/chinook.sql");
    // Its first part makes a database and connects to it.
    let (_, tables) = script.split_once("\\c chinook;").unwrap_or(("", script));
    database.execute(tables)
}

/// The tables of [`chinook`] for a DB9.
#[must_use]
pub fn chinook_target() -> Vec<String> {
    statements(include_str!("chinook_target.sql"))
}

/// Fills a database with the reference load for speed: `events` rows of about 200 bytes with two
/// timestamps, and `docs` rows of about 1,600 bytes. The full load is 3,000,000 and 200,000.
///
/// # Errors
/// What the server says.
pub fn bench(database: &Database, events: u64, docs: u64) -> Result<(), Error> {
    let script = include_str!("../../data/bench.sql")
        .replace(":events", &events.to_string())
        .replace(":docs", &docs.to_string());
    // VACUUM refuses to share a transaction; `\set` is for psql alone.
    statements(&script)
        .iter()
        .try_for_each(|statement| database.execute(statement))
}

/// The tables of [`bench()`] for a DB9 or any other PostgreSQL.
#[must_use]
pub fn bench_target() -> Vec<String> {
    let script = statements(include_str!("../../data/bench.sql"));
    script
        .into_iter()
        .filter(|statement| statement.starts_with("CREATE TABLE"))
        .collect()
}

/// Makes the tables of a sample's target in a plain database.
///
/// # Errors
/// What the server says.
pub fn execute_all(database: &Database, statements: &[String]) -> Result<(), Error> {
    let mut batches = statements.chunks(STATEMENTS_AT_ONCE);
    batches.try_for_each(|batch| database.execute(&batch.join(";\n")))
}

fn tiny_table(number: u32) -> String {
    format!("CREATE TABLE tiny.t{number} (id integer PRIMARY KEY, body text)")
}

fn scaled(rows: u32, factor: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count of rows"
    )]
    let scaled = (f64::from(rows) * factor).round() as u32;
    scaled.max(10)
}

/// Cuts a script at semicolons that end a line, and leaves out comments and commands of psql.
fn statements(script: &str) -> Vec<String> {
    let is_sql = |line: &&str| !line.starts_with("--") && !line.starts_with('\\');
    let lines: Vec<&str> = script.lines().filter(is_sql).collect();
    let statements = lines.join("\n");
    let trimmed = statements
        .split(";\n")
        .map(|one| one.trim().trim_end_matches(';'));
    trimmed
        .filter(|one| !one.is_empty())
        .map(str::to_string)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_cut_into_its_statements() {
        let script =
            "-- why\n\\set x\nCREATE TABLE a (\n  b int -- c\n);\nSELECT ';';\nSELECT 2;\n";
        let expected = [
            "CREATE TABLE a (\n  b int -- c\n)",
            "SELECT ';'",
            "SELECT 2",
        ];
        assert_eq!(statements(script), expected);
    }

    #[test]
    fn the_reference_load_has_two_tables() {
        assert_eq!(bench_target().len(), 2);
    }
}
