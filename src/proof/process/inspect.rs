//! The checks on disk and log after the end of a process, be it killed or not.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::child::CutShort;
use super::life::ObservedLife;
use super::scratch::Scratch;
use crate::durable::{Disk, Lock, RealDisk};
use crate::failure::{Failure, Kind};
use crate::ingest::source_path;
use crate::partition::format::Checkpoint;
use crate::proof::invariants::promises::Promises;
use crate::proof::invariants::{FolderFiles, Invariant, endings, files};
use crate::proof::readings::all_readings;
use crate::source::disk::MachineDisk;

/// Follows one state folder over all lives.
pub struct Inspector<'a> {
    scratch: &'a Scratch,
    promises: Promises,
    /// The content of the files after the last life, by partition.
    checkpoints: BTreeMap<u32, Checkpoint>,
    pub audited: u64,
}

impl<'a> Inspector<'a> {
    pub fn new(scratch: &'a Scratch) -> Self {
        Self { scratch, promises: Promises::default(), checkpoints: BTreeMap::new(), audited: 0 }
    }

    /// Records up to the offsets of all files.
    pub fn records(&self) -> u64 {
        self.checkpoints.values().map(|checkpoint| checkpoint.state.next_offset - checkpoint.state.first_offset).sum()
    }

    /// Checks what must hold after any life, and what after one that ended in order.
    pub fn after(&mut self, lived: &ObservedLife) -> Result<(), CutShort> {
        self.locks_are_free()?;
        let (folder, log) = (&self.scratch.settings.state.dir, self.scratch.log.as_ref());
        let found = read(folder)?;
        for partition in 0..self.scratch.settings.log.partitions {
            let committed = lived.committed.get(&partition).copied().unwrap_or_default();
            let files = (folder.as_path(), &found);
            let checkpoint = files::after_life(|_| Ok(log), files, partition, committed, &mut self.promises)?;
            let Some(checkpoint) = checkpoint else { continue };
            self.audited += 1;
            // A commit shows that the branch had started; it may have been told to stop before it could.
            if lived.orderly && lived.committed.contains_key(&partition) {
                files::rejected_lines_settled(folder, &found, &checkpoint)?;
                files::no_temporaries(&files::of_partition(&found, partition))?;
            }
            self.checkpoints.insert(partition, checkpoint);
        }
        Ok(())
    }

    fn locks_are_free(&self) -> Result<(), CutShort> {
        let folder = &self.scratch.settings.state.dir;
        let held = |failure: Failure| match failure.kind {
            Kind::TryAgain => {
                CutShort::from(Invariant::OnlyOwnersWrite.violated(format!("the process is gone, but {failure}")))
            }
            _ => failure.into(),
        };
        Lock::source(&RealDisk, folder).map_err(held)?;
        for partition in 0..self.scratch.settings.log.partitions {
            Lock::partition(&RealDisk, folder, partition).map_err(held)?;
        }
        Ok(())
    }

    /// Checks what must hold after a life that came to the end of the source.
    pub fn at_the_end(&self, days: u32) -> Result<(), CutShort> {
        let settings = &self.scratch.settings;
        files::no_temporaries(&read(&settings.state.dir)?)?;
        for partition in 0..settings.log.partitions {
            let end = self.scratch.log.extent(partition)?.end;
            let checkpoint = self.checkpoints.get(&partition);
            endings::caught_up(partition, checkpoint.map_or(0, |checkpoint| checkpoint.state.next_offset), end)?;
        }
        let mut simulated = settings.source.clone();
        (simulated.simulate.days, simulated.simulate.pace_ms) = (days, 0);
        let readings = all_readings(&simulated, Arc::new(MachineDisk::default()))?;
        let stations = self.checkpoints.values().flat_map(|checkpoint| checkpoint.state.stations.clone());
        Ok(endings::every_reading(&readings, &settings.rules(), &stations.collect())?)
    }

    /// Days that the source's cursor has passed.
    pub fn days_acknowledged(&self) -> Result<u32, Failure> {
        let path = source_path(&self.scratch.settings.state.dir);
        let read = RealDisk.read(&path).map_err(|error| Failure::io("cannot read", &path, &error))?;
        let Some(bytes) = read else { return Ok(0) };
        let file: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let days = file["source"]["cursor"]["days"].as_u64().and_then(|days| u32::try_from(days).ok());
        days.ok_or_else(|| Failure::fatal(Kind::Data, format!("{} has no days in its cursor", path.display())))
    }
}

/// Every file of a folder, which nobody writes to.
fn read(folder: &Path) -> Result<FolderFiles, Failure> {
    let names = RealDisk.list(folder).map_err(|error| Failure::io("cannot list", folder, &error))?;
    let read = |name| {
        let path = folder.join(name);
        let bytes = fs::read(&path).map_err(|error| Failure::io("cannot read", &path, &error))?;
        Ok((path, bytes))
    };
    names.into_iter().map(read).collect()
}
