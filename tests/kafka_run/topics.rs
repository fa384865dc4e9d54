//! What happens to a topic between and under runs: deleted and made again, given more partitions; and two programs that
//! count it into one folder.

use super::Fixture;
use super::broker::Broker;
use super::program::{results, wait_for};
use super::watched::Watched;

/// What is in the topic that takes the place of the one that was read and written for 1,000 days, by the days and the seed
/// of its source: it ends before our offsets or after them, and its records are the same as ours or others.
const NEW_TOPICS: [(&str, u32, u32); 5] = [
    ("nothing", 0, 1),
    ("the same, shorter", 500, 1),
    ("others, shorter", 500, 9),
    ("the same, longer", 3000, 1),
    ("others, longer", 3000, 9),
];

pub fn with_results(broker: &Broker) -> Fixture {
    let fixture = Fixture::new(broker);
    fixture.program().run_well(&["run"]);
    fixture
}

/// Another topic is in the place of the fixture's from now on, filled from another state folder.
fn replace_topic(fixture: &Fixture, days: u32, seed: u32) {
    fixture.recreate_topic();
    if days > 0 {
        let filler = fixture.beside();
        let program = filler.program();
        program
            .set(format!("source.simulate.seed={seed}"))
            .set(format!("source.simulate.days={days}"))
            .run_well(&["produce"]);
    }
}

/// Each new topic, and whether the program sleeps while the topic is replaced.
fn under_running() -> impl Iterator<Item = ((&'static str, u32, u32), bool)> {
    NEW_TOPICS.into_iter().flat_map(|new| [(new, false), (new, true)])
}

/// The same under a running program, which ends by itself; and once more under one that sleeps meanwhile, as on a machine
/// that is suspended: that one never sees the topic gone, only that there is one again, where it can go on in silence.
fn replace_topic_under(running: Watched, fixture: &Fixture, days: u32, seed: u32, asleep: bool) -> String {
    if asleep {
        running.signal(libc::SIGSTOP);
    }
    replace_topic(fixture, days, seed);
    if asleep {
        running.signal(libc::SIGCONT);
    }
    running.end(65)
}

#[test]
fn a_topic_that_is_made_again_between_two_runs_is_neither_counted_nor_written() {
    let Some(broker) = Broker::shared() else { return };
    let fixture = with_results(broker);
    let before = results(fixture.folder.path());
    for (case, days, seed) in NEW_TOPICS {
        replace_topic(&fixture, days, seed);
        let ends = fixture.ends();
        for (verb, advice) in [(&["consume", "--until-caught-up"][..], "rebuild"), (&["produce"], "recreate")] {
            let said = fixture.program().set("source.simulate.days=4000").run_failing(verb, 65);
            assert!(said.contains(advice), "{case}: {said}");
        }
        fixture.program().run_failing(&["audit"], 65);
        assert!(results(fixture.folder.path()) == before, "{case}: nothing was written");
        assert_eq!(fixture.ends(), ends, "{case}: nothing was sent");
    }
    // The way out that the message names.
    fixture.program().set("log.on_start=recreate").run_well(&["run"]);
    assert_eq!(fixture.counted(), 10_000);
    fixture.assert_undisturbed("recreated");
}

#[test]
fn a_topic_that_is_made_again_under_the_running_consumer_is_not_counted() {
    let Some(broker) = Broker::shared() else { return };
    let program = |fixture: &Fixture| fixture.program().set("supervision.on_branch_failure=exit");
    for ((case, days, seed), asleep) in under_running() {
        eprintln!("{case}, asleep: {asleep}");
        let fixture = Fixture::new(broker);
        fixture.program().run_well(&["produce"]);
        let ends = fixture.ends();
        let mut running = Watched::start(&program(&fixture), &["consume"]);
        running.wait_for("all is counted", |_| fixture.offsets() == ends);
        let before = results(fixture.folder.path());
        let told = replace_topic_under(running, &fixture, days, seed, asleep);
        assert!(results(fixture.folder.path()) == before, "{case}: nothing was written: {told}");
        let said = program(&fixture).run_failing(&["consume", "--until-caught-up"], 65);
        assert!(said.contains("rebuild"), "{case}: {said}");
        assert!(results(fixture.folder.path()) == before, "{case}: nothing was written");
    }
}

#[test]
fn a_topic_that_is_made_again_under_the_running_producer_is_noticed() {
    let Some(broker) = Broker::shared() else { return };
    for ((case, days, seed), asleep) in under_running() {
        eprintln!("{case}, asleep: {asleep}");
        let fixture = Fixture::new(broker);
        let program = fixture
            .program()
            .set("source.simulate.days=0")
            .set("source.simulate.pace_ms=5")
            // A day may be in flight.
            .set("produce.batch_records=10")
            .set("produce.in_flight_max=1")
            .set("supervision.on_branch_failure=exit");
        let mut running = Watched::start(&program, &["produce"]);
        let cursor = fixture.folder.path().join("source.json");
        running.wait_for("a cursor", |_| cursor.exists());
        let log_id = fixture.log().log_id().expect("it is answered").expect("there is one");
        replace_topic_under(running, &fixture, days, seed, asleep);
        let sent: u64 = fixture.ends().values().sum();
        assert!(sent <= u64::from(days * 10 + 10), "{case}: more than the day that was in flight: {sent} records");
        let stored = std::fs::read_to_string(&cursor).expect("it is there");
        assert!(stored.contains(&log_id), "{case}: the cursor is still of the old topic: {stored}");
        let ends = fixture.ends();
        program.run_failing(&["produce"], 65);
        assert_eq!(fixture.ends(), ends, "{case}: nothing was sent");
    }
}

#[test]
fn added_partitions_are_refused_on_both_sides() {
    let Some(broker) = Broker::shared() else { return };
    let fixture = Fixture::new(broker);
    let endless = fixture.program().set("source.simulate.days=0").set("source.simulate.pace_ms=5");
    let mut running = Watched::start(&endless, &["run"]);
    running.wait_for("a file of each partition", |_| fixture.offsets().len() == 4);
    fixture.elsewhere().grow(6);
    running.wait_for("six partitions", |_| {
        fixture.log().topic().expect("it is answered").is_some_and(|topic| topic.partitions == 6)
    });
    // Who runs has begun with four and goes on with these: no station moves.
    let grown = fixture.offsets();
    running
        .wait_for("further commits", |_| fixture.offsets().iter().all(|(number, offset)| *offset > grown[number] + 10));
    running.signal(libc::SIGTERM);
    running.end(0);
    let before = results(fixture.folder.path());
    for verb in [&["consume", "--until-caught-up"][..], &["produce"]] {
        let said = endless.run_failing(verb, 78);
        assert!(said.contains("6 partitions") && said.contains("log.partitions is 4"), "{said}");
    }
    assert!(results(fixture.folder.path()) == before, "nothing was written");
    fixture.program().run_well(&["audit"]);
}

#[test]
fn two_processes_on_one_state_folder_and_the_second_is_told_who_has_it() {
    let Some(broker) = Broker::shared() else { return };
    let fixture = with_results(broker);
    let running = fixture.program().start(&["consume"]);
    let lock = fixture.folder.path().join("partition-3.lock");
    let pid = running.pid().to_string();
    wait_for("the lock", || std::fs::read_to_string(&lock).is_ok_and(|text| text.contains(&pid)));
    let said = fixture.program().run_failing(&["consume", "3"], 75);
    assert!(said.contains(&pid), "{said}");
    running.signal(libc::SIGTERM);
    assert!(running.output().status.success(), "SIGTERM drains");
}
