//! Questions about keys: how many groups of rows become the same by what is cut.

use crate::catalog::database::{ConstraintKind, Index, IndexPart, Name, RelationKind};
use crate::catalog::readable;
use crate::profile::Profile;
use crate::schema::mention::mentions;
use crate::sql;

use super::table::Table;
use super::{Ask, Question, kinds};

/// One question per unique index that may be affected.
pub(super) fn questions(table: &Table<'_>) -> Vec<Question> {
    let indexes = table.root.indexes.iter();
    indexes
        .filter(|index| index.unique && is_whole(index, table) && affected(index, table))
        .map(|index| question(index, table))
        .collect()
}

/// An index that was never finished keeps nothing unique; that of a partitioned table is a shell.
fn is_whole(index: &Index, table: &Table<'_>) -> bool {
    index.valid || table.root.kind == RelationKind::Partitioned
}

/// A key that spans INHERITS children was never unique over all of them.
fn affected(index: &Index, table: &Table<'_>) -> bool {
    let widened = table.root.kind == RelationKind::Table && table.leaves.len() > 1;
    let named = |column: &str| {
        let part = |part: &IndexPart| match &part.column {
            Some(name) => name == column,
            None => mentions(&part.expression, column),
        };
        let predicate = index.predicate.as_deref();
        index.parts.iter().any(part) || predicate.is_some_and(|p| mentions(p, column))
    };
    widened || table.cut_columns().any(named)
}

fn question(index: &Index, table: &Table<'_>) -> Question {
    let keys: Vec<String> = index.parts.iter().map(key).collect();
    let mut conditions: Vec<String> = Vec::new();
    // NULLs are never equal but where that was asked for, and the target can do it.
    let nulls_collide =
        index.nulls_not_distinct && Profile::yes(&table.profile.nulls_not_distinct) != Some(false);
    if !nulls_collide {
        conditions.extend(keys.iter().map(|key| format!("{key} IS NOT NULL")));
    }
    conditions.extend(index.predicate.as_ref().map(|p| format!("({p})")));
    let condition = match conditions.is_empty() {
        true => String::new(),
        false => format!(" WHERE {}", conditions.join(" AND ")),
    };
    Question {
        table: table.root.name.clone(),
        bytes: table.leaves.iter().map(|leaf| leaf.bytes).sum(),
        asks: vec![ask(index, table)],
        from: format!(
            "(SELECT count(*) AS n FROM ({} FROM {}) AS wire9_cut{condition} GROUP BY {} \
             HAVING count(*) > 1) AS wire9_group",
            table.as_the_target_has_it(),
            table.whole_from(),
            keys.join(", "),
        ),
    }
}

fn ask(index: &Index, table: &Table<'_>) -> Ask {
    let constraint = table
        .root
        .constraints
        .iter()
        .find(|c| c.index == Some(index.oid));
    let primary = constraint.is_some_and(|c| c.kind == ConstraintKind::Primary);
    let (kind, what) = match (primary, constraint) {
        (true, _) => (&kinds::PRIMARY_KEY_COLLISION, "primary key"),
        (false, Some(_)) => (&kinds::UNIQUE_COLLISION, "unique constraint"),
        (false, None) => (&kinds::UNIQUE_COLLISION, "unique index"),
    };
    let index_name = Name::new(table.root.name.schema.as_str(), index.name.as_str());
    Ask {
        kind,
        object: format!("{what} {}.{}", table.root.name, readable(&index.name)),
        detail: String::new(),
        count: "count(*)".to_owned(),
        rows: Some("coalesce(sum(n), 0)".to_owned()),
        in_catalog: Some(format!("index {index_name}")),
    }
}

fn key(part: &IndexPart) -> String {
    match &part.column {
        Some(column) => sql::identifier(column),
        None => format!("({})", part.expression),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::database::Relation;
    use crate::schema::deep::samples::{constraint, table, unique};

    const ZONED: &str = "timestamp with time zone";

    fn asked(relation: &Relation, leaves: Vec<&Relation>) -> Vec<Question> {
        let (_, mapped) = table(&[("at", "timestamptz", ZONED), ("id", "int4", "integer")]);
        let profile = Profile::db9_documented();
        questions(&Table::new(relation, leaves, &mapped, &profile))
    }

    fn relation(indexes: Vec<Index>) -> Relation {
        let (mut relation, _) = table(&[("at", "timestamptz", ZONED), ("id", "int4", "integer")]);
        relation.indexes = indexes;
        relation
    }

    #[test]
    fn groups_of_a_key_are_counted_as_the_target_has_it() {
        let mut relation = relation(vec![
            unique("t_pkey", &["at", "id"]),
            unique("by_id", &["id"]),
        ]);
        let mut primary = constraint(
            ConstraintKind::Primary,
            "PRIMARY KEY (at, id)",
            &["at", "id"],
        );
        (primary.index, relation.indexes[1].oid) = (Some(30_000), 30_001);
        relation.constraints.push(primary);
        let questions = asked(&relation, vec![&relation]);
        assert_eq!(questions.len(), 1, "a key of numbers alone is not asked");
        assert_eq!(
            questions[0].sql(),
            "SELECT count(*), coalesce(sum(n), 0) FROM (SELECT count(*) AS n FROM (SELECT \
             date_trunc('milliseconds', wire9_row.\"at\") AS \"at\", wire9_row.\"id\" AS \"id\" \
             FROM ONLY \"public\".\"t\" AS wire9_row) AS wire9_cut WHERE \"at\" IS NOT NULL AND \
             \"id\" IS NOT NULL GROUP BY \"at\", \"id\" HAVING count(*) > 1) AS wire9_group"
        );
        let found = questions[0].findings(&[12, 30]);
        assert_eq!(found[0].kind.id, "deep-primary-key-collision");
        assert_eq!(found[0].object, "primary key public.t.t_pkey");
        assert_eq!(
            (found[0].count, found[0].detail.as_str()),
            (12, "12 groups, 30 rows in all")
        );
        assert_eq!(questions[0].findings(&[0, 0]), []);
    }

    #[test]
    fn expressions_and_predicates_see_what_is_cut() {
        let mut partial = unique("partial", &["id"]);
        partial.predicate = Some("at > '2024-01-01'".to_owned());
        let mut day = unique("day", &["(date(at))"]);
        day.nulls_not_distinct = true;
        let relation = relation(vec![partial, day]);
        let questions = asked(&relation, vec![&relation]);
        let first = questions[0].sql();
        let condition = "WHERE \"id\" IS NOT NULL AND (at > '2024-01-01') GROUP BY \"id\" HAVING";
        assert!(first.contains(condition), "{first}");
        let second = questions[1].sql();
        assert!(
            second.contains("AS wire9_cut GROUP BY ((date(at))) HAVING"),
            "{second}"
        );
        assert_eq!(questions[1].asks[0].object, "unique index public.t.day");
    }

    #[test]
    fn a_key_over_inheritance_children_is_asked_whatever_it_holds() {
        let parent = relation(vec![unique("by_id", &["id"])]);
        let mut child = relation(Vec::new());
        (child.oid, child.name) = (20_001, Name::new("public", "child"));
        let questions = asked(&parent, vec![&parent, &child]);
        assert_eq!(questions.len(), 1);
        let sql = questions[0].sql();
        assert!(sql.contains("FROM \"public\".\"t\" AS wire9_row"), "{sql}");
        assert!(!sql.contains("ONLY"), "{sql}");
    }

    #[test]
    fn an_index_that_was_never_finished_is_not_asked() {
        let mut broken = unique("broken", &["at"]);
        broken.valid = false;
        let relation = relation(vec![broken]);
        assert_eq!(asked(&relation, vec![&relation]), []);
    }
}
