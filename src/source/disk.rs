//! Files as a source sees them: found, told apart, and read.

use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::failure::{Failure, Kind};

/// Files of one source: the name of each is kept in memory.
const FILES_MAX: usize = 1_000_000;

/// A file as the filesystem tells it apart without reading it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stamp {
    pub size_bytes: u64,
    /// Nanoseconds since 1970; those of the change are set by no program but by the kernel.
    pub modified_ns: i64,
    pub changed_ns: i64,
    pub inode: u64,
}

/// The files that a source may read.
pub trait SourceDisk: Send + Sync {
    /// Names that the pattern of the setting `key` matches, in order; none at all is a failure.
    fn find(&self, key: &str, pattern: &str) -> Result<Vec<String>, Failure>;

    /// The file of a name as it is now; `None` where there is none.
    fn stamp(&self, path: &Path) -> io::Result<Option<Stamp>>;

    /// Opens a file at its beginning; `None` where there is none.
    fn open(&self, path: &Path) -> io::Result<Option<Box<dyn SourceFile>>>;

    /// Milliseconds since 1970.
    fn now_ms(&self) -> u64;
}

/// A file that is open.
pub trait SourceFile: Read + Seek + Send {
    /// The file that is open, whatever its name stands for by now.
    fn stamp(&self) -> io::Result<Stamp>;
}

/// The disk of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct MachineDisk;

impl SourceDisk for MachineDisk {
    fn find(&self, key: &str, pattern: &str) -> Result<Vec<String>, Failure> {
        let wrong = |what: String| Failure::fatal(Kind::Settings, format!("{key} = {pattern:?} {what}"));
        let paths = glob::glob(pattern).map_err(|error| {
            wrong(format!("is not a pattern of file names: {error}")).advice("write it as in data/*.csv")
        })?;
        let mut names = Vec::new();
        for path in paths {
            let path = path.map_err(|error| Failure::io("cannot look into", error.path(), error.error()))?;
            if path.is_dir() {
                continue;
            }
            let name = path.into_os_string().into_string();
            names.push(name.map_err(|name| {
                wrong(format!("matches {name:?}, whose name is not UTF-8")).advice("give the file another name")
            })?);
            if names.len() > FILES_MAX {
                return Err(wrong(format!("matches more than {FILES_MAX} files"))
                    .advice("read fewer at a time, or join them to fewer files"));
            }
        }
        if names.is_empty() {
            return Err(wrong("matches no file".to_owned())
                .advice("a pattern that does not begin with / starts at the folder in which isotherm was started"));
        }
        names.sort_unstable();
        Ok(names)
    }

    fn stamp(&self, path: &Path) -> io::Result<Option<Stamp>> {
        found(fs::metadata(path).map(|metadata| stamp(&metadata)))
    }

    fn open(&self, path: &Path) -> io::Result<Option<Box<dyn SourceFile>>> {
        found(File::open(path).map(|file| Box::new(file) as _))
    }

    fn now_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

impl SourceFile for File {
    fn stamp(&self) -> io::Result<Stamp> {
        Ok(stamp(&self.metadata()?))
    }
}

fn stamp(metadata: &fs::Metadata) -> Stamp {
    let nanoseconds = |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
    Stamp {
        size_bytes: metadata.size(),
        modified_ns: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
        changed_ns: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        inode: metadata.ino(),
    }
}

fn found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
