//! Features of which no document says whether they are there: each is a switch of the limits.

use pg_query::NodeEnum;
use pg_query::protobuf::{
    AlterTableStmt, ColumnDef, ConstrType, Constraint, CreateFunctionStmt, CreateStmt,
    CreateTrigStmt, IndexElem, IndexStmt, Node, ObjectType, SortByDir, SortByNulls,
};

use super::super::limits::{Limits, Undocumented};
use super::Ruling;

/// Judges one statement by the features that it uses.
pub(crate) fn judge(node: &NodeEnum, limits: &Limits) -> Ruling {
    if limits.refused.is_empty() {
        return Ruling::Pass;
    }
    let used = features(node);
    used.into_iter()
        .find(|feature| limits.refused.contains(feature))
        .map_or(Ruling::Pass, |feature| Ruling::unsupported(feature.name()))
}

fn features(node: &NodeEnum) -> Vec<Undocumented> {
    match node {
        NodeEnum::CreateDomainStmt(_) | NodeEnum::AlterDomainStmt(_) => vec![Undocumented::Domain],
        NodeEnum::CompositeTypeStmt(_) => vec![Undocumented::CompositeType],
        NodeEnum::CreateStmt(create) => of_table(create),
        NodeEnum::AlterTableStmt(alter) => of_alter(alter),
        NodeEnum::IndexStmt(index) => of_index(index),
        NodeEnum::CreateTableAsStmt(create) if create.objtype() == ObjectType::ObjectMatview => {
            vec![Undocumented::MaterializedView]
        }
        NodeEnum::CreateTrigStmt(trigger) => of_trigger(trigger),
        NodeEnum::CreateFunctionStmt(function) => of_function(function),
        NodeEnum::CommentStmt(_) => vec![Undocumented::Comment],
        NodeEnum::VacuumStmt(vacuum) if !vacuum.is_vacuumcmd => vec![Undocumented::Analyze],
        NodeEnum::DefineStmt(define) if define.kind() == ObjectType::ObjectAggregate => {
            vec![Undocumented::Aggregate]
        }
        NodeEnum::DefineStmt(_) | NodeEnum::CreateCastStmt(_) | NodeEnum::CreateOpClassStmt(_) => {
            vec![Undocumented::CustomOperator]
        }
        NodeEnum::CreateStatsStmt(_) => vec![Undocumented::ExtendedStatistics],
        _ => Vec::new(),
    }
}

fn of_table(create: &CreateStmt) -> Vec<Undocumented> {
    let mut used: Vec<_> = create.table_elts.iter().flat_map(of_element).collect();
    let persistence = create.relation.as_ref().map(|r| r.relpersistence.as_str());
    if persistence == Some("u") {
        used.push(Undocumented::Unlogged);
    }
    if !create.options.is_empty() {
        used.push(Undocumented::StorageParameter);
    }
    used
}

fn of_alter(alter: &AlterTableStmt) -> Vec<Undocumented> {
    let commands = alter.cmds.iter().filter_map(|cmd| match &cmd.node {
        Some(NodeEnum::AlterTableCmd(command)) => command.def.as_deref(),
        _ => None,
    });
    commands.flat_map(of_element).collect()
}

fn of_element(element: &Node) -> Vec<Undocumented> {
    match &element.node {
        Some(NodeEnum::ColumnDef(column)) => of_column(column),
        Some(NodeEnum::Constraint(constraint)) => of_constraint(constraint),
        _ => Vec::new(),
    }
}

fn of_column(column: &ColumnDef) -> Vec<Undocumented> {
    let mut used: Vec<_> = column.constraints.iter().flat_map(of_element).collect();
    if column.coll_clause.is_some() {
        used.push(Undocumented::Collate);
    }
    used
}

fn of_constraint(constraint: &Constraint) -> Vec<Undocumented> {
    let mut used = Vec::new();
    match constraint.contype() {
        ConstrType::ConstrExclusion => used.push(Undocumented::Exclude),
        ConstrType::ConstrGenerated => used.push(Undocumented::GeneratedColumn),
        ConstrType::ConstrAttrDeferrable => used.push(Undocumented::Deferrable),
        _ => {}
    }
    if constraint.deferrable || constraint.initdeferred {
        used.push(Undocumented::Deferrable);
    }
    if constraint.skip_validation {
        used.push(Undocumented::NotValid);
    }
    if constraint.nulls_not_distinct {
        used.push(Undocumented::NullsNotDistinct);
    }
    if !constraint.including.is_empty() {
        used.push(Undocumented::Include);
    }
    used
}

fn of_index(index: &IndexStmt) -> Vec<Undocumented> {
    let elements = index
        .index_params
        .iter()
        .filter_map(|part| match &part.node {
            Some(NodeEnum::IndexElem(element)) => Some(element.as_ref()),
            _ => None,
        });
    let mut used: Vec<_> = elements.flat_map(of_index_element).collect();
    if index.nulls_not_distinct {
        used.push(Undocumented::NullsNotDistinct);
    }
    if !index.index_including_params.is_empty() {
        used.push(Undocumented::Include);
    }
    if index.where_clause.is_some() {
        used.push(Undocumented::PartialIndex);
    }
    if !index.options.is_empty() {
        used.push(Undocumented::StorageParameter);
    }
    used
}

fn of_index_element(element: &IndexElem) -> Vec<Undocumented> {
    let mut used = Vec::new();
    if element.expr.is_some() {
        used.push(Undocumented::ExpressionIndex);
    }
    if !element.opclass.is_empty() {
        used.push(Undocumented::OperatorClass);
    }
    if !element.collation.is_empty() {
        used.push(Undocumented::Collate);
    }
    let plain = [SortByDir::SortbyDefault, SortByDir::SortbyAsc].contains(&element.ordering());
    if !plain || element.nulls_ordering() != SortByNulls::SortbyNullsDefault {
        used.push(Undocumented::IndexOrdering);
    }
    used
}

fn of_trigger(trigger: &CreateTrigStmt) -> Vec<Undocumented> {
    let mut used = vec![Undocumented::Trigger];
    if !trigger.row {
        used.push(Undocumented::StatementTrigger);
    }
    if trigger.isconstraint {
        used.push(Undocumented::Deferrable);
    }
    used
}

fn of_function(function: &CreateFunctionStmt) -> Vec<Undocumented> {
    let mut used = Vec::new();
    if function.is_procedure {
        used.push(Undocumented::Procedure);
    }
    if function.sql_body.is_some() {
        used.push(Undocumented::SqlBody);
    }
    used
}
