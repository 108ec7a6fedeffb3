//! Connection options as libpq spells them.
//!
//! Source: <https://www.postgresql.org/docs/current/libpq-connect.html>.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::environment::Environment;
use super::options_error::OptionsError;
use super::peer::Peer;
use super::pulse::Pulse;
use super::secret::Secret;
use super::settings::{
    ChannelBinding, Endpoint, Host, SslMode, TargetSessionAttrs, TcpOptions, TlsOptions, Values,
};

/// Where and how to connect.
#[derive(Clone)]
pub struct ConnectOptions {
    pub(super) endpoint: Endpoint,
    pub(super) hosts: Vec<Host>,
    pub(super) user: String,
    pub(super) database: String,
    pub(super) password: Option<Secret>,
    pub(super) password_command: Option<String>,
    pub(super) passfile: Option<PathBuf>,
    pub(super) allow_cleartext: bool,
    pub(super) channel_binding: ChannelBinding,
    pub(super) tls: TlsOptions,
    pub(super) tcp: TcpOptions,
    pub(super) application_name: Option<String>,
    /// The startup parameter `options`.
    pub(super) options: Option<String>,
    pub(super) connect_timeout: Option<Duration>,
    pub(super) target: TargetSessionAttrs,
    pub(super) reply_timeout: Duration,
    pub(super) pulse: Option<Pulse>,
}

impl ConnectOptions {
    /// Reads a URI or a key=value string, completed by the environment as libpq does; `PG*` variables
    /// that name a server complete `--postgres` alone.
    ///
    /// # Errors
    /// What is wrong with the text, by key, never with its value.
    pub fn parse(
        text: &str,
        endpoint: Endpoint,
        environment: &Environment,
    ) -> Result<Self, OptionsError> {
        let environment = &environment.of(endpoint);
        let values = Values::read(text, endpoint, environment)?;
        let user = values.get("user").map(str::to_owned);
        let user = user.or_else(|| environment.os_user().map(str::to_owned));
        let user = user.ok_or(OptionsError::NoUser)?;
        let database = match (values.get("dbname"), endpoint) {
            (Some(name), _) => name.to_owned(),
            (None, Endpoint::Postgres) => user.clone(),
            (None, Endpoint::Db9) => "postgres".to_owned(),
        };
        values.refuse_other_encodings()?;
        Ok(Self {
            endpoint,
            hosts: values.hosts(environment)?,
            user,
            database,
            password: values.get("password").map(Secret::new),
            password_command: None,
            passfile: values
                .path("passfile")
                .or_else(|| environment.at_home(".pgpass")),
            allow_cleartext: false,
            channel_binding: values.channel_binding()?,
            tls: values.tls(environment)?,
            tcp: values.tcp()?,
            application_name: values.application_name(),
            options: values.get("options").map(str::to_owned),
            connect_timeout: values.connect_timeout()?,
            target: values.target()?,
            reply_timeout: DEFAULT_REPLY_TIMEOUT,
            pulse: None,
        })
    }

    /// A shell command whose first line of output is the password; run anew for every connection. It
    /// goes before every other source of a password.
    pub fn set_password_command(&mut self, command: &str) {
        self.password_command = Some(command.to_owned());
    }

    /// Sets `application_name` of the connections made from now on.
    pub fn set_application_name(&mut self, name: &str) {
        self.application_name = Some(name.to_owned());
    }

    /// How long a wait for the server may last without a byte (default 300 s).
    pub fn set_reply_timeout(&mut self, timeout: Duration) {
        self.reply_timeout = timeout;
    }

    /// How long a wait for the server may last without a byte.
    pub fn reply_timeout(&self) -> Duration {
        self.reply_timeout
    }

    /// Lets the connections made from now on count their signs of life.
    pub fn set_pulse(&mut self, pulse: &Pulse) {
        self.pulse = Some(pulse.clone());
    }

    /// How long one attempt to connect may take, in all: no wait is without an end, also where
    /// `connect_timeout=0` asks for none.
    pub(super) fn longest_attempt(&self) -> Duration {
        self.connect_timeout.unwrap_or(self.reply_timeout)
    }

    /// Allows to send the password as it is over an unencrypted connection to another machine.
    pub fn set_allow_cleartext_password(&mut self, allow: bool) {
        self.allow_cleartext = allow;
    }

    /// Only this host of several is used from now on, at the address that the first connection
    /// reached.
    pub fn pin(&mut self, peer: &Peer) {
        self.hosts = vec![Host {
            name: peer.host.clone(),
            address: peer.address,
            port: peer.port,
        }];
    }

    /// Which endpoint the options are for.
    pub fn endpoint(&self) -> Endpoint {
        self.endpoint
    }

    /// Database name.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// User name.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Host names or socket folders with their ports, in the order in which they are tried.
    pub fn hosts(&self) -> impl Iterator<Item = (&str, u16)> {
        self.hosts
            .iter()
            .map(|host| (host.name.as_str(), host.port))
    }

    /// The sslmode that holds, and whether the connection string said it (and not a default or a
    /// variable).
    pub fn sslmode(&self) -> (SslMode, bool) {
        (self.tls.mode, self.tls.mode_said)
    }
}

/// For people: `user@host:port/database`, without any secret.
impl fmt::Display for ConnectOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@", self.user)?;
        for (i, host) in self.hosts.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            write!(f, "{comma}{}:{}", host.name, host.port)?;
        }
        write!(f, "/{}", self.database)
    }
}

impl fmt::Debug for ConnectOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnectOptions({self})")
    }
}

/// A COPY or an index build may be busy for minutes before its first byte.
const DEFAULT_REPLY_TIMEOUT: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_that_is_meant_for_postgres_is_not_sent_to_a_db9() {
        let environment = Environment::of_variables([("PGPASSWORD", "x")]);
        let parse = |endpoint| ConnectOptions::parse("host=h user=u", endpoint, &environment);
        let has = |endpoint| parse(endpoint).expect("options").password.is_some();
        assert!(has(Endpoint::Postgres));
        assert!(!has(Endpoint::Db9));
    }
}
