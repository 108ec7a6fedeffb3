//! Sequences: none may give a value that a column which uses it has already.

use crate::catalog::database::Name;
use crate::schema::convert::{Conversion, MappedSequence};
use crate::schema::script::{quoted_column, serial};

use super::Beside;
use super::asking::{Asking, Texts};

/// Compares the positions of the sequences of a conversion with the values that are there.
pub(super) async fn look(conversion: &Conversion, asking: &mut Asking<'_>, beside: &mut Beside) {
    for sequence in &conversion.sequences {
        let object = format!("sequence {}", sequence.target);
        match compare(sequence, asking).await {
            Ok(None) => beside.holds(object),
            Ok(Some(problem)) => beside.wrong(object, problem),
            Err(why) => beside.gap(object, why),
        }
    }
}

/// What is wrong with a sequence; or why that can not be told.
async fn compare(
    sequence: &MappedSequence,
    asking: &mut Asking<'_>,
) -> Result<Option<String>, String> {
    let name = name(sequence, asking).await?;
    let question = format!(
        "SELECT s.last_value::text, s.is_called::text, \
         (SELECT q.seqcycle::text FROM pg_catalog.pg_sequence q \
          JOIN pg_catalog.pg_class c ON c.oid = q.seqrelid \
          JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
          WHERE n.nspname = {} AND c.relname = {}) FROM {} s",
        crate::sql::literal(&name.schema),
        crate::sql::literal(&name.name),
        name.quoted()
    );
    let row = asking.ask(&[&question]).await?;
    let position = value(&row, 0).ok_or("it does not tell its position")?;
    let called = text(&row, 1).is_some_and(|text| text.starts_with('t'));
    if text(&row, 2).is_some_and(|text| text.starts_with('t')) {
        // It comes around to values that are there: that is what it is for.
        return Ok(None);
    }
    let descending = sequence.increment < 0;
    let end = if descending { "min" } else { "max" };
    for user in &sequence.users {
        let (table, column) = quoted_column(user);
        let reached = format!("SELECT {end}({column})::text FROM {table}");
        let rows = asking.ask(&[&reached]).await?;
        if let Some(reached) = value(&rows, 0)
            && !covers((position, called), reached, descending)
        {
            return Ok(Some(format!(
                "stands before the values of column {}.{}",
                user.table,
                crate::catalog::readable(&user.column)
            )));
        }
    }
    Ok(None)
}

/// Its name in the target: that of an identity column is the target's own choice.
async fn name(sequence: &MappedSequence, asking: &mut Asking<'_>) -> Result<Name, String> {
    let Some(column) = &sequence.identity else {
        return Ok(sequence.target.clone());
    };
    let question = format!(
        "SELECT n.nspname::text, c.relname::text FROM pg_catalog.pg_class c \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.oid = {}::pg_catalog.regclass",
        serial(column)
    );
    let row = asking.ask(&[&question]).await?;
    match (text(&row, 0), text(&row, 1)) {
        (Some(schema), Some(name)) => Ok(Name::new(schema, name)),
        _ => Ok(sequence.target.clone()),
    }
}

fn text(rows: &Texts, column: usize) -> Option<&str> {
    rows.first()?.get(column)?.as_deref()
}

fn value(rows: &Texts, column: usize) -> Option<i128> {
    text(rows, column)?.parse().ok()
}

/// Whether the next value is beyond this one.
fn covers((last, called): (i128, bool), value: i128, descending: bool) -> bool {
    let ahead = if descending {
        value - last
    } else {
        last - value
    };
    ahead > 0 || (called && ahead == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_value_must_lie_beyond_all_that_are_there() {
        assert!(covers((7, true), 7, false) && covers((8, false), 7, false));
        assert!(!covers((7, false), 7, false) && !covers((6, true), 7, false));
        assert!(covers((-7, true), -7, true) && !covers((-6, true), -7, true));
    }
}
