//! Puts snapshots on disk.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::messages::{Commit, Committed};
use super::resume::PartitionJob;
use super::{Identity, advice};
use crate::domain::Snapshot;
use crate::failure::{Failure, Kind};
use crate::progress::{Progress, SlowLog, events};
use crate::supervision::{Drain, Ending, Guard, Heartbeat, Patience, Pulse, Refused, Steps, Worker};

/// Owns the thread `isotherm-write-N`, on which every commit of its partition runs. A full disk is waited out.
pub struct CheckpointWriter {
    guard: Guard,
    worker: Arc<Worker<PartitionJob>>,
    patience: Patience,
    progress: Progress,
    slow_log: SlowLog,
}

impl CheckpointWriter {
    /// `worker` owns what the branch is about.
    pub fn new(guard: Guard, worker: Worker<PartitionJob>, patience: Patience, progress: Progress) -> Self {
        Self { guard, worker: Arc::new(worker), patience, progress, slow_log: SlowLog::default() }
    }
}

impl Actor for CheckpointWriter {
    type Context = Context<Self>;

    fn started(&mut self, _: &mut Self::Context) {
        self.guard.ready(None);
    }
}

impl Handler<Commit> for CheckpointWriter {
    type Result = ResponseActFuture<Self, Result<Committed, Refused>>;

    fn handle(&mut self, commit: Commit, _: &mut Self::Context) -> Self::Result {
        let epoch = self.guard.epoch();
        if commit.epoch != epoch {
            return Box::pin(fut::ready(Err(Refused)));
        }
        let (worker, patience, progress) = (self.worker.clone(), self.patience.clone(), self.progress.clone());
        let begun = Instant::now();
        let identity = commit.identity;
        let partition = identity.partition;
        let next_offset = commit.snapshot.next_offset;
        let snapshot = Arc::new(Mutex::new(Some(commit.snapshot)));
        let steps = worker.steps();
        let try_once = move |job: &mut PartitionJob| {
            let mut snapshot = snapshot.lock();
            let held = snapshot.as_ref().expect("the try that takes it is the last");
            let log_took = commit_once(job, epoch, &identity, held, &steps)?;
            // To free a large one takes a while, in which the aggregator's thread would count nothing.
            *snapshot = None;
            Ok(log_took)
        };
        let written = async move {
            let (log_took, took) = patience.timed_call(&worker, "the commit", try_once).await?;
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

/// One try, and how long the log took for its part. The file is written right after the log has said which topic it has:
/// see [`check_log`].
fn commit_once(
    job: &PartitionJob,
    epoch: u64,
    identity: &Identity,
    snapshot: &Snapshot,
    steps: &Steps,
) -> Result<Duration, Failure> {
    job.faults.hit("writer.commit")?;
    steps.begin("asking the log which topic it has");
    let asked_at = Instant::now();
    check_log(job, identity)?;
    let asking_took = asked_at.elapsed();
    steps.begin("writing the file");
    let got_on = steps.clone();
    job.store.reporting(move || got_on.got_on()).commit(epoch, identity, snapshot)?;
    steps.begin("publishing the committed offset");
    let published_at = Instant::now();
    if let Err(failure) = job.log.publish_committed(identity.partition, snapshot.next_offset) {
        tracing::debug!(partition = identity.partition, cause = %failure, "the committed offset was not published");
    }
    let log_took = asking_took + published_at.elapsed();
    job.faults.hit("writer.reply")?;
    Ok(log_took)
}

/// A topic that is deleted and made again under a running consumer is read on in silence. So the log is asked which one
/// it is after the last record of the snapshot has arrived and before anything is written.
fn check_log(job: &PartitionJob, identity: &Identity) -> Result<(), Failure> {
    let log_id = job.log.log_id()?;
    if log_id.as_ref() == Some(&identity.log_id) {
        return Ok(());
    }
    Err(Failure::fatal(
        Kind::Data,
        format!(
            "{} was deleted{} while partition {} was counted; nothing of it was written",
            job.log.name(),
            if log_id.is_some() { " and made again" } else { "" },
            identity.partition
        ),
    )
    .advice(format!("use another state.dir for the new topic, or {}", advice::rebuild(identity.partition))))
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
