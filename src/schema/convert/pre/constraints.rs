//! CHECK constraints and primary keys, inside CREATE TABLE.

use super::expressions::usable;
use super::kinds;
use super::maker::Maker;
use super::mapped_type::CarriedCheck;
use super::tables::Draft;
use super::text::one_line;
use super::tokens;
use super::value;
use crate::catalog::database::{Class, Constraint, ConstraintKind, Object, RelationKind};
use crate::catalog::readable;
use crate::profile::Profile;
use crate::schema::convert::build::{LateCheck, LateOn};
use crate::schema::finding::{Finding, Kind};
use crate::sql;

/// The condition of `CHECK ((a > 0)) NO INHERIT`, with one pair of its parentheses.
pub(super) fn check_condition(definition: &str) -> Option<&str> {
    let mut text = definition.trim();
    loop {
        let before = text;
        for end in ["NOT VALID", "NO INHERIT", "NOT ENFORCED", "ENFORCED"] {
            text = text.strip_suffix(end).unwrap_or(text).trim_end();
        }
        if text == before {
            break;
        }
    }
    let inner = text.strip_prefix("CHECK")?.trim_start();
    inner.strip_prefix('(')?.strip_suffix(')')
}

/// Adds the constraints of a table that CREATE TABLE holds.
pub(super) fn add(maker: &mut Maker<'_, '_>, draft: &mut Draft<'_>) {
    let relation = draft.relation;
    let inherits = maker.layout.inherits && !relation.inherits.is_empty();
    let own = |constraint: &&Constraint| {
        let above = constraint.inherited && (inherits || draft.is_partition);
        !above
    };
    let constraints: Vec<&Constraint> = relation.constraints.iter().filter(own).collect();
    for constraint in constraints {
        match constraint.kind {
            ConstraintKind::Check => check(maker, draft, constraint),
            ConstraintKind::Primary => primary_key(maker, draft, constraint),
            // After the rows: the post-data part.
            ConstraintKind::Unique
            | ConstraintKind::Foreign
            | ConstraintKind::Exclude
            | ConstraintKind::Trigger => {}
        }
    }
}

fn check(maker: &mut Maker<'_, '_>, draft: &mut Draft<'_>, constraint: &Constraint) {
    match check_text(maker, draft, constraint) {
        Ok(condition) if !constraint.validated => {
            maker.build.late_checks.push(LateCheck {
                on: LateOn::Table(draft.relation.oid),
                oid: Some(constraint.oid),
                name: constraint.name.clone(),
                condition,
                no_inherit: constraint.no_inherit && maker.layout.inherits,
            });
        }
        Ok(condition) => {
            if let Some(column) = draft.cut_column(&condition) {
                let why = format!("column {}", readable(column));
                find(maker, draft, constraint, &kinds::TIMESTAMP_CHECK, &why);
            }
            let inherit = if constraint.no_inherit && maker.layout.inherits {
                " NO INHERIT"
            } else {
                ""
            };
            let name = sql::identifier(&constraint.name);
            let line = format!("CONSTRAINT {name} CHECK ({condition}){inherit}");
            draft.constraints.push(line);
            draft
                .comes_with
                .push(Object::new(Class::Constraint, constraint.oid));
        }
        Err(why) => left_out(maker, draft, constraint, &why),
    }
}

/// The condition as the target can hold it.
fn check_text(
    maker: &mut Maker<'_, '_>,
    draft: &Draft<'_>,
    constraint: &Constraint,
) -> Result<String, String> {
    if Profile::yes(&maker.build.profile.check_constraints) == Some(false) {
        return Err("the target takes no CHECK".to_owned());
    }
    if draft.relation.kind == RelationKind::Foreign {
        return Err("the foreign server may hold rows that break it".to_owned());
    }
    if !constraint.enforced {
        return Err("it is NOT ENFORCED: rows that break it would not load".to_owned());
    }
    let condition = check_condition(&constraint.definition).ok_or("it can not be read")?;
    if let Some(column) = draft.foreign_column(condition) {
        let column = readable(column);
        return Err(format!("the type of column {column} is another one"));
    }
    let condition = usable(maker, draft.object, None, condition)?;
    let takes = Profile::yes(&maker.build.profile.not_valid_constraints);
    if !constraint.validated && takes == Some(false) {
        let table = maker.build.mapping.name(&draft.relation.name).quoted();
        let name = sql::identifier(&constraint.name);
        return Err(one_line(&format!(
            "it is NOT VALID: rows that break it would not load; after the load: \
             ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({condition})"
        )));
    }
    Ok(condition)
}

fn left_out(maker: &mut Maker<'_, '_>, draft: &Draft<'_>, constraint: &Constraint, why: &str) {
    find(maker, draft, constraint, &kinds::CHECK_LEFT_OUT, why);
}

fn find(
    maker: &mut Maker<'_, '_>,
    draft: &Draft<'_>,
    constraint: &Constraint,
    kind: &'static Kind,
    why: &str,
) {
    let object = format!(
        "constraint {}.{}",
        draft.relation.name,
        readable(&constraint.name)
    );
    maker.build.find(Finding::new(kind, object).detail(why));
}

fn primary_key(maker: &mut Maker<'_, '_>, draft: &mut Draft<'_>, constraint: &Constraint) {
    if constraint.temporal && !maker.build.types.is_postgresql() {
        let why = "WITHOUT OVERLAPS needs ranges, which the target does not have";
        find(maker, draft, constraint, &kinds::KEY_LEFT_OUT, why);
        return;
    }
    let (line, dropped) = key_text(maker.build.profile, draft, constraint);
    if !dropped.is_empty() {
        let why = format!("without {}", dropped.join(" and "));
        find(maker, draft, constraint, &kinds::KEY_OPTIONS, &why);
    }
    let renamed = maker.names.keys.get(&constraint.oid);
    let name = sql::identifier(renamed.unwrap_or(&constraint.name));
    draft.constraints.push(format!("CONSTRAINT {name} {line}"));
    let index = constraint.index.map(|oid| Object::new(Class::Index, oid));
    draft
        .comes_with
        .push(Object::new(Class::Constraint, constraint.oid));
    draft.comes_with.extend(index);
}

/// `PRIMARY KEY (…)`, and what of it the target does not take.
fn key_text(
    profile: &Profile,
    draft: &Draft<'_>,
    constraint: &Constraint,
) -> (String, Vec<&'static str>) {
    if constraint.temporal {
        return (constraint.definition.clone(), Vec::new());
    }
    let mut line = format!("PRIMARY KEY ({})", sql::identifiers(&constraint.columns));
    let mut dropped = Vec::new();
    let mut option = |wanted: bool, taken: Option<bool>, word: &'static str, text: String| {
        if wanted && taken == Some(true) {
            line.push_str(&text);
        } else if wanted {
            dropped.push(word);
        }
    };
    let include = included(draft, constraint);
    let columns = format!(" INCLUDE ({})", sql::identifiers(include));
    let taken = Profile::yes(&profile.include_columns);
    option(!include.is_empty(), taken, "INCLUDE", columns);
    let deferred = match constraint.initially_deferred {
        true => " DEFERRABLE INITIALLY DEFERRED",
        false => " DEFERRABLE",
    };
    let taken = Profile::yes(&profile.deferrable_constraints);
    option(
        constraint.deferrable,
        taken,
        "DEFERRABLE",
        deferred.to_owned(),
    );
    (line, dropped)
}

/// INCLUDE columns of a key, which its index knows.
fn included<'r>(draft: &Draft<'r>, constraint: &Constraint) -> &'r [String] {
    let mut indexes = draft.relation.indexes.iter();
    let own = indexes.find(|index| Some(index.oid) == constraint.index);
    own.map_or(&[], |index| index.include.as_slice())
}

/// Why a CHECK that rows may break is left out.
pub(super) const NOT_VALID: &str = "it is NOT VALID: rows that break it would not load";

/// Adds the CHECKs that a column gets from its domain or from its enum.
pub(super) fn add_carried(
    maker: &mut Maker<'_, '_>,
    draft: &mut Draft<'_>,
    column: &str,
    checks: &[CarriedCheck],
) {
    for check in checks {
        let name = &check.name;
        match carried_text(maker, draft, column, check) {
            Ok(condition) if !check.validated => {
                let name = draft.new_name(&format!("{column}_{name}"));
                maker.build.late_checks.push(LateCheck {
                    on: LateOn::Table(draft.relation.oid),
                    oid: None,
                    name,
                    condition,
                    no_inherit: false,
                });
            }
            Ok(condition) => {
                if draft.cut_column(&condition).is_some() {
                    let object = format!("column {}.{}", draft.relation.name, readable(column));
                    let why = format!("CHECK {} of its domain", readable(name));
                    let finding = Finding::new(&kinds::TIMESTAMP_CHECK, object);
                    maker.build.find(finding.detail(why));
                }
                let wanted = format!("{column}_{name}");
                let name = sql::identifier(&draft.new_name(&wanted));
                let line = format!("CONSTRAINT {name} CHECK ({condition})");
                draft.constraints.push(line);
            }
            Err(why) => {
                let object = format!("column {}.{}", draft.relation.name, readable(column));
                let why = format!("CHECK {} of its domain: {why}", readable(name));
                let finding = Finding::new(&kinds::CHECK_LEFT_OUT, object);
                maker.build.find(finding.detail(why));
            }
        }
    }
}

fn carried_text(
    maker: &mut Maker<'_, '_>,
    draft: &Draft<'_>,
    column: &str,
    check: &CarriedCheck,
) -> Result<String, String> {
    if Profile::yes(&maker.build.profile.check_constraints) == Some(false) {
        return Err("the target takes no CHECK".to_owned());
    }
    let takes = Profile::yes(&maker.build.profile.not_valid_constraints);
    if !check.validated && takes == Some(false) {
        return Err(NOT_VALID.to_owned());
    }
    let condition = check_condition(&check.definition).ok_or("it can not be read")?;
    let condition = value::of_column(condition, column).ok_or("it can not be read")?;
    if draft.foreign.contains(column) && tokens::mentions(&condition, column) {
        return Err("its base type becomes text".to_owned());
    }
    usable(maker, draft.object, None, &condition)
}

#[cfg(test)]
mod tests {
    use super::check_condition;

    #[test]
    fn the_condition_of_a_check_is_what_its_parentheses_hold() {
        let same = |definition| assert_eq!(check_condition(definition), Some("(a > 0)"));
        same("CHECK ((a > 0))");
        same("CHECK ((a > 0)) NO INHERIT");
        same("CHECK ((a > 0)) NO INHERIT NOT VALID");
        same("CHECK ((a > 0)) NOT ENFORCED");
        assert_eq!(check_condition("CHECK (valid)"), Some("valid"));
        assert_eq!(check_condition("EXCLUDE USING gist (a WITH =)"), None);
    }
}
