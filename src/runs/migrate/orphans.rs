//! Rows that stand against a foreign key.

use crate::catalog::database::{Constraint, ConstraintKind, Database, Name};
use crate::catalog::readable;
use crate::engine::apply::Fate;
use crate::schema::convert::{Makes, Statement};
use crate::schema::mapping::Mapping;
use crate::sql::identifier;

use super::asking::{After, ask};
use super::enter::Entered;
use super::outcome::Orphans;

/// Foreign key violation.
const VIOLATION: &str = "23503";

/// Counts the orphans of the foreign keys that the target refuses because of them.
pub(super) async fn count(
    entered: &mut Entered,
    (database, mapping): (&Database, &Mapping),
    statements: &[Statement],
    fates: &[Fate],
) -> Vec<Orphans> {
    let mut found = Vec::new();
    for (statement, fate) in statements.iter().zip(fates) {
        let Fate::Failed(refusal) = fate else {
            continue;
        };
        if statement.makes != Makes::ForeignKey || refusal.code != VIOLATION {
            continue;
        }
        let Some((constraint, question)) = question(statement, database, mapping) else {
            continue;
        };
        found.push(Orphans {
            object: statement.object.clone(),
            table: statement.name.clone(),
            constraint,
            rows: rows(entered, question).await,
        });
    }
    found
}

/// The constraint's name, and the question that counts its orphans.
fn question(
    statement: &Statement,
    database: &Database,
    mapping: &Mapping,
) -> Option<(String, String)> {
    let own = |name: &Name| mapping.name(name) == statement.name;
    let relations = database.relations.iter().filter(|r| own(&r.name));
    let keys = relations.flat_map(|r| &r.constraints);
    let key = keys
        .filter(|c| c.kind == ConstraintKind::Foreign)
        .find(|c| {
            statement
                .object
                .ends_with(&format!(".{}", readable(&c.name)))
        })?;
    let parent = database.relation(key.references?)?;
    let sql = orphans(&statement.name, &mapping.name(&parent.name), key);
    Some((key.name.clone(), sql))
}

fn orphans(child: &Name, parent: &Name, key: &Constraint) -> String {
    let both = key.columns.iter().zip(&key.referenced_columns);
    let same: Vec<String> = both
        .map(|(c, p)| format!("p.{} = c.{}", identifier(p), identifier(c)))
        .collect();
    let given: Vec<String> = key
        .columns
        .iter()
        .map(|c| format!("c.{} IS NOT NULL", identifier(c)))
        .collect();
    format!(
        "count(*)::text, '' FROM {} c WHERE {} AND NOT EXISTS (SELECT 1 FROM {} p WHERE {})",
        child.quoted(),
        given.join(" AND "),
        parent.quoted(),
        same.join(" AND ")
    )
}

async fn rows(entered: &mut Entered, question: String) -> Option<u64> {
    let answers = ask(entered, &[Some(question)], After::Rollback)
        .await
        .ok()?;
    answers.first()?.as_ref()?.first()?.as_deref()?.parse().ok()
}
