//! The checkpoint writer's blocking half: the partition's files, on the thread `isotherm-write-N`.

use std::time::Duration;

use tokio::time::Instant;

use super::job::PartitionJob;
use super::{Identity, advice};
use crate::domain::{PartitionState, Snapshot};
use crate::failure::{Failure, Kind};
use crate::log::membership::Standing;
use crate::log::topic::{check_topic, existing_topic};
use crate::progress::SlowLog;
use crate::supervision::Steps;

/// Recovers the partition's files, then replaces them.
pub struct PartitionWriter {
    job: PartitionJob,
    /// Which log and partition the files belong to; `None` before [`PartitionWriter::recover`].
    identity: Option<Identity>,
    slow_log: SlowLog,
    /// The offset that another process has committed, and since when it is that one.
    found: Option<(u64, Instant)>,
}

impl PartitionWriter {
    pub fn new(job: PartitionJob) -> Self {
        Self { job, identity: None, slow_log: SlowLog::default(), found: None }
    }

    /// One try to recover the committed files: makes them durable, clean and this epoch's own. `None` where there is no file
    /// yet. The log is asked which topic it has before a byte is changed.
    pub fn recover(&mut self, epoch: u64, steps: &Steps) -> Result<Option<PartitionState>, Failure> {
        let Self { job, identity, .. } = self;
        job.faults.hit("writer.recover")?;
        steps.begin("asking the log for its topic");
        let topic = existing_topic(&*job.log)?;
        check_topic(&*job.log, &topic, job.partitions, job.allow_compaction)?;
        let identity = identity.insert(Identity {
            topic: job.topic.clone(),
            log_id: topic.log_id,
            partition: job.partition,
            partitions: job.partitions,
        });
        steps.begin("recovering the file");
        let got_on = steps.clone();
        let recovered = job.store.reporting(move || got_on.got_on()).recover(epoch, identity, &job.rules)?;
        if let Some(state) = &recovered
            && job.store.was_superseded(epoch)?
        {
            steps.begin("asking the group whether it counts this process in");
            self.pass_gate(state.next_offset)?;
        }
        Ok(recovered)
    }

    /// Of two processes that count the same partition each would supersede the other again and again. So one that was superseded asks
    /// the group first; where that cannot be reached, it goes on behind a state that nobody carries on.
    fn pass_gate(&mut self, next_offset: u64) -> Result<(), Failure> {
        let (partition, now) = (self.job.partition, Instant::now());
        let (_, since) = *self.found.get_or_insert((next_offset, now));
        let what = match self.job.log.standing(partition, next_offset) {
            Standing::Member => return Ok(()),
            Standing::Outside => "and the group gives out its partitions anew",
            Standing::Unknown if self.found == Some((next_offset, since)) && now - since >= self.job.gate => {
                return Ok(());
            }
            Standing::Unknown => "and the group cannot be asked",
        };
        if self.found.is_some_and(|(offset, _)| offset != next_offset) {
            self.found = Some((next_offset, now));
        }
        let what =
            format!("partition {partition} is counted by another process, up to the offset {next_offset}, {what}");
        Err(Failure::retryable(Kind::TryAgain, what).advice("counting goes on once the group says so"))
    }

    /// One try to commit; how long it ran without the log's part. The file is written right after the log has said which
    /// topic it has: see [`check_log`].
    pub fn commit(&mut self, epoch: u64, snapshot: &Snapshot, steps: &Steps) -> Result<Duration, Failure> {
        let job = &self.job;
        let identity = self.identity.as_ref().ok_or_else(|| {
            Failure::fatal(Kind::Internal, format!("partition {} is committed before it is recovered", job.partition))
        })?;
        job.faults.hit("writer.commit")?;
        steps.begin("asking the log which topic it has");
        let asked_at = Instant::now();
        check_log(job, identity)?;
        let log_took = asked_at.elapsed();
        steps.begin("writing the file");
        let got_on = steps.clone();
        job.store.reporting(move || got_on.got_on()).commit(epoch, identity, snapshot)?;
        job.log.publish_committed(job.partition, snapshot.state.next_offset);
        job.faults.hit("writer.reply")?;
        self.slow_log.answered(job.partition, log_took);
        Ok(steps.ran().saturating_sub(log_took))
    }
}

/// A topic that is deleted and made again under a running consumer is read on in silence. So the log is asked which one
/// it is after the last record of the snapshot has arrived and before anything is written.
fn check_log(job: &PartitionJob, identity: &Identity) -> Result<(), Failure> {
    let log_id = job.log.log_id()?;
    if log_id.as_ref() == Some(&identity.log_id) {
        return Ok(());
    }
    let (name, partition) = (job.log.name(), job.partition);
    let again = if log_id.is_some() { " and made again" } else { "" };
    let what = format!("{name} was deleted{again} while partition {partition} was counted; nothing of it was written");
    Err(Failure::fatal(Kind::Data, what)
        .advice(format!("use another state.dir for the new topic, or {}", advice::rebuild(partition))))
}
