//! The report of a check: as text, and as JSON (`docs/findings.md` documents every field).

use serde::Serialize;

use crate::cli::errors::clean;
use crate::cli::exit_codes;
use crate::cli::findings::{Findings, Json};
use crate::cli::units;
use crate::cli::verdict::section;
use crate::runs::Exit;
use crate::runs::check::{Assessment, Settings};

const FORMAT: &str = "wire9-check-report/1";

/// All that the report is made of.
pub(super) struct Report<'a> {
    pub(super) settings: &'a Settings,
    pub(super) assessment: &'a Assessment,
    pub(super) findings: Findings<'a>,
}

#[derive(Debug, Serialize)]
struct Reported {
    format: &'static str,
    wire9_version: &'static str,
    exit_code: u8,
    exit_meaning: &'static str,
    source: ReportedSource,
    target: Option<String>,
    deep: bool,
    #[serde(flatten)]
    findings: Json,
    accepted: Vec<String>,
    not_checked: Vec<String>,
}

#[derive(Debug, Serialize)]
struct ReportedSource {
    endpoint: String,
    server_version: String,
    tables: usize,
}

impl Report<'_> {
    /// The whole text.
    pub(super) fn text(&self) -> String {
        let mut text = format!("{}  {}\n", self.word(), self.findings.summary());
        section(&mut text, "", &self.endpoints());
        text.push_str(&self.findings.text());
        let data = "the data itself: --deep reads it".to_owned();
        let data: Vec<String> = (!self.settings.deep).then_some(data).into_iter().collect();
        text.push_str(&self.findings.not_checked_text(&data));
        section(&mut text, "NEXT", &self.next());
        text
    }

    /// What to do now: the end is what a person sees of a long report.
    fn next(&self) -> Vec<String> {
        let said = format!("{}: {}", self.word(), self.findings.summary());
        let open = self.findings.open_ids().join(",");
        let what = match self.findings.exit() {
            Exit::Blockers => format!(
                "`wire9 migrate` writes nothing before each blocker was seen: --accept {open}"
            ),
            Exit::Findings => format!(
                "a pipeline goes on when each loss was seen: --accept {open}, or --accept-file"
            ),
            Exit::NotVerified => format!(
                "look at what was not checked by other means; a pipeline goes on with --accept {open}"
            ),
            _ => return Vec::new(),
        };
        vec![said, what]
    }

    /// The same for programs, one JSON object.
    pub(super) fn json(&self) -> serde_json::Result<String> {
        let exit = self.findings.exit();
        let reported = Reported {
            format: FORMAT,
            wire9_version: env!("CARGO_PKG_VERSION"),
            exit_code: exit as u8,
            exit_meaning: exit_codes::meaning(exit),
            source: ReportedSource {
                endpoint: self.settings.source.to_string(),
                server_version: self.assessment.database.server.version_text.clone(),
                tables: self.tables(),
            },
            target: self.settings.target.as_ref().map(ToString::to_string),
            deep: self.settings.deep,
            findings: self.findings.json(),
            accepted: self.assessment.accepted.iter().cloned().collect(),
            not_checked: self.findings.not_checked(),
        };
        serde_json::to_string_pretty(&reported).map(|text| text + "\n")
    }

    fn word(&self) -> &'static str {
        match self.findings.exit() {
            Exit::Blockers => "BLOCKED",
            Exit::Findings => "LOSS",
            Exit::NotVerified => "NOT ALL CHECKED",
            _ if self.findings.list.is_empty() => "CLEAN",
            _ => "OK",
        }
    }

    fn endpoints(&self) -> Vec<String> {
        let server = &self.assessment.database.server;
        let target = match &self.settings.target {
            Some(target) => clean(&target.to_string()),
            None => "not named: DB9 as its documents describe it (--db9 probes a live one)".into(),
        };
        vec![
            format!(
                "source  {}  PostgreSQL {}, {}",
                clean(&self.settings.source.to_string()),
                clean(&server.version_text),
                units::counted(self.tables() as u64, "table"),
            ),
            format!("target  {target}"),
        ]
    }

    fn tables(&self) -> usize {
        let relations = self.assessment.database.relations.iter();
        relations.filter(|relation| relation.is_table()).count()
    }
}
