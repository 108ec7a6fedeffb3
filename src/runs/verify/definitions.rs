//! What objects are, and not their names alone: the plan's statements against the target's catalog.

use std::fmt::Write as _;

use crate::catalog::database::{Database, RelationKind};
use crate::profile::ServerKind;
use crate::schema::convert::{Conversion, Makes};
use crate::schema::dump;
use crate::schema::likeness::{Likeness, likeness};

use super::super::prepare::Prepared;
use super::Beside;
use super::asking::Asking;

/// What this verification calls all of them.
const ALL: &str = "definitions of tables, constraints, indexes, views and functions";

/// Compares definitions; `source` is the database that the conversion is of.
pub(super) async fn look(
    prepared: &Prepared,
    (conversion, source): (&Conversion, &Database),
    asking: &mut Asking<'_>,
    beside: &mut Beside,
) {
    let wanted = match dump::read_plan(&script(conversion)) {
        Ok(dump) => dump.database,
        Err(error) => return beside.gap(ALL, error.to_string()),
    };
    let there = match asking.database().await {
        Ok(database) => database,
        Err(why) => return beside.gap(ALL, why),
    };
    for unread in &wanted.not_read {
        beside.gap(
            ALL,
            format!("of what was planned one is not read: {unread}"),
        );
    }
    for unread in &there.not_read {
        beside.gap(ALL, format!("the target does not tell all: {unread}"));
    }
    let server = prepared.target.profile.server.as_ref();
    let both_postgres = server.map(|fact| fact.value) == Some(ServerKind::Postgresql);
    for found in likeness(&wanted, &there, both_postgres) {
        match found.likeness {
            Likeness::Same => beside.holds(found.object),
            Likeness::Other(what) => beside.wrong(found.object, what),
            Likeness::Unknown(why) => beside.gap(found.object, why),
        }
    }
    views(&wanted, &there, source, beside);
}

/// What makes objects, as a dump would.
fn script(conversion: &Conversion) -> String {
    let mut script = String::new();
    let makes = |makes| !matches!(makes, Makes::Comment | Makes::Analyze);
    let statements = conversion.statements.iter();
    for statement in statements.filter(|s| makes(s.makes)) {
        let _ = writeln!(script, "{};", statement.sql);
    }
    script
}

/// Compares the columns of views, which no statement names: those of the source's view of the same name.
fn views(wanted: &Database, there: &Database, source: &Database, beside: &mut Beside) {
    let is_view = |kind| matches!(kind, RelationKind::View | RelationKind::MaterializedView);
    for view in wanted.relations.iter().filter(|r| is_view(r.kind)) {
        let of = |database: &Database| -> Option<Vec<String>> {
            let relation = database.relation_named(&view.name)?;
            Some(relation.columns.iter().map(|c| c.name.clone()).collect())
        };
        let object = format!("columns of view {}", view.name);
        match (of(source), of(there)) {
            (Some(ours), Some(theirs)) if ours == theirs => beside.holds(object),
            (Some(_), Some(_)) => beside.wrong(object, "are others than in the source"),
            (None, Some(_)) => beside.gap(object, "the source has none of that name"),
            // What is missing is told by its name.
            (_, None) => {}
        }
    }
}
