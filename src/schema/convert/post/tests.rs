//! Hand-built databases, converted.

use crate::catalog::database::{Class, Object, RelationKind};
use crate::schema::convert::{Conversion, Makes};

use super::sample::{
    Case, foreign, function, index, primary, relation, table, trigger, unique, view,
};

/// The SQL of a statement by what it makes.
#[track_caller]
fn sql<'c>(conversion: &'c Conversion, object: &str) -> &'c str {
    let statements = &conversion.statements;
    let found = statements.iter().find(|s| s.object == object);
    let all = || {
        statements
            .iter()
            .map(|s| s.object.as_str())
            .collect::<Vec<_>>()
    };
    &found
        .unwrap_or_else(|| panic!("no {object} in {:?}", all()))
        .sql
}

/// Findings as `id object: detail`, in their order.
fn findings(conversion: &Conversion) -> Vec<String> {
    let findings = conversion.findings.iter();
    findings
        .map(|f| format!("{} {}: {}", f.kind.id, f.object, f.detail))
        .collect()
}

fn place(conversion: &Conversion, object: &str) -> usize {
    let mut statements = conversion.statements.iter();
    statements
        .position(|s| s.object == object)
        .unwrap_or_else(|| panic!("no {object}"))
}

/// Every statement is read by PostgreSQL's parser, has a name of its own and needs earlier ones only.
#[track_caller]
fn assert_sound(conversion: &Conversion) {
    let mut names = std::collections::HashSet::new();
    for (at, statement) in conversion.statements.iter().enumerate() {
        assert!(
            names.insert(&statement.object),
            "twice: {}",
            statement.object
        );
        assert!(
            statement.needs.iter().all(|&need| need < at),
            "{}",
            statement.object
        );
        #[cfg(feature = "parser")]
        if let Err(error) = pg_query::parse(&statement.sql, pg_query::ParserOptions::default()) {
            panic!("{error}: {}", statement.sql);
        }
    }
}

fn orders() -> crate::catalog::database::Relation {
    let mut orders = table(
        1,
        "public.orders",
        &["id bigint", "customer integer", "note text"],
    );
    orders.constraints = vec![primary(11, "orders_pkey", &["id"])];
    orders
}

#[test]
fn an_ordinary_database_keeps_everything() {
    let mut orders = orders();
    orders
        .constraints
        .push(unique(12, "orders_note_key", &["note"]));
    orders
        .constraints
        .push(foreign(13, "orders_customer_fkey", "customer", 2));
    orders.indexes = vec![index(14, "orders_customer", "btree", &["customer", "id"])];
    let mut t = table(2, "public.customers", &["id integer"]);
    t.constraints = vec![primary(21, "customers_pkey", &["id"])];
    t.triggers = vec![trigger(22, "log", 5)];
    let case = Case::db9()
        .with(orders)
        .with(t)
        .with(view(
            3,
            "public.open",
            " SELECT orders.id\n   FROM public.orders;",
        ))
        .with(view(4, "public.a_first", "SELECT open.id FROM public.open"))
        .routine(function(5, "public.f", "plpgsql", "BEGIN RETURN 1; END"))
        .edge(relation(3), relation(1))
        .edge(relation(4), relation(3));
    let conversion = case.convert();
    assert_sound(&conversion);
    assert_eq!(findings(&conversion), Vec::<String>::new());
    assert_eq!(
        sql(
            &conversion,
            "unique constraint public.orders.orders_note_key"
        ),
        "ALTER TABLE \"public\".\"orders\" ADD CONSTRAINT \"orders_note_key\" UNIQUE (\"note\")"
    );
    assert_eq!(
        sql(&conversion, "index public.orders_customer"),
        "CREATE INDEX \"orders_customer\" ON \"public\".\"orders\" USING btree (\"customer\", \"id\")"
    );
    assert_eq!(
        sql(
            &conversion,
            "foreign key public.orders.orders_customer_fkey"
        ),
        "ALTER TABLE \"public\".\"orders\" ADD CONSTRAINT \"orders_customer_fkey\" FOREIGN KEY \
         (\"customer\") REFERENCES \"public\".\"customers\" (\"id\")"
    );
    assert_eq!(
        sql(&conversion, "view public.open"),
        "CREATE VIEW \"public\".\"open\" AS\nSELECT orders.id\n   FROM public.orders"
    );
    let (first, second) = (
        place(&conversion, "view public.open"),
        place(&conversion, "view public.a_first"),
    );
    assert_eq!(conversion.statements[second].needs, [first]);
    let log = &conversion.statements[place(&conversion, "trigger public.customers.log")];
    assert!(
        log.needs
            .contains(&place(&conversion, "function public.f()"))
    );
    assert!(conversion.left_out.is_empty());
}

#[test]
fn a_view_on_what_is_left_out_is_left_out_with_its_chain() {
    let mut far = table(1, "public.f", &["id integer"]);
    far.kind = RelationKind::Foreign;
    let case = Case::db9()
        .with(far)
        .with(view(2, "public.v1", "SELECT f.id FROM public.f"))
        .with(view(3, "public.v2", "SELECT v1.id FROM public.v1"))
        .edge(relation(3), relation(2))
        .edge(relation(2), relation(1));
    let conversion = case.convert();
    assert!(conversion.statements.iter().all(|s| s.makes != Makes::View));
    assert_eq!(
        findings(&conversion),
        [
            "view-needs-missing view public.v1: public.v1 → foreign table public.f",
            "view-needs-missing view public.v2: public.v2 → public.v1 → foreign table public.f",
        ]
    );
    let _ = Object::new(Class::Relation, 1);
}
