//! The files on disk, at any moment.

use std::path::Path;

use super::Invariant::{FilesAreWhole, FilesEqualReplay, NothingSkipped, RecordsAddUp};
use super::promises::Promises;
use super::{FolderFiles, Violation};
use crate::log::{RangePace, RecordLog};
use crate::partition::format::{self, Checkpoint};
use crate::partition::{partition_path, rejected_path};
use crate::retold::audit::{Files, Finding, audit};

/// The files of a partition, but for its lock.
pub fn of_partition(files: &FolderFiles, partition: u32) -> FolderFiles {
    let prefix = format!("partition-{partition}.");
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut files = files.clone();
    files.retain(|path, _| name(path).starts_with(&prefix) && !name(path).ends_with(".lock"));
    files
}

/// `FilesAreWhole`: the content of a partition's file, if there is one.
pub fn whole(folder: &Path, files: &FolderFiles, partition: u32) -> Result<Option<Checkpoint>, Violation> {
    let path = partition_path(folder, partition);
    let parsed = files.get(&path).map(|bytes| format::parse(&path.display().to_string(), bytes)).transpose();
    parsed.map_err(|failure| FilesAreWhole.violated(failure.to_string()))
}

/// Checks a partition's files after a life that said that `committed` is on disk, and gives the content of its file. `log`
/// gives the log with an id.
pub fn after_life<'a>(
    log: impl FnOnce(&str) -> Result<&'a dyn RecordLog, Violation>,
    (folder, files): (&Path, &FolderFiles),
    partition: u32,
    committed: u64,
    promises: &mut Promises,
) -> Result<Option<Checkpoint>, Violation> {
    let checkpoint = whole(folder, files, partition)?;
    if let Some(checkpoint) = &checkpoint {
        let log = log(&checkpoint.identity.log_id)?;
        replayed(log, folder, files, checkpoint)?;
        nothing_passed_over(log, checkpoint)?;
    }
    promises.committed(partition, committed, checkpoint.as_ref())?;
    Ok(checkpoint)
}

/// `FilesEqualReplay` and `RecordsAddUp`, by an audit. `log` is the log that the file was made from.
fn replayed(log: &dyn RecordLog, folder: &Path, files: &FolderFiles, checkpoint: &Checkpoint) -> Result<(), Violation> {
    let partition = checkpoint.identity.partition;
    let (path, rejected_path) = (partition_path(folder, partition), rejected_path(folder, partition));
    let rejected = files.get(&rejected_path).map(Vec::as_slice).unwrap_or_default();
    let of = Files {
        name: &path.display().to_string(),
        bytes: &files[&path],
        checkpoint,
        rejected_name: &rejected_path.display().to_string(),
        rejected: Box::new(rejected),
    };
    let told = |what: String| format!("partition {partition}: {what}");
    match audit(log, &RangePace::default(), &checkpoint.identity.topic, of) {
        Ok(Finding::Verified(_)) => Ok(()),
        Ok(Finding::FileWrong(wrong)) => {
            let invariant = if wrong.adds_up { FilesEqualReplay } else { RecordsAddUp };
            let first = wrong.differences.listed.first();
            let first = first.map(|one| format!("; {}: file {}, replay {}", one.what, one.file, one.replay));
            Err(invariant.violated(told(wrong.why + &first.unwrap_or_default())))
        }
        Ok(Finding::LogIncomplete { why }) => Err(FilesEqualReplay.violated(told(why))),
        Err(failure) => Err(FilesEqualReplay.violated(told(failure.to_string()))),
    }
}

/// `NothingSkipped`: the file begins where the log does and has no gaps, where nobody allowed any.
fn nothing_passed_over(log: &dyn RecordLog, checkpoint: &Checkpoint) -> Result<(), Violation> {
    let (partition, state) = (checkpoint.identity.partition, &checkpoint.state);
    let start = log.extent(partition).map(|extent| extent.start);
    NothingSkipped.require(start.as_ref() == Ok(&state.first_offset) && state.gaps.is_empty(), || {
        format!("partition {partition} counts from {} with gaps {:?}; log: {start:?}", state.first_offset, state.gaps)
    })
}

/// `NothingSkipped`: no file of a topic that is gone has moved on since it is, nor was one counted on with another
/// topic's records.
pub fn nothing_of_a_topic_that_is_gone(
    folder: &Path,
    then: &FolderFiles,
    now: &FolderFiles,
    partition: u32,
) -> Result<(), Violation> {
    let (Some(then), Some(now)) = (whole(folder, then, partition)?, whole(folder, now, partition)?) else {
        return Ok(());
    };
    let moved = now.identity != then.identity || now.state.next_offset > then.state.next_offset;
    NothingSkipped.require(!moved, || {
        let (then, now) = (then.state.next_offset, now.state.next_offset);
        format!("partition {partition} was at offset {then} when its topic was deleted, and is at {now}")
    })
}

/// `FilesAreWhole`: a start, and what followed it, has left no temporary file.
pub fn no_temporaries(files: &FolderFiles) -> Result<(), Violation> {
    let temporary = files.keys().find(|path| path.to_string_lossy().contains(".tmp-"));
    temporary.map_or(Ok(()), |path| Err(FilesAreWhole.violated(format!("{} was left by a start", path.display()))))
}

/// `FilesAreWhole`: nothing stands behind the rejected lines that the file speaks of, once a start has settled it.
pub fn rejected_lines_settled(folder: &Path, files: &FolderFiles, checkpoint: &Checkpoint) -> Result<(), Violation> {
    let path = rejected_path(folder, checkpoint.identity.partition);
    let (bytes, said) = (files.get(&path).map_or(0, Vec::len) as u64, checkpoint.state.rejected_bytes);
    FilesAreWhole.require(bytes == said, || format!("{} has {bytes} bytes and should have {said}", path.display()))
}
