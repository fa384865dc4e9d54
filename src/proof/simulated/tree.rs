//! The tree of a simulated disk: the bytes and names that are seen, those that last, and those that may last.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::mem;
use std::path::{Path, PathBuf};

#[derive(Clone, Default)]
pub(super) struct Tree {
    page_bytes: usize,
    pub(super) folders: BTreeSet<PathBuf>,
    pub(super) files: BTreeMap<FileId, Content>,
    next_file: FileId,
    pub(super) names: Entries,
    lasting_names: Entries,
    changes: Vec<Change>,
}

pub(super) type FileId = u64;
type Entries = BTreeMap<PathBuf, FileId>;

#[derive(Clone)]
pub(super) struct Content {
    page_bytes: usize,
    pub(super) seen: Vec<u8>,
    lasting: Vec<u8>,
    /// Pages that may last or not, each with whether its sync failed.
    unsynced: BTreeMap<usize, bool>,
}

/// One change of names in one folder: all of it lasts or nothing.
#[derive(Clone)]
struct Change {
    folder: PathBuf,
    to: Vec<(PathBuf, Option<FileId>)>,
    /// Its sync failed.
    unsure: bool,
}

impl Content {
    /// A file whose bytes all last.
    pub(super) fn lasting(bytes: &[u8], page_bytes: usize) -> Self {
        Self { page_bytes, seen: bytes.into(), lasting: bytes.into(), unsynced: BTreeMap::new() }
    }

    pub(super) fn append(&mut self, bytes: &[u8]) {
        let start = self.seen.len();
        self.seen.extend_from_slice(bytes);
        let pages = start / self.page_bytes..self.seen.len().div_ceil(self.page_bytes);
        self.unsynced.extend(pages.map(|page| (page, false)));
    }

    /// A page whose sync failed once is not written by a later sync.
    pub(super) fn sync(&mut self, failure: Option<io::Error>) -> io::Result<()> {
        if let Some(failure) = failure {
            self.unsynced.values_mut().for_each(|failed| *failed = true);
            return Err(failure);
        }
        let pages: Vec<usize> = self.unsynced.extract_if(.., |_, failed| !*failed).map(|(page, _)| page).collect();
        pages.into_iter().for_each(|page| self.write_page(page));
        Ok(())
    }

    /// A cut that fails has cut the bytes that are seen, but not those that last.
    pub(super) fn truncate(&mut self, bytes: usize, failure: Option<io::Error>) -> io::Result<()> {
        self.seen.truncate(bytes);
        self.unsynced.retain(|page, _| page * self.page_bytes < bytes);
        if failure.is_none() {
            self.lasting.truncate(bytes);
        }
        self.sync(failure)
    }

    /// Pages before it that were never written are read as zeros.
    fn write_page(&mut self, page: usize) {
        let end = self.seen.len().min((page + 1) * self.page_bytes);
        let start = end.min(page * self.page_bytes);
        self.lasting.resize(self.lasting.len().max(end), 0);
        self.lasting[start..end].copy_from_slice(&self.seen[start..end]);
    }
}

impl Tree {
    /// An empty one; of a file that is not synced, pages of this size last or do not.
    pub(super) fn new(page_bytes: usize) -> Self {
        Self { page_bytes, ..Self::default() }
    }

    pub(super) fn find(&self, path: &Path) -> io::Result<FileId> {
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// The content of a file, which may have lost its last name while it is open.
    pub(super) fn content(&mut self, file: FileId) -> &mut Content {
        self.files.entry(file).or_insert_with(|| Content::lasting(&[], self.page_bytes))
    }

    pub(super) fn change(&mut self, to: Vec<(PathBuf, Option<FileId>)>) {
        set(&mut self.names, &to);
        let folder = folder_of(&to[0].0);
        self.changes.push(Change { folder, to, unsure: false });
    }

    /// A file without a name yet, whose bytes last at once.
    pub(super) fn add(&mut self, bytes: &[u8]) -> FileId {
        let file = self.next_file;
        self.files.insert(file, Content::lasting(bytes, self.page_bytes));
        self.next_file += 1;
        file
    }

    /// A file that lasts at once, its name included.
    pub(super) fn put(&mut self, path: &Path, bytes: &[u8]) {
        let to = [(path.to_owned(), Some(self.add(bytes)))];
        set(&mut self.names, &to);
        set(&mut self.lasting_names, &to);
    }

    pub(super) fn sync_folder(&mut self, folder: &Path, failure: Option<io::Error>) -> io::Result<()> {
        if let Some(failure) = failure {
            for change in self.changes.iter_mut().filter(|change| change.folder == folder) {
                change.unsure = true;
            }
            return Err(failure);
        }
        let changes = mem::take(&mut self.changes);
        let (synced, mut left): (Vec<_>, Vec<_>) =
            changes.into_iter().partition(|change| change.folder == folder && !change.unsure);
        for change in &synced {
            set(&mut self.lasting_names, &change.to);
        }
        // A name that was written over can no longer come back.
        left.retain(|change| change.folder != folder || !synced.iter().any(|later| later.shares_name(change)));
        self.changes = left;
        let named: BTreeSet<_> = self.names.values().chain(self.lasting_names.values()).copied().collect();
        let to_be_named: BTreeSet<_> =
            self.changes.iter().flat_map(|change| &change.to).filter_map(|to| to.1).collect();
        self.files.retain(|file, _| named.contains(file) || to_be_named.contains(file));
        Ok(())
    }

    /// How many pages and changes of names may last or not.
    pub(super) fn choices(&self) -> usize {
        self.changes.len() + self.files.values().map(|file| file.unsynced.len()).sum::<usize>()
    }

    /// The tree that is left when `lasts` says of each choice whether it lasts.
    pub(super) fn left(&self, lasts: impl FnMut(usize) -> bool) -> Self {
        let mut choices = (0..).map(lasts);
        let mut next_lasts = || choices.next().expect("numbers do not end");
        let mut left = self.clone();
        let mut lost: Vec<Change> = Vec::new();
        for change in mem::take(&mut left.changes) {
            if next_lasts() && !lost.iter().any(|earlier| !earlier.unsure && earlier.shares_name(&change)) {
                set(&mut left.lasting_names, &change.to);
            } else {
                lost.push(change);
            }
        }
        for file in left.files.values_mut() {
            for page in mem::take(&mut file.unsynced).into_keys() {
                if next_lasts() {
                    file.write_page(page);
                }
            }
            file.seen.clone_from(&file.lasting);
        }
        left.names.clone_from(&left.lasting_names);
        left
    }

    pub(super) fn visible(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        self.names.iter().map(|(path, file)| (path.clone(), self.files[file].seen.clone())).collect()
    }
}

impl Change {
    fn shares_name(&self, other: &Self) -> bool {
        self.to.iter().any(|(name, _)| other.to.iter().any(|(other, _)| name == other))
    }
}

fn set(names: &mut Entries, to: &[(PathBuf, Option<FileId>)]) {
    for (name, file) in to {
        match file {
            Some(file) => names.insert(name.clone(), *file),
            None => names.remove(name),
        };
    }
}

pub(super) fn folder_of(path: &Path) -> PathBuf {
    path.parent().unwrap_or(Path::new("")).to_owned()
}
