//! A log, a state folder and settings, and the pipeline over them in this process.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use isotherm::domain::{Day, Reading};
use isotherm::durable::RealDisk;
use isotherm::failure::Failure;
use isotherm::log::partitioner::partition_of;
use isotherm::log::{RecordLog, TopicSpec};
use isotherm::partition::{StateFiles, Windows};
use isotherm::pipeline::{End, Environment, Job, Summary, run_trees};
use isotherm::progress::Progress;
use isotherm::proof::FaultyDisk;
use isotherm::proof::simulated::SimulatedLog;
use isotherm::settings::{Settings, Sources, fault_points, load};
use isotherm::source::disk::MachineDisk;
use isotherm::source::simulate::station_name;
use isotherm::supervision::actor::System;
use isotherm::supervision::{Spawn, panic};
use tempfile::TempDir;
use tokio::sync::watch;

/// No run of these tests takes longer.
pub const DEADLINE: Duration = Duration::from_secs(60);
pub const PARTITIONS: u32 = 4;

pub struct Fixture {
    pub folder: TempDir,
    pub log: SimulatedLog,
    /// Each `KEY=VALUE`, on top of the quick ones below.
    pub sets: Vec<String>,
}

impl Fixture {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            log: SimulatedLog::new("temperatures"),
            sets: Vec::new(),
        }
    }

    /// With a topic that holds readings of ten stations, and poison among them.
    pub fn with_records(days: u32) -> Self {
        let fixture = Self::new();
        fixture.create_topic();
        fixture.write(0..days);
        fixture
    }

    /// Another state folder over the same log.
    pub fn beside(&self) -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), log: self.log.clone(), sets: self.sets.clone() }
    }

    pub fn create_topic(&self) {
        let spec = TopicSpec { partitions: PARTITIONS, replication: 1, retention_ms: -1 };
        self.log.create_topic(&spec).expect("the topic is new");
    }

    pub fn write(&self, days: std::ops::Range<u32>) {
        for day in days {
            for station in 0..10 {
                let name = station_name(station);
                let reading = reading(&name, station, day);
                let mut value = Vec::new();
                reading.encode(&mut value);
                let key = reading.station_id.as_bytes();
                let partition = partition_of(key, PARTITIONS);
                self.log.append(partition, Some(key), Some(&value));
                match (day * 10 + station) % 37 {
                    3 => drop(self.log.append(partition, Some(key), Some(&value))),
                    11 => drop(self.log.append(partition, None, None)),
                    19 => drop(self.log.append(partition, Some(key), Some(&value[..value.len() / 2]))),
                    29 => self.log.leave_gap(partition, 2),
                    _ => {}
                }
            }
        }
    }

    pub fn set(mut self, set: impl Into<String>) -> Self {
        self.sets.push(set.into());
        self
    }

    pub fn settings(&self) -> Settings {
        let mut sets: Vec<String> = [
            "log.kind=memory",
            "consume.commit_interval_ms=2",
            "consume.commit_share_max=1",
            "consume.batch_records=40",
            "produce.batch_records=40",
            "source.simulate.pace_ms=0",
            "source.simulate.days=120",
            "supervision.backoff_min_ms=1",
            "supervision.backoff_max_ms=20",
            "supervision.restarts_max=20",
        ]
        .map(str::to_owned)
        .to_vec();
        sets.push(format!("state.dir={}", self.folder.path().display()));
        sets.extend(self.sets.clone());
        load(&Sources { file: None, sets }, std::iter::empty()).expect("the settings are good").settings
    }

    pub fn environment(&self) -> Environment {
        let settings = self.settings();
        let faults = fault_points(&settings).expect("the plan is good");
        Environment {
            log: Arc::new(self.log.clone()),
            disk: FaultyDisk::over(Arc::new(RealDisk), &faults),
            source_disk: Arc::new(MachineDisk::default()),
            new_source_id: || "a test".to_owned(),
            spawn: Spawn::Threads,
            faults,
            progress: Progress::new(&(0..PARTITIONS).collect::<Vec<_>>()),
            state: StateFiles::Folder(settings.state.dir.clone()),
            windows: Windows::default(),
            seed: 1,
            on_hung: |waited| panic!("a write hangs for {waited:?}"),
            settings: Arc::new(settings),
        }
    }

    pub fn start(&self, job: Job) -> Running {
        Running::start(job, self.environment())
    }

    pub fn run(&self, job: Job) -> Result<Summary, Failure> {
        self.start(job).end()
    }

    /// Runs the job, which must go well.
    pub fn run_well(&self, job: Job) -> Summary {
        let summary = self.run(job).expect("the trees start");
        assert!(summary.failures.is_empty() && summary.laggards.is_empty(), "{summary:?}");
        summary
    }

    /// The failure that the one failing branch ended with.
    pub fn failure(&self, job: Job) -> Failure {
        let mut failures = self.run(job).expect("the trees start").failures;
        assert_eq!(failures.len(), 1, "{failures:?}");
        failures.remove(0).1
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Every file of results, by name.
    pub fn results(&self) -> BTreeMap<String, Vec<u8>> {
        results(self.folder.path())
    }
}

pub fn results(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let names = std::fs::read_dir(folder).expect("the folder is there");
    names
        .map(|entry| entry.expect("it is listed").file_name().into_string().expect("ASCII"))
        .filter(|name| name.starts_with("partition-") && !name.ends_with(".lock"))
        .map(|name| {
            let bytes = std::fs::read(folder.join(&name)).expect("it can be read");
            (name, bytes)
        })
        .collect()
}

/// A pipeline on a thread of its own.
pub struct Running {
    pub stop: Arc<watch::Sender<bool>>,
    pub environment: Environment,
    ended: mpsc::Receiver<Result<Summary, Failure>>,
}

impl Running {
    pub fn start(job: Job, environment: Environment) -> Self {
        panic::install_hook();
        let stop = Arc::new(watch::Sender::new(false));
        let (done, ended) = mpsc::channel();
        let (stopping, on) = (stop.clone(), environment.clone());
        std::thread::spawn(move || {
            let summary = System::in_real_time().block_on(run_trees(job, on, stopping));
            done.send(summary).expect("the test waits");
        });
        Self { stop, environment, ended }
    }

    pub fn end(self) -> Result<Summary, Failure> {
        self.ended.recv_timeout(DEADLINE).expect("the job ends before the deadline")
    }

    /// Waits for something, and says what if it does not come.
    pub fn wait_for(&self, what: &str, mut seen: impl FnMut(&Environment) -> bool) {
        let begun = std::time::Instant::now();
        while !seen(&self.environment) {
            assert!(begun.elapsed() < DEADLINE, "{what} does not come");
            std::thread::yield_now();
        }
    }
}

pub fn reading(station_id: &str, station: u32, day: u32) -> Reading<'_> {
    Reading {
        station_id,
        day: Day::from_number(730_000 + day).expect("a day"),
        degrees: f64::from((day * 31 + station * 17) % 1000) / 10.0,
    }
}

pub fn consume() -> Job {
    Job { ingest: false, partitions: (0..PARTITIONS).collect(), end: End::WhenCaughtUp, anew: None, accept_gap: false }
}

pub fn consume_only(partition: u32) -> Job {
    Job { partitions: vec![partition], ..consume() }
}

pub fn run() -> Job {
    Job { ingest: true, end: End::WhenSourceEnds, ..consume() }
}

pub fn produce() -> Job {
    Job { partitions: Vec::new(), ..run() }
}
