//! What names mean inside of a query.

use super::{Columns, Lost};
use crate::catalog::database::Name;

/// Something in FROM, under the name by which its columns are called.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) alias: String,
    pub(super) columns: Columns,
    /// Of a relation: its name, and the names that its columns have there.
    pub(super) relation: Option<(Name, Vec<String>)>,
}

/// The names of one level of a query; those outside are seen through it.
#[derive(Debug, Default)]
pub(super) struct Scope<'s> {
    pub(super) items: Vec<Item>,
    /// Queries of WITH.
    pub(super) with: Vec<(String, Columns)>,
    pub(super) outer: Option<&'s Scope<'s>>,
}

/// What is known of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Nothing is called so.
    Nothing,
    /// A value; `None` where its type stays or is not known.
    Value(Option<Lost>),
}

impl<'s> Scope<'s> {
    pub(super) fn inside(outer: Option<&'s Scope<'s>>) -> Self {
        Self {
            outer,
            ..Self::default()
        }
    }

    /// The query of WITH of that name.
    pub(super) fn with(&self, name: &str) -> Option<&Columns> {
        let own = self.with.iter().rev().find(|(known, _)| known == name);
        match own {
            Some((_, columns)) => Some(columns),
            None => self.outer?.with(name),
        }
    }

    /// A column by its name alone.
    pub(super) fn column(&self, name: &str) -> Meaning {
        let mut found: Vec<&Option<Lost>> = Vec::new();
        for item in &self.items {
            let columns = item.columns.columns.iter();
            found.extend(columns.filter(|(known, _)| known == name).map(|(_, t)| t));
        }
        match found.as_slice() {
            // Columns of USING are there twice.
            [first, rest @ ..] if rest.iter().all(|other| other == first) => {
                Meaning::Value((*first).clone())
            }
            [_, ..] => Meaning::Value(None),
            [] if self.items.iter().any(|item| item.columns.more) => Meaning::Value(None),
            [] => self
                .outer
                .map_or(Meaning::Nothing, |outer| outer.column(name)),
        }
    }

    /// A column of something in FROM.
    pub(super) fn column_of(&self, alias: &str, name: &str) -> Meaning {
        let Some(item) = self.items.iter().find(|item| item.alias == alias) else {
            let outer = self.outer;
            return outer.map_or(Meaning::Nothing, |outer| outer.column_of(alias, name));
        };
        let mut columns = item.columns.columns.iter();
        let found = columns.find(|(known, _)| known == name);
        Meaning::Value(found.and_then(|(_, lost)| lost.clone()))
    }

    /// The items, those outside last, in which a column of this name is looked for.
    pub(super) fn holders(&self, alias: Option<&str>, name: &str) -> Vec<&Item> {
        let has = |item: &&Item| {
            let mut columns = item.columns.columns.iter();
            alias.is_none_or(|alias| item.alias == alias) && columns.any(|(n, _)| n == name)
        };
        let own: Vec<&Item> = self.items.iter().filter(has).collect();
        match self.outer {
            Some(outer) if own.is_empty() => outer.holders(alias, name),
            _ => own,
        }
    }

    /// The row of something in FROM, if something of it is lost.
    pub(super) fn row(&self, alias: &str) -> Option<Lost> {
        match self.items.iter().find(|item| item.alias == alias) {
            Some(item) => item.columns.clone().row(alias),
            None => self.outer?.row(alias),
        }
    }

    /// What `*`, or `alias.*`, stands for.
    pub(super) fn star(&self, alias: Option<&str>) -> Columns {
        let mut all = Columns::default();
        let wanted = |item: &&Item| alias.is_none_or(|alias| item.alias == alias);
        let mut any = false;
        for item in self.items.iter().filter(wanted) {
            any = true;
            all.columns.extend(item.columns.columns.iter().cloned());
            all.more |= item.columns.more;
        }
        match (any, self.outer) {
            (true, _) => all,
            (false, Some(outer)) if alias.is_some() => outer.star(alias),
            _ => Columns::unknown(),
        }
    }
}
