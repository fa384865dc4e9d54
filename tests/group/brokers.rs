//! Three brokers, of which one after the other is killed: the group's coordinator and the leaders of partitions move.

use std::time::Instant;

use crate::fleet::{Fleet, Scene};
use crate::program::wait_for;

#[test]
fn brokers_that_are_killed_one_after_the_other_cost_no_record() {
    let Some(scene) = Scene::on("brokers", 3, 8) else { return };
    scene.create_topic();
    let fleet = Fleet::start(&scene, 3);
    let producer = scene.produce(100, 20);
    // The first is the controller as well, without which no leader moves: with ISOTHERM_CONTROLLER it is killed, too.
    let spared = usize::from(std::env::var_os("ISOTHERM_CONTROLLER").is_none());
    for (index, broker) in scene.brokers.iter().enumerate().skip(spared) {
        wait_for("a commit of each partition", || scene.offsets().len() == scene.partitions as usize);
        let offsets = scene.offsets();
        let begun = Instant::now();
        broker.kill();
        // With the controller among them, leaders stay away until it is back.
        if index > 0 {
            let passed =
                |(partition, offset): (&u32, &u64)| scene.offsets().get(partition).is_some_and(|now| now > offset);
            wait_for("a commit of each partition without that broker", || offsets.iter().all(passed));
            println!("broker {index} killed: each partition was committed again after {:?}", begun.elapsed());
        }
        broker.restart();
        let offsets = scene.offsets();
        let back = Instant::now();
        let passed = |(partition, offset): (&u32, &u64)| scene.offsets().get(partition).is_some_and(|now| now > offset);
        wait_for("a commit of each partition with that broker", || offsets.iter().all(passed));
        println!("broker {index} is back: each partition was committed again after {:?}", back.elapsed());
    }
    producer.signal(libc::SIGTERM);
    assert!(producer.output().status.success());
    fleet.catch_up(&scene);
    fleet.stop();
    scene.assert_like_a_single_process();
}
