//! Answers what a source asks of the log: the last reading of each day, read from where the log begins to where it ends.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::domain::{Batch, RecordFormat, Rules, Scratch};
use crate::failure::Failure;
use crate::log::partitioner::partition_of;
use crate::log::topic::existing_topic;
use crate::log::{Extent, RecordLog, RecordReader, failures};
use crate::progress::Progress;
use crate::source::files::questions::Questions;
use crate::supervision::Steps;

/// Batches that one call reads before it returns to a caller who may want to stop.
const BATCHES_PER_CALL_MAX: usize = 20;
pub(super) const BATCH_RECORDS_MAX: usize = 5000;
/// A call waits no longer than this for a record, and a log that gives nothing for so many reads is told to be away.
pub(super) const READ_WAIT: Duration = Duration::from_millis(500);
pub(super) const SILENT_READS_MAX: u32 = 60;

/// Reads the log for a source, in as many calls as it takes. After a Retryable failure it goes on where it was.
pub struct LookUp {
    log: Arc<dyn RecordLog>,
    partitions: u32,
    rules: Rules,
    progress: Progress,
    running: Option<Running>,
}

/// A pass over the log.
struct Running {
    /// Partitions, each with the offsets that are still to be read of it.
    left: VecDeque<(u32, u64, u64)>,
    /// Of the first of them.
    reader: Option<Box<dyn RecordReader>>,
    /// Reads in a row that gave nothing.
    silent_reads: u32,
    batch: Batch,
    scratch: Scratch,
}

impl LookUp {
    pub fn new(log: Arc<dyn RecordLog>, partitions: u32, format: RecordFormat, progress: Progress) -> Self {
        let rules = Rules { format, ..Rules::ANY_DEGREES };
        Self { log, partitions, rules, progress, running: None }
    }

    /// Reads on; `true` once everything is answered.
    pub fn go_on(&mut self, questions: &mut Questions, steps: &Steps) -> Result<bool, Failure> {
        let running = match self.running.take() {
            Some(running) => running,
            None => self.begin(questions, steps)?,
        };
        let running = self.running.insert(running);
        for _ in 0..BATCHES_PER_CALL_MAX {
            let Some((partition, from, to)) = running.left.front_mut() else {
                self.running = None;
                return Ok(true);
            };
            if *from >= *to {
                (running.reader, _) = (None, running.left.pop_front());
                continue;
            }
            steps.begin("reading the log to compare");
            let mut reader = match running.reader.take() {
                Some(reader) => reader,
                None => {
                    // Retention may have taken more since the pass began.
                    let start = self.log.extent(*partition)?.start;
                    if start > *from {
                        doubt(questions, &*self.log, self.partitions, (*partition, start));
                        *from = start.min(*to);
                        continue;
                    }
                    self.log.open_reader(*partition, *from)?
                }
            };
            running.batch.clear();
            let next = match reader.read(&mut running.batch, BATCH_RECORDS_MAX, READ_WAIT) {
                // What it took while it was read is seen when the reader is opened anew.
                Err(failure) if !failure.is_retryable() && self.log.extent(*partition)?.start > *from => continue,
                read => read?,
            };
            if running.batch.is_disordered() {
                return Err(failures::disordered(&self.log.name(), *from));
            }
            for record in running.batch.records().take_while(|record| record.offset < *to) {
                if let Ok(reading) = self.rules.check(record, &mut running.scratch) {
                    questions.answer(&reading);
                }
            }
            if next == *from {
                running.silent_reads += 1;
                if running.silent_reads > SILENT_READS_MAX {
                    running.silent_reads = 0;
                    return Err(failures::silent(&self.log.name(), *partition, *from, READ_WAIT * SILENT_READS_MAX));
                }
                running.reader = Some(reader);
                return Ok(false);
            }
            self.progress.source().compared.inc_by(next.min(*to) - *from);
            (*from, running.silent_reads, running.reader) = (next.min(*to), 0, Some(reader));
        }
        Ok(false)
    }

    /// Finds what is to be read: of each partition that can have a station's readings everything, and that has to be visible.
    fn begin(&self, questions: &mut Questions, steps: &Steps) -> Result<Running, Failure> {
        steps.begin("asking the log where its partitions end");
        let partitions: BTreeSet<u32> =
            questions.stations().map(|station| partition_of(station.as_bytes(), self.partitions)).collect();
        let partitions: Vec<u32> = partitions.into_iter().collect();
        let name = self.log.name();
        if existing_topic(&*self.log)?.compacted {
            questions.doubt(|_| true, failures::is_compacted(&name));
        }
        let high_watermarks = self.log.high_watermarks(&partitions)?;
        let (mut left, mut records) = (VecDeque::new(), 0);
        for (&partition, high_watermark) in partitions.iter().zip(high_watermarks) {
            steps.got_on();
            let Extent { start, end } = self.log.extent(partition)?;
            if end < high_watermark {
                return Err(failures::hidden(&name, partition, end, high_watermark));
            }
            if start > 0 {
                doubt(questions, &*self.log, self.partitions, (partition, start));
            }
            records += end - start;
            left.push_back((partition, start, end));
        }
        self.progress.source().compared.set(0);
        self.progress.source().to_compare.set(records);
        Ok(Running { left, reader: None, silent_reads: 0, batch: Batch::default(), scratch: Scratch::default() })
    }
}

/// A partition does not begin at its first offset any more, so it may have had readings of ours.
fn doubt(questions: &mut Questions, log: &dyn RecordLog, partitions: u32, (partition, start): (u32, u64)) {
    let is_of = |station: &str| partition_of(station.as_bytes(), partitions) == partition;
    questions.doubt(is_of, failures::begins_late(&log.name(), partition, start));
}
