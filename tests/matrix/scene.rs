//! A source and a target in which small batches move, the command that moves them, and what must hold
//! in the end.

use std::sync::OnceLock;
use std::time::Duration;

use testenv::fault::{Fault, FaultHandle, FaultProxy};
use testenv::standin::Limits;
use testenv::{Cluster, Database, Standin, StandinOptions, equality};

use crate::harness::{Wire9, targets};
use crate::table::{Cell, Fault as Row, Place, Shape, Side};

/// What the source holds, and the tables of a target that is only copied to.
struct Sample {
    source: &'static str,
    target: &'static str,
    sequence: &'static str,
}

const KEYED: Sample = Sample {
    source: "
        CREATE TABLE first (id bigserial PRIMARY KEY, at timestamptz NOT NULL, body text);
        CREATE TABLE second (id bigint PRIMARY KEY, first_id bigint REFERENCES first, body text);
        CREATE TABLE no_rows (id integer PRIMARY KEY);
        INSERT INTO first (at, body)
            SELECT timestamptz '2024-02-29 12:00:00.123456+00' + i * interval '1 s',
                   CASE WHEN i % 7 > 0 THEN repeat(md5(i::text), 32) END FROM generate_series(1, 1100) i;
        INSERT INTO second SELECT i, i, repeat(md5(i::text), 32) FROM generate_series(1, 1000) i;
        CREATE INDEX first_at ON first (at);
        CREATE VIEW both_of_them AS SELECT f.id, f.at FROM first f JOIN second s ON s.first_id = f.id",
    target: "
        CREATE TABLE first (id bigint PRIMARY KEY, at timestamptz NOT NULL, body text);
        CREATE TABLE second (id bigint PRIMARY KEY, first_id bigint, body text);
        CREATE TABLE no_rows (id integer PRIMARY KEY)",
    sequence: "first_id_seq",
};

/// Every row of `second` is there twice, so that a set would not do.
const KEYLESS: Sample = Sample {
    source: "
        CREATE SEQUENCE numbers;
        CREATE TABLE first (n bigint DEFAULT nextval('numbers'), at timestamptz NOT NULL, body text);
        CREATE TABLE second (a integer, body text);
        CREATE TABLE no_rows (a integer);
        INSERT INTO first (at, body)
            SELECT timestamptz '2024-02-29 12:00:00.123456+00' + i * interval '1 s',
                   CASE WHEN i % 7 > 0 THEN repeat(md5(i::text), 32) END FROM generate_series(1, 1100) i;
        INSERT INTO second SELECT i / 2, repeat(md5((i / 2)::text), 32)
            FROM generate_series(2, 1001) i;
        CREATE INDEX second_a ON second (a);
        CREATE VIEW both_of_them AS SELECT f.n, f.at FROM first f JOIN second s ON s.a = f.n",
    target: "
        CREATE TABLE first (n bigint, at timestamptz NOT NULL, body text);
        CREATE TABLE second (a integer, body text);
        CREATE TABLE no_rows (a integer)",
    sequence: "numbers",
};

/// What else hangs on the rows: relations and keys, by name.
const OBJECTS: &str = "
    SELECT string_agg(object, ' ' ORDER BY object) FROM (
        SELECT relkind::text || ' ' || relname AS object FROM pg_class
        WHERE relnamespace = 'public'::regnamespace
        UNION ALL SELECT contype::text || ' ' || conname FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace AND contype IN ('p', 'f')) o";

impl Shape {
    fn sample(self) -> &'static Sample {
        match self {
            Self::Keyed => &KEYED,
            Self::Keyless => &KEYLESS,
        }
    }

    /// A source that nobody writes.
    fn source(self) -> &'static Database {
        static KEYED: OnceLock<Database> = OnceLock::new();
        static KEYLESS: OnceLock<Database> = OnceLock::new();
        let kept = match self {
            Self::Keyed => &KEYED,
            Self::Keyless => &KEYLESS,
        };
        kept.get_or_init(|| {
            let source = Cluster::shared().database("matrix").expect("it is made");
            source.execute(self.sample().source).expect("it is filled");
            source
        })
    }
}

/// Where a cell happens.
pub(crate) struct Scene {
    cell: Cell,
    /// In front of the source.
    proxy: FaultProxy,
    pub(crate) standin: Standin,
    /// The mistake that wire9 shall make.
    planted: Option<&'static str>,
}

impl Scene {
    pub(crate) fn new(cell: Cell, planted: Option<&'static str>) -> Self {
        let standin = Standin::start(StandinOptions {
            limits: limits(cell.fault),
            cluster: Some(targets().clone()),
            ..StandinOptions::default()
        });
        let scene = Self {
            cell,
            proxy: FaultProxy::start(&cell.shape.source().uri()).expect("the proxy starts"),
            standin: standin.expect("the stand-in starts"),
            planted,
        };
        if !scene.migrates() {
            let tables = cell.shape.sample().target;
            let tables = format!("SET ROLE \"tenant.admin\"; {tables}");
            let made = scene.standin.database().execute(&tables);
            made.expect("the tables are made");
        }
        scene
    }

    /// What comes before the command that meets the fault.
    pub(crate) fn prepare(&self) {
        if self.cell.place == Place::Verify {
            self.copy().run().ends_with(0);
        }
    }

    /// Arms the fault on its side.
    pub(crate) fn arm(&self, fault: Fault) -> FaultHandle {
        match self.cell.side {
            Side::Source => self.proxy.faults().add(fault),
            Side::Target => self.standin.faults().add(fault),
        }
    }

    /// Nothing fails any more.
    pub(crate) fn disarm(&self) {
        self.proxy.faults().disarm();
        self.standin.faults().disarm();
    }

    /// The command that meets the fault; always the same.
    pub(crate) fn command(&self) -> Wire9 {
        match self.cell.place {
            Place::Verify => self.verify(),
            Place::Ddl | Place::Sequences => self.moves("migrate"),
            _ => self.copy(),
        }
    }

    fn migrates(&self) -> bool {
        matches!(self.cell.place, Place::Ddl | Place::Sequences)
    }

    fn copy(&self) -> Wire9 {
        self.moves("copy")
    }

    /// Lanes with batches of 256 KiB: about eight of them in a run.
    fn moves(&self, command: &str) -> Wire9 {
        let (jobs, memory, silence) = match self.cell.fault {
            // One lane, whose message is held back for longer.
            Row::WakeUp | Row::WakeUpRestart => ("1", "512KiB", "60"),
            _ => ("2", "1MiB", "2"),
        };
        let command = Wire9::between(command, self.proxy.uri(), &self.standin.uri());
        self.with_mistake(command.args(&[
            "--jobs",
            jobs,
            "--max-memory",
            memory,
            "--io-timeout",
            silence,
            "--retry-for",
            "20",
        ]))
    }

    /// The target alone, by the sums of the ledger; or both sides.
    fn verify(&self) -> Wire9 {
        let (source, target) = (self.proxy.uri(), self.standin.uri());
        let command = Wire9::bare().args(&["verify", "--postgres", source, "--db9", &target]);
        let command = command.args(&["--jobs", "2", "--io-timeout", "2"]);
        self.with_mistake(match self.cell.side {
            Side::Source => command.arg("--both"),
            Side::Target => command,
        })
    }

    fn with_mistake(&self, command: Wire9) -> Wire9 {
        match self.planted {
            Some(mistake) => command.env("WIRE9_PLANTED", mistake),
            None => command,
        }
    }

    /// The judge's word: rows, and after `migrate` also what hangs on them.
    #[track_caller]
    pub(crate) fn holds(&self) {
        let (source, target) = (self.cell.shape.source(), self.standin.database());
        equality::assert_equal(&source.uri(), &self.standin.admin_uri(), 3);
        if self.migrates() {
            let sequence = self.cell.shape.sample().sequence;
            let position = format!("SELECT last_value || ' ' || is_called FROM {sequence}");
            for question in [OBJECTS, &position] {
                let of = |side: &Database| side.query_value::<String>(question).expect("an answer");
                assert_eq!(of(target), of(source));
            }
        }
    }
}

/// The limits of a DB9, scaled: a minute is two seconds.
fn limits(fault: Row) -> Limits {
    match fault {
        // What a stopped process has open must not be ended before it wakes up.
        Row::WakeUp | Row::WakeUpRestart => Limits::default(),
        _ => Limits {
            time_scale: 1.0 / 30.0,
            ..Limits::default()
        },
    }
}

/// Far more than any late COMMIT takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
