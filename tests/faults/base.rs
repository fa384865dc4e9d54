//! What the cases start from, made once, and the folder of one case.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use compact_str::CompactString;
use isotherm::domain::{Day, Reading, StationStats};
use isotherm::failure::{Failure, Kind};
use isotherm::log::partitioner::partition_of;
use isotherm::log::{self, TopicSpec};
use isotherm::partition::format::parse;
use isotherm::partition::partition_path;
use isotherm::pipeline::{End, Environment, Job, Summary, run_trees};
use isotherm::points::Planned;
use isotherm::proof::FaultyDisk;
use isotherm::settings::{Settings, Sources, load};
use isotherm::source::simulate::station_name;
use isotherm::supervision::actor::System;
use tempfile::TempDir;
use tokio::sync::watch;

use crate::cases::Way;
use crate::owned::{OwnedRecord, WriteOwned as _};
use crate::program::Program;

const PARTITIONS: u32 = 4;
/// No run here takes longer.
const DEADLINE: Duration = Duration::from_secs(60);

pub struct Base {
    folder: TempDir,
    /// Of runs that nothing disturbed: files by name, and stations by name.
    counted: BTreeMap<String, Vec<u8>>,
    ingested: BTreeMap<CompactString, StationStats>,
    compared: BTreeMap<CompactString, StationStats>,
}

impl Base {
    /// A log of two halves, and folders in which the first one was counted by a process that crashed.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut base = Self { folder, counted: BTreeMap::new(), ingested: BTreeMap::new(), compared: BTreeMap::new() };
        let (half, longer) = (base.at("half"), base.at("longer"));
        base.write(0..15, true);
        run_well(base.sets(Way::Counts, &half), job(Way::Counts));
        base.write(15..30, false);
        for partition in 0..PARTITIONS {
            let mut stale = partition_path(&half.join("state"), partition).into_os_string();
            stale.push(".tmp-9");
            fs::write(stale, "cut sh").expect("written");
        }
        fs::create_dir(&longer).expect("created");
        copy(&half.join("state"), &longer.join("state"));
        for partition in 0..PARTITIONS {
            let path = isotherm::partition::rejected_path(&longer.join("state"), partition);
            let content = [fs::read(&path).expect("each partition has one"), b"{\"offset\"".to_vec()].concat();
            fs::write(path, content).expect("written");
        }
        let undisturbed = base.start(Way::Counts);
        undisturbed.run_well();
        let counted = files(&undisturbed.state());
        let undisturbed = base.start(Way::Ingests);
        undisturbed.run_well();
        let ingested = stations(&undisturbed.state());
        let undisturbed = base.start(Way::Compares);
        undisturbed.run_well();
        let compared = stations(&undisturbed.state());
        assert!(compared.values().all(|station| station.count() == 31), "{compared:?}");
        assert!(counted.len() == 2 * PARTITIONS as usize && ingested.len() == 10, "{:?}", counted.keys());
        (base.counted, base.ingested, base.compared) = (counted, ingested, compared);
        base
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn sets(&self, way: Way, folder: &Path) -> Vec<String> {
        let log = if matches!(way, Way::Counts | Way::CountsOn) { self.folder.path() } else { folder };
        let quick = "consume.commit_interval_ms=2 consume.commit_share_max=1 consume.batch_records=40 \
            produce.batch_records=40 source.simulate.pace_ms=0 source.simulate.days=30 supervision.backoff_min_ms=1 \
            supervision.backoff_max_ms=20 supervision.restarts_max=20 output.log_level=warn";
        let mut sets: Vec<String> = quick.split_whitespace().map(str::to_owned).collect();
        sets.push(format!("state.dir={}", folder.join("state").display()));
        sets.push(format!("log.sqlite.path={}", log.join("log.sqlite").display()));
        if way == Way::Compares {
            sets.extend(["source.kind=csv".to_owned(), format!("source.csv.files={}/*.csv", folder.display())]);
        }
        sets
    }

    /// Readings of ten stations, and in each partition a record that is none, and a day that was there before.
    fn write(&self, days: std::ops::Range<u32>, create: bool) {
        let settings = settings(self.sets(Way::Counts, self.folder.path()));
        let log = log::open(&settings).expect("it is opened");
        if create {
            let spec = TopicSpec { partitions: PARTITIONS, replication: 1, retention_ms: -1 };
            log.create_topic(&spec).expect("it is created");
        }
        let mut records: Vec<OwnedRecord> = (0..PARTITIONS)
            .map(|partition| OwnedRecord { partition, key: Some(b"x".to_vec()), value: Some(vec![0xff]) })
            .collect();
        for (day, station) in days.clone().flat_map(|day| (0..10).map(move |station| (day, station))) {
            let name = station_name(station);
            let reading = Reading {
                station_id: &name,
                day: Day::from_number(730_000 + day).expect("a day"),
                degrees: f64::from((day * 31 + station * 17) % 1000) / 10.0,
            };
            let (key, mut value) = (name.as_bytes().to_vec(), Vec::new());
            reading.encode(&mut value);
            let partition = partition_of(&key, PARTITIONS);
            let record = OwnedRecord { partition, key: Some(key), value: Some(value) };
            let again = (day == days.start + 7).then(|| record.clone());
            records.extend([record].into_iter().chain(again));
        }
        log.open_writer("a test").and_then(|mut writer| writer.write_owned(&records)).expect("it is written");
    }

    /// A folder of its own for one case.
    pub fn start(&self, way: Way) -> Started<'_> {
        let started = Started { base: self, folder: tempfile::tempdir().expect("a folder"), way };
        match way {
            Way::Counts => copy(&self.at("half").join("state"), &started.state()),
            Way::CountsOn => copy(&self.at("longer").join("state"), &started.state()),
            Way::Ingests => {}
            Way::Compares => {
                let write = |name: &str, rows: &str| {
                    fs::write(started.folder.path().join(name), format!("date,degrees\n{rows}")).expect("written");
                };
                let rows = |days: std::ops::RangeInclusive<u32>| {
                    days.map(|day| format!("2001-03-{day:02},{day}.5\n")).collect::<String>()
                };
                write("A.csv", &rows(1..=15));
                write("B.csv", &rows(1..=30));
                run_well(self.sets(way, started.folder.path()), job(way));
                write("A.csv", &rows(1..=31));
                write("B.csv", &rows(1..=31).replace(",7.5", ",8.5"));
            }
            Way::Recreates => drop(run_well(self.sets(Way::Ingests, started.folder.path()), job(Way::Ingests))),
        }
        started
    }
}

pub struct Started<'a> {
    base: &'a Base,
    folder: TempDir,
    way: Way,
}

impl Started<'_> {
    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn sets(&self) -> Vec<String> {
        let mut sets = self.base.sets(self.way, self.folder.path());
        sets.extend((self.way == Way::Recreates).then(|| "log.on_start=recreate".to_owned()));
        sets
    }

    /// Runs in this process with more settings; how it went, and the faults that happened.
    pub fn run(&self, more: &[String]) -> (Result<Summary, Failure>, Vec<Planned>) {
        run([self.sets(), more.to_vec()].concat(), job(self.way))
    }

    pub fn run_well(&self) {
        run_well(self.sets(), job(self.way));
    }

    /// Runs in a process of its own.
    pub fn run_apart(&self, more: &[String]) -> Output {
        let arguments: &[&str] = match self.way {
            Way::Counts | Way::CountsOn => &["consume", "--until-caught-up"],
            Way::Ingests | Way::Compares | Way::Recreates => &["run"],
        };
        let is_locked = |output: &Output| String::from_utf8_lossy(&output.stderr).contains(" is in use by ");
        until_unlocked(|| self.program(more).run(arguments), is_locked)
    }

    fn program(&self, more: &[String]) -> Program {
        let sets = self.sets().into_iter().chain(more.iter().cloned());
        sets.fold(Program::new(&self.state()), |program, set| program.set(set))
    }

    /// The results are those of a run that nothing disturbed: the same bytes; or, of a log of its own, the same
    /// stations, and the files are what the log says.
    pub fn check(&self) {
        let files = files(&self.state());
        if matches!(self.way, Way::Counts | Way::CountsOn) {
            assert!(files == self.base.counted, "other files: {:?}", files.keys());
            return;
        }
        assert!(files.keys().all(|name| !name.contains(".tmp-")), "a file is left: {:?}", files.keys());
        let expected = if self.way == Way::Compares { &self.base.compared } else { &self.base.ingested };
        assert!(stations(&self.state()) == *expected, "other stations");
        self.program(&[]).run_well(&["audit"]);
    }
}

fn job(way: Way) -> Job {
    let ingest = matches!(way, Way::Ingests | Way::Compares | Way::Recreates);
    let end = if ingest { End::WhenSourceEnds } else { End::WhenCaughtUp };
    Job { ingest, partitions: (0..PARTITIONS).collect(), end, anew: None, accept_gap: false }
}

fn settings(sets: Vec<String>) -> Settings {
    load(&Sources { file: None, sets }, std::iter::empty()).expect("the settings are good").settings
}

fn run(sets: Vec<String>, job: Job) -> (Result<Summary, Failure>, Vec<Planned>) {
    until_unlocked(
        || run_once(sets.clone(), job.clone()),
        |(summary, _)| summary.as_ref().is_err_and(|failure| failure.kind == Kind::TryAgain),
    )
}

/// Once more where a lock is still held: a process that another case starts holds this one's locks, too, until it has
/// become the program.
fn until_unlocked<T>(run: impl Fn() -> T, is_locked: impl Fn(&T) -> bool) -> T {
    let begun = Instant::now();
    loop {
        let ended = run();
        if !is_locked(&ended) || begun.elapsed() > DEADLINE {
            return ended;
        }
    }
}

fn run_once(sets: Vec<String>, job: Job) -> (Result<Summary, Failure>, Vec<Planned>) {
    let environment = Environment::real(settings(sets), &job.partitions).expect("the log opens");
    let disk = FaultyDisk::over(environment.disk, &environment.faults);
    let environment = Environment { disk, on_hung: |waited| panic!("a write hangs for {waited:?}"), ..environment };
    let faults = environment.faults.clone();
    let (done, ended) = mpsc::channel();
    std::thread::spawn(move || {
        let stop = Arc::new(watch::Sender::new(false));
        drop(done.send(System::in_real_time().block_on(run_trees(job, environment, stop))));
    });
    let summary = ended.recv_timeout(DEADLINE).expect("it ends before the deadline");
    (summary, faults.fired())
}

fn run_well(sets: Vec<String>, job: Job) -> Summary {
    let summary = run(sets, job).0.expect("the trees start");
    assert!(summary.failures.is_empty() && summary.laggards.is_empty(), "{summary:?}");
    summary
}

/// Every file of a state folder but its locks and the source's cursor.
fn files(state: &Path) -> BTreeMap<String, Vec<u8>> {
    let names = fs::read_dir(state).expect("it is there").map(|entry| entry.expect("it is listed").file_name());
    let names = names.map(|name| name.into_string().expect("ASCII"));
    let results = names.filter(|name| name.starts_with("partition-") && !name.ends_with(".lock"));
    results.map(|name| (name.clone(), fs::read(state.join(name)).expect("it is read"))).collect()
}

fn stations(state: &Path) -> BTreeMap<CompactString, StationStats> {
    let files = files(state).into_iter().filter(|(name, _)| name.ends_with(".json"));
    files.flat_map(|(name, bytes)| parse(&name, &bytes).expect("it is whole").state.stations).collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("created");
    for entry in fs::read_dir(from).expect("it is there") {
        let entry = entry.expect("it is listed");
        fs::copy(entry.path(), to.join(entry.file_name())).expect("copied");
    }
}
