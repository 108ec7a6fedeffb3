//! Sequences with their options, positions and owners.

use super::super::answer::{Fields, Read};
use super::positions::positions;
use super::reading::{Reading, class, is_user_schema};
use crate::catalog::database::{ColumnName, Name, Sequence};
use crate::endpoint::error::Result;

/// The owner depends by `a` (OWNED BY) or `i` (identity).
const SEQUENCES: &str = "\
SELECT c.oid, n.nspname, c.relname, format_type(s.seqtypid, NULL), s.seqstart, s.seqincrement, \
       s.seqmin, s.seqmax, s.seqcache, s.seqcycle, c.relpersistence = 'u', d.deptype = 'i', \
       tn.nspname, t.relname, a.attname \
FROM pg_sequence s \
JOIN pg_class c ON c.oid = s.seqrelid \
JOIN pg_namespace n ON n.oid = c.relnamespace \
LEFT JOIN pg_depend d ON d.classid = 1259 AND d.objid = c.oid AND d.objsubid = 0 \
                     AND d.refclassid = 1259 AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i') \
LEFT JOIN pg_class t ON t.oid = d.refobjid \
LEFT JOIN pg_namespace tn ON tn.oid = t.relnamespace \
LEFT JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid \
WHERE c.oid >= 16384 AND c.relpersistence <> 't' \
ORDER BY n.nspname, c.relname";

pub(super) async fn read(reading: &mut Reading<'_>) -> Result<()> {
    reading
        .each("the sequences", SEQUENCES, |found, f| {
            let mut sequence = read_sequence(&f)?;
            if is_user_schema(&sequence.name.schema) {
                sequence.extension = found.extension(class::RELATION, sequence.oid);
                sequence.comment = found.comment(class::RELATION, sequence.oid, 0);
                found.database.sequences.push(sequence);
            }
            Ok(())
        })
        .await?;
    let sequences = &reading.database.sequences;
    let names: Vec<Name> = sequences.iter().map(|s| s.name.clone()).collect();
    let positions = positions(reading.connection, &names).await?;
    for (sequence, position) in reading.database.sequences.iter_mut().zip(positions) {
        sequence.position = position;
    }
    note_unread(reading);
    Ok(())
}

fn read_sequence(f: &Fields<'_>) -> Read<Sequence> {
    let owner = f.optional_name(12).zip(f.owned(14));
    Ok(Sequence {
        oid: f.number(0)?,
        name: f.name(1)?,
        data_type: f.text(3)?,
        start: f.number(4)?,
        increment: f.number(5)?,
        minimum: f.number(6)?,
        maximum: f.number(7)?,
        cache: f.number(8)?,
        cycles: f.truth(9),
        position: None,
        identity: f.truth(11),
        owner: owner.map(|(table, column)| ColumnName { table, column }),
        unlogged: f.truth(10),
        extension: None,
        comment: None,
    })
}

/// How many names a note holds at most.
const NAMED: usize = 10;

fn note_unread(reading: &mut Reading<'_>) {
    let sequences = reading.database.sequences.iter();
    let unread: Vec<String> = sequences
        .filter(|sequence| sequence.position.is_none())
        .map(|sequence| sequence.name.to_string())
        .collect();
    if unread.is_empty() {
        return;
    }
    let more = match unread.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let names = unread[..unread.len().min(NAMED)].join(", ");
    reading.note(format!(
        "the positions of sequences could not be read (SELECT on them is needed): {names}{more}"
    ));
}
