//! Many cells at the same time: a fault is mostly waited for.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::cell::live_through;
use crate::seeded::Seeded;
use crate::table::{Cell, Shape};

/// The seed of an ordinary run's choice.
const SEED: u64 = 9;

/// Cells at one time, per core.
const PER_CORE: usize = 3;

/// Cells that are to be run, in this order.
pub(crate) struct Chosen(Vec<Cell>);

impl Chosen {
    /// Each fault and each place of either side at least once; which pairs, the seed decides.
    pub(crate) fn few(all: &[Cell]) -> Self {
        let mut seeded = Seeded::new(SEED);
        let mut left = all.to_vec();
        let mut few: Vec<Cell> = Vec::new();
        while !left.is_empty() {
            let index = usize::try_from(seeded.next(left.len() as u64)).unwrap_or(0);
            let cell = left.swap_remove(index);
            let beside = || few.iter().filter(|c| c.side == cell.side);
            let known = |shape| few.iter().filter(|c| c.shape == shape).count();
            let news = !(beside().any(|c| c.fault == cell.fault)
                && beside().any(|c| c.place == cell.place));
            if news {
                // As many with keys as without, where the draw left it open.
                let shape = match known(Shape::Keyed) > known(Shape::Keyless) {
                    true => Shape::Keyless,
                    false => Shape::Keyed,
                };
                few.push(Cell { shape, ..cell });
            }
        }
        Self(few)
    }

    pub(crate) fn all(all: &[Cell]) -> Self {
        Self(all.to_vec())
    }

    /// Those whose names contain a text.
    pub(crate) fn named(all: &[Cell], text: &str) -> Self {
        let named = all.iter().filter(|cell| cell.to_string().contains(text));
        let named: Vec<Cell> = named.copied().collect();
        assert!(!named.is_empty(), "no cell's name contains {text:?}");
        Self(named)
    }

    /// The faults that can happen at the fewest places come first: only they find what is subtle.
    #[cfg(feature = "planted")]
    pub(crate) fn rare_first(all: &[Cell]) -> Self {
        let places = |cell: &Cell| all.iter().filter(|c| c.fault == cell.fault).count();
        let mut ordered = all.to_vec();
        ordered.sort_by_key(places);
        Self(ordered)
    }

    pub(crate) fn cells(&self) -> impl Iterator<Item = &Cell> {
        self.0.iter()
    }
}

/// What became of a cell.
#[derive(Debug)]
pub(crate) struct Lived {
    pub(crate) cell: Cell,
    /// How often the command had to be repeated, or why the cell is red.
    pub(crate) repeated: Result<u32, String>,
}

impl Lived {
    /// For people, where it is red.
    pub(crate) fn red(&self) -> Option<String> {
        let why = self.repeated.as_ref().err()?;
        Some(format!(
            "{}:\n    {}",
            self.cell,
            why.replace('\n', "\n    ")
        ))
    }
}

/// Runs cells, in the order in which they were chosen; with a mistake only until the first is red.
pub(crate) fn run(chosen: Chosen, planted: Option<&'static str>) -> Vec<Lived> {
    let cells = chosen.0;
    let next = AtomicUsize::new(0);
    let lived = Mutex::new(Vec::new());
    let cores = thread::available_parallelism().map_or(2, usize::from);
    thread::scope(|scope| {
        for _ in 0..(cores * PER_CORE).min(cells.len()) {
            scope.spawn(|| {
                while let Some(cell) = cells.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let result = one(*cell, planted);
                    if planted.is_some() && result.repeated.is_err() {
                        next.store(cells.len(), Ordering::SeqCst);
                    }
                    lived.lock().expect("nobody panics with it").push(result);
                }
            });
        }
    });
    let mut lived = lived.into_inner().expect("nobody panics with it");
    lived.sort_by_key(|l: &Lived| cells.iter().position(|cell| *cell == l.cell));
    lived
}

fn one(cell: Cell, planted: Option<&'static str>) -> Lived {
    let lived = catch_unwind(AssertUnwindSafe(|| live_through(cell, planted)));
    let repeated = lived.map_err(|panic| words(&*panic));
    let shown = repeated.as_ref().map_or("RED".to_owned(), u32::to_string);
    eprintln!("{cell}: {shown}");
    Lived { cell, repeated }
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without words").to_owned()
}
