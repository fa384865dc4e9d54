//! The plan of a run: its records, its settings, and the troubles of each life.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::domain::{Reading, Readings};
use crate::pipeline::{End, Environment, Job};
use crate::points::Planned;
use crate::proof::readings::all_readings;
use crate::proof::simulated::{DiskFault, SimulatedSourceDisk, Unheard};
use crate::settings::{self, Settings, SourceKind};

/// Where everything lies.
pub const FOLDER: &str = "/state";
/// Names of the source's files; the stations of each begin with its number.
pub const FILES: [&str; 3] = ["a.csv", "b.csv", "c.csv"];
pub const TOPIC: &str = "temperatures";

#[derive(Clone, Debug)]
pub struct Plan {
    pub seed: u64,
    pub settings: Settings,
    /// The source is read and written, too.
    pub ingests: bool,
    /// The topic is there before the first life.
    pub topic_exists: bool,
    pub page_bytes: usize,
    pub latency_ms: Range<u64>,
    /// Makes the environment of each life from the simulated one: the same, or one with a bug, to prove the proof.
    pub environment: fn(Environment) -> Environment,
    /// Readings that the source would simulate come as a stream, from its beginning in each life.
    pub streams: bool,
    /// Files of the source before the first life; none: it reads none.
    pub files: Vec<FileChange>,
    /// Records of other producers before the first life.
    pub written: Vec<Foreign>,
    pub lives: Vec<PlannedLife>,
}

/// The file that has this station.
fn file_of(station: &[u8]) -> Option<&'static str> {
    let number = station.strip_prefix(b"File")?.first()?;
    FILES.get(usize::from(number.checked_sub(b'0')?)).copied()
}

/// One life of the process.
#[derive(Clone, Debug)]
pub struct PlannedLife {
    pub job: Job,
    /// One call in so many takes longer than a heartbeat; 0: none.
    pub slow_call_of: u32,
    pub faults: Vec<Planned>,
    /// By virtual time in milliseconds, earliest first.
    pub troubles: Vec<(u64, PlannedTrouble)>,
    /// Counted from the life's first operation.
    pub disk_fault: Option<(Range<usize>, DiskFault)>,
    pub ends_by: Option<EndsBy>,
}

#[derive(Clone, Debug)]
pub enum PlannedTrouble {
    /// Another producer's records.
    Written(Vec<Foreign>),
    /// A file of the source.
    Changed(FileChange),
    LogStalls,
    LogFlows,
    /// So many calls on the log fail as Retryable.
    LogFails(usize),
    /// The next write fails, although this becomes of it.
    Unheard(Unheard),
    Recreated,
    /// SIGTERM.
    Signal,
    /// `kill -9`.
    Killed,
}

/// The end of a life at a disk operation, counted from its first.
#[derive(Clone, Copy, Debug)]
pub enum EndsBy {
    PowerCut(usize),
    Killed(usize),
}

/// A record, or a gap, that another producer leaves in a partition.
#[derive(Clone)]
pub enum Foreign {
    Record { partition: u32, key: Option<Vec<u8>>, value: Option<Vec<u8>> },
    Gap { partition: u32, offsets: u64 },
}

/// A new content for a file of the source.
#[derive(Clone)]
pub struct FileChange {
    pub name: String,
    pub text: String,
    /// The bytes of the file that is there are written over, and no other file is put in its place.
    pub over: bool,
    /// What the clock of the source's disk goes on by.
    pub passes_ms: u64,
}

impl FileChange {
    pub fn make(&self, disk: &SimulatedSourceDisk) {
        if self.over {
            disk.write_over(&self.name, self.text.as_bytes());
        } else {
            disk.replace(&self.name, self.text.as_bytes());
        }
        disk.pass_ms(self.passes_ms);
    }
}

impl Plan {
    /// Gives the stream that a life reads, if it reads one.
    pub fn give_stream(&self, disk: &SimulatedSourceDisk) {
        if !self.streams {
            return;
        }
        let simulated = settings::Source { kind: SourceKind::Simulate, ..self.settings.source.clone() };
        let readings = all_readings(&simulated, Arc::new(disk.clone())).expect("it can be simulated");
        let mut text = "station,date,degrees\n".to_owned();
        for Reading { station_id, day, degrees } in readings.iter().flat_map(Readings::iter) {
            // Lines that are no readings move the place in the stream, too.
            text += &format!("{station_id},{day},{degrees}\n{station_id},{day}\n");
        }
        disk.give_stream(text.as_bytes());
    }

    /// Everything, until it is done.
    pub fn job(&self) -> Job {
        let end = if self.ingests { End::WhenSourceEnds } else { End::WhenCaughtUp };
        Job { ingest: self.ingests, partitions: self.partitions().collect(), end, anew: None, accept_gap: false }
    }

    pub fn partitions(&self) -> Range<u32> {
        0..self.settings.log.partitions
    }

    /// Whether the file that holds this station may be changed in some life.
    pub fn changes_file_of(&self, station: &[u8]) -> bool {
        let troubles = self.lives.iter().flat_map(|life| &life.troubles);
        let file = file_of(station);
        troubles.into_iter().any(|(_, trouble)| match trouble {
            PlannedTrouble::Changed(change) => file.is_some_and(|file| file == change.name),
            _ => false,
        })
    }

    /// Faults and troubles, the ends of lives included.
    pub fn faults(&self) -> usize {
        let of = |life: &PlannedLife| {
            let rest = [life.slow_call_of > 0, life.disk_fault.is_some(), life.ends_by.is_some()];
            life.faults.len() + life.troubles.len() + rest.iter().filter(|there| **there).count()
        };
        self.lives.iter().map(of).sum()
    }
}

impl PlannedLife {
    pub fn undisturbed(job: Job) -> Self {
        Self { job, slow_call_of: 0, faults: Vec::new(), troubles: Vec::new(), disk_fault: None, ends_by: None }
    }

    /// Whether it is sure to end: by itself, or by a planned trouble.
    pub fn ends(&self) -> bool {
        let is_end = |trouble: &PlannedTrouble| matches!(trouble, PlannedTrouble::Signal | PlannedTrouble::Killed);
        let recreated = self.troubles.iter().any(|(_, trouble)| matches!(trouble, PlannedTrouble::Recreated));
        // Calls that hang again and again, and a goal that was an offset of another topic, may let nobody get on.
        let by_itself = self.job.end != End::AtSignal && self.slow_call_of == 0 && !recreated;
        by_itself || self.troubles.iter().any(|(_, trouble)| is_end(trouble))
    }

    pub fn is_signalled(&self) -> bool {
        self.troubles.iter().any(|(_, trouble)| matches!(trouble, PlannedTrouble::Signal))
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, settings, ingests, topic_exists, page_bytes, latency_ms, files, written, lives, .. } = self;
        let topic = if *topic_exists { "is there" } else { "is to be created" };
        writeln!(
            formatter,
            "plan of seed {seed}\n  the topic of {} partitions {topic}; calls of {latency_ms:?} ms, disk pages of {page_bytes} bytes",
            settings.log.partitions
        )?;
        // The settings in their own words, which are the keys of the settings files.
        let Settings { source, produce, consume, quality, supervision, .. } = settings;
        if *ingests {
            let stream = if self.streams { ", as a stream" } else { "" };
            writeln!(formatter, "  {:?}{stream}\n  {produce:?}", source.simulate)?;
        }
        for file in files {
            writeln!(formatter, "  file: {file:?}")?;
        }
        writeln!(formatter, "  {consume:?}\n  {quality:?}\n  {supervision:?}")?;
        for record in written {
            writeln!(formatter, "  written before: {record:?}")?;
        }
        for (life, number) in lives.iter().zip(1..) {
            writeln!(formatter, "  life {number}: {life}")?;
        }
        Ok(())
    }
}

impl fmt::Display for PlannedLife {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { job, slow_call_of, faults, troubles, disk_fault, ends_by } = self;
        let ingest = if job.ingest { "the source and " } else { "" };
        write!(formatter, "{ingest}partitions {:?}, {:?}", job.partitions, job.end)?;
        for fault in faults {
            write!(formatter, "\n    {fault}")?;
        }
        for (at_ms, trouble) in troubles {
            write!(formatter, "\n    after {at_ms} ms: {trouble:?}")?;
        }
        if *slow_call_of > 0 {
            write!(formatter, "\n    one call in {slow_call_of} outlasts a heartbeat")?;
        }
        if let Some((operations, fault)) = disk_fault {
            write!(formatter, "\n    disk operations {operations:?}: {fault:?}")?;
        }
        match ends_by {
            Some(EndsBy::PowerCut(operation)) => write!(formatter, "\n    power cut at disk operation {operation}"),
            Some(EndsBy::Killed(operation)) => write!(formatter, "\n    killed at disk operation {operation}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for FileChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, text, over, passes_ms } = self;
        let how = if *over { "written over with" } else { "replaced by" };
        write!(formatter, "{name} {how} {text:?}, then {passes_ms} ms")
    }
}

impl fmt::Debug for Foreign {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record { partition, key, value } => {
                let bytes = |part: &Option<Vec<u8>>| part.as_ref().map(|bytes| bytes.escape_ascii().to_string());
                write!(formatter, "partition {partition}, {:?} {:?}", bytes(key), bytes(value))
            }
            Self::Gap { partition, offsets } => write!(formatter, "partition {partition}, gap of {offsets}"),
        }
    }
}
