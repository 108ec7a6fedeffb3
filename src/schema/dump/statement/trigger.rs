//! CREATE TRIGGER.

use pg_query::protobuf::CreateTrigStmt;

use super::super::model::Model;
use super::sql::{Sql, relation_name, strings};
use crate::catalog::database::{Constraint, ConstraintKind, Trigger};

/// Takes a trigger in. Its function is looked up at the end.
pub(super) fn create(model: &mut Model, sql: &Sql<'_>, create: &CreateTrigStmt) -> Option<()> {
    let table = relation_name(model, create.relation.as_ref())?;
    let place = *model.relations.get(&table)?;
    let function = model.name(&strings(&create.funcname));
    let trigger = Trigger {
        oid: model.oid(),
        name: create.trigname.clone(),
        definition: sql.text().to_owned(),
        function: 0,
        for_each_row: create.row,
        enabled: 'O',
        constraint: create.isconstraint,
        transition_tables: !create.transition_rels.is_empty(),
        inherited: false,
        extension: None,
        comment: None,
    };
    let constraint = create.isconstraint.then(|| constraint(model, create));
    let relation = &mut model.database.relations[place];
    relation.constraints.extend(constraint);
    relation.triggers.push(trigger);
    let at = relation.triggers.len() - 1;
    model.trigger_functions.push((place, at, function));
    Some(())
}

/// The constraint of a constraint trigger.
fn constraint(model: &mut Model, create: &CreateTrigStmt) -> Constraint {
    let mut definition = "TRIGGER".to_owned();
    if create.deferrable {
        definition += " DEFERRABLE";
    }
    if create.initdeferred {
        definition += " INITIALLY DEFERRED";
    }
    Constraint {
        oid: model.oid(),
        name: create.trigname.clone(),
        kind: ConstraintKind::Trigger,
        definition,
        columns: Vec::new(),
        references: None,
        referenced_columns: Vec::new(),
        index: None,
        deferrable: create.deferrable,
        initially_deferred: create.initdeferred,
        validated: true,
        enforced: true,
        no_inherit: false,
        inherited: false,
        temporal: false,
        comment: None,
    }
}
