//! Objects of which only the existence matters: no conversion makes them.

use crate::catalog::database::{Other, OtherKind, Relation};
use crate::catalog::readable;
use crate::schema::finding::{Finding, Kind, Severity};

use super::Looked;

const NO_OPERATORS: &str =
    "users of a DB9 make tables, functions and views; this kind of object is not documented";

pub(super) static CAST: Kind = Kind {
    id: "cast",
    severity: Severity::Loss,
    title: "cast",
    happens: "it is left out: statements that rely on it are refused",
    why: NO_OPERATORS,
    remedy: "call the cast's function by its name",
};

pub(super) static OPERATOR: Kind = Kind {
    id: "operator",
    severity: Severity::Loss,
    title: "operator",
    happens: "it is left out: statements that use it are refused",
    why: NO_OPERATORS,
    remedy: "call the operator's function by its name",
};

pub(super) static OPERATOR_CLASS: Kind = Kind {
    id: "operator-class",
    severity: Severity::Loss,
    title: "operator class or family",
    happens: "it is left out, and with it the order that it gives to an index",
    why: NO_OPERATORS,
    remedy: "index an expression whose plain order is the one that is wanted",
};

pub(super) static TEXT_SEARCH: Kind = Kind {
    id: "text-search",
    severity: Severity::Loss,
    title: "text-search configuration, dictionary, parser or template",
    happens: "it is left out: to_tsvector with its name is refused",
    why: NO_OPERATORS,
    remedy: "name a configuration that the target has, such as simple or english",
};

pub(super) static COLLATION: Kind = Kind {
    id: "collation",
    severity: Severity::Change,
    title: "collation",
    happens: "it is left out: text sorts and compares bytewise",
    why: "text sorts bytewise, COLLATE \"C\" (DB9 documentation, early 2026)",
    remedy: "sort in the application, or keep a sort key in a column of its own",
};

pub(super) static CONVERSION: Kind = Kind {
    id: "conversion",
    severity: Severity::Note,
    title: "conversion of encodings",
    happens: "it is left out",
    why: "a DB9 is UTF-8 only (DB9 guide \"Migrate from PostgreSQL\")",
    remedy: "let clients speak UTF-8",
};

pub(super) static STATISTICS: Kind = Kind {
    id: "statistics",
    severity: Severity::Note,
    title: "extended statistics",
    happens: "they are left out: plans of queries over dependent columns may be worse",
    why: "CREATE STATISTICS is not documented for a DB9",
    remedy: "look at the plans of the queries that they were made for",
};

pub(super) static EVENT_TRIGGER: Kind = Kind {
    id: "event-trigger",
    severity: Severity::Loss,
    title: "event trigger",
    happens: "it is left out: DDL is neither watched nor refused any more",
    why: "event triggers are not documented for a DB9",
    remedy: "guard DDL by the privileges of roles, or in the tool that runs it",
};

pub(super) static PUBLICATION: Kind = Kind {
    id: "publication",
    severity: Severity::Loss,
    title: "publication",
    happens: "it is left out: its subscribers get no changes from the target",
    why: "logical replication is not supported (DB9 guide \"Migrate from PostgreSQL\")",
    remedy: "find out who subscribes, and feed them otherwise (polling, events of the application)",
};

pub(super) static SUBSCRIPTION: Kind = Kind {
    id: "subscription",
    severity: Severity::Loss,
    title: "subscription",
    happens: "it is left out: changes of its publisher do not reach the target",
    why: "logical replication is not supported (DB9 guide \"Migrate from PostgreSQL\")",
    remedy: "write to the target from where the changes come from",
};

pub(super) static REPLICATION_SLOT: Kind = Kind {
    id: "replication-slot",
    severity: Severity::Loss,
    title: "replication slot",
    happens: "whoever reads changes from it (a standby, change data capture) gets none from the target",
    why: "replication is not supported (DB9 guide \"Migrate from PostgreSQL\")",
    remedy: "find out who reads from it, and feed them otherwise; drop the slot after the cutover",
};

pub(super) static FOREIGN_SERVER: Kind = Kind {
    id: "foreign-server",
    severity: Severity::Loss,
    title: "foreign-data wrapper, foreign server or user mapping",
    happens: "it is left out",
    why: "foreign data is not supported (DB9 guide \"Migrate from PostgreSQL\")",
    remedy: "copy the rows (--foreign-tables), or ask the other server from the application",
};

pub(super) static LANGUAGE: Kind = Kind {
    id: "language",
    severity: Severity::Loss,
    title: "procedural language",
    happens: "it is left out, and with it every routine that is written in it",
    why: "languages are sql and plpgsql only (DB9 documentation, early 2026)",
    remedy: "write its routines in SQL, in PL/pgSQL or in the application",
};

pub(super) static LARGE_OBJECTS: Kind = Kind {
    id: "large-objects",
    severity: Severity::Blocker,
    title: "large objects",
    happens: "they are not copied: columns that hold their oids point to nothing",
    why: "large objects are not supported (TiDB Cloud Starter documentation, autumn 2026)",
    remedy: "move them into a bytea column first: UPDATE t SET data = lo_get(oid_column)",
};

pub(super) static TABLESPACE: Kind = Kind {
    id: "tablespace",
    severity: Severity::Note,
    title: "tablespace",
    happens: "its objects lie where the target puts everything",
    why: "tablespaces are not supported (DB9 documentation, early 2026)",
    remedy: "none is needed",
};

pub(super) static SETTINGS: Kind = Kind {
    id: "settings",
    severity: Severity::Change,
    title: "settings of the database or of its roles (ALTER DATABASE … SET, ALTER ROLE … SET)",
    happens: "they are left out: sessions begin with the target's own settings",
    why: "databases and roles are made by db9, not by DDL (DB9 guide \"Migrate from PostgreSQL\")",
    remedy: "set them at the beginning of each session, or as options of the connection string",
};

pub(super) static OTHER: Kind = Kind {
    id: "other-object",
    severity: Severity::Loss,
    title: "object of a rare kind (transform, access method …)",
    happens: "it is left out",
    why: NO_OPERATORS,
    remedy: "look at what uses it",
};

pub(super) static RULE: Kind = Kind {
    id: "rule",
    severity: Severity::Loss,
    title: "rewrite rule",
    happens: "it is left out: statements are done as they are written",
    why: "rules are not supported (DB9 guide \"Migrate from PostgreSQL\")",
    remedy: "write a row-level trigger, or do it in the application",
};

pub(super) fn find(looked: &Looked<'_>) -> Vec<Finding> {
    let others = looked
        .database
        .others
        .iter()
        .filter_map(|other| finding(kind(other.kind)?, other));
    let rules = looked.database.relations.iter().filter_map(rules);
    let slots = looked
        .state
        .and_then(|state| state.replication_slots.as_ref());
    let slots = slots.into_iter().flatten().map(|slot| {
        let active = if slot.active { "in use" } else { "not in use" };
        let object = format!("replication slot {}", readable(&slot.name));
        Finding::new(&REPLICATION_SLOT, object).detail(active)
    });
    others.chain(rules).chain(slots).collect()
}

/// `None` of those that `security` has.
fn kind(kind: OtherKind) -> Option<&'static Kind> {
    Some(match kind {
        OtherKind::Cast => &CAST,
        OtherKind::Operator => &OPERATOR,
        OtherKind::OperatorClass => &OPERATOR_CLASS,
        OtherKind::TextSearch => &TEXT_SEARCH,
        OtherKind::Collation => &COLLATION,
        OtherKind::Conversion => &CONVERSION,
        OtherKind::Statistics => &STATISTICS,
        OtherKind::EventTrigger => &EVENT_TRIGGER,
        OtherKind::Publication => &PUBLICATION,
        OtherKind::Subscription => &SUBSCRIPTION,
        OtherKind::ForeignDataWrapper | OtherKind::ForeignServer | OtherKind::UserMapping => {
            &FOREIGN_SERVER
        }
        OtherKind::Language => &LANGUAGE,
        OtherKind::LargeObjects => &LARGE_OBJECTS,
        OtherKind::Tablespace => &TABLESPACE,
        OtherKind::Settings => &SETTINGS,
        OtherKind::Something => &OTHER,
        OtherKind::DefaultPrivileges
        | OtherKind::SecurityLabel
        | OtherKind::Owner
        | OtherKind::Grants => return None,
    })
}

/// A finding about an object; `None` for one that comes and goes with its extension.
pub(super) fn finding(kind: &'static Kind, other: &Other) -> Option<Finding> {
    if other.extension.is_some() {
        return None;
    }
    let object = match (name(other), word(other.kind)) {
        (name, word) if word.is_empty() || name.is_empty() => format!("{word}{name}"),
        (name, word) => format!("{word} {name}"),
    };
    let finding = Finding::new(kind, object).counted(other.count.max(1));
    Some(match other.kind {
        OtherKind::DefaultPrivileges => {
            finding.detail(format!("{}{}", other.detail, in_schema(&other.name.schema)))
        }
        _ => finding.detail(other.detail.as_str()),
    })
}

/// Where the name is a description, it is said as it is; a role lives in no schema.
fn name(other: &Other) -> String {
    let name = &other.name;
    match other.kind {
        OtherKind::Cast | OtherKind::LargeObjects | OtherKind::Settings | OtherKind::Something => {
            name.name.clone()
        }
        OtherKind::Grants if name.name == "PUBLIC" => name.name.clone(),
        OtherKind::DefaultPrivileges => readable(&name.name),
        _ if name.schema.is_empty() => readable(&name.name),
        _ => name.to_string(),
    }
}

fn in_schema(schema: &str) -> String {
    match schema {
        "" => String::new(),
        schema => format!(" in schema {}", readable(schema)),
    }
}

fn word(kind: OtherKind) -> &'static str {
    match kind {
        OtherKind::Cast => "cast",
        OtherKind::Operator => "operator",
        OtherKind::OperatorClass => "operator class",
        OtherKind::TextSearch => "text search",
        OtherKind::Collation => "collation",
        OtherKind::Conversion => "conversion",
        OtherKind::Statistics => "statistics",
        OtherKind::EventTrigger => "event trigger",
        OtherKind::Publication => "publication",
        OtherKind::Subscription => "subscription",
        OtherKind::ForeignDataWrapper => "foreign-data wrapper",
        OtherKind::ForeignServer => "foreign server",
        OtherKind::UserMapping => "user mapping",
        OtherKind::Language => "language",
        OtherKind::DefaultPrivileges | OtherKind::Owner | OtherKind::Grants => "role",
        OtherKind::SecurityLabel => "label",
        OtherKind::Tablespace => "tablespace",
        // Their names say it.
        OtherKind::LargeObjects | OtherKind::Settings | OtherKind::Something => "",
    }
}

fn rules(relation: &Relation) -> Option<Finding> {
    if relation.rules.is_empty() || relation.extension.is_some() {
        return None;
    }
    let rules: Vec<String> = relation
        .rules
        .iter()
        .map(|rule| format!("{} ON {}", readable(&rule.name), rule.event))
        .collect();
    let what = if relation.is_view() { "view" } else { "table" };
    let finding = Finding::new(&RULE, format!("{what} {}", relation.name));
    Some(finding.counted(rules.len() as u64).detail(rules.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::database::{Rule, Slot};
    use crate::schema::inspect::samples::{Sample, found, other, table};

    #[test]
    fn each_kind_of_object_is_found_once() {
        let mut sample = Sample::default();
        let expected = [
            (OtherKind::Cast, "cast"),
            (OtherKind::Operator, "operator"),
            (OtherKind::OperatorClass, "operator-class"),
            (OtherKind::TextSearch, "text-search"),
            (OtherKind::Collation, "collation"),
            (OtherKind::Conversion, "conversion"),
            (OtherKind::Statistics, "statistics"),
            (OtherKind::EventTrigger, "event-trigger"),
            (OtherKind::Publication, "publication"),
            (OtherKind::Subscription, "subscription"),
            (OtherKind::ForeignDataWrapper, "foreign-server"),
            (OtherKind::ForeignServer, "foreign-server"),
            (OtherKind::UserMapping, "foreign-server"),
            (OtherKind::Language, "language"),
            (OtherKind::LargeObjects, "large-objects"),
            (OtherKind::Tablespace, "tablespace"),
            (OtherKind::Settings, "settings"),
            (OtherKind::Something, "other-object"),
        ];
        let others = expected.iter().map(|(kind, _)| other(*kind, "x", "", 1));
        sample.database.others = others.collect();
        let ids: Vec<&str> = find(&sample.looked()).iter().map(|f| f.kind.id).collect();
        assert_eq!(ids, expected.map(|(_, id)| id));
    }

    #[test]
    fn what_has_no_name_of_its_own_is_described() {
        let mut sample = Sample::default();
        let others = &mut sample.database.others;
        others.push(other(OtherKind::Cast, "app.pair AS text", "by text", 1));
        others.push(other(OtherKind::LargeObjects, "large objects", "", 7));
        others.push(other(OtherKind::Something, "access method mine", "", 1));
        others.push(other(OtherKind::Publication, "Mine", "for all tables", 1));
        assert_eq!(
            found(&sample, find),
            [
                "cast cast app.pair AS text (1): by text",
                "large-objects large objects (7)",
                "other-object access method mine (1)",
                "publication publication \"Mine\" (1): for all tables",
            ]
        );
    }

    #[test]
    fn objects_of_extensions_are_the_extensions_affair() {
        let mut sample = Sample::default();
        let mut operator = other(OtherKind::Operator, "%", "", 1);
        operator.extension = Some("pg_trgm".to_owned());
        sample.database.others.push(operator);
        assert_eq!(found(&sample, find), [""; 0]);
    }

    #[test]
    fn rules_and_replication_slots_are_named() {
        let mut sample = Sample::default();
        let mut table = table("orders");
        table.rules.push(Rule {
            name: "no_delete".to_owned(),
            event: "DELETE".to_owned(),
        });
        sample.database.relations.push(table);
        sample.state.replication_slots = Some(vec![Slot {
            name: "debezium".to_owned(),
            active: false,
            held_bytes: 0,
        }]);
        assert_eq!(
            found(&sample, find),
            [
                "rule table public.orders (1): no_delete ON DELETE",
                "replication-slot replication slot debezium (1): not in use",
            ]
        );
    }
}
