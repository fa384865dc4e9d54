//! The producer's blocking half: log and `source.json`, on the thread `isotherm-produce`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::cursor::Fenced;
use super::messages::{Attached, Produce};
use super::{CursorStore, SourceState};
use crate::domain::{Readings, Record};
use crate::failure::{Failure, Kind};
use crate::log::partitioner::partition_of;
use crate::log::topic::{check_topic, existing_topic};
use crate::log::truncation::Truncation;
use crate::log::{Outgoing, RecordLog, RecordWriter};
use crate::points::FaultPoints;
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
    truncation: Truncation,
}

impl SourceWriter {
    pub fn new(job: IngestJob) -> Self {
        Self { job, state: None, writer: None, truncation: Truncation::default() }
    }

    /// Reads the cursor and makes sure that it belongs to this source, topic and log, and that the log still has what
    /// was acknowledged.
    pub fn open(&mut self, epoch: u64, steps: &Steps) -> Result<Attached, Failure> {
        let Self { job, truncation, .. } = self;
        let inside = job.cursor_store.enter(epoch)?;
        job.faults.hit("producer.start")?;
        job.begin(steps, "asking the log for its topic");
        let topic = existing_topic(&*job.log)?;
        check_topic(&*job.log, &topic, job.partitions, job.allow_compaction)?;
        let fresh = SourceState {
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
                let log_had_records = job.log.high_watermarks(&every)?.into_iter().any(|end| end > 0);
                let mut fresh = SourceState { log_had_records, ..fresh };
                job.begin_on_disk(steps, "writing source.json").commit(&inside, &mut fresh, &[])?;
                (fresh, Vec::new())
            }
            Some((stored, files)) => {
                same_source(&stored, &fresh)?;
                job.begin(steps, "asking the log where its partitions end");
                still_there(&*job.log, &stored, truncation)?;
                (stored, files)
            }
        };
        job.begin(steps, "opening the writer");
        self.writer = Some(job.log.open_writer()?);
        let state = self.state.insert(state);
        let cursor = Some(&state.cursor).filter(|cursor| !cursor.is_null()).cloned();
        let kept = Kept { cursor, files, log_has_records: state.log_had_records };
        Ok(Attached { kept, readings: state.readings })
    }

    /// Writes the messages in order, waits for every acknowledgement, then commits the last one's cursor. Gives back the
    /// readings of each.
    ///
    /// After a failure this writer is of no more use: the next epoch opens a new one from the stored cursor.
    pub fn write(&mut self, epoch: u64, messages: Vec<Produce>, steps: &Steps) -> Result<Vec<Readings>, Failure> {
        let cursor_store = self.job.cursor_store.clone();
        let inside = cursor_store.enter(epoch)?;
        let mut writer = self.writer.take().ok_or_else(unopened)?;
        let written = self.write_fenced(&inside, &mut *writer, messages, steps)?;
        self.writer = Some(writer);
        Ok(written)
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
        let records: Vec<Outgoing<'_>> = records.map(outgoing).collect();
        job.faults.hit("producer.send")?;
        let ends = if records.is_empty() { BTreeMap::new() } else { writer.write(&records)? };
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
        state.acknowledged.extend(ends);
        state.readings += records.len() as u64;
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
        .advice("set it back, use another state.dir, or start over with log.on_start = \"recreate\"")),
    }
}
