//! The whole catalog of a PostgreSQL 13 to 18, for `check`, `schema` and `migrate`.
//!
//! Rows of the catalogs are read as they stream by, one statement per catalog and none per object. The
//! texts of `pg_get_…` functions come separately (see `reading`): these functions raise on a corrupt
//! object and wait for locks, and one object must not cost the others.
//!
//! Names of `pg_catalog` are not qualified here: with an empty `search_path` it is searched first.

mod columns;
mod constraints;
mod dependencies;
mod indexes;
mod others;
mod positions;
mod privileges;
mod reading;
mod relations;
mod routines;
mod schemas;
mod sequences;
mod server;
mod texts;
mod triggers;
mod types;

pub use positions::positions;

use crate::catalog::database::Database;
use crate::endpoint::error::Result;
use crate::wire::Connection;

use reading::Reading;

/// Reads everything that a schema is made of, as the transaction's snapshot shows it.
///
/// To be called inside a REPEATABLE READ transaction with an empty `search_path`: all texts then carry
/// their schemas. What the user may not see is named in `Database::not_read`. Cost grows with the number
/// of columns: 20,000 tables with indexes take some seconds.
///
/// # Errors
/// The server's, or a row that can not be read.
pub async fn database(connection: &mut Connection) -> Result<Database> {
    let mut reading = Reading::new(connection);
    server::read(&mut reading).await?;
    schemas::facts(&mut reading).await?;
    schemas::read(&mut reading).await?;
    relations::read(&mut reading).await?;
    let user_types = types::catalog(&mut reading).await?;
    let rows = columns::read(&mut reading, &user_types).await?;
    types::finish(&mut reading, user_types, rows).await?;
    sequences::read(&mut reading).await?;
    constraints::read(&mut reading).await?;
    indexes::read(&mut reading).await?;
    triggers::read(&mut reading).await?;
    routines::read(&mut reading).await?;
    others::read(&mut reading).await?;
    privileges::read(&mut reading).await?;
    dependencies::read(&mut reading).await?;
    columns::identities(&mut reading.database);
    Ok(reading.database)
}
