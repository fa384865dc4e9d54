//! What all requests share.

use std::sync::Arc;

use parking_lot::Mutex;

use super::gauges::Gauges;
use super::live::Live;
use super::looks::Looks;
use super::recent::Recent;
use super::replays::Replays;
use crate::failure::Failure;
use crate::log::RecordLog;
use crate::partition::{StateFiles, Windows};
use crate::progress::Progress;
use crate::settings::Settings;

/// Connections that no event stream takes.
const CONNECTIONS_KEPT: usize = 64;

/// The process as it is looked at.
#[derive(Clone)]
pub struct Observed {
    pub settings: Arc<Settings>,
    pub log: Arc<dyn RecordLog>,
    /// The same one for who replays it: with connections of its own, where there are any.
    pub replay_log: Arc<dyn RecordLog>,
    /// Where the partitions' states are.
    pub state: StateFiles,
    pub progress: Progress,
    pub windows: Windows,
}

pub struct AppState {
    pub token: String,
    /// Cookies know no ports: each server of a host has one of its own name.
    pub cookie: String,
    /// Event streams: some connections are left for questions.
    pub streams_max: usize,
    pub progress: Progress,
    pub gauges: Gauges,
    pub looks: Arc<Looks>,
    pub replays: Replays,
    pub live: Arc<Live>,
    ended: Mutex<Option<String>>,
}

impl AppState {
    pub fn new(observed: Observed, port: u16, connections_max: usize) -> Result<Self, Failure> {
        let Observed { settings, log, replay_log, state, progress, windows } = observed;
        let recent = Recent::start(replay_log.clone(), progress.clone(), settings.rules())?;
        Ok(Self {
            token: settings.web.token.clone(),
            cookie: format!("isotherm-{port}"),
            streams_max: connections_max - (connections_max / 4).min(CONNECTIONS_KEPT),
            gauges: Gauges::new(settings.clone(), &log.name(), state.clone(), progress.clone()),
            looks: Arc::new(Looks::new(windows, state.clone(), recent)),
            replays: Replays::start(settings.log.topic.clone(), state, replay_log, progress.clone())?,
            progress,
            live: Arc::new(Live::new()),
            ended: Mutex::default(),
        })
    }

    /// Why the run is over, if it is.
    pub fn ended(&self) -> Option<String> {
        self.ended.lock().clone()
    }

    pub fn set_ended(&self, why: &str) {
        *self.ended.lock() = Some(why.to_owned());
    }
}
