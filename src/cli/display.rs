//! Progress as bars on a terminal, else as a log line now and then.

use std::convert::Infallible;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

use crate::failure::Failure;
use crate::settings::Output;
use crate::standard_error::{self, BARS, FLUSH_MAX};

use crate::progress::Branch;
use crate::progress::Rate;
use crate::progress::events::target;
use crate::progress::gauges::Progress;

const REDRAW: Duration = Duration::from_millis(100);

/// The bar of a partition, or of the source.
const BRANCH: &str = "{prefix:<16} {bar:24} {wide_msg}";

/// Bars that are drawn for partitions; where there are more partitions, one bar stands for all.
const BARS_MAX: usize = 16;

/// Shows the progress from a thread of its own until it is finished or dropped. Nothing else waits for the terminal.
pub struct Display {
    stop: Option<mpsc::Sender<Infallible>>,
    ended: mpsc::Receiver<Infallible>,
}

impl Display {
    /// Starts to show the progress: on a terminal as bars, else as a log line each `progress_interval_ms`.
    pub fn start(progress: Progress, output: &Output, terminal: bool) -> Result<Self, Failure> {
        if terminal {
            Self::of(REDRAW, move || {
                let mut bars = Bars::new(progress);
                move |now| bars.show(now)
            })
        } else {
            Self::of(Duration::from_millis(output.progress_interval_ms), move || {
                let mut lines = ProgressLines::new(progress);
                move |now| lines.show(now)
            })
        }
    }

    /// Starts to show a bar for a verb's own work: whatever is set on the bar that is returned, which is drawn nowhere.
    pub fn bar(template: &'static str) -> Result<(ProgressBar, Self), Failure> {
        let state = ProgressBar::hidden();
        let shown = state.clone();
        let display = Self::of(REDRAW, move || {
            let bar = Bar(BARS.add(new_bar(template)));
            move |_| bar.copy(&shown)
        })?;
        Ok((state, display))
    }

    /// Starts the display's thread. The view is made on it, shown now and again, and dropped, with its bars, at the end.
    fn of<Show: FnMut(Instant)>(
        interval: Duration,
        view: impl FnOnce() -> Show + Send + 'static,
    ) -> Result<Self, Failure> {
        let (stop, stopped) = mpsc::channel::<Infallible>();
        let (end, ended) = mpsc::channel();
        let thread = std::thread::Builder::new().name("isotherm-display".to_owned());
        let thread = thread.spawn(move || {
            // Dropped last, when the bars are away.
            let _end: mpsc::Sender<Infallible> = end;
            let mut show = view();
            show(Instant::now());
            while stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                show(Instant::now());
            }
            show(Instant::now());
        });
        thread.map_err(|error| Failure::thread("isotherm-display", &error))?;
        Ok(Self { stop: Some(stop), ended })
    }

    /// Shows the last state, takes the bars away, and returns when that is done and all lines before are written; where the
    /// standard error takes nothing, within [`FLUSH_MAX`] each.
    pub fn finish(self) {
        drop(self);
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        self.stop = None;
        if standard_error::flush() {
            // A display that panicked has shown its last; the work does not depend on it.
            let _ = self.ended.recv_timeout(FLUSH_MAX);
            standard_error::flush();
        }
    }
}

fn new_bar(template: &str) -> ProgressBar {
    ProgressBar::new(0).with_style(ProgressStyle::with_template(template).expect("the template is a constant"))
}

/// A bar on the terminal until it is dropped.
struct Bar(ProgressBar);

impl Bar {
    /// Shows the same as a bar that is drawn nowhere.
    fn copy(&self, shown: &ProgressBar) {
        self.0.set_length(shown.length().unwrap_or(0));
        self.0.set_position(shown.position());
        self.0.set_message(shown.message());
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
        BARS.remove(&self.0);
    }
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
    /// Of this partition; without a number, of all.
    fn of(progress: &Progress, number: Option<u32>) -> Self {
        let is_meant = |one| number.is_none_or(|number| number == one);
        let is_branch = |branch| matches!(branch, Branch::Partition(one) if is_meant(one));
        let (restarts, failed) = (progress.branches().restarts(is_branch), progress.branches().failures(is_branch));
        let none = Self { restarts, failed, ..Self::default() };
        let partitions = || progress.every_partition().filter(|(one, _)| is_meant(*one)).map(|(_, one)| one);
        // What this process has counted stays counted, also where the partition was given away.
        let counted = partitions().fold(none, |sum, one| Self {
            records: sum.records + one.records.get(),
            rejected: sum.rejected + one.rejected().map(|(_, records)| records).sum::<u64>(),
            ..sum
        });
        partitions().filter(|one| one.is_held()).fold(counted, |sum, one| Self {
            position: sum.position + one.position.get(),
            end: sum.end + one.end.get(),
            lag: sum.lag + one.lag(),
            ..sum
        })
    }

    fn message(&self, rate: u64) -> String {
        let text = format!("{} records, {}/s, lag {}", thousands(self.records), thousands(rate), thousands(self.lag));
        with_trouble(text, &[(self.rejected, "rejected"), (self.restarts, "restarts")], self.failed > 0)
    }
}

/// Adds trouble to a text, each count only where it is not zero.
fn with_trouble(mut text: String, counts: &[(u64, &str)], failed: bool) -> String {
    for (count, what) in counts.iter().filter(|(count, _)| *count > 0) {
        text.push_str(&format!(", {} {what}", thousands(*count)));
    }
    if failed {
        text.push_str(", FAILED");
    }
    text
}

fn source_message(progress: &Progress, rate: u64) -> String {
    let source = progress.source();
    let mut text = format!("{} readings, {}/s", thousands(source.readings.get()), thousands(rate));
    let total = source.bytes_total.get();
    if total > 0 {
        text.push_str(&format!(", {} of {}", HumanBytes(source.bytes.get().min(total)), HumanBytes(total)));
    }
    if let Some(percent) = (100 * source.compared.get()).checked_div(source.to_compare.get()) {
        text.push_str(&format!(", comparing with the log {percent} %"));
    }
    let counts = [
        (source.revised.get(), "revised"),
        (source.withdrawn.get(), "withdrawn"),
        (source.bad_lines.get(), "bad lines"),
        (source.skipped_quality.get(), "values of failed quality"),
        (progress.branches().restarts(|branch| branch == Branch::Ingest), "restarts"),
    ];
    with_trouble(text, &counts, progress.branches().failures(|branch| !matches!(branch, Branch::Partition(_))) > 0)
}

/// 1234567 as `1,234,567`.
fn thousands(number: u64) -> String {
    indicatif::HumanCount(number).to_string()
}

struct Bars {
    progress: Progress,
    /// A bar without a number stands for all partitions.
    partitions: Vec<(Bar, Option<u32>, Rate)>,
    /// There once the source has done something: a process that only counts has none.
    source: Option<(Bar, Rate)>,
}

impl Bars {
    fn new(progress: Progress) -> Self {
        let numbers: Vec<u32> = progress.every_partition().map(|(number, _)| number).collect();
        let bar = |prefix: String| Bar(BARS.add(new_bar(BRANCH).with_prefix(prefix)));
        let partitions = if numbers.len() > BARS_MAX {
            vec![(bar(format!("{} partitions", numbers.len())), None, Rate::default())]
        } else {
            let one = |number: u32| (bar(format!("partition {number}")), Some(number), Rate::default());
            numbers.into_iter().map(one).collect()
        };
        Self { progress, partitions, source: None }
    }

    fn show(&mut self, now: Instant) {
        let progress = &self.progress;
        let source = progress.source();
        if source.readings.get() > 0 || source.bytes_total.get() > 0 {
            let new = || (Bar(BARS.insert(0, new_bar(BRANCH).with_prefix("source"))), Rate::default());
            let (Bar(bar), rate) = self.source.get_or_insert_with(new);
            bar.set_length(source.bytes_total.get());
            bar.set_position(source.bytes.get());
            bar.set_message(source_message(progress, rate.sample(now, source.readings.get())));
        }
        for (Bar(bar), number, rate) in &mut self.partitions {
            let sum = Sum::of(progress, *number);
            bar.set_length(sum.end.max(sum.position));
            bar.set_position(sum.position);
            bar.set_message(sum.message(rate.sample(now, sum.records)));
        }
    }
}

struct ProgressLines {
    progress: Progress,
    records: Rate,
    readings: Rate,
    shown: Option<(Sum, u64)>,
}

impl ProgressLines {
    fn new(progress: Progress) -> Self {
        Self { progress, records: Rate::default(), readings: Rate::default(), shown: None }
    }

    fn show(&mut self, now: Instant) {
        let progress = &self.progress;
        let sum = Sum::of(progress, None);
        let source = progress.source();
        let records_per_second = self.records.sample(now, sum.records);
        let readings_per_second = self.readings.sample(now, source.readings.get());
        let state = (sum, source.readings.get());
        // The first look is only for later ones to be compared with; where nothing moves, there is no line.
        if self.shown.replace(state).is_none_or(|before| before == state) {
            return;
        }
        let committed: u64 = progress.partitions().map(|(_, partition)| partition.committed.get()).sum();
        let commit_interval_ms = progress.partitions().map(|(_, partition)| partition.commit_interval_ms.get()).max();
        tracing::info!(
            target: target::PROGRESS,
            readings = source.readings.get(),
            readings_per_second,
            bad_lines = source.bad_lines.get(),
            records = sum.records,
            records_per_second,
            lag = sum.lag,
            committed,
            commit_interval_ms = commit_interval_ms.unwrap_or_default(),
            rejected = sum.rejected,
            restarts = progress.branches().restarts(|_| true),
            failed = progress.branches().failures(|_| true),
            "progress"
        );
    }
}

#[cfg(test)]
#[path = "display_tests.rs"]
mod tests;
