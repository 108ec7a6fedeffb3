//! Shows the progress, on a thread of its own: drawing never slows a lane.
//!
//! ```text
//! lanes ──try_send──▶ events (bounded) ─┐
//! signals, end ─────▶ control ──────────┼─▶ thread "reporter" ─▶ stderr
//!                     ticks ────────────┘
//! ```
//! A full channel drops events, since the verdict never comes from them. The thread ends when it is told
//! to, whoever still holds a sender.

use std::io::{self, IsTerminal as _};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use console::Term;
use crossbeam_channel::{Receiver, Sender, bounded, never, select, tick, unbounded};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::errors;
use super::progress::Progress;
use super::terminal::Terminal;
use crate::metrics::Event;

/// Events that may wait: some thousand batches, a few hundred kB.
const CAPACITY: usize = 4096;

/// Between two redraws on a terminal.
const FRAME: Duration = Duration::from_millis(200);

/// Most redraws per second, by lines and by what is said above them.
const HERTZ: u8 = 20;

/// Between two samples for the rates of a log.
const SAMPLE: Duration = Duration::from_secs(1);

/// Samples between two lines of a log: often enough to see life, seldom enough to be read a day later.
const LOG_EVERY: u64 = 5;

/// Lines of the terminal that are left to what was there before.
const SPARED_LINES: usize = 3;

/// How the progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Lines that are redrawn.
    Terminal,
    /// A line every few seconds, without escape codes.
    Log,
    /// Not at all.
    Quiet,
}

impl Style {
    /// The one that fits this process' stderr.
    pub(super) fn of_process(quiet: bool) -> Self {
        let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
        match (quiet, io::stderr().is_terminal() && !dumb) {
            (true, _) => Self::Quiet,
            (false, true) => Self::Terminal,
            (false, false) => Self::Log,
        }
    }
}

/// The thread that shows the progress. Dropped or finished, it leaves a clean terminal.
pub(super) struct Reporter {
    events: Sender<Event>,
    control: Sender<Control>,
    thread: Option<JoinHandle<()>>,
}

enum Control {
    /// A line that is shown in every style.
    Say(String),
    /// The end.
    Finish,
}

impl Reporter {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn start(style: Style) -> io::Result<Self> {
        let (events, from_lanes) = bounded(CAPACITY);
        let (control, from_control) = unbounded();
        let thread = thread::Builder::new()
            .name("reporter".to_owned())
            .spawn(move || show(Screen::new(style), from_lanes, &from_control))?;
        Ok(Self {
            events,
            control,
            thread: Some(thread),
        })
    }

    /// Where events are sent, with `try_send`.
    pub(super) fn events(&self) -> Sender<Event> {
        self.events.clone()
    }

    /// Leaves at once: what is drawn stays, and not even the thread is waited for.
    pub(super) fn abandon(self, last_words: &str) {
        // Below the lines of a terminal; an empty line does no harm in a log.
        errors::say("");
        errors::say(last_words);
        std::mem::forget(self);
    }

    /// Shows a line above the progress, also where the progress is not shown.
    pub(super) fn say(&self, line: &str) {
        // A reporter that is gone has nothing to show on.
        let _ = self.control.send(Control::Say(line.to_owned()));
    }
}

impl Drop for Reporter {
    fn drop(&mut self) {
        let _ = self.control.send(Control::Finish);
        if let Some(thread) = self.thread.take() {
            // A panic of the drawing thread has been printed, and is no reason to lose a verdict.
            let _ = thread.join();
        }
    }
}

fn show(mut screen: Screen, mut events: Receiver<Event>, control: &Receiver<Control>) {
    let ticks = tick(screen.interval());
    loop {
        select! {
            recv(control) -> word => match word {
                Ok(Control::Say(line)) => screen.say(&line),
                Ok(Control::Finish) | Err(_) => break,
            },
            recv(events) -> event => match event {
                Ok(event) => screen.event(event),
                Err(_) => events = never(),
            },
            recv(ticks) -> _ => screen.draw(),
        }
    }
    // What was sent before the end is shown, and no more than fits the channel: a sender that is
    // still at it must not hold the end up.
    for event in events.try_iter().take(CAPACITY) {
        screen.event(event);
    }
    screen.close();
}

/// Where it is shown.
struct Screen {
    style: Style,
    began: Instant,
    progress: Progress,
    ticks: u64,
    term: Term,
    bars: MultiProgress,
    /// The overall lines, then one per table.
    lines: Vec<ProgressBar>,
}

impl Screen {
    fn new(style: Style) -> Self {
        let target = match style {
            Style::Terminal => {
                ProgressDrawTarget::term_like_with_hz(Box::new(Terminal::stderr()), HERTZ)
            }
            Style::Log | Style::Quiet => ProgressDrawTarget::hidden(),
        };
        Self {
            style,
            began: Instant::now(),
            progress: Progress::default(),
            ticks: 0,
            term: Term::stderr(),
            bars: MultiProgress::with_draw_target(target),
            lines: Vec::new(),
        }
    }

    fn interval(&self) -> Duration {
        match self.style {
            Style::Terminal => FRAME,
            Style::Log | Style::Quiet => SAMPLE,
        }
    }

    fn event(&mut self, event: Event) {
        let now = self.began.elapsed();
        if let Event::Phase(_) | Event::Banner(_) = event {
            self.phase_ends(now);
        }
        let begins = matches!(event, Event::Phase(_));
        let banner = matches!(event, Event::Banner(_));
        let line = self.progress.event(event, now);
        if banner && self.style == Style::Terminal {
            // The lines of the part before would stand below the new banner until the next tick.
            self.redraw(now);
        }
        if self.style == Style::Log && begins {
            errors::say(&self.progress.log_line(now));
        }
        if let Some(line) = line
            && self.style != Style::Quiet
        {
            self.say(&line);
        }
    }

    /// In a log, the end of a phase that took its time is a line.
    fn phase_ends(&self, now: Duration) {
        if self.style == Style::Log
            && let Some(line) = self.progress.phase_end(now)
        {
            errors::say(&line);
        }
    }

    fn say(&self, line: &str) {
        if !self.lines.is_empty() {
            // Where the terminal is gone there is nobody to show it to.
            let _ = self.bars.println(errors::clean(line));
        } else {
            errors::say(line);
        }
    }

    fn draw(&mut self) {
        let now = self.began.elapsed();
        self.progress.sample(now);
        self.ticks += 1;
        match self.style {
            Style::Terminal => self.redraw(now),
            Style::Log if self.ticks.is_multiple_of(LOG_EVERY) => {
                errors::say(&self.progress.log_line(now))
            }
            Style::Log | Style::Quiet => (),
        }
    }

    fn redraw(&mut self, now: Duration) {
        let (height, width) = self.term.size();
        // The last column stays free: a terminal wraps when it is written to.
        let width = usize::from(width).saturating_sub(1);
        let text = self.progress.lines(width, room(usize::from(height)), now);
        while self.lines.len() > text.len() {
            if let Some(line) = self.lines.pop() {
                line.finish_and_clear();
                self.bars.remove(&line);
            }
        }
        while self.lines.len() < text.len() {
            self.lines.push(self.bars.add(line()));
        }
        for (line, text) in self.lines.iter().zip(text) {
            line.set_message(text);
        }
    }

    fn close(&mut self) {
        let now = self.began.elapsed();
        self.phase_ends(now);
        for line in self.lines.drain(..) {
            line.finish_and_clear();
        }
        // Where the terminal is gone there is nothing to clear.
        let _ = self.bars.clear();
    }
}

/// Lines of a terminal of this height that may be redrawn. Below the last one the cursor needs one of its
/// own, else each redraw would scroll the terminal by a line.
fn room(height: usize) -> usize {
    match height.saturating_sub(SPARED_LINES) {
        0..=2 => height.saturating_sub(1).clamp(1, 2),
        room => room,
    }
}

/// A line of text that indicatif redraws in place.
fn line() -> ProgressBar {
    let style = ProgressStyle::with_template("{msg}").expect("the template is a valid constant");
    ProgressBar::no_length().with_style(style)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reporter_ends_although_a_sender_lives() {
        let reporter = Reporter::start(Style::Quiet).expect("a thread");
        let events = reporter.events();
        drop(reporter);
        assert!(events.try_send(Event::Began { table: 0 }).is_err());
    }

    #[test]
    fn a_flood_of_events_blocks_nobody_and_ends() {
        let reporter = Reporter::start(Style::Quiet).expect("a thread");
        let events = reporter.events();
        let began = Instant::now();
        for _ in 0..1_000_000 {
            let _ = events.try_send(Event::Read { table: 0, bytes: 1 });
        }
        drop(reporter);
        assert!(began.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn no_terminal_is_too_low_for_a_line_and_none_is_filled() {
        let rooms = [0, 1, 2, 3, 4, 5, 6, 24].map(room);
        assert_eq!(rooms, [1, 1, 1, 2, 2, 2, 3, 21]);
    }

    #[test]
    fn quiet_is_quiet_on_every_stderr() {
        assert_eq!(Style::of_process(true), Style::Quiet);
    }
}
