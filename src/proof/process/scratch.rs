//! A topic and a state folder that nobody else uses, and how the program is told of them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::child::Program;
use crate::failure::{Failure, Kind};
use crate::log::RecordLog;
use crate::settings::{self, LogKind, Settings, Sources};

/// Names that are tried before it is given up.
const NAMES_MAX: u32 = 1000;

/// Letters of the configured topic that the name of the scratch topic begins with: there must be room for the rest of it.
const TOPIC_LETTERS_MAX: usize = 200;

/// Time that a life may take, beside the time for hangs to be noticed and for a stop in order.
const LIFE_MS_MAX: u64 = 30_000;

/// As many stations and days as give each commit a few records, and a source that outlasts every life.
const STATIONS: u32 = 50;
const PACE_MS: u64 = 5;

/// Made by [`Scratch::create`]; stays where it is until it is removed.
pub struct Scratch {
    /// The configured ones, but on this topic and folder, and with a source of simulated weather.
    pub settings: Settings,
    pub log: Arc<dyn RecordLog>,
    pub program: Program,
    pub folder: PathBuf,
}

/// Opens the log that the settings name.
pub type Open = fn(&Settings) -> Result<Arc<dyn RecordLog>, Failure>;

impl Scratch {
    /// The first free pair of a folder `chaos-SEED` in the configured state folder and a topic of such a name.
    /// Folders and topics that are there already are never touched.
    pub fn create(sources: &Sources, open: Open, seed: u64) -> Result<Self, Failure> {
        let configured = settings::load(sources, settings::environment())?.settings;
        if configured.log.kind == LogKind::Memory {
            let what = "log.kind is \"memory\": nothing of it is left when the process is killed";
            return Err(Failure::fatal(Kind::Settings, what).advice("use another log"));
        }
        let parent = &configured.state.dir;
        fs::create_dir_all(parent).map_err(|error| Failure::io("cannot create", parent, &error))?;
        for number in 1..=NAMES_MAX {
            let name = if number == 1 { format!("chaos-{seed}") } else { format!("chaos-{seed}-{number}") };
            let folder = parent.join(&name);
            match fs::create_dir(&folder) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                created => created.map_err(|error| Failure::io("cannot create", &folder, &error))?,
            }
            let scratch = Self::in_folder(sources, open, &configured, seed, &name, &folder);
            let is_free = scratch.and_then(|scratch| Ok(scratch.log.topic()?.is_none().then_some(scratch)));
            if let Ok(Some(scratch)) = is_free {
                return Ok(scratch);
            }
            drop(fs::remove_dir(&folder));
            is_free?;
        }
        let what = format!("{NAMES_MAX} folders chaos-{seed} in {} or topics of that name are left", parent.display());
        Err(Failure::fatal(Kind::Data, what).advice("remove those that are no longer needed"))
    }

    fn in_folder(
        sources: &Sources,
        open: Open,
        configured: &Settings,
        seed: u64,
        name: &str,
        folder: &Path,
    ) -> Result<Self, Failure> {
        let text = |path: &Path| {
            let refused = || Failure::fatal(Kind::Settings, format!("{} is not UTF-8", path.display()));
            path.to_str().map(str::to_owned).ok_or_else(refused)
        };
        let mut topic = configured.log.topic.clone();
        topic.truncate(TOPIC_LETTERS_MAX);
        let mut sets = sources.sets.clone();
        sets.extend([
            format!("state.dir={}", text(&folder.join("state"))?),
            format!("log.topic={topic}-{name}"),
            format!("log.sqlite.path={}", text(&folder.join("log.sqlite"))?),
            "log.on_start=reuse".to_owned(),
            "source.kind=simulate".to_owned(),
            format!("source.simulate.stations={STATIONS}"),
            "source.simulate.days=0".to_owned(),
            "source.simulate.start=1900-01-01".to_owned(),
            format!("source.simulate.seed={}", seed >> 1),
            format!("source.simulate.pace_ms={PACE_MS}"),
            // Some for the file of rejected records.
            "source.simulate.duplicates_share=0.02".to_owned(),
            "source.simulate.outliers_share=0.02".to_owned(),
            "quality.degrees_min=-150".to_owned(),
            "quality.degrees_max=150".to_owned(),
            "quality.stations_max=1000000".to_owned(),
            "quality.rejected_bytes_max=67108864".to_owned(),
            // Several messages a day are under way, and several batches a commit.
            "produce.batch_records=20".to_owned(),
            "produce.in_flight_max=4".to_owned(),
            "consume.partitions=all".to_owned(),
            "consume.commit_interval_ms=20".to_owned(),
            "consume.commit_share_max=1".to_owned(),
            "consume.batch_records=20".to_owned(),
            "supervision.restarts_max=20".to_owned(),
            "supervision.backoff_min_ms=5".to_owned(),
            "supervision.backoff_max_ms=200".to_owned(),
            "supervision.on_branch_failure=continue".to_owned(),
            "faults.points=".to_owned(),
            "faults.seed=0".to_owned(),
            "output.log_format=json".to_owned(),
            "output.log_level=info,isotherm::progress=debug,isotherm::points=debug".to_owned(),
        ]);
        if configured.log.kind == LogKind::Sqlite {
            sets.push("supervision.heartbeat_ms=2000".to_owned());
        }
        let sources = Sources { file: sources.file.clone(), sets };
        let settings = settings::load(&sources, settings::environment())?.settings;
        let executable = std::env::current_exe().map_err(|error| {
            Failure::fatal(Kind::Internal, format!("the program cannot tell where its own file is: {error}"))
        })?;
        let mut arguments = vec!["run".to_owned()];
        if let Some(file) = &sources.file {
            arguments.push(format!("--settings={}", text(file)?));
        }
        arguments.extend(sources.sets.iter().map(|set| format!("--set={set}")));
        // A hang is noticed at the second look, and a hanging write once it is waited for.
        let life_ms = LIFE_MS_MAX + settings.supervision.shutdown_ms + 4 * settings.supervision.heartbeat_ms;
        let program = Program { executable, arguments, life_max: Duration::from_millis(life_ms) };
        Ok(Self { log: open(&settings)?, settings, program, folder: folder.to_owned() })
    }

    /// Deletes the topic and the folder.
    pub fn remove(self) -> Result<(), Failure> {
        // The file of an embedded log goes with the folder.
        if self.settings.log.kind == LogKind::Kafka {
            self.log.delete_topic()?;
        }
        let folder = &self.folder;
        fs::remove_dir_all(folder).map_err(|error| Failure::io("cannot remove", folder, &error))
    }
}
