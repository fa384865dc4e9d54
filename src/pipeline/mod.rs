//! Builds the trees from the settings, runs them, and stops them in order.
//!
//! ```text
//! run ─┬─ ingest       (rest_for_one)  producer → generator
//!      ├─ partition 0  (one_for_all)   checkpoint writer → aggregator → consumer
//!      └─ partition N …                branches are one_for_one: none touches another
//! ```
//!
//! Guarantees: what is done once a process (locks, creating or recreating the topic) is done before any tree starts; the
//! ingest side stops before the partitions do; a branch that failed leaves the others running and is in the summary.
//! Uses everything below; the command line uses it.

mod branches;
mod environment;
mod prepare;
mod signals;
mod trees;

use std::io::IsTerminal;

pub use environment::Environment;
pub use trees::run_trees;

use crate::faults::Failure;
use crate::observe::{Display, events};
use crate::settings::Settings;
use crate::supervision;

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Job {
    /// Read the source and write to the log.
    pub ingest: bool,
    /// Partitions to count.
    pub partitions: Vec<u32>,
    pub end: End,
    /// Go on where the log no longer has what comes next, and write the gap down.
    pub accept_gap: bool,
}

/// When the job is done, unless a signal comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// When everything that the source had is written and counted; an endless source has no such end.
    WhenSourceEnds,
    /// When the partitions are counted up to where they ended at the start.
    WhenCaughtUp,
    AtSignal,
}

/// How it went.
#[derive(Debug, Default)]
pub struct Summary {
    /// Readings that were acknowledged by the log.
    pub readings: u64,
    /// Lines of the source's files that could not be read as readings.
    pub bad_lines: u64,
    /// Values that failed the source's own quality checks, since the very first run.
    pub skipped_quality: u64,
    /// Branches that failed for good, and why.
    pub failures: Vec<(String, Failure)>,
    /// Actors that did not stop in time.
    pub laggards: Vec<String>,
}

/// Runs the job on this machine's disk and the settings' log, until it is done or a signal comes.
///
/// Blocks; to be called once a process. A second signal ends the process at once, exit code 75. The failure is one that
/// kept the trees from being started.
pub fn run(job: Job, settings: Settings) -> Result<Summary, Failure> {
    supervision::panic::install_hook();
    let environment = Environment::real(settings, &job.partitions)?;
    let output = &environment.settings.output;
    let display = Display::start(environment.progress.clone(), output, std::io::stderr().is_terminal())?;
    let planned = environment.faults.planned();
    if !planned.is_empty() {
        events::FaultsPlanned { faults: &planned }.emit();
    }
    let system = actix::System::new();
    let summary = system.block_on(async move {
        let stop = signals::stop_signal(environment.settings.supervision.shutdown_ms)?;
        run_trees(job, environment, stop).await
    });
    display.finish();
    summary
}
