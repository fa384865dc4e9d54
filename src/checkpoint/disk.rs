//! The few calls on folders and files that a commit is made of: real, or simulated for tests.

use std::any::Any;
use std::io;
use std::path::Path;

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
    /// Whole content, or `None` where there is no such file.
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>>;
    /// Names of the files in a folder, sorted.
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
