//! What is computed: readings, the rules that decide which of them count, and the statistics per station.
//!
//! Guarantees: pure (no I/O, no clock, no actor), and the same records in the same order always give the same bits.
//! Uses no other folder of this crate.

pub mod batch;
pub mod day;
pub mod days;
pub mod digest;
pub mod invariant;
pub mod readings;
pub mod report;
pub mod rules;
pub mod state;
pub mod stats;
pub mod wire;

pub use batch::{Batch, Record};
pub use day::{DateReader, Day};
pub use days::Days;
pub use digest::Digest;
pub use invariant::Invariant;
pub use readings::Readings;
pub use report::{RecordFormat, Scratch};
pub use rules::{RejectReason, Rules};
pub use state::{LastRecord, PartitionState, Snapshot};
pub use stats::StationStats;
pub use wire::Reading;
