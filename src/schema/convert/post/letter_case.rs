//! citext where the target does not have it: columns become text, its operators those of text, and a
//! second unique index refuses what differs in case only.

use crate::catalog::database::{
    Class, ConstraintKind, IndexPart, Name, Object, OtherKind, Relation,
};
use crate::catalog::readable;
use crate::profile::Profile;
use crate::schema::convert::Makes;
use crate::schema::finding::{Finding, Kind, Severity};
use crate::sql;

use super::stance::NOT_DOCUMENTED;
use super::{Changes, Made, Post};

/// A key of a citext column.
pub(super) static CASE_KEY: Kind = Kind {
    id: "case-insensitive-key",
    severity: Severity::Change,
    title: "key over a citext column that becomes text",
    happens: "a second unique index on lower(…) refuses values that differ in case only; comparisons tell \
              case apart",
    why: "citext is not among the nine extensions (DB9 guide \"Migrate from PostgreSQL\")",
    remedy: "compare lower(…) in queries",
};

impl<'a> Post<'_, 'a> {
    /// Adds a unique index on lower(…) for each key of a table that has a citext column.
    pub(super) fn case_keys(&mut self, relation: &'a Relation, table: &Name) {
        if relation
            .columns
            .iter()
            .all(|c| c.data_type.base_name != "citext")
        {
            return;
        }
        for (key, columns) in keys(relation) {
            let folded: Vec<&str> = columns
                .iter()
                .map(String::as_str)
                .filter(|column| self.loses_case(relation, table, column))
                .collect();
            if !folded.is_empty() {
                self.case_key(table, relation, (key, &columns), &folded);
            }
        }
    }

    /// Whether an object is an operator of citext; text has one of each name.
    pub(super) fn is_citext_operator(&self, oid: u32) -> bool {
        self.source.other(oid).is_some_and(|other| {
            other.kind == OtherKind::Operator && other.extension.as_deref() == Some("citext")
        })
    }

    fn loses_case(&self, relation: &Relation, table: &Name, column: &str) -> bool {
        let citext = relation.column(column);
        let citext = citext.filter(|field| field.data_type.base_name == "citext");
        let Some(field) = citext else { return false };
        let becomes = self.column_type(table, column);
        let becomes = becomes.unwrap_or_else(|| self.type_of(field));
        !becomes.contains("citext")
    }

    fn case_key(
        &mut self,
        table: &Name,
        relation: &Relation,
        (key, columns): (&str, &[String]),
        folded: &[&str],
    ) {
        let names: Vec<String> = folded.iter().map(|c| readable(c)).collect();
        let detail = format!("{} is text: unique over lower(…), too", names.join(", "));
        if Profile::yes(&self.build.profile.expression_indexes) == Some(false) {
            let object = format!("index {}", Name::new(table.schema.clone(), key));
            let detail = format!("{detail}: the target takes no index on lower(…)");
            self.build
                .find(Finding::new(&CASE_KEY, object).detail(detail));
            return;
        }
        let mut changes = Changes::new();
        changes.push((&CASE_KEY, detail));
        if Profile::yes(&self.build.profile.expression_indexes).is_none() {
            changes.push((&NOT_DOCUMENTED, "index on an expression".to_owned()));
        }
        let name = self.taken.claim(&table.schema, &format!("{key}_lower"));
        let parts = columns.iter().map(|column| {
            let quoted = sql::identifier(column);
            match folded.contains(&column.as_str()) {
                true => format!("lower({quoted})"),
                false => quoted,
            }
        });
        let parts: Vec<String> = parts.collect();
        let sql = format!(
            "CREATE UNIQUE INDEX {} ON {} ({})",
            sql::identifier(&name),
            table.quoted(),
            parts.join(", ")
        );
        let name = Name::new(table.schema.clone(), name);
        let made = Made {
            makes: Makes::Index,
            readable: format!("index {name}"),
            name,
            sql,
            needs: vec![Object::new(Class::Relation, relation.oid)],
        };
        self.add(None, made, changes);
    }
}

/// Names and columns of the keys of a table, whole unique indexes among them.
fn keys(relation: &Relation) -> Vec<(&str, Vec<String>)> {
    let unique = |kind| matches!(kind, ConstraintKind::Primary | ConstraintKind::Unique);
    let constraints = relation.constraints.iter().filter(|c| unique(c.kind));
    let constraints = constraints.map(|c| (c.name.as_str(), c.columns.clone()));
    let indexes = relation
        .indexes
        .iter()
        .filter(|i| i.unique && i.valid && i.constraint.is_none() && i.predicate.is_none());
    let indexes = indexes.filter_map(|i| {
        let columns = i.parts.iter().map(|p: &IndexPart| p.column.clone());
        Some((i.name.as_str(), columns.collect::<Option<Vec<String>>>()?))
    });
    constraints.chain(indexes).collect()
}
