//! What each branch and each of its actors is doing, and the crashes: told by the supervisors, for people.
//!
//! Guarantees: a branch that has ended stays as it ended; a crash is counted here and nowhere else, when it happens.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use prometheus_client::metrics::histogram::Histogram;
use tokio::time::Instant;

/// Crashes that are remembered; older ones are only counted.
const CRASHES_MAX: usize = 100;
/// Bytes of a cause that are remembered.
const CAUSE_BYTES_MAX: usize = 2048;
/// From one that nobody notices to one that waited for its longest backoff.
const RECOVERY_SECONDS: [f64; 10] = [0.01, 0.03, 0.1, 0.2, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// The actors that live and die together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Branch {
    /// None of them: what is done before they start.
    Process,
    Ingest,
    Partition(u32),
    /// None of them: what is done for the partitions once the source has ended.
    End,
}

impl fmt::Display for Branch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process => write!(formatter, "start"),
            Self::Ingest => write!(formatter, "ingest"),
            Self::Partition(number) => write!(formatter, "partition {number}"),
            Self::End => write!(formatter, "end"),
        }
    }
}

/// How a branch or an actor fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    Starting,
    Running,
    /// Died, and waits for its new life.
    Restarting,
    /// Something outside is away.
    Waiting,
    Failed,
    Finished,
    Stopped,
}

impl Condition {
    /// Whether nothing comes after it.
    fn is_end(self) -> bool {
        matches!(self, Self::Failed | Self::Finished | Self::Stopped)
    }
}

#[derive(Clone, Debug)]
pub struct BranchStatus {
    pub condition: Condition,
    /// 0 before the first start.
    pub epoch: u64,
    /// Crashes that a restart was granted after, be it that the new life works or not.
    pub restarts: u64,
    /// Lives that ended because another process had committed.
    pub superseded: u64,
    /// Restarts that are still granted.
    pub budget_left: usize,
    /// What is away.
    pub waiting_for: Option<String>,
    /// Why it failed for good.
    pub failure: Option<String>,
    /// In the order of their start.
    pub actors: Vec<ActorStatus>,
    /// From a death until the branch works again.
    pub recovery_seconds: Histogram,
}

#[derive(Clone, Copy, Debug)]
pub struct ActorStatus {
    pub name: &'static str,
    pub condition: Condition,
    pub restarts: u64,
    /// How long the last heartbeat waited in the mailbox until it was answered.
    pub mailbox_wait: Option<Duration>,
}

/// One death, and what came of it.
#[derive(Clone, Debug)]
pub struct Crash {
    /// From 1, of all crashes of this process.
    pub id: u64,
    pub at: Instant,
    pub branch: Branch,
    pub actor: String,
    pub cause: String,
    /// The offset of the next record when it happened, for a partition.
    position: Option<u64>,
    /// Known once the branch works again: the offset (for the ingest side, the number of readings).
    pub resumed_from: Option<u64>,
    /// Records that were applied, but not committed, and so are read again.
    pub replayed: Option<u64>,
    /// From the death to the new start; `None` where there is none.
    pub took: Option<Duration>,
    pub outcome: CrashOutcome,
}

/// What came of a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrashOutcome {
    Recovering,
    Recovered,
    /// The branch was over before there was a new life.
    Failed,
}

/// The board on which all branches are written.
#[derive(Debug, Default)]
pub struct Branches(Mutex<Board>);

#[derive(Debug, Default)]
struct Board {
    /// Shared, so that who reads them holds the lock for a moment only.
    branches: BTreeMap<Branch, Arc<BranchStatus>>,
    crashes: Crashes,
}

#[derive(Debug, Default)]
struct Crashes {
    /// Newest first.
    last: VecDeque<Crash>,
    total: u64,
}

impl Branches {
    /// Puts a branch on the board.
    pub fn add(&self, branch: Branch, budget: usize, actors: impl Iterator<Item = &'static str>) {
        let actor = |name| ActorStatus { name, condition: Condition::Starting, restarts: 0, mailbox_wait: None };
        let status = BranchStatus {
            condition: Condition::Starting,
            epoch: 0,
            restarts: 0,
            superseded: 0,
            budget_left: budget,
            waiting_for: None,
            failure: None,
            actors: actors.map(actor).collect(),
            recovery_seconds: Histogram::new(RECOVERY_SECONDS),
        };
        self.0.lock().branches.insert(branch, Arc::new(status));
    }

    /// Takes a branch off the board.
    pub fn remove(&self, branch: Branch) {
        self.0.lock().branches.remove(&branch);
    }

    /// A new epoch: all actors are made anew.
    pub fn started(&self, branch: Branch, epoch: u64) {
        self.change(branch, |status, _| {
            status.epoch = epoch;
            for actor in &mut status.actors {
                actor.condition = Condition::Starting;
                actor.mailbox_wait = None;
            }
        });
    }

    pub fn ready(&self, branch: Branch, actor: &str) {
        self.change(branch, |status, _| {
            if let Some(actor) = status.actor(actor) {
                actor.condition = Condition::Running;
            }
        });
    }

    pub fn pulse(&self, branch: Branch, actor: &str, waited: Duration, budget_left: usize) {
        self.change(branch, |status, _| {
            status.budget_left = budget_left;
            if let Some(actor) = status.actor(actor) {
                actor.mailbox_wait = Some(waited);
            }
        });
    }

    /// `position` is the offset up to which was applied.
    pub fn died(&self, branch: Branch, actor: &str, cause: &str, budget_left: usize, position: Option<u64>) {
        self.change(branch, |status, crashes| {
            status.restarts += 1;
            status.budget_left = budget_left;
            if let Some(actor) = status.actor(actor) {
                actor.condition = Condition::Restarting;
                actor.restarts += 1;
            }
            crashes.add(branch, actor, cause, position);
        });
    }

    /// Another process went on with the work; no restart of the budget is spent.
    pub fn superseded(&self, branch: Branch, actor: &str, cause: &str, position: Option<u64>) {
        self.change(branch, |status, crashes| {
            status.superseded += 1;
            if let Some(actor) = status.actor(actor) {
                actor.condition = Condition::Restarting;
            }
            crashes.add(branch, actor, cause, position);
        });
    }

    /// The branch works again: every open crash of it is over.
    pub fn restarted(&self, branch: Branch, resumed_from: Option<u64>) {
        self.change(branch, |status, crashes| {
            for crash in crashes.open(branch) {
                let took = crash.at.elapsed();
                crash.outcome = CrashOutcome::Recovered;
                crash.took = Some(took);
                crash.resumed_from = resumed_from;
                crash.replayed = crash.position.zip(resumed_from).map(|(had, from)| had.saturating_sub(from));
                status.recovery_seconds.observe(took.as_secs_f64());
            }
        });
    }

    pub fn failed(&self, branch: Branch, why: &str) {
        self.change(branch, |status, crashes| {
            status.failure = Some(why.to_owned());
            status.end(Condition::Failed);
            crashes.add(branch, "the whole branch", &format!("failed for good: {why}"), None);
            crashes.close(branch);
        });
    }

    /// It ended well, be it by itself or because it was asked to.
    pub fn ended(&self, branch: Branch, condition: Condition) {
        self.change(branch, |status, crashes| {
            status.end(condition);
            crashes.close(branch);
        });
    }

    pub fn waits(&self, branch: Branch, cause: &str) {
        self.change(branch, |status, _| status.waiting_for = Some(cause.to_owned()));
    }

    pub fn waits_no_more(&self, branch: Branch) {
        self.change(branch, |status, _| status.waiting_for = None);
    }

    pub fn statuses(&self) -> Vec<(Branch, Arc<BranchStatus>)> {
        self.0.lock().branches.iter().map(|(&branch, status)| (branch, status.clone())).collect()
    }

    /// One branch; `None` where there is no such branch.
    pub fn status(&self, branch: Branch) -> Option<Arc<BranchStatus>> {
        self.0.lock().branches.get(&branch).cloned()
    }

    /// The restarts of these branches together.
    pub fn restarts(&self, of: impl Fn(Branch) -> bool) -> u64 {
        self.sum(of, |status| status.restarts)
    }

    /// How many of these branches failed for good.
    pub fn failures(&self, of: impl Fn(Branch) -> bool) -> u64 {
        self.sum(of, |status| u64::from(status.condition == Condition::Failed))
    }

    fn sum(&self, of: impl Fn(Branch) -> bool, number: impl Fn(&BranchStatus) -> u64) -> u64 {
        self.0.lock().branches.iter().filter(|(branch, _)| of(**branch)).map(|(_, status)| number(status)).sum()
    }

    /// The last crashes, newest first.
    pub fn crashes(&self) -> Vec<Crash> {
        self.0.lock().crashes.last.iter().cloned().collect()
    }

    /// Changes a branch that is on the board and has not ended: a change after its end is too late.
    fn change(&self, branch: Branch, change: impl FnOnce(&mut BranchStatus, &mut Crashes)) {
        let Board { branches, crashes } = &mut *self.0.lock();
        let Some(status) = branches.get_mut(&branch).filter(|status| !status.condition.is_end()) else { return };
        let status = Arc::make_mut(status);
        change(status, crashes);
        status.settle();
    }
}

impl Crashes {
    fn add(&mut self, branch: Branch, actor: &str, cause: &str, position: Option<u64>) {
        self.total += 1;
        self.last.push_front(Crash {
            id: self.total,
            at: Instant::now(),
            branch,
            actor: actor.to_owned(),
            cause: cause[..cause.floor_char_boundary(CAUSE_BYTES_MAX)].to_owned(),
            position,
            resumed_from: None,
            replayed: None,
            took: None,
            outcome: CrashOutcome::Recovering,
        });
        self.last.truncate(CRASHES_MAX);
    }

    /// Those of a branch of which nothing has come yet.
    fn open(&mut self, branch: Branch) -> impl Iterator<Item = &mut Crash> {
        self.last.iter_mut().filter(move |crash| crash.branch == branch && crash.outcome == CrashOutcome::Recovering)
    }

    /// The branch is over: an actor that died before gets no new life.
    fn close(&mut self, branch: Branch) {
        self.open(branch).for_each(|crash| crash.outcome = CrashOutcome::Failed);
    }
}

impl BranchStatus {
    fn actor(&mut self, name: &str) -> Option<&mut ActorStatus> {
        self.actors.iter_mut().find(|actor| actor.name == name)
    }

    fn end(&mut self, condition: Condition) {
        self.waiting_for = None;
        self.condition = condition;
        for actor in &mut self.actors {
            actor.condition = condition;
        }
    }

    /// What follows for the branch from what is known of its parts, unless it has ended.
    fn settle(&mut self) {
        let any = |condition| self.actors.iter().any(|actor| actor.condition == condition);
        self.condition = if self.condition.is_end() {
            self.condition
        } else if self.waiting_for.is_some() {
            Condition::Waiting
        } else if any(Condition::Restarting) {
            Condition::Restarting
        } else if self.epoch == 0 || any(Condition::Starting) {
            Condition::Starting
        } else {
            Condition::Running
        };
    }
}

#[cfg(test)]
#[path = "board_tests.rs"]
mod tests;
