//! One thread a partition, which reads into a bounded channel.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread;
use std::time::Duration;

use crate::cli::{output, waiting};
use crate::domain::Batch;
use crate::failure::Failure;
use crate::log::{PatientLog, RecordLog};

/// Records of a partition, or why no more can be read.
pub type ReadBatch = Result<(u32, Batch), Failure>;

/// Batches that wait to be printed; each holds at most [`crate::log::BATCH_BYTES_MAX`] and a record.
const WAITING_MAX: usize = 4;
const RECORDS_MAX: usize = 500;
const READ_WAIT: Duration = Duration::from_millis(200);
const TOPIC_LOOK: Duration = Duration::from_millis(500);

/// The threads that read.
pub struct Readers {
    stop: Arc<AtomicBool>,
    /// Disconnected once the last thread has ended.
    ended: Receiver<Infallible>,
}

impl Readers {
    /// Starts to read every partition, from the log's start or from its end; a topic that is not there is waited for.
    pub fn start(log: Arc<dyn RecordLog>, from_beginning: bool) -> Result<(Self, Receiver<ReadBatch>), Failure> {
        let (messages, receiver) = mpsc::sync_channel(WAITING_MAX);
        let (alive, ended) = mpsc::channel();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let log = PatientLog::new(log, waiting::outage(), move |_| stopped.load(Relaxed));
        let shared = ReaderThread { log, stop: stop.clone(), messages, alive };
        shared.spawn("isotherm-debug".to_owned(), move |shared| shared.start_partitions(from_beginning))?;
        Ok((Self { stop, ended }, receiver))
    }

    /// Asks all threads to end and waits for them, at most so long.
    pub fn stop(self, wait: Duration) {
        self.stop.store(true, Relaxed);
        // Nothing ever comes but the end. A thread that still waits for an answer of the log then ends with the process.
        let _ = self.ended.recv_timeout(wait);
    }
}

#[derive(Clone)]
struct ReaderThread {
    log: PatientLog,
    stop: Arc<AtomicBool>,
    messages: SyncSender<ReadBatch>,
    #[allow(dead_code, reason = "held so that the other end sees when the last thread is gone")]
    alive: Sender<Infallible>,
}

impl ReaderThread {
    /// Works in a thread of its own; its failure is the last message.
    fn spawn(
        &self,
        name: String,
        work: impl FnOnce(&Self) -> Result<(), Failure> + Send + 'static,
    ) -> Result<(), Failure> {
        let shared = self.clone();
        let work = move || {
            if let Err(failure) = work(&shared)
                && !shared.is_stopped()
            {
                // Without a printer the failure has no receiver.
                drop(shared.messages.send(Err(failure)));
            }
        };
        let thread = thread::Builder::new().name(name.clone()).spawn(work);
        thread.map(drop).map_err(|error| Failure::thread(&name, &error))
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Relaxed)
    }

    fn start_partitions(&self, from_beginning: bool) -> Result<(), Failure> {
        let mut topic = self.log.topic()?;
        // All of a topic that was not there comes after this moment.
        let from_start = from_beginning || topic.is_none();
        if topic.is_none() {
            output::tell(&format_args!("waiting: there is no {} yet", self.log.name()));
        }
        while topic.is_none() && !self.is_stopped() {
            thread::sleep(TOPIC_LOOK);
            topic = self.log.topic()?;
        }
        let partitions = topic.map_or(0, |topic| topic.partitions);
        let starts = (0..partitions).map(|partition| {
            let extent = self.log.extent(partition)?;
            Ok(if from_start { extent.start } else { extent.end })
        });
        // All ends are taken before the first record is read.
        let starts: Vec<u64> = starts.collect::<Result<_, Failure>>()?;
        for (partition, from) in (0..).zip(starts) {
            self.spawn(format!("isotherm-read-{partition}"), move |shared| shared.read(partition, from))?;
        }
        Ok(())
    }

    fn read(&self, partition: u32, from: u64) -> Result<(), Failure> {
        let mut reader = self.log.part().open_reader(partition, from)?;
        while !self.is_stopped() {
            let mut batch = Batch::default();
            reader.read(&mut batch, RECORDS_MAX, READ_WAIT)?;
            if !batch.is_empty() && self.messages.send(Ok((partition, batch))).is_err() {
                break;
            }
        }
        Ok(())
    }
}
