//! Whole statements and their clauses: what the documents say does not exist.

use pg_query::NodeEnum;
use pg_query::protobuf::{
    self, AlterTableStmt, AlterTableType, CopyStmt, CreateStmt, DropBehavior, Node, RawStmt,
    TransactionStmt, TruncateStmt, TypeName, VariableSetStmt,
};

use super::super::limits::{Limits, NarrowTypes, Serializable, TimeoutChange};
use super::{JudgeLimits, Ruling};

const TIMEOUTS: [&str; 2] = ["statement_timeout", "idle_in_transaction_session_timeout"];

const DML_SCAN: &str = "db9.dml_table_scan_max_rows";

/// Options of COPY that the documents name (guide, tidb); also the old spellings of the same.
const COPY_OPTIONS: [&str; 6] = ["format", "delimiter", "null", "header", "quote", "escape"];

/// Judges one statement by its kind.
pub(crate) fn judge(node: &NodeEnum, limits: &JudgeLimits<'_>, extended: bool) -> Ruling {
    if let Some(what) = missing_statement(node, limits.limits) {
        return Ruling::unsupported(what);
    }
    match node {
        NodeEnum::CreateStmt(create) => create_table(create),
        NodeEnum::AlterTableStmt(alter) => alter_table(alter, limits.limits),
        NodeEnum::AlterSeqStmt(alter) => alter_sequence(&alter.options),
        NodeEnum::TruncateStmt(truncate) => judge_truncate(truncate, limits.limits),
        NodeEnum::TransactionStmt(statement) => transaction(node, statement, limits.limits),
        NodeEnum::VariableSetStmt(set) => judge_set(node, set, limits),
        NodeEnum::CopyStmt(copy) => judge_copy(copy, limits.limits, extended),
        NodeEnum::CreateExtensionStmt(create) => extension(&create.extname, limits.limits),
        NodeEnum::IndexStmt(index) => index_method(
            &index.access_method,
            !index.table_space.is_empty(),
            limits.limits,
        ),
        _ => Ruling::Pass,
    }
}

/// Whether a client encoding is UTF-8, by PostgreSQL's spellings.
pub(crate) fn is_utf8(encoding: &str) -> bool {
    let plain: String = encoding
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    matches!(
        plain.to_ascii_lowercase().as_str(),
        "utf8" | "unicode" | "auto" | "default"
    )
}

/// Judges a setting that is about to change.
pub(crate) fn judge_setting(name: &str, limits: &Limits) -> Ruling {
    if name == "session_replication_role" {
        return Ruling::unsupported("session_replication_role");
    }
    if name == DML_SCAN && limits.dml_table_scan_max_rows.is_none() {
        let message = format!("unrecognized configuration parameter \"{name}\"");
        return Ruling::refuse("42704", &message);
    }
    if TIMEOUTS.contains(&name) && limits.timeout_change != TimeoutChange::Allowed {
        return Ruling::refuse("55P02", &format!("parameter \"{name}\" cannot be changed"));
    }
    Ruling::Pass
}

/// int2, float4 and char(n) as columns, where they are aliases.
pub(crate) fn alias_types(raw: &RawStmt, limits: &Limits) -> Ruling {
    if limits.narrow_types != NarrowTypes::Aliased {
        return Ruling::Pass;
    }
    let mut raw = raw.clone();
    let node = raw.stmt.as_mut().and_then(|stmt| stmt.node.as_mut());
    let columns = match node {
        Some(NodeEnum::CreateStmt(create)) => &mut create.table_elts,
        Some(NodeEnum::AlterTableStmt(alter)) => &mut alter.cmds,
        _ => return Ruling::Pass,
    };
    let mut changed = false;
    columns
        .iter_mut()
        .filter_map(column_type)
        .for_each(|kind| changed |= alias(kind));
    if !changed {
        return Ruling::Pass;
    }
    (raw.stmt_location, raw.stmt_len) = (0, 0);
    deparsed(raw)
}

/// Statements of features that do not exist there (guide, unless another source is named).
fn missing_statement(node: &NodeEnum, limits: &Limits) -> Option<&'static str> {
    Some(match node {
        NodeEnum::CreateForeignTableStmt(_)
        | NodeEnum::CreateFdwStmt(_)
        | NodeEnum::AlterFdwStmt(_)
        | NodeEnum::CreateForeignServerStmt(_)
        | NodeEnum::AlterForeignServerStmt(_)
        | NodeEnum::CreateUserMappingStmt(_)
        | NodeEnum::AlterUserMappingStmt(_)
        | NodeEnum::DropUserMappingStmt(_)
        | NodeEnum::ImportForeignSchemaStmt(_) => "a foreign-data wrapper",
        NodeEnum::RuleStmt(_) => "a rule",
        NodeEnum::CreatePublicationStmt(_) | NodeEnum::AlterPublicationStmt(_) => "a publication",
        NodeEnum::CreateSubscriptionStmt(_)
        | NodeEnum::AlterSubscriptionStmt(_)
        | NodeEnum::DropSubscriptionStmt(_) => "a subscription",
        NodeEnum::CreateTableSpaceStmt(_)
        | NodeEnum::DropTableSpaceStmt(_)
        | NodeEnum::AlterTableSpaceOptionsStmt(_)
        | NodeEnum::AlterTableMoveAllStmt(_) => "a tablespace",
        NodeEnum::ListenStmt(_) | NodeEnum::UnlistenStmt(_) => "LISTEN",
        NodeEnum::NotifyStmt(_) => "NOTIFY",
        NodeEnum::CreatePlangStmt(_) => "a procedural language",
        NodeEnum::CreateRangeStmt(_) => "a range type",
        NodeEnum::CreateEventTrigStmt(_) | NodeEnum::AlterEventTrigStmt(_) => "an event trigger",
        NodeEnum::CreatePolicyStmt(_) | NodeEnum::AlterPolicyStmt(_)
            if !limits.row_level_security =>
        {
            "row-level security"
        }
        _ => return None,
    })
}

fn create_table(create: &CreateStmt) -> Ruling {
    if create.partspec.is_some() || create.partbound.is_some() {
        return Ruling::unsupported("partitioning");
    }
    if !create.inh_relations.is_empty() {
        return Ruling::unsupported("inheritance");
    }
    if !create.tablespacename.is_empty() {
        return Ruling::unsupported("a tablespace");
    }
    Ruling::Pass
}

fn alter_table(alter: &AlterTableStmt, limits: &Limits) -> Ruling {
    for command in &alter.cmds {
        let Some(NodeEnum::AlterTableCmd(command)) = &command.node else {
            continue;
        };
        if let Some(what) = missing_subcommand(command.subtype(), limits) {
            return Ruling::unsupported(what);
        }
    }
    Ruling::Pass
}

fn missing_subcommand(command: AlterTableType, limits: &Limits) -> Option<&'static str> {
    Some(match command {
        AlterTableType::AtAttachPartition
        | AlterTableType::AtDetachPartition
        | AlterTableType::AtDetachPartitionFinalize => "partitioning",
        AlterTableType::AtAddInherit | AlterTableType::AtDropInherit => "inheritance",
        AlterTableType::AtSetTableSpace => "a tablespace",
        // tidb: it must be part of CREATE TABLE.
        AlterTableType::AtAddIdentity => "ALTER TABLE … ADD GENERATED AS IDENTITY",
        AlterTableType::AtEnableRule
        | AlterTableType::AtEnableAlwaysRule
        | AlterTableType::AtEnableReplicaRule
        | AlterTableType::AtDisableRule => "a rule",
        AlterTableType::AtEnableRowSecurity
        | AlterTableType::AtDisableRowSecurity
        | AlterTableType::AtForceRowSecurity
        | AlterTableType::AtNoForceRowSecurity
            if !limits.row_level_security =>
        {
            "row-level security"
        }
        _ => return None,
    })
}

/// tidb: ALTER SEQUENCE changes only ownership.
fn alter_sequence(options: &[Node]) -> Ruling {
    if definitions(options).all(|option| option.defname == "owned_by") {
        return Ruling::Pass;
    }
    Ruling::unsupported("an option of ALTER SEQUENCE other than OWNED BY")
}

/// tidb: one table, no CASCADE, no RESTART IDENTITY.
fn judge_truncate(truncate: &TruncateStmt, limits: &Limits) -> Ruling {
    if limits.truncate_forms {
        return Ruling::Pass;
    }
    if truncate.relations.len() > 1 {
        return Ruling::unsupported("TRUNCATE of several tables");
    }
    if truncate.restart_seqs {
        return Ruling::unsupported("TRUNCATE … RESTART IDENTITY");
    }
    if truncate.behavior() == DropBehavior::DropCascade {
        return Ruling::unsupported("TRUNCATE … CASCADE");
    }
    let only = |relation: &Node| match &relation.node {
        Some(NodeEnum::RangeVar(table)) => !table.inh,
        _ => false,
    };
    if truncate.relations.iter().any(only) {
        return Ruling::unsupported("TRUNCATE ONLY");
    }
    Ruling::Pass
}

fn transaction(node: &NodeEnum, statement: &TransactionStmt, limits: &Limits) -> Ruling {
    transaction_modes(node, &statement.options, limits)
}

/// ISOLATION LEVEL SERIALIZABLE and DEFERRABLE, in BEGIN or SET TRANSACTION.
fn transaction_modes(node: &NodeEnum, options: &[Node], limits: &Limits) -> Ruling {
    for option in definitions(options) {
        let value = option.arg.as_deref().and_then(constant).unwrap_or_default();
        match option.defname.as_str() {
            "transaction_deferrable" if value != "0" => {
                return Ruling::unsupported("a DEFERRABLE transaction");
            }
            "transaction_isolation" if value.eq_ignore_ascii_case("serializable") => {
                return serializable(node, limits);
            }
            _ => {}
        }
    }
    Ruling::Pass
}

fn serializable(node: &NodeEnum, limits: &Limits) -> Ruling {
    if limits.serializable == Serializable::Refused {
        return Ruling::unsupported("isolation level SERIALIZABLE");
    }
    let mut node = node.clone();
    match &mut node {
        NodeEnum::TransactionStmt(statement) => soften(&mut statement.options),
        NodeEnum::VariableSetStmt(set) => soften(&mut set.args),
        _ => {}
    }
    let stmt = Some(Box::new(Node { node: Some(node) }));
    let warning = "SERIALIZABLE is not supported, using REPEATABLE READ".to_owned();
    match deparsed(RawStmt {
        stmt,
        stmt_location: 0,
        stmt_len: 0,
    }) {
        Ruling::Rewrite { text, .. } => Ruling::Rewrite {
            text,
            warning: Some(warning),
        },
        other => other,
    }
}

/// Turns `serializable` into `repeatable read`, wherever it stands.
fn soften(options: &mut [Node]) {
    for option in options {
        match &mut option.node {
            Some(NodeEnum::DefElem(element)) => {
                if let Some(argument) = &mut element.arg {
                    soften(std::slice::from_mut(argument));
                }
            }
            Some(NodeEnum::AConst(constant)) => {
                if let Some(protobuf::a_const::Val::Sval(string)) = &mut constant.val
                    && string.sval.eq_ignore_ascii_case("serializable")
                {
                    string.sval = "repeatable read".to_owned();
                }
            }
            _ => {}
        }
    }
}

fn judge_set(node: &NodeEnum, set: &VariableSetStmt, limits: &JudgeLimits<'_>) -> Ruling {
    let name = set.name.to_ascii_lowercase();
    let value = set.args.first().and_then(constant).unwrap_or_default();
    match name.as_str() {
        "transaction" | "session characteristics" => {
            transaction_modes(node, &set.args, limits.limits)
        }
        "default_transaction_isolation" | "transaction_isolation"
            if value.eq_ignore_ascii_case("serializable") =>
        {
            serializable(node, limits.limits)
        }
        "default_transaction_deferrable" | "transaction_deferrable"
            if !matches!(value.as_str(), "off" | "false" | "0" | "no" | "") =>
        {
            Ruling::unsupported("a DEFERRABLE transaction")
        }
        "client_encoding" if !value.is_empty() && !is_utf8(&value) => {
            let message = format!("client_encoding \"{value}\" is not supported: only UTF8");
            Ruling::refuse("22023", &message)
        }
        name if limits.limits.timeout_change == TimeoutChange::Ignored
            && TIMEOUTS.contains(&name) =>
        {
            unchanged(name, set.is_local, limits)
        }
        name => judge_setting(name, limits.limits),
    }
}

/// The timeout is "set", to what it is.
fn unchanged(name: &str, local: bool, limits: &JudgeLimits<'_>) -> Ruling {
    let (statement, idle) = limits.timeouts;
    let value = if name == TIMEOUTS[0] { statement } else { idle };
    let scope = if local { "LOCAL " } else { "" };
    Ruling::Rewrite {
        text: format!("SET {scope}{name} = {value}"),
        warning: None,
    }
}

fn judge_copy(copy: &CopyStmt, limits: &Limits, extended: bool) -> Ruling {
    if extended {
        return Ruling::unsupported("COPY over the extended protocol");
    }
    if copy.query.is_some() {
        return Ruling::unsupported("COPY (query) TO");
    }
    if copy.is_program || !copy.filename.is_empty() {
        return Ruling::unsupported("COPY with a file or a program");
    }
    if copy.where_clause.is_some() {
        return Ruling::unsupported("COPY … WHERE");
    }
    for option in definitions(&copy.options) {
        if !COPY_OPTIONS.contains(&option.defname.as_str()) {
            let name = option.defname.to_uppercase();
            return Ruling::unsupported(&format!("COPY option {name}"));
        }
        let value = option.arg.as_deref().and_then(constant).unwrap_or_default();
        if option.defname == "format" && !matches!(value.as_str(), "text" | "csv") {
            return Ruling::unsupported(&format!("COPY format \"{value}\""));
        }
    }
    let table = copy.relation.as_ref();
    let quoted =
        table.is_some_and(|table| needs_quotes(&table.relname) || needs_quotes(&table.schemaname));
    if quoted && !copy.is_from && !limits.quoted_copy_to {
        let name = table
            .map(|table| table.relname.to_lowercase())
            .unwrap_or_default();
        return Ruling::refuse("42P01", &format!("relation \"{name}\" does not exist"));
    }
    Ruling::Pass
}

/// Whether a name is another one, or none, when it stands without quotes.
fn needs_quotes(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let starts_with_digit = name.starts_with(|c: char| c.is_ascii_digit());
    !name.chars().all(plain) || starts_with_digit || is_keyword(name)
}

fn is_keyword(name: &str) -> bool {
    !name.is_empty() && pg_query::parse(&format!("COPY {name} TO STDOUT"), 0).is_err()
}

fn extension(name: &str, limits: &Limits) -> Ruling {
    if limits.extensions.iter().any(|listed| listed == name) {
        return Ruling::Pass;
    }
    Ruling::refuse("0A000", &format!("extension \"{name}\" is not available"))
}

fn index_method(method: &str, tablespace: bool, limits: &Limits) -> Ruling {
    if tablespace {
        return Ruling::unsupported("a tablespace");
    }
    let listed = limits.index_methods.iter().any(|listed| listed == method);
    if listed || method.is_empty() {
        return Ruling::Pass;
    }
    Ruling::refuse(
        "42704",
        &format!("access method \"{method}\" does not exist"),
    )
}

/// The type of a column that is defined.
fn column_type(node: &mut Node) -> Option<&mut TypeName> {
    match node.node.as_mut()? {
        NodeEnum::ColumnDef(column) => column.type_name.as_mut(),
        NodeEnum::AlterTableCmd(command) => column_type(command.def.as_mut()?),
        _ => None,
    }
}

/// Whether the type was one of the narrow ones.
fn alias(kind: &mut TypeName) -> bool {
    let Some(Some(NodeEnum::String(last))) = kind.names.last_mut().map(|name| name.node.as_mut())
    else {
        return false;
    };
    let wide = match last.sval.as_str() {
        "int2" => "int4",
        "float4" => "float8",
        "bpchar" => "varchar",
        "smallserial" | "serial2" => "serial4",
        _ => return false,
    };
    last.sval = wide.to_owned();
    true
}

fn deparsed(raw: RawStmt) -> Ruling {
    let version = 0;
    let tree = protobuf::ParseResult {
        version,
        stmts: vec![raw],
    };
    match pg_query::deparse(&tree, Default::default()) {
        Ok(text) => Ruling::Rewrite {
            text,
            warning: None,
        },
        Err(error) => Ruling::refuse(
            "XX000",
            &format!("the stand-in cannot rewrite this: {error}"),
        ),
    }
}

fn definitions(options: &[Node]) -> impl Iterator<Item = &protobuf::DefElem> {
    options
        .iter()
        .filter_map(|option| match option.node.as_ref()? {
            NodeEnum::DefElem(element) => Some(element.as_ref()),
            _ => None,
        })
}

/// A constant or a plain name as text; booleans as 1 and 0.
fn constant(node: &Node) -> Option<String> {
    match node.node.as_ref()? {
        NodeEnum::String(string) => Some(string.sval.clone()),
        NodeEnum::Integer(integer) => Some(integer.ival.to_string()),
        NodeEnum::AConst(constant) => Some(match constant.val.as_ref()? {
            protobuf::a_const::Val::Sval(string) => string.sval.clone(),
            protobuf::a_const::Val::Ival(integer) => integer.ival.to_string(),
            protobuf::a_const::Val::Boolval(boolean) => u8::from(boolean.boolval).to_string(),
            _ => return None,
        }),
        _ => None,
    }
}
