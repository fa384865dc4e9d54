//! A log in a SQLite file, for a machine without a broker. Several topics may share a file, and several processes may
//! produce to and consume from it at the same time.
//!
//! Acknowledged is what was committed to the write-ahead log and synced. Records are never deleted but with their topic.

mod file;
mod reader;
mod run;
mod writer;

use std::path::{Path, PathBuf};
use std::time::Duration;

use parking_lot::Mutex;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::{Extent, RecordLog, RecordReader, RecordWriter, Topic, TopicSpec, failures};
use crate::failure::Failure;
use file::{LogFile, TopicRow};
use reader::Reader;
use run::RecordRun;
use writer::Writer;

/// Another process that writes lets go of the file within far less than this.
const BUSY_MAX: Duration = Duration::from_secs(2);

/// A topic of a SQLite file.
pub struct SqliteLog {
    path: PathBuf,
    topic: String,
    /// How long a call waits for another process to let go of the file before it fails as Retryable.
    busy: Duration,
    /// For all but reading and writing records, which have connections of their own. Opened when it is needed, and anew
    /// after a failure and when another file lies at the path.
    shared: Mutex<Option<LogFile>>,
}

impl SqliteLog {
    /// The topic in the file, of which neither need be there. Nothing is created before the topic is. No call waits longer
    /// than `wait_max` for another process.
    pub fn open(path: &Path, topic: &str, wait_max: Duration) -> Result<Self, Failure> {
        let path = std::path::absolute(path).map_err(|error| Failure::io("cannot find", path, &error))?;
        Ok(Self { path, topic: topic.to_owned(), busy: BUSY_MAX.min(wait_max), shared: Mutex::new(None) })
    }

    /// Does something with the file, or gives `None` where there is no file.
    fn with_file<T>(
        &self,
        doing: &str,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, Failure> {
        let mut shared = self.shared.lock();
        let file = match shared.take() {
            Some(file) if !file.is_replaced()? => file,
            _ => match LogFile::open(&self.path, self.busy)? {
                Some(file) => file,
                None => return Ok(None),
            },
        };
        let done = work(&file.connection).map_err(|error| file.failure(doing, &error))?;
        *shared = Some(file);
        Ok(Some(done))
    }

    /// A connection of its own, and the topic.
    fn connect(&self) -> Result<(LogFile, TopicRow), Failure> {
        let Some(file) = LogFile::open(&self.path, self.busy)? else { return Err(failures::no_topic(&self.name())) };
        let row = TopicRow::find(&file.connection, &self.topic);
        match row.map_err(|error| file.failure("cannot read", &error))? {
            Some(row) => Ok((file, row)),
            None => Err(failures::no_topic(&self.name())),
        }
    }

    fn check(&self, row: &TopicRow, partition: u32) -> Result<(), Failure> {
        if partition < row.partitions {
            return Ok(());
        }
        Err(failures::no_partition(&self.name(), partition, row.partitions))
    }
}

impl RecordLog for SqliteLog {
    fn name(&self) -> String {
        format!("topic {} in SQLite file {}", self.topic, self.path.display())
    }

    fn topic(&self) -> Result<Option<Topic>, Failure> {
        let row = self.with_file("cannot read", |connection| TopicRow::find(connection, &self.topic))?.flatten();
        Ok(row.map(|row| describe(row.log_id, row.partitions, row.retention_ms)))
    }

    fn create_topic(&self, spec: &TopicSpec) -> Result<Topic, Failure> {
        let file = LogFile::create(&self.path, self.busy)?;
        let log_id = uuid::Uuid::new_v4().to_string();
        let created = file.connection.execute(
            "INSERT INTO topics (name, log_id, partitions, retention_ms) VALUES (?, ?, ?, ?)
             ON CONFLICT (name) DO NOTHING",
            params![self.topic, log_id, spec.partitions, spec.retention_ms],
        );
        if created.map_err(|error| file.failure("cannot write", &error))? == 0 {
            return Err(failures::topic_exists(&self.name()));
        }
        Ok(describe(log_id, spec.partitions, spec.retention_ms))
    }

    fn delete_topic(&self) -> Result<(), Failure> {
        self.with_file("cannot write", |connection| {
            let transaction = Transaction::new_unchecked(connection, TransactionBehavior::Immediate)?;
            if let Some(row) = TopicRow::find(&transaction, &self.topic)? {
                row.delete(&transaction)?;
            }
            transaction.commit()
        })?;
        Ok(())
    }

    fn extent(&self, partition: u32) -> Result<Extent, Failure> {
        let found = self.with_file("cannot read", |connection| {
            let transaction = connection.unchecked_transaction()?;
            let Some(row) = TopicRow::find(&transaction, &self.topic)? else { return Ok(None) };
            Ok(Some((TopicRow::extent(&transaction, row.id, partition)?, row)))
        })?;
        let (extent, row) = found.flatten().ok_or_else(|| failures::no_topic(&self.name()))?;
        self.check(&row, partition)?;
        Ok(extent)
    }

    fn open_reader(&self, partition: u32, from: u64) -> Result<Box<dyn RecordReader>, Failure> {
        let (file, row) = self.connect()?;
        self.check(&row, partition)?;
        let (name, topic, topic_id) = (self.name(), self.topic.clone(), row.id);
        Ok(Box::new(Reader { name, topic, topic_id, partition, position: from, file, run: RecordRun::empty() }))
    }

    fn open_writer(&self, source: &str) -> Result<Box<dyn RecordWriter>, Failure> {
        let (file, row) = self.connect()?;
        let opened =
            Transaction::new_unchecked(&file.connection, TransactionBehavior::Immediate).and_then(|transaction| {
                let number = TopicRow::open_writer(&transaction, row.id, source)?;
                transaction.commit()?;
                Ok(number)
            });
        let number = opened.map_err(|error| file.failure("cannot write", &error))?;
        let (name, topic, source) = (self.name(), self.topic.clone(), source.to_owned());
        Ok(Box::new(Writer { name, topic, topic_id: row.id, partitions: row.partitions, source, number, file }))
    }
}

fn describe(log_id: String, partitions: u32, retention_ms: i64) -> Topic {
    Topic { log_id, partitions, warning: failures::kept_for_ever(retention_ms), compacted: false }
}
