//! Every kind of finding of the pre-data part, in one table.

use crate::schema::finding::{Kind, Severity};

macro_rules! kinds {
    ($( $name:ident = $severity:ident $id:literal: $title:literal;
        happens $happens:literal;
        why $why:literal;
        remedy $remedy:literal; )+) => {
        $(
            pub(in crate::schema::convert) static $name: Kind = Kind {
                id: $id,
                severity: Severity::$severity,
                title: $title,
                happens: $happens,
                why: $why,
                remedy: $remedy,
            };
        )+

        /// The kinds of findings of this part.
        pub(in crate::schema) const KINDS: &[&Kind] = &[ $( &$name ),+ ];
    };
}

// Types of columns.
kinds! {
    SMALLINT = Change "smallint-column": "smallint column";
        happens "it becomes integer; a value beyond 16 bits is no longer refused";
        why "int2 is not documented as a type of DB9: \"use integer\" (DB9 documentation, early 2026)";
        remedy "nothing; add a CHECK where the range matters";
    REAL = Change "real-column": "real column";
        happens "it becomes double precision; values keep their shortest text, comparisons with computed values may differ";
        why "float4 is not documented as a type of DB9: \"use double precision\" (DB9 documentation, early 2026)";
        remedy "nothing; compare with a tolerance";
    CHAR = Change "char-column": "char(n) column";
        happens "it becomes varchar(n); the padding with spaces is not kept";
        why "char is not documented as a type of DB9: \"use varchar\" (DB9 documentation, early 2026)";
        remedy "do not rely on padded results; trailing spaces count in comparisons now";
    MONEY = Change "money-column": "money column";
        happens "it becomes numeric with the amount that the source's lc_monetary gives";
        why "money is not supported (TiDB Cloud Starter documentation, autumn 2026)";
        remedy "format amounts in the application; set the type in the --map file for a fixed scale";
    INTERNAL_TYPE = Change "internal-type": "column of a type made for PostgreSQL's own catalogs";
        happens "it becomes bigint or text of the same value";
        why "oid-like types, name and \"char\" are not documented as types of columns there";
        remedy "nothing, unless the application joins it with the catalogs";
    TEXT_FORM = Loss "type-as-text": "column of a type that the target does not take";
        happens "it becomes text in PostgreSQL's own text form; the type's checks and operators are lost";
        why "DB9 does not support XML, CIDR/INET or range types (DB9 guide \"Migrate from PostgreSQL\"); others are not documented";
        remedy "parse the text in the application, or choose another type in the --map file";
    EXTENSION_TYPE = Loss "extension-type": "column of a type of an extension that the target does not have";
        happens "it becomes text in the type's own text form; its operators and functions are lost";
        why "nine extensions only (DB9 guide \"Migrate from PostgreSQL\")";
        remedy "citext: an index on lower(…); PostGIS: keep the text, or export as GeoJSON by the --map file";
    ARRAY_AS_TEXT = Loss "array-as-text": "array that the target does not take";
        happens "it becomes text in PostgreSQL's array form";
        why "arrays of one dimension only (TiDB Cloud Starter documentation, autumn 2026)";
        remedy "choose jsonb in the --map file: { type = \"jsonb\", using = \"to_jsonb(…)\" }";
    DOMAIN_COLUMN = Change "domain-column": "column of a domain";
        happens "it gets the domain's base type, its CHECKs, NOT NULL and DEFAULT";
        why "domains are not documented as supported there";
        remedy "change the CHECK of each column where the domain's would have been changed";
    DOMAIN_IN_ARRAY = Loss "domain-in-array": "array of a domain";
        happens "its elements get the domain's base type; the domain's CHECKs are lost";
        why "domains are not documented as supported there, and a CHECK can not look at each element";
        remedy "check the elements in the application";
    ENUM_AS_TEXT = Change "enum-as-text": "enum column";
        happens "it becomes text with a CHECK of the labels";
        why "the target does not take CREATE TYPE … AS ENUM, or that is not known";
        remedy "sort by a table of labels where the order matters";
    COMPOSITE_AS_TEXT = Loss "composite-as-text": "column of a composite type";
        happens "it becomes text in PostgreSQL's row form; its fields can not be named any more";
        why "composite types as columns are not documented there";
        remedy "split it into columns before the move, or choose jsonb in the --map file";
    ALIASED_TYPE = Change "aliased-type": "column of a type that the target takes under another name";
        happens "it has the other type there";
        why "CREATE TABLE on the target gave a column of another type (probed)";
        remedy "nothing, unless the application asks for the column's type";
    MAPPED_TYPE = Change "mapped-type": "column whose type the --map file sets";
        happens "it gets that type";
        why "the --map file says so";
        remedy "take it out of the --map file to get the default";
    TIMESTAMP_DIGITS = Loss "timestamp-digits": "timestamp column with more fraction digits than the target keeps";
        happens "the digits beyond are cut";
        why "timestamps have millisecond precision (DB9 guide \"Migrate from PostgreSQL\")";
        remedy "--deep counts the values that lose something; text or a bigint of microseconds in the --map file keeps all";
    TIMESTAMP_KEY = Loss "timestamp-key": "key over a timestamp that is cut";
        happens "values that differ by less than a millisecond may become equal and collide";
        why "timestamps have millisecond precision (DB9 guide \"Migrate from PostgreSQL\")";
        remedy "--deep counts the groups that collide; make the key wider, or the column text, in the source or by the --map file";
    TIMESTAMP_CHECK = Loss "timestamp-check": "CHECK over a timestamp that is cut";
        happens "a row whose values differ by less than what is cut may break it, and is refused by the load";
        why "timestamps have millisecond precision (DB9 guide \"Migrate from PostgreSQL\")";
        remedy "--deep counts such rows; change < into <= in the source, or drop the CHECK there";
    TIME_DIGITS = Loss "time-digits": "time column with more fraction digits than the target keeps";
        happens "the digits beyond are lost";
        why "the target keeps fewer digits of a time";
        remedy "choose text in the --map file to keep all";
    INTERVAL_DIGITS = Loss "interval-digits": "interval column with more fraction digits than the target keeps";
        happens "the digits beyond are lost; days may fold into the smaller part";
        why "intervals are months apart from a millisecond part (DB9 documentation, early 2026)";
        remedy "choose text in the --map file to keep all";
    NUMERIC_DIGITS = Loss "numeric-digits": "numeric column that may hold more digits than the target keeps";
        happens "values with more significant digits are rounded or refused";
        why "numeric has up to 28 to 29 significant digits (DB9 documentation, early 2026)";
        remedy "--deep counts such values; choose text in the --map file to keep all";
    WITHOUT_EFFECT = Change "mapping-without-effect": "entry of the --map file about a partition";
        happens "it has no effect: the partition has no table of its own in the target";
        why "table partitioning is not supported (DB9 guide \"Migrate from PostgreSQL\")";
        remedy "name the partitioned table in the --map file";
    COLLATION = Change "column-collation": "column with a collation of its own";
        happens "the collation is left out; text sorts bytewise";
        why "text sorts bytewise, COLLATE \"C\" (DB9 documentation, early 2026)";
        remedy "sort in the application, or keep a sort key";
    TYPE_LEFT_OUT = Change "user-type": "type that is not created";
        happens "columns and casts of it use another type";
        why "the target does not take such types, or that is not documented";
        remedy "see the findings of its columns";

    // Objects besides tables.
    SEQUENCE_OPTIONS = Loss "sequence-options": "sequence with options that the target does not take";
        happens "it is created without them";
        why "CREATE SEQUENCE takes no options there (probed)";
        remedy "set the options by hand after the move";
    UNLOGGED = Change "unlogged-table": "unlogged table or sequence";
        happens "it becomes a permanent one";
        why "unlogged tables are not documented there";
        remedy "nothing";
    COLLISION = Blocker "name-collision": "name that two objects would have";
        happens "only one of them can be made";
        why "names are unique within a schema";
        remedy "rename one of them in the --map file";
    LONG_NAME = Blocker "mapped-name-too-long": "name of the --map file that is too long for the target";
        happens "it would be cut, or refused";
        why "the target's profile limits the bytes of an identifier";
        remedy "choose a shorter one in the --map file";

    // Tables and their parts.
    PARTITIONED = Change "partitioned-table": "partitioned table";
        happens "the rows of all partitions go into one plain table of its name";
        why "table partitioning is not supported (DB9 guide \"Migrate from PostgreSQL\")";
        remedy "drop old rows by DELETE instead of DROP TABLE; name the table, not its partitions";
    PARTITION_ONLY = Loss "partition-constraint": "CHECK or primary key that only a partition has";
        happens "it is left out: it would hold for all rows of the one table";
        why "table partitioning is not supported (DB9 guide \"Migrate from PostgreSQL\")";
        remedy "add it to the whole table where that is meant";
    INHERITANCE = Loss "inherited-table": "table with INHERITS children";
        happens "each child becomes a table of its own with all columns; the parent no longer shows their rows";
        why "table inheritance is not supported (DB9 guide \"Migrate from PostgreSQL\")";
        remedy "query a view with UNION ALL over the tables";
    FOREIGN_TABLE = Loss "foreign-table": "foreign table";
        happens "it is left out, and so is what selects from it";
        why "foreign data wrappers are not supported (DB9 guide \"Migrate from PostgreSQL\")";
        remedy "--foreign-tables copies its rows into a plain table";
    FOREIGN_COPIED = Change "foreign-table-copied": "foreign table";
        happens "its rows of now are copied into a plain table";
        why "--foreign-tables asks for it; foreign data wrappers are not supported (DB9 guide \"Migrate from PostgreSQL\")";
        remedy "refresh the rows from the application";
    EXTENSION_TABLE = Note "extension-table": "table of an extension";
        happens "it comes with the extension or not at all; its rows are not copied";
        why "the extension makes its own tables";
        remedy "copy its rows by hand where they are yours";
    TYPED_TABLE = Note "typed-table": "table of a composite type (CREATE TABLE OF)";
        happens "it becomes a plain table with the same columns";
        why "typed tables are not documented there";
        remedy "change its columns one by one where the type would have been changed";
    TABLESPACE = Note "table-tablespace": "table in a tablespace of its own";
        happens "the tablespace is left out";
        why "tablespaces are not supported there";
        remedy "nothing";
    STORAGE_PARAMETERS = Note "storage-parameters": "table with storage parameters";
        happens "they are left out";
        why "they tune PostgreSQL's heap and autovacuum, which the target does not have";
        remedy "nothing";
    ACCESS_METHOD = Change "table-access-method": "table of another access method than heap";
        happens "it becomes a plain table";
        why "table access methods are extensions of PostgreSQL";
        remedy "nothing";
    COLUMN_STORAGE = Note "column-storage": "column with a storage or compression of its own";
        happens "it is left out";
        why "it tunes PostgreSQL's TOAST, which the target does not have";
        remedy "nothing";
    IDENTITY_AS_DEFAULT = Change "identity-as-default": "identity column";
        happens "it takes its default from a sequence of the same name; GENERATED ALWAYS no longer refuses given values";
        why "the target does not take GENERATED … AS IDENTITY in CREATE TABLE, or that is not known";
        remedy "do not give values for the column";
    GENERATED_OPEN = Note "generated-column": "stored generated column";
        happens "it is created as it is";
        why "generated columns are not documented there; a probe of the target tells";
        remedy "name the target by --db9 and check again";
    GENERATED_VIRTUAL = Change "virtual-column": "virtual generated column";
        happens "it becomes a stored one";
        why "virtual generated columns are new in PostgreSQL 18 and not documented there";
        remedy "nothing; it takes space";
    GENERATED_AS_PLAIN = Loss "generated-as-plain": "generated column whose expression the target can not compute";
        happens "it becomes a plain column that holds the values of now and is not computed any more";
        why "see its detail";
        remedy "compute it in the application, or write another expression";
    RANGE_CANONICAL = Loss "range-canonical": "range type whose values are brought into one form (CANONICAL)";
        happens "it is created without that: [1,3) and [1,2] are no longer the same";
        why "the function is one in C, and takes the type before it is there";
        remedy "compare by lower() and upper(), or write one form in the application";
    DEFAULT_LEFT_OUT = Loss "default-left-out": "default that the target can not compute";
        happens "the column gets no default";
        why "see its detail";
        remedy "give the value in the application, or set another default after the move";
    CHECK_LEFT_OUT = Loss "check-left-out": "CHECK constraint that the target can not hold";
        happens "it is left out: nothing checks the rows any more";
        why "see its detail";
        remedy "check in the application, or write another CHECK after the move";
    KEY_OPTIONS = Change "primary-key-options": "primary key with DEFERRABLE or INCLUDE";
        happens "it is created without that";
        why "DEFERRABLE and INCLUDE are not documented there";
        remedy "write rows in an order that never breaks the key";
    KEY_RENAMED = Change "primary-key-renamed": "primary key under another name";
        happens "it gets a name that is free";
        why "indexes and tables of a schema share their names (PostgreSQL documentation, CREATE INDEX)";
        remedy "look for ON CONFLICT ON CONSTRAINT in the application";
    KEY_LEFT_OUT = Loss "primary-key-left-out": "primary key that the target can not hold";
        happens "the table has no primary key";
        why "see its detail";
        remedy "choose another key";
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUIDE: &str = "DB9 guide \"Migrate from PostgreSQL\"";

    #[test]
    fn the_guide_is_named_alike_everywhere() {
        for kind in KINDS.iter().filter(|kind| kind.why.contains("guide")) {
            assert!(kind.why.contains(GUIDE), "{}", kind.id);
        }
    }
}
