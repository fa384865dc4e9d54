//! `isotherm audit --source`: what of the files the log has.

use std::fs;

use isotherm::log::Outgoing;
use serde_json::{Value, json};

use super::support::{Run, Scene, batch, scene};

/// Runs a verb over the files of the scene.
fn isotherm(scene: &Scene, arguments: &[&str]) -> Run {
    let sets = [
        "source.kind=csv",
        "source.csv.files=d/*.csv",
        "source.csv.degrees_column=degrees",
        "log.partitions=1",
        "source.rest_ms=0",
    ];
    scene.isotherm(&arguments.iter().copied().chain(sets.iter().flat_map(|set| ["--set", set])).collect::<Vec<_>>())
}

/// Two stations of three days, one of which the file of A has twice.
fn published() -> Scene {
    let scene = scene();
    fs::create_dir(scene.path("d")).expect("created");
    let days = "date,degrees\n2020-01-01,1\n2020-01-02,2\n2020-01-03,3\n";
    fs::write(scene.path("d/A.csv"), format!("{days}2020-01-03,3\n")).expect("written");
    fs::write(scene.path("d/B.csv"), days).expect("written");
    isotherm(&scene, &["run"]).ends_with(0);
    scene
}

/// Another producer's readings.
fn write(scene: &Scene, readings: &[(&str, &str, f64)]) {
    let batch = batch(readings);
    let records: Vec<_> =
        batch.records().map(|record| Outgoing { partition: 0, key: record.key, value: record.value }).collect();
    scene.log().open_writer("another").expect("a writer").write(&records).expect("written");
}

#[track_caller]
fn finds(scene: &Scene, code: i32, text: &str) -> Value {
    let found = isotherm(scene, &["audit", "--source"]);
    found.ends_with(code);
    assert_eq!(found.stdout, text);
    let found = isotherm(scene, &["audit", "--source", "--json"]);
    found.ends_with(code);
    found.json()
}

#[test]
fn what_the_files_say_is_in_the_log_and_what_others_wrote_is_listed() {
    let scene = published();
    let all = "7 readings of 6 days in 2 files compared with the last of each day in the log";
    finds(&scene, 0, &format!("source: verified, {all}\n"));
    // A correction of theirs that was taken back, a day and a station that no file has.
    write(
        &scene,
        &[("A", "2020-01-01", 9.5), ("A", "2020-01-01", 1.0), ("B", "2020-02-01", 4.0), ("C", "2020-02-01", 5.0)],
    );
    let found = finds(
        &scene,
        0,
        &format!(
            "source: verified, {all}
  2 earlier values, not wrong
    station A, 2020-01-01: 1
    station A, 2020-01-01: 9.5
  1 days that no file has, not wrong
    station B, 2020-02-01
  1 stations that no file has, not wrong
    C
"
        ),
    );
    assert_eq!((&found["result"], &found["source"]["withdrawn"]["total"]), (&json!("verified"), &json!(1)));
}

#[test]
fn what_is_missing_and_what_came_again_is_wrong() {
    let scene = published();
    let again = [("A", "2020-01-02", 2.0), ("A", "2020-01-03", 3.0), ("A", "2020-01-03", 3.0)];
    write(&scene, &[again[0], again[1], again[2], ("B", "2020-01-01", 7.0)]);
    fs::write(scene.path("d/B.csv"), "date,degrees\n2020-01-01,1\n2020-01-02,2.5\n2020-01-09,9\nx,y\n")
        .expect("written");
    let compared =
        "7 readings of 6 days in 2 files compared with the last of each day in the log; 1 lines are no readings";
    let listed = "  1 earlier values, not wrong
    station B, 2020-01-01: 1
  1 days that no file has, not wrong
    station B, 2020-01-03
";
    // Nothing says that the file was not read as it is.
    let unknown = isotherm(&scene, &["audit", "--source", "--set=state.dir=elsewhere"]);
    unknown.ends_with(1);
    assert_eq!(
        unknown.stdout,
        format!(
            "source: LOG WRONG, 1 days are missing, 2 have another value, 3 readings came again, {compared}
  1 missing
    station B, 2020-01-09: d/B.csv says 9
  2 another value
    station B, 2020-01-01: d/B.csv says 1, the log 7
    station B, 2020-01-02: d/B.csv says 2.5, the log 2
  3 came again
    station A, 2020-01-02: 1 times
    station A, 2020-01-03: 2 times
{listed}"
        )
    );
    let found = finds(
        &scene,
        1,
        &format!(
            "source: LOG WRONG, 0 days are missing, 0 have another value, 3 readings came again, {compared}
  3 came again
    station A, 2020-01-02: 1 times
    station A, 2020-01-03: 2 times
  3 not sent yet: run isotherm produce
    station B, 2020-01-09: d/B.csv says 9
    station B, 2020-01-01: d/B.csv says 1
    station B, 2020-01-02: d/B.csv says 2.5
{listed}"
        ),
    );
    assert_eq!((&found["result"], &found["source"]["unsent"]["total"]), (&json!("log_wrong"), &json!(3)));
    assert_eq!(found["source"]["unsent"]["first"][0]["file"], "d/B.csv");
    // The next run sends what is missing; what came again stays.
    isotherm(&scene, &["run"]).ends_with(0);
    let found = isotherm(&scene, &["audit", "--source", "--json"]);
    found.ends_with(1);
    let source = &found.json()["source"];
    let totals = ["missing", "other_values", "unsent", "repeats"].map(|kind| source[kind]["total"].clone());
    assert_eq!(totals, [0, 0, 0, 3].map(Value::from));
}

#[test]
fn what_was_not_read_and_what_is_gone_is_not_verified_and_not_wrong() {
    let scene = published();
    fs::write(scene.path("d/C.csv"), "date,degrees\n2020-01-01,1\n").expect("written");
    let found = isotherm(&scene, &["audit", "--source"]);
    found.ends_with(65);
    assert!(found.stdout.starts_with("source: NOT VERIFIED, 1 days are not sent yet, 8 readings"), "{}", found.stdout);
    assert!(found.stdout.contains("1 not sent yet: run isotherm produce\n    station C, 2020-01-01: d/C.csv says 1"));
    isotherm(&scene, &["run"]).ends_with(0);
    isotherm(&scene, &["audit", "--source"]).ends_with(0);
    // The same days in a file that is taken away: its readings stay in the log.
    let with = ["--set=source.csv.station_column=station", "--set=state.dir=other"];
    for (name, degrees) in [("1", 5), ("2", 5), ("3", 8)] {
        let text = format!("station,date,degrees\nX,2020-01-01,{degrees}\nY,2020-01-0{name},1\n");
        fs::write(scene.path(&format!("d/{name}.csv")), text).expect("written");
    }
    for name in ["A", "B", "C"] {
        fs::remove_file(scene.path(&format!("d/{name}.csv"))).expect("it is there");
    }
    let isotherm = |arguments: &[&'static str]| isotherm(&scene, &[arguments, &with].concat());
    isotherm(&["run"]).ends_with(0);
    isotherm(&["audit", "--source"]).ends_with(0);
    fs::remove_file(scene.path("d/3.csv")).expect("it is there");
    fs::remove_file(scene.path("d/2.csv")).expect("it is there");
    let found = isotherm(&["audit", "--source"]);
    found.ends_with(65);
    assert!(found.stdout.contains("NOT VERIFIED, of 2 readings it cannot be known"), "{}", found.stdout);
    assert!(found.stdout.contains("files are gone whose readings are in the log, as d/2.csv"), "{}", found.stdout);
    // Nothing to compare is nothing verified.
    fs::write(scene.path("d/1.csv"), "station,date,degrees\n").expect("written");
    let found = isotherm(&["audit", "--source"]);
    found.ends_with(65);
    assert!(found.stdout.starts_with("source: NOT VERIFIED, the files have no reading"), "{}", found.stdout);
}

/// A reading counts as given as often as the files have it, by its value.
#[test]
fn of_several_values_of_a_day_each_may_be_there_as_often_as_it_was_given() {
    let scene = scene();
    fs::create_dir(scene.path("d")).expect("created");
    fs::write(scene.path("d/A.csv"), "date,degrees\n2020-01-01,5\n2020-01-01,7\n2020-01-01,7\n").expect("written");
    isotherm(&scene, &["run"]).ends_with(0);
    isotherm(&scene, &["audit", "--source"]).ends_with(0);
    write(&scene, &[("A", "2020-01-01", 7.0)]);
    let found = isotherm(&scene, &["audit", "--source"]);
    found.ends_with(1);
    assert!(found.stdout.contains("1 came again\n    station A, 2020-01-01: 1 times"), "{}", found.stdout);
}

#[test]
fn where_two_files_have_a_day_the_logs_last_may_be_that_of_either() {
    let scene = scene();
    fs::create_dir(scene.path("d")).expect("created");
    let sets = ["--set=source.csv.station_column=station"];
    for (name, degrees) in [("1.csv", 5), ("2.csv", 6)] {
        fs::write(scene.path("d").join(name), format!("station,date,degrees\nA,2020-01-01,{degrees}\n"))
            .expect("written");
    }
    let with = |arguments: &[&'static str]| isotherm(&scene, &[arguments, &sets[..]].concat());
    with(&["run"]).ends_with(0);
    with(&["audit", "--source"]).ends_with(0);
    write(&scene, &[("A", "2020-01-01", 5.0)]);
    with(&["audit", "--source"]).ends_with(0);
    write(&scene, &[("A", "2020-01-01", 7.0)]);
    let found = with(&["audit", "--source"]);
    found.ends_with(1);
    assert!(found.stdout.contains("station A, 2020-01-01: d/2.csv says 6, the log 7"), "{}", found.stdout);
}
