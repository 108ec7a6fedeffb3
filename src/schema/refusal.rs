//! What can not be copied as asked, each with its object and a remedy.

use std::fmt;

use crate::catalog::{Kind, TableName, readable};

use super::pattern::PatternError;

/// All that stands against a run, collected before any row moves.
#[derive(Debug, Clone, Default, PartialEq, Eq, thiserror::Error)]
pub struct Refusals(Vec<Refusal>);

/// One object and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The table, column or option, for people.
    pub object: String,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Problem {
    /// A pattern that can not be read.
    Pattern(PatternError),
    /// A pattern that matches no table.
    Unmatched {
        /// Names that are near.
        near: Vec<String>,
    },
    /// Nothing is left to copy.
    NothingSelected,
    /// A pattern that matches only what is no table.
    SourceKind {
        /// What it is.
        kind: Kind,
    },
    /// Two `--where` for one table.
    TwoConditions,
    /// No right to read it.
    NoSelect,
    /// Row-level security would hide rows.
    RowSecurity,
    /// A leaf, or a table asked for, whose rows are on another server.
    Foreign {
        /// The partitioned table that it belongs to.
        root: Option<TableName>,
    },
    /// Tables that inherit from it are not selected.
    Children {
        /// Their names.
        names: Vec<TableName>,
    },
    /// It was there when the schema was converted.
    Gone,
    /// The target has no such table.
    MissingTable,
    /// The target's table can not take rows by COPY.
    TargetKind {
        /// What it is.
        kind: Kind,
    },
    /// The target's table has no such column.
    MissingColumn {
        /// It is there, but generated.
        generated: bool,
    },
    /// The user of the target lacks a right that filling the table takes.
    NoRight {
        /// The right, `INSERT`.
        right: String,
        /// The statement that gives it.
        grant: String,
    },
    /// A column of the target that must have a value and gets none.
    UnfilledColumn,
    /// No column is sent to a table that has columns to fill.
    NoColumns,
    /// The target's type can not take the values as they are.
    Type {
        /// Type in the source.
        from: String,
        /// Type in the target.
        to: String,
        /// Why.
        why: Unfit,
    },
    /// A foreign key of a table to itself.
    SelfReference {
        /// The constraint.
        constraint: String,
    },
    /// Foreign keys in a circle.
    Cycle {
        /// The tables, each referring to the next, the last to the first.
        tables: Vec<TableName>,
        /// The constraints between them.
        constraints: Vec<String>,
    },
}

/// Why a type does not take another's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unfit {
    /// Text is no timestamp: it could hold anything.
    TextToTimestamp,
    /// A timestamp inside a composite, range or multirange is not cut.
    TimestampInside,
    /// The target would drop the date, the time or the zone without a word.
    PartDropped,
    /// An array into one value, or one value into an array.
    OtherShape,
    /// No value of one is a value of the other.
    OtherFamily,
}

impl Refusal {
    pub(super) fn table(name: &TableName, problem: Problem) -> Self {
        Self {
            object: name.to_string(),
            problem,
        }
    }

    pub(super) fn column(table: &TableName, column: &str, problem: Problem) -> Self {
        Self {
            object: format!("{table}.{}", readable(column)),
            problem,
        }
    }
}

impl Refusals {
    pub(super) fn push(&mut self, refusal: Refusal) {
        self.0.push(refusal);
    }

    /// Takes the refusals of another step, too.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// All of them, in the order found.
    pub fn list(&self) -> &[Refusal] {
        &self.0
    }

    /// Whether nothing stands against it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn or<T>(self, value: T) -> Result<T, Self> {
        if self.is_empty() {
            Ok(value)
        } else {
            Err(self)
        }
    }
}

/// A line with the number, then two for each: object and problem, remedy.
impl fmt::Display for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => write!(f, "1 problem stands against this run")?,
            n => write!(f, "{n} problems stand against this run")?,
        }
        for Refusal { object, problem } in &self.0 {
            write!(f, "\n  {object}: {problem}\n    {}", problem.remedy())?;
        }
        Ok(())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pattern(error) => write!(f, "{error}"),
            Self::Unmatched { .. } => f.write_str("matches no table of the source"),
            Self::NothingSelected => f.write_str("no table is left to copy"),
            Self::SourceKind { kind } => write!(f, "it is {}, not a table", kind.in_words()),
            Self::TwoConditions => f.write_str("more than one --where holds for it"),
            Self::NoSelect => f.write_str("the user has no right to read all of its columns"),
            Self::RowSecurity => f.write_str("row-level security would hide rows from this user"),
            Self::Foreign { root: Some(root) } => {
                write!(f, "it is a foreign table and a partition of {root}")
            }
            Self::Foreign { root: None } => f.write_str("it is a foreign table"),
            Self::Children { names } => {
                write!(f, "not selected, but inheriting from it: {}", listed(names))
            }
            Self::Gone => f.write_str("the source has no such table any more"),
            Self::MissingTable => f.write_str("the target has no such table"),
            Self::TargetKind { kind } => write!(f, "in the target it is {}", kind.in_words()),
            Self::MissingColumn { generated: false } => {
                f.write_str("the target's table has no such column")
            }
            Self::MissingColumn { generated: true } => {
                f.write_str("the target's column is a generated one")
            }
            Self::NoRight { right, .. } => {
                write!(f, "the target's user has no right to fill it: no {right}")
            }
            Self::UnfilledColumn => f.write_str(
                "the target's column is NOT NULL without default, and the source has none of its name",
            ),
            Self::NoColumns => f.write_str("no column of the source has a place in the target"),
            Self::Type { from, to, why } => write!(f, "{from} does not fit into {to}: {why}"),
            Self::SelfReference { constraint } => {
                write!(f, "the foreign key {} refers to the table itself", readable(constraint))
            }
            Self::Cycle {
                tables,
                constraints,
            } => {
                let constraints = constraints.iter().map(|c| readable(c));
                write!(f, "foreign keys in a circle over {} (", listed(tables))?;
                write!(f, "{})", listed(constraints))
            }
        }
    }
}

impl Problem {
    /// What to do about it.
    pub fn remedy(&self) -> String {
        match self {
            Self::Unmatched { near } if !near.is_empty() => {
                format!("did you mean {}?", near.join(" or "))
            }
            Self::Unmatched { .. } => {
                "write SCHEMA.TABLE; capitals and dots in names need double quotes".to_owned()
            }
            Self::SourceKind { .. } => "name the tables that it reads".to_owned(),
            Self::Foreign { .. } => {
                "exclude it with --exclude-table and copy it from its own server".to_owned()
            }
            Self::Children { names } => format!(
                "select them, too, or say --only for the parent: {}",
                listed(names)
            ),
            Self::SelfReference { constraint } => {
                format!("drop {} and add it after the load", readable(constraint))
            }
            Self::Cycle { constraints, .. } => {
                let constraints = constraints.iter().map(|c| readable(c));
                format!(
                    "drop one of {} and add it after the load",
                    listed(constraints)
                )
            }
            Self::NoRight { grant, .. } => format!("{grant}; or exclude it"),
            fixed => fixed.fixed_remedy().to_owned(),
        }
    }

    fn fixed_remedy(&self) -> &'static str {
        match self {
            Self::Pattern(_) => "write SCHEMA.TABLE; capitals and dots in names need double quotes",
            Self::NothingSelected => "look at the filters and at what they leave",
            Self::TwoConditions => "write one --where with AND",
            Self::NoSelect => {
                "GRANT USAGE on its schema and SELECT on it to this user, or exclude it"
            }
            Self::RowSecurity => "use a role with BYPASSRLS or the table's owner, or exclude it",
            Self::Gone => "let the source's tables stay as they are during the run",
            Self::MissingTable => "create it in the target, or exclude it",
            Self::TargetKind { .. } => "create a plain table of that name in the target",
            Self::MissingColumn { generated: false } => "add the column to the target's table",
            Self::MissingColumn { generated: true } => "make it a plain column in the target",
            Self::UnfilledColumn => "give it a default, or allow NULL during the load",
            Self::NoColumns => "give both tables a column of the same name",
            Self::Type { why, .. } => why.remedy(),
            _ => "",
        }
    }
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TextToTimestamp => {
                "text may hold what is no timestamp, or more digits than it keeps"
            }
            Self::TimestampInside => {
                "a timestamp inside a composite, range or multirange is not cut"
            }
            Self::PartDropped => "a part of the value would be dropped without a word",
            Self::OtherShape => "an array and a single value are written differently",
            Self::OtherFamily => "no value of the one is meant as a value of the other",
        })
    }
}

impl Unfit {
    fn remedy(self) -> &'static str {
        match self {
            Self::TimestampInside => "make the target's column text, or exclude the table",
            Self::TextToTimestamp => "make the target's column text and convert it after the load",
            Self::PartDropped | Self::OtherShape | Self::OtherFamily => {
                "give the target's column the source's type, or text"
            }
        }
    }
}

/// Joined by commas.
fn listed(items: impl IntoIterator<Item = impl fmt::Display>) -> String {
    let items: Vec<String> = items.into_iter().map(|i| i.to_string()).collect();
    items.join(", ")
}
