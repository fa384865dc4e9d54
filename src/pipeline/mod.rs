//! Builds the trees from the settings and runs them to their end.

use crate::faults::Failure;
use crate::settings::Settings;

/// What one process does.
pub struct Job {
    pub ingest: bool,
    pub partitions: Vec<u32>,
    pub end: End,
    pub accept_gap: bool,
}

/// When it is done.
pub enum End {
    WhenSourceEnds,
    WhenCaughtUp,
    AtSignal,
}

/// How it went.
pub struct Summary {
    pub readings: u64,
    /// Branches that stopped for good, and why.
    pub failures: Vec<(String, Failure)>,
    pub laggards: Vec<String>,
}

pub fn run(job: Job, settings: Settings) -> Result<Summary, Failure> {
    let _ = (job, settings);
    todo!()
}
