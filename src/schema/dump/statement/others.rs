//! Statements of which only the existence of an object matters, and comments, owners, grants.

use pg_query::NodeEnum;
use pg_query::protobuf::{
    AlterOwnerStmt, CommentStmt, CreateExtensionStmt, DefineStmt, GrantStmt, Node, ObjectType,
    RuleStmt,
};

use super::super::model::Model;
use super::alter::owner;
use super::sql::{self, Sql, option, relation_name, role, strings};
use super::types;
use crate::catalog::database::{
    Extension, Name, OtherKind, Policy, Routine, RoutineKind, Rule, UserTypeKind,
};

/// `None`: the statement is not known.
pub(super) fn statement(model: &mut Model, sql: &Sql<'_>, node: &NodeEnum) -> Option<()> {
    match node {
        NodeEnum::CreateSchemaStmt(create) => {
            model.schema(&create.schemaname);
        }
        NodeEnum::CreateExtensionStmt(create) => extension(model, create),
        NodeEnum::CommentStmt(comment) => comments(model, comment)?,
        NodeEnum::AlterOwnerStmt(alter) => owners(model, alter),
        NodeEnum::GrantStmt(grant) => grants(model, grant),
        NodeEnum::RuleStmt(rule) => rules(model, rule)?,
        NodeEnum::CreatePolicyStmt(create) => {
            let table = relation_name(model, create.table.as_ref())?;
            let command = create.cmd_name.to_uppercase();
            model.relation(&table)?.policies.push(Policy {
                name: create.policy_name.clone(),
                command,
            });
        }
        // What a dump says of the session, the database and the statistics is not of the schema.
        NodeEnum::CreatedbStmt(_)
        | NodeEnum::DropdbStmt(_)
        | NodeEnum::AlterDatabaseStmt(_)
        | NodeEnum::DropStmt(_)
        | NodeEnum::TransactionStmt(_)
        | NodeEnum::LockStmt(_)
        | NodeEnum::AlterTypeStmt(_)
        | NodeEnum::AlterEventTrigStmt(_)
        | NodeEnum::AlterSubscriptionStmt(_)
        | NodeEnum::AlterStatsStmt(_)
        | NodeEnum::CheckPointStmt(_)
        | NodeEnum::AlterRoleStmt(_)
        | NodeEnum::CreateRoleStmt(_)
        | NodeEnum::GrantRoleStmt(_)
        | NodeEnum::AlterExtensionContentsStmt(_)
        | NodeEnum::AlterObjectDependsStmt(_) => {}
        other => return existing(model, sql, other),
    }
    Some(())
}

/// Objects of which only the existence matters.
fn existing(model: &mut Model, sql: &Sql<'_>, node: &NodeEnum) -> Option<()> {
    let plain = |name: &str| Name::new("", name);
    match node {
        NodeEnum::CreatePublicationStmt(create) => {
            let count = create.pubobjects.len();
            let detail = if create.for_all_tables {
                "for all tables".to_owned()
            } else {
                format!("for {count} tables")
            };
            *model.published.entry(create.pubname.clone()).or_default() += count as u64;
            model.other(OtherKind::Publication, plain(&create.pubname), detail);
        }
        NodeEnum::AlterPublicationStmt(alter) => {
            let count = model.published.entry(alter.pubname.clone()).or_default();
            *count += alter.pubobjects.len() as u64;
            let detail = format!("for {count} tables");
            let others = &mut model.database.others;
            let same = |o: &&mut crate::catalog::database::Other| {
                o.kind == OtherKind::Publication && o.name.name == alter.pubname
            };
            others.iter_mut().find(same)?.detail = detail;
        }
        NodeEnum::CreateSubscriptionStmt(create) => {
            model.other(OtherKind::Subscription, plain(&create.subname), "disabled");
        }
        NodeEnum::CreateEventTrigStmt(create) => {
            let detail = format!("on {}", create.eventname);
            model.other(OtherKind::EventTrigger, plain(&create.trigname), detail);
        }
        NodeEnum::CreateFdwStmt(create) => {
            model.other(OtherKind::ForeignDataWrapper, plain(&create.fdwname), "");
        }
        NodeEnum::CreateForeignServerStmt(create) => {
            let detail = format!("of {}", create.fdwname);
            model.other(OtherKind::ForeignServer, plain(&create.servername), detail);
        }
        NodeEnum::CreateUserMappingStmt(create) => {
            let detail = format!("to server {}", create.servername);
            let user = role(create.user.as_ref()).replace("PUBLIC", "public");
            model.other(OtherKind::UserMapping, plain(&user), detail);
        }
        NodeEnum::CreatePlangStmt(create) => {
            if !matches!(create.plname.as_str(), "plpgsql" | "sql") {
                model.other(OtherKind::Language, plain(&create.plname), "");
            }
        }
        NodeEnum::SecLabelStmt(label) => {
            *model.labels.entry(label.provider.clone()).or_default() += 1;
        }
        other => return existing_in_schemas(model, sql, other),
    }
    Some(())
}

fn existing_in_schemas(model: &mut Model, sql: &Sql<'_>, node: &NodeEnum) -> Option<()> {
    match node {
        NodeEnum::CreateCastStmt(create) => {
            let source = sql.type_at(create.sourcetype.as_ref()?)?.sql;
            let target = sql.type_at(create.targettype.as_ref()?)?.sql;
            let detail = match (&create.func, create.inout) {
                (Some(_), _) => "by a function",
                (None, true) => "by text",
                (None, false) => "without a function",
            };
            let name = Name::new("", format!("{source} AS {target}"));
            model.other(OtherKind::Cast, name, detail);
        }
        NodeEnum::CreateOpClassStmt(create) => {
            let name = model.name(&strings(&create.opclassname));
            model.other(OtherKind::OperatorClass, name, create.amname.clone());
        }
        // The family of a class comes right before it; one alone is an object of its own.
        NodeEnum::CreateOpFamilyStmt(create) => {
            let name = model.name(&strings(&create.opfamilyname));
            let detail = format!("{}, family", create.amname);
            model.other(OtherKind::OperatorClass, name, detail);
        }
        NodeEnum::AlterOpFamilyStmt(_) => {}
        NodeEnum::CreateConversionStmt(create) => {
            let name = model.name(&strings(&create.conversion_name));
            let detail = format!(
                "{} to {}",
                create.for_encoding_name, create.to_encoding_name
            );
            model.other(OtherKind::Conversion, name, detail);
        }
        NodeEnum::CreateStatsStmt(create) => {
            let name = model.name(&strings(&create.defnames));
            let table = create
                .relations
                .first()
                .and_then(|node| match node.node.as_ref()? {
                    NodeEnum::RangeVar(relation) => relation_name(model, Some(relation)),
                    _ => None,
                });
            let detail = table.map_or_else(String::new, |t| format!("on {}.{}", t.schema, t.name));
            model.other(OtherKind::Statistics, name, detail);
        }
        NodeEnum::CreateTransformStmt(create) => {
            let of = sql.type_at(create.type_name.as_ref()?)?.sql;
            let name = Name::new("", format!("transform for {of}"));
            model.other(
                OtherKind::Something,
                name,
                format!("language {}", create.lang),
            );
        }
        NodeEnum::CreateAmStmt(create) => {
            let name = Name::new("", format!("access method {}", create.amname));
            model.other(OtherKind::Something, name, "");
        }
        NodeEnum::AlterTsconfigurationStmt(_) | NodeEnum::AlterTsdictionaryStmt(_) => {}
        NodeEnum::AlterDefaultPrivilegesStmt(alter) => default_privileges(model, alter),
        NodeEnum::AlterDatabaseSetStmt(alter) => {
            session_setting(model, "settings of the database", alter.setstmt.as_ref());
        }
        NodeEnum::AlterRoleSetStmt(alter) => {
            let of = format!("settings of role {}", role(alter.role.as_ref()));
            session_setting(model, &of, alter.setstmt.as_ref());
        }
        _ => return None,
    }
    Some(())
}

fn default_privileges(model: &mut Model, alter: &pg_query::protobuf::AlterDefaultPrivilegesStmt) {
    let list = |name: &str| {
        let element = sql::options(&alter.options).find(|o| o.defname == name);
        let items = element.and_then(|o| match o.arg.as_ref()?.node.as_ref()? {
            NodeEnum::List(list) => Some(list.items.clone()),
            _ => None,
        });
        items.unwrap_or_default()
    };
    let schema = strings(&list("schemas"))
        .first()
        .map_or("", |s| s)
        .to_owned();
    let of = list("roles")
        .first()
        .and_then(|node| match node.node.as_ref()? {
            NodeEnum::RoleSpec(spec) => Some(role(Some(spec))),
            _ => None,
        });
    let kind = alter.action.as_ref().map(|grant| grant.objtype());
    let detail = match kind {
        Some(ObjectType::ObjectTable) => "on tables",
        Some(ObjectType::ObjectSequence) => "on sequences",
        Some(ObjectType::ObjectFunction) => "on functions",
        Some(ObjectType::ObjectType) => "on types",
        Some(ObjectType::ObjectSchema) => "on schemas",
        _ => "on large objects",
    };
    let name = Name::new(schema, of.unwrap_or_default());
    let same = |o: &crate::catalog::database::Other| {
        o.kind == OtherKind::DefaultPrivileges && o.name == name && o.detail == detail
    };
    if !model.database.others.iter().any(same) {
        model.other(OtherKind::DefaultPrivileges, name, detail);
    }
}

/// Names of settings, never their values: they may hold secrets.
fn session_setting(model: &mut Model, of: &str, set: Option<&pg_query::protobuf::VariableSetStmt>) {
    let Some(set) = set else {
        return;
    };
    let others = &mut model.database.others;
    let same = |o: &&mut crate::catalog::database::Other| {
        o.kind == OtherKind::Something && o.name.name == of
    };
    match others.iter_mut().find(same) {
        Some(other) => {
            other.detail = format!("{}, {}", other.detail, set.name);
            other.count += 1;
        }
        None => model.other(OtherKind::Something, Name::new("", of), set.name.clone()),
    }
}

fn extension(model: &mut Model, create: &CreateExtensionStmt) {
    let schema = option(&create.options, "schema").unwrap_or_else(|| "pg_catalog".to_owned());
    let oid = model.oid();
    model.database.extensions.push(Extension {
        oid,
        name: create.extname.clone(),
        schema,
        version: option(&create.options, "new_version").unwrap_or_default(),
    });
}

/// DefineStmt: aggregates, operators, base types, text search, collations.
pub(super) fn define(model: &mut Model, sql: &Sql<'_>, define: &DefineStmt) -> Option<()> {
    let name = model.name(&strings(&define.defnames));
    let (kind, detail) = match define.kind() {
        ObjectType::ObjectAggregate => return aggregate(model, sql, name),
        ObjectType::ObjectType => {
            types::push(model, name, UserTypeKind::Base);
            return Some(());
        }
        ObjectType::ObjectOperator => {
            let sides = ["leftarg", "rightarg"];
            let types = sides.iter().filter_map(|side| operand(sql, define, side));
            let types: Vec<String> = types.collect();
            (OtherKind::Operator, types.join(", "))
        }
        ObjectType::ObjectTsconfiguration => (OtherKind::TextSearch, "configuration".to_owned()),
        ObjectType::ObjectTsdictionary => (OtherKind::TextSearch, "dictionary".to_owned()),
        ObjectType::ObjectTsparser => (OtherKind::TextSearch, "parser".to_owned()),
        ObjectType::ObjectTstemplate => (OtherKind::TextSearch, "template".to_owned()),
        ObjectType::ObjectCollation => {
            let provider = option(&define.definition, "provider");
            (
                OtherKind::Collation,
                provider.unwrap_or_else(|| "libc".to_owned()),
            )
        }
        _ => return None,
    };
    model.other(kind, name, detail);
    Some(())
}

/// The type of an operator's side.
fn operand(sql: &Sql<'_>, define: &DefineStmt, side: &str) -> Option<String> {
    let element = sql::options(&define.definition).find(|o| o.defname == side)?;
    match element.arg.as_ref()?.node.as_ref()? {
        NodeEnum::TypeName(name) => Some(sql.type_at(name)?.key.to_sql()),
        _ => None,
    }
}

/// CREATE AGGREGATE name(types) (…).
fn aggregate(model: &mut Model, sql: &Sql<'_>, name: Name) -> Option<()> {
    let open = (0..sql.lexed.tokens.len()).find(|&at| sql.lexed.is_symbol(at, "("))?;
    let closing = sql.lexed.closing(open)?;
    let routine = Routine {
        oid: model.oid(),
        name,
        arguments: sql.slice(open + 1, closing).to_owned(),
        kind: RoutineKind::Aggregate,
        language: "internal".to_owned(),
        definition: Some(sql.text().to_owned()),
        body: "aggregate_dummy".to_owned(),
        sql_body: None,
        returns: 0,
        is_trigger: false,
        security_definer: false,
        settings: Vec::new(),
        extension: None,
        comment: None,
    };
    model.push_routine(routine);
    Some(())
}

fn rules(model: &mut Model, rule: &RuleStmt) -> Option<()> {
    use pg_query::protobuf::CmdType;
    let table = relation_name(model, rule.relation.as_ref())?;
    let event = match rule.event() {
        CmdType::CmdSelect => "SELECT",
        CmdType::CmdUpdate => "UPDATE",
        CmdType::CmdInsert => "INSERT",
        _ => "DELETE",
    };
    model.relation(&table)?.rules.push(Rule {
        name: rule.rulename.clone(),
        event: event.to_owned(),
    });
    Some(())
}

fn owners(model: &mut Model, alter: &AlterOwnerStmt) {
    let role = role(alter.newowner.as_ref());
    let name = object_name(model, alter.object.as_deref());
    // The schema `public` is the server's own.
    if alter.object_type() == ObjectType::ObjectSchema && name.name == "public" {
        return;
    }
    let counted = matches!(
        alter.object_type(),
        ObjectType::ObjectSchema
            | ObjectType::ObjectFunction
            | ObjectType::ObjectProcedure
            | ObjectType::ObjectAggregate
            | ObjectType::ObjectDomain
            | ObjectType::ObjectType
    );
    if counted {
        owner(model, &name, &role);
    }
}

/// A readable name of whatever a node names.
fn object_name(model: &Model, node: Option<&Node>) -> Name {
    match node.and_then(|node| node.node.as_ref()) {
        Some(NodeEnum::String(name)) => Name::new("", &name.sval),
        Some(NodeEnum::List(list)) => model.name(&strings(&list.items)),
        Some(NodeEnum::TypeName(name)) => model.name(&strings(&name.names)),
        Some(NodeEnum::RangeVar(relation)) => {
            relation_name(model, Some(relation)).unwrap_or_else(|| Name::new("", ""))
        }
        Some(NodeEnum::ObjectWithArgs(object)) => {
            let name = model.name(&strings(&object.objname));
            // Namesakes have different arguments.
            let types = object.objargs.iter().map(|node| match &node.node {
                Some(NodeEnum::TypeName(name)) => strings(&name.names).join("."),
                _ => String::new(),
            });
            let types: Vec<String> = types.collect();
            Name::new(name.schema, format!("{}({})", name.name, types.join(", ")))
        }
        _ => Name::new("", ""),
    }
}

fn grants(model: &mut Model, grant: &GrantStmt) {
    if !grant.is_grant {
        return;
    }
    let objects: Vec<String> = grant
        .objects
        .iter()
        .map(|node| object_name(model, Some(node)).to_string())
        .filter(|name| grant.objtype() != ObjectType::ObjectSchema || !name.ends_with(".public"))
        .collect();
    let privileges = privileges(grant);
    for grantee in &grant.grantees {
        let Some(NodeEnum::RoleSpec(spec)) = &grantee.node else {
            continue;
        };
        let role = role(Some(spec));
        // Everybody may use types and call functions anyway.
        let usual = matches!(
            grant.objtype(),
            ObjectType::ObjectFunction | ObjectType::ObjectProcedure | ObjectType::ObjectType
        );
        if (role == "PUBLIC" && usual) || objects.is_empty() {
            continue;
        }
        let granted = model.grants.entry(role).or_default();
        granted.objects.extend(objects.iter().cloned());
        granted.privileges.extend(privileges.iter().cloned());
    }
}

/// The privileges; `ALL` in full.
fn privileges(grant: &GrantStmt) -> Vec<String> {
    let named: Vec<String> = grant
        .privileges
        .iter()
        .filter_map(|node| match node.node.as_ref()? {
            NodeEnum::AccessPriv(privilege) => Some(privilege.priv_name.to_uppercase()),
            _ => None,
        })
        .collect();
    if !named.is_empty() {
        return named;
    }
    let all: &[&str] = match grant.objtype() {
        ObjectType::ObjectTable => &[
            "DELETE",
            "INSERT",
            "REFERENCES",
            "SELECT",
            "TRIGGER",
            "TRUNCATE",
            "UPDATE",
        ],
        ObjectType::ObjectSequence => &["SELECT", "UPDATE", "USAGE"],
        ObjectType::ObjectSchema => &["CREATE", "USAGE"],
        ObjectType::ObjectFunction | ObjectType::ObjectProcedure => &["EXECUTE"],
        _ => &["USAGE"],
    };
    all.iter()
        .map(|privilege| (*privilege).to_owned())
        .collect()
}

fn comments(model: &mut Model, comment: &CommentStmt) -> Option<()> {
    let text = Some(comment.comment.clone()).filter(|text| !text.is_empty());
    let name = object_name(model, comment.object.as_deref());
    match comment.objtype() {
        ObjectType::ObjectSchema => model.schema(&name.name).comment = text,
        ObjectType::ObjectTable
        | ObjectType::ObjectView
        | ObjectType::ObjectMatview
        | ObjectType::ObjectForeignTable => model.relation(&name)?.comment = text,
        ObjectType::ObjectSequence => model.sequence(&name)?.comment = text,
        ObjectType::ObjectIndex => {
            let &(table, at) = model.indexes.get(&name)?;
            model.database.relations[table].indexes[at].comment = text;
        }
        ObjectType::ObjectType | ObjectType::ObjectDomain => {
            let place = *model.types.get(&name)?;
            model.database.types[place].comment = text;
        }
        ObjectType::ObjectColumn | ObjectType::ObjectTabconstraint | ObjectType::ObjectTrigger => {
            return comment_of_part(model, comment, text);
        }
        ObjectType::ObjectFunction | ObjectType::ObjectProcedure | ObjectType::ObjectAggregate => {
            return comment_of_routine(model, comment, text);
        }
        // Comments of what is not converted are not kept.
        _ => {}
    }
    Some(())
}

/// COMMENT ON COLUMN t.c, CONSTRAINT c ON t, TRIGGER x ON t: the table, then the part.
fn comment_of_part(model: &mut Model, comment: &CommentStmt, text: Option<String>) -> Option<()> {
    let Some(NodeEnum::List(list)) = comment.object.as_ref()?.node.as_ref() else {
        return None;
    };
    let parts = strings(&list.items);
    let (part, table) = parts.split_last()?;
    let table = model.name(table);
    // Fields of composite types and columns of views have no place in the model.
    let Some(relation) = model.relation(&table) else {
        return Some(());
    };
    match comment.objtype() {
        ObjectType::ObjectColumn => {
            if let Some(column) = relation.columns.iter_mut().find(|c| c.name == *part) {
                column.comment = text;
            }
        }
        ObjectType::ObjectTabconstraint => {
            relation
                .constraints
                .iter_mut()
                .find(|c| c.name == *part)?
                .comment = text;
        }
        _ => {
            relation
                .triggers
                .iter_mut()
                .find(|t| t.name == *part)?
                .comment = text
        }
    }
    Some(())
}

/// Of namesakes the one with as many arguments, and of several such the one whose text has the types.
fn comment_of_routine(
    model: &mut Model,
    comment: &CommentStmt,
    text: Option<String>,
) -> Option<()> {
    let Some(NodeEnum::ObjectWithArgs(object)) = comment.object.as_ref()?.node.as_ref() else {
        return None;
    };
    let name = model.name(&strings(&object.objname));
    let places = model.routines.get(&name)?.clone();
    let types: Vec<String> = object
        .objargs
        .iter()
        .filter_map(|node| match node.node.as_ref()? {
            NodeEnum::TypeName(name) => strings(&name.names).last().map(|n| (*n).to_owned()),
            _ => None,
        })
        .collect();
    let fits = |place: &&usize| {
        let arguments = &model.database.routines[**place].arguments;
        super::super::finish::argument_types(arguments) == types
    };
    let place = *places.iter().find(fits).or_else(|| places.first())?;
    model.database.routines[place].comment = text;
    Some(())
}
