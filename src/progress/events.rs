//! What is worth telling: each event is one struct, and `emit` is its one log line and, where there is one, its counter.
//!
//! Messages are constant and facts are fields, so that the same line can be read by a person and searched by a program.

use std::net::SocketAddr;
use std::time::Duration;

use tracing::{debug, error, info, warn};

use crate::domain::Invariant;
use crate::failure::{Failure, Origin};
use crate::points::Planned;

use super::board::Branch;
use super::gauges::{BAD_LINES_LOGGED_MAX, Progress};

/// What a program knows an event by: the target of its line, which JSON shows. What the line says is for people, and may
/// change.
pub mod target {
    pub const COMMITTED: &str = "isotherm::progress::committed";
    pub const DRAINING: &str = "isotherm::progress::draining";
    pub const FAILED: &str = "isotherm::progress::failed";
    pub const OUTAGE_ENDED: &str = "isotherm::progress::outage_ended";
    pub const PROGRESS: &str = "isotherm::progress::progress";
    pub const RESTARTED: &str = "isotherm::progress::restarted";
}

/// An actor died, and will be started again.
#[derive(Clone, Debug)]
pub struct Died<'a> {
    pub branch: Branch,
    pub child: &'a str,
    pub cause: &'a str,
    /// Until its new life.
    pub backoff: Duration,
    /// Restarts that are still granted.
    pub budget_left: usize,
}

impl Died<'_> {
    pub fn emit(&self, progress: &Progress) {
        let position = match self.branch {
            Branch::Partition(number) => Some(progress.partition(number).position()),
            Branch::Process | Branch::Ingest | Branch::End => None,
        };
        progress.branches().died(self.branch, self.child, self.cause, self.budget_left, position);
        let backoff_ms = self.backoff.as_millis() as u64;
        warn!(
            branch = %self.branch,
            child = self.child,
            cause = self.cause,
            backoff_ms,
            restarts_left = self.budget_left,
            "died"
        );
    }
}

/// A branch works again after actors of it died, once or more often.
#[derive(Clone, Debug)]
pub struct Restarted {
    pub branch: Branch,
    /// The offset (or, for the ingest side, the count of readings) that it goes on from, where that is known.
    pub resumes_from: Option<u64>,
    /// From the first death, the waits before the new starts included.
    pub took_ms: u64,
}

impl Restarted {
    pub fn emit(&self, progress: &Progress) {
        progress.branches().restarted(self.branch, self.resumes_from);
        info!(
            target: target::RESTARTED,
            branch = %self.branch,
            resumes_from = self.resumes_from,
            took_ms = self.took_ms,
            "restarted"
        );
    }
}

/// A branch stopped for good; the others go on, and the exit code will tell.
#[derive(Clone, Debug)]
pub struct BranchFailed<'a> {
    pub branch: Branch,
    pub failure: &'a Failure,
}

impl BranchFailed<'_> {
    pub fn emit(&self, progress: &Progress) {
        match self.branch {
            Branch::Process | Branch::Ingest | Branch::End => progress.source().set_failed(),
            Branch::Partition(number) => progress.partition(number).set_failed(),
        }
        progress.branches().failed(self.branch, &self.failure.to_string());
        let broken = match self.failure.origin {
            Origin::Check(invariant) => Some(invariant.name()),
            Origin::World | Origin::Planned | Origin::Panic => None,
        };
        error!(
            target: target::FAILED,
            branch = %self.branch,
            cause = self.failure.what,
            advice = self.failure.advice,
            broken,
            "failed for good"
        );
    }
}

/// Something is away and is waited for. Said once; the tries until it is back are not.
#[derive(Clone, Debug)]
pub struct OutageBegan<'a> {
    pub branch: Branch,
    pub failure: &'a Failure,
}

impl OutageBegan<'_> {
    pub fn emit(&self, progress: &Progress) {
        progress.branches().waits(self.branch, &self.failure.to_string());
        warn!(
            branch = %self.branch,
            cause = self.failure.what,
            advice = self.failure.advice,
            "waiting until it works again"
        );
    }
}

/// What was away is back.
#[derive(Clone, Debug)]
pub struct OutageEnded {
    pub branch: Branch,
    pub lasted_ms: u64,
}

impl OutageEnded {
    pub fn emit(&self, progress: &Progress) {
        progress.branches().waits_no_more(self.branch);
        info!(target: target::OUTAGE_ENDED, branch = %self.branch, lasted_ms = self.lasted_ms, "works again");
    }
}

/// The settings have things go wrong in this run.
#[derive(Clone, Debug)]
pub struct FaultsPlanned<'a> {
    pub faults: &'a [Planned],
}

impl FaultsPlanned<'_> {
    pub fn emit(&self) {
        let faults: Vec<String> = self.faults.iter().map(Planned::to_string).collect();
        warn!(faults = faults.join(","), "faults are planned for this run");
    }
}

/// The process stops in order.
#[derive(Clone, Debug)]
pub struct Draining<'a> {
    /// What asked for it, as `SIGTERM`.
    pub asked_by: &'a str,
    /// After this time it ends by force.
    pub deadline_ms: u64,
}

impl Draining<'_> {
    pub fn emit(&self) {
        let (asked_by, deadline_ms) = (self.asked_by, self.deadline_ms);
        info!(target: target::DRAINING, asked_by, deadline_ms, "stopping; a second signal ends at once");
    }
}

/// An actor that did not stop in time.
#[derive(Clone, Debug)]
pub struct Laggard<'a> {
    pub branch: Branch,
    pub child: &'a str,
    pub waited_ms: u64,
}

impl Laggard<'_> {
    pub fn emit(&self) {
        error!(branch = %self.branch, child = self.child, waited_ms = self.waited_ms, "did not stop in time");
    }
}

/// A line of the source that is no reading. All are counted, the first few of a file are logged.
#[derive(Clone, Debug)]
pub struct BadLine<'a> {
    pub file: &'a str,
    /// From 1.
    pub line: u64,
    pub reason: &'a str,
}

impl BadLine<'_> {
    pub fn emit(&self, progress: &Progress) {
        let lines = progress.source().add_bad_line(self.file);
        if lines <= BAD_LINES_LOGGED_MAX {
            warn!(file = self.file, line = self.line, reason = self.reason, "bad line skipped");
        } else if lines == BAD_LINES_LOGGED_MAX + 1 {
            warn!(
                file = self.file,
                line = self.line,
                "further bad lines of this file are counted, but no longer logged"
            );
        }
    }
}

/// A message that would have broken an invariant, as it came out of its order, was refused. Its receiver crashes.
#[derive(Clone, Debug)]
pub struct OutOfOrder<'a> {
    pub broken: Invariant,
    pub what: &'a str,
}

impl OutOfOrder<'_> {
    pub fn emit(&self) {
        error!(broken = self.broken.name(), what = self.what, "a message out of its order was refused");
    }
}

/// A branch has counted its first records since it was started, or started again.
#[derive(Clone, Debug)]
pub struct Counting {
    pub partition: u32,
    /// The offset that it went on from.
    pub from_offset: u64,
}

impl Counting {
    pub fn emit(&self) {
        debug!(partition = self.partition, from_offset = self.from_offset, "counting");
    }
}

/// A partition's file is safe on disk up to an offset.
#[derive(Clone, Debug)]
pub struct Committed {
    pub partition: u32,
    pub next_offset: u64,
    pub took: Duration,
}

impl Committed {
    pub fn emit(&self, progress: &Progress) {
        let partition = progress.partition(self.partition);
        partition.set_committed(self.next_offset);
        partition.add_commit(self.took);
        let took_ms = self.took.as_millis() as u64;
        let (partition, next_offset) = (self.partition, self.next_offset);
        debug!(target: target::COMMITTED, partition, next_offset, took_ms, "committed");
    }
}

/// How often a partition is committed has changed, for commits cost more than their share of the time, or no longer do.
/// Said where it is news, not of each commit.
#[derive(Clone, Debug)]
pub struct CommitsPaced {
    pub partition: u32,
    /// In force from now on.
    pub interval: Duration,
    /// As set.
    pub interval_min: Duration,
    /// What the last commit took.
    pub cost: Duration,
    pub stations: usize,
}

impl CommitsPaced {
    pub fn emit(&self) {
        let (partition, stations) = (self.partition, self.stations);
        let (interval_ms, cost_ms) = (self.interval.as_millis() as u64, self.cost.as_millis() as u64);
        if self.interval > self.interval_min {
            warn!(partition, interval_ms, cost_ms, stations, "commits take long, so there are fewer of them");
        } else {
            info!(partition, interval_ms, cost_ms, stations, "commits are as frequent as set again");
        }
    }
}

/// A partition goes on although the record before its offset is no longer in the log to compare.
#[derive(Clone, Debug)]
pub struct CouldNotVerify {
    pub partition: u32,
    pub next_offset: u64,
    pub last_record_offset: u64,
}

impl CouldNotVerify {
    pub fn emit(&self) {
        warn!(
            partition = self.partition,
            next_offset = self.next_offset,
            last_record_offset = self.last_record_offset,
            "resuming unchecked: the log no longer has the last counted record (retention or compaction took it)"
        );
    }
}

/// A topic was made.
#[derive(Clone, Debug)]
pub struct TopicCreated<'a> {
    pub log: &'a str,
    pub log_id: &'a str,
    pub partitions: u32,
}

impl TopicCreated<'_> {
    pub fn emit(&self) {
        info!(log = self.log, log_id = self.log_id, partitions = self.partitions, "topic created");
    }
}

/// The dashboard can be opened.
#[derive(Clone, Debug)]
pub struct Serving {
    pub address: SocketAddr,
}

impl Serving {
    pub fn emit(&self) {
        info!(address = format!("http://{}/", self.address), "serving the dashboard");
    }
}

/// What is to be said of how long the log keeps its records.
#[derive(Clone, Debug)]
pub struct RetentionWarning<'a> {
    pub log: &'a str,
    pub warning: &'a str,
}

impl RetentionWarning<'_> {
    pub fn emit(&self) {
        warn!(log = self.log, warning = self.warning, "check the retention of the log");
    }
}

#[cfg(test)]
#[path = "events_tests.rs"]
mod tests;
