//! A log and a disk around others, which can be slow.

use std::any::Any;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use isotherm::domain::{Batch, Record};
use isotherm::durable::{Disk, DiskFile, RealDisk};
use isotherm::failure::Failure;
use isotherm::log::{Extent, RecordLog, RecordReader, RecordWriter, Topic, TopicSpec};

/// What a call on the log is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    Topic,
    LogId,
    Extent,
    OpenReader,
    Read,
    Publish,
}

/// A log that does something before each call.
#[derive(Clone)]
pub struct AroundLog {
    log: Arc<dyn RecordLog>,
    before: Arc<dyn Fn(Call) + Send + Sync>,
    /// A record that its readers pass over, as where compaction has taken it.
    pub lacks: Option<u64>,
    /// Readers that live now, and the most that ever lived together.
    pub readers: Arc<(AtomicUsize, AtomicUsize)>,
}

impl AroundLog {
    pub fn new(log: Arc<dyn RecordLog>, before: impl Fn(Call) + Send + Sync + 'static) -> Self {
        Self { log, before: Arc::new(before), lacks: None, readers: Arc::default() }
    }
}

impl RecordLog for AroundLog {
    fn name(&self) -> String {
        self.log.name()
    }

    fn topic(&self) -> Result<Option<Topic>, Failure> {
        (self.before)(Call::Topic);
        self.log.topic()
    }

    fn log_id(&self) -> Result<Option<String>, Failure> {
        (self.before)(Call::LogId);
        self.log.log_id()
    }

    fn create_topic(&self, spec: &TopicSpec) -> Result<Topic, Failure> {
        self.log.create_topic(spec)
    }

    fn delete_topic(&self) -> Result<(), Failure> {
        self.log.delete_topic()
    }

    fn extent(&self, partition: u32) -> Result<Extent, Failure> {
        (self.before)(Call::Extent);
        self.log.extent(partition)
    }

    fn open_reader(&self, partition: u32, from: u64) -> Result<Box<dyn RecordReader>, Failure> {
        (self.before)(Call::OpenReader);
        let reader = self.log.open_reader(partition, from)?;
        let (now, most) = &*self.readers;
        most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
        Ok(Box::new(AroundReader { log: self.clone(), reader }))
    }

    fn open_writer(&self) -> Result<Box<dyn RecordWriter>, Failure> {
        self.log.open_writer()
    }

    fn publish_committed(&self, partition: u32, next_offset: u64) -> Result<(), Failure> {
        (self.before)(Call::Publish);
        self.log.publish_committed(partition, next_offset)
    }
}

struct AroundReader {
    log: AroundLog,
    reader: Box<dyn RecordReader>,
}

impl RecordReader for AroundReader {
    fn read(&mut self, batch: &mut Batch, records_max: usize, wait: Duration) -> Result<u64, Failure> {
        (self.log.before)(Call::Read);
        let mut all = Batch::default();
        let position = self.reader.read(&mut all, records_max, wait)?;
        for Record { offset, key, value } in all.records().filter(|record| Some(record.offset) != self.log.lacks) {
            batch.push(Record { offset, key, value });
        }
        Ok(position)
    }
}

impl Drop for AroundReader {
    fn drop(&mut self) {
        self.log.readers.0.fetch_sub(1, SeqCst);
    }
}

/// The disk of this machine, on which reading and syncing take their time for each byte.
pub struct SlowDisk {
    pub bytes_per_second: usize,
}

impl SlowDisk {
    fn slow<File>(&self, file: File) -> Slow<File> {
        Slow { file, bytes_per_second: self.bytes_per_second, unsynced_bytes: 0 }
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

impl Disk for SlowDisk {
    fn open_read(&self, path: &Path) -> io::Result<Option<Box<dyn Read>>> {
        Ok(RealDisk.open_read(path)?.map(|file| Box::new(self.slow(file)) as Box<dyn Read>))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        RealDisk.list(folder)
    }

    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        RealDisk.create_folder(folder)
    }

    fn create_new(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(self.slow(RealDisk.create_new(path)?)))
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(self.slow(RealDisk.open_append(path)?)))
    }

    fn truncate(&self, path: &Path, bytes: u64) -> io::Result<()> {
        RealDisk.truncate(path, bytes)
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        RealDisk.sync_file(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.hard_link(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        RealDisk.sync_folder(folder)
    }

    fn try_lock(&self, path: &Path, holder: &str) -> io::Result<Option<Box<dyn Any + Send + Sync>>> {
        RealDisk.try_lock(path, holder)
    }

    fn network_filesystem(&self, folder: &Path) -> io::Result<Option<String>> {
        RealDisk.network_filesystem(folder)
    }
}
