//! Positions of sequences: those of the source as they are at the end, never behind the rows, and never
//! back where the target has used a sequence already.
//!
//! ```text
//! source: positions ─┐
//! target: names, positions, greatest values ─┴─▶ decide ─▶ setval ─▶ read back ─▶ verdicts
//! ```

use std::collections::HashMap;

use crate::catalog::database::{ColumnName, Database, Name, Position, Sequence};
use crate::endpoint::introspect;
use crate::schema::convert::MappedSequence;
use crate::schema::script::{quoted_column, serial};
use crate::sql::literal;
use crate::wire::Connection;

use super::super::error::Error;
use super::asking::{After, Answers, ask};
use super::enter::Entered;
use super::outcome::{SequenceVerdict, Set};
use super::settings::Settings;

/// Sets and verifies all sequences.
pub(super) async fn set(
    entered: &mut Entered,
    settings: &Settings,
    (sequences, database): (&[MappedSequence], &Database),
) -> Result<Vec<SequenceVerdict>, Error> {
    let source = source_positions(settings, sequences).await?;
    let names = names(entered, sequences).await?;
    let target = target_positions(entered, &names).await?;
    let reached = reached(entered, sequences).await?;
    let known: HashMap<&Name, &Sequence> =
        database.sequences.iter().map(|s| (&s.name, s)).collect();
    let decisions: Vec<Decision> = (0..sequences.len())
        .map(|i| {
            let sequence = &sequences[i];
            decide(&Facts {
                descending: sequence.increment < 0,
                definition: known.get(&sequence.source).copied(),
                source: source[i],
                target: target[i],
                reached: &reached[i],
            })
        })
        .collect();
    apply(entered, &names, &decisions).await?;
    let after = target_positions(entered, &names).await?;
    Ok((0..sequences.len())
        .map(|i| verdict(&sequences[i], &names[i], &decisions[i], after[i]))
        .collect())
}

async fn source_positions(
    settings: &Settings,
    sequences: &[MappedSequence],
) -> Result<Vec<Option<Position>>, Error> {
    let mut options = settings.check.source.clone();
    options.set_reply_timeout(settings.check.io_timeout);
    let connected = Connection::connect(&options).await;
    let mut connection = connected.map_err(|e| Error::connect("the source", e))?;
    let names: Vec<Name> = sequences.iter().map(|s| s.source.clone()).collect();
    let positions = introspect::positions(&mut connection, &names).await?;
    connection.close().await;
    Ok(positions)
}

/// Names in the target: those of identity columns are the target's own choice.
async fn names(entered: &mut Entered, sequences: &[MappedSequence]) -> Result<Vec<Name>, Error> {
    let question = |sequence: &MappedSequence| {
        let column = sequence.identity.as_ref()?;
        Some(format!(
            "n.nspname::text, c.relname::text FROM pg_catalog.pg_class c \
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE c.oid = {}::pg_catalog.regclass",
            serial(column)
        ))
    };
    let questions: Vec<Option<String>> = sequences.iter().map(question).collect();
    let answers = ask(entered, &questions, After::Rollback).await?;
    let name = |(sequence, answer): (&MappedSequence, &Option<Vec<Option<String>>>)| {
        let told = answer
            .as_ref()
            .and_then(|row| Some(Name::new(row.first()?.clone()?, row.get(1)?.clone()?)));
        told.unwrap_or_else(|| sequence.target.clone())
    };
    Ok(sequences.iter().zip(&answers).map(name).collect())
}

async fn target_positions(
    entered: &mut Entered,
    names: &[Name],
) -> Result<Vec<Option<Position>>, Error> {
    let question = |name: &Name| {
        Some(format!(
            "last_value::text, is_called::text FROM {}",
            name.quoted()
        ))
    };
    let questions: Vec<Option<String>> = names.iter().map(question).collect();
    let answers = ask(entered, &questions, After::Rollback).await?;
    Ok(answers.iter().map(position).collect())
}

fn position(answer: &Option<Vec<Option<String>>>) -> Option<Position> {
    let row = answer.as_ref()?;
    Some(Position {
        last_value: row.first()?.as_deref()?.parse().ok()?,
        is_called: row.get(1)?.as_deref()?.starts_with('t'),
    })
}

/// By sequence: the columns that use it, and how far their values reach.
type Reached = Vec<(ColumnName, Option<i64>)>;

async fn reached(
    entered: &mut Entered,
    sequences: &[MappedSequence],
) -> Result<Vec<Reached>, Error> {
    let mut questions = Vec::new();
    for sequence in sequences {
        let end = if sequence.increment < 0 { "min" } else { "max" };
        for user in &sequence.users {
            let (table, column) = quoted_column(user);
            questions.push(Some(format!("{end}({column})::text, '' FROM {table}")));
        }
    }
    let answers: Answers = ask(entered, &questions, After::Rollback).await?;
    let mut answers = answers.into_iter();
    let value = |answer: Option<Vec<Option<String>>>| answer?.first()?.as_deref()?.parse().ok();
    let of = |sequence: &MappedSequence| {
        let users = sequence.users.iter();
        users
            .map(|user| (user.clone(), answers.next().and_then(value)))
            .collect()
    };
    Ok(sequences.iter().map(of).collect())
}

/// What is known of one sequence.
struct Facts<'a> {
    descending: bool,
    definition: Option<&'a Sequence>,
    source: Option<Position>,
    target: Option<Position>,
    reached: &'a [(ColumnName, Option<i64>)],
}

/// What is to be done about one sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Decision {
    /// Where it shall stand; `None`: it is left.
    to: Option<Position>,
    how: Set,
}

/// A cycling sequence is taken as it is: that it stands behind its rows means nothing.
fn decide(facts: &Facts<'_>) -> Decision {
    let cycles = facts.definition.is_some_and(|s| s.cycles);
    let (mut to, mut how) = (facts.source, Set::AsSource);
    for (column, value) in facts.reached {
        let Some(value) = value.filter(|_| !cycles) else {
            continue;
        };
        if to.is_none_or(|to| !covers(to, value, facts.descending)) {
            to = Some(Position {
                last_value: value,
                is_called: true,
            });
            how = Set::Raised(column.clone());
        }
    }
    let Some(position) = to else {
        return problem("the source does not tell its position");
    };
    let used = facts.target.filter(|target| target.is_called);
    let ahead = |used: Position| {
        Some(used) != facts.source && covers(used, position.last_value, facts.descending)
    };
    if used.is_some_and(ahead) {
        return Decision {
            to: None,
            how: Set::Ahead,
        };
    }
    if !within(facts.definition, position) {
        return problem("a column that uses it holds values beyond its bounds");
    }
    Decision {
        to: Some(position),
        how,
    }
}

fn problem(what: &str) -> Decision {
    Decision {
        to: None,
        how: Set::Problem(what.to_owned()),
    }
}

/// Whether the next value is beyond this one.
fn covers(position: Position, value: i64, descending: bool) -> bool {
    let last = position.last_value;
    match (descending, position.is_called) {
        (false, true) => last >= value,
        (false, false) => last > value,
        (true, true) => last <= value,
        (true, false) => last < value,
    }
}

fn within(definition: Option<&Sequence>, position: Position) -> bool {
    definition.is_none_or(|s| (s.minimum..=s.maximum).contains(&position.last_value))
}

async fn apply(entered: &mut Entered, names: &[Name], decisions: &[Decision]) -> Result<(), Error> {
    let question = |(name, decision): (&Name, &Decision)| {
        let to = decision.to?;
        Some(format!(
            "pg_catalog.setval({}, {}, {})::text, ''",
            literal(&name.quoted()),
            to.last_value,
            to.is_called
        ))
    };
    let questions: Vec<Option<String>> = names.iter().zip(decisions).map(question).collect();
    // A refusal shows when the positions are read back.
    ask(entered, &questions, After::Commit).await.map(|_| ())
}

fn verdict(
    sequence: &MappedSequence,
    name: &Name,
    decision: &Decision,
    after: Option<Position>,
) -> SequenceVerdict {
    let how = match decision.to {
        Some(to) if after != Some(to) => {
            Set::Problem("the target does not take its position".to_owned())
        }
        _ => decision.how.clone(),
    };
    SequenceVerdict {
        source: sequence.source.clone(),
        target: name.clone(),
        position: after,
        how,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(last_value: i64) -> Option<Position> {
        Some(Position {
            last_value,
            is_called: true,
        })
    }

    fn fresh(last_value: i64) -> Option<Position> {
        Some(Position {
            last_value,
            is_called: false,
        })
    }

    fn column() -> ColumnName {
        ColumnName {
            table: Name::new("public", "t"),
            column: "id".to_owned(),
        }
    }

    fn sequence() -> Sequence {
        Sequence {
            oid: 1,
            name: Name::new("public", "s"),
            data_type: "bigint".to_owned(),
            start: 1,
            increment: 1,
            minimum: 1,
            maximum: 1_000,
            cache: 1,
            cycles: false,
            position: None,
            owner: None,
            identity: false,
            unlogged: false,
            extension: None,
            comment: None,
        }
    }

    fn decided(source: Option<Position>, target: Option<Position>, value: Option<i64>) -> Decision {
        decide(&Facts {
            descending: false,
            definition: Some(&sequence()),
            source,
            target,
            reached: &[(column(), value)],
        })
    }

    fn to(position: Option<Position>, how: Set) -> Decision {
        Decision { to: position, how }
    }

    #[test]
    fn a_sequence_stands_where_the_source_has_it() {
        assert_eq!(decided(at(7), fresh(1), Some(7)), to(at(7), Set::AsSource));
        assert_eq!(
            decided(fresh(1), fresh(1), None),
            to(fresh(1), Set::AsSource)
        );
    }

    #[test]
    fn a_sequence_behind_its_rows_is_raised() {
        let raised = || Set::Raised(column());
        assert_eq!(decided(at(7), fresh(1), Some(9)), to(at(9), raised()));
        assert_eq!(decided(fresh(9), fresh(1), Some(9)), to(at(9), raised()));
        assert_eq!(decided(None, fresh(1), Some(9)), to(at(9), raised()));
    }

    #[test]
    fn a_sequence_that_the_target_has_used_never_goes_back() {
        assert_eq!(decided(at(7), at(9), Some(9)), to(None, Set::Ahead));
        assert_eq!(decided(at(7), at(8), Some(7)), to(None, Set::Ahead));
        assert_eq!(decided(at(7), at(6), Some(7)), to(at(7), Set::AsSource));
        assert_eq!(decided(at(7), at(7), Some(7)), to(at(7), Set::AsSource));
    }

    #[test]
    fn a_descending_sequence_is_lowered() {
        let facts = Facts {
            descending: true,
            definition: None,
            source: at(-5),
            target: fresh(-1),
            reached: &[(column(), Some(-9))],
        };
        assert_eq!(decide(&facts), to(at(-9), Set::Raised(column())));
        let ahead = Facts {
            target: at(-10),
            ..facts
        };
        assert_eq!(decide(&ahead), to(None, Set::Ahead));
    }

    #[test]
    fn a_cycling_sequence_is_taken_as_it_is() {
        let definition = Sequence {
            cycles: true,
            ..sequence()
        };
        let facts = Facts {
            descending: false,
            definition: Some(&definition),
            source: at(3),
            target: fresh(1),
            reached: &[(column(), Some(900))],
        };
        assert_eq!(decide(&facts), to(at(3), Set::AsSource));
    }

    #[test]
    fn what_can_not_be_set_is_said() {
        assert!(matches!(decided(None, fresh(1), None).how, Set::Problem(_)));
        let beyond = decided(at(7), fresh(1), Some(2_000));
        assert!(matches!(beyond.how, Set::Problem(_)) && beyond.to.is_none());
    }
}
