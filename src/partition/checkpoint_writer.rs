//! Owns the partition's files: recovers them, and puts snapshots on disk.

use std::sync::Arc;

use actix::prelude::*;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::messages::{Commit, Committed, Recover};
use super::writer::PartitionWriter;
use crate::domain::PartitionState;
use crate::progress::{Progress, SlowLog, events};
use crate::supervision::{Drain, Ending, Guard, Heartbeat, Outage, Pulse, Refused, Worker};

/// Owns the thread `isotherm-write-N`, on which the recovery and every commit of its partition run. A full disk is waited out.
pub struct CheckpointWriter {
    guard: Guard,
    partition: u32,
    worker: Arc<Worker<PartitionWriter>>,
    outage: Outage,
    progress: Progress,
    slow_log: SlowLog,
}

impl CheckpointWriter {
    pub fn new(
        guard: Guard,
        partition: u32,
        worker: Worker<PartitionWriter>,
        outage: Outage,
        progress: Progress,
    ) -> Self {
        Self { guard, partition, worker: Arc::new(worker), outage, progress, slow_log: SlowLog::default() }
    }
}

impl Actor for CheckpointWriter {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Self::Context) {
        self.guard.ready(None);
    }
}

impl Handler<Recover> for CheckpointWriter {
    type Result = ResponseActFuture<Self, Result<Option<PartitionState>, Refused>>;

    fn handle(&mut self, recover: Recover, _: &mut Self::Context) -> Self::Result {
        let epoch = self.guard.epoch();
        if recover.epoch != epoch {
            return Box::pin(fut::ready(Err(Refused)));
        }
        let (worker, outage, steps) = (self.worker.clone(), self.outage.clone(), self.worker.steps());
        let try_once = move |writer: &mut PartitionWriter| writer.recover(epoch, &steps);
        let recovered = async move { outage.call(&worker, "the recovery", try_once).await };
        Box::pin(recovered.into_actor(self).map(|recovered, actor, context| {
            recovered.map_err(|ending| {
                actor.guard.end(ending, context);
                Refused
            })
        }))
    }
}

impl Handler<Commit> for CheckpointWriter {
    type Result = ResponseActFuture<Self, Result<Committed, Refused>>;

    fn handle(&mut self, commit: Commit, _: &mut Self::Context) -> Self::Result {
        let epoch = self.guard.epoch();
        if commit.epoch != epoch {
            return Box::pin(fut::ready(Err(Refused)));
        }
        let (worker, outage, progress) = (self.worker.clone(), self.outage.clone(), self.progress.clone());
        let begun = Instant::now();
        let next_offset = commit.snapshot.state.next_offset;
        let snapshot = Arc::new(Mutex::new(Some(commit.snapshot)));
        let steps = worker.steps();
        let try_once = move |writer: &mut PartitionWriter| {
            let mut snapshot = snapshot.lock();
            let held = snapshot.as_ref().expect("the try that takes it is the last");
            let log_took = writer.commit(epoch, held, &steps)?;
            // To free a large one takes a while, in which the aggregator's thread would count nothing.
            *snapshot = None;
            Ok(log_took)
        };
        let partition = self.partition;
        let written = async move {
            let (log_took, took) = outage.timed_call(&worker, "the commit", try_once).await?;
            events::Committed { partition, next_offset, took: begun.elapsed() }.emit(&progress);
            Ok((Committed { next_offset, write_took: took.saturating_sub(log_took) }, log_took))
        };
        Box::pin(written.into_actor(self).map(move |written: Result<_, Ending>, actor, context| match written {
            Ok((committed, log_took)) => {
                actor.slow_log.answered(partition, log_took);
                Ok(committed)
            }
            Err(ending) => {
                actor.guard.end(ending, context);
                Err(Refused)
            }
        }))
    }
}

impl Handler<Heartbeat> for CheckpointWriter {
    type Result = Pulse;

    fn handle(&mut self, _: Heartbeat, _: &mut Self::Context) -> Pulse {
        Pulse { busy: self.worker.busy() }
    }
}

/// The aggregator has been drained before, so no commit is under way.
impl Handler<Drain> for CheckpointWriter {
    type Result = ();

    fn handle(&mut self, _: Drain, _: &mut Self::Context) {
        self.guard.drained();
    }
}
