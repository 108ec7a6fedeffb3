//! A source and a target in which small batches move, and what is expected of them after a fault.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use testenv::fault::{Action, Fault, FaultHandle, FaultProxy, Trigger};
use testenv::standin::Limits;
use testenv::{Cluster, Database, Standin, StandinOptions, equality};

use crate::harness::{Run, Wire9, targets};

/// With a key, and without one: every row of it is there twice, so that a set would not do.
const TABLES: &str = "
    CREATE TABLE keyed (id bigint PRIMARY KEY, at timestamptz NOT NULL, body text);
    CREATE TABLE keyless (a integer, body text);
    CREATE TABLE no_rows (a integer);
    CREATE TABLE one_row (a integer)";

const ROWS: &str = "
    INSERT INTO keyed SELECT i, timestamptz '2024-02-29 12:00:00.123456+00' + i * interval '1 s',
        CASE WHEN i % 7 > 0 THEN repeat(md5(i::text), 32) END FROM generate_series(1, 2000) i;
    INSERT INTO keyless SELECT i / 2, repeat(md5((i / 2)::text), 32) FROM generate_series(2, 2001) i;
    INSERT INTO one_row VALUES (7)";

/// Two lanes with batches of 256 KiB: about eight of them a table.
const SMALL: [&str; 6] = ["--jobs", "2", "--max-memory", "1MiB", "--io-timeout", "20"];

/// A source that nobody writes, shared by all tests that only read it.
fn shared_source() -> Arc<Database> {
    static SOURCE: OnceLock<Arc<Database>> = OnceLock::new();
    Arc::clone(SOURCE.get_or_init(|| source_on(Cluster::shared())))
}

/// A source of one's own.
pub(crate) fn source_on(cluster: &Cluster) -> Arc<Database> {
    let source = cluster.database("faults").expect("the source is made");
    source
        .execute(&format!("{TABLES}; {ROWS}"))
        .expect("it is filled");
    Arc::new(source)
}

/// Where a copy happens.
pub(crate) struct Scene {
    pub(crate) source: Arc<Database>,
    /// In front of the source.
    pub(crate) proxy: FaultProxy,
    pub(crate) standin: Standin,
    arguments: Vec<String>,
    /// How long a run may take, where that is not what any run may.
    deadline: Option<Duration>,
}

impl Scene {
    pub(crate) fn new() -> Self {
        Self::with(Limits::default())
    }

    /// With a target of these limits.
    pub(crate) fn with(limits: Limits) -> Self {
        Self::between(shared_source(), targets(), limits)
    }

    /// With a source of one's own, and the target on this cluster.
    pub(crate) fn between(source: Arc<Database>, target: &Cluster, limits: Limits) -> Self {
        let standin = Standin::start(StandinOptions {
            limits,
            cluster: Some(target.clone()),
            ..StandinOptions::default()
        });
        let standin = standin.expect("the stand-in starts");
        let tables = format!("SET ROLE \"tenant.admin\"; {TABLES}");
        standin
            .database()
            .execute(&tables)
            .expect("the tables are made");
        Self {
            proxy: FaultProxy::start(&source.uri()).expect("the proxy starts"),
            source,
            standin,
            arguments: SMALL.map(str::to_owned).to_vec(),
            deadline: None,
        }
    }

    /// Silence that is noticed after so many seconds.
    pub(crate) fn io_timeout(mut self, seconds: u64) -> Self {
        let last = self.arguments.iter().position(|a| a == "--io-timeout");
        self.arguments[last.expect("SMALL says it") + 1] = seconds.to_string();
        self
    }

    /// A run may take so long.
    pub(crate) fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// A fault in front of the target.
    pub(crate) fn target(&self, trigger: Trigger, action: Action) -> FaultHandle {
        self.target_fault(Fault::new(trigger, action))
    }

    pub(crate) fn target_fault(&self, fault: Fault) -> FaultHandle {
        self.standin.faults().add(fault)
    }

    /// A fault in front of the source.
    pub(crate) fn source(&self, trigger: Trigger, action: Action) -> FaultHandle {
        self.source_fault(Fault::new(trigger, action))
    }

    pub(crate) fn source_fault(&self, fault: Fault) -> FaultHandle {
        self.proxy.faults().add(fault)
    }

    /// The command; always the same.
    pub(crate) fn command(&self) -> Wire9 {
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        let command = Wire9::copy(self.proxy.uri(), &self.standin.uri()).args(&arguments);
        match self.deadline {
            Some(deadline) => command.deadline(deadline),
            None => command,
        }
    }

    /// The run ends well in spite of the fault, and everything is there once.
    #[track_caller]
    pub(crate) fn finishes(&self) -> Run {
        let run = self.command().run().ends_with(0);
        self.is_equal();
        let unfinished =
            "SELECT count(*) FROM wire9.chunk c WHERE NOT EXISTS (SELECT 1 FROM wire9.batch b
            WHERE (b.run, b.pair, b.chunk) = (c.run, c.pair, c.chunk) AND is_last = 1)";
        let unfinished: u64 = self
            .standin
            .database()
            .query_value(unfinished)
            .expect("an answer");
        assert_eq!(
            unfinished, 0,
            "every chunk is finished, also one without rows"
        );
        run
    }

    /// The run ends with this code and these words; then the same command completes it.
    #[track_caller]
    pub(crate) fn stops_and_resumes(&self, code: i32, words: &str) -> Run {
        let run = self.command().run().ends_with(code).says(words);
        self.resumes();
        run
    }

    /// Without faults the same command completes.
    #[track_caller]
    pub(crate) fn resumes(&self) -> Run {
        self.standin.faults().assert_used();
        self.standin.faults().disarm();
        self.proxy.faults().assert_used();
        self.proxy.faults().disarm();
        self.finishes()
    }

    /// The judge's word.
    #[track_caller]
    pub(crate) fn is_equal(&self) {
        equality::assert_equal(&self.source.uri(), &self.standin.admin_uri(), 3);
    }

    /// Rows of batches that are committed.
    pub(crate) fn batches(&self) -> u64 {
        of_batches(self.standin.database(), "count(*)")
    }

    /// Slows every request of the lanes to the target down, so that a run lasts long enough to be met.
    pub(crate) fn slow(&self, latency: Duration) -> &Self {
        let begin = Trigger::query("application_name = 'wire9/");
        self.target_fault(Fault::new(begin, Action::Latency(latency)).always());
        self
    }
}

/// An aggregate of the ledger's batches in a target, which is 0 where there is no ledger yet.
pub(crate) fn of_batches(target: &Database, aggregate: &str) -> u64 {
    let there = "SELECT count(*) FROM pg_class WHERE oid = to_regclass('wire9.batch')";
    let there: u64 = target.query_value(there).expect("the target answers");
    match there {
        0 => 0,
        _ => target
            .query_value(&format!("SELECT {aggregate} FROM wire9.batch"))
            .expect("the target answers"),
    }
}

/// The COMMITs of lanes: those of the ledger and the probe have another application_name.
pub(crate) fn lane_commit(nth: u64) -> Trigger {
    Trigger::commit().application("wire9/").nth(nth)
}

/// The server answers with this error, and does not read the client for a while.
pub(crate) fn error(sqlstate: &str, deaf: Duration) -> Action {
    Action::Error {
        sqlstate: sqlstate.to_owned(),
        message: "as the script says".to_owned(),
        deaf,
    }
}

/// Does the same with each, at the same time: faults are mostly waited for.
pub(crate) fn each<T: Send>(items: impl IntoIterator<Item = T>, act: impl Fn(T) + Sync) {
    let act = &act;
    std::thread::scope(|scope| {
        let threads: Vec<_> = items
            .into_iter()
            .map(|item| scope.spawn(move || act(item)))
            .collect();
        for thread in threads {
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
}
