//! Writes records to a SQLite log.

use std::collections::BTreeMap;

use rusqlite::{Transaction, TransactionBehavior, params};

use super::file::{LogFile, TopicRow};
use super::run::{RunBuilder, checksum};
use crate::failure::Failure;
use crate::log::{Outgoing, RecordWriter, failures};

pub struct Writer {
    /// Of the log, for messages.
    pub name: String,
    pub topic: String,
    pub topic_id: i64,
    pub partitions: u32,
    pub source: String,
    /// Which of the source's writers.
    pub number: u64,
    pub file: LogFile,
}

impl RecordWriter for Writer {
    fn write(&mut self, records: &[Outgoing<'_>]) -> Result<BTreeMap<u32, u64>, Failure> {
        // As much as can be is done before other writers have to wait.
        let runs = self.build(records)?;
        let ends = self.insert(&runs)?;
        // Had the file been replaced before the commit, the records would be in a file without a name.
        if self.file.is_replaced()? {
            return Err(failures::recreated(&self.name));
        }
        self.file.bound_wal();
        Ok(ends)
    }
}

impl Writer {
    fn build(&self, records: &[Outgoing<'_>]) -> Result<BTreeMap<u32, Vec<RunBuilder>>, Failure> {
        let mut partitions = BTreeMap::<u32, Vec<RunBuilder>>::new();
        for &Outgoing { partition, key, value } in records {
            if partition >= self.partitions {
                return Err(failures::no_partition(&self.name, partition, self.partitions));
            }
            let runs = partitions.entry(partition).or_default();
            if runs.last().is_none_or(RunBuilder::is_full) {
                runs.push(RunBuilder::default());
            }
            runs.last_mut().expect("one was pushed").push(key, value);
        }
        Ok(partitions)
    }

    /// Writes the runs behind what is there, which nobody else can add to meanwhile.
    fn insert(&self, partitions: &BTreeMap<u32, Vec<RunBuilder>>) -> Result<BTreeMap<u32, u64>, Failure> {
        let failed = |error| self.file.failure("cannot write", &error);
        let transaction =
            Transaction::new_unchecked(&self.file.connection, TransactionBehavior::Immediate).map_err(failed)?;
        TopicRow::find(&transaction, &self.topic)
            .map_err(failed)?
            .filter(|row| row.id == self.topic_id)
            .ok_or_else(|| failures::recreated(&self.name))?;
        if TopicRow::last_writer(&transaction, self.topic_id, &self.source).map_err(failed)? != self.number {
            return Err(failures::replaced(&self.name, &self.source));
        }
        let mut ends = BTreeMap::new();
        for (partition, runs) in partitions {
            let mut end = TopicRow::extent(&transaction, self.topic_id, *partition).map_err(failed)?.end;
            for RunBuilder { records, bytes } in runs {
                let (first, last) = (end, end + records - 1);
                let crc32c = checksum(bytes, *partition, first, last);
                transaction
                    .prepare_cached("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?)")
                    .and_then(|mut insert| {
                        insert.execute(params![self.topic_id, *partition, first, last, crc32c, bytes])
                    })
                    .map_err(failed)?;
                end = last + 1;
            }
            ends.insert(*partition, end);
        }
        transaction.commit().map_err(failed)?;
        Ok(ends)
    }
}
