//! A disk that reports each call on it that is done.

use std::any::Any;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use super::replace::PIECE_BYTES;
use super::{Disk, DiskFile};

type OnDone = Arc<dyn Fn() + Send + Sync>;

/// Another disk: a call that hangs is not reported, but a file that is read or written piece by piece is, at each piece.
pub struct ReportingDisk {
    pub disk: Arc<dyn Disk>,
    pub report: OnDone,
}

struct ReportingFile<File> {
    file: File,
    report: OnDone,
}

impl ReportingDisk {
    fn done<T>(&self, done: io::Result<T>) -> io::Result<T> {
        (self.report)();
        done
    }

    fn file(&self, opened: io::Result<Box<dyn DiskFile>>) -> io::Result<Box<dyn DiskFile>> {
        let file = self.done(opened)?;
        Ok(Box::new(ReportingFile { file, report: self.report.clone() }))
    }
}

impl Read for ReportingFile<Box<dyn Read>> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let piece_bytes = bytes.len().min(PIECE_BYTES);
        let read = self.file.read(&mut bytes[..piece_bytes]);
        (self.report)();
        read
    }
}

impl DiskFile for ReportingFile<Box<dyn DiskFile>> {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let appended = self.file.append(bytes);
        (self.report)();
        appended
    }

    fn sync(&mut self) -> io::Result<()> {
        let synced = self.file.sync();
        (self.report)();
        synced
    }
}

impl Disk for ReportingDisk {
    fn open_read(&self, path: &Path) -> io::Result<Option<Box<dyn Read>>> {
        let opened = self.done(self.disk.open_read(path))?;
        Ok(opened.map(|file| Box::new(ReportingFile { file, report: self.report.clone() }) as Box<dyn Read>))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        self.done(self.disk.list(folder))
    }

    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        self.done(self.disk.create_folder(folder))
    }

    fn create_new(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.file(self.disk.create_new(path))
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        self.file(self.disk.open_append(path))
    }

    fn truncate(&self, path: &Path, bytes: u64) -> io::Result<()> {
        self.done(self.disk.truncate(path, bytes))
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        self.done(self.disk.sync_file(path))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.done(self.disk.rename(from, to))
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.done(self.disk.hard_link(from, to))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.done(self.disk.remove(path))
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.done(self.disk.sync_folder(folder))
    }

    fn try_lock(&self, path: &Path, holder: &str) -> io::Result<Option<Box<dyn Any + Send + Sync>>> {
        self.done(self.disk.try_lock(path, holder))
    }

    fn network_filesystem(&self, folder: &Path) -> io::Result<Option<String>> {
        self.done(self.disk.network_filesystem(folder))
    }
}
