//! Progress as bars on a terminal, else as a log line now and then.

use std::io;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

use crate::faults::{Failure, Kind};
use crate::settings::Output;

use super::events::target;
use super::logging::BARS;
use super::progress::{PartitionProgress, Progress};
use super::rate::Rate;
use super::source_progress::SourceProgress;

const REDRAW: Duration = Duration::from_millis(100);

/// Bars that are drawn for partitions; where there are more partitions, one bar stands for all.
const BARS_MAX: usize = 16;

/// Shows the progress from a thread of its own until it is finished or dropped.
pub struct Display(Option<(mpsc::Sender<()>, JoinHandle<()>)>);

impl Display {
    /// Starts to show the progress: on a terminal as bars, else as a log line each `progress_interval_ms`.
    pub fn start(progress: Progress, output: &Output, terminal: bool) -> Result<Self, Failure> {
        let interval = if terminal { REDRAW } else { Duration::from_millis(output.progress_interval_ms) };
        let (stop, stopped) = mpsc::channel();
        let thread = std::thread::Builder::new().name("isotherm-display".to_owned());
        let thread = thread.spawn(move || {
            let mut view: Box<dyn View> =
                if terminal { Box::new(Bars::new(&progress)) } else { Box::new(Lines::default()) };
            view.show(&progress, Instant::now());
            while stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                view.show(&progress, Instant::now());
            }
            view.show(&progress, Instant::now());
            view.end();
        });
        let thread = thread.map_err(|error: io::Error| {
            Failure::fatal(Kind::Internal, format!("the thread of the progress display could not be started: {error}"))
        })?;
        Ok(Self(Some((stop, thread))))
    }

    /// Shows the last state, takes the bars away, and returns when that is done.
    pub fn finish(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if let Some((stop, thread)) = self.0.take() {
            drop(stop);
            // A display that panicked has shown its last; the work does not depend on it.
            drop(thread.join());
        }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        self.end();
    }
}

trait View {
    fn show(&mut self, progress: &Progress, now: Instant);
    fn end(&mut self);
}

/// The sum over partitions, or one of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    records: u64,
    position: u64,
    end: u64,
    lag: u64,
    rejected: u64,
    restarts: u64,
    failed: u64,
}

impl Sum {
    fn over<'a>(partitions: impl Iterator<Item = &'a PartitionProgress>) -> Self {
        partitions.fold(Self::default(), |sum, one| Self {
            records: sum.records + one.records_total(),
            position: sum.position + one.position(),
            end: sum.end + one.end(),
            lag: sum.lag + one.lag(),
            rejected: sum.rejected + one.rejected(),
            restarts: sum.restarts + one.restarts(),
            failed: sum.failed + u64::from(one.failed()),
        })
    }

    fn message(&self, rate: u64) -> String {
        let mut text =
            format!("{} records, {}/s, lag {}", thousands(self.records), thousands(rate), thousands(self.lag));
        append(&mut text, self.rejected, "rejected");
        append(&mut text, self.restarts, "restarts");
        if self.failed > 0 {
            text.push_str(", FAILED");
        }
        text
    }
}

/// Names what is seldom only where there is any.
fn append(text: &mut String, count: u64, what: &str) {
    if count > 0 {
        text.push_str(&format!(", {} {what}", thousands(count)));
    }
}

fn source_message(source: &SourceProgress, rate: u64) -> String {
    let mut text = format!("{} readings, {}/s", thousands(source.readings()), thousands(rate));
    if let Some(total) = source.bytes_total() {
        text.push_str(&format!(", {} of {}", HumanBytes(source.bytes().min(total)), HumanBytes(total)));
    }
    append(&mut text, source.bad_lines(), "bad lines");
    append(&mut text, source.skipped_quality(), "values of failed quality");
    append(&mut text, source.restarts(), "restarts");
    if source.failed() {
        text.push_str(", FAILED");
    }
    text
}

/// 1234567 as `1,234,567`.
fn thousands(number: u64) -> String {
    indicatif::HumanCount(number).to_string()
}

struct Bars {
    /// A bar without a number stands for all partitions.
    partitions: Vec<(ProgressBar, Option<u32>, Rate)>,
    /// There once the source has done something: a process that only counts has none.
    source: Option<(ProgressBar, Rate)>,
}

impl Bars {
    fn new(progress: &Progress) -> Self {
        let numbers: Vec<u32> = progress.partitions().map(|(number, _)| number).collect();
        let bar = |prefix: String| BARS.add(new_bar(prefix));
        let partitions = if numbers.len() > BARS_MAX {
            vec![(bar(format!("{} partitions", numbers.len())), None, Rate::default())]
        } else {
            let one = |number: u32| (bar(format!("partition {number}")), Some(number), Rate::default());
            numbers.into_iter().map(one).collect()
        };
        Self { partitions, source: None }
    }
}

fn new_bar(prefix: String) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix:<16} {bar:24} {wide_msg}").expect("the template is a constant");
    ProgressBar::new(0).with_style(style).with_prefix(prefix)
}

impl View for Bars {
    fn show(&mut self, progress: &Progress, now: Instant) {
        let source = progress.source();
        if source.readings() > 0 || source.bytes_total().is_some() {
            let (bar, rate) =
                self.source.get_or_insert_with(|| (BARS.insert(0, new_bar("source".to_owned())), Rate::default()));
            bar.set_length(source.bytes_total().unwrap_or(0));
            bar.set_position(source.bytes());
            bar.set_message(source_message(source, rate.sample(now, source.readings())));
        }
        for (bar, number, rate) in &mut self.partitions {
            let sum = match number {
                Some(number) => Sum::over(std::iter::once(progress.partition(*number))),
                None => Sum::over(progress.partitions().map(|(_, partition)| partition)),
            };
            bar.set_length(sum.end.max(sum.position));
            bar.set_position(sum.position);
            bar.set_message(sum.message(rate.sample(now, sum.records)));
        }
    }

    fn end(&mut self) {
        let bars = self.partitions.iter().map(|(bar, ..)| bar).chain(self.source.iter().map(|(bar, _)| bar));
        for bar in bars {
            bar.finish_and_clear();
            BARS.remove(bar);
        }
    }
}

#[derive(Default)]
struct Lines {
    records: Rate,
    readings: Rate,
    shown: Option<(Sum, u64)>,
}

impl View for Lines {
    fn show(&mut self, progress: &Progress, now: Instant) {
        let sum = Sum::over(progress.partitions().map(|(_, partition)| partition));
        let source = progress.source();
        let records_per_second = self.records.sample(now, sum.records);
        let readings_per_second = self.readings.sample(now, source.readings());
        let state = (sum, source.readings());
        // The first look is only what later ones are compared with; where nothing moves, nothing is said.
        if self.shown.replace(state).is_none_or(|before| before == state) {
            return;
        }
        let committed: u64 = progress.partitions().map(|(_, partition)| partition.committed()).sum();
        let commit_interval = progress.partitions().map(|(_, partition)| partition.commit_interval()).max();
        tracing::info!(
            target: target::PROGRESS,
            readings = source.readings(),
            readings_per_second,
            bad_lines = source.bad_lines(),
            records = sum.records,
            records_per_second,
            lag = sum.lag,
            committed,
            commit_interval_ms = commit_interval.unwrap_or_default().as_millis() as u64,
            rejected = sum.rejected,
            restarts = sum.restarts + source.restarts(),
            failed = sum.failed + u64::from(source.failed()),
            "progress"
        );
    }

    fn end(&mut self) {}
}

#[cfg(test)]
#[path = "display_tests.rs"]
mod tests;
