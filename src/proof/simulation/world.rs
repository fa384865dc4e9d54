//! The log and the disk, which outlive a process, and a life of the process between them.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::iter;
use std::ops::Range;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::draw::HEARTBEAT_MS;
use super::plan::{EndsBy, Foreign, Plan, PlannedLife, PlannedTrouble, TOPIC};
use super::trace;
use crate::failure::{Failure, Kind};
use crate::log::{RecordLog, TopicSpec};
use crate::partition::{StateFiles, Windows};
use crate::pipeline::{Environment, Summary, run_trees};
use crate::points::{FaultPoints, Planned};
use crate::progress::Progress;
use crate::proof::FaultyDisk;
use crate::proof::invariants::{FolderFiles, Invariant, Violation, writers};
use crate::proof::simulated::{SimulatedDisk, SimulatedLog, SimulatedSourceDisk};
use crate::supervision::Spawn;
use crate::supervision::actor::System;

/// Virtual time after which a life that should have ended hangs.
const DEADLINE: Duration = Duration::from_secs(600);

thread_local! {
    /// Draws how long each call of a worker takes: from a range of milliseconds, and one of so many far longer.
    static CALLS: RefCell<Option<(ChaCha8Rng, Range<u64>, u32)>> = const { RefCell::new(None) };
    static WRITE_HUNG: Cell<bool> = const { Cell::new(false) };
}

fn latency() -> Duration {
    CALLS.with_borrow_mut(|calls| {
        let (random, latency_ms, slow_call_of) = calls.as_mut().expect("a life has begun");
        let slow = *slow_call_of > 0 && random.random_ratio(1, *slow_call_of);
        let latency_ms = random.random_range(latency_ms.clone());
        Duration::from_millis(if slow { 3 * HEARTBEAT_MS + latency_ms } else { latency_ms })
    })
}

pub struct World {
    pub log: SimulatedLog,
    pub disk: SimulatedDisk,
    pub source_disk: SimulatedSourceDisk,
    /// A topic that is no more.
    pub gone: Option<GoneTopic>,
}

/// A topic that was deleted and made again.
pub struct GoneTopic {
    pub log: SimulatedLog,
    /// At that time, but those that a later power cut took.
    pub files: FolderFiles,
}

/// How a life went.
pub struct SimulatedLife {
    pub end: LifeEnd,
    pub progress: Progress,
    pub fired: Vec<Planned>,
    pub virtual_ms: u64,
    /// Disk operations.
    pub operations: usize,
}

impl SimulatedLife {
    /// Restarts of all branches.
    pub fn restarts(&self) -> u64 {
        self.progress.branches().restarts(|_| true)
    }
}

pub enum LifeEnd {
    ByItself(Result<Summary, Failure>),
    Killed,
    PowerCut,
    /// It did not end.
    Hangs,
}

impl World {
    pub fn new(plan: &Plan) -> Self {
        let world = Self {
            log: SimulatedLog::without_waiting(TOPIC),
            disk: SimulatedDisk::new(plan.page_bytes),
            source_disk: SimulatedSourceDisk::default(),
            gone: None,
        };
        plan.files.iter().for_each(|file| file.make(&world.source_disk));
        plan.give_stream(&world.source_disk);
        if plan.topic_exists {
            let partitions = plan.settings.log.partitions;
            let spec = TopicSpec { partitions, replication: 1, retention_ms: -1 };
            world.log.create_topic(&spec).expect("the topic is new");
            write(&world.log, &plan.written);
        }
        world
    }

    /// The log with this id, whether its topic is gone or not.
    pub fn log_of(&self, log_id: &str) -> Result<&dyn RecordLog, Violation> {
        let mut every = iter::once(&self.log).chain(self.gone.as_ref().map(|gone| &gone.log));
        let found = every.find(|log| log.log_id().is_ok_and(|found| found.as_deref() == Some(log_id)));
        found.map(|log| log as _).ok_or_else(|| {
            Invariant::FilesEqualReplay.violated(format!("a file is of the log {log_id}, which never was"))
        })
    }

    /// Runs the trees on this world until they end, or something ends them.
    pub fn live(&mut self, plan: &Plan, life: &PlannedLife, seed: u64) -> Result<SimulatedLife, Violation> {
        WRITE_HUNG.set(false);
        plan.give_stream(&self.source_disk);
        CALLS.set(Some((ChaCha8Rng::seed_from_u64(seed), plan.latency_ms.clone(), life.slow_call_of)));
        if let Some((operations, fault)) = &life.disk_fault {
            self.disk.fail(operations.clone(), *fault);
        }
        if let Some(EndsBy::PowerCut(operation) | EndsBy::Killed(operation)) = life.ends_by {
            self.disk.crash_at(operation);
        }
        let faults = FaultPoints::new(life.faults.clone()).expect("the points are known");
        let mut environment = (plan.environment)(Environment {
            log: Arc::new(self.log.clone()),
            disk: Arc::new(self.disk.clone()),
            state: StateFiles::Folder(plan.settings.state.dir.clone()),
            source_disk: Arc::new(self.source_disk.clone()),
            spawn: Spawn::Inline { latency },
            faults: faults.clone(),
            progress: Progress::new(&plan.partitions().collect::<Vec<_>>()),
            windows: Windows::default(),
            new_source_id: || "simulated".to_owned(),
            seed,
            on_hung: |_| WRITE_HUNG.set(true),
            settings: Arc::new(plan.settings.clone()),
        });
        environment.disk = FaultyDisk::over(environment.disk, &faults);
        let progress = environment.progress.clone();
        let system = System::in_virtual_time();
        let (end, virtual_ms) = system.block_on(self.run(life, environment));
        if !matches!(end, LifeEnd::ByItself(_)) {
            // Nothing that is dropped now writes.
            self.disk.crash();
        }
        drop(system);
        Invariant::OnlyOwnersWrite
            .require(!WRITE_HUNG.get(), || "a write waited for another one, on one thread".to_owned())?;
        writers::entitled(&self.disk.renames())?;
        let operations = self.disk.operations();
        self.disk = match end {
            LifeEnd::PowerCut => self.disk.after_power_cut(seed),
            _ => self.disk.after_process(),
        };
        // The troubles of the log end with the life.
        self.log.stall(false);
        while self.log.topic().is_err() {}
        Ok(SimulatedLife { end, progress, fired: faults.fired(), virtual_ms, operations })
    }

    async fn run(&mut self, life: &PlannedLife, environment: Environment) -> (LifeEnd, u64) {
        let begun = Instant::now();
        trace::life_began(Some(begun));
        let stop = Arc::new(watch::Sender::new(false));
        let disk = self.disk.clone();
        let mut troubles = pin!(self.trouble(life, stop.clone(), begun));
        let mut trees = pin!(run_trees(life.job.clone(), environment, stop));
        let end = poll_fn(|waker| {
            if let Poll::Ready(end) = troubles.as_mut().poll(waker) {
                return Poll::Ready(end);
            }
            let trees = if disk.is_powerless() { Poll::Pending } else { trees.as_mut().poll(waker) };
            match life.ends_by {
                Some(EndsBy::PowerCut(_)) if disk.is_powerless() => Poll::Ready(LifeEnd::PowerCut),
                _ if disk.is_powerless() => Poll::Ready(LifeEnd::Killed),
                _ => trees.map(LifeEnd::ByItself),
            }
        });
        let end = end.await;
        trace::life_began(None);
        (end, begun.elapsed().as_millis() as u64)
    }

    /// Makes each planned trouble when it is time. Ends only with the process.
    async fn trouble(&mut self, life: &PlannedLife, stop: Arc<watch::Sender<bool>>, begun: Instant) -> LifeEnd {
        for (at_ms, trouble) in &life.troubles {
            sleep_until(begun + Duration::from_millis(*at_ms)).await;
            tracing::info!(?trouble, "trouble");
            match trouble {
                PlannedTrouble::Written(records) => write(&self.log, records),
                PlannedTrouble::Changed(file) => file.make(&self.source_disk),
                PlannedTrouble::LogStalls => self.log.stall(true),
                PlannedTrouble::LogFlows => self.log.stall(false),
                PlannedTrouble::LogFails(calls) => {
                    let failure = Failure::retryable(Kind::Unavailable, "the log is away");
                    self.log.fail_next(&failure, *calls);
                }
                PlannedTrouble::Unheard(unheard) => self.log.do_not_hear(*unheard),
                PlannedTrouble::Recreated => self.recreate(),
                PlannedTrouble::Signal => drop(stop.send_replace(true)),
                PlannedTrouble::Killed => return LifeEnd::Killed,
            }
        }
        sleep(DEADLINE).await;
        LifeEnd::Hangs
    }

    fn recreate(&mut self) {
        self.log.stall(false);
        while self.log.topic().is_err() {}
        if self.log.topic().is_ok_and(|topic| topic.is_some()) {
            self.gone = Some(GoneTopic { log: self.log.recreate(), files: self.disk.files() });
        }
    }
}

fn write(log: &SimulatedLog, records: &[Foreign]) {
    while log.topic().is_err() {}
    if log.topic().is_ok_and(|topic| topic.is_none()) {
        return;
    }
    for record in records {
        match record {
            Foreign::Record { partition, key, value } => {
                log.append(*partition, key.as_deref(), value.as_deref());
            }
            Foreign::Gap { partition, offsets } => log.leave_gap(*partition, *offsets),
        }
    }
}
