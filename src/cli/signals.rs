//! Waits for a command's work and for signals at the same time.
//!
//! The work has threads of its own, so that a second signal ends the program at once, whatever the
//! work is stuck in.

use std::io;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

/// A signal so soon after the first is the same one, sent twice: `timeout` signals its child and then
/// the group, and wrappers pass on what the terminal has sent already.
const SAME: Duration = Duration::from_millis(300);

/// How the wait ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ending<T> {
    /// The work is done.
    Finished(T),
    /// The work's thread is gone without an answer: it panicked.
    Died,
    /// A second signal came.
    Aborted,
}

/// SIGINT and SIGTERM, caught from here on.
pub(super) struct Signals {
    runtime: Runtime,
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Begins to catch them.
    pub(super) fn catch() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let entered = runtime.enter();
        let interrupt = signal(SignalKind::interrupt())?;
        let terminate = signal(SignalKind::terminate())?;
        drop(entered);
        Ok(Self {
            runtime,
            interrupt,
            terminate,
        })
    }

    /// Waits for the work; the first signal calls `stop` and waits on.
    pub(super) fn until<T>(self, work: oneshot::Receiver<T>, stop: impl FnOnce()) -> Ending<T> {
        let Self {
            runtime,
            mut interrupt,
            mut terminate,
        } = self;
        runtime.block_on(until(work, stop, SAME, async || {
            tokio::select! {
                _ = interrupt.recv() => (),
                _ = terminate.recv() => (),
            }
        }))
    }
}

async fn until<T>(
    mut work: oneshot::Receiver<T>,
    stop: impl FnOnce(),
    same: Duration,
    mut next_signal: impl AsyncFnMut(),
) -> Ending<T> {
    tokio::select! {
        // Work that is done is done, whatever came at the same moment.
        biased;
        answer = &mut work => return answered(answer),
        () = next_signal() => stop(),
    }
    let stopped = Instant::now();
    loop {
        tokio::select! {
            biased;
            answer = &mut work => return answered(answer),
            () = next_signal() => if stopped.elapsed() >= same {
                return Ending::Aborted;
            },
        }
    }
}

fn answered<T>(answer: Result<T, oneshot::error::RecvError>) -> Ending<T> {
    answer.map_or(Ending::Died, Ending::Finished)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::Future;

    use super::*;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        let runtime = Builder::new_current_thread().build();
        runtime.expect("a runtime").block_on(future)
    }

    #[test]
    fn work_that_ends_is_answered_without_a_stop() {
        let (done, work) = oneshot::channel();
        done.send(7).expect("the receiver lives");
        let ending = block_on(until(
            work,
            || panic!("stopped"),
            SAME,
            std::future::pending,
        ));
        assert_eq!(ending, Ending::Finished(7));
    }

    #[test]
    fn the_first_signal_stops_and_the_work_still_answers() {
        let (done, work) = oneshot::channel();
        let mut signals = 0;
        let stop = || done.send(7).expect("the receiver lives");
        let ending = block_on(until(work, stop, SAME, async || {
            signals += 1;
            if signals > 1 {
                std::future::pending::<()>().await;
            }
        }));
        assert_eq!(ending, Ending::Finished(7));
    }

    #[test]
    fn the_second_signal_aborts() {
        let (_never, work) = oneshot::channel::<()>();
        let stopped = Cell::new(0);
        let stop = || stopped.set(stopped.get() + 1);
        let ending = block_on(until(work, stop, Duration::ZERO, async || ()));
        assert_eq!((ending, stopped.get()), (Ending::Aborted, 1));
    }

    #[test]
    fn a_signal_that_is_sent_twice_is_one() {
        let (done, work) = oneshot::channel();
        let (mut done, mut signals) = (Some(done), 0);
        let ending = block_on(until(
            work,
            || (),
            SAME,
            async || {
                signals += 1;
                if signals == 3 {
                    done.take().map(|done| done.send(7));
                    std::future::pending::<()>().await;
                }
            },
        ));
        assert_eq!(ending, Ending::Finished(7));
    }

    #[test]
    fn work_that_panicked_is_noticed() {
        let (done, work) = oneshot::channel::<()>();
        drop(done);
        assert_eq!(
            block_on(until(work, || (), SAME, std::future::pending)),
            Ending::Died
        );
    }
}
