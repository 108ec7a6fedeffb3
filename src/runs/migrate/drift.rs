//! Whether the source's schema is at the end what it was at the beginning.

use std::collections::BTreeMap;

use crate::catalog::database::{Database, RelationKind, RoutineKind};
use crate::schema::convert::{Conversion, convert};

use super::super::check::{self, Assessment};
use super::outcome::Drift;
use super::settings::Settings;

/// Reads the catalog again and compares what would be made of it.
pub(super) async fn drift(settings: &Settings, assessment: &Assessment) -> Drift {
    let database = match check::catalog(&settings.check).await {
        Ok(database) => database,
        Err(error) => return Drift::Unknown(error.to_string()),
    };
    let now = convert(
        &database,
        &assessment.profile,
        &settings.check.mapping,
        settings.check.wishes,
    );
    let before = facts(&assessment.conversion, &assessment.database);
    let changed = changed(&before, &facts(&now, &database));
    match changed.is_empty() {
        true => Drift::None,
        false => Drift::Changed(changed),
    }
}

/// What is known of each object, as text.
type Facts = BTreeMap<String, String>;

/// Objects that are made, changed or dropped between two looks.
fn changed(before: &Facts, now: &Facts) -> Vec<String> {
    let mut changed: Vec<String> = before
        .iter()
        .filter_map(|(object, fact)| match now.get(object) {
            None => Some(format!("{object} was dropped")),
            Some(other) if other != fact => Some(format!("{object} was changed")),
            Some(_) => None,
        })
        .collect();
    let made = now.keys().filter(|object| !before.contains_key(*object));
    changed.extend(made.map(|object| format!("{object} was made")));
    changed
}

/// What would be made of each object, or why it is left out; and the texts of views and routines as the
/// source has them, since one that is left out for the same reason may be another all the same.
fn facts(conversion: &Conversion, database: &Database) -> Facts {
    let mut facts = Facts::new();
    let mut add = |object: &str, fact: &str| {
        facts.entry(object.to_owned()).or_default().push_str(fact);
    };
    for statement in &conversion.statements {
        add(&statement.object, &statement.sql);
    }
    for left in &conversion.left_out {
        add(&left.object, &left.why);
    }
    for relation in &database.relations {
        if let Some(query) = &relation.query {
            let materialized = relation.kind == RelationKind::MaterializedView;
            let kind = if materialized {
                "materialized view"
            } else {
                "view"
            };
            add(&format!("{kind} {}", relation.name), query);
        }
    }
    for routine in database.routines.iter().filter(|r| r.extension.is_none()) {
        let kind = match routine.kind {
            RoutineKind::Procedure => "procedure",
            RoutineKind::Aggregate => "aggregate",
            RoutineKind::Function | RoutineKind::Window => "function",
        };
        let text = routine.definition.as_deref().unwrap_or(&routine.body);
        add(&format!("{kind} {}", routine.signature()), text);
    }
    facts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::database::Name;
    use crate::schema::convert::{Makes, Section, Statement};

    fn conversion(statements: &[(&str, &str)]) -> Conversion {
        let statement = |&(object, sql): &(&str, &str)| Statement {
            section: Section::PreData,
            makes: Makes::Table,
            object: object.to_owned(),
            name: Name::new("public", "t"),
            sql: sql.to_owned(),
            rewritten: Vec::new(),
            needs: Vec::new(),
        };
        Conversion {
            statements: statements.iter().map(statement).collect(),
            ..Conversion::default()
        }
    }

    #[test]
    fn objects_that_came_went_or_changed_are_named() {
        let of = |statements| facts(&conversion(statements), &Database::default());
        let before = of(&[("a", "1"), ("b", "2"), ("c", "3")]);
        assert_eq!(changed(&before, &before), [] as [String; 0]);
        let now = of(&[("c", "33"), ("a", "1"), ("d", "4")]);
        let expected = ["b was dropped", "c was changed", "d was made"];
        assert_eq!(changed(&before, &now), expected);
    }
}
