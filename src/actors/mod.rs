//! The five actors, and the messages between them.
//!
//! Guarantees: batches, never single records, cross mailboxes, and every one is awaited, so that at most one batch per
//! partition and `produce.in_flight_max` on the ingest side are under way; every message carries its sender's epoch and
//! one of an old epoch is refused; a restarted actor knows only what is on disk. What blocks runs on a worker's thread.
//! Uses everything below; knows no settings file and no command line.

mod aggregator;
mod blocking;
mod checkpoint_writer;
mod consumer;
mod ending;
mod generator;
pub mod messages;
mod pace;
mod producer;
pub mod resume;
mod source_writer;
pub mod topic;
mod truncation;
mod watch;

pub use aggregator::Aggregator;
pub use blocking::Patience;
pub use checkpoint_writer::CheckpointWriter;
pub use consumer::{Goal, PartitionConsumer, PartitionReader};
pub use generator::{Generator, SourceReader};
pub use pace::Pace;
pub use producer::Producer;
pub use resume::PartitionJob;
pub use source_writer::{IngestJob, SourceWriter};
pub use watch::{Look, LookAt, Passed, StationRow, View, Window, Windows};
