//! What a process remembers of a partition's objects, from one epoch to the next.

use tokio::time::Instant;

use super::rejected_parts::RejectedParts;
use crate::durable::objects::Tag;

/// What one epoch leaves to the next about a partition's objects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct OnStore {
    /// The epoch that has recovered; another one may not commit.
    pub(super) recovered_by: Option<u64>,
    pub(super) base: Base,
    pub(super) wrong_refusals: u32,
    pub(super) superseded_at: Option<Instant>,
    /// And this process has not committed since.
    pub(super) was_superseded: bool,
    /// A part that is not there, and since when.
    pub(super) missing: Option<(String, Instant)>,
}

/// What was recovered or committed last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Base {
    /// `None`: there is no object, and never was one in this process's life.
    pub(super) object: Option<Known>,
    /// Of the stream of rejected lines, and its last part.
    pub(super) rejected_bytes: u64,
    pub(super) rejected_crc32c: u32,
    pub(super) tail: Vec<u8>,
    /// Of a rebuild: what is not counted as far replaces nothing, and its rejected lines are kept back.
    pub(super) floor: Option<u64>,
    pub(super) kept_back: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Known {
    pub(super) tag: Tag,
    pub(super) content: Content,
    /// The form in which the file goes on.
    pub(super) version: u64,
    pub(super) next_offset: u64,
    pub(super) parts: RejectedParts,
}

/// Which bytes these are, but for chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Content {
    length: usize,
    crc32c: u32,
}

impl Content {
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self { length: bytes.len(), crc32c: crc32c::crc32c(bytes) }
    }
}
