//! The orderly end: asked for from outside, or because the work is done.

use isotherm::failure::{Failure, Kind, Severity};
use isotherm::supervision::{Outcome, Spawn};

use super::toys::{Act, At, Setup, away, damaged};
use super::{INLINE, MS, SECOND, in_both, paused, threads};

const DRAINS: [&str; 6] = ["a1 drains", "b1 drains", "c1 drains", "a1 dropped", "b1 dropped", "c1 dropped"];

#[test]
fn children_drain_in_reverse_one_after_the_other() {
    in_both(async |spawn| {
        let branch = Setup::new(spawn).ready().await;
        let log = branch.log.clone();
        assert_eq!(branch.stopped().await, [""; 0]);
        let drained = log.only(&DRAINS);
        assert_eq!(drained, ["c1 drains", "c1 dropped", "b1 drains", "b1 dropped", "a1 drains", "a1 dropped"]);
        assert_eq!(log.count("died") + log.count("laggard"), 0);
    });
}

#[test]
fn whoever_finishes_ends_the_branch_well_and_the_others_drain() {
    in_both(async |spawn| {
        let branch = Setup::new(spawn).ready().await;
        branch.tell("b", Act::Finish);
        let log = branch.log.clone();
        assert!(matches!(branch.outcome().await, Outcome::Finished));
        let drained = log.only(&DRAINS);
        assert_eq!(drained, ["b1 dropped", "c1 drains", "c1 dropped", "a1 drains", "a1 dropped"]);
    });
}

#[test]
fn a_laggard_is_named_after_the_deadline_and_the_branch_ends() {
    threads(async {
        let hangs = |name, _| (name == "b").then_some((At::Drain, Act::Hang));
        let branch = Setup::new(Spawn::Threads).plan(hangs).policy(|policy| policy.shutdown = 300 * MS).ready().await;
        let log = branch.log.clone();
        assert_eq!(branch.stopped().await, ["b"]);
        let told = log.only(&["c1 drains", "b1 drains", "b1 hangs", "laggard"]);
        assert_eq!(told[..3], ["c1 drains", "b1 drains", "b1 hangs"]);
        assert!(told[3].starts_with("laggard b: "), "{told:?}");
        // It was let go; its thread ends.
        log.until("a1 dropped").await;
        assert_eq!(log.count("a1 drains"), 0);
    });
}

#[test]
fn a_child_that_dies_instead_of_draining_holds_up_nobody_and_is_told() {
    in_both(async |spawn| {
        for (act, cause) in [(Act::Panic, "panicked: b1 panics in Drain ("), (Act::Crash, "b1 saw its worker die")] {
            let planned = move |name, _| (name == "b").then(|| (At::Drain, act.clone()));
            let branch = Setup::new(spawn).plan(planned).ready().await;
            let log = branch.log.clone();
            branch.stop();
            let failure = branch.failure().await;
            assert_eq!(failure.kind, Kind::Internal);
            assert!(failure.what.starts_with(&format!("toys: b died while it drained: {cause}")), "{failure}");
            assert_eq!(log.only(&["a1 drains", "died", "laggard"]), ["a1 drains"]);
        }
    });
}

#[test]
fn a_failure_while_draining_is_the_branchs() {
    in_both(async |spawn| {
        for failure in [damaged(), away()] {
            let planned = failure.clone();
            let planned = move |name, _| (name == "b").then(|| (At::Drain, Act::Fail(planned.clone())));
            let branch = Setup::new(spawn).plan(planned).ready().await;
            branch.stop();
            assert_eq!(branch.failure().await, failure);
        }
    });
}

/// Its last commit was refused for that of another process: nothing is left to be done.
#[test]
fn a_branch_that_is_superseded_while_it_drains_has_stopped() {
    let superseded = Failure { severity: Severity::Superseded, ..Failure::fatal(Kind::TryAgain, "another committed") };
    in_both(async |spawn| {
        let failure = superseded.clone();
        let planned = move |name, _| (name == "b").then(|| (At::Drain, Act::Fail(failure.clone())));
        let branch = Setup::new(spawn).plan(planned).ready().await;
        let log = branch.log.clone();
        assert_eq!(branch.stopped().await, [""; 0]);
        assert_eq!((log.count("superseded b: another committed"), log.count("failed")), (1, 0));
    });
}

#[test]
fn a_branch_that_did_not_drain_is_not_finished() {
    // All do their part again after a crash and after an outage in a drain.
    in_both(async |spawn| {
        let planned = |name, epoch| match (name, epoch) {
            ("c", _) => Some((At::Started, Act::Finish)),
            ("b", 1) => Some((At::Drain, Act::Panic)),
            ("b", 2) => Some((At::Drain, Act::Fail(away()))),
            _ => None,
        };
        let branch = Setup::new(spawn).plan(planned).run();
        let log = branch.log.clone();
        assert!(matches!(branch.outcome().await, Outcome::Finished));
        assert_eq!(log.only(&["a1 drains", "a2 drains", "a3 drains"]), ["a1 drains", "a2 drains", "a3 drains"]);
        assert_eq!((log.count("died b: panicked: b1 panics in Drain"), log.count("outage began")), (1, 1));
    });
}

#[test]
fn a_branch_that_hangs_in_its_last_drain_is_not_finished() {
    threads(async {
        let planned = |name, epoch| match (name, epoch) {
            ("c", _) => Some((At::Started, Act::Finish)),
            ("b", 1) => Some((At::Drain, Act::Hang)),
            _ => None,
        };
        let branch = Setup::new(Spawn::Threads).plan(planned).policy(|policy| policy.shutdown = 300 * MS).run();
        let log = branch.log.clone();
        assert!(matches!(branch.outcome().await, Outcome::Finished));
        let told = log.only(&["laggard b", "died b: hung: did not finish within 300ms", "b2 drains", "a2 drains"]);
        assert_eq!((told.len(), &told[2..]), (4, &["b2 drains".to_owned(), "a2 drains".to_owned()][..]), "{told:?}");
    });
}

#[test]
fn a_stop_in_a_wait_ends_at_once() {
    paused(async {
        let setup = Setup::new(INLINE).policy(|policy| {
            (policy.backoff_min, policy.backoff_max) = (3600 * SECOND, 3600 * SECOND);
        });
        let branch = setup.ready().await;
        branch.tell("b", Act::Panic);
        branch.log.until("died b").await;
        let asked_at = tokio::time::Instant::now();
        assert_eq!(branch.stopped().await, [""; 0]);
        assert!(asked_at.elapsed() <= MS, "{:?}", asked_at.elapsed());
    });
}

#[test]
fn a_stop_before_the_start_starts_nothing() {
    in_both(async |spawn| {
        let branch = Setup::new(spawn).run();
        let log = branch.log.clone();
        assert_eq!(branch.stopped().await, [""; 0]);
        assert_eq!(log.lines(), [""; 0]);
    });
}
