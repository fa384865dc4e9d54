//! The bytes of `partition-N.json`.

use super::Identity;
use crate::domain::PartitionState;
use crate::faults::Failure;

/// A file that was read and whose checksum and inner sums hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    pub identity: Identity,
    /// `pending_rejected` is empty.
    pub state: PartitionState,
}

/// The file's bytes: a pure function of its arguments.
pub fn serialize(identity: &Identity, state: &PartitionState) -> Vec<u8> {
    let _ = (identity, state);
    todo!()
}

/// Reads a file's bytes; `name` is for messages. Checks all that can be said of the file alone.
pub fn parse(name: &str, bytes: &[u8]) -> Result<Checkpoint, Failure> {
    let _ = (name, bytes);
    todo!()
}
