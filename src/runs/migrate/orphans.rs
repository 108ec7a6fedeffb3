//! Rows that stand against a foreign key.

use std::collections::BTreeSet;

use crate::engine::apply::Fate;
use crate::schema::convert;

use super::super::check::Assessment;
use super::asking::{After, ask};
use super::enter::Entered;
use super::outcome::Orphans;

/// Foreign key violation.
const VIOLATION: &str = "23503";

/// Counts the orphans of the foreign keys that the target refuses because of them.
pub(super) async fn count(
    entered: &mut Entered,
    assessment: &Assessment,
    fates: &[Fate],
) -> Vec<Orphans> {
    let conversion = &assessment.conversion;
    let refused: BTreeSet<&str> = conversion
        .statements
        .iter()
        .zip(fates)
        .filter(|(_, fate)| matches!(fate, Fate::Failed(refusal) if refusal.code == VIOLATION))
        .map(|(statement, _)| statement.object.as_str())
        .collect();
    if refused.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for key in convert::orphans(&assessment.database, conversion) {
        if refused.contains(key.object.as_str()) {
            found.push(Orphans {
                rows: rows(entered, &key.sql).await,
                object: key.object,
                table: key.table,
                constraint: key.constraint,
            });
        }
    }
    found
}

async fn rows(entered: &mut Entered, sql: &str) -> Option<u64> {
    let question = format!("({sql})::text, ''");
    let answers = ask(entered, &[Some(question)], After::Rollback)
        .await
        .ok()?;
    answers.first()?.as_ref()?.first()?.as_deref()?.parse().ok()
}
