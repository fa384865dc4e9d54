//! The one way in which a file gets new content: all of it or nothing.

use std::io;
use std::path::{Path, PathBuf};

use super::{Disk, DiskFile};
use crate::failure::Failure;

/// What is read, or written and synced, at once. More would be one wait that tells nobody whether the disk gets on.
pub const PIECE_BYTES: usize = 8 << 20;

/// Replaces a file, or creates it. When this returns, the new content is on disk under the name; after a failure or a
/// crash there is the old one or the new one, whole.
///
/// The new content goes to a file of its own beside the old one, so a failed try leaves nothing that a later one builds
/// on: it starts over with another new file.
pub fn replace(disk: &dyn Disk, path: &Path, epoch: u64, bytes: &[u8]) -> Result<(), Failure> {
    let temporary = temporary_path(path, epoch);
    let replaced = write_and_rename(disk, path, &temporary, bytes);
    if replaced.is_err() {
        // Only to give its room back to a full disk. If this fails too, the next try or the next recovery removes it.
        let _ = disk.remove(&temporary);
    }
    replaced
}

fn write_and_rename(disk: &dyn Disk, path: &Path, temporary: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let cannot = |doing: &'static str| move |error: io::Error| Failure::io(doing, temporary, &error);
    let mut file = match disk.create_new(temporary) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            disk.remove(temporary).map_err(cannot("cannot remove"))?;
            disk.create_new(temporary)
        }
        created => created,
    }
    .map_err(cannot("cannot create"))?;
    append_synced(&mut *file, temporary, bytes)?;
    drop(file);
    disk.rename(temporary, path).map_err(|error| Failure::io("cannot replace", path, &error))?;
    sync_folder_of(disk, path)
}

/// Appends to the file at `path` and syncs it, piece by piece.
pub fn append_synced(file: &mut dyn DiskFile, path: &Path, mut bytes: &[u8]) -> Result<(), Failure> {
    loop {
        let (piece, rest) = bytes.split_at(bytes.len().min(PIECE_BYTES));
        file.append(piece).map_err(|error| Failure::io("cannot write", path, &error))?;
        file.sync().map_err(|error| Failure::io("cannot fsync", path, &error))?;
        if rest.is_empty() {
            return Ok(());
        }
        bytes = rest;
    }
}

/// Syncs the folder that the file is in.
pub fn sync_folder_of(disk: &dyn Disk, path: &Path) -> Result<(), Failure> {
    let folder = path.parent().expect("a file is in a folder");
    disk.sync_folder(folder).map_err(|error| Failure::io("cannot fsync", folder, &error))
}

/// Removes what replacements that were cut short have left beside the file. Only the names: they are of no importance,
/// so nothing waits for the disk.
pub fn remove_temporaries(disk: &dyn Disk, path: &Path) -> Result<(), Failure> {
    let folder = path.parent().expect("a file is in a folder");
    let name = path.file_name().expect("a file has a name").to_string_lossy();
    let prefix = format!("{name}.tmp-");
    let names = disk.list(folder).map_err(|error| Failure::io("cannot list", folder, &error))?;
    for stale in names.iter().filter(|name| name.starts_with(&prefix)) {
        let stale = folder.join(stale);
        disk.remove(&stale).map_err(|error| Failure::io("cannot remove", &stale, &error))?;
    }
    Ok(())
}

/// As `partition-2.json.tmp-7`.
fn temporary_path(path: &Path, epoch: u64) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(format!(".tmp-{epoch}"));
    path.into()
}
