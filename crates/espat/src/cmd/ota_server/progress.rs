//! What standard error shows of clients: bars where it is a terminal, else a line at a transfer's start and one at its end.

use std::io::Write;
use std::time::Instant;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

const BAR: &str = "{prefix} [{bar:30}] {pos}/{len} bytes, {elapsed}";

/// The display.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    /// `None`: no terminal.
    bars: Option<MultiProgress>,
}

impl Progress {
    pub(super) fn new() -> Self {
        let bars = MultiProgress::new();
        Self {
            bars: (!bars.is_hidden()).then_some(bars),
        }
    }

    /// Shows a line.
    pub(super) fn say(&self, line: &str) {
        // Standard error may be closed; there is nowhere left to say so.
        let _ = match &self.bars {
            Some(bars) => bars.println(line),
            None => writeln!(std::io::stderr(), "{line}"),
        };
    }

    /// A transfer begins.
    pub(super) fn begin(&self, what: String, total: u64) -> Transfer {
        let bar = self.bars.as_ref().map(|bars| {
            let bar = bars.add(ProgressBar::new(total));
            bar.set_style(ProgressStyle::with_template(BAR).unwrap_or_else(|_| {
                // A template that is wrong is ours, and no reason to serve nothing.
                ProgressStyle::default_bar()
            }));
            bar.set_prefix(what.clone());
            bar
        });
        if bar.is_none() {
            self.say(&format!("{what} 0/{total} bytes"));
        }
        Transfer {
            progress: self.clone(),
            what,
            total,
            sent: 0,
            start: Instant::now(),
            end: "ended with the server",
            bar,
        }
    }
}

/// A transfer; dropping it ends it.
#[derive(Debug)]
pub(super) struct Transfer {
    progress: Progress,
    what: String,
    total: u64,
    sent: u64,
    start: Instant,
    end: &'static str,
    bar: Option<ProgressBar>,
}

impl Transfer {
    /// So many more bytes of the file went to the client.
    pub(super) fn add(&mut self, n: u64) {
        self.sent += n;
        if let Some(bar) = &self.bar {
            bar.set_position(self.sent);
        }
    }

    /// How it ended; nothing to say where all is as it should be.
    pub(super) fn end(mut self, how: &'static str) {
        self.end = how;
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let Self {
            what, total, sent, ..
        } = self;
        let seconds = self.start.elapsed().as_secs_f64();
        let comma = if self.end.is_empty() { "" } else { ", " };
        let line = format!(
            "{what} {sent}/{total} bytes, {seconds:.1} s{comma}{}",
            self.end
        );
        self.progress.say(&line);
    }
}
