//! What each part of the way of a record takes, and each part of a commit and a recovery:
//!
//! `cargo bench --bench parts`, or `cargo bench --bench parts -- apply` for those with a name. Criterion keeps the
//! figures in `target/criterion` and tells what changed since the last time.

mod material;

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use isotherm::domain::wire::BorrowedReport;
use isotherm::domain::{Batch, Day, PartitionState, Reading, Rules, Scratch, StationStats};
use isotherm::durable::{Fence, RealDisk};
use isotherm::log::partitioner::partition_of;
use isotherm::partition::{PartitionStore, format};
use isotherm::source::simulate::station_name;
use material::BATCH_RECORDS;

/// Stations and days of one partition: what one of 4 has of 1,000 stations over 27 years, and many stations.
const STATES: [(u32, u32); 2] = [(250, 10_000), (25_000, 100)];

/// Days that the step "add to a station" adds to each.
const DAYS_ADDED: u32 = 100;

/// Stations and days of one partition, counted from its first record: few stations, the two above, and very many.
const LOGS: [(u32, u32); 4] = [(10, 10_000), (250, 10_000), (1_000, 1_000), (100_000, 10)];

fn name((stations, days): (u32, u32)) -> BenchmarkId {
    BenchmarkId::from_parameter(format!("{stations} stations x {days} days"))
}

/// The steps that a record takes, each alone, over one batch.
fn records(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("record");
    group.throughput(Throughput::Elements(u64::from(BATCH_RECORDS)));
    let rules = Rules::default();
    let batch = material::batch();
    let names: Vec<_> = (0..BATCH_RECORDS).map(station_name).collect();
    let readings: Vec<_> = (0..).zip(&names).map(|(station, name)| material::reading(name, station, 0)).collect();
    let dates: Vec<String> = (0..BATCH_RECORDS).map(|day| material::day(day).to_string()).collect();
    let stations = material::state(BATCH_RECORDS, 1).stations;

    group.bench_function("encode", |bencher| {
        let mut bytes = Vec::new();
        bencher.iter(|| {
            bytes.clear();
            readings.iter().for_each(|reading| reading.encode(&mut bytes));
            black_box(&bytes);
        });
    });
    each(&mut group, "partition", &readings, |reading| partition_of(black_box(reading.station_id.as_bytes()), 4));
    group.bench_function("copy into a batch", |bencher| {
        let mut copy = Batch::default();
        bencher.iter(|| {
            copy.clear();
            batch.records().for_each(|record| copy.push(black_box(record)));
            black_box(&copy);
        });
    });
    let records: Vec<_> = batch.records().collect();
    each(&mut group, "decode", &records, |record| BorrowedReport::decode(black_box(record.value?)));
    let mut of_one_day = Scratch::default();
    each(&mut group, "check (decode too)", &records, |record| {
        rules.check(black_box(*record), &mut of_one_day).map(|reading| reading.degrees)
    });
    each(&mut group, "read the date", &dates, |date| Day::parse(black_box(date)));
    each(&mut group, "look the station up", &readings, |reading| stations.get(black_box(reading.station_id)));
    group.throughput(Throughput::Elements(u64::from(BATCH_RECORDS * DAYS_ADDED)));
    group.bench_function("add to a station", |bencher| {
        let days: Vec<Day> = (1..=DAYS_ADDED).map(material::day).collect();
        let first = |reading: &Reading<'_>| StationStats::first(reading.day, reading.degrees);
        bencher.iter_batched_ref(
            || readings.iter().map(first).collect::<Vec<_>>(),
            |stations| {
                for day in &days {
                    stations.iter_mut().for_each(|station| assert!(station.add(black_box(*day), 0.5)));
                }
            },
            BatchSize::PerIteration,
        );
    });
}

/// A step over a whole batch.
fn each<'a, T, R>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    over: &'a [T],
    mut step: impl FnMut(&'a T) -> R,
) {
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            for one in over {
                black_box(step(one));
            }
        });
    });
}

/// All that the aggregator does with a record, from an empty state to the last day.
fn apply(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("apply");
    group.sample_size(10);
    for log @ (stations, days) in LOGS {
        let batches: Vec<Batch> = material::batches(stations, days).collect();
        group.throughput(Throughput::Elements(u64::from(stations * days)));
        group.bench_function(name(log), |bencher| {
            bencher.iter_batched_ref(
                || PartitionState::new(Rules::default(), 0),
                |state| {
                    batches.iter().for_each(|batch| {
                        state.apply(batch);
                    });
                },
                BatchSize::PerIteration,
            );
        });
    }
}

/// A commit, and the parts of it; the same with a recovery. By station.
fn checkpoint(criterion: &mut Criterion) {
    for of in STATES {
        let mut state = material::state(of.0, of.1);
        let identity = material::identity();
        let bytes = format::serialize(format::VERSION, &identity, &state);
        // Not in the system's folder for such things, which can be in memory.
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("target/tmp is there");

        // The aggregator waits for this; the rest is the writer's, on a thread of its own.
        by_station(criterion, "snapshot", of.0)
            .bench_function(name(of), |bencher| bencher.iter_with_large_drop(|| state.snapshot()));
        by_station(criterion, "serialize", of.0)
            .bench_function(name(of), |bencher| bencher.iter(|| format::serialize(format::VERSION, &identity, &state)));
        let (recovered, snapshot) = (store(folder.path()), state.snapshot());
        assert_eq!(recovered.recover(1, &identity, &state.rules).expect("the disk is well"), None);
        by_station(criterion, "commit", of.0).bench_function(name(of), |bencher| {
            bencher.iter(|| recovered.commit(1, &identity, &snapshot).expect("the disk is well"));
        });
        by_station(criterion, "parse", of.0).bench_function(name(of), |bencher| {
            bencher.iter_with_large_drop(|| format::parse("it", &bytes).expect("it was just made"));
        });
        // As a new process does it, which writes what it found once more.
        by_station(criterion, "recover", of.0).bench_function(name(of), |bencher| {
            bencher.iter_with_large_drop(|| {
                let found = store(folder.path()).recover(1, &identity, &state.rules).expect("the disk is well");
                assert_eq!(found.as_ref().map(|found| found.next_offset), Some(state.next_offset));
                found
            });
        });
    }
}

fn by_station<'a>(criterion: &'a mut Criterion, name: &str, stations: u32) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(u64::from(stations)));
    group
}

/// On the disk that this is built on; nothing in it hangs.
fn store(folder: &Path) -> PartitionStore {
    let fence = Fence::new(Duration::from_secs(60), |_| unreachable!("one thread only"));
    PartitionStore::new(Arc::new(RealDisk), folder.to_owned(), 0, Arc::new(fence))
}

criterion_group! {
    name = parts;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = records, apply, checkpoint
}
criterion_main!(parts);
