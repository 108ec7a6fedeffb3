//! Without PostgreSQL's parser nothing that a text does with a type is certain, and nothing is said of it.

use std::convert::Infallible;

use crate::catalog::database::{Relation, Routine};

use super::build::Build;

/// The columns of a view, of which nothing is known.
pub(super) struct Columns;

/// The lens of a program that can not read.
pub(super) struct Lens;

impl Lens {
    pub(super) fn new(_: &Build<'_>) -> Self {
        Self
    }

    pub(super) fn of_routine(_: &Build<'_>, _: &Routine) -> Self {
        Self
    }

    pub(super) fn view(&self, _: &Relation) -> Result<Columns, Infallible> {
        Ok(Columns)
    }

    pub(super) fn becomes_in_view(&self, _: &Relation, _: &str) -> Option<String> {
        None
    }

    pub(super) fn routine(&self, _: &Routine) -> Result<(), Infallible> {
        Ok(())
    }

    pub(super) fn trigger(&self, _: &str) -> Result<(), Infallible> {
        Ok(())
    }
}
