//! Progress: one bar on a terminal, a plain line now and then elsewhere, nothing when quiet.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Seconds between plain lines.
const EVERY: Duration = Duration::from_secs(5);

/// How far all scenarios of a run are, counted in replications.
pub struct RunProgress {
    bar: Option<ProgressBar>,
    plain: Option<Mutex<Plain>>,
}

struct Plain {
    done: usize,
    total: usize,
    last: Instant,
}

impl RunProgress {
    pub fn new(total: usize, quiet: bool) -> Self {
        if quiet {
            return Self { bar: None, plain: None };
        }
        if std::io::stderr().is_terminal() {
            let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} replications, {eta} left") {
                bar.set_style(style);
            }
            return Self { bar: Some(bar), plain: None };
        }
        Self { bar: None, plain: Some(Mutex::new(Plain { done: 0, total, last: Instant::now() })) }
    }

    /// One replication more is done.
    pub fn step(&self) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
        if let Some(Ok(mut plain)) = self.plain.as_ref().map(Mutex::lock) {
            plain.done += 1;
            if plain.last.elapsed() >= EVERY {
                plain.last = Instant::now();
                eprintln!("{}/{} replications", plain.done, plain.total);
            }
        }
    }

    /// Prints a line without tearing the bar.
    pub fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{text}")),
            None if self.plain.is_some() => eprintln!("{text}"),
            None => {}
        }
    }

    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
