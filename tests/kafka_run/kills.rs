//! `kill -9` at random moments, again and again over one topic and one state folder.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::time::{Duration, Instant};

use rand::RngExt as _;
use serde_json::Value;

use super::Fixture;
use super::broker::Broker;
use super::other_client::python;
use super::program::wait_for;

/// How often a process is killed while it reads from the broker in the quick form; `ISOTHERM_KILLS` says otherwise.
const KILLS: usize = 50;

/// After so many of them all files are audited.
const AUDITED_EACH: usize = 10;

/// What is killed in turn, and whether at any moment, or after something new of it is on disk. What `produce` leaves is
/// what `consume` finds.
const TURN: [(&str, bool); 5] = [("run", true), ("run", false), ("run", true), ("produce", true), ("consume", true)];

const STATIONS: usize = 100;
/// More than the log can have behind the cursor: a group holds 4 MiB.
const BEHIND_DAYS: u64 = 2_000;

/// What `source.json` holds; null where there is none.
fn source(fixture: &Fixture) -> Value {
    let file = std::fs::read(fixture.folder.path().join("source.json"));
    let file: Option<Value> = file.ok().map(|bytes| serde_json::from_slice(&bytes).expect("it is JSON"));
    file.map(|file| file["source"].clone()).unwrap_or_default()
}

/// What a verb brings to disk: the readings that are acknowledged, or the offsets that are counted.
fn progress(verb: &str, fixture: &Fixture) -> u64 {
    match verb {
        "produce" => source(fixture)["readings"].as_u64().unwrap_or(0),
        _ => fixture.offsets().values().sum(),
    }
}

#[test]
fn kill_minus_nine_at_random_moments_loses_and_repeats_nothing() {
    let Some(broker) = Broker::shared() else { return };
    let wanted = std::env::var("ISOTHERM_KILLS").map_or(KILLS, |text| text.parse().expect("a number"));
    // Without an end, so that no kill comes too late.
    let fixture = Fixture::new(broker)
        .set("source.simulate.stations=100")
        .set("source.simulate.days=0")
        .set("source.simulate.pace_ms=5");
    let program = fixture.program();
    let mut random = rand::rng();
    let (mut reading, mut writing, mut anywhere, mut verified) = (0, 0, 0, 0);
    for (verb, at_work) in TURN.into_iter().cycle() {
        if reading == wanted {
            break;
        }
        let before = progress(verb, &fixture);
        let mut running = program.start(&[verb]);
        if at_work {
            // A producer can have got on by finding what an earlier one has sent, which was counted then.
            let nothing_is_left = || verb == "consume" && fixture.offsets() == fixture.ends();
            wait_for("its progress", || {
                progress(verb, &fixture) > before || running.ended().is_some() || nothing_is_left()
            });
        }
        let (begun, moment) = (Instant::now(), Duration::from_millis(random.random_range(0..200)));
        wait_for("the moment", || begun.elapsed() >= moment);
        assert!(running.ended().is_none(), "{verb}, after {reading} kills: it ended by itself");
        running.kill();
        match (verb, at_work && progress(verb, &fixture) > before) {
            (_, false) => anywhere += 1,
            ("produce", true) => writing += 1,
            _ => {
                reading += 1;
                if reading % AUDITED_EACH == 0 {
                    verified += program.run_well(&["audit"]).matches("verified").count();
                }
            }
        }
    }
    let days = source(&fixture)["cursor"]["days"].as_u64().expect("a number") + BEHIND_DAYS;
    let last = program.clone().set(format!("source.simulate.days={days}")).set("source.simulate.pace_ms=0");
    last.run_well(&["run"]);
    verified += program.run_well(&["audit"]).matches("verified").count();
    let stations = fixture.stations();
    assert_eq!(stations.len(), 100);
    assert!(stations.values().all(|station| station["count"] == days), "each of {days} days once");
    fixture.assert_undisturbed("after the kills");
    let records: u64 = fixture.ends().values().sum();
    // Past the test's capture, as the documentation quotes it.
    let line = format!(
        "kill -9: {reading} times while it read, {writing} while it only wrote, {anywhere} at any moment; {records} \
         records in the log, {} counted, each day of each station once; {verified} partitions verified\n",
        100 * days
    );
    std::io::stderr().write_all(line.as_bytes()).expect("it is open");
}

/// How often a producer is killed in the quick form; `ISOTHERM_KILLS` says otherwise.
const PRODUCER_KILLS: usize = 17;

/// Readings that another client reads of a topic, by station, repeats included: as one that sees only what is committed.
fn read_elsewhere(broker: &Broker, fixture: &Fixture) -> Option<BTreeMap<String, u64>> {
    let read = python(&["consume", &broker.brokers(), &fixture.topic])?;
    let count = |line: &str| {
        let mut words = line.split(' ').skip(1);
        Some((words.next()?.to_owned(), words.next()?.parse().ok()?))
    };
    Some(read.lines().map(|line| count(line).expect("a line is `partition station count sum`")).collect())
}

fn assert_each_once(broker: &Broker, fixture: &Fixture, days: u64) {
    let Some(read) = read_elsewhere(broker, fixture) else { return };
    assert_eq!(read.len(), STATIONS);
    assert!(read.values().all(|count| *count == days), "each of {days} days of each station once: {read:?}");
}

#[test]
fn a_killed_producer_leaves_each_reading_once() {
    let Some(broker) = Broker::shared() else { return };
    let wanted = std::env::var("ISOTHERM_KILLS").map_or(PRODUCER_KILLS, |text| text.parse().expect("a number"));
    let fixture = Fixture::new(broker)
        .set(&format!("source.simulate.stations={STATIONS}"))
        .set("source.simulate.days=0")
        .set("produce.transactions=on");
    let mut random = rand::rng();
    for _ in 0..wanted {
        let before = progress("produce", &fixture);
        let mut running = fixture.program().start(&["produce"]);
        wait_for("its progress", || progress("produce", &fixture) > before || running.ended().is_some());
        let (begun, moment) = (Instant::now(), Duration::from_millis(random.random_range(0..200)));
        wait_for("the moment", || begun.elapsed() >= moment);
        assert!(running.ended().is_none(), "it ended by itself");
        running.kill();
    }
    let days = source(&fixture)["cursor"]["days"].as_u64().expect("a number") + BEHIND_DAYS;
    fixture.program().set(format!("source.simulate.days={days}")).run_well(&["produce"]);
    assert_each_once(broker, &fixture, days);
    let line = format!("kill -9: {wanted} times while it wrote; {} readings, each once\n", days * STATIONS as u64);
    std::io::stderr().write_all(line.as_bytes()).expect("it is open");
}

/// A state folder that was copied while its producer was halted, as a machine that is restored elsewhere.
fn copied(fixture: &Fixture) -> Fixture {
    let copy = fixture.beside();
    for entry in std::fs::read_dir(fixture.folder.path()).expect("a folder") {
        let path = entry.expect("it is listed").path();
        let is_lock = path.extension().is_some_and(|extension| extension == "lock");
        if !is_lock {
            std::fs::copy(&path, copy.folder.path().join(path.file_name().expect("a file"))).expect("there is room");
        }
    }
    copy
}

#[test]
fn a_halted_producer_that_wakes_after_its_successor_repeats_nothing() {
    let Some(broker) = Broker::shared() else { return };
    let days = 1_000;
    let fixture = Fixture::new(broker)
        .set(&format!("source.simulate.stations={STATIONS}"))
        .set(&format!("source.simulate.days={days}"))
        .set("source.simulate.pace_ms=1")
        .set("produce.transactions=on");
    let halted = fixture.program().start(&["produce"]);
    wait_for("its progress", || progress("produce", &fixture) > 5_000);
    halted.signal(libc::SIGSTOP);
    copied(&fixture).program().run_well(&["produce"]);
    halted.signal(libc::SIGCONT);
    let output = halted.output();
    let told = super::program::told(&output);
    assert!(output.status.success() && told.contains("another writer of the source"), "{told}");
    assert_each_once(broker, &fixture, days);
}

#[test]
fn two_that_write_with_one_state_are_told() {
    let Some(broker) = Broker::shared() else { return };
    let fixture = Fixture::new(broker)
        .set("source.simulate.days=0")
        .set("source.simulate.pace_ms=5")
        .set("produce.transactions=on");
    let first = fixture.program().start(&["produce"]);
    wait_for("its progress", || progress("produce", &fixture) > 0);
    let copy = copied(&fixture);
    let mut running = [first, copy.program().start(&["produce"])];
    let mut ended = None;
    wait_for("the end of one", || {
        ended = running.iter_mut().position(|running| running.ended().is_some());
        ended.is_some()
    });
    let ended = running.into_iter().nth(ended.expect("it was waited for")).expect("there are two");
    let output = ended.output();
    let (told, id) = (super::program::told(&output), source(&fixture)["id"].as_str().expect("an id").to_owned());
    assert!(!output.status.success() && told.contains(&id), "{told}");
}
