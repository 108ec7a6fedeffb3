//! Finds out what a target accepts, in a scratch schema that is dropped again.

mod extensions;
mod features;
mod programs;
mod scratch;
mod session;
mod types;
mod values;

use super::attempt::{attempt, leave};
use super::error::{Doing as _, Result};
use crate::profile::{Fact, Profile, ServerKind};
use crate::wire::{self, ConnectOptions, Connection, Reply, ServerError};

/// How to probe.
#[derive(Clone)]
pub struct ProbeSettings {
    /// How to connect anew to drop the scratch schema where a try has cost the connection.
    pub reconnect: Option<ConnectOptions>,
    /// Bytes of the COPY that is rolled back: the largest batch of the run.
    pub copy_bytes: usize,
}

/// What was found.
#[derive(Debug, Clone)]
pub struct Probed {
    /// The documented values, and over them those that were probed.
    pub profile: Profile,
    /// For people: what was odd, what could not be tried, what was left behind.
    pub notes: Vec<String>,
}

/// Probes the server on an idle connection, outside a transaction: all of the profile that can be tried.
///
/// Some 150 statements. Every item is a try of its own: a refusal is an answer. Where the server takes no scratch schema,
/// the documented values stand, and a note says so.
///
/// # Errors
/// The loss of the connection.
///
/// The session's DateStyle is ISO afterwards.
pub async fn probe(connection: &mut Connection, settings: &ProbeSettings) -> Result<Probed> {
    probe_for(connection, settings, Purpose::Schema).await
}

/// As [`probe`], without what loading rows does not need: types, statements, index methods, extensions,
/// CancelRequest. What is documented of these stands.
///
/// # Errors
/// As [`probe`].
pub async fn probe_rows(connection: &mut Connection, settings: &ProbeSettings) -> Result<Probed> {
    probe_for(connection, settings, Purpose::Rows).await
}

/// What a probe is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// Loading rows.
    Rows,
    /// Making a schema, and loading rows.
    Schema,
}

async fn probe_for(
    connection: &mut Connection,
    settings: &ProbeSettings,
    purpose: Purpose,
) -> Result<Probed> {
    let version = connection
        .query("SELECT version()")
        .await
        .doing("asking the target for its version")?;
    let version = version.value(0).unwrap_or_default().to_owned();
    let mut prober = Prober {
        connection,
        profile: documented(&version),
        notes: Vec::new(),
        several: false,
    };
    session::probe(&mut prober).await?;
    if purpose == Purpose::Schema {
        session::cancel(&mut prober).await?;
    }
    if let Some(schema) = scratch::create(&mut prober).await? {
        let tried = try_in(&mut prober, &schema, settings.copy_bytes, purpose).await;
        scratch::drop(&mut prober, &schema, settings.reconnect.as_ref()).await;
        tried?;
    }
    Ok(Probed {
        profile: prober.profile,
        notes: prober.notes,
    })
}

/// Tries what needs the scratch schema.
async fn try_in(
    prober: &mut Prober<'_>,
    schema: &str,
    copy_bytes: usize,
    purpose: Purpose,
) -> Result<()> {
    values::probe(prober, schema, copy_bytes).await?;
    if purpose == Purpose::Schema {
        types::probe(prober, schema).await?;
        // Its name needs no quotes, so that nothing here takes a statement for one of a migration.
        features::probe(prober, schema).await?;
        programs::probe(prober, schema).await?;
        extensions::probe(prober, schema).await?;
    }
    Ok(())
}

/// A probe under way.
struct Prober<'a> {
    connection: &'a mut Connection,
    profile: Profile,
    notes: Vec<String>,
    /// Whether the server takes several statements in one Query.
    several: bool,
}

/// The answer to one try: the replies of its statements, or the refusal.
type Try = std::result::Result<Vec<Reply>, Box<ServerError>>;

impl Prober<'_> {
    /// Runs statements, in one round trip where the server takes that, up to the first refusal. The
    /// connection is outside a transaction afterwards.
    async fn run(&mut self, doing: &str, statements: &[&str]) -> Result<Try> {
        let joined = [statements.join("; ")];
        let queries: Vec<&str> = if self.several {
            joined.iter().map(String::as_str).collect()
        } else {
            statements.to_vec()
        };
        let mut replies = Vec::new();
        for sql in queries {
            match attempt(self.connection, sql, &format!("probing {doing}")).await? {
                Ok(more) => replies.extend(more),
                Err(refusal) => {
                    leave(self.connection).await?;
                    return Ok(Err(refusal));
                }
            }
        }
        leave(self.connection).await?;
        Ok(Ok(replies))
    }

    /// Whether the statements are taken.
    async fn takes(&mut self, doing: &str, statements: &[&str]) -> Result<bool> {
        Ok(self.run(doing, statements).await?.is_ok())
    }

    /// The first value that the last statement with rows answers; `None` where it was refused.
    async fn value(&mut self, doing: &str, statements: &[&str]) -> Result<Option<String>> {
        let tried = self.run(doing, statements).await?;
        Ok(tried.ok().and_then(|replies| {
            let rows = replies.iter().rev().find(|reply| !reply.rows.is_empty())?;
            rows.value(0).map(str::to_owned)
        }))
    }

    /// What the server calls itself.
    fn kind(&self) -> ServerKind {
        let server = self.profile.server.as_ref();
        server.map_or(ServerKind::Other, |fact| fact.value)
    }

    fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }
}

/// A fact of this probe.
fn probed<T>(value: T) -> Option<Fact<T>> {
    Some(Fact::probed(value))
}

/// What the documents say of the server that calls itself so.
fn documented(version: &str) -> Profile {
    let kind = ServerKind::of_version(version);
    let mut profile = match kind {
        ServerKind::Db9 => Profile::db9_documented(),
        ServerKind::Postgresql => Profile::postgresql(),
        ServerKind::Other => Profile::default(),
    };
    profile.server = probed(kind);
    profile.version = probed(version.to_owned());
    profile
}

/// A refusal of COPY is an answer, as that of a query is.
fn refusal<T>(
    connection: &Connection,
    answer: wire::Result<T>,
    doing: &str,
) -> Result<std::result::Result<T, Box<ServerError>>> {
    match answer {
        Ok(value) => Ok(Ok(value)),
        Err(wire::Error::Server(refusal)) if connection.is_usable() => Ok(Err(refusal)),
        Err(source) => Err(source).doing(format!("probing {doing}")),
    }
}
