//! Where records lie: a topic of Kafka, a SQLite file, or memory.
//!
//! Guarantees, checked by one contract suite for all three: a partition's records keep their order and offsets; an
//! acknowledged record stays; a reader sees each record at or after its start once, and only committed ones.
//! Calls block; an actor gives them to a worker thread. Uses `settings`, `failure` and `domain`, and of `supervision`
//! only how an outage is waited out; knows no actors.

pub(crate) mod failures;
pub mod kafka;
pub mod membership;
pub mod memory;
mod open;
mod pace;
pub mod partitioner;
mod patient;
mod range;
mod record_log;
pub mod sqlite;
pub(crate) mod stored;
#[cfg(test)]
pub mod test_log;
pub mod topic;
pub mod truncation;

pub use open::open;
pub use pace::{RangePace, Throttle, Watch};
pub use patient::PatientLog;
pub use range::RangeReader;
pub use record_log::{BATCH_BYTES_MAX, Extent, Outgoing, RecordLog, RecordReader, RecordWriter, Topic, TopicSpec};
