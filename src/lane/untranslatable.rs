//! Rows that the source has and can not send as UTF-8: characters that have no counterpart there, or bytes that
//! are none of the server's encoding.
//!
//! ```text
//!  COPY of the chunk ─▶ the error ends it behind row 6 ─▶ which row is the 7th? ─▶ (8,2)
//!    ─▶ that row alone: in the server's encoding it comes, as UTF-8 it is refused again, so it is a reject
//!    ─▶ COPY of the chunk without (8,2), and the row is put in where it stood
//! ```
//!
//! So each of them costs the chunk one more read up to it, and none is rejected for what another one is
//! guilty of.

use crate::copytext::Digest;
use crate::sql;
use crate::wire::{self, Connection};

use super::Work;
use super::batch::digest;
use super::read::Begun;

/// Such rows of one chunk, as they stand in it.
#[derive(Debug, Default)]
pub(super) struct Untranslatable {
    /// Pair and number of the chunk.
    chunk: (usize, u32),
    rows: Vec<Row>,
}

/// A row that the source can not send as UTF-8.
#[derive(Debug)]
pub(super) struct Row {
    /// Its position in the chunk, from 0.
    pub(super) position: u64,
    /// Of its text.
    pub(super) digest: Digest,
    /// COPY text in ASCII, with its newline; empty once the row is on its way to the target's side.
    pub(super) text: Vec<u8>,
    ctid: String,
}

/// A row that was found to be one.
pub(super) struct Found {
    ctid: String,
    text: Vec<u8>,
}

impl Untranslatable {
    /// Begins to read a chunk, maybe again.
    pub(super) fn of_chunk(&mut self, work: &Work) {
        let chunk = (work.table, work.chunk);
        if self.chunk != chunk {
            self.chunk = chunk;
            self.rows.clear();
        }
    }

    /// Adds one at a position; texts of rows before `sent` are not needed any more. `false`: it does not
    /// stand behind the others, so it is not the row that was meant.
    pub(super) fn add(&mut self, position: u64, found: Found, sent: u64) -> bool {
        if self
            .rows
            .last()
            .is_some_and(|last| last.position >= position)
        {
            return false;
        }
        self.rows.push(Row {
            position,
            digest: digest(&found.text),
            text: found.text,
            ctid: found.ctid,
        });
        let behind = self.rows.iter_mut().filter(|row| row.position < sent);
        behind.for_each(|row| row.text = Vec::new());
        true
    }

    pub(super) fn get(&self, number: usize) -> Option<&Row> {
        self.rows.get(number)
    }

    /// The chunk's COPY without them.
    pub(super) fn copy_without(&self, work: &Work) -> String {
        let condition = self.condition(work);
        let columns = columns(work);
        let source = source(work, &columns, condition.as_deref());
        sql::copy_out(&source, work.bounds.range())
    }

    fn condition(&self, work: &Work) -> Option<String> {
        if self.rows.is_empty() {
            return work.condition.clone();
        }
        let without = sql::not_at(self.rows.iter().map(|row| row.ctid.as_str()));
        let condition = work.condition.as_ref();
        Some(condition.map_or(without.clone(), |c| format!("({c}\n) AND {without}")))
    }
}

/// Finds the row at a position of the chunk, from 0; `None` where the server can send it, or has none there.
/// The transaction is of no use afterwards.
pub(super) async fn find(
    begun: Begun<'_>,
    work: &Work,
    position: u64,
) -> wire::Result<Option<Found>> {
    let (connection, others) = (begun.connection, begun.untranslatable);
    let nth = position + 1 - others.rows.len() as u64;
    let condition = others.condition(work);
    let columns = columns(work);
    let numbered = source(work, &columns, condition.as_deref());
    let which = sql::nth_row(&numbered, work.bounds.range(), nth);
    let rows = connection.query(&which).await?.rows;
    let ctid = rows.first().and_then(|row| row.first()?.as_deref());
    let Some(ctid) = ctid.map(str::to_owned) else {
        return Ok(None);
    };
    let row = sql::Range::Row { ctid: &ctid };
    let copy = sql::copy_out(&source(work, &columns, None), row);
    let encoding = connection.parameter("server_encoding").unwrap_or("UTF8");
    let encoding = encoding.to_owned();
    let text = sent_as(connection, &encoding, &copy).await?;
    match sent_as(connection, "UTF8", &copy).await {
        Err(error) if is_translation(&error) => {
            let text = ascii(&text);
            Ok(Some(Found { ctid, text }))
        }
        sent => sent.map(|_| None),
    }
}

/// Whether a server says that it can not send characters as UTF-8.
pub(super) fn is_translation(error: &wire::Error) -> bool {
    matches!(error.code(), Some("22021" | "22P05"))
}

/// What a COPY sends in an encoding.
async fn sent_as(connection: &mut Connection, encoding: &str, copy: &str) -> wire::Result<Vec<u8>> {
    let encoding = sql::literal(encoding);
    connection
        .query(&format!("SET LOCAL client_encoding = {encoding}"))
        .await?;
    let mut copy = connection.copy_out(copy).await?;
    let mut text = Vec::new();
    while copy.read(&mut text, usize::MAX).await? > 0 {}
    copy.finish().await?;
    Ok(text)
}

/// The same COPY text with an escape for each byte beyond ASCII: a file with rows of two encodings could not
/// be read by anything.
fn ascii(text: &[u8]) -> Vec<u8> {
    let mut ascii = Vec::with_capacity(text.len());
    for &byte in text {
        match byte {
            0x80.. => ascii.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
            _ => ascii.push(byte),
        }
    }
    ascii
}

/// Where in whole rows, with their newlines, the first begins that holds what `ascii` writes. Such bytes are of the
/// source's encoding, and another server may take them for other characters.
pub(super) fn escaped(rows: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(backslash) = memchr::memchr(b'\\', &rows[at..]) {
        at += backslash;
        if let [b'x', b'8' | b'9' | b'a'..=b'f' | b'A'..=b'F', digit, ..] = rows[at + 1..]
            && digit.is_ascii_hexdigit()
        {
            return Some(memchr::memrchr(b'\n', &rows[..at]).map_or(0, |end| end + 1));
        }
        // What is escaped, too, may be a backslash.
        at = (at + 2).min(rows.len());
    }
    None
}

fn columns(work: &Work) -> Vec<sql::Value<'_>> {
    let value = |place| match work.expressions.get(&place) {
        Some(expression) => sql::Value::Computed(expression),
        None => sql::Value::Column(&work.columns[place].0),
    };
    (0..work.columns.len()).map(value).collect()
}

fn source<'a>(
    work: &'a Work,
    columns: &'a [sql::Value<'a>],
    condition: Option<&'a str>,
) -> sql::Source<'a> {
    sql::Source {
        schema: &work.source.schema,
        name: &work.source.name,
        columns,
        condition,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_beyond_ascii_are_escaped_and_found_again() {
        let text = ascii(b"7\ta\\\\\x81b\xc3\n");
        assert_eq!(text, b"7\ta\\\\\\x81b\\xc3\n");
        assert_eq!(escaped(&text), Some(0));
        assert_eq!(escaped(&[&b"1\tone\n"[..], &text].concat()), Some(6));
    }

    #[test]
    fn what_only_looks_like_it_is_not_taken_for_it() {
        for text in [
            "a\\\\x81\n",
            "\\N\tx81\n",
            "\\x41\n",
            "\\x8\n",
            "\\x8",
            "\\",
        ] {
            assert_eq!(escaped(text.as_bytes()), None, "{text}");
        }
    }
}
