//! Against a real PostgreSQL: each test in a database of its own.

use testenv::{Cluster, Database};
use uuid::Uuid;

use super::*;
use crate::catalog::database::Name;
use crate::endpoint::session::{WriteSettings, prepare_write};
use crate::ledger::{NewRun, PlanRows};
use crate::profile::Profile;
use crate::schema::convert::{Makes, Section};
use crate::wire::{Connection, Endpoint, Environment};

/// A target with a run of its own.
struct Scene {
    database: Database,
    applying: Applying,
    ledger: Ledger,
}

impl Scene {
    async fn new() -> Self {
        let database = Cluster::shared().database("apply").expect("a database");
        let parsed =
            ConnectOptions::parse(&database.uri(), Endpoint::Postgres, &Environment::default());
        let options = parsed.expect("a URI");
        let mut settings = WriteSettings::new("wire9/test", &Profile::postgresql());
        let mut connection = Connection::connect(&options).await.expect("connects");
        prepare_write(&mut connection, &mut settings)
            .await
            .expect("prepared");
        let mut ledger = Ledger::new(connection, options.clone(), settings.clone());
        ledger.create_statements().await.expect("a ledger");
        let run = NewRun {
            run: Uuid::new_v4().to_string(),
            settings: String::new(),
            source: "migrate test".to_owned(),
            snapshot: String::new(),
            owner: Owner::this_process(),
            tokens: Vec::new(),
        };
        ledger
            .begin(&run, &PlanRows::default())
            .await
            .expect("a run");
        let (events, _) = crossbeam_channel::bounded(16);
        let applying = Applying {
            run: run.run,
            owner: run.owner,
            target: options,
            settings,
            connections: 3,
            continued: false,
            pace: Pace::new(Duration::from_secs(10)),
            silence: Duration::from_secs(30),
            limit: None,
            events,
            stop: CancellationToken::new(),
        };
        Self {
            database,
            applying,
            ledger,
        }
    }

    async fn apply(&self, statements: &[Statement]) -> Applied {
        let ask = vec![Ask::Apply; statements.len()];
        apply(&self.applying, statements, &ask).await
    }

    async fn recorded(&mut self) -> Vec<String> {
        let known = self.ledger.statements(&self.applying.run).await;
        known.expect("readable").into_keys().collect()
    }
}

fn statement(makes: Makes, object: &str, sql: &str, needs: &[usize]) -> Statement {
    let name = object.rsplit(' ').next().expect("a word");
    let (schema, name) = name.split_once('.').unwrap_or(("public", name));
    Statement {
        section: Section::PreData,
        makes,
        object: object.to_owned(),
        name: Name::new(schema, name),
        sql: sql.to_owned(),
        rewritten: Vec::new(),
        needs: needs.to_vec(),
    }
}

fn table(name: &str) -> Statement {
    let sql = format!("CREATE TABLE public.{name} (id integer PRIMARY KEY)");
    statement(Makes::Table, &format!("table public.{name}"), &sql, &[])
}

fn code(fate: &Fate) -> &str {
    match fate {
        Fate::Failed(refusal) => &refusal.code,
        other => panic!("not failed: {other:?}"),
    }
}

#[tokio::test]
async fn a_failed_statement_stops_none_but_those_that_need_it() {
    let mut scene = Scene::new().await;
    let all = [
        table("a"),
        statement(
            Makes::View,
            "view public.v",
            "CREATE VIEW public.v AS SELECT id FROM public.a",
            &[0],
        ),
        statement(
            Makes::Index,
            "index public.i",
            "CREATE INDEX i ON public.a ((id + 'x'))",
            &[0],
        ),
        statement(
            Makes::View,
            "view public.w",
            "CREATE VIEW public.w AS SELECT 1",
            &[2],
        ),
    ];
    let applied = scene.apply(&all).await;
    assert!(applied.failure.is_none() && !applied.is_complete());
    assert_eq!(applied.fates[..2], [Fate::Done, Fate::Done]);
    assert_eq!(code(&applied.fates[2]), "22P02");
    assert_eq!(applied.fates[3], Fate::Skipped { because_of: 2 });
    assert_eq!(scene.recorded().await, ["table public.a", "view public.v"]);
}

#[tokio::test]
async fn what_somebody_else_made_is_not_taken_for_ones_own() {
    let mut scene = Scene::new().await;
    let made = scene
        .database
        .execute("CREATE TABLE a (id integer PRIMARY KEY)");
    made.expect("made");
    let applied = scene.apply(&[table("a")]).await;
    assert_eq!(code(&applied.fates[0]), "42P07");
    assert_eq!(scene.recorded().await, [] as [String; 0]);
    scene.applying.continued = true;
    let applied = scene.apply(&[table("a")]).await;
    assert!(applied.is_complete(), "{:?}", applied.fates);
    assert_eq!(scene.recorded().await, ["table public.a"]);
}

#[tokio::test]
async fn a_table_with_other_columns_is_not_recognised() {
    let mut scene = Scene::new().await;
    let made = scene.database.execute("CREATE TABLE a (other text)");
    made.expect("made");
    scene.applying.continued = true;
    let applied = scene.apply(&[table("a")]).await;
    assert_eq!(code(&applied.fates[0]), "42P07");
}

#[tokio::test]
async fn a_routine_may_name_what_comes_later_or_never() {
    let mut scene = Scene::new().await;
    let all = [
        statement(
            Makes::Routine,
            "function public.f()",
            "CREATE FUNCTION public.f() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM public.v'",
            &[],
        ),
        statement(
            Makes::Routine,
            "function public.g()",
            "CREATE FUNCTION public.g() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM no_path'",
            &[],
        ),
        statement(
            Makes::View,
            "view public.v",
            "CREATE VIEW public.v AS SELECT 1 AS one",
            &[],
        ),
    ];
    let applied = scene.apply(&all).await;
    assert!(applied.is_complete(), "{:?}", applied.fates);
    assert_eq!(scene.recorded().await.len(), 3);
}

#[tokio::test]
async fn a_statement_that_wants_no_transaction_is_applied_alone_and_recorded() {
    let mut scene = Scene::new().await;
    let index = statement(
        Makes::Index,
        "index public.i",
        "CREATE INDEX CONCURRENTLY i ON public.a (id)",
        &[0],
    );
    let applied = scene.apply(&[table("a"), index]).await;
    assert!(applied.is_complete(), "{:?}", applied.fates);
    assert_eq!(scene.recorded().await, ["index public.i", "table public.a"]);
}

#[tokio::test]
async fn a_run_that_is_asked_to_stop_cancels_what_is_under_way() {
    let mut scene = Scene::new().await;
    let slow = statement(
        Makes::MaterializedView,
        "materialized view public.m",
        "CREATE MATERIALIZED VIEW public.m AS SELECT 1 AS one FROM pg_catalog.pg_sleep(600)",
        &[],
    );
    let stop = scene.applying.stop.clone();
    let stopping = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        stop.cancel();
    };
    let all = [slow, table("a")];
    let (applied, ()) = tokio::join!(scene.apply(&all), stopping);
    assert!(applied.failure.is_none());
    assert_eq!(applied.fates, [Fate::Left, Fate::Done]);
    assert_eq!(scene.recorded().await, ["table public.a"]);
}

#[tokio::test]
async fn a_run_that_was_taken_over_applies_nothing_more() {
    let mut scene = Scene::new().await;
    scene.applying.owner.token = "another".to_owned();
    let applied = scene.apply(&[table("a")]).await;
    assert!(matches!(applied.failure, Some(Error::TakenOver)));
    assert_eq!(applied.fates, [Fate::Left]);
    let tables: u64 = scene
        .database
        .query_value("SELECT count(*) FROM pg_class WHERE relname = 'a'")
        .expect("counted");
    assert_eq!((tables, scene.recorded().await.len()), (0, 0));
}

#[tokio::test]
async fn a_connection_that_breaks_is_made_anew_and_nothing_is_done_twice() {
    let mut scene = Scene::new().await;
    let slow = statement(
        Makes::MaterializedView,
        "materialized view public.m",
        "CREATE MATERIALIZED VIEW public.m AS SELECT 1 AS one FROM pg_catalog.pg_sleep(0.5)",
        &[],
    );
    let killing = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                    WHERE datname = current_database() AND query LIKE '%pg_sleep(0.5)%' \
                    AND pid <> pg_backend_pid()";
        scene.database.execute(kill).expect("killed");
    };
    let all = [slow];
    let (applied, ()) = tokio::join!(scene.apply(&all), killing);
    assert!(applied.is_complete(), "{:?}", applied.fates);
    assert_eq!(scene.recorded().await, ["materialized view public.m"]);
}
