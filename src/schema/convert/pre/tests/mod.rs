//! Conversions of databases made by hand.

mod golden;
mod objects;
mod samples;
mod types;

use crate::catalog::database::Database;
use crate::profile::{Fact, Profile, TypeAnswer};
use crate::schema::convert::build::Build;
use crate::schema::convert::{Conversion, Statement, Wishes};
use crate::schema::mapping::Mapping;

/// The pre-data part alone.
fn converted(database: &Database, profile: &Profile) -> Conversion {
    mapped(database, profile, &Mapping::default(), Wishes::default())
}

fn mapped(database: &Database, profile: &Profile, mapping: &Mapping, wishes: Wishes) -> Conversion {
    let mut build = Build::new(database, profile, mapping, wishes);
    super::build(&mut build);
    let conversion = build.finish();
    sound(&conversion);
    conversion
}

/// What holds for every conversion.
fn sound(conversion: &Conversion) {
    let mut objects = std::collections::HashSet::new();
    for (index, statement) in conversion.statements.iter().enumerate() {
        assert!(
            objects.insert(&statement.object),
            "{} twice",
            statement.object
        );
        assert!(
            statement.needs.iter().all(|&need| need < index),
            "{statement:?}"
        );
        parses(statement);
    }
    for finding in &conversion.findings {
        assert!(super::KINDS.contains(&finding.kind), "{}", finding.kind.id);
        assert!(!finding.detail.contains('\n'), "{finding:?}");
    }
}

#[cfg(feature = "parser")]
fn parses(statement: &Statement) {
    let parsed = pg_query::parse(&statement.sql, 0);
    let parsed = parsed.unwrap_or_else(|error| panic!("{error}: {}", statement.sql));
    assert_eq!(parsed.protobuf.stmts.len(), 1, "{}", statement.sql);
}

#[cfg(not(feature = "parser"))]
fn parses(_statement: &Statement) {}

fn db9() -> Profile {
    Profile::db9_documented()
}

fn yes() -> Option<Fact<bool>> {
    Some(Fact::probed(true))
}

fn no() -> Option<Fact<bool>> {
    Some(Fact::probed(false))
}

/// DB9 with other answers about types.
fn answering(answers: &[(&str, TypeAnswer)]) -> Profile {
    let mut profile = db9();
    let answers = answers
        .iter()
        .map(|(name, answer)| ((*name).to_owned(), answer.clone()));
    profile.types = Some(Fact::probed(answers.collect()));
    profile
}

/// The statement that makes an object.
fn sql_of<'c>(conversion: &'c Conversion, object: &str) -> &'c str {
    let mut statements = conversion.statements.iter();
    let statement = statements.find(|statement| statement.object == object);
    let known = || {
        let objects = conversion.statements.iter().map(|s| s.object.as_str());
        objects.collect::<Vec<_>>().join(", ")
    };
    &statement
        .unwrap_or_else(|| panic!("no {object} among {}", known()))
        .sql
}

/// The ids found at an object, in order.
fn ids(conversion: &Conversion, object: &str) -> Vec<&'static str> {
    let findings = conversion.findings.iter();
    let mut ids: Vec<_> = findings
        .filter(|finding| finding.object == object)
        .map(|finding| finding.kind.id)
        .collect();
    ids.sort_unstable();
    ids
}
