//! On one thread under paused time, a seed replays.

use super::toys::{Act, At, Setup, away};
use super::{INLINE, MS, SECOND, paused};

/// Everything that was told in a life full of faults, with the waits and times in it.
fn run(seed: u64) -> Vec<String> {
    paused(async {
        let planned = |name, epoch| match (name, epoch) {
            ("a", 2) => Some((At::Started, Act::PanicLater)),
            ("b", 3) => Some((At::Build, Act::Panic)),
            ("c", 4) => Some((At::Factory, Act::Fail(away()))),
            ("b", 5) => Some((At::Started, Act::Busy(2 * SECOND))),
            _ => None,
        };
        let setup = Setup { seed, ..Setup::new(INLINE).plan(planned) };
        let branch = setup.policy(|policy| (policy.heartbeat, policy.restarts_max) = (100 * MS, 10)).ready().await;
        branch.tell("a", Act::Stop);
        branch.log.until("died b: hung").await;
        let restarts = branch.log.count("restarted");
        branch.log.until_count("restarted", restarts + 1).await;
        let log = branch.log.clone();
        branch.stopped().await;
        log.lines()
    })
}

#[test]
fn the_same_seed_tells_the_same() {
    let told = run(7);
    assert!(told.iter().filter(|line| line.starts_with("died")).count() >= 4, "{told:#?}");
    assert_eq!(told, run(7));
    assert_ne!(told, run(8));
}
