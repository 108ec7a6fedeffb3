//! The program `testenv`: starts a source and a target to try wire9 on, runs the demo, compares.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for people"
)]

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Instant;

use clap::{Parser, Subcommand, ValueEnum};
use testenv::sample::{self, Everything};
use testenv::{Cluster, ClusterOptions, Database, Standin, StandinOptions, client, equality};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Fraction digits of a timestamp that the stand-in keeps.
const KEPT_DIGITS: u8 = 3;

/// wire9's own code for "source and target are not the same".
const MISMATCH: u8 = 6;

/// Throw-away servers to try wire9 on.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Start a source with sample data and a target with its tables, print both URIs and wait
    Up {
        /// What the source holds
        #[arg(long, value_enum, default_value_t = Sample::Shop)]
        sample: Sample,
        /// How much of the shop: 1 is a few hundred thousand rows
        #[arg(long, default_value_t = 1.0)]
        factor: f64,
        /// Leave the target empty, for `wire9 migrate`
        #[arg(long)]
        empty: bool,
    },
    /// Copy the shop with wire9, and judge the result
    Demo {
        /// How much of the shop: 1 is a few hundred thousand rows
        #[arg(long, default_value_t = 1.0)]
        factor: f64,
    },
    /// Compare the rows of two databases, table by table
    Compare {
        /// URI of the source
        #[arg(long)]
        postgres: String,
        /// URI of the target
        #[arg(long)]
        db9: String,
        /// Fraction digits of timestamps that the target keeps
        #[arg(long, default_value_t = 3)]
        fraction_digits: u8,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Sample {
    Shop,
    Everything,
    Chinook,
    /// One case of everything that does not survive the move
    Planted,
    /// Nothing: fill it yourself
    Nothing,
}

impl Sample {
    fn fill(self, source: &Database, factor: f64) -> Result<()> {
        match self {
            Self::Shop => sample::shop(source, factor)?,
            Self::Everything => sample::everything(source, Everything::FULL)?,
            Self::Chinook => sample::chinook(source)?,
            Self::Planted => sample::planted(source)?,
            Self::Nothing => {}
        }
        Ok(())
    }

    fn target_tables(self) -> Vec<String> {
        match self {
            Self::Shop => sample::shop_target(),
            Self::Everything => sample::everything_target(Everything::FULL),
            Self::Chinook => sample::chinook_target(),
            Self::Planted | Self::Nothing => Vec::new(),
        }
    }
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Action::Up {
            sample,
            factor,
            empty,
        } => up(sample, factor, empty),
        Action::Demo { factor } => demo(factor),
        Action::Compare {
            postgres,
            db9,
            fraction_digits,
        } => compare(&postgres, &db9, fraction_digits),
    };
    result.unwrap_or_else(|error| {
        eprintln!("testenv: {error}");
        let mut cause = error.source();
        while let Some(inner) = cause {
            eprintln!("  {inner}");
            cause = inner.source();
        }
        ExitCode::FAILURE
    })
}

/// The stand-in, on a cluster of its own that goes with it.
fn target() -> Result<Standin> {
    let cluster = Some(Cluster::start(ClusterOptions::new())?);
    Ok(Standin::start(StandinOptions {
        cluster,
        ..StandinOptions::default()
    })?)
}

/// A source and a target for a sample; both are gone with the value.
struct Pair {
    source: Database,
    target: Standin,
}

fn start(sample: Sample, factor: f64, empty: bool) -> Result<Pair> {
    let source = Cluster::start(ClusterOptions::new())?.database("source")?;
    sample.fill(&source, factor)?;
    let target = target()?;
    let mut client = client::connect(&target.uri())?;
    for statement in sample.target_tables().iter().filter(|_| !empty) {
        client.batch_execute(statement)?;
    }
    Ok(Pair { source, target })
}

fn up(sample: Sample, factor: f64, empty: bool) -> Result<ExitCode> {
    let pair = start(sample, factor, empty)?;
    println!("postgres={}\ndb9={}", pair.source.uri(), pair.target.uri());
    if std::io::stdin().is_terminal() {
        println!("Press Enter to stop both and remove them.");
    }
    std::io::stdout().flush()?;
    if std::io::stdin().read_line(&mut String::new())? == 0 {
        // Nobody can press Enter: a signal ends us, and the reapers clear up.
        loop {
            std::thread::park();
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn demo(factor: f64) -> Result<ExitCode> {
    let begun = Instant::now();
    println!("Starting a source with the sample shop, and a target with its tables …");
    let pair = start(Sample::Shop, factor, false)?;
    println!(
        "Both are ready after {:.1} s. Now:\n",
        begun.elapsed().as_secs_f64()
    );
    println!(
        "  wire9 copy --postgres '{}' --db9 '{}'\n",
        pair.source.uri(),
        pair.target.uri()
    );
    let code = copy_and_judge(&pair)?;
    drop(pair);
    println!("Both servers are stopped and removed.");
    Ok(code)
}

fn copy_and_judge(pair: &Pair) -> Result<ExitCode> {
    let code = copy(pair)?;
    if code != 0 {
        println!("\nwire9 ended with code {code}.");
        return Ok(ExitCode::from(code));
    }
    println!("\nThe judge reads both sides by itself:");
    compare(&pair.source.uri(), &pair.target.admin_uri(), KEPT_DIGITS)
}

/// Runs wire9 on this terminal. Ctrl-C is for wire9, which stops in its own way; we wait for that.
fn copy(pair: &Pair) -> Result<u8> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let _inside = runtime.enter();
    let _ours = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())?;
    let status = Command::new(wire9()?)
        .args([
            "copy",
            "--postgres",
            &pair.source.uri(),
            "--db9",
            &pair.target.uri(),
        ])
        .status()?;
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(1))
}

/// The program that was built together with this one.
fn wire9() -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name("wire9");
    if path.is_file() {
        return Ok(path);
    }
    Err(format!(
        "{} is missing: cargo build --workspace makes it",
        path.display()
    )
    .into())
}

fn compare(source: &str, target: &str, fraction_digits: u8) -> Result<ExitCode> {
    let (pairs, mut differences) = equality::pair_all(source, target)?;
    differences.extend(equality::compare(source, target, &pairs, fraction_digits)?);
    for difference in &differences {
        println!("  {difference}");
    }
    if !differences.is_empty() {
        println!(
            "NOT EQUAL: {} differences in {} tables",
            differences.len(),
            pairs.len()
        );
        return Ok(ExitCode::from(MISMATCH));
    }
    let rows: u64 = equality::count(source, &pairs)?;
    println!(
        "EQUAL: {} tables, {rows} rows; timestamps to {fraction_digits} digits",
        pairs.len()
    );
    Ok(ExitCode::SUCCESS)
}
