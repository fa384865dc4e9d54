//! `debug`, `audit` and `rebuild` over a log in a SQLite file.

use isotherm::durable::{Lock, RealDisk};
use isotherm::partition::{partition_path, rejected_path};

use crate::support::{batch, create_topic, scene, write};

#[test]
fn debug_prints_every_partition_from_the_beginning() {
    let scene = scene();
    let log = scene.log();
    create_topic(log.as_ref());
    write(log.as_ref(), 2, &batch(&[("StationC", "2008-12-17", 35.2621), ("", "", 0.0)]));
    write(log.as_ref(), 0, &batch(&[("StationB", "2008-12-18", 35.0)]));
    let run = scene.isotherm(&["debug", "--from-beginning", "--limit", "3"]);
    run.ends_with(0);
    let mut lines: Vec<&str> = run.stdout.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines[0], "{'station_id': 'StationB', 'date': '2008-12-18', 'degrees': 35.0, 'partition': 0}");
    assert_eq!(lines[1], "{'station_id': 'StationC', 'date': '2008-12-17', 'degrees': 35.2621, 'partition': 2}");
    assert!(lines[2].starts_with("{'undecodable': ") && lines[2].contains("'offset': 1"), "{}", lines[2]);
    let run = scene.isotherm(&["debug", "--from-beginning", "--limit", "1", "--json"]);
    assert!(run.json()["offset"].is_u64());
}

#[test]
fn debug_waits_for_a_topic_and_ends_quietly_at_a_signal() {
    for signal in [libc::SIGINT, libc::SIGTERM] {
        let scene = scene();
        let mut child = scene.start(&["debug"]);
        let (said, printed) = (child.stderr(), child.stdout());
        assert!(said.next().expect("a line").contains("waiting"));
        let log = scene.log();
        create_topic(log.as_ref());
        write(log.as_ref(), 1, &batch(&[("A", "2000-01-01", 1.0)]));
        let line = printed.next().expect("a line");
        assert_eq!(line, "{'station_id': 'A', 'date': '2000-01-01', 'degrees': 1.0, 'partition': 1}");
        child.signal(signal);
        assert_eq!(child.output().status.code(), Some(0));
        assert_eq!((printed.next(), said.next()), (None, None), "nothing else is said");
    }
}

#[test]
fn debug_ends_when_its_output_is_closed_though_nothing_comes() {
    let scene = scene();
    create_topic(scene.log().as_ref());
    let mut child = scene.start(&["debug"]);
    child.close_stdout();
    assert_eq!(child.output().status.code(), Some(0));
}

#[test]
fn audit_has_three_results() {
    let scene = scene();
    let log = scene.log();
    let log_id = create_topic(log.as_ref());
    let readings =
        batch(&[("A", "2000-01-01", 0.5), ("A", "2000-01-02", 1.5), ("A", "2000-01-02", 2.5), ("", "", 0.0)]);
    for partition in [0, 3] {
        write(log.as_ref(), partition, &readings);
        scene.write_partition(partition, &log_id, &readings);
    }
    let run = scene.isotherm(&["audit"]);
    run.ends_with(0);
    let line = "partition 3: verified, 4 records from offset 0 to 4: 2 counted of 1 stations, 2 rejected, 2 lines";
    assert!(run.stdout.contains(line), "{}", run.stdout);
    let repeats = "of rejected records; of the readings of days that were counted already 0 had the same value and 1 another\n  \
        station A, 2000-01-02: 1.5 counted (offset 1), 2.5 ignored (offset 2)\n";
    assert_eq!(run.stdout.matches(repeats).count(), 2, "{}", run.stdout);
    assert_eq!((run.stdout.lines().count(), run.stderr.lines().count()), (4, 1));
    assert!(run.stderr.contains("station A is in the partitions 0 and 3"), "{}", run.stderr);
    let json = scene.isotherm(&["audit", "3", "--json"]).json();
    let repeats = &json["partitions"][0]["repeats"];
    assert_eq!(
        (&repeats["same"], &repeats["other"], &repeats["first"][0]["repeated"]),
        (&0.into(), &1.into(), &2.5.into())
    );

    // A file that counted one record in another way, whole by its own sums.
    scene.write_partition(3, &log_id, &batch(&[("A", "2000-01-01", 0.5), ("A", "2000-01-02", 1.25)]));
    std::fs::remove_file(rejected_path(&scene.state(), 3)).expect("removed");
    let run = scene.isotherm(&["audit"]);
    run.ends_with(1);
    assert!(run.stdout.contains("partition 0: verified"), "{}", run.stdout);
    assert!(run.stdout.contains("station A, sum: file 1.75, replay 2.0"), "{}", run.stdout);
    assert_eq!(scene.isotherm(&["audit", "3", "--json"]).json()["partitions"][0]["result"], "file_wrong");

    // A file that counted more than the log has, and one of another log.
    scene.write_partition(0, "other", &readings);
    scene.write_partition(3, &log_id, &batch(&[("A", "2000-01-01", 0.5); 5]));
    let json = scene.isotherm(&["audit", "--json"]);
    json.ends_with(65);
    for (place, why) in [(0, "was recreated"), (1, "ends at offset 4")] {
        let partition = &json.json()["partitions"][place];
        assert_eq!(partition["result"], "log_incomplete");
        assert!(partition["why"].as_str().is_some_and(|text| text.contains(why)), "{partition}");
    }
    // No file at all.
    scene.isotherm(&["audit", "1"]).ends_with(65);
}

#[test]
fn rebuild_refuses_what_would_lose_readings_and_a_partition_in_use() {
    let scene = scene();
    let log = scene.log();
    create_topic(log.as_ref());
    scene.write_partition(2, "other", &batch(&[("A", "2000-01-01", 0.5)]));
    let path = partition_path(&scene.state(), 2);
    let before = std::fs::read(&path).expect("the file");
    scene.isotherm(&["rebuild", "2"]).fails_in_one_line(65, &["another log", "--accept-loss"]);
    let lock = Lock::partition(&RealDisk, &scene.state(), 2).expect("the lock is free");
    scene.isotherm(&["rebuild", "2", "--accept-loss"]).fails_in_one_line(75, &["partition 2"]);
    drop(lock);
    assert_eq!(std::fs::read(&path).expect("the file"), before, "it is left as it was");
}

#[test]
fn rebuild_counts_anew_and_keeps_the_old_files() {
    let scene = scene();
    let log = scene.log();
    let log_id = create_topic(log.as_ref());
    let readings = batch(&[("A", "2000-01-01", 0.5), ("A", "2000-01-02", 1.5), ("", "", 0.0)]);
    write(log.as_ref(), 2, &readings);
    scene.write_partition(2, &log_id, &readings);
    let path = partition_path(&scene.state(), 2);
    let right = std::fs::read(&path).expect("the file");
    std::fs::write(&path, "damaged").expect("written");
    let run = scene.isotherm(&["rebuild", "2", "--json"]);
    run.ends_with(0);
    assert_eq!(run.json()["partitions"][0]["offset"], 3);
    assert_eq!(std::fs::read(&path).expect("the file"), right);
    let kept = path.with_file_name("partition-2.json.before-rebuild");
    assert_eq!(std::fs::read_to_string(&kept).expect("the old file"), "damaged");
    // The old file is in the way of another rebuild, but not of going on with one.
    scene.isotherm(&["rebuild", "2"]).fails_in_one_line(65, &["before-rebuild"]);
    std::fs::remove_file(&path).expect("removed");
    scene.isotherm(&["rebuild", "2"]).ends_with(0);
    assert_eq!(std::fs::read(&path).expect("the file"), right);
}

#[test]
fn run_counts_what_it_produces_once_and_says_where_it_is() {
    let scene = scene();
    let sets = ["--set", "source.simulate.days=30", "--set", "source.simulate.pace_ms=0"];
    let run = scene.isotherm(&[&["run", "--json"][..], &sets].concat());
    run.ends_with(0);
    let counted = |json: &serde_json::Value| {
        let partitions = json["partitions"].as_array().expect("partitions").iter();
        partitions.map(|one| one["counted"].as_u64().expect("a number")).sum::<u64>()
    };
    assert_eq!(run.json()["readings"], 300);
    assert_eq!(counted(&run.json()), 300);
    assert_eq!(run.json()["failures"], serde_json::json!([]));
    let again = scene.isotherm(&[&["run"][..], &sets].concat());
    again.ends_with(0);
    assert_eq!(again.stdout.lines().next(), Some("0 readings produced"));
    assert!(again.stdout.contains("isotherm-data/state/partition-3.json"), "{}", again.stdout);
    let consume = scene.isotherm(&["consume", "0", "3", "--until-caught-up", "--json"]);
    consume.ends_with(0);
    assert_eq!(consume.json()["partitions"].as_array().map(Vec::len), Some(2));
    scene.isotherm(&["audit"]).ends_with(0);
}

#[test]
fn what_was_passed_over_of_a_source_is_counted_and_named() {
    let scene = scene();
    let file = scene.state().with_file_name("USC00305816.dly");
    std::fs::create_dir_all(scene.state()).expect("the folder is created");
    let weather = include_str!("../data/USC00305816.dly");
    std::fs::write(&file, weather.to_owned() + "no line\n").expect("written");
    let files = format!("source.ghcn_daily.files={}", file.display());
    let element = "source.ghcn_daily.element=TMAX";
    let arguments = ["run", "--set", "source.kind=ghcn_daily", "--set", &files, "--set", element];
    let run = scene.isotherm(&arguments);
    run.ends_with(0);
    let first =
        "2129 readings produced, 1 bad lines passed over, 1 values of failed quality skipped since the first run";
    assert_eq!(run.stdout.lines().next(), Some(first));
    let bad = format!("line={}", weather.lines().count() + 1);
    let named = |line: &str| line.contains("USC00305816.dly") && line.contains(&bad);
    assert!(run.stderr.lines().any(named), "{}", run.stderr);
    let json = scene.isotherm(&[&arguments[..], &["--json"]].concat()).json();
    assert_eq!((&json["readings"], &json["bad_lines"], &json["skipped_quality"]), (&0.into(), &0.into(), &1.into()));
}

#[test]
fn a_source_that_is_not_there_is_told_of_before_anything_is_made() {
    let scene = scene();
    let arguments = ["run", "--set", "source.kind=csv", "--set", "source.csv.files=nowhere/*.csv"];
    scene.isotherm(&arguments).fails_in_one_line(78, &["nowhere/*.csv", "matches no file"]);
    assert!(!scene.state().exists());
}

#[test]
fn a_partition_that_failed_is_told_and_decides_the_exit_code() {
    let scene = scene();
    let log = scene.log();
    create_topic(log.as_ref());
    std::fs::create_dir_all(scene.state()).expect("the folder is created");
    std::fs::write(partition_path(&scene.state(), 2), "damaged").expect("written");
    let run = scene.isotherm(&["consume", "--until-caught-up"]);
    run.ends_with(65);
    let told = run.stderr.lines().find(|line| line.starts_with("isotherm: ")).expect("it is told");
    assert!(told.contains("partition-2.json") && told.contains("isotherm rebuild 2"), "{told}");
    assert_eq!(std::fs::read_to_string(partition_path(&scene.state(), 2)).expect("the file"), "damaged");
}
