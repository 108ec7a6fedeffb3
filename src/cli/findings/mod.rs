//! Findings as people and programs see them, and what a person has accepted: shared by every command
//! that has findings.

mod accept;
mod json;
mod text;

use std::collections::BTreeSet;

use crate::runs::Exit;
use crate::schema::finding::{Finding, Severity};

pub(super) use accept::{AcceptArguments, accepted};
pub(super) use json::Json;

/// Findings and how they are to be shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Findings<'a> {
    /// All of them, the worst first, then by id and object.
    pub(super) list: &'a [Finding],
    /// Ids that a person has accepted; their findings stay in every report.
    pub(super) accepted: &'a BTreeSet<String>,
    /// Every object is shown, and not the first few of each kind.
    pub(super) all: bool,
}

impl<'a> Findings<'a> {
    /// The findings by severity, each with why and remedy; empty where there are none.
    pub(super) fn text(&self) -> String {
        text::text(self)
    }

    /// `2 blockers (1 accepted), 3 losses, 14 changes, 5 notes`: kinds of findings, not objects;
    /// `no findings` where there are none.
    pub(super) fn summary(&self) -> String {
        text::summary(self)
    }

    /// The same for programs.
    pub(super) fn json(&self) -> Json {
        Json::of(self)
    }

    /// What they mean for a pipeline: blockers that nobody accepted, else losses that nobody accepted.
    pub(super) fn exit(&self) -> Exit {
        let worst = self.open().map(|finding| finding.kind.severity).min();
        match worst {
            Some(Severity::Blocker) => Exit::Blockers,
            Some(Severity::Loss) => Exit::Findings,
            _ => Exit::Done,
        }
    }

    fn open(&self) -> impl Iterator<Item = &'a Finding> {
        let accepted = self.accepted;
        self.list
            .iter()
            .filter(move |finding| !accepted.contains(finding.kind.id))
    }

    fn is_accepted(&self, finding: &Finding) -> bool {
        self.accepted.contains(finding.kind.id)
    }

    /// The findings of one severity, kind by kind.
    fn kinds(&self, severity: Severity) -> Vec<&'a [Finding]> {
        let list: &'a [Finding] = self.list;
        list.chunk_by(|a, b| a.kind.id == b.kind.id)
            .filter(|kind| kind[0].kind.severity == severity)
            .collect()
    }
}

/// In the order of reports.
const SEVERITIES: [Severity; 4] = [
    Severity::Blocker,
    Severity::Loss,
    Severity::Change,
    Severity::Note,
];

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::schema::finding::Kind;

    const BLOCKER: Kind = Kind {
        id: "a-blocker",
        severity: Severity::Blocker,
        title: "protection that is not there",
        happens: "everybody reads every row",
        why: "the target has none of it (a document)",
        remedy: "protect it in the application",
    };

    pub(in crate::cli) static BLOCKERS: Kind = BLOCKER;

    static LOSSES: Kind = Kind {
        id: "a-loss",
        severity: Severity::Loss,
        ..BLOCKER
    };

    static NOTES: Kind = Kind {
        id: "a-note",
        severity: Severity::Note,
        ..BLOCKER
    };

    /// A blocker at two objects, a loss at twelve, a note at one.
    pub(in crate::cli) fn findings() -> Vec<Finding> {
        let mut list = vec![
            Finding::new(&BLOCKERS, "table public.orders").detail("2 policies"),
            Finding::new(&BLOCKERS, "table public.users").counted(1_234),
        ];
        list.extend((10..22).map(|n| Finding::new(&LOSSES, format!("table public.t{n}"))));
        list.push(Finding::new(&NOTES, "the source"));
        list
    }

    fn exit_where(accepted: &[&str]) -> Exit {
        let accepted = accepted.iter().map(|id| (*id).to_owned()).collect();
        Findings {
            list: &findings(),
            accepted: &accepted,
            all: false,
        }
        .exit()
    }

    #[test]
    fn the_exit_code_is_that_of_the_worst_finding_that_nobody_accepted() {
        assert_eq!(exit_where(&[]), Exit::Blockers);
        assert_eq!(exit_where(&["a-loss"]), Exit::Blockers);
        assert_eq!(exit_where(&["a-blocker"]), Exit::Findings);
        assert_eq!(exit_where(&["a-blocker", "a-loss"]), Exit::Done);
    }
}
