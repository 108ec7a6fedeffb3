//! `--deep`: what the data itself will lose. Pure part: which questions are asked of which table, and
//! what their answers mean.
//!
//! ```text
//! Database, Conversion, Profile ─▶ questions ─▶ SELECT count(*) FILTER (…), … FROM ONLY t   (a pass per table)
//!                                           └─▶ SELECT … GROUP BY key HAVING count(*) > 1   (one per key)
//! ```

mod dependents;
mod keys;
mod kinds;
#[cfg(test)]
mod samples;
mod settle;
mod sizes;
mod table;
mod values;

use std::collections::{BTreeMap, HashMap};

use crate::catalog::database::{Database, Name, Relation, UserType};
use crate::profile::Profile;
use crate::schema::convert::Conversion;

use super::finding::{Finding, Kind};
use table::Table;

pub use settle::{not_asked, settle};

/// The kinds of findings of this part.
pub(super) const KINDS: &[&Kind] = &[
    &kinds::TIMESTAMP_DIGITS,
    &kinds::TIME_DIGITS,
    &kinds::TIMESTAMP_INSIDE,
    &kinds::PRIMARY_KEY_COLLISION,
    &kinds::UNIQUE_COLLISION,
    &kinds::CHECK_TURNS_FALSE,
    &kinds::GENERATED_CHANGES,
    &kinds::INFINITY,
    &kinds::BC,
    &kinds::YEAR_ABOVE_9999,
    &kinds::NAN,
    &kinds::NUMERIC_DIGITS,
    &kinds::INTERVAL_DIGITS,
    &kinds::INTERVAL_DAYS,
    &kinds::ARRAY_DIMENSIONS,
    &kinds::ARRAY_BOUNDS,
    &kinds::INVALID_UTF8,
    &kinds::LINE_TOO_LONG,
    &kinds::LINE_NEAR_LIMIT,
    &kinds::ROW_TOO_LARGE,
    &kinds::ROW_LARGE,
    &kinds::BIT_LENGTH,
    &kinds::FLOAT4,
    &kinds::CHAR_PADDING,
    &kinds::NOT_READ,
    &kinds::NONE_AFFECTED,
];

/// Aggregates of one SELECT: PostgreSQL takes 1,664 columns.
const MOST_ASKS: usize = 500;

/// One SELECT over one table that answers one row of numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The table that is read: a leaf, or the root of a key that spans its leaves.
    pub table: Name,
    /// Its bytes, for the order of questions and for progress.
    pub bytes: u64,
    from: String,
    asks: Vec<Ask>,
}

/// One thing that a question asks.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Ask {
    kind: &'static Kind,
    object: String,
    detail: String,
    /// SQL that counts.
    count: String,
    /// Of a key: SQL that counts the rows of the groups that `count` counts.
    rows: Option<String>,
    /// The object as findings of the catalog name it, where that is not `object`.
    in_catalog: Option<String>,
}

impl Ask {
    fn catalog_object(&self) -> &str {
        self.in_catalog.as_deref().unwrap_or(&self.object)
    }
}

/// All questions, the largest tables first.
pub fn questions(database: &Database, profile: &Profile, conversion: &Conversion) -> Vec<Question> {
    let by_name: HashMap<&Name, &Relation> =
        database.relations.iter().map(|r| (&r.name, r)).collect();
    // 0 stands for no array type, and is asked for by none.
    let oids = |t: &'_ UserType| [t.oid, t.array_oid];
    let types = database.types.iter();
    let types: HashMap<u32, &UserType> = types.flat_map(|t| oids(t).map(|oid| (oid, t))).collect();
    let mut questions = Vec::new();
    for mapped in &conversion.tables {
        let Some(root) = by_name.get(&mapped.source) else {
            continue;
        };
        let leaves = mapped
            .leaves
            .iter()
            .filter_map(|leaf| by_name.get(leaf).copied());
        let table = Table::new(root, leaves.collect(), mapped, profile).through_domains(&types);
        let values = values::asks(&table, database);
        let sizes = sizes::asks(&table);
        let values = [values, sizes].concat();
        for leaf in &table.leaves {
            questions.extend(passes(leaf, &table.plain_from(leaf), &values));
            let dependents = dependents::question(&table, leaf, &types);
            questions.extend(dependents);
        }
        questions.extend(keys::questions(&table));
    }
    questions.sort_by_key(|question| std::cmp::Reverse(question.bytes));
    questions
}

fn passes(leaf: &Relation, from: &str, asks: &[Ask]) -> Vec<Question> {
    let question = |asks: &[Ask]| Question {
        table: leaf.name.clone(),
        bytes: leaf.bytes,
        from: from.to_owned(),
        asks: asks.to_vec(),
    };
    asks.chunks(MOST_ASKS).map(question).collect()
}

impl Question {
    /// The SELECT.
    pub fn sql(&self) -> String {
        let values = |ask: &Ask| std::iter::once(ask.count.clone()).chain(ask.rows.clone());
        let values: Vec<String> = self.asks.iter().flat_map(values).collect();
        format!("SELECT {} FROM {}", values.join(", "), self.from)
    }

    /// The same as questions of one thing each, for a server that refused one of them; empty where it
    /// is one already.
    pub fn split(&self) -> Vec<Self> {
        if self.asks.len() < 2 {
            return Vec::new();
        }
        let one = |ask: &Ask| Self {
            asks: vec![ask.clone()],
            ..self.clone()
        };
        self.asks.iter().map(one).collect()
    }

    /// What the answer means; the numbers are the columns of its only row.
    pub fn findings(&self, answer: &[u64]) -> Vec<Finding> {
        let mut answer = answer.iter().copied();
        let mut next = || answer.next().unwrap_or_default();
        let mut findings = Vec::new();
        for ask in &self.asks {
            let count = next();
            let rows = ask.rows.as_ref().map(|_| next());
            if count == 0 {
                continue;
            }
            let detail = match rows {
                Some(rows) if count == 1 => format!("1 group of {rows} rows"),
                Some(rows) => format!("{count} groups, {rows} rows in all"),
                None => ask.detail.clone(),
            };
            let finding = Finding::new(ask.kind, ask.object.as_str()).counted(count);
            findings.push(finding.detail(detail));
        }
        findings
    }

    /// The finding that says that it was not answered, and why.
    pub fn not_read(&self, why: &str) -> Finding {
        let object = match self.asks.as_slice() {
            [only] => format!("{} ({})", only.object, only.kind.id),
            _ => format!("table {}", self.table),
        };
        Finding::new(&kinds::NOT_READ, object).detail(why)
    }
}

/// Whether a finding says that data could not be read.
pub fn is_not_read(finding: &Finding) -> bool {
    finding.kind.id == kinds::NOT_READ.id
}

/// Findings of several leaves of one table are one.
pub fn merge(findings: Vec<Finding>) -> Vec<Finding> {
    let mut merged: BTreeMap<(&str, String, String), Finding> = BTreeMap::new();
    for finding in findings {
        let key = (
            finding.kind.id,
            finding.object.clone(),
            finding.detail.clone(),
        );
        match merged.get_mut(&key) {
            Some(known) => known.count = known.count.saturating_add(finding.count),
            None => {
                merged.insert(key, finding);
            }
        }
    }
    merged.into_values().collect()
}
