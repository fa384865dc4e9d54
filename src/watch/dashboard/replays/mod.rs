//! Audits and histories: what is told by replaying the log, in the background and below the live path.
//!
//! One thread does one after the other, at the lowest priority and at a share of its time; how many wait is bounded.

mod worker;

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread;

use parking_lot::{Condvar, Mutex};

use super::answers::{self, AuditResult, AuditRunning, FailedTry, History};
use super::clock::now_ms;
use crate::failure::Failure;
use crate::log::{RecordLog, Watch};
use crate::partition::Windows;
use crate::progress::Progress;
use crate::retold::history::{Month, Replay, Series, Year};
use crate::settings::Settings;
use worker::Worker;

/// Histories that may wait.
const QUEUE_MAX: usize = 16;
/// Stations whose history is remembered: up to some 300 kB each, mostly a few.
const HISTORIES_MAX: usize = 64;

/// What was replayed, and what is to be.
pub struct Replays {
    shared: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Default)]
struct State {
    /// Set when a client asked for them.
    wants_earlier: bool,
    wants_audit: bool,
    /// Those that wait for their turn, each once.
    queue: VecDeque<Key>,
    ended: bool,
    /// From the request on.
    audit: Option<Running>,
    last_audit: Option<Arc<AuditResult>>,
    /// After that.
    failed_audit: Option<FailedTry>,
    /// The one that was asked for last is first.
    histories: VecDeque<(Key, Known)>,
    /// Of the job that runs.
    watch: Watch,
}

type Key = (String, u32);

struct Running {
    started_at_ms: u64,
    watch: Watch,
    total: u64,
}

/// What is known of a history. One that is brought up to date stays as it was until that is done.
#[derive(Clone, Default)]
struct Known {
    ready: Option<Arc<Replay>>,
    /// Records that were read, and of how many.
    running: Option<(u64, u64)>,
    /// Of the last try.
    failed: Option<FailedTry>,
}

/// Why nothing was begun.
pub enum Refused {
    /// There is one under way.
    Busy,
    /// Too many wait, or the server ends.
    Full,
}

enum Job {
    Earlier,
    History(Key),
    Audit,
}

impl Replays {
    /// Starts the thread `isotherm-replay`.
    pub fn start(
        settings: Arc<Settings>,
        log: Arc<dyn RecordLog>,
        progress: Progress,
        windows: Windows,
    ) -> Result<Self, Failure> {
        let shared = Arc::<(Mutex<State>, Condvar)>::default();
        let worker = Worker { settings, log, progress, windows, shared: shared.clone() };
        let thread = thread::Builder::new().name("isotherm-replay".to_owned());
        thread.spawn(move || worker.work()).map_err(|error| Failure::thread("isotherm-replay", &error))?;
        Ok(Self { shared })
    }

    /// Has the last readings from before this process read, for the sparklines.
    pub fn start_earlier(&self) {
        self.change(|state| state.wants_earlier = true);
    }

    /// Has all partitions of this process audited.
    pub fn start_audit(&self) -> Result<(), Refused> {
        self.change(|state| {
            if state.audit.is_some() {
                return Err(Refused::Busy);
            }
            state.wants_audit = true;
            state.audit = Some(Running { started_at_ms: now_ms(), watch: Watch::default(), total: 0 });
            Ok(())
        })
    }

    /// With the first `max` partitions of the last one.
    pub fn audit(&self, max: usize) -> answers::Audit {
        let state = self.shared.0.lock();
        let running = state.audit.as_ref().map(|running| AuditRunning {
            started_at_ms: running.started_at_ms,
            done: running.watch.records(),
            total: running.total,
        });
        let (last, failed) = (state.last_audit.clone(), state.failed_audit.clone());
        drop(state);
        let last = last.map(|last| AuditResult {
            partitions: last.partitions.iter().take(max).cloned().collect(),
            ..AuditResult::clone(&last)
        });
        answers::Audit { running, last, failed }
    }

    /// Has a station's history told, or brought up to date.
    pub fn start_history(&self, station: &str, partition: u32) -> Result<(), Refused> {
        self.change(|state| {
            let key = (station.to_owned(), partition);
            let at = state.histories.iter().position(|(known, _)| *known == key);
            if at.is_some_and(|at| state.histories[at].1.running.is_some()) {
                return Ok(());
            }
            if state.ended || state.queue.len() >= QUEUE_MAX {
                return Err(Refused::Full);
            }
            state.queue.push_back(key.clone());
            let known = at.and_then(|at| state.histories.remove(at)).map(|(_, known)| known).unwrap_or_default();
            state.histories.push_front((key, Known { running: Some((0, 0)), failed: None, ..known }));
            state.histories.truncate(HISTORIES_MAX);
            Ok(())
        })
    }

    /// As far as it is known; `None` if nobody asked for it, or that was long ago.
    pub fn history(&self, station: &str, partition: u32) -> Option<History> {
        let state = self.shared.0.lock();
        let known = state.find(station, partition)?;
        match known.clone() {
            Known { ready: Some(replay), running, failed } => Some(ready(station, &replay, running.is_some(), failed)),
            Known { running: Some((done, total)), .. } => Some(History::Running { done, total }),
            Known { failed, .. } => failed.map(|FailedTry { at_ms, why }| History::Failed { at_ms, why }),
        }
    }

    /// A history that is ready.
    pub fn ready(&self, station: &str, partition: u32) -> Option<Arc<Replay>> {
        self.shared.0.lock().find(station, partition)?.ready.clone()
    }

    /// Ends what runs, and takes nothing more.
    pub fn stop(&self) {
        self.change(|state| {
            state.ended = true;
            state.watch.cancel();
        });
    }

    fn change<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let result = change(&mut self.shared.0.lock());
        self.shared.1.notify_all();
        result
    }
}

impl State {
    fn find(&self, station: &str, partition: u32) -> Option<&Known> {
        self.histories
            .iter()
            .find(|((name, number), _)| name == station && *number == partition)
            .map(|(_, known)| known)
    }

    fn find_mut(&mut self, key: &Key) -> Option<&mut Known> {
        self.histories.iter_mut().find(|(known, _)| known == key).map(|(_, known)| known)
    }

    /// The next of the jobs that a client waits for; all of them go before an audit.
    fn next_short(&mut self) -> Option<Job> {
        if std::mem::take(&mut self.wants_earlier) {
            return Some(Job::Earlier);
        }
        self.queue.pop_front().map(Job::History)
    }

    fn next(&mut self) -> Option<Job> {
        self.next_short().or_else(|| std::mem::take(&mut self.wants_audit).then_some(Job::Audit))
    }
}

fn ready(station: &str, replay: &Replay, refreshing: bool, failed: Option<FailedTry>) -> History {
    let series = replay.series(station);
    let months = series.map(Series::months).unwrap_or_default();
    let years = series.map(Series::years).unwrap_or_default();
    let month =
        |Month { year, month, count, average, min, max }| answers::Month { year, month, count, average, min, max };
    let year = |Year { year, count, average, min, max }| answers::Year { year, count, average, min, max };
    History::Ready {
        from_offset: replay.from_offset(),
        offset: replay.offset(),
        lost_records: replay.lost_records(),
        lost_reason: replay.lost_reason(),
        refreshing,
        failed,
        months: months.into_iter().map(month).collect(),
        years: years.into_iter().map(year).collect(),
    }
}

#[cfg(test)]
#[path = "replays_tests.rs"]
mod tests;
