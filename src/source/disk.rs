//! Files as a source sees them: found, told apart, and read.

use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use glob::Pattern;
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, Kind};

/// Files of one source: a name and a record of about 250 bytes of each are in memory.
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

    /// The stamp of a file as it is now; `None` where the path has no file.
    fn stamp(&self, path: &Path) -> io::Result<Option<Stamp>>;

    /// Opens a file at its beginning, and tells its stamp, which stays that of the open file when another one gets its name;
    /// `None` where the path has no file.
    fn open(&self, path: &Path) -> io::Result<Option<(Box<dyn SourceFile>, Stamp)>>;

    /// Milliseconds since 1970.
    fn now_ms(&self) -> u64;
}

/// A file that is open.
pub trait SourceFile: Read + Seek + Send {}

impl<Opened: Read + Seek + Send> SourceFile for Opened {}

/// The disk of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct MachineDisk;

impl SourceDisk for MachineDisk {
    fn find(&self, key: &str, pattern: &str) -> Result<Vec<String>, Failure> {
        let wrong = |what: String| Failure::fatal(Kind::Settings, format!("{key} = {pattern:?} {what}"));
        let not_a_pattern =
            |error| wrong(format!("is not a pattern of file names: {error}")).advice("write it as in data/*.csv");
        let paths: Paths = match in_one_folder(pattern, &not_a_pattern)? {
            Some(paths) => paths,
            None => {
                let paths = glob::glob(pattern).map_err(not_a_pattern)?;
                let path = |path: glob::GlobResult| {
                    let path = path.map_err(|error| Failure::io("cannot look into", error.path(), error.error()));
                    path.map(|path| (!path.is_dir()).then_some(path)).transpose()
                };
                Box::new(paths.filter_map(path))
            }
        };
        let mut names = Vec::new();
        for path in paths {
            let path = path?;
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

    fn open(&self, path: &Path) -> io::Result<Option<(Box<dyn SourceFile>, Stamp)>> {
        found(File::open(path).and_then(|file| {
            let stamp = stamp(&file.metadata()?);
            Ok((Box::new(file) as _, stamp))
        }))
    }

    fn now_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

type Paths = Box<dyn Iterator<Item = Result<PathBuf, Failure>>>;

/// The files of a pattern that stands for names within one folder, as most do; else `None`. The folder is listed and no file
/// is looked at, while the crate `glob` looks at each several times, which takes seconds of very many.
fn in_one_folder(
    pattern: &str,
    not_a_pattern: &dyn Fn(glob::PatternError) -> Failure,
) -> Result<Option<Paths>, Failure> {
    let (folder, name) =
        pattern.rsplit_once('/').map_or(("", pattern), |(folder, name)| (&pattern[..=folder.len()], name));
    if folder.contains(['*', '?', '[']) || name.contains("**") || name.is_empty() {
        return Ok(None);
    }
    let wanted = Pattern::new(name).map_err(not_a_pattern)?;
    let folder = PathBuf::from(folder);
    let listed = found(fs::read_dir(if folder.as_os_str().is_empty() { Path::new(".") } else { &folder }));
    let Some(entries) = listed.map_err(|error| Failure::io("cannot look into", &folder, &error))? else {
        return Ok(Some(Box::new(std::iter::empty())));
    };
    let path = move |entry: io::Result<fs::DirEntry>| {
        let failed = |error| Failure::io("cannot look into", &folder, &error);
        let entry = match entry.map_err(failed) {
            Ok(entry) => entry,
            Err(failure) => return Some(Err(failure)),
        };
        if !wanted.matches_path(Path::new(&entry.file_name())) {
            return None;
        }
        let path = folder.join(entry.file_name());
        let is_folder = match entry.file_type().map_err(failed) {
            Ok(kind) => kind.is_dir() || (kind.is_symlink() && path.is_dir()),
            Err(failure) => return Some(Err(failure)),
        };
        (!is_folder).then_some(Ok(path))
    };
    Ok(Some(Box::new(entries.filter_map(path))))
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

#[cfg(test)]
mod tests {
    use super::*;

    /// By the crate `glob` as the reference.
    #[test]
    fn files_of_one_folder_are_those_that_the_whole_pattern_matches() {
        let root = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(root.path().join("d/folder.csv")).expect("created");
        for name in ["b.csv", "a.csv", ".hidden.csv", "c.CSV", "x[1].csv", "a.csv.gz"] {
            fs::write(root.path().join("d").join(name), "").expect("written");
        }
        std::os::unix::fs::symlink(root.path().join("d/a.csv"), root.path().join("d/link.csv")).expect("linked");
        std::os::unix::fs::symlink(root.path().join("d"), root.path().join("d/folder-link.csv")).expect("linked");
        for pattern in
            ["d/*.csv", "d/*", "d/?.csv", "d/[a-b].csv", "d/x[[]1].csv", "d/a.csv", "*/*.csv", "**/*.csv", "./d/*.csv"]
        {
            let pattern = format!("{}/{pattern}", root.path().display());
            let reference = glob::glob(&pattern).expect("a pattern").map(|path| path.expect("it is listed"));
            let mut reference: Vec<String> =
                reference.filter(|path| !path.is_dir()).map(|path| path.display().to_string()).collect();
            reference.sort_unstable();
            let found = MachineDisk.find("key", &pattern).expect("some match");
            let same = |names: &[String]| names.iter().map(|name| name.replace("/./", "/")).collect::<Vec<_>>();
            assert_eq!(same(&found), same(&reference), "{pattern}");
        }
        for pattern in ["d/*.none", "none/*.csv"] {
            let failure = MachineDisk.find("key", &format!("{}/{pattern}", root.path().display())).expect_err("none");
            assert!(failure.what.contains("matches no file"), "{failure}");
        }
        let failure = MachineDisk.find("key", "d/[").expect_err("no pattern");
        assert!(failure.what.contains("is not a pattern of file names"), "{failure}");
    }
}
