//! One process owns a partition, or the source, of a state folder.

use std::any::Any;
use std::path::Path;

use super::disk::Disk;
use crate::failure::{Failure, Kind};

/// Held until dropped; belongs to the process, not to an epoch.
pub struct Lock(#[allow(dead_code, reason = "held for its drop")] Box<dyn Any + Send + Sync>);

impl Lock {
    /// Locks `partition-N.lock` of a state folder, which is created if need be. TryAgain, naming the holder, if another
    /// process has it.
    pub fn partition(disk: &dyn Disk, folder: &Path, partition: u32) -> Result<Self, Failure> {
        Self::take(disk, folder, &format!("partition-{partition}.lock"), &format!("partition {partition}"))
    }

    /// Locks `source.lock` of a state folder, which is created if need be.
    pub fn source(disk: &dyn Disk, folder: &Path) -> Result<Self, Failure> {
        Self::take(disk, folder, "source.lock", "the source")
    }

    fn take(disk: &dyn Disk, folder: &Path, name: &str, owned: &str) -> Result<Self, Failure> {
        disk.create_folder(folder).map_err(|error| Failure::io("cannot create", folder, &error))?;
        let path = folder.join(name);
        let holder = format!("process {}", std::process::id());
        match disk.try_lock(&path, &holder) {
            Ok(Some(lock)) => Ok(Self(lock)),
            Ok(None) => {
                let holder = disk.read(&path).ok().flatten().unwrap_or_default();
                let holder = String::from_utf8_lossy(&holder);
                // The other one may hold the lock and not have written its name yet.
                let holder = if holder.trim().is_empty() { "another process" } else { holder.trim() };
                let what = format!("{owned} is in use by {holder}, which holds {}", path.display());
                let advice = "end that process, or use another folder with state.dir";
                Err(Failure::fatal(Kind::TryAgain, what).advice(advice))
            }
            Err(error) => Err(Failure::io("cannot lock", &path, &error)),
        }
    }
}
