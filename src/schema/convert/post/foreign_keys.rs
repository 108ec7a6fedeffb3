//! Foreign keys, each a statement of its own, after all rows are loaded.

use std::collections::BTreeMap;

use crate::catalog::database::{
    Class, Constraint, ConstraintKind, Database, Name, Object, Relation, RelationKind,
};
use crate::catalog::readable;
use crate::schema::convert::{Conversion, Makes};
use crate::schema::finding::{Kind, Severity};
use crate::sql;

use super::homes::Home;
use super::stance::{NOT_DOCUMENTED, Stance};
use super::text::{pieces, without};
use super::unique::{constraint_label, in_order, object};
use super::{Changes, Left, Made, Post};

/// Foreign keys at all.
pub(super) static REFUSED: Kind = Kind {
    id: "foreign-key-refused",
    severity: Severity::Loss,
    title: "foreign key",
    happens: "it is left out: rows without their parent are accepted",
    why: "the target does not take foreign keys",
    remedy: "check it in the application",
};

/// A foreign key to something that is not there.
pub(super) static TARGET_MISSING: Kind = Kind {
    id: "foreign-key-target-missing",
    severity: Severity::Loss,
    title: "foreign key to something that is left out",
    happens: "it is left out: rows without their parent are accepted",
    why: "a foreign key needs a table with a unique key of these columns",
    remedy: "give the table that it refers to such a key",
};

/// NOT VALID.
pub(super) static NOT_VALID: Kind = Kind {
    id: "foreign-key-not-valid",
    severity: Severity::Loss,
    title: "foreign key that was never validated",
    happens: "it is left out: as a valid one it would fail on rows that break it already",
    why: "NOT VALID is not documented for DB9",
    remedy: "delete the orphans and VALIDATE it in the source",
};

/// NOT ENFORCED.
pub(super) static NOT_ENFORCED: Kind = Kind {
    id: "foreign-key-not-enforced",
    severity: Severity::Note,
    title: "foreign key that is not enforced",
    happens: "it is left out, as it checks nothing",
    why: "NOT ENFORCED is of PostgreSQL 18 (PostgreSQL documentation, CREATE TABLE)",
    remedy: "nothing",
};

/// A foreign key of one partition or child.
pub(super) static PARTITION: Kind = Kind {
    id: "partition-foreign-key",
    severity: Severity::Loss,
    title: "foreign key of some partitions only",
    happens: "it is left out: over all rows of the table it may not hold",
    why: "no partitioning and no inheritance (DB9 guide \"Migrate from PostgreSQL\")",
    remedy: "where it holds over all rows, add it to the table in the target",
};

/// How to count the rows of one foreign key that have no parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphans {
    /// The statement that makes the foreign key: `Statement::object`.
    pub object: String,
    /// The target's table.
    pub table: Name,
    /// The constraint.
    pub constraint: String,
    /// `SELECT count(*) …` for the target; no value of a row is in its answer.
    pub sql: String,
}

/// For each foreign key that a conversion makes, the query for the rows that break it.
pub fn orphans(database: &Database, conversion: &Conversion) -> Vec<Orphans> {
    let made: BTreeMap<&str, ()> = conversion
        .statements
        .iter()
        .filter(|s| s.makes == Makes::ForeignKey)
        .map(|s| (s.object.as_str(), ()))
        .collect();
    if made.is_empty() {
        return Vec::new();
    }
    let targets = targets(database, conversion);
    let mut found = Vec::new();
    for relation in &database.relations {
        for key in foreign(relation) {
            let parent = key.references.and_then(|oid| targets.get(&oid));
            let (Some(child), Some(parent)) = (targets.get(&relation.oid), parent) else {
                continue;
            };
            let object = readable_key(child, &key.name);
            if made.contains_key(object.as_str()) {
                found.push(Orphans {
                    sql: count(child, parent, key),
                    object,
                    table: (*child).clone(),
                    constraint: key.name.clone(),
                });
            }
        }
    }
    found.sort_by(|a, b| a.object.cmp(&b.object));
    found.dedup_by(|a, b| a.object == b.object);
    found
}

/// Where the rows of each source table are.
fn targets<'c>(database: &Database, conversion: &'c Conversion) -> BTreeMap<u32, &'c Name> {
    let mut names: BTreeMap<&Name, &Name> = BTreeMap::new();
    for table in &conversion.tables {
        names.extend(table.leaves.iter().map(|leaf| (leaf, &table.target)));
        names.insert(&table.source, &table.target);
    }
    let relations = database.relations.iter();
    relations
        .filter_map(|r| names.get(&r.name).map(|&target| (r.oid, target)))
        .collect()
}

/// Rows whose key is complete (MATCH FULL: begun) and that have no parent.
fn count(child: &Name, parent: &Name, key: &Constraint) -> String {
    let full = key.definition.contains(" MATCH FULL");
    let joined = key.columns.iter().zip(&key.referenced_columns);
    let joined = joined
        .map(|(own, other)| format!("p.{} = c.{}", sql::identifier(other), sql::identifier(own)));
    let given = key.columns.iter();
    let given = given.map(|own| format!("c.{} IS NOT NULL", sql::identifier(own)));
    format!(
        "SELECT count(*) FROM {} AS c WHERE ({}) AND NOT EXISTS (SELECT 1 FROM {} AS p WHERE {})",
        child.quoted(),
        given
            .collect::<Vec<_>>()
            .join(if full { " OR " } else { " AND " }),
        parent.quoted(),
        joined.collect::<Vec<_>>().join(" AND "),
    )
}

/// What a foreign key refers to.
struct Parent {
    /// The target's table.
    name: Name,
    /// The source's table that it was made from.
    table: Object,
    /// The constraint or index that makes its key unique; `None`: its primary key.
    unique: Option<Object>,
}

impl Parent {
    fn new(home: &Home<'_>, unique: Option<Object>) -> Self {
        Self {
            name: home.name.clone(),
            table: Object::new(Class::Relation, home.root.oid),
            unique,
        }
    }
}

impl<'a> Post<'_, 'a> {
    /// The foreign keys of a table, and those of the tables whose rows go into it.
    pub(super) fn foreign_keys(&mut self, relation: &'a Relation) {
        if self.homes.of(relation.oid).is_none() || self.homes.is_part(relation.oid) {
            return;
        }
        for key in foreign(relation) {
            if let Err(left) = self.foreign_key(relation, key) {
                self.leave(object(key), &constraint_label(relation, key), left);
            }
        }
        self.foreign_keys_of_parts(relation);
    }

    /// Foreign keys that partitions or children have of their own: made once where every one has it.
    fn foreign_keys_of_parts(&mut self, root: &'a Relation) {
        let parts: Vec<&Relation> = self.homes.parts(root.oid).to_vec();
        let leaves = parts.iter().filter(|p| p.kind != RelationKind::Partitioned);
        let all = leaves.count();
        let known: Vec<_> = foreign(root).map(|key| self.key_shape(key)).collect();
        let mut shapes: BTreeMap<String, Vec<(&'a Relation, &'a Constraint)>> = BTreeMap::new();
        for &part in &parts {
            for key in foreign(part) {
                let shape = self.key_shape(key);
                if !known.contains(&shape) {
                    shapes.entry(shape).or_default().push((part, key));
                }
            }
        }
        for same in shapes.into_values() {
            let (first, key) = same[0];
            let is_named = root.constraints.iter().any(|own| own.name == key.name);
            let result = if same.len() == all && !is_named {
                self.foreign_key(root, key)
            } else {
                let detail = format!("on {} of {all} partitions of {}", same.len(), root.name);
                Err(Left::new(&PARTITION, detail).counted(same.len()))
            };
            if let Err(left) = result {
                self.leave(object(key), &constraint_label(first, key), left);
            }
        }
    }

    /// What a foreign key is, whatever its name and table.
    fn key_shape(&self, key: &Constraint) -> String {
        let parent = key.references.and_then(|oid| self.homes.of(oid));
        let parent = parent.map(|home| home.name.to_string());
        let (columns, others) = (&key.columns, &key.referenced_columns);
        format!("{columns:?} {parent:?} {others:?} {}", actions(key))
    }

    fn foreign_key(&mut self, table: &'a Relation, key: &'a Constraint) -> Result<(), Left> {
        let stance = Stance::of(&self.build.profile.foreign_keys);
        if stance.is_refused() {
            return Err(Left::new(&REFUSED, stance.because()));
        }
        self.temporal(key)?;
        let validity = self.validity(key)?;
        let parent = self.parent(key)?;
        let Some(home) = self.homes.of(table.oid).cloned() else {
            return Ok(());
        };
        let mut changes = Changes::new();
        let deferral = self.deferral(key, &mut changes);
        let sql = format!(
            "ALTER TABLE {} ADD CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {} ({}){}{deferral}{validity}",
            home.name.quoted(),
            sql::identifier(&key.name),
            sql::identifiers(&key.columns),
            parent.name.quoted(),
            sql::identifiers(&key.referenced_columns),
            actions(key),
        );
        self.rare_words(key, &mut changes);
        let mut needs = vec![Object::new(Class::Relation, table.oid), parent.table];
        needs.extend(parent.unique);
        let made = Made {
            makes: Makes::ForeignKey,
            readable: readable_key(&home.name, &key.name),
            name: home.name,
            sql,
            needs,
        };
        self.add(Some(object(key)), made, changes);
        Ok(())
    }

    /// ` NOT VALID` or ` NOT ENFORCED`, where the target takes it.
    fn validity(&self, key: &Constraint) -> Result<&'static str, Left> {
        if !key.enforced {
            return match self.is_postgresql() {
                true => Ok(" NOT ENFORCED"),
                false => Err(Left::new(&NOT_ENFORCED, "")),
            };
        }
        if key.validated {
            return Ok("");
        }
        let stance = Stance::of(&self.build.profile.not_valid_constraints);
        if stance.is_taken() {
            return Ok(" NOT VALID");
        }
        Err(Left::new(&NOT_VALID, stance.because()))
    }

    /// What PostgreSQL has and few others.
    fn rare_words(&self, key: &Constraint, changes: &mut Changes) {
        let actions = actions(key);
        let is_rare = actions.contains("MATCH FULL") || actions.contains("SET NULL (");
        if !self.is_postgresql() && (is_rare || actions.contains("SET DEFAULT (")) {
            changes.push((&NOT_DOCUMENTED, actions.trim().to_owned()));
        }
    }

    /// What a foreign key refers to.
    fn parent(&self, key: &Constraint) -> Result<Parent, Left> {
        let missing = |why: String| Left::new(&TARGET_MISSING, format!("it refers to {why}"));
        let Some(oid) = key.references else {
            return Err(missing("a table that is not in the catalog".to_owned()));
        };
        let relation = Object::new(Class::Relation, oid);
        let Some(home) = self.homes.of(oid) else {
            let chain = self.missing(relation);
            return Err(missing(
                chain.unwrap_or_else(|| self.source.label(relation)),
            ));
        };
        let wanted = sorted(&key.referenced_columns);
        let primary = home.root.primary_key();
        let primary = primary.filter(|p| self.build.made(object(p)).is_some());
        if primary.is_some_and(|p| sorted(&p.columns) == wanted) {
            return Ok(Parent::new(home, None));
        }
        match self.unique_of(home.root, &wanted) {
            Some(unique) => Ok(Parent::new(home, Some(unique))),
            None => Err(missing(format!(
                "{} ({}), which no unique key holds in the target",
                home.name,
                key.referenced_columns.join(", ")
            ))),
        }
    }

    /// A unique constraint or whole unique index of these columns that was made.
    fn unique_of(&self, table: &Relation, columns: &[&str]) -> Option<Object> {
        let constraints = table.constraints.iter();
        let constraints = constraints
            .filter(|c| c.kind == ConstraintKind::Unique && sorted(&c.columns) == columns)
            .map(object);
        let indexes = table.indexes.iter();
        let indexes = indexes
            .filter(|i| i.unique && i.predicate.is_none() && i.constraint.is_none())
            .filter(|i| key_columns(i).is_some_and(|key| key == columns))
            .map(super::indexes::object);
        let mut all = constraints.chain(indexes);
        all.find(|&unique| self.build.made(unique).is_some())
    }
}

/// The foreign keys that a table has of its own, by their names.
fn foreign(relation: &Relation) -> impl Iterator<Item = &Constraint> {
    let own = |c: &&Constraint| c.kind == ConstraintKind::Foreign && !c.inherited;
    in_order(relation).into_iter().filter(own)
}

/// MATCH and ON DELETE, ON UPDATE, as the definition has them.
fn actions(key: &Constraint) -> String {
    let definition = &key.definition;
    let pieces = pieces(definition);
    let references = pieces
        .iter()
        .position(|p| p.text.eq_ignore_ascii_case("references"));
    let after = references.map_or(&pieces[..0], |at| &pieces[at + 1..]);
    // The name of the table, and the columns in parentheses.
    let words = ["match", "on", "deferrable", "not", "initially"];
    let mut rest = after.iter().filter(|piece| {
        words
            .iter()
            .any(|word| piece.text.eq_ignore_ascii_case(word))
    });
    let tail = rest.next().map_or("", |piece| &definition[piece.start..]);
    let kept = [
        &["NOT", "VALID"][..],
        &["NOT", "ENFORCED"],
        &["NOT", "DEFERRABLE"],
        &["DEFERRABLE"],
        &["INITIALLY", "DEFERRED"],
        &["INITIALLY", "IMMEDIATE"],
    ]
    .iter()
    .fold(tail.to_owned(), |text, words| without(&text, words));
    if kept.is_empty() {
        kept
    } else {
        format!(" {kept}")
    }
}

fn sorted(columns: &[String]) -> Vec<&str> {
    let mut columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    columns.sort_unstable();
    columns
}

/// The columns of an index without expressions, sorted.
fn key_columns(index: &crate::catalog::database::Index) -> Option<Vec<&str>> {
    let columns = index.parts.iter().map(|part| part.column.as_deref());
    let mut columns: Vec<&str> = columns.collect::<Option<_>>()?;
    columns.sort_unstable();
    Some(columns)
}

fn readable_key(table: &Name, key: &str) -> String {
    format!("foreign key {table}.{}", readable(key))
}
