//! Reads a range of a partition that is there already, from beginning to end.

use std::time::{Duration, Instant};

use super::{RangePace, RecordLog, RecordReader, failures};
use crate::domain::{Batch, Record};
use crate::failure::{Failure, Kind};

const RECORDS_MAX: usize = 5000;
const READ_WAIT: Duration = Duration::from_millis(500);

/// How long a log that answers, but gives nothing though it should, is waited for.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// The records in [position, to), a batch at a time. The log is expected to have them: it is not waited for longer than
/// a minute without a step.
pub struct RangeReader<'a> {
    log: &'a dyn RecordLog,
    reader: Box<dyn RecordReader>,
    pace: RangePace,
    batch: Batch,
    position: u64,
    to: u64,
    /// When the last batch was read: using it counts as work. `None` before the first.
    works_since: Option<Instant>,
}

impl<'a> RangeReader<'a> {
    pub fn open(log: &'a dyn RecordLog, partition: u32, from: u64, to: u64, pace: &RangePace) -> Result<Self, Failure> {
        let reader = log.open_reader(partition, from)?;
        Ok(Self { log, reader, pace: pace.clone(), batch: Batch::default(), position: from, to, works_since: None })
    }

    /// The next records, and the offset after them; there can be none, where offsets have no record. `None` at the end.
    pub fn next_batch(&mut self) -> Result<Option<(impl Iterator<Item = Record<'_>>, u64)>, Failure> {
        if self.position >= self.to {
            return Ok(None);
        }
        let began = Instant::now();
        loop {
            self.pace.rest(self.works_since.map_or(Duration::ZERO, |since| since.elapsed()), self.log)?;
            self.works_since = Some(Instant::now());
            self.batch.clear();
            let next = self.reader.read(&mut self.batch, RECORDS_MAX, READ_WAIT)?;
            if self.batch.is_disordered() {
                return Err(failures::disordered(&self.log.name(), self.position));
            }
            self.pace.read(self.batch.len());
            if next > self.position {
                self.position = next.min(self.to);
                break;
            }
            if began.elapsed() > SILENCE_MAX {
                let (name, position, seconds) = (self.log.name(), self.position, SILENCE_MAX.as_secs());
                let what = format!("{name} gave nothing past offset {position} for {seconds} s");
                return Err(Failure::fatal(Kind::Unavailable, what).advice("try again when it answers"));
            }
        }
        let to = self.to;
        Ok(Some((self.batch.records().take_while(move |record| record.offset < to), self.position)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::test_log::{TestLog, reading};

    #[test]
    fn records_out_of_order_are_refused() {
        let records = |offsets: [u64; 3]| {
            let mut log = TestLog::new(vec![reading("A", "2000-01-01", 1.0); 3]);
            log.records.iter_mut().zip(offsets).for_each(|(record, offset)| record.0 = offset);
            let mut range = RangeReader::open(&log, 0, 0, 3, &RangePace::default()).expect("it opens");
            range.next_batch().map(|batch| batch.map_or(0, |(records, _)| records.count()))
        };
        assert_eq!(records([0, 1, 2]), Ok(3));
        for disorder in [[0, 2, 1], [0, 1, 1], [1, 0, 2]] {
            let failure = records(disorder).expect_err("nothing may be made of them");
            assert!(failure.what.contains("out of order behind offset 0") && !failure.is_retryable(), "{failure}");
        }
    }
}
