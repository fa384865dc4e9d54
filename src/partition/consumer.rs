//! Reads one partition and hands its records on, batch by batch.

use std::sync::Arc;

use futures_util::future::join;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::aggregator::Aggregator;
use super::messages::{Apply, Begin, BeginAt, Flush};
use super::reader::{PartitionReader, READING};
use crate::domain::Batch;
use crate::supervision::actor::Addr;
use crate::supervision::{Ending, Guard, Outage, Steps, Worker};

/// The offset at which a partition's work is done; `None` while that is not known. The same over all epochs.
pub type Goal = watch::Receiver<Option<u64>>;

/// Resumes from the last committed file, then reads on. The next batch is read while the last one is applied; no more than
/// these two are under way. Ends well once everything below its goal is on disk.
///
/// A drain stops the reading. What was read and not applied yet is read again next time.
pub struct PartitionConsumer {
    guard: Guard,
    worker: Arc<Worker<PartitionReader>>,
    aggregator: Addr<Aggregator>,
    outage: Outage,
    goal: Goal,
    batch_records: usize,
    /// Batches whose records were applied: at most two, used again and again.
    spare: Arc<Mutex<Vec<Batch>>>,
}

impl PartitionConsumer {
    pub fn new(
        guard: Guard,
        worker: Arc<Worker<PartitionReader>>,
        aggregator: Addr<Aggregator>,
        outage: Outage,
        goal: Goal,
        batch_records: usize,
    ) -> Self {
        Self { guard, worker, aggregator, outage, goal, batch_records, spare: Arc::default() }
    }

    /// The work, from its beginning to its end.
    pub async fn consume(self) -> Result<(), Ending> {
        let offset = self.begin().await?;
        self.guard.ready(Some(offset));
        self.read_on(offset).await
    }

    /// Opens the reader where the aggregator's state goes on; the offset of the first record.
    async fn begin(&self) -> Result<u64, Ending> {
        let epoch = self.guard.epoch();
        let committed = self.aggregator.send(Begin { epoch }).await??;
        let next_offset = committed.as_ref().map(|committed| committed.next_offset);
        let begin = move |reader: &mut PartitionReader, steps: &Steps| reader.begin(committed.as_ref(), steps);
        let offset = self.outage.call(&self.worker, "opening the partition's reader", begin).await?;
        if next_offset != Some(offset) {
            self.aggregator.send(BeginAt { epoch, offset }).await??;
        }
        Ok(offset)
    }

    async fn read_on(&self, mut position: u64) -> Result<(), Ending> {
        let (mut batch, mut from) = (Batch::default(), position);
        loop {
            let reached = self.goal.borrow().is_some_and(|goal| position >= goal);
            if reached {
                self.apply(batch, from, position).await?;
                self.aggregator.send(Flush { epoch: self.guard.epoch() }).await??;
                return Ok(());
            }
            let (applied, read) = join(self.apply(batch, from, position), self.read()).await;
            applied?;
            from = position;
            (batch, position) = read?;
        }
    }

    async fn read(&self) -> Result<(Batch, u64), Ending> {
        let (spare, records_max) = (self.spare.clone(), self.batch_records);
        let read = move |reader: &mut PartitionReader, steps: &Steps| {
            let mut batch = spare.lock().pop().unwrap_or_default();
            let position = reader.read(&mut batch, records_max, steps)?;
            Ok((batch, position))
        };
        self.outage.call(&self.worker, READING, read).await
    }

    async fn apply(&self, batch: Batch, from: u64, position: u64) -> Result<(), Ending> {
        let apply = Apply { epoch: self.guard.epoch(), batch, from, position };
        let mut batch = self.aggregator.send(apply).await??;
        batch.clear();
        self.spare.lock().push(batch);
        Ok(())
    }
}
