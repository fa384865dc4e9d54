//! Where a partition branch goes on from, decided before a new record is read.
//!
//! | the log says | what happens |
//! | --- | --- |
//! | same id, the last counted record is there and the same | resume |
//! | another id, or another record in that place | stop: the topic was recreated |
//! | it ends before our offset (believed after three equal answers over ten seconds) | stop: truncated |
//! | the last counted record is gone, our offset is not | resume, with a warning that it could not be checked |
//! | it starts after our offset | stop, or go on and write the gap down if that was asked for |
//! | no file | start at the log's start |

use std::sync::Arc;
use std::time::Duration;

use super::{Identity, PartitionStore, advice};
use crate::domain::state::{Gap, LastRecord};
use crate::domain::{Batch, Digest, PartitionState, Rules};
use crate::failure::{Failure, Kind};
use crate::log::topic::{check_topic, existing_topic};
use crate::log::truncation::Truncation;
use crate::log::{Extent, RecordLog, RecordReader};
use crate::points::FaultPoints;
use crate::progress::events::CouldNotVerify;
use crate::supervision::Steps;

/// How often the last counted record is looked for in one try.
const VERIFY_READS_MAX: u32 = 50;

/// What one partition branch is about. The same over all of its epochs.
#[derive(Clone)]
pub struct PartitionJob {
    pub log: Arc<dyn RecordLog>,
    pub store: PartitionStore,
    pub topic: String,
    pub partition: u32,
    pub partitions: u32,
    pub rules: Rules,
    /// Longest wait for a record in one read.
    pub read_wait: Duration,
    /// Offsets that the log no longer has are passed over and written down, instead of a stop.
    pub accept_gap: bool,
    pub allow_compaction: bool,
    pub faults: FaultPoints,
}

/// The state as it was last committed, and a reader that goes on behind it.
pub struct Resumed {
    pub identity: Identity,
    pub state: PartitionState,
    /// The state is on disk just like this.
    pub committed: bool,
    pub reader: Box<dyn RecordReader>,
    pub extent: Extent,
}

/// Tries to resume until it can; remembers between tries what an apparently truncated log said.
pub struct Resume {
    job: PartitionJob,
    truncation: Truncation,
}

impl Resume {
    pub fn new(job: PartitionJob) -> Self {
        Self { job, truncation: Truncation::default() }
    }

    /// One try. Makes the committed files durable, clean and this epoch's own. Whatever may block is a step with a clock of
    /// its own: a log or a disk that is merely slow is not taken for hung, however much there is to do.
    pub fn resume(&mut self, epoch: u64, steps: &Steps) -> Result<Resumed, Failure> {
        self.job.faults.hit("consumer.start")?;
        steps.begin("asking the log for its topic");
        let identity = self.identity()?;
        steps.begin("recovering the file");
        let recovered = self.recover(epoch, &identity, steps)?;
        steps.begin("asking the log where the partition starts and ends");
        let extent = self.job.log.extent(self.job.partition)?;
        let Some(state) = recovered else {
            let state = PartitionState::new(self.job.rules, extent.start);
            let reader = self.open_reader(extent.start, steps)?;
            return Ok(Resumed { identity, state, committed: false, reader, extent });
        };
        if extent.end < state.next_offset {
            return Err(self.truncated(extent.end, state.next_offset));
        }
        self.truncation.over();
        if extent.start > state.next_offset {
            let state = self.over_the_gap(state, extent.start)?;
            let reader = self.open_reader(state.next_offset, steps)?;
            return Ok(Resumed { identity, state, committed: false, reader, extent });
        }
        let reader = self.verified_reader(&state, extent, steps)?;
        Ok(Resumed { identity, state, committed: true, reader, extent })
    }

    fn identity(&self) -> Result<Identity, Failure> {
        let job = &self.job;
        let topic = existing_topic(&*job.log)?;
        check_topic(&*job.log, &topic, job.partitions, job.allow_compaction)?;
        Ok(Identity {
            topic: job.topic.clone(),
            log_id: topic.log_id,
            partition: job.partition,
            partitions: job.partitions,
        })
    }

    fn recover(&self, epoch: u64, identity: &Identity, steps: &Steps) -> Result<Option<PartitionState>, Failure> {
        let steps = steps.clone();
        self.job.store.reporting(move || steps.got_on()).recover(epoch, identity, &self.job.rules)
    }

    /// Only one reader of a partition lives at a time: an earlier one is dropped before.
    fn open_reader(&self, from: u64, steps: &Steps) -> Result<Box<dyn RecordReader>, Failure> {
        steps.begin("opening the partition's reader");
        self.job.log.open_reader(self.job.partition, from)
    }

    fn truncated(&mut self, end: u64, next_offset: u64) -> Failure {
        let (partition, name) = (self.job.partition, self.job.log.name());
        let what = format!("partition {partition} of {name} ends at offset {end}, before our offset {next_offset}");
        self.truncation.failure(partition, end, what, |what| {
            Failure::fatal(Kind::Data, format!("{what}: records that were counted are gone"))
                .advice(format!("restore the topic, or {}", advice::rebuild(partition)))
        })
    }

    /// The state as it goes on behind offsets that the log lost, if that is wanted.
    fn over_the_gap(&self, mut state: PartitionState, to: u64) -> Result<PartitionState, Failure> {
        let (partition, from) = (self.job.partition, state.next_offset);
        if !self.job.accept_gap {
            return Err(Failure::fatal(
                Kind::Data,
                format!(
                    "partition {partition} of {} starts at offset {to}, after our offset {from}: {} offsets were deleted before they were counted",
                    self.job.log.name(),
                    to - from
                ),
            )
            .advice(format!(
                "go on without them by --accept-gap, which writes the gap into the file, or count what is left with isotherm rebuild {partition} --accept-loss and the same settings"
            )));
        }
        state.gaps.push(Gap { from, to });
        state.next_offset = to;
        Ok(state)
    }

    /// A reader behind the last counted record, which is read again and compared, if the log still has it.
    fn verified_reader(
        &self,
        state: &PartitionState,
        extent: Extent,
        steps: &Steps,
    ) -> Result<Box<dyn RecordReader>, Failure> {
        let Some(last) = &state.last_record else { return self.open_reader(state.next_offset, steps) };
        if last.offset >= extent.start {
            let mut reader = self.open_reader(last.offset, steps)?;
            if self.is_there(last, &mut *reader, steps)? {
                return Ok(reader);
            }
        }
        let (partition, next_offset) = (self.job.partition, state.next_offset);
        CouldNotVerify { partition, next_offset, last_record_offset: last.offset }.emit();
        self.open_reader(next_offset, steps)
    }

    /// Whether the last counted record is the reader's first one. Another one in its place is Fatal.
    fn is_there(&self, last: &LastRecord, reader: &mut dyn RecordReader, steps: &Steps) -> Result<bool, Failure> {
        let (job, partition) = (&self.job, self.job.partition);
        let mut batch = Batch::default();
        for _ in 0..VERIFY_READS_MAX {
            steps.begin("reading the last counted record again");
            let position = reader.read(&mut batch, 1, job.read_wait)?;
            let Some(record) = batch.records().next() else {
                if position > last.offset {
                    return Ok(false);
                }
                continue;
            };
            if record.offset != last.offset {
                return Ok(false);
            }
            let found = Digest::of(record).to_string();
            if found == last.fingerprint {
                return Ok(true);
            }
            return Err(Failure::fatal(
                Kind::Data,
                format!(
                    "the record at offset {} of partition {partition} of {} is not the one that was counted: its fingerprint is {found}, it was {}",
                    last.offset,
                    job.log.name(),
                    last.fingerprint
                ),
            )
            .advice(format!(
                "the topic was deleted and made again: use another state.dir for it, or {}",
                advice::rebuild(partition)
            )));
        }
        Err(Failure::retryable(
            Kind::Unavailable,
            format!("offset {} of partition {partition} of {} could not be read again", last.offset, job.log.name()),
        ))
    }
}
