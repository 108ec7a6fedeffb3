//! Seats for those who read at the same time: each is a connection, and a place on the board where its reader
//! posts what it does.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};

use super::board::{Board, Half, Stage};
use crate::catalog::TableName;

/// So many seats, each taken by one reader at a time.
#[derive(Debug)]
pub struct Seats {
    turns: Semaphore,
    free: Mutex<Vec<usize>>,
}

impl Seats {
    /// At least one.
    pub fn new(seats: usize) -> Self {
        let seats = seats.max(1);
        Self {
            turns: Semaphore::new(seats),
            free: Mutex::new((0..seats).rev().collect()),
        }
    }

    /// Waits for a seat; what its reader posts is shown as this half of a lane.
    pub async fn take<'s>(&'s self, board: &'s Board, half: Half) -> Seat<'s> {
        let turn = self.turns.acquire().await;
        let number = self.free().pop().unwrap_or_default();
        Seat {
            place: (board, half),
            seats: self,
            number,
            _turn: turn.expect("nobody closes the semaphore"),
        }
    }

    fn free(&self) -> MutexGuard<'_, Vec<usize>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A seat that is taken until it is dropped.
pub struct Seat<'s> {
    place: (&'s Board, Half),
    seats: &'s Seats,
    number: usize,
    _turn: SemaphorePermit<'s>,
}

impl Seat<'_> {
    /// Its reader does something else from now on.
    pub fn post(&self, stage: Stage, table: &TableName) {
        let (board, half) = self.place;
        board.post(self.number, half, stage, Some(table));
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        let (board, half) = self.place;
        board.post(self.number, half, Stage::Ended, None);
        // The permit is given back after this, so a number is there for whoever gets it.
        self.seats.free().push(self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::wire::Pulse;

    #[tokio::test]
    async fn each_reader_has_a_place_of_its_own_and_leaves_it() {
        let (seats, board) = (Seats::new(2), Board::new(2, Pulse::default()));
        let table = TableName::new("s", "t");
        let first = seats.take(&board, Half::Reader).await;
        let second = seats.take(&board, Half::Reader).await;
        first.post(Stage::Source, &table);
        second.post(Stage::Source, &table);
        assert_eq!(board.posted().len(), 2);
        let third = seats.take(&board, Half::Reader);
        assert!(
            tokio::time::timeout(Duration::from_millis(20), third)
                .await
                .is_err()
        );
        drop(first);
        assert_eq!(board.posted().len(), 1, "who has left does nothing");
        let third = seats.take(&board, Half::Reader).await;
        third.post(Stage::BeginRead, &table);
        assert_eq!(board.posted().len(), 2);
    }
}
