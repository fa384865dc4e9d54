//! A disk in memory that loses in a power cut whatever a real one may lose.
//!
//! A file's bytes last once the file was synced, a name once its folder was. Of the rest, any part may last: any set of
//! pages, and any set of changes of names in which the changes of one name keep their order. After a sync that failed, the
//! pages (or names) count as written although they may not be: syncing again does not help, as on Linux.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Cursor, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use parking_lot::{Mutex, MutexGuard};
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};

use super::tree::{FileId, Tree, folder_of};
use crate::durable::{Disk, DiskFile};

/// The way in which an operation goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskFault {
    /// It fails and, but for a sync, does nothing.
    Error(io::ErrorKind),
    /// An append writes half of its bytes, then the disk is full; any other operation finds the disk full.
    Short,
}

/// The disk. Clones are the same disk.
#[derive(Clone)]
pub struct SimulatedDisk(Arc<Mutex<Machine>>);

#[derive(Default)]
struct Machine {
    tree: Tree,
    operations: usize,
    /// The tree before each operation, since [`SimulatedDisk::record`] was called.
    history: Option<Vec<Tree>>,
    faults: Option<(Range<usize>, DiskFault)>,
    /// The operation at which the power is cut.
    power_ends_at: Option<usize>,
    powerless: bool,
    /// Each lock is held until its other half, which the holder has, is dropped.
    locks: BTreeMap<PathBuf, Weak<()>>,
    renames: Vec<Rename>,
}

/// A rename that was done.
#[derive(Clone, Debug)]
pub struct Rename {
    pub from: PathBuf,
    pub to: PathBuf,
    /// The locks that were held then.
    pub locks: BTreeSet<PathBuf>,
}

impl SimulatedDisk {
    /// An empty disk; of a file that is not synced, pages of this size last or do not.
    pub fn new(page_bytes: usize) -> Self {
        Self::of(Tree::new(page_bytes))
    }

    fn of(tree: Tree) -> Self {
        Self(Arc::new(Mutex::new(Machine { tree, ..Machine::default() })))
    }

    /// Counts operations from zero, and keeps the tree before each of them for [`Self::after_operations`].
    pub fn record(&self) {
        let mut machine = self.0.lock();
        machine.operations = 0;
        machine.history = Some(Vec::new());
    }

    /// Calls so far that could have changed something.
    pub fn operations(&self) -> usize {
        self.0.lock().operations
    }

    /// Lets operations with these numbers, from 0, go wrong.
    pub fn fail(&self, operations: Range<usize>, fault: DiskFault) {
        self.0.lock().faults = Some((operations, fault));
    }

    /// Cuts the power: every later call on this disk fails. [`Self::after_power_cut`] gives the disk that is left.
    pub fn crash(&self) {
        self.0.lock().powerless = true;
    }

    /// Cuts the power at the operation with this number, from 0, which does nothing any more.
    pub fn crash_at(&self, operation: usize) {
        self.0.lock().power_ends_at = Some(operation);
    }

    pub fn is_powerless(&self) -> bool {
        self.0.lock().powerless
    }

    /// The disk as the next process finds it if this one ends now, whichever way: nothing is lost, and no more lasts
    /// than before.
    pub fn after_process(&self) -> Self {
        Self::of(self.0.lock().tree.clone())
    }

    /// One of the disks that a power cut now may leave.
    pub fn after_power_cut(&self, seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        self.after_operations(usize::MAX, |_| random.random())
    }

    /// How many things may last or not in a power cut after so many recorded operations.
    pub fn choices(&self, operations: usize) -> usize {
        self.0.lock().before(operations).choices()
    }

    /// The disk that a power cut after so many recorded operations leaves, when `lasts` says of each thing whether it lasts.
    pub fn after_operations(&self, operations: usize, lasts: impl FnMut(usize) -> bool) -> Self {
        Self::of(self.0.lock().before(operations).left(lasts))
    }

    /// Every file by its path.
    pub fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        self.0.lock().tree.visible()
    }

    /// Every rename so far, in order.
    pub fn renames(&self) -> Vec<Rename> {
        self.0.lock().renames.clone()
    }

    fn powered(&self) -> io::Result<MutexGuard<'_, Machine>> {
        let machine = self.0.lock();
        if machine.powerless { Err(powerless()) } else { Ok(machine) }
    }

    /// Begins an operation, and says how it goes wrong if it does.
    fn operation(&self) -> io::Result<(MutexGuard<'_, Machine>, Option<DiskFault>)> {
        let mut machine = self.powered()?;
        if machine.power_ends_at == Some(machine.operations) {
            machine.powerless = true;
            return Err(powerless());
        }
        let Machine { tree, history, .. } = &mut *machine;
        if let Some(history) = history {
            history.push(tree.clone());
        }
        let number = machine.operations;
        machine.operations += 1;
        let fault = machine.faults.as_ref().filter(|(range, _)| range.contains(&number)).map(|(_, fault)| *fault);
        Ok((machine, fault))
    }

    /// An operation that fails as a whole.
    fn whole(&self) -> io::Result<MutexGuard<'_, Machine>> {
        match self.operation()? {
            (machine, None) => Ok(machine),
            (_, Some(fault)) => Err(fault.error()),
        }
    }

    fn sync_content(&self, file: impl FnOnce(&Tree) -> io::Result<FileId>) -> io::Result<()> {
        let (mut machine, fault) = self.operation()?;
        let file = file(&machine.tree)?;
        machine.tree.content(file).sync(fault.map(DiskFault::error))
    }
}

impl Machine {
    /// The tree before the recorded operation with this number; after the last one, as it is now.
    fn before(&self, operation: usize) -> &Tree {
        self.history.as_ref().and_then(|history| history.get(operation)).unwrap_or(&self.tree)
    }
}

impl DiskFault {
    fn error(self) -> io::Error {
        match self {
            Self::Error(kind) => kind.into(),
            Self::Short => io::ErrorKind::StorageFull.into(),
        }
    }
}

fn powerless() -> io::Error {
    io::Error::other("the power was cut")
}

struct OpenFile {
    disk: SimulatedDisk,
    file: FileId,
}

impl DiskFile for OpenFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let (mut machine, fault) = self.disk.operation()?;
        let written = match fault {
            None => bytes.len(),
            Some(DiskFault::Short) => bytes.len() / 2,
            Some(DiskFault::Error(_)) => 0,
        };
        machine.tree.content(self.file).append(&bytes[..written]);
        fault.map_or(Ok(()), |fault| Err(fault.error()))
    }

    fn sync(&mut self) -> io::Result<()> {
        self.disk.sync_content(|_| Ok(self.file))
    }
}

impl Disk for SimulatedDisk {
    fn open_read(&self, path: &Path) -> io::Result<Option<Box<dyn Read>>> {
        let machine = self.powered()?;
        let seen = machine.tree.names.get(path).map(|file| machine.tree.files[file].seen.clone());
        Ok(seen.map(|bytes| Box::new(Cursor::new(bytes)) as Box<dyn Read>))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let machine = self.powered()?;
        if !machine.tree.folders.contains(folder) {
            return Err(io::ErrorKind::NotFound.into());
        }
        let paths = machine.tree.names.keys().chain(&machine.tree.folders).filter(|path| path.parent() == Some(folder));
        let names: BTreeSet<_> = paths.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect();
        Ok(names.into_iter().collect())
    }

    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        if self.powered()?.tree.folders.contains(folder) {
            return Ok(());
        }
        self.whole()?.tree.folders.extend(folder.ancestors().map(Path::to_owned));
        Ok(())
    }

    fn create_new(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let mut machine = self.whole()?;
        let tree = &mut machine.tree;
        if !tree.folders.contains(&folder_of(path)) {
            return Err(io::ErrorKind::NotFound.into());
        }
        if tree.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let file = tree.add(&[]);
        tree.change(vec![(path.to_owned(), Some(file))]);
        Ok(Box::new(OpenFile { disk: self.clone(), file }))
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = self.powered()?.tree.find(path)?;
        Ok(Box::new(OpenFile { disk: self.clone(), file }))
    }

    fn truncate(&self, path: &Path, bytes: u64) -> io::Result<()> {
        let (mut machine, fault) = self.operation()?;
        let file = machine.tree.find(path)?;
        machine.tree.content(file).truncate(bytes as usize, fault.map(DiskFault::error))
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        self.sync_content(|tree| tree.find(path))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut machine = self.whole()?;
        if folder_of(from) != folder_of(to) {
            return Err(io::ErrorKind::CrossesDevices.into());
        }
        let file = machine.tree.find(from)?;
        machine.tree.change(vec![(from.to_owned(), None), (to.to_owned(), Some(file))]);
        machine.locks.retain(|_, lock| lock.strong_count() > 0);
        let locks = machine.locks.keys().cloned().collect();
        machine.renames.push(Rename { from: from.to_owned(), to: to.to_owned(), locks });
        Ok(())
    }

    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut machine = self.whole()?;
        let file = machine.tree.find(from)?;
        if machine.tree.names.contains_key(to) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        machine.tree.change(vec![(to.to_owned(), Some(file))]);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut machine = self.whole()?;
        machine.tree.find(path)?;
        machine.tree.change(vec![(path.to_owned(), None)]);
        Ok(())
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        let (mut machine, fault) = self.operation()?;
        machine.tree.sync_folder(folder, fault.map(DiskFault::error))
    }

    fn try_lock(&self, path: &Path, holder: &str) -> io::Result<Option<Box<dyn Any + Send + Sync>>> {
        let mut machine = self.powered()?;
        if machine.locks.get(path).is_some_and(|lock| lock.strong_count() > 0) {
            return Ok(None);
        }
        let lock = Arc::new(());
        machine.locks.insert(path.to_owned(), Arc::downgrade(&lock));
        // Nothing rests on a lock file's bytes, so it is no operation and lasts at once.
        machine.tree.put(path, holder.as_bytes());
        Ok(Some(Box::new(lock)))
    }

    fn network_filesystem(&self, _folder: &Path) -> io::Result<Option<String>> {
        Ok(None)
    }
}
