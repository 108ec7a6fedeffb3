//! What is in schema wire9 before anything is written there: nothing, the ledger, or something of
//! somebody else, to which nothing is added.

use std::collections::BTreeMap;

use crate::catalog::readable;
use crate::sql::{identifier, literal};
use crate::wire;

use super::SCHEMA;
use super::error::{Error, Result};
use super::run::TABLES;
use super::store::Ledger;

/// What is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// No schema of that name.
    Nothing,
    /// The schema, and not all of the ledger's tables.
    Schema,
    /// All of the ledger's tables.
    Complete,
}

/// Relations by name, with their columns.
type Relations = BTreeMap<String, Vec<String>>;

impl Ledger {
    /// Looks at what is there, and whether the user may work with it.
    ///
    /// # Errors
    /// `Foreign`, `NoRight`, the target's loss.
    pub(super) async fn standing(&mut self) -> Result<Standing> {
        let sql = format!(
            "SELECT c.relname, a.attname FROM pg_catalog.pg_namespace n \
             LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid \
             AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') \
             LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid \
             AND a.attnum > 0 AND NOT a.attisdropped WHERE n.nspname = '{SCHEMA}'"
        );
        let reply = self.read("looking for its tables", &sql).await?;
        if reply.rows.is_empty() {
            return Ok(Standing::Nothing);
        }
        let mut found = Relations::new();
        for row in reply.rows {
            let mut row = row.into_iter();
            if let Some(Some(relation)) = row.next() {
                found.entry(relation).or_default().extend(row.flatten());
            }
        }
        let own = own_tables(&found)?;
        self.check_rights(&own).await?;
        Ok(match own.len() == TABLES.len() {
            true => Standing::Complete,
            false => Standing::Schema,
        })
    }

    /// The rights that a run needs on what is there. A server that does not tell them shall judge.
    async fn check_rights(&mut self, own: &[&str]) -> Result<()> {
        let mut on_schema = vec!["USAGE"];
        if own.len() < TABLES.len() {
            on_schema.push("CREATE");
        }
        let asked = on_schema.iter().map(|right| schema_right(right));
        if let Some((lacks, user)) = self.lacking(asked.collect()).await? {
            let lacking = on_schema.iter().zip(lacks).find(|(_, lacks)| *lacks);
            if let Some((right, _)) = lacking {
                return Err(no_right(format!("{right} ON SCHEMA {SCHEMA}"), &user));
            }
        }
        let asked = own.iter().flat_map(|name| table_rights(name));
        let Some((lacks, user)) = self.lacking(asked.collect()).await? else {
            return Ok(());
        };
        for (name, lacks) in own.iter().zip(lacks.chunks(RIGHTS.len())) {
            let lacking = RIGHTS.iter().zip(lacks).filter(|(_, lacks)| **lacks);
            let lacking: Vec<&str> = lacking.map(|(right, _)| *right).collect();
            if !lacking.is_empty() {
                let right = format!("{} ON {SCHEMA}.{name}", lacking.join(", "));
                return Err(no_right(right, &user));
            }
        }
        Ok(())
    }

    /// Which of the rights asked for the user lacks, and his name, quoted; `None` where the server does
    /// not tell.
    async fn lacking(&mut self, mut asked: Vec<String>) -> Result<Option<(Vec<bool>, String)>> {
        let rights = asked.len();
        asked.push("current_user".to_owned());
        let sql = format!("SELECT {}", asked.join(", "));
        match self.read("asking for the rights on it", &sql).await {
            Ok(reply) => {
                let lacks = (0..rights).map(|column| reply.value(column) == Some("f"));
                let user = identifier(reply.value(rights).unwrap_or_default());
                Ok(Some((lacks.collect(), user)))
            }
            Err(Error::Wire {
                source: wire::Error::Server(_),
                ..
            }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Says what to grant, where the schema can not be created for want of a right.
    pub(super) async fn not_created(&mut self, error: Error) -> Error {
        let source = match error {
            Error::Wire { source, .. } if source.code() == Some("42501") => source,
            error => return error,
        };
        let asked = "SELECT current_user, current_database()";
        let grant = match self.read("asking who the user is", asked).await {
            Ok(reply) => {
                let name = |column| identifier(reply.value(column).unwrap_or_default());
                let (user, database) = (name(0), name(1));
                format!("GRANT CREATE ON DATABASE {database} TO {user}")
            }
            Err(_) => "GRANT CREATE ON DATABASE to the target's user".to_owned(),
        };
        Error::NoRight {
            right: "CREATE on the database".to_owned(),
            grant,
            source: Some(source),
        }
    }
}

/// What a run does with the ledger's tables.
const RIGHTS: [&str; 4] = ["SELECT", "INSERT", "UPDATE", "DELETE"];

fn no_right(right: String, user: &str) -> Error {
    Error::NoRight {
        grant: format!("GRANT {right} TO {user}"),
        right,
        source: None,
    }
}

fn schema_right(right: &str) -> String {
    format!("pg_catalog.has_schema_privilege('{SCHEMA}', '{right}')")
}

fn table_rights(table: &str) -> [String; 4] {
    let table = literal(&format!("{SCHEMA}.{table}"));
    RIGHTS.map(|right| format!("pg_catalog.has_table_privilege({table}, '{right}')"))
}

/// The names of the ledger's tables among those that are there.
///
/// # Errors
/// `Foreign` where one of that name has other columns, or where others are there alone.
fn own_tables(found: &Relations) -> Result<Vec<&'static str>> {
    let foreign = |what: String| Err(Error::Foreign { what });
    let mut own = Vec::new();
    for (name, columns) in TABLES.iter().map(|ddl| described(ddl)) {
        let Some(there) = found.get(name) else {
            continue;
        };
        let lacking = columns.iter().find(|c| !there.iter().any(|t| t == *c));
        if let Some(column) = lacking {
            return foreign(format!("{SCHEMA}.{name} has no column {column}"));
        }
        own.push(name);
    }
    match found.keys().next() {
        Some(other) if own.is_empty() => foreign(format!(
            "it holds {SCHEMA}.{} and no ledger",
            readable(other)
        )),
        _ => Ok(own),
    }
}

/// The name of a table, from the statement that creates it.
pub(super) fn name_of(ddl: &str) -> Option<&str> {
    Some(described(ddl).0).filter(|name| !name.is_empty())
}

/// Name and columns of a table, as the statement that creates it has them.
fn described(ddl: &str) -> (&str, Vec<&str>) {
    let (_, rest) = ddl.split_once("wire9.").unwrap_or_default();
    let (name, columns) = rest.split_once(" (").unwrap_or_default();
    let names = columns.split(", ").filter_map(|c| c.split(' ').next());
    (name, names.take_while(|word| *word != "PRIMARY").collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relations(names: &[(&str, &[&str])]) -> Relations {
        let owned = |columns: &[&str]| columns.iter().map(|c| (*c).to_owned()).collect();
        let entries = names.iter().map(|(n, c)| ((*n).to_owned(), owned(c)));
        entries.collect()
    }

    #[test]
    fn the_columns_of_a_table_are_those_of_its_statement() {
        let lane = TABLES.iter().map(|ddl| described(ddl));
        let lane = lane.into_iter().find(|(name, _)| *name == "lane");
        assert_eq!(
            lane,
            Some(("lane", vec!["run", "lane", "token", "batches"]))
        );
        assert!(TABLES.iter().all(|ddl| described(ddl).1.contains(&"run")));
    }

    #[test]
    fn a_table_of_the_same_name_with_other_columns_is_somebody_elses() {
        let found = relations(&[("batch", &["run", "mine"])]);
        let refused = own_tables(&found).expect_err("foreign").to_string();
        assert!(
            refused.contains("wire9.batch has no column pair"),
            "{refused}"
        );
    }

    #[test]
    fn a_schema_with_nothing_but_others_is_somebody_elses() {
        let refused = own_tables(&relations(&[("orders", &["id"])])).expect_err("foreign");
        assert!(refused.to_string().contains("orders"), "{refused}");
        let lane = ("lane", &["run", "lane", "token", "batches"][..]);
        let mixed = own_tables(&relations(&[("orders", &["id"]), lane]));
        assert_eq!(mixed.expect("its own"), ["lane"], "half of it was created");
        assert_eq!(own_tables(&relations(&[])).expect("empty"), [""; 0]);
    }
}
