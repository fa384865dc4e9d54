//! A record log as all who use one see it: its topic, and what reads and writes its partitions.

use std::collections::BTreeMap;
use std::time::Duration;

use super::membership::{GroupSpec, Membership, Standing};
use crate::domain::Batch;
use crate::failure::{Failure, Kind};

/// Bytes of keys and values after which a batch takes no further record.
pub const BATCH_BYTES_MAX: usize = 512 << 10;

/// A topic as it is created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSpec {
    pub partitions: u32,
    pub replication: u32,
    /// -1: for ever.
    pub retention_ms: i64,
}

/// A topic as it is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topic {
    /// Which topic it is, beyond its name: another after it was deleted and created again.
    pub log_id: String,
    pub partitions: u32,
    /// What is to be said of how long it keeps records: `None` if it keeps them for ever, as was asked.
    pub warning: Option<String>,
    /// Old readings of a station are deleted when new ones come (Kafka's `cleanup.policy=compact`).
    pub compacted: bool,
}

/// Where a partition starts and ends: offsets [start, end).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    pub start: u64,
    /// One past the last committed record (Kafka: the last stable offset).
    pub end: u64,
}

/// A log with its topic, as the settings name it. Cheap to clone behind an `Arc`; every call may be made from any thread.
pub trait RecordLog: Send + Sync {
    /// The log and topic for messages, as in `topic temperatures on Kafka at localhost:9092`.
    fn name(&self) -> String;

    /// The topic, or `None` where there is none. A log that is away is Retryable.
    fn topic(&self) -> Result<Option<Topic>, Failure>;

    /// The topic's id alone, read anew; asked at every commit, so it is to be cheap.
    fn log_id(&self) -> Result<Option<String>, Failure> {
        Ok(self.topic()?.map(|topic| topic.log_id))
    }

    /// Creates the topic; one that is there already is a Retryable failure. Returns once it can be written and read.
    fn create_topic(&self, spec: &TopicSpec) -> Result<Topic, Failure>;

    /// Deletes the topic and returns once it is really gone; no topic is no failure.
    fn delete_topic(&self) -> Result<(), Failure>;

    /// Where the partition starts and ends, as a reader of committed records sees it.
    fn extent(&self, partition: u32) -> Result<Extent, Failure>;

    /// For each of these partitions one past its last acknowledged record, whether readers see it yet or not: a transaction
    /// that is open may end [`Self::extent`] before it. Where there are no transactions, that is the end.
    fn high_watermarks(&self, partitions: &[u32]) -> Result<Vec<u64>, Failure> {
        partitions.iter().map(|&partition| Ok(self.extent(partition)?.end)).collect()
    }

    /// A reader whose first record is the first one at or after `from`. An offset below the start or past the end is a
    /// Fatal failure at the first read, never a silent jump.
    fn open_reader(&self, partition: u32, from: u64) -> Result<Box<dyn RecordReader>, Failure>;

    /// A writer for the source of this id. Once it is there, no writer that was opened before for the same source appends
    /// anything more, in whichever process it is: its writes fail, with the origin [`crate::failure::Origin::Replaced`]. (In
    /// Kafka without transactions a request that is under way may still arrive.)
    fn open_writer(&self, source: &str) -> Result<Box<dyn RecordWriter>, Failure>;

    /// Tells tools that watch lag how far the partition is committed. A gauge: nothing resumes from it, and the call waits for
    /// nothing.
    fn publish_committed(&self, partition: u32, next_offset: u64) {
        let _ = (partition, next_offset);
    }

    /// Joins the group of the log's settings. Once a process.
    fn join(&self, spec: &GroupSpec) -> Result<Box<dyn Membership>, Failure> {
        let _ = spec;
        Err(Failure::fatal(Kind::Settings, format!("{} has no groups", self.name())))
    }

    /// How many processes are in the group of the log's settings; 0 for a log without groups.
    fn members_total(&self) -> Result<usize, Failure> {
        Ok(0)
    }

    /// Tells the group how far a partition is committed, and hears whether the group counts this process in. Without a group there
    /// is nobody else.
    fn standing(&self, partition: u32, next_offset: u64) -> Standing {
        let _ = (partition, next_offset);
        Standing::Member
    }

    /// Leaves the group that was joined, so that others need not wait for the end of the session; waits for some seconds at most.
    fn leave(&self) {}

    /// Waits for some seconds at most until these tools know of all that was published. Nothing is published from then on.
    fn finish_publishing(&self) {}
}

/// Reads one partition in order.
pub trait RecordReader: Send {
    /// Appends up to `records_max` records to the (empty) batch, waiting at most `wait` for the first. A batch ends early
    /// rather than wait for more once it holds one, and takes no further record once it holds
    /// [`BATCH_BYTES_MAX`].
    ///
    /// Returns the position: nothing below it is left unread. It can pass the last record (transaction markers, compaction).
    fn read(&mut self, batch: &mut Batch, records_max: usize, wait: Duration) -> Result<u64, Failure>;
}

/// A record to be written, borrowed from the producer's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outgoing<'a> {
    pub partition: u32,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
}

/// Writes records of any partition.
pub trait RecordWriter: Send {
    /// Writes the records in order and returns once all are acknowledged (Kafka: by all replicas; SQLite: committed).
    /// Returns, for every partition written to, the offset after its last acknowledged record.
    ///
    /// After a failure any prefix per partition may be in the log; the writer is not used again.
    fn write(&mut self, records: &[Outgoing<'_>]) -> Result<BTreeMap<u32, u64>, Failure>;

    /// Where records are written in transactions: ends the one of the writes since the last call, which are all in the log
    /// from then on. Elsewhere each write was that itself.
    ///
    /// After a failure all of them may be in the log, or none; the writer is not used again, and the next one that is opened
    /// for the source settles which.
    fn commit(&mut self) -> Result<(), Failure> {
        Ok(())
    }
}
