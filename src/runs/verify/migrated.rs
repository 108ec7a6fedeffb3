//! Whether `wire9 migrate` filled the target: said by the user, or found in the target's ledger.

use std::collections::HashMap;

use crate::endpoint::identity::identity;
use crate::endpoint::session::{WriteSettings, prepare_write};
use crate::ledger::{Ledger, State, statement_digest};
use crate::profile::Profile;
use crate::wire::Connection;

use super::super::check::{self, Assessment};
use super::super::error::Error;
use super::super::prepare::configuration::source_key;
use super::super::reach;
use super::Asked;

/// What is known of a migration.
pub(super) enum Migrated {
    /// There is none.
    No,
    /// This is what it makes.
    As(Box<Assessment>),
    /// There is one, by other options, or of a source whose schema was another.
    Otherwise,
}

/// Looks for it; where somebody insists, without a look into the ledger.
pub(super) async fn migrated(asked: &Asked) -> Result<Migrated, Error> {
    if asked.migrated {
        let assessment = check::check(&asked.check).await?;
        return Ok(Migrated::As(Box::new(assessment)));
    }
    let Some(applied) = applied(asked).await? else {
        return Ok(Migrated::No);
    };
    let assessment = check::check(&asked.check).await?;
    let statements = &assessment.conversion.statements;
    let digests: HashMap<&str, String> = statements
        .iter()
        .map(|s| (s.object.as_str(), statement_digest(&s.sql)))
        .collect();
    let mut applied = applied.iter();
    Ok(
        match applied.all(|(object, digest)| digests.get(&**object) == Some(digest)) {
            true => Migrated::As(Box::new(assessment)),
            false => Migrated::Otherwise,
        },
    )
}

/// The statements that a finished migration of this source has applied, by object their digests.
async fn applied(asked: &Asked) -> Result<Option<Vec<(String, String)>>, Error> {
    let connected = Connection::connect(&asked.copy.source).await;
    let mut source = connected.map_err(|e| Error::connect("the source", e))?;
    let key = source_key(&identity(&mut source).await?);
    source.close().await;
    let reached = reach::target(&asked.copy.target).await?;
    let (mut connection, options) = (reached.connection, reached.options);
    let mut write = WriteSettings::new("wire9/verify", &Profile::default());
    prepare_write(&mut connection, &mut write).await?;
    let mut ledger = Ledger::new(connection, options, write);
    let runs = ledger.runs(&format!("migrate {key}")).await?;
    let Some(run) = runs.first().filter(|run| run.state == State::Done) else {
        return Ok(None);
    };
    let statements = ledger.statements(&run.run).await?;
    Ok((!statements.is_empty()).then(|| statements.into_iter().collect()))
}
