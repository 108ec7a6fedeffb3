//! How a definition changes on its way: findings, and the comment before its statement.

use crate::schema::finding::{Finding, Kind};

use super::stance::NOT_DOCUMENTED;

/// How one definition changes.
#[derive(Default)]
pub(super) struct Changes {
    found: Vec<(&'static Kind, String)>,
    remarks: Vec<String>,
}

impl Changes {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// A change that is a finding; what is particular to it is the line of the comment. A kind that is
    /// there already gets this detail, too.
    pub(super) fn push(&mut self, (kind, detail): (&'static Kind, String)) {
        match self.found.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, known)) if *known == detail => {}
            Some((_, known)) => *known = format!("{known}; {detail}"),
            None => self.found.push((kind, detail)),
        }
    }

    /// A change that no person has to look at, for the comment alone.
    pub(super) fn remark(&mut self, remark: impl Into<String>) {
        let remark = remark.into();
        if !self.remarks.contains(&remark) {
            self.remarks.push(remark);
        }
    }

    /// The lines of the comment, and the findings at the object.
    pub(super) fn told(self, object: &str) -> (Vec<String>, Vec<Finding>) {
        let mut lines = Vec::new();
        let mut findings = Vec::new();
        for (kind, detail) in self.found {
            lines.push(match detail.as_str() {
                "" => kind.happens.to_owned(),
                detail if kind == &NOT_DOCUMENTED => format!("may be refused: {detail}"),
                detail => detail.to_owned(),
            });
            findings.push(Finding::new(kind, object).detail(detail));
        }
        lines.extend(self.remarks);
        (lines, findings)
    }
}

#[cfg(test)]
mod tests {
    use super::super::indexes::PARTIAL;
    use super::*;

    #[test]
    fn a_kind_is_found_once_with_all_details() {
        let mut changes = Changes::new();
        changes.push((&NOT_DOCUMENTED, "a".to_owned()));
        changes.push((&NOT_DOCUMENTED, "a".to_owned()));
        changes.push((&NOT_DOCUMENTED, "b".to_owned()));
        changes.push((&PARTIAL, String::new()));
        changes.remark("c");
        changes.remark("c");
        let (lines, findings) = changes.told("index x");
        assert_eq!(lines, ["may be refused: a; b", PARTIAL.happens, "c"]);
        let details: Vec<&str> = findings.iter().map(|f| f.detail.as_str()).collect();
        assert_eq!(details, ["a; b", ""]);
    }
}
