//! Findings for programs. `docs/findings.md` documents every field.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Findings, SEVERITIES};
use crate::schema::finding::{Finding, Kind, Severity};

/// The findings of a run: counts, the kinds that occur, and each finding.
#[derive(Debug, Serialize)]
pub(in crate::cli) struct Json {
    summary: BTreeMap<Severity, Count>,
    kinds: BTreeMap<&'static str, ReportedKind>,
    findings: Vec<ReportedFinding>,
}

#[derive(Debug, Default, Serialize)]
struct Count {
    kinds: usize,
    kinds_accepted: usize,
    findings: usize,
}

#[derive(Debug, Serialize)]
struct ReportedKind {
    severity: Severity,
    accepted: bool,
    title: &'static str,
    happens: &'static str,
    why: &'static str,
    remedy: &'static str,
}

#[derive(Debug, Serialize)]
struct ReportedFinding {
    id: &'static str,
    severity: Severity,
    accepted: bool,
    object: String,
    count: u64,
    detail: String,
}

impl Json {
    pub(super) fn of(findings: &Findings<'_>) -> Self {
        let count = |severity| {
            let kinds = findings.kinds(severity);
            Count {
                kinds: kinds.len(),
                kinds_accepted: kinds.iter().filter(|k| findings.is_accepted(&k[0])).count(),
                findings: kinds.iter().map(|kind| kind.len()).sum(),
            }
        };
        let kind = |finding: &Finding| {
            let accepted = findings.is_accepted(finding);
            (finding.kind.id, ReportedKind::of(finding.kind, accepted))
        };
        let finding = |finding: &Finding| ReportedFinding {
            id: finding.kind.id,
            severity: finding.kind.severity,
            accepted: findings.is_accepted(finding),
            object: finding.object.clone(),
            count: finding.count,
            detail: finding.detail.clone(),
        };
        Self {
            summary: SEVERITIES
                .map(|severity| (severity, count(severity)))
                .into(),
            kinds: findings.list.iter().map(kind).collect(),
            findings: findings.list.iter().map(finding).collect(),
        }
    }
}

impl ReportedKind {
    fn of(kind: &Kind, accepted: bool) -> Self {
        Self {
            severity: kind.severity,
            accepted,
            title: kind.title,
            happens: kind.happens,
            why: kind.why,
            remedy: kind.remedy,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::findings::tests::{findings, shown};
    use std::collections::BTreeSet;

    #[test]
    fn a_program_finds_each_finding_and_its_kind() {
        let list = findings();
        let accepted: BTreeSet<String> = ["a-blocker".to_owned()].into();
        let json = Json::of(&Findings {
            accepted: &accepted,
            ..shown(&list)
        });
        let json = serde_json::to_value(&json).expect("it is JSON");
        assert_eq!(json["summary"]["blocker"]["kinds_accepted"], 1);
        assert_eq!(json["summary"]["loss"]["findings"], 12);
        assert_eq!(json["summary"]["change"]["kinds"], 0);
        assert_eq!(json["kinds"]["a-loss"]["severity"], "loss");
        assert_eq!(json["kinds"]["a-blocker"]["accepted"], true);
        let all = json["findings"].as_array().expect("a list");
        assert_eq!(all.len(), list.len());
        assert_eq!(all[1]["count"], 1_234);
        assert_eq!(all[1]["object"], "table public.users");
        assert_eq!(all[2]["accepted"], false);
    }
}
