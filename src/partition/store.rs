//! Commit and recovery of one partition's files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::accept::Place;
use super::{Identity, advice, format, partition_path, rejected_path};
use crate::domain::{Invariant, PartitionState, Rules, Snapshot};
use crate::durable::around::reporting;
use crate::durable::replace::{append_synced, remove_temporaries, replace, sync_folder_of};
use crate::durable::{Disk, Fence};
use crate::failure::{Failure, Kind, Origin};

/// What one epoch leaves to the next about a partition's files.
pub struct OnDisk {
    /// The epoch that has recovered; another one may not commit.
    recovered_by: Option<u64>,
    known: Known,
    /// The JSON, or its name, may be not on disk although it can be read: an fsync failed or was not reached. Asking for
    /// the same fsync again would prove nothing, so the file is then written anew.
    json_suspect: bool,
    /// The same for the file of rejected records.
    rejected_suspect: bool,
}

/// What was recovered or committed last.
#[derive(Clone, Copy)]
struct Known {
    /// The form in which the file goes on.
    version: u64,
    next_offset: u64,
    /// Length (0: no file) and CRC-32C of the file of rejected records. Can be more than the JSON speaks of, after a
    /// commit that failed behind the append.
    rejected_bytes: u64,
    rejected_crc32c: u32,
}

impl Known {
    /// No file.
    const NOTHING: Self = Self { version: format::VERSION, next_offset: 0, rejected_bytes: 0, rejected_crc32c: 0 };

    fn of(version: u64, state: &PartitionState) -> Self {
        let PartitionState { next_offset, rejected_bytes, rejected_crc32c, .. } = *state;
        Self { version, next_offset, rejected_bytes, rejected_crc32c }
    }
}

impl Default for OnDisk {
    /// What an earlier process's fsyncs came to, nobody knows.
    fn default() -> Self {
        Self { recovered_by: None, known: Known::NOTHING, json_suspect: true, rejected_suspect: false }
    }
}

/// One partition's `partition-N.json` and `partition-N.rejected.jsonl` in a state folder. Clones share the fence.
///
/// The rejected lines of a checkpoint are on disk before the JSON that speaks of them; what lies behind the length that
/// the JSON names was never committed. A file of no rejected lines does not exist.
#[derive(Clone)]
pub struct PartitionStore {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    path: PathBuf,
    rejected_path: PathBuf,
    partition: u32,
    fence: Arc<Fence<OnDisk>>,
}

impl PartitionStore {
    pub fn new(disk: Arc<dyn Disk>, folder: PathBuf, partition: u32, fence: Arc<Fence<OnDisk>>) -> Self {
        let (path, rejected_path) = (partition_path(&folder, partition), rejected_path(&folder, partition));
        Self { disk, folder, path, rejected_path, partition, fence }
    }

    /// The same store for one that must know whether a long commit or recovery gets on.
    pub fn reporting(&self, report: impl Fn() + Clone + Send + Sync + 'static) -> Self {
        Self { disk: reporting(self.disk.clone(), self.fence.clone(), report), ..self.clone() }
    }

    /// The partition's file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was committed last, made durable and cleaned up, or `None` if there is no file. Enters the fence as `epoch`.
    ///
    /// A file that is damaged, foreign or newer is a Fatal failure, and then nothing in the folder was changed.
    pub fn recover(&self, epoch: u64, identity: &Identity, rules: &Rules) -> Result<Option<PartitionState>, Failure> {
        let mut entered = self.fence.enter(epoch)?;
        let on_disk = &mut *entered.left;
        on_disk.recovered_by = None;
        self.disk.create_folder(&self.folder).map_err(|error| Failure::io("cannot create", &self.folder, &error))?;

        let json = self.read(&self.path)?;
        let found = json.as_deref().map(|bytes| self.parse(bytes, identity, rules)).transpose()?;
        let known = found.as_ref().map_or(Known::NOTHING, |(version, state)| Known::of(*version, state));
        let rejected = self.read(&self.rejected_path)?;
        self.check_rejected(rejected.as_deref().unwrap_or_default(), known)?;

        // Nothing is refused from here on.
        remove_temporaries(&*self.disk, &self.path)?;
        remove_temporaries(&*self.disk, &self.rejected_path)?;
        self.settle_json(on_disk, epoch, json.as_deref())?;
        self.settle_rejected(on_disk, epoch, rejected.as_deref(), known)?;
        on_disk.known = known;
        on_disk.recovered_by = Some(epoch);
        Ok(found.map(|(_, state)| state))
    }

    /// Replaces the file by the snapshot. Enters the fence as `epoch`, which must have recovered. After a Retryable
    /// failure the same snapshot may be committed again.
    pub fn commit(&self, epoch: u64, identity: &Identity, snapshot: &Snapshot) -> Result<(), Failure> {
        let mut entered = self.fence.enter(epoch)?;
        let on_disk = &mut *entered.left;
        if on_disk.recovered_by != Some(epoch) {
            return Err(self.broken("it was not recovered in this epoch".to_owned()));
        }
        let known = on_disk.known;
        if snapshot.state.next_offset < known.next_offset {
            let (new, old) = (snapshot.state.next_offset, known.next_offset);
            let back = self.broken(format!("its offset would go back from {old} to {new}"));
            return Err(back.origin(Origin::Check(Invariant::CommitsStay)));
        }
        format::check(&snapshot.state).map_err(|reason| self.broken(reason))?;
        let bytes = format::serialize(known.version, identity, &snapshot.state);

        self.append_rejected(on_disk, epoch, known, snapshot)?;
        on_disk.json_suspect = true;
        replace(&*self.disk, &self.path, epoch, &bytes)?;
        on_disk.json_suspect = false;
        on_disk.known = Known::of(known.version, &snapshot.state);
        Ok(())
    }

    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, Failure> {
        self.disk.read(path).map_err(|error| Failure::io("cannot read", path, &error))
    }

    fn broken(&self, reason: String) -> Failure {
        Failure::fatal(Kind::Internal, format!("{} is not written: {reason}", self.path.display()))
            .advice("this is an error in isotherm; the file is as it was")
            .origin(Origin::Check(Invariant::FilesEqualReplay))
    }

    fn parse(&self, bytes: &[u8], identity: &Identity, rules: &Rules) -> Result<(u64, PartitionState), Failure> {
        let file = self.path.display().to_string();
        Place { file: &file, setting: "state.dir", partition: self.partition }.accept(bytes, identity, rules)
    }

    /// A file of rejected records that is too short, or that holds other bytes, is damage. A longer one is what a crash
    /// before the replacement of the JSON leaves.
    fn check_rejected(&self, content: &[u8], known: Known) -> Result<(), Failure> {
        let (file, bytes) = (self.rejected_path.display(), known.rejected_bytes);
        let damaged = |reason: String| {
            let what = format!("{file} is damaged: {reason}");
            let advice = format!("restore a copy of it, or {}", advice::rebuild(self.partition));
            Err(Failure::fatal(Kind::Data, what).advice(advice))
        };
        if (content.len() as u64) < bytes {
            return damaged(format!("it has {} bytes and should have {bytes}", content.len()));
        }
        if crc32c::crc32c(&content[..bytes as usize]) != known.rejected_crc32c {
            return damaged(format!("its first {bytes} bytes are not those that were committed"));
        }
        Ok(())
    }

    /// The last process may have died before it synced the folder, and someone may have restored the file from a copy.
    fn settle_json(&self, on_disk: &mut OnDisk, epoch: u64, json: Option<&[u8]>) -> Result<(), Failure> {
        let was_suspect = std::mem::replace(&mut on_disk.json_suspect, true);
        match json {
            Some(bytes) if was_suspect => replace(&*self.disk, &self.path, epoch, bytes)?,
            Some(_) => {
                let synced = self.disk.sync_file(&self.path);
                synced.map_err(|error| Failure::io("cannot fsync", &self.path, &error))?;
                sync_folder_of(&*self.disk, &self.path)?;
            }
            None => sync_folder_of(&*self.disk, &self.path)?,
        }
        on_disk.json_suspect = false;
        Ok(())
    }

    /// Leaves exactly the rejected lines that the JSON speaks of, which is on disk by now: lines are dropped only after
    /// the JSON that names them is certainly gone.
    fn settle_rejected(
        &self,
        on_disk: &mut OnDisk,
        epoch: u64,
        content: Option<&[u8]>,
        known: Known,
    ) -> Result<(), Failure> {
        let Some(content) = content else {
            on_disk.rejected_suspect = false;
            return Ok(());
        };
        let path = &self.rejected_path;
        let bytes = known.rejected_bytes;
        if bytes == 0 {
            // Left by a crash in the first commit that had any, or by a rebuild. Removed and not cut: a rebuild keeps
            // the old file under a second name. The lines come again from the log.
            self.disk.remove(path).map_err(|error| Failure::io("cannot remove", path, &error))?;
            sync_folder_of(&*self.disk, path)?;
        } else if on_disk.rejected_suspect {
            replace(&*self.disk, path, epoch, &content[..bytes as usize])?;
        } else {
            on_disk.rejected_suspect = true;
            let settled = if content.len() as u64 > bytes {
                self.disk.truncate(path, bytes).map_err(|error| ("cannot shorten", error))
            } else {
                self.disk.sync_file(path).map_err(|error| ("cannot fsync", error))
            };
            settled.map_err(|(doing, error)| Failure::io(doing, path, &error))?;
        }
        on_disk.rejected_suspect = false;
        Ok(())
    }

    /// Brings the file of rejected records to what the snapshot speaks of. Lines that an earlier try of the same commit
    /// has brought to disk are not written again.
    fn append_rejected(
        &self,
        on_disk: &mut OnDisk,
        epoch: u64,
        known: Known,
        snapshot: &Snapshot,
    ) -> Result<(), Failure> {
        let (bytes, path) = (snapshot.state.rejected_bytes, &self.rejected_path);
        let pending = &snapshot.rejected_lines;
        let base = bytes.checked_sub(pending.len() as u64);
        let written = base.and_then(|base| known.rejected_bytes.checked_sub(base));
        let lines = written.and_then(|written| pending.get(usize::try_from(written).ok()?..));
        let crc = lines.map(|lines| crc32c::crc32c_append(known.rejected_crc32c, lines));
        let (Some(lines), true) = (lines, crc == Some(snapshot.state.rejected_crc32c)) else {
            return Err(self.broken(format!(
                "its rejected records do not go on from the {} bytes that are there",
                known.rejected_bytes
            )));
        };
        if lines.is_empty() && (known.rejected_bytes == 0 || !on_disk.rejected_suspect) {
            return Ok(());
        }
        let was_suspect = std::mem::replace(&mut on_disk.rejected_suspect, true);
        if known.rejected_bytes == 0 {
            replace(&*self.disk, path, epoch, lines)?;
        } else if was_suspect {
            let content = self.read(path)?.unwrap_or_default();
            self.check_rejected(&content, known)?;
            let whole = [&content[..known.rejected_bytes as usize], lines].concat();
            replace(&*self.disk, path, epoch, &whole)?;
        } else {
            let opened = self.disk.open_append(path);
            let mut file = opened.map_err(|error| Failure::io("cannot open", path, &error))?;
            append_synced(&mut *file, path, lines)?;
        }
        on_disk.rejected_suspect = false;
        let (rejected_bytes, rejected_crc32c) = (bytes, snapshot.state.rejected_crc32c);
        on_disk.known = Known { rejected_bytes, rejected_crc32c, ..known };
        Ok(())
    }
}
