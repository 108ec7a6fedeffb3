//! Two models of one database, compared without OIDs and without what a dump does not tell.

use wire9::catalog::database::{
    Constraint, Database, Field, FieldDefault, Index, OtherKind, Relation, RelationKind,
    UserTypeKind,
};

/// Every difference, a line each.
pub(crate) fn differences(read: &Database, dumped: &Database) -> Vec<String> {
    let (a, b) = (lines(read), lines(dumped));
    let only = |mark: &str, these: &[String], those: &[String]| -> Vec<String> {
        let missing = these.iter().filter(|line| !those.contains(line));
        missing.map(|line| format!("{mark} {line}")).collect()
    };
    let mut all = only("introspected:", &a, &b);
    all.extend(only("dumped:", &b, &a));
    all.sort_by_key(|line| line.split_once(": ").map(|(_, rest)| rest.to_owned()));
    all
}

/// The whole model as lines that name everything by its name.
fn lines(database: &Database) -> Vec<String> {
    let mut lines = Vec::new();
    for schema in &database.schemas {
        // A dump does not make the schema that every database has.
        if schema.name != "public" {
            lines.push(format!("schema {} {:?}", schema.name, schema.comment));
        }
    }
    for extension in database.extensions.iter().filter(|e| e.name != "plpgsql") {
        lines.push(format!(
            "extension {} in {}",
            extension.name, extension.schema
        ));
    }
    for user_type in database.types.iter().filter(|t| t.extension.is_none()) {
        let kind = type_line(&user_type.kind);
        lines.push(format!(
            "type {} {kind} {:?}",
            user_type.name, user_type.comment
        ));
    }
    for sequence in database.sequences.iter().filter(|s| s.extension.is_none()) {
        let mut plain = sequence.clone();
        plain.oid = 0;
        lines.push(format!("sequence {plain:?}"));
    }
    for routine in database.routines.iter().filter(|r| r.extension.is_none()) {
        let mut plain = routine.clone();
        plain.oid = 0;
        plain.returns = 0;
        // pg_dump prints the clauses in another order, and OR REPLACE not at all.
        plain.definition = None;
        lines.push(format!("routine {plain:?}"));
    }
    for relation in database.relations.iter().filter(|r| r.extension.is_none()) {
        relation_lines(database, relation, &mut lines);
    }
    for other in database.others.iter().filter(|o| o.extension.is_none()) {
        // The dump is made by the owner, and names him; introspection names only others.
        if other.kind != OtherKind::Owner {
            let (kind, name, count) = (other.kind, &other.name, other.count);
            lines.push(format!("{kind:?} {name} {} {count}", other.detail));
        }
    }
    lines
}

fn type_line(kind: &UserTypeKind) -> String {
    match kind {
        UserTypeKind::Domain {
            base,
            not_null,
            default,
            collation,
            checks,
            ..
        } => {
            let checks: Vec<String> = checks
                .iter()
                .map(|c| format!("{} {} {}", c.name, c.definition, c.validated))
                .collect();
            let below = (&base.sql, base.shape, &base.base_name, base.typmod);
            format!("domain {below:?} {not_null} {default:?} {collation:?} {checks:?}")
        }
        UserTypeKind::Composite(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(name, t)| format!("{name} {} {:?} {}", t.sql, t.shape, t.base_name))
                .collect();
            format!("composite {fields:?}")
        }
        UserTypeKind::Range { subtype, options } => {
            format!("range {} {} {options:?}", subtype.sql, subtype.base)
        }
        other => format!("{other:?}"),
    }
}

fn relation_lines(database: &Database, relation: &Relation, lines: &mut Vec<String>) {
    let name = &relation.name;
    let named = |oid: u32| database.relation(oid).map(|r| r.name.to_string());
    let parents: Vec<_> = relation.inherits.iter().map(|&oid| named(oid)).collect();
    lines.push(format!(
        "relation {name} {:?} {:?} {:?} {} {} {:?} {:?} {:?} {parents:?} {:?} {} {:?} {:?} {:?} {:?} {:?} {:?}",
        relation.kind,
        relation.persistence,
        relation.policies,
        relation.row_security,
        relation.force_row_security,
        relation.rules,
        relation.partitioning,
        (relation.partition_of.and_then(named), &relation.partition_bound),
        relation.query,
        relation.populated,
        relation.options,
        relation.foreign_server,
        relation.tablespace,
        relation.replica_identity.as_ref().filter(|_| relation.kind != RelationKind::View
            && relation.kind != RelationKind::Foreign),
        relation.of_type,
        relation.comment,
    ));
    if relation.is_table() {
        for column in &relation.columns {
            lines.push(format!("column {name}.{}", column_line(database, column)));
        }
    }
    for constraint in relation.constraints.iter().filter(|c| !c.inherited) {
        lines.push(format!(
            "constraint {name}.{}",
            constraint_line(database, relation, constraint)
        ));
    }
    for index in &relation.indexes {
        // Copies of a parent's constraint come without a statement of their own in some versions.
        lines.push(format!(
            "index {name}.{}",
            index_line(database, relation, index)
        ));
    }
    for trigger in relation.triggers.iter().filter(|t| !t.inherited) {
        let function = database.routines.iter().find(|r| r.oid == trigger.function);
        let function = function.map(|r| r.name.to_string());
        lines.push(format!(
            "trigger {name}.{} {} {function:?} {} {} {} {} {:?}",
            trigger.name,
            trigger.definition,
            trigger.for_each_row,
            trigger.enabled,
            trigger.constraint,
            trigger.transition_tables,
            trigger.comment,
        ));
    }
}

fn column_line(database: &Database, column: &Field) -> String {
    let default = match &column.default {
        FieldDefault::Identity { always, sequence } => {
            let sequence = database.sequences.iter().find(|s| s.oid == *sequence);
            format!(
                "identity {always} {:?}",
                sequence.map(|s| s.name.to_string())
            )
        }
        other => format!("{other:?}"),
    };
    let t = &column.data_type;
    format!(
        "{} {} {:?} {} {:?} {} {} {default} {:?} {} {:?} {:?}",
        column.name,
        t.sql,
        t.shape,
        t.base_name,
        t.typmod,
        t.holds_timestamp,
        column.not_null,
        column.collation,
        column.inherited,
        column.storage,
        column.comment,
    )
}

fn constraint_line(database: &Database, relation: &Relation, constraint: &Constraint) -> String {
    let mut plain = constraint.clone();
    plain.oid = 0;
    plain.index = None;
    let references = plain.references.take();
    let references = references.and_then(|oid| database.relation(oid));
    let references = references.map(|r| r.name.to_string());
    let index = constraint
        .index
        .and_then(|oid| relation.indexes.iter().find(|i| i.oid == oid));
    let index = index.map(|i| i.name.clone());
    format!("{plain:?} {references:?} {index:?}")
}

fn index_line(database: &Database, relation: &Relation, index: &Index) -> String {
    let mut plain = index.clone();
    plain.oid = 0;
    let constraint = plain.constraint.take();
    let constraint = relation
        .constraints
        .iter()
        .find(|c| Some(c.oid) == constraint);
    plain.parent = None;
    let mut indexes = database.relations.iter().flat_map(|r| &r.indexes);
    let parent = indexes.find(|i| Some(i.oid) == index.parent);
    let names = (constraint.map(|c| &c.name), parent.map(|p| &p.name));
    format!("{plain:?} {names:?}")
}
