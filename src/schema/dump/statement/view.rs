//! Views and materialized views.

use pg_query::protobuf::{CreateTableAsStmt, RefreshMatViewStmt, ViewCheckOption, ViewStmt};

use super::super::model::Model;
use super::sql::{Sql, parameters, relation_name};
use crate::catalog::database::{Name, Relation, RelationKind};

/// CREATE [OR REPLACE] VIEW: where views need each other, pg_dump makes one twice, first without a query.
pub(super) fn create(model: &mut Model, sql: &Sql<'_>, create: &ViewStmt) -> Option<()> {
    let name = relation_name(model, create.view.as_ref())?;
    let mut options = parameters(&create.options);
    let check = match create.with_check_option() {
        ViewCheckOption::LocalCheckOption => Some("check_option=local"),
        ViewCheckOption::CascadedCheckOption => Some("check_option=cascaded"),
        _ => None,
    };
    let query = query(sql, check.is_some())?;
    options.extend(check.map(str::to_owned));
    let place = at(model, name, RelationKind::View);
    let view = &mut model.database.relations[place];
    view.query = Some(query);
    view.options = options;
    Some(())
}

/// CREATE MATERIALIZED VIEW … AS … WITH NO DATA.
pub(super) fn materialized(
    model: &mut Model,
    sql: &Sql<'_>,
    create: &CreateTableAsStmt,
) -> Option<()> {
    let into = create.into.as_ref()?;
    let name = relation_name(model, into.rel.as_ref())?;
    let query = query(sql, into.skip_data)?;
    let tablespace = model.settings.tablespace.clone();
    let place = at(model, name, RelationKind::MaterializedView);
    let view = &mut model.database.relations[place];
    view.query = Some(query);
    view.options = parameters(&into.options);
    view.tablespace = tablespace;
    view.populated = false;
    Some(())
}

pub(super) fn refresh(model: &mut Model, refresh: &RefreshMatViewStmt) -> Option<()> {
    let name = relation_name(model, refresh.relation.as_ref())?;
    model.refreshed.insert(name);
    Some(())
}

fn at(model: &mut Model, name: Name, kind: RelationKind) -> usize {
    match model.relations.get(&name) {
        Some(&place) => place,
        None => {
            let relation = Relation::new(model.oid(), name, kind);
            model.push_relation(relation)
        }
    }
}

/// The query after AS, without the clause that follows it (`WITH NO DATA`, `WITH … CHECK OPTION`).
fn query(sql: &Sql<'_>, has_tail: bool) -> Option<String> {
    let lexed = sql.lexed;
    let first = sql.find_word(0, "as")? + 1;
    let mut end = lexed.tokens.len();
    if has_tail {
        end = (first..end).rev().find(|&at| lexed.is_word(at, "with"))?;
    }
    Some(sql.slice(first, end).trim().to_owned())
}
