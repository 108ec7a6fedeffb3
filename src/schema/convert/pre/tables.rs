//! CREATE TABLE, one statement a table, with its primary key; and where the rows go.

use std::collections::HashSet;

use super::kinds;
use super::layout::Role;
use super::maker::Maker;
use super::mapped_type::MappedType;
use super::spelling::Spelling;
use super::text::{cut, one_line};
use super::tokens;
use super::{columns, constraints};
use crate::catalog::Persistence;
use crate::catalog::database::{
    Class, ConstraintKind, Field, Name, Object, Relation, RelationKind,
};
use crate::catalog::readable;
use crate::profile::Profile;
use crate::schema::convert::build;
use crate::schema::convert::{Makes, MappedColumn, MappedTable, Section};
use crate::schema::finding::{Finding, Kind};

/// PostgreSQL's limit, to which names that wire9 makes are cut.
const IDENTIFIER_BYTES: usize = 63;

/// A table in the making.
pub(super) struct Draft<'r> {
    pub(super) relation: &'r Relation,
    pub(super) object: Object,
    /// It stays a partition.
    pub(super) is_partition: bool,
    pub(super) columns: Vec<String>,
    pub(super) constraints: Vec<String>,
    /// Columns whose values are sent.
    pub(super) sent: Vec<MappedColumn>,
    /// Columns whose type is another one, for which the source's functions do not work.
    pub(super) foreign: HashSet<&'r str>,
    /// Columns whose timestamps are cut.
    cut: HashSet<&'r str>,
    pub(super) needs: Vec<Object>,
    /// What else the statement makes: constraints, their indexes, sequences of identity columns.
    pub(super) comes_with: Vec<Object>,
    rewritten: Vec<String>,
    names: HashSet<String>,
}

impl<'r> Draft<'r> {
    fn new(relation: &'r Relation, is_partition: bool) -> Self {
        Self {
            relation,
            object: Object::new(Class::Relation, relation.oid),
            is_partition,
            columns: Vec::new(),
            constraints: Vec::new(),
            sent: Vec::new(),
            foreign: HashSet::new(),
            cut: HashSet::new(),
            needs: Vec::new(),
            comes_with: Vec::new(),
            rewritten: Vec::new(),
            names: relation
                .constraints
                .iter()
                .map(|c| c.name.clone())
                .collect(),
        }
    }

    /// The first column of a text whose type the source's functions do not know.
    pub(super) fn foreign_column(&self, text: &str) -> Option<&'r str> {
        self.mentioned(text, &self.foreign)
    }

    /// The first column of a text whose timestamps are cut.
    pub(super) fn cut_column(&self, text: &str) -> Option<&'r str> {
        self.mentioned(text, &self.cut)
    }

    fn mentioned(&self, text: &str, among: &HashSet<&'r str>) -> Option<&'r str> {
        if among.is_empty() {
            return None;
        }
        let columns = self.relation.columns.iter().map(|c| c.name.as_str());
        columns
            .filter(|column| among.contains(column))
            .find(|column| tokens::mentions(text, column))
    }

    /// A name for a constraint that the table does not have in the source, as near as can be to what is
    /// wanted.
    pub(super) fn new_name(&mut self, wanted: &str) -> String {
        let mut name = cut(wanted, IDENTIFIER_BYTES).to_owned();
        let mut number = 1;
        while !self.names.insert(name.clone()) {
            let end = number.to_string();
            name = format!("{}{end}", cut(wanted, IDENTIFIER_BYTES - end.len()));
            number += 1;
        }
        name
    }

    /// A line for the comment before the statement, where a text is not what it was.
    pub(super) fn note_rewrite(&mut self, column: &str, what: &str, before: &str, after: &str) {
        if before != after {
            let column = readable(column);
            self.rewritten
                .push(format!("{what} of {column} was {}", one_line(before)));
        }
    }
}

/// Makes all tables, and says which are left out.
pub(super) fn build(maker: &mut Maker<'_, '_>) {
    let database = maker.build.database;
    for relation in &database.relations {
        match maker.layout.role(relation.oid) {
            Role::Table | Role::Partition { .. } => {
                maker.make(Object::new(Class::Relation, relation.oid));
            }
            Role::PartOf { root } => absorb(maker, relation, root),
            Role::Foreign => leave_foreign_out(maker, relation),
            Role::OfExtension if relation.is_table() => of_extension(maker, relation),
            Role::OfExtension | Role::View => {}
        }
    }
}

/// Makes a table after what it needs.
pub(super) fn make<'a>(maker: &mut Maker<'_, 'a>, relation: &'a Relation) {
    let role = maker.layout.role(relation.oid);
    let mut draft = Draft::new(relation, matches!(role, Role::Partition { .. }));
    let classes = [Class::Type, Class::Sequence, Class::Routine];
    maker.make_needed(draft.object, &classes);
    let above = above(maker, relation, role);
    for &oid in &above {
        let parent = Object::new(Class::Relation, oid);
        maker.make(parent);
        draft.needs.push(parent);
    }
    types_of(maker, &mut draft);
    let inherits = !above.is_empty();
    let fields: Vec<(&Field, MappedType)> = relation
        .columns
        .iter()
        .map(|field| (field, columns::mapped(maker.build, &draft, field)))
        .collect();
    let foreign = fields.iter().filter(|(_, mapped)| mapped.is_foreign);
    draft.foreign = foreign.map(|(field, _)| field.name.as_str()).collect();
    let cut = fields.iter().filter(|(_, mapped)| is_cut(mapped));
    draft.cut = cut.map(|(field, _)| field.name.as_str()).collect();
    for (field, mapped) in &fields {
        columns::add(maker, &mut draft, field, mapped);
        if inherits && field.inherited {
            draft.columns.pop();
        }
    }
    constraints::add(maker, &mut draft);
    draft.needs.extend(maker.take_used());
    timestamp_keys(maker, &draft);
    remarks(maker, relation);
    push(maker, draft, role);
}

/// Makes the types of its columns, which a dump does not tell otherwise.
fn types_of(maker: &mut Maker<'_, '_>, draft: &mut Draft<'_>) {
    for field in &draft.relation.columns {
        let spelling = Spelling::of(&field.data_type.sql);
        if let Some(user_type) = maker.build.types.user_type(field.type_oid, &spelling) {
            let object = Object::new(Class::Type, user_type.oid);
            maker.make(object);
            draft.needs.push(object);
        }
    }
}

/// Tables that have to be there before: the one that it is a partition of, those that it inherits from.
fn above(maker: &Maker<'_, '_>, relation: &Relation, role: Role) -> Vec<u32> {
    match role {
        Role::Partition { parent } => vec![parent],
        _ if maker.layout.inherits => relation.inherits.clone(),
        _ => Vec::new(),
    }
}

fn push(maker: &mut Maker<'_, '_>, draft: Draft<'_>, role: Role) {
    let relation = draft.relation;
    let target = maker.build.mapping.name(&relation.name);
    let sql = statement(maker, &draft, role, &target);
    let mut rewritten = draft.rewritten;
    if let Some(was) = flattened(maker, relation) {
        rewritten.insert(0, was);
    }
    let made = build::Draft {
        section: Section::PreData,
        makes: Makes::Table,
        object: format!("table {target}"),
        name: target.clone(),
        sql,
        rewritten,
        needs: draft.needs,
    };
    let index = maker.build.push(Some(draft.object), made);
    for object in draft.comes_with {
        maker.build.made_with(object, index);
    }
    if !draft.is_partition {
        let leaves = leaves(maker, relation);
        maker.build.conversion.tables.push(MappedTable {
            source: relation.name.clone(),
            leaves,
            target,
            columns: draft.sent,
        });
    }
}

fn statement(maker: &Maker<'_, '_>, draft: &Draft<'_>, role: Role, target: &Name) -> String {
    let relation = draft.relation;
    let logged = relation.persistence == Persistence::Permanent
        || Profile::yes(&maker.build.profile.unlogged_tables) != Some(true);
    let create = if logged {
        "CREATE TABLE"
    } else {
        "CREATE UNLOGGED TABLE"
    };
    let mut sql = format!("{create} {}", target.quoted());
    if let Role::Partition { parent } = role {
        let parent = maker.build.relation(parent).map(|p| &p.name);
        let parent = parent.map_or_else(|| target.clone(), |p| maker.build.mapping.name(p));
        sql.push_str(&format!(" PARTITION OF {}", parent.quoted()));
        if !draft.constraints.is_empty() {
            sql.push_str(&list(draft.constraints.iter()));
        }
        let bound = relation.partition_bound.as_deref().unwrap_or("DEFAULT");
        sql.push_str(&format!(" {bound}"));
    } else {
        sql.push_str(&list(draft.columns.iter().chain(&draft.constraints)));
    }
    sql.push_str(&clauses(maker, relation));
    sql
}

/// INHERITS, PARTITION BY and WITH, where the target has them.
fn clauses(maker: &Maker<'_, '_>, relation: &Relation) -> String {
    let mut sql = String::new();
    if maker.layout.inherits && !relation.inherits.is_empty() {
        let parents = relation
            .inherits
            .iter()
            .filter_map(|&oid| maker.build.relation(oid));
        let parents = parents.map(|parent| maker.build.mapping.name(&parent.name).quoted());
        let parents: Vec<String> = parents.collect();
        sql.push_str(&format!(" INHERITS ({})", parents.join(", ")));
    }
    let partitions = Profile::yes(&maker.build.profile.partitioning) == Some(true);
    if let Some(partitioning) = relation.partitioning.as_ref().filter(|_| partitions) {
        sql.push_str(&format!(" PARTITION BY {}", partitioning.key));
    }
    if maker.build.types.is_postgresql() && !relation.options.is_empty() {
        sql.push_str(&format!(" WITH ({})", relation.options.join(", ")));
    }
    sql
}

fn list<'l>(lines: impl Iterator<Item = &'l String>) -> String {
    let lines: Vec<&str> = lines.map(String::as_str).collect();
    if lines.is_empty() {
        " ()".to_owned()
    } else {
        format!(" (\n    {}\n)", lines.join(",\n    "))
    }
}

/// The source relations whose own rows go into a table.
fn leaves(maker: &Maker<'_, '_>, relation: &Relation) -> Vec<Name> {
    let below = maker.layout.partitions(relation.oid);
    let all = std::iter::once(relation.oid).chain(below);
    let holds_rows = |relation: &&Relation| match relation.kind {
        RelationKind::Table => true,
        RelationKind::Foreign => maker.build.wishes.foreign_tables,
        _ => false,
    };
    all.filter_map(|oid| maker.build.relation(oid))
        .filter(holds_rows)
        .map(|relation| relation.name.clone())
        .collect()
}

/// What the statement says of partitions that are gone; the finding tells people the same.
fn flattened(maker: &mut Maker<'_, '_>, relation: &Relation) -> Option<String> {
    let partitioning = relation.partitioning.as_ref()?;
    if Profile::yes(&maker.build.profile.partitioning) == Some(true) {
        return None;
    }
    let partitions = maker.layout.partitions(relation.oid).len();
    let detail = format!("{partitions} partitions by {}", partitioning.key);
    let object = format!("table {}", relation.name);
    let finding = Finding::new(&kinds::PARTITIONED, object);
    let count = u64::try_from(partitions).unwrap_or(u64::MAX).max(1);
    maker
        .build
        .find(finding.counted(count).detail(detail.clone()));
    Some(format!("was partitioned: {detail}"))
}

/// A partition has no place of its own; what only it has is lost.
fn absorb(maker: &mut Maker<'_, '_>, relation: &Relation, root: u32) {
    let Some(root) = maker.build.relation(root) else {
        return;
    };
    let why = format!("it is a partition; its rows are in {}", root.name);
    maker
        .build
        .absent(Object::new(Class::Relation, relation.oid), why);
    without_effect(maker, relation);
    let only = only_here(relation);
    if !only.is_empty() {
        let object = format!("partition {}", relation.name);
        let count = u64::try_from(only.len()).unwrap_or(u64::MAX);
        let finding = Finding::new(&kinds::PARTITION_ONLY, object).counted(count);
        maker.build.find(finding.detail(only.join(", ")));
    }
}

/// Nothing of the `--map` file is ignored in silence.
fn without_effect(maker: &mut Maker<'_, '_>, relation: &Relation) {
    let mapping = maker.build.mapping;
    let mut columns = mapping.columns.keys();
    let named = mapping.tables.contains_key(&relation.name)
        || columns.any(|column| column.table == relation.name);
    if named {
        let object = format!("partition {}", relation.name);
        maker
            .build
            .find(Finding::new(&kinds::WITHOUT_EFFECT, object));
    }
}

/// What CREATE TABLE would hold and the tables above a partition do not have; the rest is post-data's.
fn only_here(relation: &Relation) -> Vec<String> {
    let ours = [ConstraintKind::Check, ConstraintKind::Primary];
    let constraints = relation.constraints.iter();
    constraints
        .filter(|c| !c.inherited && ours.contains(&c.kind))
        .map(|c| format!("constraint {}", readable(&c.name)))
        .collect()
}

fn leave_foreign_out(maker: &mut Maker<'_, '_>, relation: &Relation) {
    let server = relation.foreign_server.as_deref().unwrap_or("?");
    let object = format!("foreign table {}", relation.name);
    let detail = format!("server {}", readable(server));
    maker
        .build
        .find(Finding::new(&kinds::FOREIGN_TABLE, &object).detail(detail));
    let why = "foreign tables are not supported; --foreign-tables copies their rows";
    maker
        .build
        .leave_out(Object::new(Class::Relation, relation.oid), object, why);
}

fn of_extension(maker: &mut Maker<'_, '_>, relation: &Relation) {
    let extension = relation.extension.as_deref().unwrap_or("?");
    let detail = format!("extension {}", readable(extension));
    let object = format!("table {}", relation.name);
    maker
        .build
        .find(Finding::new(&kinds::EXTENSION_TABLE, object).detail(detail));
}

fn is_cut(mapped: &MappedType) -> bool {
    let mut kinds = mapped.changes.iter().map(|(kind, _)| *kind);
    kinds.any(|kind| kind == &kinds::TIMESTAMP_DIGITS)
}

/// A key whose values are cut may have the same value twice.
fn timestamp_keys(maker: &mut Maker<'_, '_>, draft: &Draft<'_>) {
    let relation = draft.relation;
    for index in relation.indexes.iter().filter(|index| index.unique) {
        let mut columns = index.parts.iter().filter_map(|part| part.column.as_deref());
        if let Some(column) = columns.find(|column| draft.cut.contains(column)) {
            let name = Name::new(relation.name.schema.clone(), index.name.clone());
            let detail = format!("column {} of {}", readable(column), relation.name);
            let finding = Finding::new(&kinds::TIMESTAMP_KEY, format!("index {name}"));
            maker.build.find(finding.detail(detail));
        }
    }
}

/// Findings about the table as a whole.
fn remarks(maker: &mut Maker<'_, '_>, relation: &Relation) {
    let object = format!("table {}", relation.name);
    let children = maker.layout.children(relation.oid).len();
    let mut found = left_behind(maker, relation);
    if children > 0 && !maker.layout.inherits {
        let detail = format!("{children} child{}", if children == 1 { "" } else { "ren" });
        found.push((&kinds::INHERITANCE, detail));
    }
    for (kind, detail) in found {
        maker.build.find(Finding::new(kind, &object).detail(detail));
    }
}

/// What a table has that the target's does not have.
fn left_behind(maker: &Maker<'_, '_>, relation: &Relation) -> Vec<(&'static Kind, String)> {
    let mut found: Vec<(&'static Kind, String)> = Vec::new();
    if relation.kind == RelationKind::Foreign {
        let server = relation.foreign_server.as_deref().unwrap_or("?");
        found.push((
            &kinds::FOREIGN_COPIED,
            format!("server {}", readable(server)),
        ));
    }
    let unlogged = relation.persistence == Persistence::Unlogged;
    if unlogged && Profile::yes(&maker.build.profile.unlogged_tables) != Some(true) {
        found.push((&kinds::UNLOGGED, String::new()));
    }
    if let Some(of) = &relation.of_type {
        found.push((&kinds::TYPED_TABLE, format!("type {of}")));
    }
    if !relation.options.is_empty() && !maker.build.types.is_postgresql() {
        found.push((&kinds::STORAGE_PARAMETERS, relation.options.join(", ")));
    }
    let named = [
        (&kinds::TABLESPACE, &relation.tablespace),
        (&kinds::ACCESS_METHOD, &relation.access_method),
    ];
    let named = named.into_iter();
    found.extend(named.filter_map(|(kind, name)| Some((kind, readable(name.as_ref()?)))));
    found
}
