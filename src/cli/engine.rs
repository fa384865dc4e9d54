//! The trees and what shows them: dashboard, bars and log lines.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::watch;

use super::display::Display;
use crate::failure::Failure;
use crate::partition::Windows;
use crate::pipeline::{Environment, Job, Summary, run_trees, stop_signal, until};
use crate::progress::events;
use crate::proof::FaultyDisk;
use crate::settings::{LogKind, Settings};
use crate::supervision::actor::System;
use crate::watch::dashboard::{Observed, Server};
use crate::{log, supervision};

/// How the run is watched, where the settings have an address for that.
pub struct Dashboard<'a> {
    /// When everything is done, it is still shown until a signal comes.
    pub stays: bool,
    /// Told where it is.
    pub started: &'a dyn Fn(SocketAddr),
}

/// What is left of a run that is over: its dashboard. Ends when it is dropped.
pub struct Stay {
    system: System,
    stop: Arc<watch::Sender<bool>>,
    server: Server,
    why: String,
}

impl Stay {
    /// Waits for a signal; returns at once if one has come.
    pub fn until_signal(self) {
        self.server.set_ended(&self.why);
        self.system.block_on(until(&self.stop));
    }
}

/// Runs the job on this machine's disk and the settings' log, until it is done or a signal comes.
///
/// Blocks; to be called once a process. A second signal ends the process at once, exit code 75. The failure is one that
/// kept the trees from being started.
pub fn run(job: Job, settings: Settings, dashboard: Option<Dashboard<'_>>) -> Result<(Summary, Option<Stay>), Failure> {
    supervision::panic::install_hook();
    let mut environment = Environment::real(settings, &job.partitions)?;
    environment.disk = FaultyDisk::over(environment.disk, &environment.faults);
    let stays = dashboard.as_ref().is_some_and(|dashboard| dashboard.stays);
    let server = match dashboard {
        Some(dashboard) if environment.settings.web.address().is_some() => {
            Some(serve(&mut environment, &job, &dashboard)?)
        }
        _ => None,
    };
    let output = &environment.settings.output;
    let display = Display::start(environment.progress.clone(), output, std::io::stderr().is_terminal())?;
    let planned = environment.faults.planned();
    if !planned.is_empty() {
        events::faults_planned(&planned);
    }
    let system = System::in_real_time();
    let (summary, stop) = system.block_on(async move {
        let stop = stop_signal(environment.settings.supervision.shutdown_ms)?;
        Ok::<_, Failure>((run_trees(job, environment, stop.clone()).await?, stop))
    })?;
    display.finish();
    let why = match summary.failures.len() {
        0 => "everything is counted".to_owned(),
        failed => format!("the run is over, {failed} of its branches failed"),
    };
    let stay = match server {
        Some(server) if stays => Some(Stay { system, stop, server, why }),
        _ => None,
    };
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
    events::serving(server.address());
    (dashboard.started)(server.address());
    Ok(server)
}
