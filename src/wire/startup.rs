//! From an open stream to ReadyForQuery: StartupMessage, authentication, the server's key.

use postgres_protocol::message::frontend;

use super::auth::{Credentials, Exchange};
use super::error::{Error, Result};
use super::frame::{Fields, Head};
use super::link::Link;
use super::options::ConnectOptions;
use super::server_error::ServerError;
use super::session::Session;

/// Starts a session; answers it and how the user was authenticated.
///
/// # Errors
/// An ErrorResponse as `Error::Server`, what the exchange refuses as `Error::Authentication`.
pub(super) async fn start(
    link: &mut Link,
    options: &ConnectOptions,
    credentials: Credentials<'_>,
    peer: &str,
) -> Result<(Session, &'static str)> {
    frontend::startup_message(parameters(options), link.outbound()).map_err(|_| {
        Error::Unsendable {
            reason: "a startup parameter holds a NUL byte",
        }
    })?;
    link.flush().await?;
    let kind = authenticate(link, credentials, peer).await?;
    let session = until_ready(link).await?;
    link.inbound().startup_is_over();
    Ok((session, kind))
}

/// Only what every server and pooler takes: PgBouncer refuses parameters that it does not know.
fn parameters(options: &ConnectOptions) -> impl Iterator<Item = (&str, &str)> {
    let always = [
        ("user", options.user.as_str()),
        ("database", options.database.as_str()),
        ("client_encoding", "UTF8"),
    ];
    let name = options
        .application_name
        .as_deref()
        .map(|name| ("application_name", name));
    let further = options.options.as_deref().map(|text| ("options", text));
    always.into_iter().chain(name).chain(further)
}

async fn authenticate(
    link: &mut Link,
    credentials: Credentials<'_>,
    peer: &str,
) -> Result<&'static str> {
    let mut exchange = Exchange::new(credentials);
    loop {
        let head = link.wait_head().await?;
        let mut answer = bytes::BytesMut::new();
        let frame = link.take(head);
        match frame.tag {
            b'R' => exchange.answer(frame.body, &mut answer).map_err(|reason| {
                Error::Authentication {
                    peer: peer.to_owned(),
                    reason,
                }
            })?,
            // NoticeResponse and NegotiateProtocolVersion change nothing.
            b'N' | b'v' => {}
            tag => return Err(unexpected(link, head, tag)),
        }
        if let Some(kind) = exchange.done() {
            return Ok(kind);
        }
        link.outbound().extend_from_slice(&answer);
        link.flush().await?;
    }
}

async fn until_ready(link: &mut Link) -> Result<Session> {
    let mut session = Session::default();
    loop {
        let head = link.wait_head().await?;
        let frame = link.take(head);
        match frame.tag {
            b'K' => {
                let mut fields = Fields::of(frame.body);
                session.key = fields.i32().zip(fields.i32());
            }
            b'Z' => {
                if session.ready(frame.body).is_none() {
                    return Err(link.protocol("ReadyForQuery with an unknown status"));
                }
                return Ok(session);
            }
            b'v' => {}
            tag => {
                if !session.take_asynchronous(frame) {
                    return Err(unexpected(link, head, tag));
                }
            }
        }
    }
}

/// The error for a message that ends the startup.
fn unexpected(link: &Link, head: Head, tag: u8) -> Error {
    let error = (tag == b'E')
        .then(|| ServerError::parse(link.taken(head)))
        .flatten();
    match error {
        Some(error) => Error::Server(Box::new(error)),
        None => link.protocol(format!(
            "an unexpected message '{}' at startup",
            tag.escape_ascii()
        )),
    }
}
