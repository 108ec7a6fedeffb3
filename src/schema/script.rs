//! A conversion as a script for people and psql: statements in sections, in their order, each preceded
//! by what was rewritten; what was left out is listed at the end.

use std::collections::HashMap;
use std::fmt::Write as _;

use crate::catalog::database::{ColumnName, Database, Name, Position};
use crate::sql::{identifier, literal};

use super::convert::{Conversion, MappedSequence, Section, Statement};

/// The parts of a schema that are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sections {
    /// What comes before the rows.
    pub pre_data: bool,
    /// What comes after the rows, positions of sequences among it.
    pub post_data: bool,
}

impl Sections {
    /// Both.
    pub const ALL: Self = Self {
        pre_data: true,
        post_data: true,
    };

    /// Whether a section is wanted.
    pub fn wants(self, section: Section) -> bool {
        match section {
            Section::PreData => self.pre_data,
            Section::PostData => self.post_data,
        }
    }
}

/// The script. Positions of sequences are those of the database, as it was read.
pub fn script(conversion: &Conversion, database: &Database, sections: Sections) -> String {
    let mut text = String::new();
    for (section, title) in [
        (Section::PreData, "pre-data: before the rows"),
        (Section::PostData, "post-data: after the rows"),
    ] {
        if sections.wants(section) {
            heading(&mut text, title);
            let all = conversion.statements.iter();
            all.filter(|s| s.section == section)
                .for_each(|s| statement(&mut text, s));
        }
    }
    if sections.post_data && !conversion.sequences.is_empty() {
        heading(
            &mut text,
            "positions of sequences, as of now: after the rows",
        );
        text.push_str(&setvals(conversion, database));
    }
    if !conversion.left_out.is_empty() {
        heading(&mut text, "left out");
        for left in &conversion.left_out {
            comment(&mut text, &format!("{}: {}", left.object, left.why));
        }
    }
    text
}

/// `SELECT pg_catalog.setval(…)`: gives a sequence a position.
pub fn setval(sequence: &MappedSequence, position: Position) -> String {
    format!(
        "SELECT pg_catalog.setval({}, {}, {})",
        named(sequence),
        position.last_value,
        position.is_called
    )
}

/// SQL text that names a sequence of the target, as `setval` takes it.
fn named(sequence: &MappedSequence) -> String {
    match &sequence.identity {
        Some(column) => serial(column),
        None => literal(&sequence.target.quoted()),
    }
}

/// The sequence of an identity column, by what the target says of it.
pub fn serial(column: &ColumnName) -> String {
    format!(
        "pg_catalog.pg_get_serial_sequence({}, {})",
        literal(&column.table.quoted()),
        literal(&column.column)
    )
}

fn setvals(conversion: &Conversion, database: &Database) -> String {
    let known: HashMap<&Name, Option<Position>> = database
        .sequences
        .iter()
        .map(|s| (&s.name, s.position))
        .collect();
    let mut text = String::new();
    for sequence in &conversion.sequences {
        match known.get(&sequence.source).copied().flatten() {
            Some(position) => {
                let _ = writeln!(text, "{};", setval(sequence, position));
            }
            None => {
                let name = &sequence.source;
                comment(
                    &mut text,
                    &format!("sequence {name}: its position is not known"),
                );
            }
        }
    }
    text
}

fn heading(text: &mut String, title: &str) {
    if !text.is_empty() {
        text.push('\n');
    }
    let _ = writeln!(text, "--\n-- {title}\n--");
}

fn statement(text: &mut String, statement: &Statement) {
    text.push('\n');
    for rewritten in &statement.rewritten {
        comment(text, rewritten);
    }
    text.push_str(&statement.sql);
    // A comment at the end would swallow the semicolon.
    let last = statement.sql.rsplit('\n').next().unwrap_or_default();
    text.push_str(if last.contains("--") { "\n;\n" } else { ";\n" });
}

/// A line that no name can break out of.
fn comment(text: &mut String, words: &str) {
    text.push_str("-- ");
    for c in words.chars() {
        match c {
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') => {
                text.extend(c.escape_default());
            }
            c => text.push(c),
        }
    }
    text.push('\n');
}

/// The table of a column and its name, quoted: what a query about the column needs.
pub fn quoted_column(column: &ColumnName) -> (String, String) {
    (column.table.quoted(), identifier(&column.column))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::database::Sequence;
    use crate::schema::convert::{LeftOut, Makes};

    fn statement(section: Section, sql: &str, rewritten: &[&str]) -> Statement {
        Statement {
            section,
            makes: Makes::Table,
            object: sql.to_owned(),
            name: Name::new("public", "t"),
            sql: sql.to_owned(),
            rewritten: rewritten.iter().map(|&r| r.to_owned()).collect(),
            needs: Vec::new(),
        }
    }

    fn sequence(name: &str, position: Option<Position>) -> (MappedSequence, Sequence) {
        let name = Name::new("public", name);
        let mapped = MappedSequence {
            source: name.clone(),
            target: Name::new("app", name.name.clone()),
            increment: 1,
            identity: None,
            users: Vec::new(),
        };
        let sequence = Sequence {
            oid: 1,
            name,
            data_type: "bigint".to_owned(),
            start: 1,
            increment: 1,
            minimum: 1,
            maximum: i64::MAX,
            cache: 1,
            cycles: false,
            position,
            owner: None,
            identity: false,
            unlogged: false,
            extension: None,
            comment: None,
        };
        (mapped, sequence)
    }

    fn sample() -> (Conversion, Database) {
        let position = Position {
            last_value: 7,
            is_called: true,
        };
        let (mut mapped, known) = sequence("it's", Some(position));
        let (unknown, not_read) = sequence("u", None);
        mapped.identity = None;
        let conversion = Conversion {
            statements: vec![
                statement(
                    Section::PreData,
                    "CREATE TABLE public.t (a text)",
                    &["money becomes\nDROP TABLE x"],
                ),
                statement(
                    Section::PostData,
                    "CREATE VIEW public.v AS SELECT 1 -- one",
                    &[],
                ),
            ],
            left_out: vec![LeftOut {
                object: "rule public.t.\"a\nb\"".to_owned(),
                why: "no rules".to_owned(),
            }],
            sequences: vec![mapped, unknown],
            ..Conversion::default()
        };
        let database = Database {
            sequences: vec![known, not_read],
            ..Database::default()
        };
        (conversion, database)
    }

    #[test]
    fn a_script_reads_like_this() {
        let (conversion, database) = sample();
        let expected = "\
--
-- pre-data: before the rows
--

-- money becomes\\nDROP TABLE x
CREATE TABLE public.t (a text);

--
-- post-data: after the rows
--

CREATE VIEW public.v AS SELECT 1 -- one
;

--
-- positions of sequences, as of now: after the rows
--
SELECT pg_catalog.setval('\"app\".\"it''s\"', 7, true);
-- sequence public.u: its position is not known

--
-- left out
--
-- rule public.t.\"a\\nb\": no rules
";
        assert_eq!(script(&conversion, &database, Sections::ALL), expected);
    }

    #[test]
    fn one_section_is_only_that() {
        let (conversion, database) = sample();
        let pre_data = Sections {
            pre_data: true,
            post_data: false,
        };
        let text = script(&conversion, &database, pre_data);
        assert!(text.contains("CREATE TABLE") && text.contains("left out"));
        assert!(!text.contains("CREATE VIEW") && !text.contains("setval"));
    }

    #[test]
    fn the_sequence_of_an_identity_column_is_asked_of_the_target() {
        let (mut mapped, _) = sequence("s", None);
        mapped.identity = Some(ColumnName {
            table: Name::new("public", "t"),
            column: "Id".to_owned(),
        });
        let position = Position {
            last_value: 1,
            is_called: false,
        };
        assert_eq!(
            setval(&mapped, position),
            "SELECT pg_catalog.setval(pg_catalog.pg_get_serial_sequence('\"public\".\"t\"', 'Id'), 1, false)"
        );
    }
}
