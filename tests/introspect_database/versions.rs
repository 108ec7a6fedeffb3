//! Every version that is a source, with what it alone has.

use testenv::sample::{self, Everything};
use wire9::catalog::database::{ConstraintKind, FieldDefault};
use wire9::catalog::{Moment, Shape};

use super::{app, cluster, index, planted, read, relation};

macro_rules! versions {
    ($($name:ident: $major:literal,)+) => {
        $(
            #[tokio::test]
            async fn $name() {
                is_read($major).await;
            }
        )+
    };
}

versions! {
    all_is_read_of_postgresql_13: 13,
    all_is_read_of_postgresql_14: 14,
    all_is_read_of_postgresql_15: 15,
    all_is_read_of_postgresql_16: 16,
    all_is_read_of_postgresql_17: 17,
    all_is_read_of_postgresql_18: 18,
}

async fn is_read(major: u32) {
    let cluster = cluster(major);
    let database = cluster.database("everything").expect("a database");
    sample::everything(&database, Everything::QUICK).expect("filled");
    let everything = read(&database).await;
    assert_eq!(everything.not_read, Vec::<String>::new());
    assert_eq!(everything.server.version / 10_000, major);
    assert!(everything.relations.len() > 40);
    let typed = everything.relation_named(&wire9::catalog::TableName::new("public", "arrays"));
    let grid = typed.and_then(|t| t.column("grid")).expect("a column");
    assert_eq!((grid.data_type.shape, grid.dimensions), (Shape::Array, 2));
    assert_eq!(grid.data_type.moment(), Some(Moment::Timestamp));

    let found = read(&planted(&cluster)).await;
    assert_eq!(found.not_read, Vec::<String>::new());
    // What is the same in all versions.
    let of_events = relation(&found, "of_events");
    assert_eq!(
        of_events.constraints.len(),
        1,
        "one per partition is the server's own"
    );
    let every = |name| &relation(&found, name).triggers;
    assert!(!every("events")[0].inherited && every("events_1")[0].inherited);
    if major >= 14 {
        of_14(&found);
    }
    if major >= 15 {
        of_15(&found);
    }
    if major >= 17 {
        of_17(&found);
    }
    if major >= 18 {
        of_18(&found);
    }
}

fn of_14(found: &wire9::catalog::database::Database) {
    let standard = found.routines.iter().find(|r| r.name == app("standard"));
    let body = standard
        .and_then(|r| r.sql_body.as_deref())
        .expect("a body");
    assert!(body.contains("FROM app.parent"), "{body}");
    let spans = relation(found, "spans");
    assert_eq!(spans.columns[0].data_type.shape, Shape::Range);
    let storage = spans.columns[2].storage.as_deref();
    assert_eq!(storage, Some("STORAGE EXTERNAL COMPRESSION pglz"));
    // The multirange of app.span comes with it.
    assert!(
        !found
            .types
            .iter()
            .any(|t| t.name.name.contains("multirange"))
    );
}

fn of_15(found: &wire9::catalog::database::Database) {
    assert!(index(relation(found, "nulls"), "nulls_a_key").nulls_not_distinct);
    let volatile = found.sequences.iter().find(|s| s.name == app("volatile"));
    assert!(volatile.expect("a sequence").unlogged);
    assert_eq!(
        relation(found, "invoker").options,
        ["security_invoker=true"]
    );
}

fn of_17(found: &wire9::catalog::database::Database) {
    let identity = |table| relation(found, table).columns[0].default.clone();
    assert!(matches!(
        identity("numbered"),
        FieldDefault::Identity { always: true, sequence } if sequence != 0
    ));
    assert_eq!(identity("numbered"), identity("numbered_1"));
}

fn of_18(found: &wire9::catalog::database::Database) {
    let computed = relation(found, "computed");
    let names: Vec<&str> = computed
        .constraints
        .iter()
        .map(|c| c.name.as_str())
        .collect();
    assert_eq!(names, ["small"], "NOT NULL is a property of the column");
    assert!(!computed.constraints[0].enforced);
    assert!(computed.columns[0].not_null && !computed.columns[2].not_null);
    let double = FieldDefault::Virtual("(a * 2)".to_owned());
    assert_eq!(computed.columns[1].default, double);
    for (table, kind) in [
        ("rooms", ConstraintKind::Primary),
        ("stays", ConstraintKind::Foreign),
    ] {
        let constraint = &relation(found, table).constraints[0];
        assert_eq!((constraint.kind, constraint.temporal), (kind, true));
    }
}

#[tokio::test]
async fn a_database_of_the_builtin_provider_sorts_bytewise() {
    let cluster = cluster(17);
    let locales = [
        ("c", "LOCALE_PROVIDER libc LOCALE 'C'", true),
        (
            "b",
            "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C'",
            true,
        ),
        ("i", "LOCALE_PROVIDER icu ICU_LOCALE 'de' LOCALE 'C'", false),
    ];
    for (name, locale, bytewise) in locales {
        let create = format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' {locale}");
        cluster.execute(&create).expect("created");
        let uri = cluster.socket_uri(name);
        let server = super::server_of(&uri).await;
        assert_eq!(
            server.collation_is_c, bytewise,
            "{name}: {}",
            server.collation
        );
    }
}
