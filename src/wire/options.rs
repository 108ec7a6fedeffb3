//! Connection options as libpq spells them.
//!
//! Source: <https://www.postgresql.org/docs/current/libpq-connect.html>.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::connect::Peer;
use super::conninfo;
use super::environment::Environment;
use super::secret::Secret;

/// Which of the two endpoints the options are for: it decides the defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// `--postgres`: sslmode `prefer` where nothing is said.
    Postgres,
    /// `--db9`: sslmode `require` where nothing is said, database `postgres`.
    Db9,
}

/// libpq's sslmode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum SslMode {
    Disable,
    Allow,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

/// libpq's channel_binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ChannelBinding {
    Disable,
    Prefer,
    Require,
}

/// libpq's target_session_attrs: which of several servers will do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum TargetSessionAttrs {
    Any,
    ReadWrite,
    ReadOnly,
    Primary,
    Standby,
    PreferStandby,
}

/// Options that make no sense, or a secret that can not be had. No variant holds a value that was
/// typed: it may be a misplaced password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// The text is neither a URI nor key=value.
    #[error("the connection string can not be read: {what}")]
    Syntax {
        /// What is wrong with it.
        what: &'static str,
    },
    /// A key that libpq does not know either.
    #[error("unknown connection option {key:?}{}", did_you_mean(*nearest))]
    UnknownKey {
        /// The key as typed.
        key: String,
        /// The known key that is most like it.
        nearest: Option<&'static str>,
    },
    /// A key of libpq that wire9 does not offer.
    #[error("connection option {key} is not supported: {reason}")]
    Unsupported {
        /// The key.
        key: &'static str,
        /// Why, and what to do.
        reason: &'static str,
    },
    /// A value that its key does not take.
    #[error("connection option {key} must be {expected}")]
    BadValue {
        /// The key.
        key: &'static str,
        /// What it takes.
        expected: &'static str,
    },
    /// Neither the options nor the environment name a host.
    #[error("the connection string names no host")]
    NoHost,
    /// Neither the options nor the environment name a user.
    #[error("the connection string names no user")]
    NoUser,
    /// The password command gave no password.
    #[error("the password command failed: {reason}; run it by hand to see what it says")]
    PasswordCommand {
        /// How it failed, without its output.
        reason: String,
    },
    /// A certificate or key file can not be used.
    #[error("{key}: {} can not be used: {reason}", path.display())]
    File {
        /// The option that names it.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest
        .map(|key| format!("; did you mean {key}?"))
        .unwrap_or_default()
}

/// One server that may be tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Host {
    /// Name, address or socket folder, as the options spell it.
    pub name: String,
    /// The address to use instead of asking for the name's.
    pub address: Option<IpAddr>,
    /// TCP port, or the number in the socket's name.
    pub port: u16,
}

impl Host {
    /// Whether the host is a folder of unix sockets.
    pub(super) fn is_socket(&self) -> bool {
        self.address.is_none() && self.name.starts_with('/')
    }
}

/// Where the trusted certificates are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RootCertificates {
    /// libpq's default file, which need not exist.
    Default(Option<PathBuf>),
    /// The trust store of the system.
    System,
    /// This file, which must exist.
    File(PathBuf),
}

/// All that TLS needs to know.
#[derive(Debug, Clone)]
pub(super) struct TlsOptions {
    pub mode: SslMode,
    /// Whether a person said the mode.
    pub mode_said: bool,
    pub roots: RootCertificates,
    pub certificate: Option<PathBuf>,
    pub key: Option<PathBuf>,
    /// TLS from the first byte, without asking for it (PostgreSQL 17).
    pub direct: bool,
}

/// TCP options of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TcpOptions {
    pub keepalives: bool,
    pub idle: Duration,
    pub interval: Duration,
    pub count: u32,
    /// How long sent bytes may stay unacknowledged; `None`: as long as the reply timeout.
    pub user_timeout: Option<Duration>,
}

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
}

impl ConnectOptions {
    /// Reads a URI or a key=value string, completed by the environment, as libpq does.
    ///
    /// # Errors
    /// What is wrong with the text, by key, never with its value.
    pub fn parse(
        text: &str,
        endpoint: Endpoint,
        environment: &Environment,
    ) -> Result<Self, OptionsError> {
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

    /// The sslmode that holds, and whether a person said it.
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
/// libpq waits for ever where nothing is said; here no wait is without end.
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// libpq's lower bound of `connect_timeout`.
const LEAST_CONNECT_TIMEOUT: u64 = 2;
/// PostgreSQL's port.
const DEFAULT_PORT: u16 = 5432;
/// A dead peer is found in 30 + 3 × 10 s, before the shortest idle timeout of the targets.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_COUNT: u32 = 3;

/// Every key that is understood, with the variable that completes it.
const KEYS: &[(&str, &str)] = &[
    ("host", "PGHOST"),
    ("hostaddr", "PGHOSTADDR"),
    ("port", "PGPORT"),
    ("dbname", "PGDATABASE"),
    ("user", "PGUSER"),
    ("password", "PGPASSWORD"),
    ("passfile", "PGPASSFILE"),
    ("channel_binding", "PGCHANNELBINDING"),
    ("connect_timeout", "PGCONNECT_TIMEOUT"),
    ("client_encoding", "PGCLIENTENCODING"),
    ("options", "PGOPTIONS"),
    ("application_name", "PGAPPNAME"),
    ("fallback_application_name", ""),
    ("keepalives", ""),
    ("keepalives_idle", ""),
    ("keepalives_interval", ""),
    ("keepalives_count", ""),
    ("tcp_user_timeout", ""),
    ("sslmode", "PGSSLMODE"),
    ("sslnegotiation", "PGSSLNEGOTIATION"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("sslcert", "PGSSLCERT"),
    ("sslkey", "PGSSLKEY"),
    ("target_session_attrs", "PGTARGETSESSIONATTRS"),
    // Taken and without effect here, because every value is what wire9 does anyway.
    ("sslcompression", ""),
    ("sslsni", ""),
    ("gssencmode", ""),
    ("krbsrvname", ""),
    ("gsslib", ""),
];

/// Keys of libpq that would change what happens if they were ignored.
const UNSUPPORTED: &[(&str, &str)] = &[
    ("service", "write the options of the service out"),
    ("servicefile", "write the options of the service out"),
    ("replication", "wire9 makes ordinary connections"),
    ("sslpassword", "decrypt the client key first (openssl pkey)"),
    ("sslcrl", "revocation lists are not checked"),
    ("sslcrldir", "revocation lists are not checked"),
    ("sslcertmode", "leave sslcert out to send no certificate"),
    ("ssl_min_protocol_version", "TLS 1.2 and 1.3 are spoken"),
    ("ssl_max_protocol_version", "TLS 1.2 and 1.3 are spoken"),
    (
        "require_auth",
        "use channel_binding=require or sslmode=verify-full",
    ),
    ("requirepeer", "the owner of a socket is not checked"),
    ("load_balance_hosts", "hosts are tried in their order"),
    ("gssdelegation", "GSSAPI is not spoken"),
    ("min_protocol_version", "protocol 3.0 is spoken"),
    ("max_protocol_version", "protocol 3.0 is spoken"),
    ("scram_client_key", "give the password"),
    ("scram_server_key", "give the password"),
];

/// The value of every known key, from the text or else the environment.
struct Values {
    endpoint: Endpoint,
    found: Vec<(&'static str, String)>,
    /// Whether the text itself (and no variable) said the sslmode.
    sslmode_said: bool,
}

impl Values {
    fn read(
        text: &str,
        endpoint: Endpoint,
        environment: &Environment,
    ) -> Result<Self, OptionsError> {
        let mut found: Vec<(&'static str, String)> = Vec::new();
        for (key, value) in conninfo::parse(text)? {
            let key = known(&key)?;
            // The last one wins, as in libpq; an empty value is the default.
            found.retain(|(other, _)| *other != key);
            found.push((key, value));
        }
        found.retain(|(_, value)| !value.is_empty());
        for (key, variable) in KEYS.iter().filter(|(_, variable)| !variable.is_empty()) {
            let value = environment.variable(variable);
            if let (Some(value), false) = (value, found.iter().any(|(other, _)| other == key)) {
                found.push((key, value.to_owned()));
            }
        }
        let sslmode_said = found.iter().any(|(key, _)| *key == "sslmode");
        Ok(Self {
            endpoint,
            found,
            sslmode_said,
        })
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.found
            .iter()
            .find(|(known, _)| *known == key)
            .map(|(_, value)| value.as_str())
    }

    fn path(&self, key: &str) -> Option<PathBuf> {
        self.get(key).map(PathBuf::from)
    }

    fn application_name(&self) -> Option<String> {
        let name = self
            .get("application_name")
            .or_else(|| self.get("fallback_application_name"));
        name.map(str::to_owned)
    }

    fn hosts(&self, environment: &Environment) -> Result<Vec<Host>, OptionsError> {
        let list = |key| {
            self.get(key)
                .map(|text| text.split(',').map(str::trim).collect::<Vec<_>>())
        };
        let (names, addresses) = (list("host"), list("hostaddr"));
        let count = names.as_ref().or(addresses.as_ref()).map_or(1, Vec::len);
        let ports = ports(list("port"), count)?;
        if addresses
            .as_ref()
            .is_some_and(|addresses| addresses.len() != count)
        {
            return Err(bad("hostaddr", "as many addresses as there are hosts"));
        }
        (0..count)
            .map(|i| {
                let address = addresses
                    .as_ref()
                    .map_or(Ok(None), |list| address(list[i]))?;
                let name = names
                    .as_ref()
                    .map(|list| list[i])
                    .filter(|name| !name.is_empty());
                let name = match (name, address) {
                    (Some(name), _) => name.to_owned(),
                    (None, Some(address)) => address.to_string(),
                    (None, None) => self.default_host(environment)?,
                };
                Ok(Host {
                    name,
                    address,
                    port: ports[i],
                })
            })
            .collect()
    }

    fn default_host(&self, environment: &Environment) -> Result<String, OptionsError> {
        match (
            self.endpoint,
            environment
                .socket_folder()
                .and_then(|folder| folder.to_str()),
        ) {
            (Endpoint::Db9, _) => Err(OptionsError::NoHost),
            (Endpoint::Postgres, Some(folder)) => Ok(folder.to_owned()),
            (Endpoint::Postgres, None) => Ok("localhost".to_owned()),
        }
    }

    fn tls(&self, environment: &Environment) -> Result<TlsOptions, OptionsError> {
        let roots = match self.get("sslrootcert") {
            Some("system") => RootCertificates::System,
            Some(path) => RootCertificates::File(path.into()),
            None => RootCertificates::Default(environment.at_home(".postgresql/root.crt")),
        };
        let mode = match self.get("sslmode") {
            Some(mode) => sslmode(mode)?,
            // A system's trust store without a check of the name would trust everybody (libpq 16).
            None if roots == RootCertificates::System => SslMode::VerifyFull,
            None if self.endpoint == Endpoint::Db9 => SslMode::Require,
            None => SslMode::Prefer,
        };
        if roots == RootCertificates::System
            && mode != SslMode::VerifyFull
            && mode != SslMode::Disable
        {
            return Err(bad("sslmode", "verify-full where sslrootcert is system"));
        }
        let direct = match self.get("sslnegotiation") {
            None | Some("postgres") => false,
            Some("direct") if mode >= SslMode::Require => true,
            Some("direct") => {
                return Err(bad(
                    "sslmode",
                    "require or higher with sslnegotiation=direct",
                ));
            }
            Some(_) => return Err(bad("sslnegotiation", "postgres or direct")),
        };
        let (certificate, key) = (self.path("sslcert"), self.path("sslkey"));
        if certificate.is_some() != key.is_some() {
            return Err(bad("sslcert", "given together with sslkey"));
        }
        Ok(TlsOptions {
            mode,
            mode_said: self.sslmode_said,
            roots,
            certificate,
            key,
            direct,
        })
    }

    fn tcp(&self) -> Result<TcpOptions, OptionsError> {
        let seconds = |key, default: Duration| match self.number(key)? {
            None | Some(0) => Ok(default),
            Some(seconds) => Ok(Duration::from_secs(seconds)),
        };
        let count = self.number("keepalives_count")?.filter(|&count| count > 0);
        let user_timeout = self
            .number("tcp_user_timeout")?
            .filter(|&milliseconds| milliseconds > 0);
        Ok(TcpOptions {
            keepalives: self.number("keepalives")? != Some(0),
            idle: seconds("keepalives_idle", KEEPALIVE_IDLE)?,
            interval: seconds("keepalives_interval", KEEPALIVE_INTERVAL)?,
            count: count
                .and_then(|count| u32::try_from(count).ok())
                .unwrap_or(KEEPALIVE_COUNT),
            user_timeout: user_timeout.map(Duration::from_millis),
        })
    }

    /// `None`: no end, as `connect_timeout=0` asks for.
    fn connect_timeout(&self) -> Result<Option<Duration>, OptionsError> {
        let text = self.get("connect_timeout");
        // libpq takes negative numbers for 0.
        let endless = text.is_some_and(|text| text.trim().parse::<i64>().is_ok_and(|n| n <= 0));
        if endless {
            return Ok(None);
        }
        let seconds = self.number("connect_timeout")?;
        let said = seconds.map(|seconds| Duration::from_secs(seconds.max(LEAST_CONNECT_TIMEOUT)));
        Ok(Some(said.unwrap_or(DEFAULT_CONNECT_TIMEOUT)))
    }

    /// A whole number up to that of a C int, as libpq reads them.
    fn number(&self, key: &'static str) -> Result<Option<u64>, OptionsError> {
        let Some(text) = self.get(key) else {
            return Ok(None);
        };
        let number = text
            .trim()
            .parse::<u64>()
            .ok()
            .filter(|&n| n <= i32::MAX as u64);
        number.map(Some).ok_or_else(|| bad(key, "a whole number"))
    }

    fn channel_binding(&self) -> Result<ChannelBinding, OptionsError> {
        match self.get("channel_binding") {
            None | Some("prefer") => Ok(ChannelBinding::Prefer),
            Some("disable") => Ok(ChannelBinding::Disable),
            Some("require") => Ok(ChannelBinding::Require),
            Some(_) => Err(bad("channel_binding", "disable, prefer or require")),
        }
    }

    fn target(&self) -> Result<TargetSessionAttrs, OptionsError> {
        match self.get("target_session_attrs") {
            None | Some("any") => Ok(TargetSessionAttrs::Any),
            Some("read-write") => Ok(TargetSessionAttrs::ReadWrite),
            Some("read-only") => Ok(TargetSessionAttrs::ReadOnly),
            Some("primary") => Ok(TargetSessionAttrs::Primary),
            Some("standby") => Ok(TargetSessionAttrs::Standby),
            Some("prefer-standby") => Ok(TargetSessionAttrs::PreferStandby),
            Some(_) => Err(bad(
                "target_session_attrs",
                "any, read-write, read-only, primary, standby or prefer-standby",
            )),
        }
    }

    fn refuse_other_encodings(&self) -> Result<(), OptionsError> {
        let encoding = self
            .get("client_encoding")
            .unwrap_or("UTF8")
            .to_ascii_uppercase();
        match encoding.as_str() {
            "UTF8" | "UTF-8" | "UNICODE" | "AUTO" => self.refuse_gss(),
            _ => Err(bad("client_encoding", "UTF8")),
        }
    }

    fn refuse_gss(&self) -> Result<(), OptionsError> {
        match self.get("gssencmode") {
            None | Some("disable" | "prefer") => Ok(()),
            Some(_) => Err(bad("gssencmode", "disable or prefer: GSSAPI is not spoken")),
        }
    }
}

fn bad(key: &'static str, expected: &'static str) -> OptionsError {
    OptionsError::BadValue { key, expected }
}

fn sslmode(text: &str) -> Result<SslMode, OptionsError> {
    Ok(match text {
        "disable" => SslMode::Disable,
        "allow" => SslMode::Allow,
        "prefer" => SslMode::Prefer,
        "require" => SslMode::Require,
        "verify-ca" => SslMode::VerifyCa,
        "verify-full" => SslMode::VerifyFull,
        _ => {
            let expected = "disable, allow, prefer, require, verify-ca or verify-full";
            return Err(bad("sslmode", expected));
        }
    })
}

/// One port for all hosts, or one for each.
fn ports(list: Option<Vec<&str>>, count: usize) -> Result<Vec<u16>, OptionsError> {
    let list = list.unwrap_or_else(|| vec![""]);
    if list.len() != 1 && list.len() != count {
        return Err(bad("port", "one number, or one for each host"));
    }
    (0..count)
        .map(|i| match list[if list.len() == 1 { 0 } else { i }] {
            "" => Ok(DEFAULT_PORT),
            text => match text.parse() {
                Ok(0) | Err(_) => Err(bad("port", "a number from 1 to 65535")),
                Ok(port) => Ok(port),
            },
        })
        .collect()
}

fn address(text: &str) -> Result<Option<IpAddr>, OptionsError> {
    match text {
        "" => Ok(None),
        text => text
            .parse()
            .map(Some)
            .map_err(|_| bad("hostaddr", "an IP address")),
    }
}

fn known(key: &str) -> Result<&'static str, OptionsError> {
    if let Some((known, _)) = KEYS.iter().find(|(known, _)| *known == key) {
        return Ok(known);
    }
    if let Some(&(key, reason)) = UNSUPPORTED.iter().find(|(known, _)| *known == key) {
        return Err(OptionsError::Unsupported { key, reason });
    }
    Err(OptionsError::UnknownKey {
        key: shortened(key),
        nearest: nearest(key),
    })
}

/// A very long "key" is likely something else.
fn shortened(key: &str) -> String {
    key.chars().take(LONGEST_KEY).collect()
}

const LONGEST_KEY: usize = 40;

fn nearest(key: &str) -> Option<&'static str> {
    let key = shortened(&key.to_ascii_lowercase());
    let (distance, known) = KEYS
        .iter()
        .map(|(known, _)| (edit_distance(&key, known), *known))
        .min()?;
    (distance <= 1 + known.len() / 4).then_some(known)
}

/// Levenshtein's distance.
fn edit_distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.chars().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}
