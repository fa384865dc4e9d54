//! Failures that an actor or a factory told of: Fatal ends the branch, Retryable is waited out.

use std::time::Duration;

use isotherm::failure::{Failure, Kind, Severity};

use super::toys::{Act, At, Setup, away, damaged};
use super::{INLINE, MS, SECOND, in_both, paused};

#[test]
fn a_fatal_failure_ends_the_branch_and_all_of_its_children() {
    in_both(async |spawn| {
        let branch = Setup::new(spawn).ready().await;
        branch.tell("b", Act::Fail(damaged()));
        let log = branch.log.clone();
        assert_eq!(branch.failure().await, damaged());
        for name in ["a", "b", "c"] {
            assert_eq!(log.count(&format!("{name}1 dropped")), 1);
        }
        assert_eq!(log.only(&["died", "restarted", "failed", "a1 drains"]), ["failed: a damaged file"]);
    });
}

#[test]
fn a_factory_may_fail_for_good() {
    in_both(async |spawn| {
        let branch = Setup::new(spawn).plan(|name, _| (name == "c").then(|| (At::Factory, Act::Fail(damaged())))).run();
        let log = branch.log.clone();
        assert_eq!(branch.failure().await, damaged());
        assert_eq!(log.count("a2") + log.count("died"), 0);
    });
}

/// Ten tries against a budget of one: from a factory, and from an actor.
#[test]
fn an_outage_is_said_once_and_costs_no_budget() {
    for at in [At::Factory, At::Started] {
        in_both(async |spawn| {
            let planned = move |name, epoch| (name == "b" && epoch <= 10).then(|| (at, Act::Fail(away())));
            let branch = Setup::new(spawn).plan(planned).policy(|policy| policy.restarts_max = 1).run();
            branch.log.until("c11 ready").await;
            branch.outage.works();
            let told = branch.log.only(&["outage", "died", "restarted", "failed"]);
            assert_eq!(told.len(), 2, "{told:?}");
            assert!(told[0] == "outage began: no broker" && told[1].starts_with("outage ended: "), "{told:?}");
            branch.tell("b", Act::Panic);
            branch.log.until("restarted").await;
            assert_eq!(branch.stopped().await, [""; 0]);
        });
    }
}

/// Each life ends with it, and the next one begins from what the other process has committed.
#[test]
fn lives_that_are_superseded_cost_no_budget() {
    let superseded =
        Failure { severity: Severity::Superseded, ..Failure::fatal(Kind::TryAgain, "another one committed") };
    in_both(async |spawn| {
        let failure = superseded.clone();
        let planned = move |name, epoch| (name == "b" && epoch <= 5).then(|| (At::Started, Act::Fail(failure.clone())));
        let branch = Setup::new(spawn).plan(planned).policy(|policy| policy.restarts_max = 1).run();
        branch.log.until("c6 ready").await;
        assert_eq!(branch.log.only(&["died", "failed"]), [""; 0]);
        assert_eq!(branch.log.count("superseded b: another one committed"), 5);
        assert_eq!(branch.stopped().await, [""; 0]);
    });
}

#[test]
fn a_spent_budget_names_the_child_the_cause_and_the_restarts() {
    in_both(async |spawn| {
        let branch = Setup::new(spawn).plan(|name, _| (name == "b").then_some((At::Started, Act::Panic))).run();
        let log = branch.log.clone();
        let failure = branch.failure().await;
        assert_eq!(failure.kind, Kind::Internal);
        let told = "toys: b died after 3 restarts within 30s; panicked: b4 panics in Started (";
        assert!(failure.what.starts_with(told), "{failure}");
        assert_eq!((log.count("died b"), log.count("restarted"), log.count("failed: toys: b died")), (3, 0, 1));
        assert_eq!(log.count("b"), 8, "four lives, each started and dropped: {:#?}", log.lines());
    });
}

fn milliseconds(died: &str) -> f64 {
    let wait = died.rsplit("; ").next().expect("a wait");
    wait.strip_suffix("ms").expect("milliseconds").parse().expect("a number")
}

#[test]
fn waits_double_and_are_kept_to() {
    paused(async {
        let setup = Setup::new(INLINE).policy(|policy| policy.restarts_max = 6);
        let start = tokio::time::Instant::now();
        let branch = setup.plan(|name, _| (name == "b").then_some((At::Factory, Act::Panic))).run();
        let log = branch.log.clone();
        branch.failure().await;
        let waits: Vec<_> = log.only(&["died"]).iter().map(|line| milliseconds(line)).collect();
        assert_eq!(waits.len(), 6);
        for (wait, whole) in waits.iter().zip([20.0, 40.0, 80.0, 100.0, 100.0, 100.0]) {
            assert!(whole / 2.0 <= *wait && *wait <= whole, "{waits:?}");
        }
        let (took, sum) = (start.elapsed(), Duration::from_secs_f64(waits.iter().sum::<f64>() / 1000.0));
        // Timers have a resolution of a millisecond.
        assert!(sum <= took && took <= sum + 6 * MS, "{took:?} for {waits:?}");
    });
}

#[test]
fn after_healthy_time_budget_and_waits_are_as_new() {
    paused(async {
        let setup = Setup::new(INLINE).policy(|policy| policy.window = 3600 * SECOND);
        let branch = setup.ready().await;
        for round in 0..3 {
            for restart in 1..=3 {
                branch.tell("b", Act::Panic);
                branch.log.until_count("restarted", 3 * round + restart).await;
            }
            tokio::time::sleep(121 * SECOND).await;
        }
        let waits: Vec<_> = branch.log.only(&["died"]).iter().map(|line| milliseconds(line)).collect();
        assert!(waits[3] <= 20.0 && waits[6] <= 20.0 && waits[5] >= 40.0, "{waits:?}");
        assert_eq!(branch.stopped().await, [""; 0]);
    });
}

/// What a supervisor's own panic is told as.
const PANICKED: &str = "toys: its supervisor panicked: the listener panics (tests/supervision/toys.rs:";

#[test]
fn a_panic_of_the_supervisor_is_told_like_any_failure_and_ends_all_children() {
    in_both(async |spawn| {
        let setup = Setup { listener_panics_at: &["died"], ..Setup::new(spawn) };
        let branch = setup.ready().await;
        branch.tell("b", Act::Panic);
        let log = branch.log.clone();
        let failure = branch.failure().await;
        assert!(failure.kind == Kind::Internal && failure.what.starts_with(PANICKED), "{failure}");
        assert_eq!(log.only(&["failed"]), [format!("failed: {failure}")]);
        for name in ["a", "b", "c"] {
            log.until(&format!("{name}1 dropped")).await;
        }
        assert_eq!(log.count("a2"), 0);
    });
}

#[test]
fn a_listener_that_panics_at_every_failure_keeps_no_branch_from_failing() {
    in_both(async |spawn| {
        let setup = Setup { listener_panics_at: &["died", "failed"], ..Setup::new(spawn) };
        let branch = setup.ready().await;
        branch.tell("b", Act::Panic);
        let log = branch.log.clone();
        let failure = branch.failure().await;
        assert!(failure.what.starts_with(PANICKED), "{failure}");
        assert!(failure.what.contains("; telling it panicked: the listener panics ("), "{failure}");
        for name in ["a", "b", "c"] {
            log.until(&format!("{name}1 dropped")).await;
        }
    });
}
