//! What decides which rows go where: two processes with the same configuration work on the same run.
//!
//! The source is not part of it but the run's key ([`source_key`]). The target is, where it tells its
//! system identifier: a ledger that was restored into another server belongs to rows there. Of the
//! profile only what a person gave counts, since a probe may see another `max_connections` any day; what
//! it shows of the timestamps that a target keeps is in the transforms.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::catalog::{TableName, readable};
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
    /// System identifier and database of the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    server: Option<String>,
    /// Fields of `--profile`, as TOML.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    profile: BTreeMap<String, String>,
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
            server: None,
            profile: BTreeMap::new(),
            tables: matching
                .pairs
                .iter()
                .map(|p| (p.source.to_string(), table(p)))
                .collect(),
        }
    }

    /// Of this target.
    pub(in crate::runs) fn of_target(mut self, identity: &Identity) -> Self {
        let is_told = identity.system_identifier.is_some();
        self.server = is_told.then(|| source_key(identity));
        self
    }

    /// With the profile that a person gave, TOML that was read before.
    pub(in crate::runs) fn with_profile(mut self, profile: Option<&str>) -> Self {
        let table = profile.and_then(|text| text.parse::<toml::Table>().ok());
        let fields = table.into_iter().flatten();
        self.profile = fields
            .map(|(name, value)| (name, value.to_string()))
            .collect();
        self
    }

    /// The target tables that both fill.
    pub(in crate::runs) fn shared_targets(&self, other: &Self) -> Vec<String> {
        let theirs: Vec<&TableName> = other.tables.values().map(|t| &t.target).collect();
        let own = self.tables.values().map(|t| &t.target);
        let mut shared: Vec<String> = own
            .filter(|target| theirs.contains(target))
            .map(ToString::to_string)
            .collect();
        shared.dedup();
        shared
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
            found.push(format!(
                "--target-search-path was \"{}\", is \"{}\"",
                earlier.target_search_path, self.target_search_path
            ));
        }
        if let (Some(was), Some(is)) = (&earlier.server, &self.server)
            && was != is
        {
            found.push(format!(
                "the target was another server or database (system identifier and database {was}, \
                 now {is})"
            ));
        }
        found.extend(self.profile_differences(earlier));
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
                Some(before) => found.extend(table.differences(before, name)),
            }
        }
        found
    }
}

impl Configuration {
    fn profile_differences(&self, earlier: &Self) -> impl Iterator<Item = String> {
        let names: BTreeSet<&String> = self.profile.keys().chain(earlier.profile.keys()).collect();
        let said = |of: &Self, name: &str| of.profile.get(name).cloned();
        let shown = |said: Option<String>| said.unwrap_or_else(|| "not given".to_owned());
        let differences = names.into_iter().filter_map(|name| {
            let (was, is) = (said(earlier, name), said(self, name));
            let line = format!(
                "--profile: {name} was {}, is {}",
                shown(was.clone()),
                shown(is.clone())
            );
            (was != is).then_some(line)
        });
        differences.collect::<Vec<_>>().into_iter()
    }
}

impl TableConfiguration {
    /// What differs, each in words.
    fn differences(&self, earlier: &Self, name: &str) -> Vec<String> {
        let mut found = Vec::new();
        if self.target != earlier.target {
            found.push(format!(
                "went into {}, goes into {}",
                earlier.target, self.target
            ));
        }
        found.extend(self.other_columns(earlier));
        // A condition is told without its text, which may hold values.
        found.extend(match (&earlier.condition, &self.condition) {
            (was, is) if was == is => None,
            (None, _) => Some("had no --where, has one".to_owned()),
            (_, None) => Some("had a --where, has none".to_owned()),
            _ => Some("has another --where".to_owned()),
        });
        let line = |what| format!("table {name} {what}");
        found.into_iter().map(line).collect()
    }

    /// Columns, what the source computes of them, how they are rewritten: each is known by its place, so
    /// the later ones are compared only where the columns are the same.
    fn other_columns(&self, earlier: &Self) -> Vec<String> {
        let target = |(_, name): &(String, String)| readable(name);
        let list = |of: &Self| of.columns.iter().map(target).collect::<Vec<_>>().join(", ");
        if self.columns != earlier.columns {
            return vec![format!(
                "had the columns {}, has {}",
                list(earlier),
                list(self)
            )];
        }
        let mut found = Vec::new();
        for (place, column) in self.columns.iter().map(target).enumerate() {
            let rewritten = |of: &Self| {
                let mut transforms = of.transforms.iter();
                let own = transforms.find(|(field, _)| *field == place);
                own.map_or_else(|| "not rewritten".to_owned(), |(_, how)| how.clone())
            };
            if earlier.expressions.get(&place) != self.expressions.get(&place) {
                found.push(format!(
                    "has column {column} computed by the source in another way"
                ));
            }
            let (was, is) = (rewritten(earlier), rewritten(self));
            if was != is {
                found.push(format!("had column {column} {was}, has it {is}"));
            }
        }
        found
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
                "table public.b had no --where, has one",
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
        assert_eq!(
            differences,
            [
                "table public.a had column a cut to 3 fraction digits, has it cut to 6 fraction digits"
            ]
        );
    }

    #[test]
    fn another_table_column_or_expression_is_told_with_what_was_and_what_is() {
        let earlier = configuration(&matching(&["a", "b", "c"]));
        let mut now = matching(&["a", "b", "c"]);
        now.targets[0].name = TableName::new("app", "a2");
        now.pairs[1].columns = vec![("a".to_owned(), "A b".to_owned())];
        now.pairs[2].expressions = BTreeMap::from([(0, "a::text".to_owned())]);
        assert_eq!(
            configuration(&now).differences(&earlier),
            [
                "table public.a went into public.a, goes into app.a2",
                "table public.b had the columns a, has \"A b\"",
                "table public.c has column a computed by the source in another way",
            ]
        );
    }

    #[test]
    fn another_target_and_another_given_profile_are_told_and_an_unknown_one_is_none() {
        let of = |system, profile| {
            let identity = Identity {
                system_identifier: system,
                timeline: None,
                host: "h".to_owned(),
                port: 1,
                database: "d".to_owned(),
                database_oid: Some(5),
                server_version_num: None,
                version: String::new(),
                in_recovery: false,
            };
            configuration(&matching(&["a"]))
                .of_target(&identity)
                .with_profile(profile)
        };
        let earlier = of(Some(7), Some("timestamp_digits = 3"));
        let stored = Configuration::from_text(&earlier.to_text()).expect("it is read");
        let now = of(Some(8), Some("timestamp_digits = 6\nnan = true"));
        assert_eq!(
            now.differences(&stored),
            [
                "the target was another server or database (system identifier and database 7/5, now 8/5)",
                "--profile: nan was not given, is true",
                "--profile: timestamp_digits was 3, is 6",
            ]
        );
        let unknown = of(None, Some("timestamp_digits = 3"));
        assert!(unknown.differences(&stored).is_empty(), "not told by whom");
        assert!(stored.differences(&unknown).is_empty());
    }
}
