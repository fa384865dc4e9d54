//! Owns the partition's files: recovers them, and puts snapshots on disk.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::job::PartitionJob;
use super::messages::{Commit, Recover};
use super::writer::PartitionWriter;
use crate::domain::PartitionState;
use crate::progress::events;
use crate::supervision::actor::{Actor, Context, Handler, Reply, reply, reply_after};
use crate::supervision::{Busy, Drain, Guard, Heartbeat, Outage, Refused, Steps, Worker};

/// Owns the thread `isotherm-write-N`, on which the recovery and every commit of its partition run. A full disk is waited out.
pub struct CheckpointWriter {
    guard: Guard,
    worker: Arc<Worker<PartitionWriter>>,
    job: PartitionJob,
    outage: Outage,
}

impl CheckpointWriter {
    pub fn new(guard: Guard, worker: Worker<PartitionWriter>, job: PartitionJob, outage: Outage) -> Self {
        Self { guard, worker: Arc::new(worker), job, outage }
    }
}

impl Actor for CheckpointWriter {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Self::Context) {
        self.guard.ready(None);
    }
}

impl Handler<Recover> for CheckpointWriter {
    type Result = Reply<Self, Result<Option<PartitionState>, Refused>>;

    fn handle(&mut self, recover: Recover, _: &mut Self::Context) -> Self::Result {
        if let Err(refused) = self.guard.admit(recover.epoch) {
            return reply(Err(refused));
        }
        let try_once = move |writer: &mut PartitionWriter, steps: &Steps| writer.recover(recover.epoch, steps);
        let recovered = self.outage.call(&self.worker, "the recovery", try_once);
        reply_after(recovered, |recovered, actor: &mut Self, context| {
            recovered.map_err(|ending| actor.guard.refuse(ending, context))
        })
    }
}

impl Handler<Commit> for CheckpointWriter {
    type Result = Reply<Self, Result<Duration, Refused>>;

    fn handle(&mut self, commit: Commit, _: &mut Self::Context) -> Self::Result {
        if let Err(refused) = self.guard.admit(commit.epoch) {
            return reply(Err(refused));
        }
        let begun = Instant::now();
        let next_offset = commit.snapshot.state.next_offset;
        let snapshot = Arc::new(Mutex::new(Some(commit.snapshot)));
        let try_once = move |writer: &mut PartitionWriter, steps: &Steps| {
            let mut snapshot = snapshot.lock();
            let held = snapshot.as_ref().expect("the try that takes it is the last");
            let write_took = writer.commit(commit.epoch, held, steps)?;
            // To free a large one takes a while, in which the aggregator's thread would count nothing.
            *snapshot = None;
            Ok(write_took)
        };
        let written = self.outage.call(&self.worker, "the commit", try_once);
        reply_after(written, move |written, actor: &mut Self, context| {
            let write_took = written.map_err(|ending| actor.guard.refuse(ending, context))?;
            events::committed(&actor.job.progress, actor.job.partition, next_offset, begun.elapsed());
            Ok(write_took)
        })
    }
}

impl Handler<Heartbeat> for CheckpointWriter {
    type Result = Option<Busy>;

    fn handle(&mut self, _: Heartbeat, _: &mut Self::Context) -> Option<Busy> {
        self.worker.busy()
    }
}

/// The aggregator has been drained before, so no commit is under way.
impl Handler<Drain> for CheckpointWriter {
    type Result = ();

    fn handle(&mut self, _: Drain, _: &mut Self::Context) {
        self.guard.drained();
    }
}
