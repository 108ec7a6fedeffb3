//! Reading a table of the target: by COPY, or by SELECT where COPY does not take its name.

use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::copytext::{Recipe, Rewriter, RowError, Rows};
use crate::endpoint::Error as EndpointError;
use crate::endpoint::session::{self, WriteSettings};
use crate::lane::Shared;
use crate::sql;
use crate::wire::{self, Connection};

use super::Table;
use super::error::{Error, Result};

/// Bytes of rows that are looked at together.
const PIECE: usize = 256 << 10;

/// Waits before a table is read again from its start: reading changes nothing.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(5),
];

/// Why one attempt failed.
enum Failure {
    Endpoint(EndpointError),
    Row(RowError),
}

impl From<EndpointError> for Failure {
    fn from(error: EndpointError) -> Self {
        Self::Endpoint(error)
    }
}

/// The target, and connections to it that nobody uses at the moment: a table may be small, and its
/// connection the larger part of the work.
pub(super) struct Target<'a> {
    shared: &'a Shared,
    idle: Mutex<Vec<(Connection, WriteSettings)>>,
}

impl<'a> Target<'a> {
    pub(super) fn new(shared: &'a Shared) -> Self {
        Self {
            shared,
            idle: Mutex::default(),
        }
    }

    async fn connection(&self) -> Result<(Connection, WriteSettings), EndpointError> {
        let idle = self.lock().pop();
        if let Some(ready) = idle {
            return Ok(ready);
        }
        let connected = Connection::connect(&self.shared.target).await;
        let mut connection = connected.map_err(|e| wire_error("connecting", e))?;
        let mut settings = self.shared.settings.clone();
        session::prepare_write(&mut connection, &mut settings).await?;
        Ok((connection, settings))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Connection, WriteSettings)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the connections.
    pub(super) async fn close(self) {
        let idle = self
            .idle
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        for (connection, _) in idle {
            connection.close().await;
        }
    }
}

/// Reads the whole table and shows its rows.
pub(super) async fn scan<T>(
    on: &Target<'_>,
    table: &Table,
    begin: impl Fn() -> T,
    see: impl Fn(&mut T, &Rows),
) -> Result<T> {
    let mut pauses = PAUSES.iter();
    loop {
        let mut seen = begin();
        let failure = match read(on, table, &mut |rows| see(&mut seen, rows)).await {
            Ok(()) => return Ok(seen),
            Err(failure) => failure,
        };
        let source = match failure {
            Failure::Row(error) => {
                return Err(Error::Row {
                    table: table.name.to_string(),
                    kind: error.kind,
                });
            }
            Failure::Endpoint(source) => source,
        };
        let lost = matches!(
            source.wire(),
            Some(wire::Error::Lost { .. } | wire::Error::Connect { .. })
        );
        match pauses.next() {
            Some(pause) if lost => tokio::time::sleep(*pause).await,
            _ => {
                return Err(Error::Target {
                    table: table.name.to_string(),
                    source,
                });
            }
        }
    }
}

async fn read(on: &Target<'_>, table: &Table, see: &mut impl FnMut(&Rows)) -> Result<(), Failure> {
    let (mut connection, settings) = on.connection().await?;
    session::begin_write(&mut connection, &settings).await?;
    match copy(&mut connection, table, see).await {
        Err(Failure::Endpoint(error)) if takes_no_name(&error) => {
            // Its transaction is aborted.
            session::rollback(&mut connection).await?;
            session::begin_write(&mut connection, &settings).await?;
            select(&mut connection, table, see).await?;
        }
        copied => copied?,
    }
    session::rollback(&mut connection).await?;
    on.lock().push((connection, settings));
    Ok(())
}

/// DB9's documents do not promise COPY TO of a name that needs quotes.
fn takes_no_name(error: &EndpointError) -> bool {
    matches!(error.code(), Some("42P01" | "42601" | "0A000" | "42703"))
}

fn wire_error(doing: &str, source: wire::Error) -> EndpointError {
    EndpointError::Wire {
        doing: doing.to_owned(),
        source,
    }
}

/// Rows on their way to who looks at them: checked as the rows of a source are.
struct Pieces {
    rewriter: Rewriter,
    raw: Vec<u8>,
    rows: Rows,
}

impl Pieces {
    fn new(table: &Table) -> Self {
        let recipe = Recipe {
            fields: table.columns.len(),
            transforms: Vec::new(),
        };
        Self {
            rewriter: Rewriter::new(recipe, usize::MAX, PIECE),
            raw: Vec::with_capacity(PIECE),
            rows: Rows::with_capacity(PIECE),
        }
    }

    /// Shows the whole rows that have come.
    fn show(&mut self, see: &mut impl FnMut(&Rows)) -> Result<(), Failure> {
        loop {
            self.rows.clear();
            let consumed = self
                .rewriter
                .rewrite(&self.raw, &mut self.rows, PIECE)
                .map_err(Failure::Row)?;
            self.raw.drain(..consumed);
            if self.rows.digest.rows == 0 {
                return Ok(());
            }
            see(&self.rows);
        }
    }

    fn finish(&self) -> Result<(), Failure> {
        self.rewriter.finish(&self.raw).map_err(Failure::Row)
    }
}

async fn copy(
    connection: &mut Connection,
    table: &Table,
    see: &mut impl FnMut(&Rows),
) -> Result<(), Failure> {
    let statement = sql::copy_table(&table.name.schema, &table.name.name, &table.columns);
    let failed = |e| wire_error("COPY TO", e);
    let mut copy = connection.copy_out(&statement).await.map_err(failed)?;
    let mut pieces = Pieces::new(table);
    loop {
        let limit = (pieces.raw.len() + PIECE / 2).max(PIECE);
        if copy.read(&mut pieces.raw, limit).await.map_err(failed)? == 0 {
            break;
        }
        pieces.show(see)?;
    }
    pieces.finish()?;
    let (tag, arrived) = (copy.finish().await.map_err(failed)?, pieces.rewriter.rows());
    if tag.rows().is_some_and(|sent| sent != arrived) {
        // Rows that were lost on their way are no rows that are missing there.
        let what = format!(
            "{arrived} rows arrived, and the target says {}",
            tag.as_str()
        );
        return Err(EndpointError::unexpected(what).into());
    }
    Ok(())
}

async fn select(
    connection: &mut Connection,
    table: &Table,
    see: &mut impl FnMut(&Rows),
) -> Result<(), Failure> {
    let columns = sql::identifiers(&table.columns);
    let statement = format!("SELECT {columns} FROM {}", table.name.quoted());
    let mut pieces = Pieces::new(table);
    let mut bad = None;
    let selected = connection.query_each(&statement, |row| {
        let fields = (0..row.len()).map(|i| row.get(i));
        copy_text(fields, &mut pieces.raw);
        if pieces.raw.len() < PIECE {
            return ControlFlow::Continue(());
        }
        match pieces.show(see) {
            Ok(()) => ControlFlow::Continue(()),
            Err(failure) => {
                bad = Some(failure);
                ControlFlow::Break(())
            }
        }
    });
    selected.await.map_err(|e| wire_error("SELECT", e))?;
    if let Some(failure) = bad {
        return Err(failure);
    }
    pieces.show(see)?;
    pieces.finish()
}

/// A row as COPY would have sent it.
fn copy_text<'f>(fields: impl Iterator<Item = Option<&'f str>>, out: &mut Vec<u8>) {
    for (number, field) in fields.enumerate() {
        if number > 0 {
            out.push(b'\t');
        }
        match field {
            None => out.extend_from_slice(b"\\N"),
            Some(text) => text.bytes().for_each(|byte| escape(byte, out)),
        }
    }
    out.push(b'\n');
}

fn escape(byte: u8, out: &mut Vec<u8>) {
    let letter = match byte {
        b'\\' => b'\\',
        0x08 => b'b',
        0x0c => b'f',
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x0b => b'v',
        plain => return out.push(plain),
    };
    out.extend_from_slice(&[b'\\', letter]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selected_row_is_what_copy_would_have_sent() {
        let mut out = Vec::new();
        let fields = [
            Some("a\tb"),
            None,
            Some(""),
            Some("\\N\n\r\u{8}\u{b}\u{c}é"),
        ];
        copy_text(fields.into_iter(), &mut out);
        assert_eq!(out, "a\\tb\t\\N\t\t\\\\N\\n\\r\\b\\v\\fé\n".as_bytes());
        out.clear();
        copy_text(std::iter::empty(), &mut out);
        assert_eq!(out, b"\n");
    }
}
