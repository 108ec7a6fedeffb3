//! What the JSON report of every run has around the run's own result: which format, how it ended, what it
//! took, the error.
//!
//! A field never changes its meaning or unit within a version of a format; new fields may come.

use serde::Serialize;

use super::resources::Resources;
use super::{errors, exit_codes};
use crate::runs::{Error, Exit};

/// A whole report.
#[derive(Debug, Serialize)]
pub(super) struct Envelope<R> {
    format: &'static str,
    wire9_version: &'static str,
    exit_code: u8,
    exit_meaning: &'static str,
    peak_rss_bytes: Option<u64>,
    cpu_seconds: f64,
    error: Option<ReportedError>,
    result: Option<R>,
}

#[derive(Debug, Serialize)]
struct ReportedError {
    what: String,
    causes: Vec<String>,
    remedy: Option<String>,
}

impl<R: Serialize> Envelope<R> {
    /// Of a run of that format that ended like this.
    pub(super) fn new(format: &'static str, exit: Exit, resources: Resources) -> Self {
        Self {
            format,
            wire9_version: env!("CARGO_PKG_VERSION"),
            exit_code: exit as u8,
            exit_meaning: exit_codes::meaning(exit),
            peak_rss_bytes: resources.peak_rss,
            cpu_seconds: resources.cpu_seconds,
            error: None,
            result: None,
        }
    }

    /// Of a run that ended by this error.
    pub(super) fn of_error(format: &'static str, error: &Error, resources: Resources) -> Self {
        Self::new(format, error.exit, resources).with_error(error)
    }

    /// With what ended the run.
    pub(super) fn with_error(mut self, error: &Error) -> Self {
        self.error = Some(ReportedError {
            what: errors::clean(&error.what),
            causes: errors::causes(error),
            remedy: errors::remedy(error),
        });
        self
    }

    /// With what the run has to say.
    pub(super) fn with_result(mut self, result: R) -> Self {
        self.result = Some(result);
        self
    }

    /// As JSON text.
    pub(super) fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    const DOCS: &str = include_str!("../../docs/report.md");

    pub(in crate::cli) const RESOURCES: Resources = Resources {
        peak_rss: Some(34_100_000),
        cpu_seconds: 0.5,
    };

    pub(in crate::cli) fn parsed<R: Serialize>(report: &Envelope<R>) -> Value {
        serde_json::from_str(&report.json().expect("it is JSON")).expect("it is JSON")
    }

    /// The report of a run that ended by an error.
    pub(in crate::cli) fn failed(format: &'static str) -> Value {
        let error = Error {
            exit: Exit::Connection,
            what: "no connection".to_owned(),
            advice: Some("start it".to_owned()),
            source: Some("refused".into()),
        };
        parsed(&Envelope::<()>::of_error(format, &error, RESOURCES))
    }

    /// Every path of the values, as the documentation spells them; `elsewhere` are documented in another
    /// place, and end at their own names.
    pub(in crate::cli) fn paths(values: &[Value], elsewhere: &[&str]) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for value in values {
            push_paths(value, "", elsewhere, &mut found);
        }
        found.retain(|path| !path.ends_with("[]"));
        found
    }

    fn push_paths(value: &Value, path: &str, elsewhere: &[&str], found: &mut BTreeSet<String>) {
        if !path.is_empty() {
            found.insert(path.to_owned());
        }
        if elsewhere.contains(&path) {
            return;
        }
        match value {
            Value::Object(fields) => fields.iter().for_each(|(name, value)| {
                let dot = if path.is_empty() { "" } else { "." };
                push_paths(value, &format!("{path}{dot}{name}"), elsewhere, found);
            }),
            Value::Array(items) => {
                let objects = items.iter().filter(|item| item.is_object());
                objects.for_each(|item| push_paths(item, &format!("{path}[]"), elsewhere, found));
            }
            _ => (),
        }
    }

    /// The fields that the part of docs/report.md about a format documents.
    pub(in crate::cli) fn documented(format: &str) -> BTreeSet<String> {
        let part = DOCS.split("\n# ").find(|part| part.contains(format));
        let part = part.expect("the format is documented");
        let rows = part.lines().filter_map(|line| line.strip_prefix("| `"));
        rows.filter_map(|row| row.split_once('`'))
            .map(|(path, _)| path.to_owned())
            .collect()
    }

    #[test]
    fn every_documented_field_has_a_type_and_a_meaning() {
        for row in DOCS.lines().filter(|line| line.starts_with("| `")) {
            let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
            assert_eq!(cells.len(), 3, "{row}");
            assert!(cells.iter().all(|cell| !cell.is_empty()), "{row}");
        }
    }

    #[test]
    fn a_run_that_ended_by_an_error_has_its_exit_code_and_causes() {
        let report = failed("a-format/1");
        assert_eq!(report["format"], "a-format/1");
        assert_eq!(report["exit_code"], 3);
        assert_eq!(report["result"], Value::Null);
        assert_eq!(report["error"]["causes"][0], "refused");
        assert_eq!(report["error"]["remedy"], "start it");
    }
}
