//! A disk that does not do all that it says.

use std::any::Any;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use isotherm::durable::{Disk, DiskFile};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskBug {
    NewFilesNotSynced,
    FoldersNotSynced,
    RejectedLinesLeft,
    TemporariesNotListed,
    LocksNotHeld,
}

pub struct BuggyDisk {
    pub disk: Arc<dyn Disk>,
    pub bug: DiskBug,
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

impl Disk for BuggyDisk {
    fn open_read(&self, path: &Path) -> io::Result<Option<Box<dyn Read>>> {
        self.disk.open_read(path)
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let mut names = self.disk.list(folder)?;
        names.retain(|name| self.bug != DiskBug::TemporariesNotListed || !name.contains(".tmp-"));
        Ok(names)
    }

    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        self.disk.create_folder(folder)
    }

    fn create_new(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = self.disk.create_new(path)?;
        Ok(if self.bug == DiskBug::NewFilesNotSynced { Box::new(NeverSynced(file)) } else { file })
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.disk.open_append(path)
    }

    fn truncate(&self, path: &Path, bytes: u64) -> io::Result<()> {
        if self.bug == DiskBug::RejectedLinesLeft { Ok(()) } else { self.disk.truncate(path, bytes) }
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        self.disk.sync_file(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.hard_link(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let is_rejected = path.extension().is_some_and(|extension| extension == "jsonl");
        if self.bug == DiskBug::RejectedLinesLeft && is_rejected { Ok(()) } else { self.disk.remove(path) }
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        if self.bug == DiskBug::FoldersNotSynced { Ok(()) } else { self.disk.sync_folder(folder) }
    }

    fn try_lock(&self, path: &Path, holder: &str) -> io::Result<Option<Box<dyn Any + Send + Sync>>> {
        let lock = self.disk.try_lock(path, holder)?;
        Ok(if self.bug == DiskBug::LocksNotHeld { lock.map(|_| Box::new(()) as _) } else { lock })
    }

    fn network_filesystem(&self, folder: &Path) -> io::Result<Option<String>> {
        self.disk.network_filesystem(folder)
    }
}
