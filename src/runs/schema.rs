//! `wire9 schema`: the DDL for the target, from the source's catalog or from a dump.

use crate::schema::script::{Sections, script};

use super::check::{self, Assessment, Watch};
use super::error::Error;

/// The DDL, and what was found while it was made.
#[derive(Debug, Clone)]
pub struct Schema {
    /// The script.
    pub script: String,
    /// What the check has found.
    pub assessment: Assessment,
}

/// Reads the source and converts its schema; nothing is applied.
///
/// # Errors
/// As `check::watched`.
pub async fn schema(
    settings: &check::Settings,
    sections: Sections,
    watch: Watch<'_>,
) -> Result<Schema, Error> {
    Ok(of(check::watched(settings, watch).await?, sections))
}

/// Converts the schema of a dump.
///
/// # Errors
/// A target that can not be reached.
pub async fn of_dump(settings: check::DumpSettings, sections: Sections) -> Result<Schema, Error> {
    Ok(of(check::dump(settings).await?, sections))
}

fn of(assessment: Assessment, sections: Sections) -> Schema {
    let script = script(&assessment.conversion, &assessment.database, sections);
    Schema { script, assessment }
}
