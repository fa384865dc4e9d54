//! Audits and histories: what is told by replaying the log, in the background and below the live path.
//!
//! One thread does one after the other, at the lowest priority and at a share of its time; how many wait is bounded.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread;

use parking_lot::{Condvar, Mutex};

use super::answers::{self, AuditResult, AuditRunning, AuditedPartition, History};
use super::clock::now_ms;
use super::priority;
use crate::actors::{Passed, Windows};
use crate::audit::Audited;
use crate::checkpoint::PartitionFile;
use crate::faults::{Failure, Kind};
use crate::history::{Month, Origin, Replay, Series, Year};
use crate::log::{RangeReader, RecordLog, Throttle, ThrottledLog, Watch};
use crate::observe::Progress;
use crate::settings::Settings;
use crate::supervision::panic;

/// Share of its time in which the thread reads.
const SHARE: f64 = 0.25;
/// Records of a partition that are looked through for readings from before this process.
const EARLIER_MAX: u64 = 2_000;
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
    /// Set when somebody asked for them.
    wants_earlier: bool,
    wants_audit: bool,
    /// Those that wait for their turn, each once.
    queue: VecDeque<Key>,
    ended: bool,
    /// From the request on.
    audit: Option<Running>,
    last_audit: Option<Arc<AuditResult>>,
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
#[derive(Default)]
struct Known {
    ready: Option<Arc<Replay>>,
    /// Records that were read, and of how many.
    running: Option<(u64, u64)>,
    failure: Option<String>,
}

/// Why nothing was begun.
pub enum Refused {
    /// There is one under way.
    Busy,
    /// Too many wait, or the server ends.
    Full,
}

/// Does the jobs.
struct Worker {
    settings: Arc<Settings>,
    log: Arc<dyn RecordLog>,
    progress: Progress,
    windows: Windows,
    shared: Arc<(Mutex<State>, Condvar)>,
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
        drop(thread.spawn(move || worker.work()).map_err(|error| {
            Failure::fatal(Kind::Internal, format!("the thread isotherm-replay could not be started: {error}"))
        })?);
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
        let last = state.last_audit.clone();
        drop(state);
        let last = last.map(|last| AuditResult {
            partitions: last.partitions.iter().take(max).cloned().collect(),
            ..AuditResult::clone(&last)
        });
        answers::Audit { running, last }
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
            state.histories.push_front((key, Known { running: Some((0, 0)), failure: None, ..known }));
            state.histories.truncate(HISTORIES_MAX);
            Ok(())
        })
    }

    /// As far as it is known; `None` if nobody asked for it, or that was long ago.
    pub fn history(&self, station: &str, partition: u32) -> Option<History> {
        let state = self.shared.0.lock();
        let known = state.find(station, partition)?;
        Some(match known {
            Known { ready: Some(replay), running, .. } => ready(station, replay, running.is_some()),
            Known { running: Some((done, total)), .. } => History::Running { done: *done, total: *total },
            Known { failure, .. } => History::Failed { why: failure.clone().unwrap_or_default() },
        })
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

    /// What somebody waits for before it.
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

fn ready(station: &str, replay: &Replay, refreshing: bool) -> History {
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
        months: months.into_iter().map(month).collect(),
        years: years.into_iter().map(year).collect(),
    }
}

impl Worker {
    fn work(&self) {
        priority::lower(priority::LOWEST);
        loop {
            let mut state = self.shared.0.lock();
            let job = loop {
                if state.ended {
                    return;
                }
                match state.next() {
                    Some(job) => break job,
                    None => self.shared.1.wait(&mut state),
                }
            };
            drop(state);
            self.run(job);
        }
    }

    /// Whatever becomes of one job, there is a next one.
    fn run(&self, job: Job) {
        let watch = Watch::default();
        {
            let mut state = self.shared.0.lock();
            if state.ended {
                return;
            }
            state.watch = watch.clone();
        }
        let log = ThrottledLog::new(self.log.clone(), Throttle::new(SHARE), watch.clone());
        match job {
            Job::Earlier => {
                // Nobody misses what is not found.
                drop(panic::catch(|| self.earlier(&log)));
            }
            Job::History(key) => {
                let replayed = panic::catch(|| self.replay(&log, &key));
                let mut state = self.shared.0.lock();
                // So many others may have been asked for since that it is forgotten.
                let Some(known) = state.find_mut(&key) else { return };
                known.running = None;
                match replayed {
                    Ok(Ok(replay)) => known.ready = Some(Arc::new(replay)),
                    Ok(Err(failure)) => known.failure = Some(failure.to_string()),
                    Err(message) => known.failure = Some(format!("it panicked: {message}")),
                }
            }
            Job::Audit => {
                let result = panic::catch(|| self.audit(&log, watch));
                let mut state = self.shared.0.lock();
                state.audit = None;
                match result {
                    Ok(result) => state.last_audit = Some(Arc::new(result)),
                    Err(message) => tracing::error!(cause = message, "an audit panicked"),
                }
            }
        }
    }

    /// What was committed before this process, the last of it. A log that is away is of no interest here.
    fn earlier(&self, log: &ThrottledLog) {
        for (partition, window) in self.windows.iter() {
            let to = self.progress.partition(partition).committed();
            let from = to.saturating_sub(EARLIER_MAX);
            let Ok(from) = log.extent(partition).map(|extent| extent.start.max(from)) else { continue };
            let Ok(mut range) = RangeReader::open(log, partition, from, to) else { continue };
            let mut passed = Vec::new();
            while let Ok(Some((records, _))) = range.next_batch() {
                passed.extend(Passed::among(records, &self.settings.quality));
            }
            passed.reverse();
            window.set_earlier(passed);
        }
    }

    /// Between two partitions those get their turn who wait for a history.
    fn audit(&self, log: &ThrottledLog, watch: Watch) -> AuditResult {
        let partitions = || self.progress.partitions();
        let start = |number| log.extent(number).map_or(0, |extent| extent.start);
        let total = partitions().map(|(number, one)| one.committed().saturating_sub(start(number))).sum();
        let started_at_ms = now_ms();
        self.shared.0.lock().audit = Some(Running { started_at_ms, watch: watch.clone(), total });
        let mut audited = Vec::new();
        for (number, _) in partitions() {
            loop {
                let job = self.shared.0.lock().next_short();
                match job {
                    Some(job) => self.run(job),
                    None => break,
                }
            }
            self.shared.0.lock().watch = watch.clone();
            audited.push(Audited::now(log, &self.settings, number));
        }
        let worst = audited.iter().max_by_key(|audited| audited.badness());
        AuditResult {
            started_at_ms,
            finished_at_ms: now_ms(),
            result: worst.map_or("verified", Audited::name),
            partitions: audited.iter().map(audited_partition).collect(),
        }
    }

    /// The station's series up to what is committed now.
    fn replay(&self, log: &ThrottledLog, key: &Key) -> Result<Replay, Failure> {
        let (station, partition) = key;
        let file = PartitionFile::read(&self.settings.state.dir, *partition)?;
        let file = file.ok_or_else(|| {
            Failure::fatal(Kind::Data, format!("nothing of partition {partition} is committed yet")).advice("try again")
        })?;
        let checkpoint = file.parse(*partition)?;
        let (identity, state) = (checkpoint.identity, checkpoint.state);
        let before = self.shared.0.lock().find(station, *partition).and_then(|known| known.ready.clone());
        let mut replay = match before {
            Some(before) => {
                let mut replay = Replay::clone(&before);
                replay.set_gaps(state.gaps);
                replay
            }
            None => {
                let origin = Origin {
                    log_id: identity.log_id,
                    partition: *partition,
                    rules: state.rules,
                    first_offset: state.first_offset,
                    gaps: state.gaps,
                };
                Replay::new(origin, [station.clone()])
            }
        };
        let mut tell = |done, total| {
            if let Some(known) = self.shared.0.lock().find_mut(key) {
                known.running = Some((done, total));
            }
            ControlFlow::Continue(())
        };
        // It ends early only by a failure: the watch makes one of a cancelled read.
        let _ = replay.advance(log, state.next_offset, &mut tell)?;
        Ok(replay)
    }
}

fn audited_partition(audited: &Audited) -> AuditedPartition {
    AuditedPartition {
        partition: audited.partition,
        result: audited.name(),
        text: audited.text(),
        details: serde_json::to_value(audited).expect("findings are texts and numbers"),
    }
}
