//! The values of connection options, checked: from the text, or else from the environment.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::conninfo;
use super::environment::Environment;
use super::keys::{KEYS, known};
use super::options_error::OptionsError;

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

/// The value of every known key, from the text or else the environment.
pub(super) struct Values {
    endpoint: Endpoint,
    found: Vec<(&'static str, String)>,
    /// Whether the text itself (and no variable) said the sslmode.
    sslmode_said: bool,
}

impl Values {
    pub(super) fn read(
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
        let sslmode_said = found.iter().any(|(key, _)| *key == "sslmode");
        for (key, variable) in KEYS.iter().filter(|(_, variable)| !variable.is_empty()) {
            let value = environment.variable(variable);
            if let (Some(value), false) = (value, found.iter().any(|(other, _)| other == key)) {
                found.push((key, value.to_owned()));
            }
        }
        Ok(Self {
            endpoint,
            found,
            sslmode_said,
        })
    }

    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.found
            .iter()
            .find(|(known, _)| *known == key)
            .map(|(_, value)| value.as_str())
    }

    pub(super) fn path(&self, key: &str) -> Option<PathBuf> {
        self.get(key).map(PathBuf::from)
    }

    pub(super) fn application_name(&self) -> Option<String> {
        let name = self
            .get("application_name")
            .or_else(|| self.get("fallback_application_name"));
        name.map(str::to_owned)
    }

    pub(super) fn hosts(&self, environment: &Environment) -> Result<Vec<Host>, OptionsError> {
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

    pub(super) fn tls(&self, environment: &Environment) -> Result<TlsOptions, OptionsError> {
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

    pub(super) fn tcp(&self) -> Result<TcpOptions, OptionsError> {
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
    pub(super) fn connect_timeout(&self) -> Result<Option<Duration>, OptionsError> {
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

    pub(super) fn channel_binding(&self) -> Result<ChannelBinding, OptionsError> {
        match self.get("channel_binding") {
            None | Some("prefer") => Ok(ChannelBinding::Prefer),
            Some("disable") => Ok(ChannelBinding::Disable),
            Some("require") => Ok(ChannelBinding::Require),
            Some(_) => Err(bad("channel_binding", "disable, prefer or require")),
        }
    }

    pub(super) fn target(&self) -> Result<TargetSessionAttrs, OptionsError> {
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

    pub(super) fn refuse_other_encodings(&self) -> Result<(), OptionsError> {
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
