//! Text whose order something depends on: it sorts bytewise in the target.

use std::collections::{BTreeMap, HashMap};

use crate::catalog::Shape;
use crate::catalog::database::{Class, Database, Field, Index, Name, Relation};
use crate::catalog::readable;
use crate::profile::Profile;
use crate::schema::finding::{Finding, Kind, Severity};
use crate::schema::mention::mentions;

use super::Looked;

pub(super) static TEXT_ORDER: Kind = Kind {
    id: "text-order",
    severity: Severity::Change,
    title: "text sorts by a language in the source",
    happens: "in the target it sorts bytewise: capitals before small letters, accents last; pages, ranges and \
              BETWEEN give other rows",
    why: "text sorts bytewise, COLLATE \"C\" (DB9 documentation, early 2026)",
    remedy: "sort in the application, by lower(col), or by a sort key in a column of its own",
};

/// Columns that a detail names.
const NAMED: usize = 5;

/// By column: what depends on its order.
type Uses = BTreeMap<String, String>;

pub(super) fn find(looked: &Looked<'_>) -> Vec<Finding> {
    if Profile::yes(&looked.profile.collations) == Some(true) {
        return Vec::new();
    }
    let database = looked.database;
    let by_views = ordered_by_views(database);
    let of = |relation: &Relation| finding(database, relation, by_views.get(&relation.oid));
    database.relations.iter().filter_map(of).collect()
}

/// Partitions have what their table has.
fn finding(database: &Database, relation: &Relation, views: Option<&Uses>) -> Option<Finding> {
    if relation.partition_of.is_some() || relation.extension.is_some() {
        return None;
    }
    let mut uses = Uses::new();
    for index in &relation.indexes {
        for column in sorted_columns(index) {
            let use_of = || format!("index {}", readable(&index.name));
            uses.entry(column.to_owned()).or_insert_with(use_of);
        }
    }
    if let Some(key) = relation
        .partitioning
        .as_ref()
        .filter(|p| p.strategy == "range")
    {
        for field in relation
            .columns
            .iter()
            .filter(|f| mentions(&key.key, &f.name))
        {
            uses.insert(field.name.clone(), "range partitions".to_owned());
        }
    }
    for (column, view) in views.into_iter().flatten() {
        uses.entry(column.clone()).or_insert_with(|| view.clone());
    }
    uses.retain(|column, _| {
        let field = relation.column(column);
        field.is_some_and(|field| sorts_by_language(database, field))
    });
    (!uses.is_empty()).then(|| {
        let object = format!("table {}", relation.name);
        let finding = Finding::new(&TEXT_ORDER, object).counted(uses.len() as u64);
        finding.detail(named(&uses))
    })
}

fn named(uses: &Uses) -> String {
    let each = |(column, by): (&String, &String)| format!("{} ({by})", readable(column));
    let first: Vec<String> = uses.iter().take(NAMED).map(each).collect();
    match uses.len().saturating_sub(NAMED) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

/// Columns whose collation orders the index: not those that name another one or none (`…_pattern_ops`).
fn sorted_columns(index: &Index) -> impl Iterator<Item = &str> {
    let bytewise = |class: &Name| class.name.ends_with("_pattern_ops");
    let parts = index.parts.iter().filter(move |part| {
        index.method == "btree"
            && !part.operator_class.as_ref().is_some_and(bytewise)
            && !part.collation.as_ref().is_some_and(is_bytewise)
    });
    parts.filter_map(|part| part.column.as_deref())
}

/// By relation: columns that a view with an ORDER BY selects from.
fn ordered_by_views(database: &Database) -> HashMap<u32, Uses> {
    let ordered: HashMap<u32, &Relation> = database
        .relations
        .iter()
        .filter(|r| {
            r.query
                .as_ref()
                .is_some_and(|query| query.contains("ORDER BY"))
        })
        .map(|view| (view.oid, view))
        .collect();
    let mut uses: HashMap<u32, Uses> = HashMap::new();
    for edge in &database.dependencies {
        let classes = (edge.dependent.class, edge.on.class);
        if classes != (Class::Relation, Class::Relation) {
            continue;
        }
        if let (Some(view), Some(column)) = (ordered.get(&edge.dependent.oid), &edge.on_column)
            && orders_by(view, column)
        {
            let by = format!("ORDER BY of view {}", view.name);
            uses.entry(edge.on.oid)
                .or_default()
                .insert(column.clone(), by);
        }
    }
    uses
}

/// Whether a column is named after an ORDER BY of the view, or one is named by its number there.
fn orders_by(view: &Relation, column: &str) -> bool {
    let query = view.query.as_deref().unwrap_or_default();
    query
        .split("ORDER BY")
        .skip(1)
        .any(|after| mentions(after, column))
}

fn sorts_by_language(database: &Database, field: &Field) -> bool {
    let data_type = &field.data_type;
    let text = matches!(data_type.shape, Shape::Scalar | Shape::Array)
        && matches!(
            data_type.base_name.as_str(),
            "text" | "varchar" | "bpchar" | "citext"
        );
    // A dump does not tell the database's own collation.
    let server = &database.server;
    let by_default = !server.collation_is_c && !server.collation.is_empty();
    text && match &field.collation {
        Some(collation) if collation.name == "default" => by_default,
        Some(collation) => !is_bytewise(collation),
        None => by_default,
    }
}

/// Collations that order by code points.
fn is_bytewise(collation: &Name) -> bool {
    let name = collation.name.as_str();
    matches!(
        name,
        "C" | "POSIX" | "ucs_basic" | "pg_c_utf8" | "C.UTF-8" | "C.utf8"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::database::{Dependency, Object, Partitioning, RelationKind};
    use crate::schema::inspect::samples::{Sample, column, found, index, relation, table};

    /// Text columns `a`, `b`, `c` (collation C), a number `n`; the database sorts by a language.
    fn sample() -> Sample {
        let mut sample = Sample::default();
        let server = &mut sample.database.server;
        (server.collation_is_c, server.collation) = (false, "en_US.UTF-8".to_owned());
        let mut table = table("t");
        table.columns = vec![
            column(1, "a", "text"),
            column(2, "b", "varchar"),
            column(3, "c", "text"),
            column(4, "n", "int4"),
        ];
        table.columns[2].collation = Some(Name::new("pg_catalog", "C"));
        sample.database.relations.push(table);
        sample
    }

    #[test]
    fn indexed_text_that_sorts_by_a_language_is_found_once_per_table() {
        let mut sample = sample();
        let table = &mut sample.database.relations[0];
        table.indexes = vec![index("by_a", &["a", "n", "c"]), index("by_b", &["b", "a"])];
        assert_eq!(
            found(&sample, find),
            ["text-order table public.t (2): a (index by_a), b (index by_b)"]
        );
        sample.database.server.collation_is_c = true;
        assert_eq!(found(&sample, find), [""; 0]);
    }

    #[test]
    fn an_index_of_its_own_order_or_of_another_method_does_not_depend_on_it() {
        let mut sample = sample();
        let mut pattern = index("pattern", &["a"]);
        let class = Name::new("pg_catalog", "text_pattern_ops");
        pattern.parts[0].operator_class = Some(class);
        let mut bytewise = index("bytewise", &["a"]);
        bytewise.parts[0].collation = Some(Name::new("pg_catalog", "C"));
        let mut hash = index("hash", &["a"]);
        hash.method = "hash".to_owned();
        sample.database.relations[0].indexes = vec![pattern, bytewise, hash];
        assert_eq!(found(&sample, find), [""; 0]);
    }

    #[test]
    fn range_partitions_and_views_depend_on_the_order_of_text() {
        let mut sample = sample();
        sample.database.relations[0].partitioning = Some(Partitioning {
            strategy: "range".to_owned(),
            key: "RANGE (b)".to_owned(),
        });
        let mut view = relation("v", RelationKind::View);
        view.query = Some("SELECT t.a, t.b FROM public.t ORDER BY t.a".to_owned());
        for column in ["a", "b"] {
            sample.database.dependencies.push(Dependency {
                dependent: Object::new(Class::Relation, view.oid),
                column: None,
                on: Object::new(Class::Relation, sample.database.relations[0].oid),
                on_column: Some(column.to_owned()),
            });
        }
        sample.database.relations.push(view);
        assert_eq!(
            found(&sample, find),
            ["text-order table public.t (2): a (ORDER BY of view public.v), b (range partitions)"]
        );
    }
}
