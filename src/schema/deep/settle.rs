//! What the data has to say about findings of the catalog alone. A column may hold what its target can
//! not: the catalog knows the type and reports a loss, the data knows whether any value is affected.

use std::collections::{HashMap, HashSet};

use crate::catalog::database::{Database, Name};
use crate::catalog::readable;
use crate::schema::convert::Conversion;
use crate::schema::finding::{Finding, Kind};

use super::{Question, kinds};

/// Ids of findings that the catalog gives, and the kinds of questions that decide them.
const DECIDED: [(&str, &[&Kind]); 7] = [
    ("timestamp-digits", &[&kinds::TIMESTAMP_DIGITS]),
    ("time-digits", &[&kinds::TIME_DIGITS]),
    (
        "timestamp-key",
        &[&kinds::PRIMARY_KEY_COLLISION, &kinds::UNIQUE_COLLISION],
    ),
    ("timestamp-check", &[&kinds::CHECK_TURNS_FALSE]),
    ("numeric-digits", &[&kinds::NUMERIC_DIGITS]),
    (
        "interval-digits",
        &[&kinds::INTERVAL_DIGITS, &kinds::INTERVAL_DAYS],
    ),
    (SQL_ASCII, &[&kinds::INVALID_UTF8]),
];

/// The finding about the server, which all columns together decide.
const SQL_ASCII: &str = "sql-ascii";

/// Replaces findings of the catalog by a note where all questions about them were answered, and none of
/// the values is affected.
pub fn settle(findings: &mut [Finding], questions: &[Question], answers: &[Finding]) {
    let unaffected = Unaffected::new(questions, answers);
    for finding in findings {
        if unaffected.settles(finding) {
            let detail = format!("{}: {}", finding.kind.id, finding.kind.happens);
            *finding = Finding::new(&kinds::NONE_AFFECTED, finding.object.as_str()).detail(detail);
        }
    }
}

/// Says of the findings that data would decide, but was not asked about, how many values are affected at
/// most.
pub fn not_asked(findings: &mut [Finding], database: &Database, conversion: &Conversion) {
    let undecided = |f: &Finding| deciding(f.kind.id).is_some() && f.kind.id != SQL_ASCII;
    if !findings.iter().any(undecided) {
        return;
    }
    let rows = rows_of_columns(database, conversion);
    for finding in findings.iter_mut().filter(|f| undecided(f)) {
        let most = match rows.get(&finding.object) {
            Some(Some(rows @ 1..)) => format!("up to {rows} values by the statistics"),
            _ => "up to every value".to_owned(),
        };
        let detail = std::mem::take(&mut finding.detail);
        let separator = if detail.is_empty() { "" } else { "; " };
        finding.detail = format!("{detail}{separator}{most} (--deep counts them)");
    }
}

fn deciding(id: &str) -> Option<&'static [&'static Kind]> {
    let mut decided = DECIDED.iter();
    decided.find(|(known, _)| *known == id).map(|(_, by)| *by)
}

/// Estimated rows by column, `column public.orders.total`; `None` where the server never counted.
fn rows_of_columns(database: &Database, conversion: &Conversion) -> HashMap<String, Option<u64>> {
    let known: HashMap<&Name, Option<u64>> = database
        .relations
        .iter()
        .map(|relation| (&relation.name, relation.rows))
        .collect();
    let rows = |leaf: &Name| known.get(leaf).copied().flatten();
    let mut of = HashMap::new();
    for table in &conversion.tables {
        let all: Option<u64> = table.leaves.iter().map(rows).sum();
        for column in &table.columns {
            let object = format!("column {}.{}", table.source, readable(&column.name));
            of.insert(object, all);
        }
    }
    of
}

/// What was asked, and what of it has an answer other than "none".
struct Unaffected<'q> {
    /// By kind and object of the finding that the catalog would give.
    asked: HashSet<(&'static str, &'q str)>,
    affected: HashSet<(&'static str, &'q str)>,
}

impl<'q> Unaffected<'q> {
    fn new(questions: &'q [Question], answers: &[Finding]) -> Self {
        let said: HashSet<(&str, &str)> = answers
            .iter()
            .map(|answer| (answer.kind.id, answer.object.as_str()))
            .collect();
        let (mut asked, mut affected) = (HashSet::new(), HashSet::new());
        for question in questions {
            let unread = |object: &str| said.contains(&(kinds::NOT_READ.id, object));
            let all_unread = unread(&format!("table {}", question.table));
            for ask in &question.asks {
                let key = (ask.kind.id, ask.catalog_object());
                asked.insert(key);
                let alone = format!("{} ({})", ask.object, ask.kind.id);
                let found = said.contains(&(ask.kind.id, ask.object.as_str()));
                if found || all_unread || unread(&alone) {
                    affected.insert(key);
                }
            }
        }
        Self { asked, affected }
    }

    fn settles(&self, finding: &Finding) -> bool {
        let Some(kinds) = deciding(finding.kind.id) else {
            return false;
        };
        let whole = finding.kind.id == SQL_ASCII;
        let about = |asked: &HashSet<(&'static str, &str)>| {
            kinds.iter().any(|kind| match whole {
                true => asked.iter().any(|(id, _)| *id == kind.id),
                false => asked.contains(&(kind.id, finding.object.as_str())),
            })
        };
        about(&self.asked) && !about(&self.affected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::database::ConstraintKind;
    use crate::profile::Profile;
    use crate::schema::deep::questions;
    use crate::schema::deep::samples::{constraint, database, table, unique};
    use crate::schema::finding::Severity;

    const ZONED: &str = "timestamp with time zone";

    /// A kind of the catalog's by its id.
    fn kind(id: &str) -> &'static Kind {
        let all = crate::schema::finding::kinds();
        all.into_iter().find(|kind| kind.id == id).expect("a kind")
    }

    fn of_catalog() -> Vec<Finding> {
        vec![
            Finding::new(kind("timestamp-digits"), "column public.t.at").detail("6 digits"),
            Finding::new(kind("timestamp-key"), "index public.t_pkey"),
            Finding::new(kind("timestamp-check"), "constraint public.t.c"),
            Finding::new(kind("real-column"), "column public.t.f"),
        ]
    }

    fn sample() -> (Database, Conversion) {
        let (mut relation, mapped) =
            table(&[("at", "timestamptz", ZONED), ("b", "timestamptz", ZONED)]);
        relation.rows = Some(1_500);
        relation.indexes = vec![unique("t_pkey", &["at"])];
        let mut check = constraint(ConstraintKind::Check, "CHECK ((at < b))", &["at", "b"]);
        check.name = "c".to_owned();
        relation.constraints = vec![check];
        database(relation, mapped)
    }

    fn settled(answers: &[Finding]) -> Vec<String> {
        let (database, conversion) = sample();
        let questions = questions(&database, &Profile::db9_documented(), &conversion);
        let mut findings = of_catalog();
        settle(&mut findings, &questions, answers);
        let said = findings
            .iter()
            .map(|f| format!("{} {}", f.kind.id, f.object));
        said.collect()
    }

    #[test]
    fn what_no_value_is_affected_by_becomes_a_note() {
        assert_eq!(
            settled(&[]),
            [
                "none-affected column public.t.at",
                "none-affected index public.t_pkey",
                "none-affected constraint public.t.c",
                "real-column column public.t.f",
            ]
        );
        assert_eq!(kinds::NONE_AFFECTED.severity, Severity::Note);
    }

    #[test]
    fn one_value_is_enough_to_stay_a_loss() {
        let answers = [Finding::new(&kinds::TIMESTAMP_DIGITS, "column public.t.at")];
        assert_eq!(settled(&answers)[0], "timestamp-digits column public.t.at");
        let key = "unique index public.t.t_pkey";
        let answers = [Finding::new(&kinds::UNIQUE_COLLISION, key)];
        assert_eq!(settled(&answers)[1], "timestamp-key index public.t_pkey");
    }

    #[test]
    fn what_could_not_be_read_is_not_settled() {
        let whole = [Finding::new(&kinds::NOT_READ, "table public.t")];
        assert_eq!(settled(&whole)[0], "timestamp-digits column public.t.at");
        let alone = "column public.t.at (deep-timestamp-digits)";
        let alone = settled(&[Finding::new(&kinds::NOT_READ, alone)]);
        assert_eq!(alone[0], "timestamp-digits column public.t.at");
        assert_eq!(alone[1], "none-affected index public.t_pkey");
    }

    #[test]
    fn a_column_of_nothing_that_is_moved_is_not_settled() {
        let mut findings = vec![Finding::new(kind("timestamp-digits"), "column public.v.at")];
        settle(&mut findings, &[], &[]);
        assert_eq!(findings[0].kind.id, "timestamp-digits");
    }

    #[test]
    fn without_the_data_it_is_up_to_as_many_as_there_are() {
        let (database, conversion) = sample();
        let mut findings = of_catalog();
        not_asked(&mut findings, &database, &conversion);
        let said: Vec<&str> = findings.iter().map(|f| f.detail.as_str()).collect();
        assert_eq!(
            said,
            [
                "6 digits; up to 1500 values by the statistics (--deep counts them)",
                "up to every value (--deep counts them)",
                "up to every value (--deep counts them)",
                "",
            ]
        );
    }

    #[test]
    fn every_id_is_one_that_there_is() {
        for (id, _) in DECIDED {
            assert_eq!(kind(id).severity, Severity::Loss, "{id}");
        }
    }
}
