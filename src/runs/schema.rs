//! `wire9 schema`: the DDL for the target, from the source's catalog.

use crate::schema::script::{Sections, script};

use super::check::{self, Assessment};
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
/// As `check`.
pub async fn schema(settings: &check::Settings, sections: Sections) -> Result<Schema, Error> {
    let assessment = check::check(settings).await?;
    let script = script(&assessment.conversion, &assessment.database, sections);
    Ok(Schema { script, assessment })
}
