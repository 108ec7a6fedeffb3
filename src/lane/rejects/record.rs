//! What is told of a rejected row, and of its file: names and positions, never a value.

use serde::{Deserialize, Serialize};

use crate::catalog::TableName;

/// Version of the format.
pub const FORMAT: &str = "wire9-rejects/1";

/// The first line of `TABLE.jsonl`: what the files are about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// [`FORMAT`].
    pub format: String,
    /// UUID of the run that rejected the rows.
    pub run: String,
    /// Name in the source.
    pub source: TableName,
    /// Name in the target.
    pub target: TableName,
    /// Columns in the target, in the order of the rows' fields.
    pub columns: Vec<String>,
}

/// One rejected row; the n-th of them is of the n-th row in `TABLE.copy`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Source table for people.
    pub table: String,
    /// Number of the chunk within the table.
    pub chunk: u32,
    /// Position of the row within the chunk, from 1.
    pub row: u64,
    /// Who refused it.
    pub by: By,
    /// SQLSTATE of the refusal.
    pub sqlstate: String,
    /// Constraint that refused it, where the server names one.
    pub constraint: Option<String>,
    /// Column that it is about, where that is known.
    pub column: Option<String>,
}

/// Who refused a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// The target.
    Target,
    /// The source: it can not send it as UTF-8.
    Source,
    /// This program, before the row was sent.
    Wire9,
}

/// A line of JSON.
pub(super) fn line(value: &impl Serialize) -> String {
    let mut line = serde_json::to_string(value).expect("names and numbers are JSON");
    line.push('\n');
    line
}

/// The header of a file's text; `None` where it is none of this version.
pub(super) fn header(text: &str) -> Option<Header> {
    let header: Header = serde_json::from_str(text).ok()?;
    (header.format == FORMAT).then_some(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_names_and_counts_and_is_read_as_it_was_written() {
        let record = Record {
            table: "public.t".to_owned(),
            chunk: 2,
            row: 7,
            by: By::Target,
            sqlstate: "23514".to_owned(),
            constraint: Some("positive".to_owned()),
            column: None,
        };
        let line = line(&record);
        assert_eq!(
            line,
            "{\"table\":\"public.t\",\"chunk\":2,\"row\":7,\"by\":\"target\",\
             \"sqlstate\":\"23514\",\"constraint\":\"positive\",\"column\":null}\n"
        );
        assert_eq!(serde_json::from_str::<Record>(&line).ok(), Some(record));
    }

    #[test]
    fn a_header_of_another_version_is_none() {
        let header_of = |format: &str| {
            line(&Header {
                format: format.to_owned(),
                run: "r".to_owned(),
                source: TableName::new("a", "b"),
                target: TableName::new("a", "b"),
                columns: vec!["x".to_owned()],
            })
        };
        assert!(header(&header_of(FORMAT)).is_some());
        assert!(header(&header_of("wire9-rejects/9")).is_none());
        assert!(header("{\"table\":\"t\"}").is_none());
    }
}
