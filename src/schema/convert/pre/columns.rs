//! Columns of a table: type, collation, default, identity, generation, NOT NULL.

use super::builtin;
use super::constraints;
use super::expressions::usable;
use super::kinds;
use super::maker::Maker;
use super::mapped_type::{Declared, MappedType};
use super::sequences;
use super::tables::Draft;
use super::tokens;
use crate::catalog::database::{Class, Field, FieldDefault, Object};
use crate::catalog::readable;
use crate::profile::Profile;
use crate::schema::convert::build::Build;
use crate::schema::convert::{MappedColumn, RoundTrip};
use crate::schema::finding::{Finding, Kind};
use crate::schema::mapping::ColumnMapping;
use crate::sql;

/// What a column becomes: the file of `--map` first, then its type.
pub(super) fn mapped(build: &Build<'_>, table: &Draft<'_>, field: &Field) -> MappedType {
    let declared = Declared {
        oid: field.type_oid,
        data_type: &field.data_type,
        dimensions: field.dimensions,
    };
    let default = build.types.map(declared);
    match build.mapping.column(&table.relation.name, &field.name) {
        Some(given) => by_map(given, field, default),
        None => default,
    }
}

/// The type that a person gives; what the domain demands stays, where that type has its operators.
fn by_map(given: &ColumnMapping, field: &Field, default: MappedType) -> MappedType {
    let round_trip = match &given.using {
        Some(_) => RoundTrip::Lossy,
        None => RoundTrip::Cast,
    };
    let detail = format!("{} becomes {}", field.data_type.sql, given.data_type);
    MappedType {
        sql: given.data_type.clone(),
        round_trip,
        cast: default.cast.filter(|_| !builtin::is_text(&given.data_type)),
        changes: vec![(&kinds::MAPPED_TYPE, detail)],
        is_foreign: given.using.is_some()
            || !builtin::are_alike(&field.data_type.sql, &given.data_type),
        carried: default.carried,
    }
}

/// Adds a column to its table.
pub(super) fn add(
    maker: &mut Maker<'_, '_>,
    draft: &mut Draft<'_>,
    field: &Field,
    mapped: &MappedType,
) {
    for (kind, detail) in &mapped.changes {
        find(maker, draft, field, kind, detail);
    }
    let mut line = format!("{} {}", sql::identifier(&field.name), mapped.sql);
    line.push_str(&collation(maker, draft, field));
    let (value, is_sent) = value(maker, draft, field, mapped);
    line.push_str(&value);
    if field.not_null || mapped.carried.not_null {
        line.push_str(" NOT NULL");
    }
    draft.columns.push(line);
    if let Some(storage) = &field.storage {
        find(maker, draft, field, &kinds::COLUMN_STORAGE, storage);
    }
    constraints::add_carried(maker, draft, &field.name, &mapped.carried.checks);
    if is_sent {
        draft.sent.push(sent(maker.build, draft, field, mapped));
    }
}

fn sent(build: &Build<'_>, draft: &Draft<'_>, field: &Field, mapped: &MappedType) -> MappedColumn {
    let given = build.mapping.column(&draft.relation.name, &field.name);
    let using = given.and_then(|given| given.using.clone());
    MappedColumn {
        name: field.name.clone(),
        from: field.data_type.sql.clone(),
        to: mapped.sql.clone(),
        expression: using.or_else(|| mapped.expression(&field.name)),
        round_trip: mapped.round_trip,
    }
}

fn find(
    maker: &mut Maker<'_, '_>,
    draft: &Draft<'_>,
    field: &Field,
    kind: &'static Kind,
    detail: &str,
) {
    let object = format!("column {}.{}", draft.relation.name, readable(&field.name));
    maker.build.find(Finding::new(kind, object).detail(detail));
}

/// Collations that people made are not converted.
fn collation(maker: &mut Maker<'_, '_>, draft: &Draft<'_>, field: &Field) -> String {
    let Some(collation) = &field.collation else {
        return String::new();
    };
    let taken = Profile::yes(&maker.build.profile.collations) == Some(true);
    if taken && collation.schema == "pg_catalog" {
        return format!(" COLLATE {}", collation.quoted());
    }
    // Bytewise is what is left without it.
    let bytewise = matches!(
        collation.name.as_str(),
        "C" | "POSIX" | "ucs_basic" | "C.UTF-8"
    );
    if taken || !bytewise {
        let detail = format!("COLLATE {}", readable(&collation.name));
        find(maker, draft, field, &kinds::COLLATION, &detail);
    }
    String::new()
}

/// ` DEFAULT …` or ` GENERATED …`, and whether values are sent.
fn value(
    maker: &mut Maker<'_, '_>,
    draft: &mut Draft<'_>,
    field: &Field,
    mapped: &MappedType,
) -> (String, bool) {
    match &field.default {
        FieldDefault::None => (carried_default(maker, draft, field, mapped), true),
        FieldDefault::Expression(text) => (default(maker, draft, field, (text, mapped)), true),
        FieldDefault::Stored(text) => generated(maker, draft, field, text, false),
        FieldDefault::Virtual(text) => generated(maker, draft, field, text, true),
        FieldDefault::Identity { always, sequence } => {
            let value = match builtin::is_integer(&mapped.sql) {
                true => identity(maker, draft, field, (*always, *sequence)),
                false => no_identity(maker, draft, field, mapped),
            };
            (value, true)
        }
    }
}

fn carried_default(
    maker: &mut Maker<'_, '_>,
    draft: &mut Draft<'_>,
    field: &Field,
    mapped: &MappedType,
) -> String {
    let carried = mapped.carried.default.as_ref();
    carried.map_or_else(String::new, |text| {
        default(maker, draft, field, (text, mapped))
    })
}

/// The default of a column that becomes another type.
fn default(
    maker: &mut Maker<'_, '_>,
    draft: &mut Draft<'_>,
    field: &Field,
    (text, mapped): (&str, &MappedType),
) -> String {
    match default_text(maker, draft, field, (text, mapped)) {
        Ok(expression) => {
            draft.note_rewrite(&field.name, "default", text, &expression);
            format!(" DEFAULT {expression}")
        }
        Err(why) => {
            find(maker, draft, field, &kinds::DEFAULT_LEFT_OUT, &why);
            String::new()
        }
    }
}

/// The default as the target can compute it.
fn default_text(
    maker: &mut Maker<'_, '_>,
    draft: &Draft<'_>,
    field: &Field,
    (text, mapped): (&str, &MappedType),
) -> Result<String, String> {
    let stays = is_constant(text) && builtin::is_text(&mapped.sql);
    if mapped.is_foreign && !stays {
        return Err(format!("the column's type becomes {}", mapped.sql));
    }
    usable(maker, draft.object, Some(&field.name), text)
}

/// NULL, or a string with or without a cast: it is the same text for every type.
fn is_constant(text: &str) -> bool {
    let text = text.trim();
    let strings = tokens::strings(text).len();
    text.starts_with("NULL") || strings == 1 && text.starts_with('\'') && !text.contains(['(', '|'])
}

fn generated(
    maker: &mut Maker<'_, '_>,
    draft: &mut Draft<'_>,
    field: &Field,
    text: &str,
    is_virtual: bool,
) -> (String, bool) {
    let expression = match generation(maker, draft, field, text) {
        Ok(expression) => expression,
        Err(why) => {
            find(maker, draft, field, &kinds::GENERATED_AS_PLAIN, &why);
            return (String::new(), true);
        }
    };
    draft.note_rewrite(&field.name, "expression", text, &expression);
    let stays = is_virtual && Profile::yes(&maker.build.profile.generated_virtual) == Some(true);
    if is_virtual && !stays {
        find(maker, draft, field, &kinds::GENERATED_VIRTUAL, "");
    }
    if !stays && maker.build.profile.generated_stored.is_none() {
        find(maker, draft, field, &kinds::GENERATED_OPEN, "");
    }
    let how = if stays { "VIRTUAL" } else { "STORED" };
    (format!(" GENERATED ALWAYS AS ({expression}) {how}"), false)
}

/// The expression of a generated column, if the target can compute it.
fn generation(
    maker: &mut Maker<'_, '_>,
    draft: &Draft<'_>,
    field: &Field,
    text: &str,
) -> Result<String, String> {
    if Profile::yes(&maker.build.profile.generated_stored) == Some(false) {
        return Err("the target takes no generated columns".to_owned());
    }
    if let Some(column) = draft.foreign_column(text) {
        return Err(format!(
            "the type of column {} becomes text",
            readable(column)
        ));
    }
    if draft.foreign.contains(field.name.as_str()) {
        return Err("its own type becomes text".to_owned());
    }
    usable(maker, draft.object, Some(&field.name), text)
}

fn no_identity(
    maker: &mut Maker<'_, '_>,
    draft: &Draft<'_>,
    field: &Field,
    mapped: &MappedType,
) -> String {
    let why = format!("{} can not be an identity column", mapped.sql);
    find(maker, draft, field, &kinds::DEFAULT_LEFT_OUT, &why);
    String::new()
}

fn identity(
    maker: &mut Maker<'_, '_>,
    draft: &mut Draft<'_>,
    field: &Field,
    (always, sequence): (bool, u32),
) -> String {
    let Some(sequence) = maker.build.sequence(sequence) else {
        let why = "its sequence can not be read";
        find(maker, draft, field, &kinds::DEFAULT_LEFT_OUT, why);
        return String::new();
    };
    let object = Object::new(Class::Sequence, sequence.oid);
    if sequences::is_inline(maker.build, sequence) {
        draft.comes_with.push(object);
        let when = if always { "ALWAYS" } else { "BY DEFAULT" };
        let options = sequences::identity_options(maker.build, sequence);
        return format!(" GENERATED {when} AS IDENTITY{options}");
    }
    draft.needs.push(object);
    let detail = if always {
        "GENERATED ALWAYS"
    } else {
        "GENERATED BY DEFAULT"
    };
    find(maker, draft, field, &kinds::IDENTITY_AS_DEFAULT, detail);
    format!(" DEFAULT {}", sequences::next_value(maker.build, sequence))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_constant_is_the_same_text_for_every_type() {
        for text in [
            "'127.0.0.1'::inet",
            "NULL::inet",
            "'a(b'",
            "'it''s'::public.t",
        ] {
            assert_eq!(is_constant(text), text != "'a(b'", "{text}");
        }
        for text in [
            "int4range(1, 10)",
            "('1'::text)::inet",
            "'a'::text || 'b'::text",
        ] {
            assert!(!is_constant(text), "{text}");
        }
    }
}
