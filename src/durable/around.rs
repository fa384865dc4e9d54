//! A disk around another one, on which something is done at each call.

use std::any::Any;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use super::replace::PIECE_BYTES;
use super::{Disk, DiskFile, Fence};

/// What is done at each call, which is known by a name.
pub trait AroundCalls: Clone + Send + Sync + 'static {
    /// Before the call, which is not made if this fails.
    fn before(&self, _call: &'static str) -> io::Result<()> {
        Ok(())
    }

    /// Appends to a file.
    fn append(&self, call: &'static str, file: &mut dyn DiskFile, bytes: &[u8]) -> io::Result<()> {
        self.before(call)?;
        file.append(bytes)
    }

    /// After the call, and after each piece of a file that is read.
    fn after(&self) {}
}

/// A report of each call that is done: one that hangs is not reported, but a file that is read or written piece by piece is,
/// at each piece.
impl<Report: Fn() + Clone + Send + Sync + 'static> AroundCalls for Report {
    fn after(&self) {
        self();
    }
}

/// The disk for work inside the fence, which must be known to get on: `report` is called whenever something on disk is done,
/// which also keeps the fence from taking the work for hung.
pub fn reporting<Left: Default + Send + 'static>(
    disk: Arc<dyn Disk>,
    fence: Arc<Fence<Left>>,
    report: impl Fn() + Clone + Send + Sync + 'static,
) -> Arc<dyn Disk> {
    let around = move || {
        fence.got_on();
        report();
    };
    Arc::new(AroundDisk { disk, around })
}

/// The other disk, and what is done at its calls.
pub struct AroundDisk<Around> {
    pub disk: Arc<dyn Disk>,
    pub around: Around,
}

struct AroundFile<File, Around> {
    file: File,
    around: Around,
    /// The names of its calls.
    append: &'static str,
    sync: &'static str,
}

impl<Around: AroundCalls> AroundDisk<Around> {
    fn call<T>(&self, name: &'static str, make: impl FnOnce(&dyn Disk) -> io::Result<T>) -> io::Result<T> {
        self.around.before(name)?;
        let made = make(&*self.disk);
        self.around.after();
        made
    }

    fn file<File>(&self, file: File, append: &'static str, sync: &'static str) -> Box<AroundFile<File, Around>> {
        Box::new(AroundFile { file, around: self.around.clone(), append, sync })
    }
}

impl<Around: AroundCalls> Read for AroundFile<Box<dyn Read>, Around> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let piece_bytes = bytes.len().min(PIECE_BYTES);
        let read = self.file.read(&mut bytes[..piece_bytes]);
        self.around.after();
        read
    }
}

impl<Around: AroundCalls> DiskFile for AroundFile<Box<dyn DiskFile>, Around> {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let appended = self.around.append(self.append, &mut *self.file, bytes);
        self.around.after();
        appended
    }

    fn sync(&mut self) -> io::Result<()> {
        self.around.before(self.sync)?;
        let synced = self.file.sync();
        self.around.after();
        synced
    }
}

impl<Around: AroundCalls> Disk for AroundDisk<Around> {
    fn open_read(&self, path: &Path) -> io::Result<Option<Box<dyn Read>>> {
        let opened = self.call("read", |disk| disk.open_read(path))?;
        Ok(opened.map(|file| self.file(file, "", "") as Box<dyn Read>))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        self.call("list", |disk| disk.list(folder))
    }

    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        self.call("create_folder", |disk| disk.create_folder(folder))
    }

    fn create_new(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let created = self.call("create", |disk| disk.create_new(path))?;
        Ok(self.file(created, "write", "fsync"))
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let opened = self.call("open", |disk| disk.open_append(path))?;
        Ok(self.file(opened, "append", "fsync_appended"))
    }

    fn truncate(&self, path: &Path, bytes: u64) -> io::Result<()> {
        self.call("truncate", |disk| disk.truncate(path, bytes))
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        self.call("fsync_found", |disk| disk.sync_file(path))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call("rename", |disk| disk.rename(from, to))
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.call("link", |disk| disk.hard_link(from, to))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.call("remove", |disk| disk.remove(path))
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.call("fsync_folder", |disk| disk.sync_folder(folder))
    }

    fn try_lock(&self, path: &Path, holder: &str) -> io::Result<Option<Box<dyn Any + Send + Sync>>> {
        self.call("lock", |disk| disk.try_lock(path, holder))
    }

    fn network_filesystem(&self, folder: &Path) -> io::Result<Option<String>> {
        self.call("filesystem", |disk| disk.network_filesystem(folder))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    use super::*;
    use crate::durable::RealDisk;

    #[test]
    fn each_call_is_made_on_the_disk_below_and_reported() {
        let root = tempfile::tempdir().expect("a folder");
        let calls = Arc::new(AtomicUsize::new(0));
        let around = {
            let calls = calls.clone();
            move || {
                calls.fetch_add(1, SeqCst);
            }
        };
        let disk = AroundDisk { disk: Arc::new(RealDisk), around };
        let path = |name: &str| root.path().join("folder").join(name);
        let content = |name: &str| std::fs::read_to_string(path(name)).expect("it is there");
        disk.create_folder(&path("")).expect("it is created");
        let mut file = disk.create_new(&path("a")).expect("it is new");
        file.append(b"four").expect("there is room");
        file.sync().expect("it is synced");
        disk.hard_link(&path("a"), &path("b")).expect("it is linked");
        assert_eq!(content("b"), "four");
        disk.rename(&path("b"), &path("c")).expect("it is renamed");
        assert_eq!(disk.list(&path("")).expect("it is listed"), ["a", "c"]);
        disk.open_append(&path("c")).expect("it is there").append(b" more").expect("there is room");
        disk.truncate(&path("a"), 6).expect("it is cut");
        assert_eq!(content("c"), "four m");
        disk.sync_file(&path("c")).expect("it is synced");
        disk.sync_folder(&path("")).expect("it is synced");
        assert!(disk.open_read(&path("b")).expect("no file").is_none());
        assert_eq!(calls.load(SeqCst), 13);
        let mut read = String::new();
        disk.open_read(&path("c")).expect("it opens").expect("it is there").read_to_string(&mut read).expect("UTF-8");
        assert_eq!(read, "four m");
        let made = calls.load(SeqCst);
        assert!(made > 14, "each piece that is read is reported");
        disk.remove(&path("a")).expect("it is removed");
        assert!(!path("a").exists());
        let held = disk.try_lock(&path("lock"), "this one").expect("it is made").expect("nobody has it");
        assert!(disk.try_lock(&path("lock"), "another").expect("it is there").is_none());
        assert_eq!(content("lock"), "this one");
        drop(held);
        disk.network_filesystem(&path("")).expect("it can be told");
        assert_eq!(calls.load(SeqCst), made + 4);
    }
}
