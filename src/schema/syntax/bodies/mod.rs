//! Findings about the texts of a database: bodies of routines, queries of views, expressions of tables
//! and indexes.
//!
//! - [`known`] is what is looked up: the source's routines and relations, the target's profile;
//! - [`sql`] looks through parse trees;
//! - [`routine`] looks through routines, and says which of them the target would refuse;
//! - [`expressions`] finds the texts outside of routines.

mod kinds;
mod routine;

#[cfg(feature = "parser")]
mod expressions;
#[cfg(feature = "parser")]
mod known;
#[cfg(feature = "parser")]
mod sql;

use crate::catalog::database::{Database, Routine};
use crate::profile::Profile;
use crate::schema::finding::Finding;

pub(in crate::schema) use kinds::KINDS;

/// Why a target would refuse a routine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What it does not have: `WHILE`, `the language plperl`.
    pub what: String,
    /// The lines of the body on which it stands, from 1; empty where it is about the whole routine.
    pub lines: Vec<u64>,
}

/// What of a routine its target would refuse, so that it can not be made there; empty where nothing is
/// known that stands against it.
pub fn refused_features(routine: &Routine, profile: &Profile) -> Vec<Refused> {
    routine::refused(routine, profile)
}

/// All findings about texts, in the order of the database.
#[cfg(feature = "parser")]
pub(super) fn findings(database: &Database, profile: &Profile) -> Vec<Finding> {
    let known = known::Known::new(database, profile);
    let mut findings = Vec::new();
    for routine in own(database) {
        routine::look(routine, &known, &mut findings);
    }
    expressions::look(&known, &mut findings);
    findings
}

/// Without the parser nothing is read, and every text that would be is named.
#[cfg(not(feature = "parser"))]
pub(super) fn findings(database: &Database, profile: &Profile) -> Vec<Finding> {
    const WHY: &str = "this wire9 is built without PostgreSQL's parser";
    let mut findings = Vec::new();
    for routine in own(database) {
        let other = routine::not_read(routine, profile);
        let why = other.or_else(|| routine::has_text(routine, profile).then(|| WHY.to_owned()));
        if let Some(why) = why {
            let object = routine::readable(routine);
            findings.push(Finding::new(&kinds::NOT_CHECKED, object).detail(why));
        }
    }
    for view in database.relations.iter().filter(|r| r.query.is_some()) {
        let object = format!("view {}", view.name);
        findings.push(Finding::new(&kinds::NOT_CHECKED, object).detail(WHY));
    }
    findings
}

/// Routines that users made.
fn own(database: &Database) -> impl Iterator<Item = &Routine> {
    database.routines.iter().filter(|r| r.extension.is_none())
}

#[cfg(test)]
mod tests;
