//! What the data of a table can tell: the kinds of findings of `--deep`.

use crate::schema::finding::{Kind, Severity};

const MILLISECONDS: &str = "timestamps have millisecond precision (DB9 guide \"Migrate from PostgreSQL\"; a probe knows better)";

pub(super) static TIMESTAMP_DIGITS: Kind = Kind {
    id: "deep-timestamp-digits",
    severity: Severity::Loss,
    title: "timestamps with more digits than the target keeps",
    happens: "the digits beyond are cut, never rounded",
    why: MILLISECONDS,
    remedy: "accept it, or keep the digits in a bigint or text column of its own (--map)",
};

pub(super) static TIME_DIGITS: Kind = Kind {
    id: "deep-time-digits",
    severity: Severity::Loss,
    title: "times of day with more digits than the target keeps",
    happens: "the target rounds or cuts them",
    why: "how many digits a time keeps is what a probe of the target shows",
    remedy: "accept it, or keep them as text (--map)",
};

pub(super) static TIMESTAMP_INSIDE: Kind = Kind {
    id: "deep-timestamp-inside",
    severity: Severity::Loss,
    title: "timestamps inside a composite or range value with more digits than the target keeps",
    happens: "the target changes the value by rules of its own",
    why: MILLISECONDS,
    remedy: "map the column to text (--map), which keeps every digit",
};

pub(super) static PRIMARY_KEY_COLLISION: Kind = Kind {
    id: "deep-primary-key-collision",
    severity: Severity::Blocker,
    title: "rows whose primary keys become the same",
    happens: "the second row of each group is refused, and the copy of the table fails",
    why: "the key holds timestamps that are cut, or tables become one by which it was not unique",
    remedy: "add a column to the key, keep its digits as text (--map), or change the rows",
};

pub(super) static UNIQUE_COLLISION: Kind = Kind {
    id: "deep-unique-collision",
    severity: Severity::Loss,
    title: "rows that a unique index or constraint will not tell apart",
    happens: "the unique index can not be built: the rows are there, and nothing keeps them unique",
    why: "it holds timestamps that are cut, or tables become one by which it was not unique",
    remedy: "add a column to it, keep its digits as text (--map), or change the rows",
};

pub(super) static CHECK_TURNS_FALSE: Kind = Kind {
    id: "deep-check-turns-false",
    severity: Severity::Blocker,
    title: "rows that no longer satisfy a CHECK when their timestamps are cut",
    happens: "such a row is refused, and the copy of the table fails",
    why: MILLISECONDS,
    remedy: "loosen the CHECK (>= instead of >), or change the rows",
};

pub(super) static GENERATED_CHANGES: Kind = Kind {
    id: "deep-generated-changes",
    severity: Severity::Change,
    title: "generated columns whose value changes when their input is cut",
    happens: "the target computes another value than the source",
    why: MILLISECONDS,
    remedy: "accept it, or make it a plain column that is copied",
};

pub(super) static INFINITY: Kind = Kind {
    id: "deep-infinity",
    severity: Severity::Loss,
    title: "infinite timestamps or dates",
    happens: "such a row may be refused",
    why: "infinity is not documented for a DB9 (a probe knows better)",
    remedy: "replace it by a far date, or by NULL, before the copy",
};

pub(super) static BC: Kind = Kind {
    id: "deep-bc",
    severity: Severity::Loss,
    title: "timestamps or dates BC",
    happens: "such a row may be refused",
    why: "years BC are not documented for a DB9 (a probe knows better)",
    remedy: "keep them as text (--map)",
};

pub(super) static YEAR_ABOVE_9999: Kind = Kind {
    id: "deep-year-above-9999",
    severity: Severity::Loss,
    title: "timestamps or dates after the year 9999",
    happens: "such a row may be refused",
    why: "years above 9999 are not documented for a DB9 (a probe knows better)",
    remedy: "keep them as text (--map), or replace them by a nearer date",
};

pub(super) static NAN: Kind = Kind {
    id: "deep-nan",
    severity: Severity::Loss,
    title: "numbers that are NaN or infinite",
    happens: "such a row may be refused",
    why: "NaN and Infinity are not documented for a DB9 (a probe knows better)",
    remedy: "replace them by NULL before the copy",
};

pub(super) static NUMERIC_DIGITS: Kind = Kind {
    id: "deep-numeric-digits",
    severity: Severity::Loss,
    title: "numerics with more digits than the target keeps",
    happens: "the target rounds or refuses them",
    why: "numeric has up to 28 or 29 significant digits (DB9 documentation, early 2026; a probe knows better)",
    remedy: "keep them as text (--map), or round them before the copy",
};

pub(super) static INTERVAL_DIGITS: Kind = Kind {
    id: "deep-interval-digits",
    severity: Severity::Loss,
    title: "intervals with microseconds",
    happens: "they keep milliseconds",
    why: "an interval has a millisecond part (DB9 documentation, early 2026)",
    remedy: "accept it, or keep them as bigint microseconds or text (--map)",
};

pub(super) static INTERVAL_DAYS: Kind = Kind {
    id: "deep-interval-days",
    severity: Severity::Change,
    title: "intervals with days",
    happens: "days may become 24 hours: over a change of daylight saving time the sum is another one",
    why: "an interval is months apart from a millisecond part (DB9 documentation, early 2026)",
    remedy: "look at sums of local timestamps and such intervals",
};

pub(super) static ARRAY_DIMENSIONS: Kind = Kind {
    id: "deep-array-dimensions",
    severity: Severity::Blocker,
    title: "arrays of several dimensions",
    happens: "such a row is refused, and the copy of the table fails",
    why: "arrays have one dimension (TiDB Cloud Starter documentation, autumn 2026)",
    remedy: "map the column to jsonb or text (--map)",
};

pub(super) static ARRAY_BOUNDS: Kind = Kind {
    id: "deep-array-bounds",
    severity: Severity::Loss,
    title: "arrays whose lower bound is not 1",
    happens: "the bound is lost, or the row is refused",
    why: "array bounds are not documented for a DB9",
    remedy: "renumber them before the copy, or map the column to text (--map)",
};

pub(super) static INVALID_UTF8: Kind = Kind {
    id: "deep-invalid-utf8",
    severity: Severity::Blocker,
    title: "text that is no UTF-8",
    happens: "such a row is refused, and the copy of the table fails",
    why: "a DB9 is UTF-8 only (DB9 guide \"Migrate from PostgreSQL\"); SQL_ASCII checks nothing",
    remedy: "convert it in the source: convert_from(convert_to(col, 'SQL_ASCII'), 'LATIN1')",
};

pub(super) static LINE_TOO_LONG: Kind = Kind {
    id: "deep-line-too-long",
    severity: Severity::Blocker,
    title: "rows whose line of COPY is longer than the target takes",
    happens: "such a row is refused, and the copy of the table fails",
    why: "the longest line of a COPY is 32 MB (DB9 documentation, early 2026)",
    remedy: "move such values out (object storage), or leave the rows out with --where",
};

pub(super) static LINE_NEAR_LIMIT: Kind = Kind {
    id: "deep-line-near-limit",
    severity: Severity::Note,
    title: "rows whose line of COPY is longer than half of what the target takes",
    happens: "it passes where few characters need an escape, which takes two bytes",
    why: "the longest line of a COPY is 32 MB (DB9 documentation, early 2026)",
    remedy: "look at how such rows grow",
};

pub(super) static ROW_TOO_LARGE: Kind = Kind {
    id: "deep-row-too-large",
    severity: Severity::Blocker,
    title: "rows that are larger than the target stores",
    happens: "such a row is refused, and the copy of the table fails",
    why: "the target's profile limits the bytes of a row",
    remedy: "move such values out (object storage), or leave the rows out with --where",
};

pub(super) static ROW_LARGE: Kind = Kind {
    id: "deep-row-large",
    severity: Severity::Note,
    title: "large rows",
    happens: "they may be refused",
    why: "how large a row may be is not documented for a DB9, or they are above half of the known limit",
    remedy: "try one of them first, or move such values out (object storage)",
};

pub(super) static BIT_LENGTH: Kind = Kind {
    id: "deep-bit-length",
    severity: Severity::Loss,
    title: "bit strings of more than 64 bits",
    happens: "the target may refuse or cut them",
    why: "bit types are not documented for a DB9",
    remedy: "map the column to text (--map)",
};

pub(super) static FLOAT4: Kind = Kind {
    id: "deep-float4",
    severity: Severity::Change,
    title: "float4 values that are another number as double precision",
    happens: "the same digits arrive (0.1 stays 0.1), but sums and comparisons in double precision differ",
    why: "use double precision (DB9 documentation, early 2026)",
    remedy: "compare with a tolerance, or use numeric",
};

pub(super) static CHAR_PADDING: Kind = Kind {
    id: "deep-char-padding",
    severity: Severity::Change,
    title: "char(n) values that are padded with blanks",
    happens: "the blanks are lost: length() and concatenation differ",
    why: "use varchar (DB9 documentation, early 2026)",
    remedy: "rpad(col, n) where the blanks are wanted",
};

pub(super) static NOT_READ: Kind = Kind {
    id: "deep-not-read",
    severity: Severity::Loss,
    title: "data that could not be read",
    happens: "what it will lose is not known",
    why: "the server refused a question, or the connection was lost",
    remedy: "mend what the line says, then check again",
};

pub(super) static NONE_AFFECTED: Kind = Kind {
    id: "none-affected",
    severity: Severity::Note,
    title: "what could lose something, and has nothing to lose today",
    happens: "every value that is there arrives as it is; for one that is written later the line holds",
    why: "the data was read, and none of its values is affected",
    remedy: "nothing for the move; look at what the application writes afterwards",
};
