//! Children that do not answer, or wait too long for something that blocks.

use isotherm::supervision::{Policy, Spawn};

use super::toys::{Act, At, Setup};
use super::{INLINE, MS, SECOND, paused, threads};

/// In paused time, no call comes back.
const HANGS: Spawn = Spawn::Inline { latency: || 3600 * SECOND };

fn impatient(policy: &mut Policy) {
    policy.heartbeat = 400 * MS;
}

#[test]
fn a_hang_takes_the_whole_branch_to_a_new_thread() {
    threads(async {
        let setup = Setup::new(Spawn::Threads);
        let mut branch = setup.policy(impatient).ready().await;
        branch.tell("c", Act::Hang);
        branch.log.until("restarted").await;
        let told = branch.log.only(&["died", "a2 ready", "b2 ready", "c2 ready", "restarted"]);
        // All of the thread's children are silent; the one whose code it is in is named.
        assert!(told[0].starts_with("died c: hung: no sign of life for 400ms; "), "{told:?}");
        assert_eq!(told[1..4], ["a2 ready", "b2 ready", "c2 ready"]);
        assert_eq!(branch.log.count("a1 dropped") + branch.log.count("c1 dropped"), 0, "the old thread still hangs");
        // Let go, the old thread ends; the deaths on it are of an old epoch, and not the new children's.
        branch.let_go();
        for old in ["a1 dropped", "b1 dropped", "c1 dropped"] {
            branch.log.until(old).await;
        }
        branch.tell("a", Act::Panic);
        branch.log.until_count("restarted", 2).await;
        assert_eq!((branch.log.count("died"), branch.log.count("restarted")), (2, 2));
        assert_eq!(branch.stopped().await, [""; 0]);
    });
}

#[test]
fn threads_that_hang_are_bounded() {
    threads(async {
        let hangs = |name, _| (name == "b").then_some((At::Started, Act::Hang));
        let branch = Setup::new(Spawn::Threads).plan(hangs).policy(|policy| {
            impatient(policy);
            // The budget itself is as new before each hang.
            (policy.restarts_max, policy.healthy, policy.window) = (1, MS, MS);
        });
        let failure = branch.run().failure().await;
        assert_eq!(failure.what, "toys: 2 of its threads hang; no further one is started");
    });
}

/// The budget itself is as new before each hang.
#[test]
fn threads_that_calls_keep_are_bounded_and_named() {
    let blocks = async |spawn| {
        let calls = |name, _| (name == "b").then_some((At::Started, Act::Call));
        let branch = Setup::new(spawn).plan(calls).policy(|policy| {
            (policy.restarts_max, policy.healthy, policy.window, policy.heartbeat) = (1, MS, MS, SECOND);
        });
        let branch = branch.run();
        let log = branch.log.clone();
        let failure = branch.failure().await;
        let told = "toys: 2 of its threads hang; no further one is started; a toy call on the thread toys takes ";
        assert!(failure.what.starts_with(told), "{failure}");
        assert!(failure.advice.is_some(), "{failure} has a way out");
        assert_eq!((log.count("died b: hung: a toy call"), log.count("b3")), (2, 0));
    };
    threads(blocks(Spawn::Threads));
    paused(blocks(HANGS));
}

/// An actor that is not dropped yet still has its worker: the call that hangs there counts all the same.
#[test]
fn calls_of_actors_that_are_not_dropped_yet_count() {
    threads(async {
        let hangs = |name, _| match name {
            "b" => Some((At::Started, Act::Call)),
            "c" => Some((At::Drop, Act::Hang)),
            _ => None,
        };
        let branch = Setup::new(Spawn::Threads).plan(hangs).policy(|policy| {
            (policy.restarts_max, policy.healthy, policy.window, policy.heartbeat) = (1, MS, MS, SECOND);
        });
        let branch = branch.run();
        let log = branch.log.clone();
        let failure = branch.failure().await;
        // Two calls, and the thread that c1 keeps from ending; that of c2 has had no heartbeat's time for it yet.
        assert!(failure.what.starts_with("toys: 3 of its threads hang; no further one is started"), "{failure}");
        assert_eq!(log.count("died b: hung: a toy call"), 2);
    });
}

/// Three calls of the old life go on, two more than threads may hang.
#[test]
fn whoever_is_at_a_call_when_another_dies_is_no_hang() {
    let busy = async |spawn| {
        let calls = |_, epoch| (epoch == 1).then_some((At::Started, Act::Call));
        let mut branch = Setup::new(spawn).plan(calls).policy(|policy| policy.restarts_max = 1).ready().await;
        branch.tell("b", Act::Panic);
        branch.log.until("restarted").await;
        branch.let_go();
        assert_eq!(branch.stopped().await, [""; 0]);
    };
    threads(busy(Spawn::Threads));
    paused(busy(Spawn::Inline { latency: || SECOND }));
}

#[test]
fn a_blocking_call_that_takes_too_long_is_a_hang() {
    let blocks = async |spawn| {
        let branch = Setup::new(spawn).policy(impatient).ready().await;
        branch.tell("b", Act::Busy(401 * MS));
        branch.log.until("restarted").await;
        let told = branch.log.only(&["died"]);
        assert!(told[0].starts_with("died b: hung: a toy call on the thread toys takes 401ms so far; "), "{told:?}");
        assert_eq!(told.len(), 1);
        assert_eq!(branch.stopped().await, [""; 0]);
    };
    threads(blocks(Spawn::Threads));
    paused(blocks(INLINE));
}

/// As the settings have it by default, where a hang takes longer to be noticed than half of the window.
fn usual(policy: &mut Policy) {
    (policy.restarts_max, policy.window, policy.healthy) = (5, 30 * SECOND, 120 * SECOND);
    (policy.backoff_min, policy.backoff_max, policy.heartbeat) = (100 * MS, 10 * SECOND, 10 * SECOND);
}

#[test]
fn one_hang_more_than_restarts_ends_the_branch_however_short_the_window() {
    paused(async {
        let hangs = |name, _| (name == "b").then_some((At::Started, Act::Call));
        let branch = Setup::new(HANGS).plan(hangs).policy(usual).run();
        for hang in 1..=5 {
            branch.log.until_count("died b: hung: a toy call on the thread toys takes ", hang).await;
        }
        let failure = branch.failure().await;
        let told =
            "toys: b died after 5 restarts, those of hangs counted until 120s pass without a death; hung: a toy call";
        assert!(failure.what.starts_with(told), "{failure}");
    });
}

#[test]
fn a_hang_is_forgotten_after_healthy_time_and_not_before() {
    paused(async {
        let branch = Setup::new(INLINE).policy(usual).policy(|policy| policy.restarts_max = 1).ready().await;
        for hang in 1..=3 {
            branch.tell("b", Act::Busy(11 * SECOND));
            branch.log.until_count("died b: hung", hang).await;
            branch.log.until(&format!("c{} ready", hang + 1)).await;
            tokio::time::sleep(if hang < 3 { 121 } else { 60 } * SECOND).await;
        }
        branch.tell("b", Act::Busy(11 * SECOND));
        let failure = branch.failure().await;
        assert!(
            failure.what.starts_with("toys: b died after 1 restarts, those of hangs counted until 120s"),
            "{failure}"
        );
    });
}

#[test]
fn whoever_answers_is_left_alone() {
    paused(async {
        let branch = Setup::new(INLINE).policy(impatient).ready().await;
        branch.tell("b", Act::Busy(400 * MS));
        tokio::time::sleep(60 * SECOND).await;
        let answers = branch.log.count("b1 answers");
        assert!((500..=600).contains(&answers), "one every 100 ms: {answers}");
        assert_eq!(branch.log.count("died"), 0);
        assert_eq!(branch.stopped().await, [""; 0]);
    });
}

#[test]
fn whoever_hangs_while_another_is_restarted_takes_the_branch_along() {
    threads(async {
        let setup = Setup::new(Spawn::Threads);
        // In epoch 1, c is told to end because of b, but hangs on its way out.
        let hangs = |name, epoch| (name == "c" && epoch == 1).then_some((At::Drop, Act::Hang));
        let branch = setup.plan(hangs).policy(impatient).ready().await;
        branch.tell("b", Act::Panic);
        branch.log.until("restarted").await;
        let told = branch.log.only(&["died b", "b1 dropped", "c1 hangs", "a2 ready", "b2 ready", "c2 ready"]);
        assert_eq!(told[2..], ["c1 hangs", "a2 ready", "b2 ready", "c2 ready"], "{told:?}");
        assert_eq!(branch.stopped().await, [""; 0]);
    });
}
