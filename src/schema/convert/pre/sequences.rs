//! Sequences: those of their own, those of identity columns that become defaults, and who owns them.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

use super::kinds;
use super::layout::Role;
use super::maker::Maker;
use super::spelling::spelled;
use crate::catalog::database::{Class, ColumnName, FieldDefault, Object, Sequence};
use crate::profile::Profile;
use crate::schema::convert::build::{Build, Draft};
use crate::schema::convert::{Makes, MappedSequence, Section};
use crate::schema::finding::Finding;
use crate::sql;

/// Makes all sequences but those that come with their identity column.
pub(super) fn build(maker: &mut Maker<'_, '_>) {
    let database = maker.build.database;
    for sequence in &database.sequences {
        maker.make(Object::new(Class::Sequence, sequence.oid));
    }
}

/// Says who owns them, once the tables are there, and which are to be set after the load.
pub(super) fn finish(maker: &mut Maker<'_, '_>) {
    let users = users(maker);
    let database = maker.build.database;
    for sequence in database.sequences.iter().filter(|s| s.extension.is_none()) {
        let inline = is_inline(maker.build, sequence);
        let owner = sequence
            .owner
            .as_ref()
            .and_then(|o| target_column(maker, o));
        // An identity goes with its table.
        if sequence.identity && owner.is_none() {
            continue;
        }
        if !inline && let Some(owner) = &owner {
            push_owner(maker, sequence, owner);
        }
        let mut users = users.get(&sequence.oid).cloned().unwrap_or_default();
        users.extend(owner.clone());
        let mapped = MappedSequence {
            source: sequence.name.clone(),
            target: maker.build.renamed(&sequence.name),
            increment: sequence.increment,
            identity: owner.filter(|_| inline),
            users: users.into_iter().collect(),
        };
        maker.build.conversion.sequences.push(mapped);
    }
}

/// Makes a sequence, if it does not come with its column or its extension.
pub(super) fn make(maker: &mut Maker<'_, '_>, sequence: &Sequence) {
    if sequence.extension.is_some() || is_inline(maker.build, sequence) {
        return;
    }
    // The column of an identity is left out with its table: nothing is left to count.
    if sequence.identity && owning_table(maker, sequence).is_none() {
        return;
    }
    let build = &mut *maker.build;
    let target = build.renamed(&sequence.name);
    let object = format!("sequence {}", sequence.name);
    let options = options(build, sequence, &object);
    if sequence.unlogged && Profile::yes(&build.profile.unlogged_tables) != Some(true) {
        build.find(Finding::new(&kinds::UNLOGGED, &object));
    }
    let draft = Draft {
        section: Section::PreData,
        makes: Makes::Sequence,
        object: format!("sequence {target}"),
        sql: format!("CREATE SEQUENCE {}{options}", target.quoted()),
        name: target,
        rewritten: Vec::new(),
        needs: Vec::new(),
    };
    build.push(Some(Object::new(Class::Sequence, sequence.oid)), draft);
}

/// The options as the target takes them.
fn options(build: &mut Build<'_>, sequence: &Sequence, object: &str) -> String {
    let other = other_options(sequence);
    match Profile::yes(&build.profile.sequence_options) {
        Some(true) => all_options(build, sequence),
        // What is not known to work is written only where it is needed.
        None => other,
        Some(false) if other.is_empty() => other,
        Some(false) => {
            let finding = Finding::new(&kinds::SEQUENCE_OPTIONS, object);
            build.find(finding.detail(format!("without{other}")));
            String::new()
        }
    }
}

/// Whether it comes with an identity column that stays one.
pub(super) fn is_inline(build: &Build<'_>, sequence: &Sequence) -> bool {
    sequence.identity && Profile::yes(&build.profile.identity_in_create) == Some(true)
}

/// ` (START WITH 100 …)` of an identity column, less what is the default; the sequence's name where that
/// is another than PostgreSQL would give.
pub(super) fn identity_options(build: &Build<'_>, sequence: &Sequence) -> String {
    let mut options = other_options(sequence);
    if build.types.is_postgresql() && !has_usual_name(sequence) {
        let name = build.renamed(&sequence.name).quoted();
        options = format!(" SEQUENCE NAME {name}{options}");
    }
    if options.is_empty() {
        options
    } else {
        format!(" ({})", options.trim_start())
    }
}

fn has_usual_name(sequence: &Sequence) -> bool {
    sequence.owner.as_ref().is_none_or(|owner| {
        owner.table.schema == sequence.name.schema
            && format!("{}_{}_seq", owner.table.name, owner.column) == sequence.name.name
    })
}

fn all_options(build: &Build<'_>, sequence: &Sequence) -> String {
    format!(
        " AS {} INCREMENT BY {} MINVALUE {} MAXVALUE {} START WITH {} CACHE {}{}",
        data_type(build, sequence),
        sequence.increment,
        sequence.minimum,
        sequence.maximum,
        sequence.start,
        sequence.cache,
        if sequence.cycles {
            " CYCLE"
        } else {
            " NO CYCLE"
        }
    )
}

/// int2 may be missing in the target; the bounds are given all the same.
fn data_type(build: &Build<'_>, sequence: &Sequence) -> String {
    let other = build.types.cast_of(&sequence.data_type);
    other.unwrap_or_else(|| sequence.data_type.clone())
}

/// What differs from a sequence without options.
fn other_options(sequence: &Sequence) -> String {
    let ascends = sequence.increment > 0;
    let (least, most) = match sequence.data_type.as_str() {
        "smallint" => (i64::from(i16::MIN), i64::from(i16::MAX)),
        "integer" => (i64::from(i32::MIN), i64::from(i32::MAX)),
        _ => (i64::MIN, i64::MAX),
    };
    let (minimum, maximum) = if ascends { (1, most) } else { (least, -1) };
    let start = if ascends {
        sequence.minimum
    } else {
        sequence.maximum
    };
    let mut options = String::new();
    let mut add = |differs: bool, name: &str, value: i64| {
        if differs {
            let _ = write!(options, " {name} {value}");
        }
    };
    add(sequence.increment != 1, "INCREMENT BY", sequence.increment);
    add(sequence.minimum != minimum, "MINVALUE", sequence.minimum);
    add(sequence.maximum != maximum, "MAXVALUE", sequence.maximum);
    add(sequence.start != start, "START WITH", sequence.start);
    add(sequence.cache != 1, "CACHE", sequence.cache);
    if sequence.cycles {
        options.push_str(" CYCLE");
    }
    options
}

/// `nextval` of a sequence as a default.
pub(super) fn next_value(build: &Build<'_>, sequence: &Sequence) -> String {
    let name = build.renamed(&sequence.name);
    format!("nextval({})", sql::literal(&spelled(&name)))
}

fn push_owner(maker: &mut Maker<'_, '_>, sequence: &Sequence, owner: &ColumnName) {
    let target = maker.build.renamed(&sequence.name);
    let table = owning_table(maker, sequence);
    let draft = Draft {
        section: Section::PreData,
        makes: Makes::SequenceOwner,
        object: format!("owner of sequence {target}"),
        sql: format!(
            "ALTER SEQUENCE {} OWNED BY {}.{}",
            target.quoted(),
            owner.table.quoted(),
            sql::identifier(&owner.column)
        ),
        name: target,
        rewritten: Vec::new(),
        needs: [Object::new(Class::Sequence, sequence.oid)]
            .into_iter()
            .chain(table.map(|oid| Object::new(Class::Relation, oid)))
            .collect(),
    };
    maker.build.push(None, draft);
}

/// The table in which the owning column is found, pg_class.oid; `None` where it is not made.
fn owning_table(maker: &Maker<'_, '_>, sequence: &Sequence) -> Option<u32> {
    let owner = sequence.owner.as_ref()?;
    holder(maker, *maker.tables.get(&owner.table)?)
}

/// The table that holds a relation's rows in the target.
fn holder(maker: &Maker<'_, '_>, oid: u32) -> Option<u32> {
    match maker.layout.role(oid) {
        Role::Table | Role::Partition { .. } => Some(oid),
        Role::PartOf { root } => Some(root),
        Role::Foreign | Role::OfExtension | Role::View => None,
    }
}

/// A column of the source as a column of the target.
fn target_column(maker: &Maker<'_, '_>, column: &ColumnName) -> Option<ColumnName> {
    let oid = holder(maker, *maker.tables.get(&column.table)?)?;
    let table = maker.build.relation(oid)?;
    table.column(&column.column)?;
    Some(ColumnName {
        table: maker.build.mapping.name(&table.name),
        column: column.column.clone(),
    })
}

/// Target columns whose defaults take values from each sequence, pg_class.oid.
fn users(maker: &Maker<'_, '_>) -> HashMap<u32, BTreeSet<ColumnName>> {
    let mut users: HashMap<u32, BTreeSet<ColumnName>> = HashMap::new();
    let mut add = |sequence: u32, user: Option<ColumnName>| {
        users.entry(sequence).or_default().extend(user);
    };
    let named = |oid: u32, column: &str| {
        let relation = maker.build.relation(oid)?;
        let column = ColumnName {
            table: relation.name.clone(),
            column: column.to_owned(),
        };
        target_column(maker, &column)
    };
    for edge in &maker.build.database.dependencies {
        let of_column = (edge.dependent.class, edge.on.class) == (Class::Relation, Class::Sequence);
        if let Some(column) = edge.column.as_ref().filter(|_| of_column) {
            add(edge.on.oid, named(edge.dependent.oid, column));
        }
    }
    // A dump tells no dependencies; its texts do.
    for relation in &maker.build.database.relations {
        for field in &relation.columns {
            let used = match &field.default {
                FieldDefault::Identity { sequence, .. } => vec![*sequence],
                FieldDefault::Expression(text) => maker.sequences_in(text),
                _ => Vec::new(),
            };
            for sequence in used {
                add(sequence, named(relation.oid, &field.name));
            }
        }
    }
    users
}
