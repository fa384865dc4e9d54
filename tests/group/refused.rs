//! What a group cannot be joined with, in words.

use crate::broker::Broker;
use crate::fleet::{Fleet, Scene};
use crate::program::wait_for;
use crate::served::Served;

#[test]
fn a_session_that_the_brokers_do_not_take_is_a_stop_that_names_their_setting() {
    let Some(scene) = Scene::new("session") else { return };
    scene.create_topic();
    // The least that these brokers take is asked for: it works.
    let least = scene.member().set("group.session_ms=1000").set("group.heartbeat_ms=300");
    let member = Served::start(&least, &["consume"]);
    let held = || Fleet::numbers(&member, "isotherm_assigned").values().sum::<u64>();
    wait_for("all partitions", || held() == u64::from(scene.partitions));
    drop(member);
    let Some(untouched) = Broker::start() else { return };
    let member = scene.member().set(format!("log.kafka.brokers={}", untouched.brokers()));
    let producer = scene.alone("elsewhere").set(format!("log.kafka.brokers={}", untouched.brokers()));
    producer.set("source.simulate.days=1").run_well(&["produce"]);
    let told = member.run_failing(&["consume"], 78);
    assert!(told.contains("group.session_ms") && told.contains("group.min.session.timeout.ms"), "{told}");
}

#[test]
fn what_does_not_go_with_a_group_is_refused() {
    let Some(scene) = Scene::new("refused") else { return };
    for (arguments, said) in [
        (&["consume", "2"][..], "the group gives them out"),
        (&["consume", "--until-caught-up"], "end it by a signal"),
        (&["consume", "--accept-gap"], "while no other one runs"),
    ] {
        let told = scene.member().run_failing(arguments, 64);
        assert!(told.contains("consume.assignment is \"group\"") && told.contains(said), "{told}");
    }
    for (set, said) in [
        ("log.kind=sqlite", "only Kafka has groups"),
        ("consume.partitions=[1]", "the group says which"),
        ("supervision.on_branch_failure=exit", "would take each process along"),
        ("group.heartbeat_ms=1500", "a third of the session"),
        ("log.on_start=recreate", "others may be counting"),
    ] {
        let told = scene.member().set(set).run_failing(&["consume"], 78);
        assert!(told.contains(said), "{set}: {told}");
    }
}

#[test]
fn what_a_group_counts_is_neither_counted_beside_it_nor_rebuilt_nor_copied() {
    let Some(scene) = Scene::new("beside") else { return };
    scene.create_topic();
    let fleet = Fleet::start(&scene, 1);
    let fixed = scene.in_store();
    let told = fixed.run_failing(&["consume", "--until-caught-up"], 78);
    assert!(told.contains("is counted by a group of 1 processes") && told.contains("join them"), "{told}");
    let folder = scene.folder.path().join("copied").display().to_string();
    let verbs: [&[&str]; 2] = [&["rebuild", "2"], &["store", "copy", "s3://states/beside", &folder]];
    for verb in verbs {
        let told = fixed.run_failing(verb, 75);
        assert!(told.contains("counted by a group of 1 processes") && told.contains("end them first"), "{told}");
    }
    fleet.stop();
    // Nobody is in the group any more.
    fixed.run_well(&["consume", "--until-caught-up"]);
}
