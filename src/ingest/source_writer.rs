//! The producer's blocking half: log and `source.json`, on the thread `isotherm-produce`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use serde_json::Value;

use super::cursor::Fenced;
use super::messages::{Attached, Produce};
use super::read_back::ReadBack;
use super::{CursorStore, SourceState};
use crate::domain::{Readings, Record};
use crate::failure::{Failure, Kind, Origin, Severity};
use crate::log::partitioner::partition_of;
use crate::log::topic::{check_topic, existing_topic};
use crate::log::truncation::Truncation;
use crate::log::{Outgoing, RecordLog, RecordWriter, failures};
use crate::points::FaultPoints;
use crate::progress::events;
use crate::source::Kept;
use crate::source::files::FileRecord;
use crate::supervision::Steps;

/// What the ingest branch is about. The same over all of its epochs.
#[derive(Clone)]
pub struct IngestJob {
    pub log: Arc<dyn RecordLog>,
    pub cursor_store: CursorStore,
    pub topic: String,
    pub partitions: u32,
    pub allow_compaction: bool,
    /// Of the source, as `source.json` keeps them.
    pub kind: String,
    pub parameters: Value,
    pub new_source_id: fn() -> String,
    /// Whether records that are not visible are taken to be of others.
    pub skip_hidden: bool,
    /// A writer was replaced, and none has written since.
    pub was_replaced: Arc<AtomicBool>,
    pub faults: FaultPoints,
}

impl IngestJob {
    /// A step that may block begins, with a clock of its own. It also keeps the fence from taking the work inside for hung.
    fn begin(&self, steps: &Steps, step: &'static str) {
        steps.begin(step);
        self.cursor_store.got_on();
    }

    /// The store for a step that reads or writes `source.json`: each call on the disk has a clock of its own.
    fn begin_on_disk(&self, steps: &Steps, step: &'static str) -> CursorStore {
        self.begin(steps, step);
        let steps = steps.clone();
        self.cursor_store.reporting(move || steps.got_on())
    }
}

/// Owns the client that writes.
pub struct SourceWriter {
    job: IngestJob,
    /// `None` before [`SourceWriter::open`].
    state: Option<SourceState>,
    /// Taken out for each write: after a failure or a panic it is dropped, with all that it had queued, before the fence is
    /// left.
    writer: Option<Box<dyn RecordWriter>>,
    read_back: ReadBack,
    /// Partitions to which something was written.
    written: BTreeSet<u32>,
    truncation: Truncation,
}

impl SourceWriter {
    pub fn new(job: IngestJob) -> Self {
        Self {
            job,
            state: None,
            writer: None,
            read_back: ReadBack::default(),
            written: BTreeSet::new(),
            truncation: Truncation::default(),
        }
    }

    /// Reads the cursor and makes sure that it belongs to this source, topic and log, and that the log still has what
    /// was acknowledged. From then on no earlier writer of the source appends anything.
    pub fn open(&mut self, epoch: u64, steps: &Steps) -> Result<Attached, Failure> {
        let Self { job, truncation, .. } = self;
        let inside = job.cursor_store.enter(epoch)?;
        job.faults.hit("producer.start")?;
        job.begin(steps, "asking the log for its topic");
        let topic = existing_topic(&*job.log)?;
        check_topic(&*job.log, &topic, job.partitions, job.allow_compaction)?;
        let fresh = SourceState {
            id: (job.new_source_id)(),
            kind: job.kind.clone(),
            parameters: job.parameters.clone(),
            topic: job.topic.clone(),
            log_id: topic.log_id,
            partitions: job.partitions,
            cursor: Value::Null,
            readings: 0,
            acknowledged: BTreeMap::new(),
            log_had_records: false,
            files: None,
        };
        let cursor_store = job.begin_on_disk(steps, "recovering source.json");
        let (state, files) = match cursor_store.recover(&inside)? {
            // On disk before anything is sent, as later ones are after a recovery: on a full disk the same readings would
            // otherwise be sent again at every try.
            None => {
                job.begin(steps, "asking the log where its partitions end");
                let every: Vec<u32> = (0..job.partitions).collect();
                let acknowledged: BTreeMap<u32, u64> =
                    every.iter().copied().zip(job.log.high_watermarks(&every)?).collect();
                let log_had_records = acknowledged.values().any(|end| *end > 0);
                let mut fresh = SourceState { log_had_records, acknowledged, ..fresh };
                job.begin_on_disk(steps, "writing source.json").commit(&inside, &mut fresh, &[])?;
                (fresh, Vec::new())
            }
            Some((mut stored, files)) => {
                same_source(&stored, &fresh)?;
                if stored.id.is_empty() {
                    stored.id = fresh.id;
                    cursor_store.commit(&inside, &mut stored, &[])?;
                }
                job.begin(steps, "asking the log where its partitions end");
                still_there(&*job.log, &stored, truncation)?;
                (stored, files)
            }
        };
        job.begin(steps, "opening the writer");
        self.writer = Some(job.log.open_writer(&state.id)?);
        let state = self.state.insert(state);
        let cursor = Some(&state.cursor).filter(|cursor| !cursor.is_null()).cloned();
        let kept = Kept { cursor, files, log_has_records: state.log_had_records };
        Ok(Attached { kept, readings: state.readings })
    }

    /// Finds what an earlier writer may have written without hearing so, which is everything that has to be seen before
    /// anything is sent.
    pub fn look_back(&mut self, epoch: u64, steps: &Steps) -> Result<(), Failure> {
        let Self { job, state, .. } = self;
        let _inside = job.cursor_store.enter(epoch)?;
        let state = state.as_ref().ok_or_else(unopened)?;
        let got_on = || job.begin(steps, "asking the log where its partitions end");
        got_on();
        self.read_back = ReadBack::find(&*job.log, job.partitions, &state.acknowledged, job.skip_hidden, got_on)?;
        Ok(())
    }

    /// Writes the messages in order, waits for every acknowledgement, then commits the last one's cursor. Gives back the
    /// readings of each.
    ///
    /// After a failure this writer is of no more use: the next epoch opens a new one from the stored cursor.
    pub fn write(&mut self, epoch: u64, messages: Vec<Produce>, steps: &Steps) -> Result<Vec<Readings>, Failure> {
        let cursor_store = self.job.cursor_store.clone();
        let inside = cursor_store.enter(epoch)?;
        let mut writer = self.writer.take().ok_or_else(unopened)?;
        let written = self.write_fenced(&inside, &mut *writer, messages, steps);
        let was_replaced = &self.job.was_replaced;
        match written {
            Ok(written) => {
                was_replaced.store(false, Relaxed);
                self.writer = Some(writer);
                Ok(written)
            }
            Err(failure) if failure.origin == Origin::Replaced && was_replaced.swap(true, Relaxed) => {
                Err(Failure { severity: Severity::Fatal, ..failure }.advice(
                    "another isotherm writes with a copy of this state folder: stop one of them, and give it a state.dir of its own",
                ))
            }
            Err(failure) => Err(failure),
        }
    }

    /// Whether readers see all that was written here: what was committed may not be visible yet, and another producer's open
    /// transaction hides what lies behind it. A Retryable failure if they do not.
    pub fn check_visible(&self, steps: &Steps) -> Result<(), Failure> {
        let Self { job, state, written, .. } = self;
        let state = state.as_ref().ok_or_else(unopened)?;
        for &partition in written.iter().filter(|_| !job.skip_hidden) {
            job.begin(steps, "asking the log where its partitions end");
            let (end, acknowledged) = (job.log.extent(partition)?.end, state.acknowledged[&partition]);
            if end < acknowledged {
                return Err(failures::hidden(&job.log.name(), partition, end, acknowledged));
            }
        }
        Ok(())
    }

    fn write_fenced(
        &mut self,
        inside: &Fenced<'_>,
        writer: &mut dyn RecordWriter,
        mut messages: Vec<Produce>,
        steps: &Steps,
    ) -> Result<Vec<Readings>, Failure> {
        let job = &self.job;
        let state = self.state.as_mut().ok_or_else(unopened)?;
        let records = messages.iter().flat_map(|message| message.readings.records());
        let outgoing = |Record { key, value, .. }| {
            let partition = partition_of(key.unwrap_or_default(), job.partitions);
            Outgoing { partition, key, value }
        };
        let mut records: Vec<Outgoing<'_>> = records.map(outgoing).collect();
        let readings = records.len();
        if messages.iter().any(|message| message.compared) {
            state.acknowledged.extend(self.read_back.end());
        } else if !self.read_back.is_empty() {
            let got_on = || job.begin(steps, "reading back what the log has already");
            state.acknowledged.extend(self.read_back.take_known(&*job.log, &mut records, got_on)?);
            if records.len() < readings {
                events::known(readings - records.len());
            }
            job.faults.hit("producer.read_back")?;
            job.begin(steps, "writing to the log");
        }
        job.faults.hit("producer.send")?;
        let mut ends = BTreeMap::new();
        if !records.is_empty() {
            ends = writer.write(&records)?;
            job.begin(steps, "committing to the log");
            writer.commit()?;
        }
        job.faults.hit("producer.acknowledge")?;
        job.begin(steps, "asking the log which topic it has");
        // A topic that is deleted under a producer can come back by itself, and every send to the new one is "ok".
        let log_id = job.log.log_id()?;
        if log_id.as_ref() != Some(&state.log_id) {
            return Err(Failure::fatal(
                Kind::Data,
                format!("{} was deleted while it was written to; the cursor was left as it is", job.log.name()),
            )
            .advice("send everything again with log.on_start = \"recreate\""));
        }
        self.written.extend(ends.keys());
        state.acknowledged.extend(ends);
        state.readings += readings as u64;
        drop(records);
        let files: Vec<FileRecord> = messages.iter_mut().flat_map(|message| message.files.drain(..)).collect();
        if let Some(last) = messages.last() {
            state.cursor = last.cursor.clone();
        }
        job.faults.hit("producer.cursor_commit")?;
        job.begin_on_disk(steps, "writing source.json").commit(inside, state, &files)?;
        job.faults.hit("producer.reply")?;
        Ok(messages.into_iter().map(|message| message.readings).collect())
    }
}

fn unopened() -> Failure {
    Failure::fatal(Kind::Internal, "the producer writes before it has opened the log")
}

/// Refuses a log that has lost what was acknowledged. Readers need not see all of it: an open transaction of another
/// producer hides what lies behind it.
fn still_there(log: &dyn RecordLog, stored: &SourceState, truncation: &mut Truncation) -> Result<(), Failure> {
    let partitions: Vec<u32> = stored.acknowledged.keys().copied().collect();
    let ends = log.high_watermarks(&partitions)?;
    for ((partition, &acknowledged), end) in stored.acknowledged.iter().zip(ends) {
        if end < acknowledged {
            let what = format!(
                "partition {partition} of {} ends at offset {end}, but records up to {acknowledged} were acknowledged",
                log.name()
            );
            return Err(truncation.failure(*partition, end, what, |what| {
                Failure::fatal(Kind::Data, format!("{what}: {} are gone", acknowledged - end))
                    .advice("restore the topic, or send everything again with log.on_start = \"recreate\"")
            }));
        }
    }
    truncation.over();
    Ok(())
}

/// Refuses a cursor that was stored for something else.
fn same_source(stored: &SourceState, now: &SourceState) -> Result<(), Failure> {
    let partitions = |state: &SourceState| state.partitions.to_string();
    let differences = [
        ("source.kind", stored.kind.clone(), now.kind.clone()),
        ("the source's parameters", stored.parameters.to_string(), now.parameters.to_string()),
        ("log.topic", stored.topic.clone(), now.topic.clone()),
        ("log.partitions", partitions(stored), partitions(now)),
        ("the topic's id (it was deleted and made again)", stored.log_id.clone(), now.log_id.clone()),
    ];
    match differences.into_iter().find(|(_, stored, now)| stored != now) {
        None => Ok(()),
        Some((what, stored, now)) => Err(Failure::fatal(
            Kind::Data,
            format!("source.json is of another source: {what} was {stored}, and is {now}"),
        )
        .advice(
            "set it back; or use another state.dir and another log.topic, or both sources are counted together; or start over \
             with log.on_start = \"recreate\", which deletes all records of the topic",
        )),
    }
}
