//! One log, and what is counted of each beginning of it.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use isotherm::domain::{Batch, Day, PartitionState, Reading, Record, Rules, Snapshot};
use isotherm::durable::Fence;
use isotherm::durable::objects::Objects;
use isotherm::partition::OnStore;
use isotherm::partition::format::{VERSION, serialize};
use isotherm::partition::{Identity, PartitionObjects};

pub const KEY: &str = "partition-2.json";

pub fn identity() -> Identity {
    Identity { topic: "t".to_owned(), log_id: "id".to_owned(), partition: 2, partitions: 4 }
}

/// A log of some records, some of which are rejected.
#[derive(Clone)]
pub struct Log {
    rejected: &'static [u64],
    pub records: u64,
    pub chunk_bytes: u64,
}

impl Log {
    /// Of so many records, with the offsets of those that are rejected. A chunk holds one line and a half.
    pub fn new(records: u64, rejected: &'static [u64]) -> Self {
        let log = Self { rejected, records, chunk_bytes: 0 };
        let (_, line_bytes) =
            (log.state(1), Self { rejected: &[0], records: 1, chunk_bytes: 0 }.state(1).rejected_bytes);
        Self { chunk_bytes: line_bytes + line_bytes / 2, ..log }
    }

    fn batch(&self, offsets: Range<u64>) -> Batch {
        let mut batch = Batch::default();
        for offset in offsets {
            let degrees = if self.rejected.contains(&offset) { 1e300 } else { offset as f64 };
            let day = Day::from_number(730_119 + offset as u32).expect("a day");
            let mut value = Vec::new();
            Reading { station_id: "K", day, degrees }.encode(&mut value);
            batch.push(Record { offset, key: Some(b"K"), value: Some(&value) });
        }
        batch
    }

    /// What is committed behind so many records; its lines are pending.
    fn counted(&self, mut state: PartitionState, to: u64) -> PartitionState {
        state.apply(&self.batch(state.next_offset..to));
        state
    }

    fn state(&self, to: u64) -> PartitionState {
        self.counted(PartitionState::new(Rules::default(), 0), to)
    }

    /// What one commits that has counted from one offset to another.
    pub fn snapshot(&self, from: u64, to: u64) -> Snapshot {
        let mut state = self.state(from);
        state.snapshot();
        self.counted(state, to).snapshot()
    }

    /// The bytes that a single process has behind so many records.
    pub fn file(&self, to: u64) -> Vec<u8> {
        serialize(VERSION, &identity(), &self.snapshot(0, to).state)
    }

    /// All rejected lines up to there.
    pub fn lines(&self, to: u64) -> Vec<u8> {
        self.snapshot(0, to).rejected_lines
    }

    pub fn store(&self, objects: Arc<dyn Objects>, fence: Arc<Fence<OnStore>>) -> PartitionObjects {
        PartitionObjects::new(objects, 2, fence).chunks_of(self.chunk_bytes)
    }
}

/// A fence that a process has, whose memory is this.
pub fn fence(memory: OnStore) -> Arc<Fence<OnStore>> {
    let fence = Fence::new(Duration::from_secs(10), |waited| panic!("hung for {waited:?}"));
    *fence.enter(0).expect("it is new").left = memory;
    Arc::new(fence)
}
