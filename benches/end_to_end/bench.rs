//! What all measurements share: the broker, its filled topics, and how the programs are started.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use isotherm::log::{PatientLog, RecordLog, TopicSpec};
use isotherm::settings::{LogKind, Settings};
use isotherm::supervision::Outage;

use crate::bare_loop::produce::Readings;
use crate::process;

/// A topic that was made is known to every client within this time.
const TOPIC_MAX: Duration = Duration::from_secs(30);

/// A topic that is filled once and read by all.
#[derive(Clone, Copy, Debug)]
pub struct Filled {
    pub partitions: u32,
    /// As librdkafka names it: `none`, `lz4`, `zstd`.
    pub compression: &'static str,
    pub readings: Readings,
}

impl Filled {
    pub fn records(&self) -> u64 {
        u64::from(self.readings.stations) * u64::from(self.readings.days)
    }

    fn name(&self) -> String {
        let Readings { stations, days, value_bytes } = self.readings;
        format!("bench-{}-{stations}x{days}-{value_bytes}-{}", self.partitions, self.compression)
    }
}

pub struct Bench {
    pub brokers: String,
    /// Copies of each topic.
    pub replication: u32,
    /// Folders of the brokers that were started.
    pub data: Vec<PathBuf>,
    /// Rounds of each measurement.
    pub pairs: usize,
    /// All sizes are divided by this.
    pub divisor: u32,
    /// For state folders; emptied at the end.
    pub folder: tempfile::TempDir,
}

impl Bench {
    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// isotherm with a topic; the state folder is as it is.
    pub fn isotherm(&self, verb: &str, topic: &str, partitions: u32) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_isotherm"));
        command.arg(verb);
        for set in [
            "log.kind=kafka".to_owned(),
            format!("log.kafka.brokers={}", self.brokers),
            format!("log.topic={topic}"),
            format!("log.partitions={partitions}"),
            format!("state.dir={}", self.state().display()),
            "output.log_level=warn".to_owned(),
        ] {
            command.arg("--set").arg(set);
        }
        command
    }

    /// This program again, as one of the bare loops.
    pub fn bare_loop(&self, verb: &str, topic: &str, filled: &Filled) -> Command {
        let mut command = Command::new(std::env::current_exe().expect("it runs"));
        let Readings { stations, days, value_bytes } = filled.readings;
        command.args([verb, &self.brokers, topic, &filled.partitions.to_string(), filled.compression]);
        command.args([stations.to_string(), days.to_string(), value_bytes.to_string()]);
        command
    }

    /// Everything that a program left on disk is gone.
    pub fn forget_state(&self) {
        drop(fs::remove_dir_all(self.state()));
    }

    /// As [`Self::isotherm`] has them.
    pub fn settings(&self, topic: &str, partitions: u32) -> Settings {
        let mut settings: Settings =
            toml::from_str(include_str!("../../settings/default.toml")).expect("the defaults are complete");
        settings.log.kind = LogKind::Kafka;
        settings.log.kafka.brokers.clone_from(&self.brokers);
        settings.log.topic = topic.to_owned();
        settings.log.partitions = partitions;
        settings.state.dir = self.state();
        settings
    }

    pub fn log(&self, topic: &str, partitions: u32) -> Arc<dyn RecordLog> {
        isotherm::log::open(&self.settings(topic, partitions)).expect("the settings are right")
    }

    pub fn create(&self, topic: &str, partitions: u32) {
        let spec = TopicSpec { partitions, replication: self.replication, retention_ms: -1 };
        self.log(topic, partitions).create_topic(&spec).unwrap_or_else(|failure| panic!("{failure}"));
    }

    /// What one copy of a topic takes on the disks of the brokers that were started; not a number where none was.
    pub fn log_bytes(&self, topic: &str) -> f64 {
        if self.data.is_empty() {
            return f64::NAN;
        }
        let of_topic =
            |folder: &PathBuf| folder.file_name().is_some_and(|name| name.to_string_lossy().starts_with(topic));
        let entries =
            |folder: &PathBuf| fs::read_dir(folder).expect("it is there").map(|entry| entry.expect("listed").path());
        let partitions = self.data.iter().flat_map(entries).filter(of_topic);
        let segments = partitions.flat_map(|folder| entries(&folder).collect::<Vec<_>>());
        let segments = segments.filter(|path| path.extension().is_some_and(|extension| extension == "log"));
        let bytes: u64 = segments.map(|path| fs::metadata(path).expect("it is there").len()).sum();
        bytes as f64 / f64::from(self.replication)
    }

    /// The name of a topic that holds this; written now unless an earlier run has done it.
    pub fn filled(&self, filled: &Filled) -> String {
        let topic = filled.name();
        // A client that was there before the topic is may not know its partitions at once.
        let outage = Outage::new(Duration::from_millis(20), Duration::from_secs(1), |_| ());
        let log = PatientLog::new(self.log(&topic, filled.partitions), outage, |waited| waited > TOPIC_MAX);
        if log.topic().unwrap_or_else(|failure| panic!("{failure}")).is_none() {
            self.create(&topic, filled.partitions);
            process::measure(&self.bare_loop("bare-produce", &topic, filled));
        }
        let records: u64 = (0..filled.partitions)
            .map(|partition| log.extent(partition).unwrap_or_else(|failure| panic!("{failure}")).end)
            .sum();
        assert_eq!(records, filled.records(), "{topic} was not filled whole: delete it");
        topic
    }
}
