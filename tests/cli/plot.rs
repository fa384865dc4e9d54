//! `isotherm plot` over a log in a SQLite file.

use std::fs;

use isotherm::partition::partition_path;

use crate::support::{Scene, batch, create_topic, scene, text, write};

/// A and B in partition 0, C in partition 3, counted.
fn counted() -> Scene {
    let scene = scene();
    let log = scene.log();
    let log_id = create_topic(log.as_ref());
    let readings = batch(&[
        ("A", "2000-01-01", 1.0),
        ("B", "2000-01-01", -5.0),
        ("A", "2000-02-01", 2.0),
        ("A", "2000-02-01", 99.0),
        ("", "", 0.0),
        ("A", "2001-02-01", 3.0),
    ]);
    write(log.as_ref(), 0, &readings);
    scene.write_partition(0, &log_id, &readings);
    let others = batch(&[("C", "2000-01-01", 7.0), ("C", "2000-02-01", 8.0)]);
    write(log.as_ref(), 3, &others);
    scene.write_partition(3, &log_id, &others);
    scene
}

#[test]
fn the_demo_data_are_drawn_as_svg_and_png() {
    let scene = scene();
    let files = format!("source.csv.files={}/data/us-weather-history/*.csv", env!("CARGO_MANIFEST_DIR"));
    let demo = format!("{}/settings/demo.toml", env!("CARGO_MANIFEST_DIR"));
    let settings = ["--settings", &demo, "--set", &files, "--set", "state.dir=state", "--set", "log.sqlite.path=log"];
    let settings = [&settings[..], &["--set", "web.listen="]].concat();
    scene.isotherm(&[&["run"][..], &settings].concat()).ends_with(0);
    let run = scene.isotherm(&[&["plot", "KNYC"][..], &settings].concat());
    run.ends_with(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("KNYC.svg\n", ""));
    let svg = fs::read_to_string(scene.path("KNYC.svg")).expect("it is written");
    assert!(svg.contains("July 2014 to June 2015, 365 readings up to offset 1825 of partition 3"), "{svg}");
    let both = ["plot", "KNYC", "KPHX", "-o", "both.png", "--dark", "--size", "640x360"];
    let run = scene.isotherm(&[&both[..], &settings].concat());
    run.ends_with(0);
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), ("both.png\n", ""));
    let png = fs::read(scene.path("both.png")).expect("it is written");
    assert!(png.starts_with(b"\x89PNG") && png[16..24] == [0, 0, 2, 128, 0, 0, 1, 104], "640 by 360");
    let files: Vec<_> =
        fs::read_dir(scene.path("")).expect("listed").map(|file| file.expect("listed").file_name()).collect();
    assert!(files.iter().all(|name| !name.to_string_lossy().contains(".tmp")), "{files:?}");
}

#[test]
fn only_what_was_counted_is_drawn() {
    let scene = counted();
    scene.isotherm(&["plot", "A"]).ends_with(0);
    let svg = fs::read_to_string(scene.path("A.svg")).expect("it is written");
    assert!(svg.contains("January 2000 to February 2001, 3 readings up to offset 6 of partition 0"), "{svg}");
    // What was appended since the file was committed is not.
    write(scene.log().as_ref(), 0, &batch(&[("A", "2000-03-01", 4.0)]));
    scene.isotherm(&["plot", "A", "-o", "again.svg"]).ends_with(0);
    assert_eq!(fs::read_to_string(scene.path("again.svg")).expect("it is written"), svg);
    scene.isotherm(&["plot", "A", "--kind", "years"]).ends_with(0);
    assert!(fs::read_to_string(scene.path("A.svg")).expect("it is written").contains("year by year"));
    scene.isotherm(&["plot", "C", "A", "A"]).ends_with(0);
    let compared = fs::read_to_string(scene.path("C-A-A.svg")).expect("it is written");
    assert!(compared.contains("Monthly averages of C and A"), "{compared}");
}

#[test]
fn the_largest_picture_takes_bounded_memory() {
    let scene = counted();
    let plot = ["plot", "A", "-o", "large.png", "--size", "4000x4000"];
    scene.isotherm_limited(libc::RLIMIT_DATA, 192 << 20, &plot).ends_with(0);
    let png = fs::read(scene.path("large.png")).expect("it is written");
    assert!(png.starts_with(b"\x89PNG") && png[16..24] == [0, 0, 15, 160, 0, 0, 15, 160], "4000 by 4000");
}

#[test]
fn an_unknown_station_is_named_and_nothing_drawn() {
    let scene = counted();
    scene.isotherm(&["plot", "A", "X", "Y"]).fails_in_one_line(65, &["X, Y"]);
    assert!(!scene.path("A-X-Y.svg").exists());
    fs::write(partition_path(&scene.state(), 3), "damaged").expect("written");
    scene.isotherm(&["plot", "A"]).fails_in_one_line(0, &["partition-3.json"]);
    let run = scene.isotherm(&["plot", "C"]);
    run.ends_with(65);
    assert!(run.stderr.contains("partition-3.json") && run.stderr.contains("station C"), "{}", run.stderr);
}

#[test]
fn a_wrong_ending_and_too_many_stations_are_refused() {
    let scene = counted();
    scene.isotherm(&["plot", "A", "-o", "a.pdf"]).fails_in_one_line(64, &["a.pdf", ".svg", ".png"]);
    scene.isotherm(&["plot", "A", "B", "--kind", "years"]).fails_in_one_line(64, &["one station"]);
    let run = scene.isotherm(&["plot", "A", "--size", "10x10"]);
    run.ends_with(64);
    let elsewhere = text(&scene.path("nowhere/a.svg"));
    scene.isotherm(&["plot", "A", "-o", &elsewhere]).fails_in_one_line(74, &[&elsewhere]);
}

#[test]
fn another_log_and_one_that_lost_readings_are_told() {
    let scene = counted();
    scene.write_partition(0, "other", &batch(&[("A", "2000-01-01", 1.0)]));
    scene.isotherm(&["plot", "A"]).fails_in_one_line(65, &["was recreated", "isotherm audit"]);
    // A file that counted more readings of C than the log has.
    let log_id = scene.log().topic().expect("it answers").expect("there is one").log_id;
    let more = [("C", "2000-01-01", 7.0), ("C", "2000-02-01", 8.0), ("C", "2000-03-01", 9.0)];
    scene.write_partition(3, &log_id, &batch(&more));
    scene.isotherm(&["plot", "C"]).fails_in_one_line(65, &["ends at offset 2"]);
    write(scene.log().as_ref(), 3, &batch(&[("", "", 0.0)]));
    scene.isotherm(&["plot", "C"]).fails_in_one_line(0, &["2 of the 3 readings"]);
    let svg = fs::read_to_string(scene.path("C.svg")).expect("it is written");
    assert!(svg.contains("C: the log has 2 of the 3 readings that were counted"), "{svg}");
}
