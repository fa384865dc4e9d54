//! Messages that overtake others are refused, before anything of them is sent, counted or committed. Those who send them
//! here are toys, as the actors themselves send in order.

use std::sync::Arc;
use std::time::Duration;

use isotherm::domain::{Batch, Readings, Rules};
use isotherm::durable::RealDisk;
use isotherm::ingest::Producer;
use isotherm::ingest::messages::{Attach, Produce};
use isotherm::log::RecordLog;
use isotherm::partition::messages::{Apply, Begin, BeginAt, Flush};
use isotherm::partition::{
    Aggregator, CheckpointWriter, Pace, PartitionJob, PartitionStore, PartitionWriter, StateStore,
};
use isotherm::points::FaultPoints;
use isotherm::progress::Progress;
use isotherm::source::simulate::station_name;
use isotherm::supervision::actor::Addr;
use isotherm::supervision::{Child, Refused, Spawn};
use serde_json::{Value, json};

use crate::states;
use crate::support::{Fixture, PARTITIONS, consume_only, reading};
use crate::toys::{Slot, Toy, address, child, deaths, fence, ingest_job, outage, producer, worker};

/// Days of ten stations in one message.
const DAYS: u32 = 3;

fn day(epoch: u64, message: u64, number: u32) -> Produce {
    let mut readings = Readings::default();
    (0..10).for_each(|station| readings.push(reading(&station_name(station), station, number)));
    Produce { epoch, number: message, readings, compared: false, cursor: json!(number + 1), files: Vec::new() }
}

/// The cursor is the number of days. In its first life the source's first day is followed by a message of this number, with
/// the third day.
async fn generate(epoch: u64, producer: Addr<Producer>, second: u64) -> bool {
    let attached = producer.send(Attach { epoch }).await.expect("it lives").expect("it is of this epoch");
    let next = attached.kept.cursor.as_ref().and_then(Value::as_u64).unwrap_or(0) as u32;
    if epoch > 1 {
        for (message, number) in (1..).zip(next..DAYS) {
            producer.send(day(epoch, message, number)).await.expect("it lives").expect("it is in order");
        }
        return true;
    }
    producer.send(day(epoch, 1, 0)).await.expect("it lives").expect("it is in order");
    let refused = producer.send(day(epoch, second, 2)).await;
    !matches!(refused, Ok(Err(Refused)) | Err(_))
}

#[test]
fn a_message_of_the_source_that_overtakes_another_or_comes_again_is_not_sent_and_the_cursor_stays() {
    for second in [3, 1] {
        let fixture = Fixture::new();
        fixture.create_topic();
        let job = ingest_job(&fixture);
        let store = job.cursor_store.clone();
        let (produce, slot) = producer(job, Spawn::Threads, Progress::new(&[]));
        let generate = child("generator", move |life| {
            let (epoch, producer) = (life.epoch, address(&slot));
            Toy::start(life, move || generate(epoch, producer, second))
        });
        let died = deaths(&fixture, vec![produce, generate]);

        let inside = store.enter(u64::MAX).expect("nobody is inside");
        let (state, _) = store.recover(&inside).expect("it is whole").expect("it is there");
        assert_eq!((state.readings, &state.cursor), (10 * u64::from(DAYS), &json!(DAYS)));
        let ends = (0..PARTITIONS).map(|partition| fixture.log.extent(partition).expect("it is there").end);
        assert_eq!(ends.sum::<u64>(), 10 * u64::from(DAYS), "each reading was sent once: {died:?}");
        assert_eq!(died.len(), 1, "{died:?}");
    }
}

/// What a batch that is out of order does to the one before it.
#[derive(Clone, Copy)]
enum Disorder {
    LeavesOneOut,
    ComesAgain,
}

const RECORDS: u64 = 10;

/// Records [from, to) of partition 0.
fn batch(log: &dyn RecordLog, from: u64, to: u64) -> Batch {
    let mut batch = Batch::default();
    let read = log.open_reader(0, from).and_then(|mut reader| {
        let records_max = usize::try_from(to - from).expect("a few");
        reader.read(&mut batch, records_max, Duration::ZERO)
    });
    assert_eq!(read, Ok(to), "there is no gap there");
    batch
}

/// In its first life a batch is left out, or comes twice.
async fn consume(epoch: u64, job: PartitionJob, aggregator: Addr<Aggregator>, disorder: Disorder) -> bool {
    let committed = aggregator.send(Begin { epoch }).await.expect("it lives").expect("it is recovered");
    let first = committed.as_ref().map_or(0, |committed| committed.next_offset);
    if committed.is_none() {
        aggregator.send(BeginAt { epoch, offset: 0 }).await.expect("it lives").expect("nothing is there");
    }
    let apply = async |from: u64| {
        let batch = batch(&*job.log, from, from + RECORDS);
        aggregator.send(Apply { epoch, batch, from, position: from + RECORDS }).await
    };
    if epoch > 1 {
        for from in (first..3 * RECORDS).step_by(RECORDS as usize) {
            apply(from).await.expect("it lives").expect("it is in order");
        }
    } else {
        apply(0).await.expect("it lives").expect("it is in order");
        let from = match disorder {
            Disorder::LeavesOneOut => 2 * RECORDS,
            Disorder::ComesAgain => 0,
        };
        if matches!(apply(from).await, Ok(Err(Refused)) | Err(_)) {
            return false;
        }
    }
    aggregator.send(Flush { epoch }).await.expect("it lives").expect("it is on disk");
    true
}

#[test]
fn a_batch_that_leaves_a_gap_or_comes_again_is_not_counted_and_the_files_are_right() {
    for disorder in [Disorder::LeavesOneOut, Disorder::ComesAgain] {
        let fixture = Fixture::new();
        fixture.create_topic();
        for number in 0..3 * RECORDS as u32 {
            let mut value = Vec::new();
            reading("StationA", 0, number).encode(&mut value);
            fixture.log.append(0, Some(b"StationA"), Some(&value));
        }
        let job = PartitionJob {
            log: Arc::new(fixture.log.clone()),
            store: StateStore::Folder(PartitionStore::new(
                Arc::new(RealDisk),
                fixture.folder.path().to_owned(),
                0,
                fence(),
            )),
            topic: "temperatures".to_owned(),
            partition: 0,
            partitions: PARTITIONS,
            rules: Rules::default(),
            read_wait: Duration::from_millis(100),
            accept_gap: false,
            allow_compaction: false,
            gate: Duration::ZERO,
            faults: FaultPoints::default(),
            progress: Progress::new(&[0]),
        };
        let (writer, aggregator) = (Slot::default(), Slot::default());
        let write = child("checkpoint writer", {
            let (slot, job) = (writer.clone(), job.clone());
            move |life| {
                let (worker, job) = (worker(Spawn::Threads, PartitionWriter::new(job.clone())), job.clone());
                let started = life.start(|guard, _| CheckpointWriter::new(guard, worker, job, outage()));
                slot.replace(Some(started.clone()));
                Child::of(started)
            }
        });
        let count = child("aggregator", {
            let (slot, job) = (aggregator.clone(), job.clone());
            move |life| {
                let (writer, job) = (address(&writer), job.clone());
                // Commits only what is waited for.
                let hour = Duration::from_secs(3600);
                let pace = Pace::new(hour, 1.0, hour);
                let started = life.start(move |guard, _| Aggregator::new(guard, writer, job, pace));
                slot.replace(Some(started.clone()));
                Child::of(started)
            }
        });
        let consume = child("consumer", move |life| {
            let (epoch, job) = (life.epoch, job.clone());
            let aggregator = address(&aggregator);
            Toy::start(life, move || consume(epoch, job, aggregator, disorder))
        });
        let died = deaths(&fixture, vec![write, count, consume]);

        let undisturbed = Fixture { sets: Vec::new(), ..fixture.beside() };
        undisturbed.run_well(consume_only(0));
        assert_eq!(states(&fixture), states(&undisturbed), "{died:?}");
        assert_eq!(died.len(), 1, "{died:?}");
    }
}
