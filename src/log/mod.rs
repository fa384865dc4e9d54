//! Where records lie: a topic of Kafka, a SQLite file, or memory.
//!
//! Guarantees, checked by one contract suite for all three: a partition's records keep their order and offsets; an
//! acknowledged record stays; a reader sees each record at or after its start once, and only committed ones.
//! Calls block; whoever must not wait gives them to a worker thread. Uses `settings`, `failure` and `domain`; knows no actors.

pub(crate) mod failures;
pub mod kafka;
pub mod memory;
pub mod partitioner;
mod range;
pub mod sqlite;
pub(crate) mod stored;
#[cfg(test)]
pub mod test_log;
pub mod throttled;
pub mod topic;
pub mod truncation;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::Batch;
use crate::failure::Failure;
use crate::settings::{LogKind, Settings};

use kafka::KafkaLog;
use memory::MemoryLog;
use sqlite::SqliteLog;

pub use range::RangeReader;
pub use throttled::{Throttle, ThrottledLog, Watch};

/// Bytes of keys and values after which a batch takes no further record.
pub const BATCH_BYTES_MAX: usize = 512 << 10;

/// The log that the settings name. Does not wait for it: a log that is away is noticed by the first call on it.
///
/// Its calls wait so briefly that a heartbeat of these settings does not take one for hung. `state_dir` only tells one state
/// folder from another where committed offsets are published.
pub fn open(settings: &Settings, state_dir: &Path) -> Result<Arc<dyn RecordLog>, Failure> {
    let Settings { log, supervision, .. } = settings;
    let wait_max = Duration::from_millis(supervision.heartbeat_ms) / 4;
    Ok(match log.kind {
        LogKind::Kafka => Arc::new(KafkaLog::open(log, &group(&log.topic, state_dir)?)?),
        LogKind::Sqlite => Arc::new(SqliteLog::open(&log.sqlite.path, &log.topic, wait_max)?),
        LogKind::Memory => Arc::new(MemoryLog::new(&log.topic)),
    })
}

/// The group under which committed offsets are published: one for each topic and state folder.
fn group(topic: &str, state_dir: &Path) -> Result<String, Failure> {
    let absolute =
        std::path::absolute(state_dir).map_err(|error| Failure::io("cannot find the folder of", state_dir, &error))?;
    Ok(format!("isotherm-{topic}-{:08x}", crc32c::crc32c(absolute.as_os_str().as_encoded_bytes())))
}

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

    fn open_writer(&self) -> Result<Box<dyn RecordWriter>, Failure>;

    /// Tells tools that watch lag how far the partition is committed. A gauge: nothing resumes from it.
    fn publish_committed(&self, partition: u32, next_offset: u64) -> Result<(), Failure> {
        let _ = (partition, next_offset);
        Ok(())
    }
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
    fn write(&mut self, records: &[Outgoing<'_>]) -> Result<std::collections::BTreeMap<u32, u64>, Failure>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_the_one_that_the_settings_name() {
        let defaults: Settings =
            toml::from_str(include_str!("../../settings/default.toml")).expect("the defaults are complete");
        let name = |kind| {
            let mut settings = defaults.clone();
            settings.log.kind = kind;
            open(&settings, Path::new("state")).expect("nothing is opened yet").name()
        };
        assert_eq!(name(LogKind::Memory), "topic temperatures in memory");
        let sqlite = name(LogKind::Sqlite);
        assert!(sqlite.starts_with("topic temperatures in SQLite file /"), "{sqlite}");
        assert!(sqlite.ends_with("/isotherm-data/log.sqlite"), "{sqlite}");
    }

    #[test]
    fn a_group_is_one_of_topic_and_state_folder() {
        let group = |topic, folder: &str| group(topic, Path::new(folder)).expect("there is a working folder");
        assert_eq!(
            group("temperatures", "/srv/state"),
            format!("isotherm-temperatures-{:08x}", crc32c::crc32c(b"/srv/state"))
        );
        assert_ne!(group("temperatures", "/srv/state"), group("temperatures", "/srv/other"));
        let absolute = std::path::absolute("state").expect("there is a working folder");
        assert_eq!(group("temperatures", "state"), group("temperatures", absolute.to_str().expect("it is UTF-8")));
    }
}
