//! `kill -9` at random moments, again and again over one topic and one state folder.

use std::io::Write as _;
use std::time::{Duration, Instant};

use rand::RngExt as _;
use serde_json::Value;

use super::Fixture;
use super::broker::Broker;
use super::program::wait_for;

/// How often a process is killed while it reads from the broker in the quick form; `ISOTHERM_KILLS` says otherwise.
const KILLS: usize = 50;

/// After so many of them all files are audited.
const AUDITED_EACH: usize = 10;

/// What is killed in turn, and whether at any moment, or after something new of it is on disk. What `produce` leaves is
/// what `consume` finds.
const TURN: [(&str, bool); 5] = [("run", true), ("run", false), ("run", true), ("produce", true), ("consume", true)];

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
            wait_for("its progress", || progress(verb, &fixture) > before || running.ended().is_some());
        }
        let (begun, moment) = (Instant::now(), Duration::from_millis(random.random_range(0..200)));
        wait_for("the moment", || begun.elapsed() >= moment);
        assert!(running.ended().is_none(), "{verb}, after {reading} kills: it ended by itself");
        running.kill();
        match (verb, at_work) {
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
    // A paced day is sent once the one before is acknowledged: the log has at most one that the cursor does not know of.
    let days = source(&fixture)["cursor"]["days"].as_u64().expect("a number") + 10;
    program.clone().set(format!("source.simulate.days={days}")).run_well(&["run"]);
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
