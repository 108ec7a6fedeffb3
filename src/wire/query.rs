//! Simple queries.

use std::ops::{ControlFlow, Range};

use postgres_protocol::message::frontend;

use super::connection::Connection;
use super::error::{Error, Result};
use super::frame::{Fields, Head};
use super::server_error::ServerError;

/// CommandComplete's tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandTag(pub(super) String);

impl CommandTag {
    /// The whole tag, `INSERT 0 5`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The last number of the tag, where there is one.
    pub fn rows(&self) -> Option<u64> {
        self.0.rsplit(' ').next()?.parse().ok()
    }
}

/// One row in text format, borrowed from the receive buffer.
pub struct Row<'a> {
    body: &'a [u8],
    columns: &'a [Option<Range<usize>>],
}

impl Row<'_> {
    /// The text of a column; `None` is NULL, or a column that is not there.
    pub fn get(&self, column: usize) -> Option<&str> {
        // It was checked when the row was split.
        std::str::from_utf8(self.body.get(self.columns.get(column)?.clone()?)?).ok()
    }

    /// How many columns it has.
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Whether it has no column.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }
}

/// The answer to one statement, collected.
#[derive(Clone)]
pub struct Reply {
    /// Rows of text values; empty where the statement returns none.
    pub rows: Vec<Vec<Option<String>>>,
    /// The command's tag.
    pub tag: CommandTag,
}

impl Reply {
    /// A column of the first row; `None` where there is no row or the value is NULL.
    pub fn value(&self, column: usize) -> Option<&str> {
        self.rows.first()?.get(column)?.as_deref()
    }
}

/// How much came; never what.
impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reply({}, {} rows)", self.tag.as_str(), self.rows.len())
    }
}

impl Connection {
    /// Runs statements in one simple Query; the reply of the last one.
    ///
    /// # Errors
    /// The first ErrorResponse, after ReadyForQuery was read (the connection stays usable), or the
    /// loss of the connection.
    pub async fn query(&mut self, sql: &str) -> Result<Reply> {
        let mut replies = self.query_all(sql).await?;
        // An empty query has an empty reply.
        Ok(replies.pop().unwrap_or_else(|| Reply {
            rows: Vec::new(),
            tag: CommandTag(String::new()),
        }))
    }

    /// As `query`, with the reply of every statement.
    pub async fn query_all(&mut self, sql: &str) -> Result<Vec<Reply>> {
        self.send_query(sql).await?;
        let mut replies = Vec::new();
        let mut rows = Vec::new();
        loop {
            let step = self.step(|row| {
                rows.push(
                    (0..row.len())
                        .map(|i| row.get(i).map(str::to_owned))
                        .collect(),
                );
                ControlFlow::Continue(())
            });
            match step.await? {
                Step::Complete(tag) => replies.push(Reply {
                    rows: std::mem::take(&mut rows),
                    tag,
                }),
                Step::Ready => return Ok(replies),
            }
        }
    }

    /// Runs one statement and shows each row as it arrives, without collecting them. A `Break` closes
    /// the connection.
    ///
    /// # Errors
    /// As `query`; after a `Break` there is no error, and the tag is empty.
    pub async fn query_each(
        &mut self,
        sql: &str,
        mut row: impl FnMut(Row<'_>) -> ControlFlow<()>,
    ) -> Result<CommandTag> {
        self.send_query(sql).await?;
        let mut tag = CommandTag(String::new());
        let mut broken = false;
        loop {
            let step = self.step(|next| {
                let flow = row(next);
                broken = flow.is_break();
                flow
            });
            match step.await? {
                Step::Complete(complete) => tag = complete,
                Step::Ready => return Ok(tag),
            }
            if broken {
                self.link.close();
                return Ok(CommandTag(String::new()));
            }
        }
    }

    /// Sends a Query; the connection is busy from here on.
    pub(super) async fn send_query(&mut self, sql: &str) -> Result<()> {
        if sql.contains('\0') {
            return Err(Error::Unsendable {
                reason: "the statement holds a NUL byte",
            });
        }
        if sql.len() > LONGEST_STATEMENT {
            return Err(Error::Unsendable {
                reason: "the statement is longer than 1 GiB",
            });
        }
        self.begin()?;
        frontend::query(sql, self.link.outbound()).map_err(|_| Error::Unsendable {
            reason: "the statement can not be framed",
        })?;
        self.link.flush().await
    }

    /// Reads CommandComplete.
    pub(super) fn command_tag(&mut self, head: Head) -> Result<CommandTag> {
        let tag = Fields::of(self.link.take(head).body)
            .cstr()
            .map(String::from_utf8_lossy);
        match tag {
            Some(tag) => Ok(CommandTag(tag.into_owned())),
            None => Err(self.link.protocol("a CommandComplete that is cut off")),
        }
    }

    /// Reads up to the end of one statement, or of the whole Query.
    async fn step(&mut self, mut row: impl FnMut(Row<'_>) -> ControlFlow<()>) -> Result<Step> {
        let mut columns = Vec::new();
        loop {
            let head = self.next().await?;
            match head.tag {
                b'T' => {
                    self.link.take(head);
                }
                b'D' => {
                    if self.row(head, &mut columns, &mut row)?.is_break() {
                        return Ok(Step::Complete(CommandTag(String::new())));
                    }
                }
                b'C' => return self.command_tag(head).map(Step::Complete),
                b'I' => {
                    self.link.take(head);
                    return Ok(Step::Complete(CommandTag(String::new())));
                }
                b'Z' => return self.ready(head).map(|()| Step::Ready),
                b'E' => {
                    let error: ServerError = self.server_error(head)?;
                    return Err(self.recover(error).await);
                }
                b'G' | b'H' | b'W' => return Err(self.unexpected(head, "(a COPY run as a query)")),
                _ => return Err(self.unexpected(head, "in the answer to a query")),
            }
        }
    }

    fn row(
        &mut self,
        head: Head,
        columns: &mut Vec<Option<Range<usize>>>,
        row: &mut impl FnMut(Row<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>> {
        let body = self.link.take(head).body;
        match split_row(body, columns) {
            Ok(()) => Ok(row(Row { body, columns })),
            Err(what) => Err(self.link.protocol(what)),
        }
    }
}

/// PostgreSQL takes no longer message.
const LONGEST_STATEMENT: usize = (1 << 30) - 16;

enum Step {
    Complete(CommandTag),
    Ready,
}

/// Finds the columns of a DataRow and checks that they are text.
fn split_row(body: &[u8], columns: &mut Vec<Option<Range<usize>>>) -> Result<(), &'static str> {
    columns.clear();
    let mut fields = Fields::of(body);
    let count = fields.i16().ok_or(CUT_OFF)?;
    for _ in 0..count {
        let length = fields.i32().ok_or(CUT_OFF)?;
        if length == -1 {
            columns.push(None);
            continue;
        }
        let start = body.len() - fields.rest().len();
        let length = usize::try_from(length).map_err(|_| CUT_OFF)?;
        let value = fields.bytes(length).ok_or(CUT_OFF)?;
        if simdutf8::basic::from_utf8(value).is_err() {
            return Err("a value is not UTF-8, though client_encoding is");
        }
        columns.push(Some(start..start + length));
    }
    Ok(())
}

const CUT_OFF: &str = "a DataRow that is cut off";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_last_number_of_a_tag_is_its_rows() {
        for (tag, rows) in [
            ("INSERT 0 5", Some(5)),
            ("COPY 7", Some(7)),
            ("BEGIN", None),
            ("", None),
        ] {
            assert_eq!(CommandTag(tag.into()).rows(), rows, "{tag}");
        }
    }

    #[test]
    fn a_row_is_split_into_its_values() {
        let body = b"\0\x03\0\0\0\x02hi\xff\xff\xff\xff\0\0\0\0";
        let mut columns = Vec::new();
        split_row(body, &mut columns).unwrap();
        let row = Row {
            body,
            columns: &columns,
        };
        assert_eq!(
            (row.get(0), row.get(1), row.get(2), row.get(3)),
            (Some("hi"), None, Some(""), None)
        );
        for end in 0..body.len() {
            assert!(split_row(&body[..end], &mut columns).is_err(), "{end}");
        }
    }

    #[test]
    fn a_value_that_is_not_utf8_is_refused() {
        assert!(split_row(b"\0\x01\0\0\0\x01\xff", &mut Vec::new()).is_err());
    }

    proptest! {
        #[test]
        fn no_row_makes_the_decoder_panic(body in proptest::collection::vec(any::<u8>(), 0..60)) {
            let mut columns = Vec::new();
            if split_row(&body, &mut columns).is_ok() {
                let row = Row { body: &body, columns: &columns };
                for i in 0..row.len() {
                    let _ = row.get(i);
                }
            }
        }
    }
}
