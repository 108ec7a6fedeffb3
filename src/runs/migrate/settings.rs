//! What a migration is asked to do, as meant.

use std::time::Duration;

use super::super::{check, copy};
use crate::catalog::database::Database;
use crate::schema::convert::{Makes, Section, Statement};

/// Everything that a migration needs to know.
#[derive(Clone)]
pub struct Settings {
    /// How the source is looked at and its schema converted.
    pub check: check::Settings,
    /// How the rows are copied; which tables goes without saying.
    pub copy: copy::Settings,
    /// What is to be done.
    pub parts: Parts,
    /// Leave secondary indexes out.
    pub skip_indexes: bool,
    /// Leave foreign keys out.
    pub skip_foreign_keys: bool,
    /// A statement of the schema that takes longer ends the run; `None`: it may take hours.
    pub statement_limit: Option<Duration>,
    /// What a dump makes, which is applied in the place of a source's schema: no source is connected to.
    pub dump: Option<Dump>,
}

/// A dump instead of a source.
#[derive(Debug, Clone)]
pub struct Dump {
    /// The file, by which the same command continues.
    pub file: String,
    /// What it makes.
    pub database: Database,
}

/// Parts of a migration, as pg_dump has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    /// What comes before the rows.
    pub pre_data: bool,
    /// The rows, and the positions of sequences.
    pub data: bool,
    /// What comes after the rows.
    pub post_data: bool,
}

impl Parts {
    /// Everything.
    pub const ALL: Self = Self {
        pre_data: true,
        data: true,
        post_data: true,
    };

    /// Nothing.
    pub const NONE: Self = Self {
        pre_data: false,
        data: false,
        post_data: false,
    };
}

impl Settings {
    /// How the dump is to be seen.
    pub(super) fn of_dump(&self, dump: &Dump) -> check::DumpSettings {
        let check = &self.check;
        check::DumpSettings {
            database: dump.database.clone(),
            target: check.target.clone(),
            profile: check.profile.clone(),
            mapping: check.mapping.clone(),
            wishes: check.wishes,
            accepted: check.accepted.clone(),
            io_timeout: check.io_timeout,
        }
    }

    /// Where the schema comes from, for people.
    pub(super) fn source(&self) -> String {
        match &self.dump {
            Some(dump) => format!("dump {}", dump.file),
            None => self.check.source.to_string(),
        }
    }

    /// Whether a statement is to be applied at all.
    pub(super) fn wants(&self, statement: &Statement) -> bool {
        let section = match statement.section {
            Section::PreData => self.parts.pre_data,
            Section::PostData => self.parts.post_data,
        };
        let skipped = match statement.makes {
            Makes::Index => self.skip_indexes,
            Makes::ForeignKey => self.skip_foreign_keys,
            _ => false,
        };
        section && !skipped
    }
}
