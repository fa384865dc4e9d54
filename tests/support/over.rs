//! A log and a disk over others, of which a test exchanges single calls: each is a closure that is given what is below.

use std::any::Any;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use isotherm::durable::{Disk, DiskFile};
use isotherm::failure::Failure;
use isotherm::log::{Extent, RecordLog, RecordReader, RecordWriter, Topic, TopicSpec};

/// A call that is told the log below, and what it is asked for.
type OfLog<T, Asked = ()> = Box<dyn Fn(&dyn RecordLog, Asked) -> Result<T, Failure> + Send + Sync>;
type OfSource<T> = Box<dyn Fn(&dyn RecordLog, &str) -> Result<T, Failure> + Send + Sync>;
type OfPartitions<T> = Box<dyn Fn(&dyn RecordLog, &[u32]) -> Result<T, Failure> + Send + Sync>;

pub struct OverLog {
    pub below: Arc<dyn RecordLog>,
    pub topic: OfLog<Option<Topic>>,
    pub log_id: OfLog<Option<String>>,
    pub extent: OfLog<Extent, u32>,
    pub high_watermarks: OfPartitions<Vec<u64>>,
    /// Of a partition, from an offset on.
    pub open_reader: OfLog<Box<dyn RecordReader>, (u32, u64)>,
    pub open_writer: OfSource<Box<dyn RecordWriter>>,
}

impl OverLog {
    pub fn new(below: Arc<dyn RecordLog>) -> Self {
        Self {
            below,
            topic: Box::new(|log, ()| log.topic()),
            log_id: Box::new(|log, ()| log.log_id()),
            extent: Box::new(|log, partition| log.extent(partition)),
            high_watermarks: Box::new(|log, partitions| log.high_watermarks(partitions)),
            open_reader: Box::new(|log, (partition, from)| log.open_reader(partition, from)),
            open_writer: Box::new(|log, source| log.open_writer(source)),
        }
    }
}

impl RecordLog for OverLog {
    fn name(&self) -> String {
        self.below.name()
    }

    fn topic(&self) -> Result<Option<Topic>, Failure> {
        (self.topic)(&*self.below, ())
    }

    fn log_id(&self) -> Result<Option<String>, Failure> {
        (self.log_id)(&*self.below, ())
    }

    fn create_topic(&self, spec: &TopicSpec) -> Result<Topic, Failure> {
        self.below.create_topic(spec)
    }

    fn delete_topic(&self) -> Result<(), Failure> {
        self.below.delete_topic()
    }

    fn extent(&self, partition: u32) -> Result<Extent, Failure> {
        (self.extent)(&*self.below, partition)
    }

    fn high_watermarks(&self, partitions: &[u32]) -> Result<Vec<u64>, Failure> {
        (self.high_watermarks)(&*self.below, partitions)
    }

    fn open_reader(&self, partition: u32, from: u64) -> Result<Box<dyn RecordReader>, Failure> {
        (self.open_reader)(&*self.below, (partition, from))
    }

    fn open_writer(&self, source: &str) -> Result<Box<dyn RecordWriter>, Failure> {
        (self.open_writer)(&*self.below, source)
    }

    fn publish_committed(&self, partition: u32, next_offset: u64) {
        self.below.publish_committed(partition, next_offset);
    }

    fn finish_publishing(&self) {
        self.below.finish_publishing();
    }
}

/// Held until it is dropped.
pub type DiskLock = Box<dyn Any + Send + Sync>;

/// A call that is told the disk below, and which file or folder it is about.
type OfDisk<T> = Box<dyn Fn(&dyn Disk, &Path) -> io::Result<T> + Send + Sync>;
type Truncate = Box<dyn Fn(&dyn Disk, &Path, u64) -> io::Result<()> + Send + Sync>;
type TryLock = Box<dyn Fn(&dyn Disk, &Path, &str) -> io::Result<Option<DiskLock>> + Send + Sync>;

pub struct OverDisk {
    pub below: Arc<dyn Disk>,
    pub open_read: OfDisk<Option<Box<dyn Read>>>,
    pub list: OfDisk<Vec<String>>,
    pub create_new: OfDisk<Box<dyn DiskFile>>,
    pub open_append: OfDisk<Box<dyn DiskFile>>,
    pub truncate: Truncate,
    pub remove: OfDisk<()>,
    pub sync_folder: OfDisk<()>,
    pub try_lock: TryLock,
}

impl OverDisk {
    pub fn new(below: Arc<dyn Disk>) -> Self {
        Self {
            below,
            open_read: Box::new(|disk, path| disk.open_read(path)),
            list: Box::new(|disk, folder| disk.list(folder)),
            create_new: Box::new(|disk, path| disk.create_new(path)),
            open_append: Box::new(|disk, path| disk.open_append(path)),
            truncate: Box::new(|disk, path, bytes| disk.truncate(path, bytes)),
            remove: Box::new(|disk, path| disk.remove(path)),
            sync_folder: Box::new(|disk, folder| disk.sync_folder(folder)),
            try_lock: Box::new(|disk, path, holder| disk.try_lock(path, holder)),
        }
    }
}

impl Disk for OverDisk {
    fn open_read(&self, path: &Path) -> io::Result<Option<Box<dyn Read>>> {
        (self.open_read)(&*self.below, path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        (self.list)(&*self.below, folder)
    }

    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        self.below.create_folder(folder)
    }

    fn create_new(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        (self.create_new)(&*self.below, path)
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        (self.open_append)(&*self.below, path)
    }

    fn truncate(&self, path: &Path, bytes: u64) -> io::Result<()> {
        (self.truncate)(&*self.below, path, bytes)
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        self.below.sync_file(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.below.rename(from, to)
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.below.hard_link(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        (self.remove)(&*self.below, path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        (self.sync_folder)(&*self.below, folder)
    }

    fn try_lock(&self, path: &Path, holder: &str) -> io::Result<Option<DiskLock>> {
        (self.try_lock)(&*self.below, path, holder)
    }

    fn network_filesystem(&self, folder: &Path) -> io::Result<Option<String>> {
        self.below.network_filesystem(folder)
    }
}
