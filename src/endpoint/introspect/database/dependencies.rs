//! Who needs whom: pg_depend, with the parts of an object folded into it.

use std::collections::{HashMap, HashSet};

use super::reading::{Reading, class};
use crate::catalog::database::{Class, Database, Dependency, Object};
use crate::endpoint::error::Result;

/// An entry of pg_depend refers to an object and, of a relation, to a column (0 for none).
type Reference = (u32, u32, i16);

/// An object, and of a relation the column, else 0.
type Node = (Object, i16);

/// Who needs, and who is needed.
type Edge = (Node, Node);

/// Objects that are another one, or part of one.
#[derive(Default)]
struct Nodes {
    /// By catalog and OID: the object, and of a default its column.
    parts: HashMap<(u32, u32), Node>,
    /// OIDs of the others that were read: the server's own parts of them (members of an operator class,
    /// tables of a publication) need nobody.
    others: HashSet<u32>,
    /// Names of columns by relation and number.
    columns: HashMap<(u32, i16), String>,
}

pub(super) async fn read(reading: &mut Reading<'_>) -> Result<()> {
    let mut nodes = Nodes::of(&reading.database);
    nodes.types(reading).await?;
    nodes.parts(reading).await?;
    // 'x' is ALTER … DEPENDS ON EXTENSION; 'P' and 'S' are of partitions. Owners of sequences are told
    // with the sequences: `a` and `i` of a sequence on a column are no need.
    const SQL: &str = "\
        SELECT classid, objid, objsubid, refclassid, refobjid, refobjsubid, deptype FROM pg_depend \
        WHERE objid >= 16384 AND (refobjid >= 16384 OR refclassid IN (2615, 3079)) \
        ORDER BY classid, objid, objsubid, refclassid, refobjid, refobjsubid";
    let mut seen = HashSet::new();
    let mut dependencies = Vec::new();
    reading
        .each("the dependencies", SQL, |_, f| {
            let dependent = (f.number(0)?, f.number(1)?, f.number(2)?);
            let on = (f.number(3)?, f.number(4)?, f.number(5)?);
            let kind = f.letter(6);
            if let Some(edge) = nodes.edge(dependent, on, kind)
                && seen.insert(edge)
            {
                dependencies.push(nodes.named(edge));
            }
            Ok(())
        })
        .await?;
    reading.database.dependencies = dependencies;
    Ok(())
}

impl Nodes {
    /// The objects that were read.
    fn of(database: &Database) -> Self {
        let mut nodes = Self {
            others: database.others.iter().map(|other| other.oid).collect(),
            ..Self::default()
        };
        for schema in &database.schemas {
            nodes.insert(class::SCHEMA, schema.oid, Class::Schema, schema.oid);
        }
        for extension in &database.extensions {
            let oid = extension.oid;
            nodes.insert(class::EXTENSION, oid, Class::Extension, oid);
        }
        for sequence in &database.sequences {
            nodes.insert(class::RELATION, sequence.oid, Class::Sequence, sequence.oid);
        }
        for routine in &database.routines {
            nodes.insert(class::ROUTINE, routine.oid, Class::Routine, routine.oid);
        }
        for relation in &database.relations {
            nodes.relation(relation);
        }
        nodes
    }

    fn relation(&mut self, relation: &crate::catalog::database::Relation) {
        let oid = relation.oid;
        self.insert(class::RELATION, oid, Class::Relation, oid);
        for index in &relation.indexes {
            self.insert(class::RELATION, index.oid, Class::Index, index.oid);
        }
        for constraint in &relation.constraints {
            let oid = constraint.oid;
            self.insert(class::CONSTRAINT, oid, Class::Constraint, oid);
        }
        for trigger in &relation.triggers {
            self.insert(class::TRIGGER, trigger.oid, Class::Trigger, trigger.oid);
        }
        for column in &relation.columns {
            let name = column.name.clone();
            self.columns.insert((oid, column.number), name);
        }
    }

    fn insert(&mut self, catalog: u32, oid: u32, class: Class, object: u32) {
        let object = Object::new(class, object);
        self.parts.insert((catalog, oid), (object, 0));
    }

    /// Types, with arrays folded into their elements, multiranges into ranges, and row types into
    /// relations.
    async fn types(&mut self, reading: &mut Reading<'_>) -> Result<()> {
        let range = if reading.version >= 140_000 {
            "(SELECT r.rngtypid FROM pg_range r WHERE r.rngmultitypid = coalesce(e.oid, t.oid))"
        } else {
            "NULL"
        };
        let sql = format!(
            "SELECT t.oid, coalesce({range}, e.oid, t.oid), \
                    coalesce(e.typrelid, t.typrelid), c.relkind = 'c' \
             FROM pg_type t \
             LEFT JOIN pg_type e ON e.oid = t.typelem AND e.typarray = t.oid \
             LEFT JOIN pg_class c ON c.oid = coalesce(e.typrelid, t.typrelid) \
             WHERE t.oid >= 16384"
        );
        reading
            .each("the types", &sql, |_, f| {
                let (oid, element, relation) = (f.number(0)?, f.number(1)?, f.number(2)?);
                if f.truth(3) {
                    // A composite type has an entry of its own in pg_class.
                    self.insert(class::RELATION, relation, Class::Type, element);
                }
                if relation == 0 || f.truth(3) {
                    self.insert(class::TYPE, oid, Class::Type, element);
                } else if let Some(&whole) = self.parts.get(&(class::RELATION, relation)) {
                    // Of a sequence, too, before PostgreSQL 14.
                    self.parts.insert((class::TYPE, oid), whole);
                }
                Ok(())
            })
            .await
    }

    /// Rewrite rules of views, defaults of columns, CHECKs of domains.
    async fn parts(&mut self, reading: &mut Reading<'_>) -> Result<()> {
        let sql = "\
            SELECT 2618, r.oid, 1259, r.ev_class, 0 FROM pg_rewrite r \
            WHERE r.rulename = '_RETURN' AND r.oid >= 16384 \
            UNION ALL SELECT 2604, d.oid, 1259, d.adrelid, d.adnum FROM pg_attrdef d \
            UNION ALL SELECT 2606, k.oid, 1247, k.contypid, 0 FROM pg_constraint k \
            WHERE k.contypid <> 0 AND k.oid >= 16384";
        reading
            .each("the parts of objects", sql, |_, f| {
                let part = (f.number(0)?, f.number(1)?);
                let whole = self.parts.get(&(f.number(2)?, f.number(3)?));
                if let Some(&(whole, _)) = whole {
                    self.parts.insert(part, (whole, f.number(4)?));
                }
                Ok(())
            })
            .await
    }

    /// The edge between two objects; `None` for one within an object, or to what is not read.
    fn edge(&self, dependent: Reference, on: Reference, kind: char) -> Option<Edge> {
        let (from, to) = (self.object(dependent)?, self.object(on)?);
        let owned = from.0.class == Class::Sequence && matches!(kind, 'a' | 'i');
        if from.0 == to.0 || owned && to.0.class == Class::Relation {
            return None;
        }
        Some((from, to))
    }

    fn named(&self, (from, to): Edge) -> Dependency {
        Dependency {
            dependent: from.0,
            column: self.column(from),
            on: to.0,
            on_column: self.column(to),
        }
    }

    /// The object that an entry means, and the column.
    fn object(&self, (catalog, oid, column): Reference) -> Option<Node> {
        match self.parts.get(&(catalog, oid)) {
            Some(&(object, 0)) => Some((object, column)),
            Some(&(object, part)) => Some((object, part)),
            None if is_converted(catalog) || !self.others.contains(&oid) => None,
            None => Some((Object::new(Class::Other, oid), 0)),
        }
    }

    fn column(&self, (object, number): Node) -> Option<String> {
        let of_relation = object.class == Class::Relation;
        let name = of_relation.then(|| self.columns.get(&(object.oid, number)))?;
        name.cloned()
    }
}

/// Whether a catalog's objects are all read: what is missing there is the system's.
fn is_converted(catalog: u32) -> bool {
    [
        class::TYPE,
        class::ROUTINE,
        class::RELATION,
        class::ATTRDEF,
        class::CONSTRAINT,
        class::SCHEMA,
        class::TRIGGER,
        class::EXTENSION,
    ]
    .contains(&catalog)
}
