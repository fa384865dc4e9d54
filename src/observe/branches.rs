//! What each branch and each of its actors is doing, and the last crashes: told by the supervisors, for people.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use prometheus::{Histogram, HistogramOpts};
use tokio::time::Instant;

use super::events::Branch;

/// Crashes that are remembered; older ones are only counted.
const CRASHES_MAX: usize = 100;
/// Bytes of a cause that are remembered.
const CAUSE_BYTES_MAX: usize = 2048;
/// From one that nobody notices to one that waited for its longest backoff.
const RECOVERY_SECONDS: [f64; 10] = [0.01, 0.03, 0.1, 0.2, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

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

#[derive(Clone, Debug)]
pub struct BranchStatus {
    pub condition: Condition,
    pub epoch: u64,
    pub restarts: u64,
    /// Restarts that are still granted within the window.
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
pub struct Branches(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Shared, so that who reads them holds the lock for a moment only.
    branches: BTreeMap<Branch, Arc<BranchStatus>>,
    /// Newest first.
    crashes: VecDeque<Crash>,
    crashes_total: u64,
}

impl Branches {
    /// Puts a branch on the board.
    pub fn add(&self, branch: Branch, budget: usize, actors: impl Iterator<Item = &'static str>) {
        let actor = |name| ActorStatus { name, condition: Condition::Starting, restarts: 0, mailbox_wait: None };
        let options =
            HistogramOpts::new("isotherm_recovery_duration_seconds", "Time from a death until the branch works again")
                .const_label("branch", branch.to_string())
                .buckets(RECOVERY_SECONDS.to_vec());
        let status = BranchStatus {
            condition: Condition::Starting,
            epoch: 0,
            restarts: 0,
            budget_left: budget,
            waiting_for: None,
            failure: None,
            actors: actors.map(actor).collect(),
            recovery_seconds: Histogram::with_opts(options).expect("name and buckets are constants"),
        };
        self.change(|state| drop(state.branches.insert(branch, Arc::new(status))));
    }

    /// Takes a branch off the board.
    pub fn remove(&self, branch: Branch) {
        self.change(|state| drop(state.branches.remove(&branch)));
    }

    /// A new epoch: this actor and all after it are made anew.
    pub fn started(&self, branch: Branch, epoch: u64, first: usize) {
        self.of(branch, |status| {
            status.epoch = epoch;
            for actor in status.actors.iter_mut().skip(first) {
                actor.condition = Condition::Starting;
                actor.mailbox_wait = None;
            }
            status.condition = Condition::Starting;
            status.settle();
        });
    }

    pub fn ready(&self, branch: Branch, actor: &str) {
        self.of(branch, |status| {
            if let Some(actor) = status.actor(actor) {
                actor.condition = Condition::Running;
            }
            status.settle();
        });
    }

    pub fn pulse(&self, branch: Branch, actor: &str, waited: Duration, budget_left: usize) {
        self.of(branch, |status| {
            status.budget_left = budget_left;
            if let Some(actor) = status.actor(actor) {
                actor.mailbox_wait = Some(waited);
            }
        });
    }

    /// `position` is the offset up to which was applied.
    pub fn died(&self, branch: Branch, actor: &str, cause: &str, budget_left: usize, position: Option<u64>) {
        self.of(branch, |status| {
            status.condition = Condition::Restarting;
            status.budget_left = budget_left;
            if let Some(actor) = status.actor(actor) {
                actor.condition = Condition::Restarting;
                actor.restarts += 1;
            }
        });
        self.crash(branch, actor, cause, position);
    }

    /// The branch works again: every open crash of it is over.
    pub fn restarted(&self, branch: Branch, resumed_from: Option<u64>) {
        self.change(|state| {
            let Some(status) = state.branches.get_mut(&branch).map(Arc::make_mut) else { return };
            status.restarts += 1;
            status.settle();
            for crash in open(&mut state.crashes, branch) {
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
        self.of(branch, |status| {
            status.failure = Some(why.to_owned());
            status.waiting_for = None;
            status.all(Condition::Failed);
        });
        self.crash(branch, "the whole branch", &format!("failed for good: {why}"), None);
        self.close(branch);
    }

    /// It ended well, be it by itself or because it was asked to.
    pub fn ended(&self, branch: Branch, condition: Condition) {
        self.of(branch, |status| {
            status.waiting_for = None;
            status.all(condition);
        });
        self.close(branch);
    }

    pub fn waits(&self, branch: Branch, cause: &str) {
        self.of(branch, |status| {
            status.waiting_for = Some(cause.to_owned());
            status.settle();
        });
    }

    pub fn waits_no_more(&self, branch: Branch) {
        self.of(branch, |status| {
            status.waiting_for = None;
            status.settle();
        });
    }

    pub fn statuses(&self) -> Vec<(Branch, Arc<BranchStatus>)> {
        self.0.lock().branches.iter().map(|(&branch, status)| (branch, status.clone())).collect()
    }

    /// One branch's condition and epoch; `None` where there is no such branch.
    pub fn condition(&self, branch: Branch) -> Option<(Condition, u64)> {
        self.0.lock().branches.get(&branch).map(|status| (status.condition, status.epoch))
    }

    /// The last crashes, newest first.
    pub fn crashes(&self) -> Vec<Crash> {
        self.0.lock().crashes.iter().cloned().collect()
    }

    fn crash(&self, branch: Branch, actor: &str, cause: &str, position: Option<u64>) {
        self.change(|state| {
            state.crashes_total += 1;
            let cause = &cause[..cause.floor_char_boundary(CAUSE_BYTES_MAX)];
            state.crashes.push_front(Crash {
                id: state.crashes_total,
                at: Instant::now(),
                branch,
                actor: actor.to_owned(),
                cause: cause.to_owned(),
                position,
                resumed_from: None,
                replayed: None,
                took: None,
                outcome: CrashOutcome::Recovering,
            });
            state.crashes.truncate(CRASHES_MAX);
        });
    }

    fn of(&self, branch: Branch, change: impl FnOnce(&mut BranchStatus)) {
        self.change(|state| {
            if let Some(status) = state.branches.get_mut(&branch) {
                change(Arc::make_mut(status));
            }
        });
    }

    /// The branch is over: whoever died before gets no new life.
    fn close(&self, branch: Branch) {
        self.change(|state| {
            open(&mut state.crashes, branch).for_each(|crash| crash.outcome = CrashOutcome::Failed);
        });
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.lock());
    }
}

/// The crashes of a branch of which nothing has come yet.
fn open(crashes: &mut VecDeque<Crash>, branch: Branch) -> impl Iterator<Item = &mut Crash> {
    crashes.iter_mut().filter(move |crash| crash.branch == branch && crash.outcome == CrashOutcome::Recovering)
}

impl BranchStatus {
    fn actor(&mut self, name: &str) -> Option<&mut ActorStatus> {
        self.actors.iter_mut().find(|actor| actor.name == name)
    }

    fn all(&mut self, condition: Condition) {
        self.condition = condition;
        for actor in &mut self.actors {
            actor.condition = condition;
        }
    }

    /// A branch whose actors all run does so itself, unless it waits.
    fn settle(&mut self) {
        if self.waiting_for.is_some() {
            self.condition = Condition::Waiting;
        } else if self.actors.iter().all(|actor| actor.condition == Condition::Running) {
            self.condition = Condition::Running;
        } else if self.condition == Condition::Waiting {
            self.condition = Condition::Starting;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BRANCH: Branch = Branch::Partition(3);

    fn board() -> Branches {
        let branches = Branches::default();
        branches.add(BRANCH, 5, ["writer", "aggregator"].into_iter());
        branches.started(BRANCH, 1, 0);
        branches.ready(BRANCH, "writer");
        assert_eq!(branches.condition(BRANCH), Some((Condition::Starting, 1)));
        branches.ready(BRANCH, "aggregator");
        assert_eq!(branches.condition(BRANCH), Some((Condition::Running, 1)));
        branches
    }

    #[test]
    fn a_crash_is_open_until_its_branch_works_again_and_then_has_its_facts() {
        let branches = board();
        branches.died(BRANCH, "aggregator", "panicked: boom", 4, Some(130));
        assert_eq!(branches.condition(BRANCH), Some((Condition::Restarting, 1)));
        let crash = branches.crashes().remove(0);
        assert_eq!((crash.id, crash.actor.as_str(), crash.took), (1, "aggregator", None));
        branches.started(BRANCH, 2, 0);
        branches.ready(BRANCH, "writer");
        branches.ready(BRANCH, "aggregator");
        branches.restarted(BRANCH, Some(100));
        let crash = branches.crashes().remove(0);
        assert_eq!((crash.resumed_from, crash.replayed), (Some(100), Some(30)));
        assert!(crash.took.is_some() && crash.outcome == CrashOutcome::Recovered);
        let (_, status) = branches.statuses().remove(0);
        assert_eq!((status.restarts, status.budget_left, status.epoch), (1, 4, 2));
        assert_eq!(status.actors.iter().map(|actor| actor.restarts).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(status.recovery_seconds.get_sample_count(), 1);
    }

    #[test]
    fn whoever_died_in_a_branch_that_failed_is_not_waited_for() {
        let branches = board();
        branches.died(BRANCH, "aggregator", "panicked: boom", 0, Some(130));
        branches.failed(BRANCH, "too often");
        let outcomes: Vec<_> = branches.crashes().iter().map(|crash| (crash.outcome, crash.took)).collect();
        assert_eq!(outcomes, [(CrashOutcome::Failed, None); 2]);
    }

    #[test]
    fn an_outage_shows_until_it_is_over() {
        let branches = board();
        branches.waits(BRANCH, "the broker is away");
        assert_eq!(branches.condition(BRANCH), Some((Condition::Waiting, 1)));
        branches.waits_no_more(BRANCH);
        assert_eq!(branches.condition(BRANCH), Some((Condition::Running, 1)));
    }

    #[test]
    fn what_is_remembered_is_bounded_and_what_is_not_on_the_board_is_passed_over() {
        let branches = board();
        branches.ready(Branch::Ingest, "producer");
        for _ in 0..1000 {
            branches.died(BRANCH, "aggregator", &"é".repeat(5000), 0, None);
        }
        let crashes = branches.crashes();
        assert_eq!((crashes.len(), crashes[0].id), (CRASHES_MAX, 1000));
        assert!(crashes[0].cause.len() <= CAUSE_BYTES_MAX);
    }
}
