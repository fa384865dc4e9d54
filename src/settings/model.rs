//! The settings as types. Names are the keys of the settings files; `settings/default.toml` explains each.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::domain::{RecordFormat, Rules};

use super::secret::{MASK, is_secret};
use super::state::State;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub log: Log,
    pub source: Source,
    pub produce: Produce,
    pub consume: Consume,
    pub group: Group,
    pub state: State,
    pub quality: Quality,
    pub supervision: Supervision,
    pub faults: Faults,
    pub output: Output,
    pub web: Web,
}

impl Settings {
    /// What decides the count.
    pub fn rules(&self) -> Rules {
        let Quality { degrees_min, degrees_max, stations_max, rejected_bytes_max } = self.quality;
        Rules { format: self.log.format, degrees_min, degrees_max, stations_max, rejected_bytes_max }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogKind {
    Kafka,
    Sqlite,
    Memory,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnStart {
    Reuse,
    Recreate,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    pub kind: LogKind,
    pub topic: String,
    pub partitions: u32,
    pub replication: u32,
    pub retention_ms: i64,
    pub format: RecordFormat,
    pub on_start: OnStart,
    pub allow_compaction: bool,
    pub kafka: Kafka,
    pub sqlite: Sqlite,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kafka {
    pub brokers: String,
    /// File whose first line is the password of `sasl.password`; empty: none.
    pub password_file: String,
    /// Any properties of librdkafka, each by the name that the person gave it: see [`super::property::one_name`].
    pub client: BTreeMap<String, String>,
}

impl fmt::Debug for Kafka {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let masked = |(key, value)| (key, if is_secret(key) { MASK } else { value });
        let client: BTreeMap<&str, &str> =
            self.client.iter().map(|(key, value)| masked((key.as_str(), value.as_str()))).collect();
        formatter
            .debug_struct("Kafka")
            .field("brokers", &self.brokers)
            .field("password_file", &self.password_file)
            .field("client", &client)
            .finish()
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sqlite {
    pub path: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKind {
    Simulate,
    /// Presets of its settings are read as this.
    #[serde(alias = "ghcn_by_year", alias = "ghcn_access", alias = "gsod", alias = "meteostat")]
    Csv,
    GhcnDaily,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    pub kind: SourceKind,
    /// Whether a file that was read before is read again to see that it is the same.
    pub verify: bool,
    /// How long a file must not have changed for its last line to count without its end; 0: files are complete.
    pub rest_ms: u64,
    /// Memory for readings of changed files that are compared with the log at once.
    pub compare_bytes_max: u64,
    pub simulate: Simulate,
    pub csv: Csv,
    pub ghcn_daily: GhcnDaily,
}

impl Source {
    /// The pattern of the files that are read, behind its name; `None` where the source reads no files.
    pub fn files(&self) -> Option<(&'static str, &str)> {
        match self.kind {
            SourceKind::Simulate => None,
            SourceKind::Csv => Some(("source.csv.files", &self.csv.files)),
            SourceKind::GhcnDaily => Some(("source.ghcn_daily.files", &self.ghcn_daily.files)),
        }
    }

    /// How the text of these files is encoded.
    pub fn encoding(&self) -> Encoding {
        if self.kind == SourceKind::Csv { self.csv.encoding } else { Encoding::Utf8 }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Simulate {
    pub stations: u32,
    /// 0: endless (that is, to the end of the year 9999).
    pub days: u32,
    /// First day, `YYYY-MM-DD`.
    pub start: String,
    pub seed: u64,
    /// Time from one day to the next; 0: as fast as possible.
    pub pace_ms: u64,
    /// Share of readings that are sent a second time, 0 to 1.
    pub duplicates_share: f64,
    /// Share of readings that are far off, 0 to 1.
    pub outliers_share: f64,
}

/// How the text of a file is encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encoding {
    #[default]
    #[serde(rename = "utf-8")]
    Utf8,
    /// In the order of bytes that a mark at its beginning tells, or with the low one first.
    #[serde(rename = "utf-16")]
    Utf16,
    /// As Windows has it, with letters where Latin-1 has none.
    #[serde(rename = "latin-1")]
    Latin1,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnMissingColumn {
    Stop,
    /// All of its records are of something else.
    PassOver,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Csv {
    /// Glob of files, read in the order of their names.
    pub files: String,
    /// Column with the station; empty: the file's name without its endings.
    pub station_column: String,
    pub date_column: String,
    pub degrees_column: String,
    /// What becomes of a file without that column.
    pub on_missing_degrees_column: OnMissingColumn,
    /// As chrono reads it; months and days may be unpadded.
    pub date_format: String,
    pub encoding: Encoding,
    /// One letter, or `tab`.
    pub delimiter: String,
    /// Whether the first line names the columns; else they are given by number, from 1.
    pub header: bool,
    /// Lines above the header, or the first record.
    pub skip_lines: u64,
    /// Lines that begin with it are passed over; empty: no line is.
    pub comment: String,
    /// The columns of a day in three; empty: `date_column` has it.
    pub year_column: String,
    pub month_column: String,
    pub day_column: String,
    /// The first of the hundred years that two digits stand for; 0: they are no year.
    pub year_pivot: u64,
    /// `.` or `,`.
    pub decimal: String,
    /// Texts that stand for no value, apart by spaces; an empty one always does.
    pub missing: String,
    /// degrees = value × scale + offset.
    pub degrees_scale: f64,
    pub degrees_offset: f64,
    /// `COLUMN = VALUE`: other records are passed over; empty: all are read.
    #[serde(rename = "where")]
    pub only: String,
    /// The column that says whether the value failed its checks; empty: no column does.
    pub flag_column: String,
    /// Which of its parts between commas does, from 1; 0: all of it.
    pub flag_part: u64,
    /// Flags of failed values, apart by spaces; `*`: any.
    pub flag_failed: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GhcnDaily {
    /// Glob of `.dly` files, read in the order of their names.
    pub files: String,
    /// Element that is read, as `TAVG` or `TMAX`.
    pub element: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Produce {
    /// Readings in one message from generator to producer, at most.
    pub batch_records: usize,
    /// Such messages that may wait for their acknowledgement.
    pub in_flight_max: usize,
    pub transactions: Transactions,
    /// Records that another producer's open transaction hides are not waited for.
    pub skip_hidden: bool,
}

/// Whether records are written in transactions, where the log is Kafka.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transactions {
    /// Where the cluster has them, and the user a right to them.
    Auto,
    On,
    Off,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Partitions {
    /// Only `"all"`.
    All(AllPartitions),
    Listed(Vec<u32>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AllPartitions {
    All,
}

/// Who says which partitions a process counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Assignment {
    Fixed,
    Group,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consume {
    pub assignment: Assignment,
    pub partitions: Partitions,
    pub commit_interval_ms: u64,
    /// Share of the time that commits may take.
    pub commit_share_max: f64,
    /// Records in one message from consumer to aggregator.
    pub batch_records: usize,
}

/// The group of processes that count together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Empty: it follows from the topic and the object store.
    pub id: String,
    /// Without a heartbeat for so long a process counts as gone.
    pub session_ms: u64,
    pub heartbeat_ms: u64,
    /// What a process may take for the last commits of partitions that go to others.
    pub handover_ms: u64,
}

/// As in [`Rules`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quality {
    pub degrees_min: f64,
    pub degrees_max: f64,
    pub stations_max: u64,
    pub rejected_bytes_max: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnBranchFailure {
    Continue,
    Exit,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Supervision {
    pub restarts_max: usize,
    pub window_ms: u64,
    pub backoff_min_ms: u64,
    pub backoff_max_ms: u64,
    pub healthy_ms: u64,
    pub heartbeat_ms: u64,
    pub shutdown_ms: u64,
    pub on_branch_failure: OnBranchFailure,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Faults {
    /// Each `POINT@HIT=ACTION`, as in `aggregator.apply@3=panic`.
    pub points: Vec<String>,
    /// Of faults that are drawn; 0: none.
    pub seed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    Text,
    Json,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    pub log_format: LogFormat,
    /// As `info` or `isotherm=debug`.
    pub log_level: String,
    /// Time between two progress lines where there is no terminal.
    pub progress_interval_ms: u64,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Web {
    /// `ADDRESS:PORT` of the dashboard; empty: none.
    pub listen: String,
    /// The secret that a request must carry; empty: no secret, which is only allowed on an address of this machine alone.
    pub token: String,
    pub connections_max: usize,
    /// Records behind which the process does not call itself ready.
    pub ready_lag_max: u64,
}

impl Web {
    /// The address to listen on, or `None` where there is no dashboard.
    pub fn address(&self) -> Option<SocketAddr> {
        self.listen.parse().ok()
    }
}

impl fmt::Debug for Web {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Web")
            .field("listen", &self.listen)
            .field("token", &if self.token.is_empty() { "" } else { MASK })
            .field("connections_max", &self.connections_max)
            .field("ready_lag_max", &self.ready_lag_max)
            .finish()
    }
}
