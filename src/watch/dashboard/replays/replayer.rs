//! Does the jobs, one after the other.

use std::ops::ControlFlow;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use super::backlog::{Backlog, Key, ReplayJob, RunningAudit};
use crate::failure::{Failure, Kind};
use crate::log::{RangePace, RecordLog, Throttle, Watch};
use crate::partition::StateFiles;
use crate::progress::Progress;
use crate::retold::audit::Audited;
use crate::retold::history::Replay;
use crate::supervision::panic;
use crate::watch::dashboard::clock::now_ms;
use crate::watch::dashboard::priority;
use crate::watch::wire::{AuditResult, AuditedPartition, FailedTry};

/// Share of its time in which the thread reads.
const SHARE: f64 = 0.25;

/// What it needs for that.
pub struct Replayer {
    /// Of the log that was counted.
    pub topic: String,
    pub state: StateFiles,
    pub log: Arc<dyn RecordLog>,
    pub progress: Progress,
    pub backlog: Arc<(Mutex<Backlog>, Condvar)>,
}

impl Replayer {
    pub fn work(&self) {
        priority::lower(priority::LOWEST);
        loop {
            let mut backlog = self.backlog.0.lock();
            let job = loop {
                if backlog.ended {
                    return;
                }
                match backlog.next() {
                    Some(job) => break job,
                    None => self.backlog.1.wait(&mut backlog),
                }
            };
            drop(backlog);
            self.run(job);
        }
    }

    /// The next job is taken also when this one fails or panics.
    fn run(&self, job: ReplayJob) {
        let watch = Watch::default();
        {
            let mut backlog = self.backlog.0.lock();
            if backlog.ended {
                return;
            }
            backlog.watch = watch.clone();
        }
        let pace = RangePace::new(Throttle::new(SHARE), watch.clone());
        match job {
            ReplayJob::History(key) => {
                let replayed = panic::catch(|| self.replay(&pace, &key));
                let mut backlog = self.backlog.0.lock();
                // So many others may have been asked for since that it is forgotten.
                let Some(known) = backlog.find_mut(&key) else { return };
                known.running = None;
                match replayed {
                    Ok(Ok(replay)) => known.ready = Some(Arc::new(replay)),
                    Ok(Err(failure)) => known.failed = Some(failed(failure.to_string())),
                    Err(message) => known.failed = Some(panicked("the replay of a history", &message)),
                }
            }
            ReplayJob::Audit => {
                let result = panic::catch(|| self.audit(&pace, watch));
                let mut backlog = self.backlog.0.lock();
                backlog.audit = None;
                match result {
                    Ok(result) => (backlog.last_audit, backlog.failed_audit) = (Some(Arc::new(result)), None),
                    Err(message) => backlog.failed_audit = Some(panicked("an audit", &message)),
                }
            }
        }
    }

    /// Between two partitions those get their turn who wait for a history.
    fn audit(&self, pace: &RangePace, watch: Watch) -> AuditResult {
        let partitions = || self.progress.partitions();
        let start = |number| self.log.extent(number).map_or(0, |extent| extent.start);
        let total = partitions().map(|(number, one)| one.committed.get().saturating_sub(start(number))).sum();
        let started_at_ms = now_ms();
        self.backlog.0.lock().audit = Some(RunningAudit { started_at_ms, watch: watch.clone(), total });
        let mut audited = Vec::new();
        for (number, one) in partitions() {
            loop {
                // The backlog is not held while a history is told.
                let waiting = self.backlog.0.lock().queue.pop_front();
                let Some(key) = waiting else { break };
                self.run(ReplayJob::History(key));
            }
            self.backlog.0.lock().watch = watch.clone();
            let found = Audited::now(&*self.log, pace, &self.topic, &self.state, number);
            if let Some(repeats) = found.repeats() {
                one.audited_repeats_same.set(repeats.same);
                one.audited_repeats_other.set(repeats.other);
            }
            audited.push(found);
        }
        let worst = audited.iter().max_by_key(|audited| audited.badness());
        AuditResult {
            started_at_ms,
            finished_at_ms: now_ms(),
            result: worst.map_or("verified", Audited::name).to_owned(),
            partitions: audited.iter().map(audited_partition).collect(),
        }
    }

    /// The station's series up to what is committed now.
    fn replay(&self, pace: &RangePace, key: &Key) -> Result<Replay, Failure> {
        let (station, partition) = key;
        let file = self.state.read(*partition)?;
        let file = file.ok_or_else(|| {
            Failure::fatal(Kind::Data, format!("nothing of partition {partition} is committed yet")).advice("try again")
        })?;
        let checkpoint = file.parse(*partition)?;
        let before = self.backlog.0.lock().find(station, *partition).and_then(|known| known.ready.clone());
        let mut replay = match before {
            Some(before) => {
                let mut replay = Replay::clone(&before);
                replay.set_gaps(checkpoint.state.gaps.clone());
                replay
            }
            None => Replay::new((&checkpoint).into(), [station.clone()]),
        };
        let mut tell = |done, total| {
            if let Some(known) = self.backlog.0.lock().find_mut(key) {
                known.running = Some((done, total));
            }
            ControlFlow::Continue(())
        };
        // It ends early only by a failure: the watch makes one of a cancelled read.
        let _ = replay.advance(&*self.log, pace, checkpoint.state.next_offset, &mut tell)?;
        Ok(replay)
    }
}

fn failed(why: String) -> FailedTry {
    FailedTry { at_ms: now_ms(), why }
}

/// An error in isotherm: also said in the log, where a report of it begins.
fn panicked(what: &str, message: &str) -> FailedTry {
    tracing::error!(cause = message, "{what} panicked");
    failed(format!("{what} panicked: {message}"))
}

fn audited_partition(audited: &Audited) -> AuditedPartition {
    AuditedPartition {
        partition: audited.partition,
        result: audited.name().to_owned(),
        text: audited.text(),
        details: serde_json::to_value(audited).expect("findings are texts and numbers"),
    }
}
