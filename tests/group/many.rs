//! Many partitions and processes.

use std::time::Instant;

use crate::fleet::{Fleet, Scene};
use crate::served::Served;

const PROCESSES: usize = 8;

/// All but one are killed, and come back.
#[test]
fn sixty_four_partitions_of_eight_processes_are_counted_by_the_last_one_and_by_all_again() {
    let Some(scene) = Scene::on("many", 1, 64) else { return };
    scene.create_topic();
    let begun = Instant::now();
    let mut fleet = Fleet::start(&scene, PROCESSES);
    println!("{PROCESSES} processes hold {} partitions after {:?}", scene.partitions, begun.elapsed());
    let producer = scene.produce(1_000, 200);
    let begun = Instant::now();
    for index in 1..PROCESSES {
        fleet.members[index].take().expect("it runs").running.kill();
    }
    let begun_by_last = fleet.members[0].as_ref().map(Fleet::starts).expect("it runs");
    fleet.settle();
    let offsets = scene.offsets();
    fleet.taken_over(PROCESSES, &offsets, Instant::now());
    println!("the last one counts all {:?} after the first was killed", begun.elapsed());
    let member = fleet.members[0].as_ref().expect("it runs");
    let starts = Fleet::starts(member);
    let interrupted = begun_by_last.iter().filter(|(branch, epoch)| starts.get(*branch) != Some(*epoch)).count();
    println!("{interrupted} branches of the last one were started again");
    assert_eq!(interrupted, 0, "{begun_by_last:?}, then {starts:?}");

    let begun = Instant::now();
    for index in 1..PROCESSES {
        fleet.members[index] = Some(Served::start(&scene.member(), &["consume"]));
    }
    fleet.settle();
    let offsets = scene.offsets();
    fleet.taken_over(PROCESSES, &offsets, Instant::now());
    println!("all count again {:?} after the first came back", begun.elapsed());
    producer.signal(libc::SIGTERM);
    assert!(producer.output().status.success());
    fleet.catch_up(&scene);
    fleet.stop();
    scene.assert_like_a_single_process();
}
