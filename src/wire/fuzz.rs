//! One function per fuzz target: takes any bytes, and panics where something does not hold. In no
//! ordinary build.

use std::ops::ControlFlow;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use super::auth::{Credentials, Exchange};
use super::cancel::Canceller;
use super::connection::Connection;
use super::conninfo;
use super::dial::Address;
use super::environment::Environment;
use super::error::{Error, Result};
use super::frame::Inbound;
use super::link::Link;
use super::options::ConnectOptions;
use super::passfile::{self, Login};
use super::peer::Peer;
use super::query::Row;
use super::secret::Secret;
use super::server_error::ServerError;
use super::session::Session;
use super::settings::{ChannelBinding, Endpoint, Host};
use super::startup;
use super::stream::Stream;

/// What must never be shown, nor be sent in clear.
const SECRET: &str = "hunter2-hunter2";

/// Nothing in a fuzz target waits for anything but bytes that are there.
const DEADLINE: Duration = Duration::from_secs(20);

// ---- frames ----

/// Any bytes as messages of a server, in pieces of any size: they come out as the plainest reader frames
/// them.
pub fn frames(data: &[u8]) {
    let Some((&[mode, piece, limit], stream)) = data.split_first_chunk::<3>() else {
        return;
    };
    let at_startup = mode & 1 == 1;
    let gathers = mode & 2 == 2 && !at_startup;
    let mut inbound = Inbound::new();
    if !at_startup {
        inbound.startup_is_over();
    }
    let mut seen = Frames::default();
    for part in stream.chunks(usize::from(piece).max(1)) {
        feed(&mut inbound, part);
        if gathers {
            seen.gather(&mut inbound, usize::from(limit));
        } else {
            seen.take_all(&mut inbound);
        }
    }
    let plain = Frames::plain(stream, at_startup);
    assert_eq!(seen.messages, plain.messages, "messages");
    assert_eq!(seen.rows, plain.rows, "rows");
    assert_eq!(seen.broken, plain.broken, "whether a length makes sense");
}

/// What was framed.
#[derive(Default)]
struct Frames {
    /// All but CopyData: tag and body.
    messages: Vec<(u8, Vec<u8>)>,
    /// What CopyData held.
    rows: Vec<u8>,
    /// Whether a length made no sense.
    broken: bool,
}

impl Frames {
    /// As plainly as it can be done, of the whole stream.
    fn plain(mut stream: &[u8], at_startup: bool) -> Self {
        let mut frames = Self::default();
        while let [tag, a, b, c, d, rest @ ..] = stream {
            let length = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
            let is_long = b"dDTENAV".contains(tag);
            let longest = match (at_startup, is_long) {
                (true, _) => 64 * 1024,
                (false, true) => 1 << 30,
                (false, false) => 30_000,
            };
            if length < 4 || length > longest {
                frames.broken = true;
                break;
            }
            let Some(body) = rest.get(..length - 4) else {
                break;
            };
            frames.push(*tag, body);
            stream = &rest[length - 4..];
        }
        frames
    }

    fn push(&mut self, tag: u8, body: &[u8]) {
        match tag {
            b'd' => self.rows.extend_from_slice(body),
            tag => self.messages.push((tag, body.to_vec())),
        }
    }

    fn take_all(&mut self, inbound: &mut Inbound) {
        while let Some(head) = self.head(inbound) {
            let frame = inbound.take(head);
            self.push(frame.tag, frame.body);
            let body = inbound.taken(head).to_vec();
            let same = match head.tag {
                b'd' => self.rows.ends_with(&body),
                _ => self.messages.last().is_some_and(|(_, last)| *last == body),
            };
            assert!(same, "what was taken last");
        }
    }

    /// As COPY OUT takes them.
    fn gather(&mut self, inbound: &mut Inbound, limit: usize) {
        loop {
            let before = inbound.unread();
            let mut into = Vec::new();
            inbound.take_copy_data(&mut into, limit);
            self.rows.extend_from_slice(&into);
            match self.head(inbound) {
                Some(head) if head.tag != b'd' => {
                    let frame = inbound.take(head);
                    self.push(frame.tag, frame.body);
                }
                Some(_) => assert!(inbound.unread() < before, "CopyData is here and not taken"),
                None => return,
            }
        }
    }

    fn head(&mut self, inbound: &Inbound) -> Option<super::frame::Head> {
        let head = inbound.head();
        self.broken |= head.is_err();
        head.ok().flatten()
    }
}

fn feed(inbound: &mut Inbound, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let space = inbound.space();
        let count = space.len().min(bytes.len());
        space[..count].copy_from_slice(&bytes[..count]);
        inbound.filled(count);
        bytes = &bytes[count..];
    }
}

// ---- everything that a server may say, to everything that is asked of it ----

/// Any bytes as all that a server says: whatever is asked of it ends, its errors are one line without a
/// secret, and a connection that says that it can be used is in step.
pub fn session(data: &[u8]) {
    let Some((&[asked, shape], script)) = data.split_first_chunk::<2>() else {
        return;
    };
    if script.len() > LONGEST_SCRIPT {
        return;
    }
    let said = match shape & 1 {
        0 => framed(script),
        _ => script.to_vec(),
    };
    if holds(&said, SECRET) {
        return;
    }
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
    }
    RUNTIME.with(|runtime| {
        runtime.block_on(async {
            let played = tokio::time::timeout(DEADLINE, play(asked, shape, &said));
            played.await.expect("it ends with what the server says");
        });
    });
}

/// Below what a socket takes without a reader, in bytes.
const LONGEST_SCRIPT: usize = 32 * 1024;

/// `tag, length, body` in turn, so that most inputs are messages whose lengths are right.
fn framed(mut script: &[u8]) -> Vec<u8> {
    let mut said = Vec::new();
    while let [tag, length, rest @ ..] = script {
        let (body, after) = rest.split_at(usize::from(*length).min(rest.len()));
        said.push(*tag);
        said.extend_from_slice(&(body.len() as u32 + 4).to_be_bytes());
        said.extend_from_slice(body);
        script = after;
    }
    said
}

async fn play(asked: u8, shape: u8, said: &[u8]) {
    let (client, mut server) = UnixStream::pair().expect("two sockets");
    // Whoever hangs up first is a matter of luck, and no error here.
    let _ = server.write_all(said).await;
    let _ = server.shutdown().await;
    let link = Link::new(Stream::Unix(client), "peer:1".to_owned(), DEADLINE);
    let operation = asked % 9;
    let outcome = match operation {
        0 => log_in(link, shape).await,
        operation => ask(operation, shape, connection(link)).await,
    };
    if let Err(error) = outcome {
        check_error(&error);
    }
    let mut heard = Vec::new();
    let _ = server.read_to_end(&mut heard).await;
    let in_clear = operation == 0 && shape & 2 == 2;
    assert!(in_clear || !holds(&heard, SECRET), "the password in clear");
}

async fn log_in(mut link: Link, shape: u8) -> Result<()> {
    let text = "host=peer port=1 user=ann";
    let options = ConnectOptions::parse(text, Endpoint::Postgres, &Environment::default())?;
    let credentials = credentials(shape);
    let (session, kind) = startup::start(&mut link, &options, credentials, "peer:1").await?;
    assert!(session.status.is_some());
    assert!(!kind.starts_with("scram"), "nobody can forge the proof");
    Ok(())
}

async fn ask(operation: u8, shape: u8, mut connection: Connection) -> Result<()> {
    let connection = &mut connection;
    let outcome = match operation {
        1 => connection.query("SELECT 1").await.map(drop),
        2 => connection.query_all("SELECT 1; SELECT 2").await.map(drop),
        3 => each(connection, shape >> 3).await,
        4 => read(connection, usize::from(shape) << 3).await,
        5 => write(connection, shape & 4 == 0).await,
        6 => Err(connection.wait_for_loss().await),
        7 => skip(connection).await,
        _ => {
            let first = connection.query("SELECT 1").await;
            in_step(connection, &first);
            connection.query("SELECT 2").await.map(drop)
        }
    };
    in_step(connection, &outcome);
    for notice in connection.take_notices() {
        check_line(&notice.to_string());
    }
    outcome
}

/// A query that is answered leaves a connection that can be used, and one that is lost does not.
fn in_step<T>(connection: &Connection, outcome: &Result<T>) {
    match outcome {
        Ok(_) => assert!(connection.is_usable() || is_closed(connection)),
        Err(error) if error.is_lost() => assert!(!connection.is_usable()),
        Err(_) => {}
    }
}

fn is_closed(connection: &Connection) -> bool {
    matches!(connection.link.stream(), Stream::Closed)
}

/// Shows rows until so many have come.
async fn each(connection: &mut Connection, most: u8) -> Result<()> {
    let mut seen = 0;
    let row = |row: Row<'_>| {
        assert!(!row.is_empty() || row.get(0).is_none());
        let shown = (0..=row.len()).filter_map(|column| row.get(column)).count();
        assert!(shown <= row.len());
        seen += 1;
        match seen > most {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    };
    connection.query_each("SELECT 1", row).await.map(drop)
}

async fn read(connection: &mut Connection, limit: usize) -> Result<()> {
    let mut copy = connection.copy_out("COPY t TO STDOUT").await?;
    let mut into = Vec::new();
    let mut total = 0;
    loop {
        let bytes = copy.read(&mut into, limit).await?;
        total += bytes;
        assert_eq!(total, into.len(), "what is told is appended");
        if bytes == 0 {
            break;
        }
    }
    copy.finish().await.map(drop)
}

/// Rows that nobody reads before the end.
async fn skip(connection: &mut Connection) -> Result<()> {
    let copy = connection.copy_out("COPY t TO STDOUT").await?;
    copy.finish().await.map(drop)
}

async fn write(connection: &mut Connection, finishes: bool) -> Result<()> {
    let mut copy = connection.copy_in("COPY t FROM STDIN").await?;
    copy.send(b"1\t2\n").await?;
    copy.send(b"").await?;
    match finishes {
        true => copy.finish().await.map(drop),
        false => copy.abort("no more").await,
    }
}

fn connection(link: Link) -> Connection {
    let mut link = link;
    link.inbound().startup_is_over();
    let text = "host=peer port=1 user=ann";
    let options = ConnectOptions::parse(text, Endpoint::Postgres, &Environment::default());
    let options = options.expect("options");
    Connection {
        link,
        session: Session::default(),
        busy: false,
        peer: Peer {
            host: "peer".to_owned(),
            port: 1,
            address: None,
            tls: None,
            authentication: "trust",
        },
        name: "peer:1".to_owned(),
        tcp: options.tcp,
        canceller: Canceller {
            host: Host {
                name: "peer".to_owned(),
                address: None,
                port: 1,
            },
            address: Address::Unix("peer".into()),
            tls: None,
            key: None,
            timeout: None,
        },
    }
}

// ---- errors of a server ----

/// Any bytes as an ErrorResponse; and any text as the value in messages as PostgreSQL writes them: it is
/// never shown, and never taken for a place.
pub fn server_error(data: &[u8]) {
    if let Some(error) = ServerError::parse(data) {
        check_line(&error.to_string());
        assert!(!error.is_fatal() || error.is_warning_or_above());
    }
    let Some((&[which, at], rest)) = data.split_first_chunk::<2>() else {
        return;
    };
    let text = String::from_utf8_lossy(rest).replace('\0', "");
    let mut value = text;
    let places: Vec<usize> = value.char_indices().map(|(i, _)| i).collect();
    let place = places.get(usize::from(at) % places.len().max(1));
    value.insert_str(place.copied().unwrap_or(0), SECRET);
    let (code, before, after) = MESSAGES[usize::from(which) % MESSAGES.len()];
    let error = ServerError::parse(&body(&[
        ('V', "ERROR"),
        ('C', code),
        ('M', &format!("{before}\"{value}\"{after}")),
        ('D', &format!("Key (a)=({value}) already exists.")),
        (
            'W',
            &format!("COPY t, line 3, column a: \"{value}\"\nSQL statement"),
        ),
    ]));
    let error = error.expect("it is whole");
    check_line(&error.to_string());
    assert!(!holds(format!("{error} {error:?}").as_bytes(), SECRET));
    let place = (
        error.table.as_deref(),
        error.copy_line,
        error.column.as_deref(),
    );
    assert_eq!(place, (Some("t"), Some(3), Some("a")));
    assert_eq!(error.function, None);
}

/// SQLSTATE, and what PostgreSQL writes before and after the value.
const MESSAGES: &[(&str, &str, &str)] = &[
    ("22P02", "invalid input syntax for type integer: ", ""),
    ("22P02", "invalid input value for enum color: ", ""),
    ("22P02", "malformed array literal: ", ""),
    ("22003", "value ", " is out of range for type integer"),
    ("22003", "", " is out of range for type double precision"),
    ("22007", "invalid input syntax for type date: ", ""),
    ("22008", "date/time field value out of range: ", ""),
    ("22P02", "invalid input syntax for type json: ", ""),
    ("XX000", "unexpected value ", " in the engine"),
];

fn body(fields: &[(char, &str)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (kind, text) in fields {
        body.push(*kind as u8);
        body.extend_from_slice(text.as_bytes());
        body.push(0);
    }
    body.push(0);
    body
}

// ---- the password exchange ----

/// Any bytes as the Authentication messages of a server: a password is not sent in clear where that is
/// not allowed, a binding that is required is never gone without, and no proof can be forged.
pub fn authentication(data: &[u8]) {
    let Some((&shape, mut script)) = data.split_first() else {
        return;
    };
    let mut exchange = Exchange::new(credentials(shape));
    let (mut began_scram, mut nonce) = (false, Vec::new());
    while let [kind, length, rest @ ..] = script {
        let (body, after) = rest.split_at(usize::from(*length).min(rest.len()));
        script = after;
        let request = [&i32::from(*kind).to_be_bytes()[..], &with(body, &nonce)].concat();
        let mut out = BytesMut::new();
        let answered = exchange.answer(&request, &mut out);
        assert!(shape & 2 == 2 || !holds(&out, SECRET), "in clear");
        if let Err(refusal) = answered {
            assert!(!holds(refusal.as_bytes(), SECRET), "{refusal}");
            check_line(&refusal);
            assert_eq!(exchange.done(), None, "after a refusal");
        }
        began_scram |= *kind == 10;
        if let Some(at) = memchr::memmem::find(&out, b",r=") {
            nonce = out[at + 3..].to_vec();
        }
        if let Some(how) = exchange.done() {
            assert!(!began_scram, "a proof was forged: {how}");
            assert!(shape & 4 == 0, "a binding was required: {how}");
            return;
        }
    }
}

/// A challenge must repeat the nonce of the client, which no input can know: `$` stands for it.
fn with(body: &[u8], nonce: &[u8]) -> Vec<u8> {
    let parts: Vec<&[u8]> = body.split(|b| *b == b'$').collect();
    parts.join(nonce)
}

fn credentials(shape: u8) -> Credentials<'static> {
    Credentials {
        user: "ann",
        password: (shape & 8 == 0).then(|| Secret::new(SECRET)),
        missing: None,
        channel_binding: match shape & 4 {
            0 => ChannelBinding::Prefer,
            _ => ChannelBinding::Require,
        },
        cleartext_allowed: shape & 2 == 2,
        encrypted: shape & 16 == 16,
        end_point: (shape & 16 == 16).then(|| vec![7; 32]),
    }
}

// ---- connection strings and password files ----

/// Any text as a connection string: no secret of it is shown, and what is read of it can be written in
/// both spellings and is read the same.
pub fn connection_string(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let environment = Environment::of_variables([("PGUSER", "ann")]).with_home("/home/ann");
    for endpoint in [Endpoint::Postgres, Endpoint::Db9] {
        match ConnectOptions::parse(text, endpoint, &environment) {
            Ok(options) => check_options(&options),
            Err(error) => check_line(&error.to_string()),
        }
    }
    let Ok(pairs) = conninfo::parse(text) else {
        return;
    };
    // Keys are names; what else stands there is refused later, and has no other spelling.
    let is_name = |key: &str| !key.is_empty() && key.bytes().all(|b| b.is_ascii_lowercase());
    if pairs.iter().all(|(key, _)| is_name(key) && key != "ssl") {
        let quoted: Vec<String> = pairs.iter().map(|(k, v)| quoted(k, v)).collect();
        assert_eq!(
            conninfo::parse(&quoted.join(" ")).ok().as_ref(),
            Some(&pairs)
        );
        let encoded: Vec<String> = pairs.iter().map(|(k, v)| encoded(k, v)).collect();
        let uri = format!("postgresql://?{}", encoded.join("&"));
        assert_eq!(conninfo::parse(&uri).ok().as_ref(), Some(&pairs));
    }
}

fn check_options(options: &ConnectOptions) {
    let shown = format!("{options} {options:?}");
    let Some(password) = options.password.as_ref().map(Secret::reveal) else {
        return;
    };
    // A short one, or one that is a name as well, may be found there by chance.
    let mut copy = options.clone();
    copy.password = None;
    let without = format!("{copy} {copy:?}");
    assert_eq!(shown, without, "the password decides what is shown");
    assert!(!format!("{:?}", Secret::new(password)).contains(password) || password.len() < 9);
}

fn quoted(key: &str, value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('\'', "\\'");
    format!("{key}='{value}'")
}

fn encoded(key: &str, value: &str) -> String {
    let value: String = value.bytes().map(|b| format!("%{b:02x}")).collect();
    format!("{key}={value}")
}

/// Any text as a password file; and any login, written as a line of it, is found.
pub fn passfile(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let login = Login {
        host: "db",
        port: 5432,
        database: "shop",
        user: "ann",
    };
    passfile::find(&text, login);
    let fields: Vec<&str> = text.splitn(5, '\u{1}').collect();
    let [host, database, user, password, others] = fields[..] else {
        return;
    };
    let is_line = |text: &&str| !text.contains(['\n', '\r']);
    if host.starts_with('#') || password.is_empty() || !fields[..4].iter().all(is_line) {
        return;
    }
    let [h, d, u, p] = [host, database, user, password].map(escaped);
    let file = format!("{h}:5432:{d}:{u}:{p}\n{others}");
    let login = Login {
        host,
        port: 5432,
        database,
        user,
    };
    let found = passfile::find(&file, login);
    assert_eq!(found.as_ref().map(Secret::reveal), Some(password));
}

fn escaped(field: &str) -> String {
    field.replace('\\', "\\\\").replace(':', "\\:")
}

// ---- what is shown ----

fn check_error(error: &Error) {
    let mut shown = format!("{error} {error:?}");
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        shown.push_str(&error.to_string());
        cause = error.source();
    }
    assert!(!holds(shown.as_bytes(), SECRET), "{shown}");
    check_line(&error.to_string());
}

/// One line, not too long.
fn check_line(shown: &str) {
    assert!(
        !shown.contains(char::is_control),
        "{}",
        shown.escape_debug()
    );
    assert!(shown.len() < 20_000, "{} bytes are shown", shown.len());
}

fn holds(text: &[u8], part: &str) -> bool {
    memchr::memmem::find(text, part.as_bytes()).is_some()
}
