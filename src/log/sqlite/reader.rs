//! Reads one partition of a SQLite log.

use std::thread;
use std::time::{Duration, Instant};

use rusqlite::params;

use super::file::{DAMAGED, LogFile, TopicRow};
use super::run::{RecordRun, checksum, is_full};
use crate::domain::Batch;
use crate::failure::{Failure, Kind};
use crate::log::{RecordReader, failures};

/// Time between two looks for new records: a look is a few microseconds.
const POLL: Duration = Duration::from_millis(2);

/// The runs from the one that holds an offset on.
const RUNS: &str = "
    SELECT first_offset, last_offset, crc32c, records FROM runs
    WHERE topic = ?1 AND partition = ?2 AND last_offset >= ?3 AND first_offset >= coalesce(
        (SELECT max(first_offset) FROM runs WHERE topic = ?1 AND partition = ?2 AND first_offset <= ?3), 0)
    ORDER BY first_offset";

pub struct Reader {
    /// Of the log, for messages.
    pub name: String,
    pub topic: String,
    pub topic_id: i64,
    pub partition: u32,
    pub position: u64,
    pub file: LogFile,
    /// The run in which the last batch ended.
    pub run: RecordRun,
}

impl RecordReader for Reader {
    fn read(&mut self, batch: &mut Batch, records_max: usize, wait: Duration) -> Result<u64, Failure> {
        let deadline = Instant::now() + wait;
        loop {
            let version = self.version()?;
            let taken = self.take(batch, records_max);
            if taken.is_err() {
                // Nothing of this call counts, so that another one can be made after a Retryable failure.
                batch.clear();
                self.run = RecordRun::empty();
            }
            self.position = taken?;
            if !batch.is_empty() || Instant::now() >= deadline {
                return Ok(self.position);
            }
            while self.version()? == version {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    break;
                }
                thread::sleep(left.min(POLL));
            }
        }
    }
}

impl Reader {
    /// Another number after each commit of another connection.
    fn version(&self) -> Result<i64, Failure> {
        let version = self.file.connection.prepare_cached("PRAGMA data_version");
        version
            .and_then(|mut version| version.query_row([], |row| row.get(0)))
            .map_err(|error| self.file.failure("cannot read", &error))
    }

    /// Takes what there is until the batch is full, in one short transaction; gives the new position.
    fn take(&mut self, batch: &mut Batch, records_max: usize) -> Result<u64, Failure> {
        let Self { name, partition, file, run, .. } = self;
        if file.is_replaced()? {
            return Err(failures::recreated(name));
        }
        let failed = |error| file.failure("cannot read", &error);
        let transaction = file.connection.unchecked_transaction().map_err(failed)?;
        TopicRow::find(&transaction, &self.topic)
            .map_err(failed)?
            .filter(|row| row.id == self.topic_id)
            .ok_or_else(|| failures::recreated(name))?;
        let damaged = |first: u64, last: u64| {
            let what = format!("records {first} to {last} of partition {partition} of the {name} are damaged");
            Failure::fatal(Kind::Data, what).advice(DAMAGED)
        };
        let position = run.take(self.position, batch, records_max);
        let mut position = position.map_err(|_| damaged(self.position, run.last_offset))?;
        let mut statement = transaction.prepare_cached(RUNS).map_err(failed)?;
        let from = i64::try_from(position).unwrap_or(i64::MAX);
        let mut rows = statement.query(params![self.topic_id, *partition, from]).map_err(failed)?;
        while !is_full(batch, records_max)
            && let Some(row) = rows.next().map_err(failed)?
        {
            let (first, last) = (row.get(0).map_err(failed)?, row.get(1).map_err(failed)?);
            let crc32c: u32 = row.get(2).map_err(failed)?;
            let bytes = row.get_ref(3).map_err(failed)?.as_blob().map_err(|error| failed(error.into()))?;
            if checksum(bytes, *partition, first, last) != crc32c {
                return Err(damaged(first, last));
            }
            if first > position {
                return Err(failures::below_start(name, *partition, position, first));
            }
            run.load(bytes, first, last);
            position = run.take(position, batch, records_max).map_err(|_| damaged(first, last))?;
        }
        if batch.is_empty() {
            let extent = TopicRow::extent(&transaction, self.topic_id, *partition).map_err(failed)?;
            failures::within(name, *partition, position, extent)?;
        }
        Ok(position)
    }
}
