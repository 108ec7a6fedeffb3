//! Names that are taken in the target's schemas: tables, views, sequences and indexes share one space.

use std::collections::{HashMap, HashSet};

use crate::catalog::database::Name;
use crate::schema::convert::Makes;
use crate::schema::convert::build::Build;
use crate::schema::finding::{Kind, Severity};

use super::homes::Homes;

/// An index or constraint whose name is taken or too long.
pub(super) static RENAMED: Kind = Kind {
    id: "index-renamed",
    severity: Severity::Change,
    title: "index or constraint under another name",
    happens: "it gets a name that is free",
    why: "indexes, tables, views and sequences of a schema share their names, which have a longest \
          length (PostgreSQL documentation, CREATE INDEX; DB9 documentation, early 2026)",
    remedy: "rename it in the source, or rename its schema or table otherwise in --map",
};

/// PostgreSQL's own limit, for a target whose limit nobody knows.
const IDENTIFIER_BYTES: usize = 63;

/// The names that are taken.
#[derive(Default)]
pub(super) struct Taken {
    schemas: HashMap<String, HashSet<String>>,
    limit: usize,
}

impl Taken {
    /// What the first section has taken, the indexes of primary keys among them.
    pub(super) fn new(build: &Build<'_>, homes: &Homes<'_>) -> Self {
        let limit = build.profile.identifier_bytes.as_ref();
        let limit = limit.and_then(|fact| usize::try_from(fact.value).ok());
        let mut taken = Self {
            schemas: HashMap::new(),
            limit: limit.filter(|&bytes| bytes > 0).unwrap_or(IDENTIFIER_BYTES),
        };
        for statement in &build.conversion.statements {
            if matches!(
                statement.makes,
                Makes::Type | Makes::Sequence | Makes::Table
            ) {
                taken.take(&statement.name);
            }
        }
        for home in homes.roots() {
            if let Some(key) = home.root.primary_key() {
                taken.take(&Name::new(home.name.schema.clone(), key.name.clone()));
            }
        }
        taken
    }

    /// Takes a name; `false` where it was taken before.
    pub(super) fn take(&mut self, name: &Name) -> bool {
        let names = self.schemas.entry(name.schema.clone()).or_default();
        names.insert(name.name.clone())
    }

    /// Takes the name that is wanted, or the first free one that begins like it.
    pub(super) fn claim(&mut self, schema: &str, wanted: &str) -> String {
        let limit = self.limit;
        let names = self.schemas.entry(schema.to_owned()).or_default();
        let mut name = cut(wanted, limit).to_owned();
        let mut number = 1;
        while !names.insert(name.clone()) {
            let end = format!("_{number}");
            name = format!("{}{end}", cut(wanted, limit.saturating_sub(end.len())));
            number += 1;
        }
        name
    }
}

/// The longest beginning of whole characters that fits.
fn cut(name: &str, bytes: usize) -> &str {
    let mut end = name.len().min(bytes);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_taken_or_too_long_gives_way_to_a_free_one() {
        let mut taken = Taken {
            limit: 8,
            ..Taken::default()
        };
        assert!(taken.take(&Name::new("s", "orders")));
        assert!(!taken.take(&Name::new("s", "orders")));
        assert_eq!(taken.claim("s", "orders"), "orders_1");
        assert_eq!(taken.claim("other", "orders"), "orders");
        assert_eq!(taken.claim("s", "ééééé"), "éééé");
        assert_eq!(taken.claim("s", "ééééé"), "ééé_1");
        assert_eq!(taken.claim("s", "ééééé"), "ééé_2");
    }
}
