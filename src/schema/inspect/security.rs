//! Who may see and do what: none of it is moved.

use crate::catalog::database::{OtherKind, Relation};
use crate::schema::finding::{Finding, Kind, Severity};

use super::{Looked, objects};

pub(super) static ROW_SECURITY: Kind = Kind {
    id: "row-security",
    severity: Severity::Blocker,
    title: "row-level security",
    happens: "the table is made without its policies: whoever may read it reads every row",
    why: "not supported (DB9 guide \"Migrate from PostgreSQL\"; a later page has it); wire9 makes no policies",
    remedy: "filter in the application or by views, revoke what is open until then, then accept this id",
};

pub(super) static GRANTS: Kind = Kind {
    id: "grants",
    severity: Severity::Loss,
    title: "privileges of other roles",
    happens: "they are left out: only the role that loads owns and reads the objects",
    why: "roles of the source do not exist in a DB9 (users are tenant.role; DB9 guide, --no-privileges)",
    remedy: "grant what is needed to the roles of the target after the migration",
};

pub(super) static OWNERS: Kind = Kind {
    id: "owners",
    severity: Severity::Change,
    title: "objects of another owner",
    happens: "everything belongs to the role that loads",
    why: "roles of the source do not exist in a DB9 (users are tenant.role; DB9 guide, --no-owner)",
    remedy: "none is needed where one role does everything; else change owners in the target",
};

pub(super) static DEFAULT_PRIVILEGES: Kind = Kind {
    id: "default-privileges",
    severity: Severity::Loss,
    title: "privileges of future objects (ALTER DEFAULT PRIVILEGES)",
    happens: "they are left out: objects made later are open to their owner alone",
    why: "roles of the source do not exist in a DB9 (users are tenant.role; DB9 guide, --no-privileges)",
    remedy: "grant privileges whenever an object is made",
};

pub(super) static SECURITY_LABEL: Kind = Kind {
    id: "security-label",
    severity: Severity::Loss,
    title: "security label",
    happens: "it is left out, and with it what a security module enforced by it",
    why: "not documented for a DB9, which loads no security modules",
    remedy: "enforce it in the application (for anonymization: before the data is moved)",
};

pub(super) fn find(looked: &Looked<'_>) -> Vec<Finding> {
    let relations = looked.database.relations.iter();
    let secured = relations.filter_map(row_security);
    let others = looked.database.others.iter().filter_map(|other| {
        let kind = match other.kind {
            OtherKind::Grants => &GRANTS,
            OtherKind::Owner => &OWNERS,
            OtherKind::DefaultPrivileges => &DEFAULT_PRIVILEGES,
            OtherKind::SecurityLabel => &SECURITY_LABEL,
            _ => return None,
        };
        objects::finding(kind, other)
    });
    secured.chain(others).collect()
}

/// Policies count also where they are not enabled: somebody meant them.
fn row_security(relation: &Relation) -> Option<Finding> {
    let policies = relation.policies.len() as u64;
    if !relation.row_security && policies == 0 {
        return None;
    }
    let state = match (relation.row_security, relation.force_row_security) {
        (false, _) => "not enabled",
        (true, false) => "enabled",
        (true, true) => "enabled and forced",
    };
    let says = match policies {
        0 => format!("{state}, without a policy: nobody but the owner reads a row"),
        1 => format!("1 policy, {state}"),
        n => format!("{n} policies, {state}"),
    };
    let object = format!("table {}", relation.name);
    Some(
        Finding::new(&ROW_SECURITY, object)
            .counted(policies.max(1))
            .detail(says),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::database::Policy;
    use crate::schema::inspect::samples::{Sample, found, other, table};

    #[test]
    fn policies_and_row_security_of_every_state_are_a_blocker() {
        let mut sample = Sample::default();
        for (name, enabled, forced, policies) in [
            ("a", true, true, 2),
            ("b", true, false, 0),
            ("c", false, false, 1),
            ("d", false, false, 0),
        ] {
            let mut table = table(name);
            (table.row_security, table.force_row_security) = (enabled, forced);
            let policy = |n| Policy {
                name: format!("p{n}"),
                command: "ALL".to_owned(),
            };
            table.policies = (0..policies).map(policy).collect();
            sample.database.relations.push(table);
        }
        assert_eq!(
            found(&sample, find),
            [
                "row-security table public.a (2): 2 policies, enabled and forced",
                "row-security table public.b (1): enabled, without a policy: nobody but the owner reads a row",
                "row-security table public.c (1): 1 policy, not enabled",
            ]
        );
        assert_eq!(ROW_SECURITY.severity, Severity::Blocker);
    }

    #[test]
    fn privileges_owners_and_labels_are_listed() {
        let mut sample = Sample::default();
        let others = &mut sample.database.others;
        others.push(other(OtherKind::Grants, "reader", "SELECT on 3 tables", 3));
        others.push(other(OtherKind::Owner, "app", "", 12));
        others.push(other(
            OtherKind::Grants,
            "PUBLIC",
            "on 1 objects: SELECT",
            1,
        ));
        others.push(other(OtherKind::DefaultPrivileges, "app", "on tables", 1));
        others.last_mut().expect("it was pushed").name.schema = "public".to_owned();
        others.push(other(OtherKind::SecurityLabel, "anon", "", 1));
        assert_eq!(
            found(&sample, find),
            [
                "grants role reader (3): SELECT on 3 tables",
                "owners role app (12)",
                "grants role PUBLIC (1): on 1 objects: SELECT",
                "default-privileges role app (1): on tables in schema public",
                "security-label label anon (1)",
            ]
        );
    }
}
