//! The partition files of a state folder, read as anybody may at any time: without locks, also while they are replaced.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::format::{self, Checkpoint};
use super::{advice, partition_path};
use crate::failure::{Failure, Kind};

/// One `partition-N.json` as it was when it was read.
pub struct PartitionFile {
    pub path: PathBuf,
    pub bytes: Vec<u8>,
    /// Time since it was committed, by the clocks of the folder and of this machine.
    pub age: Duration,
}

impl PartitionFile {
    /// Reads a partition's file; `None` if there is none.
    pub fn read(folder: &Path, partition: u32) -> Result<Option<Self>, Failure> {
        Self::read_path(partition_path(folder, partition))
    }

    /// Reads a file that holds a partition; `None` if there is none.
    pub fn read_path(path: PathBuf) -> Result<Option<Self>, Failure> {
        let mut bytes = Vec::new();
        let read = fs::File::open(&path).and_then(|mut file| {
            file.read_to_end(&mut bytes)?;
            file.metadata()?.modified()
        });
        match read {
            Ok(modified) => {
                let age = SystemTime::now().duration_since(modified).unwrap_or_default();
                Ok(Some(Self { path, bytes, age }))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::io("cannot read", &path, &error)),
        }
    }

    /// What it holds, if it is whole and is the file of this partition.
    pub fn parse(&self, partition: u32) -> Result<Checkpoint, Failure> {
        let checkpoint = format::parse(&self.path.display().to_string(), &self.bytes)?;
        let within = checkpoint.identity.partition;
        if within != partition {
            let what = format!("{} holds partition {within}", self.path.display());
            return Err(Failure::fatal(Kind::Data, what).advice(format!(
                "a copy under a wrong name? restore the right one, or {}",
                advice::rebuild(partition)
            )));
        }
        Ok(checkpoint)
    }
}

/// Numbers of the partitions that have a file, in order. None at all is a failure: the folder is hardly the right one.
pub fn numbers(folder: &Path) -> Result<Vec<u32>, Failure> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries.collect::<Result<Vec<_>, _>>(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    };
    let entries = entries.map_err(|error| Failure::io("cannot list", folder, &error))?;
    let mut numbers: Vec<u32> = entries.iter().filter_map(|entry| number(entry.file_name().to_str()?)).collect();
    numbers.sort_unstable();
    if numbers.is_empty() {
        return Err(Failure::fatal(Kind::Data, format!("no partition has a file in {} yet", folder.display())).advice(
            "the folder is the setting state.dir: give the settings of the run, as in --settings settings/demo.toml",
        ));
    }
    Ok(numbers)
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
        let missing = numbers(&folder.path().join("missing")).expect_err("there is nothing");
        assert_eq!(missing.kind, Kind::Data);
        for partition in [10, 2, 1] {
            fs::write(partition_path(folder.path(), partition), "").expect("the file is written");
        }
        assert_eq!(numbers(folder.path()), Ok(vec![1, 2, 10]));
    }
}
