//! Files as a source sees them: found, told apart, and read.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::content::{self, SourceFile};
use super::pattern::{self, InputKind, found};
use super::stream::input::{Bounds, Input};
use crate::failure::{Failure, Kind};
use crate::settings::Encoding;

/// Files of one source: a name and a record of about 250 bytes of each are in memory.
const FILES_MAX: usize = 1_000_000;
/// The pattern that stands for the standard input, and its name for people.
const STANDARD_INPUT_PATTERN: &str = "-";
const STANDARD_INPUT: &str = "standard input";
/// Names of what this process has open already: what they lead to is of no account.
const DESCRIPTORS: [&str; 4] = ["/dev/fd/", "/dev/stdin", "/proc/self/fd/", "/proc/thread-self/fd/"];
const STREAM_BOUNDS: Bounds = Bounds { head_max: 128 << 10, kept_max: 16 << 20, ahead_max: 1 << 20 };
/// What is read of a stream at once.
const PIECE_BYTES: usize = 64 << 10;
/// How often one is tried that has nothing, and does not wait for more.
const POLL_INTERVAL: Duration = Duration::from_millis(10);
/// The thread that reads a stream.
const STREAM_THREAD: &str = "isotherm-stream";

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

/// What a source reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inputs {
    /// Names of files, in order.
    Files(Vec<String>),
    /// An input that can be read once, in words or by its path.
    Stream(String),
}

/// The files that a source may read.
pub trait SourceDisk: Send + Sync {
    /// What the pattern of the setting `key` matches; none at all is a failure, and so is a stream beside others.
    fn find(&self, key: &str, pattern: &str) -> Result<Inputs, Failure>;

    /// The stream that was found; the same one at each call, and what is found from then on.
    fn open_stream(&self, name: &str, encoding: Encoding) -> Result<Arc<Input>, Failure>;

    /// Bytes that came of a stream, if one was opened.
    fn received_bytes(&self) -> Option<u64> {
        None
    }

    /// The stamp of a file as it is now; `None` where the path has no file.
    fn stamp(&self, path: &Path) -> io::Result<Option<Stamp>>;

    /// Opens a file at its beginning, and tells its stamp, which stays that of the open file when another one gets its name;
    /// `None` where the path has no file.
    fn open(&self, path: &Path) -> io::Result<Option<(Box<dyn SourceFile>, Stamp)>>;

    /// Milliseconds since 1970.
    fn now_ms(&self) -> u64;
}

/// The disk of this machine, and what this process reads from others.
#[derive(Default)]
pub struct MachineDisk {
    /// By its name.
    stream: Mutex<Option<(String, Arc<Input>)>>,
}

impl SourceDisk for MachineDisk {
    fn find(&self, key: &str, pattern: &str) -> Result<Inputs, Failure> {
        // Its name may lead nowhere by now.
        if let Some((name, _)) = &*self.stream.lock() {
            return Ok(Inputs::Stream(name.clone()));
        }
        if pattern == STANDARD_INPUT_PATTERN {
            return Ok(Inputs::Stream(STANDARD_INPUT.to_owned()));
        }
        let wrong = |what: String| Failure::fatal(Kind::Settings, format!("{key} = {pattern:?} {what}"));
        let (mut names, mut stream) = (Vec::new(), None);
        for path in pattern::paths(pattern, &wrong)? {
            let (path, kind) = path?;
            let name = path.into_os_string().into_string();
            let name = name.map_err(|name| {
                wrong(format!("matches {name:?}, whose name is not UTF-8")).advice("give the file another name")
            })?;
            if kind == InputKind::Stream || DESCRIPTORS.iter().any(|descriptors| name.starts_with(descriptors)) {
                stream = Some(name.clone());
            }
            names.push(name);
            if names.len() > FILES_MAX {
                return Err(wrong(format!("matches more than {FILES_MAX} files"))
                    .advice("read fewer at a time, or join them to fewer files"));
            }
        }
        // Links that lead nowhere may lead somewhere again; where there is nothing else, nothing would be read in silence.
        if !names.iter().any(|name| Path::new(name).exists()) && stream.is_none() {
            return Err(wrong("matches no file".to_owned()).advice(pattern::why_none(pattern, &names)));
        }
        match stream {
            Some(name) if names.len() == 1 => return Ok(Inputs::Stream(name)),
            Some(name) => {
                return Err(wrong(format!(
                    "matches {name}, which can be read only once, beside {} others",
                    names.len() - 1
                ))
                .advice("a stream is a source of its own: name it alone"));
            }
            None => {}
        }
        names.sort_unstable();
        Ok(Inputs::Files(names))
    }

    fn open_stream(&self, name: &str, encoding: Encoding) -> Result<Arc<Input>, Failure> {
        let mut stream = self.stream.lock();
        if let Some((_, input)) = &*stream {
            return Ok(input.clone());
        }
        let input = Arc::new(Input::new(STREAM_BOUNDS));
        let (filled, path) = (input.clone(), name.to_owned());
        let fill = move || filled.end(fill(&filled, &path, encoding));
        let spawned = thread::Builder::new().name(STREAM_THREAD.to_owned()).spawn(fill);
        spawned.map_err(|error| Failure::thread(STREAM_THREAD, &error))?;
        *stream = Some((name.to_owned(), input.clone()));
        Ok(input)
    }

    fn received_bytes(&self) -> Option<u64> {
        self.stream.lock().as_ref().map(|(_, input)| input.received().bytes)
    }

    fn stamp(&self, path: &Path) -> io::Result<Option<Stamp>> {
        let metadata = found(fs::metadata(path))?;
        Ok(metadata.filter(fs::Metadata::is_file).map(|metadata| stamp(&metadata)))
    }

    fn open(&self, path: &Path) -> io::Result<Option<(Box<dyn SourceFile>, Stamp)>> {
        // A pipe that has its name by now would have to be waited for.
        if self.stamp(path)?.is_none() {
            return Ok(None);
        }
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

/// Reads a stream to its end, as far as there is room for it.
fn fill(input: &Input, name: &str, encoding: Encoding) -> io::Result<()> {
    let stream = match name {
        STANDARD_INPUT => File::from(io::stdin().as_fd().try_clone_to_owned()?),
        path => File::open(path)?,
    };
    let mut text = content::text(Waiting(stream), encoding)?;
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        input.wait_for_room();
        match text.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(read) => input.push(&piece[..read]),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(io::Error::new(io::ErrorKind::InvalidData, content::CUT_OFF));
            }
            Err(error) => return Err(content::of_content(error)),
        }
    }
}

/// What is read waits for more.
struct Waiting(File);

impl Read for Waiting {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(bytes) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // As another program has set it that shares it with this one.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::park_timeout(POLL_INTERVAL),
                read => return read,
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::pattern::MATCHING;

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
            let reference =
                glob::glob_with(&pattern, MATCHING).expect("a pattern").map(|path| path.expect("it is listed"));
            let mut reference: Vec<String> =
                reference.filter(|path| !path.is_dir()).map(|path| path.display().to_string()).collect();
            reference.sort_unstable();
            let found = MachineDisk::default().find("key", &pattern).expect("some match");
            let Inputs::Files(found) = found else { panic!("{pattern}: {found:?}") };
            let same = |names: &[String]| names.iter().map(|name| name.replace("/./", "/")).collect::<Vec<_>>();
            assert_eq!(same(&found), same(&reference), "{pattern}");
        }
        for pattern in ["d/*.none", "none/*.csv"] {
            let pattern = format!("{}/{pattern}", root.path().display());
            let failure = MachineDisk::default().find("key", &pattern).expect_err("none");
            assert!(failure.what.contains("matches no file"), "{failure}");
        }
        let failure = MachineDisk::default().find("key", "d/[").expect_err("no pattern");
        assert!(failure.what.contains("is not a pattern of file names"), "{failure}");
    }

    #[test]
    fn hidden_files_are_not_meant_and_a_files_name_is_that_file() {
        let root = tempfile::tempdir().expect("a folder");
        for name in ["a.csv", "._a.csv", "[1].csv"] {
            fs::write(root.path().join(name), "").expect("written");
        }
        std::os::unix::fs::symlink(root.path().join("nowhere"), root.path().join("link.dly")).expect("linked");
        let find = |pattern: &str| {
            let path = |name: &str| root.path().join(name).display().to_string();
            let Inputs::Files(found) = MachineDisk::default().find("key", &path(pattern))? else { panic!("{pattern}") };
            let name = |path: String| path.rsplit('/').next().map(str::to_owned).unwrap_or_default();
            Ok::<_, Failure>(found.into_iter().map(name).collect::<Vec<_>>())
        };
        assert_eq!(find("*.csv").expect("some"), ["[1].csv", "a.csv"]);
        assert_eq!(find("._*").expect("one"), ["._a.csv"]);
        assert_eq!(find("[1].csv").expect("the file of this name"), ["[1].csv"]);
        let failure = MachineDisk::default().find("key", "~/weather/*.csv").expect_err("there is no folder ~");
        assert!(failure.to_string().contains("~ is replaced by a shell"), "{failure}");
        for pattern in ["*.dly", "link.dly"] {
            let failure = find(pattern).expect_err("it leads nowhere");
            assert!(failure.to_string().contains("link.dly is a link that leads nowhere"), "{failure}");
        }
        let failure = find("{a,b}.csv").expect_err("the shell has these, patterns have not");
        assert!(failure.to_string().contains("{…} and several patterns are not known"), "{failure}");
    }

    #[test]
    fn what_can_be_read_only_once_is_a_stream_and_stands_alone() {
        let root = tempfile::tempdir().expect("a folder");
        let path = |name: &str| root.path().join(name).display().to_string();
        let made = std::process::Command::new("mkfifo").arg(path("readings.fifo")).status();
        assert!(made.is_ok_and(|status| status.success()), "there is a program mkfifo");
        std::os::unix::fs::symlink(path("readings.fifo"), path("link.csv")).expect("linked");
        fs::write(path("a.csv"), "").expect("written");
        let find = |pattern: &str| MachineDisk::default().find("key", pattern);
        assert_eq!(find("-"), Ok(Inputs::Stream(STANDARD_INPUT.to_owned())));
        for pattern in [path("readings.fifo"), path("link.*"), "/dev/stdin".to_owned(), "/dev/null".to_owned()] {
            let name = pattern.replace('*', "csv");
            assert_eq!(find(&pattern), Ok(Inputs::Stream(name)));
        }
        let failure = find(&path("*.csv")).expect_err("there is a file beside the link");
        assert!(failure.what.contains("link.csv, which can be read only once, beside 1 others"), "{failure}");
    }
}
