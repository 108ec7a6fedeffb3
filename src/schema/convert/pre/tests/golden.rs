//! Whole conversions, as text, against files.

use std::fmt::Write as _;

use super::converted;
use super::samples::{self, constraint, database, name, table, with_key};
use crate::catalog::database::{
    Class, ConstraintKind, Database, FieldDefault, Partitioning, RelationKind, Schema,
};
use crate::profile::Profile;
use crate::schema::convert::Conversion;

/// Everything that a conversion says.
fn text(conversion: &Conversion) -> String {
    let mut text = String::new();
    for (index, statement) in conversion.statements.iter().enumerate() {
        let _ = writeln!(
            text,
            "-- {index}: {} {:?}",
            statement.object, statement.needs
        );
        for line in &statement.rewritten {
            let _ = writeln!(text, "-- {line}");
        }
        let _ = writeln!(text, "{};\n", statement.sql);
    }
    for table in &conversion.tables {
        let leaves: Vec<String> = table.leaves.iter().map(ToString::to_string).collect();
        let columns: Vec<&str> = table.columns.iter().map(|c| c.name.as_str()).collect();
        let _ = writeln!(
            text,
            "rows of {} [{}] go to {} ({})",
            table.source,
            leaves.join(", "),
            table.target,
            columns.join(", ")
        );
    }
    for sequence in &conversion.sequences {
        let users = sequence.users.iter();
        let users: Vec<String> = users.map(|u| format!("{}.{}", u.table, u.column)).collect();
        let _ = writeln!(
            text,
            "sequence {} sets {}{} for [{}]",
            sequence.source,
            sequence.target,
            if sequence.identity.is_some() {
                " (identity)"
            } else {
                ""
            },
            users.join(", ")
        );
    }
    for left_out in &conversion.left_out {
        let _ = writeln!(text, "left out: {}: {}", left_out.object, left_out.why);
    }
    for finding in &conversion.findings {
        let _ = writeln!(
            text,
            "{} {} x{}: {}: {}",
            finding.kind.severity, finding.kind.id, finding.count, finding.object, finding.detail
        );
    }
    text
}

/// Compares with a file beside this one; with `WIRE9_GOLDEN=write` it becomes what is.
fn compare(file: &str, conversion: &Conversion) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src/schema/convert/pre/tests/golden")
        .join(file);
    let is = text(conversion);
    if std::env::var("WIRE9_GOLDEN").as_deref() == Ok("write") {
        std::fs::write(&path, &is).expect("the golden file can be written");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(is, expected, "{}", path.display());
}

/// What most databases are made of.
fn shop() -> Database {
    let columns = [
        "id bigint NOT NULL DEFAULT nextval('public.orders_id_seq'::regclass)",
        "number integer NOT NULL",
        "state public.state NOT NULL DEFAULT 'new'::public.state",
        "total numeric(10,2)",
        "note character(10) DEFAULT 'none'::bpchar",
        "at timestamp with time zone NOT NULL DEFAULT now()",
        "tax numeric(12,4)",
    ];
    let mut orders = with_key(table(100, "public.orders", &columns), &["id"]);
    orders.columns[6].default = FieldDefault::Stored("(total * 0.19)".to_owned());
    let check = "CHECK ((total >= (0)::numeric))";
    orders
        .constraints
        .push(samples::check(103, "orders_total_check", check));
    let key = constraint(
        104,
        "orders_number_key",
        ConstraintKind::Unique,
        "UNIQUE (number)",
        &[],
    );
    orders.constraints.push(key);
    let mut people = with_key(
        table(200, "public.People", &["Id integer NOT NULL", "nick name"]),
        &["Id"],
    );
    people.columns[0].default = FieldDefault::Identity {
        always: true,
        sequence: 301,
    };
    let mut counter = samples::sequence(302, "public.counter", None);
    (counter.increment, counter.start, counter.cache) = (-5, -1, 20);
    (counter.minimum, counter.maximum, counter.cycles) = (-1000, -1, true);
    let mut identity =
        samples::sequence(301, "public.People_Id_seq", Some(("public.People", "Id")));
    identity.identity = true;
    identity.data_type = "integer".to_owned();
    (identity.start, identity.minimum, identity.maximum) = (1000, 1, i64::from(i32::MAX));
    Database {
        types: vec![samples::enumeration(
            400,
            "public.state",
            &["new", "paid", "sent"],
        )],
        sequences: vec![
            samples::sequence(300, "public.orders_id_seq", Some(("public.orders", "id"))),
            identity,
            counter,
        ],
        relations: vec![orders, people],
        dependencies: vec![
            samples::needs((Class::Relation, 100), Some("id"), (Class::Sequence, 300)),
            samples::needs((Class::Relation, 100), Some("state"), (Class::Type, 400)),
        ],
        ..database()
    }
}

#[test]
fn an_ordinary_database_for_a_db9() {
    compare(
        "shop_db9.txt",
        &converted(&shop(), &Profile::db9_documented()),
    );
}

#[test]
fn an_ordinary_database_for_a_postgresql_is_as_it_was() {
    let conversion = converted(&shop(), &Profile::postgresql());
    assert!(conversion.findings.is_empty(), "{:?}", conversion.findings);
    compare("shop_postgresql.txt", &conversion);
}

#[test]
fn an_ordinary_database_for_a_server_of_which_nothing_is_known() {
    compare("shop_unknown.txt", &converted(&shop(), &Profile::default()));
}

/// Trees of tables.
fn trees() -> Database {
    let columns = [
        "at timestamp(3) with time zone NOT NULL",
        "region text NOT NULL",
        "v real",
    ];
    let mut root = table(10, "public.measurements", &columns);
    root.kind = RelationKind::Partitioned;
    root.partitioning = Some(Partitioning {
        strategy: "range".to_owned(),
        key: "RANGE (at)".to_owned(),
    });
    let mut middle = table(20, "public.m_old", &columns);
    middle.kind = RelationKind::Partitioned;
    middle.partitioning = Some(Partitioning {
        strategy: "list".to_owned(),
        key: "LIST (region)".to_owned(),
    });
    middle.partition_of = Some(10);
    middle.partition_bound = Some("FOR VALUES FROM ('2020-01-01') TO ('2021-01-01')".to_owned());
    let mut leaf = table(30, "archive.m_south", &columns);
    leaf.partition_of = Some(20);
    leaf.partition_bound = Some("FOR VALUES IN ('south')".to_owned());
    leaf.constraints.push(samples::check(
        31,
        "positive",
        "CHECK ((v > (0)::double precision))",
    ));
    leaf.indexes
        .push(samples::index(32, "m_south_v_idx", &["v"]));
    let mut rest = table(40, "public.m_rest", &columns);
    rest.partition_of = Some(10);
    rest.partition_bound = Some("DEFAULT".to_owned());
    let mut animals = with_key(
        table(50, "public.animals", &["id integer NOT NULL", "name text"]),
        &["id"],
    );
    let mut named = samples::check(53, "named", "CHECK ((name <> ''::text))");
    animals.constraints.push(named.clone());
    let mut dogs = table(
        60,
        "public.dogs",
        &["id integer NOT NULL", "name text", "breed text"],
    );
    dogs.columns[0].inherited = true;
    dogs.columns[1].inherited = true;
    dogs.inherits = vec![50];
    (named.oid, named.inherited) = (61, true);
    dogs.constraints.push(named);
    let empty = table(70, "public.empty", &[]);
    let mut far = table(80, "public.far", &["id integer"]);
    far.kind = RelationKind::Foreign;
    far.foreign_server = Some("elsewhere".to_owned());
    let mut base = database();
    base.schemas.push(Schema {
        oid: 2201,
        name: "archive".to_owned(),
        ..Schema::default()
    });
    Database {
        // Leaves before their roots, children before their parents.
        relations: vec![leaf, dogs, rest, middle, root, animals, empty, far],
        ..base
    }
}

#[test]
fn trees_of_tables_are_laid_flat_for_a_db9() {
    compare(
        "trees_db9.txt",
        &converted(&trees(), &Profile::db9_documented()),
    );
}

#[test]
fn trees_of_tables_stay_in_a_postgresql() {
    compare(
        "trees_postgresql.txt",
        &converted(&trees(), &Profile::postgresql()),
    );
}

#[test]
fn rows_of_partitions_go_into_the_one_table() {
    let conversion = converted(&trees(), &Profile::db9_documented());
    let mut tables = conversion.tables.iter();
    let table = tables
        .find(|t| t.source == name("public.measurements"))
        .unwrap();
    let leaves = [name("public.m_rest"), name("archive.m_south")];
    assert_eq!(table.leaves, leaves);
}
