//! A log and a disk around others, which can be slow.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use isotherm::domain::{Batch, Record};
use isotherm::durable::{DiskFile, RealDisk};
use isotherm::failure::Failure;
use isotherm::log::{Outgoing, RecordLog, RecordReader, RecordWriter};

use crate::over::{OverDisk, OverLog};

/// What a call on the log is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Topic,
    LogId,
    Extent,
    HighWatermarks,
    OpenReader,
    Read,
    OpenWriter,
    Write,
}

/// A log that does something before each call.
pub fn before_calls(log: Arc<dyn RecordLog>, before: impl Fn(Call) + Clone + Send + Sync + 'static) -> OverLog {
    watched(log, before, None, Arc::default())
}

/// Readers that live now, and the most that ever lived together.
pub type Readers = Arc<(AtomicUsize, AtomicUsize)>;

/// The same; `lacks` is a record that its readers pass over, as where compaction has taken it.
pub fn watched(
    log: Arc<dyn RecordLog>,
    before: impl Fn(Call) + Clone + Send + Sync + 'static,
    lacks: Option<u64>,
    readers: Readers,
) -> OverLog {
    let (topic, log_id, extent) = (before.clone(), before.clone(), before.clone());
    let (high_watermarks, open_writer) = (before.clone(), before.clone());
    OverLog {
        topic: Box::new(move |log, ()| {
            topic(Call::Topic);
            log.topic()
        }),
        log_id: Box::new(move |log, ()| {
            log_id(Call::LogId);
            log.log_id()
        }),
        extent: Box::new(move |log, partition| {
            extent(Call::Extent);
            log.extent(partition)
        }),
        high_watermarks: Box::new(move |log, partitions| {
            high_watermarks(Call::HighWatermarks);
            log.high_watermarks(partitions)
        }),
        open_reader: Box::new(move |log, (partition, from)| {
            before(Call::OpenReader);
            let reader = log.open_reader(partition, from)?;
            let (now, most) = &*readers;
            most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
            let (before, readers) = (Box::new(before.clone()), readers.clone());
            Ok(Box::new(AroundReader { reader, before, lacks, readers }))
        }),
        open_writer: Box::new(move |log, source| {
            open_writer(Call::OpenWriter);
            Ok(Box::new(AroundWriter { writer: log.open_writer(source)?, before: Box::new(open_writer.clone()) }))
        }),
        ..OverLog::new(log)
    }
}

struct AroundReader {
    reader: Box<dyn RecordReader>,
    before: Box<dyn Fn(Call) + Send>,
    lacks: Option<u64>,
    readers: Readers,
}

impl RecordReader for AroundReader {
    fn read(&mut self, batch: &mut Batch, records_max: usize, wait: Duration) -> Result<u64, Failure> {
        (self.before)(Call::Read);
        let mut all = Batch::default();
        let position = self.reader.read(&mut all, records_max, wait)?;
        for Record { offset, key, value } in all.records().filter(|record| Some(record.offset) != self.lacks) {
            batch.push(Record { offset, key, value });
        }
        Ok(position)
    }
}

impl Drop for AroundReader {
    fn drop(&mut self) {
        self.readers.0.fetch_sub(1, SeqCst);
    }
}

struct AroundWriter {
    writer: Box<dyn RecordWriter>,
    before: Box<dyn Fn(Call) + Send>,
}

impl RecordWriter for AroundWriter {
    fn write(&mut self, records: &[Outgoing<'_>]) -> Result<BTreeMap<u32, u64>, Failure> {
        (self.before)(Call::Write);
        self.writer.write(records)
    }
}

/// The disk of this machine, on which reading and syncing take their time for each byte.
pub fn slow_disk(bytes_per_second: usize) -> OverDisk {
    let slow = move |file| Box::new(Slow { file, bytes_per_second, unsynced_bytes: 0 }) as Box<dyn DiskFile>;
    OverDisk {
        open_read: Box::new(move |disk, path| {
            let slow = |file| Box::new(Slow { file, bytes_per_second, unsynced_bytes: 0 }) as Box<dyn Read>;
            Ok(disk.open_read(path)?.map(slow))
        }),
        create_new: Box::new(move |disk, path| disk.create_new(path).map(slow)),
        open_append: Box::new(move |disk, path| disk.open_append(path).map(slow)),
        ..OverDisk::new(Arc::new(RealDisk))
    }
}

struct Slow<File> {
    file: File,
    bytes_per_second: usize,
    unsynced_bytes: usize,
}

impl<File> Slow<File> {
    fn takes(&self, bytes: usize) {
        thread::sleep(Duration::from_secs(1).mul_f64(bytes as f64 / self.bytes_per_second as f64));
    }
}

impl Read for Slow<Box<dyn Read>> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(bytes)?;
        self.takes(read);
        Ok(read)
    }
}

impl DiskFile for Slow<Box<dyn DiskFile>> {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.unsynced_bytes += bytes.len();
        self.file.append(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.takes(self.unsynced_bytes);
        self.unsynced_bytes = 0;
        self.file.sync()
    }
}
