//! What is done to a state folder while nothing runs in it: rebuild and recreate.
//!
//! Both first give every file its second name and sync that, and take the first names away after it: a crash at any
//! moment leaves the old state whole in one place at least, and doing it again goes on.

use std::io;
use std::path::{Path, PathBuf};

use super::{BEFORE_REBUILD, partition_path, rejected_path};
use crate::durable::{Disk, Lock};
use crate::failure::{Failure, Kind};

/// Moves a partition's files out of the way so that it is counted anew: both are linked to `.before-rebuild` (refused if
/// those exist), the folder is synced, the JSON removed, the folder synced. Safe against a crash at any moment: run again,
/// it goes on. The old file may be damaged. The caller holds the partition's lock.
pub fn begin_rebuild(disk: &dyn Disk, folder: &Path, partition: u32, _lock: &Lock) -> Result<(), Failure> {
    let mut kept = Vec::new();
    for path in [partition_path(folder, partition), rejected_path(folder, partition)] {
        let Some(content) = read(disk, &path)? else { continue };
        let mut second = path.clone().into_os_string();
        second.push(BEFORE_REBUILD);
        let second = PathBuf::from(second);
        // The same content is what an earlier try that was cut short has linked.
        if read(disk, &second)?.is_some_and(|kept| kept != content) {
            let what = format!("{} is there already, kept by an earlier rebuild", second.display());
            return Err(Failure::fatal(Kind::Data, what).advice("move it elsewhere or remove it, then rebuild again"));
        }
        kept.push((path, second));
    }
    let json_is_here = kept.first().is_some_and(|(path, _)| *path == partition_path(folder, partition));
    for (path, second) in &kept {
        link(disk, path, second, json_is_here)?;
    }
    sync_folder(disk, folder)?;
    // The JSON first: without it the other file means nothing, but not the other way round.
    for (path, _) in &kept {
        remove(disk, path)?;
        sync_folder(disk, folder)?;
    }
    Ok(())
}

/// Moves all state of a topic aside (cursor, partition files; locks stay) into a new folder inside `folder`, before the
/// topic is recreated. The caller holds `source.lock` and every partition's lock. No state: nothing happens.
pub fn set_aside(disk: &dyn Disk, folder: &Path) -> Result<(), Failure> {
    let Some(names) = state_files(disk, folder)? else { return Ok(()) };
    if names.is_empty() {
        // An earlier try may have been cut short just before this.
        return sync_folder(disk, folder);
    }
    let mut last = None;
    let mut number = 1;
    loop {
        let aside = folder.join(format!("before-recreate-{number}"));
        let Some(kept) = state_files(disk, &aside)? else { break };
        last = Some((aside, kept));
        number += 1;
    }
    let (aside, all_are_here) = match last {
        Some((aside, kept)) if is_unfinished(disk, folder, &names, &aside, &kept)? => {
            (aside, kept.len() <= names.len())
        }
        _ => (folder.join(format!("before-recreate-{number}")), true),
    };
    disk.create_folder(&aside).map_err(|error| Failure::io("cannot create", &aside, &error))?;
    for name in &names {
        link(disk, &folder.join(name), &aside.join(name), all_are_here)?;
    }
    sync_folder(disk, &aside)?;
    // As in a rebuild, a file goes before the lines that it speaks of.
    for lines in [false, true] {
        for name in names.iter().filter(|name| name.contains(".jsonl") == lines) {
            remove(disk, &folder.join(name))?;
        }
        sync_folder(disk, folder)?;
    }
    Ok(())
}

/// Whether a crash left this folder behind while the same state was set aside: either not all had been linked, and what
/// was is still here, or not all had been removed, and what is here was linked. The state of another topic, or of a later
/// time, differs in every file that has the same name.
fn is_unfinished(
    disk: &dyn Disk,
    folder: &Path,
    names: &[String],
    aside: &Path,
    kept: &[String],
) -> Result<bool, Failure> {
    let (some, all) = if kept.len() < names.len() { (kept, names) } else { (names, kept) };
    for name in some {
        if !all.contains(name) || read(disk, &folder.join(name))? != read(disk, &aside.join(name))? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Names of the files of a folder that hold a topic's state, or `None` if there is no such folder.
fn state_files(disk: &dyn Disk, folder: &Path) -> Result<Option<Vec<String>>, Failure> {
    let is_state = |name: &String| {
        let name = name.strip_suffix(BEFORE_REBUILD).unwrap_or(name);
        let partition = name.strip_prefix("partition-").and_then(|rest| rest.split_once('.'));
        name == "source.json"
            || (name.starts_with("source.files-") && name.ends_with(".jsonl"))
            || partition.is_some_and(|(number, kind)| {
                number.parse::<u32>().is_ok() && ["json", "rejected.jsonl"].contains(&kind)
            })
    };
    match disk.list(folder) {
        Ok(names) => Ok(Some(names.into_iter().filter(is_state).collect())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::io("cannot list", folder, &error)),
    }
}

/// Gives a file a second name and makes its content durable. A second name that an earlier try gave it is given again
/// while no first name was taken away: that try may have ended with a failed sync of the folder, and syncing again would
/// prove nothing.
fn link(disk: &dyn Disk, path: &Path, second: &Path, all_are_here: bool) -> Result<(), Failure> {
    match disk.hard_link(path, second) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if !all_are_here {
                return Ok(());
            }
            remove(disk, second)?;
            disk.hard_link(path, second)
        }
        linked => linked,
    }
    .map_err(|error| Failure::io("cannot keep", second, &error))?;
    disk.sync_file(second).map_err(|error| Failure::io("cannot fsync", second, &error))
}

fn read(disk: &dyn Disk, path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    disk.read(path).map_err(|error| Failure::io("cannot read", path, &error))
}

fn remove(disk: &dyn Disk, path: &Path) -> Result<(), Failure> {
    disk.remove(path).map_err(|error| Failure::io("cannot remove", path, &error))
}

fn sync_folder(disk: &dyn Disk, folder: &Path) -> Result<(), Failure> {
    disk.sync_folder(folder).map_err(|error| Failure::io("cannot fsync", folder, &error))
}
