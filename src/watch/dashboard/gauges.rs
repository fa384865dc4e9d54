//! The process in numbers, as they are now.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::web;
use parking_lot::Mutex;
use tokio::time::timeout;

use super::clock::{Clock, milliseconds, now_ms};
use super::quarantine::Quarantine;
use super::stations::StationTable;
use crate::partition::StateFiles;
use crate::progress::{self, Condition, Progress, Rate};
use crate::settings::Settings;
use crate::watch::wire::{
    Actor, Branch, Commit, Crash, LifeState, Overview, Partition, Partitions, Ready, Source, Supervision,
};

/// From a disk that takes longer nothing new is shown for now.
const READ_MAX: Duration = Duration::from_secs(1);

/// Which process this is, and how fast its numbers grow.
pub struct Gauges {
    pub instance: String,
    log: String,
    progress: Progress,
    settings: Arc<Settings>,
    state: StateFiles,
    clock: Mutex<Clock>,
    quarantine: Arc<Quarantine>,
    rates: Mutex<Rates>,
}

#[derive(Default)]
struct Rates {
    partitions: BTreeMap<u32, (Rate, u64)>,
    readings: (Rate, u64),
}

impl Gauges {
    pub fn new(settings: Arc<Settings>, log: &str, state: StateFiles, progress: Progress) -> Self {
        Self {
            instance: uuid::Uuid::new_v4().to_string(),
            log: log.to_owned(),
            progress,
            settings,
            state,
            clock: Mutex::new(Clock::start()),
            quarantine: Arc::default(),
            rates: Mutex::default(),
        }
    }

    pub fn clock(&self) -> Clock {
        *self.clock.lock()
    }

    /// Reads what is new in the files of rejected records. A disk can be slow, so a thread of its own reads them.
    pub async fn read_rejected(&self) {
        let partitions = self.progress.partitions();
        let some: Vec<u32> =
            partitions.filter(|(_, one)| !one.rejected_held().is_empty()).map(|(number, _)| number).collect();
        if !some.is_empty() {
            let (quarantine, state) = (self.quarantine.clone(), self.state.clone());
            let read = web::block(move || some.into_iter().for_each(|number| quarantine.read(&state, number)));
            // Lines that are not read in time are shown the next time.
            drop(timeout(READ_MAX, read).await);
        }
    }

    /// Measures how fast the numbers grow; called about once a second, or more often.
    pub fn sample(&self, now: Instant) {
        self.clock.lock().follow();
        let rates = &mut *self.rates.lock();
        for (number, partition) in self.progress.partitions() {
            let (rate, per_second) = rates.partitions.entry(number).or_default();
            *per_second = rate.sample(now, partition.records.get());
        }
        let (rate, per_second) = &mut rates.readings;
        *per_second = rate.sample(now, self.progress.source().readings.get());
    }

    pub fn overview(&self, table: &StationTable, in_several_partitions: u64, ended: Option<String>) -> Overview {
        let partitions = || self.progress.partitions().map(|(_, partition)| partition);
        let source = self.progress.source();
        let rates = self.rates.lock();
        Overview {
            instance: self.instance.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            now_ms: now_ms(),
            started_at_ms: self.clock().unix_ms(self.progress.started()),
            log: self.log.clone(),
            state_dir: self.state.name(),
            stations_total: table.stations_total,
            in_several_partitions,
            counted: table.counted,
            records_per_second: rates.partitions.values().map(|(_, per_second)| per_second).sum(),
            lag: partitions().map(progress::PartitionProgress::uncommitted).sum(),
            rejected: partitions().map(|partition| partition.rejected_held().values().sum::<u64>()).sum(),
            restarts: self.progress.branches().restarts(|_| true),
            failed: self.progress.branches().failures(|_| true),
            stations_version: table.version,
            source: self.has_source().then(|| Source {
                readings: source.readings.get(),
                readings_per_second: rates.readings.1,
                bytes: source.bytes.get(),
                bytes_total: Some(source.bytes_total.get()).filter(|&bytes| bytes > 0),
                bad_lines: source.bad_lines.get(),
                skipped_quality: source.skipped_quality.get(),
                revised: source.revised.get(),
                withdrawn: source.withdrawn.get(),
                possible_repeats: source.possible_repeats.get(),
                compared_records: source.compared.get(),
                to_compare_records: Some(source.to_compare.get()).filter(|&records| records > 0),
            }),
            ended,
        }
    }

    fn has_source(&self) -> bool {
        self.progress.branches().status(progress::Branch::Ingest).is_some()
    }

    /// The first `max` partitions.
    pub fn partitions(&self, max: usize) -> Partitions {
        let all = self.progress.partitions();
        let partitions: Vec<_> = all.take(max).map(|(number, progress)| self.partition(number, progress)).collect();
        let more = self.progress.partitions().count() - partitions.len();
        Partitions { partitions, more: Some(more).filter(|&more| more > 0) }
    }

    fn partition(&self, number: u32, progress: &progress::PartitionProgress) -> Partition {
        let branch = self.progress.branches().status(progress::Branch::Partition(number));
        let (condition, epoch, restarts) =
            branch.map_or((Condition::Starting, 0, 0), |branch| (branch.condition, branch.epoch, branch.restarts));
        let interval_ms = progress.commit_interval_ms.get();
        let rejected = progress.rejected_held();
        let rejected_total = rejected.values().sum();
        let last_commit = progress.last_commit();
        Partition {
            partition: number,
            state: LifeState::from(condition),
            epoch,
            restarts,
            position: progress.position.get(),
            end: progress.end.get(),
            hidden: progress.hidden.get(),
            committed: progress.committed.get(),
            lag: progress.uncommitted(),
            records: progress.records.get(),
            records_per_second: self.rates.lock().partitions.get(&number).map_or(0, |(_, per_second)| *per_second),
            stations: (interval_ms > 0).then(|| progress.stations.get()),
            commit: Commit {
                committed_at_ms: last_commit.map(|(at, _)| self.clock().unix_ms(at)),
                took_ms: last_commit.map(|(_, took)| milliseconds(took)),
                interval_ms,
            },
            rejected: rejected.iter().map(|(reason, &records)| (reason.name().to_owned(), records)).collect(),
            rejected_total,
            last_rejected: self.quarantine.newest(number),
            rejected_unkept: progress.rejected_unkept.get(),
        }
    }

    /// The first `max` branches, and so many crashes.
    pub fn supervision(&self, max: usize, crashes_max: usize) -> Supervision {
        let board = self.progress.branches();
        let statuses = board.statuses();
        let more = statuses.len().saturating_sub(max);
        let crashes = board.crashes().into_iter().take(crashes_max).map(|crash| Crash {
            id: crash.id,
            at_ms: self.clock().unix_ms(crash.at),
            branch: crash.branch.to_string(),
            actor: crash.actor,
            cause: crash.cause,
            resumed_from: crash.resumed_from,
            replayed: crash.replayed,
            took_ms: crash.took.map(milliseconds),
            outcome: crash.outcome.into(),
        });
        Supervision {
            restarts_max: self.settings.supervision.restarts_max,
            window_ms: self.settings.supervision.window_ms,
            branches: statuses.iter().take(max).map(branch).collect(),
            crashes: crashes.collect(),
            more: Some(more).filter(|&more| more > 0),
        }
    }

    /// Whether every branch works, or has ended well, and no partition is further behind than the settings allow.
    pub fn ready(&self) -> Ready {
        let mut why = Vec::new();
        for (branch, status) in self.progress.branches().statuses() {
            let state = LifeState::from(status.condition);
            if !state.is_well() {
                let reason = status.failure.as_ref().or(status.waiting_for.as_ref());
                why.push(reason.map_or(format!("{branch} is {state}"), |reason| format!("{branch}: {reason}")));
            }
        }
        let lag_max = self.settings.web.ready_lag_max;
        for (number, partition) in self.progress.partitions() {
            if self.progress.branches().status(progress::Branch::Partition(number)).is_none() {
                why.push(format!("partition {number} has not started"));
            }
            let lag = partition.uncommitted();
            if lag > lag_max {
                why.push(format!("partition {number} is {lag} records behind, web.ready_lag_max is {lag_max}"));
            }
        }
        Ready { ready: why.is_empty(), why }
    }
}

fn branch((name, status): &(progress::Branch, Arc<progress::BranchStatus>)) -> Branch {
    let actor = |actor: &progress::ActorStatus| Actor {
        name: actor.name.to_owned(),
        state: LifeState::from(actor.condition),
        mailbox_wait_us: actor.mailbox_wait.map(|wait| wait.as_micros() as u64),
        restarts: actor.restarts,
    };
    Branch {
        branch: name.to_string(),
        state: LifeState::from(status.condition),
        epoch: status.epoch,
        restarts: status.restarts,
        budget_left: status.budget_left,
        waiting_for: status.waiting_for.clone(),
        failure: status.failure.clone(),
        actors: status.actors.iter().map(actor).collect(),
    }
}
