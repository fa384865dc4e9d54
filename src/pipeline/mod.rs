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
mod stop;
mod trees;

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::sync::Arc;

use actix::SystemRunner;
use tokio::sync::watch;

pub use environment::Environment;
pub use trees::run_trees;

use crate::actors::Windows;
use crate::faults::Failure;
use crate::log;
use crate::observe::{Display, events};
use crate::settings::{LogKind, Settings};
use crate::supervision;
use crate::web::{Observed, Server};

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

/// How the run is watched, where the settings have an address for that.
pub struct Dashboard<'a> {
    /// When everything is done, it is still shown until a signal comes.
    pub stays: bool,
    /// Told where it is.
    pub started: &'a dyn Fn(SocketAddr),
}

/// What is left of a run that is over: its dashboard. Ends when it is dropped.
pub struct Stay {
    system: SystemRunner,
    stop: Arc<watch::Sender<bool>>,
    server: Server,
    why: String,
}

impl Stay {
    /// Waits for a signal; returns at once if one has come.
    pub fn until_signal(self) {
        self.server.set_ended(&self.why);
        self.system.block_on(trees::until(&self.stop));
    }
}

/// Runs the job on this machine's disk and the settings' log, until it is done or a signal comes.
///
/// Blocks; to be called once a process. A second signal ends the process at once, exit code 75. The failure is one that
/// kept the trees from being started.
pub fn run(job: Job, settings: Settings, dashboard: Option<Dashboard<'_>>) -> Result<(Summary, Option<Stay>), Failure> {
    supervision::panic::install_hook();
    let mut environment = Environment::real(settings, &job.partitions)?;
    let watched = dashboard.filter(|_| environment.settings.web.address().is_some());
    let server = watched.as_ref().map(|dashboard| serve(&mut environment, &job, dashboard)).transpose()?;
    let output = &environment.settings.output;
    let display = Display::start(environment.progress.clone(), output, std::io::stderr().is_terminal())?;
    let planned = environment.faults.planned();
    if !planned.is_empty() {
        events::FaultsPlanned { faults: &planned }.emit();
    }
    let system = actix::System::new();
    let (summary, stop) = system.block_on(async move {
        let stop = stop::stop_signal(environment.settings.supervision.shutdown_ms)?;
        Ok::<_, Failure>((run_trees(job, environment, stop.clone()).await?, stop))
    })?;
    display.finish();
    let stays = watched.is_some_and(|dashboard| dashboard.stays);
    let why = match summary.failures.len() {
        0 => "everything is counted".to_owned(),
        failed => format!("the run is over, {failed} of its branches failed"),
    };
    let stay = server.filter(|_| stays).map(|server| Stay { system, stop, server, why });
    Ok((summary, stay))
}

fn serve(environment: &mut Environment, job: &Job, dashboard: &Dashboard<'_>) -> Result<Server, Failure> {
    environment.windows = Windows::new(&job.partitions);
    let Environment { settings, log, progress, windows, .. } = environment.clone();
    let replay_log = match settings.log.kind {
        LogKind::Memory => log.clone(),
        LogKind::Kafka | LogKind::Sqlite => log::open(&settings, &settings.state.dir)?,
    };
    let server = Server::start(Observed { settings, log, replay_log, progress, windows })?;
    events::Serving { address: server.address() }.emit();
    (dashboard.started)(server.address());
    Ok(server)
}
