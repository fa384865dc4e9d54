//! `source.json`: how far the source was read and acknowledged.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::durable::around::reporting;
use crate::durable::fence::Entered;
use crate::durable::replace::{remove_temporaries, replace, sync_folder_of};
use crate::durable::seal::{self, Broken};
use crate::durable::{Disk, Fence};
use crate::failure::{Failure, Kind};

/// The source's cursor in a state folder.
pub fn source_path(folder: &Path) -> PathBuf {
    folder.join("source.json")
}

/// The form that this program writes, and the only one that it reads.
const VERSION: u64 = 1;

/// What `source.json` holds, beside its version and checksum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceState {
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
    /// Per partition, the end offset after our last acknowledgement there.
    pub acknowledged: BTreeMap<u32, u64>,
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

    /// What was committed last, made durable; removes stale temp files. Damaged or newer: Fatal, left as it was.
    pub fn recover(&self, inside: &Fenced<'_>) -> Result<Option<SourceState>, Failure> {
        self.disk.create_folder(&self.folder).map_err(|error| Failure::io("cannot create", &self.folder, &error))?;
        let bytes = self.disk.read(&self.path).map_err(|error| Failure::io("cannot read", &self.path, &error))?;
        let state = bytes.as_deref().map(|bytes| self.parse(bytes)).transpose()?;
        remove_temporaries(&*self.disk, &self.path)?;
        match bytes {
            // Written anew rather than synced: an fsync that failed before proves nothing when it is asked for again.
            Some(bytes) => replace(&*self.disk, &self.path, inside.epoch, &bytes)?,
            None => sync_folder_of(&*self.disk, &self.path)?,
        }
        Ok(state)
    }

    /// Replaces the file. The epoch is in the temp file's name.
    pub fn commit(&self, inside: &Fenced<'_>, state: &SourceState) -> Result<(), Failure> {
        let file = SourceFile { version: VERSION, source: state, checksum: seal::BLANK.to_owned() };
        replace(&*self.disk, &self.path, inside.epoch, &seal::seal(&file))
    }

    fn parse(&self, bytes: &[u8]) -> Result<SourceState, Failure> {
        #[derive(Deserialize)]
        struct Outline {
            version: u64,
        }
        let refuse = |what: String| {
            Failure::fatal(Kind::Data, format!("{} {what}", self.path.display()))
                .advice("restore a copy of it, or start over with log.on_start = \"recreate\", which empties the topic")
        };
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
        if file.version != VERSION {
            return Err(refuse(format!("is damaged: it is of version {}", file.version)));
        }
        Ok(file.source)
    }
}
