//! From options to a connection that is ready for queries.

use std::io;
use std::net::IpAddr;

use super::auth::Credentials;
use super::cancel::Canceller;
use super::connection::Connection;
use super::dial::{self, Address};
use super::error::{Error, Result};
use super::link::Link;
use super::options::ConnectOptions;
use super::options_error::OptionsError;
use super::passfile::{self, Found, Login};
use super::peer::Peer;
use super::secret::{self, Secret};
use super::settings::{Endpoint, Host, SslMode, TargetSessionAttrs};
use super::startup;
use super::stream::Stream;
use super::tls::{self, Tls};

impl Connection {
    /// Connects, tries the hosts in order, encrypts, authenticates, waits for ReadyForQuery.
    ///
    /// # Errors
    /// The error of the last host that was tried. A server that refuses the user ends the search.
    pub async fn connect(options: &ConnectOptions) -> Result<Self> {
        let said = match &options.password_command {
            Some(command) => Some(secret::run_command(command, options.connect_timeout).await?),
            None => options.password.clone(),
        };
        let first_round = match options.target {
            TargetSessionAttrs::PreferStandby => TargetSessionAttrs::Standby,
            target => target,
        };
        let first = connect_to_one(options, said.as_ref(), first_round).await;
        match first {
            Err(e) if options.target == TargetSessionAttrs::PreferStandby && tries_next(&e) => {
                connect_to_one(options, said.as_ref(), TargetSessionAttrs::Any).await
            }
            outcome => outcome,
        }
    }
}

/// Whether and how the stream is encrypted in one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encryption {
    Never,
    /// Where the server can.
    Offered,
    Always,
}

/// libpq's order of attempts.
fn attempts(mode: SslMode, host: &Host) -> &'static [Encryption] {
    match mode {
        // As in libpq, a unix socket is never encrypted.
        _ if host.is_socket() => &[Encryption::Never],
        SslMode::Disable => &[Encryption::Never],
        SslMode::Allow => &[Encryption::Never, Encryption::Always],
        SslMode::Prefer => &[Encryption::Offered, Encryption::Never],
        SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => &[Encryption::Always],
    }
}

/// Tries the hosts and their addresses in order.
async fn connect_to_one(
    options: &ConnectOptions,
    said: Option<&Secret>,
    target: TargetSessionAttrs,
) -> Result<Connection> {
    let mut last = None;
    for host in &options.hosts {
        let found = match dial::addresses(host, options.longest_attempt()).await {
            Ok(found) => found,
            Err(e) => {
                last = Some(e);
                continue;
            }
        };
        for address in &found {
            let attempt = Attempt {
                options,
                said,
                host,
                address,
            };
            match attempt.with_target(target).await {
                Ok(connection) => return Ok(connection),
                Err(e) if tries_next(&e) => last = Some(e),
                Err(e) => return Err(e),
            }
        }
    }
    Err(last.unwrap_or_else(|| OptionsError::NoHost.into()))
}

/// Whether another server may do better: this one was not reached, or is not ready, or not the kind
/// that was asked for.
fn tries_next(error: &Error) -> bool {
    match error {
        Error::Connect { .. } | Error::Lost { .. } | Error::Silent { .. } => true,
        Error::Server(e) => matches!(e.code.as_str(), "57P03" | "53300"),
        _ => false,
    }
}

/// One address of one host.
struct Attempt<'a> {
    options: &'a ConnectOptions,
    said: Option<&'a Secret>,
    host: &'a Host,
    address: &'a Address,
}

impl Attempt<'_> {
    async fn with_target(&self, target: TargetSessionAttrs) -> Result<Connection> {
        let mut connection = self.connect().await?;
        if fits(&mut connection, target).await? {
            return Ok(connection);
        }
        let text = "the server is not of the kind that target_session_attrs asks for";
        let source = io::Error::other(text);
        connection.close().await;
        Err(Error::Connect {
            peer: self.host.to_string(),
            source,
        })
    }

    async fn connect(&self) -> Result<Connection> {
        let attempts = attempts(self.options.tls.mode, self.host);
        for (i, encryption) in attempts.iter().enumerate() {
            match self.in_time(*encryption).await {
                Err(e) if i + 1 < attempts.len() && is_about_encryption(&e) => {}
                outcome => return outcome.map_err(|e| self.explained(e)),
            }
        }
        Err(OptionsError::NoHost.into())
    }

    /// One attempt, all of it within the connect timeout.
    async fn in_time(&self, encryption: Encryption) -> Result<Connection> {
        let timeout = self.options.longest_attempt();
        let silent = || Error::Silent {
            peer: self.host.to_string(),
            after: timeout,
        };
        tokio::time::timeout(timeout, self.log_in(encryption))
            .await
            .map_err(|_| silent())?
    }

    async fn log_in(&self, encryption: Encryption) -> Result<Connection> {
        let options = self.options;
        let tls = match encryption {
            Encryption::Never => None,
            _ => Some(Tls::prepare(&options.tls, self.host)?),
        };
        let stream = dial::dial(self.address, self.host, options.longest_attempt()).await?;
        let peer = self.host.to_string();
        let configured = dial::configure(&stream, &options.tcp, options.reply_timeout);
        configured.map_err(|source| Error::Connect {
            peer: peer.clone(),
            source,
        })?;
        let stream = match &tls {
            None => stream,
            Some(tls) => self.encrypt(stream, tls, encryption).await?,
        };
        let credentials = self.credentials(&stream).await;
        let version = tls_version(&stream);
        let mut link = Link::new(stream, peer.clone(), options.reply_timeout);
        link.set_pulse(options.pulse.clone());
        let started = startup::start(&mut link, options, credentials, &peer).await;
        let (session, authentication) = started?;
        let canceller = Canceller {
            host: self.host.clone(),
            address: self.address.clone(),
            tls: tls.filter(|_| version.is_some()),
            key: session.key,
            timeout: options.connect_timeout,
        };
        let peer = Peer {
            host: self.host.name.clone(),
            port: self.host.port,
            address: ip(self.address),
            tls: version,
            authentication,
        };
        let name = self.host.to_string();
        Ok(Connection {
            link,
            session,
            busy: false,
            peer,
            name,
            tcp: options.tcp,
            canceller,
        })
    }

    async fn encrypt(&self, stream: Stream, tls: &Tls, encryption: Encryption) -> Result<Stream> {
        let (stream, willing) = tls.ask(stream, self.host).await?;
        match (willing, encryption) {
            (true, _) => tls.encrypt(stream, self.host).await,
            (false, Encryption::Always) => {
                let reason = "the server does not offer it; sslmode=disable connects without";
                Err(tls::tls_error(self.host, reason.into()))
            }
            (false, _) => Ok(stream),
        }
    }

    async fn credentials(&self, stream: &Stream) -> Credentials<'_> {
        let options = self.options;
        let (password, missing) = match self.said {
            Some(password) => (Some(password.clone()), None),
            None => self.look_up().await,
        };
        let certificate = stream
            .tls()
            .and_then(|tls| tls.peer_certificates()?.first());
        Credentials {
            user: &options.user,
            password,
            missing,
            channel_binding: options.channel_binding,
            cleartext_allowed: options.allow_cleartext
                || stream.tls().is_some()
                || stream.is_local(),
            encrypted: stream.tls().is_some(),
            end_point: certificate.and_then(|certificate| tls::end_point(certificate)),
        }
    }

    async fn look_up(&self) -> (Option<Secret>, Option<String>) {
        let options = self.options;
        let Some(path) = &options.passfile else {
            return (None, None);
        };
        let login = Login {
            host: &self.host.name,
            port: self.host.port,
            database: &options.database,
            user: &options.user,
        };
        match passfile::look_up(path, login).await {
            Found::Password(password) => (Some(password), None),
            Found::Nothing(reason) => (None, reason),
        }
    }

    /// A refusal of the user, in the server's words and with advice.
    fn explained(&self, error: Error) -> Error {
        let Error::Server(server) = &error else {
            return error;
        };
        if server.class() != "28" {
            return error;
        }
        let mut reason = server.message().to_owned();
        if self.options.endpoint == Endpoint::Db9 && !self.options.user.contains('.') {
            reason.push_str("; DB9 takes users of the form TENANT.ROLE");
        }
        if let Some(hint) = &server.hint {
            reason.push_str("; hint: ");
            reason.push_str(hint);
        }
        Error::Authentication {
            peer: self.host.to_string(),
            reason,
        }
    }
}

/// Whether the other kind of connection, encrypted or not, may be accepted.
fn is_about_encryption(error: &Error) -> bool {
    match error {
        Error::Tls { .. } => true,
        // pg_hba.conf has no entry for this kind of connection.
        Error::Server(e) => e.code == "28000",
        _ => false,
    }
}

async fn fits(connection: &mut Connection, target: TargetSessionAttrs) -> Result<bool> {
    let (sql, wanted) = match target {
        TargetSessionAttrs::Any | TargetSessionAttrs::PreferStandby => return Ok(true),
        TargetSessionAttrs::ReadWrite => ("SHOW transaction_read_only", "off"),
        TargetSessionAttrs::ReadOnly => ("SHOW transaction_read_only", "on"),
        TargetSessionAttrs::Primary => ("SELECT pg_catalog.pg_is_in_recovery()", "f"),
        TargetSessionAttrs::Standby => ("SELECT pg_catalog.pg_is_in_recovery()", "t"),
    };
    Ok(connection.query(sql).await?.value(0) == Some(wanted))
}

fn ip(address: &Address) -> Option<IpAddr> {
    match address {
        Address::Tcp(address) => Some(address.ip()),
        Address::Unix(_) => None,
    }
}

fn tls_version(stream: &Stream) -> Option<String> {
    stream.tls().map(|tls| match tls.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_2) => "TLSv1.2".to_owned(),
        Some(rustls::ProtocolVersion::TLSv1_3) => "TLSv1.3".to_owned(),
        other => format!("{other:?}"),
    })
}
