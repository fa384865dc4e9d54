//! Commits and acknowledgements, which must stay.

use std::collections::BTreeMap;

use super::Invariant::{AcknowledgedIsInLog, CommitsStay, EachReadingIsOnce, RevisionsAreInLog};
use super::Violation;
use crate::domain::{Batch, Day, Readings, Record, Rules, Scratch};
use crate::ingest::SourceState;
use crate::log::RecordLog;
use crate::log::partitioner::partition_of;
use crate::partition::format::Checkpoint;

/// `CommitsStay`: remembers, over all lives and by log id, which commits and acknowledgements the program told of.
#[derive(Default)]
pub struct Promises {
    /// By partition too, the highest offset that was told to be committed.
    committed: BTreeMap<(String, u32), u64>,
    /// Readings that were told to be acknowledged, and those of which `source.json` spoke last.
    acknowledged: BTreeMap<String, (u64, u64)>,
}

impl Promises {
    /// `CommitsStay` of a partition after a life that said that `told` is committed.
    pub fn committed(&mut self, partition: u32, told: u64, file: Option<&Checkpoint>) -> Result<(), Violation> {
        let Some(file) = file else {
            let before = self.committed.iter().any(|((_, other), offset)| *other == partition && *offset > 0);
            return CommitsStay.require(told == 0 && !before, || {
                format!("partition {partition} was committed up to {told}, and there is no file")
            });
        };
        let (log_id, offset) = (file.identity.log_id.clone(), file.state.next_offset);
        let committed = self.committed.entry((log_id, partition)).or_default();
        *committed = told.max(*committed);
        CommitsStay.require(offset >= *committed, || {
            format!("partition {partition} was committed up to {committed}, and is at {offset}")
        })
    }

    /// `CommitsStay` of the source after a life that said that `told` more readings are acknowledged.
    pub fn acknowledged(&mut self, told: u64, file: Option<&SourceState>) -> Result<(), Violation> {
        let Some(file) = file else {
            let before = self.acknowledged.values().any(|(acknowledged, _)| *acknowledged > 0);
            self.acknowledged.clear();
            return CommitsStay.require(told == 0 && !before, || {
                format!("{told} readings were acknowledged, and there is no source.json")
            });
        };
        let (acknowledged, in_file) = self.acknowledged.entry(file.log_id.clone()).or_default();
        if told > 0 {
            *acknowledged = *in_file + told;
        }
        *in_file = file.readings;
        CommitsStay.require(file.readings >= *acknowledged, || {
            format!("{acknowledged} readings were acknowledged, and source.json says {}", file.readings)
        })
    }
}

/// `AcknowledgedIsInLog`: the readings that `source.json` says are acknowledged are in the log that it names.
pub fn in_the_log(log: &dyn RecordLog, source: &SourceState, readings: &[Readings]) -> Result<(), Violation> {
    for partition in 0..source.partitions {
        let (_, end) = everything(log, partition)?;
        let acknowledged = source.acknowledged.get(&partition).copied().unwrap_or_default();
        AcknowledgedIsInLog.require(end >= acknowledged, || {
            format!("partition {partition} was acknowledged up to {acknowledged}, and ends at {end}")
        })?;
    }
    let mut found = counted(log, source.partitions)?;
    for record in readings.iter().flat_map(Readings::records).take(source.readings as usize) {
        let record = placed(record, source.partitions);
        let left = found.get_mut(&record).filter(|left| **left > 0);
        let Some(left) = left else {
            return Err(AcknowledgedIsInLog.violated(format!("{record:?} was acknowledged, and is not in the log")));
        };
        *left -= 1;
    }
    Ok(())
}

/// `EachReadingIsOnce`: none of these readings of the source, which are all that it has of their stations, is in the log more
/// often than the source has it; and, where `all` were sent, none less often.
pub fn once_in_the_log<'a>(
    log: &dyn RecordLog,
    partitions: u32,
    readings: impl Iterator<Item = Record<'a>>,
    all: bool,
) -> Result<(), Violation> {
    let mut given: BTreeMap<Placed, u64> = BTreeMap::new();
    for record in readings {
        *given.entry(placed(record, partitions)).or_default() += 1;
    }
    let found = counted(log, partitions)?;
    for (record, given) in given {
        let found = found.get(&record).copied().unwrap_or_default();
        EachReadingIsOnce.require(found <= given && (found == given || !all), || {
            format!("{record:?} was given {given} times by the source, and is in the log {found} times")
        })?;
    }
    Ok(())
}

/// Partition, key and value.
type Placed = (u32, Vec<u8>, Vec<u8>);

fn placed(record: Record<'_>, partitions: u32) -> Placed {
    let part = |part: Option<&[u8]>| part.unwrap_or_default().to_vec();
    let key = part(record.key);
    (partition_of(&key, partitions), key, part(record.value))
}

/// How often the log has each record that has a key and a value.
fn counted(log: &dyn RecordLog, partitions: u32) -> Result<BTreeMap<Placed, u64>, Violation> {
    let mut found: BTreeMap<Placed, u64> = BTreeMap::new();
    for partition in 0..partitions {
        for record in everything(log, partition)?.0.records() {
            if let (Some(key), Some(value)) = (record.key, record.value) {
                *found.entry((partition, key.to_vec(), value.to_vec())).or_default() += 1;
            }
        }
    }
    Ok(found)
}

/// `RevisionsAreInLog`: of each day of these readings, which are those of files in their order, the log's last reading is
/// their last.
pub fn revisions(log: &dyn RecordLog, partitions: u32, readings: &[Readings]) -> Result<(), Violation> {
    let mut logged: BTreeMap<(String, Day), f64> = BTreeMap::new();
    let mut scratch = Scratch::default();
    for partition in 0..partitions {
        let (batch, _) = everything(log, partition)?;
        for record in batch.records() {
            if let Ok(reading) = Rules::ANY_DEGREES.check(record, &mut scratch) {
                logged.insert((reading.station_id.to_owned(), reading.day), reading.degrees);
            }
        }
    }
    let of_files = readings.iter().flat_map(Readings::iter);
    let of_files: BTreeMap<_, _> =
        of_files.map(|reading| ((reading.station_id.to_owned(), reading.day), reading.degrees)).collect();
    for ((station, day), degrees) in of_files {
        let last = logged.get(&(station.clone(), day));
        RevisionsAreInLog.require(last == Some(&degrees), || {
            format!("{station} has {degrees} degrees on {day} in its file, and {last:?} in the log")
        })?;
    }
    Ok(())
}

/// All records of a partition, and where it ends.
fn everything(log: &dyn RecordLog, partition: u32) -> Result<(Batch, u64), Violation> {
    let mut batch = Batch::default();
    let read = log.extent(partition).and_then(|extent| {
        let mut reader = log.open_reader(partition, extent.start)?;
        reader.read(&mut batch, usize::MAX, std::time::Duration::ZERO)
    });
    let end = read.map_err(|failure| AcknowledgedIsInLog.violated(failure.to_string()))?;
    Ok((batch, end))
}
