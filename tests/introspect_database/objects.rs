//! What is told of each kind of object.

use testenv::Cluster;
use tokio::sync::OnceCell;
use wire9::catalog::database::{
    Class, ConstraintKind, Database, FieldDefault, Name, Object, OtherKind, Position, RelationKind,
    RoutineKind, UserTypeKind,
};
use wire9::catalog::{Persistence, Shape};

use super::{app, index, others, planted, read, relation};

/// The planted database, read once for all tests here.
async fn found() -> &'static Database {
    static FOUND: OnceCell<Database> = OnceCell::const_new();
    FOUND
        .get_or_init(|| async {
            let cluster = super::cluster(Cluster::shared().version());
            read(&planted(&cluster)).await
        })
        .await
}

#[tokio::test]
async fn schemas_and_extensions_are_told_and_none_of_the_system_or_of_wire9() {
    let found = found().await;
    let schemas: Vec<&str> = found.schemas.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(schemas, ["Odd \"S", "app", "public"]);
    assert_eq!(found.schemas[1].comment.as_deref(), Some("the app's"));
    assert_eq!(found.schemas[2].comment, None);
    let extensions: Vec<_> = found
        .extensions
        .iter()
        .map(|e| (&*e.name, &*e.schema))
        .collect();
    assert_eq!(extensions, [("hstore", "app"), ("plpgsql", "pg_catalog")]);
    let hstore = found.types.iter().find(|t| t.name == app("hstore"));
    assert_eq!(hstore.and_then(|t| t.extension.as_deref()), Some("hstore"));
    assert_eq!(found.server.default_isolation, "read committed");
    assert_eq!(found.server.encoding, "UTF8");
}

fn kind<'a>(found: &'a Database, name: &str) -> &'a UserTypeKind {
    let found = found.types.iter().find(|t| t.name == app(name));
    &found.unwrap_or_else(|| panic!("no type app.{name}")).kind
}

#[tokio::test]
async fn types_are_told_with_their_parts() {
    let found = found().await;
    let UserTypeKind::Enum(labels) = kind(found, "mood") else {
        panic!("no enum");
    };
    assert_eq!(
        labels,
        &["furious", "sad", "ok", "happy"],
        "declaration order"
    );
    let UserTypeKind::Composite(fields) = kind(found, "pair") else {
        panic!("no composite");
    };
    let fields: Vec<_> = fields
        .iter()
        .map(|(n, t)| (n.as_str(), t.sql.as_str()))
        .collect();
    assert_eq!(fields, [("a", "integer"), ("b", "app.mood[]")]);
    assert!(
        matches!(kind(found, "span"), UserTypeKind::Range { subtype, .. } if subtype.base == 701)
    );
    assert_eq!(kind(found, "shell"), &UserTypeKind::Base);
    for row_type in ["customers", "happy"] {
        assert!(!found.types.iter().any(|t| t.name == app(row_type)));
    }
}

#[tokio::test]
async fn domains_are_told_with_default_collation_and_checks() {
    let found = found().await;
    let UserTypeKind::Domain {
        base,
        not_null,
        default,
        checks,
        ..
    } = kind(found, "percent")
    else {
        panic!("no domain");
    };
    assert_eq!((base.sql.as_str(), *not_null), ("numeric(5,2)", true));
    assert_eq!(default.as_deref(), Some("7"));
    assert_eq!(checks[0].name, "in_range");
    assert!(checks[0].definition.starts_with("CHECK (("));
    let UserTypeKind::Domain { base, checks, .. } = kind(found, "half") else {
        panic!("no domain");
    };
    assert_eq!(
        (base.sql.as_str(), base.base_name.as_str()),
        ("app.percent", "numeric")
    );
    let validated: Vec<bool> = checks.iter().map(|c| c.validated).collect();
    assert_eq!(validated, [true, false]);
    let UserTypeKind::Domain { collation, .. } = kind(found, "c_text") else {
        panic!("no domain");
    };
    assert_eq!(collation, &Some(Name::new("pg_catalog", "C")));
}

#[tokio::test]
async fn sequences_are_told_with_options_position_and_owner() {
    let found = found().await;
    let sequence = |name: &Name| {
        let found = found.sequences.iter().find(|s| &s.name == name);
        found.unwrap_or_else(|| panic!("no sequence {name}"))
    };
    let free = sequence(&app("free"));
    assert_eq!(free.data_type, "integer");
    let options = (
        free.start,
        free.increment,
        free.minimum,
        free.maximum,
        free.cache,
    );
    assert_eq!(options, (10, -2, -100, 10, 5));
    assert!(free.cycles && free.owner.is_none() && !free.unlogged);
    assert_eq!(free.comment.as_deref(), Some("goes down"));
    let at = |last_value, is_called| {
        Some(Position {
            last_value,
            is_called,
        })
    };
    assert_eq!(free.position, at(10, false));
    assert_eq!(sequence(&app("called")).position, at(1, true));
    assert_eq!(
        sequence(&Name::new("Odd \"S", "S \"q")).position,
        at(42, false)
    );
    let identity = sequence(&app("customers_id_seq"));
    let owner = identity.owner.clone().expect("a column");
    assert_eq!(
        (owner.table, owner.column.as_str()),
        (app("customers"), "id")
    );
    assert!(identity.identity && !sequence(&app("customers_serial_seq")).identity);
}

#[tokio::test]
async fn columns_are_told_with_all_of_their_definition() {
    let found = found().await;
    let customers = relation(found, "customers");
    let column = |name| {
        customers
            .column(name)
            .unwrap_or_else(|| panic!("no column {name}"))
    };
    assert!(customers.column("gone").is_none());
    let sequence = found
        .sequences
        .iter()
        .find(|s| s.name == app("customers_id_seq"));
    let identity = FieldDefault::Identity {
        always: false,
        sequence: sequence.unwrap().oid,
    };
    assert_eq!(column("id").default, identity);
    let default = |name| column(name).default.expression();
    assert_eq!(default("code"), Some("app.next_code()"));
    assert_eq!(
        default("serial"),
        Some("nextval('app.customers_serial_seq'::regclass)")
    );
    assert_eq!(default("mood"), Some("'ok'::app.mood"));
    assert_eq!(
        column("double").default,
        FieldDefault::Stored("(id * 2)".to_owned())
    );
    assert_eq!(column("code").collation, Some(Name::new("pg_catalog", "C")));
    assert_eq!(column("share").data_type.base_name, "numeric");
    assert_eq!(
        (column("moods").data_type.shape, column("grid").dimensions),
        (Shape::Array, 2)
    );
    assert_eq!(column("raw").storage.as_deref(), Some("STORAGE EXTERNAL"));
    assert_eq!(column("born").comment.as_deref(), Some("first day"));
    assert!(column("mood").not_null && !column("code").not_null);
    let child = relation(found, "child");
    assert_eq!(child.inherits, [relation(found, "parent").oid]);
    assert!(child.columns[0].inherited && !child.columns[1].inherited);
}

#[tokio::test]
async fn tables_of_every_kind_are_told_apart() {
    let found = found().await;
    let kind = |name| relation(found, name).kind;
    assert_eq!(
        (kind("customers"), kind("events")),
        (RelationKind::Table, RelationKind::Partitioned)
    );
    assert_eq!(
        (kind("happy"), kind("counts")),
        (RelationKind::View, RelationKind::MaterializedView)
    );
    assert_eq!(kind("far_table"), RelationKind::Foreign);
    assert_eq!(
        relation(found, "far_table").foreign_server.as_deref(),
        Some("far")
    );
    assert_eq!(
        relation(found, "unlogged").persistence,
        Persistence::Unlogged
    );
    assert_eq!(relation(found, "typed").of_type, Some(app("pair")));
    assert_eq!(relation(found, "orders").options, ["fillfactor=80"]);
    assert_eq!(
        relation(found, "customers").replica_identity.as_deref(),
        Some("full")
    );
    let secret = relation(found, "secret");
    assert!(secret.row_security && secret.force_row_security);
    assert_eq!(
        (&*secret.policies[0].name, &*secret.policies[0].command),
        ("mine", "SELECT")
    );
    let rules = &relation(found, "parent").rules;
    assert_eq!((&*rules[0].name, &*rules[0].event), ("silent", "DELETE"));
    assert!(
        !found
            .relations
            .iter()
            .any(|r| r.name.name == "temporary" || r.name.schema == "wire9")
    );
}

#[tokio::test]
async fn partitions_are_told_with_key_bound_and_parent() {
    let found = found().await;
    let events = relation(found, "events");
    let partitioning = events.partitioning.as_ref().expect("a key");
    assert_eq!(
        (&*partitioning.strategy, &*partitioning.key),
        ("range", "RANGE (at)")
    );
    let first = relation(found, "events_1");
    assert_eq!(first.partition_of, Some(events.oid));
    let bound = "FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')";
    assert_eq!(first.partition_bound.as_deref(), Some(bound));
    assert!(first.inherits.is_empty());
    let rest = relation(found, "events_rest");
    assert_eq!(rest.partition_bound.as_deref(), Some("DEFAULT"));
    assert_eq!(
        rest.partitioning.as_ref().map(|p| &*p.strategy),
        Some("hash")
    );
    let parent = index(events, "events_pkey").oid;
    assert_eq!(index(first, "events_1_pkey").parent, Some(parent));
    assert!(first.constraints[0].inherited && !events.constraints[0].inherited);
}

#[tokio::test]
async fn constraints_are_told_with_columns_and_switches() {
    let found = found().await;
    let orders = relation(found, "orders");
    let constraint = |name: &str| {
        let found = orders.constraints.iter().find(|c| c.name == name);
        found.unwrap_or_else(|| panic!("no constraint {name}"))
    };
    let foreign = constraint("orders_customer_fkey");
    assert_eq!(foreign.kind, ConstraintKind::Foreign);
    assert_eq!(foreign.references, Some(relation(found, "customers").oid));
    assert_eq!(foreign.columns, ["customer"]);
    assert_eq!(foreign.referenced_columns, ["id"]);
    assert!(foreign.deferrable && foreign.initially_deferred && foreign.validated);
    assert!(
        foreign
            .definition
            .contains("REFERENCES app.customers(id) ON DELETE CASCADE")
    );
    assert!(!constraint("unchecked").validated);
    assert_eq!(
        constraint("orders_a_customer_key").columns,
        ["a", "customer"]
    );
    assert_eq!(
        constraint("orders_during_excl").kind,
        ConstraintKind::Exclude
    );
    let key = orders.primary_key().expect("a key");
    assert_eq!(key.index, Some(index(orders, "orders_pkey").oid));
    assert_eq!(index(orders, "orders_pkey").constraint, Some(key.oid));
    let customers = &relation(found, "customers").constraints;
    let positive = customers
        .iter()
        .find(|c| c.name == "positive")
        .expect("a CHECK");
    assert_eq!(positive.definition, "CHECK ((id > 0)) NO INHERIT");
    assert!(positive.no_inherit && !key.no_inherit);
    assert_eq!(positive.comment.as_deref(), Some("no zero"));
}

#[tokio::test]
async fn indexes_are_told_with_their_parts() {
    let found = found().await;
    let customers = relation(found, "customers");
    let by_code = index(customers, "by_code");
    let [column, expression] = by_code.parts.as_slice() else {
        panic!("two parts");
    };
    assert_eq!(column.column.as_deref(), Some("code"));
    assert_eq!(
        column.operator_class,
        Some(Name::new("pg_catalog", "text_pattern_ops"))
    );
    assert_eq!(column.collation, Some(Name::new("pg_catalog", "POSIX")));
    assert!(column.descending && !column.nulls_first);
    assert_eq!(
        (&expression.column, &*expression.expression),
        (&None, "lower(code)")
    );
    assert_eq!(expression.collation, None, "it follows from the column's");
    assert_eq!(by_code.include, ["born"]);
    assert_eq!(by_code.predicate.as_deref(), Some("(code <> 'x'::text)"));
    assert!(by_code.unique && by_code.valid && by_code.constraint.is_none());
    assert_eq!(by_code.comment.as_deref(), Some("finds"));
    let by_twice = index(customers, "by_twice");
    assert_eq!(by_twice.parts[0].expression, "app.twice(id)");
    assert_eq!(by_twice.options, ["fillfactor=70"]);
    assert!(by_twice.clustered);
    assert_eq!(index(customers, "by_moods").method, "gin");
}

#[tokio::test]
async fn views_are_told_with_their_query() {
    let found = found().await;
    let happy = relation(found, "happy");
    let query = happy.query.as_deref().expect("a query");
    assert!(
        query.starts_with("SELECT") && query.contains("FROM app.customers"),
        "{query}"
    );
    assert!(!query.ends_with(';'));
    assert_eq!(
        happy.options,
        ["security_barrier=true", "check_option=local"]
    );
    assert_eq!(happy.comment.as_deref(), Some("the happy ones"));
    assert!(!relation(found, "counts").populated);
    assert_eq!(happy.columns[2].name, "twice");
}

#[tokio::test]
async fn triggers_are_told_with_function_and_state() {
    let found = found().await;
    let touch = found
        .routines
        .iter()
        .find(|r| r.name == app("touch"))
        .expect("a function");
    assert!(touch.is_trigger);
    let [seen, touched] = relation(found, "customers").triggers.as_slice() else {
        panic!("two triggers");
    };
    assert_eq!(touched.function, touch.oid);
    assert!(touched.for_each_row && touched.enabled == 'O');
    assert!(touched.definition.contains("ON app.customers FOR EACH ROW"));
    assert!(!seen.for_each_row && seen.transition_tables && seen.enabled == 'D');
    assert_eq!(touched.comment.as_deref(), Some("touches"));
    assert!(relation(found, "orders").triggers[0].constraint);
}

#[tokio::test]
async fn routines_are_told_with_signature_and_body() {
    let found = found().await;
    let own = found.routines.iter().filter(|r| r.extension.is_none());
    let signatures: Vec<String> = own.map(|r| r.signature()).collect();
    for signature in [
        "app.twice(n integer)",
        "app.twice(n text, VARIADIC more app.mood[])",
    ] {
        assert!(signatures.contains(&signature.to_owned()), "{signatures:?}");
    }
    assert!(
        !signatures.iter().any(|s| s.contains("app.span(")),
        "a part of the range type"
    );
    let routine = |name| found.routines.iter().find(|r| r.name == app(name)).unwrap();
    let twice = routine("twice");
    assert!(twice.security_definer && twice.language == "plpgsql");
    assert_eq!(twice.settings, ["search_path=app, public"]);
    assert_eq!(twice.body, " BEGIN RETURN n * 2; END ");
    let definition = twice.definition.as_deref().expect("a statement");
    assert!(definition.starts_with("CREATE OR REPLACE FUNCTION app.twice(n integer)"));
    assert_eq!(twice.comment.as_deref(), Some("doubles"));
    assert_eq!(
        (routine("work").kind, routine("work").returns),
        (RoutineKind::Procedure, 0)
    );
    assert_eq!(routine("total").kind, RoutineKind::Aggregate);
    let total =
        "CREATE AGGREGATE app.total(integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '0')";
    assert_eq!(routine("total").definition.as_deref(), Some(total));
}

#[tokio::test]
async fn of_everything_else_the_existence_is_told() {
    let found = found().await;
    let expected = [
        (OtherKind::Cast, "app.mood AS integer", "by text", 1),
        (OtherKind::Operator, "~~~", "integer, integer", 1),
        (OtherKind::Collation, "bytes", "libc", 1),
        (OtherKind::Conversion, "latin", "LATIN1 to UTF8", 1),
        (OtherKind::Statistics, "codes", "on app.customers", 1),
        (OtherKind::EventTrigger, "watch", "on ddl_command_end", 1),
        (OtherKind::Publication, "news", "for 2 tables", 1),
        (OtherKind::Subscription, "feed", "disabled", 1),
        (OtherKind::ForeignDataWrapper, "wrapper", "", 1),
        (OtherKind::ForeignServer, "far", "of wrapper", 1),
        (OtherKind::UserMapping, "public", "to server far", 1),
        (OtherKind::DefaultPrivileges, "postgres", "on tables", 1),
        (OtherKind::LargeObjects, "large objects", "", 2),
        (
            OtherKind::Something,
            "transform for app.mood",
            "language sql",
            1,
        ),
        (OtherKind::Grants, "PUBLIC", "on 1 objects: SELECT", 1),
    ];
    for (kind, name, detail, count) in expected {
        let found = others(found, kind);
        assert_eq!(
            found,
            [(name.to_owned(), detail.to_owned(), count)],
            "{kind:?}"
        );
    }
    let classes: Vec<_> = others(found, OtherKind::OperatorClass);
    assert_eq!(classes.len(), 2, "{classes:?}");
    assert_eq!(others(found, OtherKind::TextSearch).len(), 2);
    assert_eq!(others(found, OtherKind::Owner), []);
    assert_eq!(others(found, OtherKind::Tablespace), []);
}

#[tokio::test]
async fn dependencies_lead_from_who_needs_to_who_is_needed() {
    let found = found().await;
    let table = |name| Object::new(Class::Relation, relation(found, name).oid);
    let ty = |name: &str| {
        let ty = found.types.iter().find(|t| t.name == app(name)).unwrap();
        Object::new(Class::Type, ty.oid)
    };
    let function = |name: &str| {
        let routine = found.routines.iter().find(|r| r.name == app(name)).unwrap();
        Object::new(Class::Routine, routine.oid)
    };
    let sequence = found
        .sequences
        .iter()
        .find(|s| s.name == app("called"))
        .unwrap();
    let sequence = Object::new(Class::Sequence, sequence.oid);
    let customers = relation(found, "customers");
    let by_twice = Object::new(Class::Index, index(customers, "by_twice").oid);
    let hstore = found
        .extensions
        .iter()
        .find(|e| e.name == "hstore")
        .unwrap();
    let extension = Object::new(Class::Extension, hstore.oid);
    let edges = [
        (
            "a column's default",
            table("customers"),
            Some("code"),
            function("next_code"),
            None,
        ),
        (
            "a sequence in a default",
            table("customers"),
            Some("other"),
            sequence,
            None,
        ),
        (
            "an array of an enum",
            table("customers"),
            Some("moods"),
            ty("mood"),
            None,
        ),
        (
            "a domain over a domain",
            ty("half"),
            None,
            ty("percent"),
            None,
        ),
        ("a field of a composite", ty("pair"), None, ty("mood"), None),
        (
            "a view",
            table("happy"),
            None,
            table("customers"),
            Some("code"),
        ),
        (
            "a view's function",
            table("happy"),
            None,
            function("twice"),
            None,
        ),
        (
            "a view of a view",
            table("happier"),
            None,
            table("happy"),
            Some("id"),
        ),
        (
            "an index's expression",
            by_twice,
            None,
            function("twice"),
            None,
        ),
        ("a typed table", table("typed"), None, ty("pair"), None),
        (
            "a partition",
            table("events_1"),
            None,
            table("events"),
            None,
        ),
        ("a child", table("child"), None, table("parent"), None),
        (
            "a member of an extension",
            ty("hstore"),
            None,
            extension,
            None,
        ),
    ];
    for (what, dependent, column, on, on_column) in edges {
        let known = found.dependencies.iter().any(|edge| {
            edge.dependent == dependent
                && edge.column.as_deref() == column
                && edge.on == on
                && edge.on_column.as_deref() == on_column
        });
        assert!(known, "{what}");
    }
    for edge in &found.dependencies {
        assert!(edge.dependent != edge.on, "{edge:?}");
        let owned = edge.dependent.class == Class::Sequence && edge.on.class == Class::Relation;
        assert!(!owned, "an owner is no need: {edge:?}");
    }
}
