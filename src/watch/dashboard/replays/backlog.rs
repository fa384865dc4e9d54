//! What clients asked for, and what came of it.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::log::Watch;
use crate::retold::history::Replay;
use crate::watch::wire::{AuditResult, FailedTry};

/// What was replayed, and what is to be.
#[derive(Default)]
pub struct Backlog {
    pub wants_audit: bool,
    /// Those that wait for their turn, each once.
    pub queue: VecDeque<Key>,
    pub ended: bool,
    /// From the request on.
    pub audit: Option<RunningAudit>,
    pub last_audit: Option<Arc<AuditResult>>,
    /// After that.
    pub failed_audit: Option<FailedTry>,
    /// The one that was asked for last is first.
    pub histories: VecDeque<(Key, KnownHistory)>,
    /// Of the job that runs.
    pub watch: Watch,
}

/// A station, and the partition that counted it.
pub type Key = (String, u32);

pub struct RunningAudit {
    pub started_at_ms: u64,
    pub watch: Watch,
    pub total: u64,
}

/// What is known of a history. One that is brought up to date stays as it was until that is done.
#[derive(Clone, Default)]
pub struct KnownHistory {
    pub ready: Option<Arc<Replay>>,
    /// Records that were read, and of how many.
    pub running: Option<(u64, u64)>,
    /// Of the last try.
    pub failed: Option<FailedTry>,
}

pub enum ReplayJob {
    History(Key),
    Audit,
}

impl Backlog {
    pub fn find(&self, station: &str, partition: u32) -> Option<&KnownHistory> {
        self.histories
            .iter()
            .find(|((name, number), _)| name == station && *number == partition)
            .map(|(_, known)| known)
    }

    pub fn find_mut(&mut self, key: &Key) -> Option<&mut KnownHistory> {
        self.histories.iter_mut().find(|(known, _)| known == key).map(|(_, known)| known)
    }

    /// A history goes before an audit: a client waits for it.
    pub fn next(&mut self) -> Option<ReplayJob> {
        match self.queue.pop_front() {
            Some(key) => Some(ReplayJob::History(key)),
            None => std::mem::take(&mut self.wants_audit).then_some(ReplayJob::Audit),
        }
    }
}
