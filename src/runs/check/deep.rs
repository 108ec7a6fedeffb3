//! `--deep`: reads the data, and tells what it will lose.

use crate::catalog::database::Database;
use crate::profile::Profile;
use crate::schema::convert::Conversion;
use crate::schema::finding::Finding;

use super::super::error::Error;
use super::source::Transaction;
use super::{Settings, Step};

/// What the questions are made from.
pub(super) struct Asked<'a> {
    pub(super) database: &'a Database,
    pub(super) profile: &'a Profile,
    pub(super) conversion: &'a Conversion,
}

/// What the data has told.
#[derive(Default)]
pub(super) struct Read {
    pub(super) findings: Vec<Finding>,
    pub(super) not_read: Vec<String>,
}

/// Asks all questions, several at a time.
pub(super) async fn read(
    _asked: &Asked<'_>,
    _transaction: &mut Transaction,
    _settings: &Settings,
    _said: &(dyn Fn(Step) + Sync),
) -> Result<Read, Error> {
    Ok(Read::default())
}
