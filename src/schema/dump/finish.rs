//! The end of a dump: what could not be known before it, by the names of things.

use std::collections::HashSet;

use super::Dump;
use super::builtin;
use super::depend;
use super::model::{Model, Pending, Place};
use crate::catalog::database::{
    Name, Other, OtherKind, RelationKind, Server, UserType, UserTypeKind,
};
use crate::catalog::{DataType, TypeForm, Types};
use crate::schema::syntax::lexer::Lexed;
use crate::schema::syntax::type_name::{TypeKey, type_span};

/// Puts the model together.
pub(super) fn finish(mut model: Model) -> Dump {
    let known = Known::new(&mut model);
    let mut pending: Vec<_> = std::mem::take(&mut model.pending).into_iter().collect();
    pending.sort_by_key(|(place, _)| *place);
    for (place, pending) in pending {
        known.resolve(&mut model, place, &pending);
    }
    results(&mut model);
    references(&mut model);
    functions_of_triggers(&mut model);
    populated(&mut model);
    sums(&mut model);
    depend::find(&mut model);
    order(&mut model);
    if model.database.server == Server::default() {
        model.database.server.encoding = "UTF8".to_owned();
    }
    Dump {
        has_data: model.has_data,
        statements: model.statements,
        database: model.database,
    }
}

/// All types with their OIDs.
struct Known {
    types: Types,
}

impl Known {
    /// The server's types, those of the dump, and those of extensions that it names.
    fn new(model: &mut Model) -> Self {
        types_of_extensions(model);
        let mut types = Types::default();
        for (name, oid, array) in builtin::TYPES {
            types.insert(oid, name.to_owned(), form(name));
            if array != 0 {
                types.insert(array, format!("_{name}"), TypeForm::Array { element: oid });
            }
        }
        let mut known = Self { types };
        for place in 0..model.database.types.len() {
            known.insert(model, place);
        }
        known.row_types(model);
        known
    }

    /// Row types of tables, as far as a column is of one.
    fn row_types(&mut self, model: &Model) {
        let keys = model.pending.values().map(|pending| &pending.key);
        let used: HashSet<Name> = keys.map(|key| Name::new(&key.schema, &key.name)).collect();
        for (place, relation) in model.database.relations.iter().enumerate() {
            if !used.contains(&relation.name) {
                continue;
            }
            let columns = 0..relation.columns.len();
            let pending = columns.filter_map(|at| model.pending.get(&Place::Column(place, at)));
            let fields = pending.filter_map(|p| oid_of(model, &p.key)).collect();
            let name = relation.name.name.clone();
            self.types
                .insert(relation.oid, name, TypeForm::Composite { fields });
        }
    }

    fn insert(&mut self, model: &Model, place: usize) {
        let user_type = &model.database.types[place];
        let made_of = |wanted: Place| {
            let pending = model.pending.get(&wanted)?;
            Some((oid_of(model, &pending.key)?, pending.typmod))
        };
        let form = match &user_type.kind {
            UserTypeKind::Domain { .. } => match made_of(Place::Inside(place)) {
                Some((base, typmod)) => TypeForm::Domain { base, typmod },
                None => TypeForm::Scalar,
            },
            UserTypeKind::Range { .. } => match made_of(Place::Inside(place)) {
                Some((bound, _)) => TypeForm::Range { bound },
                None => TypeForm::Scalar,
            },
            UserTypeKind::Composite(fields) => TypeForm::Composite {
                fields: (0..fields.len())
                    .filter_map(|field| made_of(Place::Composite(place, field)))
                    .map(|(oid, _)| oid)
                    .collect(),
            },
            UserTypeKind::Enum(_) | UserTypeKind::Base => TypeForm::Scalar,
        };
        let (oid, array) = (user_type.oid, user_type.array_oid);
        self.types.insert(oid, user_type.name.name.clone(), form);
        let name = format!("_{}", user_type.name.name);
        self.types
            .insert(array, name, TypeForm::Array { element: oid });
    }

    /// Gives a place its type.
    fn resolve(&self, model: &mut Model, place: Place, pending: &Pending) {
        let Some(oid) = oid_of(model, &pending.key) else {
            let name = pending.key.to_sql();
            let known = format!("the type {name} is defined nowhere in the dump");
            if !model.database.not_read.contains(&known) {
                model.database.not_read.push(known);
            }
            return;
        };
        let resolved = |sql: &str| self.types.resolve(oid, pending.typmod, sql.to_owned());
        match place {
            Place::Column(relation, column) => {
                let field = &mut model.database.relations[relation].columns[column];
                field.type_oid = oid;
                field.data_type = resolved(&field.data_type.sql);
            }
            Place::Composite(place, at) => {
                if let UserTypeKind::Composite(fields) = &mut model.database.types[place].kind {
                    fields[at].1 = resolved(&fields[at].1.sql);
                }
            }
            Place::Inside(place) => inside(model, place, oid, &resolved),
        }
    }
}

fn inside(model: &mut Model, place: usize, oid: u32, resolved: &dyn Fn(&str) -> DataType) {
    match &mut model.database.types[place].kind {
        UserTypeKind::Domain { base, base_oid, .. } => {
            *base = resolved(&base.sql);
            *base_oid = oid;
        }
        UserTypeKind::Range { subtype, .. } => *subtype = resolved(&subtype.sql),
        _ => {}
    }
}

fn form(name: &str) -> TypeForm {
    let range = builtin::RANGES.iter().find(|(range, _)| *range == name);
    let bound = range.and_then(|(_, bound)| builtin::type_named(bound));
    bound.map_or(TypeForm::Scalar, |(bound, _)| TypeForm::Range { bound })
}

/// The OID of a type, or of the array of it.
pub(super) fn oid_of(model: &Model, key: &TypeKey) -> Option<u32> {
    if key.schema.is_empty() {
        let (oid, array) = builtin::type_named(&key.name)?;
        return Some(if key.array { array } else { oid });
    }
    let name = Name::new(&key.schema, &key.name);
    if let Some(&place) = model.types.get(&name) {
        let found = &model.database.types[place];
        return Some(if key.array {
            found.array_oid
        } else {
            found.oid
        });
    }
    // The row type of a table; its array has no OID of its own here.
    let place = *model.relations.get(&name)?;
    Some(model.database.relations[place].oid)
}

/// Types that are named and that an extension of the dump brings.
fn types_of_extensions(model: &mut Model) {
    let mut missing: Vec<(Name, String)> = Vec::new();
    for pending in model.pending.values() {
        let name = Name::new(&pending.key.schema, &pending.key.name);
        let known = pending.key.schema.is_empty()
            || model.types.contains_key(&name)
            || model.relations.contains_key(&name)
            || missing.iter().any(|(other, _)| *other == name);
        if known {
            continue;
        }
        let extensions = &model.database.extensions;
        let by_name = builtin::extension_of(&name.name)
            .filter(|wanted| extensions.iter().any(|e| e.name == *wanted));
        let mut in_schema = extensions.iter().filter(|e| e.schema == name.schema);
        let only = in_schema.next().filter(|_| in_schema.next().is_none());
        let extension = by_name.or(only.map(|e| e.name.as_str()));
        if let Some(extension) = extension {
            missing.push((name, extension.to_owned()));
        }
    }
    missing.sort();
    for (name, extension) in missing {
        let (oid, array_oid) = (model.oid(), model.oid());
        model.push_type(UserType {
            oid,
            array_oid,
            name,
            kind: UserTypeKind::Base,
            extension: Some(extension),
            comment: None,
        });
    }
}

fn results(model: &mut Model) {
    for (place, key) in std::mem::take(&mut model.results) {
        let oid = oid_of(model, &key).unwrap_or(0);
        model.database.routines[place].returns = oid;
    }
}

/// Foreign keys: the table that they refer to, and its key where no columns are written.
fn references(model: &mut Model) {
    for (place, at, target) in std::mem::take(&mut model.references) {
        let Some(&referred) = model.relations.get(&target) else {
            model.database.not_read.push(format!(
                "a foreign key refers to {target}, which is not in the dump"
            ));
            continue;
        };
        let referred = &model.database.relations[referred];
        let oid = referred.oid;
        let key = referred.primary_key().map(|key| key.columns.clone());
        let constraint = &mut model.database.relations[place].constraints[at];
        constraint.references = Some(oid);
        if constraint.referenced_columns.is_empty() {
            constraint.referenced_columns = key.unwrap_or_default();
        }
    }
}

fn functions_of_triggers(model: &mut Model) {
    for (place, at, function) in std::mem::take(&mut model.trigger_functions) {
        let routines = model.routines.get(&function).map_or(&[][..], Vec::as_slice);
        let found = routines
            .iter()
            .map(|&routine| &model.database.routines[routine])
            .find(|routine| routine.is_trigger);
        let oid = found.map_or(0, |routine| routine.oid);
        model.database.relations[place].triggers[at].function = oid;
    }
}

/// A dump without rows does not say which materialized views hold any.
fn populated(model: &mut Model) {
    let told = model.has_data || !model.refreshed.is_empty();
    for view in &mut model.database.relations {
        if view.kind == RelationKind::MaterializedView {
            view.populated = !told || model.refreshed.contains(&view.name);
        }
    }
}

/// Owners, grants and the like: one entry per role.
fn sums(model: &mut Model) {
    let mut others = Vec::new();
    let mut sum = |kind, name: String, detail: String, count: u64| {
        others.push(Other {
            kind,
            oid: 0,
            name: Name::new("", name),
            detail,
            count,
            extension: None,
        });
    };
    for (role, objects) in std::mem::take(&mut model.owners) {
        let count = objects.len() as u64;
        sum(OtherKind::Owner, role, format!("of {count} objects"), count);
    }
    for (role, granted) in std::mem::take(&mut model.grants) {
        let count = granted.objects.len() as u64;
        let privileges: Vec<String> = granted.privileges.into_iter().collect();
        let detail = format!("on {count} objects: {}", privileges.join(", "));
        sum(OtherKind::Grants, role, detail, count);
    }
    for (tablespace, count) in std::mem::take(&mut model.tablespaces) {
        let detail = format!("of {count} tables and indexes");
        sum(OtherKind::Tablespace, tablespace, detail, count);
    }
    for (provider, count) in std::mem::take(&mut model.labels) {
        let detail = format!("for {count} objects");
        sum(OtherKind::SecurityLabel, provider, detail, count);
    }
    if model.large_objects > 0 {
        let count = model.large_objects;
        sum(
            OtherKind::LargeObjects,
            "large objects".to_owned(),
            String::new(),
            count,
        );
    }
    // The family that a class comes with is no object of its own.
    let classes: Vec<Name> = of_classes(model).map(|o| o.name.clone()).collect();
    model.database.others.retain(|o| {
        !(o.kind == OtherKind::OperatorClass
            && o.detail.ends_with(", family")
            && classes.contains(&o.name))
    });
    model.database.others.extend(others);
}

fn of_classes(model: &Model) -> impl Iterator<Item = &Other> {
    let others = model.database.others.iter();
    others.filter(|o| o.kind == OtherKind::OperatorClass && !o.detail.ends_with(", family"))
}

/// By names, as introspection has them.
fn order(model: &mut Model) {
    let database = &mut model.database;
    database.schemas.sort_by(|a, b| a.name.cmp(&b.name));
    database.types.sort_by(|a, b| a.name.cmp(&b.name));
    database.sequences.sort_by(|a, b| a.name.cmp(&b.name));
    database.relations.sort_by(|a, b| a.name.cmp(&b.name));
    database
        .routines
        .sort_by(|a, b| (&a.name, &a.arguments).cmp(&(&b.name, &b.arguments)));
}

/// The types of arguments as they are written, by `pg_type.typname`: `a integer, VARIADIC b text[]`.
pub(super) fn argument_types(arguments: &str) -> Vec<String> {
    let Ok(lexed) = Lexed::new(arguments) else {
        return Vec::new();
    };
    let mut types = Vec::new();
    let mut first = 0;
    while first < lexed.tokens.len() {
        let mut end = first;
        let mut depth = 0usize;
        while end < lexed.tokens.len() && !(depth == 0 && lexed.is_symbol(end, ",")) {
            match lexed.raw(end) {
                "(" | "[" => depth += 1,
                ")" | "]" => depth = depth.saturating_sub(1),
                _ => {}
            }
            end += 1;
        }
        // The type is what reaches to the end of the argument.
        let whole = (first..end).find_map(|at| {
            let span = type_span(&lexed, at)?;
            (span.array_end == end).then_some(span)
        });
        types.extend(whole.map(|span| span.key.name));
        first = end + 1;
    }
    types
}
