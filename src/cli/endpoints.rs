//! The endpoints as typed, for every command that reaches them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use crate::profile::Profile;
use crate::runs::{Error, Exit};
use crate::wire::{ConnectOptions, Endpoint, Environment};

/// Both endpoints. A command that can do without one says so with `mut_arg`.
#[derive(Debug, Args)]
pub(super) struct EndpointArguments {
    /// PostgreSQL endpoint, the source: a URI or a libpq key=value string.
    #[arg(long, value_name = "URI", env = "WIRE9_POSTGRES")]
    #[arg(hide_env_values = true, required = true)]
    #[arg(help_heading = "Endpoints")]
    postgres: Option<String>,

    /// Shell command whose first line of output is the PostgreSQL password; run anew for each
    /// connection [default: none].
    #[arg(long, value_name = "COMMAND", help_heading = "Endpoints")]
    postgres_password_command: Option<String>,

    #[command(flatten)]
    target: TargetArguments,

    /// Profile of the target (TOML, as `wire9 probe` prints it), whose fields override what is probed or
    /// documented; `postgresql` is a PostgreSQL [default: none].
    #[arg(long, value_name = "FILE|postgresql", help_heading = "Endpoints")]
    profile: Option<PathBuf>,
}

/// The target alone, and how long is waited for it (and for the source).
#[derive(Debug, Args)]
pub(super) struct TargetArguments {
    /// DB9 endpoint, the target: a URI or a libpq key=value string [sslmode: require where not said].
    /// PG* variables (PGPASSWORD …) are for --postgres alone.
    #[arg(long, value_name = "URI", env = "WIRE9_DB9")]
    #[arg(hide_env_values = true, required = true)]
    #[arg(help_heading = "Endpoints")]
    db9: Option<String>,

    /// Shell command whose first line of output is the DB9 password or token; run anew for each
    /// connection [default: none].
    #[arg(long, value_name = "COMMAND", help_heading = "Endpoints")]
    db9_password_command: Option<String>,

    /// Seconds that a silent server is waited for, 1 to 86400.
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=86_400))]
    #[arg(help_heading = "Endpoints")]
    io_timeout: u64,
}

/// The help of `--db9` where it may be left out.
pub(super) const DB9_IF_ANY: &str = "DB9 endpoint, the target, which is probed: a URI or a libpq key=value string [sslmode: require \
     where not said] [default: none, DB9's documents tell what it accepts]";

impl EndpointArguments {
    /// The PostgreSQL endpoint.
    pub(super) fn source(&self, environment: &Environment) -> Result<ConnectOptions, Error> {
        let typed = Typed {
            argument: "--postgres",
            // clap asks for it wherever it is needed.
            uri: self.postgres.as_deref().unwrap_or_default(),
            password_command: self.postgres_password_command.as_deref(),
            io_timeout: self.io_timeout(),
        };
        typed.options(Endpoint::Postgres, environment)
    }

    /// The DB9 endpoint of a command that needs one.
    pub(super) fn target(&self, environment: &Environment) -> Result<ConnectOptions, Error> {
        self.target.options(environment)
    }

    /// The DB9 endpoint, if one was named.
    pub(super) fn target_if_any(
        &self,
        environment: &Environment,
    ) -> Result<Option<ConnectOptions>, Error> {
        let named = self.target.db9.is_some();
        named.then(|| self.target(environment)).transpose()
    }

    /// The text of the profile, if one was given.
    pub(super) fn profile(&self) -> Result<Option<String>, Error> {
        self.profile.as_deref().map(profile).transpose()
    }

    /// How long a silent server is waited for.
    pub(super) fn io_timeout(&self) -> Duration {
        self.target.io_timeout()
    }
}

impl TargetArguments {
    /// The DB9 endpoint.
    pub(super) fn options(&self, environment: &Environment) -> Result<ConnectOptions, Error> {
        let typed = Typed {
            argument: "--db9",
            // clap asks for it wherever it is needed.
            uri: self.db9.as_deref().unwrap_or_default(),
            password_command: self.db9_password_command.as_deref(),
            io_timeout: self.io_timeout(),
        };
        typed.options(Endpoint::Db9, environment)
    }

    fn io_timeout(&self) -> Duration {
        Duration::from_secs(self.io_timeout)
    }
}

/// One endpoint as typed.
struct Typed<'a> {
    argument: &'a str,
    uri: &'a str,
    password_command: Option<&'a str>,
    io_timeout: Duration,
}

impl Typed<'_> {
    fn options(
        &self,
        endpoint: Endpoint,
        environment: &Environment,
    ) -> Result<ConnectOptions, Error> {
        let parsed = ConnectOptions::parse(self.uri, endpoint, environment);
        let mut options = parsed.map_err(|e| connection_string(self.argument, e))?;
        if let Some(command) = self.password_command {
            options.set_password_command(command);
        }
        options.set_reply_timeout(self.io_timeout);
        Ok(options)
    }
}

fn connection_string(
    argument: &str,
    cause: impl std::error::Error + Send + Sync + 'static,
) -> Error {
    let what = format!("{argument} is not a connection string that can be used");
    let advice = format!(
        "give {argument} a URI, postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with every special \
         character of the password percent-encoded"
    );
    Error::new(Exit::Usage, what).because(cause).advise(advice)
}

/// The text of a profile: a file's, or that of the word `postgresql`.
pub(super) fn profile(path: &Path) -> Result<String, Error> {
    if path.as_os_str() == "postgresql" {
        return Ok(Profile::postgresql().to_toml());
    }
    std::fs::read_to_string(path).map_err(|e| {
        let what = format!("--profile {} can not be read", path.display());
        Error::new(Exit::Usage, what)
            .because(e)
            .advise("give the file that `wire9 probe` was printed into")
    })
}
