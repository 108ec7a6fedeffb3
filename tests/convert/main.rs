//! What a conversion makes of whole databases: applied to real servers, and read back.

use std::collections::BTreeSet;
use std::future::Future;

use testenv::sample::{self, Everything};
use testenv::standin::Undocumented;
use testenv::{Cluster, Database, Standin, StandinOptions};
use wire9::catalog::database::{self as model, Name};
use wire9::endpoint::introspect;
use wire9::profile::{Fact, Profile};
use wire9::schema::convert::{Conversion, Makes, Section, Wishes, convert, orphans};
use wire9::schema::mapping::Mapping;
use wire9::wire::{ConnectOptions, Connection, Endpoint, Environment};

const SAMPLES: [&str; 5] = ["everything", "planted", "shop", "chinook", "objects"];

/// A runtime per step: a stand-in, which has its own, can not be dropped inside of one.
fn block<T>(future: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().build().expect("a runtime");
    runtime.block_on(future)
}

async fn connect(uri: &str, endpoint: Endpoint) -> Connection {
    let options = ConnectOptions::parse(uri, endpoint, &Environment::default());
    let connection = Connection::connect(&options.expect("a URI of testenv")).await;
    connection.expect("the server answers")
}

fn read(database: &Database) -> model::Database {
    block(async {
        let mut connection = connect(&database.socket_uri(), Endpoint::Postgres).await;
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL search_path = ''";
        connection.query(begin).await.expect("a transaction begins");
        introspect::database(&mut connection).await.expect("read")
    })
}

/// Applies all statements; the places of those that fail, with the server's words.
fn apply(uri: &str, endpoint: Endpoint, conversion: &Conversion) -> Vec<(usize, String)> {
    block(async {
        let mut connection = connect(uri, endpoint).await;
        connection.query("SET search_path = ''").await.expect("set");
        let mut failed = Vec::new();
        for (at, statement) in conversion.statements.iter().enumerate() {
            if let Err(error) = connection.query(&statement.sql).await {
                failed.push((
                    at,
                    format!("{}: {error}\n{}", statement.object, statement.sql),
                ));
            }
        }
        failed
    })
}

/// A source filled with one of the samples.
fn filled(sample: &str) -> Database {
    let source = Cluster::shared().database(sample).expect("a database");
    let filled = match sample {
        "everything" => sample::everything(&source, Everything::QUICK),
        "planted" => sample::planted(&source),
        "shop" => sample::shop(&source, 0.001),
        "chinook" => sample::chinook(&source),
        _ => source.execute(include_str!("objects.sql")),
    };
    filled.expect(sample);
    source
}

fn converted(database: &model::Database, profile: &Profile, mapping: &Mapping) -> Conversion {
    let wishes = Wishes {
        comments: true,
        foreign_tables: false,
    };
    convert(database, profile, mapping, wishes)
}

/// Every object of the second section, with its whole definition.
fn objects(database: &model::Database) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for relation in &database.relations {
        let name = &relation.name;
        for index in relation.indexes.iter().filter(|i| i.constraint.is_none()) {
            let (definition, valid) = (&index.definition, index.valid);
            all.insert(format!("index {name}: {definition} {valid}"));
            all.extend(index.comment.iter().map(|c| format!("comment {name}: {c}")));
        }
        for constraint in &relation.constraints {
            let definition = &constraint.definition;
            let constraint_name = &constraint.name;
            all.insert(format!("constraint {name}.{constraint_name}: {definition}"));
            let comment = constraint.comment.iter();
            all.extend(comment.map(|c| format!("comment {name}: {c}")));
        }
        for trigger in &relation.triggers {
            let (definition, enabled) = (&trigger.definition, trigger.enabled);
            all.insert(format!("trigger {name}: {definition} {enabled}"));
            let comment = trigger.comment.iter();
            all.extend(comment.map(|c| format!("comment {name}: {c}")));
        }
        if let Some(query) = &relation.query {
            let (options, populated) = (&relation.options, relation.populated);
            all.insert(format!("view {name}: {options:?} {populated} {query}"));
        }
        let columns = relation.columns.iter().filter_map(|c| c.comment.as_ref());
        let comments = columns.chain(&relation.comment);
        all.extend(comments.map(|c| format!("comment {name}: {c}")));
    }
    for routine in database.routines.iter().filter(|r| r.extension.is_none()) {
        let (signature, definition) = (routine.signature(), &routine.definition);
        all.insert(format!("routine {signature}: {definition:?}"));
        let comment = routine.comment.iter();
        all.extend(comment.map(|c| format!("comment {signature}: {c}")));
    }
    all
}

/// What a conversion leaves out even for a PostgreSQL, as `objects` writes it, up to the colon.
const GONE: [&str; 3] = [
    "index planted.indexed: CREATE INDEX index_invalid",
    "view planted.view_on_foreign",
    "view planted.view_on_view_on_foreign",
];

#[test]
fn a_postgresql_target_ends_up_with_the_same_objects() {
    for sample in SAMPLES {
        let database = read(&filled(sample));
        let conversion = converted(&database, &Profile::postgresql(), &Mapping::default());
        let target = Cluster::shared().database("target").expect("a database");
        let failed = apply(&target.socket_uri(), Endpoint::Postgres, &conversion);
        assert_eq!(failed, [], "{sample}");
        let (before, after) = (objects(&database), objects(&read(&target)));
        let gone = before.difference(&after).map(String::as_str);
        let gone: Vec<&str> = gone
            .filter(|object| !GONE.iter().any(|known| object.starts_with(known)))
            .collect();
        assert_eq!(gone, Vec::<&str>::new(), "{sample}");
        let new: Vec<&String> = after.difference(&before).collect();
        assert_eq!(new, Vec::<&String>::new(), "{sample}");
    }
}

/// The kinds of findings that announce a statement which the target may refuse.
const ANNOUNCING: [&str; 3] = [
    "may-be-refused",
    "view-on-changed-type",
    "routine-on-changed-type",
];

fn is_announced(conversion: &Conversion, at: usize) -> bool {
    let object = &conversion.statements[at].object;
    let of_it = conversion.findings.iter().filter(|f| &f.object == object);
    of_it.into_iter().any(|f| ANNOUNCING.contains(&f.kind.id))
}

/// Applies a conversion; what was refused and not announced.
fn surprises(uri: &str, conversion: &Conversion) -> Vec<(usize, String)> {
    let mut failed = apply(uri, Endpoint::Db9, conversion);
    failed.retain(|(at, _)| !is_announced(conversion, *at));
    failed
}

#[test]
fn a_db9_takes_every_statement() {
    for sample in SAMPLES {
        let database = read(&filled(sample));
        let conversion = converted(&database, &Profile::db9_documented(), &Mapping::default());
        let standin = Standin::start(StandinOptions::default()).expect("a stand-in");
        let failed = surprises(&standin.uri(), &conversion);
        assert_eq!(failed, [], "{sample}");
    }
}

/// A DB9 that has nothing of what no document promises.
fn bare() -> Standin {
    let mut options = StandinOptions::default();
    options.limits.refused = Undocumented::ALL.to_vec();
    Standin::start(options).expect("a stand-in")
}

/// What a probe of it would tell.
fn bare_profile() -> Profile {
    let no = || Some(Fact::probed(false));
    let mut profile = Profile::db9_documented();
    profile.overlay(Profile {
        domains: no(),
        composite_types: no(),
        unlogged_tables: no(),
        generated_stored: no(),
        deferrable_constraints: no(),
        exclude_constraints: no(),
        not_valid_constraints: no(),
        nulls_not_distinct: no(),
        include_columns: no(),
        partial_indexes: no(),
        expression_indexes: no(),
        index_ordering: no(),
        operator_classes: no(),
        materialized_views: no(),
        row_triggers: no(),
        statement_triggers: no(),
        procedures: no(),
        aggregates: no(),
        custom_operators: no(),
        comments: no(),
        analyze: no(),
        ..Profile::default()
    });
    profile
}

#[test]
fn a_db9_that_has_nothing_undocumented_takes_every_statement_once_it_is_probed() {
    for sample in SAMPLES {
        let database = read(&filled(sample));
        let conversion = converted(&database, &bare_profile(), &Mapping::default());
        let failed = surprises(&bare().uri(), &conversion);
        assert_eq!(failed, [], "{sample}");
    }
}

#[test]
fn what_a_db9_that_was_not_probed_may_refuse_is_announced() {
    for sample in SAMPLES {
        let database = read(&filled(sample));
        let conversion = converted(&database, &Profile::db9_documented(), &Mapping::default());
        let mut absent: BTreeSet<usize> = BTreeSet::new();
        for (at, error) in apply(&bare().uri(), Endpoint::Db9, &conversion) {
            let statement = &conversion.statements[at];
            absent.insert(at);
            let announced = is_announced(&conversion, at);
            let follows = statement.needs.iter().any(|need| absent.contains(need));
            let harmless = matches!(
                statement.makes,
                Makes::Trigger | Makes::Comment | Makes::Analyze
            );
            let other = statement.section == Section::PreData;
            assert!(
                announced || follows || harmless || other,
                "{sample}: {error}"
            );
        }
    }
}

#[test]
fn names_that_a_mapping_gives_are_in_every_statement() {
    let database = read(&filled("objects"));
    let mut mapping = Mapping::default();
    mapping
        .schemas
        .insert("app".to_owned(), "New \"app\"".to_owned());
    let users = Name::new("app", "users");
    mapping.tables.insert(users, Name::new("other", "People"));
    for profile in [Profile::db9_documented(), Profile::postgresql()] {
        let conversion = converted(&database, &profile, &mapping);
        let target = Cluster::shared().database("target").expect("a database");
        let failed = apply(&target.socket_uri(), Endpoint::Postgres, &conversion);
        assert_eq!(failed, []);
        let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname = 'app'";
        assert_eq!(target.query_value::<i64>(schemas).expect("counted"), 0);
    }
}

#[test]
fn orphans_are_counted_without_a_value() {
    let source = filled("chinook");
    let database = read(&source);
    let profile = Profile::db9_documented();
    let conversion = converted(&database, &profile, &Mapping::default());
    let queries = orphans(&database, &conversion);
    let keys = conversion.statements.iter();
    let keys = keys.filter(|s| s.makes == Makes::ForeignKey);
    assert_eq!(queries.len(), keys.count());
    let count = |sql: &str| source.query_value::<i64>(sql).expect("counted");
    assert!(queries.iter().all(|query| count(&query.sql) == 0));
    let lost = "SET session_replication_role = replica; DELETE FROM artist WHERE artist_id = 1";
    source.execute(lost).expect("deleted");
    let broken: Vec<(&str, i64)> = queries
        .iter()
        .map(|query| (query.object.as_str(), count(&query.sql)))
        .filter(|(_, orphans)| *orphans > 0)
        .collect();
    assert_eq!(
        broken,
        [("foreign key public.album.album_artist_id_fkey", 2)]
    );
}
