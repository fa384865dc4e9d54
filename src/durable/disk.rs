//! The few calls on folders and files that a commit is made of.

use std::any::Any;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::Path;

use super::network;

/// A file that is open for appending.
pub trait DiskFile: Send {
    /// Writes all bytes at the end.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Returns once all that was appended is on disk. After a failure the file is not used again.
    fn sync(&mut self) -> io::Result<()>;
}

/// A folder tree that survives a crash as far as it was synced: a file's bytes by [`DiskFile::sync`], its name by
/// [`Disk::sync_folder`].
pub trait Disk: Send + Sync {
    /// A file to be read from its beginning, or `None` where there is no such file.
    fn open_read(&self, path: &Path) -> io::Result<Option<Box<dyn Read>>>;
    /// Whole content, or `None` where there is no such file.
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        let Some(mut file) = self.open_read(path)? else { return Ok(None) };
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }
    /// Names of what is in a folder, sorted; `NotFound` if there is no such folder.
    fn list(&self, folder: &Path) -> io::Result<Vec<String>>;
    /// Creates the folder and those above it, durably.
    fn create_folder(&self, folder: &Path) -> io::Result<()>;
    /// A new file; `AlreadyExists` if there is one.
    fn create_new(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// An existing file, to append to.
    fn open_append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;
    /// Cuts a file to its first `bytes` bytes and syncs it.
    fn truncate(&self, path: &Path, bytes: u64) -> io::Result<()>;
    /// Syncs an existing file's content.
    fn sync_file(&self, path: &Path) -> io::Result<()>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// A second name for a file; `AlreadyExists` if the name is taken.
    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove(&self, path: &Path) -> io::Result<()>;
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;
    /// Takes an exclusive lock held until the value is dropped or the process ends; `None` if another process has it.
    /// The holder's name is readable in the file by others.
    fn try_lock(&self, path: &Path, holder: &str) -> io::Result<Option<Box<dyn Any + Send + Sync>>>;
    /// Name of the network filesystem that the folder is on, if it is on one.
    fn network_filesystem(&self, folder: &Path) -> io::Result<Option<String>>;
}

/// The disk of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl DiskFile for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}

impl Disk for RealDisk {
    fn open_read(&self, path: &Path) -> io::Result<Option<Box<dyn Read>>> {
        match File::open(path) {
            Ok(file) => Ok(Some(Box::new(file))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(folder)? {
            // A name that is not UTF-8 is none of ours.
            names.extend(entry?.file_name().into_string().ok());
        }
        names.sort_unstable();
        Ok(names)
    }

    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        if folder.as_os_str().is_empty() || folder.is_dir() {
            return Ok(());
        }
        let above = above(folder);
        self.create_folder(above)?;
        match fs::create_dir(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists || !folder.is_dir() => return Err(error),
            _ => {}
        }
        self.sync_folder(above)
    }

    fn create_new(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(OpenOptions::new().append(true).create_new(true).open(path)?))
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(OpenOptions::new().append(true).open(path)?))
    }

    fn truncate(&self, path: &Path, bytes: u64) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(path)?;
        file.set_len(bytes)?;
        file.sync_all()
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        File::open(folder)?.sync_all()
    }

    fn try_lock(&self, path: &Path, holder: &str) -> io::Result<Option<Box<dyn Any + Send + Sync>>> {
        // Not truncated on opening: another process may hold it and have its name in it.
        let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        file.set_len(0)?;
        file.write_all(holder.as_bytes())?;
        Ok(Some(Box::new(file)))
    }

    fn network_filesystem(&self, folder: &Path) -> io::Result<Option<String>> {
        // A folder that is yet to be created will be on the filesystem of the one above it.
        let mut folder = folder;
        while !folder.as_os_str().is_empty() && !folder.exists() {
            folder = above(folder);
        }
        network::filesystem(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
    }
}

/// The folder that a folder is in; empty: the current one.
fn above(folder: &Path) -> &Path {
    folder.parent().unwrap_or(Path::new(""))
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    /// As where several processes that share a state folder start together.
    #[test]
    fn a_folder_that_others_create_at_the_same_moment_is_there_for_all() {
        const CREATORS: usize = 8;
        let root = tempfile::tempdir().expect("a folder");
        for round in 0..100 {
            let (folder, barrier) = (root.path().join(format!("{round}/a/b")), Barrier::new(CREATORS));
            thread::scope(|scope| {
                for _ in 0..CREATORS {
                    scope.spawn(|| {
                        barrier.wait();
                        RealDisk.create_folder(&folder).expect("it is created by one of them");
                        assert!(folder.is_dir());
                    });
                }
            });
        }
        let missing = RealDisk.sync_folder(&root.path().join("none")).expect_err("it is not there");
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        let file = root.path().join("file");
        fs::write(&file, "").expect("it is written");
        assert_eq!(RealDisk.create_folder(&file).expect_err("a file").kind(), io::ErrorKind::AlreadyExists);
    }
}
