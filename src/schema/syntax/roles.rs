//! What the names of a text are, from its parse tree.

use std::collections::BTreeSet;

use super::rewrite::{Role, Roles};
use super::tree::{self, Parsed, Seen};

/// The roles of all names in these statements.
pub(super) fn roles(statements: &[Parsed]) -> Roles {
    let mut roles = Roles::default();
    let mut may_have_alias = BTreeSet::new();
    for statement in statements {
        tree::walk(&statement.node, &mut |seen| {
            note(seen, &mut roles, &mut may_have_alias);
        });
    }
    roles
}

fn note(seen: Seen<'_>, roles: &mut Roles, may_have_alias: &mut BTreeSet<usize>) {
    let fields = seen.fields;
    let location = tree::location(fields);
    match seen.kind {
        "InsertStmt" | "UpdateStmt" | "DeleteStmt" | "MergeStmt" => {
            let relation = fields.get("relation").and_then(|r| r.as_object());
            may_have_alias.extend(relation.and_then(tree::location));
        }
        "RangeTableSample" => {
            let relation = fields.get("relation");
            let relation = relation.and_then(|r| tree::node(r, "RangeVar"));
            may_have_alias.extend(relation.and_then(tree::location));
        }
        "CommonTableExpr" => {
            roles
                .with
                .insert(tree::string(fields, "ctename").to_owned());
        }
        "ColumnRef" => {
            let parts = tree::strings(fields, "fields");
            let firsts = parts.iter().take(2).map(|part| (*part).to_owned());
            roles.qualifiers.extend(firsts);
            mark(roles, location, Role::Column);
        }
        "PlassignStmt" => mark(roles, location, Role::Other),
        "ResTarget" => {
            let target = !tree::string(fields, "name").is_empty();
            if target && !tree::list(fields, "indirection").is_empty() {
                mark(roles, location, Role::Other);
            }
        }
        _ if seen.is_relation() => {
            let joined = matches!(
                seen.field,
                "from_clause" | "larg" | "rarg" | "using_clause" | "source_relation"
            );
            let place = joined || location.is_some_and(|l| may_have_alias.contains(&l));
            let bare = place && fields.get("alias").is_none_or(serde_json::Value::is_null);
            mark(roles, location, Role::Relation { bare });
        }
        _ if seen.is_type() => mark(roles, location, Role::Type),
        _ if seen.is_call() => mark(roles, location, Role::Function),
        _ => {}
    }
}

/// What was noted first holds: the target of an assignment over the column that it may be.
fn mark(roles: &mut Roles, location: Option<usize>, role: Role) {
    if let Some(location) = location {
        roles.names.entry(location).or_insert(role);
    }
}
