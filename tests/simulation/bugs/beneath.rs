//! Bugs of what the program stands on: each makes an environment that does not keep what it promises.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use isotherm::domain::Batch;
use isotherm::durable::{Disk, DiskFile};
use isotherm::failure::Failure;
use isotherm::log::{RecordLog, RecordReader};
use isotherm::pipeline::Environment;
use isotherm::settings::Encoding;
use isotherm::source::content::SourceFile;
use isotherm::source::disk::{Inputs, SourceDisk, Stamp};
use isotherm::source::stream::input::Input;
use parking_lot::Mutex;

use crate::over::{OverDisk, OverLog};

fn with_disk(environment: Environment, plant: impl FnOnce(&mut OverDisk)) -> Environment {
    let mut disk = OverDisk::new(environment.disk);
    plant(&mut disk);
    Environment { disk: Arc::new(disk), ..environment }
}

fn with_log(environment: Environment, plant: impl FnOnce(&mut OverLog)) -> Environment {
    let mut log = OverLog::new(environment.log);
    plant(&mut log);
    Environment { log: Arc::new(log), ..environment }
}

struct NeverSynced(Box<dyn DiskFile>);

impl DiskFile for NeverSynced {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.append(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The temporary file is renamed before its content is on disk.
pub fn new_files_not_synced(environment: Environment) -> Environment {
    let create_new = |disk: &dyn Disk, path: &Path| Ok(Box::new(NeverSynced(disk.create_new(path)?)) as _);
    with_disk(environment, |disk| disk.create_new = Box::new(create_new))
}

/// A commit is acknowledged before the new name is on disk.
pub fn folders_not_synced(environment: Environment) -> Environment {
    with_disk(environment, |disk| disk.sync_folder = Box::new(|_, _| Ok(())))
}

/// Recovery leaves rejected lines that the JSON does not speak of.
pub fn rejected_lines_left(environment: Environment) -> Environment {
    let remove = |disk: &dyn Disk, path: &Path| {
        let is_rejected = path.extension().is_some_and(|extension| extension == "jsonl");
        if is_rejected { Ok(()) } else { disk.remove(path) }
    };
    with_disk(environment, |disk| {
        disk.remove = Box::new(remove);
        disk.truncate = Box::new(|_, _, _| Ok(()));
    })
}

/// Recovery leaves temporary files.
pub fn temporaries_left(environment: Environment) -> Environment {
    let list = |disk: &dyn Disk, folder: &Path| {
        let mut names = disk.list(folder)?;
        names.retain(|name| !name.contains(".tmp-"));
        Ok(names)
    };
    with_disk(environment, |disk| disk.list = Box::new(list))
}

/// The partition's lock is given back at once.
pub fn locks_not_held(environment: Environment) -> Environment {
    let try_lock =
        |disk: &dyn Disk, path: &Path, holder: &str| Ok(disk.try_lock(path, holder)?.map(|_| Box::new(()) as _));
    with_disk(environment, |disk| disk.try_lock = Box::new(try_lock))
}

/// After its first batch it goes on at that batch's last record.
struct OneRecordEarly {
    log: Arc<dyn RecordLog>,
    partition: u32,
    reader: Box<dyn RecordReader>,
    is_new: bool,
}

impl RecordReader for OneRecordEarly {
    fn read(&mut self, batch: &mut Batch, records_max: usize, wait: Duration) -> Result<u64, Failure> {
        let position = self.reader.read(batch, records_max, wait)?;
        if let Some(last) = batch.records().next_back().filter(|_| self.is_new) {
            self.reader = self.log.open_reader(self.partition, last.offset)?;
            self.is_new = false;
        }
        Ok(position)
    }
}

/// Reading goes on at the last counted record instead of behind it.
pub fn one_record_early(environment: Environment) -> Environment {
    let below = environment.log.clone();
    let open_reader = move |log: &dyn RecordLog, (partition, from): (u32, u64)| {
        let reader = log.open_reader(partition, from)?;
        Ok(Box::new(OneRecordEarly { log: below.clone(), partition, reader, is_new: true }) as _)
    };
    with_log(environment, |log| log.open_reader = Box::new(open_reader))
}

/// A topic that was made again says at each commit that it is the old one.
pub fn always_the_same_topic(environment: Environment) -> Environment {
    // The first topic that was there in this process.
    let first = Arc::new(OnceLock::new());
    let known = first.clone();
    let topic = move |log: &dyn RecordLog, ()| {
        let topic = log.topic()?;
        if let Some(topic) = &topic {
            first.get_or_init(|| topic.log_id.clone());
        }
        Ok(topic)
    };
    let log_id = move |log: &dyn RecordLog, ()| {
        let log_id = log.log_id()?;
        Ok(known.get().cloned().or(log_id))
    };
    with_log(environment, |log| {
        log.topic = Box::new(topic);
        log.log_id = Box::new(log_id);
    })
}

/// Writers that were opened before go on, as each is taken to be of another source.
pub fn writers_not_replaced(environment: Environment) -> Environment {
    let opened = AtomicU64::new(0);
    let open_writer =
        move |log: &dyn RecordLog, _: &str| log.open_writer(&format!("source {}", opened.fetch_add(1, Relaxed)));
    with_log(environment, |log| log.open_writer = Box::new(open_writer))
}

/// The producer takes more at once than may be in flight.
pub fn in_flight_not_bounded(environment: Environment) -> Environment {
    let mut settings = (*environment.settings).clone();
    settings.produce.in_flight_max = 1000;
    Environment { settings: Arc::new(settings), ..environment }
}

/// The backoff's jitter is not drawn from the seed.
pub fn jitter_not_seeded(environment: Environment) -> Environment {
    Environment { seed: rand::random(), ..environment }
}

/// Files of a source that look as they did when the disk was first asked.
struct StampsOfTheFirstLook {
    disk: Arc<dyn SourceDisk>,
    stamps: Mutex<BTreeMap<PathBuf, Option<Stamp>>>,
}

impl SourceDisk for StampsOfTheFirstLook {
    fn find(&self, key: &str, pattern: &str) -> Result<Inputs, Failure> {
        self.disk.find(key, pattern)
    }

    fn open_stream(&self, name: &str, encoding: Encoding) -> Result<Arc<Input>, Failure> {
        self.disk.open_stream(name, encoding)
    }

    fn stamp(&self, path: &Path) -> io::Result<Option<Stamp>> {
        let now = self.disk.stamp(path)?.map(|stamp| Stamp { modified_ns: 0, changed_ns: 0, inode: 0, ..stamp });
        Ok(*self.stamps.lock().entry(path.to_owned()).or_insert(now))
    }

    fn open(&self, path: &Path) -> io::Result<Option<(Box<dyn SourceFile>, Stamp)>> {
        let Some((file, _)) = self.disk.open(path)? else { return Ok(None) };
        Ok(Some((file, self.stamp(path)?.expect("it is there"))))
    }

    fn now_ms(&self) -> u64 {
        self.disk.now_ms()
    }
}

/// A changed file has the times that it had.
pub fn stamps_of_the_first_look(environment: Environment) -> Environment {
    let stamps = StampsOfTheFirstLook { disk: environment.source_disk, stamps: Mutex::default() };
    Environment { source_disk: Arc::new(stamps), ..environment }
}
