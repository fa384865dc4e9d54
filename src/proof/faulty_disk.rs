//! A disk whose calls are fault points, each passed just before the call.

use std::any::Any;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use crate::durable::{Disk, DiskFile};
use crate::points::FaultPoints;

/// Another disk, on which what is planned goes wrong.
pub struct FaultyDisk {
    disk: Arc<dyn Disk>,
    faults: FaultPoints,
}

impl FaultyDisk {
    /// Where nothing is planned, the disk itself.
    pub fn over(disk: Arc<dyn Disk>, faults: &FaultPoints) -> Arc<dyn Disk> {
        if faults.planned().is_empty() { disk } else { Arc::new(Self { disk, faults: faults.clone() }) }
    }

    fn file(&self, file: Box<dyn DiskFile>, append: &'static str, fsync: &'static str) -> Box<dyn DiskFile> {
        Box::new(FaultyFile { file, faults: self.faults.clone(), append, fsync })
    }
}

struct FaultyFile {
    file: Box<dyn DiskFile>,
    faults: FaultPoints,
    /// The points of its calls.
    append: &'static str,
    fsync: &'static str,
}

impl DiskFile for FaultyFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(cut) = self.faults.write(self.append)? else { return self.file.append(bytes) };
        self.file.append(&bytes[..bytes.len() / 2])?;
        Err(cut.end())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.faults.call(self.fsync)?;
        self.file.sync()
    }
}

impl Disk for FaultyDisk {
    fn open_read(&self, path: &Path) -> io::Result<Option<Box<dyn Read>>> {
        self.faults.call("checkpoint.read")?;
        self.disk.open_read(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        self.faults.call("checkpoint.list")?;
        self.disk.list(folder)
    }

    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        self.faults.call("checkpoint.create_folder")?;
        self.disk.create_folder(folder)
    }

    fn create_new(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.faults.call("checkpoint.create")?;
        Ok(self.file(self.disk.create_new(path)?, "checkpoint.write", "checkpoint.fsync"))
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.faults.call("checkpoint.open")?;
        Ok(self.file(self.disk.open_append(path)?, "checkpoint.append", "checkpoint.fsync_appended"))
    }

    fn truncate(&self, path: &Path, bytes: u64) -> io::Result<()> {
        self.faults.call("checkpoint.truncate")?;
        self.disk.truncate(path, bytes)
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        self.faults.call("checkpoint.fsync_found")?;
        self.disk.sync_file(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.faults.call("checkpoint.rename")?;
        self.disk.rename(from, to)
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.faults.call("checkpoint.link")?;
        self.disk.hard_link(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.faults.call("checkpoint.remove")?;
        self.disk.remove(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.faults.call("checkpoint.fsync_folder")?;
        self.disk.sync_folder(folder)
    }

    fn try_lock(&self, path: &Path, holder: &str) -> io::Result<Option<Box<dyn Any + Send + Sync>>> {
        self.faults.call("checkpoint.lock")?;
        self.disk.try_lock(path, holder)
    }

    fn network_filesystem(&self, folder: &Path) -> io::Result<Option<String>> {
        self.faults.call("checkpoint.filesystem")?;
        self.disk.network_filesystem(folder)
    }
}
