//! What must be on disk and in the log, told from the log and from the source alone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use isotherm::checkpoint::{Identity, format};
use isotherm::domain::{Batch, Day, PartitionState, Reading, Rules};
use isotherm::log::memory::MemoryLog;
use isotherm::log::partitioner::partition_of;
use isotherm::log::{Extent, RecordLog};
use isotherm::settings::Settings;
use isotherm::source;

use super::plan::TOPIC;

/// Everything in a topic.
pub struct Topic {
    pub log_id: String,
    pub partitions: Vec<(Extent, Batch)>,
}

impl Topic {
    /// The topic as it is, if there is one.
    pub fn read(log: &MemoryLog) -> Option<Self> {
        let topic = log.topic().expect("nothing keeps it from answering")?;
        let read = |partition| {
            let extent = log.extent(partition).expect("it is there");
            let mut batch = Batch::default();
            let mut reader = log.open_reader(partition, extent.start).expect("it is there");
            let position = reader.read(&mut batch, usize::MAX, Duration::ZERO).expect("it is there");
            assert_eq!(position, extent.end.max(extent.start), "all of it is read");
            (extent, batch)
        };
        Some(Self { log_id: topic.log_id, partitions: (0..topic.partitions).map(read).collect() })
    }

    pub fn end(&self, partition: u32) -> u64 {
        self.partitions[partition as usize].0.end
    }

    /// Records below an offset.
    pub fn records_below(&self, partition: u32, offset: u64) -> u64 {
        let records = self.partitions[partition as usize].1.records();
        records.filter(|record| record.offset < offset).count() as u64
    }

    /// The partition's files at an offset: the JSON, and the rejected records.
    pub fn files_at(&self, partition: u32, offset: u64, rules: Rules) -> (Vec<u8>, Vec<u8>) {
        let (extent, records) = &self.partitions[partition as usize];
        let mut batch = Batch::default();
        records.records().filter(|record| record.offset < offset).for_each(|record| batch.push(record));
        let mut state = PartitionState::new(rules, extent.start);
        state.apply(&batch);
        state.advance_to(offset);
        let partitions = self.partitions.len() as u32;
        let identity = Identity { topic: TOPIC.to_owned(), log_id: self.log_id.clone(), partition, partitions };
        (format::serialize(&identity, &state), state.pending_rejected)
    }

    /// How often each record is in the topic.
    pub fn counts(&self) -> BTreeMap<(u32, &[u8], &[u8]), u64> {
        let mut counts = BTreeMap::new();
        for (partition, (_, batch)) in (0..).zip(&self.partitions) {
            for record in batch.records() {
                if let (Some(key), Some(value)) = (record.key, record.value) {
                    *counts.entry((partition, key, value)).or_default() += 1;
                }
            }
        }
        counts
    }
}

/// All that the source has, in order.
pub fn readings(settings: &Settings) -> Vec<Reading> {
    let mut source = source::open(&settings.source, None).expect("the settings are good");
    let mut readings = Vec::new();
    while source.next(&mut readings, 1000).expect("it is simulated") != source::Progressed::Ended {}
    readings
}

/// The record that a reading becomes.
pub fn record(reading: &Reading, partitions: u32) -> (u32, Vec<u8>, Vec<u8>) {
    let mut value = Vec::new();
    reading.encode(&mut value);
    let key = reading.station_id.clone().into_bytes();
    (partition_of(&key, partitions), key, value)
}

/// What is to be counted of one station.
#[derive(Clone, Debug, PartialEq)]
pub struct Counted {
    pub count: u64,
    pub sum: f64,
    pub start: Day,
    pub end: Day,
}

/// Each station of the source, counted in the plainest way: the first plausible reading of each day.
pub fn counted(readings: &[Reading], rules: &Rules) -> BTreeMap<String, Counted> {
    let (mut seen, mut stations) = (BTreeSet::new(), BTreeMap::new());
    for Reading { station_id, day, degrees } in readings {
        let plausible = (rules.degrees_min..=rules.degrees_max).contains(degrees);
        if plausible && seen.insert((station_id, *day)) {
            let station = stations.entry(station_id.clone());
            let station = station.or_insert(Counted { count: 0, sum: 0.0, start: *day, end: *day });
            station.count += 1;
            station.sum += degrees;
            station.end = *day;
        }
    }
    stations
}
