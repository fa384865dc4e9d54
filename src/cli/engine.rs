//! Runs the trees, and shows them: on the dashboard, as bars, or as log lines.

use std::io::IsTerminal;
use std::sync::Arc;

use super::arguments::WatchArguments;
use super::display::Display;
use super::output;
use crate::failure::Failure;
use crate::log::RecordLog;
use crate::partition::Windows;
use crate::pipeline::{Environment, Job, Summary, run_trees, stop_signal, until};
use crate::progress::events;
use crate::proof::FaultyDisk;
use crate::settings::{LogKind, Settings};
use crate::supervision::actor::System;
use crate::watch::dashboard::{Observed, Server};
use crate::{log, open_files, supervision};

/// A run that is over.
pub struct Ran<Stay> {
    pub summary: Summary,
    /// Shows the dashboard until a signal comes, and returns at once if one has come; where the dashboard stays.
    pub stay: Option<Stay>,
    /// Whose group is still to be left, if it has one.
    pub log: Arc<dyn RecordLog>,
}

/// Runs the job on this machine's disk and the settings' log, until it is done or a signal comes.
///
/// Blocks; to be called once a process. A second signal ends the process at once, exit code 75. The failure is one that
/// kept the trees from being started.
pub fn run(job: Job, settings: Settings, watched: Option<&WatchArguments>) -> Result<Ran<impl FnOnce()>, Failure> {
    supervision::panic::install_hook();
    open_files::check(job.partitions.len())?;
    let mut environment = Environment::real(settings, &job.partitions)?;
    environment.disk = FaultyDisk::over(environment.disk, &environment.faults);
    let server = match watched {
        Some(watch) if environment.settings.web.address().is_some() => Some(serve(&mut environment, &job, watch.open)?),
        _ => None,
    };
    let output = &environment.settings.output;
    let display = Display::start(environment.progress.clone(), output, std::io::stderr().is_terminal())?;
    let planned = environment.faults.planned();
    if !planned.is_empty() {
        events::faults_planned(&planned);
    }
    let log = environment.log.clone();
    let system = System::in_real_time();
    let (summary, stop) = system.block_on(async move {
        let stop = stop_signal(environment.settings.supervision.shutdown_ms)?;
        Ok::<_, Failure>((run_trees(job, environment, stop.clone()).await?, stop))
    })?;
    log.finish_publishing();
    display.finish();
    let why = match summary.failures.len() {
        0 => "everything is counted".to_owned(),
        failed => format!("the run is over, {failed} of its branches failed"),
    };
    let stay = match (server, watched) {
        (Some(server), Some(watch)) if watch.open => Some(move || {
            server.set_ended(&why);
            system.block_on(until(&stop));
        }),
        _ => None,
    };
    Ok(Ran { summary, stay, log })
}

fn serve(environment: &mut Environment, job: &Job, open: bool) -> Result<Server, Failure> {
    environment.windows = Windows::new(&job.partitions);
    let Environment { settings, log, state, progress, windows, .. } = environment.clone();
    let replay_log = match settings.log.kind {
        LogKind::Memory => log.clone(),
        LogKind::Kafka | LogKind::Sqlite => log::open(&settings)?,
    };
    let server = Server::start(Observed { settings, log, replay_log, state, progress, windows })?;
    events::serving(server.address());
    if open {
        output::tell(&format_args!("open http://{}/ to watch; Ctrl-C ends it", server.address()));
    }
    Ok(server)
}
