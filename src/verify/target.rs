//! Reading a table of the target.
//!
//! ```text
//! whole ──▶ COPY t TO STDOUT ──refused──▶ SELECT, page by page where a key allows it
//! ranges of a key, several at once ─────▶ SELECT, the same
//! ```
//! DB9's documents know no COPY of a query, and do not promise COPY TO of a name that needs quotes. Which of
//! the two a table needs is found by trying.

use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream;

use crate::copytext::{Recipe, Rewriter, RowError, Rows};
use crate::endpoint::Error as EndpointError;
use crate::endpoint::session::{self, WriteSettings};
use crate::lane::{Half, Seats, Shared, Stage};
use crate::sql;
use crate::wire::{self, Connection};

use super::error::{Error, Result};
use super::range::{KeyRange, behind};
use super::seen::Merge;
use super::{Table, tell};

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
    /// A seat per connection.
    seats: Seats,
    idle: Mutex<Vec<(Connection, WriteSettings)>>,
}

impl<'a> Target<'a> {
    /// A target that is read over at most so many connections.
    pub(super) fn new(shared: &'a Shared, connections: usize) -> Self {
        Self {
            shared,
            seats: Seats::new(connections),
            idle: Mutex::default(),
        }
    }

    async fn connection(&self) -> Result<(Connection, WriteSettings), EndpointError> {
        let idle = self.lock().pop();
        if let Some(ready) = idle {
            return Ok(ready);
        }
        let connected = Connection::connect(&self.shared.loading.target).await;
        let mut connection = connected.map_err(|e| wire_error("connecting", e))?;
        let mut settings = self.shared.loading.settings.clone();
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

/// What is read of a table by one task.
#[derive(Clone)]
enum Part {
    Whole,
    /// The rows for which this holds.
    Where(String),
}

/// Reads the whole table, range by range where it has some, and shows its rows.
pub(super) async fn scan<T: Merge>(
    on: &Target<'_>,
    table: &Table,
    begin: impl Fn() -> T,
    see: impl Fn(&mut T, &Rows),
) -> Result<T> {
    let parts: Vec<Part> = match table.ranges.as_slice() {
        [] => vec![Part::Whole],
        ranges => {
            let condition = |range: &KeyRange| range.condition().map_or(Part::Whole, Part::Where);
            ranges.iter().map(condition).collect()
        }
    };
    // How many are read at once is the target's matter.
    let at_once = parts.len();
    let (begin, see) = (&begin, &see);
    let scans = parts
        .into_iter()
        .map(|part| async move { scan_part(on, table, &part, begin, see).await });
    let mut scans = stream::iter(scans).buffer_unordered(at_once);
    let mut seen = begin();
    while let Some(part) = scans.next().await {
        seen.add(part?);
    }
    Ok(seen)
}

/// Reads the rows for which a condition holds, and shows them.
pub(super) async fn scan_where<T>(
    on: &Target<'_>,
    table: &Table,
    condition: String,
    begin: impl Fn() -> T,
    see: impl Fn(&mut T, &Rows),
) -> Result<T> {
    scan_part(on, table, &Part::Where(condition), &begin, &see).await
}

async fn scan_part<T>(
    on: &Target<'_>,
    table: &Table,
    part: &Part,
    begin: &impl Fn() -> T,
    see: &impl Fn(&mut T, &Rows),
) -> Result<T> {
    let mut pauses = PAUSES.iter();
    loop {
        let mut seen = begin();
        let mut show = |rows: &Rows| {
            see(&mut seen, rows);
            tell(on.shared, table.number, rows);
        };
        let failure = match read(on, table, part, &mut show).await {
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
        on.shared.loading.board.pulse().beat();
        match pauses.next() {
            Some(pause) if passes(&source) => tokio::time::sleep(*pause).await,
            _ => {
                return Err(Error::Target {
                    table: table.name.to_string(),
                    source,
                });
            }
        }
    }
}

/// Whether reading may succeed a moment later.
fn passes(error: &EndpointError) -> bool {
    match error.wire() {
        Some(wire::Error::Lost { .. } | wire::Error::Connect { .. }) => true,
        _ => matches!(
            error.code(),
            Some("40001" | "40P01" | "53200" | "53300" | "57P01" | "57P02" | "57P03")
        ),
    }
}

async fn read(
    on: &Target<'_>,
    table: &Table,
    part: &Part,
    see: &mut impl FnMut(&Rows),
) -> Result<(), Failure> {
    let board = &on.shared.loading.board;
    let seat = on.seats.take(board, Half::Writer).await;
    seat.post(Stage::BeginWrite, &table.name);
    let (mut connection, settings) = on.connection().await?;
    session::begin_write(&mut connection, &settings).await?;
    seat.post(Stage::Target, &table.name);
    let select = Select {
        shared: on.shared,
        table,
        part,
    };
    match part {
        Part::Where(_) => select.read(&mut connection, see).await?,
        Part::Whole => match copy(on.shared, &mut connection, table, see).await {
            Err(Failure::Endpoint(error)) if takes_no_name(&error) => {
                // Its transaction is aborted.
                session::rollback(&mut connection).await?;
                session::begin_write(&mut connection, &settings).await?;
                select.read(&mut connection, see).await?;
            }
            copied => copied?,
        },
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
        let rewriter = Rewriter::new(recipe, usize::MAX, PIECE);
        Self {
            rewriter: rewriter.spread(table.comparison.spread.clone()),
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
    shared: &Shared,
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
        let read = copy.read(&mut pieces.raw, limit).await.map_err(failed)?;
        if read == 0 {
            break;
        }
        pieces.show(see)?;
        shared.took(read).await;
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

/// Reading by SELECT: one statement, or one per page.
struct Select<'t> {
    shared: &'t Shared,
    table: &'t Table,
    part: &'t Part,
}

/// Bytes that a page aims at, and the rows of the first one.
const PAGE: usize = 8 << 20;
const FIRST_PAGE: usize = 1000;

impl Select<'_> {
    async fn read(
        &self,
        connection: &mut Connection,
        see: &mut impl FnMut(&Rows),
    ) -> Result<(), Failure> {
        let mut pieces = Pieces::new(self.table);
        if self.table.pages.is_empty() {
            self.select(connection, &self.statement(None), &mut pieces, see)
                .await?;
            return pieces.finish();
        }
        let (mut rows, mut last) = (FIRST_PAGE, None);
        loop {
            let statement = self.statement(Some((last.take(), rows)));
            let page = self
                .select(connection, &statement, &mut pieces, see)
                .await?;
            if page.rows < rows || page.last.is_none() {
                return pieces.finish();
            }
            last = page.last;
            rows = (PAGE / (page.bytes / page.rows).max(1)).clamp(100, 100_000);
        }
    }

    /// The whole part, or `rows` rows of it behind a key.
    fn statement(&self, page: Option<(Option<Vec<String>>, usize)>) -> String {
        let columns = sql::identifiers(&self.table.columns);
        let mut statement = format!("SELECT {columns} FROM {}", self.table.name.quoted());
        let mut conditions: Vec<String> = match self.part {
            Part::Whole => Vec::new(),
            Part::Where(condition) => vec![format!("({condition})")],
        };
        let places = self.table.pages.iter();
        let key: Vec<String> = places.map(|&p| self.table.columns[p].clone()).collect();
        if let Some((Some(last), _)) = &page {
            conditions.push(behind(&key, last));
        }
        if !conditions.is_empty() {
            statement.push_str(" WHERE ");
            statement.push_str(&conditions.join(" AND "));
        }
        if let Some((_, rows)) = page {
            let key = sql::identifiers(&key);
            statement.push_str(&format!(" ORDER BY {key} LIMIT {rows}"));
        }
        statement
    }

    async fn select(
        &self,
        connection: &mut Connection,
        statement: &str,
        pieces: &mut Pieces,
        see: &mut impl FnMut(&Rows),
    ) -> Result<Page, Failure> {
        let mut page = Page::default();
        let mut bad = None;
        let selected = connection.query_each(statement, |row| {
            let fields = (0..row.len()).map(|i| row.get(i));
            let before = pieces.raw.len();
            copy_text(fields, &mut pieces.raw);
            page.rows += 1;
            page.bytes += pieces.raw.len() - before;
            page.key_of(&row, &self.table.pages);
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
        self.shared.took(page.bytes).await;
        Ok(page)
    }
}

/// What came of a page.
#[derive(Default)]
struct Page {
    rows: usize,
    bytes: usize,
    /// The key of its last row.
    last: Option<Vec<String>>,
}

impl Page {
    /// Remembers the key of a row; its memory is used again.
    fn key_of(&mut self, row: &wire::Row<'_>, places: &[usize]) {
        let mut key = self.last.take().unwrap_or_default();
        key.resize(places.len(), String::new());
        for (value, &place) in key.iter_mut().zip(places) {
            let Some(text) = row.get(place) else {
                return;
            };
            value.clear();
            value.push_str(text);
        }
        self.last = Some(key);
    }
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
