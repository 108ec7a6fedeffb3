//! The rewriting kernel on one core, in bytes of input per second.
//!
//! ```text
//! cargo bench --bench kernel                   # 301 rounds of 4 MiB per case
//! WIRE9_BENCH_MIB=256 WIRE9_BENCH_ROUNDS=9 cargo bench --bench kernel
//! cargo bench --bench kernel -- pass-through   # cases whose name holds this
//! ```
//!
//! Built without optimisation (`cargo test --benches`) it runs once over a tiny input, to see that it
//! works; its figures mean nothing then. Each case asserts its answer: the bytes, frames, digest and
//! changed values of the reference implementation. The floor is a copy of the same input into a
//! buffer that is already there, in the same round. Rounds are short, so that on a machine which is
//! not idle some of them run undisturbed: then the best is the figure, not the median; and the input
//! is about as warm as what a socket has just delivered. The rewriter's input comes in pieces as from a
//! socket's buffer, and its output goes into batches of 8 MiB, in frames of 128 KiB, that are
//! reused.
#![allow(missing_docs, clippy::print_stdout)]

use std::hint::black_box;
use std::time::Instant;

use wire9::copytext::{Digest, Recipe, Reference, Rewriter, Rows, Spread, Transform};

const LINE_LIMIT: usize = 32 << 20;
const FRAME: usize = 128 << 10;
const BATCH: usize = 8 << 20;
/// What a reader hands over at a time.
const PIECE: usize = 256 << 10;

struct Case {
    name: &'static str,
    row: fn(u64) -> String,
    recipe: Recipe,
}

impl Case {
    /// The first field is the key; where it is rewritten there is none.
    fn spread(&self) -> Spread {
        Spread::new(&[0], &self.recipe)
    }
}

fn main() {
    let tiny = cfg!(debug_assertions);
    let bytes = if tiny {
        1 << 18
    } else {
        setting("WIRE9_BENCH_MIB", 4) << 20
    };
    let rounds = if tiny {
        1
    } else {
        setting("WIRE9_BENCH_ROUNDS", 301)
    };
    // Cargo passes `--bench`.
    let wanted = std::env::args()
        .skip(1)
        .find(|a| !a.starts_with("--"))
        .unwrap_or_default();
    println!(
        "{:<36} {:>8} {:>6} {:>6} {:>7} {:>7} {:>7}",
        "case (GB/s of input)", "rows", "B/row", "best", "median", "memcpy", "of it"
    );
    for case in cases().iter().filter(|case| case.name.contains(&wanted)) {
        measure(case, bytes, rounds);
    }
}

fn setting(name: &str, default: usize) -> usize {
    let value = std::env::var(name).ok();
    value.map_or(default, |v| v.parse().expect("a number"))
}

fn cases() -> Vec<Case> {
    let cut = |fields: &[usize]| {
        let cut = Transform::CutTimestamp { digits: 3 };
        fields.iter().map(|field| (*field, cut)).collect()
    };
    let case = |name, row, fields, transforms| Case {
        name,
        row,
        recipe: Recipe { fields, transforms },
    };
    vec![
        case("pass-through, ~200 B", order, 10, vec![]),
        case("two timestamps cut, ~200 B", order, 10, cut(&[4, 5])),
        case("two timestamps cut, last fields", late, 10, cut(&[8, 9])),
        case("two timestamps cut, not ASCII", accents, 10, cut(&[4, 5])),
        case("pass-through, bench.sql events", event, 10, vec![]),
        case(
            "two timestamps cut, bench.sql events",
            event,
            10,
            cut(&[2, 3]),
        ),
        case("pass-through, 2 KiB documents", document, 3, vec![]),
        case("pass-through, 20 B", narrow, 3, vec![]),
        case("two timestamps, char(20), array", mixed, 4, {
            let digits = 3;
            vec![
                (0, Transform::CutTimestamp { digits }),
                (1, Transform::TrimRight),
                (2, Transform::CutTimestampArray { digits }),
                (3, Transform::CutTimestamp { digits }),
            ]
        }),
    ]
}

/// Runs one case and the copy of its input in turns, and prints a line.
fn measure(case: &Case, bytes: usize, rounds: usize) {
    let (input, rows) = generate(case, bytes);
    let expected = check(case, &input, rows);
    let mut copy = vec![0; BATCH];
    let mut batch = Rows::with_capacity(BATCH);
    let (mut floor, mut kernel) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let start = Instant::now();
        for (i, piece) in input.chunks(PIECE).enumerate() {
            let at = i * PIECE % BATCH;
            copy[at..at + piece.len()].copy_from_slice(black_box(piece));
            black_box(&mut copy);
        }
        floor.push(gigabytes_per_second(input.len(), start));
        let start = Instant::now();
        let digest = rewrite(case, black_box(&input), &mut batch);
        kernel.push(gigabytes_per_second(input.len(), start));
        assert_eq!(digest, expected, "{}", case.name);
    }
    let ((floor, _), (best, median)) = (best_and_median(floor), best_and_median(kernel));
    println!(
        "{:<36} {:>8} {:>6} {:>6.2} {:>7.2} {:>7.2} {:>6.1}%",
        case.name,
        rows,
        input.len() as u64 / rows,
        best,
        median,
        floor,
        100.0 * best / floor
    );
}

/// At least `bytes` bytes of rows, and how many they are.
fn generate(case: &Case, bytes: usize) -> (Vec<u8>, u64) {
    let mut input = Vec::with_capacity(bytes + 4096);
    let mut rows = 0;
    while input.len() < bytes {
        rows += 1;
        input.extend_from_slice((case.row)(rows).as_bytes());
        input.push(b'\n');
    }
    (input, rows)
}

/// Compares with the reference, byte by byte; answers the digest of all rows.
fn check(case: &Case, input: &[u8], rows: u64) -> Digest {
    let (mut fast, mut slow) = (Rows::default(), Rows::default());
    let rewriter = Rewriter::new(case.recipe.clone(), LINE_LIMIT, FRAME);
    let mut rewriter = rewriter.spread(case.spread());
    let consumed = rewriter.rewrite(input, &mut fast, usize::MAX);
    assert_eq!(consumed, Ok(input.len()));
    let reference = Reference::new(case.recipe.clone(), LINE_LIMIT, FRAME);
    let mut reference = reference.spread(case.spread());
    let consumed = reference.rewrite(input, &mut slow, usize::MAX);
    assert_eq!(consumed, Ok(input.len()));
    assert!(fast.bytes == slow.bytes, "{}: bytes differ", case.name);
    assert_eq!(fast.frames, slow.frames, "{}", case.name);
    assert_eq!(fast.changed, slow.changed, "{}", case.name);
    assert!(slow.changed.iter().all(|changed| *changed > 0));
    assert_eq!(fast.digest, slow.digest, "{}", case.name);
    assert_eq!(fast.digest.rows, rows, "{}", case.name);
    assert!(
        fast.read == slow.read && fast.parts == slow.parts,
        "{}",
        case.name
    );
    fast.digest
}

/// The measured work: what a lane does with what it has read.
fn rewrite(case: &Case, input: &[u8], batch: &mut Rows) -> Digest {
    let rewriter = Rewriter::new(case.recipe.clone(), LINE_LIMIT, FRAME);
    let mut rewriter = rewriter.spread(case.spread());
    let mut digest = Digest::default();
    let (mut at, mut end) = (0, 0);
    batch.clear();
    while at < input.len() {
        end = input.len().min(end + PIECE);
        loop {
            at += rewriter
                .rewrite(&input[at..end], batch, BATCH)
                .expect("the rows are good");
            if !rewriter.is_full() {
                break;
            }
            digest.merge(black_box(&mut *batch).digest);
            batch.clear();
        }
    }
    digest.merge(batch.digest);
    digest
}

fn gigabytes_per_second(bytes: usize, start: Instant) -> f64 {
    bytes as f64 / start.elapsed().as_secs_f64() / 1e9
}

fn best_and_median(mut figures: Vec<f64>) -> (f64, f64) {
    figures.sort_by(f64::total_cmp);
    (figures[figures.len() - 1], figures[figures.len() / 2])
}

/// Bits that look random, the same in every run (SplitMix64).
fn mix(n: u64) -> u64 {
    let z = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A timestamp with microseconds; one in a hundred has only milliseconds or only what is cut.
fn moment(n: u64) -> String {
    let r = mix(n);
    let micros = match r % 200 {
        0 => (r >> 8) % 1000 * 1000,
        1 => (r >> 8) % 1000,
        _ => (r >> 8) % 1_000_000,
    };
    let fraction = format!(".{micros:06}");
    let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
    let (month, day) = ((r >> 32) % 12 + 1, (r >> 36) % 28 + 1);
    let (hour, minute, second) = ((r >> 42) % 24, (r >> 48) % 60, (r >> 54) % 60);
    format!("2024-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}{fraction}")
}

fn uuid(n: u64) -> String {
    let (high, low) = (mix(n), mix(!n));
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}

/// An order: keys, a text of 0–80 bytes, two timestamps, numbers, JSON.
fn order(n: u64) -> String {
    let text = "Deliver to the neighbour if no one opens. Call before you come, after 17 o'clock.";
    format!(
        "{n}\t{}\t{}\t{}\t{}\t{}+00\t{}.{:02}\tt\t{{\"channel\": \"web\", \"items\": {}}}\t\\N",
        uuid(n),
        mix(n) % 100_000,
        &text[..(mix(n) % 81) as usize],
        moment(n),
        moment(n + 1),
        mix(n) % 10_000,
        mix(n) % 100,
        mix(n) % 50
    )
}

/// The same with the timestamps at the end.
fn late(n: u64) -> String {
    let row = order(n);
    let mut fields: Vec<&str> = row.split('\t').collect();
    let moments: Vec<&str> = fields.drain(4..6).collect();
    fields.extend(moments);
    fields.join("\t")
}

/// The same with text that is not ASCII.
fn accents(n: u64) -> String {
    order(n).replace("neighbour", "größten Nachbarn – 友だち")
}

/// `events` of bench.sql.
fn event(n: u64) -> String {
    let kinds = ["click", "view", "buy", "refund"];
    format!(
        "{n}\t{}\t{}+00\t{}\t{}.{:02}\t{}\t{}\tf\t{{\"k\": \"{}\", \"n\": {n}}}\t{}",
        n % 1000,
        moment(n),
        moment(n + 7),
        mix(n) % 100_000,
        mix(n) % 100,
        (mix(n) >> 11) as f64 / (1u64 << 53) as f64,
        kinds[(n % 4) as usize],
        uuid(n),
        uuid(n + 1)
    )
}

fn document(n: u64) -> String {
    format!(
        "{n}\t{}\\t\\n\\\\\t\\\\x{}",
        uuid(n).repeat(30),
        "ab01".repeat(250)
    )
}

fn narrow(n: u64) -> String {
    format!("{n}\t{}\t{}", mix(n) % 1000, mix(n) % 1_000_000)
}

fn mixed(n: u64) -> String {
    format!(
        "{}\t{:<20}\t{{\"{}\",NULL,\"{}\"}}\t{}",
        moment(n),
        mix(n) % 1_000_000,
        moment(n + 1),
        moment(n + 2),
        moment(n + 3)
    )
}
