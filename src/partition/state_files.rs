//! The partitions' files, read as anybody may at any time: without locks, also while they are replaced.

use std::fs::{self, File};
use std::io::{self, Cursor, Read, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::accept::Place;
use super::format::{self, Checkpoint};
use super::rejected_parts::{self, RejectedParts};
use super::{BEFORE_REBUILD, Identity, advice, partition_path, rejected_path, state_name};
use crate::domain::Rules;
use crate::durable::objects::{Object, Objects};
use crate::failure::{Failure, Kind};

/// How often a state is read again whose rejected lines were replaced between it and them.
const READS_MAX: usize = 5;

/// Where the partitions' states are.
#[derive(Clone)]
pub enum StateFiles {
    /// In a folder of this machine.
    Folder(PathBuf),
    /// In a store of objects, which many machines may share.
    Objects(Arc<dyn Objects>),
}

/// One `partition-N.json` as it was when it was read.
pub struct PartitionFile {
    /// Path, or address of the object.
    pub name: String,
    pub bytes: Vec<u8>,
    /// Time since it was committed, by the clocks of the folder or store and of this machine.
    pub age: Duration,
}

/// A partition's file with what it holds, and the rejected lines that it speaks of.
pub struct WithRejected {
    pub file: PartitionFile,
    pub checkpoint: Result<Checkpoint, Failure>,
    pub rejected_name: String,
    /// Of no bytes where there are none, or where the file is damaged.
    pub rejected: Box<dyn Read>,
}

impl PartitionFile {
    fn read_path(path: PathBuf) -> Result<Option<Self>, Failure> {
        let mut bytes = Vec::new();
        let read = File::open(&path).and_then(|mut file| {
            file.read_to_end(&mut bytes)?;
            file.metadata()?.modified()
        });
        match read {
            Ok(modified) => Ok(Some(Self { name: path.display().to_string(), bytes, age: age(modified) })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::io("cannot read", &path, &error)),
        }
    }

    fn read_object(objects: &dyn Objects, key: &str) -> Result<Option<Self>, Failure> {
        let of = |Object { bytes, modified, .. }: Object| {
            let age = modified.map_or(Duration::ZERO, age);
            Self { name: objects.path(key), bytes, age }
        };
        let got = objects.get(key).map_err(|trouble| objects.failure("cannot read", key, &trouble))?;
        Ok(got.map(of))
    }

    /// What it holds, if it is whole and is the file of this partition.
    pub fn parse(&self, partition: u32) -> Result<Checkpoint, Failure> {
        let checkpoint = format::parse(&self.name, &self.bytes)?;
        let within = checkpoint.identity.partition;
        if within != partition {
            let what = format!("{} holds partition {within}", self.name);
            return Err(Failure::fatal(Kind::Data, what).advice(format!(
                "a copy under a wrong name? restore the right one, or {}",
                advice::rebuild(partition)
            )));
        }
        Ok(checkpoint)
    }
}

fn age(modified: SystemTime) -> Duration {
    SystemTime::now().duration_since(modified).unwrap_or_default()
}

impl StateFiles {
    /// The folder's path, or the store's address.
    pub fn name(&self) -> String {
        match self {
            Self::Folder(folder) => folder.display().to_string(),
            Self::Objects(objects) => objects.name(),
        }
    }

    /// The setting that names it.
    pub fn setting(&self) -> &'static str {
        match self {
            Self::Folder(_) => "state.dir",
            Self::Objects(_) => "state.url",
        }
    }

    /// Since when no call has come to a result; a folder is never away.
    pub fn away_since(&self) -> Option<Instant> {
        match self {
            Self::Folder(_) => None,
            Self::Objects(objects) => objects.away_since(),
        }
    }

    /// Whether each look costs a request on a network.
    pub fn is_remote(&self) -> bool {
        matches!(self, Self::Objects(_))
    }

    /// Numbers of the partitions that have a file, in order. None at all is a failure: the place is hardly the right one.
    pub fn numbers(&self) -> Result<Vec<u32>, Failure> {
        let names = match self {
            Self::Folder(folder) => {
                let entries = match fs::read_dir(folder) {
                    Ok(entries) => entries.collect::<Result<Vec<_>, _>>(),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
                    Err(error) => Err(error),
                };
                let entries = entries.map_err(|error| Failure::io("cannot list", folder, &error))?;
                entries.iter().filter_map(|entry| entry.file_name().into_string().ok()).collect()
            }
            Self::Objects(objects) => {
                objects.list_top().map_err(|trouble| objects.failure("cannot list", "", &trouble))?
            }
        };
        let mut numbers: Vec<u32> = names.iter().filter_map(|name| number(name)).collect();
        numbers.sort_unstable();
        if numbers.is_empty() {
            let what = format!("no partition has a file in {} yet", self.name());
            return Err(Failure::fatal(Kind::Data, what).advice(format!(
                "that is the setting {}: give the settings of the run, as in --settings settings/demo.toml",
                self.setting()
            )));
        }
        Ok(numbers)
    }

    /// Reads a partition's file; `None` for a partition of which nothing is committed.
    pub fn read(&self, partition: u32) -> Result<Option<PartitionFile>, Failure> {
        match self {
            Self::Folder(folder) => PartitionFile::read_path(partition_path(folder, partition)),
            Self::Objects(objects) => PartitionFile::read_object(&**objects, &state_name(partition)),
        }
    }

    /// A failure if a partition's file is not one that goes on with these.
    pub fn compare(&self, identity: &Identity, rules: &Rules) -> Result<(), Failure> {
        let partition = identity.partition;
        let Some(file) = self.read(partition)? else { return Ok(()) };
        let place = Place { file: &file.name, setting: self.setting(), partition };
        place.accept(&file.bytes, identity, rules).map(drop)
    }

    /// Reads the file that a rebuild of the partition has kept; `None` if no rebuild has kept one.
    pub fn read_before_rebuild(&self, partition: u32) -> Result<Option<PartitionFile>, Failure> {
        let name = state_name(partition) + BEFORE_REBUILD;
        match self {
            Self::Folder(folder) => PartitionFile::read_path(folder.join(name)),
            Self::Objects(objects) => PartitionFile::read_object(&**objects, &name),
        }
    }

    /// Where the rejected lines are that a file speaks of.
    pub fn rejected_name(&self, checkpoint: &Checkpoint) -> String {
        match self {
            Self::Folder(folder) => rejected_path(folder, checkpoint.identity.partition).display().to_string(),
            Self::Objects(objects) => objects.path(&parts(checkpoint).folder()),
        }
    }

    /// Reads a partition's file; its rejected lines are read as they are asked for.
    pub fn read_with_rejected(&self, partition: u32) -> Result<Option<WithRejected>, Failure> {
        let mut missing = None;
        for _ in 0..READS_MAX {
            let Some(file) = self.read(partition)? else { return Ok(None) };
            let checkpoint = file.parse(partition);
            let Ok(read) = &checkpoint else {
                let (rejected_name, rejected) = (String::new(), Box::new(io::empty()));
                return Ok(Some(WithRejected { file, checkpoint, rejected_name, rejected }));
            };
            let rejected_name = self.rejected_name(read);
            match self.rejected(read) {
                Ok(rejected) => return Ok(Some(WithRejected { file, checkpoint, rejected_name, rejected })),
                Err(Lines::Replaced(name)) => missing = Some(name),
                Err(Lines::Failed(failure)) => return Err(failure),
            }
        }
        let name = missing.expect("each read had one");
        let what = format!("{name} is not there, of which {} speaks", self.name_of(partition));
        Err(Failure::fatal(Kind::Data, what)
            .advice("it was asked for with each of five reads of the state: isotherm audit"))
    }

    fn name_of(&self, partition: u32) -> String {
        match self {
            Self::Folder(folder) => partition_path(folder, partition).display().to_string(),
            Self::Objects(objects) => objects.path(&state_name(partition)),
        }
    }

    fn rejected(&self, checkpoint: &Checkpoint) -> Result<Box<dyn Read>, Lines> {
        let objects = match self {
            Self::Folder(folder) => {
                let path = rejected_path(folder, checkpoint.identity.partition);
                return match File::open(&path) {
                    Ok(file) => Ok(Box::new(file)),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Box::new(io::empty())),
                    Err(error) => Err(Lines::Failed(Failure::io("cannot open", &path, &error))),
                };
            }
            Self::Objects(objects) => objects.clone(),
        };
        let (parts, bytes) = (parts(checkpoint), checkpoint.state.rejected_bytes);
        let tail = parts.tail(bytes);
        // Chunks stay as long as their lineage does; the tail is replaced by the next commit.
        let last = if tail.is_empty() { Vec::new() } else { part(&*objects, &parts.key(&tail))? };
        let chunks = parts.ranges(0, tail.start).map(|range| parts.key(&range)).collect::<Vec<_>>().into_iter();
        Ok(Box::new(Chunks { objects, keys: chunks, chunk: Cursor::default() }.chain(Cursor::new(last))))
    }

    /// The last bytes of a partition's rejected lines, and how many there are of all; `None` if there are as many as is known,
    /// or none.
    pub fn rejected_tail(&self, partition: u32, known: Option<u64>, bytes_max: u64) -> Option<(u64, Vec<u8>)> {
        let mut tail = Vec::new();
        let bytes = match self {
            Self::Folder(folder) => {
                let mut file = File::open(rejected_path(folder, partition)).ok()?;
                let bytes =
                    file.metadata().ok().map(|metadata| metadata.len()).filter(|bytes| known != Some(*bytes))?;
                file.seek(SeekFrom::Start(bytes.saturating_sub(bytes_max))).ok()?;
                file.take(bytes_max).read_to_end(&mut tail).ok()?;
                bytes
            }
            Self::Objects(objects) => {
                let checkpoint = self.read(partition).ok()??.parse(partition).ok()?;
                let bytes = Some(checkpoint.state.rejected_bytes).filter(|bytes| known != Some(*bytes))?;
                let parts = parts(&checkpoint);
                for range in parts.ranges(bytes.saturating_sub(bytes_max), bytes) {
                    tail.extend_from_slice(&part(&**objects, &parts.key(&range)).ok()?);
                }
                tail.drain(..tail.len().saturating_sub(bytes_max as usize));
                bytes
            }
        };
        Some((bytes, tail))
    }
}

/// Why rejected lines are not read.
enum Lines {
    /// This part of them is not there: the state may be another one by now.
    Replaced(String),
    Failed(Failure),
}

fn parts(checkpoint: &Checkpoint) -> RejectedParts {
    RejectedParts::of(checkpoint.version, &checkpoint.identity, &checkpoint.state, rejected_parts::CHUNK_BYTES)
}

fn part(objects: &dyn Objects, key: &str) -> Result<Vec<u8>, Lines> {
    match objects.get(key) {
        Ok(Some(object)) => Ok(object.bytes),
        Ok(None) => Err(Lines::Replaced(objects.path(key))),
        Err(trouble) => Err(Lines::Failed(objects.failure("cannot read", key, &trouble))),
    }
}

/// Whole chunks, of which one is held at a time.
struct Chunks {
    objects: Arc<dyn Objects>,
    keys: std::vec::IntoIter<String>,
    chunk: Cursor<Vec<u8>>,
}

impl Read for Chunks {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.chunk.read(bytes)? {
                0 if !bytes.is_empty() => {}
                read => return Ok(read),
            }
            let Some(key) = self.keys.next() else { return Ok(0) };
            let chunk = part(&*self.objects, &key).map_err(|lines| match lines {
                Lines::Replaced(name) => io::Error::new(io::ErrorKind::InvalidData, format!("{name} is not there")),
                Lines::Failed(failure) => io::Error::other(failure),
            })?;
            self.chunk = Cursor::new(chunk);
        }
    }
}

/// The number in `partition-N.json`; temp files, rejected records and copies have other names.
fn number(name: &str) -> Option<u32> {
    let digits = name.strip_prefix("partition-")?.strip_suffix(".json")?;
    digits.parse().ok().filter(|number: &u32| number.to_string() == digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_partition_files_are_listed() {
        for (name, expected) in [
            ("partition-0.json", Some(0)),
            ("partition-12.json", Some(12)),
            ("partition-012.json", None),
            ("partition-+1.json", None),
            ("partition-.json", None),
            ("partition-1.json.before-rebuild", None),
            ("partition-1.rejected.jsonl", None),
            ("partition-4294967296.json", None),
            ("source.json", None),
        ] {
            assert_eq!(number(name), expected, "{name}");
        }
    }

    #[test]
    fn files_are_listed_by_their_numbers_and_an_empty_folder_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let missing = StateFiles::Folder(folder.path().join("missing")).numbers().expect_err("there is nothing");
        assert_eq!(missing.kind, Kind::Data);
        for partition in [10, 2, 1] {
            fs::write(partition_path(folder.path(), partition), "").expect("the file is written");
        }
        assert_eq!(StateFiles::Folder(folder.path().to_owned()).numbers(), Ok(vec![1, 2, 10]));
    }
}
