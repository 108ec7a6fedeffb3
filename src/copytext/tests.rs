//! The fast rewriter against the slow one, and both against what PostgreSQL documents.

use proptest::collection::vec;
use proptest::prelude::*;

use super::fuzz::{self, Settings, compare};
use super::*;

/// A timestamp as PostgreSQL prints it, of every shape.
fn timestamp() -> impl Strategy<Value = String> {
    let year = prop_oneof![
        4 => (1900..2100u32).prop_map(|y| format!("{y:04}")),
        1 => (1..294_277u32).prop_map(|y| format!("{y:04}")),
    ];
    let fraction = prop_oneof![
        Just(String::new()),
        "\\.[0-9]{1,6}",
        "\\.0{0,5}[0-9]",
        "\\.[1-9]0{1,4}[1-9]"
    ];
    let zone = prop_oneof![3 => Just(String::new()), 3 => Just("+00".to_owned()),
        1 => "[+-][0-9]{2}(:[0-9]{2}){0,2}"];
    let era = prop_oneof![5 => Just(""), 1 => Just(" BC")];
    let finite = (
        year,
        "-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-6][0-9]",
        fraction,
        zone,
        era,
    )
        .prop_map(|(y, t, f, z, e)| format!("{y}{t}{f}{z}{e}"));
    prop_oneof![20 => finite, 1 => Just("infinity".to_owned()), 1 => Just("-infinity".to_owned())]
}

fn array() -> impl Strategy<Value = String> {
    let element = prop_oneof![
        6 => timestamp().prop_map(|t| if t.contains(' ') { format!("\"{t}\"") } else { t }),
        1 => Just("NULL".to_owned()),
    ];
    let list = |inner: BoxedStrategy<String>| {
        vec(inner, 1..4)
            .prop_map(|items| format!("{{{}}}", items.join(",")))
            .boxed()
    };
    let one = list(element.boxed());
    let two = list(one.clone());
    let bounds = prop_oneof![3 => Just(String::new()), 1 => "(\\[-?[0-9]:[0-9]{1,3}\\]){1,7}="];
    (
        bounds,
        prop_oneof![5 => one, 2 => two, 1 => Just("{}".to_owned())],
    )
        .prop_map(|(bounds, items)| bounds + &items)
}

/// Text as COPY prints it, with every escape, and with padding.
fn escaped() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => "[a-z é€😀\"{},]{0,12}",
        1 => prop_oneof![Just("\\t"), Just("\\n"), Just("\\r"), Just("\\\\"), Just("\\b"), Just("\\N"),
            Just("\\."), Just("\\ "), Just("  "), Just("\\"), Just("\r")].prop_map(str::to_owned),
    ];
    vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

/// Mostly what a transform can read, sometimes with a byte exchanged.
fn field(transform: Option<Transform>) -> BoxedStrategy<Vec<u8>> {
    let good = match transform {
        Some(Transform::CutTimestamp { .. }) => timestamp().boxed(),
        Some(Transform::CutTimestampArray { .. }) => array().boxed(),
        Some(Transform::TrimRight) => (escaped(), " {0,9}").prop_map(|(t, s)| t + &s).boxed(),
        None => prop_oneof![escaped(), timestamp(), array()].boxed(),
    };
    prop_oneof![8 => good, 1 => Just("\\N".to_owned())]
        .prop_map(String::into_bytes)
        .boxed()
}

fn transform() -> impl Strategy<Value = Option<Transform>> {
    prop_oneof![
        2 => Just(None),
        3 => (0..=7u8).prop_map(|digits| Some(Transform::CutTimestamp { digits })),
        1 => (0..=7u8).prop_map(|digits| Some(Transform::CutTimestampArray { digits })),
        1 => Just(Some(Transform::TrimRight)),
    ]
}

fn recipe(choices: &[Option<Transform>]) -> Recipe {
    let chosen = choices.iter().enumerate();
    Recipe {
        fields: choices.len(),
        transforms: chosen.filter_map(|(i, t)| t.map(|t| (i, t))).collect(),
    }
}

/// A table and its COPY text.
fn table(rows: std::ops::Range<usize>) -> impl Strategy<Value = (Recipe, Vec<u8>)> {
    vec(transform(), 0..6).prop_flat_map(move |choices| {
        let recipe = recipe(&choices);
        let fields: Vec<_> = choices.into_iter().map(field).collect();
        let row = fields.prop_map(|fields| {
            let mut row = fields.join(&b'\t');
            row.push(b'\n');
            row
        });
        vec(row, rows.clone()).prop_map(move |rows| (recipe.clone(), rows.concat()))
    })
}

/// A size that is hit, missed or without effect.
fn size() -> impl Strategy<Value = usize> {
    prop_oneof![0..300usize, 0..20_000usize, Just(usize::MAX)]
}

type Target = fn(&[u8]);

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn fast_equals_slow_at_every_split(
        (recipe, input) in table(0..6), frame in size(), full in size(),
        limit in prop_oneof![1 => 0..100usize, 4 => Just(usize::MAX)],
    ) {
        for split in 0..=input.len() {
            compare(&input, &Settings {
                recipe: recipe.clone(), line_limit: limit, frame, full, splits: vec![split],
            });
        }
        compare(&input, &Settings {
            recipe, line_limit: limit, frame, full, splits: (0..input.len()).collect(),
        });
    }

    #[test]
    fn fast_equals_slow_over_many_blocks(
        (recipe, input) in table(0..600), frame in size(), full in size(), limit in size(),
        mut splits in vec(0..100_000usize, 0..6),
    ) {
        splits.sort_unstable();
        compare(&input, &Settings { recipe, line_limit: limit, frame, full, splits });
    }

    #[test]
    fn fast_equals_slow_where_bytes_are_exchanged(
        (recipe, mut input) in table(1..200), frame in size(), full in size(),
        hostile in vec((any::<prop::sample::Index>(), any::<bool>(), prop_oneof![
            any::<u8>(), Just(b'\t'), Just(b'\n'), Just(b'\\'), Just(b' '), Just(0xff), Just(b'0'),
        ]), 1..4),
        mut splits in vec(0..50_000usize, 0..3),
    ) {
        for (index, is_delimiter, byte) in hostile {
            let wanted = |i: &usize| !is_delimiter || matches!(input[*i], b'\t' | b'\n');
            let places: Vec<usize> = (0..input.len()).filter(wanted).collect();
            if !places.is_empty() {
                input[*index.get(&places)] = byte;
            }
        }
        splits.sort_unstable();
        compare(&input, &Settings { recipe, line_limit: usize::MAX, frame, full, splits });
    }

    #[test]
    fn fast_equals_slow_on_any_bytes(data in vec(any::<u8>(), 0..300)) {
        fuzz::rewrite(&data);
        fuzz::timestamp(&data);
        fuzz::array(&data);
        fuzz::padding(&data);
    }

    #[test]
    fn fast_equals_slow_on_single_values(
        digits in any::<u8>(), timestamp in timestamp(), array in array(), text in escaped(),
        at in any::<prop::sample::Index>(), byte in "[-0-9:. +BC{}\",\\\\a]",
    ) {
        let targets: [(Target, String); 3] =
            [(fuzz::timestamp, timestamp), (fuzz::array, array), (fuzz::padding, text)];
        for (target, text) in targets {
            let mut data = [&[digits], text.as_bytes()].concat();
            target(&data);
            let at = at.index(data.len());
            data[at] = byte.as_bytes()[0];
            target(&data);
            data.insert(at, byte.as_bytes()[0]);
            target(&data);
        }
    }
}

/// `make.sql` in `postgres/` tells how these came to be: PostgreSQL's own COPY text of values, and of the
/// same values after its own `date_trunc` and `rtrim`.
#[test]
fn rewriting_is_what_postgresql_truncates_and_trims_itself() {
    let cases: [(u8, &[u8], &[u8]); 3] = [
        (
            0,
            include_bytes!("postgres/west.copy"),
            include_bytes!("postgres/west.0.copy"),
        ),
        (
            3,
            include_bytes!("postgres/west.copy"),
            include_bytes!("postgres/west.3.copy"),
        ),
        (
            3,
            include_bytes!("postgres/east.copy"),
            include_bytes!("postgres/east.3.copy"),
        ),
    ];
    for (digits, given, expected) in cases {
        let cut = Transform::CutTimestamp { digits };
        let each = Transform::CutTimestampArray { digits };
        let transforms = [
            (1, cut),
            (2, cut),
            (3, Transform::TrimRight),
            (4, each),
            (5, each),
        ];
        let mut rows = Rows::default();
        let consumed = rewriter(6, &transforms, 1000).rewrite(given, &mut rows, usize::MAX);
        assert_eq!((consumed, rows.digest.rows), (Ok(given.len()), 171));
        assert!(rows.bytes == expected, "{digits} digits");
        assert!(
            rows.changed.iter().all(|changed| *changed > 80),
            "{:?}",
            rows.changed
        );
    }
}

const TIMESTAMP: Transform = Transform::CutTimestamp { digits: 3 };

fn rewriter(fields: usize, transforms: &[(usize, Transform)], line_limit: usize) -> Rewriter {
    let transforms = transforms.to_vec();
    Rewriter::new(Recipe { fields, transforms }, line_limit, 64)
}

/// The first error of `input`, which comes at once.
fn error(rewriter: &mut Rewriter, input: &[u8]) -> (RowError, Rows) {
    let mut rows = Rows::default();
    let error = rewriter.rewrite(input, &mut rows, usize::MAX);
    (error.expect_err("a bad row"), rows)
}

#[test]
fn rows_before_a_bad_one_are_kept_and_it_is_named_by_its_position() {
    let mut rewriter = rewriter(1, &[(0, TIMESTAMP)], 100);
    let (found, rows) = error(&mut rewriter, b"infinity\n\\N\nyesterday\ninfinity\n");
    let kind = RowErrorKind::Unreadable { field: 0 };
    assert_eq!(found, RowError { row: 2, kind });
    assert_eq!(rows.bytes, b"infinity\n\\N\n");
    assert_eq!((rewriter.rows(), rewriter.consumed()), (2, 12));
    assert!(!found.to_string().contains("yesterday"));
}

#[test]
fn invalid_utf8_is_found_with_row_and_byte() {
    let (found, _) = error(&mut rewriter(2, &[], 100), b"a\tb\nc\xc3\xa9\td\xff\n");
    let kind = RowErrorKind::InvalidUtf8 { at: 5 };
    assert_eq!(found, RowError { row: 1, kind });
    // A character must not be put together from two rows.
    let (found, _) = error(&mut rewriter(1, &[], 100), b"a\xc3\n\xa9\n");
    let kind = RowErrorKind::InvalidUtf8 { at: 1 };
    assert_eq!(found, RowError { row: 0, kind });
}

#[test]
fn every_row_has_the_recipes_fields_also_where_their_sum_is_right() {
    for input in ["a\nb\n", "a\tb\nc\nd\te\tf\n", "a\n", "a\tb\tc\n", "\n"] {
        let (found, _) = error(&mut rewriter(2, &[], 100), input.as_bytes());
        assert!(
            matches!(found.kind, RowErrorKind::Fields { .. }),
            "{input:?}"
        );
    }
}

#[test]
fn a_table_without_fields_has_empty_rows() {
    let mut rows = Rows::default();
    let mut rewriter = rewriter(0, &[], 100);
    assert_eq!(rewriter.rewrite(b"\n\n\n", &mut rows, 100), Ok(3));
    assert_eq!((rows.digest.rows, rows.bytes.len()), (3, 3));
    let (found, _) = error(&mut rewriter, b"x\n");
    assert_eq!(found.kind, RowErrorKind::Fields { found: 1 });
}

#[test]
fn the_line_limit_holds_for_the_row_as_sent() {
    let row = b"2020-01-01 00:00:00.123456\n";
    let mut rows = Rows::default();
    let mut enough = rewriter(1, &[(0, TIMESTAMP)], 23);
    assert_eq!(enough.rewrite(row, &mut rows, 100), Ok(27));
    let (found, rows) = error(&mut rewriter(1, &[(0, TIMESTAMP)], 22), row);
    let kind = RowErrorKind::TooLong {
        length: 23,
        limit: 22,
    };
    assert_eq!(found.kind, kind);
    assert!(rows.is_empty() && rows.frames.is_empty());
}

#[test]
fn a_row_without_end_is_refused_when_it_is_too_long() {
    let mut rewriter = rewriter(1, &[], 1000);
    let mut rows = Rows::default();
    assert_eq!(rewriter.rewrite(&[b'x'; 1000], &mut rows, 10), Ok(0));
    let (found, _) = error(&mut rewriter, &[b'x'; 1001]);
    let kind = RowErrorKind::TooLong {
        length: 1001,
        limit: 1000,
    };
    assert_eq!(found, RowError { row: 0, kind });
}

#[test]
fn a_batch_never_exceeds_its_size_unless_one_row_does() {
    let mut rewriter = rewriter(1, &[], 1000);
    let mut rows = Rows::with_capacity(8);
    assert_eq!(rewriter.rewrite(b"aaa\nbbb\nccc\n", &mut rows, 8), Ok(8));
    assert!(rewriter.is_full());
    rows.clear();
    assert_eq!(rewriter.rewrite(b"ccc\n", &mut rows, 8), Ok(4));
    assert!(!rewriter.is_full());
    assert_eq!(rewriter.rewrite(b"dddd\n", &mut rows, 8), Ok(0));
    assert!(rewriter.is_full());
    assert_eq!(rows.bytes.capacity(), 8);
    rows.clear();
    assert_eq!(rewriter.rewrite(b"eeeeeeeeeeee\nf\n", &mut rows, 8), Ok(13));
}

#[test]
fn cleared_rows_keep_their_memory_and_nothing_else() {
    let mut rows = Rows::with_capacity(4096);
    let mut rewriter = rewriter(1, &[(0, TIMESTAMP)], 100);
    let input = b"2020-01-01 00:00:00.123456\n";
    for _ in 0..2 {
        assert_eq!(rewriter.rewrite(input, &mut rows, 4096), Ok(27));
        assert_eq!((rows.digest.rows, &rows.changed[..]), (1, &[1][..]));
        assert_eq!(rows.frames, [24]);
        rows.clear();
        assert!(rows.is_empty() && rows.bytes.capacity() >= 4096);
    }
    assert_eq!((rewriter.rows(), rewriter.consumed()), (2, 54));
}

#[test]
fn an_input_that_ends_within_a_row_is_an_error() {
    let rewriter = rewriter(1, &[], 100);
    assert_eq!(rewriter.finish(b""), Ok(()));
    let kind = RowErrorKind::CutOff { length: 3 };
    assert_eq!(rewriter.finish(b"abc"), Err(RowError { row: 0, kind }));
}

#[test]
fn another_input_than_promised_never_makes_one_row_of_two() {
    let mut rewriter = rewriter(1, &[], 100);
    let mut rows = Rows::default();
    assert_eq!(rewriter.rewrite(b"abcdef", &mut rows, 1), Ok(0));
    assert_eq!(rewriter.rewrite(b"a\nb\nc\nd\n", &mut rows, 1), Ok(2));
    assert_eq!(rewriter.rewrite(b"b\nc\nd\n", &mut rows, 100), Ok(6));
    assert_eq!((rows.digest.rows, rows.bytes.len()), (4, 8));
}

#[test]
fn rows_above_a_block_fill_a_batch_to_its_last_byte() {
    let input = [&[b'x'; 50_000][..], b"\n"].concat().repeat(3);
    for (full, taken) in [(100_001, 1), (100_002, 2), (100_003, 2), (150_003, 3)] {
        let mut rows = Rows::default();
        let mut rewriter = rewriter(1, &[], 1 << 20);
        assert_eq!(
            rewriter.rewrite(&input, &mut rows, full),
            Ok(taken * 50_001)
        );
        assert_eq!(rows.frames.len(), taken);
    }
}

#[test]
#[should_panic(expected = "transforms are ascending fields of the row")]
fn a_recipe_that_names_no_field_of_the_row_is_refused() {
    rewriter(1, &[(1, TIMESTAMP)], 100);
}
