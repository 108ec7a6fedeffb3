//! Whether what a statement makes is in the target already, looked up in the catalogs that a DB9
//! documents.

use crate::catalog::readable;
use crate::schema::convert::{Makes, Statement};
use crate::sql::literal;
use crate::wire::{self, Connection};

/// Looks up the object, and compares it with the statement where that is possible.
pub(super) async fn is_there(
    connection: &mut Connection,
    statement: &Statement,
) -> wire::Result<bool> {
    let Some(question) = question(statement) else {
        return Ok(false);
    };
    if connection.query(&question).await?.rows.is_empty() {
        return Ok(false);
    }
    if statement.makes != Makes::Table {
        return Ok(true);
    }
    let columns = connection.query(&columns(statement)).await?;
    let names = columns
        .rows
        .iter()
        .filter_map(|row| row.first()?.as_deref());
    Ok(names
        .into_iter()
        .all(|name| names_column(&statement.sql, name)))
}

/// A query that answers a row where the object is there; `None` where nothing tells.
fn question(statement: &Statement) -> Option<String> {
    let (schema, name) = (
        literal(&statement.name.schema),
        literal(&statement.name.name),
    );
    let in_schema = |catalog: &str, prefix: &str| {
        format!(
            "SELECT 1 FROM pg_catalog.{catalog} o JOIN pg_catalog.pg_namespace n \
             ON n.oid = o.{prefix}namespace WHERE n.nspname = {schema} AND o.{prefix}name = {name}"
        )
    };
    Some(match statement.makes {
        Makes::Schema => {
            format!("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = {schema}")
        }
        Makes::Extension => {
            format!("SELECT 1 FROM pg_catalog.pg_extension WHERE extname = {name}")
        }
        Makes::Type => in_schema("pg_type", "typ"),
        Makes::Sequence | Makes::Table | Makes::Index | Makes::View | Makes::MaterializedView => {
            in_schema("pg_class", "rel")
        }
        Makes::EarlyRoutine | Makes::Routine => in_schema("pg_proc", "pro"),
        Makes::Unique | Makes::Check | Makes::ForeignKey => {
            part_of_table(statement, "pg_constraint", "con")?
        }
        Makes::Trigger => part_of_table(statement, "pg_trigger", "tg")?,
        // They may be done as often as one likes, and never exist already.
        Makes::SequenceOwner | Makes::Comment | Makes::Analyze => return None,
    })
}

/// A constraint or trigger: its own name is the last part of the object's.
fn part_of_table(statement: &Statement, catalog: &str, prefix: &str) -> Option<String> {
    let table = &statement.name;
    let of_table = format!("{table}.");
    let at = statement.object.find(&of_table)? + of_table.len();
    let shown = &statement.object[at..];
    let name = match shown.strip_prefix('"') {
        Some(quoted) => quoted.strip_suffix('"')?.replace("\"\"", "\""),
        None => shown.to_owned(),
    };
    // A name with control characters is not shown as it is, but with a backslash.
    (!shown.contains('\\') && readable(&name) == shown).then(|| {
        format!(
            "SELECT 1 FROM pg_catalog.{catalog} o JOIN pg_catalog.pg_class c ON c.oid = o.{prefix}relid \
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname = {} AND c.relname = {} AND o.{prefix}name = {}",
            literal(&table.schema),
            literal(&table.name),
            literal(&name),
        )
    })
}

fn columns(statement: &Statement) -> String {
    format!(
        "SELECT a.attname FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c \
         ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE n.nspname = {} AND c.relname = {} AND a.attnum > 0 AND NOT a.attisdropped",
        literal(&statement.name.schema),
        literal(&statement.name.name),
    )
}

/// Whether the text of CREATE TABLE names a column.
fn names_column(sql: &str, name: &str) -> bool {
    sql.contains(&crate::sql::identifier(name)) || sql.contains(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::database::Name;
    use crate::schema::convert::Section;

    fn statement(makes: Makes, object: &str) -> Statement {
        Statement {
            section: Section::PostData,
            makes,
            object: object.to_owned(),
            name: Name::new("public", "My Orders"),
            sql: String::new(),
            rewritten: Vec::new(),
            needs: Vec::new(),
        }
    }

    #[test]
    fn a_constraint_is_looked_for_by_the_last_part_of_its_name() {
        let object = "foreign key public.\"My Orders\".\"a.\"\"b\"";
        let question = question(&statement(Makes::ForeignKey, object)).expect("a question");
        assert!(
            question.ends_with("c.relname = 'My Orders' AND o.conname = 'a.\"b'"),
            "{question}"
        );
    }

    #[test]
    fn a_name_that_is_not_shown_as_it_is_is_not_guessed_at() {
        let object = "trigger public.\"My Orders\".\"a\\nb\"";
        assert_eq!(question(&statement(Makes::Trigger, object)), None);
    }
}
