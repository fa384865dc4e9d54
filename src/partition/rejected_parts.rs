//! Names of the objects that hold rejected lines.
//!
//! ```text
//! partition-N.rejected/<lineage>/0000000000-0000262144.jsonl    a whole chunk
//! partition-N.rejected/<lineage>/0000262144-0000300123.jsonl    the tail: another one at each commit that has new lines
//! ```
//!
//! The lines of a partition are one stream of bytes, cut into chunks of one size and what is left of it, the tail; joined again
//! they are the file of rejected records of a folder. Within a lineage the stream is a function of the log, so that a name has one
//! content ever, whichever process writes it, and writes of parts need neither a condition nor an order. Which parts there are
//! follows from the length in the state.

use std::ops::Range;

use serde_json::json;
use uuid::Uuid;

use super::Identity;
use crate::domain::{PartitionState, RecordFormat, rules};

/// Bytes of a chunk; a part of the lineage, so that another size has other names.
pub const CHUNK_BYTES: u64 = 256 << 10;

/// What the lineages are made in.
const NAMESPACE: Uuid = Uuid::from_u128(0x1b2e_3c9d_6d0c_4f0e_9d59_6c1f_40a3_8c11);

/// The parts of one lineage of a partition.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RejectedParts {
    prefix: String,
    lineage: String,
    chunk_bytes: u64,
}

impl RejectedParts {
    /// Of the lineage of a state: all that decides which lines there are.
    pub fn of(version: u64, identity: &Identity, state: &PartitionState, chunk_bytes: u64) -> Self {
        let Identity { topic, log_id, partition, partitions } = identity;
        let PartitionState { rules, first_offset, gaps, .. } = state;
        let counting = if rules.format == RecordFormat::PlainProtobuf { 1 } else { rules::COUNTING };
        let deciding = json!([
            version,
            counting,
            topic,
            log_id,
            partition,
            partitions,
            first_offset,
            gaps,
            chunk_bytes,
            rules.format.name(),
            rules.degrees_min,
            rules.degrees_max,
            rules.stations_max,
            rules.rejected_bytes_max,
        ]);
        let digest = Uuid::new_v5(&NAMESPACE, deciding.to_string().as_bytes()).simple().to_string();
        Self { prefix: prefix(*partition), lineage: digest[..16].to_owned(), chunk_bytes }
    }

    /// The object that holds these bytes of the stream.
    pub fn key(&self, bytes: &Range<u64>) -> String {
        format!("{}{:010}-{:010}.jsonl", self.folder(), bytes.start, bytes.end)
    }

    /// What the names of all parts begin with.
    pub fn folder(&self) -> String {
        format!("{}{}/", self.prefix, self.lineage)
    }

    /// The parts from a chunk's beginning on, up to the end of a stream of this length.
    pub fn ranges(&self, begin: u64, length: u64) -> impl Iterator<Item = Range<u64>> + use<> {
        let chunk_bytes = self.chunk_bytes;
        (begin / chunk_bytes..length.div_ceil(chunk_bytes))
            .map(move |chunk| chunk * chunk_bytes..length.min((chunk + 1) * chunk_bytes))
    }

    /// The part of a stream of this length that is no whole chunk; empty where the chunks hold all of it.
    pub fn tail(&self, length: u64) -> Range<u64> {
        length - length % self.chunk_bytes..length
    }

    /// Whether no commit that can still succeed names this object, once a state with so many bytes of this lineage is committed: all
    /// commits go forward from there. A tail that ends behind that may be one of a commit that is under way.
    pub fn is_garbage(&self, key: &str, committed_bytes: u64) -> bool {
        let Some(name) = key.strip_prefix(&self.prefix) else { return false };
        let parsed = name.strip_suffix(".jsonl").and_then(|name| name.split_once('/'));
        let Some((lineage, range)) = parsed else { return false };
        if lineage != self.lineage {
            return true;
        }
        let number = |text: &str| text.parse::<u64>().ok();
        let range = range.split_once('-').and_then(|(start, end)| Some(number(start)?..number(end)?));
        range.is_some_and(|range| !range.end.is_multiple_of(self.chunk_bytes) && range.end < committed_bytes)
    }
}

/// Where a partition's parts are, of all lineages.
pub fn prefix(partition: u32) -> String {
    format!("partition-{partition}.rejected/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Rules;

    fn parts() -> RejectedParts {
        let identity = Identity { topic: "t".to_owned(), log_id: "id".to_owned(), partition: 2, partitions: 4 };
        RejectedParts::of(2, &identity, &PartitionState::new(Rules::default(), 0), 100)
    }

    /// A name is for ever: another digest would lose what is there.
    #[test]
    fn the_names_follow_from_the_length() {
        let parts = parts();
        let names: Vec<String> = parts.ranges(100, 250).map(|range| parts.key(&range)).collect();
        let folder = format!("partition-2.rejected/{}", parts.lineage);
        assert_eq!(
            names,
            [format!("{folder}/0000000100-0000000200.jsonl"), format!("{folder}/0000000200-0000000250.jsonl")]
        );
        assert_eq!(parts.lineage, "62518e70c60b53f8");
        assert_eq!((parts.tail(250), parts.tail(200), parts.tail(0)), (200..250, 200..200, 0..0));
        assert_eq!(parts.ranges(0, 0).count() + parts.ranges(200, 200).count(), 0);
    }

    #[test]
    fn garbage_is_what_no_later_commit_can_name() {
        let parts = parts();
        let key = |start, end| parts.key(&(start..end));
        for (key, is_garbage) in [
            (key(0, 100), false),
            (key(100, 149), true),
            (key(100, 150), false),
            (key(100, 160), false),
            (key(100, 200), false),
            ("partition-2.rejected/0123456789abcdef/0000000000-0000000100.jsonl".to_owned(), true),
            ("partition-2.rejected/readme".to_owned(), false),
            (key(0, 50).replace('2', "3"), false),
        ] {
            assert_eq!(parts.is_garbage(&key, 150), is_garbage, "{key}");
        }
    }
}
