//! Reads one partition and hands its records on, batch by batch.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use futures_util::future::join;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use super::aggregator::Aggregator;
use super::messages::{Apply, Flush, Load};
use super::resume::{PartitionJob, Resume, Resumed};
use crate::domain::Batch;
use crate::failure::{Failure, Kind};
use crate::log::RecordReader;
use crate::points::FaultPoints;
use crate::progress::Progress;
use crate::supervision::{Drain, Ending, Guard, Heartbeat, Patience, Pulse, Steps, Worker};

/// The call by which a batch is read, and its last step.
const READING: &str = "reading the log";
/// How often the log is asked where it ends, to show the lag.
const EXTENT_INTERVAL: Duration = Duration::from_secs(1);

/// The offset at which a partition's work is done; `None` while that is not known. The same over all epochs.
pub type Goal = watch::Receiver<Option<u64>>;

/// Resumes from the last committed file, then reads on. The next batch is read while the last one is applied; no more than
/// these two are under way. Ends well once everything below its goal is on disk.
pub struct PartitionConsumer {
    guard: Guard,
    story: Story,
    running: Option<SpawnHandle>,
}

/// What the worker's thread `isotherm-read-N` owns.
pub struct PartitionReader {
    resume: Resume,
    partition: u32,
    log: Arc<dyn crate::log::RecordLog>,
    read_wait: Duration,
    faults: FaultPoints,
    progress: Progress,
    reader: Option<Box<dyn RecordReader>>,
    extent_at: Instant,
}

#[derive(Clone)]
struct Story {
    epoch: u64,
    worker: Arc<Worker<PartitionReader>>,
    aggregator: Addr<Aggregator>,
    patience: Patience,
    goal: Goal,
    batch_records: usize,
    /// Batches whose records were applied: at most two, used again and again.
    spare: Arc<Mutex<Vec<Batch>>>,
}

impl PartitionReader {
    pub fn new(job: PartitionJob, progress: Progress) -> Self {
        Self {
            partition: job.partition,
            log: job.log.clone(),
            read_wait: job.read_wait,
            faults: job.faults.clone(),
            resume: Resume::new(job),
            progress,
            reader: None,
            extent_at: Instant::now(),
        }
    }

    fn resume(&mut self, epoch: u64, steps: &Steps) -> Result<Load, Failure> {
        let Resumed { identity, state, committed, reader, extent } = self.resume.resume(epoch, steps)?;
        self.reader = Some(reader);
        self.progress.partition(self.partition).set_end(extent.end);
        Ok(Load { epoch, identity, state, committed })
    }

    fn read(&mut self, batch: &mut Batch, records_max: usize, steps: &Steps) -> Result<u64, Failure> {
        self.faults.hit("consumer.read")?;
        if self.extent_at.elapsed() >= EXTENT_INTERVAL {
            self.extent_at = Instant::now();
            steps.begin("asking the log where the partition ends");
            // A log that is away is noticed by the read; this is only for people.
            if let Ok(extent) = self.log.extent(self.partition) {
                self.progress.partition(self.partition).set_end(extent.end);
            }
        }
        let reader = self.reader.as_mut().ok_or_else(|| {
            Failure::fatal(Kind::Internal, format!("partition {} is read before it resumed", self.partition))
        })?;
        steps.begin(READING);
        let position = reader.read(batch, records_max, self.read_wait)?;
        let progress = self.progress.partition(self.partition);
        progress.set_end(progress.end().max(position));
        Ok(position)
    }
}

impl PartitionConsumer {
    pub fn new(
        guard: Guard,
        worker: Worker<PartitionReader>,
        aggregator: Addr<Aggregator>,
        patience: Patience,
        goal: Goal,
        batch_records: usize,
    ) -> Self {
        let story = Story {
            epoch: guard.epoch(),
            worker: Arc::new(worker),
            aggregator,
            patience,
            goal,
            batch_records,
            spare: Arc::default(),
        };
        Self { guard, story, running: None }
    }
}

impl Actor for PartitionConsumer {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Self::Context) {
        let story = self.story.clone();
        let resumed = async move { story.resume().await }.into_actor(self);
        self.running = Some(context.spawn(resumed.map(|resumed, actor, context| match resumed {
            Ok(next_offset) => {
                actor.guard.ready(Some(next_offset));
                let story = actor.story.clone();
                let read = async move { story.read_on(next_offset).await }.into_actor(actor);
                actor.running = Some(context.spawn(read.map(|ended, actor, context| {
                    actor.guard.end(ended.unwrap_or_else(|ending| ending), context);
                })));
            }
            Err(ending) => actor.guard.end(ending, context),
        })));
    }
}

impl Story {
    /// Gives the aggregator the state that is on disk; the offset that it goes on from.
    async fn resume(&self) -> Result<u64, Ending> {
        let (epoch, steps) = (self.epoch, self.worker.steps());
        let resume = move |reader: &mut PartitionReader| reader.resume(epoch, &steps);
        let load = self.patience.call(&self.worker, "resuming", resume).await?;
        let next_offset = load.state.next_offset;
        self.aggregator.send(load).await??;
        Ok(next_offset)
    }

    async fn read_on(&self, mut position: u64) -> Result<Ending, Ending> {
        let (mut batch, mut from) = (Batch::default(), position);
        loop {
            let reached = self.goal.borrow().is_some_and(|goal| position >= goal);
            if reached {
                self.apply(batch, from, position).await?;
                self.aggregator.send(Flush { epoch: self.epoch }).await??;
                return Ok(Ending::Finished);
            }
            let (applied, read) = join(self.apply(batch, from, position), self.read()).await;
            applied?;
            from = position;
            (batch, position) = read?;
        }
    }

    async fn read(&self) -> Result<(Batch, u64), Ending> {
        let (spare, records_max, steps) = (self.spare.clone(), self.batch_records, self.worker.steps());
        let read = move |reader: &mut PartitionReader| {
            let mut batch = spare.lock().pop().unwrap_or_default();
            let position = reader.read(&mut batch, records_max, &steps)?;
            Ok((batch, position))
        };
        self.patience.call(&self.worker, READING, read).await
    }

    async fn apply(&self, batch: Batch, from: u64, position: u64) -> Result<(), Ending> {
        let applied = self.aggregator.send(Apply { epoch: self.epoch, batch, from, position }).await??;
        let mut batch = applied.batch;
        batch.clear();
        self.spare.lock().push(batch);
        Ok(())
    }
}

impl Handler<Heartbeat> for PartitionConsumer {
    type Result = Pulse;

    fn handle(&mut self, _: Heartbeat, _: &mut Self::Context) -> Pulse {
        Pulse { busy: self.story.worker.busy() }
    }
}

/// Stops reading. What was read and not applied yet is read again next time.
impl Handler<Drain> for PartitionConsumer {
    type Result = ();

    fn handle(&mut self, _: Drain, context: &mut Self::Context) {
        if let Some(running) = self.running.take() {
            context.cancel_future(running);
        }
        self.guard.drained();
    }
}
