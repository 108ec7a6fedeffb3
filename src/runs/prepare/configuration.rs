//! What decides which rows go where: two processes with the same configuration work on the same run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::catalog::TableName;
use crate::copytext::{Recipe, Transform};
use crate::endpoint::identity::Identity;
use crate::schema::{Matching, Pair};

use super::settings::OnExisting;

/// What a run stores instead that repairs tables and copies none.
pub(in crate::runs) const REPAIR: &str = "verify --repair";

/// The configuration of a run, as it is stored in the ledger and compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::runs) struct Configuration {
    on_existing: String,
    target_search_path: String,
    tables: BTreeMap<String, TableConfiguration>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct TableConfiguration {
    target: TableName,
    columns: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    expressions: BTreeMap<usize, String>,
    transforms: Vec<(usize, String)>,
    condition: Option<String>,
}

/// Where the rows of a table go, and how they are rewritten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::runs) struct Way {
    pub(in crate::runs) target: TableName,
    /// Name in the source, name in the target.
    pub(in crate::runs) columns: Vec<(String, String)>,
    pub(in crate::runs) recipe: Recipe,
}

impl Configuration {
    pub(in crate::runs) fn new(
        matching: &Matching,
        on_existing: OnExisting,
        target_search_path: Option<&str>,
    ) -> Self {
        let table = |pair: &Pair| TableConfiguration {
            target: matching.targets[pair.target].name.clone(),
            columns: pair.columns.clone(),
            expressions: pair.expressions.clone(),
            transforms: pair
                .recipe
                .transforms
                .iter()
                .map(|&(i, t)| (i, in_words(t)))
                .collect(),
            condition: pair.condition.clone(),
        };
        Self {
            on_existing: on_existing.name().to_owned(),
            target_search_path: target_search_path.unwrap_or_default().to_owned(),
            tables: matching
                .pairs
                .iter()
                .map(|p| (p.source.to_string(), table(p)))
                .collect(),
        }
    }

    /// For the ledger.
    pub(in crate::runs) fn to_text(&self) -> String {
        serde_json::to_string(self).expect("names and numbers are JSON")
    }

    /// From the ledger; `None` where another version wrote it.
    pub(in crate::runs) fn from_text(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Whether both send the rows of a source table in the same way.
    pub(in crate::runs) fn agrees(&self, other: &Self, source: &TableName) -> bool {
        let table = |of: &Self| of.tables.get(&source.to_string()).cloned();
        table(self).is_some_and(|own| table(other) == Some(own))
    }

    /// How the rows of a source table are sent; `None`: it is no part of the run, or another version
    /// rewrites rows in a way that this one does not know.
    pub(in crate::runs) fn way_of(&self, source: &TableName) -> Option<Way> {
        let table = self.tables.get(&source.to_string())?;
        let transform = |(field, words): &(usize, String)| Some((*field, from_words(words)?));
        Some(Way {
            target: table.target.clone(),
            columns: table.columns.clone(),
            recipe: Recipe {
                fields: table.columns.len(),
                transforms: table
                    .transforms
                    .iter()
                    .map(transform)
                    .collect::<Option<_>>()?,
            },
        })
    }

    /// `--target-search-path`, where one was given.
    pub(in crate::runs) fn target_search_path(&self) -> Option<&str> {
        Some(self.target_search_path.as_str()).filter(|path| !path.is_empty())
    }

    /// What differs from an earlier configuration, in words; empty where nothing does.
    pub(in crate::runs) fn differences(&self, earlier: &Self) -> Vec<String> {
        let mut found = Vec::new();
        if self.on_existing != earlier.on_existing {
            found.push(format!(
                "--on-existing was {}, is {}",
                earlier.on_existing, self.on_existing
            ));
        }
        if self.target_search_path != earlier.target_search_path {
            found.push("--target-search-path is another".to_owned());
        }
        for name in earlier
            .tables
            .keys()
            .filter(|name| !self.tables.contains_key(*name))
        {
            found.push(format!("table {name} was part of it and is not now"));
        }
        for (name, table) in &self.tables {
            match earlier.tables.get(name) {
                None => found.push(format!("table {name} was not part of it and is now")),
                Some(before) => found.extend(table.difference(before, name)),
            }
        }
        found
    }
}

impl TableConfiguration {
    fn difference(&self, earlier: &Self, name: &str) -> Option<String> {
        let what = if self.target != earlier.target {
            "goes into another table"
        } else if self.columns != earlier.columns {
            "has other columns"
        } else if self.expressions != earlier.expressions {
            "has columns that the source shall compute in another way"
        } else if self.transforms != earlier.transforms {
            "is rewritten in another way"
        } else if self.condition != earlier.condition {
            "has another --where"
        } else {
            return None;
        };
        Some(format!("table {name} {what}"))
    }
}

/// A transform for people: `cut to 3 fraction digits`.
pub(in crate::runs) fn in_words(transform: Transform) -> String {
    match transform {
        Transform::CutTimestamp { digits } => format!("cut to {digits} fraction digits"),
        Transform::CutTimestampArray { digits } => {
            format!("elements cut to {digits} fraction digits")
        }
        Transform::TrimRight => "padding of char(n) removed".to_owned(),
    }
}

/// The transform that has these words.
fn from_words(words: &str) -> Option<Transform> {
    let digits = |words: &str| words.strip_suffix(" fraction digits")?.parse().ok();
    if let Some(rest) = words.strip_prefix("elements cut to ") {
        return digits(rest).map(|digits| Transform::CutTimestampArray { digits });
    }
    if let Some(rest) = words.strip_prefix("cut to ") {
        return digits(rest).map(|digits| Transform::CutTimestamp { digits });
    }
    (words == in_words(Transform::TrimRight)).then_some(Transform::TrimRight)
}

/// The key of a source: by system identifier and database where the server tells them, else by
/// address. The timeline is not part of it: a promoted standby is still the same data, and whether it
/// has moved is another question.
pub(in crate::runs) fn source_key(identity: &Identity) -> String {
    match (identity.system_identifier, identity.database_oid) {
        (Some(system), Some(database)) => format!("{system}/{database}"),
        _ => format!("{}:{}/{}", identity.host, identity.port, identity.database),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Target;

    fn matching(names: &[&str]) -> Matching {
        let mut matching = Matching::default();
        for (i, name) in names.iter().enumerate() {
            matching.targets.push(Target {
                name: TableName::new("public", *name),
                parents: Vec::new(),
                triggers: Vec::new(),
                references: Vec::new(),
                rows: None,
            });
            matching.pairs.push(Pair {
                source: TableName::new("public", *name),
                oid: 1,
                target: i,
                columns: vec![("a".to_owned(), "a".to_owned())],
                expressions: BTreeMap::new(),
                recipe: Recipe {
                    fields: 1,
                    transforms: vec![(0, Transform::CutTimestamp { digits: 3 })],
                },
                condition: None,
            });
        }
        matching
    }

    fn configuration(matching: &Matching) -> Configuration {
        Configuration::new(matching, OnExisting::Fail, None)
    }

    #[test]
    fn differences_are_told_in_words() {
        let earlier = configuration(&matching(&["a", "b"]));
        let stored = Configuration::from_text(&earlier.to_text());
        assert_eq!(stored.as_ref(), Some(&earlier));
        assert!(earlier.differences(&earlier).is_empty());
        let mut now = matching(&["b", "c"]);
        now.pairs[0].condition = Some("a > 1".to_owned());
        let now = Configuration::new(&now, OnExisting::Append, None);
        assert_eq!(
            now.differences(&earlier),
            [
                "--on-existing was fail, is append",
                "table public.a was part of it and is not now",
                "table public.b has another --where",
                "table public.c was not part of it and is now",
            ]
        );
    }

    #[test]
    fn a_stored_configuration_tells_how_rows_are_sent() {
        let transforms = [
            Transform::CutTimestamp { digits: 3 },
            Transform::CutTimestampArray { digits: 0 },
            Transform::TrimRight,
        ];
        for transform in transforms {
            let mut matching = matching(&["a"]);
            matching.pairs[0].recipe.transforms[0].1 = transform;
            let stored = Configuration::from_text(&configuration(&matching).to_text());
            let way = stored.and_then(|c| c.way_of(&TableName::new("public", "a")));
            let way = way.expect("it is one of its tables");
            assert_eq!(way.recipe, matching.pairs[0].recipe);
            assert_eq!(way.columns, matching.pairs[0].columns);
        }
        assert_eq!(from_words("turned round"), None);
    }

    #[test]
    fn the_order_of_tables_is_no_difference() {
        let one = configuration(&matching(&["a", "b"]));
        let other = configuration(&matching(&["b", "a"]));
        assert!(one.differences(&other).is_empty());
    }

    #[test]
    fn digits_are_part_of_the_configuration() {
        let earlier = configuration(&matching(&["a"]));
        let mut now = matching(&["a"]);
        now.pairs[0].recipe.transforms[0].1 = Transform::CutTimestamp { digits: 6 };
        let differences = configuration(&now).differences(&earlier);
        assert_eq!(differences, ["table public.a is rewritten in another way"]);
    }
}
