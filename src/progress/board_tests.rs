use super::*;

const BRANCH: Branch = Branch::Partition(3);

fn condition(branches: &Branches) -> (Condition, u64) {
    let status = branches.status(BRANCH).expect("it is on the board");
    (status.condition, status.epoch)
}

fn board() -> Branches {
    let branches = Branches::default();
    branches.add(BRANCH, 5, ["writer", "aggregator"].into_iter());
    branches.started(BRANCH, 1);
    branches.ready(BRANCH, "writer");
    assert_eq!(condition(&branches), (Condition::Starting, 1));
    branches.ready(BRANCH, "aggregator");
    assert_eq!(condition(&branches), (Condition::Running, 1));
    branches
}

#[test]
fn a_crash_is_open_until_its_branch_works_again_and_then_has_its_facts() {
    let branches = board();
    branches.died(BRANCH, "aggregator", "panicked: boom", 4, Some(130));
    assert_eq!(condition(&branches), (Condition::Restarting, 1));
    let crash = branches.crashes().remove(0);
    assert_eq!((crash.id, crash.actor.as_str(), crash.took), (1, "aggregator", None));
    branches.started(BRANCH, 2);
    branches.ready(BRANCH, "writer");
    branches.ready(BRANCH, "aggregator");
    branches.restarted(BRANCH, Some(100));
    let crash = branches.crashes().remove(0);
    assert_eq!((crash.resumed_from, crash.replayed), (Some(100), Some(30)));
    assert!(crash.took.is_some() && crash.outcome == CrashOutcome::Recovered);
    let (_, status) = branches.statuses().remove(0);
    assert_eq!((status.restarts, status.budget_left, status.epoch), (1, 4, 2));
    assert_eq!(status.actors.iter().map(|actor| actor.restarts).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(status.recovery_seconds.count(), 1);
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
    assert_eq!(condition(&branches), (Condition::Waiting, 1));
    branches.waits_no_more(BRANCH);
    assert_eq!(condition(&branches), (Condition::Running, 1));
}

/// Also while a branch does not come to work, and twice between two times at which it did.
#[test]
fn each_crash_is_counted_when_it_happens() {
    let branches = board();
    for crash in 1..=2 {
        branches.died(BRANCH, "writer", "panicked: boom", 5 - crash, None);
        branches.started(BRANCH, 1 + crash as u64);
        branches.ready(BRANCH, "writer");
        let status = branches.status(BRANCH).expect("it is on the board");
        assert_eq!((status.restarts, status.actors[0].restarts), (crash as u64, crash as u64));
        assert_eq!(status.recovery_seconds.count(), 0);
    }
    branches.ready(BRANCH, "aggregator");
    branches.restarted(BRANCH, None);
    let status = branches.status(BRANCH).expect("it is on the board");
    assert_eq!((status.restarts, status.recovery_seconds.count()), (2, 2));
    assert_eq!((branches.restarts(|_| true), branches.restarts(|branch| branch == Branch::Ingest)), (2, 0));
}

#[test]
fn an_end_is_an_end_whatever_is_told_after_it() {
    type Tell = fn(&Branches);
    let ends: [(Condition, Tell); 3] = [
        (Condition::Finished, |branches| branches.ended(BRANCH, Condition::Finished)),
        (Condition::Stopped, |branches| branches.ended(BRANCH, Condition::Stopped)),
        (Condition::Failed, |branches| branches.failed(BRANCH, "too often")),
    ];
    let later: [Tell; 9] = [
        |branches| branches.waits(BRANCH, "the broker is away"),
        |branches| branches.waits_no_more(BRANCH),
        |branches| branches.died(BRANCH, "writer", "panicked: boom", 4, None),
        |branches| branches.started(BRANCH, 2),
        |branches| branches.ready(BRANCH, "writer"),
        |branches| branches.pulse(BRANCH, "writer", Duration::ZERO, 4),
        |branches| branches.restarted(BRANCH, None),
        |branches| branches.ended(BRANCH, Condition::Finished),
        |branches| branches.failed(BRANCH, "later"),
    ];
    for (end, tell) in ends {
        let branches = board();
        branches.waits(BRANCH, "the disk is full");
        tell(&branches);
        let told = |branches: &Branches| format!("{:?} {:?}", branches.statuses(), branches.crashes());
        let ended = told(&branches);
        later.iter().for_each(|tell| tell(&branches));
        assert_eq!((condition(&branches), told(&branches)), ((end, 1), ended));
    }
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
