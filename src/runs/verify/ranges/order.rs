//! How the target orders its rows: the unique indexes along which it can be read, and the order of its texts.
//!
//! A table is read in the order of its own index: pages and ranges name no collation, so whatever the target's
//! order is, each row is in one of them. An index in another order than its columns' own (a collation, an
//! operator class, DESC) is of no use for that: each page would sort the table.

use std::collections::BTreeMap;

use crate::catalog::{DataType, Shape, Table, TableName};
use crate::profile::Profile;

use super::super::super::prepare::Prepared;
use super::super::asking::{Asking, Texts};

/// A kind of values of which every server that has it knows the same order, and prints what it reads again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    Uuid,
    Date,
    Timestamp,
    Timestamptz,
    Bytes,
    /// Ordered alike where either server orders it bytewise.
    Text,
    /// In an order that is the server's own: padded text.
    Own,
}

impl Kind {
    /// The kind of a column's values; `None`: not known, or their text is not all of them (`real`, `money`), or
    /// their operators need a search path.
    pub(super) fn of(data_type: &DataType) -> Option<Self> {
        if data_type.shape != Shape::Scalar {
            return None;
        }
        // OIDs of built-in types are part of the protocol.
        match data_type.base {
            20 | 21 | 23 | 1700 => Some(Self::Number),
            2950 => Some(Self::Uuid),
            1082 => Some(Self::Date),
            1114 => Some(Self::Timestamp),
            1184 => Some(Self::Timestamptz),
            17 => Some(Self::Bytes),
            25 | 1043 => Some(Self::Text),
            1042 => Some(Self::Own),
            _ => None,
        }
    }
}

/// What the target tells of its order.
pub(super) struct Order {
    /// By table the columns, in order, of an index along which it can be read.
    keys: BTreeMap<TableName, Vec<String>>,
    /// Whether `(a, b) > (1, 2)` is known.
    compares_rows: bool,
    texts: TextOrder,
}

impl Order {
    /// Asks. What the target does not tell is not there: pages and ranges are an advantage, no need.
    pub(super) async fn ask(prepared: &Prepared, asking: &mut Asking<'_>) -> Self {
        let profile = &prepared.target.profile;
        let bytewise_by_nature = Profile::yes(&profile.collations) == Some(false);
        let mut indexes = asking.ask(&[INDEXES]).await;
        if indexes.is_err() && bytewise_by_nature {
            indexes = asking.ask(&[PLAIN_INDEXES]).await;
        }
        Self {
            keys: keys(prepared, indexes.unwrap_or_default()),
            compares_rows: says_yes(asking, COMPARES_ROWS).await,
            texts: TextOrder::ask(asking, bytewise_by_nature).await,
        }
    }

    /// The columns along which a table can be read page by page, in order; of a target that compares no rows, and
    /// of a table without such an index, none.
    pub(super) fn key(&self, table: &TableName) -> &[String] {
        let key = self.keys.get(table).map_or(&[][..], Vec::as_slice);
        match key.len() <= 1 || self.compares_rows {
            true => key,
            false => &[],
        }
    }

    /// The columns by which a table can be cut into ranges, in order: of a key of several columns the first one
    /// where the target compares no rows.
    pub(super) fn cut(&self, table: &TableName) -> &[String] {
        let key = self.keys.get(table).map_or(&[][..], Vec::as_slice);
        match self.compares_rows {
            true => key,
            false => key.get(..1).unwrap_or_default(),
        }
    }

    /// Whether the texts of a column are in the order of their bytes.
    pub(super) fn is_bytewise(&self, table: &TableName, column: &str) -> bool {
        match self.texts.collation(table, column) {
            Some(Collation::C) => true,
            Some(Collation::Default) => self.texts.default_is_bytewise,
            None => false,
        }
    }

    /// Whether the texts of a column are in the order of texts that belong to no column.
    pub(super) fn is_usual(&self, table: &TableName, column: &str) -> bool {
        self.is_bytewise(table, column) && self.texts.default_is_bytewise
            || self.texts.collation(table, column) == Some(Collation::Default)
    }
}

/// Valid unique B-trees of whole rows, of columns in their own order: table, number of key columns, columns
/// (numbers as an int2vector prints them). The primary key comes first, then the shortest.
const INDEXES: &str = "SELECT n.nspname::text, c.relname::text, x.indnkeyatts::text, x.indkey::text \
    FROM pg_catalog.pg_index x \
    JOIN pg_catalog.pg_class c ON c.oid = x.indrelid \
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid \
    JOIN pg_catalog.pg_am m ON m.oid = i.relam \
    WHERE m.amname = 'btree' AND x.indisunique AND x.indisvalid \
    AND x.indpred IS NULL AND x.indexprs IS NULL \
    AND NOT EXISTS (SELECT FROM unnest(x.indkey::int2[], x.indcollation::oid[], x.indclass::oid[], \
      x.indoption::int2[]) k(place, sorted, class, direction) \
      JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.place \
      LEFT JOIN pg_catalog.pg_opclass o ON o.oid = k.class \
      WHERE k.sorted <> a.attcollation OR NOT o.opcdefault OR k.direction <> 0) \
    ORDER BY 1, 2, x.indisprimary DESC, x.indnkeyatts";

/// The same of a target without collations, whose catalog has less.
const PLAIN_INDEXES: &str = "SELECT n.nspname::text, c.relname::text, '0', x.indkey::text \
    FROM pg_catalog.pg_index x \
    JOIN pg_catalog.pg_class c ON c.oid = x.indrelid \
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    WHERE x.indisunique AND x.indpred IS NULL \
    ORDER BY 1, 2, x.indisprimary DESC";

const COMPARES_ROWS: &str = "SELECT (1, 2) > (1, 1) AND (2, 1) >= (1, 9) AND NOT (1, 2) > (2, 1)";

/// By table the columns of the first index that serves.
fn keys(prepared: &Prepared, indexes: Texts) -> BTreeMap<TableName, Vec<String>> {
    let mut keys = BTreeMap::new();
    for row in indexes {
        let texts: Vec<String> = row.into_iter().flatten().collect();
        let [schema, name, count, numbers] = texts.as_slice() else {
            continue;
        };
        let name = TableName::new(schema, name);
        let table = prepared.target_catalog.table(&name);
        let key = table.and_then(|table| columns(table, count, numbers));
        if let Some(key) = key {
            keys.entry(name).or_insert(key);
        }
    }
    keys
}

/// The first `count` (0: all) of an index's columns; `None` where one may be NULL or is of no known order.
fn columns(table: &Table, count: &str, numbers: &str) -> Option<Vec<String>> {
    let count = count.parse().ok().filter(|count| *count > 0);
    let numbers = numbers.split_ascii_whitespace();
    let column = |number: &str| {
        let number: i16 = number.parse().ok()?;
        let column = table.columns.iter().find(|c| c.number == number)?;
        let serves = column.not_null && Kind::of(&column.data_type).is_some();
        serves.then(|| column.name.clone())
    };
    let numbers = numbers.take(count.unwrap_or(usize::MAX));
    let columns: Vec<String> = numbers.map(column).collect::<Option<_>>()?;
    (!columns.is_empty()).then_some(columns)
}

/// The collation of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Collation {
    C,
    Default,
}

/// How texts are ordered.
struct TextOrder {
    default_is_bytewise: bool,
    /// By table and column; `None`: there is the default one alone.
    columns: Option<BTreeMap<(TableName, String), Collation>>,
}

/// Columns that have a collation: table, column, collation.
const COLLATIONS: &str = "SELECT n.nspname::text, c.relname::text, a.attname::text, l.collname::text \
    FROM pg_catalog.pg_attribute a \
    JOIN pg_catalog.pg_class c ON c.oid = a.attrelid \
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
    JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation \
    WHERE a.attnum > 0 AND l.collname IN ('default', 'C', 'POSIX') AND n.nspname <> 'pg_catalog'";

/// Texts that every other order than that of their bytes puts elsewhere.
const TEXTS: [&str; 9] = ["-b", "A", "B", "_", "a", "a b", "ab", "z", "é"];

impl TextOrder {
    async fn ask(asking: &mut Asking<'_>, bytewise_by_nature: bool) -> Self {
        let texts = TEXTS.map(|text| format!("({})", crate::sql::literal(text)));
        let sorted = format!(
            "SELECT t FROM (VALUES {}) AS v(t) ORDER BY t",
            texts.join(", ")
        );
        let sorted = asking.ask(&[&sorted]).await.unwrap_or_default();
        let sorted: Vec<String> = sorted.into_iter().flatten().flatten().collect();
        let columns = match asking.ask(&[COLLATIONS]).await {
            Ok(rows) => Some(collations(rows)),
            Err(_) if bytewise_by_nature => None,
            Err(_) => Some(BTreeMap::new()),
        };
        Self {
            default_is_bytewise: sorted == TEXTS,
            columns,
        }
    }

    fn collation(&self, table: &TableName, column: &str) -> Option<Collation> {
        match &self.columns {
            Some(columns) => columns.get(&(table.clone(), column.to_owned())).copied(),
            None => Some(Collation::Default),
        }
    }
}

fn collations(rows: Texts) -> BTreeMap<(TableName, String), Collation> {
    let one = |row: Vec<Option<String>>| {
        let texts: Vec<String> = row.into_iter().flatten().collect();
        let [schema, table, column, name] = texts.as_slice() else {
            return None;
        };
        let collation = match name.as_str() {
            "default" => Collation::Default,
            _ => Collation::C,
        };
        Some(((TableName::new(schema, table), column.clone()), collation))
    };
    rows.into_iter().filter_map(one).collect()
}

async fn says_yes(asking: &mut Asking<'_>, question: &str) -> bool {
    let answer = asking.ask(&[question]).await.unwrap_or_default();
    let first = answer.first().and_then(|row| row.first()?.as_deref());
    first.is_some_and(|text| text.starts_with('t'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Column, Generated};

    fn column(number: i16, name: &str, base: u32, not_null: bool) -> Column {
        Column {
            number,
            name: name.to_owned(),
            data_type: DataType {
                sql: String::new(),
                shape: Shape::Scalar,
                base,
                base_name: String::new(),
                typmod: None,
                holds_timestamp: false,
            },
            not_null,
            has_default: false,
            generated: Generated::Never,
            identity: false,
        }
    }

    fn order(keys: &[&str], compares_rows: bool) -> Order {
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        Order {
            keys: [(TableName::new("s", "t"), keys)].into(),
            compares_rows,
            texts: TextOrder {
                default_is_bytewise: true,
                columns: None,
            },
        }
    }

    #[test]
    fn an_index_serves_whose_columns_are_never_null_and_of_a_known_order() {
        let name = TableName::new("s", "t");
        let mut table = Table::new(1, name, crate::catalog::Kind::Ordinary);
        table.columns = vec![
            column(1, "id", 23, true),
            column(2, "word", 25, true),
            column(4, "price", 790, true),
            column(5, "maybe", 23, false),
        ];
        let found = |count, numbers| columns(&table, count, numbers).map(|c| c.join(" "));
        assert_eq!(found("2", "2 1").as_deref(), Some("word id"));
        assert_eq!(found("1", "2 4").as_deref(), Some("word"), "INCLUDE");
        assert_eq!(found("0", "1 2").as_deref(), Some("id word"));
        for bad in ["4", "5", "1 5", "0", "9", ""] {
            assert_eq!(found("0", bad), None, "{bad}");
        }
    }

    #[test]
    fn a_target_that_compares_no_rows_is_cut_by_the_first_column_and_has_no_pages() {
        let name = TableName::new("s", "t");
        let (both, none) = (order(&["a", "b"], true), order(&["a", "b"], false));
        assert_eq!((both.key(&name).len(), both.cut(&name).len()), (2, 2));
        assert_eq!((none.key(&name).len(), none.cut(&name).len()), (0, 1));
        let single = order(&["a"], false);
        assert_eq!((single.key(&name).len(), single.cut(&name).len()), (1, 1));
        let other = TableName::new("s", "other");
        assert!(both.key(&other).is_empty() && none.cut(&other).is_empty());
    }

    #[test]
    fn texts_of_another_collation_are_neither_bytewise_nor_usual() {
        let name = TableName::new("s", "t");
        let mut order = order(&[], true);
        order.texts = TextOrder {
            default_is_bytewise: false,
            columns: Some(collations(vec![
                ["s", "t", "plain", "default"]
                    .map(|t| Some(t.to_owned()))
                    .into(),
                ["s", "t", "bytes", "C"].map(|t| Some(t.to_owned())).into(),
            ])),
        };
        let told = |order: &Order, column| {
            (
                order.is_bytewise(&name, column),
                order.is_usual(&name, column),
            )
        };
        assert_eq!(told(&order, "plain"), (false, true));
        assert_eq!(told(&order, "bytes"), (true, false));
        assert_eq!(told(&order, "icu"), (false, false));
        order.texts.default_is_bytewise = true;
        assert_eq!(told(&order, "plain"), (true, true));
        assert_eq!(told(&order, "bytes"), (true, true));
    }
}
