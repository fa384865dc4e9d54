//! The other story: the readings of a source become records of the log, and its place is kept in `source.json`.
//!
//! ```text
//! source ──▶ generator ──Attach, Produce, Finish──▶ producer ──▶ log, then source.json
//!                ▲                                         │
//!                └──────── what it has already ────────────┘
//! ```
//!
//! Guarantees: batches, never single readings, cross mailboxes, and every one is awaited; the cursor on disk never stands
//! past a reading that the log has not acknowledged; a message of an old epoch, or out of order, is refused. What blocks
//! runs on a worker's thread.
//! Uses everything below; knows no settings file and no command line.

pub mod cursor;
mod generator;
mod look_up;
pub mod messages;
mod producer;
mod read_back;
mod source_reader;
mod source_writer;

pub use cursor::{CursorStore, SourceState, read_source, source_path};
pub use generator::Generator;
pub use look_up::LookUp;
pub use producer::Producer;
pub use source_reader::SourceReader;
pub use source_writer::{IngestJob, SourceWriter};
