//! Reads the records of stations again, up to an offset, and further when asked again.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::series::Series;
use crate::domain::state::Gap;
use crate::domain::{Rules, Scratch};
use crate::failure::{Failure, Kind};
use crate::log::{RangePace, RangeReader, RecordLog};
use crate::partition::format::Checkpoint;

/// The log that was counted, as the partition's file describes it.
#[derive(Clone, Debug, PartialEq)]
pub struct CountedLog {
    pub log_id: String,
    pub partition: u32,
    pub rules: Rules,
    pub first_offset: u64,
    /// Offsets that were never counted.
    pub gaps: Vec<Gap>,
}

impl From<&Checkpoint> for CountedLog {
    fn from(checkpoint: &Checkpoint) -> Self {
        let (identity, state) = (&checkpoint.identity, &checkpoint.state);
        Self {
            log_id: identity.log_id.clone(),
            partition: identity.partition,
            rules: state.rules,
            first_offset: state.first_offset,
            gaps: state.gaps.clone(),
        }
    }
}

/// The series of some stations of one partition: they hold for the records in [`Replay::from_offset`, `Replay::offset`).
///
/// The stations are to be ones that the partition counts: of any other no reading counts, once a partition is full.
#[derive(Clone, Debug)]
pub struct Replay {
    counted: CountedLog,
    series: BTreeMap<String, Series>,
    from_offset: u64,
    offset: u64,
    lost_records: u64,
    /// One past the last of them.
    lost_to: u64,
}

impl Replay {
    /// Nothing read yet.
    pub fn new(counted: CountedLog, stations: impl IntoIterator<Item = String>) -> Self {
        let offset = counted.first_offset;
        let series = stations.into_iter().map(|station| (station, Series::default())).collect();
        Self { counted, series, from_offset: offset, offset, lost_records: 0, lost_to: 0 }
    }

    /// Reads on up to the offset `to`, which is one that the partition's file was committed at: what is read is what the
    /// file counted. `on_progress` hears after each batch how many offsets of how many are done; with `Break` it ends the
    /// reading, and what was read until then stays. So it does after a failure.
    pub fn advance(
        &mut self,
        log: &dyn RecordLog,
        pace: &RangePace,
        to: u64,
        on_progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Failure> {
        self.check_log(log)?;
        let extent = log.extent(self.counted.partition)?;
        if extent.end < to {
            let (name, partition, end) = (log.name(), self.counted.partition, extent.end);
            let what = format!("partition {partition} of {name} ends at offset {end}, but {to} were counted");
            return Err(Failure::fatal(Kind::Data, what).advice("isotherm audit says what became of them"));
        }
        self.pass_over_lost(extent.start.min(to));
        let from = self.offset;
        if from >= to {
            return Ok(ControlFlow::Continue(()));
        }
        let mut range = RangeReader::open(log, self.counted.partition, from, to, pace)?;
        let mut scratch = Scratch::default();
        while let Some((records, position)) = range.next_batch()? {
            for record in records {
                // Most records are of other stations: the key tells that without a look at the value, if it is not in quotes.
                let station = record.key.and_then(|key| std::str::from_utf8(key).ok());
                let may_be = station.is_some_and(|key| key.starts_with('"') || self.series.contains_key(key));
                if may_be
                    && let Ok(reading) = self.counted.rules.check(record, &mut scratch)
                    && let Some(series) = self.series.get_mut(reading.station_id)
                {
                    series.add(reading.day, reading.degrees);
                }
            }
            self.offset = position;
            if on_progress(self.offset - from, to - from).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        // The same question again: a topic that was recreated meanwhile would have been read in silence.
        self.check_log(log)?;
        Ok(ControlFlow::Continue(()))
    }

    fn check_log(&self, log: &dyn RecordLog) -> Result<(), Failure> {
        let expected = &self.counted.log_id;
        let what = match log.log_id()? {
            Some(found) if found == *expected => return Ok(()),
            Some(found) => {
                format!("{} was recreated: its id is {found}, what was counted is of {expected}", log.name())
            }
            None => format!("there is no {}", log.name()),
        };
        Err(Failure::fatal(Kind::Data, what).advice("check log.kind and log.topic, and isotherm audit"))
    }

    /// The log starts at `start`: what lies between the offset and that is gone.
    fn pass_over_lost(&mut self, start: u64) {
        if start <= self.offset {
            return;
        }
        let gaps = self.counted.gaps.iter();
        let never_counted: u64 = gaps.map(|gap| gap.to.min(start).saturating_sub(gap.from.max(self.offset))).sum();
        self.lost_records += start - self.offset - never_counted;
        if self.offset == self.from_offset {
            self.from_offset = start;
        }
        self.offset = start;
        self.lost_to = start;
    }

    /// Takes over what the file says of its gaps now: there can be more of them than when the replay began.
    pub fn set_gaps(&mut self, gaps: Vec<Gap>) {
        self.counted.gaps = gaps;
    }

    /// The series of a station; `None` if it is none of those that were asked for.
    pub fn series(&self, station: &str) -> Option<&Series> {
        self.series.get(station)
    }

    pub fn partition(&self) -> u32 {
        self.counted.partition
    }

    /// The first offset that was still there.
    pub fn from_offset(&self) -> u64 {
        self.from_offset
    }

    /// The offset of the next record to read.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Records of the partition that were counted or rejected before, and that the log no longer had: at most this many,
    /// as an offset need not have a record.
    pub fn lost_records(&self) -> u64 {
        self.lost_records
    }

    /// What is missing for that reason, as a sentence without its full stop; `None` if nothing is.
    pub fn lost_reason(&self) -> Option<String> {
        let Self { lost_records, lost_to, .. } = self;
        (*lost_records > 0).then(|| {
            format!(
                "{lost_records} records before offset {lost_to} are no longer in the log: their readings are missing"
            )
        })
    }
}

#[cfg(test)]
#[path = "replay_tests.rs"]
mod tests;
