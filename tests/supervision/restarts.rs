//! Who is restarted, in which order, and with which epoch.

use super::toys::{Act, At, Setup};
use super::{INLINE, MS, SECOND, in_both, paused};

const LIVES: [&str; 9] = [
    "a1 started",
    "b1 started",
    "c1 started",
    "a1 dropped",
    "b1 dropped",
    "c1 dropped",
    "a2 started",
    "b2 started",
    "c2 started",
];

#[test]
fn one_for_all_ends_all_before_it_starts_all() {
    in_both(async |spawn| {
        let branch = Setup::new(spawn).ready().await;
        branch.tell("b", Act::Panic);
        branch.log.until("restarted").await;
        let lives = branch.log.only(&LIVES);
        assert_eq!(lives[..3], LIVES[..3]);
        assert_eq!(lives[3], "b1 dropped");
        assert_eq!(lives[6..], LIVES[6..], "{lives:?}");
        assert_eq!(branch.stopped().await, [""; 0]);
    });
}

#[test]
fn a_child_that_dies_while_all_end_because_of_another_is_no_second_death() {
    paused(async {
        let setup = Setup::new(INLINE).policy(|policy| {
            (policy.backoff_min, policy.backoff_max) = (10 * SECOND, 10 * SECOND);
        });
        let branch = setup.ready().await;
        branch.tell("c", Act::Panic);
        branch.tell("a", Act::Panic);
        branch.log.until("restarted").await;
        assert_eq!(branch.log.only(&LIVES)[6..], LIVES[6..]);
        assert_eq!((branch.log.count("died"), branch.log.count("restarted")), (1, 1));
        assert_eq!(branch.stopped().await, [""; 0]);
    });
}

#[test]
fn it_took_from_the_death_to_the_last_ready() {
    paused(async {
        let setup = Setup::new(INLINE).policy(|policy| {
            (policy.backoff_min, policy.backoff_max) = (100 * MS, 100 * MS);
        });
        let branch = setup.ready().await;
        branch.tell("a", Act::Panic);
        let died_at = tokio::time::Instant::now();
        branch.log.until("restarted").await;
        let told = branch.log.only(&["restarted"]);
        assert!(told[0].ends_with(&format!("; Some(20); {:?}", died_at.elapsed())), "{told:?}");
        assert!(died_at.elapsed() >= 50 * MS);
        assert_eq!(branch.stopped().await, [""; 0]);
    });
}

#[test]
fn a_death_before_all_are_ready_is_told_and_is_no_restart_yet() {
    in_both(async |spawn| {
        let planned = |name, epoch| (name == "c" && epoch <= 2).then_some((At::Started, Act::Panic));
        let branch = Setup::new(spawn).plan(planned).run();
        branch.log.until("restarted").await;
        let deaths = ["died c: panicked: c1 ", "died c: panicked: c2 "].map(|death| branch.log.count(death));
        assert_eq!((deaths, branch.log.count("died"), branch.log.count("restarted")), ([1, 1], 2, 1));
        assert_eq!(branch.stopped().await, [""; 0]);
    });
}

#[test]
fn where_one_dies_before_all_are_ready_it_took_from_the_first_death() {
    paused(async {
        let planned = |name, epoch| (name == "c" && epoch == 2).then_some((At::Started, Act::Panic));
        let branch = Setup::new(INLINE).plan(planned).ready().await;
        branch.tell("a", Act::Panic);
        let died_at = tokio::time::Instant::now();
        branch.log.until("restarted").await;
        let told = branch.log.only(&["restarted"]);
        assert!(told[0].ends_with(&format!("; Some(30); {:?}", died_at.elapsed())), "{told:?}");
        assert_eq!(branch.stopped().await, [""; 0]);
    });
}
