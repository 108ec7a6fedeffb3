//! Whether the source's schema is at the end what it was at the beginning.

use std::collections::BTreeMap;

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
    let changed = changed(&assessment.conversion, &now);
    match changed.is_empty() {
        true => Drift::None,
        false => Drift::Changed(changed),
    }
}

/// Objects that are made, changed or dropped between two conversions.
fn changed(before: &Conversion, now: &Conversion) -> Vec<String> {
    let (before, now) = (facts(before), facts(now));
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

/// What is known of each object, as text.
fn facts(conversion: &Conversion) -> BTreeMap<&str, &str> {
    let made = conversion.statements.iter();
    let left = conversion.left_out.iter();
    made.map(|s| (s.object.as_str(), s.sql.as_str()))
        .chain(left.map(|l| (l.object.as_str(), l.why.as_str())))
        .collect()
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
        let before = conversion(&[("a", "1"), ("b", "2"), ("c", "3")]);
        assert_eq!(changed(&before, &before), [] as [String; 0]);
        let now = conversion(&[("c", "33"), ("a", "1"), ("d", "4")]);
        let expected = ["b was dropped", "c was changed", "d was made"];
        assert_eq!(changed(&before, &now), expected);
    }
}
