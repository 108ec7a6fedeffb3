//! Enums, composite types and domains.

use super::constraints::{NOT_VALID, check_condition};
use super::expressions::usable;
use super::kinds;
use super::maker::Maker;
use super::mapped_type::Declared;
use super::spelling::{Spelling, spelled};
use crate::catalog::DataType;
use crate::catalog::database::{Class, DomainCheck, Name, Object, UserType, UserTypeKind};
use crate::profile::Profile;
use crate::schema::convert::build::{Draft, LateCheck, LateOn};
use crate::schema::convert::{Makes, Section};
use crate::schema::finding::{Finding, Kind};
use crate::sql;

/// Makes the types that the target takes, and leaves out the others.
pub(super) fn build(maker: &mut Maker<'_, '_>) {
    let database = maker.build.database;
    for user_type in database.types.iter().filter(|t| t.extension.is_none()) {
        maker.make(Object::new(Class::Type, user_type.oid));
    }
}

/// Makes a type after those that it is made of.
pub(super) fn make(maker: &mut Maker<'_, '_>, user_type: &UserType) {
    if user_type.extension.is_some() {
        return;
    }
    let object = Object::new(Class::Type, user_type.oid);
    if !maker.build.types.creates(user_type) {
        leave_out(maker, user_type, object);
        return;
    }
    maker.make_needed(object, &[Class::Type, Class::Routine]);
    let parts = parts(user_type);
    for (oid, part) in &parts {
        make_part(maker, *oid, part);
    }
    let name = maker.build.mapping.name(&user_type.name);
    let sql = statement(maker, user_type, &name);
    let mut needs = parts_made(maker, &parts);
    needs.extend(maker.take_used());
    let draft = Draft {
        section: Section::PreData,
        makes: Makes::Type,
        object: format!("type {name}"),
        name,
        sql,
        rewritten: Vec::new(),
        needs,
    };
    maker.build.push(Some(object), draft);
}

fn statement(maker: &mut Maker<'_, '_>, user_type: &UserType, name: &Name) -> String {
    let readable = format!("type {}", user_type.name);
    let quoted = name.quoted();
    match &user_type.kind {
        UserTypeKind::Enum(labels) => {
            format!("CREATE TYPE {quoted} AS ENUM ({})", sql::literals(labels))
        }
        UserTypeKind::Composite(fields) => composite(maker, &readable, name, fields),
        UserTypeKind::Range { subtype, options } => {
            let (canonical, others): (Vec<_>, Vec<_>) = options
                .iter()
                .partition(|option| option.starts_with("canonical = "));
            for option in canonical {
                left_out(
                    maker,
                    &kinds::RANGE_CANONICAL,
                    &readable,
                    format!("without {option}"),
                );
            }
            range(maker, &quoted, subtype, &others)
        }
        UserTypeKind::Domain { .. } => domain(maker, &readable, name, user_type),
        // A shell: a base type needs functions in C.
        UserTypeKind::Base => format!("CREATE TYPE {quoted}"),
    }
}

fn leave_out(maker: &mut Maker<'_, '_>, user_type: &UserType, object: Object) {
    let readable = format!("type {}", user_type.name);
    let becomes = maker.build.rewrites.types.get(&spelled(&user_type.name));
    let becomes = becomes.map_or("text", String::as_str);
    let what = match user_type.kind {
        UserTypeKind::Enum(_) => "an enum",
        UserTypeKind::Composite(_) => "a composite type",
        UserTypeKind::Domain { .. } => "a domain",
        UserTypeKind::Range { .. } => "a range type",
        UserTypeKind::Base => "a base type",
    };
    let why = format!("{what}; columns of it become {becomes}");
    maker
        .build
        .find(Finding::new(&kinds::TYPE_LEFT_OUT, readable.clone()).detail(why.clone()));
    maker.build.leave_out(object, readable, why);
}

/// The types that a type is made of.
fn parts(user_type: &UserType) -> Vec<(u32, DataType)> {
    match &user_type.kind {
        UserTypeKind::Composite(fields) => {
            fields.iter().map(|(_, part)| (0, part.clone())).collect()
        }
        UserTypeKind::Domain { base, base_oid, .. } => vec![(*base_oid, base.clone())],
        UserTypeKind::Range { subtype, .. } => vec![(0, subtype.clone())],
        UserTypeKind::Enum(_) | UserTypeKind::Base => Vec::new(),
    }
}

fn make_part(maker: &mut Maker<'_, '_>, oid: u32, part: &DataType) {
    if let Some(oid) = part_oid(maker, oid, part) {
        maker.make(Object::new(Class::Type, oid));
    }
}

fn part_oid(maker: &Maker<'_, '_>, oid: u32, part: &DataType) -> Option<u32> {
    let found = maker.build.types.user_type(oid, &Spelling::of(&part.sql));
    found.map(|user_type| user_type.oid)
}

fn parts_made(maker: &Maker<'_, '_>, parts: &[(u32, DataType)]) -> Vec<Object> {
    let oids = parts
        .iter()
        .filter_map(|(oid, part)| part_oid(maker, *oid, part));
    oids.map(|oid| Object::new(Class::Type, oid)).collect()
}

fn composite(
    maker: &mut Maker<'_, '_>,
    readable: &str,
    name: &Name,
    fields: &[(String, DataType)],
) -> String {
    let mut columns = Vec::new();
    for (field, data_type) in fields {
        let mapped = maker.build.types.map(Declared {
            oid: 0,
            data_type,
            dimensions: 0,
        });
        find_all(maker, readable, field, &mapped.changes);
        columns.push(format!("{} {}", sql::identifier(field), mapped.sql));
    }
    format!("CREATE TYPE {} AS ({})", name.quoted(), columns.join(", "))
}

/// A range type, for a target that takes what PostgreSQL takes. Its functions come with what it needs.
fn range(maker: &Maker<'_, '_>, name: &str, subtype: &DataType, options: &[&String]) -> String {
    let mut parts = vec![format!("SUBTYPE = {}", subtype.sql)];
    for option in options {
        // The words are those of a statement of their own.
        let whole = format!("CREATE TYPE x AS RANGE (SUBTYPE = y, {option})");
        let text = maker.build.rewriter.statement(&whole);
        let text = text.ok().and_then(|text| {
            let inside = text.split_once("SUBTYPE = y, ")?.1;
            Some(inside.strip_suffix(')')?.to_owned())
        });
        parts.push(text.unwrap_or_else(|| (*option).clone()));
    }
    format!("CREATE TYPE {name} AS RANGE ({})", parts.join(", "))
}

fn find_all(
    maker: &mut Maker<'_, '_>,
    readable: &str,
    field: &str,
    changes: &[(&'static Kind, String)],
) {
    for (kind, detail) in changes {
        let object = format!("{readable}, field {}", crate::catalog::readable(field));
        maker
            .build
            .find(Finding::new(kind, object).detail(detail.clone()));
    }
}

fn domain(maker: &mut Maker<'_, '_>, readable: &str, name: &Name, user_type: &UserType) -> String {
    let UserTypeKind::Domain {
        base,
        base_oid,
        not_null,
        default,
        collation,
        checks,
    } = &user_type.kind
    else {
        return String::new();
    };
    let mapped = maker.build.types.map(Declared {
        oid: *base_oid,
        data_type: base,
        dimensions: 0,
    });
    let owner = Object::new(Class::Type, user_type.oid);
    let mut sql = format!("CREATE DOMAIN {} AS {}", name.quoted(), mapped.sql);
    if let Some(collation) = collation.as_ref().filter(|c| c.schema == "pg_catalog") {
        sql.push_str(&format!(" COLLATE {}", collation.quoted()));
    }
    if let Some(text) = default {
        match usable(maker, owner, None, text) {
            Ok(text) => sql.push_str(&format!(" DEFAULT {text}")),
            Err(why) => left_out(maker, &kinds::DEFAULT_LEFT_OUT, readable, why),
        }
    }
    if *not_null {
        sql.push_str(" NOT NULL");
    }
    for check in checks {
        match domain_check(maker, owner, check, mapped.is_foreign) {
            Ok(condition) if !check.validated => maker.build.late_checks.push(LateCheck {
                on: LateOn::Domain(user_type.oid),
                oid: Some(check.oid),
                name: check.name.clone(),
                condition,
                no_inherit: false,
            }),
            Ok(condition) => {
                let name = sql::identifier(&check.name);
                sql.push_str(&format!(" CONSTRAINT {name} CHECK ({condition})"));
            }
            Err(why) => left_out(maker, &kinds::CHECK_LEFT_OUT, readable, why),
        }
    }
    sql
}

fn left_out(maker: &mut Maker<'_, '_>, kind: &'static Kind, readable: &str, why: String) {
    maker.build.find(Finding::new(kind, readable).detail(why));
}

fn domain_check(
    maker: &mut Maker<'_, '_>,
    owner: Object,
    check: &DomainCheck,
    is_foreign: bool,
) -> Result<String, String> {
    if is_foreign {
        return Err("its base type becomes text".to_owned());
    }
    let condition = check_condition(&check.definition).ok_or("it can not be read")?;
    let condition = usable(maker, owner, None, condition)?;
    let takes = Profile::yes(&maker.build.profile.not_valid_constraints);
    if !check.validated && takes == Some(false) {
        return Err(NOT_VALID.to_owned());
    }
    Ok(condition)
}
