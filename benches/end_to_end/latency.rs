//! How long after its acknowledgement a record is counted and in the file, and how long a crashed branch does not count.
//!
//! The program's trees run in this process, so that their progress can be watched as it moves.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use isotherm::domain::{Day, Reading};
use isotherm::log::partitioner::partition_of;
use isotherm::pipeline::{End, Environment, Job, run_trees};
use isotherm::progress::Branch;
use isotherm::progress::Progress;
use isotherm::source::simulate::station_name;
use isotherm::supervision::actor::System;
use rdkafka::ClientConfig;
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use tokio::sync::watch;

use crate::bench::Bench;
use crate::figures::{Spread, Table};

const PARTITIONS: u32 = 4;
const STATIONS: u32 = 1_000;
/// Records sent each millisecond.
const SENT_PER_MS: u32 = 10;
/// How often the progress is looked at.
const LOOK: Duration = Duration::from_micros(100);
/// The trees have started and counted the first day within this.
const START_MAX: Duration = Duration::from_secs(30);
/// Batches between two planned panics.
const BATCHES_PER_PANIC: u32 = 500;

pub fn run(bench: &Bench) -> Vec<Table> {
    let seconds = (12 * bench.pairs as u32 / bench.divisor).max(2);
    let seen = watch_a_run(bench, seconds, Vec::new());
    let mut table = Table::new("latency", ["10,000 records/s on 4 partitions", "median", "99 of 100", "most"]);
    let row = |what: &str, mut milliseconds: Vec<f64>| {
        milliseconds.sort_by(f64::total_cmp);
        let at = |share: f64| format!("{:.1} ms", milliseconds[(milliseconds.len() as f64 * share) as usize]);
        let most = format!("{:.1} ms", milliseconds.last().expect("records were sent"));
        [what.to_owned(), at(0.5), at(0.99), most]
    };
    table.add(row("from its acknowledgement until a record is counted", seen.until(|sample| &sample.position)));
    table.add(row("until it is in the partition's file", seen.until(|sample| &sample.committed)));
    table.add(row("what a commit takes", seen.commits()));

    let panics = (1..=seconds * 2).map(|panic| format!("aggregator.apply@{}=panic", panic * BATCHES_PER_PANIC));
    let seen = watch_a_run(bench, seconds, panics.collect());
    let mut restarts =
        Table::new("restarts", ["restarts of a branch", "from the last record counted before it to the next"]);
    let pauses = seen.pauses();
    assert!(!pauses.is_empty(), "panics were planned");
    restarts.add([pauses.len().to_string(), format!("{} ms", Spread::of(pauses).text(1))]);
    vec![table, restarts]
}

/// When a record was acknowledged.
#[derive(Clone, Copy)]
struct Acknowledged {
    partition: usize,
    offset: u64,
    at: Instant,
}

/// The progress of all partitions at one moment.
#[derive(Clone, Copy)]
struct Sample {
    at: Instant,
    position: [u64; PARTITIONS as usize],
    committed: [u64; PARTITIONS as usize],
    /// What the last commit took, in microseconds.
    commit_us: [u64; PARTITIONS as usize],
    records: [u64; PARTITIONS as usize],
    restarts: [u64; PARTITIONS as usize],
}

struct Seen {
    acknowledged: Vec<Acknowledged>,
    samples: Vec<Sample>,
}

impl Seen {
    /// Milliseconds of every record from its acknowledgement until the figure has passed it: 0 where it had before.
    fn until(&self, figure: impl Fn(&Sample) -> &[u64; PARTITIONS as usize]) -> Vec<f64> {
        let passed = self.acknowledged.iter().map(|record| {
            let first = self.samples.partition_point(|sample| figure(sample)[record.partition] <= record.offset);
            let sample = self.samples.get(first).expect("all was committed before the end");
            sample.at.saturating_duration_since(record.at).as_secs_f64() * 1e3
        });
        passed.collect()
    }

    /// Milliseconds of every commit.
    fn commits(&self) -> Vec<f64> {
        let commits = |partition: usize| {
            let moved = move |pair: &&[Sample]| pair[1].commit_us[partition] != pair[0].commit_us[partition];
            self.samples.windows(2).filter(moved).map(move |pair| pair[1].commit_us[partition] as f64 / 1e3)
        };
        (0..PARTITIONS as usize).flat_map(commits).collect()
    }

    /// Milliseconds that a partition did not count around each restart.
    fn pauses(&self) -> Vec<f64> {
        let pairs = || self.samples.windows(2).map(|pair| (&pair[0], &pair[1]));
        let mut pauses = Vec::new();
        for partition in 0..PARTITIONS as usize {
            let counted = pairs().filter(|(before, after)| after.records[partition] > before.records[partition]);
            let counted: Vec<Instant> = counted.map(|(_, after)| after.at).collect();
            let restarts = pairs().filter(|(before, after)| after.restarts[partition] > before.restarts[partition]);
            for told in restarts.map(|(_, after)| after.at) {
                // A crash is told when it happens: after the last record that was counted before it.
                let around = |pause: &&[Instant]| pause[0] <= told && told < pause[1];
                let pause = counted.windows(2).find(around).map(|pause| pause[1] - pause[0]);
                pauses.extend(pause.map(|pause| pause.as_secs_f64() * 1e3));
            }
        }
        pauses
    }
}

/// Sends records at a steady pace to a new topic, has them counted by this process, and watches.
fn watch_a_run(bench: &Bench, seconds: u32, faults: Vec<String>) -> Seen {
    let topic = format!("bench-latency-{}-{}", std::process::id(), faults.len());
    bench.create(&topic, PARTITIONS);
    bench.forget_state();
    let mut settings = bench.settings(&topic, PARTITIONS);
    settings.faults.points = faults;
    settings.supervision.restarts_max = 1_000;
    (settings.supervision.backoff_min_ms, settings.supervision.backoff_max_ms) = (1, 1);
    let partitions: Vec<u32> = (0..PARTITIONS).collect();
    let environment = Environment::real(settings, &partitions).expect("the settings are right");
    let progress = environment.progress.clone();
    let stop = Arc::new(watch::Sender::new(false));
    let job = Job { ingest: false, partitions, end: End::AtSignal, anew: None, accept_gap: false };
    let trees = {
        let stop = stop.clone();
        thread::spawn(move || System::in_real_time().block_on(run_trees(job, environment, stop)))
    };
    let over = Arc::new(AtomicBool::new(false));
    let samples = {
        let (progress, over) = (progress.clone(), over.clone());
        thread::spawn(move || sample(&progress, &over))
    };
    let acknowledged = send(&bench.brokers, &topic, seconds, || {
        (0..PARTITIONS).map(|partition| progress.partition(partition).records.get()).sum()
    });
    stop.send_replace(true);
    let summary = trees.join().expect("it does not panic").unwrap_or_else(|failure| panic!("{failure}"));
    assert!(summary.failures.is_empty(), "{:?}", summary.failures);
    over.store(true, Ordering::Relaxed);
    let samples = samples.join().expect("it does not panic");
    bench.log(&topic, PARTITIONS).delete_topic().unwrap_or_else(|failure| panic!("{failure}"));
    Seen { acknowledged, samples }
}

fn sample(progress: &Progress, over: &AtomicBool) -> Vec<Sample> {
    let mut samples: Vec<Sample> = Vec::new();
    loop {
        let last = over.load(Ordering::Relaxed);
        let all = |figure: fn(&isotherm::progress::PartitionProgress) -> u64| {
            std::array::from_fn(|partition| figure(progress.partition(partition as u32)))
        };
        let sample = Sample {
            at: Instant::now(),
            position: all(|partition| partition.position.get()),
            committed: all(|partition| partition.committed.get()),
            commit_us: all(|partition| partition.commit_cost_us.get()),
            records: all(|partition| partition.records.get()),
            restarts: std::array::from_fn(|partition| {
                progress.branches().restarts(|branch| branch == Branch::Partition(partition as u32))
            }),
        };
        let same = |before: &&Sample| {
            (before.position, before.committed, before.commit_us, before.records, before.restarts)
                == (sample.position, sample.committed, sample.commit_us, sample.records, sample.restarts)
        };
        if samples.last().filter(same).is_none() {
            samples.push(sample);
        }
        if last {
            return samples;
        }
        thread::sleep(LOOK);
    }
}

struct Notes(Mutex<Vec<Acknowledged>>);

impl rdkafka::ClientContext for Notes {}

impl ProducerContext for Notes {
    type DeliveryOpaque = ();

    fn delivery(&self, delivered: &DeliveryResult<'_>, (): ()) {
        let at = Instant::now();
        let message = delivered.as_ref().unwrap_or_else(|(error, _)| panic!("a record was not acknowledged: {error}"));
        let (partition, offset) = (message.partition() as usize, message.offset() as u64);
        self.0.lock().expect("nobody panicked").push(Acknowledged { partition, offset, at });
    }
}

/// Returns once all is acknowledged. The first day is not among the records: it is sent and counted before the others, so
/// that nothing of a start is measured.
fn send(brokers: &str, topic: &str, seconds: u32, counted: impl Fn() -> u64) -> Vec<Acknowledged> {
    let producer: BaseProducer<Notes> = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("linger.ms", "1")
        .create_with_context(Notes(Mutex::default()))
        .expect("the properties are right");
    let names: Vec<_> = (0..STATIONS).map(station_name).collect();
    let mut begun = Instant::now();
    for sent in 0..STATIONS + seconds * 1_000 * SENT_PER_MS {
        if sent == STATIONS {
            let deadline = Instant::now() + START_MAX;
            while counted() < u64::from(STATIONS) {
                assert!(Instant::now() < deadline, "the first day is counted in time");
                producer.poll(Duration::from_millis(1));
            }
            producer.context().0.lock().expect("nobody panicked").clear();
            begun = Instant::now() - Duration::from_millis(u64::from(STATIONS / SENT_PER_MS));
        }
        if sent % SENT_PER_MS == 0 {
            let due = begun + Duration::from_millis(u64::from(sent / SENT_PER_MS));
            while Instant::now() < due {
                producer.poll(due.saturating_duration_since(Instant::now()).min(Duration::from_millis(1)));
            }
        }
        let name = names[(sent % STATIONS) as usize].as_str();
        let day = Day::from_number(730_000 + sent / STATIONS).expect("within the calendar");
        let mut value = Vec::new();
        Reading { station_id: name, day, degrees: 20.5 }.encode(&mut value);
        let partition = partition_of(name.as_bytes(), PARTITIONS) as i32;
        let record = BaseRecord::to(topic).key(name).payload(&value).partition(partition);
        producer.send(record).unwrap_or_else(|(error, _)| panic!("{error}"));
    }
    producer.flush(Duration::from_secs(60)).expect("all is acknowledged within a minute");
    std::mem::take(&mut producer.context().0.lock().expect("nobody panicked"))
}
