//! How far the runs are: bars where someone watches, plain lines now and then elsewhere.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use mxsim::experiment::Progress;

use super::terminal::Terminal;

/// Between two plain lines.
const EVERY: Duration = Duration::from_secs(5);

/// Shows the progress of several scenarios.
pub struct Board {
    bars: Option<MultiProgress>,
    quiet: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    shown: BTreeMap<usize, ProgressBar>,
    last_line: Option<Instant>,
}

impl Board {
    /// A board on which nothing is yet.
    pub fn new(terminal: &Terminal) -> Self {
        let bars = terminal.bars.then(MultiProgress::new);
        let state = State { last_line: Some(Instant::now()), ..State::default() };
        Self { bars, quiet: terminal.quiet, state: Mutex::new(state) }
    }

    /// One more replication of the scenario with that index is done.
    pub fn show(&self, index: usize, name: &str, progress: Progress) {
        if self.quiet {
            return;
        }
        // A panic elsewhere leaves a board that can still be shown.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Progress { done, total } = progress;
        if let Some(bars) = &self.bars {
            let bar = state.shown.entry(index).or_insert_with(|| bars.add(bar(name, total)));
            // Threads report out of order.
            bar.set_position(bar.position().max(done as u64));
            return;
        }
        if done < total && state.last_line.is_none_or(|last| last.elapsed() >= EVERY) {
            state.last_line = Some(Instant::now());
            let _ = writeln!(std::io::stderr().lock(), "{name}: {done}/{total} replications");
        }
    }

    /// The scenario with that index is done: its bar goes.
    pub fn done(&self, index: usize) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bar) = state.shown.remove(&index) {
            bar.finish_and_clear();
        }
    }

    /// Lets `print` write to the terminal without bars in its way.
    pub fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        match &self.bars {
            Some(bars) => bars.suspend(print),
            None => print(),
        }
    }
}

fn bar(name: &str, total: usize) -> ProgressBar {
    // The template is fixed and known to be one.
    let style = ProgressStyle::with_template("{prefix:24} {bar:32} {pos}/{len} replications, {eta} left");
    let bar = ProgressBar::new(total as u64).with_prefix(name.to_owned());
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}
