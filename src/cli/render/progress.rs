//! Progress on stderr: a bar for work that takes long when stderr is a terminal, short lines for
//! steps with `-v`, nothing when stderr is a file or a pipe.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{HumanCount, MultiProgress, ProgressBar, ProgressStyle};

use crate::cli::args::{Format, Globals};
use crate::clock::{Clock, SystemClock};
use crate::job::{Event, EventSink, Progress, Silent};

/// Work that is done sooner than this shows no bar.
const PATIENCE: Duration = Duration::from_secs(2);

/// The sink for this run.
pub fn progress(globals: &Globals) -> Arc<dyn EventSink> {
    let terminal = std::io::stderr().is_terminal() && !crate::config::dumb_terminal();
    match (globals.quiet, terminal, globals.verbose > 0) {
        (true, ..) | (false, false, false) => Arc::new(Silent),
        (false, false, true) => Arc::new(Lines),
        (false, true, verbose) => Arc::new(Bars::new(
            MultiProgress::new(),
            Arc::new(SystemClock::default()),
            verbose && globals.format == Format::Human,
        )),
    }
}

/// One short line an event.
#[derive(Debug)]
struct Lines;

impl EventSink for Lines {
    fn emit(&self, event: Event) {
        // Nobody is left to be told when stderr is closed.
        let _ = writeln!(std::io::stderr().lock(), "{event}");
    }
}

/// Two lines for each backfill at work: the bar, and what it is held by.
#[derive(Debug)]
struct Bars {
    all: MultiProgress,
    clock: Arc<dyn Clock>,
    steps: bool,
    running: Mutex<HashMap<String, Running>>,
}

#[derive(Debug)]
struct Running {
    since: Duration,
    bar: Option<ProgressBar>,
}

impl Bars {
    fn new(all: MultiProgress, clock: Arc<dyn Clock>, steps: bool) -> Self {
        Self {
            all,
            clock,
            steps,
            running: Mutex::default(),
        }
    }

    fn backfill(&self, progress: &Progress) {
        let now = self.clock.monotonic();
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if progress.rows_total > 0 && progress.rows_done >= progress.rows_total {
            if let Some(bar) = running.remove(&progress.title).and_then(|entry| entry.bar) {
                bar.finish_and_clear();
            }
            return;
        }
        let entry = running.entry(progress.title.clone()).or_insert(Running {
            since: now,
            bar: None,
        });
        if entry.bar.is_none() && now.saturating_sub(entry.since) >= PATIENCE {
            entry.bar = Some(
                self.all
                    .add(ProgressBar::new(progress.rows_total))
                    .with_style(style()),
            );
        }
        if let Some(bar) = &entry.bar {
            bar.set_length(progress.rows_total.max(progress.rows_done));
            bar.set_position(progress.rows_done);
            bar.set_prefix(progress.title.clone());
            bar.set_message(summary(progress));
        }
    }
}

impl EventSink for Bars {
    fn emit(&self, event: Event) {
        match &event {
            Event::Backfill(progress) => self.backfill(progress),
            Event::StepStarted { .. } | Event::StepFinished { .. } if !self.steps => {}
            Event::StepStarted { .. }
            | Event::StepFinished { .. }
            | Event::LockWait { .. }
            | Event::Note(_) => {
                let line = event.to_string();
                // Bars are lifted while a line is written above them.
                self.all.suspend(|| {
                    let _ = writeln!(std::io::stderr().lock(), "{line}");
                });
            }
        }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        // An interrupted run leaves no half-drawn bar before its error message.
        let _ = self.all.clear();
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{prefix}   [{bar:24}]  {percent:>3} %   {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("##-")
}

/// What stands beside and below the bar.
fn summary(progress: &Progress) -> String {
    let mut text = format!(
        "{} of {}   {} rows/s",
        HumanCount(progress.rows_done),
        HumanCount(progress.rows_total),
        // Rates are positive and far below 2^52.
        HumanCount(progress.rate.max(0.0) as u64),
    );
    if let Some(eta) = progress.eta {
        let _ = write!(text, "   {} left", words(eta));
    }
    let _ = write!(
        text,
        "\nworkers {} of {}   chunk p90 {} ms   HOT {:.0} %",
        progress.workers.0,
        progress.workers.1,
        progress.chunk_p90.as_millis(),
        progress.hot_percent,
    );
    if let Some(reason) = &progress.held_by {
        let _ = write!(text, "   held back by: {reason}");
    }
    text
}

/// The two largest units that matter.
fn words(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} m {} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {} m", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use indicatif::{InMemoryTerm, ProgressDrawTarget};

    use super::*;
    use crate::clock::ManualClock;

    fn at(rows_done: u64) -> Event {
        Event::Backfill(Progress {
            title: "0007 transactions.user_id".to_owned(),
            rows_done,
            rows_total: 12_400_000,
            rate: 41_200.4,
            eta: Some(Duration::from_secs(98)),
            hot_percent: 86.2,
            chunk_p90: Duration::from_millis(310),
            workers: (2, 4),
            held_by: Some("canary commit 9 ms (limit 12)".to_owned()),
        })
    }

    fn bars(verbose: bool) -> (InMemoryTerm, Arc<ManualClock>, Bars) {
        let screen = InMemoryTerm::new(10, 120);
        let clock = Arc::new(ManualClock::new(DateTime::UNIX_EPOCH));
        let target = ProgressDrawTarget::term_like_with_hz(Box::new(screen.clone()), 255);
        let all = MultiProgress::with_draw_target(target);
        (screen, Arc::clone(&clock), Bars::new(all, clock, verbose))
    }

    #[test]
    fn a_bar_appears_once_the_work_takes_long_and_goes_when_it_is_done() {
        let (screen, clock, bars) = bars(false);
        bars.emit(at(100_000));
        clock.advance(Duration::from_millis(1_900));
        bars.emit(at(200_000));
        assert_eq!(screen.contents(), "");
        clock.advance(Duration::from_millis(200));
        bars.emit(at(8_432_000));
        bars.all.suspend(|| {});
        insta::assert_snapshot!(screen.contents(), @r"
        0007 transactions.user_id   [#################-------]   68 %   8,432,000 of 12,400,000   41,200 rows/s   1 m 38 s left
        workers 2 of 4   chunk p90 310 ms   HOT 86 %   held back by: canary commit 9 ms (limit 12)
        ");
        bars.emit(at(12_400_000));
        assert_eq!(screen.contents(), "");
    }

    #[test]
    fn the_sink_is_silent_unless_asked_when_nobody_watches() {
        use clap::Parser;
        let sink = |args: &[&str]| {
            let args = ["tidegate"].iter().chain(args).chain(&["explain"]);
            let cli = crate::cli::Cli::try_parse_from(args).unwrap();
            format!("{:?}", progress(&cli.globals))
        };
        if !std::io::stderr().is_terminal() {
            assert_eq!(sink(&[]), "Silent");
            assert_eq!(sink(&["-v"]), "Lines");
        }
        assert_eq!(sink(&["-q"]), "Silent");
    }
}
