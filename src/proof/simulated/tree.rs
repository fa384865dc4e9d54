//! What a simulated disk holds: what is seen, what lasts, and what may last.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

#[derive(Clone, Default)]
pub(super) struct Tree {
    pub(super) folders: BTreeSet<PathBuf>,
    pub(super) files: BTreeMap<FileId, Content>,
    next_file: FileId,
    pub(super) names: Names,
    lasting_names: Names,
    changes: Vec<Change>,
}

pub(super) type FileId = u64;
type Names = BTreeMap<PathBuf, FileId>;

#[derive(Clone, Default)]
pub(super) struct Content {
    pub(super) seen: Vec<u8>,
    lasting: Vec<u8>,
    unsynced: BTreeSet<usize>,
    /// Pages whose sync failed.
    unsure: BTreeSet<usize>,
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
    pub(super) fn append(&mut self, bytes: &[u8], page_bytes: usize) {
        let start = self.seen.len();
        self.seen.extend_from_slice(bytes);
        self.unsynced.extend(start / page_bytes..self.seen.len().div_ceil(page_bytes));
    }

    pub(super) fn sync(&mut self, page_bytes: usize, failure: Option<io::Error>) -> io::Result<()> {
        let pages = std::mem::take(&mut self.unsynced);
        if let Some(failure) = failure {
            self.unsure.extend(pages);
            return Err(failure);
        }
        for page in pages {
            self.unsure.remove(&page);
            self.write_page(page, page_bytes);
        }
        Ok(())
    }

    /// A failed one has cut what is seen, but not what lasts.
    pub(super) fn truncate(&mut self, bytes: usize, page_bytes: usize, failure: Option<io::Error>) -> io::Result<()> {
        self.seen.truncate(bytes);
        self.unsynced.retain(|page| page * page_bytes < bytes);
        if failure.is_none() {
            self.lasting.truncate(bytes);
            self.unsure.retain(|page| page * page_bytes < bytes);
        }
        self.sync(page_bytes, failure)
    }

    /// What was never written before a page that was is read as zeros.
    fn write_page(&mut self, page: usize, page_bytes: usize) {
        let end = self.seen.len().min((page + 1) * page_bytes);
        let start = end.min(page * page_bytes);
        self.lasting.resize(self.lasting.len().max(end), 0);
        self.lasting[start..end].copy_from_slice(&self.seen[start..end]);
    }
}

impl Tree {
    pub(super) fn find(&self, path: &Path) -> io::Result<FileId> {
        self.names.get(path).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// The content of a file, which may have lost its last name while it is open.
    pub(super) fn content(&mut self, file: FileId) -> &mut Content {
        self.files.entry(file).or_default()
    }

    pub(super) fn change(&mut self, to: Vec<(PathBuf, Option<FileId>)>) {
        set(&mut self.names, &to);
        let folder = folder_of(&to[0].0);
        self.changes.push(Change { folder, to, unsure: false });
    }

    /// A file without a name yet.
    pub(super) fn add(&mut self, content: Content) -> FileId {
        let file = self.next_file;
        self.files.insert(file, content);
        self.next_file += 1;
        file
    }

    /// A file that lasts at once.
    pub(super) fn put(&mut self, path: &Path, bytes: &[u8]) {
        let content = Content { seen: bytes.into(), lasting: bytes.into(), ..Content::default() };
        let to = [(path.to_owned(), Some(self.add(content)))];
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
        let changes = std::mem::take(&mut self.changes);
        let (synced, mut left): (Vec<_>, Vec<_>) =
            changes.into_iter().partition(|change| change.folder == folder && !change.unsure);
        for change in &synced {
            set(&mut self.lasting_names, &change.to);
        }
        // What was written over can no longer come back.
        left.retain(|change| change.folder != folder || !synced.iter().any(|later| later.shares_name(change)));
        self.changes = left;
        let named: BTreeSet<_> = self.names.values().chain(self.lasting_names.values()).copied().collect();
        let to_be_named: BTreeSet<_> =
            self.changes.iter().flat_map(|change| &change.to).filter_map(|to| to.1).collect();
        self.files.retain(|file, _| named.contains(file) || to_be_named.contains(file));
        Ok(())
    }

    /// How many things may last or not.
    pub(super) fn choices(&self) -> usize {
        self.changes.len() + self.files.values().map(|file| file.unsynced.len() + file.unsure.len()).sum::<usize>()
    }

    /// What is left when `lasts` says of each thing whether it lasts.
    pub(super) fn left(&self, page_bytes: usize, mut lasts: impl FnMut(usize) -> bool) -> Self {
        let mut bit = 0;
        let mut next = || {
            bit += 1;
            lasts(bit - 1)
        };
        let mut names = self.lasting_names.clone();
        let mut lost: Vec<&Change> = Vec::new();
        for change in &self.changes {
            if next() && !lost.iter().any(|earlier| !earlier.unsure && earlier.shares_name(change)) {
                set(&mut names, &change.to);
            } else {
                lost.push(change);
            }
        }
        let mut files = self.files.clone();
        for file in files.values_mut() {
            for page in file.unsynced.iter().chain(&file.unsure).copied().collect::<Vec<_>>() {
                if next() {
                    file.write_page(page, page_bytes);
                }
            }
            *file = Content {
                seen: file.lasting.clone(),
                lasting: std::mem::take(&mut file.lasting),
                ..Content::default()
            };
        }
        let (folders, next_file) = (self.folders.clone(), self.next_file);
        Self { folders, files, next_file, lasting_names: names.clone(), names, changes: Vec::new() }
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

fn set(names: &mut Names, to: &[(PathBuf, Option<FileId>)]) {
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
