//! One client of the stand-in: TLS, startup, password, then the relay with the stand-in's policy.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Shared;
use super::auth::{Exchange, Step};
use super::copy::{CopyIn, Verdict as CopyVerdict};
use super::judge::{self, Judgement};
use super::limits::TimeoutChange;
use super::log::{Seat, Statement};
use crate::fault::frame::{self, Frame};
use crate::fault::link::{Link, Refusal};
use crate::fault::proxy::{Opening, forward_cancel, read_startup};
use crate::fault::relay::{Policy, relay};
use crate::fault::stream::ClientStream;

/// A client that has not finished its password exchange by then is cut (PostgreSQL's own default).
const AUTHENTICATION_LIMIT: Duration = Duration::from_secs(60);

/// The longest answer to a password request, bytes.
const LARGEST_ANSWER: usize = 64 * 1024;

/// Serves one client to its end.
pub(crate) async fn serve(
    client: ClientStream,
    shared: Arc<Shared>,
    connection: u64,
) -> io::Result<()> {
    let opened = tokio::time::timeout(AUTHENTICATION_LIMIT, open(client, &shared)).await?;
    let Some((client, server, application, _seat)) = opened? else {
        return Ok(());
    };
    let link = Link::new(connection, shared.faults.clone(), &application);
    let session = Session {
        shared,
        connection,
        application,
        state: Mutex::default(),
    };
    relay(client, server, link, &session).await;
    Ok(())
}

type Opened = (ClientStream, TcpStream, String, Seat);

/// Everything before the first statement; `None` where the client was refused.
async fn open(client: ClientStream, shared: &Shared) -> io::Result<Option<Opened>> {
    let Some((mut client, packet)) = encrypt(client, shared).await? else {
        return Ok(None);
    };
    let parameters = frame::startup_parameters(&packet[8..]);
    let seat = shared.log.open(shared.limits.connections);
    let refusal = match &seat {
        None => Some(("53300", "sorry, too many clients already".to_owned())),
        Some(_) => judge_startup(&packet, &parameters),
    };
    if let Some((sqlstate, message)) = refusal {
        return refuse(client, sqlstate, &message).await;
    }
    let user = parameter(&parameters, "user").unwrap_or_default();
    if !authenticate(&mut client, user, shared).await? {
        let message = format!("password authentication failed for user \"{user}\"");
        return refuse(client, "28P01", &message).await;
    }
    shared.log.accepted();
    let mut server = TcpStream::connect(("127.0.0.1", shared.upstream_port)).await?;
    server.set_nodelay(true)?;
    server
        .write_all(&frame::startup(&server_parameters(&parameters, shared)))
        .await?;
    let application = parameter(&parameters, "application_name")
        .unwrap_or_default()
        .to_owned();
    Ok(seat.map(|seat| (client, server, application, seat)))
}

/// TLS, then the startup packet. A CancelRequest is carried out here, with TLS or without.
async fn encrypt(
    mut client: ClientStream,
    shared: &Shared,
) -> io::Result<Option<(ClientStream, Vec<u8>)>> {
    loop {
        let (code, packet) = read_startup(&mut client).await?;
        match (Opening::of(code), client) {
            (Opening::Encryption { tls: true }, ClientStream::Plain(mut tcp))
                if shared.tls_offered =>
            {
                tcp.write_all(b"S").await?;
                let tls = shared.tls.acceptor.accept(tcp).await?;
                client = ClientStream::Tls(Box::new(tls));
            }
            (Opening::Encryption { .. }, mut plain) => {
                plain.write_all(b"N").await?;
                client = plain;
            }
            (Opening::Cancel, _) => {
                let upstream = format!("127.0.0.1:{}", shared.upstream_port);
                forward_cancel(&upstream, &packet).await?;
                return Ok(None);
            }
            (Opening::Session, plain @ ClientStream::Plain(_)) if shared.tls_required => {
                let message = "TLS is required (sslmode=require)";
                return refuse(plain, "28000", message).await;
            }
            (Opening::Session, client) => return Ok(Some((client, packet))),
        }
    }
}

fn judge_startup(packet: &[u8], parameters: &[(String, String)]) -> Option<(&'static str, String)> {
    if packet.get(4..6) != Some(&[0, 3]) {
        return Some(("0A000", "unsupported frontend protocol".to_owned()));
    }
    let database = parameter(parameters, "database").or(parameter(parameters, "user"));
    if database != Some("postgres") {
        return Some((
            "3D000",
            "database does not exist; it is always \"postgres\"".to_owned(),
        ));
    }
    if parameter(parameters, "replication").is_some_and(|value| value != "false") {
        return Some((
            "0A000",
            "replication connections are not supported".to_owned(),
        ));
    }
    let encoding = parameter(parameters, "client_encoding").unwrap_or("UTF8");
    (!judge::is_utf8(encoding)).then(|| {
        (
            "22023",
            format!("client_encoding {encoding:?} is not supported: only UTF8"),
        )
    })
}

/// The password exchange, and AuthenticationOk kept for the server's own.
async fn authenticate(client: &mut ClientStream, user: &str, shared: &Shared) -> io::Result<bool> {
    // Whether the user exists shows only after the password, as in PostgreSQL.
    let secrets = if user == shared.user {
        shared.valid_secrets()
    } else {
        Vec::new()
    };
    let hash = &shared.tls.certificate_hash;
    let mut exchange = Exchange::new(shared.password_exchange, user, secrets, hash);
    client
        .write_all(&frame::message(b'R', &exchange.challenge()))
        .await?;
    client.flush().await?;
    loop {
        let Some(answer) = read_answer(client).await? else {
            return Ok(false);
        };
        match exchange.answer(&answer) {
            Step::Ask(body) => {
                client.write_all(&frame::message(b'R', &body)).await?;
                client.flush().await?;
            }
            Step::Accepted(body) => {
                if let Some(body) = body {
                    client.write_all(&frame::message(b'R', &body)).await?;
                }
                return Ok(true);
            }
            Step::Refused => return Ok(false),
        }
    }
}

async fn read_answer(client: &mut ClientStream) -> io::Result<Option<Vec<u8>>> {
    let tag = client.read_u8().await?;
    let length = client.read_u32().await? as usize;
    if tag != b'p' || !(4..=LARGEST_ANSWER).contains(&length) {
        return Ok(None);
    }
    let mut body = vec![0; length - 4];
    client.read_exact(&mut body).await?;
    Ok(Some(body))
}

async fn refuse<T>(
    mut client: ClientStream,
    sqlstate: &str,
    message: &str,
) -> io::Result<Option<T>> {
    client
        .write_all(&frame::error("FATAL", sqlstate, message))
        .await?;
    client.shutdown().await?;
    client.close(crate::fault::Close::Fin).await;
    Ok(None)
}

/// What the server is told: its own database and role, the timeouts, and what the client asked for.
fn server_parameters(client: &[(String, String)], shared: &Shared) -> Vec<(String, String)> {
    let ours = ["user", "database", "options", "client_encoding"];
    let mut parameters: Vec<(String, String)> = vec![
        ("user".into(), shared.user.clone()),
        ("database".into(), shared.database.name().to_owned()),
        ("client_encoding".into(), "UTF8".into()),
    ];
    let asked = client
        .iter()
        .filter(|(name, _)| !ours.contains(&name.as_str()));
    parameters.extend(asked.cloned());
    let limits = shared.timeouts();
    let timeouts = format!(
        "-c statement_timeout={} -c idle_in_transaction_session_timeout={}",
        limits.0.as_millis(),
        limits.1.as_millis()
    );
    // The last one wins.
    let asked = parameter(client, "options").unwrap_or_default();
    let options = match shared.limits.timeout_change {
        TimeoutChange::Allowed => format!("{timeouts} {asked}"),
        TimeoutChange::Refused | TimeoutChange::Ignored => format!("{asked} {timeouts}"),
    };
    parameters.push(("options".into(), options));
    parameters
}

fn parameter<'a>(parameters: &'a [(String, String)], name: &str) -> Option<&'a str> {
    parameters
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
}

/// The stand-in's policy for one session.
struct Session {
    shared: Arc<Shared>,
    connection: u64,
    application: String,
    state: Mutex<State>,
}

struct State {
    /// COPY data since the transaction began, bytes.
    copied: u64,
    /// How long a COPY inside a transaction may stand still.
    stall_limit: Option<Duration>,
    /// The status of the last ReadyForQuery: idle, in a transaction, or in a failed one.
    transaction: u8,
    copy: Option<CopyIn>,
}

impl Default for State {
    fn default() -> State {
        State {
            copied: 0,
            stall_limit: None,
            transaction: b'I',
            copy: None,
        }
    }
}

impl Policy for Session {
    fn frontend(&self, frame: Frame<'_>, link: &Link, out: &mut Vec<u8>) {
        match frame.tag() {
            b'Q' => self.query(frame, link, out),
            b'P' => self.parse(frame, link, out),
            b'd' | b'c' | b'f' => self.copy(frame, link, out),
            _ => out.extend_from_slice(frame.whole()),
        }
    }

    fn backend(&self, frame: Frame<'_>, link: &Link, out: &mut Vec<u8>) {
        let mut state = self.lock();
        state.learn(frame);
        match &mut state.copy {
            Some(copy) if copy.is_answered_by(link.answering(frame)) => copy.backend(frame, out),
            _ => out.extend_from_slice(frame.whole()),
        }
        let over = state.copy.as_ref().is_some_and(CopyIn::is_over);
        if over {
            state.copy = None;
        }
    }

    fn hidden(&self, frame: Frame<'_>, _link: &Link) {
        let mut state = self.lock();
        state.learn(frame);
        if frame.tag() == b'D' {
            state.stall_limit = milliseconds_of(frame);
        }
    }

    fn patience(&self) -> Option<(Duration, Vec<u8>)> {
        const SQLSTATE: &str = "25P03";
        let message = "terminating connection due to idle-in-transaction timeout";
        let state = self.lock();
        let in_copy = state.copy.is_some() && state.transaction == b'T';
        let limit = state.stall_limit.filter(|_| in_copy)?;
        Some((limit, frame::error("FATAL", SQLSTATE, message)))
    }

    fn may_read(&self) -> bool {
        self.lock().copy.as_ref().is_none_or(CopyIn::may_read)
    }
}

impl Session {
    fn query(&self, frame: Frame<'_>, link: &Link, out: &mut Vec<u8>) {
        let sql = frame.text();
        let judgement = judge::judge(&sql, &self.shared.judge_limits(), false);
        self.record(&sql, &judgement);
        for warning in &judgement.warnings {
            link.inject(frame::notice("WARNING", "01000", warning));
        }
        if judgement.copy_in.is_some() && judgement.refused.is_none() {
            out.extend_from_slice(&self.ask_stall_limit(link));
        }
        let mut state = self.lock();
        state.copy = judgement.copy_in.as_ref().map(|copy| {
            let in_transaction = state.transaction != b'I';
            let statement = (sql.as_ref(), link.last_request());
            CopyIn::new(copy, statement, in_transaction, &self.shared.limits)
        });
        match judgement.refused {
            Some((at, refusal)) => {
                state.copy = None;
                let failing = link.failing_statement(refusal);
                out.extend_from_slice(&frame::query(&format!("{}{failing}", &sql[..at])));
            }
            None => match judgement.rewritten {
                Some(sql) => out.extend_from_slice(&frame::query(&sql)),
                None => out.extend_from_slice(frame.whole()),
            },
        }
    }

    fn parse(&self, frame: Frame<'_>, link: &Link, out: &mut Vec<u8>) {
        let sql = frame.statement().unwrap_or_default();
        let judgement = judge::judge(&sql, &self.shared.judge_limits(), true);
        self.record(&sql, &judgement);
        for warning in &judgement.warnings {
            link.inject(frame::notice("WARNING", "01000", warning));
        }
        if let Some((_, refusal)) = judgement.refused {
            let failing = link.failing(frame, refusal);
            return out.extend_from_slice(&failing.unwrap_or_default());
        }
        let Some(rewritten) = judgement.rewritten else {
            return out.extend_from_slice(frame.whole());
        };
        let (name, rest) = frame::c_string(frame.body());
        let (_, types) = frame::c_string(rest);
        let body = [name, b"\0", rewritten.as_bytes(), b"\0", types].concat();
        frame::push_message(out, b'P', &body);
    }

    fn copy(&self, frame: Frame<'_>, link: &Link, out: &mut Vec<u8>) {
        let mut state = self.lock();
        let copied = state.copied;
        if frame.tag() == b'd' {
            state.copied += frame.body().len() as u64;
        }
        let Some(copy) = &mut state.copy else {
            return out.extend_from_slice(frame.whole());
        };
        let before = copy.lines();
        let most = self.shared.limits.transaction_bytes.unwrap_or(u64::MAX);
        if frame.tag() == b'd' && !copy.has_failed() && copied + frame.body().len() as u64 > most {
            copy.fail();
            let message = format!("transaction larger than {most} bytes");
            let refusal = Refusal {
                sqlstate: "54000".to_owned(),
                message,
            };
            return out.extend_from_slice(&link.failing(frame, refusal).unwrap_or_default());
        }
        let verdict = copy.frontend(frame, link, out);
        self.shared.log.count_lines(copy.lines() - before);
        if let CopyVerdict::LineTooLong = verdict {
            let message = format!("line longer than {} bytes", self.shared.limits.line_bytes);
            let refusal = Refusal {
                sqlstate: "54000".to_owned(),
                message,
            };
            out.extend_from_slice(&link.failing(frame, refusal).unwrap_or_default());
        }
    }

    /// Asks the server, unseen, for the timeout that the COPY after it runs under: SET may have
    /// changed it.
    fn ask_stall_limit(&self, link: &Link) -> Vec<u8> {
        self.lock().stall_limit = None;
        if !self.shared.limits.idle_timeout_in_copy {
            return Vec::new();
        }
        link.hidden_query_before(
            "SELECT (1000 * extract(epoch FROM
                 current_setting('idle_in_transaction_session_timeout')::interval))::bigint",
        )
    }

    fn record(&self, sql: &str, judgement: &Judgement) {
        for (kind, text) in judgement.statements(sql) {
            let refused = judgement.refused.as_ref();
            self.shared.log.push(Statement {
                connection: self.connection,
                application: self.application.clone(),
                kind,
                text,
                refused: refused.map(|(_, refusal)| refusal.sqlstate.clone()),
            });
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn learn(&mut self, frame: Frame<'_>) {
        if frame.tag() != b'Z' {
            return;
        }
        self.transaction = frame.body().first().copied().unwrap_or(b'I');
        if self.transaction == b'I' {
            self.copied = 0;
        }
    }
}

/// The only value of a DataRow; zero is no limit.
fn milliseconds_of(row: Frame<'_>) -> Option<Duration> {
    let value = std::str::from_utf8(row.body().get(6..)?).ok()?;
    let milliseconds = value
        .parse()
        .ok()
        .filter(|&milliseconds| milliseconds > 0)?;
    Some(Duration::from_millis(milliseconds))
}
