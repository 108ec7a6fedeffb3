//! ALTER TABLE, and what pg_dump writes with its words: ALTER INDEX, ALTER VIEW, owners of sequences.

use pg_query::NodeEnum;
use pg_query::protobuf::{AlterTableCmd, AlterTableStmt, AlterTableType, ObjectType};

use super::super::model::Model;
use super::constraint;
use super::sequence;
use super::sql::{Sql, options, relation_name, role, strings};
use crate::catalog::Persistence;
use crate::catalog::database::{ColumnName, FieldDefault, Name};

/// Takes all commands of the statement in.
pub(super) fn table(model: &mut Model, sql: &Sql<'_>, alter: &AlterTableStmt) -> Option<()> {
    let name = relation_name(model, alter.relation.as_ref())?;
    for node in &alter.cmds {
        let Some(NodeEnum::AlterTableCmd(command)) = &node.node else {
            return None;
        };
        if alter.objtype() == ObjectType::ObjectIndex {
            index(model, &name, command)?;
        } else if command.subtype() == AlterTableType::AtChangeOwner {
            owner(model, &name, &role(command.newowner.as_ref()));
        } else if model.sequences.contains_key(&name) {
            sequence_command(model, &name, command)?;
        } else {
            let place = *model.relations.get(&name)?;
            one(model, sql, place, command)?;
        }
    }
    Some(())
}

/// An object has an owner.
pub(super) fn owner(model: &mut Model, name: &Name, role: &str) {
    let owned = model.owners.entry(role.to_owned()).or_default();
    owned.insert(name.to_string());
}

fn sequence_command(model: &mut Model, name: &Name, command: &AlterTableCmd) -> Option<()> {
    match command.subtype() {
        AlterTableType::AtSetLogged => model.sequence(name)?.unlogged = false,
        AlterTableType::AtSetUnLogged => model.sequence(name)?.unlogged = true,
        _ => return None,
    }
    Some(())
}

/// ALTER INDEX … ATTACH PARTITION, SET STATISTICS, CLUSTER.
fn index(model: &mut Model, name: &Name, command: &AlterTableCmd) -> Option<()> {
    match command.subtype() {
        AlterTableType::AtAttachPartition => attach_index(model, name, command),
        AlterTableType::AtSetStatistics | AlterTableType::AtSetRelOptions => Some(()),
        _ => None,
    }
}

/// An index of a partition becomes part of the index above it, and so does its constraint.
fn attach_index(model: &mut Model, parent: &Name, command: &AlterTableCmd) -> Option<()> {
    let Some(NodeEnum::PartitionCmd(part)) = command.def.as_ref()?.node.as_ref() else {
        return None;
    };
    let child = relation_name(model, part.name.as_ref())?;
    let &(table, at) = model.indexes.get(parent)?;
    let parent = model.database.relations[table].indexes[at].oid;
    let &(table, at) = model.indexes.get(&child)?;
    let relation = &mut model.database.relations[table];
    relation.indexes[at].parent = Some(parent);
    let constraint = relation.indexes[at].constraint;
    for own in &mut relation.constraints {
        own.inherited |= constraint == Some(own.oid);
    }
    Some(())
}

/// One command on the table at a place.
fn one(model: &mut Model, sql: &Sql<'_>, place: usize, command: &AlterTableCmd) -> Option<()> {
    let def = command.def.as_ref().and_then(|def| def.node.as_ref());
    match (command.subtype(), def) {
        (AlterTableType::AtAddConstraint, Some(NodeEnum::Constraint(node))) => {
            return constraint::add(model, sql, place, node);
        }
        (AlterTableType::AtAddIdentity, Some(NodeEnum::Constraint(node))) => {
            return identity(model, place, command, node);
        }
        (AlterTableType::AtAttachPartition, Some(NodeEnum::PartitionCmd(part))) => {
            return attach(model, sql, place, part);
        }
        (AlterTableType::AtAddInherit, Some(NodeEnum::RangeVar(parent))) => {
            let parent = relation_name(model, Some(parent))?;
            let oid = model.relation(&parent)?.oid;
            model.database.relations[place].inherits.push(oid);
        }
        (AlterTableType::AtReplicaIdentity, Some(NodeEnum::ReplicaIdentityStmt(identity))) => {
            model.database.relations[place].replica_identity = match identity.identity_type.as_str()
            {
                "f" => Some("full".to_owned()),
                "n" => Some("nothing".to_owned()),
                "i" => Some(identity.name.clone()),
                _ => None,
            };
        }
        (AlterTableType::AtClusterOn, _) => {
            let relation = &mut model.database.relations[place];
            for index in &mut relation.indexes {
                index.clustered = index.name == command.name;
            }
        }
        (subtype, _) => return property(model, sql, place, (subtype, command)),
    }
    Some(())
}

/// Commands that change a property of the table or of one of its columns.
fn property(
    model: &mut Model,
    sql: &Sql<'_>,
    place: usize,
    (subtype, command): (AlterTableType, &AlterTableCmd),
) -> Option<()> {
    let relation = &mut model.database.relations[place];
    match subtype {
        AlterTableType::AtEnableRowSecurity => relation.row_security = true,
        AlterTableType::AtForceRowSecurity => relation.force_row_security = true,
        AlterTableType::AtSetUnLogged => relation.persistence = Persistence::Unlogged,
        AlterTableType::AtEnableTrig => enable(model, place, &command.name, 'O')?,
        AlterTableType::AtEnableAlwaysTrig => enable(model, place, &command.name, 'A')?,
        AlterTableType::AtEnableReplicaTrig => enable(model, place, &command.name, 'R')?,
        AlterTableType::AtDisableTrig => enable(model, place, &command.name, 'D')?,
        AlterTableType::AtColumnDefault => default(model, sql, place, command)?,
        AlterTableType::AtSetNotNull => {
            column(model, place, &command.name)?.not_null = true;
        }
        AlterTableType::AtSetStorage | AlterTableType::AtSetCompression => {
            let word = if subtype == AlterTableType::AtSetStorage {
                "STORAGE"
            } else {
                "COMPRESSION"
            };
            storage(model, place, command, word)?;
        }
        AlterTableType::AtSetStatistics
        | AlterTableType::AtSetOptions
        | AlterTableType::AtSetRelOptions
        | AlterTableType::AtDropCluster
        | AlterTableType::AtValidateConstraint
        | AlterTableType::AtAlterColumnGenericOptions
        | AlterTableType::AtEnableRule
        | AlterTableType::AtDisableRule
        | AlterTableType::AtEnableAlwaysRule
        | AlterTableType::AtEnableReplicaRule => {}
        _ => return None,
    }
    Some(())
}

fn column<'m>(
    model: &'m mut Model,
    place: usize,
    name: &str,
) -> Option<&'m mut crate::catalog::database::Field> {
    let columns = &mut model.database.relations[place].columns;
    columns.iter_mut().find(|column| column.name == name)
}

fn enable(model: &mut Model, place: usize, name: &str, enabled: char) -> Option<()> {
    let triggers = &mut model.database.relations[place].triggers;
    triggers.iter_mut().find(|t| t.name == name)?.enabled = enabled;
    Some(())
}

/// `ALTER COLUMN a SET DEFAULT …`
fn default(model: &mut Model, sql: &Sql<'_>, place: usize, command: &AlterTableCmd) -> Option<()> {
    command.def.as_ref()?;
    let set = (0..sql.lexed.tokens.len())
        .find(|&at| sql.lexed.is_word(at, "set") && sql.lexed.is_word(at + 1, "default"))?;
    let text = sql.slice(set + 2, sql.item_end(set + 2)).to_owned();
    // Columns of views have defaults, too; nobody needs them.
    if model.database.relations[place].is_view() {
        return Some(());
    }
    column(model, place, &command.name)?.default = FieldDefault::Expression(text);
    Some(())
}

fn storage(model: &mut Model, place: usize, command: &AlterTableCmd, word: &str) -> Option<()> {
    let Some(NodeEnum::String(value)) = command.def.as_ref()?.node.as_ref() else {
        return None;
    };
    let value = if word == "STORAGE" {
        value.sval.to_uppercase()
    } else {
        value.sval.clone()
    };
    let column = column(model, place, &command.name)?;
    let before = column.storage.take().map(|before| before + " ");
    column.storage = Some(format!("{}{word} {value}", before.unwrap_or_default()));
    Some(())
}

/// `ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY (SEQUENCE NAME public.t_id_seq …)`
fn identity(
    model: &mut Model,
    place: usize,
    command: &AlterTableCmd,
    node: &pg_query::protobuf::Constraint,
) -> Option<()> {
    let table = model.database.relations[place].name.clone();
    let named = options(&node.options).find(|o| o.defname == "sequence_name");
    let parts = named.and_then(|o| match o.arg.as_ref()?.node.as_ref()? {
        NodeEnum::List(list) => Some(strings(&list.items)),
        _ => None,
    });
    let name = match parts {
        Some(parts) => model.name(&parts),
        None => Name::new(
            &table.schema,
            format!("{}_{}_seq", table.name, command.name),
        ),
    };
    let mut sequence = sequence::from_options(model, name, &node.options);
    let type_name = &column(model, place, &command.name)?.data_type.sql;
    if ["integer", "smallint"].contains(&type_name.as_str()) {
        sequence.data_type.clone_from(type_name);
        let most = if type_name == "integer" {
            i64::from(i32::MAX)
        } else {
            i64::from(i16::MAX)
        };
        sequence.maximum = sequence.maximum.min(most);
        sequence.minimum = sequence.minimum.max(-most - 1);
    }
    sequence.identity = true;
    sequence.owner = Some(ColumnName {
        table,
        column: command.name.clone(),
    });
    let oid = sequence.oid;
    model.push_sequence(sequence);
    let column = column(model, place, &command.name)?;
    column.not_null = true;
    column.default = FieldDefault::Identity {
        always: node.generated_when == "a",
        sequence: oid,
    };
    Some(())
}

/// `ATTACH PARTITION public.leaf FOR VALUES …`
fn attach(
    model: &mut Model,
    sql: &Sql<'_>,
    place: usize,
    part: &pg_query::protobuf::PartitionCmd,
) -> Option<()> {
    let child = relation_name(model, part.name.as_ref())?;
    let parent = model.database.relations[place].oid;
    let at = sql
        .find_word(0, "for")
        .or_else(|| sql.find_word(0, "default"))?;
    let bound = sql.slice(at, sql.lexed.tokens.len()).to_owned();
    let above = model.database.relations[place].columns.clone();
    let child = model.relation(&child)?;
    child.partition_of = Some(parent);
    child.partition_bound = Some(bound);
    for column in &mut child.columns {
        column.inherited = above.iter().any(|c| c.name == column.name);
    }
    Some(())
}
