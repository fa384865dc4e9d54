//! What the server answers, as far as it is shown. Texts are cleaned while they are read.

use serde::Deserialize;

use super::text::Text;

/// One look at a process: all that a screen shows of it.
#[derive(Clone, Debug)]
pub struct Look {
    /// Unix milliseconds by the server's clock, which is the one that all its times are of.
    pub now_ms: u64,
    pub partitions: Vec<Partition>,
    pub supervision: Supervision,
    pub audit: Audit,
    pub stations: Stations,
}

/// Of a branch, and of an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Starting,
    Running,
    Restarting,
    Waiting,
    Failed,
    Finished,
    Stopped,
    /// Of a newer server.
    #[serde(other)]
    Unknown,
}

impl State {
    pub fn name(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Restarting => "restarting",
            Self::Waiting => "waiting",
            Self::Failed => "failed",
            Self::Finished => "finished",
            Self::Stopped => "stopped",
            Self::Unknown => "unknown",
        }
    }

    pub fn is_well(self) -> bool {
        matches!(self, Self::Running | Self::Finished)
    }
}

#[derive(Clone, Debug, Deserialize)]
pub struct Partitions {
    pub partitions: Vec<Partition>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Partition {
    pub partition: u32,
    pub state: State,
    pub restarts: u64,
    /// Offset of the next record that is not safe on disk.
    pub committed: u64,
    pub lag: u64,
    /// Read since the process started.
    pub records: u64,
    pub records_per_second: u64,
    pub commit: Commit,
    pub rejected_total: u64,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Commit {
    pub committed_at_ms: Option<u64>,
    pub took_ms: Option<f64>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Supervision {
    pub restarts_max: u64,
    pub branches: Vec<Branch>,
    /// Newest first.
    pub crashes: Vec<Crash>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Branch {
    pub branch: Text,
    pub state: State,
    pub restarts: u64,
    /// Restarts that are still tried within the window.
    pub budget_left: u64,
    /// What is away.
    pub waiting_for: Option<Text>,
    pub failure: Option<Text>,
    pub actors: Vec<Actor>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Actor {
    pub name: Text,
    pub state: State,
    pub mailbox_wait_us: Option<u64>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Crash {
    pub at_ms: u64,
    pub branch: Text,
    pub actor: Text,
    pub cause: Text,
    /// Offset, or the number of readings of the source.
    pub resumed_from: Option<u64>,
    pub replayed: Option<u64>,
    /// Until it worked again; `None` while it does not.
    pub took_ms: Option<f64>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Stations {
    pub stations_total: u64,
    /// Of them those that the filter keeps.
    pub matching: u64,
    /// Place of the first row among the matching ones.
    pub offset: u64,
    pub stations: Vec<Station>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Station {
    pub station: Text,
    pub partition: u32,
    pub count: u64,
    pub average: f64,
    pub start: Text,
    pub end: Text,
    pub missing_days: u64,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Audit {
    pub running: Option<RunningAudit>,
    pub last: Option<LastAudit>,
    /// After that.
    pub failed: Option<FailedAudit>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct FailedAudit {
    pub at_ms: u64,
    pub why: Text,
}

#[derive(Clone, Debug, Deserialize)]
pub struct RunningAudit {
    /// Records.
    pub done: u64,
    pub total: u64,
}

#[derive(Clone, Debug, Deserialize)]
pub struct LastAudit {
    pub finished_at_ms: u64,
    /// The worst of the partitions.
    pub result: Text,
    pub partitions: Vec<AuditedPartition>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct AuditedPartition {
    pub partition: u32,
    pub result: Text,
    pub text: Text,
}
