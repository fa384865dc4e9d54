//! `isotherm chaos --process` as a person starts it: on the embedded log and on a real Apache Kafka.

#[path = "../support/broker.rs"]
mod broker;
mod ends;
#[path = "../support/program.rs"]
mod program;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use broker::Broker;
use isotherm::proof::process::{Disturbance, PlannedDisturbance};
use isotherm::settings::{Sources, load};
use program::{Program, results, told, wait_for};
use serde_json::Value;

const CHAOS: [&str; 3] = ["chaos", "--process", "--json"];

pub fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&CHAOS[..], more].concat()
}

pub fn json(text: &[u8]) -> Value {
    serde_json::from_slice(text).expect("it is JSON")
}

/// Names of what a folder holds; none if there is no such folder.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).map(|entries| entries.collect::<Vec<_>>()).unwrap_or_default();
    let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("it is listed").file_name().into_string();
    entries.into_iter().map(|entry| name(entry).expect("UTF-8")).collect()
}

/// How often something was planned, fired and survived.
fn counts(report: &Value, what: impl Fn(&str, &str) -> bool) -> [u64; 3] {
    let text = |row: &Value, field: &str| row[field].as_str().expect("a text").to_owned();
    let rows = report["faults"].as_array().expect("a list").iter();
    let rows = rows.filter(|row| what(&text(row, "point"), &text(row, "action")));
    let counts = rows.map(|row| ["planned", "fired", "survived"].map(|of| row[of].as_u64().expect("a count")));
    counts.fold([0; 3], |sum, more| std::array::from_fn(|place| sum[place] + more[place]))
}

#[test]
fn a_process_that_is_disturbed_in_every_way_loses_and_repeats_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let report = json(Program::new(folder.path()).run_well(&with(&["--runs", "24", "--seed", "5"])).as_bytes());
    for signals in ["SIGKILL", "SIGSTOP, SIGCONT", "SIGTERM", "SIGINT twice"] {
        let [planned, fired, survived] = counts(&report, |point, action| (point, action) == ("process", signals));
        assert!(planned > 0 && fired == survived, "{signals}: {report}");
        assert!(fired == planned || signals == "SIGINT twice", "{signals} always comes: {report}");
    }
    let [planned, fired, survived] = counts(&report, |point, _| point != "process");
    assert!(planned > 3 && fired > 0 && fired == survived, "{report}");
    assert_eq!((&report["runs"], &report["starts"], counts(&report, |_, _| true)[0]), (&24.into(), &25.into(), 24));
    assert!(report["records"].as_u64() > Some(1000) && report["partitions_audited"].as_u64() > Some(48), "{report}");
    let time = |of: &str| report["recovery"][of].as_u64().expect("most starts came to a commit");
    assert!(0 < time("min_ms") && time("min_ms") <= time("median_ms") && time("median_ms") <= time("max_ms"));
    assert_eq!(names(folder.path()), [""; 0], "it cleans up");
}

#[test]
fn what_is_there_is_not_touched_whoever_left_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (state, log) = (folder.path().join("state"), folder.path().join("log.sqlite"));
    fs::create_dir_all(state.join("chaos-3")).expect("a folder");
    let files = [log.clone(), state.join("partition-0.json"), state.join("chaos-3/partition-0.json")];
    for file in &files {
        fs::write(file, "somebody's").expect("written");
    }
    let program = Program::new(&state).set(format!("log.sqlite.path={}", log.display()));
    program.run_well(&with(&["--runs", "2", "--seed", "3"]));
    assert!(files.iter().all(|file| fs::read(file).expect("it is there") == b"somebody's"));
    let mut left = names(&state);
    left.sort();
    assert_eq!(left, ["chaos-3", "partition-0.json"]);
}

/// Changes one byte of what was committed, while the program runs.
#[test]
fn a_file_that_is_wrong_is_found_and_kept() {
    // Only kills, so that no process reads the file again before the audit does.
    let killed = |seed, run| PlannedDisturbance::draw(seed, run).disturbance == Disturbance::Kill;
    let seed = (0..).find(|&seed| (1..=4).all(|run| killed(seed, run))).expect("there is one").to_string();
    let folder = tempfile::tempdir().expect("a folder");
    let running = Program::new(folder.path()).start(&with(&["--runs", "50", "--seed", &seed]));
    let scratch = folder.path().join(format!("chaos-{seed}"));
    let state = scratch.join("state");
    let mut rejected = None;
    wait_for("rejected records that were committed", || {
        // Before a file speaks of them, a kill takes the file of rejected records with it.
        let spoken_of = |bytes: &[u8]| json(bytes)["_checkpoint"]["rejected_bytes"].as_u64() > Some(0);
        let files = if state.is_dir() { results(&state) } else { BTreeMap::new() };
        let committed = files.into_iter().find(|(name, bytes)| name.ends_with(".json") && spoken_of(bytes));
        rejected = committed.map(|(name, _)| state.join(name).with_extension("rejected.jsonl"));
        rejected.is_some()
    });
    let rejected = rejected.expect("it was seen");
    let mut file = File::options().write(true).open(&rejected).expect("it is there");
    file.write_all(b"?").expect("written");
    let output = running.output();
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    let violation = &json(&output.stdout)["violation"];
    let text = |field: &str| violation[field].as_str().expect("a text").to_owned();
    assert_eq!(text("invariant"), "I1", "{violation}");
    assert!(text("what").contains(".rejected.jsonl"), "{violation}");
    let run = violation["run"].as_u64().expect("a number");
    assert_eq!(text("repeat"), format!("isotherm chaos --process --runs {run} --seed {seed}"));
    assert_eq!(text("folder"), scratch.to_str().expect("UTF-8"));
    assert_eq!(text("topic"), format!("temperatures-chaos-{seed}"));
    assert_eq!(fs::read(&rejected).expect("it is kept")[0], b'?');
    assert!(!results(&state).is_empty() && scratch.join("log.sqlite").is_file());
}

#[test]
fn a_log_in_memory_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let told = Program::new(folder.path()).set("log.kind=memory").run_failing(&with(&[]), 78);
    assert!(told.contains("log.kind"), "{told}");
}

#[test]
fn on_kafka_it_uses_a_topic_of_its_own_and_deletes_it() {
    let Some(broker) = Broker::shared() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let topic = broker.fresh_topic();
    let sets = ["log.kind=kafka".to_owned(), format!("log.kafka.brokers={}", broker.brokers())];
    let program = sets.iter().fold(Program::new(folder.path()), Program::set);
    let program = program.set(format!("log.topic={topic}"));
    let report = json(program.run_well(&with(&["--runs", "10", "--seed", "1"])).as_bytes());
    let [planned, fired, survived] = counts(&report, |_, _| true);
    assert!(planned == 10 && fired == survived && fired > 5, "{report}");
    for topic in [topic.clone(), format!("{topic}-chaos-1")] {
        let sets = sets.iter().cloned().chain([format!("log.topic={topic}")]).collect();
        let settings = load(&Sources { file: None, sets }, std::iter::empty()).expect("good").settings;
        let log = isotherm::log::open(&settings).expect("it opens");
        assert_eq!(log.topic().expect("it answers"), None, "{topic}");
    }
    assert_eq!(names(folder.path()), [""; 0], "it cleans up");
}
