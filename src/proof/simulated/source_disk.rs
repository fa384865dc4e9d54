//! The files of a source in memory, which are changed as publishers change theirs.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;

use glob::Pattern;
use parking_lot::Mutex;

use crate::failure::{Failure, Kind};
use crate::settings::Encoding;
use crate::source::content::SourceFile;
use crate::source::disk::{Inputs, SourceDisk, Stamp};
use crate::source::stream::input::{Bounds, Input};

/// Any moment: only differences of times mean something.
const BEGAN_MS: u64 = 1_700_000_000_000;
/// The pattern, and the name, of the one stream.
pub const STREAM: &str = "-";
/// So that a few lines are many to keep.
const STREAM_BOUNDS: Bounds = Bounds { head_max: 64, kept_max: 400, ahead_max: 400 };

/// Files by their names, and a clock that stands still unless it is told to go on. Clones share both.
#[derive(Clone)]
pub struct SimulatedSourceDisk(Arc<Mutex<Files>>);

struct Files {
    named: BTreeMap<String, Arc<Mutex<Inode>>>,
    unreadable: BTreeSet<String>,
    stream: Option<Arc<Input>>,
    inodes: u64,
    now_ms: u64,
}

/// A file's bytes: a name can come to stand for other ones while they are read.
#[derive(Clone)]
struct Inode {
    bytes: Vec<u8>,
    stamp: Stamp,
}

impl Default for SimulatedSourceDisk {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Files {
            named: BTreeMap::new(),
            unreadable: BTreeSet::new(),
            stream: None,
            inodes: 0,
            now_ms: BEGAN_MS,
        })))
    }
}

impl SimulatedSourceDisk {
    /// Puts a new file in the place of the one that has the name, as a download does that is renamed at its end.
    pub fn replace(&self, name: &str, bytes: &[u8]) {
        let files = &mut *self.0.lock();
        files.inodes += 1;
        let stamp = files.stamp(files.inodes, bytes);
        files.named.insert(name.to_owned(), Arc::new(Mutex::new(Inode { bytes: bytes.to_vec(), stamp })));
    }

    /// Writes over the bytes of a file that is there: a reader that has it open meets old and new ones.
    pub fn write_over(&self, name: &str, bytes: &[u8]) {
        let files = &mut *self.0.lock();
        if let Some(inode) = files.named.get(name) {
            let mut inode = inode.lock();
            let stamp = files.stamp(inode.stamp.inode, bytes);
            *inode = Inode { bytes: bytes.to_vec(), stamp };
        }
    }

    pub fn remove(&self, name: &str) {
        self.0.lock().named.remove(name);
    }

    /// Gives these bytes as a new stream, which a process reads from its beginning.
    pub fn give_stream(&self, bytes: &[u8]) {
        let input = Input::new(STREAM_BOUNDS);
        input.push(bytes);
        input.end(Ok(()));
        self.0.lock().stream = Some(Arc::new(input));
    }

    /// No file of this name can be opened from now on.
    pub fn make_unreadable(&self, name: &str) {
        self.0.lock().unreadable.insert(name.to_owned());
    }

    /// Lets time go by.
    pub fn pass_ms(&self, ms: u64) {
        self.0.lock().now_ms += ms;
    }

    /// The bytes of each file, by name.
    pub fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        let files = self.0.lock();
        files.named.iter().map(|(name, inode)| (name.clone(), inode.lock().bytes.clone())).collect()
    }
}

impl Files {
    fn stamp(&self, inode: u64, bytes: &[u8]) -> Stamp {
        let now_ns = i64::try_from(self.now_ms).expect("it is not that late") * 1_000_000;
        Stamp { size_bytes: bytes.len() as u64, modified_ns: now_ns, changed_ns: now_ns, inode }
    }
}

impl SourceDisk for SimulatedSourceDisk {
    fn find(&self, key: &str, pattern: &str) -> Result<Inputs, Failure> {
        if pattern == STREAM && self.0.lock().stream.is_some() {
            return Ok(Inputs::Stream(STREAM.to_owned()));
        }
        let wrong = |what: &str| Failure::fatal(Kind::Settings, format!("{key} = {pattern:?} {what}"));
        let wanted = Pattern::new(pattern).map_err(|_| wrong("is not a pattern"))?;
        let names: Vec<String> = self.0.lock().named.keys().filter(|name| wanted.matches(name)).cloned().collect();
        if names.is_empty() { Err(wrong("matches no file")) } else { Ok(Inputs::Files(names)) }
    }

    fn open_stream(&self, _: &str, _: Encoding) -> Result<Arc<Input>, Failure> {
        let stream = self.0.lock().stream.clone();
        stream.ok_or_else(|| Failure::fatal(Kind::Internal, "there is no stream, and none was found"))
    }

    fn stamp(&self, path: &Path) -> io::Result<Option<Stamp>> {
        Ok(self.0.lock().named.get(&*path.to_string_lossy()).map(|inode| inode.lock().stamp))
    }

    fn open(&self, path: &Path) -> io::Result<Option<(Box<dyn SourceFile>, Stamp)>> {
        let name = path.to_string_lossy();
        if self.0.lock().unreadable.contains(&*name) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        let Some(inode) = self.0.lock().named.get(&*name).cloned() else { return Ok(None) };
        let stamp = inode.lock().stamp;
        Ok(Some((Box::new(OpenInode { inode, position: 0 }), stamp)))
    }

    fn now_ms(&self) -> u64 {
        self.0.lock().now_ms
    }
}

struct OpenInode {
    inode: Arc<Mutex<Inode>>,
    position: u64,
}

impl OpenInode {
    fn at_position<T>(&mut self, act: impl FnOnce(&mut Cursor<&[u8]>) -> io::Result<T>) -> io::Result<T> {
        let inode = self.inode.lock();
        let mut cursor = Cursor::new(inode.bytes.as_slice());
        cursor.set_position(self.position);
        let done = act(&mut cursor);
        self.position = cursor.position();
        done
    }
}

impl Read for OpenInode {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.at_position(|cursor| cursor.read(bytes))
    }
}

impl Seek for OpenInode {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at_position(|cursor| cursor.seek(to))
    }
}
