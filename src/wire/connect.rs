//! From options to a connection that is ready for queries.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use postgres_protocol::message::frontend;

use super::auth::Credentials;
use super::cancel::Canceller;
use super::dial::{self, Address};
use super::error::{Error, Result};
use super::frame::{Frame, Head};
use super::link::Link;
use super::options::{ConnectOptions, Endpoint, Host, SslMode, TargetSessionAttrs, TcpOptions};
use super::passfile::{self, Found, Login};
use super::secret::{self, Secret};
use super::server_error::ServerError;
use super::startup::{self, Session};
use super::stream::Stream;
use super::tls::{self, Tls};

/// Who is at the other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Host name or socket folder as the options spell it.
    pub host: String,
    /// TCP port, or the number in the socket's name.
    pub port: u16,
    /// The address that the name led to; `None` for a unix socket.
    pub address: Option<IpAddr>,
    /// TLS version in words where the connection is encrypted, `TLSv1.3`.
    pub tls: Option<String>,
    /// How the user was authenticated: `trust`, `password`, `md5`, `scram-sha-256`, `scram-sha-256-plus`.
    pub authentication: &'static str,
}

/// ReadyForQuery's byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionStatus {
    /// `I`
    Idle,
    /// `T`
    InTransaction,
    /// `E`
    Failed,
}

/// One connection. No task runs behind it; it is driven by its caller.
pub struct Connection {
    pub(super) link: Link,
    pub(super) session: Session,
    /// Whether an operation has begun and not reached its ReadyForQuery.
    pub(super) busy: bool,
    peer: Peer,
    name: String,
    tcp: TcpOptions,
    canceller: Canceller,
}

impl Connection {
    /// Connects, tries the hosts in order, encrypts, authenticates, waits for ReadyForQuery.
    ///
    /// # Errors
    /// The error of the last host that was tried. A server that refuses the user ends the search.
    pub async fn connect(options: &ConnectOptions) -> Result<Self> {
        let said = match &options.password_command {
            Some(command) => Some(secret::run_command(command).await?),
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

    /// Who is at the other end.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// A ParameterStatus of the server, `server_version`, kept up to date.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.session.parameters.get(name).map(String::as_str)
    }

    /// The server's process id for this connection, where it told one.
    pub fn backend_pid(&self) -> Option<i32> {
        self.session.key.map(|(pid, _)| pid)
    }

    /// Status of the transaction at the last ReadyForQuery.
    pub fn transaction_status(&self) -> TransactionStatus {
        self.session.status.unwrap_or(TransactionStatus::Failed)
    }

    /// Whether the connection can take another command.
    pub fn is_usable(&self) -> bool {
        !self.busy
    }

    /// Changes how long a wait may last without a byte of the server.
    pub fn set_reply_timeout(&mut self, timeout: Duration) {
        self.link.set_timeout(timeout);
        // A socket that refuses it is already broken, which the next wait tells.
        let _ = dial::set_user_timeout(self.link.stream(), &self.tcp, timeout);
    }

    /// Notices (severity WARNING and above) since the last call, at most the newest 16.
    pub fn take_notices(&mut self) -> Vec<ServerError> {
        self.session.notices.drain(..).collect()
    }

    /// Waits, without a deadline, until the idle connection is closed by the other side or breaks; reads
    /// and drops notices meanwhile. Cancel safe.
    pub async fn wait_for_loss(&mut self) -> Error {
        if let Err(e) = self.refuse_if_busy() {
            return e;
        }
        loop {
            let error = match self.idle_message() {
                Ok(true) => continue,
                Ok(false) => match self.link.fill_without_deadline().await {
                    Ok(()) => continue,
                    Err(e) => e,
                },
                Err(e) => e,
            };
            self.busy = true;
            return error;
        }
    }

    /// What is needed to ask the server to cancel what this connection runs.
    pub fn canceller(&self) -> Canceller {
        self.canceller.clone()
    }

    /// Terminate, then close. Errors are of no interest any more.
    pub async fn close(mut self) {
        if !self.busy {
            frontend::terminate(self.link.outbound());
            let goodbye = async {
                let _ = self.link.flush().await;
                self.link.shutdown().await;
            };
            let _ = tokio::time::timeout(GOODBYE, goodbye).await;
        }
    }

    /// Begins an operation; the connection is unusable until its ReadyForQuery is read.
    pub(super) fn begin(&mut self) -> Result<()> {
        self.refuse_if_busy()?;
        self.busy = true;
        Ok(())
    }

    /// The head of the next message that belongs to the operation. Cancel safe.
    pub(super) async fn next(&mut self) -> Result<Head> {
        loop {
            let head = self.link.wait_head().await?;
            if !self.take_asynchronous(head) {
                return Ok(head);
            }
        }
    }

    /// As `next`, of what is here already.
    pub(super) fn next_here(&mut self) -> Result<Option<Head>> {
        while let Some(head) = self.link.head()? {
            if !self.take_asynchronous(head) {
                return Ok(Some(head));
            }
        }
        Ok(None)
    }

    /// Reads an ErrorResponse.
    pub(super) fn server_error(&mut self, head: Head) -> Result<ServerError> {
        ServerError::parse(self.link.take(head).body)
            .ok_or_else(|| self.link.protocol("an ErrorResponse that is cut off"))
    }

    /// Reads ReadyForQuery: the operation is over.
    pub(super) fn ready(&mut self, head: Head) -> Result<()> {
        match self.session.ready(self.link.take(head).body) {
            Some(_) => {
                self.busy = false;
                Ok(())
            }
            None => Err(self.link.protocol("ReadyForQuery with an unknown status")),
        }
    }

    /// After an error of the server: reads on to ReadyForQuery, where the error leaves one to come.
    /// However that ends, the server's error is the answer.
    pub(super) async fn recover(&mut self, error: ServerError) -> Error {
        if !error.is_fatal() {
            let _ = self.skip_to_ready().await;
        }
        Error::Server(Box::new(error))
    }

    /// The error for a message that has no place here.
    pub(super) fn unexpected(&self, head: Head, during: &str) -> Error {
        self.link.protocol(format!(
            "an unexpected message '{}' {during}",
            head.tag.escape_ascii()
        ))
    }

    async fn skip_to_ready(&mut self) -> Result<()> {
        loop {
            let head = self.next().await?;
            if head.tag == b'Z' {
                return self.ready(head);
            }
            self.link.take(head);
        }
    }

    fn take_asynchronous(&mut self, head: Head) -> bool {
        if !matches!(head.tag, b'N' | b'S' | b'A') {
            return false;
        }
        let frame: Frame<'_> = self.link.take(head);
        self.session.take_asynchronous(frame)
    }

    /// Takes one message of an idle server; `false` where none is here.
    fn idle_message(&mut self) -> Result<bool> {
        match self.next_here()? {
            None => Ok(false),
            Some(head) if head.tag == b'E' => {
                Err(Error::Server(Box::new(self.server_error(head)?)))
            }
            Some(head) => Err(self.unexpected(head, "on an idle connection")),
        }
    }

    fn refuse_if_busy(&self) -> Result<()> {
        if self.busy {
            return Err(self.unfinished());
        }
        Ok(())
    }

    /// The error for a connection that an earlier operation left unusable.
    pub(super) fn unfinished(&self) -> Error {
        Error::Unfinished {
            peer: self.name.clone(),
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("peer", &self.peer)
            .field("busy", &self.busy)
            .finish()
    }
}

/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(2);

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
        let found = match dial::addresses(host, options.connect_timeout).await {
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
    Err(last.unwrap_or_else(|| super::options::OptionsError::NoHost.into()))
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
        Err(super::options::OptionsError::NoHost.into())
    }

    /// One attempt, all of it within the connect timeout.
    async fn in_time(&self, encryption: Encryption) -> Result<Connection> {
        let timeout = self
            .options
            .connect_timeout
            .unwrap_or(self.options.reply_timeout);
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
        let stream = dial::dial(self.address, self.host, options.connect_timeout).await?;
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
