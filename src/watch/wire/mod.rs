//! What the API answers: one type an answer, as `GET /api/openapi.json` describes them. The server writes them, the
//! terminal and the tests read them.
//!
//! Times are Unix milliseconds by this machine's clock, days are `YYYY-MM-DD`, and what is not known is `null`.

mod stations;

use std::collections::BTreeMap;
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::progress::{Condition, CrashOutcome};

pub use stations::*;

/// Now, in Unix milliseconds.
pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}

/// How a branch or an actor fares; `restarting`: it died and waits for its new life; `waiting`: something outside is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = State)]
pub enum LifeState {
    Starting,
    Running,
    Restarting,
    Waiting,
    Failed,
    Finished,
    Stopped,
    // Of a newer server: only ever read.
    #[serde(other, skip_serializing)]
    Unknown,
}

impl From<Condition> for LifeState {
    fn from(condition: Condition) -> Self {
        match condition {
            Condition::Starting => Self::Starting,
            Condition::Running => Self::Running,
            Condition::Restarting => Self::Restarting,
            Condition::Waiting => Self::Waiting,
            Condition::Failed => Self::Failed,
            Condition::Finished => Self::Finished,
            Condition::Stopped => Self::Stopped,
        }
    }
}

impl LifeState {
    pub fn is_well(self) -> bool {
        matches!(self, Self::Running | Self::Finished)
    }
}

impl fmt::Display for LifeState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => formatter.pad("unknown"),
            told => told.serialize(formatter),
        }
    }
}

/// Everything in a few numbers.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Overview {
    /// Of this process: another one after a restart of it.
    pub instance: String,
    pub version: String,
    pub now_ms: u64,
    pub started_at_ms: u64,
    /// The log and topic, in words.
    pub log: String,
    pub state_dir: String,
    pub stations_total: u64,
    /// Stations that several partitions have: each counts its own readings of them.
    pub in_several_partitions: u64,
    /// Readings that the states of this process's partitions hold.
    pub counted: u64,
    pub records_per_second: u64,
    /// Records that are in the log and not committed yet.
    pub lag: u64,
    /// Rejected records that the states hold.
    pub rejected: u64,
    pub restarts: u64,
    /// Branches that failed for good.
    pub failed: u64,
    /// Changes whenever the row of a station may have.
    pub stations_version: u64,
    pub source: Option<Source>,
    /// Why the run is over, where only the page stays.
    pub ended: Option<String>,
}

/// The ingest side of this process.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Source {
    /// Acknowledged by the log since the process started.
    pub readings: u64,
    pub readings_per_second: u64,
    pub bytes: u64,
    /// Of all files; `null` where there are none.
    pub bytes_total: Option<u64>,
    pub bad_lines: u64,
    pub skipped_quality: u64,
    /// Readings that were sent because the log's last one of their day had another value.
    pub revised: u64,
    /// Days that the log has and that changed files no longer have.
    pub withdrawn: u64,
    /// Readings that were sent although the log may have had them.
    pub possible_repeats: u64,
    /// Records of the log that changed files were compared with in the pass that is under way.
    pub compared_records: u64,
    /// All records of that pass; `null` while nothing is compared.
    pub to_compare_records: Option<u64>,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Partitions {
    pub partitions: Vec<Partition>,
    /// Partitions that this event leaves out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub more: Option<usize>,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Partition {
    pub partition: u32,
    pub state: LifeState,
    /// Lives of the branch in this process.
    pub epoch: u64,
    pub restarts: u64,
    /// Offset of the next record to count.
    pub position: u64,
    /// One past the log's last record.
    pub end: u64,
    /// Records, or offsets without one, behind `end`, which no reader sees yet, as a transaction is open.
    #[serde(default)]
    pub hidden: u64,
    /// Offset that the file on disk goes on from.
    pub committed: u64,
    /// `end - committed`.
    pub lag: u64,
    /// Read since the process started; again after a crash.
    pub records: u64,
    pub records_per_second: u64,
    /// `null` until the state is loaded.
    pub stations: Option<u64>,
    pub commit: Commit,
    /// All that the state holds, by reason.
    pub rejected: BTreeMap<String, u64>,
    pub rejected_total: u64,
    /// The newest of them that are on disk, at most 3, newest first.
    pub last_rejected: Vec<Rejected>,
    /// Rejected since the process started and only counted: they did not fit into the partition's file of rejected
    /// records, which holds `quality.rejected_bytes_max` bytes at most. Again after a crash.
    pub rejected_unkept: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Commit {
    /// Of the last one of this process.
    pub committed_at_ms: Option<u64>,
    pub took_ms: Option<f64>,
    /// Time between two commits that is in force.
    pub interval_ms: u64,
}

/// A rejected record, decoded as far as it goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Rejected {
    pub offset: u64,
    pub reason: String,
    pub station: Option<String>,
    pub date: Option<String>,
    /// `null` also where it is no finite number.
    pub degrees: Option<f64>,
    /// The record's key, as text.
    pub key: Option<String>,
    pub value_bytes: Option<u64>,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Supervision {
    pub restarts_max: usize,
    pub window_ms: u64,
    pub branches: Vec<Branch>,
    /// The last crashes, newest first.
    pub crashes: Vec<Crash>,
    /// Branches that this event leaves out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub more: Option<usize>,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Branch {
    /// `ingest`, `partition N`, `start` as long as the process waits for its log, or `end` as long as it asks where that ends.
    pub branch: String,
    pub state: LifeState,
    pub epoch: u64,
    pub restarts: u64,
    /// Restarts that are still granted.
    pub budget_left: usize,
    /// What is away.
    pub waiting_for: Option<String>,
    /// Why it failed for good.
    pub failure: Option<String>,
    pub actors: Vec<Actor>,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Actor {
    pub name: String,
    pub state: LifeState,
    /// How long its last heartbeat waited in the mailbox.
    pub mailbox_wait_us: Option<u64>,
    pub restarts: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Crash {
    pub id: u64,
    pub at_ms: u64,
    pub branch: String,
    pub actor: String,
    pub cause: String,
    /// The offset (for the ingest side, the number of readings); `null` while it is not known.
    pub resumed_from: Option<u64>,
    /// Records that were counted, but not committed, and are read again.
    pub replayed: Option<u64>,
    /// Until the branch worked again; `null` where it does not.
    pub took_ms: Option<f64>,
    pub outcome: Outcome,
}

/// What came of a crash; `failed`: the branch was over before there was a new life.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Recovering,
    Recovered,
    Failed,
    // Of a newer server: only ever read.
    #[serde(other, skip_serializing)]
    Unknown,
}

impl From<CrashOutcome> for Outcome {
    fn from(outcome: CrashOutcome) -> Self {
        match outcome {
            CrashOutcome::Recovering => Self::Recovering,
            CrashOutcome::Recovered => Self::Recovered,
            CrashOutcome::Failed => Self::Failed,
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Audit {
    pub running: Option<AuditRunning>,
    /// The last that came to a result.
    pub last: Option<AuditResult>,
    /// A later one that came to none.
    pub failed: Option<FailedTry>,
}

/// When something was tried in vain, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FailedTry {
    pub at_ms: u64,
    pub why: String,
}

/// Records that were replayed, and of how many.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AuditRunning {
    pub started_at_ms: u64,
    pub done: u64,
    pub total: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AuditResult {
    pub started_at_ms: u64,
    pub finished_at_ms: u64,
    /// The worst of all partitions: `verified`, `log_incomplete`, `not_audited` or `file_wrong`.
    pub result: String,
    pub partitions: Vec<AuditedPartition>,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AuditedPartition {
    pub partition: u32,
    pub result: String,
    /// In words.
    pub text: String,
    /// As of `isotherm audit --json`.
    #[schema(value_type = Object)]
    pub details: Value,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Health {
    pub status: String,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Ready {
    pub ready: bool,
    /// What it waits for.
    pub why: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    pub token: String,
}

/// What happened, and what to do.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    pub error: String,
}
