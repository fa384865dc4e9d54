//! `isotherm show` on files that were made by hand.

use isotherm::partition::partition_path;

use crate::support::{Scene, batch, isotherm, scene};

/// Two partitions: A and B in the first one, with two rejected records, C in the third.
fn airports() -> Scene {
    let scene = scene();
    let readings = [
        ("B", "2000-01-02", 0.1),
        ("A", "2000-01-01", 1.0),
        ("B", "2000-01-01", 0.2),
        ("B", "2000-01-01", 9.0),
        ("", "", 0.0),
    ];
    scene.write_partition(0, "id", &batch(&readings));
    scene.write_partition(2, "id", &batch(&[("C", "1999-12-31", -40.5)]));
    scene
}

#[test]
fn stations_of_all_partitions_are_a_table() {
    let run = airports().isotherm(&["show"]);
    run.ends_with(0);
    let cells = run.cells();
    assert_eq!(cells[0], ["STATION", "COUNT", "AVERAGE", "START", "END", "SUM", "PARTITION"]);
    assert_eq!(cells[1], ["A", "1", "1.00", "2000-01-01", "2000-01-01", "1", "0"]);
    assert_eq!(cells[2], ["B", "2", "0.15", "2000-01-01", "2000-01-02", "0.3", "0"]);
    assert_eq!(cells[3], ["C", "1", "-40.50", "1999-12-31", "1999-12-31", "-40.5", "2"]);
    assert_eq!(cells[5][..6], ["PARTITION", "OFFSET", "STATIONS", "COUNTED", "REJECTED", "AGE"]);
    assert_eq!(cells[6][..9], ["0", "5", "2", "3", "2", "(undecodable", "1,", "duplicate_day", "1)"]);
    assert!(run.stdout.contains("state/partition-2.json\n"), "{}", run.stdout);
    assert!(run.stdout.contains("rejected records of partition 0: "), "{}", run.stdout);
    assert!(!run.stdout.contains("rejected records of partition 2: "), "{}", run.stdout);
    assert_eq!(run.stderr, "");
}

#[test]
fn json_and_csv_are_exact() {
    let scene = airports();
    let json = scene.isotherm(&["show", "--json"]).json();
    assert_eq!(json["stations"][1]["sum"], 0.1 + 0.2);
    assert_eq!(json["stations"][1]["average"], (0.1 + 0.2) / 2.0);
    assert_eq!(json["partitions"][0]["rejected"]["duplicate_day"], 1);
    assert_eq!(json["partitions"][1]["offset"], 1);
    assert_eq!(json["damaged"], serde_json::json!([]));
    let csv = scene.isotherm(&["show", "C", "B", "--csv"]);
    csv.ends_with(0);
    let expected = "\
station,count,average,start,end,sum,partition
B,2,0.15000000000000002,2000-01-01,2000-01-02,0.30000000000000004,0
C,1,-40.5,1999-12-31,1999-12-31,-40.5,2
";
    assert_eq!(csv.stdout, expected);
}

#[test]
fn an_unknown_station_is_named_and_the_others_shown() {
    let run = airports().isotherm(&["show", "C", "X", "--csv"]);
    run.fails_in_one_line(65, &["X"]);
    assert_eq!(run.stdout.lines().count(), 2);
}

#[test]
fn a_station_in_two_partitions_is_named_and_not_added_up() {
    let scene = airports();
    scene.write_partition(3, "id", &batch(&[("A", "2000-01-01", 1.0)]));
    let run = scene.isotherm(&["show", "A", "--csv"]);
    run.fails_in_one_line(0, &["station A", "0 and 3"]);
    assert_eq!(
        run.stdout.lines().skip(1).collect::<Vec<_>>(),
        ["A,1,1.0,2000-01-01,2000-01-01,1.0,0", "A,1,1.0,2000-01-01,2000-01-01,1.0,3"]
    );
}

#[test]
fn a_damaged_file_is_told_and_the_others_shown() {
    let scene = airports();
    let damaged = partition_path(&scene.state(), 0);
    let text = std::fs::read_to_string(&damaged).expect("the file");
    for content in [text.replace("2000-01-02", "2000-01-03"), String::new(), text[..text.len() / 2].to_owned()] {
        std::fs::write(&damaged, &content).expect("written");
        let run = scene.isotherm(&["show", "--csv"]);
        run.fails_in_one_line(65, &["partition-0.json", "isotherm rebuild 0"]);
        assert_eq!(run.stdout.lines().nth(1), Some("C,1,-40.5,1999-12-31,1999-12-31,-40.5,2"));
        assert_eq!(std::fs::read_to_string(&damaged).expect("the file"), content, "it is left as it was");
    }
    // A whole file under another partition's name.
    std::fs::copy(partition_path(&scene.state(), 2), &damaged).expect("copied");
    scene.isotherm(&["show"]).fails_in_one_line(65, &["partition-0.json holds partition 2"]);
}

#[test]
fn a_folder_without_files_is_told_with_what_to_do() {
    isotherm(&["show"]).fails_in_one_line(65, &["isotherm-data/state", "--settings"]);
}
