//! `source.json`: how far the source was read and acknowledged.
//!
//! It stays small however many files a source has: what is known of each file that was read is a line of
//! `source.files-N.jsonl`, which `source.json` names with the length and the CRC-32C that count. Lines are on disk before the
//! `source.json` that counts them; a crash in between leaves some too many, which are cut off. Where most lines have been
//! overtaken by later ones, a start writes those that count to a file of the next number.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::durable::around::reporting;
use crate::durable::fence::Entered;
use crate::durable::replace::{append_synced, remove_temporaries, replace, sync_folder_of};
use crate::durable::seal::{self, Broken};
use crate::durable::{Disk, Fence};
use crate::failure::{Failure, Kind};
use crate::source::COMPARE_ANEW;
use crate::source::files::FileRecord;

/// The source's cursor in a state folder.
pub fn source_path(folder: &Path) -> PathBuf {
    folder.join("source.json")
}

/// What is known of each file that was read.
fn files_path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("source.files-{number}.jsonl"))
}

/// Whether a file of a state folder is one of those.
fn is_files_name(name: &str) -> bool {
    let number = name.strip_prefix("source.files-").and_then(|rest| rest.strip_suffix(".jsonl"));
    number.is_some_and(|number| number.parse::<u64>().is_ok())
}

/// The form that this program writes.
const VERSION: u64 = 2;
/// The form that knew of files only how they begin; it is read, and the files are compared with the log once.
const VERSION_BEFORE: u64 = 1;

/// What `source.json` holds, beside its version and checksum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceState {
    /// Random; by it the log tells this source's writers from those of others. Empty in files of earlier programs.
    #[serde(default)]
    pub id: String,
    /// As the settings name it: `simulate`, `csv` or `ghcn_daily`.
    pub kind: String,
    pub parameters: serde_json::Value,
    pub topic: String,
    pub log_id: String,
    pub partitions: u32,
    /// The source's own cursor after the last acknowledged reading.
    pub cursor: serde_json::Value,
    /// Readings acknowledged since the first run.
    pub readings: u64,
    /// Per partition, the offset before which nothing is left of which we do not know that it was acknowledged: the end after
    /// our last acknowledgement there, or, before the first, the partition's end when the source was begun with.
    pub acknowledged: BTreeMap<u32, u64>,
    /// The log had records when the source was begun with: readings of this source may be among them.
    #[serde(default)]
    pub log_had_records: bool,
    #[serde(default)]
    pub files: Option<FilesOnDisk>,
}

/// The lines that count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FilesOnDisk {
    /// In the name of their file.
    number: u64,
    bytes: u64,
    crc32c: u32,
}

impl FilesOnDisk {
    fn add(&mut self, lines: &[u8]) {
        self.bytes += lines.len() as u64;
        self.crc32c = crc32c::crc32c_append(self.crc32c, lines);
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceFile<State> {
    version: u64,
    source: State,
    checksum: String,
}

/// `source.json` in a state folder. Held under `source.lock`; commits are atomic like a checkpoint's. Clones share the fence.
#[derive(Clone)]
pub struct CursorStore {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    path: PathBuf,
    fence: Arc<Fence>,
}

/// Inside the source's fence: no other epoch writes to the log or to `source.json` meanwhile.
pub type Fenced<'a> = Entered<'a, ()>;

impl CursorStore {
    pub fn new(disk: Arc<dyn Disk>, folder: PathBuf, fence: Arc<Fence>) -> Self {
        let path = source_path(&folder);
        Self { disk, folder, path, fence }
    }

    /// The same store for one that must know whether a long commit or recovery gets on.
    pub fn reporting(&self, report: impl Fn() + Clone + Send + Sync + 'static) -> Self {
        Self { disk: reporting(self.disk.clone(), self.fence.clone(), report), ..self.clone() }
    }

    /// Held over each group of records and the commit of its cursor: no client of an old epoch sends while a new one does.
    pub fn enter(&self, epoch: u64) -> Result<Fenced<'_>, Failure> {
        self.fence.enter(epoch)
    }

    /// The work inside the fence gets on.
    pub fn got_on(&self) {
        self.fence.got_on();
    }

    /// What was committed last, made durable, and the last line of each file; removes what is stale. Damaged or newer:
    /// Fatal, left as it was.
    pub fn recover(&self, inside: &Fenced<'_>) -> Result<Option<(SourceState, Vec<FileRecord>)>, Failure> {
        self.disk.create_folder(&self.folder).map_err(|error| Failure::io("cannot create", &self.folder, &error))?;
        let bytes = self.read(&self.path)?;
        let state = bytes.as_deref().map(|bytes| parse(&self.path, bytes)).transpose()?;
        let lines =
            state.as_ref().and_then(|state| state.files.clone()).map(|files| self.read_files(files)).transpose()?;

        // Nothing is refused from here on.
        remove_temporaries(&*self.disk, &self.path)?;
        let (Some(mut bytes), Some(mut state)) = (bytes, state) else {
            self.remove_files_but(None)?;
            sync_folder_of(&*self.disk, &self.path)?;
            return Ok(None);
        };
        let mut records = Vec::new();
        if let Some(Lines { files, all, is_longer }) = lines {
            let path = files_path(&self.folder, files.number);
            let count = all.len();
            records = last_of_each(all);
            if count > 1 && count >= 2 * records.len() {
                let lines = serialize(&records);
                let mut files = FilesOnDisk { number: files.number + 1, ..FilesOnDisk::default() };
                files.add(&lines);
                replace(&*self.disk, &files_path(&self.folder, files.number), inside.epoch, &lines)?;
                state.files = Some(files);
                bytes = sealed(&state);
            } else if is_longer {
                self.disk.truncate(&path, files.bytes).map_err(|error| Failure::io("cannot shorten", &path, &error))?;
            } else {
                self.disk.sync_file(&path).map_err(|error| Failure::io("cannot fsync", &path, &error))?;
            }
        }
        // Written anew rather than synced: an fsync that failed before proves nothing when it is asked for again.
        replace(&*self.disk, &self.path, inside.epoch, &bytes)?;
        self.remove_files_but(state.files.as_ref())?;
        Ok(Some((state, records)))
    }

    /// Adds what is known of some files, then replaces `source.json`. The epoch is in the names of temp files. After a failure
    /// the state is to be recovered.
    pub fn commit(&self, inside: &Fenced<'_>, state: &mut SourceState, records: &[FileRecord]) -> Result<(), Failure> {
        if !records.is_empty() {
            let lines = serialize(records);
            let is_first = state.files.is_none();
            let files = state.files.get_or_insert_default();
            let path = files_path(&self.folder, files.number);
            if is_first {
                replace(&*self.disk, &path, inside.epoch, &lines)?;
            } else {
                let opened = self.disk.open_append(&path);
                let mut file = opened.map_err(|error| Failure::io("cannot open", &path, &error))?;
                append_synced(&mut *file, &path, &lines)?;
            }
            files.add(&lines);
        }
        replace(&*self.disk, &self.path, inside.epoch, &sealed(state))
    }

    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, Failure> {
        self.disk.read(path).map_err(|error| Failure::io("cannot read", path, &error))
    }

    /// The lines that count. Too few, or others, are damage.
    fn read_files(&self, files: FilesOnDisk) -> Result<Lines, Failure> {
        read_lines(&files_path(&self.folder, files.number), files, |path| self.read(path))
    }

    /// Removes what an earlier number, or a crash, has left.
    fn remove_files_but(&self, files: Option<&FilesOnDisk>) -> Result<(), Failure> {
        let kept = files.map(|files| files_path(&self.folder, files.number));
        let names = self.disk.list(&self.folder).map_err(|error| Failure::io("cannot list", &self.folder, &error))?;
        for name in names {
            let path = self.folder.join(&name);
            let lines = name.split_once(".tmp-").map_or(name.as_str(), |(name, _)| name);
            if is_files_name(lines) && kept.as_ref() != Some(&path) {
                self.disk.remove(&path).map_err(|error| Failure::io("cannot remove", &path, &error))?;
            }
        }
        Ok(())
    }
}

/// What a state folder says of its source, read as anybody may at any time: without locks, also while a producer runs.
pub fn read_source(folder: &Path) -> Result<Option<(SourceState, Vec<FileRecord>)>, Failure> {
    let read = |path: &Path| match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::io("cannot read", path, &error)),
    };
    let path = source_path(folder);
    let mut bytes = read(&path)?;
    loop {
        let Some(found) = bytes else { return Ok(None) };
        let state = parse(&path, &found)?;
        let lines = state.files.clone().map(|files| read_lines(&files_path(folder, files.number), files, read));
        match lines.transpose() {
            Ok(lines) => return Ok(Some((state, lines.map_or_else(Vec::new, |lines| last_of_each(lines.all))))),
            Err(failure) => {
                // A start may have written the lines anew in between.
                bytes = read(&path)?;
                if bytes.as_ref() == Some(&found) {
                    return Err(failure);
                }
            }
        }
    }
}

/// A file of lines, as far as it counts.
struct Lines {
    files: FilesOnDisk,
    all: Vec<FileRecord>,
    /// There are lines that do not count.
    is_longer: bool,
}

fn read_lines(
    path: &Path,
    files: FilesOnDisk,
    read: impl FnOnce(&Path) -> Result<Option<Vec<u8>>, Failure>,
) -> Result<Lines, Failure> {
    let damaged = |reason: String| refusal(path, &format!("is damaged: {reason}"));
    let content = read(path)?.ok_or_else(|| damaged("it is gone".to_owned()))?;
    let lines = usize::try_from(files.bytes).ok().and_then(|bytes| content.get(..bytes));
    let lines =
        lines.ok_or_else(|| damaged(format!("it has {} bytes and should have {}", content.len(), files.bytes)))?;
    if crc32c::crc32c(lines) != files.crc32c {
        return Err(damaged(format!("its first {} bytes are not those that were committed", files.bytes)));
    }
    let all = serde_json::Deserializer::from_slice(lines).into_iter().collect::<Result<_, _>>();
    let all = all.map_err(|error| damaged(error.to_string()))?;
    let is_longer = content.len() as u64 > files.bytes;
    Ok(Lines { files, all, is_longer })
}

/// In the order of these: files that were not read to their end are to be gone on with in the order in which they were begun.
fn last_of_each(records: Vec<FileRecord>) -> Vec<FileRecord> {
    let last: HashMap<&str, usize> = records.iter().enumerate().map(|(at, record)| (&*record.file, at)).collect();
    let is_last: Vec<bool> = records.iter().enumerate().map(|(at, record)| last[&*record.file] == at).collect();
    records.into_iter().zip(is_last).filter_map(|(record, is_last)| is_last.then_some(record)).collect()
}

fn serialize(records: &[FileRecord]) -> Vec<u8> {
    let mut lines = Vec::new();
    for record in records {
        serde_json::to_writer(&mut lines, record).expect("names and numbers are JSON");
        lines.push(b'\n');
    }
    lines
}

fn sealed(state: &SourceState) -> Vec<u8> {
    seal::seal(&SourceFile { version: VERSION, source: state, checksum: seal::BLANK.to_owned() })
}

fn refusal(path: &Path, what: &str) -> Failure {
    Failure::fatal(Kind::Data, format!("{} {what}", path.display())).advice(COMPARE_ANEW)
}

fn parse(path: &Path, bytes: &[u8]) -> Result<SourceState, Failure> {
    #[derive(Deserialize)]
    struct Outline {
        version: u64,
    }
    let refuse = |what: String| refusal(path, &what);
    if bytes.is_empty() {
        return Err(refuse("is empty".to_owned()));
    }
    let sealed = seal::verify(bytes);
    let version = serde_json::from_slice::<Outline>(bytes).map_or(VERSION, |outline| outline.version);
    if version > VERSION && !matches!(sealed, Err(Broken::Wrong { .. })) {
        let what = format!("was made by a newer isotherm: it is of version {version}, this one reads {VERSION}");
        return Err(refuse(what).advice("use that isotherm"));
    }
    sealed.map_err(|broken| refuse(format!("is damaged: {broken}")))?;
    let file: SourceFile<SourceState> =
        serde_json::from_slice(bytes).map_err(|error| refuse(format!("is damaged: {error}")))?;
    if ![VERSION_BEFORE, VERSION].contains(&file.version) {
        return Err(refuse(format!("is damaged: it is of version {}", file.version)));
    }
    Ok(file.source)
}
