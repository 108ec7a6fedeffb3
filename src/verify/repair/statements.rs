//! The statements of a repair. Pure.
//!
//! A row of the target is found by its key, or by all of its columns where it has none: by `=` with a typed
//! literal where the type's equality is that of its text, else by the text itself, which every type has. Types
//! without `=` (json, xml, point …), those whose `=` takes different values for equal (box, interval, float's
//! two zeros), and those whose `=` is not found without a search path (extensions) are compared as text.

use crate::catalog::{DataType, Shape};
use crate::copytext::values;
use crate::ledger::Edit;
use crate::sql;

use super::Subject;
use super::plan::Change;

/// Rows that one DELETE looks for, at most; a table without an index is read once for all of them.
const CONDITIONS: usize = 200;

/// Bytes of one DELETE, about.
const TEXT: usize = 64 << 10;

/// What one batch of changes does, in order: rows go, rows change, rows come.
pub(super) fn edits(subject: &Subject<'_>, batch: &[Change]) -> Vec<Edit> {
    let (in_place, others): (Vec<&Change>, Vec<&Change>) = batch
        .iter()
        .partition(|change| is_in_place(subject, change));
    let mut edits = deletes(subject, &others);
    edits.extend(in_place.iter().filter_map(|change| update(subject, change)));
    edits.extend(copy(subject, &others));
    edits
}

/// A row that others refer to must not go, not even to come back at once.
fn is_in_place(subject: &Subject<'_>, change: &Change) -> bool {
    let one_to_one = (change.ours.len(), change.theirs.len()) == (1, 1);
    one_to_one && subject.referenced && !subject.keyless()
}

fn deletes(subject: &Subject<'_>, changes: &[&Change]) -> Vec<Edit> {
    let places = subject.known_by();
    let mut edits = Vec::new();
    let (mut conditions, mut text, mut rows) = (Vec::new(), 0, 0);
    let mut flush = |conditions: &mut Vec<String>, rows: &mut usize| {
        if conditions.is_empty() {
            return;
        }
        let table = subject.table.name.quoted();
        let any = std::mem::take(conditions).join(" OR ");
        edits.push(Edit::Statement {
            sql: format!("DELETE FROM {table} WHERE {any}"),
            tag: format!("DELETE {}", std::mem::take(rows)),
        });
    };
    for change in changes.iter().filter(|change| !change.theirs.is_empty()) {
        let mut own: Vec<String> = change
            .theirs
            .iter()
            .map(|row| condition(subject, &places, row))
            .collect();
        own.sort_unstable();
        own.dedup();
        text += own.iter().map(String::len).sum::<usize>();
        conditions.extend(own);
        rows += change.theirs.len();
        if conditions.len() >= CONDITIONS || text >= TEXT {
            flush(&mut conditions, &mut rows);
            text = 0;
        }
    }
    flush(&mut conditions, &mut rows);
    edits
}

/// That a row has these columns' values; of a table without columns every row has.
fn condition(subject: &Subject<'_>, places: &[usize], row: &[u8]) -> String {
    let texts = texts(row);
    let each = places.iter().map(|&place| {
        let column = sql::identifier(&subject.table.columns[place]);
        match texts.get(place).and_then(Option::as_deref) {
            None => format!("{column} IS NULL"),
            Some(text) => is_value(&column, subject.types.get(place), text),
        }
    });
    match each.collect::<Vec<_>>().join(" AND ") {
        all if all.is_empty() => "true".to_owned(),
        all => format!("({all})"),
    }
}

fn is_value(column: &str, data_type: Option<&DataType>, text: &str) -> String {
    let value = sql::literal(text);
    match data_type.filter(|t| equal_means_same(t)) {
        Some(data_type) => format!("{column} = {value}::{}", data_type.sql),
        None => format!("{column}::text = {value}"),
    }
}

/// Whether two values of the type are equal just where they would be printed alike, or are compared by value
/// anyhow (numeric, jsonb, char, timestamps). OIDs of built-in types are part of the protocol.
fn equal_means_same(data_type: &DataType) -> bool {
    const BOOL_TO_TEXT: [u32; 8] = [16, 17, 19, 20, 21, 23, 25, 26];
    const NETWORK: [u32; 4] = [650, 774, 829, 869];
    const TEXT: [u32; 2] = [1042, 1043];
    const MOMENTS: [u32; 4] = [1082, 1083, 1114, 1184];
    const OTHERS: [u32; 5] = [1560, 1562, 1700, 2950, 3802];
    let oid = data_type.base;
    let lists: [&[u32]; 5] = [&BOOL_TO_TEXT, &NETWORK, &TEXT, &MOMENTS, &OTHERS];
    data_type.shape == Shape::Scalar && lists.iter().any(|list| list.contains(&oid))
}

/// Replaces the values of the columns that differ.
fn update(subject: &Subject<'_>, change: &Change) -> Option<Edit> {
    let ([ours], [theirs]) = (change.ours.as_slice(), change.theirs.as_slice()) else {
        return None;
    };
    let comparison = &subject.table.comparison;
    let hashes = (
        comparison.field_hashes(ours),
        comparison.field_hashes(theirs),
    );
    let texts = texts(ours);
    let differing =
        (0..subject.table.columns.len()).filter(|&i| hashes.0.get(i) != hashes.1.get(i));
    let set: Vec<String> = differing
        .map(|place| {
            let value = texts.get(place).and_then(Option::as_deref);
            let value = value.map_or_else(|| "NULL".to_owned(), sql::literal);
            format!(
                "{} = {value}",
                sql::identifier(&subject.table.columns[place])
            )
        })
        .collect();
    let sql = format!(
        "UPDATE {} SET {} WHERE {}",
        subject.table.name.quoted(),
        set.join(", "),
        condition(subject, &subject.known_by(), theirs)
    );
    let tag = "UPDATE 1".to_owned();
    (!set.is_empty()).then_some(Edit::Statement { sql, tag })
}

fn copy(subject: &Subject<'_>, changes: &[&Change]) -> Option<Edit> {
    let (mut rows, mut count) = (Vec::new(), 0);
    for row in changes.iter().flat_map(|change| &change.ours) {
        rows.extend_from_slice(row);
        rows.push(b'\n');
        count += 1;
    }
    let table = &subject.table.name;
    (count > 0).then(|| Edit::Copy {
        sql: sql::copy_in(&table.schema, &table.name, &subject.table.columns),
        rows,
        tag: format!("COPY {count}"),
    })
}

/// The values of a row; both sides' rows were checked to be UTF-8 when they were read.
fn texts(row: &[u8]) -> Vec<Option<String>> {
    let text = |value: std::borrow::Cow<'_, [u8]>| String::from_utf8_lossy(&value).into_owned();
    values(row).map(|value| value.map(text)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::Table;
    use super::super::super::difference::Wrong;
    use super::*;
    use crate::catalog::TableName;
    use crate::copytext::Comparison;

    fn data_type(base: u32, sql: &str) -> DataType {
        DataType {
            sql: sql.to_owned(),
            shape: Shape::Scalar,
            base,
            base_name: String::new(),
            typmod: None,
            holds_timestamp: false,
        }
    }

    fn table(keys: Vec<usize>) -> Table {
        Table {
            number: 0,
            name: TableName::new("s", "t"),
            columns: ["id", "x y", "j"].map(str::to_owned).to_vec(),
            works: Vec::new(),
            comparison: Comparison {
                fields: 3,
                keys,
                ..Comparison::default()
            },
            sent: None,
            ranges: Vec::new(),
            pages: Vec::new(),
        }
    }

    fn subject(table: &Table, referenced: bool) -> Subject<'_> {
        let types = [(23, "integer"), (25, "text"), (114, "json")];
        Subject {
            table,
            number: 0,
            types: types
                .iter()
                .map(|(oid, sql)| data_type(*oid, sql))
                .collect(),
            parents: Vec::new(),
            referenced,
        }
    }

    fn change(keyless: bool, ours: &[&str], theirs: &[&str]) -> Change {
        let rows = |texts: &[&str]| texts.iter().map(|t| t.as_bytes().to_vec()).collect();
        let wrong = Wrong::of(ours.len() as u64, theirs.len() as u64);
        Change::new(&wrong, keyless, rows(ours), rows(theirs))
    }

    fn told(edits: &[Edit]) -> Vec<String> {
        let one = |edit: &Edit| match edit {
            Edit::Statement { sql, tag } => format!("{sql} → {tag}"),
            Edit::Copy { sql, rows, tag } => {
                format!("{sql} {:?} → {tag}", String::from_utf8_lossy(rows))
            }
        };
        edits.iter().map(one).collect()
    }

    #[test]
    fn rows_with_a_key_go_by_it_and_come_by_copy() {
        let table = table(vec![0]);
        let batch = [
            change(false, &["1\ta\t\\N"], &["1\tb\t\\N"]),
            change(false, &[], &["2\tit's\t{}"]),
        ];
        let expected = [
            "DELETE FROM \"s\".\"t\" WHERE (\"id\" = '1'::integer) OR (\"id\" = '2'::integer) → DELETE 2",
            "COPY \"s\".\"t\" (\"id\", \"x y\", \"j\") FROM STDIN \"1\\ta\\t\\\\N\\n\" → COPY 1",
        ];
        assert_eq!(told(&edits(&subject(&table, false), &batch)), expected);
    }

    #[test]
    fn rows_without_a_key_go_by_all_their_columns_and_null_is_found() {
        let table = table(Vec::new());
        let row = "1\t\\N\t{\"a\": \"it's\"}";
        let batch = [change(true, &[row], &[row, row, row])];
        let delete = &told(&edits(&subject(&table, false), &batch))[0];
        assert_eq!(
            delete,
            "DELETE FROM \"s\".\"t\" WHERE (\"id\" = '1'::integer AND \"x y\" IS NULL AND \
             \"j\"::text = '{\"a\": \"it''s\"}') → DELETE 3"
        );
    }

    #[test]
    fn a_row_that_others_refer_to_is_changed_where_it_stands_and_only_where_it_differs() {
        let table = table(vec![0]);
        let batch = [change(false, &["1\ta\\tb\t{}"], &["1\t\\N\t{}"])];
        let expected =
            ["UPDATE \"s\".\"t\" SET \"x y\" = 'a\tb' WHERE (\"id\" = '1'::integer) → UPDATE 1"];
        assert_eq!(told(&edits(&subject(&table, true), &batch)), expected);
    }

    #[test]
    fn one_statement_looks_for_a_bounded_number_of_rows() {
        let table = table(vec![0]);
        let batch: Vec<Change> = (0..450)
            .map(|i| change(false, &[], &[&format!("{i}\ta\t{{}}")]))
            .collect();
        let tags: Vec<String> = edits(&subject(&table, false), &batch)
            .iter()
            .map(|edit| format!("{edit:?}"))
            .collect();
        assert_eq!(
            tags,
            ["Edit(DELETE 200)", "Edit(DELETE 200)", "Edit(DELETE 50)"]
        );
    }
}
