//! Processes that are killed, frozen and stopped while readings come.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::fleet::{Fleet, Scene, session_ms};
use crate::program::wait_for;
use crate::served::Served;

const PROCESSES: usize = 3;
/// 20,000 readings a second.
const STATIONS: u32 = 400;
const PACE_MS: u32 = 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Disturbance {
    Killed,
    /// Longer than its session.
    Frozen,
    Stopped,
}

/// So many rounds as ISOTHERM_ROUNDS says.
fn rounds() -> usize {
    std::env::var("ISOTHERM_ROUNDS").map_or(12, |rounds| rounds.parse().expect("a number"))
}

#[test]
fn any_process_may_die_freeze_or_stop_and_the_others_count_on() {
    let Some(scene) = Scene::new("rounds") else { return };
    scene.create_topic();
    let mut fleet = Fleet::start(&scene, PROCESSES);
    let producer = scene.produce(STATIONS, PACE_MS);
    let mut times = BTreeMap::<Disturbance, Vec<Duration>>::new();
    for round in 0..rounds() {
        let disturbance = [Disturbance::Killed, Disturbance::Frozen, Disturbance::Stopped][round % 3];
        let hit = round % PROCESSES;
        fleet.settle();
        wait_for("a commit of each partition", || scene.offsets().len() == scene.partitions as usize);
        let mut of_it = scene.offsets();
        let holders = fleet.holders(None);
        of_it.retain(|partition, _| holders[partition] == [hit]);
        let begun = Instant::now();
        let took = match disturbance {
            Disturbance::Killed => {
                fleet.members[hit].take().expect("it runs").running.kill();
                fleet.taken_over(hit, &of_it, begun)
            }
            Disturbance::Stopped => {
                let running = fleet.members[hit].take().expect("it runs").running;
                running.signal(libc::SIGTERM);
                let took = fleet.taken_over(hit, &of_it, begun);
                let output = running.output();
                assert!(output.status.success(), "{}", crate::program::told(&output));
                took
            }
            Disturbance::Frozen => {
                let running = &fleet.members[hit].as_ref().expect("it runs").running;
                running.signal(libc::SIGSTOP);
                let took = fleet.taken_over(hit, &of_it, begun);
                running.signal(libc::SIGCONT);
                took
            }
        };
        times.entry(disturbance).or_default().push(took);
        if fleet.members[hit].is_none() {
            fleet.members[hit] = Some(Served::start(&scene.member(), &["consume"]));
        }
    }
    producer.signal(libc::SIGTERM);
    assert!(producer.output().status.success());
    fleet.catch_up(&scene);
    fleet.stop();
    scene.assert_like_a_single_process();
    for (disturbance, mut times) in times {
        times.sort_unstable();
        let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
        println!(
            "{disturbance:?}, {} times, with a session of {} ms: counted on elsewhere after {median:?}, {worst:?} at worst",
            times.len(),
            session_ms()
        );
    }
}
