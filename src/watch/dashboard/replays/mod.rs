//! Audits and histories: what is told by replaying the log, in the background and below the live path.
//!
//! One thread does one after the other, at the lowest priority and at a share of its time; how many wait is bounded.

mod backlog;
mod replayer;

use std::sync::Arc;
use std::thread;

use parking_lot::{Condvar, Mutex};

use super::clock::now_ms;
use crate::failure::Failure;
use crate::log::{RecordLog, Watch};
use crate::partition::StateFiles;
use crate::progress::Progress;
use crate::retold::history::{Replay, Series};
use crate::watch::wire::{Audit, AuditResult, AuditRunning, FailedTry, History};
use backlog::{Backlog, KnownHistory, RunningAudit};
use replayer::Replayer;

/// Histories that may wait.
const QUEUE_MAX: usize = 16;
/// Stations whose history is remembered: up to some 300 kB each, mostly a few.
const HISTORIES_MAX: usize = 64;

/// Has the log replayed on a thread of its own.
pub struct Replays {
    backlog: Arc<(Mutex<Backlog>, Condvar)>,
}

/// Why nothing was begun.
pub enum NotBegun {
    /// There is one under way.
    Busy,
    /// Too many wait, or the server ends.
    Full,
}

impl Replays {
    /// Starts the thread `isotherm-replay`.
    pub fn start(
        topic: String,
        state: StateFiles,
        log: Arc<dyn RecordLog>,
        progress: Progress,
    ) -> Result<Self, Failure> {
        let backlog = Arc::<(Mutex<Backlog>, Condvar)>::default();
        let replayer = Replayer { topic, state, log, progress, backlog: backlog.clone() };
        let thread = thread::Builder::new().name("isotherm-replay".to_owned());
        thread.spawn(move || replayer.work()).map_err(|error| Failure::thread("isotherm-replay", &error))?;
        Ok(Self { backlog })
    }

    /// Has all partitions of this process audited.
    pub fn start_audit(&self) -> Result<(), NotBegun> {
        self.change(|backlog| {
            if backlog.audit.is_some() {
                return Err(NotBegun::Busy);
            }
            backlog.wants_audit = true;
            backlog.audit = Some(RunningAudit { started_at_ms: now_ms(), watch: Watch::default(), total: 0 });
            Ok(())
        })
    }

    /// With the first `max` partitions of the last one.
    pub fn audit(&self, max: usize) -> Audit {
        let backlog = self.backlog.0.lock();
        let running = backlog.audit.as_ref().map(|running| AuditRunning {
            started_at_ms: running.started_at_ms,
            done: running.watch.records(),
            total: running.total,
        });
        let (last, failed) = (backlog.last_audit.clone(), backlog.failed_audit.clone());
        drop(backlog);
        let last = last.map(|last| AuditResult {
            partitions: last.partitions.iter().take(max).cloned().collect(),
            ..AuditResult::clone(&last)
        });
        Audit { running, last, failed }
    }

    /// Has a station's history told, or brought up to date.
    pub fn start_history(&self, station: &str, partition: u32) -> Result<(), NotBegun> {
        self.change(|backlog| {
            let key = (station.to_owned(), partition);
            let at = backlog.histories.iter().position(|(known, _)| *known == key);
            if at.is_some_and(|at| backlog.histories[at].1.running.is_some()) {
                return Ok(());
            }
            if backlog.ended || backlog.queue.len() >= QUEUE_MAX {
                return Err(NotBegun::Full);
            }
            backlog.queue.push_back(key.clone());
            let known = at.and_then(|at| backlog.histories.remove(at)).map(|(_, known)| known).unwrap_or_default();
            backlog.histories.push_front((key, KnownHistory { running: Some((0, 0)), failed: None, ..known }));
            backlog.histories.truncate(HISTORIES_MAX);
            Ok(())
        })
    }

    /// As far as it is known; `None` if nobody asked for it, or that was long ago.
    pub fn history(&self, station: &str, partition: u32) -> Option<History> {
        let backlog = self.backlog.0.lock();
        let known = backlog.find(station, partition)?;
        match known.clone() {
            KnownHistory { ready: Some(replay), running, failed } => {
                Some(ready(station, &replay, running.is_some(), failed))
            }
            KnownHistory { running: Some((done, total)), .. } => Some(History::Running { done, total }),
            KnownHistory { failed, .. } => failed.map(|FailedTry { at_ms, why }| History::Failed { at_ms, why }),
        }
    }

    /// A history that is ready.
    pub fn ready(&self, station: &str, partition: u32) -> Option<Arc<Replay>> {
        self.backlog.0.lock().find(station, partition)?.ready.clone()
    }

    /// Ends what runs, and takes nothing more.
    pub fn stop(&self) {
        self.change(|backlog| {
            backlog.ended = true;
            backlog.watch.cancel();
            // An audit waits while the history of a station is told: then the watch is that of the history.
            if let Some(audit) = &backlog.audit {
                audit.watch.cancel();
            }
        });
    }

    fn change<R>(&self, change: impl FnOnce(&mut Backlog) -> R) -> R {
        let result = change(&mut self.backlog.0.lock());
        self.backlog.1.notify_all();
        result
    }
}

fn ready(station: &str, replay: &Replay, refreshing: bool, failed: Option<FailedTry>) -> History {
    let series = replay.series(station);
    History::Ready {
        from_offset: replay.from_offset(),
        offset: replay.offset(),
        lost_records: replay.lost_records(),
        lost_reason: replay.lost_reason(),
        refreshing,
        failed,
        months: series.map(Series::months).unwrap_or_default(),
        years: series.map(Series::years).unwrap_or_default(),
    }
}

#[cfg(test)]
#[path = "replays_tests.rs"]
mod tests;
