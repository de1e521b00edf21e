//! Where text goes: data to stdout, messages to stderr, and neither minds a reader that went away.

use std::io::{self, IsTerminal, Write};

use mxsim::scenario::diagnostic::Diagnostic;
use mxsim::scenario::render::render;

use super::Exit;
use super::options::{ColorChoice, Options};

/// The two streams and how they are written.
#[derive(Debug)]
pub struct Terminal {
    /// Whether messages are coloured.
    pub colour: bool,
    /// Whether stderr is watched by someone, so that progress bars make sense.
    pub bars: bool,
    /// Whether anything but errors is left out.
    pub quiet: bool,
}

impl Terminal {
    /// As the flags and the environment say.
    pub fn new(options: &Options) -> Self {
        let watched = io::stderr().is_terminal();
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        // NO_COLOR counts when it is set and not empty (no-color.org).
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colour = match options.color {
            ColorChoice::Auto => watched && !refused && !dumb,
            ColorChoice::Always => true,
            ColorChoice::Never => false,
        };
        Self { colour, bars: watched && !dumb && !options.quiet, quiet: options.quiet }
    }

    /// Writes data to stdout. A pipe whose reader has seen enough is no failure.
    pub fn data(&self, text: &str) -> Exit {
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Ok(()) => Exit::Fine,
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Fine,
            Err(error) => {
                self.error(&format!("cannot write to stdout: {error}"));
                Exit::Failed
            }
        }
    }

    /// A message, unless quiet.
    pub fn say(&self, text: &str) {
        if !self.quiet {
            self.line(text);
        }
    }

    /// An error without a place.
    pub fn error(&self, message: &str) {
        self.diagnostics(&[Diagnostic::error(message)]);
    }

    /// Errors and warnings; warnings are left out if quiet.
    pub fn diagnostics(&self, problems: &[Diagnostic]) {
        let shown: Vec<Diagnostic> =
            problems.iter().filter(|problem| problem.is_error() || !self.quiet).cloned().collect();
        if !shown.is_empty() {
            self.line(render(&shown, self.colour).trim_end_matches('\n'));
        }
    }

    fn line(&self, text: &str) {
        // Nobody is left to be told that nobody can be told.
        let _ = writeln!(io::stderr().lock(), "{text}");
    }
}
